//! `age`: the difference of two moments in years, months, days and time, as people count.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, IntervalMonthDayNanoArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, IntervalMonthDayNano, IntervalUnit, TimestampMicrosecondType};
use chrono::{DateTime, Datelike, NaiveDateTime, Timelike};
use datafusion::common::Result;
use datafusion::scalar::ScalarValue;

use super::Body;
use crate::error::message;
use crate::planner::dialect::{Session, timestamp_type};

/// `age(later, earlier)`. Of one argument only, from today's midnight: not answered (0A000), as a function reads no
/// clock; write `age(current_date, x)`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Age {
    pub session: Session,
}

impl Body for Age {
    fn name(&self) -> &str {
        "age"
    }

    fn gives(&self, given: &[DataType], _literals: &[Option<&ScalarValue>]) -> Result<DataType> {
        let is_moment = |given: &DataType| matches!(given, DataType::Timestamp(..) | DataType::Date32 | DataType::Null);
        match given {
            [_] => Err(message::unsupported("age of one argument").into()),
            [later, earlier] if is_moment(later) && is_moment(earlier) => {
                Ok(DataType::Interval(IntervalUnit::MonthDayNano))
            }
            _ => Err(message::function_missing_for("age", given).into()),
        }
    }

    fn compute(&self, args: &[ArrayRef], _gives: &DataType) -> Result<ArrayRef> {
        let later = cast(&self.session.local_times(&args[0])?, &timestamp_type())?;
        let earlier = cast(&self.session.local_times(&args[1])?, &timestamp_type())?;
        let spans: IntervalMonthDayNanoArray = later
            .as_primitive::<TimestampMicrosecondType>()
            .iter()
            .zip(earlier.as_primitive::<TimestampMicrosecondType>().iter())
            .map(|(later, earlier)| age(later?, earlier?))
            .collect();
        Ok(Arc::new(spans))
    }
}

/// Years, months, … subtracted field by field; a field below zero borrows from the next, days from the length of the
/// month in which the earlier moment lies.
fn age(later: i64, earlier: i64) -> Option<IntervalMonthDayNano> {
    if later < earlier {
        let span = age(earlier, later)?;
        return Some(IntervalMonthDayNano::new(-span.months, -span.days, -span.nanoseconds));
    }
    let of = |micros: i64| DateTime::from_timestamp_micros(micros).map(|moment| moment.naive_utc());
    let (to, from) = (of(later)?, of(earlier)?);
    let mut months = (to.year() - from.year()) * 12 + to.month() as i32 - from.month() as i32;
    let mut days = to.day() as i32 - from.day() as i32;
    let mut micros = micros_of_day(&to) - micros_of_day(&from);
    if micros < 0 {
        micros += 86_400_000_000;
        days -= 1;
    }
    if days < 0 {
        days += i32::from(from.date().num_days_in_month());
        months -= 1;
    }
    Some(IntervalMonthDayNano::new(months, days, micros * 1_000))
}

fn micros_of_day(moment: &NaiveDateTime) -> i64 {
    i64::from(moment.num_seconds_from_midnight()) * 1_000_000 + i64::from(moment.nanosecond() / 1_000)
}
