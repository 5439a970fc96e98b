//! Values as PostgreSQL's text: ISO dates, intervals in the style `postgres`, bytea in hexadecimal.

use std::fmt::Write;

use arrow::array::Array;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use bytes::{BufMut, BytesMut};
use chrono::{DateTime, Offset, TimeZone};

use super::digits::{self, Digits};
use super::value::{Column, Span, Value};
use crate::session::TextFormat;
use crate::wire::calendar::{Day, MICROS_PER_DAY, MICROS_PER_SECOND};

/// Appends the text of a value.
pub(super) fn write(out: &mut BytesMut, value: &Value<'_>, format: &TextFormat) {
    match value {
        Value::Bool(true) => out.put_u8(b't'),
        Value::Bool(false) => out.put_u8(b'f'),
        Value::Int(value) => digits::integer(out, *value),
        Value::UInt(value) => digits::padded(out, *value, 1),
        Value::Float4(value) => digits::float4(out, *value),
        Value::Float8(value) => digits::float8(out, *value),
        Value::Decimal(value, scale) => digits::decimal(out, &Digits::of_i128(*value), *scale),
        Value::Decimal256(value, scale) => digits::decimal(out, &Digits::of_i256(*value), *scale),
        Value::Text(text) => out.put_slice(text.as_bytes()),
        Value::Bytes(bytes) => bytea(out, bytes),
        Value::Date(days) => date(out, *days),
        Value::Time(micros) => time(out, *micros),
        Value::Timestamp(micros) => timestamp(out, *micros),
        Value::Instant(micros) => instant(out, *micros, format),
        Value::Interval(span) => interval(out, *span),
        Value::List(items, range) => list(out, items, range.clone(), format),
        Value::Foreign(array, row) => foreign(out, *array, *row),
    }
}

/// Appends a value that was announced as `uuid`: sixteen bytes in groups, anything else as it is.
pub(super) fn write_uuid(out: &mut BytesMut, value: &Value<'_>, format: &TextFormat) {
    let Value::Bytes(bytes) = value else { return write(out, value, format) };
    for (index, byte) in bytes.iter().enumerate() {
        if bytes.len() == 16 && matches!(index, 4 | 6 | 8 | 10) {
            out.put_u8(b'-');
        }
        hexadecimal(out, *byte);
    }
}

/// As Arrow prints it; what even Arrow cannot print is named by its type.
fn foreign(out: &mut BytesMut, array: &dyn Array, row: usize) {
    const OPTIONS: FormatOptions<'static> = FormatOptions::new().with_display_error(true).with_null("NULL");
    // Writing to memory cannot fail, and Arrow's own errors are printed in place of the value.
    let _ = match ArrayFormatter::try_new(array, &OPTIONS) {
        Ok(formatter) => write!(out, "{}", formatter.value(row)),
        Err(_) => write!(out, "<{}>", array.data_type()),
    };
}

fn bytea(out: &mut BytesMut, bytes: &[u8]) {
    out.reserve(2 + 2 * bytes.len());
    out.put_slice(b"\\x");
    for byte in bytes {
        hexadecimal(out, *byte);
    }
}

fn hexadecimal(out: &mut BytesMut, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.put_u8(HEX[usize::from(byte >> 4)]);
    out.put_u8(HEX[usize::from(byte & 15)]);
}

/// The days beyond which a date is infinite: the ends of 32 bits, as PostgreSQL has them.
fn date(out: &mut BytesMut, days: i64) {
    if days >= i64::from(i32::MAX) {
        return out.put_slice(b"infinity");
    }
    if days <= i64::from(i32::MIN) {
        return out.put_slice(b"-infinity");
    }
    let day = Day::from_days(days);
    day_parts(out, day);
    era(out, day);
}

fn day_parts(out: &mut BytesMut, day: Day) {
    // The year before 1 is 1 BC.
    let year = if day.year > 0 { day.year } else { 1 - day.year };
    digits::padded(out, year.unsigned_abs(), 4);
    out.put_u8(b'-');
    digits::padded(out, day.month.into(), 2);
    out.put_u8(b'-');
    digits::padded(out, day.day.into(), 2);
}

fn era(out: &mut BytesMut, day: Day) {
    if day.year <= 0 {
        out.put_slice(b" BC");
    }
}

/// `micros` of a day, 24:00:00 included.
fn time(out: &mut BytesMut, micros: i64) {
    let seconds = micros.div_euclid(MICROS_PER_SECOND);
    let sign = if seconds < 0 { "-" } else { "" };
    out.put_slice(sign.as_bytes());
    clock(out, seconds.unsigned_abs(), micros.rem_euclid(MICROS_PER_SECOND).unsigned_abs());
}

/// `HH:MM:SS[.ffffff]` without trailing zeros; hours may pass 24.
fn clock(out: &mut BytesMut, seconds: u64, micros: u64) {
    digits::padded(out, seconds / 3_600, 2);
    out.put_u8(b':');
    digits::padded(out, seconds / 60 % 60, 2);
    out.put_u8(b':');
    digits::padded(out, seconds % 60, 2);
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

fn timestamp(out: &mut BytesMut, micros: i64) {
    if !infinite(out, micros) {
        let day = local(out, micros);
        era(out, day);
    }
}

/// Appends day and time of day, and returns the day, whose era stands last.
fn local(out: &mut BytesMut, micros: i64) -> Day {
    let day = Day::from_days(micros.div_euclid(MICROS_PER_DAY));
    day_parts(out, day);
    out.put_u8(b' ');
    time(out, micros.rem_euclid(MICROS_PER_DAY));
    day
}

fn instant(out: &mut BytesMut, micros: i64, format: &TextFormat) {
    if infinite(out, micros) {
        return;
    }
    let offset = offset_seconds(micros, format);
    let day = local(out, micros.saturating_add(i64::from(offset) * MICROS_PER_SECOND));
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
    era(out, day);
}

/// Seconds east of UTC; beyond the years of the zone tables, none.
fn offset_seconds(micros: i64, format: &TextFormat) -> i32 {
    if format.time_zone == chrono_tz::UTC {
        return 0;
    }
    DateTime::from_timestamp_micros(micros)
        .map_or(0, |instant| format.time_zone.offset_from_utc_datetime(&instant.naive_utc()).fix().local_minus_utc())
}

/// PostgreSQL's style: `1 year 2 mons -3 days +04:05:06.7`. A part behind a negative one carries its sign.
fn interval(out: &mut BytesMut, span: Span) {
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

fn list(out: &mut BytesMut, items: &Column<'_>, range: std::ops::Range<usize>, format: &TextFormat) {
    out.put_u8(b'{');
    for row in range.clone() {
        if row > range.start {
            out.put_u8(b',');
        }
        let Some(value) = items.at(row) else {
            out.put_slice(b"NULL");
            continue;
        };
        let start = out.len();
        write(out, &value, format);
        if !items.is_list() && needs_quotes(&out[start..]) {
            quote_from(out, start);
        }
    }
    out.put_u8(b'}');
}

fn needs_quotes(item: &[u8]) -> bool {
    item.is_empty()
        || item.eq_ignore_ascii_case(b"null")
        || item.iter().any(|byte| matches!(byte, b'"' | b'\\' | b'{' | b'}' | b',' | b' ' | b'\t'..=b'\r'))
}

fn quote_from(out: &mut BytesMut, start: usize) {
    let bare = out[start..].to_vec();
    out.truncate(start);
    out.put_u8(b'"');
    for byte in bare {
        if matches!(byte, b'"' | b'\\') {
            out.put_u8(b'\\');
        }
        out.put_u8(byte);
    }
    out.put_u8(b'"');
}
