//! Sentences about COPY, worded as PostgreSQL 15 words them.

use super::unsupported;
use crate::error::{Error, SqlState};

pub fn copy_to_file() -> Error {
    unsupported("COPY to a file or program")
        .with_detail("The server writes no files on behalf of clients.")
        .with_hint("Write TO STDOUT; in psql, \\copy (SELECT …) TO 'file.csv' CSV HEADER")
}

pub fn copy_of_view(name: &str) -> Error {
    Error::new(SqlState::WrongObjectType, format!("cannot copy from view \"{name}\""))
        .with_hint("Try the COPY (SELECT ...) TO variant.")
}

pub fn copy_format_unknown(name: &str) -> Error {
    Error::new(SqlState::InvalidParameterValue, format!("COPY format \"{name}\" not recognized"))
        .with_hint("Write text, csv, binary or parquet.")
}

pub fn copy_option_unknown(name: &str) -> Error {
    Error::new(SqlState::SyntaxError, format!("option \"{name}\" not recognized"))
}

pub fn copy_option_twice() -> Error {
    Error::new(SqlState::SyntaxError, "conflicting or redundant options")
}

/// An option that only lines of text have.
pub fn copy_option_of_lines(name: &str, mode: &str) -> Error {
    // PostgreSQL has HEADER among the features that are missing, the others among the errors of syntax.
    let state = if name == "HEADER" { SqlState::FeatureNotSupported } else { SqlState::SyntaxError };
    Error::new(state, format!("cannot specify {name} in {mode} mode"))
}

pub fn copy_option_of_csv(name: &str) -> Error {
    Error::new(SqlState::FeatureNotSupported, format!("COPY {name} available only in CSV mode"))
}

pub fn copy_option_of_loading(name: &str) -> Error {
    Error::new(SqlState::FeatureNotSupported, format!("COPY {} only available using COPY FROM", name.replace('_', " ")))
}

pub fn copy_columns_missing(name: &str) -> Error {
    Error::new(SqlState::InvalidParameterValue, format!("argument to option \"{name}\" must be a list of column names"))
}

pub fn copy_header_match() -> Error {
    Error::new(SqlState::FeatureNotSupported, "cannot use \"match\" with HEADER in COPY TO")
}

pub fn copy_needs_truth(name: &str) -> Error {
    Error::new(SqlState::SyntaxError, format!("{name} requires a Boolean value or \"match\""))
}

pub fn copy_encoding(name: &str) -> Error {
    unsupported(&format!("encoding \"{name}\"")).with_hint("Everything here is UTF8.")
}

pub fn copy_not_one_byte(what: &str) -> Error {
    Error::new(SqlState::FeatureNotSupported, format!("COPY {what} must be a single one-byte character"))
}

pub fn copy_breaks_lines(what: &str) -> Error {
    let verb = if what == "delimiter" { "cannot be" } else { "cannot use" };
    Error::new(SqlState::InvalidParameterValue, format!("COPY {what} {verb} newline or carriage return"))
}

pub fn copy_delimiter(delimiter: char) -> Error {
    Error::new(SqlState::InvalidParameterValue, format!("COPY delimiter cannot be \"{delimiter}\""))
}

pub fn copy_delimiter_is_quote() -> Error {
    Error::new(SqlState::InvalidParameterValue, "COPY delimiter and quote must be different")
}

pub fn copy_delimiter_in_null() -> Error {
    Error::new(SqlState::FeatureNotSupported, "COPY delimiter must not appear in the NULL specification")
}

pub fn copy_quote_in_null() -> Error {
    Error::new(SqlState::FeatureNotSupported, "CSV quote character must not appear in the NULL specification")
}

pub fn copy_force_quote_unknown(column: &str) -> Error {
    Error::new(SqlState::InvalidColumnReference, format!("FORCE_QUOTE column \"{column}\" not referenced by COPY"))
}

/// `cause`: what the writer of Parquet says.
pub fn copy_parquet_type(cause: &dyn std::fmt::Display) -> Error {
    unsupported("this column in Parquet").with_detail(cause.to_string()).with_hint("Cast it, for example to text.")
}
