//! `generate_series`, `generate_subscripts` as lists, which `sql/compat/set_returning.rs` unnests to rows.
//!
//! A list is made whole before its rows are read, so its length is bounded.

use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Array, Int32Array, Int64Array, TimestampMicrosecondArray, new_empty_array};
use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, IntervalMonthDayNano};
use datafusion::common::Result;
use datafusion::logical_expr::Volatility;
use datafusion::scalar::ScalarValue;

use super::calendar::moved;
use super::datum::Datum;
use super::overload::{Call, Overloaded, Takes, form, form_from, strict, variadic};
use crate::error::{Error, message};
use crate::planner::dialect::{Session, instant_type, timestamp_type};

/// Values of one series.
const VALUES_MAX: usize = 10_000_000;

const fn of_integers() -> DataType {
    DataType::Int32
}

fn int4s() -> DataType {
    DataType::new_list(of_integers(), true)
}

fn int8s() -> DataType {
    DataType::new_list(DataType::Int64, true)
}

fn timestamps() -> DataType {
    DataType::new_list(timestamp_type(), true)
}

fn instants() -> DataType {
    DataType::new_list(instant_type(), true)
}

const GENERATE_SERIES: Overloaded = strict(
    "list:generate_series",
    &[
        form(&[Takes::Int4, Takes::Int4], int4s, integers),
        form(&[Takes::Int4, Takes::Int4, Takes::Int4], int4s, integers),
        form(&[Takes::Int8, Takes::Int8], int8s, integers),
        form(&[Takes::Int8, Takes::Int8, Takes::Int8], int8s, integers),
        form(&[Takes::Instant, Takes::Instant, Takes::Interval], instants, moments),
        form(&[Takes::Timestamp, Takes::Timestamp, Takes::Interval], timestamps, moments),
        form_from(&[Takes::Numeric, Takes::Numeric], numerics_type, numerics),
        form_from(&[Takes::Numeric, Takes::Numeric, Takes::Numeric], numerics_type, numerics),
    ],
);

pub const FUNCTIONS: &[Overloaded] = &[
    // Not to be computed while planning: a plan would hold, and EXPLAIN would print, every value.
    Overloaded { volatility: Volatility::Volatile, ..GENERATE_SERIES },
    strict(
        "list:generate_subscripts",
        &[form(&[Takes::List, Takes::Int4], int4s, |_, args| {
            let length = if args[1].int() == 1 { args[0].list().len() } else { 0 };
            counted(1, i128::try_from(length).unwrap_or(0), 1, |values| Arc::new(Int32Array::from(narrow(values))))
        })],
    ),
    // 1, 2, 3, … beside the items of the longest of some lists: WITH ORDINALITY.
    super::overload::lenient(
        "list:ordinals",
        &[variadic(&[Takes::List], int8s, |_, args| {
            let longest = args.iter().map(|list| list.list().len()).max().unwrap_or(0);
            Ok(Datum::List(Arc::new((1..=i64::try_from(longest).unwrap_or(0)).collect::<Int64Array>())))
        })],
    ),
];

fn integers<'a>(call: &Call, args: &[Datum<'a>]) -> Result<Datum<'a>, Error> {
    let step = args.get(2).map_or(1, Datum::int);
    let is_small = call.gives == int4s();
    counted(args[0].int().into(), args[1].int().into(), step.into(), |values| {
        if is_small {
            Arc::new(Int32Array::from(narrow(values)))
        } else {
            Arc::new(values.into_iter().filter_map(|value| i64::try_from(value).ok()).collect::<Int64Array>())
        }
    })
}

fn narrow(values: Vec<i128>) -> Vec<i32> {
    values.into_iter().filter_map(|value| i32::try_from(value).ok()).collect()
}

/// Errors: 22023 for a step of zero, 54000 for too many values.
fn counted<'a>(
    first: i128,
    last: i128,
    step: i128,
    array: impl FnOnce(Vec<i128>) -> ArrayRef,
) -> Result<Datum<'a>, Error> {
    if step == 0 {
        return Err(message::step_zero());
    }
    let steps = (last - first).checked_div(step).unwrap_or(0);
    if (last - first).signum() * step.signum() < 0 {
        return Ok(Datum::List(array(Vec::new())));
    }
    let count = usize::try_from(steps + 1).ok().filter(|count| *count <= VALUES_MAX);
    let count = count.ok_or_else(|| message::series_too_long(VALUES_MAX))?;
    let mut values = Vec::with_capacity(count);
    let mut value = first;
    for _ in 0..count {
        values.push(value);
        value += step;
    }
    Ok(Datum::List(array(values)))
}

/// The scale of the most exact of the arguments.
fn numerics_type(given: &[DataType], _literals: &[Option<&ScalarValue>]) -> Result<DataType> {
    let scale = given.iter().map(|given| if let DataType::Decimal128(_, scale) = given { *scale } else { 0 }).max();
    Ok(DataType::new_list(DataType::Decimal128(DECIMAL128_MAX_PRECISION, scale.unwrap_or(0)), true))
}

fn numerics<'a>(call: &Call, args: &[Datum<'a>]) -> Result<Datum<'a>, Error> {
    let DataType::List(item) = &call.gives else {
        return Err(message::internal("a series is a list"));
    };
    let DataType::Decimal128(precision, scale) = item.data_type() else {
        return Err(message::internal("a series of numerics holds decimals"));
    };
    let at_scale = |value: &Datum<'_>| {
        let (value, own) = value.numeric();
        let factor = u32::try_from(scale - own).ok().and_then(|digits| 10_i128.checked_pow(digits));
        factor.and_then(|factor| value.checked_mul(factor)).ok_or_else(message::numeric_overflow)
    };
    let step = match args.get(2) {
        Some(step) => at_scale(step)?,
        None => at_scale(&Datum::Numeric(1, 0))?,
    };
    let wanted = DataType::Decimal128(*precision, *scale);
    counted(at_scale(&args[0])?, at_scale(&args[1])?, step, |values| {
        Arc::new(Decimal128Array::from(values).with_data_type(wanted))
    })
}

fn moments<'a>(call: &Call, args: &[Datum<'a>]) -> Result<Datum<'a>, Error> {
    let (first, last, step) = (args[0].moment(), args[1].moment(), args[2].interval());
    let is_instant = call.gives == instants();
    let direction = i128::from(step.months) * 30 * 86_400_000_000
        + i128::from(step.days) * 86_400_000_000
        + i128::from(step.nanoseconds / 1_000);
    if direction == 0 {
        return Err(message::step_zero());
    }
    if [first, last].iter().any(|moment| matches!(*moment, i64::MIN | i64::MAX)) {
        return Err(message::series_too_long(VALUES_MAX));
    }
    let mut values = Vec::new();
    let mut at = first;
    while (direction > 0 && at <= last) || (direction < 0 && at >= last) {
        if values.len() == VALUES_MAX {
            return Err(message::series_too_long(VALUES_MAX));
        }
        values.push(at);
        at = stepped(call.session, at, step, is_instant)?;
    }
    let array = TimestampMicrosecondArray::from(values);
    let list: ArrayRef = if is_instant { Arc::new(array.with_timezone("UTC")) } else { Arc::new(array) };
    Ok(Datum::List(if list.is_empty() { new_empty_array(list.data_type()) } else { list }))
}

/// Months and days of an instant are counted in the session's zone.
fn stepped(session: Session, at: i64, step: IntervalMonthDayNano, is_instant: bool) -> Result<i64, Error> {
    let is_clock = step.months == 0 && step.days == 0;
    let calendar = match (is_instant, is_clock) {
        (_, true) => at,
        (false, false) => moved(at, step.months, step.days)?,
        (true, false) => session.instant_of(moved(session.local_of(at)?, step.months, step.days)?)?,
    };
    calendar.checked_add(step.nanoseconds / 1_000).ok_or_else(|| message::out_of_range_of_datetime("timestamp"))
}
