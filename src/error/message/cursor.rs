//! Sentences about cursors and prepared statements of SQL, worded as PostgreSQL 15 words them.

use crate::error::{Error, SqlState};

pub fn cursor_exists(name: &str) -> Error {
    Error::new(SqlState::DuplicateCursor, format!("cursor \"{name}\" already exists"))
}

pub fn cursor_missing(name: &str) -> Error {
    Error::new(SqlState::InvalidCursorName, format!("cursor \"{name}\" does not exist"))
}

pub fn cursor_scans_forward() -> Error {
    Error::new(SqlState::ObjectNotInPrerequisiteState, "cursor can only scan forward")
        .with_hint("Declare it with SCROLL option to enable backward scan.")
}

pub fn cursor_needs_transaction() -> Error {
    Error::new(SqlState::NoActiveSqlTransaction, "DECLARE CURSOR can only be used in transaction blocks")
        .with_hint("BEGIN first, or declare it WITH HOLD.")
}

pub fn scroll_and_no_scroll() -> Error {
    Error::new(SqlState::InvalidCursorDefinition, "cannot specify both SCROLL and NO SCROLL")
}

pub fn cursor_in_use(name: &str) -> Error {
    Error::new(SqlState::ObjectInUse, format!("cursor \"{name}\" is being read"))
}

pub fn cursor_holds_too_much(limit: usize) -> Error {
    Error::new(SqlState::ConfigurationLimitExceeded, "result of a SCROLL cursor is too large to be kept")
        .with_detail(format!("A session may keep {limit} bytes of rows to go back to (limits.cursor_bytes)."))
        .with_hint("Declare the cursor without SCROLL, or FETCH fewer rows.")
}

pub fn too_many_cursors(limit: usize) -> Error {
    Error::new(SqlState::ConfigurationLimitExceeded, format!("a session may have {limit} cursors open"))
        .with_hint("CLOSE cursors that are no longer needed.")
}

pub fn wrong_argument_count(name: &str, given: usize, needed: usize) -> Error {
    Error::new(SqlState::SyntaxError, format!("wrong number of parameters for prepared statement \"{name}\""))
        .with_detail(format!("Expected {needed} parameters but got {given}."))
}
