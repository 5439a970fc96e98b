//! What casts make of a column of `regproc`, which Arrow knows as a number: `text` is the function's name, `oid` the number.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, StringViewArray};
use arrow::datatypes::{DataType, UInt32Type};
use datafusion::common::Result;
use datafusion::scalar::ScalarValue;

use super::Body;
use crate::catalog::system::regproc_text;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OfRegproc {
    Text,
    /// The number, told apart no more.
    Oid,
}

impl Body for OfRegproc {
    fn name(&self) -> &str {
        match self {
            Self::Text => "regproc:text",
            Self::Oid => "regproc:oid",
        }
    }

    fn gives(&self, _given: &[DataType], _literals: &[Option<&ScalarValue>]) -> Result<DataType> {
        Ok(match self {
            Self::Text => DataType::Utf8View,
            Self::Oid => DataType::UInt32,
        })
    }

    fn compute(&self, args: &[ArrayRef], _gives: &DataType) -> Result<ArrayRef> {
        match self {
            Self::Text => {
                let oids = args[0].as_primitive::<UInt32Type>().iter();
                Ok(Arc::new(oids.map(|oid| oid.map(regproc_text)).collect::<StringViewArray>()))
            }
            Self::Oid => Ok(Arc::clone(&args[0])),
        }
    }
}
