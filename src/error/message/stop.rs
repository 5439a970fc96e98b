//! Sentences about a statement that ends early, and bugs of ours.

use std::time::Duration;

use crate::error::{Error, SqlState};

pub fn cancelled_by_user() -> Error {
    Error::new(SqlState::QueryCanceled, "canceling statement due to user request")
}

pub fn statement_timeout(limit: Duration) -> Error {
    Error::new(SqlState::QueryCanceled, "canceling statement due to statement timeout")
        .with_detail(format!("The limit is {} ms.", limit.as_millis()))
        .with_hint("SET statement_timeout = '10min' gives this session's statements more time.")
}

pub fn shutting_down() -> Error {
    Error::new(SqlState::AdminShutdown, "terminating connection due to administrator command")
}

/// A thing that must hold does not: a bug of ours.
pub fn internal(what: impl Into<String>) -> Error {
    Error::new(SqlState::InternalError, what)
}
