//! Sentences about deliveries.

use std::path::Path;

use crate::catalog::delivery::DeliveryState;
use crate::error::{Error, SqlState};

pub fn channel_refused(name: &str, what: &str, hint: &str) -> Error {
    Error::new(SqlState::ConfigFileError, format!("channel \"{name}\" cannot be used: {what}"))
        .with_detail(format!("It stands under [channels.{name}] in the configuration."))
        .with_hint(hint)
}

pub fn channel_missing(name: &str, known: &[&str]) -> Error {
    let error = Error::new(SqlState::UndefinedObject, format!("channel \"{name}\" does not exist"));
    match known {
        [] => error.with_hint(format!("Add [channels.{name}] to the configuration.")),
        known => error.with_hint(format!("The configuration has {}.", known.join(", "))),
    }
}

pub fn channel_not_given(audience: &str) -> Error {
    Error::new(SqlState::InvalidParameterValue, format!("audience \"{audience}\" has no channel"))
        .with_hint(format!("CALL regulars.deliver('{audience}', channel => 'NAME')"))
}

pub fn consents_missing(channel: &str) -> Error {
    Error::new(SqlState::ObjectNotInPrerequisiteState, "the history has no consents")
        .with_detail(format!("Channel \"{channel}\" delivers to nobody who has not consented."))
        .with_hint(format!(
            "Add the table consents to the history, or write consent = false under [channels.{channel}] if none is needed."
        ))
}

pub fn identifier_missing(channel: &str, column: &str) -> Error {
    Error::new(SqlState::UndefinedColumn, format!("table members has no column \"{column}\""))
        .with_detail(format!("Channel \"{channel}\" reaches members by it."))
}

pub fn suppression_refused(segment: &str) -> Error {
    Error::new(SqlState::UndefinedTable, format!("suppression \"{segment}\" is not a segment"))
        .with_detail("Nothing is delivered while those who must not be written to are unknown.")
        .with_hint("Save it with CREATE VIEW, or take it out of suppress under [delivery] in the configuration.")
}

pub fn text_missing(channel: &str, audience: &str) -> Error {
    Error::new(SqlState::UndefinedColumn, format!("audience \"{audience}\" has no column \"text\""))
        .with_detail(format!("Channel \"{channel}\" sends the text that it holds."))
        .with_hint("Add it to the audience's query, as in SELECT member_id, 'Welcome back!' AS text.")
}

pub fn holdout_refused() -> Error {
    Error::new(SqlState::DatatypeMismatch, "column \"holdout\" of an audience must be of type boolean")
        .with_hint("Write it as in holdout(member_id, 'spring', 10) AS holdout.")
}

pub fn recipients_damaged(path: &Path, cause: &dyn std::fmt::Display) -> Error {
    Error::new(SqlState::IoError, format!("file \"{}\" cannot be read", path.display())).with_detail(cause.to_string())
}

pub fn below_minimum(audience: &str, channel: &str, deliverable: u64, minimum: u32) -> Error {
    Error::new(
        SqlState::ObjectNotInPrerequisiteState,
        format!("audience \"{audience}\" has too few members to deliver to channel \"{channel}\""),
    )
    .with_detail(format!("{deliverable} can be delivered to; the minimum is {minimum}."))
}

pub fn already_delivered(id: &str) -> String {
    format!("delivery {id} was made already: nothing is sent again")
}

pub fn delivery_goes_on(id: &str) -> String {
    format!("delivery {id} goes on where it ended")
}

pub fn delivery_failed(id: &str, state: DeliveryState, error: Option<&str>) -> Error {
    let (sqlstate, hint) = match state {
        DeliveryState::InDoubt => (
            SqlState::ObjectNotInPrerequisiteState,
            "Ask the receiver for the batches in doubt in regulars.delivery_batches, then call again with in_doubt => 'send' or in_doubt => 'accept'.",
        ),
        _ => (SqlState::IoError, "Call again to go on: what was accepted is not sent again."),
    };
    let error = error.map_or_else(String::new, |error| format!(": {error}"));
    Error::new(sqlstate, format!("delivery {id} is {}{error}", state.name())).with_hint(hint)
}

pub fn batch_not_taken(number: u32, told: &str) -> Error {
    Error::new(SqlState::IoError, format!("batch {number} was not taken: {told}"))
}

pub fn http_unavailable(cause: &dyn std::fmt::Display) -> Error {
    Error::new(SqlState::ConfigFileError, "nothing can be sent over the network").with_detail(cause.to_string())
}

pub fn secret_missing(place: &str, cause: &dyn std::fmt::Display) -> Error {
    Error::new(SqlState::ConfigFileError, format!("{place} gives no secret"))
        .with_detail(cause.to_string())
        .with_hint("Name another one in the configuration, or put the secret there.")
}

pub fn secret_shared(path: &Path) -> Error {
    Error::new(SqlState::ConfigFileError, format!("secret file \"{}\" has group or world access", path.display()))
        .with_hint(format!("chmod 600 {}", path.display()))
}

pub fn delivery_missing(audience: &str) -> Error {
    Error::new(SqlState::UndefinedObject, format!("audience \"{audience}\" has no such delivery"))
        .with_hint("SELECT name, run, channel, state FROM regulars.deliveries")
}

pub fn delivery_ambiguous(audience: &str, run: u32, channels: &[&str]) -> Error {
    Error::new(SqlState::AmbiguousFunction, format!("run {run} of audience \"{audience}\" went to several channels"))
        .with_detail(format!("They are {}.", channels.join(", ")))
        .with_hint(format!("Name one: channel => '{}'.", channels.first().copied().unwrap_or_default()))
}

pub fn no_holdout(audience: &str) -> Error {
    Error::new(SqlState::ObjectNotInPrerequisiteState, format!("nobody was held out of audience \"{audience}\""))
        .with_detail("What recipients bought can only be compared with members who might have got it too.")
        .with_hint("Add a column to the audience's query: holdout(member_id, 'spring', 10) AS holdout.")
}

pub fn lift_days_refused(days: i64, most: i64) -> Error {
    Error::new(SqlState::InvalidParameterValue, format!("days => {days} is out of range"))
        .with_hint(format!("Write a number from 1 to {most}."))
}

pub fn lift_unfinished(from: chrono::NaiveDate, to: chrono::NaiveDate, today: chrono::NaiveDate) -> String {
    format!("the days from {from} to {to} are not over: what is bought after {today} is still to come")
}

pub fn put_failed(place: &str, cause: &dyn std::fmt::Display) -> Error {
    Error::new(SqlState::IoError, format!("\"{place}\" cannot be written")).with_detail(cause.to_string())
}

pub fn procedure_missing(name: &str, known: &str) -> Error {
    Error::new(SqlState::UndefinedFunction, format!("procedure {name} does not exist"))
        .with_hint(format!("There is {known}."))
}

pub fn procedure_arguments(signature: &str) -> Error {
    Error::new(SqlState::UndefinedFunction, "the arguments of the procedure are not those it takes")
        .with_hint(format!("Write it as {signature}."))
}

pub fn argument_is_null(argument: &str) -> Error {
    Error::new(SqlState::NullValueNotAllowed, format!("argument \"{argument}\" must not be NULL"))
}
