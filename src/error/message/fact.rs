//! Sentences about member facts, their filters and the words in them.

use super::nearest;
use crate::error::{Error, SqlState};

pub fn fact_without_member(fact: &str) -> Error {
    Error::new(SqlState::UndefinedFunction, format!("function {fact} needs a member"))
        .with_hint(format!("Write the member first, as in {fact}(member_id)."))
}

pub fn fact_is_no_aggregate(fact: &str) -> Error {
    Error::new(SqlState::WrongObjectType, format!("{fact} is not an aggregate function"))
}

pub fn fact_filter_without_name(fact: &str, has_filters: bool) -> Error {
    let error = Error::new(SqlState::UndefinedFunction, format!("function {fact} takes one argument without a name"));
    if has_filters {
        error.with_hint("Write every filter by its name, as in product => 'Bryggkaffe'.")
    } else {
        error.with_hint(format!("Write {fact}(member_id)."))
    }
}

pub fn fact_filter_unknown<'a>(fact: &str, filter: &str, known: impl Iterator<Item = &'a str>) -> Error {
    let known: Vec<&str> = known.collect();
    let error = Error::new(SqlState::UndefinedFunction, format!("function {fact} has no filter \"{filter}\""));
    match nearest(filter, known.iter().copied()) {
        Some(near) => error.with_hint(format!("Perhaps you meant the filter \"{near}\".")),
        None if known.is_empty() => error.with_hint(format!("Write {fact}(member_id).")),
        None => error.with_hint(format!("The filters are {}.", known.join(", "))),
    }
}

pub fn fact_filter_twice(filter: &str) -> Error {
    Error::new(SqlState::SyntaxError, format!("filter \"{filter}\" is given twice"))
        .with_hint("Write it once; where any of several is meant, as an array: ARRAY['a', 'b'].")
}

pub fn fact_filter_null(filter: &str) -> Error {
    Error::new(SqlState::NullValueNotAllowed, format!("filter \"{filter}\" must not be null"))
        .with_hint("Leave the filter out where any value is meant.")
}

pub fn fact_filter_not_constant(filter: &str) -> Error {
    Error::new(SqlState::InvalidColumnReference, format!("filter \"{filter}\" must be a constant of the statement"))
        .with_detail(
            "A literal, a parameter and arithmetic with asof() are constants; a column and a subquery are not.",
        )
}

pub fn fact_filter_type(filter: &str, found: &str, hint: &str) -> Error {
    Error::new(SqlState::DatatypeMismatch, format!("filter \"{filter}\" cannot be {found}")).with_hint(hint)
}

pub fn fact_window_without_unit(number: &str) -> Error {
    Error::new(SqlState::InvalidParameterValue, format!("window \"{number}\" has no unit"))
        .with_hint(format!("Write last => '{number} days', or weeks, months, years."))
}

pub fn fact_window_too_long(filter: &str) -> Error {
    Error::new(SqlState::DatetimeFieldOverflow, format!("date out of range in filter \"{filter}\""))
}

pub fn fact_across_join(fact: &str) -> Error {
    Error::new(SqlState::FeatureNotSupported, format!("{fact} of a member from both sides of an outer join"))
        .with_hint("Compute it in a subquery over the join.")
}

pub fn fact_member_type(fact: &str, found: &str, needed: &str) -> Error {
    Error::new(SqlState::UndefinedFunction, format!("function {fact}({found}) does not exist"))
        .with_detail(format!("Members are identified by type {needed} here."))
        .with_hint("You might need to add an explicit type cast.")
}

pub fn product_unknown<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Error {
    let error = Error::new(SqlState::InvalidParameterValue, format!("no product is named \"{word}\""));
    meant(error, word, known, "product")
}

pub fn category_unknown<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Error {
    let error = Error::new(SqlState::InvalidParameterValue, format!("no product has the category \"{word}\""));
    meant(error, word, known, "category")
}

pub fn store_unknown<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Error {
    let error = Error::new(SqlState::InvalidParameterValue, format!("no store is named \"{word}\""));
    meant(error, word, known, "store")
}

pub fn currency_unknown<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Error {
    let known: Vec<&str> = known.into_iter().collect();
    let error = Error::new(SqlState::InvalidParameterValue, format!("no store has the currency \"{word}\""));
    if known.is_empty() {
        return error.with_detail("No store says its currency: stores.currency is empty.");
    }
    error.with_hint(format!("The currencies are {}.", known.join(", ")))
}

fn meant<'a>(error: Error, word: &str, known: impl Iterator<Item = &'a str>, what: &str) -> Error {
    let known: Vec<&str> = known.collect();
    let same_but_for_case = known.iter().copied().find(|candidate| candidate.to_lowercase() == word.to_lowercase());
    match same_but_for_case.or_else(|| nearest(word, known.iter().copied())) {
        Some(near) => error.with_hint(format!("Perhaps you meant the {what} \"{near}\".")),
        None => error,
    }
}

/// Two of the currencies that a sum would mix.
pub fn currencies_mixed(one: &str, other: &str) -> Error {
    Error::new(SqlState::InvalidParameterValue, format!("amounts in {one} and {other} cannot be added"))
        .with_hint(format!("Add up one currency at a time, as in currency => '{one}'."))
}
