//! Intervals as text, in the four styles of IntervalStyle.

use std::fmt::Write;

use bytes::{BufMut, BytesMut};

use super::digits;
use super::moment::{clock, fraction};
use super::value::Span;
use crate::session::text_format::IntervalStyle;
use crate::wire::calendar::MICROS_PER_SECOND;

pub(super) fn write(out: &mut BytesMut, span: Span, style: IntervalStyle) {
    match style {
        IntervalStyle::Postgres => postgres(out, span),
        IntervalStyle::PostgresVerbose => verbose(out, &Parts::of(span)),
        IntervalStyle::SqlStandard => sql_standard(out, &Parts::of(span)),
        IntervalStyle::Iso8601 => iso_8601(out, &Parts::of(span)),
    }
}

/// An interval in the units that people read; each with its own sign.
struct Parts {
    years: i64,
    months: i64,
    days: i64,
    hours: i64,
    minutes: i64,
    /// Seconds and microseconds have one sign.
    seconds: i64,
    micros: i64,
}

impl Parts {
    fn of(span: Span) -> Self {
        let seconds = span.micros / MICROS_PER_SECOND;
        Self {
            years: i64::from(span.months) / 12,
            months: i64::from(span.months) % 12,
            days: span.days.into(),
            hours: seconds / 3_600,
            minutes: seconds / 60 % 60,
            seconds: seconds % 60,
            micros: span.micros % MICROS_PER_SECOND,
        }
    }

    fn all(&self) -> [i64; 7] {
        [self.years, self.months, self.days, self.hours, self.minutes, self.seconds, self.micros]
    }

    fn negated(&self) -> Self {
        let [years, months, days, hours, minutes, seconds, micros] = self.all().map(|part| -part);
        Self { years, months, days, hours, minutes, seconds, micros }
    }
}

/// `1 year 2 mons -3 days +04:05:06.7`. A part behind a negative one carries its sign.
fn postgres(out: &mut BytesMut, span: Span) {
    let mut any = false;
    let mut behind_negative = false;
    let parts =
        [(i64::from(span.months) / 12, "year"), (i64::from(span.months) % 12, "mon"), (i64::from(span.days), "day")];
    for (count, unit) in parts {
        if count == 0 {
            continue;
        }
        if any {
            out.put_u8(b' ');
        }
        if behind_negative && count > 0 {
            out.put_u8(b'+');
        }
        digits::integer(out, count);
        out.put_u8(b' ');
        out.put_slice(unit.as_bytes());
        if count != 1 {
            out.put_u8(b's');
        }
        any = true;
        behind_negative = count < 0;
    }
    if any && span.micros == 0 {
        return;
    }
    if any {
        out.put_u8(b' ');
    }
    if span.micros < 0 {
        out.put_u8(b'-');
    } else if behind_negative {
        out.put_u8(b'+');
    }
    let micros = span.micros.unsigned_abs();
    let per_second = MICROS_PER_SECOND.unsigned_abs();
    clock(out, micros / per_second, micros % per_second);
}

/// `@ 1 year 2 mons -3 days 4 hours 5 mins 6.7 secs`; `ago` behind all turns the signs around.
fn verbose(out: &mut BytesMut, parts: &Parts) {
    out.put_u8(b'@');
    let is_ago = parts.all().into_iter().find(|part| *part != 0).is_some_and(|part| part < 0);
    let parts = if is_ago { parts.negated() } else { Parts { ..*parts } };
    let units = [
        (parts.years, "year"),
        (parts.months, "mon"),
        (parts.days, "day"),
        (parts.hours, "hour"),
        (parts.minutes, "min"),
    ];
    let mut any = false;
    for (count, unit) in units.into_iter().filter(|(count, _)| *count != 0) {
        any = true;
        // Writing to memory cannot fail.
        let _ = write!(out, " {count} {unit}{}", if count == 1 { "" } else { "s" });
    }
    if parts.seconds != 0 || parts.micros != 0 {
        any = true;
        out.put_u8(b' ');
        if parts.seconds < 0 || parts.micros < 0 {
            out.put_u8(b'-');
        }
        digits::padded(out, parts.seconds.unsigned_abs(), 1);
        fraction(out, parts.micros.unsigned_abs());
        let is_one = parts.seconds.unsigned_abs() == 1 && parts.micros == 0;
        out.put_slice(if is_one { b" sec" } else { b" secs" });
    }
    if !any {
        out.put_slice(b" 0");
    }
    if is_ago {
        out.put_slice(b" ago");
    }
}

/// `1-2` of years and months, `3 4:05:06` of days and times; with all signs where both are there, or signs differ.
fn sql_standard(out: &mut BytesMut, parts: &Parts) {
    let all = parts.all();
    let (has_negative, has_positive) = (all.iter().any(|part| *part < 0), all.iter().any(|part| *part > 0));
    if !has_negative && !has_positive {
        return out.put_u8(b'0');
    }
    let has_months = parts.years != 0 || parts.months != 0;
    let has_time = all[2..].iter().any(|part| *part != 0);
    let is_mixed = (has_negative && has_positive) || (has_months && has_time);
    if is_mixed {
        let sign = |parts: &[i64]| if parts.iter().any(|part| *part < 0) { '-' } else { '+' };
        let _ = write!(
            out,
            "{}{}-{} {}{} {}",
            sign(&all[..2]),
            parts.years.unsigned_abs(),
            parts.months.unsigned_abs(),
            sign(&all[2..3]),
            parts.days.unsigned_abs(),
            sign(&all[3..]),
        );
        return short_clock(out, parts);
    }
    if has_negative {
        out.put_u8(b'-');
    }
    if has_months {
        let _ = write!(out, "{}-{}", parts.years.unsigned_abs(), parts.months.unsigned_abs());
        return;
    }
    if parts.days != 0 {
        let _ = write!(out, "{} ", parts.days.unsigned_abs());
    }
    short_clock(out, parts);
}

/// `4:05:06.7`, without sign.
fn short_clock(out: &mut BytesMut, parts: &Parts) {
    let [hours, minutes, seconds] = [parts.hours, parts.minutes, parts.seconds].map(i64::unsigned_abs);
    let _ = write!(out, "{hours}:{minutes:02}:{seconds:02}");
    fraction(out, parts.micros.unsigned_abs());
}

/// `P1Y2M-3DT4H5M6.7S`.
fn iso_8601(out: &mut BytesMut, parts: &Parts) {
    if parts.all().iter().all(|part| *part == 0) {
        return out.put_slice(b"PT0S");
    }
    out.put_u8(b'P');
    let put = |out: &mut BytesMut, units: &[(i64, char)]| {
        for (count, unit) in units.iter().filter(|(count, _)| *count != 0) {
            let _ = write!(out, "{count}{unit}");
        }
    };
    put(out, &[(parts.years, 'Y'), (parts.months, 'M'), (parts.days, 'D')]);
    if parts.all()[3..].iter().all(|part| *part == 0) {
        return;
    }
    out.put_u8(b'T');
    put(out, &[(parts.hours, 'H'), (parts.minutes, 'M')]);
    if parts.seconds != 0 || parts.micros != 0 {
        if parts.seconds < 0 || parts.micros < 0 {
            out.put_u8(b'-');
        }
        digits::padded(out, parts.seconds.unsigned_abs(), 1);
        fraction(out, parts.micros.unsigned_abs());
        out.put_u8(b'S');
    }
}
