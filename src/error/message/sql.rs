//! Sentences about text that cannot be read as SQL.

use crate::error::{Error, SqlState};

pub fn syntax_error(near: &str) -> Error {
    Error::new(SqlState::SyntaxError, format!("syntax error at or near \"{near}\""))
}

pub fn syntax_error_at_end() -> Error {
    Error::new(SqlState::SyntaxError, "syntax error at end of input")
}

/// A string, name or comment that does not end.
pub fn unreadable_text(problem: &str, rest: &str) -> Error {
    let near: String = rest.chars().take(40).collect();
    Error::new(SqlState::SyntaxError, format!("{problem} at or near \"{near}\""))
}

/// The parser's own complaint, where it names no place.
pub fn unparsed(complaint: &str) -> Error {
    Error::new(SqlState::SyntaxError, "syntax error").with_detail(format!("{}.", complaint.trim_end_matches('.')))
}

pub fn too_deep(what: &str, limit: usize) -> Error {
    Error::new(SqlState::StatementTooComplex, "stack depth limit exceeded")
        .with_detail(format!("The statement has more {what} than the limit of {limit}."))
        .with_hint("Split the statement, or write a long list of alternatives as IN (…).")
}

pub fn too_many_dotted_names() -> Error {
    Error::new(SqlState::SyntaxError, "improper qualified name (too many dotted names)")
}

pub fn too_many_output_columns(limit: usize) -> Error {
    Error::new(SqlState::TooManyColumns, format!("target lists can have at most {limit} entries"))
}

pub fn unsupported(what: &str) -> Error {
    Error::new(SqlState::FeatureNotSupported, format!("{what} is not supported"))
}

pub fn unknown_explain_format(format: &str) -> Error {
    Error::new(
        SqlState::InvalidParameterValue,
        format!("unrecognized value for EXPLAIN option \"format\": \"{format}\""),
    )
}

pub fn unknown_explain_option(option: &str) -> Error {
    Error::new(SqlState::SyntaxError, format!("unrecognized EXPLAIN option \"{option}\""))
}

pub fn column_name_needs_relation() -> Error {
    Error::new(SqlState::SyntaxError, "column name must be qualified")
}

pub fn cross_database_reference(database: &str) -> Error {
    Error::new(SqlState::FeatureNotSupported, format!("cross-database references are not implemented: \"{database}\""))
        .with_hint("There is one database here; leave its name out.")
}
