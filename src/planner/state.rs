//! The DataFusion session state: built once for the engine, then dressed for each statement. Only here.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use datafusion::config::ConfigOptions;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::session_state::SessionState;
use datafusion::execution::{FunctionRegistry, SessionStateBuilder};
use datafusion::functions::datetime::now::NowFunc;
use datafusion::prelude::SessionConfig;

use super::rule;
use crate::error::Result;
use crate::history::AsOf;
use crate::ident::DATABASE;
use crate::storage::parquet_table::StatementFiles;

/// The state that all sessions start from.
pub fn base(runtime: Arc<RuntimeEnv>, threads: usize, tables: &regulars_udfs::Tables) -> Result<SessionState> {
    let mut config = SessionConfig::new()
        .with_target_partitions(threads.max(1))
        .with_default_catalog_and_schema(DATABASE, "public")
        // Names mean what our own catalog says; the engine's is never asked.
        .with_create_default_catalog_and_schema(false)
        .with_information_schema(false);
    let options = config.options_mut();
    options.sql_parser.dialect = datafusion::config::Dialect::PostgreSQL;
    options.sql_parser.parse_float_as_decimal = true;
    options.sql_parser.collect_spans = true;
    // Conditions leave out files, row groups and pages; what is left is filtered above the reader. Inside it each
    // condition would compute local time anew, and errors would lose their state on the way out.
    options.execution.parquet.pushdown_filters = false;
    // To the engine `x IS NOT TRUE` is never NULL in one place and may be in another; the check compares the two.
    options.execution.skip_physical_aggregate_schema_check = true;
    // Plans are shown to people as text; the engine's own statistics of a folder are read from footers.
    options.explain.logical_plan_only = false;
    let builder = SessionStateBuilder::new().with_config(config).with_runtime_env(runtime).with_default_features();
    let mut state = rule::interruptible(rule::add(builder).build());
    // An instant, as in PostgreSQL; without a zone the engine takes it for a wall-clock time.
    let mut zoned = ConfigOptions::default();
    zoned.execution.time_zone = Some("UTC".to_owned());
    state.register_udf(Arc::new(NowFunc::new_with_config(&zoned).into()))?;
    for function in regulars_udfs::functions(tables) {
        state.register_udf(function)?;
    }
    Ok(state)
}

/// The state for one statement: its instant (`now()`), its session's zone, the day it asks about (receipts of later
/// business dates do not exist then), the files it sees. The statement is planned and run with one and the same.
pub fn for_statement(
    base: &SessionState,
    now: DateTime<Utc>,
    time_zone: &str,
    as_of: Option<NaiveDate>,
) -> Arc<SessionState> {
    let mut state = base.clone();
    state.execution_props_mut().query_execution_start_time = Some(now);
    let config = state.config_mut();
    config.options_mut().execution.time_zone = Some(time_zone.to_owned());
    config.set_extension(Arc::new(StatementFiles::default()));
    if let Some(as_of) = as_of {
        config.set_extension(Arc::new(AsOf { day: as_of, until: None }));
    }
    Arc::new(state)
}

/// The same statement asked about another day, perhaps with its receipts up to an instant only. It goes on seeing the
/// same files.
pub fn asked_about(state: &SessionState, day: NaiveDate, until: Option<DateTime<Utc>>) -> Arc<SessionState> {
    let mut state = state.clone();
    state.config_mut().set_extension(Arc::new(AsOf { day, until }));
    Arc::new(state)
}

/// The same statement on one thread.
pub fn single_threaded(state: &SessionState) -> SessionState {
    let mut state = state.clone();
    state.config_mut().options_mut().execution.target_partitions = 1;
    state
}
