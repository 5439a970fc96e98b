//! Floating-point numbers of files as exact `numeric`, as PostgreSQL converts them: the value's first 15 significant
//! digits, rounded half away from zero. NaN, with which some tools write a missing number, is NULL.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array};
use arrow::datatypes::{DataType, Float64Type};
use datafusion::common::{DataFusionError, Result, ScalarValue, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::error::message;

/// Digits of numbers that arrive as floats.
pub const FLOAT_PRECISION: u8 = 18;

/// Scaled values up to here have less than 15 digits, so that their nearness to a half can be seen.
const EXACT_BELOW: f64 = 1e11;

/// `value`, double precision, as `numeric(18, scale)`. A value that does not fit is refused (22003) with the name of its `column`.
pub fn numeric_of(value: Expr, scale: i8, column: &str) -> Expr {
    let function = NumericOf {
        scale,
        column: column.to_owned(),
        signature: Signature::exact(vec![DataType::Float64], Volatility::Immutable),
    };
    ScalarUDF::from(function).call(vec![value])
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct NumericOf {
    scale: i8,
    column: String,
    signature: Signature,
}

impl ScalarUDFImpl for NumericOf {
    fn name(&self) -> &str {
        "numeric_of"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Decimal128(FLOAT_PRECISION, self.scale))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [value] = args.args.as_slice() else {
            return exec_err!("numeric_of takes one value");
        };
        match value {
            ColumnarValue::Array(array) => Ok(ColumnarValue::Array(self.convert(array)?)),
            ColumnarValue::Scalar(scalar) => {
                let array = self.convert(&scalar.to_array()?)?;
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0)?))
            }
        }
    }
}

impl NumericOf {
    fn convert(&self, array: &ArrayRef) -> Result<ArrayRef> {
        let floats = array.as_primitive::<Float64Type>();
        let limit = 10_i128.pow(u32::from(FLOAT_PRECISION));
        let mut numbers = Decimal128Array::builder(floats.len());
        for row in 0..floats.len() {
            if floats.is_null(row) || floats.value(row).is_nan() {
                numbers.append_null();
                continue;
            }
            let value = floats.value(row);
            match scaled(value, self.scale).filter(|number| number.abs() < limit) {
                Some(number) => numbers.append_value(number),
                None => {
                    let error = message::number_too_large(&self.column, value, FLOAT_PRECISION, self.scale);
                    return Err(DataFusionError::External(Box::new(error)));
                }
            }
        }
        Ok(Arc::new(numbers.finish().with_precision_and_scale(FLOAT_PRECISION, self.scale)?))
    }
}

/// `value` × 10^`scale` as a whole number; `None` for infinity and what is far too large.
fn scaled(value: f64, scale: i8) -> Option<i128> {
    let product = value * 10_f64.powi(i32::from(scale));
    if !product.is_finite() || product.abs() >= 1e36 {
        return None;
    }
    let is_clear = product.abs() < EXACT_BELOW && (product.abs().fract() - 0.5).abs() > 1e-3;
    if is_clear {
        return Some(product.round() as i128);
    }
    rounded_digits(value, scale)
}

/// The slow way, by the decimal digits.
fn rounded_digits(value: f64, scale: i8) -> Option<i128> {
    let text = format!("{:.14e}", value.abs());
    let (mantissa, exponent) = text.split_once('e')?;
    let exponent: i32 = exponent.parse().ok()?;
    let digits: i128 = mantissa.replace('.', "").parse().ok()?;
    // value = digits × 10^(exponent − 14)
    let shift = exponent - 14 + i32::from(scale);
    let number = match u32::try_from(-shift) {
        Err(_) => digits.checked_mul(10_i128.checked_pow(u32::try_from(shift).ok()?)?)?,
        Ok(cut) if cut > 18 => 0,
        Ok(cut) => {
            let unit = 10_i128.pow(cut);
            (digits + unit / 2) / unit
        }
    };
    Some(if value < 0.0 { -number } else { number })
}

#[cfg(test)]
mod tests {
    use super::scaled;

    #[test]
    fn floats_become_the_numeric_that_postgresql_makes_of_them() {
        // SELECT (v::float8)::numeric(18,2) * 100 on PostgreSQL 15.
        for (value, hundredths) in [
            (1.005, 101),
            (-1.005, -101),
            (2.675, 268),
            (1.115, 112),
            (0.125, 13),
            (-0.125, -13),
            (0.1 + 0.2, 30),
            (1.004_999_999_999_999_7, 101),
            (1.004_999, 100),
            (123_456_789.125, 12_345_678_913),
            (9_999_999_999.995, 1_000_000_000_000),
            (0.0, 0),
            (-0.001, 0),
            (1e-300, 0),
        ] {
            assert_eq!(scaled(value, 2), Some(hundredths), "{value}");
        }
        assert_eq!(scaled(1.0005, 3), Some(1001));
        assert_eq!(scaled(f64::INFINITY, 2), None);
    }
}
