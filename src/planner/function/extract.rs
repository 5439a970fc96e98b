//! `extract(field FROM moment)` as `numeric`, and `date_part('field', moment)` as `double precision`.
//!
//! Instants are read in the session's zone. Fields that need more than a calendar lookup are computed here; the others
//! are the engine's `date_part`. Not here: `julian`, `decade`, `century`, `millennium`, `timezone…` (0A000).

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array};
use arrow::compute::{DatePart, cast, date_part};
use arrow::datatypes::{
    DataType, Date32Type, Int32Type, IntervalMonthDayNanoType, IntervalUnit, Time64MicrosecondType, TimeUnit,
    TimestampMicrosecondType,
};
use datafusion::common::Result;
use datafusion::scalar::ScalarValue;

use super::Body;
use crate::error::message;
use crate::planner::dialect::Session;

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Extract {
    pub session: Session,
    /// `date_part`, which gives `double precision`.
    pub is_float: bool,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Calendar(DatePart),
    /// Monday is 1, Sunday 7.
    IsoWeekday,
    /// Of the minute, in microseconds; with the digits behind the point that PostgreSQL shows.
    Seconds {
        scale: i8,
    },
    /// Since 1970, or the length of an interval.
    Epoch,
}

impl Body for Extract {
    fn name(&self) -> &str {
        if self.is_float { "date_part" } else { "extract" }
    }

    fn gives(&self, given: &[DataType], literals: &[Option<&ScalarValue>]) -> Result<DataType> {
        let [_, moment] = given else {
            return Err(message::function_missing_for(self.name(), given).into());
        };
        if !moment.is_temporal() && *moment != DataType::Null {
            return Err(message::function_missing_for(self.name(), given).into());
        }
        let name = literals.first().copied().flatten().and_then(|name| name.try_as_str().flatten().map(str::to_owned));
        let Some(name) = name else {
            return Err(message::unsupported(&format!("{} with a computed field", self.name())).into());
        };
        let field = field(&name, moment)?;
        if self.is_float {
            return Ok(DataType::Float64);
        }
        Ok(match field {
            Field::Calendar(_) | Field::IsoWeekday => DataType::Decimal128(10, 0),
            Field::Seconds { scale } => DataType::Decimal128(18, scale),
            Field::Epoch if *moment == DataType::Date32 => DataType::Decimal128(18, 0),
            Field::Epoch => DataType::Decimal128(20, 6),
        })
    }

    fn compute(&self, args: &[ArrayRef], gives: &DataType) -> Result<ArrayRef> {
        let moments = self.session.local_times(&args[1])?;
        let name = ScalarValue::try_from_array(&args[0], 0)?;
        let field = field(name.try_as_str().flatten().unwrap_or_default(), moments.data_type())?;
        let values: ArrayRef = match field {
            Field::Calendar(part) => date_part(&moments, part)?,
            Field::IsoWeekday => {
                let monday_zero = date_part(&moments, DatePart::DayOfWeekMonday0)?;
                let days: arrow::array::Int32Array = monday_zero.as_primitive::<Int32Type>().unary(|day| day + 1);
                Arc::new(days)
            }
            Field::Seconds { scale } => {
                decimal(scale, micros(&moments)?.map(|micros| micros.map(|m| m.rem_euclid(60 * SECOND))))
            }
            Field::Epoch => decimal(6, micros(&moments)?),
        };
        Ok(cast(&values, gives)?)
    }
}

fn decimal(scale: i8, micros: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    // Microseconds are sixths of a second, thirds of a millisecond, and whole.
    let values: Decimal128Array = micros.map(|micros| micros.map(i128::from)).collect();
    Arc::new(values.with_data_type(DataType::Decimal128(38, scale)))
}

/// Errors: 22023 for an unknown field, 0A000 for one that is not answered.
fn field(name: &str, moment: &DataType) -> Result<Field> {
    let lower = name.to_ascii_lowercase();
    let part = |part| Ok(Field::Calendar(part));
    let is_interval = matches!(moment, DataType::Interval(_));
    match lower.as_str() {
        "epoch" => Ok(Field::Epoch),
        "second" | "seconds" | "sec" | "s" => Ok(Field::Seconds { scale: 6 }),
        "millisecond" | "milliseconds" | "msec" | "ms" => Ok(Field::Seconds { scale: 3 }),
        "microsecond" | "microseconds" | "usec" | "us" => Ok(Field::Seconds { scale: 0 }),
        "year" | "years" | "y" if !is_interval => part(DatePart::Year),
        "isoyear" if !is_interval => part(DatePart::YearISO),
        "quarter" | "qtr" if !is_interval => part(DatePart::Quarter),
        "month" | "months" | "mon" if !is_interval => part(DatePart::Month),
        "week" | "weeks" | "w" if !is_interval => part(DatePart::Week),
        "day" | "days" | "d" => part(DatePart::Day),
        "hour" | "hours" | "h" => part(DatePart::Hour),
        "minute" | "minutes" | "min" | "m" => part(DatePart::Minute),
        "dow" if !is_interval => part(DatePart::DayOfWeekSunday0),
        "isodow" if !is_interval => Ok(Field::IsoWeekday),
        "doy" if !is_interval => part(DatePart::DayOfYear),
        "year" | "month" | "quarter" | "julian" | "decade" | "century" | "millennium" | "timezone"
        | "timezone_hour" | "timezone_minute" => {
            Err(message::unsupported(&format!("unit \"{name}\" of {}", message::type_name(moment))).into())
        }
        _ => Err(message::unit_unknown(name, moment).into()),
    }
}

/// Microseconds since 1970, of the day, or of an interval with PostgreSQL's year of 365.25 days.
fn micros(moments: &ArrayRef) -> Result<Box<dyn Iterator<Item = Option<i64>> + '_>> {
    Ok(match moments.data_type() {
        DataType::Date32 => {
            Box::new(moments.as_primitive::<Date32Type>().iter().map(|day| day.map(|day| i64::from(day) * DAY)))
        }
        DataType::Time64(TimeUnit::Microsecond) => Box::new(moments.as_primitive::<Time64MicrosecondType>().iter()),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            Box::new(moments.as_primitive::<TimestampMicrosecondType>().iter())
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            Box::new(moments.as_primitive::<IntervalMonthDayNanoType>().iter().map(|span| {
                span.map(|span| {
                    let years = i64::from(span.months / 12) * (365 * DAY + DAY / 4);
                    years
                        + i64::from(span.months % 12) * 30 * DAY
                        + i64::from(span.days) * DAY
                        + span.nanoseconds / 1_000
                })
            }))
        }
        DataType::Null => Box::new(std::iter::repeat_n(None, moments.len())),
        other => return Err(message::internal(format!("epoch of {other}")).into()),
    })
}
