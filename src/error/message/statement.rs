//! Sentences about statements that are refused as such.

use super::unsupported;
use crate::error::{Error, SqlState};

pub fn unsupported_statement(what: &str) -> Error {
    let error = unsupported(what);
    match what {
        "INSERT" | "UPDATE" | "DELETE" | "MERGE" | "TRUNCATE" | "COPY" => {
            error.with_detail("The purchase history is read from your own files and never changed here.")
        }
        "CREATE TABLE" | "CREATE EXTERNAL TABLE" => error.with_detail("Tables come from the configuration file.").with_hint(
            "Add [tables.NAME] with a path to the configuration, or save a query with CREATE VIEW name AS SELECT ….",
        ),
        _ => error,
    }
}

pub fn view_if_not_exists(name: &str) -> Error {
    Error::new(SqlState::SyntaxError, "CREATE VIEW does not take IF NOT EXISTS")
        .with_hint(format!("CREATE OR REPLACE VIEW {name} AS …"))
}

pub fn no_schema_to_create_in() -> Error {
    Error::new(SqlState::InvalidSchemaName, "no schema has been selected to create in")
        .with_hint("SET search_path TO public;")
}

pub fn parameter_missing(parameter: &str) -> Error {
    Error::new(SqlState::UndefinedParameter, format!("there is no parameter {parameter}"))
}

pub fn parameter_left_out(number: usize) -> Error {
    Error::new(SqlState::IndeterminateDatatype, format!("could not determine data type of parameter ${number}"))
}

pub fn result_type_changed() -> Error {
    Error::new(SqlState::FeatureNotSupported, "cached plan must not change result type")
        .with_hint("Prepare the statement again.")
}

pub fn not_in_transaction_block(command: &str) -> Error {
    Error::new(SqlState::ActiveSqlTransaction, format!("{command} cannot run inside a transaction block"))
}

pub fn no_suite(path: &std::path::Path) -> Error {
    Error::new(SqlState::UndefinedFile, format!("no suite is found at \"{}\"", path.display()))
        .with_hint("Name a file, or a folder that holds files ending in .slt.")
}

pub fn prepared_statement_missing(name: &str) -> Error {
    Error::new(SqlState::InvalidSqlStatementName, format!("prepared statement \"{name}\" does not exist"))
}
