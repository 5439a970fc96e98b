//! `numeric_div`, `numeric_mul`: division and long products of decimals, rounded half away from zero.
//!
//! PostgreSQL chooses the digits of a quotient for each value (at least 16 that count); a column of decimals has one
//! scale for all. Here a quotient of columns has [`QUOTIENT_SCALE`] digits behind the point, which is never fewer than
//! PostgreSQL's for a quotient below 10,000, and a quotient of two literals has exactly PostgreSQL's.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array};
use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, Decimal128Type, i256};
use datafusion::common::Result;
use datafusion::scalar::ScalarValue;

use super::Body;
use crate::error::{Error, message};

/// Digits behind the point of a quotient.
pub const QUOTIENT_SCALE: i8 = 20;
/// Digits behind the point of a product that would have more.
const PRODUCT_SCALE: i8 = 20;

/// `numeric / numeric`. Errors: 22012, 22003.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Divide;

/// `numeric * numeric` where the exact product would have too many digits behind the point. Errors: 22003.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Multiply;

impl Body for Divide {
    fn name(&self) -> &str {
        "numeric_div"
    }

    fn gives(&self, _given: &[DataType], _literals: &[Option<&ScalarValue>]) -> Result<DataType> {
        Ok(DataType::Decimal128(DECIMAL128_MAX_PRECISION, QUOTIENT_SCALE))
    }

    fn compute(&self, args: &[ArrayRef], gives: &DataType) -> Result<ArrayRef> {
        let scale = scale(gives);
        by_row(args, gives, |(left, left_scale), (right, right_scale)| {
            quotient(left, left_scale, right, right_scale, scale)
        })
    }
}

impl Body for Multiply {
    fn name(&self) -> &str {
        "numeric_mul"
    }

    fn gives(&self, given: &[DataType], _literals: &[Option<&ScalarValue>]) -> Result<DataType> {
        let most = given.iter().map(scale).fold(PRODUCT_SCALE, i8::max);
        Ok(DataType::Decimal128(DECIMAL128_MAX_PRECISION, most))
    }

    fn compute(&self, args: &[ArrayRef], gives: &DataType) -> Result<ArrayRef> {
        let scale = scale(gives);
        by_row(args, gives, |(left, left_scale), (right, right_scale)| {
            let product = i256::from_i128(left).checked_mul(i256::from_i128(right)).ok_or_else(overflow)?;
            rescaled(product, left_scale + right_scale - scale)
        })
    }
}

/// The quotient of two literals with PostgreSQL's number of digits; `None` when either is not a decimal or NULL, or
/// when it does not fit.
pub fn quotient_of_literals(left: &ScalarValue, right: &ScalarValue) -> Option<Result<ScalarValue>> {
    let (
        ScalarValue::Decimal128(Some(dividend), _, dividend_scale),
        ScalarValue::Decimal128(Some(divisor), _, divisor_scale),
    ) = (left, right)
    else {
        return None;
    };
    if *divisor == 0 {
        return Some(Err(message::division_by_zero().into()));
    }
    let scale = postgresql_scale((*dividend, *dividend_scale), (*divisor, *divisor_scale));
    let scale = i8::try_from(scale).ok().filter(|scale| *scale <= 36)?;
    let value = quotient(*dividend, *dividend_scale, *divisor, *divisor_scale, scale).ok()?;
    Some(Ok(ScalarValue::Decimal128(Some(value), DECIMAL128_MAX_PRECISION, scale)))
}

/// `quotient` of two unscaled values at a scale.
pub fn quotient(left: i128, left_scale: i8, right: i128, right_scale: i8, scale: i8) -> Result<i128, Error> {
    if right == 0 {
        return Err(message::division_by_zero());
    }
    let shift = i32::from(scale) + i32::from(right_scale) - i32::from(left_scale);
    let (mut dividend, mut divisor) = (i256::from_i128(left), i256::from_i128(right));
    if shift >= 0 {
        dividend = dividend.checked_mul(power_of_ten(shift)?).ok_or_else(overflow)?;
    } else {
        divisor = divisor.checked_mul(power_of_ten(-shift)?).ok_or_else(overflow)?;
    }
    divided(dividend, divisor)
}

/// Takes digits off the end of an unscaled value, rounding half away from zero.
pub fn rescaled(value: i256, digits: i8) -> Result<i128, Error> {
    if digits <= 0 {
        let wide = value.checked_mul(power_of_ten(i32::from(-digits))?).ok_or_else(overflow)?;
        return wide.to_i128().ok_or_else(overflow);
    }
    divided(value, power_of_ten(i32::from(digits))?)
}

/// Rounds half away from zero.
fn divided(dividend: i256, divisor: i256) -> Result<i128, Error> {
    let two = i256::from_i128(2);
    let whole = dividend.checked_div(divisor).ok_or_else(overflow)?;
    let rest = dividend.checked_rem(divisor).ok_or_else(overflow)?;
    let is_half = rest.wrapping_abs().checked_mul(two).is_none_or(|twice| twice >= divisor.wrapping_abs());
    let negative = (dividend < i256::ZERO) != (divisor < i256::ZERO);
    let rounded = match (is_half && rest != i256::ZERO, negative) {
        (false, _) => Some(whole),
        (true, false) => whole.checked_add(i256::ONE),
        (true, true) => whole.checked_sub(i256::ONE),
    };
    rounded.and_then(i256::to_i128).ok_or_else(overflow)
}

fn by_row(
    args: &[ArrayRef],
    gives: &DataType,
    value: impl Fn((i128, i8), (i128, i8)) -> Result<i128, Error>,
) -> Result<ArrayRef> {
    let [left, right] = args else {
        return Err(message::internal("an operator has two operands").into());
    };
    let (left_scale, right_scale) = (scale(left.data_type()), scale(right.data_type()));
    let (left, right) = (left.as_primitive::<Decimal128Type>(), right.as_primitive::<Decimal128Type>());
    let values = (0..left.len())
        .map(|row| {
            if left.is_null(row) || right.is_null(row) {
                return Ok(None);
            }
            value((left.value(row), left_scale), (right.value(row), right_scale)).map(Some)
        })
        .collect::<Result<Decimal128Array, Error>>()?;
    Ok(Arc::new(values.with_data_type(gives.clone())))
}

fn scale(data_type: &DataType) -> i8 {
    match data_type {
        DataType::Decimal128(_, scale) => *scale,
        _ => 0,
    }
}

fn power_of_ten(exponent: i32) -> Result<i256, Error> {
    let exponent = u32::try_from(exponent).map_err(|_| overflow())?;
    i256::from_i128(10).checked_pow(exponent).ok_or_else(overflow)
}

fn overflow() -> Error {
    message::numeric_overflow()
}

/// How many digits PostgreSQL shows of a quotient: enough for 16 that count, and not fewer than either operand has.
///
/// Source: `select_div_scale` as PostgreSQL documents its outcome; values are taken in groups of four digits.
fn postgresql_scale(dividend: (i128, i8), divisor: (i128, i8)) -> i32 {
    let (dividend_weight, dividend_digit) = leading_group(dividend);
    let (divisor_weight, divisor_digit) = leading_group(divisor);
    let weight = dividend_weight - divisor_weight - i32::from(dividend_digit <= divisor_digit);
    (16 - weight * 4).max(i32::from(dividend.1)).max(i32::from(divisor.1)).max(0)
}

/// The first group of four digits that is not zero, and its place (0 is the group before the point).
fn leading_group((value, scale): (i128, i8)) -> (i32, u128) {
    let mut digits = value.unsigned_abs();
    if digits == 0 {
        return (0, 0);
    }
    // Fill the last group behind the point.
    let scale = i32::from(scale);
    let mut place = -(scale + 3).div_euclid(4);
    for _ in 0..(-place * 4 - scale).max(0) {
        digits = digits.saturating_mul(10);
    }
    while digits >= 10_000 {
        digits /= 10_000;
        place += 1;
    }
    (place, digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(value: i128, scale: i8) -> ScalarValue {
        ScalarValue::Decimal128(Some(value), 38, scale)
    }

    #[test]
    fn quotients_of_literals_have_postgresqls_digits() {
        // PostgreSQL 15: 10/4.0, 1/3.0, 2/3.0, 1000000/3.0, 1.5/0.07, -1/3.0.
        for (dividend, divisor, expected) in [
            (decimal(10, 0), decimal(40, 1), decimal(25_000_000_000_000_000, 16)),
            (decimal(1, 0), decimal(30, 1), decimal(33_333_333_333_333_333_333, 20)),
            (decimal(2, 0), decimal(30, 1), decimal(66_666_666_666_666_666_667, 20)),
            (decimal(1_000_000, 0), decimal(30, 1), decimal(333_333_333_333_333_333, 12)),
            (decimal(15, 1), decimal(7, 2), decimal(214_285_714_285_714_286, 16)),
            (decimal(-1, 0), decimal(30, 1), decimal(-33_333_333_333_333_333_333, 20)),
        ] {
            assert_eq!(quotient_of_literals(&dividend, &divisor).unwrap().unwrap(), expected);
        }
    }
}
