//! Values in PostgreSQL's binary forms, laid out as the announced type wants them.

use std::ops::Range;

use bytes::{BufMut, BytesMut};

use super::digits::Digits;
use super::text;
use super::value::{Column, Span, Value};
use crate::error::{Error, Result, message};
use crate::pg_type::{Oid, PgType};
use crate::session::TextFormat;
use crate::wire::calendar::{DAYS_TO_2000, MICROS_PER_DAY, MICROS_TO_2000};

/// How the bytes of a type are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    Bool,
    Int2,
    Int4,
    Int8,
    /// Four bytes without a sign: object identifiers.
    Oid,
    Float4,
    Float8,
    Numeric,
    /// The characters, without more: also the layout of what we do not know.
    Text,
    Jsonb,
    Bytea,
    Date,
    Time,
    Timestamp,
    Interval,
    Uuid,
    /// Of items of this type.
    Array(Oid),
    /// The same, counted from 0.
    Vector(Oid),
}

impl Layout {
    pub fn of(pg_type: PgType) -> Self {
        if let Some(item) = pg_type.element() {
            return Self::Array(item.oid);
        }
        match pg_type.oid {
            16 => Self::Bool,
            17 => Self::Bytea,
            20 => Self::Int8,
            21 => Self::Int2,
            22 => Self::Vector(21),
            23 => Self::Int4,
            24 | 26 | 2205 | 2206 => Self::Oid,
            30 => Self::Vector(26),
            700 => Self::Float4,
            701 => Self::Float8,
            1082 => Self::Date,
            1083 => Self::Time,
            1114 | 1184 => Self::Timestamp,
            1186 => Self::Interval,
            1700 => Self::Numeric,
            2950 => Self::Uuid,
            3802 => Self::Jsonb,
            _ => Self::Text,
        }
    }
}

/// Appends a value. A number that its announced type cannot hold is refused (22003); an array announced as
/// something altogether different is a bug of ours (XX000).
pub(super) fn write(out: &mut BytesMut, value: &Value<'_>, layout: Layout, format: &TextFormat) -> Result<()> {
    match (layout, value) {
        (Layout::Text, _) => text::write(out, value, format),
        (Layout::Jsonb, _) => {
            out.put_u8(1);
            text::write(out, value, format);
        }
        (Layout::Bool, Value::Bool(value)) => out.put_u8((*value).into()),
        (Layout::Int2, _) => out.put_i16(narrow(value, "smallint")?),
        (Layout::Int4, _) => out.put_i32(narrow(value, "integer")?),
        (Layout::Int8, _) => out.put_i64(narrow(value, "bigint")?),
        (Layout::Oid, _) => out.put_u32(narrow(value, "oid")?),
        (Layout::Float4, Value::Float4(value)) => out.put_f32(*value),
        (Layout::Float4, Value::Float8(value)) => out.put_f32(*value as f32),
        (Layout::Float8, Value::Float4(value)) => out.put_f64((*value).into()),
        (Layout::Float8, Value::Float8(value)) => out.put_f64(*value),
        (Layout::Numeric, Value::Int(value)) => numeric(out, &Digits::of_i64(*value), 0),
        (Layout::Numeric, Value::UInt(value)) => numeric(out, &Digits::of_u64(*value), 0),
        (Layout::Numeric, Value::Decimal(value, scale)) => numeric(out, &Digits::of_i128(*value), *scale),
        (Layout::Numeric, Value::Decimal256(value, scale)) => numeric(out, &Digits::of_i256(*value), *scale),
        (Layout::Bytea, Value::Bytes(bytes)) => out.put_slice(bytes),
        (Layout::Bytea, Value::Text(text)) => out.put_slice(text.as_bytes()),
        (Layout::Date, Value::Date(days)) => out.put_i32(date(*days)),
        (Layout::Time, Value::Time(micros)) => out.put_i64(*micros),
        (Layout::Timestamp, Value::Timestamp(micros) | Value::Instant(micros)) => out.put_i64(timestamp(*micros)),
        (Layout::Timestamp, Value::Date(days)) => out.put_i64(timestamp(days.saturating_mul(MICROS_PER_DAY))),
        (Layout::Interval, Value::Interval(Span { months, days, micros })) => {
            out.put_i64(*micros);
            out.put_i32(*days);
            out.put_i32(*months);
        }
        (Layout::Uuid, Value::Bytes(bytes)) if bytes.len() == 16 => out.put_slice(bytes),
        (Layout::Uuid, Value::Text(text)) => uuid(out, text)?,
        (Layout::Array(item), Value::List(items, range)) => array(out, items, range.clone(), (item, 1), format)?,
        (Layout::Vector(item), Value::List(items, range)) => array(out, items, range.clone(), (item, 0), format)?,
        _ => return Err(mismatch(layout)),
    }
    Ok(())
}

fn mismatch(layout: Layout) -> Error {
    message::internal(format!("a value cannot be sent in the binary form of its announced type ({layout:?})"))
}

fn narrow<T: TryFrom<i64> + TryFrom<u64>>(value: &Value<'_>, type_name: &str) -> Result<T> {
    let narrowed = match value {
        Value::Int(value) => T::try_from(*value).ok(),
        Value::UInt(value) => T::try_from(*value).ok(),
        _ => return Err(message::internal(format!("a value announced as {type_name} is not an integer"))),
    };
    narrowed.ok_or_else(|| message::out_of_range_of_type(type_name))
}

/// Days since 2000; the ends of 32 bits are infinite.
fn date(days: i64) -> i32 {
    match i32::try_from(days) {
        Ok(i32::MIN) => i32::MIN,
        Ok(i32::MAX) => i32::MAX,
        Ok(days) => days.saturating_sub(DAYS_TO_2000),
        Err(_) if days < 0 => i32::MIN,
        Err(_) => i32::MAX,
    }
}

/// Microseconds since 2000; the ends of 64 bits are infinite.
fn timestamp(micros: i64) -> i64 {
    match micros {
        i64::MIN | i64::MAX => micros,
        _ => micros.saturating_sub(MICROS_TO_2000),
    }
}

/// Groups of four digits around the point, without zero groups at either end.
fn numeric(out: &mut BytesMut, digits: &Digits, scale: i8) {
    const GROUP: usize = 4;
    let bytes = digits.as_bytes();
    let shown_scale = scale.max(0).unsigned_abs().into();
    let negative = if digits.negative { 0x4000 } else { 0 };
    if bytes == b"0" {
        return numeric_header(out, 0, 0, 0, shown_scale);
    }
    // Digits before the point; negative when zeros follow the point.
    let whole = bytes.len() as i32 - i32::from(scale);
    // Position of the first digit within its group, counted from the point.
    let lead = whole.rem_euclid(GROUP as i32) as usize;
    let pad = if lead == 0 { 0 } else { GROUP - lead };
    let weight = (whole - 1).div_euclid(GROUP as i32);
    let header_at = out.len();
    numeric_header(out, 0, weight as i16, negative, shown_scale);
    // The first group may be short at its front, the last at its end.
    let groups = (pad + bytes.len()).div_ceil(GROUP);
    let mut kept = 0;
    for group in 0..groups {
        let mut number = 0;
        for place in group * GROUP..(group + 1) * GROUP {
            let digit = place.checked_sub(pad).and_then(|index| bytes.get(index)).map_or(0, |byte| byte - b'0');
            number = number * 10 + i16::from(digit);
        }
        out.put_i16(number);
        if number != 0 {
            kept = group + 1;
        }
    }
    out.truncate(header_at + 8 + 2 * kept);
    out[header_at..header_at + 2].copy_from_slice(&(kept as i16).to_be_bytes());
}

fn numeric_header(out: &mut BytesMut, groups: i16, weight: i16, sign: u16, scale: u16) {
    out.put_i16(groups);
    out.put_i16(weight);
    out.put_u16(sign);
    out.put_u16(scale);
}

fn uuid(out: &mut BytesMut, text: &str) -> Result<()> {
    match crate::wire::decode::uuid_bytes(text) {
        Some(bytes) => out.put_slice(&bytes),
        None => return Err(message::invalid_text("uuid", text)),
    }
    Ok(())
}

/// Dimensions, whether an item is NULL, the items' type, then the items with their lengths. `first`: the number of
/// the first one.
fn array(
    out: &mut BytesMut,
    items: &Column<'_>,
    range: Range<usize>,
    (item, first): (Oid, i32),
    format: &TextFormat,
) -> Result<()> {
    let mut dimensions = Vec::new();
    measure(items, range.clone(), &mut dimensions, 0)?;
    if dimensions.contains(&0) {
        dimensions.clear();
    }
    out.put_i32(dimensions.len() as i32);
    let nulls_at = out.len();
    out.put_i32(0);
    out.put_u32(item);
    for length in &dimensions {
        out.put_i32(i32::try_from(*length).map_err(|_| message::ragged_array())?);
        out.put_i32(first);
    }
    if dimensions.is_empty() {
        return Ok(());
    }
    let mut any_null = false;
    let layout = Layout::of(PgType { oid: item, typmod: -1 });
    array_items(out, items, range, layout, format, &mut any_null)?;
    out[nulls_at..nulls_at + 4].copy_from_slice(&i32::from(any_null).to_be_bytes());
    Ok(())
}

/// Notes the length at each depth; a length that differs from a sibling's is refused.
fn measure(items: &Column<'_>, range: Range<usize>, dimensions: &mut Vec<usize>, depth: usize) -> Result<()> {
    match dimensions.get(depth) {
        None => dimensions.push(range.len()),
        Some(length) if *length == range.len() => {}
        Some(_) => return Err(message::ragged_array()),
    }
    if items.is_list() {
        for row in range {
            match items.at(row) {
                Some(Value::List(inner, inner_range)) => measure(inner, inner_range, dimensions, depth + 1)?,
                _ => return Err(message::ragged_array()),
            }
        }
    }
    Ok(())
}

fn array_items(
    out: &mut BytesMut,
    items: &Column<'_>,
    range: Range<usize>,
    layout: Layout,
    format: &TextFormat,
    any_null: &mut bool,
) -> Result<()> {
    for row in range {
        match items.at(row) {
            None => {
                *any_null = true;
                out.put_i32(-1);
            }
            Some(Value::List(inner, inner_range)) => {
                array_items(out, inner, inner_range, layout, format, any_null)?;
            }
            Some(value) => {
                let length_at = out.len();
                out.put_i32(0);
                write(out, &value, layout, format)?;
                let length = i32::try_from(out.len() - length_at - 4)
                    .map_err(|_| message::row_too_long(out.len() - length_at, super::ROW_BYTES_MAX))?;
                out[length_at..length_at + 4].copy_from_slice(&length.to_be_bytes());
            }
        }
    }
    Ok(())
}
