//! What an Arrow array holds at a row, whatever the encoding: dictionary, run-end, view or plain.

use std::ops::Range;

use arrow::array::*;
use arrow::buffer::NullBuffer;
use arrow::datatypes::*;

use crate::wire::calendar::{MICROS_PER_DAY, MICROS_PER_SECOND, nanos_to_micros};

/// One value, borrowed. NULL is `None` beside it.
pub(super) enum Value<'a> {
    Bool(bool),
    Int(i64),
    UInt(u64),
    Float4(f32),
    Float8(f64),
    /// Unscaled value and scale.
    Decimal(i128, i8),
    Decimal256(i256, i8),
    Text(&'a str),
    Bytes(&'a [u8]),
    /// Days since 1970-01-01.
    Date(i64),
    /// Microseconds since midnight.
    Time(i64),
    /// Microseconds since 1970-01-01, without a zone.
    Timestamp(i64),
    /// Microseconds since 1970-01-01 UTC.
    Instant(i64),
    Interval(Span),
    List(&'a Column<'a>, Range<usize>),
    /// Has no counterpart: as Arrow prints it.
    Foreign(&'a dyn Array, usize),
}

/// An interval in PostgreSQL's three parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub months: i32,
    pub days: i32,
    pub micros: i64,
}

/// An array made ready for reading row by row.
pub(super) struct Column<'a> {
    nulls: Option<NullBuffer>,
    values: Values<'a>,
}

enum Values<'a> {
    Null,
    Bool(&'a BooleanArray),
    Int8(&'a [i8]),
    Int16(&'a [i16]),
    Int32(&'a [i32]),
    Int64(&'a [i64]),
    UInt8(&'a [u8]),
    UInt16(&'a [u16]),
    UInt32(&'a [u32]),
    UInt64(&'a [u64]),
    Float16(&'a Float16Array),
    Float32(&'a [f32]),
    Float64(&'a [f64]),
    Decimal32(&'a [i32], i8),
    Decimal64(&'a [i64], i8),
    Decimal128(&'a [i128], i8),
    Decimal256(&'a [i256], i8),
    Utf8(&'a StringArray),
    LargeUtf8(&'a LargeStringArray),
    Utf8View(&'a StringViewArray),
    Binary(&'a BinaryArray),
    LargeBinary(&'a LargeBinaryArray),
    BinaryView(&'a BinaryViewArray),
    FixedBinary(&'a FixedSizeBinaryArray),
    Date32(&'a [i32]),
    Date64(&'a [i64]),
    Time32(&'a [i32], TimeUnit),
    Time64(&'a [i64], TimeUnit),
    Timestamp(&'a [i64], TimeUnit),
    Instant(&'a [i64], TimeUnit),
    YearMonth(&'a [i32]),
    DayTime(&'a [IntervalDayTime]),
    MonthDayNano(&'a [IntervalMonthDayNano]),
    List(Offsets<'a>, Box<Column<'a>>),
    /// Row → position in the values. Nulls are known to the outer column.
    Indirect(Vec<usize>, Box<Column<'a>>),
    /// Not Arrow's formatter, which cannot be held while the client is waited for.
    Foreign(&'a dyn Array),
}

enum Offsets<'a> {
    Small(&'a [i32]),
    Large(&'a [i64]),
    View(&'a [i32], &'a [i32]),
    LargeView(&'a [i64], &'a [i64]),
    Fixed(usize),
}

impl<'a> Column<'a> {
    pub fn new(array: &'a dyn Array) -> Self {
        Self { nulls: array.logical_nulls(), values: Values::new(array) }
    }

    /// The value at `row`, which must be below the array's length; `None` for NULL.
    #[inline]
    pub fn at(&self, row: usize) -> Option<Value<'_>> {
        if self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            return None;
        }
        Some(match &self.values {
            Values::Null => return None,
            Values::Bool(array) => Value::Bool(array.value(row)),
            Values::Int8(values) => Value::Int(values[row].into()),
            Values::Int16(values) => Value::Int(values[row].into()),
            Values::Int32(values) => Value::Int(values[row].into()),
            Values::Int64(values) => Value::Int(values[row]),
            Values::UInt8(values) => Value::Int(values[row].into()),
            Values::UInt16(values) => Value::Int(values[row].into()),
            Values::UInt32(values) => Value::Int(values[row].into()),
            Values::UInt64(values) => Value::UInt(values[row]),
            Values::Float16(array) => Value::Float4(array.value(row).to_f32()),
            Values::Float32(values) => Value::Float4(values[row]),
            Values::Float64(values) => Value::Float8(values[row]),
            Values::Decimal32(values, scale) => Value::Decimal(values[row].into(), *scale),
            Values::Decimal64(values, scale) => Value::Decimal(values[row].into(), *scale),
            Values::Decimal128(values, scale) => Value::Decimal(values[row], *scale),
            Values::Decimal256(values, scale) => Value::Decimal256(values[row], *scale),
            Values::Utf8(array) => Value::Text(array.value(row)),
            Values::LargeUtf8(array) => Value::Text(array.value(row)),
            Values::Utf8View(array) => Value::Text(array.value(row)),
            Values::Binary(array) => Value::Bytes(array.value(row)),
            Values::LargeBinary(array) => Value::Bytes(array.value(row)),
            Values::BinaryView(array) => Value::Bytes(array.value(row)),
            Values::FixedBinary(array) => Value::Bytes(array.value(row)),
            Values::Date32(values) => Value::Date(values[row].into()),
            Values::Date64(values) => Value::Date(values[row].div_euclid(MICROS_PER_DAY / 1_000)),
            Values::Time32(values, unit) => Value::Time(micros(values[row].into(), *unit)),
            Values::Time64(values, unit) => Value::Time(micros(values[row], *unit)),
            Values::Timestamp(values, unit) => Value::Timestamp(micros(values[row], *unit)),
            Values::Instant(values, unit) => Value::Instant(micros(values[row], *unit)),
            Values::YearMonth(values) => Value::Interval(Span { months: values[row], days: 0, micros: 0 }),
            Values::DayTime(values) => Value::Interval(Span {
                months: 0,
                days: values[row].days,
                micros: i64::from(values[row].milliseconds) * 1_000,
            }),
            Values::MonthDayNano(values) => Value::Interval(Span {
                months: values[row].months,
                days: values[row].days,
                micros: nanos_to_micros(values[row].nanoseconds),
            }),
            Values::List(offsets, items) => Value::List(items, offsets.range(row)),
            Values::Indirect(positions, values) => return values.at(positions[row]),
            Values::Foreign(array) => Value::Foreign(*array, row),
        })
    }

    /// The items of a list's item column, which again is a list.
    pub fn is_list(&self) -> bool {
        matches!(self.values, Values::List(..))
    }
}

impl<'a> Values<'a> {
    fn new(array: &'a dyn Array) -> Self {
        match array.data_type() {
            DataType::Null => Self::Null,
            DataType::Boolean => Self::Bool(array.as_boolean()),
            DataType::Int8 => Self::Int8(array.as_primitive::<Int8Type>().values()),
            DataType::Int16 => Self::Int16(array.as_primitive::<Int16Type>().values()),
            DataType::Int32 => Self::Int32(array.as_primitive::<Int32Type>().values()),
            DataType::Int64 => Self::Int64(array.as_primitive::<Int64Type>().values()),
            DataType::UInt8 => Self::UInt8(array.as_primitive::<UInt8Type>().values()),
            DataType::UInt16 => Self::UInt16(array.as_primitive::<UInt16Type>().values()),
            DataType::UInt32 => Self::UInt32(array.as_primitive::<UInt32Type>().values()),
            DataType::UInt64 => Self::UInt64(array.as_primitive::<UInt64Type>().values()),
            DataType::Float16 => Self::Float16(array.as_primitive()),
            DataType::Float32 => Self::Float32(array.as_primitive::<Float32Type>().values()),
            DataType::Float64 => Self::Float64(array.as_primitive::<Float64Type>().values()),
            DataType::Decimal32(_, s) => Self::Decimal32(array.as_primitive::<Decimal32Type>().values(), *s),
            DataType::Decimal64(_, s) => Self::Decimal64(array.as_primitive::<Decimal64Type>().values(), *s),
            DataType::Decimal128(_, s) => Self::Decimal128(array.as_primitive::<Decimal128Type>().values(), *s),
            DataType::Decimal256(_, s) => Self::Decimal256(array.as_primitive::<Decimal256Type>().values(), *s),
            DataType::Utf8 => Self::Utf8(array.as_string()),
            DataType::LargeUtf8 => Self::LargeUtf8(array.as_string()),
            DataType::Utf8View => Self::Utf8View(array.as_string_view()),
            DataType::Binary => Self::Binary(array.as_binary()),
            DataType::LargeBinary => Self::LargeBinary(array.as_binary()),
            DataType::BinaryView => Self::BinaryView(array.as_binary_view()),
            DataType::FixedSizeBinary(_) => Self::FixedBinary(array.as_fixed_size_binary()),
            DataType::Date32 => Self::Date32(array.as_primitive::<Date32Type>().values()),
            DataType::Date64 => Self::Date64(array.as_primitive::<Date64Type>().values()),
            DataType::Time32(_) | DataType::Time64(_) | DataType::Timestamp(..) | DataType::Interval(_) => {
                Self::temporal(array)
            }
            // Announced as bigint: the bare count of its unit.
            DataType::Duration(unit) => Self::Int64(match unit {
                TimeUnit::Second => array.as_primitive::<DurationSecondType>().values(),
                TimeUnit::Millisecond => array.as_primitive::<DurationMillisecondType>().values(),
                TimeUnit::Microsecond => array.as_primitive::<DurationMicrosecondType>().values(),
                TimeUnit::Nanosecond => array.as_primitive::<DurationNanosecondType>().values(),
            }),
            DataType::List(_)
            | DataType::LargeList(_)
            | DataType::ListView(_)
            | DataType::LargeListView(_)
            | DataType::FixedSizeList(..) => Self::list(array),
            DataType::Dictionary(..) => Self::dictionary(array),
            DataType::RunEndEncoded(ends, _) => match ends.data_type() {
                DataType::Int16 => Self::runs::<Int16Type>(array),
                DataType::Int32 => Self::runs::<Int32Type>(array),
                _ => Self::runs::<Int64Type>(array),
            },
            DataType::Struct(_) | DataType::Map(..) | DataType::Union(..) => Self::Foreign(array),
        }
    }

    fn temporal(array: &'a dyn Array) -> Self {
        match array.data_type() {
            DataType::Time32(TimeUnit::Second) => {
                Self::Time32(array.as_primitive::<Time32SecondType>().values(), TimeUnit::Second)
            }
            DataType::Time32(_) => {
                Self::Time32(array.as_primitive::<Time32MillisecondType>().values(), TimeUnit::Millisecond)
            }
            DataType::Time64(TimeUnit::Nanosecond) => {
                Self::Time64(array.as_primitive::<Time64NanosecondType>().values(), TimeUnit::Nanosecond)
            }
            DataType::Time64(_) => {
                Self::Time64(array.as_primitive::<Time64MicrosecondType>().values(), TimeUnit::Microsecond)
            }
            DataType::Timestamp(unit, zone) => {
                let values: &[i64] = match unit {
                    TimeUnit::Second => array.as_primitive::<TimestampSecondType>().values(),
                    TimeUnit::Millisecond => array.as_primitive::<TimestampMillisecondType>().values(),
                    TimeUnit::Microsecond => array.as_primitive::<TimestampMicrosecondType>().values(),
                    TimeUnit::Nanosecond => array.as_primitive::<TimestampNanosecondType>().values(),
                };
                if zone.is_some() { Self::Instant(values, *unit) } else { Self::Timestamp(values, *unit) }
            }
            DataType::Interval(IntervalUnit::YearMonth) => {
                Self::YearMonth(array.as_primitive::<IntervalYearMonthType>().values())
            }
            DataType::Interval(IntervalUnit::DayTime) => {
                Self::DayTime(array.as_primitive::<IntervalDayTimeType>().values())
            }
            DataType::Interval(IntervalUnit::MonthDayNano) => {
                Self::MonthDayNano(array.as_primitive::<IntervalMonthDayNanoType>().values())
            }
            _ => Self::Foreign(array),
        }
    }

    fn list(array: &'a dyn Array) -> Self {
        let (offsets, items): (_, &'a dyn Array) = match array.data_type() {
            DataType::List(_) => {
                let list = array.as_list::<i32>();
                (Offsets::Small(list.value_offsets()), list.values().as_ref())
            }
            DataType::LargeList(_) => {
                let list = array.as_list::<i64>();
                (Offsets::Large(list.value_offsets()), list.values().as_ref())
            }
            DataType::ListView(_) => {
                let list = array.as_list_view::<i32>();
                (Offsets::View(list.value_offsets(), list.value_sizes()), list.values().as_ref())
            }
            DataType::LargeListView(_) => {
                let list = array.as_list_view::<i64>();
                (Offsets::LargeView(list.value_offsets(), list.value_sizes()), list.values().as_ref())
            }
            DataType::FixedSizeList(_, size) => {
                (Offsets::Fixed((*size).max(0) as usize), array.as_fixed_size_list().values().as_ref())
            }
            _ => return Self::Foreign(array),
        };
        Self::List(offsets, Box::new(Column::new(items)))
    }

    fn dictionary(array: &'a dyn Array) -> Self {
        let dictionary = array.as_any_dictionary();
        if dictionary.values().is_empty() {
            return Self::Null;
        }
        Self::Indirect(dictionary.normalized_keys(), Box::new(Column::new(dictionary.values().as_ref())))
    }

    fn runs<R: RunEndIndexType>(array: &'a dyn Array) -> Self {
        match array.as_run_opt::<R>() {
            Some(runs) => {
                let positions = (0..runs.len()).map(|row| runs.get_physical_index(row)).collect();
                Self::Indirect(positions, Box::new(Column::new(runs.values().as_ref())))
            }
            None => Self::Foreign(array),
        }
    }
}

impl Offsets<'_> {
    fn range(&self, row: usize) -> Range<usize> {
        match self {
            Self::Small(offsets) => offsets[row] as usize..offsets[row + 1] as usize,
            Self::Large(offsets) => offsets[row] as usize..offsets[row + 1] as usize,
            Self::View(offsets, sizes) => offsets[row] as usize..(offsets[row] + sizes[row]) as usize,
            Self::LargeView(offsets, sizes) => offsets[row] as usize..(offsets[row] + sizes[row]) as usize,
            Self::Fixed(size) => row * size..(row + 1) * size,
        }
    }
}

/// Beyond what 64 bits of microseconds hold lies infinity, as in PostgreSQL.
fn micros(value: i64, unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => value.saturating_mul(MICROS_PER_SECOND),
        TimeUnit::Millisecond => value.saturating_mul(1_000),
        TimeUnit::Microsecond => value,
        TimeUnit::Nanosecond => nanos_to_micros(value),
    }
}
