//! Sentences about settings, transactions, sessions.

use crate::error::{Error, SqlState};

pub fn setting_unknown(name: &str, near: Option<&str>) -> Error {
    let error = Error::new(SqlState::UndefinedObject, format!("unrecognized configuration parameter \"{name}\""));
    match near {
        Some(near) => error.with_hint(format!("Perhaps you meant \"{near}\".")),
        None => error.with_hint("SHOW ALL lists the parameters there are."),
    }
}

pub fn setting_value_refused(name: &str, value: &str) -> Error {
    Error::new(SqlState::InvalidParameterValue, format!("invalid value for parameter \"{name}\": \"{value}\""))
}

pub fn setting_not_boolean(name: &str) -> Error {
    Error::new(SqlState::InvalidParameterValue, format!("parameter \"{name}\" requires a Boolean value"))
}

pub fn setting_is_fixed(name: &str) -> Error {
    Error::new(SqlState::CantChangeRuntimeParam, format!("parameter \"{name}\" cannot be changed"))
}

/// What others can choose and is fixed here.
pub fn setting_is_always(name: &str, value: &str) -> Error {
    Error::new(SqlState::FeatureNotSupported, format!("\"{name}\" other than {value} is not supported"))
}

pub fn transaction_is_aborted() -> Error {
    Error::new(
        SqlState::InFailedSqlTransaction,
        "current transaction is aborted, commands ignored until end of transaction block",
    )
}

pub fn savepoint_missing(name: &str) -> Error {
    Error::new(SqlState::InvalidSavepointSpecification, format!("savepoint \"{name}\" does not exist"))
}

pub fn needs_transaction_block(command: &str) -> Error {
    Error::new(SqlState::NoActiveSqlTransaction, format!("{command} can only be used in transaction blocks"))
}

pub fn read_only_transaction(command: &str) -> Error {
    Error::new(SqlState::ReadOnlySqlTransaction, format!("cannot execute {command} in a read-only transaction"))
}

pub fn database_missing(database: &str) -> Error {
    Error::new(SqlState::InvalidCatalogName, format!("database \"{database}\" does not exist"))
        .with_hint(format!("There is one database: \"{}\".", crate::ident::DATABASE))
}

pub fn several_statements_prepared() -> Error {
    Error::new(SqlState::SyntaxError, "cannot insert multiple commands into a prepared statement")
}

pub fn unknown_type(oid: u32) -> Error {
    Error::new(SqlState::UndefinedObject, format!("type with OID {oid} is not supported as a parameter"))
}

pub fn setting_out_of_range(name: &str, value: i64, least: i64, most: i64) -> Error {
    Error::new(
        SqlState::InvalidParameterValue,
        format!("{value} is outside the valid range for parameter \"{name}\" ({least} .. {most})"),
    )
}
