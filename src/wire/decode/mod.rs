//! Parameters of Bind, text or binary, as scalar values of the statement's parameter types.
//!
//! What PostgreSQL reads, we read to the same value; what it refuses, we refuse with its words. Not here: formats
//! that depend on settings we do not have (`DateStyle` other than ISO), `now` and its like.

mod array;
mod datetime;
mod number;

use arrow::datatypes::DataType;
use datafusion::scalar::ScalarValue;

use super::encode::Format;
use crate::error::{Result, message};
use crate::pg_type::{Oid, PgType};
use crate::session::TextFormat;

/// A parameter's value. `number` is its place, from 1, for error messages; `bytes` is `None` for NULL.
///
/// The result has the type [`PgType::to_arrow`] names, except that a `numeric` (or an array of them) has the
/// precision and scale of the value given. Bad text is refused with 22P02, 22007 or 22008, bad binary with 22P03,
/// bytes that are not UTF-8 with 22021, numbers out of range with 22003.
pub(super) fn parameter(
    pg_type: PgType,
    format: Format,
    bytes: Option<&[u8]>,
    number: usize,
    text: &TextFormat,
) -> Result<ScalarValue> {
    let Some(bytes) = bytes else { return null(pg_type) };
    let source = Source { number, text: *text };
    match format {
        Format::Text => source.read_text(pg_type, utf8(bytes)?),
        Format::Binary => source.read_binary(pg_type, bytes),
    }
}

/// A value as text, read as PostgreSQL reads a literal or a parameter of that type.
pub fn text_value(text: &str, pg_type: PgType, format: &TextFormat) -> Result<ScalarValue> {
    Source { number: 1, text: *format }.read_text(pg_type, text)
}

/// A value in binary, outside of any Bind: how a client of ours reads what a server sends.
pub fn binary_value(bytes: &[u8], pg_type: PgType) -> Result<ScalarValue> {
    let text = TextFormat::UTC;
    parameter(pg_type, Format::Binary, Some(bytes), 1, &text)
}

/// Checks bytes that the protocol calls a string: UTF-8 without zero bytes (else 22021).
pub(super) fn utf8(bytes: &[u8]) -> Result<&str> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let length = error.error_len().unwrap_or(bytes.len() - error.valid_up_to());
            return Err(message::invalid_byte_sequence(&bytes[error.valid_up_to()..][..length]));
        }
    };
    if text.contains('\0') {
        return Err(message::invalid_byte_sequence(&[0]));
    }
    Ok(text)
}

/// The sixteen bytes of a UUID: hexadecimal digits in either case, hyphens after groups of four, braces around.
pub(super) fn uuid_bytes(text: &str) -> Option<[u8; 16]> {
    let bare = match text.strip_prefix('{') {
        Some(rest) => rest.strip_suffix('}')?,
        None => text,
    };
    let mut rest = bare.as_bytes();
    let mut bytes = [0; 16];
    for (index, byte) in bytes.iter_mut().enumerate() {
        let (pair, behind) = rest.split_at_checked(2)?;
        *byte = hexadecimal_digit(pair[0])? << 4 | hexadecimal_digit(pair[1])?;
        rest = behind;
        if index % 2 == 1 && index < 15 {
            rest = rest.strip_prefix(b"-").unwrap_or(rest);
        }
    }
    rest.is_empty().then_some(bytes)
}

/// The null of a parameter's type.
fn null(pg_type: PgType) -> Result<ScalarValue> {
    let data_type = arrow_type(pg_type)?;
    ScalarValue::try_new_null(&data_type)
        .map_err(|error| message::internal(format!("a parameter of type {data_type} has no null")).with_cause(error))
}

fn arrow_type(pg_type: PgType) -> Result<DataType> {
    if pg_type.oid == PgType::UNKNOWN.oid {
        return Ok(DataType::Utf8);
    }
    pg_type.to_arrow().ok_or_else(|| message::parameter_type_unsupported(&pg_type.sql_name()))
}

/// What the reading of a value depends on besides its bytes.
#[derive(Clone, Copy)]
struct Source {
    number: usize,
    text: TextFormat,
}

const BOOL: Oid = PgType::BOOL.oid;
const BYTEA: Oid = PgType::BYTEA.oid;
const CHAR: Oid = 18;
const NAME: Oid = PgType::NAME.oid;
const INT8: Oid = PgType::INT8.oid;
const INT2: Oid = PgType::INT2.oid;
const INT4: Oid = PgType::INT4.oid;
const REGPROC: Oid = 24;
const TEXT: Oid = PgType::TEXT.oid;
const OID: Oid = PgType::OID.oid;
const JSON: Oid = 114;
const FLOAT4: Oid = PgType::FLOAT4.oid;
const FLOAT8: Oid = PgType::FLOAT8.oid;
const UNKNOWN: Oid = PgType::UNKNOWN.oid;
const BPCHAR: Oid = 1042;
const VARCHAR: Oid = PgType::VARCHAR.oid;
const DATE: Oid = PgType::DATE.oid;
const TIME: Oid = PgType::TIME.oid;
const TIMESTAMP: Oid = PgType::TIMESTAMP.oid;
const TIMESTAMPTZ: Oid = PgType::TIMESTAMPTZ.oid;
const INTERVAL: Oid = PgType::INTERVAL.oid;
const NUMERIC: Oid = PgType::NUMERIC.oid;
const INT2VECTOR: Oid = 22;
const OIDVECTOR: Oid = 30;
const REGCLASS: Oid = 2205;
const REGTYPE: Oid = 2206;
const UUID: Oid = 2950;
const JSONB: Oid = 3802;

fn vector_item(pg_type: PgType) -> PgType {
    if pg_type.oid == INT2VECTOR { PgType::INT2 } else { PgType::OID }
}

impl Source {
    fn read_text(self, pg_type: PgType, text: &str) -> Result<ScalarValue> {
        let type_name = || pg_type.info().map_or("unknown", |info| info.sql_name);
        Ok(match pg_type.oid {
            BOOL => ScalarValue::Boolean(Some(boolean(text)?)),
            BYTEA => ScalarValue::Binary(Some(bytea(text)?)),
            INT2 => ScalarValue::Int16(Some(number::integer(type_name(), text)?)),
            INT4 => ScalarValue::Int32(Some(number::integer(type_name(), text)?)),
            INT8 => ScalarValue::Int64(Some(number::integer(type_name(), text)?)),
            OID | REGPROC | REGCLASS | REGTYPE => ScalarValue::UInt32(Some(number::oid(type_name(), text)?)),
            FLOAT4 => ScalarValue::Float32(Some(number::float(type_name(), text)?)),
            FLOAT8 => ScalarValue::Float64(Some(number::float(type_name(), text)?)),
            NUMERIC => number::numeric_text(text)?,
            TEXT | VARCHAR | BPCHAR | NAME | CHAR | UNKNOWN | JSON | JSONB => ScalarValue::from(text),
            UUID => match uuid_bytes(text) {
                Some(bytes) => ScalarValue::from(uuid_text(&bytes)),
                None => return Err(message::invalid_text("uuid", text)),
            },
            DATE => ScalarValue::Date32(Some(datetime::date(text)?)),
            TIME => ScalarValue::Time64Microsecond(Some(datetime::time(text)?)),
            TIMESTAMP => ScalarValue::TimestampMicrosecond(Some(datetime::timestamp(text)?), None),
            TIMESTAMPTZ => instant(datetime::instant(text, self.text.time_zone)?),
            INTERVAL => ScalarValue::IntervalMonthDayNano(Some(datetime::interval(text)?)),
            // Numbers with spaces between.
            INT2VECTOR | OIDVECTOR => {
                let items = text.split_whitespace().collect::<Vec<_>>().join(",");
                array::from_text(self, vector_item(pg_type), &format!("{{{items}}}"))?
            }
            _ => match pg_type.element() {
                Some(item) => array::from_text(self, item, text)?,
                None => return Err(message::parameter_type_unsupported(&pg_type.sql_name())),
            },
        })
    }

    fn read_binary(self, pg_type: PgType, bytes: &[u8]) -> Result<ScalarValue> {
        Ok(match pg_type.oid {
            BOOL => ScalarValue::Boolean(Some(self.fixed::<1>(bytes)?[0] != 0)),
            BYTEA => ScalarValue::Binary(Some(bytes.to_vec())),
            INT2 => ScalarValue::Int16(Some(i16::from_be_bytes(self.fixed(bytes)?))),
            INT4 => ScalarValue::Int32(Some(i32::from_be_bytes(self.fixed(bytes)?))),
            INT8 => ScalarValue::Int64(Some(i64::from_be_bytes(self.fixed(bytes)?))),
            OID | REGPROC | REGCLASS | REGTYPE => ScalarValue::UInt32(Some(u32::from_be_bytes(self.fixed(bytes)?))),
            FLOAT4 => ScalarValue::Float32(Some(f32::from_be_bytes(self.fixed(bytes)?))),
            FLOAT8 => ScalarValue::Float64(Some(f64::from_be_bytes(self.fixed(bytes)?))),
            NUMERIC => number::numeric_binary(bytes, self.number)?,
            TEXT | VARCHAR | BPCHAR | NAME | CHAR | UNKNOWN | JSON => ScalarValue::from(utf8(bytes)?),
            // The first byte is the version of the form.
            JSONB => match bytes.split_first() {
                Some((1, json)) => ScalarValue::from(utf8(json)?),
                _ => return Err(message::invalid_binary(self.number)),
            },
            UUID => ScalarValue::from(uuid_text(&self.fixed(bytes)?)),
            DATE => ScalarValue::Date32(Some(datetime::date_of_2000(i32::from_be_bytes(self.fixed(bytes)?))?)),
            TIME => {
                let micros = i64::from_be_bytes(self.fixed(bytes)?);
                ScalarValue::Time64Microsecond(Some(datetime::checked_time(micros)?))
            }
            TIMESTAMP => {
                let micros = i64::from_be_bytes(self.fixed(bytes)?);
                ScalarValue::TimestampMicrosecond(Some(datetime::timestamp_of_2000(micros)?), None)
            }
            TIMESTAMPTZ => instant(datetime::timestamp_of_2000(i64::from_be_bytes(self.fixed(bytes)?))?),
            INTERVAL => {
                let parts: [u8; 16] = self.fixed(bytes)?;
                ScalarValue::IntervalMonthDayNano(Some(datetime::interval_binary(parts)?))
            }
            INT2VECTOR | OIDVECTOR => array::from_binary(self, vector_item(pg_type), bytes)?,
            _ => match pg_type.element() {
                Some(item) => array::from_binary(self, item, bytes)?,
                None => return Err(message::parameter_type_unsupported(&pg_type.sql_name())),
            },
        })
    }

    fn fixed<const N: usize>(self, bytes: &[u8]) -> Result<[u8; N]> {
        bytes.try_into().map_err(|_| message::invalid_binary(self.number))
    }
}

fn instant(micros: i64) -> ScalarValue {
    ScalarValue::TimestampMicrosecond(Some(micros), Some("UTC".into()))
}

/// Any beginning of true, false, yes, no; on, off; 1, 0; in any case.
fn boolean(text: &str) -> Result<bool> {
    let word = trim(text).to_ascii_lowercase();
    let begins = |whole: &str| !word.is_empty() && whole.starts_with(&word);
    match word.as_str() {
        "1" | "on" => Ok(true),
        "0" | "of" | "off" => Ok(false),
        _ if begins("true") || begins("yes") => Ok(true),
        _ if begins("false") || begins("no") => Ok(false),
        _ => Err(message::invalid_text("boolean", text)),
    }
}

/// `\x` and hexadecimal digits, or PostgreSQL's old form with octal escapes.
fn bytea(text: &str) -> Result<Vec<u8>> {
    match text.strip_prefix("\\x") {
        Some(hexadecimal) => bytea_hexadecimal(hexadecimal),
        None => bytea_escaped(text.as_bytes()).ok_or_else(message::invalid_bytea_text),
    }
}

fn bytea_hexadecimal(text: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 2);
    let mut high = None;
    for character in text.chars() {
        if high.is_none() && character.is_ascii_whitespace() {
            continue;
        }
        let digit = u8::try_from(character).ok().and_then(hexadecimal_digit);
        let digit = digit.ok_or_else(|| message::invalid_hexadecimal_digit(character))?;
        match high.take() {
            None => high = Some(digit),
            Some(high) => bytes.push(high << 4 | digit),
        }
    }
    match high {
        None => Ok(bytes),
        Some(_) => Err(message::odd_hexadecimal_digits()),
    }
}

fn bytea_escaped(mut text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    while let Some((first, rest)) = text.split_first() {
        text = rest;
        if *first != b'\\' {
            bytes.push(*first);
            continue;
        }
        match text {
            [b'\\', behind @ ..] => {
                bytes.push(b'\\');
                text = behind;
            }
            [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', behind @ ..] => {
                bytes.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                text = behind;
            }
            _ => return None,
        }
    }
    Some(bytes)
}

fn hexadecimal_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

fn uuid_text(bytes: &[u8; 16]) -> String {
    let mut text = String::with_capacity(36);
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        for half in [byte >> 4, byte & 15] {
            text.push(char::from_digit(half.into(), 16).unwrap_or('0'));
        }
    }
    text
}

/// What PostgreSQL skips around numbers and dates.
fn trim(text: &str) -> &str {
    text.trim_matches(|character: char| character.is_ascii_whitespace() || character == '\u{b}')
}

#[cfg(test)]
mod tests;
