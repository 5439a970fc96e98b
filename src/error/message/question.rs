//! Sentences about questions: the table functions of the schema `regulars`.

use super::nearest;
use crate::error::{Error, SqlState};

pub fn question_unknown<const N: usize>(name: &str, known: [&str; N]) -> Error {
    let error = Error::new(SqlState::UndefinedFunction, format!("function regulars.{name} does not exist"));
    match nearest(name, known) {
        Some(near) => error.with_hint(format!("Perhaps you meant regulars.{near}.")),
        None => error.with_hint("SELECT signature, description FROM regulars.functions lists them."),
    }
}

pub fn question_arguments(signature: &str) -> Error {
    Error::new(SqlState::UndefinedFunction, "no function matches the given name and arguments")
        .with_hint(format!("It is called as {signature}."))
}

pub fn question_not_constant(signature: &str) -> Error {
    Error::new(SqlState::InvalidColumnReference, format!("arguments of {signature} must be constants of the statement"))
        .with_detail(
            "A literal, a parameter and arithmetic with asof() are constants; a column and a subquery are not.",
        )
}

pub fn not_a_segment(name: &str) -> Error {
    Error::new(SqlState::WrongObjectType, format!("\"{name}\" is not a segment"))
        .with_hint("A segment is a view whose first column is member_id.")
}

pub fn segment_without_member(name: &str, column: &str) -> Error {
    Error::new(SqlState::WrongObjectType, format!("\"{name}\" is not a segment"))
        .with_detail(format!("Its first column is \"{column}\"; that of a segment is member_id."))
}

pub fn draft_is_no_query(text: &str) -> Error {
    let shown: String = text.chars().take(60).collect();
    Error::new(SqlState::SyntaxError, format!("\"{shown}\" is neither the name of a segment nor one query"))
        .with_hint("Give a name, or a query as in $$SELECT member_id FROM members WHERE …$$.")
}

pub fn too_many_segments(given: usize, most: usize) -> Error {
    Error::new(SqlState::ProgramLimitExceeded, format!("{given} segments are too many to be compared at once"))
        .with_detail(format!("At most {most} are."))
}

pub fn too_many_days(most: usize) -> Error {
    Error::new(SqlState::ProgramLimitExceeded, format!("a history of more than {most} days"))
        .with_hint("Ask for fewer days, or for a longer step, as in '7 days'.")
}

pub fn step_unusable(step: &str) -> Error {
    Error::new(SqlState::InvalidParameterValue, format!("step \"{step}\" is not a number of days or months"))
        .with_hint("Write it as in '7 days' or '1 month'.")
}

/// A notice.
pub fn segment_left_out(name: &str, cause: &str) -> String {
    format!("segment \"{name}\" is left out: {cause}")
}
