//! Sentences about views and what they read.

use crate::error::{Error, SqlState};

pub fn table_not_configured(table: &str) -> Error {
    Error::new(SqlState::UndefinedTable, format!("table \"{table}\" is no longer part of the purchase history"))
        .with_hint(format!(
            "Add [history.{table}] or [tables.{table}] to the configuration again, or drop the views that read it."
        ))
}

pub fn view_recursion(view: &str) -> Error {
    Error::new(SqlState::InvalidObjectDefinition, format!("infinite recursion detected in view \"{view}\""))
}

pub fn view_column_gone(view: &str, column: &str) -> Error {
    Error::new(
        SqlState::UndefinedColumn,
        format!("column \"{column}\" of view \"{view}\" no longer exists in what it reads"),
    )
    .with_hint(format!(
        "CREATE OR REPLACE VIEW {} with columns that exist, or map the column again.",
        crate::ident::quote(view)
    ))
}

/// An error inside a view's definition, told to someone who only named the view.
pub fn in_view(view: &str, error: Error) -> Error {
    match error.detail() {
        Some(_) => error,
        None => error.with_detail(format!("The definition of view \"{view}\" cannot be planned.")),
    }
}

pub fn parameter_in_view(parameter: &str) -> Error {
    Error::new(SqlState::UndefinedParameter, format!("there is no parameter {parameter}"))
        .with_detail("A view is kept as text; a parameter has no value there.")
}

pub fn more_names_than_columns() -> Error {
    Error::new(SqlState::SyntaxError, "CREATE VIEW specifies more column names than columns")
}
