//! `avg_of(sum, count)`: the mean, as `avg` is spelled out before planning.
//!
//! The engine's own `avg` gives a float for integers and cuts decimals off; PostgreSQL gives `numeric` for both.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, Float64Array};
use arrow::compute::cast;
use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, Decimal128Type, Float64Type, Int64Type};
use datafusion::common::Result;
use datafusion::scalar::ScalarValue;

use super::Body;
use super::numeric::quotient;
use crate::error::{Error, message};

/// Digits behind the point of a mean: PostgreSQL's, for means from 1 to 9,999.
const MEAN_SCALE: i8 = 16;

/// NULL where nothing was counted.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct AvgOf;

impl Body for AvgOf {
    fn name(&self) -> &str {
        "avg_of"
    }

    fn gives(&self, given: &[DataType], _literals: &[Option<&ScalarValue>]) -> Result<DataType> {
        Ok(match given.first() {
            Some(DataType::Float64 | DataType::Float32) => DataType::Float64,
            Some(DataType::Decimal128(_, scale)) => {
                DataType::Decimal128(DECIMAL128_MAX_PRECISION, MEAN_SCALE.max(*scale))
            }
            Some(DataType::Int64 | DataType::Null) => DataType::Decimal128(DECIMAL128_MAX_PRECISION, MEAN_SCALE),
            _ => return Err(message::function_arguments("avg").into()),
        })
    }

    fn compute(&self, args: &[ArrayRef], gives: &DataType) -> Result<ArrayRef> {
        let counts = args[1].as_primitive::<Int64Type>();
        let DataType::Decimal128(_, scale) = gives else {
            let sums = cast(&args[0], &DataType::Float64)?;
            let sums = sums.as_primitive::<Float64Type>();
            let means: Float64Array = sums
                .iter()
                .zip(counts)
                .map(|(sum, count)| Some(sum? / count.filter(|count| *count != 0)? as f64))
                .collect();
            return Ok(Arc::new(means));
        };
        let sums = match args[0].data_type() {
            DataType::Decimal128(..) => Arc::clone(&args[0]),
            _ => cast(&args[0], &DataType::Decimal128(DECIMAL128_MAX_PRECISION, 0))?,
        };
        let sum_scale = match sums.data_type() {
            DataType::Decimal128(_, scale) => *scale,
            _ => 0,
        };
        let sums = sums.as_primitive::<Decimal128Type>();
        let means = (0..sums.len())
            .map(|row| {
                if sums.is_null(row) || counts.is_null(row) || counts.value(row) == 0 {
                    return Ok(None);
                }
                quotient(sums.value(row), sum_scale, counts.value(row).into(), 0, *scale).map(Some)
            })
            .collect::<Result<Decimal128Array, Error>>()?;
        Ok(Arc::new(means.with_data_type(gives.clone())))
    }
}
