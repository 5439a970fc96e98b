//! Values as PostgreSQL's text, in the styles that the session has set.

use std::fmt::Write;

use arrow::array::{Array, StructArray};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use bytes::{BufMut, BytesMut};

use super::digits::{self, Digits};
use super::value::{Column, Value};
use super::{interval, moment};
use crate::catalog::system::regproc_text;
use crate::session::text_format::{ByteaOutput, TextFormat};

/// Appends the text of a value.
pub(super) fn write(out: &mut BytesMut, value: &Value<'_>, format: &TextFormat) {
    match value {
        Value::Bool(true) => out.put_u8(b't'),
        Value::Bool(false) => out.put_u8(b'f'),
        Value::Int(value) => digits::integer(out, *value),
        Value::UInt(value) => digits::padded(out, *value, 1),
        Value::Float4(value) => digits::float4(out, *value, format.extra_float_digits),
        Value::Float8(value) => digits::float8(out, *value, format.extra_float_digits),
        Value::Decimal(value, scale) => digits::decimal(out, &Digits::of_i128(*value), *scale),
        Value::Decimal256(value, scale) => digits::decimal(out, &Digits::of_i256(*value), *scale),
        Value::Text(text) => out.put_slice(text.as_bytes()),
        Value::Bytes(bytes) => match format.bytea_output {
            ByteaOutput::Hex => bytea(out, bytes),
            ByteaOutput::Escape => bytea_escaped(out, bytes),
        },
        Value::Date(days) => moment::date(out, *days, format),
        Value::Time(micros) => moment::time(out, *micros),
        Value::Timestamp(micros) => moment::timestamp(out, *micros, format),
        Value::Instant(micros) => moment::instant(out, *micros, format),
        Value::Interval(span) => interval::write(out, *span, format.interval_style),
        Value::List(items, range) => list(out, items, range.clone(), format),
        Value::Foreign(array, row) => foreign(out, *array, *row, format),
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

/// A row: its fields by commas, those in quotes that would be read otherwise; nothing where one is NULL.
fn record(out: &mut BytesMut, fields: &StructArray, row: usize, format: &TextFormat) {
    out.put_u8(b'(');
    for (at, field) in fields.columns().iter().enumerate() {
        if at > 0 {
            out.put_u8(b',');
        }
        let column = Column::new(field.as_ref());
        let Some(value) = column.at(row) else { continue };
        let mut text = BytesMut::new();
        write(&mut text, &value, format);
        let is_plain = !text.is_empty()
            && !text.iter().any(|byte| matches!(byte, b'"' | b'\\' | b'(' | b')' | b',') || byte.is_ascii_whitespace());
        if is_plain {
            out.put_slice(&text);
            continue;
        }
        out.put_u8(b'"');
        for byte in &text {
            if matches!(byte, b'"' | b'\\') {
                out.put_u8(*byte);
            }
            out.put_u8(*byte);
        }
        out.put_u8(b'"');
    }
    out.put_u8(b')');
}

/// Appends a value that was announced as `regproc`: the name of the function with this number.
pub(super) fn write_regproc(out: &mut BytesMut, value: &Value<'_>, format: &TextFormat) {
    match value {
        Value::Int(oid) if let Ok(oid) = u32::try_from(*oid) => out.put_slice(regproc_text(oid).as_bytes()),
        _ => write(out, value, format),
    }
}

/// Appends a value that was announced as `oidvector` or `int2vector`: the numbers with spaces between.
pub(super) fn write_vector(out: &mut BytesMut, value: &Value<'_>, format: &TextFormat) {
    let Value::List(items, range) = value else { return write(out, value, format) };
    for row in range.clone() {
        if row > range.start {
            out.put_u8(b' ');
        }
        if let Some(item) = items.at(row) {
            write(out, &item, format);
        }
    }
}

/// As Arrow prints it; what even Arrow cannot print is named by its type.
fn foreign(out: &mut BytesMut, array: &dyn Array, row: usize, format: &TextFormat) {
    if let Some(fields) = array.as_any().downcast_ref::<StructArray>() {
        return record(out, fields, row, format);
    }
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

/// Printable characters as they are, a backslash doubled, other bytes in octal.
fn bytea_escaped(out: &mut BytesMut, bytes: &[u8]) {
    for byte in bytes {
        match byte {
            b'\\' => out.put_slice(b"\\\\"),
            0x20..=0x7e => out.put_u8(*byte),
            _ => {
                out.put_u8(b'\\');
                for shift in [6, 3, 0] {
                    out.put_u8(b'0' + (byte >> shift & 7));
                }
            }
        }
    }
}

fn hexadecimal(out: &mut BytesMut, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.put_u8(HEX[usize::from(byte >> 4)]);
    out.put_u8(HEX[usize::from(byte & 15)]);
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
