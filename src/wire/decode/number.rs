//! Integers, floats and `numeric`.

use std::num::IntErrorKind;
use std::str::FromStr;

use arrow::datatypes::DECIMAL128_MAX_PRECISION;
use datafusion::scalar::ScalarValue;

use super::trim;
use crate::error::{Result, message};

/// An integer with an optional sign.
pub(super) fn integer<T: FromStr<Err = std::num::ParseIntError>>(type_name: &str, text: &str) -> Result<T> {
    trim(text).parse().map_err(|error: std::num::ParseIntError| match error.kind() {
        IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => message::integer_text_out_of_range(type_name, text),
        _ => message::invalid_text(type_name, text),
    })
}

/// An object identifier; a negative one counts from the end, as in PostgreSQL.
pub(super) fn oid(type_name: &str, text: &str) -> Result<u32> {
    let number: i64 = integer(type_name, text)?;
    let wrapped = i32::try_from(number).map(i32::cast_unsigned);
    u32::try_from(number).or(wrapped).map_err(|_| message::integer_text_out_of_range(type_name, text))
}

/// What a float type must tell for its range to be checked.
pub(super) trait Float: FromStr + Copy {
    fn is_infinite(self) -> bool;
    fn is_zero(self) -> bool;
}

impl Float for f32 {
    fn is_infinite(self) -> bool {
        f32::is_infinite(self)
    }

    fn is_zero(self) -> bool {
        self == 0.0
    }
}

impl Float for f64 {
    fn is_infinite(self) -> bool {
        f64::is_infinite(self)
    }

    fn is_zero(self) -> bool {
        self == 0.0
    }
}

/// A float; `NaN`, `inf` and `Infinity` in any case. A finite text must not become infinite, nor zero unless it is.
pub(super) fn float<T: Float>(type_name: &str, text: &str) -> Result<T> {
    let bare = trim(text);
    let value: T = bare.parse().map_err(|_| message::invalid_text(type_name, text))?;
    let mantissa = bare.split(['e', 'E']).next().unwrap_or_default();
    let has_digits = bare.contains(|character: char| character.is_ascii_digit());
    let vanished = value.is_zero() && mantissa.contains(|character: char| matches!(character, '1'..='9'));
    if vanished || (value.is_infinite() && has_digits) {
        return Err(message::float_text_out_of_range(type_name, bare));
    }
    Ok(value)
}

/// Sign, digits with a point, exponent. The scale is that of the text, as in PostgreSQL.
pub(super) fn numeric_text(text: &str) -> Result<ScalarValue> {
    let bare = trim(text);
    let (negative, unsigned) = match bare.as_bytes().first() {
        Some(b'-') => (true, &bare[1..]),
        Some(b'+') => (false, &bare[1..]),
        _ => (false, bare),
    };
    if ["nan", "inf", "infinity"].iter().any(|word| unsigned.eq_ignore_ascii_case(word)) {
        return Err(unrepresentable());
    }
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let exponent_digits = exponent.map(|text| text.strip_prefix(['+', '-']).unwrap_or(text));
    let well_formed = all_digits(whole)
        && all_digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent_digits.is_none_or(|digits| !digits.is_empty() && all_digits(digits));
    if !well_formed {
        return Err(message::invalid_text("numeric", text));
    }
    let exponent: i32 = match exponent {
        Some(digits) => digits.parse().map_err(|_| unrepresentable())?,
        None => 0,
    };
    let mut unscaled = Unscaled::default();
    whole.bytes().chain(fraction.bytes()).try_for_each(|byte| unscaled.push(10, (byte - b'0').into()))?;
    let fraction_length = i32::try_from(fraction.len()).map_err(|_| unrepresentable())?;
    unscaled.finish(negative, fraction_length.saturating_sub(exponent))
}

/// PostgreSQL's groups of four digits. What lies behind the display scale is cut off, as PostgreSQL does.
pub(super) fn numeric_binary(bytes: &[u8], number: usize) -> Result<ScalarValue> {
    let malformed = || message::invalid_binary(number);
    let mut words = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    let mut word = || words.next().ok_or_else(malformed);
    let (groups, weight, sign, scale) = (word()?, word()? as i16, word()?, word()?);
    if bytes.len() != 8 + 2 * usize::from(groups) {
        return Err(malformed());
    }
    let negative = match sign {
        0x0000 => false,
        0x4000 => true,
        0xC000 | 0xD000 | 0xF000 => return Err(unrepresentable()),
        _ => return Err(malformed()),
    };
    // How many digits the groups reach behind the point, and how many of them are shown.
    let mut unscaled = Unscaled::default();
    let mut missing = 4 * (i32::from(weight) + 1) + i32::from(scale);
    for _ in 0..groups {
        let mut group = word()?;
        if group > 9_999 {
            return Err(malformed());
        }
        let kept = missing.clamp(0, 4);
        group /= 10_u16.pow(4 - kept.unsigned_abs());
        unscaled.push(10_i128.pow(kept.unsigned_abs()), group.into())?;
        missing -= kept;
    }
    // Zero groups at the end are not sent.
    if unscaled.0 != 0 {
        for _ in 0..missing {
            unscaled.push(10, 0)?;
        }
    }
    unscaled.finish(negative, scale.into())
}

/// Brings decimals of differing scale to one type; other values are left alone. For the items of an array.
pub(super) fn unify(values: &mut [ScalarValue]) -> Result<()> {
    let mut whole_digits = 0;
    let mut common_scale = 0;
    for value in values.iter() {
        if let ScalarValue::Decimal128(Some(_), precision, scale) = value {
            whole_digits = whole_digits.max(i32::from(*precision) - i32::from(*scale));
            common_scale = common_scale.max(*scale);
        }
    }
    let precision = u8::try_from(whole_digits + i32::from(common_scale)).map_err(|_| unrepresentable())?.max(1);
    if precision > DECIMAL128_MAX_PRECISION {
        return Err(unrepresentable());
    }
    for value in values {
        let ScalarValue::Decimal128(unscaled, _, scale) = value else { continue };
        let factor = 10_i128.pow(u32::from((common_scale - *scale).max(0).unsigned_abs()));
        let rescaled = match unscaled {
            Some(unscaled) => Some(unscaled.checked_mul(factor).ok_or_else(unrepresentable)?),
            None => None,
        };
        *value = ScalarValue::Decimal128(rescaled, precision, common_scale);
    }
    Ok(())
}

/// The digits of a number so far, as an integer.
#[derive(Default)]
struct Unscaled(i128);

impl Unscaled {
    fn push(&mut self, base: i128, digit: i128) -> Result<()> {
        let pushed = self.0.checked_mul(base).and_then(|shifted| shifted.checked_add(digit));
        self.0 = pushed.ok_or_else(unrepresentable)?;
        Ok(())
    }

    /// The decimal of just enough precision.
    fn finish(mut self, negative: bool, scale: i32) -> Result<ScalarValue> {
        // A negative scale is written out: 1e20 has none after the point.
        if self.0 != 0 {
            for _ in scale..0 {
                self.push(10, 0)?;
            }
        }
        let scale = u8::try_from(scale.max(0)).map_err(|_| unrepresentable())?;
        let digits = self.0.checked_ilog10().map_or(1, |power| power as u8 + 1);
        let precision = digits.max(scale);
        if precision > DECIMAL128_MAX_PRECISION {
            return Err(unrepresentable());
        }
        let value = if negative { -self.0 } else { self.0 };
        Ok(ScalarValue::Decimal128(Some(value), precision, scale as i8))
    }
}

fn unrepresentable() -> crate::error::Error {
    message::numeric_unrepresentable(DECIMAL128_MAX_PRECISION)
}
