//! Values as the text of JSON.

use std::fmt::Write;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Field};

use super::Kind;
use super::read::{Value, sorted};
use crate::pg_type;
use crate::planner::dialect::Session;
use crate::wire::encode;

/// A `jsonb` as PostgreSQL prints it: keys by length and then by bytes, a space behind each comma and colon.
pub fn canonical(value: &Value<'_>) -> String {
    let mut out = String::new();
    push_canonical(&mut out, value);
    out
}

fn push_canonical(out: &mut String, value: &Value<'_>) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(truth) => out.push_str(if *truth { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&plain_number(number)),
        Value::Text(text) => push_quoted(out, text),
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at > 0 { ", " } else { "" });
                push_canonical(out, &item.value);
            }
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            for (at, (key, value)) in sorted(members).into_iter().enumerate() {
                out.push_str(if at > 0 { ", " } else { "" });
                push_quoted(out, key);
                out.push_str(": ");
                push_canonical(out, &value.value);
            }
            out.push('}');
        }
    }
}

/// A number without an exponent, as a `numeric` is shown.
fn plain_number(text: &str) -> String {
    let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else {
        return if text == "-0" { "0".to_owned() } else { text.to_owned() };
    };
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let Ok(exponent) = exponent.parse::<i32>() else { return text.to_owned() };
    let digits = format!("{whole}{fraction}");
    let point = whole.len() as i32 + exponent;
    let shown = if point <= 0 {
        format!("0.{}{digits}", "0".repeat(usize::try_from(-point).unwrap_or(0)))
    } else if point as usize >= digits.len() {
        let whole = format!("{digits}{}", "0".repeat(point as usize - digits.len()));
        let trimmed = whole.trim_start_matches('0');
        if trimmed.is_empty() { "0".to_owned() } else { trimmed.to_owned() }
    } else {
        let (whole, fraction) = digits.split_at(point as usize);
        let trimmed = whole.trim_start_matches('0');
        format!("{}.{fraction}", if trimmed.is_empty() { "0" } else { trimmed })
    };
    format!("{sign}{shown}")
}

pub fn push_quoted(out: &mut String, text: &str) {
    out.push('"');
    for char in text.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            char if char < ' ' => {
                // Writing to a string does not fail.
                let _ = write!(out, "\\u{:04x}", u32::from(char));
            }
            char => out.push(char),
        }
    }
    out.push('"');
}

/// A value of any type as `to_json` writes it; `null` for NULL.
pub fn push_value(out: &mut String, array: &ArrayRef, row: usize, field: &Field, session: Session) {
    if array.is_null(row) || *array.data_type() == DataType::Null {
        out.push_str("null");
        return;
    }
    let text = || encode::text_value(array, row, &session.text_format()).unwrap_or_default();
    match array.data_type() {
        _ if Kind::named(pg_type::name_told(field)).is_some() => out.push_str(&text()),
        DataType::Boolean => out.push_str(if array.as_boolean().value(row) { "true" } else { "false" }),
        data_type if data_type.is_numeric() => {
            let number = text();
            let is_finite = number.bytes().all(|byte| !byte.is_ascii_alphabetic() || matches!(byte, b'e'));
            if is_finite { out.push_str(&number) } else { push_quoted(out, &number) }
        }
        DataType::Timestamp(_, zone) => {
            // As ISO 8601 has it, the zone in full.
            let moment = text().replacen(' ', "T", 1);
            let is_short = zone.is_some() && moment.len() >= 3 && moment[moment.len() - 3..].starts_with(['+', '-']);
            push_quoted(out, &if is_short { format!("{moment}:00") } else { moment });
        }
        DataType::List(item) => {
            let items = array.as_list::<i32>().value(row);
            out.push('[');
            for at in 0..items.len() {
                out.push_str(if at > 0 { "," } else { "" });
                push_value(out, &items, at, item, session);
            }
            out.push(']');
        }
        DataType::Struct(fields) => {
            let columns = array.as_struct().columns();
            // A row without names has those of its places.
            let is_unnamed = fields.iter().enumerate().all(|(at, field)| *field.name() == format!("c{at}"));
            out.push('{');
            for (at, (field, column)) in fields.iter().zip(columns).enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                match is_unnamed {
                    true => push_quoted(out, &format!("f{}", at + 1)),
                    false => push_quoted(out, field.name()),
                }
                out.push(':');
                push_value(out, column, row, field, session);
            }
            out.push('}');
        }
        _ => push_quoted(out, &text()),
    }
}
