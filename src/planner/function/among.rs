//! `x IN (SELECT …)` as a value: the list of what the subquery gave, searched.

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Scalar};
use arrow::compute::kernels::cmp::eq;
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::scalar::ScalarValue;

use super::Body;
use crate::error::message;

/// `(value, list)`; the list is NULL where the subquery had no row.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Among;

impl Body for Among {
    fn name(&self) -> &str {
        "among"
    }

    fn gives(&self, _given: &[DataType], _literals: &[Option<&ScalarValue>]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn compute(&self, args: &[ArrayRef], _gives: &DataType) -> Result<ArrayRef> {
        let [values, lists] = args else { return Err(message::internal("a value or its list is missing").into()) };
        let lists = lists.as_list_opt::<i32>().ok_or_else(|| message::internal("a list is missing"))?;
        let found = (0..values.len())
            .map(
                |row| if lists.is_null(row) { Ok(Some(false)) } else { among(values.slice(row, 1), &lists.value(row)) },
            )
            .collect::<Result<BooleanArray>>()?;
        Ok(std::sync::Arc::new(found))
    }

    fn is_strict(&self) -> bool {
        false
    }
}

/// Whether the one value is among the items: NULL when it is not known.
fn among(value: ArrayRef, items: &ArrayRef) -> Result<Option<bool>> {
    if items.is_empty() {
        return Ok(Some(false));
    }
    if value.is_null(0) {
        return Ok(None);
    }
    let is_found = eq(items, &Scalar::new(value))?.true_count() > 0;
    Ok(if is_found || items.null_count() == 0 { Some(is_found) } else { None })
}
