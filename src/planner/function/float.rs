//! `float8div`: division of floating-point numbers; by zero is an error (22012), not infinity.

use arrow::array::{ArrayRef, AsArray, Float64Array};
use arrow::compute::try_binary;
use arrow::datatypes::{DataType, Float64Type};
use arrow::error::ArrowError;
use datafusion::common::Result;
use datafusion::scalar::ScalarValue;

use super::Body;

/// Two `double precision`, giving a third.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Divide;

impl Body for Divide {
    fn name(&self) -> &str {
        "float8div"
    }

    fn gives(&self, _given: &[DataType], _literals: &[Option<&ScalarValue>]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn compute(&self, args: &[ArrayRef], _gives: &DataType) -> Result<ArrayRef> {
        let (left, right) = (args[0].as_primitive::<Float64Type>(), args[1].as_primitive::<Float64Type>());
        let quotients: Float64Array = try_binary(left, right, |left, right| {
            if right == 0.0 && !left.is_nan() { Err(ArrowError::DivideByZero) } else { Ok(left / right) }
        })?;
        Ok(std::sync::Arc::new(quotients))
    }
}
