//! The DataFusion session state: built once for the engine, then dressed for each statement. Only here.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::session_state::SessionState;
use datafusion::execution::{FunctionRegistry, SessionStateBuilder};
use datafusion::prelude::SessionConfig;

use super::rule;
use crate::error::Result;
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
    // Plans are shown to people as text; the engine's own statistics of a folder are read from footers.
    options.explain.logical_plan_only = false;
    let builder = SessionStateBuilder::new().with_config(config).with_runtime_env(runtime).with_default_features();
    let mut state = rule::add(builder).build();
    for function in regulars_udfs::functions(tables) {
        state.register_udf(function)?;
    }
    Ok(state)
}

/// The state for one statement: its instant (`now()`), its session's zone, the files it sees. The statement is planned
/// and run with one and the same.
pub fn for_statement(base: &SessionState, now: DateTime<Utc>, time_zone: &str) -> Arc<SessionState> {
    let mut state = base.clone();
    state.execution_props_mut().query_execution_start_time = Some(now);
    let config = state.config_mut();
    config.options_mut().execution.time_zone = Some(time_zone.to_owned());
    config.set_extension(Arc::new(StatementFiles::default()));
    Arc::new(state)
}
