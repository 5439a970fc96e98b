//! Functions that the engine has under PostgreSQL's name but with another language of patterns: refused (0A000), as a
//! wrong answer is worse than none.

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::scalar::ScalarValue;

use super::Body;
use crate::error::message;

#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Unsupported {
    pub name: String,
}

impl Body for Unsupported {
    fn name(&self) -> &str {
        &self.name
    }

    fn gives(&self, _given: &[DataType], _literals: &[Option<&ScalarValue>]) -> Result<DataType> {
        Err(message::unsupported(&format!("function {}", self.name)).into())
    }

    fn compute(&self, _args: &[ArrayRef], _gives: &DataType) -> Result<ArrayRef> {
        Err(message::unsupported(&format!("function {}", self.name)).into())
    }
}
