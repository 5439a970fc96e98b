//! Sentences about names that the system catalog is asked about.

use crate::error::{Error, Notice, NoticeSeverity, SqlState};

pub fn relation_unknown(name: &str) -> Error {
    Error::new(SqlState::UndefinedTable, format!("relation \"{name}\" does not exist"))
}

pub fn type_unknown(name: &str) -> Error {
    Error::new(SqlState::UndefinedObject, format!("type \"{name}\" does not exist"))
}

pub fn schema_unknown(name: &str) -> Error {
    Error::new(SqlState::InvalidSchemaName, format!("schema \"{name}\" does not exist"))
}

pub fn role_unknown(name: &str) -> Error {
    Error::new(SqlState::UndefinedObject, format!("role \"{name}\" does not exist"))
}

pub fn database_unknown(name: &str) -> Error {
    Error::new(SqlState::InvalidCatalogName, format!("database \"{name}\" does not exist"))
}

pub fn function_unknown(name: &str) -> Error {
    Error::new(SqlState::UndefinedFunction, format!("function \"{name}\" does not exist"))
}

pub fn function_ambiguous(name: &str) -> Error {
    Error::new(SqlState::AmbiguousFunction, format!("more than one function named \"{name}\""))
}

pub fn setting_name_missing() -> Error {
    Error::new(SqlState::NullValueNotAllowed, "SET requires parameter name")
}

/// What holds something against other sessions cannot be pretended.
pub fn advisory_locks_unsupported() -> Error {
    Error::new(SqlState::FeatureNotSupported, "advisory locks are not supported")
}

pub fn fork_unknown(name: &str) -> Error {
    Error::new(SqlState::InvalidParameterValue, format!("invalid fork name: \"{name}\""))
        .with_hint("Valid fork names are \"main\", \"fsm\", \"vm\", and \"init\".")
}

/// A warning: whom `pg_cancel_backend` was to reach is not there.
pub fn no_such_process(process_id: i64) -> Notice {
    Notice {
        severity: NoticeSeverity::Warning,
        state: SqlState::Warning,
        message: format!("PID {process_id} is not a PostgreSQL server process"),
        detail: None,
        hint: None,
    }
}

pub fn name_invalid(name: &str) -> Error {
    Error::new(SqlState::InvalidName, format!("invalid name syntax: \"{name}\""))
}

pub fn privilege_unknown(name: &str) -> Error {
    Error::new(SqlState::InvalidParameterValue, format!("unrecognized privilege type: \"{name}\""))
}

pub fn object_kind_unknown(kind: &str) -> Error {
    Error::new(SqlState::InternalError, format!("unrecognized object type abbreviation: {kind}"))
}

pub fn acl_item_unreadable(item: &str) -> Error {
    Error::new(SqlState::InvalidTextRepresentation, format!("invalid access list item: \"{item}\""))
        .with_hint("An item is written grantee=letters/grantor, for example \"reader=r/admin\".")
}

/// A subquery that stands for one value found several.
pub fn subquery_gives_several_rows() -> Error {
    Error::new(SqlState::CardinalityViolation, "more than one row returned by a subquery used as an expression")
}

pub fn type_missing(name: &str) -> Error {
    Error::new(SqlState::UndefinedObject, format!("type \"{name}\" does not exist"))
}

pub fn role_missing(name: &str) -> Error {
    Error::new(SqlState::UndefinedObject, format!("role \"{name}\" does not exist"))
}

pub fn rank_too_large(level: &str, rank: i64) -> Error {
    Error::new(SqlState::NumericValueOutOfRange, format!("rank {rank} of loyalty level \"{level}\" is too large"))
}

pub fn format_unfinished() -> Error {
    Error::new(SqlState::InvalidParameterValue, "unterminated format() type specifier")
        .with_hint("For a single \"%\" use \"%%\".")
}

pub fn format_arguments_missing() -> Error {
    Error::new(SqlState::InvalidParameterValue, "too few arguments for format()")
}

/// `why`: what is wrong with it, where PostgreSQL says so.
pub fn identifier_invalid(text: &str, why: Option<&str>) -> Error {
    let message = format!("string is not a valid identifier: \"{text}\"");
    let error = Error::new(SqlState::InvalidParameterValue, message);
    match why {
        Some(why) => error.with_detail(why),
        None => error,
    }
}

pub fn format_null_name() -> Error {
    Error::new(SqlState::NullValueNotAllowed, "null values cannot be formatted as an SQL identifier")
}

pub fn format_specifier_unknown(specifier: char) -> Error {
    Error::new(SqlState::InvalidParameterValue, format!("unrecognized format() type specifier \"{specifier}\""))
        .with_hint("For a single \"%\" use \"%%\".")
}
