//! `age`: the difference of two moments in years, months, days and time, as people count.
//!
//! Of one argument it is counted from today's midnight, which `dialect/spelling` puts before it: a function reads no
//! clock.

use arrow::datatypes::IntervalMonthDayNano;
use chrono::{DateTime, Datelike, NaiveDateTime, Timelike};

use super::datum::Datum;
use super::overload::{Overloaded, Takes, form, interval, strict};

pub const FUNCTIONS: &[Overloaded] = &[strict(
    "age",
    &[
        form(&[Takes::Instant, Takes::Instant], interval, |call, args| {
            let later = call.session.local_of(args[0].moment())?;
            let earlier = call.session.local_of(args[1].moment())?;
            Ok(age(later, earlier).map_or(Datum::Null, Datum::Interval))
        }),
        form(&[Takes::Timestamp, Takes::Timestamp], interval, |_, args| {
            Ok(age(args[0].moment(), args[1].moment()).map_or(Datum::Null, Datum::Interval))
        }),
    ],
)];

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
