//! Values of system relations and catalog functions, and how they become Arrow arrays.
//!
//! A value does not know its width: an OID, a `smallint` and a `bigint` are all [`Value::Int`]. The column's type
//! decides, and a number that does not fit is a bug of ours.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Float32Array, Float64Array, Int16Array, Int32Array,
    Int64Array, IntervalMonthDayNanoArray, ListArray, StringArray, StringViewArray, TimestampMicrosecondArray,
    UInt32Array, new_empty_array, new_null_array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field, IntervalMonthDayNano, IntervalUnit, TimeUnit};
use chrono::{DateTime, NaiveDate, Utc};

use crate::error::{Result, message};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Cow<'static, str>),
    Instant(DateTime<Utc>),
    Date(NaiveDate),
    /// An interval.
    Seconds(i64),
    List(Vec<Value>),
}

impl Value {
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            _ => None,
        }
    }

    pub(super) fn bool(&self) -> Option<bool> {
        match self {
            Self::Bool(truth) => Some(*truth),
            _ => None,
        }
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// What a column that is never NULL holds where a builder says nothing: 0, false, the empty text.
    pub(super) fn zero(data_type: &DataType) -> Self {
        match data_type {
            DataType::Boolean => Self::Bool(false),
            DataType::Utf8 => Self::Text("".into()),
            DataType::Float32 | DataType::Float64 => Self::Float(0.0),
            DataType::List(_) => Self::List(Vec::new()),
            DataType::Int16 | DataType::Int32 | DataType::Int64 | DataType::UInt32 => Self::Int(0),
            _ => Self::Null,
        }
    }

    /// The value of one row of an array. Types that catalog functions never take give NULL.
    pub(super) fn of_row(array: &ArrayRef, row: usize) -> Self {
        use arrow::datatypes::{Float32Type, Float64Type, Int16Type, Int32Type, Int64Type, UInt32Type};
        if array.is_null(row) {
            return Self::Null;
        }
        match array.data_type() {
            DataType::Boolean => Self::Bool(array.as_boolean().value(row)),
            DataType::Int16 => Self::Int(array.as_primitive::<Int16Type>().value(row).into()),
            DataType::Int32 => Self::Int(array.as_primitive::<Int32Type>().value(row).into()),
            DataType::Int64 => Self::Int(array.as_primitive::<Int64Type>().value(row)),
            DataType::UInt32 => Self::Int(array.as_primitive::<UInt32Type>().value(row).into()),
            DataType::Float32 => Self::Float(array.as_primitive::<Float32Type>().value(row).into()),
            DataType::Float64 => Self::Float(array.as_primitive::<Float64Type>().value(row)),
            DataType::Utf8 => array.as_string::<i32>().value(row).to_owned().into(),
            DataType::Utf8View => array.as_string_view().value(row).to_owned().into(),
            DataType::LargeUtf8 => array.as_string::<i64>().value(row).to_owned().into(),
            DataType::List(_) => {
                let items = array.as_list::<i32>().value(row);
                Self::List((0..items.len()).map(|item| Self::of_row(&items, item)).collect())
            }
            _ => Self::Null,
        }
    }
}

macro_rules! from_int {
    ($($number:ty),*) => {
        $(impl From<$number> for Value {
            fn from(number: $number) -> Self {
                Self::Int(number.into())
            }
        })*
    };
}
from_int!(i16, i32, i64, u32);

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Float(number)
    }
}

impl From<&'static str> for Value {
    fn from(text: &'static str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::Text(text.clone().into())
    }
}

impl From<DateTime<Utc>> for Value {
    fn from(instant: DateTime<Utc>) -> Self {
        Self::Instant(instant)
    }
}

impl From<NaiveDate> for Value {
    fn from(date: NaiveDate) -> Self {
        Self::Date(date)
    }
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(items: Vec<T>) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// The Arrow type of a column of PostgreSQL's type of this name.
///
/// Names, codes of one letter, trees and everything that is only shown are text; object identifiers of every kind
/// are `UInt32`, which is announced as `oid`.
pub(super) fn arrow_type(type_name: &str) -> DataType {
    let list = |item| DataType::List(Field::new("item", item, true).into());
    match type_name {
        "bool" => DataType::Boolean,
        "int2" => DataType::Int16,
        "int4" => DataType::Int32,
        "int8" => DataType::Int64,
        "oid" | "xid" | "regproc" | "regtype" | "regclass" => DataType::UInt32,
        "float4" => DataType::Float32,
        "float8" => DataType::Float64,
        "date" => DataType::Date32,
        "timestamptz" => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        "interval" => DataType::Interval(arrow::datatypes::IntervalUnit::MonthDayNano),
        "numeric" => DataType::Decimal128(38, 10),
        "bytea" => DataType::Binary,
        "oidvector" => list(DataType::UInt32),
        "int2vector" => list(DataType::Int16),
        // By name, as it is written.
        "_regtype" => list(DataType::Utf8),
        // Its elements have the type of some column; shown as text.
        "anyarray" => list(DataType::Utf8),
        array if array.starts_with('_') => list(arrow_type(&array[1..])),
        _ => DataType::Utf8,
    }
}

/// An array of these values. Types that no system relation fills accept only NULL.
pub(super) fn array_of(values: &[Value], data_type: &DataType) -> Result<ArrayRef> {
    let misfit = || message::internal(format!("a system relation holds a value that is not {data_type}"));
    macro_rules! numbers {
        ($array:ty, $number:ty) => {{
            let numbers = values
                .iter()
                .map(|value| match value {
                    Value::Null => Ok(None),
                    Value::Int(number) => <$number>::try_from(*number).map(Some).map_err(|_| misfit()),
                    _ => Err(misfit()),
                })
                .collect::<Result<Vec<_>>>()?;
            Arc::new(<$array>::from(numbers)) as ArrayRef
        }};
    }
    /// Values of one kind, or NULL.
    macro_rules! only {
        ($kind:ident, $value:ident => $result:expr) => {
            values
                .iter()
                .map(|value| match value {
                    Value::Null => Ok(None),
                    Value::$kind($value) => Ok(Some($result)),
                    _ => Err(misfit()),
                })
                .collect::<Result<Vec<_>>>()?
        };
    }
    Ok(match data_type {
        DataType::Boolean => Arc::new(BooleanArray::from(only!(Bool, truth => *truth))),
        DataType::Int16 => numbers!(Int16Array, i16),
        DataType::Int32 => numbers!(Int32Array, i32),
        DataType::Int64 => numbers!(Int64Array, i64),
        DataType::UInt32 => numbers!(UInt32Array, u32),
        DataType::Float32 => Arc::new(Float32Array::from(only!(Float, number => *number as f32))),
        DataType::Float64 => Arc::new(Float64Array::from(only!(Float, number => *number))),
        DataType::Utf8 => Arc::new(StringArray::from(only!(Text, text => text.as_ref()))),
        DataType::Utf8View => Arc::new(StringViewArray::from(only!(Text, text => text.as_ref()))),
        DataType::Timestamp(TimeUnit::Microsecond, zone) => Arc::new(
            TimestampMicrosecondArray::from(only!(Instant, instant => instant.timestamp_micros()))
                .with_timezone_opt(zone.clone()),
        ),
        DataType::Date32 => Arc::new(Date32Array::from(only!(Date, date => date.to_epoch_days()))),
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            Arc::new(IntervalMonthDayNanoArray::from(only!(Seconds, seconds => {
                IntervalMonthDayNano::new(0, 0, seconds.checked_mul(1_000_000_000).ok_or_else(misfit)?)
            })))
        }
        DataType::List(item) => list_of(values, item)?,
        _ if values.iter().all(Value::is_null) => new_null_array(data_type, values.len()),
        _ => return Err(misfit()),
    })
}

fn list_of(values: &[Value], item: &Arc<Field>) -> Result<ArrayRef> {
    let mut items = Vec::new();
    let mut lengths = Vec::with_capacity(values.len());
    for value in values {
        match value {
            Value::List(list) => {
                items.extend_from_slice(list);
                lengths.push(list.len());
            }
            _ => lengths.push(0),
        }
    }
    let nulls = NullBuffer::from_iter(values.iter().map(|value| !value.is_null()));
    let items = if items.is_empty() { new_empty_array(item.data_type()) } else { array_of(&items, item.data_type())? };
    let list = ListArray::try_new(Arc::clone(item), OffsetBuffer::from_lengths(lengths), items, Some(nulls))
        .map_err(|error| message::internal(format!("a list of a system relation is not one: {error}")))?;
    Ok(Arc::new(list))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_keep_nulls_and_empties_apart() {
        let list = arrow_type("_text");
        let values = [Value::Null, Value::List(vec![]), Value::from(vec!["a", "b"])];
        let array = array_of(&values, &list).unwrap();
        assert_eq!((0..3).map(|row| Value::of_row(&array, row)).collect::<Vec<_>>(), values);
    }

    #[test]
    fn a_number_that_does_not_fit_is_a_bug() {
        assert!(array_of(&[Value::Int(40_000)], &DataType::Int16).is_err());
        assert!(array_of(&[Value::Int(-1)], &DataType::UInt32).is_err());
    }
}
