//! Sentences about names, functions and values in queries.

use crate::error::{Error, SqlState};

pub fn unknown_relation(name: &str, near: Option<&str>) -> Error {
    let error = Error::new(SqlState::UndefinedTable, format!("relation \"{name}\" does not exist"));
    match near {
        Some(near) => error.with_hint(format!("Perhaps you meant the relation \"{near}\".")),
        None => error,
    }
}

pub fn unknown_column(relation: Option<&str>, column: &str, valid: &[&str]) -> Error {
    let name = match relation {
        Some(relation) => format!("column {relation}.{column} does not exist"),
        None => format!("column \"{column}\" does not exist"),
    };
    let error = Error::new(SqlState::UndefinedColumn, name);
    match nearest(column, valid.iter().copied()) {
        Some(near) => error.with_hint(format!("Perhaps you meant the column \"{near}\".")),
        None => error,
    }
}

pub fn column_ambiguous(column: &str) -> Error {
    Error::new(SqlState::AmbiguousColumn, format!("column reference \"{column}\" is ambiguous"))
}

pub fn column_named_twice(column: &str) -> Error {
    Error::new(SqlState::DuplicateColumn, format!("column \"{column}\" specified more than once"))
}

pub fn from_clause_entry_missing(relation: &str) -> Error {
    Error::new(SqlState::UndefinedTable, format!("missing FROM-clause entry for table \"{relation}\""))
}

pub fn function_missing(function: &str) -> Error {
    Error::new(SqlState::UndefinedFunction, format!("function {function} does not exist"))
        .with_hint("docs/functions.md lists the functions for local time and loyalty; the rest are PostgreSQL's.")
}

pub fn function_arguments(what: &str) -> Error {
    Error::new(SqlState::UndefinedFunction, "no function matches the given name and argument types")
        .with_detail(sentence(what))
        .with_hint("You might need to add explicit type casts.")
}

pub fn operator_missing(types: &str) -> Error {
    Error::new(SqlState::UndefinedFunction, format!("operator does not exist: {types}"))
        .with_hint("You might need to add explicit type casts.")
}

pub fn not_grouped(column: Option<&str>) -> Error {
    let what = match column {
        Some(column) => format!("column \"{column}\""),
        None => "a column".to_owned(),
    };
    Error::new(
        SqlState::GroupingError,
        format!("{what} must appear in the GROUP BY clause or be used in an aggregate function"),
    )
}

pub fn set_operation_columns(what: &str) -> Error {
    Error::new(SqlState::SyntaxError, "each query of a UNION, INTERSECT or EXCEPT must have the same number of columns")
        .with_detail(sentence(what))
}

pub fn parameter_type_unknown(what: &str) -> Error {
    Error::new(SqlState::IndeterminateDatatype, "could not determine data type of a parameter")
        .with_detail(sentence(what))
        .with_hint("Cast the parameter, as in $1::bigint.")
}

pub fn cannot_be_planned(what: &str) -> Error {
    Error::new(SqlState::SyntaxErrorOrAccessRuleViolation, fragment(what))
}

pub fn not_supported_by_engine(what: &str) -> Error {
    Error::new(SqlState::FeatureNotSupported, fragment(what))
}

/// The candidate that is nearest to a mistyped name, if one is near enough to be meant.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (name.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance, in characters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let above = row[j + 1];
            row[j + 1] = if x == *y { diagonal } else { 1 + diagonal.min(above).min(row[j]) };
            diagonal = above;
        }
    }
    row[b.len()]
}

fn fragment(text: &str) -> String {
    let text = text.trim().trim_end_matches('.');
    let mut chars = text.chars();
    match (chars.next(), chars.clone().next()) {
        // An acronym keeps its capitals.
        (Some(first), Some(second)) if first.is_uppercase() && second.is_lowercase() => {
            first.to_lowercase().chain(chars).collect()
        }
        _ => text.to_owned(),
    }
}

pub(super) fn sentence(text: &str) -> String {
    format!("{}.", text.trim().trim_end_matches('.'))
}

pub fn division_by_zero() -> Error {
    Error::new(SqlState::DivisionByZero, "division by zero")
}

pub fn out_of_range(what: &str) -> Error {
    Error::new(SqlState::NumericValueOutOfRange, "value out of range").with_detail(sentence(what))
}

pub fn invalid_text(type_name: &str, text: &str) -> Error {
    Error::new(SqlState::InvalidTextRepresentation, format!("invalid input syntax for type {type_name}: \"{text}\""))
}

pub fn subquery_too_many_rows() -> Error {
    Error::new(SqlState::CardinalityViolation, "more than one row returned by a subquery used as an expression")
}

pub fn invalid_regular_expression(what: &str) -> Error {
    Error::new(SqlState::InvalidRegularExpression, "invalid regular expression").with_detail(sentence(what))
}

pub fn cannot_be_computed(what: &str) -> Error {
    Error::new(SqlState::DataException, fragment(what))
}
