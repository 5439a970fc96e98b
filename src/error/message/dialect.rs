//! Sentences about operators, types and clauses as PostgreSQL has them.

use crate::error::{Error, SqlState};

/// PostgreSQL's name of a type that the engine computes with.
pub fn type_name(data_type: &arrow::datatypes::DataType) -> String {
    let known = crate::pg_type::PgType::of_arrow(data_type).info();
    known.map_or_else(|| "unknown".to_owned(), |info| info.sql_name.to_owned())
}

/// `argument`: types of the call's arguments.
pub fn function_missing_for(function: &str, arguments: &[arrow::datatypes::DataType]) -> Error {
    let types: Vec<String> = arguments.iter().map(type_name).collect();
    Error::new(SqlState::UndefinedFunction, format!("function {function}({}) does not exist", types.join(", ")))
        .with_hint("No function matches the given name and argument types. You might need to add explicit type casts.")
}

/// `word`: `AND`, `OR`, `NOT`, `WHERE`, …
pub fn argument_must_be_boolean(word: &str, type_name: &str) -> Error {
    Error::new(SqlState::DatatypeMismatch, format!("argument of {word} must be type boolean, not type {type_name}"))
}

/// `word`: `CASE`, `COALESCE`, `UNION`, …
pub fn types_do_not_match(word: &str, one: &str, other: &str) -> Error {
    Error::new(SqlState::DatatypeMismatch, format!("{word} types {one} and {other} cannot be matched"))
}

pub fn cannot_cast(from: &arrow::datatypes::DataType, to: crate::pg_type::PgType) -> Error {
    let to = to.info().map_or("unknown", |info| info.sql_name);
    Error::new(SqlState::CannotCoerce, format!("cannot cast type {} to {to}", type_name(from)))
}

pub fn numeric_overflow() -> Error {
    Error::new(SqlState::NumericValueOutOfRange, "value overflows numeric format")
        .with_detail("A numeric has at most 38 digits here.")
}

pub fn numeric_field_overflow(precision: u8, scale: i8) -> Error {
    Error::new(SqlState::NumericValueOutOfRange, "numeric field overflow").with_detail(format!(
        "A field with precision {precision}, scale {scale} must round to an absolute value less than 10^{}.",
        i16::from(precision) - i16::from(scale)
    ))
}

pub fn logarithm_of_zero() -> Error {
    Error::new(SqlState::InvalidArgumentForLogarithm, "cannot take logarithm of zero")
}

pub fn logarithm_of_negative() -> Error {
    Error::new(SqlState::InvalidArgumentForLogarithm, "cannot take logarithm of a negative number")
}

pub fn root_of_negative() -> Error {
    Error::new(SqlState::InvalidArgumentForPowerFunction, "cannot take square root of a negative number")
}

/// A field of `extract` that no moment has.
pub fn unit_unknown(unit: &str, moment: &arrow::datatypes::DataType) -> Error {
    Error::new(
        SqlState::InvalidParameterValue,
        format!("unit \"{unit}\" not recognized for type {}", type_name(moment)),
    )
}

/// An aggregate, a window, a position or a name where it cannot stand; `text` says which and where.
pub fn misplaced(state: SqlState, text: String) -> Error {
    Error::new(state, text)
}

pub fn subquery_columns() -> Error {
    Error::new(SqlState::SyntaxError, "subquery must return only one column")
}

pub fn distinct_order() -> Error {
    Error::new(SqlState::InvalidColumnReference, "for SELECT DISTINCT, ORDER BY expressions must appear in select list")
}
