//! `round`, `ceil`, `floor`: PostgreSQL's digits and ties. Of a `numeric` they have no digits behind the point;
//! `round(numeric)` rounds half away from zero, `round(double precision)` half to even.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, Float64Array};
use arrow::compute::cast;
use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, Decimal128Type, Float64Type, Int64Type, i256};
use datafusion::common::Result;
use datafusion::scalar::ScalarValue;

use super::Body;
use super::numeric::rescaled;
use crate::error::{Error, message};

/// `round(x)` and `round(numeric, digits)`. Digits that are not written out leave the scale of the type as it is.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Round;

/// `ceil` and `floor`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Whole {
    pub up: bool,
}

impl Body for Whole {
    fn name(&self) -> &str {
        if self.up { "ceil" } else { "floor" }
    }

    fn gives(&self, given: &[DataType], _literals: &[Option<&ScalarValue>]) -> Result<DataType> {
        match given {
            [DataType::Decimal128(precision, scale)] => Ok(DataType::Decimal128(whole(*precision, *scale), 0)),
            [x] if x.is_floating() || x.is_integer() || *x == DataType::Null => Ok(DataType::Float64),
            _ => Err(message::function_missing_for(self.name(), given).into()),
        }
    }

    fn compute(&self, args: &[ArrayRef], gives: &DataType) -> Result<ArrayRef> {
        let DataType::Decimal128(_, scale) = args[0].data_type() else {
            let values = cast(&args[0], &DataType::Float64)?;
            let to = if self.up { f64::ceil } else { f64::floor };
            let whole: Float64Array = values.as_primitive::<Float64Type>().unary(to);
            return Ok(Arc::new(whole));
        };
        let unit = 10_i128.checked_pow(u32::try_from(*scale).unwrap_or(0)).unwrap_or(i128::MAX);
        let whole: Decimal128Array = args[0].as_primitive::<Decimal128Type>().unary(|value| {
            let floor = value.div_euclid(unit);
            if self.up && floor * unit < value { floor + 1 } else { floor }
        });
        Ok(Arc::new(whole.with_data_type(gives.clone())))
    }
}

impl Body for Round {
    fn name(&self) -> &str {
        "round"
    }

    fn gives(&self, given: &[DataType], literals: &[Option<&ScalarValue>]) -> Result<DataType> {
        let refused = || Err(message::function_missing_for("round", given).into());
        match given {
            [x] if x.is_floating() || x.is_integer() || *x == DataType::Null => Ok(DataType::Float64),
            [DataType::Decimal128(precision, scale)] => Ok(DataType::Decimal128(whole(*precision, *scale), 0)),
            [x, digits] if digits.is_integer() || *digits == DataType::Null => {
                let (precision, scale) = match x {
                    DataType::Decimal128(precision, scale) => (*precision, *scale),
                    x if x.is_integer() => (19, 0),
                    DataType::Null => (1, 0),
                    _ => return refused(),
                };
                let shown = match literals.get(1).copied().flatten().map(|digits| digits.cast_to(&DataType::Int64)) {
                    Some(Ok(ScalarValue::Int64(Some(digits)))) => i8::try_from(digits.clamp(0, 30)).unwrap_or(0),
                    _ => scale,
                };
                let precision = whole(precision, scale).saturating_add(shown.unsigned_abs());
                Ok(DataType::Decimal128(precision.min(DECIMAL128_MAX_PRECISION), shown))
            }
            _ => refused(),
        }
    }

    fn compute(&self, args: &[ArrayRef], gives: &DataType) -> Result<ArrayRef> {
        let DataType::Decimal128(_, shown) = gives else {
            let values = cast(&args[0], &DataType::Float64)?;
            let rounded: Float64Array = values.as_primitive::<Float64Type>().unary(f64::round_ties_even);
            return Ok(Arc::new(rounded));
        };
        let values = match args[0].data_type() {
            DataType::Decimal128(..) => Arc::clone(&args[0]),
            _ => cast(&args[0], &DataType::Decimal128(DECIMAL128_MAX_PRECISION, 0))?,
        };
        let scale = match values.data_type() {
            DataType::Decimal128(_, scale) => *scale,
            _ => 0,
        };
        let values = values.as_primitive::<Decimal128Type>();
        let digits = args.get(1).map(|digits| cast(digits, &DataType::Int64)).transpose()?;
        let digits = digits.as_ref().map(|digits| digits.as_primitive::<Int64Type>());
        let rounded = (0..values.len())
            .map(|row| {
                if values.is_null(row) || digits.is_some_and(|digits| digits.is_null(row)) {
                    return Ok(None);
                }
                let digits = digits.map_or(0, |digits| digits.value(row).clamp(-38, 38));
                let digits = i8::try_from(digits).unwrap_or(0);
                let kept = rescaled(i256::from_i128(values.value(row)), (scale - digits).max(0))?;
                rescaled(i256::from_i128(kept), scale.min(digits) - shown).map(Some)
            })
            .collect::<Result<Decimal128Array, Error>>()?;
        Ok(Arc::new(rounded.with_data_type(gives.clone())))
    }
}

/// Digits before the point, and one more that rounding may need.
fn whole(precision: u8, scale: i8) -> u8 {
    let before = i16::from(precision) - i16::from(scale) + 1;
    u8::try_from(before.clamp(1, i16::from(DECIMAL128_MAX_PRECISION))).unwrap_or(DECIMAL128_MAX_PRECISION)
}
