//! `date_trunc`: the start of a calendar unit, in the session's zone for instants and dates (which PostgreSQL takes for
//! instants at their midnight).

use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field};
use datafusion::common::Result;
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF};
use datafusion::scalar::ScalarValue;

use super::Body;
use crate::error::message;
use crate::planner::dialect::{Session, instant_type, timestamp_type};

#[derive(Debug, PartialEq, Eq, Hash)]
pub struct DateTrunc {
    pub session: Session,
    /// The engine's function, which truncates timestamps without a zone.
    pub inner: Arc<ScalarUDF>,
}

impl Body for DateTrunc {
    fn name(&self) -> &str {
        "date_trunc"
    }

    fn gives(&self, given: &[DataType], _literals: &[Option<&ScalarValue>]) -> Result<DataType> {
        match given {
            [_, DataType::Timestamp(_, None)] => Ok(timestamp_type()),
            [_, DataType::Timestamp(_, Some(_)) | DataType::Date32 | DataType::Null] => Ok(instant_type()),
            [_, DataType::Interval(_)] => Err(message::unsupported("date_trunc of an interval").into()),
            [_, _, ..] if given.len() == 3 => Err(message::unsupported("date_trunc with a zone").into()),
            _ => Err(message::function_missing_for("date_trunc", given).into()),
        }
    }

    fn compute(&self, args: &[ArrayRef], gives: &DataType) -> Result<ArrayRef> {
        let local = cast(&self.session.local_times(&args[1])?, &timestamp_type())?;
        let rows = local.len();
        let unit = ScalarValue::try_from_array(&args[0], 0)?;
        let field = |data_type: DataType| Arc::new(Field::new("value", data_type, true));
        let call = ScalarFunctionArgs {
            arg_fields: vec![field(unit.data_type()), field(timestamp_type())],
            args: vec![ColumnarValue::Scalar(unit), ColumnarValue::Array(local)],
            number_rows: rows,
            return_field: field(timestamp_type()),
            config_options: Arc::new(ConfigOptions::default()),
        };
        let truncated = self.inner.invoke_with_args(call)?.into_array(rows)?;
        if *gives == timestamp_type() { Ok(truncated) } else { self.session.instants(&truncated) }
    }
}
