//! Dates, times and instants as text, in the four styles of DateStyle.

use std::fmt::Write;

use bytes::{BufMut, BytesMut};
use chrono::{DateTime, Offset, TimeZone};
use chrono_tz::OffsetName;

use super::digits;
use crate::session::text_format::{DateOrder, DateStyle, TextFormat};
use crate::wire::calendar::{Day, MICROS_PER_DAY, MICROS_PER_SECOND};

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// 1970-01-01 was a Thursday.
const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];

/// The days beyond which a date is infinite: the ends of 32 bits, as PostgreSQL has them.
pub(super) fn date(out: &mut BytesMut, days: i64, format: &TextFormat) {
    if days >= i64::from(i32::MAX) {
        return out.put_slice(b"infinity");
    }
    if days <= i64::from(i32::MIN) {
        return out.put_slice(b"-infinity");
    }
    let day = Day::from_days(days);
    day_parts(out, day, format);
    era(out, day);
}

fn day_parts(out: &mut BytesMut, day: Day, format: &TextFormat) {
    let is_day_first = format.date_order == DateOrder::DayMonthYear;
    let separator = match format.date_style {
        DateStyle::Iso => {
            year(out, day);
            for part in [day.month, day.day] {
                out.put_u8(b'-');
                digits::padded(out, part.into(), 2);
            }
            return;
        }
        DateStyle::Sql => b'/',
        DateStyle::Postgres => b'-',
        DateStyle::German => b'.',
    };
    let parts = if is_day_first || format.date_style == DateStyle::German {
        [day.day, day.month]
    } else {
        [day.month, day.day]
    };
    for part in parts {
        digits::padded(out, part.into(), 2);
        out.put_u8(separator);
    }
    year(out, day);
}

fn year(out: &mut BytesMut, day: Day) {
    // The year before 1 is 1 BC.
    let year = if day.year > 0 { day.year } else { 1 - day.year };
    digits::padded(out, year.unsigned_abs(), 4);
}

fn era(out: &mut BytesMut, day: Day) {
    if day.year <= 0 {
        out.put_slice(b" BC");
    }
}

/// `micros` of a day, 24:00:00 included.
pub(super) fn time(out: &mut BytesMut, micros: i64) {
    let seconds = micros.div_euclid(MICROS_PER_SECOND);
    let sign = if seconds < 0 { "-" } else { "" };
    out.put_slice(sign.as_bytes());
    clock(out, seconds.unsigned_abs(), micros.rem_euclid(MICROS_PER_SECOND).unsigned_abs());
}

/// `HH:MM:SS[.ffffff]` without trailing zeros; hours may pass 24.
pub(super) fn clock(out: &mut BytesMut, seconds: u64, micros: u64) {
    digits::padded(out, seconds / 3_600, 2);
    out.put_u8(b':');
    digits::padded(out, seconds / 60 % 60, 2);
    out.put_u8(b':');
    digits::padded(out, seconds % 60, 2);
    fraction(out, micros);
}

/// `.ffffff` without trailing zeros; nothing of a whole second.
pub(super) fn fraction(out: &mut BytesMut, micros: u64) {
    if micros > 0 {
        out.put_u8(b'.');
        digits::padded(out, micros, 6);
        while out.ends_with(b"0") {
            out.truncate(out.len() - 1);
        }
    }
}

fn infinite(out: &mut BytesMut, micros: i64) -> bool {
    match micros {
        i64::MAX => out.put_slice(b"infinity"),
        i64::MIN => out.put_slice(b"-infinity"),
        _ => return false,
    }
    true
}

pub(super) fn timestamp(out: &mut BytesMut, micros: i64, format: &TextFormat) {
    if !infinite(out, micros) {
        let day = local(out, micros, format);
        era(out, day);
    }
}

/// Appends day and time of day, and returns the day, whose era stands last.
fn local(out: &mut BytesMut, micros: i64, format: &TextFormat) -> Day {
    let days = micros.div_euclid(MICROS_PER_DAY);
    let day = Day::from_days(days);
    let of_day = micros.rem_euclid(MICROS_PER_DAY);
    if format.date_style != DateStyle::Postgres {
        day_parts(out, day, format);
        out.put_u8(b' ');
        time(out, of_day);
        return day;
    }
    // Mon Sep 07 11:00:00 2026
    out.put_slice(WEEKDAYS[days.rem_euclid(7) as usize].as_bytes());
    out.put_u8(b' ');
    let month = MONTHS[day.month as usize - 1];
    // Writing to memory cannot fail.
    let _ = if format.date_order == DateOrder::DayMonthYear {
        write!(out, "{:02} {month} ", day.day)
    } else {
        write!(out, "{month} {:02} ", day.day)
    };
    time(out, of_day);
    out.put_u8(b' ');
    year(out, day);
    day
}

pub(super) fn instant(out: &mut BytesMut, micros: i64, format: &TextFormat) {
    if infinite(out, micros) {
        return;
    }
    let (offset, name) = offset(micros, format);
    let day = local(out, micros.saturating_add(i64::from(offset) * MICROS_PER_SECOND), format);
    match name {
        Some(name) if format.date_style != DateStyle::Iso => {
            out.put_u8(b' ');
            out.put_slice(name.as_bytes());
        }
        _ => {
            // Without a space it would not read back.
            if format.date_style == DateStyle::Postgres {
                out.put_u8(b' ');
            }
            numeric_zone(out, offset);
        }
    }
    era(out, day);
}

/// `+02`, `-03:30`, `+00:53:28`.
fn numeric_zone(out: &mut BytesMut, offset: i32) {
    out.put_u8(if offset < 0 { b'-' } else { b'+' });
    let offset = u64::from(offset.unsigned_abs());
    digits::padded(out, offset / 3_600, 2);
    let (minutes, seconds) = (offset / 60 % 60, offset % 60);
    if minutes > 0 || seconds > 0 {
        out.put_u8(b':');
        digits::padded(out, minutes, 2);
    }
    if seconds > 0 {
        out.put_u8(b':');
        digits::padded(out, seconds, 2);
    }
}

/// Seconds east of UTC, and what the zone calls that; beyond the years of the zone tables, none.
fn offset(micros: i64, format: &TextFormat) -> (i32, Option<String>) {
    if format.time_zone == chrono_tz::UTC {
        return (0, (format.date_style != DateStyle::Iso).then(|| "UTC".to_owned()));
    }
    let Some(instant) = DateTime::from_timestamp_micros(micros) else { return (0, None) };
    let offset = format.time_zone.offset_from_utc_datetime(&instant.naive_utc());
    let name = match format.date_style {
        DateStyle::Iso => None,
        _ => Some(offset.abbreviation().map_or_else(|| numeric_name(offset.fix().local_minus_utc()), str::to_owned)),
    };
    (offset.fix().local_minus_utc(), name)
}

/// What the zone tables call an offset without a name of its own: `+13`, `-0330`.
fn numeric_name(offset: i32) -> String {
    let sign = if offset < 0 { '-' } else { '+' };
    let seconds = offset.unsigned_abs();
    let mut name = format!("{sign}{:02}", seconds / 3_600);
    for (part, is_told) in
        [(seconds / 60 % 60, !seconds.is_multiple_of(3_600)), (seconds % 60, !seconds.is_multiple_of(60))]
    {
        if is_told {
            // Writing to memory cannot fail.
            let _ = write!(name, "{part:02}");
        }
    }
    name
}
