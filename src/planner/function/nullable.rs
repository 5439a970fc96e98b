//! A value that may be NULL whatever its column promises: what a subquery that might have no row stands for.
//!
//! The engine takes the promise of the subquery's column for that of the value, and leaves out what is there for NULL.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::scalar::ScalarValue;

use super::Body;
use crate::error::message;

#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Nullable;

impl Body for Nullable {
    fn name(&self) -> &str {
        "nullable"
    }

    fn gives(&self, given: &[DataType], _literals: &[Option<&ScalarValue>]) -> Result<DataType> {
        given.first().cloned().ok_or_else(|| message::internal("a value is missing").into())
    }

    fn compute(&self, args: &[ArrayRef], _gives: &DataType) -> Result<ArrayRef> {
        args.first().map(Arc::clone).ok_or_else(|| message::internal("a value is missing").into())
    }
}
