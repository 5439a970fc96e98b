//! Prepared statements, by name: those of SQL (`PREPARE`) and those of the protocol (Parse) share their names.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::error::{Result, message};
use crate::pg_type::PgType;
use crate::sql::statement::Statement;
use crate::statement::outcome::OutputColumn;

/// What a statement is charged with at least, however short its text: it is planned.
const BYTES_MIN: usize = 4 << 10;

/// A statement that was parsed and described, ready to be bound.
#[derive(Debug, Clone)]
pub struct Prepared {
    pub parameters: Arc<[PgType]>,
    /// `None` when the statement gives no rows.
    pub columns: Option<Arc<[OutputColumn]>>,
    /// `None` for an empty string.
    pub statement: Option<Arc<Statement>>,
    pub prepared_at: DateTime<Utc>,
    /// By PREPARE, rather than by the protocol's Parse.
    pub from_sql: bool,
}

impl Prepared {
    /// The query string as the client sent it.
    pub fn shown_text(&self) -> &str {
        self.statement.as_ref().map_or("", |statement| &statement.text)
    }

    /// What it is charged with against the bound of what a session holds.
    pub fn bytes(&self) -> usize {
        self.statement.as_ref().map_or(0, |statement| statement.text.len()).max(BYTES_MIN)
    }
}

/// One session's named statements.
#[derive(Debug, Default)]
pub struct PreparedStatements {
    by_name: Arc<BTreeMap<String, Arc<Prepared>>>,
}

impl PreparedStatements {
    pub fn get(&self, name: &str) -> Option<&Arc<Prepared>> {
        self.by_name.get(name)
    }

    /// Errors: 26000.
    pub fn named(&self, name: &str) -> Result<&Arc<Prepared>> {
        self.get(name).ok_or_else(|| message::no_such_prepared_statement(name))
    }

    /// Errors: 42P05.
    pub fn check_free(&self, name: &str) -> Result<()> {
        if self.by_name.contains_key(name) { Err(message::prepared_statement_exists(name)) } else { Ok(()) }
    }

    pub fn put(&mut self, name: String, prepared: Arc<Prepared>) {
        Arc::make_mut(&mut self.by_name).insert(name, prepared);
    }

    /// Whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        self.by_name.contains_key(name) && Arc::make_mut(&mut self.by_name).remove(name).is_some()
    }

    pub fn clear(&mut self) {
        self.by_name = Arc::default();
    }

    /// All of them as they are now, by name.
    pub fn shared(&self) -> Arc<BTreeMap<String, Arc<Prepared>>> {
        Arc::clone(&self.by_name)
    }

    /// What all of them are charged with.
    pub fn bytes(&self) -> usize {
        self.by_name.values().map(|prepared| prepared.bytes()).sum()
    }
}
