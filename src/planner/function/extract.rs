//! `extract(field FROM moment)` as `numeric`, and `date_part('field', moment)` as `double precision`.
//!
//! Instants are read in the session's zone. Fields that need more than a calendar lookup are computed here; the others
//! are the engine's `date_part`. Not here: `julian` of what has a time of day (0A000).

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, Int32Array, Int64Array};
use arrow::compute::{DatePart, cast, date_part};
use arrow::datatypes::{
    DataType, Date32Type, Int32Type, IntervalMonthDayNanoType, IntervalUnit, Time64MicrosecondType, TimeUnit,
    TimestampMicrosecondType,
};
use datafusion::common::Result;
use datafusion::scalar::ScalarValue;

use super::Body;
use crate::error::message;
use crate::planner::dialect::{Session, instant_type};
use crate::wire::calendar::Day;

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;
/// The Julian day of 1970-01-01.
const JULIAN_OF_1970: i64 = 2_440_588;

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
    Decade,
    Century,
    Millennium,
    /// Days since 4714-11-24 BC, of a date.
    Julian,
    /// Whole units of the months of an interval: so many months, of which the remainder by the second counts.
    Months {
        unit: i32,
        of: i32,
    },
    IntervalQuarter,
    /// East of Greenwich, in seconds over the divisor, of which the remainder by the second counts.
    Zone {
        divisor: i64,
        of: i64,
    },
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
            Field::Calendar(_)
            | Field::IsoWeekday
            | Field::Decade
            | Field::Century
            | Field::Millennium
            | Field::Julian
            | Field::Months { .. }
            | Field::IntervalQuarter
            | Field::Zone { .. } => DataType::Decimal128(10, 0),
            Field::Seconds { scale } => DataType::Decimal128(18, scale),
            Field::Epoch if *moment == DataType::Date32 => DataType::Decimal128(18, 0),
            Field::Epoch => DataType::Decimal128(20, 6),
        })
    }

    fn compute(&self, args: &[ArrayRef], gives: &DataType) -> Result<ArrayRef> {
        let moments = self.session.local_times(&args[1])?;
        let name = ScalarValue::try_from_array(&args[0], 0)?;
        let field = field(name.try_as_str().flatten().unwrap_or_default(), args[1].data_type())?;
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
            Field::Decade => of_year(&moments, |year| year.div_euclid(10))?,
            Field::Century => of_year(&moments, |year| of_years(year, 100))?,
            Field::Millennium => of_year(&moments, |year| of_years(year, 1_000))?,
            Field::Julian => of_days(&moments, |days| days + JULIAN_OF_1970)?,
            Field::Months { unit, of } => months(&moments, |months| months / unit % of),
            Field::IntervalQuarter => months(&moments, |months| months % 12 / 3 + 1),
            Field::Zone { divisor, of } => {
                let instants = micros(&cast(&args[1], &instant_type())?)?.collect::<Vec<_>>();
                let offsets: Int64Array = micros(&moments)?
                    .zip(instants)
                    .map(|(local, instant)| Some((local? - instant?) / SECOND / divisor % of))
                    .collect();
                Arc::new(offsets)
            }
        };
        Ok(cast(&values, gives)?)
    }
}

/// Days since 1970 as some other count.
fn of_days(moments: &ArrayRef, count: impl Fn(i64) -> i64) -> Result<ArrayRef> {
    let counts: Int64Array =
        micros(moments)?.map(|micros| micros.map(|micros| count(micros.div_euclid(DAY)))).collect();
    Ok(Arc::new(counts))
}

/// The year as some other count.
fn of_year(moments: &ArrayRef, count: impl Fn(i64) -> i64) -> Result<ArrayRef> {
    of_days(moments, |days| count(Day::from_days(days).year))
}

/// Centuries and millennia begin with the year 1; there is no century 0.
fn of_years(year: i64, unit: i64) -> i64 {
    if year > 0 { (year + unit - 1) / unit } else { -((unit - year) / unit) }
}

fn months(spans: &ArrayRef, count: impl Fn(i32) -> i32) -> ArrayRef {
    let counts: Int32Array = spans
        .as_primitive::<IntervalMonthDayNanoType>()
        .iter()
        .map(|span| span.map(|span| count(span.months)))
        .collect();
    Arc::new(counts)
}

fn decimal(scale: i8, micros: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    // Microseconds are sixths of a second, thirds of a millisecond, and whole.
    let values: Decimal128Array = micros.map(|micros| micros.map(i128::from)).collect();
    Arc::new(values.with_data_type(DataType::Decimal128(38, scale)))
}

/// Errors: 22023 for an unknown field, 0A000 for one that is not answered.
fn field(name: &str, moment: &DataType) -> Result<Field> {
    let lower = name.to_ascii_lowercase();
    let is_interval = matches!(moment, DataType::Interval(_));
    let has_time = !matches!(moment, DataType::Date32);
    let has_day = !matches!(moment, DataType::Time64(_));
    let is_instant = matches!(moment, DataType::Timestamp(_, Some(_)));
    let part = |part| Some(Field::Calendar(part));
    let found = match lower.as_str() {
        "epoch" => Some(Field::Epoch),
        "second" | "seconds" | "sec" | "secs" | "s" if has_time => Some(Field::Seconds { scale: 6 }),
        "millisecond" | "milliseconds" | "msec" | "ms" if has_time => Some(Field::Seconds { scale: 3 }),
        "microsecond" | "microseconds" | "usec" | "us" if has_time => Some(Field::Seconds { scale: 0 }),
        "hour" | "hours" | "hr" | "hrs" | "h" if has_time => part(DatePart::Hour),
        "minute" | "minutes" | "min" | "mins" | "m" if has_time => part(DatePart::Minute),
        "day" | "days" | "d" if has_day => part(DatePart::Day),
        "year" | "years" | "yr" | "yrs" | "y" if is_interval => Some(Field::Months { unit: 12, of: i32::MAX }),
        "month" | "months" | "mon" | "mons" if is_interval => Some(Field::Months { unit: 1, of: 12 }),
        "quarter" | "qtr" if is_interval => Some(Field::IntervalQuarter),
        "decade" | "decades" if is_interval => Some(Field::Months { unit: 120, of: i32::MAX }),
        "century" | "centuries" if is_interval => Some(Field::Months { unit: 1_200, of: i32::MAX }),
        "millennium" | "millennia" if is_interval => Some(Field::Months { unit: 12_000, of: i32::MAX }),
        "decade" | "decades" if has_day => Some(Field::Decade),
        "century" | "centuries" if has_day => Some(Field::Century),
        "millennium" | "millennia" if has_day => Some(Field::Millennium),
        "year" | "years" | "yr" | "yrs" | "y" if has_day => part(DatePart::Year),
        "month" | "months" | "mon" | "mons" if has_day => part(DatePart::Month),
        "isoyear" if has_day && !is_interval => part(DatePart::YearISO),
        "quarter" | "qtr" if has_day => part(DatePart::Quarter),
        "week" | "weeks" | "w" if has_day && !is_interval => part(DatePart::Week),
        "dow" if has_day && !is_interval => part(DatePart::DayOfWeekSunday0),
        "isodow" if has_day && !is_interval => Some(Field::IsoWeekday),
        "doy" if has_day && !is_interval => part(DatePart::DayOfYear),
        "julian" if !has_time => Some(Field::Julian),
        "timezone" if is_instant => Some(Field::Zone { divisor: 1, of: i64::MAX }),
        "timezone_hour" if is_instant => Some(Field::Zone { divisor: 3_600, of: i64::MAX }),
        "timezone_minute" if is_instant => Some(Field::Zone { divisor: 60, of: 60 }),
        _ => None,
    };
    const KNOWN: [&str; 19] = [
        "second",
        "millisecond",
        "microsecond",
        "hour",
        "minute",
        "day",
        "week",
        "month",
        "quarter",
        "year",
        "isoyear",
        "dow",
        "isodow",
        "doy",
        "julian",
        "timezone",
        "timezone_hour",
        "timezone_minute",
        "decade",
    ];
    found.ok_or_else(|| {
        let type_name = message::type_name(moment);
        match KNOWN.contains(&lower.as_str()) {
            true => message::unit_of_type_unsupported(&lower, &type_name).into(),
            false => message::unit_of_type_unknown(&lower, &type_name).into(),
        }
    })
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
