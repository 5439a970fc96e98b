//! Sentences about kept lists.

use crate::error::{Error, Notice, NoticeSeverity, SqlState};

pub fn access_method_unknown(name: &str) -> Error {
    Error::new(SqlState::UndefinedObject, format!("access method \"{name}\" does not exist"))
}

pub fn refresh_options_contradict() -> Error {
    Error::new(SqlState::SyntaxError, "REFRESH options CONCURRENTLY and WITH NO DATA cannot be used together")
}

pub fn reset_with_value(option: &str) -> Error {
    Error::new(SqlState::SyntaxError, "RESET must not include values for parameters")
        .with_detail(format!("\"{option}\" has one."))
}

pub fn option_twice(option: &str) -> Error {
    Error::new(SqlState::InvalidParameterValue, format!("parameter \"{option}\" specified more than once"))
}

pub fn audience_option_unknown(option: &str) -> Error {
    Error::new(SqlState::InvalidParameterValue, format!("unrecognized parameter \"{option}\""))
        .with_hint("An audience has channel, refresh, keep and minimum.")
}

pub fn audience_option_refused(option: &str, value: &str, example: &str) -> Error {
    Error::new(SqlState::InvalidParameterValue, format!("invalid value for parameter \"{option}\": \"{value}\""))
        .with_hint(format!("Write it as in {option} = {example}."))
}

pub fn options_without_member(name: &str) -> Error {
    Error::new(SqlState::WrongObjectType, format!("materialized view \"{name}\" is no audience"))
        .with_detail("Its first column is not member_id, so there is nobody to deliver to.")
        .with_hint("Name member_id first, or leave channel and minimum out.")
}

/// A refresh whose cost is that of the whole history.
pub fn refreshed_from_files(name: &str) -> Notice {
    Notice {
        severity: NoticeSeverity::Notice,
        state: SqlState::SuccessfulCompletion,
        message: format!("materialized view \"{name}\" was filled from all files, not from the member index"),
        detail: Some("Files have gone or changed, or new ones say something of earlier ones, so that the index has to be built anew.".to_owned()),
        hint: Some("SELECT state, problem FROM regulars.index".to_owned()),
    }
}

pub fn not_populated(name: &str) -> Error {
    Error::new(SqlState::ObjectNotInPrerequisiteState, format!("materialized view \"{name}\" has not been populated"))
        .with_hint("Use the REFRESH MATERIALIZED VIEW command.")
}

pub fn not_populated_concurrently(name: &str) -> Error {
    Error::new(
        SqlState::FeatureNotSupported,
        format!("CONCURRENTLY cannot be used when the materialized view is not populated: \"{name}\""),
    )
    .with_hint(format!("REFRESH MATERIALIZED VIEW {name}"))
}

pub fn members_repeated(name: &str, members: &[String]) -> Error {
    Error::new(SqlState::UniqueViolation, format!("audience \"{name}\" would hold a member more than once"))
        .with_detail(format!("Repeated: {}.", members.join(", ")))
        .with_hint("Write SELECT DISTINCT member_id, or start from members with a fact or EXISTS.")
}

pub fn member_is_null(name: &str) -> Error {
    Error::new(SqlState::NotNullViolation, format!("audience \"{name}\" would hold a row without a member"))
        .with_detail("Receipts without member_id are those of anonymous buyers.")
        .with_hint("Add member_id IS NOT NULL.")
}

pub fn list_column_type(column: &str, data_type: &str) -> Error {
    Error::new(
        SqlState::FeatureNotSupported,
        format!("column \"{column}\" of type {data_type} cannot be kept in a materialized view"),
    )
    .with_hint(format!("Cast it, as in {column}::text."))
}

pub fn run_missing(name: &str, run: i64) -> Error {
    Error::new(SqlState::UndefinedObject, format!("audience \"{name}\" keeps no run {run}"))
        .with_hint("SELECT run, refreshed_at, is_kept FROM regulars.audience_runs")
}

pub fn not_an_audience(name: &str) -> Error {
    Error::new(SqlState::WrongObjectType, format!("\"{name}\" is not an audience"))
        .with_detail("An audience is a materialized view whose first column is member_id.")
}
