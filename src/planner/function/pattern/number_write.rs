//! `to_char` of numbers.
//!
//! The number is rounded to the digits of the pattern and laid over its places from the point outwards: places before
//! the first digit are blank, or zeros from the first `0` on.

use arrow::datatypes::i256;

use super::super::datum::Datum;
use super::super::numeric::rescaled;
use super::moment::Letters;
use super::moment_write::ordinal_suffix;
use super::number::{NumberPart, NumberPattern, SignStyle};
use crate::error::{Error, message};

/// Digits that a `double precision` is exact to.
const FLOAT_DIGITS: usize = 15;
/// The width of Roman numerals that are padded.
const ROMAN_WIDTH: usize = 15;

/// A number as digits.
struct Digits {
    is_negative: bool,
    /// At least one digit, or the mark for those that do not fit.
    whole: String,
    fraction: String,
}

pub fn written(pattern: &NumberPattern, value: &Datum<'_>) -> Result<String, Error> {
    if let Some(is_capital) = pattern.roman {
        return Ok(roman_written(pattern, value, is_capital));
    }
    if pattern.is_scientific {
        return scientific(value, pattern.fraction);
    }
    let mut digits = Digits::of(value, pattern.fraction, pattern.shift)?;
    let overflows = digits.whole.len() > pattern.whole;
    if overflows {
        digits.whole = "#".repeat(pattern.whole);
        digits.fraction = "#".repeat(pattern.fraction);
    }
    let mut writing = Writing {
        out: String::new(),
        pattern,
        blanks: pattern.whole.saturating_sub(digits.whole.len()),
        kept: kept_fraction(pattern, &digits),
        sign_is_due: match pattern.sign {
            SignStyle::Elsewhere => false,
            SignStyle::Leading | SignStyle::Trailing => true,
            SignStyle::Plain | SignStyle::Brackets => digits.is_negative || !pattern.is_bare,
        },
        is_in_number: false,
        place: 0,
        is_behind_point: false,
        overflows,
        digits,
    };
    for part in &pattern.parts {
        writing.part(part);
    }
    Ok(writing.out)
}

/// Digits behind the point that are shown: with `FM` not the zeros at the end, unless the pattern has a zero there.
fn kept_fraction(pattern: &NumberPattern, digits: &Digits) -> usize {
    if !pattern.is_bare {
        return digits.fraction.len();
    }
    let relevant = digits.fraction.trim_end_matches('0').len();
    relevant.max(pattern.zeros_to.saturating_sub(pattern.whole).min(digits.fraction.len()))
}

struct Writing<'a> {
    out: String,
    pattern: &'a NumberPattern,
    digits: Digits,
    /// Places before the first digit.
    blanks: usize,
    kept: usize,
    /// Whether the sign of the number is still to be written.
    sign_is_due: bool,
    /// Whether the last place held a digit.
    is_in_number: bool,
    /// The next place of a digit, from the left.
    place: usize,
    is_behind_point: bool,
    overflows: bool,
}

impl Writing<'_> {
    fn part(&mut self, part: &NumberPart) {
        let (is_negative, is_bare) = (self.digits.is_negative, self.pattern.is_bare);
        match part {
            NumberPart::Digit(is_zero) => self.digit(*is_zero),
            NumberPart::Point => self.point(),
            NumberPart::Group if self.is_in_number => self.out.push(','),
            NumberPart::Group if !is_bare => self.out.push(' '),
            NumberPart::Currency => self.out.push(' '),
            NumberPart::Minus if is_negative => self.out.push('-'),
            NumberPart::Plus if !is_negative => self.out.push('+'),
            NumberPart::Minus | NumberPart::Plus if !is_bare => self.out.push(' '),
            NumberPart::PlusOrMinus => self.out.push(if is_negative { '-' } else { '+' }),
            NumberPart::Ordinal(is_capital) => {
                let has_none = self.overflows || is_negative || self.pattern.has_point;
                if !has_none {
                    let letters = if *is_capital { Letters::Upper } else { Letters::Lower };
                    self.out.push_str(ordinal_suffix(&self.digits.whole, letters));
                }
            }
            NumberPart::Text(text) => self.out.push_str(text),
            _ => {}
        }
    }

    fn places(&self) -> usize {
        self.pattern.whole + self.pattern.fraction
    }

    /// Whether the only digit before the point is a zero that is not written: `.5`.
    fn hides_zero(&self) -> bool {
        self.digits.whole == "0" && self.pattern.zeros_from.is_none() && self.pattern.fraction > 0
    }

    fn digit(&mut self, is_zero: bool) {
        self.is_in_number = false;
        if self.is_behind_point {
            self.sign();
            let at = self.place - self.pattern.whole;
            if let Some(digit) = self.digits.fraction.as_bytes().get(at)
                && (at < self.kept || is_zero)
            {
                self.out.push(char::from(*digit));
                self.is_in_number = true;
            }
        } else if self.place < self.blanks {
            if self.pattern.zeros_from.is_some_and(|from| from <= self.place) {
                self.sign();
                self.out.push('0');
                self.is_in_number = true;
            } else if !self.pattern.is_bare {
                self.out.push(' ');
            }
        } else if self.hides_zero() {
            if self.pattern.is_bare && self.kept == 0 {
                self.sign();
                self.out.push('0');
            } else if !self.pattern.is_bare {
                self.out.push(' ');
            }
        } else if let Some(digit) = self.digits.whole.as_bytes().get(self.place - self.blanks) {
            let digit = char::from(*digit);
            self.sign();
            self.out.push(digit);
            self.is_in_number = true;
        }
        self.place += 1;
        self.end();
    }

    fn point(&mut self) {
        self.is_behind_point = true;
        self.is_in_number = false;
        // A point without digits behind it is written only of a number that does not fit.
        if self.pattern.fraction > 0 || self.overflows {
            self.sign();
            self.out.push('.');
        }
        self.end();
    }

    /// The sign before the first thing that is written of the number.
    fn sign(&mut self) {
        if !self.sign_is_due {
            return;
        }
        let is_negative = self.digits.is_negative;
        let sign = match (self.pattern.sign, is_negative) {
            (SignStyle::Trailing | SignStyle::Elsewhere, _) => return,
            (SignStyle::Leading, false) => '+',
            (SignStyle::Leading | SignStyle::Plain, true) => '-',
            (SignStyle::Brackets, true) => '<',
            (SignStyle::Plain | SignStyle::Brackets, false) => ' ',
        };
        self.out.push(sign);
        self.sign_is_due = false;
    }

    /// What stands behind the last place.
    fn end(&mut self) {
        let is_last = self.place == self.places() && (self.is_behind_point || !self.pattern.has_point);
        if !is_last {
            return;
        }
        match (self.pattern.sign, self.digits.is_negative) {
            (SignStyle::Trailing, true) => self.out.push('-'),
            (SignStyle::Trailing, false) => self.out.push('+'),
            (SignStyle::Brackets, true) => self.out.push('>'),
            (SignStyle::Brackets, false) if !self.pattern.is_bare => self.out.push(' '),
            _ => {}
        }
    }
}

impl Digits {
    fn of(value: &Datum<'_>, fraction: usize, shift: usize) -> Result<Self, Error> {
        let shifted = |value: i128| {
            let factor = 10_i128.checked_pow(u32::try_from(shift).unwrap_or(u32::MAX));
            factor.and_then(|factor| value.checked_mul(factor)).ok_or_else(message::numeric_overflow)
        };
        match value {
            Datum::Int(value) => {
                let value = shifted((*value).into())?;
                Ok(Self::joined(value < 0, value.unsigned_abs().to_string(), "0".repeat(fraction)))
            }
            Datum::Numeric(value, scale) => {
                let digits = i8::try_from(fraction).ok().filter(|fraction| *fraction <= 36);
                let digits = digits.ok_or_else(message::numeric_overflow)?;
                let value = rescaled(i256::from_i128(shifted(*value)?), scale - digits)?;
                let text = format!("{:0width$}", value.unsigned_abs(), width = fraction + 1);
                let (whole, behind) = text.split_at(text.len() - fraction);
                Ok(Self::joined(value < 0, whole.to_owned(), behind.to_owned()))
            }
            Datum::Float(value) if value.is_finite() => {
                let value = value * 10_f64.powi(i32::try_from(shift).unwrap_or(i32::MAX));
                let before = format!("{:.0}", value.abs()).len();
                // Digits beyond what a double holds are not made up.
                let exact = fraction.min(FLOAT_DIGITS.saturating_sub(before));
                let text = format!("{:.exact$}", value.abs());
                let (whole, behind) = text.split_once('.').unwrap_or((&text, ""));
                Ok(Self::joined(value.is_sign_negative() && value != 0.0, whole.to_owned(), behind.to_owned()))
            }
            Datum::Float(_) => Err(message::unsupported("to_char of NaN and infinity")),
            other => Err(message::internal(format!("{other:?} is no number"))),
        }
    }

    fn joined(is_negative: bool, whole: String, fraction: String) -> Self {
        Self { is_negative, whole, fraction }
    }
}

/// `1.23e+03`, with a space where a minus would be.
fn scientific(value: &Datum<'_>, fraction: usize) -> Result<String, Error> {
    let number = match value {
        Datum::Int(value) => *value as f64,
        Datum::Float(value) if value.is_finite() => *value,
        Datum::Numeric(value, scale) => return Ok(scientific_decimal(*value, *scale, fraction)),
        _ => return Err(message::unsupported("to_char of NaN and infinity")),
    };
    let text = format!("{number:.fraction$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    Ok(with_exponent(mantissa, exponent.parse().unwrap_or(0)))
}

/// The same of a decimal, whose halves are rounded away from zero.
fn scientific_decimal(value: i128, scale: i8, fraction: usize) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut exponent = digits.len() as i32 - 1 - i32::from(scale);
    let mut kept: Vec<u8> = digits.bytes().chain(std::iter::repeat(b'0')).take(fraction + 1).collect();
    if digits.as_bytes().get(fraction + 1).is_some_and(|next| *next >= b'5') {
        let carried = kept.iter_mut().rev().find_map(|digit| {
            let is_nine = *digit == b'9';
            *digit = if is_nine { b'0' } else { *digit + 1 };
            (!is_nine).then_some(())
        });
        if carried.is_none() {
            kept.insert(0, b'1');
            kept.pop();
            exponent += 1;
        }
    }
    if value == 0 {
        exponent = 0;
    }
    let text: String = kept.into_iter().map(char::from).collect();
    let point = if fraction > 0 { "." } else { "" };
    let sign = if value < 0 { "-" } else { "" };
    with_exponent(&format!("{sign}{}{point}{}", &text[..1], &text[1..]), exponent)
}

fn with_exponent(mantissa: &str, exponent: i32) -> String {
    let sign = if mantissa.starts_with('-') { "" } else { " " };
    let exponent_sign = if exponent < 0 { '-' } else { '+' };
    format!("{sign}{mantissa}e{exponent_sign}{:02}", exponent.abs())
}

fn roman_written(pattern: &NumberPattern, value: &Datum<'_>, is_capital: bool) -> String {
    let number = match value {
        Datum::Int(value) => i128::from(*value),
        Datum::Float(value) => value.round_ties_even() as i128,
        Datum::Numeric(value, scale) => rescaled(i256::from_i128(*value), *scale).unwrap_or(0),
        _ => 0,
    };
    let numeral = roman(number).unwrap_or_else(|| "#".repeat(ROMAN_WIDTH));
    let numeral = if is_capital { numeral } else { numeral.to_ascii_lowercase() };
    let mut out = String::new();
    for part in &pattern.parts {
        match part {
            NumberPart::Roman if pattern.is_bare => out.push_str(&numeral),
            NumberPart::Roman => out.push_str(&format!("{numeral:>ROMAN_WIDTH$}")),
            NumberPart::Text(text) => out.push_str(text),
            _ => {}
        }
    }
    out
}

/// From 1 to 3,999.
fn roman(number: i128) -> Option<String> {
    const VALUES: [(i128, &str); 13] = [
        (1_000, "M"),
        (900, "CM"),
        (500, "D"),
        (400, "CD"),
        (100, "C"),
        (90, "XC"),
        (50, "L"),
        (40, "XL"),
        (10, "X"),
        (9, "IX"),
        (5, "V"),
        (4, "IV"),
        (1, "I"),
    ];
    let mut rest = Some(number).filter(|number| (1..4_000).contains(number))?;
    let mut numeral = String::new();
    for (value, letters) in VALUES {
        while rest >= value {
            numeral.push_str(letters);
            rest -= value;
        }
    }
    Some(numeral)
}
