//! Dates and times made of parts, cut to units, laid into bins: `make_date`, `date_trunc`, `date_bin`, `justify_days`, …

use arrow::datatypes::IntervalMonthDayNano;
use regulars_udfs::zone;

use super::datum::Datum;
use super::overload::{Call, Overloaded, Takes, bool, date, form, interval, strict};
use crate::error::{Error, message};
use crate::planner::dialect::{instant_type, time_type, timestamp_type};
use crate::wire::calendar::{Day, MICROS_PER_DAY, MICROS_PER_SECOND, days_of_month};

const HOUR: i64 = 3_600 * MICROS_PER_SECOND;
const MINUTE: i64 = 60 * MICROS_PER_SECOND;

const MAKE_TIMESTAMP: &[Takes] = &[Takes::Int4, Takes::Int4, Takes::Int4, Takes::Int4, Takes::Int4, Takes::Float];
const MAKE_TIMESTAMP_IN: &[Takes] =
    &[Takes::Int4, Takes::Int4, Takes::Int4, Takes::Int4, Takes::Int4, Takes::Float, Takes::Text];

pub const FUNCTIONS: &[Overloaded] = &[
    strict(
        "make_date",
        &[form(&[Takes::Int4, Takes::Int4, Takes::Int4], date, |_, args| made_day(&args[..3]).map(Datum::Date))],
    ),
    strict(
        "make_time",
        &[form(&[Takes::Int4, Takes::Int4, Takes::Float], time_type, |_, args| made_time(&args[..3]).map(Datum::Time))],
    ),
    strict("make_timestamp", &[form(MAKE_TIMESTAMP, timestamp_type, |_, args| made(args).map(Datum::Timestamp))]),
    strict(
        "make_timestamptz",
        &[
            form(MAKE_TIMESTAMP, instant_type, |call, args| Ok(Datum::Instant(call.session.instant_of(made(args)?)?))),
            form(MAKE_TIMESTAMP_IN, instant_type, |_, args| {
                Ok(Datum::Instant(zone::instant_of(made(args)?, &named_zone(args[6].text())?)))
            }),
        ],
    ),
    strict(
        "date_trunc",
        &[
            form(&[Takes::Text, Takes::Instant], instant_type, |call, args| {
                let local = call.session.local_of(args[1].moment())?;
                let cut = truncated(&args[0], local, "timestamp with time zone")?;
                Ok(Datum::Instant(call.session.instant_of(cut)?))
            }),
            form(&[Takes::Text, Takes::Timestamp], timestamp_type, |_, args| {
                truncated(&args[0], args[1].moment(), "timestamp without time zone").map(Datum::Timestamp)
            }),
            form(&[Takes::Text, Takes::Interval], interval, |_, args| truncated_interval(&args[0], args[1].interval())),
            form(&[Takes::Text, Takes::Instant, Takes::Text], instant_type, |call, args| {
                let zone = call.made_of(args[2].text(), named_zone)?;
                let local = zone::local_of(args[1].moment(), &zone);
                let cut = truncated(&args[0], local, "timestamp with time zone")?;
                Ok(Datum::Instant(zone::instant_of(cut, &zone)))
            }),
        ],
    ),
    strict(
        "date_bin",
        &[
            form(&[Takes::Interval, Takes::Instant, Takes::Instant], instant_type, |_, args| {
                binned(args).map(Datum::Instant)
            }),
            form(&[Takes::Interval, Takes::Timestamp, Takes::Timestamp], timestamp_type, |_, args| {
                binned(args).map(Datum::Timestamp)
            }),
        ],
    ),
    strict(
        "justify_days",
        &[form(&[Takes::Interval], interval, |_, args| {
            let span = args[0].interval();
            justified(span.months.into(), span.days.into(), span.nanoseconds, false)
        })],
    ),
    strict(
        "justify_hours",
        &[form(&[Takes::Interval], interval, |_, args| {
            let span = args[0].interval();
            let (days, nanos) = carried(span.days.into(), span.nanoseconds, MICROS_PER_DAY * 1_000);
            interval_of(span.months.into(), days, nanos)
        })],
    ),
    strict(
        "justify_interval",
        &[form(&[Takes::Interval], interval, |_, args| {
            let span = args[0].interval();
            justified(span.months.into(), span.days.into(), span.nanoseconds, true)
        })],
    ),
    strict(
        "overlaps",
        &[
            form(&[Takes::Instant, Takes::Instant, Takes::Instant, Takes::Instant], bool, overlap),
            form(&[Takes::Timestamp, Takes::Timestamp, Takes::Timestamp, Takes::Timestamp], bool, overlap),
            form(&[Takes::Date, Takes::Date, Takes::Date, Takes::Date], bool, overlap),
            form(&[Takes::Time, Takes::Time, Takes::Time, Takes::Time], bool, overlap),
        ],
    ),
    strict(
        "isfinite",
        &[
            form(&[Takes::Date], bool, |_, args| Ok(Datum::Bool(!matches!(args[0], Datum::Date(i32::MIN | i32::MAX))))),
            form(&[Takes::Timestamp], bool, is_finite),
            form(&[Takes::Instant], bool, is_finite),
            form(&[Takes::Interval], bool, |_, _| Ok(Datum::Bool(true))),
        ],
    ),
];

fn is_finite<'a>(_: &Call, args: &[Datum<'a>]) -> Result<Datum<'a>, Error> {
    Ok(Datum::Bool(!matches!(args[0].moment(), i64::MIN | i64::MAX)))
}

/// Whether two spans of time, each from its earlier end up to its later one, share a moment; one without a length is
/// its moment. With an interval for an end: not answered (42883), write the sum.
fn overlap<'a>(_: &Call, args: &[Datum<'a>]) -> Result<Datum<'a>, Error> {
    let span = |at: usize| {
        let (one, other) = (args[at].moment(), args[at + 1].moment());
        (one.min(other), one.max(other))
    };
    let ((start, end), (other_start, other_end)) = (span(0), span(2));
    Ok(Datum::Bool(start == other_start || (start < other_end && other_start < end)))
}

/// Seconds since 1970, for `to_timestamp(double precision)`. Errors: 22008.
pub fn of_epoch<'a>(_: &Call, args: &[Datum<'a>]) -> Result<Datum<'a>, Error> {
    let seconds = args[0].float();
    if seconds.is_infinite() {
        return Ok(Datum::Instant(if seconds > 0.0 { i64::MAX } else { i64::MIN }));
    }
    let micros = (seconds * 1e6).round_ties_even();
    if micros.is_nan() || micros.abs() > 9.2e18 {
        return Err(message::out_of_range_of_datetime("timestamp"));
    }
    Ok(Datum::Instant(micros as i64))
}

fn named_zone(name: &str) -> Result<zone::Zone, Error> {
    zone::parse(name).map_err(|_| message::time_zone_unknown(name))
}

/// A negative year is one before Christ; there is no year 0.
fn made_day(parts: &[Datum<'_>]) -> Result<i32, Error> {
    let (year, month, day) = (parts[0].int(), parts[1].int(), parts[2].int());
    let refused = || message::field_out_of_range("date", &format!("{year}-{month:02}-{day:02}"));
    if year == 0 {
        return Err(refused());
    }
    let part = |value: i64| u32::try_from(value).map_err(|_| refused());
    let day = Day { year: if year < 0 { year + 1 } else { year }, month: part(month)?, day: part(day)? };
    day.to_days().and_then(|days| i32::try_from(days).ok()).ok_or_else(refused)
}

fn made_time(parts: &[Datum<'_>]) -> Result<i64, Error> {
    let (hour, minute, second) = (parts[0].int(), parts[1].int(), parts[2].float());
    let micros = hour * HOUR + minute * MINUTE + (second * 1e6).round_ties_even() as i64;
    let fits = (0..=24).contains(&hour) && (0..60).contains(&minute) && (0.0..=60.0).contains(&second);
    if !fits || micros > MICROS_PER_DAY {
        return Err(message::field_out_of_range("time", &format!("{hour}:{minute:02}:{second:02}")));
    }
    Ok(micros)
}

fn made(parts: &[Datum<'_>]) -> Result<i64, Error> {
    let micros = i64::from(made_day(&parts[..3])?).checked_mul(MICROS_PER_DAY);
    let time = made_time(&parts[3..6])?;
    micros.and_then(|micros| micros.checked_add(time)).ok_or_else(|| message::out_of_range_of_datetime("timestamp"))
}

/// A unit of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Microsecond,
    Millisecond,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
    Decade,
    Century,
    Millennium,
}

impl Unit {
    /// By any of the names that PostgreSQL knows it by.
    fn named(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "microseconds" | "microsecond" | "us" | "usec" | "usecs" | "usecond" | "useconds" => Self::Microsecond,
            "milliseconds" | "millisecond" | "ms" | "msec" | "msecs" | "msecond" | "mseconds" => Self::Millisecond,
            "second" | "seconds" | "s" | "sec" | "secs" => Self::Second,
            "minute" | "minutes" | "m" | "min" | "mins" => Self::Minute,
            "hour" | "hours" | "h" | "hr" | "hrs" => Self::Hour,
            "day" | "days" | "d" => Self::Day,
            "week" | "weeks" | "w" => Self::Week,
            "month" | "months" | "mon" | "mons" => Self::Month,
            "quarter" | "qtr" => Self::Quarter,
            "year" | "years" | "y" | "yr" | "yrs" => Self::Year,
            "decade" | "decades" | "dec" | "decs" => Self::Decade,
            "century" | "centuries" | "c" | "cent" => Self::Century,
            "millennium" | "millennia" | "mil" | "mils" => Self::Millennium,
            _ => return None,
        })
    }

    /// Microseconds of the units that all have the same length.
    fn micros(self) -> Option<i64> {
        Some(match self {
            Self::Microsecond => 1,
            Self::Millisecond => 1_000,
            Self::Second => MICROS_PER_SECOND,
            Self::Minute => MINUTE,
            Self::Hour => HOUR,
            Self::Day => MICROS_PER_DAY,
            _ => return None,
        })
    }
}

/// The start of the unit in which a local time lies. Errors: 22023 for an unknown unit.
fn truncated(unit: &Datum<'_>, micros: i64, type_name: &str) -> Result<i64, Error> {
    let unit = Unit::named(unit.text()).ok_or_else(|| message::unit_of_type_unknown(unit.text(), type_name))?;
    if matches!(micros, i64::MIN | i64::MAX) {
        return Ok(micros);
    }
    if let Some(length) = unit.micros() {
        return Ok(micros - micros.rem_euclid(length));
    }
    let days = micros.div_euclid(MICROS_PER_DAY);
    let Day { year, month, .. } = Day::from_days(days);
    // Centuries and millennia begin with a year 1.
    let since = |years: i64| (year - 1).div_euclid(years) * years + 1;
    let (year, month) = match unit {
        Unit::Week => return Ok((days - (days + 3).rem_euclid(7)) * MICROS_PER_DAY),
        Unit::Month => (year, month),
        Unit::Quarter => (year, (month - 1) / 3 * 3 + 1),
        Unit::Decade => (year.div_euclid(10) * 10, 1),
        Unit::Century => (since(100), 1),
        Unit::Millennium => (since(1_000), 1),
        _ => (year, 1),
    };
    let day = Day { year, month, day: 1 }.to_days().and_then(|days| days.checked_mul(MICROS_PER_DAY));
    day.ok_or_else(|| message::out_of_range_of_datetime("timestamp"))
}

fn truncated_interval<'a>(unit: &Datum<'_>, span: IntervalMonthDayNano) -> Result<Datum<'a>, Error> {
    let name = unit.text();
    let unit = Unit::named(name).ok_or_else(|| message::unit_of_type_unknown(name, "interval"))?;
    let months = |unit: i32| IntervalMonthDayNano::new(span.months - span.months % unit, 0, 0);
    Ok(Datum::Interval(match unit {
        // A month has no whole number of weeks.
        Unit::Week => return Err(message::unit_of_interval(name)),
        Unit::Month => months(1),
        Unit::Quarter => months(3),
        Unit::Year => months(12),
        Unit::Decade => months(120),
        Unit::Century => months(1_200),
        Unit::Millennium => months(12_000),
        Unit::Day => IntervalMonthDayNano::new(span.months, span.days, 0),
        unit => {
            let length = unit.micros().unwrap_or(1) * 1_000;
            IntervalMonthDayNano::new(span.months, span.days, span.nanoseconds - span.nanoseconds % length)
        }
    }))
}

/// The start of the bin of a stride, counted from an origin. Errors: 0A000 for months, 22008.
fn binned(args: &[Datum<'_>]) -> Result<i64, Error> {
    let (stride, source, origin) = (args[0].interval(), args[1].moment(), args[2].moment());
    if stride.months != 0 {
        return Err(message::bins_of_months());
    }
    let length = i64::from(stride.days)
        .checked_mul(MICROS_PER_DAY)
        .and_then(|days| days.checked_add(stride.nanoseconds / 1_000))
        .ok_or_else(|| message::out_of_range_of_datetime("interval"))?;
    if length <= 0 {
        return Err(message::stride_not_positive());
    }
    let since = source.checked_sub(origin).ok_or_else(|| message::out_of_range_of_datetime("interval"))?;
    Ok(source - since.rem_euclid(length))
}

/// Whole parts of `rest` go over to `wholes`, and both get the same sign.
fn carried(wholes: i64, rest: i64, length: i64) -> (i64, i64) {
    let (mut wholes, mut rest) = (wholes + rest / length, rest % length);
    if wholes > 0 && rest < 0 {
        (wholes, rest) = (wholes - 1, rest + length);
    } else if wholes < 0 && rest > 0 {
        (wholes, rest) = (wholes + 1, rest - length);
    }
    (wholes, rest)
}

/// Months of 30 days, and days of 24 hours when `with_hours`.
fn justified<'a>(months: i64, days: i64, nanos: i64, with_hours: bool) -> Result<Datum<'a>, Error> {
    let day = MICROS_PER_DAY * 1_000;
    if !with_hours {
        let (months, days) = carried(months, days, 30);
        return interval_of(months, days, nanos);
    }
    let (mut days, mut nanos) = (days + nanos / day, nanos % day);
    let mut months = months + days / 30;
    days %= 30;
    if months > 0 && (days < 0 || (days == 0 && nanos < 0)) {
        (months, days) = (months - 1, days + 30);
    } else if months < 0 && (days > 0 || (days == 0 && nanos > 0)) {
        (months, days) = (months + 1, days - 30);
    }
    if days > 0 && nanos < 0 {
        (days, nanos) = (days - 1, nanos + day);
    } else if days < 0 && nanos > 0 {
        (days, nanos) = (days + 1, nanos - day);
    }
    interval_of(months, days, nanos)
}

fn interval_of<'a>(months: i64, days: i64, nanos: i64) -> Result<Datum<'a>, Error> {
    match (i32::try_from(months), i32::try_from(days)) {
        (Ok(months), Ok(days)) => Ok(Datum::Interval(IntervalMonthDayNano::new(months, days, nanos))),
        _ => Err(message::out_of_range_of_datetime("interval")),
    }
}

/// A local time moved by months, to the last day of a month that is too short, and by days. Errors: 22008.
pub fn moved(micros: i64, months: i32, days: i32) -> Result<i64, Error> {
    let refused = || message::out_of_range_of_datetime("timestamp");
    let (date, time) = (micros.div_euclid(MICROS_PER_DAY), micros.rem_euclid(MICROS_PER_DAY));
    let Day { year, month, day } = Day::from_days(date);
    let month = year * 12 + i64::from(month) - 1 + i64::from(months);
    let (year, month) = (month.div_euclid(12), u32::try_from(month.rem_euclid(12) + 1).map_err(|_| refused())?);
    let day = day.min(days_of_month(year, month));
    let date = Day { year, month, day }.to_days().ok_or_else(refused)? + i64::from(days);
    date.checked_mul(MICROS_PER_DAY).and_then(|micros| micros.checked_add(time)).ok_or_else(refused)
}
