//! One value of a row, as the row-by-row functions see it: read out of an array, and put into one.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Date32Array, Decimal128Array, FixedSizeBinaryArray,
    Float32Array, Float64Array, Int16Array, Int32Array, Int64Array, IntervalMonthDayNanoArray, ListArray,
    StringViewArray, Time64MicrosecondArray, TimestampMicrosecondArray, new_empty_array, new_null_array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::concat;
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
    IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit, Time64MicrosecondType, TimeUnit,
    TimestampMicrosecondType,
};
use datafusion::common::Result;

use crate::error::message;

/// A value, borrowed where it is long.
#[derive(Debug, Clone)]
pub enum Datum<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    /// Unscaled value and scale.
    Numeric(i128, i8),
    Text(Cow<'a, str>),
    Bytes(Cow<'a, [u8]>),
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds since midnight.
    Time(i64),
    /// Microseconds since 1970-01-01, local.
    Timestamp(i64),
    /// Microseconds since 1970-01-01 UTC.
    Instant(i64),
    Interval(IntervalMonthDayNano),
    List(ArrayRef),
    /// Of any type: the array and the row.
    Any(&'a ArrayRef, usize),
}

impl<'a> Datum<'a> {
    /// Reads an array of one of the types that overloads bring their arguments to; any other is handed on whole.
    pub fn at(array: &'a ArrayRef, row: usize) -> Self {
        if array.is_null(row) {
            return Datum::Null;
        }
        match array.data_type() {
            DataType::Null => Datum::Null,
            DataType::Boolean => Datum::Bool(array.as_boolean().value(row)),
            DataType::Int16 => Datum::Int(array.as_primitive::<Int16Type>().value(row).into()),
            DataType::Int32 => Datum::Int(array.as_primitive::<Int32Type>().value(row).into()),
            DataType::Int64 => Datum::Int(array.as_primitive::<Int64Type>().value(row)),
            DataType::Float32 => Datum::Float(array.as_primitive::<Float32Type>().value(row).into()),
            DataType::Float64 => Datum::Float(array.as_primitive::<Float64Type>().value(row)),
            DataType::Decimal128(_, scale) => Datum::Numeric(array.as_primitive::<Decimal128Type>().value(row), *scale),
            DataType::Utf8 => Datum::Text(array.as_string::<i32>().value(row).into()),
            DataType::LargeUtf8 => Datum::Text(array.as_string::<i64>().value(row).into()),
            DataType::Utf8View => Datum::Text(array.as_string_view().value(row).into()),
            DataType::Binary => Datum::Bytes(array.as_binary::<i32>().value(row).into()),
            DataType::Date32 => Datum::Date(array.as_primitive::<Date32Type>().value(row)),
            DataType::Time64(TimeUnit::Microsecond) => {
                Datum::Time(array.as_primitive::<Time64MicrosecondType>().value(row))
            }
            DataType::Timestamp(TimeUnit::Microsecond, zone) => {
                let micros = array.as_primitive::<TimestampMicrosecondType>().value(row);
                if zone.is_some() { Datum::Instant(micros) } else { Datum::Timestamp(micros) }
            }
            DataType::Interval(IntervalUnit::MonthDayNano) => {
                Datum::Interval(array.as_primitive::<IntervalMonthDayNanoType>().value(row))
            }
            DataType::List(_) => Datum::List(array.as_list::<i32>().value(row)),
            _ => Datum::Any(array, row),
        }
    }

    pub fn is_null(&self) -> bool {
        matches!(self, Datum::Null)
    }

    /// The text; empty for what is none.
    pub fn text(&self) -> &str {
        match self {
            Datum::Text(text) => text,
            _ => "",
        }
    }

    pub fn owned_text(text: impl Into<String>) -> Self {
        Datum::Text(Cow::Owned(text.into()))
    }

    pub fn bytes(&self) -> &[u8] {
        match self {
            Datum::Bytes(bytes) => bytes,
            _ => &[],
        }
    }

    /// The whole number; zero for what is none.
    pub fn int(&self) -> i64 {
        match self {
            Datum::Int(value) => *value,
            _ => 0,
        }
    }

    pub fn float(&self) -> f64 {
        match self {
            Datum::Float(value) => *value,
            _ => 0.0,
        }
    }

    pub fn numeric(&self) -> (i128, i8) {
        match self {
            Datum::Numeric(value, scale) => (*value, *scale),
            _ => (0, 0),
        }
    }

    /// What a date, time, timestamp or instant counts.
    pub fn moment(&self) -> i64 {
        match self {
            Datum::Date(days) => (*days).into(),
            Datum::Time(micros) | Datum::Timestamp(micros) | Datum::Instant(micros) => *micros,
            _ => 0,
        }
    }

    pub fn interval(&self) -> IntervalMonthDayNano {
        match self {
            Datum::Interval(span) => *span,
            _ => IntervalMonthDayNano::new(0, 0, 0),
        }
    }

    /// The items; an empty list for what is none.
    pub fn list(&self) -> ArrayRef {
        match self {
            Datum::List(items) => Arc::clone(items),
            _ => new_empty_array(&DataType::Null),
        }
    }
}

/// An array of these values. Errors: a value that is not of that type is a bug of ours.
pub fn array_of(values: &[Datum<'_>], data_type: &DataType) -> Result<ArrayRef> {
    macro_rules! collected {
        ($array:ty, $($pattern:pat => $value:expr),+) => {
            values
                .iter()
                .map(|value| match value {
                    Datum::Null => Ok(None),
                    $($pattern => Ok(Some($value)),)+
                    other => Err(mismatch(other, data_type)),
                })
                .collect::<Result<$array>>()?
        };
    }
    Ok(match data_type {
        DataType::Null => new_null_array(data_type, values.len()),
        DataType::Boolean => Arc::new(collected!(BooleanArray, Datum::Bool(truth) => *truth)),
        DataType::Int16 => Arc::new(collected!(Int16Array, Datum::Int(value) => narrowed(*value)?)),
        DataType::Int32 => Arc::new(collected!(Int32Array, Datum::Int(value) => narrowed(*value)?)),
        DataType::Int64 => Arc::new(collected!(Int64Array, Datum::Int(value) => *value)),
        DataType::Float32 => Arc::new(collected!(Float32Array, Datum::Float(value) => *value as f32)),
        DataType::Float64 => Arc::new(collected!(Float64Array, Datum::Float(value) => *value)),
        DataType::Decimal128(_, wanted) => {
            let array: Decimal128Array = values
                .iter()
                .map(|value| match value {
                    Datum::Null => Ok(None),
                    Datum::Numeric(value, scale) => {
                        Ok(Some(super::numeric::rescaled(arrow::datatypes::i256::from_i128(*value), scale - wanted)?))
                    }
                    other => Err(mismatch(other, data_type)),
                })
                .collect::<Result<_>>()?;
            Arc::new(array.with_data_type(data_type.clone()))
        }
        DataType::Utf8View => {
            let texts: Vec<Option<&str>> = values
                .iter()
                .map(|value| match value {
                    Datum::Null => Ok(None),
                    Datum::Text(text) => Ok(Some(text.as_ref())),
                    other => Err(mismatch(other, data_type)),
                })
                .collect::<Result<_>>()?;
            Arc::new(StringViewArray::from(texts))
        }
        DataType::Binary => {
            let bytes: Vec<Option<&[u8]>> =
                values.iter().map(|value| (!value.is_null()).then(|| value.bytes())).collect();
            Arc::new(BinaryArray::from(bytes))
        }
        DataType::FixedSizeBinary(width) => {
            let bytes = values.iter().map(|value| (!value.is_null()).then(|| value.bytes()));
            Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(bytes, *width)?)
        }
        DataType::Date32 => Arc::new(collected!(Date32Array, Datum::Date(days) => *days)),
        DataType::Time64(TimeUnit::Microsecond) => {
            Arc::new(collected!(Time64MicrosecondArray, Datum::Time(micros) => *micros))
        }
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let array = collected!(
                TimestampMicrosecondArray,
                Datum::Timestamp(micros) => *micros,
                Datum::Instant(micros) => *micros
            );
            Arc::new(array.with_timezone_opt(zone.clone()))
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            Arc::new(collected!(IntervalMonthDayNanoArray, Datum::Interval(span) => *span))
        }
        DataType::List(item) => {
            let lists: Vec<ArrayRef> = values
                .iter()
                .filter_map(|value| match value {
                    Datum::List(items) => Some(Arc::clone(items)),
                    _ => None,
                })
                .collect();
            let parts: Vec<&dyn Array> = lists.iter().map(|list| list.as_ref()).collect();
            let items = if parts.is_empty() { new_empty_array(item.data_type()) } else { concat(&parts)? };
            let lengths = values.iter().map(|value| if value.is_null() { 0 } else { value.list().len() });
            let nulls: NullBuffer = values.iter().map(|value| !value.is_null()).collect();
            Arc::new(ListArray::try_new(Arc::clone(item), OffsetBuffer::from_lengths(lengths), items, Some(nulls))?)
        }
        other => return Err(message::internal(format!("no values of type {other} are made")).into()),
    })
}

fn narrowed<T: TryFrom<i64>>(value: i64) -> Result<T> {
    T::try_from(value).map_err(|_| message::out_of_range_of_type("integer").into())
}

fn mismatch(value: &Datum<'_>, data_type: &DataType) -> datafusion::error::DataFusionError {
    message::internal(format!("{value:?} is not of type {data_type}")).into()
}
