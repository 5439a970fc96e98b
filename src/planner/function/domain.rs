//! `ln`, `log`, `sqrt`, `exp`, `asin`, `acos`: the engine's, with PostgreSQL's refusals in place of infinities and NaN (2201E, 2201F,
//! 22003).

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use datafusion::common::Result;
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF};
use datafusion::scalar::ScalarValue;

use super::Body;
use crate::error::message;

/// A function of one `double precision` (or of a base and one), with what it refuses.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Domain {
    name: String,
    inner: Arc<ScalarUDF>,
    refuses: Refuses,
}

/// What a function has no value for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Refuses {
    NotPositive,
    Negative,
    BeyondOne,
    /// What it would be too large for.
    TooLarge,
}

impl Domain {
    pub fn of(name: &str, inner: Arc<ScalarUDF>) -> Option<Self> {
        let refuses = match name {
            "ln" | "log" | "log10" | "log2" => Refuses::NotPositive,
            "sqrt" => Refuses::Negative,
            "asin" | "acos" => Refuses::BeyondOne,
            "exp" => Refuses::TooLarge,
            _ => return None,
        };
        Some(Self { name: name.to_owned(), inner, refuses })
    }
}

impl Body for Domain {
    fn name(&self) -> &str {
        &self.name
    }

    fn gives(&self, given: &[DataType], _literals: &[Option<&ScalarValue>]) -> Result<DataType> {
        let is_number = |given: &DataType| given.is_numeric() || *given == DataType::Null;
        let takes = given.iter().all(is_number) && (given.len() == 1 || (given.len() == 2 && self.name == "log"));
        if !takes {
            return Err(message::function_arguments(&self.name).into());
        }
        Ok(DataType::Float64)
    }

    fn compute(&self, args: &[ArrayRef], gives: &DataType) -> Result<ArrayRef> {
        let args = args.iter().map(|array| Ok(cast(array, &DataType::Float64)?)).collect::<Result<Vec<ArrayRef>>>()?;
        for array in &args {
            for value in array.as_primitive::<Float64Type>().iter().flatten() {
                match (self.refuses, value) {
                    (Refuses::NotPositive, 0.0) => return Err(message::logarithm_of_zero().into()),
                    (Refuses::NotPositive, ..0.0) => return Err(message::logarithm_of_negative().into()),
                    (Refuses::Negative, ..0.0) => return Err(message::root_of_negative().into()),
                    (Refuses::BeyondOne, value) if value.abs() > 1.0 => {
                        return Err(message::input_out_of_range().into());
                    }
                    (Refuses::TooLarge, value) if value.is_finite() && value.exp().is_infinite() => {
                        return Err(message::out_of_range_overflow().into());
                    }
                    _ => {}
                }
            }
        }
        let number_rows = args.first().map_or(0, |array| array.len());
        let field = |data_type: &DataType| Arc::new(arrow::datatypes::Field::new("value", data_type.clone(), true));
        let call = ScalarFunctionArgs {
            arg_fields: args.iter().map(|array| field(array.data_type())).collect(),
            args: args.into_iter().map(ColumnarValue::Array).collect(),
            number_rows,
            return_field: field(gives),
            config_options: Arc::new(ConfigOptions::default()),
        };
        self.inner.invoke_with_args(call)?.into_array(number_rows)
    }
}
