//! Functions on text and bytes whose answers differ from the engine's, or that it does not have.

use std::borrow::Cow;
use std::fmt::Write;

use base64::engine::general_purpose::STANDARD;
use base64::{DecodeError, Engine as _};
use datafusion::logical_expr::Volatility;

use super::datum::Datum;
use super::overload::{Call, Form, Gives, Overloaded, Takes, bytea, form, int4, lenient, strict, text, variadic};
use crate::error::{Error, message};
use crate::ident::quote;
use crate::wire::encode;

pub const FUNCTIONS: &[Overloaded] = &[
    lenient("concat", &[variadic(&[Takes::Any], text, |call, args| Ok(Datum::owned_text(joined(call, args, "")?)))]),
    lenient(
        "concat_ws",
        &[variadic(&[Takes::Text, Takes::Any], text, |call, args| {
            if args[0].is_null() {
                return Ok(Datum::Null);
            }
            Ok(Datum::owned_text(joined(call, &args[1..], args[0].text())?))
        })],
    ),
    lenient("format", &[variadic(&[Takes::Text, Takes::Any], text, formatted)]),
    strict("replace", &[form(&[Takes::Text, Takes::Text, Takes::Text], text, replaced)]),
    strict("repeat", &[form(&[Takes::Text, Takes::Int4], text, repeated)]),
    strict(
        "lpad",
        &[
            form(&[Takes::Text, Takes::Int4], text, |call, args| padded(call, args, true)),
            form(&[Takes::Text, Takes::Int4, Takes::Text], text, |call, args| padded(call, args, true)),
        ],
    ),
    strict(
        "rpad",
        &[
            form(&[Takes::Text, Takes::Int4], text, |call, args| padded(call, args, false)),
            form(&[Takes::Text, Takes::Int4, Takes::Text], text, |call, args| padded(call, args, false)),
        ],
    ),
    strict("split_part", &[form(&[Takes::Text, Takes::Text, Takes::Int4], text, split_part)]),
    strict(
        "substring",
        &[
            // A literal without a type is a pattern.
            form(&[Takes::Text, Takes::Text], text, super::regex::substring),
            form(&[Takes::Text, Takes::Text, Takes::Text], text, super::regex::substring_similar),
            form(&[Takes::Text, Takes::Int4], text, |_, args| Ok(cut_text(args[0].clone(), args[1].int(), None))),
            form(&[Takes::Text, Takes::Int4, Takes::Int4], text, |_, args| {
                check_length(args[2].int())?;
                Ok(cut_text(args[0].clone(), args[1].int(), Some(args[2].int())))
            }),
            form(&[Takes::Bytes, Takes::Int4], bytea, |_, args| Ok(cut_bytes(&args[0], args[1].int(), None))),
            form(&[Takes::Bytes, Takes::Int4, Takes::Int4], bytea, |_, args| {
                check_length(args[2].int())?;
                Ok(cut_bytes(&args[0], args[1].int(), Some(args[2].int())))
            }),
        ],
    ),
    strict(
        "length",
        &[
            form(&[Takes::Text], int4, |_, args| count(args[0].text().chars().count())),
            form(&[Takes::Bytes], int4, |_, args| count(args[0].bytes().len())),
        ],
    ),
    strict(
        "octet_length",
        &[
            form(&[Takes::Text], int4, |_, args| count(args[0].text().len())),
            form(&[Takes::Bytes], int4, |_, args| count(args[0].bytes().len())),
        ],
    ),
    strict(
        "bit_length",
        &[
            form(&[Takes::Text], int4, |_, args| count(args[0].text().len() * 8)),
            form(&[Takes::Bytes], int4, |_, args| count(args[0].bytes().len() * 8)),
        ],
    ),
    strict(
        "to_hex",
        &[
            form(&[Takes::Int4], text, |_, args| Ok(Datum::owned_text(format!("{:x}", args[0].int() as i32)))),
            form(&[Takes::Int8], text, |_, args| Ok(Datum::owned_text(format!("{:x}", args[0].int())))),
        ],
    ),
    strict("encode", &[form(&[Takes::Bytes, Takes::Text], text, encoded)]),
    strict("decode", &[form(&[Takes::Text, Takes::Text], bytea, decoded)]),
    strict(
        "convert_from",
        &[form(&[Takes::Bytes, Takes::Text], text, |_, args| {
            check_utf8(args[1].text())?;
            let text = std::str::from_utf8(args[0].bytes()).map_err(|error| {
                let at = error.valid_up_to();
                message::invalid_byte_sequence(&args[0].bytes()[at..(at + error.error_len().unwrap_or(1))])
            })?;
            Ok(Datum::owned_text(text))
        })],
    ),
    strict(
        "convert_to",
        &[form(&[Takes::Text, Takes::Text], bytea, |_, args| {
            check_utf8(args[1].text())?;
            Ok(Datum::Bytes(Cow::Owned(args[0].text().as_bytes().to_vec())))
        })],
    ),
    strict(
        "cast:bytea",
        &[
            form(&[Takes::Bytes], bytea, |_, args| Ok(args[0].clone())),
            form(&[Takes::Text], bytea, |call, args| read_bytes(call, args[0].text())),
        ],
    ),
    lenient(
        "num_nulls",
        &[variadic(&[Takes::Any], int4, |_, args| count(args.iter().filter(|arg| arg.is_null()).count()))],
    ),
    lenient(
        "num_nonnulls",
        &[variadic(&[Takes::Any], int4, |_, args| count(args.iter().filter(|arg| !arg.is_null()).count()))],
    ),
    Overloaded {
        name: "gen_random_uuid",
        forms: &[Form {
            takes: &[],
            is_variadic: false,
            gives: Gives::Told(|| arrow::datatypes::DataType::FixedSizeBinary(16), "uuid"),
            body: |_, _| Ok(random_uuid()),
        }],
        is_strict: true,
        volatility: Volatility::Volatile,
    },
];

/// A text of bytes, as a literal of type `bytea` is read. Errors: 22P02.
fn repeated<'a>(call: &Call, args: &[Datum<'a>]) -> Result<Datum<'a>, Error> {
    let count = usize::try_from(args[1].int()).unwrap_or(0);
    let text = args[0].text();
    call.take_bytes(text.len().saturating_mul(count))?;
    Ok(Datum::owned_text(text.repeat(count)))
}

/// To so many characters; what is longer is cut at its end.
fn padded<'a>(call: &Call, args: &[Datum<'a>], at_start: bool) -> Result<Datum<'a>, Error> {
    let length = usize::try_from(args[1].int()).unwrap_or(0);
    let text = args[0].text();
    let fill = args.get(2).map_or(" ", Datum::text);
    let count = text.chars().count();
    if count >= length || fill.is_empty() {
        return Ok(Datum::owned_text(text.chars().take(length).collect::<String>()));
    }
    let widest = fill.chars().map(char::len_utf8).max().unwrap_or(1);
    call.take_bytes(text.len().saturating_add((length - count).saturating_mul(widest)))?;
    let filled: String = fill.chars().cycle().take(length - count).collect();
    Ok(Datum::owned_text(if at_start { filled + text } else { text.to_owned() + &filled }))
}

fn read_bytes<'a>(call: &Call, text: &str) -> Result<Datum<'a>, Error> {
    match crate::wire::text_value(text, crate::pg_type::PgType::BYTEA, &call.session.text_format())? {
        datafusion::scalar::ScalarValue::Binary(Some(bytes)) => Ok(Datum::Bytes(Cow::Owned(bytes))),
        _ => Err(message::internal("bytes are read as something else")),
    }
}

fn count<'a>(length: usize) -> Result<Datum<'a>, Error> {
    i64::try_from(length).map(Datum::Int).map_err(|_| message::out_of_range_of_type("integer"))
}

/// A value as PostgreSQL writes it out; empty for NULL.
pub fn shown(call: &Call, value: &Datum<'_>) -> String {
    match value {
        Datum::Any(array, row) => encode::text_value(array, *row, &call.session.text_format()).unwrap_or_default(),
        other => other.text().to_owned(),
    }
}

fn joined(call: &Call, values: &[Datum<'_>], between: &str) -> Result<String, Error> {
    let shown: Vec<String> = values.iter().filter(|value| !value.is_null()).map(|value| shown(call, value)).collect();
    call.take_bytes(shown.iter().map(|text| text.len().saturating_add(between.len())).fold(0, usize::saturating_add))?;
    Ok(shown.join(between))
}

fn replaced<'a>(call: &Call, args: &[Datum<'a>]) -> Result<Datum<'a>, Error> {
    let (text, from, to) = (args[0].text(), args[1].text(), args[2].text());
    if from.is_empty() {
        return Ok(args[0].clone());
    }
    let grown = text.matches(from).count().saturating_mul(to.len().saturating_sub(from.len()));
    call.take_bytes(text.len().saturating_add(grown))?;
    Ok(Datum::owned_text(text.replace(from, to)))
}

/// From the end when `n` is negative.
fn split_part<'a>(_: &Call, args: &[Datum<'a>]) -> Result<Datum<'a>, Error> {
    let (whole, between, n) = (args[0].text(), args[1].text(), args[2].int());
    if n == 0 {
        return Err(message::field_position_zero());
    }
    let parts: Vec<&str> = match (whole.is_empty(), between.is_empty()) {
        (true, _) => Vec::new(),
        (false, true) => vec![whole],
        (false, false) => whole.split(between).collect(),
    };
    let at = if n > 0 {
        usize::try_from(n - 1).ok()
    } else {
        usize::try_from(-n).ok().and_then(|n| parts.len().checked_sub(n))
    };
    Ok(Datum::owned_text(at.and_then(|at| parts.get(at)).copied().unwrap_or_default()))
}

fn check_length(length: i64) -> Result<(), Error> {
    if length < 0 { Err(message::negative_substring_length()) } else { Ok(()) }
}

/// Where a substring lies among `0..length`: PostgreSQL counts from 1, and positions before it use up the length.
fn cut(length: usize, from: i64, count: Option<i64>) -> std::ops::Range<usize> {
    let end = count.map_or(i64::MAX, |count| from.saturating_add(count));
    let place = |position: i64| usize::try_from(position - 1).unwrap_or(0).min(length);
    let (start, end) = (place(from), if end == i64::MAX { length } else { place(end) });
    start..end.max(start)
}

fn cut_text<'a>(text: Datum<'a>, from: i64, count: Option<i64>) -> Datum<'a> {
    let whole = text.text();
    let cut = cut(whole.chars().count(), from, count);
    Datum::owned_text(whole.chars().skip(cut.start).take(cut.len()).collect::<String>())
}

fn cut_bytes<'a>(bytes: &Datum<'a>, from: i64, count: Option<i64>) -> Datum<'a> {
    let whole = bytes.bytes();
    Datum::Bytes(Cow::Owned(whole[cut(whole.len(), from, count)].to_vec()))
}

/// `format`: `%[position$][-][width]type`, where the width may be `*` or `*position$`.
fn formatted<'a>(call: &Call, args: &[Datum<'a>]) -> Result<Datum<'a>, Error> {
    if args[0].is_null() {
        return Ok(Datum::Null);
    }
    let mut reader = Directive { rest: args[0].text(), args, next: 1 };
    let mut out = String::new();
    while let Some(at) = reader.rest.find('%') {
        out.push_str(&reader.rest[..at]);
        reader.rest = &reader.rest[at + 1..];
        if let Some(rest) = reader.rest.strip_prefix('%') {
            out.push('%');
            reader.rest = rest;
            continue;
        }
        reader.write(call, &mut out)?;
    }
    out.push_str(reader.rest);
    Ok(Datum::owned_text(out))
}

struct Directive<'a, 'b> {
    rest: &'b str,
    args: &'b [Datum<'a>],
    next: usize,
}

impl Directive<'_, '_> {
    fn write(&mut self, call: &Call, out: &mut String) -> Result<(), Error> {
        let position = self.position()?;
        let mut is_left = false;
        while let Some(rest) = self.rest.strip_prefix('-') {
            (is_left, self.rest) = (true, rest);
        }
        let width = match self.rest.strip_prefix('*') {
            Some(rest) => {
                self.rest = rest;
                let at = self.position()?;
                let width = shown(call, self.argument(at)?);
                let width = if width.is_empty() { "0".to_owned() } else { width };
                width.parse::<i64>().map_err(|_| message::invalid_text("integer", &width))?
            }
            None => self.number().unwrap_or(0),
        };
        is_left |= width < 0;
        let kind = self.rest.chars().next().ok_or_else(message::format_unfinished)?;
        self.rest = &self.rest[kind.len_utf8()..];
        if !matches!(kind, 's' | 'I' | 'L') {
            return Err(message::format_specifier_unknown(kind));
        }
        call.take_bytes(usize::try_from(width.unsigned_abs()).unwrap_or(usize::MAX))?;
        let value = self.argument(position)?;
        let written = match (kind, value.is_null()) {
            ('s', _) => shown(call, value),
            ('I', true) => return Err(message::format_null_name()),
            ('I', false) => quote(&shown(call, value)),
            (_, true) => "NULL".to_owned(),
            (_, false) => quoted_literal(&shown(call, value)),
        };
        let width = usize::try_from(width.unsigned_abs()).unwrap_or(0);
        // Writing to a string does not fail.
        let _ = if is_left { write!(out, "{written:<width$}") } else { write!(out, "{written:>width$}") };
        Ok(())
    }

    /// `n$`, where it is there.
    fn position(&mut self) -> Result<Option<usize>, Error> {
        let digits = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 || !self.rest[digits..].starts_with('$') {
            return Ok(None);
        }
        let position = self.rest[..digits].parse().map_err(|_| message::format_arguments_missing())?;
        self.rest = &self.rest[digits + 1..];
        if position == 0 { Err(message::format_argument_zero()) } else { Ok(Some(position)) }
    }

    fn number(&mut self) -> Option<i64> {
        let digits = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let number = self.rest[..digits].parse().ok();
        self.rest = &self.rest[digits..];
        number
    }

    fn argument(&mut self, position: Option<usize>) -> Result<&Datum<'_>, Error> {
        let at = position.unwrap_or(self.next);
        self.next = at + 1;
        self.args.get(at).ok_or_else(message::format_arguments_missing)
    }
}

/// Quotes are doubled; a backslash makes it an `E''` literal.
fn quoted_literal(text: &str) -> String {
    let doubled = text.replace('\'', "''");
    if doubled.contains('\\') { format!("E'{}'", doubled.replace('\\', "\\\\")) } else { format!("'{doubled}'") }
}

fn check_utf8(encoding: &str) -> Result<(), Error> {
    let name = encoding.to_ascii_lowercase().replace(['-', '_'], "");
    if name == "utf8" { Ok(()) } else { Err(message::unsupported(&format!("encoding \"{encoding}\""))) }
}

fn encoded<'a>(_: &Call, args: &[Datum<'a>]) -> Result<Datum<'a>, Error> {
    let bytes = args[0].bytes();
    let mut out = String::new();
    match args[1].text().to_ascii_lowercase().as_str() {
        "hex" => bytes.iter().for_each(|byte| {
            let _ = write!(out, "{byte:02x}");
        }),
        "base64" => {
            // Lines of 76 characters, as in mail.
            let whole = STANDARD.encode(bytes);
            let lines: Vec<&str> =
                whole.as_bytes().chunks(76).filter_map(|line| std::str::from_utf8(line).ok()).collect();
            out = lines.join("\n");
        }
        "escape" => bytes.iter().for_each(|byte| match byte {
            b'\\' => out.push_str("\\\\"),
            0 | 0x80.. => {
                let _ = write!(out, "\\{byte:03o}");
            }
            byte => out.push(char::from(*byte)),
        }),
        _ => return Err(message::encoding_unknown(args[1].text())),
    }
    Ok(Datum::owned_text(out))
}

fn decoded<'a>(_: &Call, args: &[Datum<'a>]) -> Result<Datum<'a>, Error> {
    let text = args[0].text();
    let bytes = match args[1].text().to_ascii_lowercase().as_str() {
        "hex" => of_hex(text)?,
        "base64" => of_base64(text)?,
        "escape" => of_escapes(text)?,
        _ => return Err(message::encoding_unknown(args[1].text())),
    };
    Ok(Datum::Bytes(Cow::Owned(bytes)))
}

fn of_hex(text: &str) -> Result<Vec<u8>, Error> {
    let digits = text
        .chars()
        .filter(|char| !char.is_ascii_whitespace())
        .map(|char| char.to_digit(16).ok_or_else(|| message::hex_digit_invalid(char)))
        .collect::<Result<Vec<u32>, Error>>()?;
    if digits.len() % 2 == 1 {
        return Err(message::hex_digits_odd());
    }
    Ok(digits.chunks(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect())
}

/// Spaces and line ends between the digits do not count.
fn of_base64(text: &str) -> Result<Vec<u8>, Error> {
    let digits: String = text.chars().filter(|char| !char.is_ascii_whitespace()).collect();
    STANDARD.decode(&digits).map_err(|error| match error {
        DecodeError::InvalidByte(_, byte) if byte != b'=' => message::base64_symbol_invalid(char::from(byte)),
        _ => message::base64_end_invalid(),
    })
}

fn of_escapes(text: &str) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        if *first != b'\\' {
            bytes.push(*first);
            continue;
        }
        let octal = rest.get(..3).filter(|digits| digits.iter().all(|digit| (b'0'..=b'7').contains(digit)));
        match (octal, rest.first()) {
            (Some(digits), _) if digits[0] <= b'3' => {
                bytes.push(digits.iter().fold(0, |value, digit| value << 3 | (digit - b'0')));
                rest = &rest[3..];
            }
            (_, Some(b'\\')) => {
                bytes.push(b'\\');
                rest = &rest[1..];
            }
            _ => return Err(message::invalid_text_plain("bytea")),
        }
    }
    Ok(bytes)
}

/// Version 4.
fn random_uuid<'a>() -> Datum<'a> {
    let mut bytes: [u8; 16] = rand::random();
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    Datum::Bytes(Cow::Owned(bytes.to_vec()))
}
