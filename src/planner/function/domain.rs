//! `ln`, `log`, `sqrt`: the engine's, with PostgreSQL's refusals in place of infinities (2201E, 2201F).

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
    is_logarithm: bool,
}

impl Domain {
    pub fn of(name: &str, inner: Arc<ScalarUDF>) -> Option<Self> {
        let is_logarithm = match name {
            "ln" | "log" | "log10" | "log2" => true,
            "sqrt" => false,
            _ => return None,
        };
        Some(Self { name: name.to_owned(), inner, is_logarithm })
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
                match (self.is_logarithm, value) {
                    (true, 0.0) => return Err(message::logarithm_of_zero().into()),
                    (true, ..0.0) => return Err(message::logarithm_of_negative().into()),
                    (false, ..0.0) => return Err(message::root_of_negative().into()),
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
