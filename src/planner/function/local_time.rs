//! `timezone` of a local time, told apart from `timezone` of an instant.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF};
use datafusion::scalar::ScalarValue;

use super::Body;
use crate::error::message;
use crate::planner::dialect::instant_type;

#[derive(Debug, PartialEq, Eq, Hash)]
struct OfLocalTime {
    inner: Arc<ScalarUDF>,
}

/// The function that gives the instant of a local time, from the one that does both.
pub fn of_local_time(inner: Arc<ScalarUDF>) -> Arc<ScalarUDF> {
    super::function(OfLocalTime { inner })
}

pub fn is_of_local_time(function: &ScalarUDF) -> bool {
    super::body::<OfLocalTime>(function).is_some()
}

impl Body for OfLocalTime {
    fn name(&self) -> &str {
        "timezone"
    }

    fn gives(&self, _given: &[DataType], _literals: &[Option<&ScalarValue>]) -> Result<DataType> {
        Ok(instant_type())
    }

    fn compute(&self, _args: &[ArrayRef], _gives: &DataType) -> Result<ArrayRef> {
        Err(message::internal("timezone is computed with its constants in one piece").into())
    }

    fn compute_columnar(&self, call: &ScalarFunctionArgs) -> Result<ColumnarValue> {
        self.inner.invoke_with_args(call.clone())
    }
}
