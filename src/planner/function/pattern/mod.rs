//! `to_char`, `to_date`, `to_timestamp`, `to_number`: values written and read after PostgreSQL's patterns.
//!
//! Two languages of patterns: of moments and intervals ([`moment`]), and of numbers ([`number`]). Both are written here
//! from their documentation and checked against PostgreSQL's answers; no library has them. Names of months and days
//! are English, the decimal point is a point: the locale C.

mod moment;
mod moment_read;
mod moment_write;
mod number;
mod number_read;
mod number_write;

use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType};
use datafusion::common::Result;
use datafusion::scalar::ScalarValue;

use self::moment::Pattern;
use self::moment_write::Shown;
use self::number::NumberPattern;
use super::datum::Datum;
use super::overload::{Call, Overloaded, Takes, date, form, form_from, strict, text};
use crate::error::{Error, message};
use crate::planner::dialect::instant_type;

pub const FUNCTIONS: &[Overloaded] = &[
    strict(
        "to_char",
        &[
            form(&[Takes::Instant, Takes::Text], text, moment_to_char),
            form(&[Takes::Timestamp, Takes::Text], text, moment_to_char),
            form(&[Takes::Interval, Takes::Text], text, moment_to_char),
            form(&[Takes::Int4, Takes::Text], text, number_to_char),
            form(&[Takes::Int8, Takes::Text], text, number_to_char),
            form(&[Takes::Numeric, Takes::Text], text, number_to_char),
            form(&[Takes::Float, Takes::Text], text, number_to_char),
        ],
    ),
    strict("to_date", &[form(&[Takes::Text, Takes::Text], date, to_date)]),
    strict(
        "to_timestamp",
        &[
            form(&[Takes::Float], instant_type, super::calendar::of_epoch),
            form(&[Takes::Text, Takes::Text], instant_type, to_timestamp),
        ],
    ),
    strict("to_number", &[form_from(&[Takes::Text, Takes::Text], number_type, to_number)]),
];

fn moment_to_char<'a>(call: &Call, args: &[Datum<'a>]) -> Result<Datum<'a>, Error> {
    let pattern = call.made_of(args[1].text(), |text| Ok(Pattern::of(text)))?;
    if args[1].text().is_empty() {
        return Ok(Datum::Null);
    }
    match Shown::of(&args[0], call.session)? {
        Some(shown) => Ok(Datum::owned_text(moment_write::written(&pattern, &shown)?)),
        // Infinity has no fields.
        None => Ok(Datum::Null),
    }
}

fn number_to_char<'a>(call: &Call, args: &[Datum<'a>]) -> Result<Datum<'a>, Error> {
    let pattern = call.made_of(args[1].text(), NumberPattern::of)?;
    Ok(Datum::owned_text(number_write::written(&pattern, &args[0])?))
}

fn to_date<'a>(call: &Call, args: &[Datum<'a>]) -> Result<Datum<'a>, Error> {
    let pattern = call.made_of(args[1].text(), |text| Ok(Pattern::of(text)))?;
    let read = moment_read::read(&pattern, args[0].text())?;
    Ok(Datum::Date(i32::try_from(read.days).map_err(|_| message::out_of_range_of_datetime("date"))?))
}

fn to_timestamp<'a>(call: &Call, args: &[Datum<'a>]) -> Result<Datum<'a>, Error> {
    let pattern = call.made_of(args[1].text(), |text| Ok(Pattern::of(text)))?;
    let read = moment_read::read(&pattern, args[0].text())?;
    let local = read.local_micros()?;
    Ok(Datum::Instant(match read.offset_seconds {
        Some(offset) => local - i64::from(offset) * 1_000_000,
        None => call.session.instant_of(local)?,
    }))
}

fn to_number<'a>(call: &Call, args: &[Datum<'a>]) -> Result<Datum<'a>, Error> {
    let pattern = call.made_of(args[1].text(), NumberPattern::of)?;
    number_read::read(&pattern, args[0].text())
}

/// A pattern that is written out tells the digits behind the point.
fn number_type(_given: &[DataType], literals: &[Option<&ScalarValue>]) -> Result<DataType> {
    let pattern = literals.get(1).copied().flatten().and_then(|pattern| pattern.try_as_str().flatten());
    let scale = match pattern {
        Some(pattern) => NumberPattern::of(pattern)?.scale(),
        None => 16,
    };
    Ok(DataType::Decimal128(DECIMAL128_MAX_PRECISION, i8::try_from(scale).unwrap_or(36).min(36)))
}
