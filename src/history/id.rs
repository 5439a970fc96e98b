//! Identifiers of members, stores, products and receipts: `bigint` or text, as the data has them.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::ScalarValue;

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Id {
    Number(i64),
    Text(String),
}

impl Id {
    /// The identifier in a row; `None` for NULL.
    pub fn of_row(ids: &ArrayRef, row: usize) -> Option<Self> {
        if ids.is_null(row) {
            return None;
        }
        match ids.data_type() {
            DataType::Int64 => Some(Self::Number(ids.as_primitive::<Int64Type>().value(row))),
            DataType::Utf8View => Some(Self::Text(ids.as_string_view().value(row).to_owned())),
            DataType::Utf8 => Some(Self::Text(ids.as_string::<i32>().value(row).to_owned())),
            _ => None,
        }
    }

    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Number(_) => None,
            Self::Text(text) => Some(text),
        }
    }

    /// In the type that relations have it in.
    pub fn scalar(&self) -> ScalarValue {
        match self {
            Self::Number(number) => ScalarValue::Int64(Some(*number)),
            Self::Text(text) => ScalarValue::Utf8View(Some(text.clone())),
        }
    }
}

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}
