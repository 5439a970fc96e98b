//! Sentences about `regulars export`.

use crate::error::{Error, SqlState};

pub fn export_format_unknown(to: &str) -> Error {
    Error::new(SqlState::InvalidParameterValue, format!("the name of \"{to}\" does not tell a format"))
        .with_hint("Add --format csv or --format parquet.")
}

/// What a server that was asked has refused, in its own words. A condition that we do not know is a lost connection's.
pub fn of_server(code: &str, text: &str, detail: Option<&str>, hint: Option<&str>) -> Error {
    let state = SqlState::ALL.iter().copied().find(|state| state.code() == code);
    let mut error = Error::new(state.unwrap_or(SqlState::ConnectionFailure), text);
    if let Some(detail) = detail {
        error = error.with_detail(detail);
    }
    if let Some(hint) = hint {
        error = error.with_hint(hint);
    }
    error
}

pub fn connection_failed(cause: &str) -> Error {
    Error::new(SqlState::ConnectionFailure, "the server cannot be asked")
        .with_detail(cause)
        .with_hint("Is it running, and does --connect name its address, role and password?")
}
