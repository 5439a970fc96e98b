//! `to_number`: a number out of a text that a pattern describes.

use arrow::datatypes::i256;

use super::super::datum::Datum;
use super::super::numeric::rescaled;
use super::number::{NumberPart, NumberPattern};
use crate::error::{Error, message};

/// Errors: 22P02 when no digit is found, 0A000 for Roman numerals and exponents.
pub fn read<'a>(pattern: &NumberPattern, text: &str) -> Result<Datum<'a>, Error> {
    if pattern.roman.is_some() || pattern.is_scientific {
        let word = if pattern.is_scientific { "EEEE" } else { "RN" };
        return Err(message::unsupported(&format!("\"{word}\" for input")));
    }
    let mut reading = Reading { rest: text.trim_start(), digits: String::new(), fraction: None, is_negative: false };
    for part in &pattern.parts {
        match part {
            NumberPart::Digit(_) => reading.digit(pattern.has_point),
            NumberPart::Point => reading.point(),
            NumberPart::Group => reading.skip(|char| char == ','),
            NumberPart::Sign | NumberPart::Minus | NumberPart::Plus | NumberPart::PlusOrMinus => reading.sign(),
            NumberPart::Bracket => reading.skip(|char| char == '>'),
            NumberPart::Text(text) => {
                for _ in text.chars() {
                    reading.skip(|char| !(char.is_ascii_digit() || matches!(char, '.' | ',' | '+' | '-')));
                }
            }
            NumberPart::Currency | NumberPart::Ordinal(_) => {
                reading.skip(|char| !(char.is_ascii_digit() || matches!(char, '.' | ',' | '+' | '-')));
            }
            NumberPart::Roman | NumberPart::Shift | NumberPart::Scientific => {}
        }
    }
    if reading.digits.is_empty() {
        return Err(message::invalid_text("numeric", " "));
    }
    let value: i128 = reading.digits.parse().map_err(|_| message::numeric_overflow())?;
    let scale = reading.fraction.unwrap_or(0) + pattern.shift;
    let scale = i8::try_from(scale).map_err(|_| message::numeric_overflow())?;
    let wanted = i8::try_from(pattern.scale()).map_err(|_| message::numeric_overflow())?;
    let value = rescaled(i256::from_i128(if reading.is_negative { -value } else { value }), scale - wanted)?;
    Ok(Datum::Numeric(value, wanted))
}

struct Reading<'a> {
    rest: &'a str,
    digits: String,
    /// Digits read behind the point, once that was read.
    fraction: Option<usize>,
    is_negative: bool,
}

impl Reading<'_> {
    fn digit(&mut self, has_point: bool) {
        if self.digits.is_empty() {
            self.rest = self.rest.trim_start();
            self.sign();
            if let Some(rest) = self.rest.strip_prefix('<') {
                self.is_negative = true;
                self.rest = rest;
            }
        }
        match self.rest.chars().next() {
            Some(char) if char.is_ascii_digit() => {
                self.digits.push(char);
                self.fraction = self.fraction.map(|digits| digits + 1);
                self.rest = &self.rest[1..];
            }
            Some('.') if has_point => self.point(),
            _ => {}
        }
    }

    fn point(&mut self) {
        if self.fraction.is_none()
            && let Some(rest) = self.rest.strip_prefix('.')
        {
            self.fraction = Some(0);
            self.rest = rest;
        }
    }

    fn sign(&mut self) {
        if let Some(rest) = self.rest.strip_prefix('-') {
            self.is_negative = true;
            self.rest = rest;
        } else if let Some(rest) = self.rest.strip_prefix('+') {
            self.rest = rest;
        }
    }

    fn skip(&mut self, is_skipped: impl Fn(char) -> bool) {
        if let Some(char) = self.rest.chars().next().filter(|char| is_skipped(*char)) {
            self.rest = &self.rest[char.len_utf8()..];
        }
    }
}
