//! The crate as a DataFusion program sees it: laws of all functions, documentation, refusals, PostgreSQL's answers.
//!
//! One binary, because linking DataFusion takes long.
#![expect(
    clippy::disallowed_methods,
    reason = "the fence keeps user SQL inside the server's planner; here there is no server, and SQL is the test's own"
)]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails by panicking, in its helpers too"
)]
#![expect(clippy::print_stdout, reason = "random tests print their seed")]

mod inputs;
mod laws;
mod oracle;
mod psql;
mod reference;
mod refusals;

use std::sync::Arc;

use datafusion::logical_expr::ScalarUDF;
use datafusion::prelude::{SessionConfig, SessionContext};
use regulars_udfs::{Level, Levels, Tables};

/// The tables that the examples speak of: bronze from 0 points, silver from 500, gold from 2000; the default day parts.
fn tables() -> Tables {
    let level = |name: &str, rank, points_from| Level { name: name.to_owned(), rank, points_from: Some(points_from) };
    let levels = vec![level("bronze", 1, 0), level("silver", 2, 500), level("gold", 3, 2000)];
    Tables { levels: Levels::new(levels).unwrap(), ..Tables::default() }
}

fn functions() -> Vec<Arc<ScalarUDF>> {
    regulars_udfs::functions(&tables())
}

/// A session that knows the functions.
fn session() -> SessionContext {
    let mut config = SessionConfig::new().with_target_partitions(1);
    // Without a zone, DataFusion makes a plain timestamp of TIMESTAMPTZ.
    config.options_mut().execution.time_zone = Some("UTC".to_owned());
    let session = SessionContext::new_with_config(config);
    for function in functions() {
        session.register_udf(function.as_ref().clone());
    }
    session
}
