//! Intervals: multiplied and divided by a number, compared, made from parts.
//!
//! PostgreSQL's arithmetic: a part of a month is days of which a month has 30, a part of a day is time of which a day
//! has 24 hours; and that is how intervals compare.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, Float64Array, IntervalMonthDayNanoArray};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Float64Type, Int64Type, IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit,
};
use datafusion::common::Result;
use datafusion::scalar::ScalarValue;

use super::Body;
use crate::error::{Error, message};

const DAYS_OF_MONTH: f64 = 30.0;
const DAY_MICROS: f64 = 86_400e6;

/// `interval * double precision`, or divided by it. Errors: 22012, 22008.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Scale {
    pub divides: bool,
}

/// An interval as one number of microseconds, by which intervals compare.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Span;

/// `make_interval(years, months, weeks, days, hours, mins, secs)`; parts left out at the end are zero.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Make;

impl Body for Scale {
    fn name(&self) -> &str {
        if self.divides { "interval_div" } else { "interval_mul" }
    }

    fn gives(&self, _given: &[DataType], _literals: &[Option<&ScalarValue>]) -> Result<DataType> {
        Ok(DataType::Interval(IntervalUnit::MonthDayNano))
    }

    fn compute(&self, args: &[ArrayRef], _gives: &DataType) -> Result<ArrayRef> {
        let (spans, factors) =
            (args[0].as_primitive::<IntervalMonthDayNanoType>(), args[1].as_primitive::<Float64Type>());
        let scaled = spans
            .iter()
            .zip(factors)
            .map(|(span, factor)| {
                let (Some(span), Some(factor)) = (span, factor) else { return Ok(None) };
                if self.divides && factor == 0.0 {
                    return Err(message::division_by_zero());
                }
                let times = |part: f64| if self.divides { part / factor } else { part * factor };
                scaled(span, times).map(Some)
            })
            .collect::<Result<IntervalMonthDayNanoArray, Error>>()?;
        Ok(Arc::new(scaled))
    }
}

/// Whole months stay months; what is left of them falls to days, and what is left of those to time.
fn scaled(span: IntervalMonthDayNano, times: impl Fn(f64) -> f64) -> Result<IntervalMonthDayNano, Error> {
    let months = times(f64::from(span.months));
    let days = times(f64::from(span.days));
    let whole_months = months.trunc();
    // Seconds are kept to microseconds before they are split, as 0.1 is no float.
    let rounded = |seconds: f64| (seconds * 1e6).round_ties_even() / 1e6;
    let month_rest_days = rounded((months - whole_months) * DAYS_OF_MONTH);
    let whole_rest_days = month_rest_days.trunc();
    let day_rest_seconds = rounded((days - days.trunc() + month_rest_days - whole_rest_days) * 86_400.0);
    let (carried, seconds) = if day_rest_seconds.abs() >= 86_400.0 {
        let carried = (day_rest_seconds / 86_400.0).trunc();
        (carried, day_rest_seconds - carried * 86_400.0)
    } else {
        (0.0, day_rest_seconds)
    };
    let whole_days = days.trunc() + whole_rest_days + carried;
    let micros = (times((span.nanoseconds / 1_000) as f64) + seconds * 1e6).round_ties_even();
    let fits = |value: f64, most: f64| value.is_finite() && value.abs() <= most;
    if !fits(whole_months, f64::from(i32::MAX)) || !fits(whole_days, f64::from(i32::MAX)) || !fits(micros, 9.2e15) {
        return Err(message::out_of_range_of_datetime("interval"));
    }
    Ok(IntervalMonthDayNano::new(whole_months as i32, whole_days as i32, micros as i64 * 1_000))
}

impl Body for Span {
    fn name(&self) -> &str {
        "interval_cmp_value"
    }

    fn gives(&self, _given: &[DataType], _literals: &[Option<&ScalarValue>]) -> Result<DataType> {
        Ok(DataType::Decimal128(38, 0))
    }

    fn compute(&self, args: &[ArrayRef], gives: &DataType) -> Result<ArrayRef> {
        let spans: Decimal128Array = args[0]
            .as_primitive::<IntervalMonthDayNanoType>()
            .iter()
            .map(|span| {
                let span = span?;
                let days = i128::from(span.months) * 30 + i128::from(span.days);
                Some(days * DAY_MICROS as i128 + i128::from(span.nanoseconds / 1_000))
            })
            .collect();
        Ok(Arc::new(spans.with_data_type(gives.clone())))
    }
}

/// The names of `make_interval`'s arguments, in order.
pub const PARTS: [&str; 7] = ["years", "months", "weeks", "days", "hours", "mins", "secs"];

impl Body for Make {
    fn name(&self) -> &str {
        "make_interval"
    }

    fn gives(&self, given: &[DataType], _literals: &[Option<&ScalarValue>]) -> Result<DataType> {
        if given.len() > PARTS.len() || !given.iter().all(|part| part.is_numeric() || *part == DataType::Null) {
            return Err(message::function_missing_for("make_interval", given).into());
        }
        Ok(DataType::Interval(IntervalUnit::MonthDayNano))
    }

    fn compute(&self, args: &[ArrayRef], _gives: &DataType) -> Result<ArrayRef> {
        let rows = args.first().map_or(1, |array| array.len());
        let wholes = args
            .iter()
            .take(6)
            .map(|array| Ok(cast(array, &DataType::Int64)?.as_primitive::<Int64Type>().clone()))
            .collect::<Result<Vec<_>>>()?;
        let seconds: Option<Float64Array> = match args.get(6) {
            Some(array) => Some(cast(array, &DataType::Float64)?.as_primitive::<Float64Type>().clone()),
            None => None,
        };
        let spans = (0..rows)
            .map(|row| {
                if args.iter().any(|array| array.is_null(row)) {
                    return Ok(None);
                }
                let part = |at: usize| wholes.get(at).map_or(0, |array| array.value(row));
                let seconds = seconds.as_ref().map_or(0.0, |array| array.value(row));
                made([part(0), part(1), part(2), part(3), part(4), part(5)], seconds)
                    .map(Some)
                    .ok_or_else(|| message::out_of_range_of_datetime("interval"))
            })
            .collect::<Result<IntervalMonthDayNanoArray, Error>>()?;
        Ok(Arc::new(spans))
    }
}

fn made([years, months, weeks, days, hours, minutes]: [i64; 6], seconds: f64) -> Option<IntervalMonthDayNano> {
    let months = i32::try_from(years.checked_mul(12)?.checked_add(months)?).ok()?;
    let days = i32::try_from(weeks.checked_mul(7)?.checked_add(days)?).ok()?;
    let micros = hours.checked_mul(60)?.checked_add(minutes)?.checked_mul(60_000_000)?;
    let rest = (seconds * 1e6).round_ties_even();
    if !rest.is_finite() || rest.abs() > 9.2e15 {
        return None;
    }
    Some(IntervalMonthDayNano::new(months, days, micros.checked_add(rest as i64)?.checked_mul(1_000)?))
}
