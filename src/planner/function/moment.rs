//! Arithmetic of dates, times, timestamps and instants that the engine does not do, or not as PostgreSQL does.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, Date32Array, IntervalMonthDayNanoArray, Time64MicrosecondArray, TimestampMicrosecondArray,
};
use arrow::compute::kernels::numeric::{add, neg};
use arrow::compute::{cast, try_binary};
use arrow::datatypes::{
    DataType, Date32Type, Int32Type, Int64Type, IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit,
    Time64MicrosecondType, TimeUnit,
};
use arrow::error::ArrowError;
use datafusion::common::Result;
use datafusion::scalar::ScalarValue;

use super::Body;
use crate::error::message;
use crate::planner::dialect::{Session, timestamp_type};

const DAY: i64 = 86_400_000_000;
/// PostgreSQL's first and last day, counted from 1970.
const FIRST_DAY: i32 = -2_440_588;
const LAST_DAY: i32 = 2_145_031_948;

/// The time between two timestamps, instants, or times of day: days of 24 hours, and the rest.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Difference;

/// `date + time`: a timestamp.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Combine;

/// A date moved by a number of days. Errors: 22008 beyond the last day.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct DateShift {
    pub back: bool,
}

/// An instant, or a time of day, moved by an interval. Months and days of an instant are the session zone's; a time of
/// day runs round the clock.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Shift {
    pub session: Session,
    pub back: bool,
}

impl Body for Difference {
    fn name(&self) -> &str {
        "timestamp_mi"
    }

    fn gives(&self, _given: &[DataType], _literals: &[Option<&ScalarValue>]) -> Result<DataType> {
        Ok(DataType::Interval(IntervalUnit::MonthDayNano))
    }

    fn compute(&self, args: &[ArrayRef], _gives: &DataType) -> Result<ArrayRef> {
        let micros = |array: &ArrayRef| -> Result<arrow::array::Int64Array> {
            Ok(cast(array, &DataType::Int64)?.as_primitive::<Int64Type>().clone())
        };
        let (later, earlier) = (micros(&args[0])?, micros(&args[1])?);
        let spans = later
            .iter()
            .zip(earlier.iter())
            .map(|(later, earlier)| {
                let (Some(later), Some(earlier)) = (later, earlier) else { return Ok(None) };
                let span = later.checked_sub(earlier).and_then(|micros| {
                    let days = i32::try_from(micros / DAY).ok()?;
                    Some(IntervalMonthDayNano::new(0, days, micros % DAY * 1_000))
                });
                span.map(Some).ok_or_else(|| message::out_of_range_of_datetime("interval").into())
            })
            .collect::<Result<IntervalMonthDayNanoArray>>()?;
        Ok(Arc::new(spans))
    }
}

impl Body for Combine {
    fn name(&self) -> &str {
        "datetime_pl"
    }

    fn gives(&self, _given: &[DataType], _literals: &[Option<&ScalarValue>]) -> Result<DataType> {
        Ok(timestamp_type())
    }

    fn compute(&self, args: &[ArrayRef], _gives: &DataType) -> Result<ArrayRef> {
        let times = cast(&args[1], &DataType::Time64(TimeUnit::Microsecond))?;
        let moments: TimestampMicrosecondArray = args[0]
            .as_primitive::<Date32Type>()
            .iter()
            .zip(times.as_primitive::<Time64MicrosecondType>().iter())
            .map(|(day, time)| Some(i64::from(day?) * DAY + time?))
            .collect();
        Ok(Arc::new(moments))
    }
}

impl Body for DateShift {
    fn name(&self) -> &str {
        if self.back { "date_mii" } else { "date_pli" }
    }

    fn gives(&self, _given: &[DataType], _literals: &[Option<&ScalarValue>]) -> Result<DataType> {
        Ok(DataType::Date32)
    }

    fn compute(&self, args: &[ArrayRef], _gives: &DataType) -> Result<ArrayRef> {
        let (days, shifts) = (args[0].as_primitive::<Date32Type>(), args[1].as_primitive::<Int32Type>());
        let moved: Date32Array = try_binary(days, shifts, |day, shift| {
            let moved = if self.back { day.checked_sub(shift) } else { day.checked_add(shift) };
            moved
                .filter(|day| (FIRST_DAY..=LAST_DAY).contains(day))
                .ok_or_else(|| ArrowError::ExternalError(Box::new(message::out_of_range_of_datetime("date"))))
        })?;
        Ok(Arc::new(moved))
    }
}

impl Body for Shift {
    fn name(&self) -> &str {
        if self.back { "moment_mi_interval" } else { "moment_pl_interval" }
    }

    fn gives(&self, given: &[DataType], _literals: &[Option<&ScalarValue>]) -> Result<DataType> {
        given.first().cloned().ok_or_else(|| message::internal("a moment is missing").into())
    }

    fn compute(&self, args: &[ArrayRef], _gives: &DataType) -> Result<ArrayRef> {
        let spans = args[1].as_primitive::<IntervalMonthDayNanoType>();
        if let DataType::Time64(_) = args[0].data_type() {
            let times: Time64MicrosecondArray = args[0]
                .as_primitive::<Time64MicrosecondType>()
                .iter()
                .zip(spans)
                .map(|(time, span)| {
                    let micros = span?.nanoseconds / 1_000 % DAY;
                    Some((time? + if self.back { -micros } else { micros }).rem_euclid(DAY))
                })
                .collect();
            return Ok(Arc::new(times));
        }
        // Months and days move the local time, the rest moves the instant.
        let calendar: IntervalMonthDayNanoArray =
            spans.unary(|span| IntervalMonthDayNano::new(span.months, span.days, 0));
        let clock: IntervalMonthDayNanoArray = spans.unary(|span| IntervalMonthDayNano::new(0, 0, span.nanoseconds));
        let (calendar, clock) = match self.back {
            true => (neg(&calendar)?, neg(&clock)?),
            false => (Arc::new(calendar) as ArrayRef, Arc::new(clock) as ArrayRef),
        };
        let local = self.session.local_times(&args[0])?;
        let instants = self.session.instants(&add(&local, &calendar)?)?;
        // Without months and days the instant is kept: local times of a clock change would lose which one it was.
        let instants = arrow::compute::kernels::zip::zip(
            &spans.iter().map(|span| Some(span.is_some_and(|span| span.months != 0 || span.days != 0))).collect(),
            &instants,
            &args[0],
        )?;
        Ok(add(&instants, &clock)?)
    }
}
