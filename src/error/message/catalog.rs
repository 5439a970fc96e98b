//! Sentences about schemas, tables and views; the home folder. `quoted` parameters are names already written as SQL, perhaps
//! qualified; `name` parameters are bare.

use std::fmt::Display;
use std::path::Path;

use crate::error::{Error, SqlState};

pub fn schema_exists(name: &str) -> Error {
    Error::new(SqlState::DuplicateSchema, format!("schema \"{name}\" already exists"))
}

/// A notice: CREATE SCHEMA IF NOT EXISTS found one.
pub fn schema_exists_skipping(name: &str) -> String {
    format!("schema \"{name}\" already exists, skipping")
}

pub fn schema_missing(name: &str) -> Error {
    Error::new(SqlState::InvalidSchemaName, format!("schema \"{name}\" does not exist"))
}

/// A notice: DROP … IF EXISTS found none.
pub fn missing_skipping(kind: &str, name: &str) -> String {
    format!("{kind} \"{name}\" does not exist, skipping")
}

pub fn schema_name_reserved(name: &str) -> Error {
    Error::new(SqlState::ReservedName, format!("unacceptable schema name \"{name}\""))
        .with_detail("The prefix \"pg_\" is reserved for system schemas.")
}

pub fn schema_required(quoted: &str) -> Error {
    Error::new(
        SqlState::DependentObjectsStillExist,
        format!("cannot drop schema {quoted} because it is required by the database system"),
    )
}

pub fn permission_denied_for_schema(name: &str) -> Error {
    Error::new(SqlState::InsufficientPrivilege, format!("permission denied for schema {name}"))
}

pub fn system_catalog_is_fixed(schema: &str, name: &str) -> Error {
    Error::new(SqlState::InsufficientPrivilege, format!("permission denied to create \"{schema}.{name}\""))
        .with_detail("System catalog modifications are currently disallowed.")
}

pub fn relation_exists(name: &str) -> Error {
    Error::new(SqlState::DuplicateTable, format!("relation \"{name}\" already exists"))
}

/// `kind`: "relation", "table" or "view".
pub fn relation_missing(kind: &str, name: &str) -> Error {
    Error::new(SqlState::UndefinedTable, format!("{kind} \"{name}\" does not exist"))
}

pub fn relation_exists_skipping(name: &str) -> String {
    format!("relation \"{name}\" already exists, skipping")
}

/// `kind`: "table", "view" or "materialized view".
pub fn wrong_kind(name: &str, kind: &str) -> Error {
    Error::new(SqlState::WrongObjectType, format!("\"{name}\" is not a {kind}"))
}

pub fn table_cannot_be_dropped(name: &str) -> Error {
    Error::new(SqlState::FeatureNotSupported, format!("table \"{name}\" cannot be dropped"))
        .with_detail("It is part of the purchase history, which is only read.")
}

pub fn table_cannot_be_renamed(name: &str) -> Error {
    Error::new(SqlState::FeatureNotSupported, format!("table \"{name}\" cannot be renamed"))
        .with_detail("It is part of the purchase history; its name comes from the configuration file.")
}

pub fn column_repeated(name: &str) -> Error {
    Error::new(SqlState::DuplicateColumn, format!("column \"{name}\" specified more than once"))
}

pub fn column_exists(name: &str, relation: &str) -> Error {
    Error::new(SqlState::DuplicateColumn, format!("column \"{name}\" of relation \"{relation}\" already exists"))
}

pub fn column_missing(name: &str, relation: &str) -> Error {
    Error::new(SqlState::UndefinedColumn, format!("column \"{name}\" of relation \"{relation}\" does not exist"))
}

pub fn view_columns_dropped() -> Error {
    Error::new(SqlState::InvalidTableDefinition, "cannot drop columns from view")
}

pub fn view_column_renamed(from: &str, to: &str) -> Error {
    Error::new(SqlState::InvalidTableDefinition, format!("cannot change name of view column \"{from}\" to \"{to}\""))
        .with_hint("Use ALTER VIEW ... RENAME COLUMN ... to change name of view column instead.")
}

/// `from`, `to`: types as `format_type` prints them.
pub fn view_column_retyped(name: &str, from: &str, to: &str) -> Error {
    Error::new(
        SqlState::InvalidTableDefinition,
        format!("cannot change data type of view column \"{name}\" from {from} to {to}"),
    )
}

/// `circle`: a sentence that names the views on the way round.
pub fn view_reads_itself(name: &str, circle: String) -> Error {
    Error::new(
        SqlState::InvalidObjectDefinition,
        format!("infinite recursion detected in rules for relation \"{name}\""),
    )
    .with_detail(circle)
}

/// `object`: kind and name, "view s.x"; `None` when several were to be dropped at once.
pub fn still_needed(object: Option<&str>, dependents: String) -> Error {
    let message = match object {
        Some(object) => format!("cannot drop {object} because other objects depend on it"),
        None => "cannot drop desired object(s) because other objects depend on them".to_owned(),
    };
    Error::new(SqlState::DependentObjectsStillExist, message)
        .with_detail(dependents)
        .with_hint("Use DROP ... CASCADE to drop the dependent objects too.")
}

/// A notice: what CASCADE took along when it was more than one.
pub fn drop_cascades(count: usize) -> String {
    format!("drop cascades to {count} other objects")
}

/// A notice: a name longer than a name can be.
pub fn name_truncated(name: &str, truncated: &str) -> String {
    format!("identifier \"{name}\" will be truncated to \"{truncated}\"")
}

pub fn name_empty() -> Error {
    Error::new(SqlState::SyntaxError, "zero-length delimited identifier")
}

pub fn concurrent_update(detail: impl Into<String>) -> Error {
    Error::new(SqlState::SerializationFailure, "could not serialize access due to concurrent update")
        .with_detail(detail)
        .with_hint("Run the transaction again.")
}

pub fn oids_exhausted() -> Error {
    Error::new(SqlState::ProgramLimitExceeded, "catalog has no object identifiers left")
        .with_detail("Each schema, table and view ever created takes one of 4,294,950,912.")
}

/// A configured table has the name of an existing view.
pub fn table_name_taken(name: &str) -> Error {
    Error::new(SqlState::DuplicateTable, format!("table \"{name}\" of the configuration has the name of a view"))
        .with_detail(format!("Schema public already holds a view \"{name}\"."))
        .with_hint("Give the table another name in the configuration file.")
}

pub fn table_name_unusable(name: &str, most_bytes: usize) -> Error {
    Error::new(SqlState::ConfigFileError, format!("table \"{name}\" of the configuration has an unusable name"))
        .with_detail(format!("A name has 1 to {most_bytes} bytes and stands once."))
}

pub fn home_in_use(home: &Path, pid: Option<u32>) -> Error {
    let error = Error::new(SqlState::ObjectInUse, format!("home \"{}\" is in use by another server", home.display()));
    let error = match pid {
        Some(pid) => error.with_detail(format!("Its process id is {pid}.")),
        None => error,
    };
    error.with_hint("Stop that server, or give this one another home in the configuration file.")
}

/// `action`: what was tried, "be opened".
pub fn file_fault(path: &Path, action: &str, cause: std::io::Error) -> Error {
    let state = match cause.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => SqlState::DiskFull,
        _ => SqlState::IoError,
    };
    Error::new(state, format!("file \"{}\" cannot {action}", path.display()))
        .with_detail(format!("The operating system says: {cause}."))
        .with_cause(cause)
}

pub fn catalog_disk_full(path: &Path) -> Error {
    Error::new(SqlState::DiskFull, format!("catalog \"{}\" cannot be written: no space left", path.display()))
        .with_hint("Free space on that disk and run the statement again.")
}

pub fn catalog_io(path: &Path, cause: impl Display) -> Error {
    Error::new(SqlState::IoError, format!("catalog \"{}\" cannot be read or written", path.display()))
        .with_detail(format!("The store says: {cause}."))
}

pub fn catalog_damaged(path: &str, what: impl Display) -> Error {
    Error::new(SqlState::DataCorrupted, format!("catalog \"{path}\" is damaged")).with_detail(what.to_string())
}

pub fn catalog_too_new(path: &Path, format: i64, known: usize) -> Error {
    Error::new(
        SqlState::ObjectNotInPrerequisiteState,
        format!("catalog \"{}\" was written by a newer version of regulars", path.display()),
    )
    .with_detail(format!("It has format {format}; this version knows formats up to {known}."))
    .with_hint("Start it with the version of regulars that wrote it.")
}

pub fn catalog_foreign(path: &Path) -> Error {
    Error::new(
        SqlState::ObjectNotInPrerequisiteState,
        format!("file \"{}\" is not a catalog of regulars", path.display()),
    )
}

pub fn relation_oid_missing(oid: u32) -> Error {
    Error::new(SqlState::UndefinedTable, format!("relation with OID {oid} does not exist"))
}
