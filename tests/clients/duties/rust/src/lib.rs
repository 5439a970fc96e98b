//! What both programs say, and how they say it.

use std::future::Future;
use std::panic::AssertUnwindSafe;

use futures::FutureExt;

pub const RUNNING: &str = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid() AND query LIKE '%generate_series(1, 3000000)%'";
pub const LONG: &str = "SELECT count(*) FROM generate_series(1, 3000000) a, generate_series(1, 3000000) b WHERE a <> b";
pub const NUMERIC: &str = "12345678901234567890.123456789";
pub const DROP_HINT: &str = "Use DROP ... CASCADE to drop the dependent objects too.";
pub const NOTICE: &str = "view \"nothing\" does not exist, skipping";
pub const COPY: &str = "COPY (SELECT * FROM (VALUES (1, 'x,y', NULL), (2, 'å', '')) AS t(a, b, c) ORDER BY a) TO STDOUT (FORMAT csv, HEADER)";
pub const COPIED: &str = "a,b,c\n1,\"x,y\",\n2,å,\"\"\n";
pub const TABLES: &str = "business_customers consents loyalty_levels member_levels members products purchase_lines purchases stores";
pub const TABLE_NAMES: &str = "SELECT string_agg(table_name, ' ' ORDER BY table_name) FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'";
pub const COLUMN: &str = "SELECT data_type::text FROM information_schema.columns WHERE table_schema = 'public' AND table_name = 'members' AND column_name = 'loyalty_points'";
pub const SEGMENT: &str = "SELECT c.relkind::text, a.attname::text, format_type(a.atttypid, a.atttypmod), col_description(c.oid, a.attnum) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid WHERE c.relname = 'gold' AND a.attnum > 0 ORDER BY a.attnum";
pub const AUDIENCE: &str = "SELECT schemaname::text, matviewname::text, ispopulated::text FROM pg_matviews";
pub const RUN: &str = "SELECT run, members FROM regulars.audiences WHERE name = 'gold_list'";

/// Why a client is not asked.
pub struct Skipped(pub &'static str);

/// Asks one duty and says how it went; a panic is a failure.
pub async fn duty(name: &str, failed: &mut bool, ask: impl Future<Output = Result<&'static str, Skipped>>) {
    match AssertUnwindSafe(ask).catch_unwind().await {
        Ok(Ok("")) => println!("ok {name}"),
        Ok(Ok(note)) => println!("ok {name} ({note})"),
        Ok(Err(Skipped(reason))) => println!("skipped {name}: {reason}"),
        Err(panic) => {
            *failed = true;
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default();
            println!("FAILED {name}: {}", text.split_whitespace().collect::<Vec<_>>().join(" "));
        }
    }
}

/// The version of a library as Cargo.lock has it.
pub fn version(library: &str) -> String {
    let lock = include_str!("../Cargo.lock");
    let entry = lock.split("[[package]]").find(|entry| entry.contains(&format!("\nname = \"{library}\"\n")));
    let line = entry.and_then(|entry| entry.lines().find_map(|line| line.strip_prefix("version = ")));
    line.unwrap_or("unknown").trim_matches('"').to_owned()
}
