//! `asof()`: the day that a statement asks about, fixed for the statement.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array};
use arrow::datatypes::{DataType, Date32Type};
use chrono::NaiveDate;
use datafusion::common::Result;
use datafusion::logical_expr::ScalarUDF;
use datafusion::scalar::ScalarValue;

use super::Body;
use crate::error::message;

#[derive(Debug, PartialEq, Eq, Hash)]
struct AsOf {
    day: NaiveDate,
}

/// The function of this name that gives the day, if it is one.
pub fn of_day(name: &str, day: NaiveDate) -> Option<Arc<ScalarUDF>> {
    (name == "asof").then(|| super::function(AsOf { day }))
}

impl Body for AsOf {
    fn name(&self) -> &str {
        "asof"
    }

    fn gives(&self, given: &[DataType], _literals: &[Option<&ScalarValue>]) -> Result<DataType> {
        match given {
            [] => Ok(DataType::Date32),
            given => Err(message::function_missing_for("asof", given).into()),
        }
    }

    fn compute(&self, _args: &[ArrayRef], _gives: &DataType) -> Result<ArrayRef> {
        Ok(Arc::new(Date32Array::from(vec![Date32Type::from_naive_date(self.day)])))
    }
}
