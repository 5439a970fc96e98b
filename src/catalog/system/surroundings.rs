//! What the catalog shows of the running server and of the session that asks, and the few functions that act on them.
//!
//! The catalog is below the rooms that know: they hand it something to ask. Only what a statement asks for is gathered,
//! once for the statement.

use std::fmt;
use std::sync::{Arc, OnceLock};

use chrono::{DateTime, Utc};

use crate::error::{Notice, Result};
use crate::pg_type::{Oid, PgType};

/// The server and the session, as one statement sees them. What it changes is seen by the statements that follow.
pub trait Surroundings: fmt::Debug + Send + Sync {
    fn settings(&self) -> Vec<SettingRow>;

    /// A setting as SHOW prints it. Errors: 42704 for an unknown name.
    fn setting(&self, name: &str) -> Result<String>;

    /// Sets a variable, or resets it without a value; gives the value as SHOW prints it.
    ///
    /// Errors: as SET.
    fn set(&self, name: &str, value: Option<&str>, is_local: bool) -> Result<String>;

    fn sessions(&self) -> Vec<SessionRow>;

    fn prepared_statements(&self) -> Vec<PreparedRow>;

    fn cursors(&self) -> Vec<Arc<CursorRow>>;

    /// Ends what another session, or this one, is doing. False when there is no such session.
    fn cancel(&self, process_id: i32) -> bool;

    /// Ends a session. False when there is no such session.
    fn terminate(&self, process_id: i32) -> bool;

    /// Tells the client something beside the result.
    fn tell(&self, notice: Notice);

    /// Bytes of the files behind a table of the history, as they were seen last; `None` for what is no such table.
    fn table_bytes(&self, table: &str) -> Option<u64>;

    /// How the member index stands; `None` for a history that has none.
    fn member_index(&self) -> Option<IndexRow>;

    /// Rows of a table of the history by the footers of its files; `None` when they do not tell, as for derived tables.
    fn table_rows(&self, table: &str) -> Option<u64>;
}

/// What `regulars.index` shows.
#[derive(Debug, Clone)]
pub struct IndexRow {
    /// `fresh`, `behind`, `building` or `failed`.
    pub state: &'static str,
    pub members: Option<u64>,
    /// Receipts and lines.
    pub rows: Option<u64>,
    pub bytes: Option<u64>,
    pub built_at: Option<DateTime<Utc>>,
    pub build_ms: Option<i64>,
    /// Why it could not be built.
    pub problem: Option<String>,
    pub pieces: Vec<PieceRow>,
}

/// A part of the index.
#[derive(Debug, Clone)]
pub struct PieceRow {
    pub name: String,
    /// Receipts and lines.
    pub rows: Option<u64>,
    pub bytes: u64,
    pub built_at: DateTime<Utc>,
    pub build_ms: i64,
}

/// What was gathered for a statement.
#[derive(Debug, Default)]
pub struct Gathered {
    pub(super) settings: OnceLock<Vec<SettingRow>>,
    pub(super) sessions: OnceLock<Vec<SessionRow>>,
}

/// A row of `pg_settings`.
#[derive(Debug, Clone)]
pub struct SettingRow {
    pub name: String,
    /// In the unit, where there is one.
    pub value: String,
    pub default: String,
    pub reset: String,
    /// `ms`, `kB`, …
    pub unit: Option<String>,
    pub category: String,
    pub short_desc: String,
    pub kind: SettingKind,
    pub bounds: Option<(i64, i64)>,
    pub choices: Option<&'static [&'static str]>,
    /// Whether SET changes it; otherwise it is fixed while the server runs.
    pub settable: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingKind {
    Bool,
    Integer,
    Real,
    Text,
    Choice,
}

/// A row of `pg_stat_activity`.
#[derive(Debug, Clone)]
pub struct SessionRow {
    pub process_id: i32,
    /// As whom it signed in.
    pub role: Oid,
    pub application_name: String,
    /// `active`, `idle`, `idle in transaction`, `idle in transaction (aborted)`.
    pub state: &'static str,
    /// Somebody signed in; otherwise the server works by itself.
    pub is_clients: bool,
    /// The statement that runs, or the last one.
    pub query: String,
    pub client_address: Option<String>,
    pub client_port: Option<i32>,
    pub started_at: DateTime<Utc>,
    pub transaction_started_at: Option<DateTime<Utc>>,
    pub query_started_at: Option<DateTime<Utc>>,
    pub state_changed_at: Option<DateTime<Utc>>,
}

/// A row of `pg_prepared_statements`.
#[derive(Debug, Clone)]
pub struct PreparedRow {
    pub name: String,
    pub statement: String,
    pub prepared_at: DateTime<Utc>,
    pub parameters: Vec<PgType>,
    /// `None` when the statement gives no rows.
    pub results: Option<Vec<PgType>>,
    /// By PREPARE, rather than by the protocol.
    pub from_sql: bool,
}

/// A row of `pg_cursors`.
#[derive(Debug, Clone)]
pub struct CursorRow {
    pub name: String,
    pub statement: String,
    pub is_holdable: bool,
    pub is_binary: bool,
    pub is_scrollable: bool,
    pub created_at: DateTime<Utc>,
}
