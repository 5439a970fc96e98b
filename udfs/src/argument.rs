//! How functions take their arguments: the types they accept, the refusal of other calls, and the values by row.
//!
//! DataFusion asks three times. To coerce: an accepted argument is cast to the type it is read as, others stay as they
//! are.
//! To plan: a call with others is refused here, as a typed [`Refusal`], because an error while coercing would arrive as
//! bare text. To evaluate: [`Arguments`] gives the values, one for all rows where the argument is a constant.

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, Date32Array, LargeStringArray, PrimitiveArray, StringArray,
    StringViewArray, Time64MicrosecondArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{
    DataType, Date32Type, Field, FieldRef, Time32MillisecondType, Time32SecondType, Time64MicrosecondType,
    Time64NanosecondType, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType,
};
use datafusion::common::{Result, ScalarValue, internal_datafusion_err, internal_err};
use datafusion::logical_expr::{
    ColumnarValue, DocSection, Documentation, ReturnFieldArgs, ScalarFunctionArgs, Signature, Volatility,
};
use std::collections::HashMap;
use std::sync::Arc;

use crate::refusal::Refusal;
use crate::time_of_day::{self, DAY_US};
use crate::zone::{self, Cursor};

/// The zone that results with a time zone are tagged with.
const UTC: &str = "UTC";

/// What a parameter is, which decides the types it accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `timestamptz` in any unit; text is read as one.
    Instant,
    /// An instant, or a local time to be made one: `timestamptz` or `timestamp`.
    InstantOrLocal,
    /// `date`; of a `timestamp`, its date.
    Date,
    /// `time`, or text such as `'11:00'`, read by our own rules so that `24:00` exists.
    Time,
    /// As `Time`; of a `timestamp`, its time.
    LocalTime,
    Text,
    /// A number of any type.
    Points,
    /// A number of any type, read as `double precision`.
    Share,
    /// A whole number.
    Whole,
    /// An identifier: `bigint` or text.
    Id,
}

/// One way to call a function: its parameters with their names.
pub(crate) type Form = &'static [(&'static str, Kind)];

/// The signature of every function here: any types, told apart by [`coerce`] and [`accept`].
pub(crate) fn signature() -> Signature {
    Signature::user_defined(Volatility::Immutable)
}

/// The types that the arguments are read as; of a call that [`accept`] will refuse, the types as they are.
pub(crate) fn coerce(forms: &[Form], given: &[DataType]) -> Vec<DataType> {
    read_as(forms, given).unwrap_or_else(|| given.to_vec())
}

/// The field of a result, or the refusal of a call whose arguments do not fit.
pub(crate) fn accept(name: &str, forms: &[Form], args: &ReturnFieldArgs, returns: DataType) -> Result<FieldRef> {
    let given: Vec<DataType> = args.arg_fields.iter().map(|field| field.data_type().clone()).collect();
    match read_as(forms, &given) {
        Some(_) => Ok(Arc::new(Field::new(name, returns, true))),
        None => Err(no_such_function(name, forms, &given).into()),
    }
}

/// The text that the statement itself holds as the argument at `at`, if it does: to be checked while planning.
pub(crate) fn written<'a>(args: &ReturnFieldArgs<'a>, at: usize) -> Option<&'a str> {
    args.scalar_arguments.get(at).copied().flatten()?.try_as_str().flatten()
}

/// Timestamps as instants, in microseconds.
pub(crate) fn instant_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into()))
}

/// Tags instants with the zone of [`instant_type`].
pub(crate) fn tagged(instants: TimestampMicrosecondArray) -> TimestampMicrosecondArray {
    instants.with_timezone(UTC)
}

/// A function's page in the reference. `example`: statements, each followed by its answer as psql prints it.
pub(crate) fn documentation(
    family: &'static str,
    description: &str,
    syntax: &str,
    arguments: &[(&str, &str)],
    example: &str,
) -> Documentation {
    let section = DocSection { include: true, label: family, description: None };
    let start = Documentation::builder(section, description, syntax).with_sql_example(example);
    arguments.iter().fold(start, |builder, (name, meaning)| builder.with_argument(*name, *meaning)).build()
}

impl Kind {
    /// The type an argument of this type is read as; `None` when it is refused.
    fn read_as(self, given: &DataType) -> Option<DataType> {
        use DataType::*;
        if let Dictionary(_, values) = given {
            return self.read_as(values);
        }
        let text = matches!(given, Utf8 | LargeUtf8 | Utf8View);
        let as_it_is = match self {
            Kind::Instant => matches!(given, Timestamp(_, Some(_))),
            Kind::InstantOrLocal => matches!(given, Timestamp(_, _)),
            Kind::Date => matches!(given, Date32 | Timestamp(_, None)),
            Kind::Time => text || matches!(given, Time32(_) | Time64(_)),
            Kind::LocalTime => text || matches!(given, Time32(_) | Time64(_) | Timestamp(_, None)),
            Kind::Text => text,
            Kind::Points => matches!(given, Int64 | Float64 | Decimal128(_, 0..)),
            Kind::Share => matches!(given, Float64),
            Kind::Whole => matches!(given, Int64),
            Kind::Id => text || matches!(given, Int64),
        };
        if as_it_is {
            return Some(given.clone());
        }
        match (self, given) {
            (Kind::Instant | Kind::InstantOrLocal, Null) => Some(instant_type()),
            (Kind::Instant | Kind::InstantOrLocal, _) if text => Some(instant_type()),
            (Kind::Date, Null | Date64) => Some(Date32),
            (Kind::Date, _) if text => Some(Date32),
            (Kind::Time | Kind::LocalTime, Null) => Some(Time64(TimeUnit::Microsecond)),
            (Kind::Text, Null) => Some(Utf8),
            (Kind::Share, Null) => Some(Float64),
            (Kind::Share, _) if given.is_numeric() => Some(Float64),
            (Kind::Whole | Kind::Id, Null) => Some(Int64),
            (Kind::Whole | Kind::Id, _) if given.is_integer() => Some(Int64),
            (Kind::Points, UInt64) => Some(Decimal128(20, 0)),
            (Kind::Points, Null) => Some(Int64),
            (Kind::Points, _) if given.is_integer() => Some(Int64),
            (Kind::Points, _) if given.is_floating() => Some(Float64),
            (Kind::Points, Decimal32(precision, scale @ 0..) | Decimal64(precision, scale @ 0..)) => {
                Some(Decimal128(*precision, *scale))
            }
            (Kind::Points, Decimal256(_, scale @ 0..=18)) => Some(Decimal128(38, *scale)),
            (Kind::Points, _) if given.is_decimal() => Some(Float64),
            _ => None,
        }
    }

    fn sql_name(self) -> &'static str {
        match self {
            Kind::Instant => "timestamptz",
            Kind::InstantOrLocal => "timestamptz or timestamp",
            Kind::Date => "date",
            Kind::Time | Kind::LocalTime => "time",
            Kind::Text => "text",
            Kind::Points | Kind::Share => "numeric",
            Kind::Whole => "integer",
            Kind::Id => "bigint or text",
        }
    }
}

fn read_as(forms: &[Form], given: &[DataType]) -> Option<Vec<DataType>> {
    let form = forms.iter().find(|form| form.len() == given.len())?;
    form.iter().zip(given).map(|((_, kind), given)| kind.read_as(given)).collect()
}

fn no_such_function(name: &str, forms: &[Form], given: &[DataType]) -> Refusal {
    let types: Vec<String> = given.iter().map(sql_name).collect();
    let shapes: Vec<String> = forms.iter().map(|form| shape(name, form)).collect();
    let refusal = Refusal::new("42883", format!("function {name}({}) does not exist", types.join(", ")))
        .with_detail(format!("It is called as {}.", shapes.join(" or ")));
    let form = forms.iter().find(|form| form.len() == given.len()).copied().unwrap_or_default();
    let mut pairs = form.iter().zip(given);
    let Some(((_, kind), given)) = pairs.find(|((_, kind), given)| kind.read_as(given).is_none()) else {
        return refusal;
    };
    match (kind, given) {
        // The two traps of C1: an instant has no weekday and no time of day until it is read in the store's zone.
        (Kind::Date | Kind::LocalTime, DataType::Timestamp(_, Some(_))) => refusal
            .with_hint("Read the instant in the zone of its store first: purchased_at AT TIME ZONE stores.time_zone."),
        (Kind::Instant, DataType::Timestamp(_, None)) => {
            refusal.with_hint("Say in which zone this local time is: local_at AT TIME ZONE 'UTC'.")
        }
        _ => refusal.with_hint("You might need to add an explicit type cast."),
    }
}

fn shape(name: &str, form: Form) -> String {
    let parameters: Vec<String> = form.iter().map(|(name, kind)| format!("{name} {}", kind.sql_name())).collect();
    format!("{name}({})", parameters.join(", "))
}

fn sql_name(data_type: &DataType) -> String {
    let name = match data_type {
        DataType::Null => "unknown",
        DataType::Boolean => "boolean",
        DataType::Int8 | DataType::Int16 | DataType::UInt8 => "smallint",
        DataType::Int32 | DataType::UInt16 => "integer",
        DataType::Int64 | DataType::UInt32 | DataType::UInt64 => "bigint",
        DataType::Float16 | DataType::Float32 => "real",
        DataType::Float64 => "double precision",
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "text",
        DataType::Date32 | DataType::Date64 => "date",
        DataType::Time32(_) | DataType::Time64(_) => "time without time zone",
        DataType::Timestamp(_, None) => "timestamp without time zone",
        DataType::Timestamp(_, Some(_)) => "timestamp with time zone",
        DataType::Interval(_) | DataType::Duration(_) => "interval",
        DataType::Dictionary(_, values) => return sql_name(values),
        other if other.is_decimal() => "numeric",
        other => return other.to_string(),
    };
    name.to_owned()
}

/// The values of one argument: one for each row, or the same one for all of them.
#[derive(Debug, Clone)]
pub(crate) struct ByRow<A> {
    pub values: A,
    /// `values` has one element, which counts for every row.
    pub same: bool,
}

impl<T: ArrowPrimitiveType> ByRow<PrimitiveArray<T>> {
    pub fn at(&self, row: usize) -> Option<T::Native> {
        let index = if self.same { 0 } else { row };
        self.values.is_valid(index).then(|| self.values.value(index))
    }
}

impl ByRow<Texts> {
    pub fn at(&self, row: usize) -> Option<&str> {
        self.values.at(if self.same { 0 } else { row })
    }
}

/// Texts in any of Arrow's layouts.
#[derive(Debug, Clone)]
pub(crate) enum Texts {
    Small(StringArray),
    Large(LargeStringArray),
    View(StringViewArray),
}

impl Texts {
    fn at(&self, index: usize) -> Option<&str> {
        match self {
            Texts::Small(array) => array.is_valid(index).then(|| array.value(index)),
            Texts::Large(array) => array.is_valid(index).then(|| array.value(index)),
            Texts::View(array) => array.is_valid(index).then(|| array.value(index)),
        }
    }
}

/// The arguments of one evaluation, read by position.
#[derive(Debug)]
pub(crate) struct Arguments<'a> {
    args: &'a [ColumnarValue],
    /// How many values the kernel makes: the rows of the batch, or 1 when every argument is a constant.
    pub rows: usize,
    constant: bool,
}

impl<'a> Arguments<'a> {
    pub fn of(call: &'a ScalarFunctionArgs) -> Self {
        let constant = call.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        Self { args: &call.args, rows: if constant { 1 } else { call.number_rows }, constant }
    }

    pub fn len(&self) -> usize {
        self.args.len()
    }

    /// The kernel's values as the answer: a constant when every argument is one.
    pub fn answer(&self, values: impl Array + 'static) -> Result<ColumnarValue> {
        if self.constant {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&values, 0)?));
        }
        Ok(ColumnarValue::Array(Arc::new(values)))
    }

    /// The argument as it is.
    pub fn array(&self, at: usize) -> Result<ByRow<ArrayRef>> {
        match self.args.get(at) {
            Some(ColumnarValue::Array(array)) => Ok(ByRow { values: Arc::clone(array), same: false }),
            Some(ColumnarValue::Scalar(value)) => Ok(ByRow { values: value.to_array()?, same: true }),
            None => internal_err!("argument {at} is missing"),
        }
    }

    /// Timestamps with or without a zone, in microseconds.
    pub fn timestamps(&self, at: usize) -> Result<ByRow<TimestampMicrosecondArray>> {
        let ByRow { values, same } = self.array(at)?;
        Ok(ByRow { values: timestamps(&values)?, same })
    }

    pub fn dates(&self, at: usize) -> Result<ByRow<Date32Array>> {
        let ByRow { values, same } = self.array(at)?;
        let dates = match values.data_type() {
            DataType::Date32 => primitive::<Date32Type>(&values)?.clone(),
            _ => timestamps(&values)?.unary(date_of),
        };
        Ok(ByRow { values: dates, same })
    }

    /// Microseconds since midnight.
    pub fn times(&self, at: usize) -> Result<ByRow<Time64MicrosecondArray>> {
        let ByRow { values, same } = self.array(at)?;
        Ok(ByRow { values: times(&values)?, same })
    }

    pub fn texts(&self, at: usize) -> Result<ByRow<Texts>> {
        let ByRow { values, same } = self.array(at)?;
        Ok(ByRow { values: texts(&values)?, same })
    }
}

/// The date (days since 1970-01-01) of a local time in microseconds.
pub(crate) fn date_of(local_us: i64) -> i32 {
    // All of i64's microseconds are within 107 million days.
    local_us.div_euclid(DAY_US) as i32
}

fn timestamps(array: &ArrayRef) -> Result<TimestampMicrosecondArray> {
    let widen = |factor: i64| {
        move |value: i64| {
            value.checked_mul(factor).ok_or_else(|| Refusal::new("22008", "timestamp out of range").into())
        }
    };
    match array.data_type() {
        DataType::Timestamp(TimeUnit::Microsecond, _) => Ok(primitive::<TimestampMicrosecondType>(array)?.clone()),
        // Rounded down, so that a receipt of 1969 falls into the microsecond it is in.
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            Ok(primitive::<TimestampNanosecondType>(array)?.unary(|value| value.div_euclid(1000)))
        }
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            primitive::<TimestampMillisecondType>(array)?.try_unary(widen(1000))
        }
        DataType::Timestamp(TimeUnit::Second, _) => {
            primitive::<TimestampSecondType>(array)?.try_unary(widen(1_000_000))
        }
        other => internal_err!("{other} is not a timestamp"),
    }
}

fn times(array: &ArrayRef) -> Result<Time64MicrosecondArray> {
    match array.data_type() {
        DataType::Time64(TimeUnit::Microsecond) => Ok(primitive::<Time64MicrosecondType>(array)?.clone()),
        DataType::Time64(TimeUnit::Nanosecond) => {
            Ok(primitive::<Time64NanosecondType>(array)?.unary(|value| value / 1000))
        }
        DataType::Time32(TimeUnit::Millisecond) => {
            Ok(primitive::<Time32MillisecondType>(array)?.unary(|value| i64::from(value) * 1000))
        }
        DataType::Time32(TimeUnit::Second) => {
            Ok(primitive::<Time32SecondType>(array)?.unary(|value| i64::from(value) * 1_000_000))
        }
        DataType::Timestamp(_, None) => Ok(timestamps(array)?.unary(|local_us| local_us.rem_euclid(DAY_US))),
        _ => {
            let texts = texts(array)?;
            let parsed = (0..array.len()).map(|row| texts.at(row).map(time_of_day::parse).transpose());
            Ok(parsed.collect::<Result<_, Refusal>>()?)
        }
    }
}

pub(crate) fn texts(array: &ArrayRef) -> Result<Texts> {
    match array.data_type() {
        DataType::Utf8 => Ok(Texts::Small(array.as_string().clone())),
        DataType::LargeUtf8 => Ok(Texts::Large(array.as_string().clone())),
        DataType::Utf8View => Ok(Texts::View(array.as_string_view().clone())),
        other => internal_err!("{other} is not text"),
    }
}

/// The array as one of this type; the types were settled while planning, so another one is a fault.
pub(crate) fn primitive<T: ArrowPrimitiveType>(array: &ArrayRef) -> Result<&PrimitiveArray<T>> {
    array
        .as_primitive_opt::<T>()
        .ok_or_else(|| internal_datafusion_err!("expected {}, found {}", T::DATA_TYPE, array.data_type()))
}

/// Values read from texts that repeat: each distinct text is parsed once, and the last one is found without looking.
#[derive(Debug)]
pub(crate) struct Parsed<'a, T> {
    texts: &'a ByRow<Texts>,
    parse: fn(&str) -> Result<T, Refusal>,
    values: Vec<T>,
    places: HashMap<&'a str, usize>,
    last: Option<(&'a str, usize)>,
}

impl<'a, T> Parsed<'a, T> {
    pub fn new(texts: &'a ByRow<Texts>, parse: fn(&str) -> Result<T, Refusal>) -> Self {
        Self { texts, parse, values: Vec::new(), places: HashMap::new(), last: None }
    }

    /// The value of the row's text; `None` when it is NULL. Errors: what `parse` refuses.
    pub fn at(&mut self, row: usize) -> Result<Option<&mut T>, Refusal> {
        if self.texts.same
            && let Some((_, place)) = self.last
        {
            return Ok(self.values.get_mut(place));
        }
        let Some(text) = self.texts.at(row) else {
            return Ok(None);
        };
        if let Some((last, place)) = self.last
            && last == text
        {
            return Ok(self.values.get_mut(place));
        }
        let place = match self.places.get(text) {
            Some(place) => *place,
            None => {
                self.values.push((self.parse)(text)?);
                self.places.insert(text, self.values.len() - 1);
                self.values.len() - 1
            }
        };
        self.last = Some((text, place));
        Ok(self.values.get_mut(place))
    }
}

/// The zones of a column by row.
pub(crate) fn zones(names: &ByRow<Texts>) -> Parsed<'_, Cursor> {
    Parsed::new(names, |name| Ok(zone::parse(name)?.cursor()))
}

/// Arguments for the tests of kernels.
#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Texts, one a row.
    pub fn text_rows(values: &[Option<&str>]) -> ByRow<Texts> {
        ByRow { values: Texts::Small(StringArray::from(values.to_vec())), same: false }
    }

    /// A column, one value a row.
    pub fn rows<A>(values: A) -> ByRow<A> {
        ByRow { values, same: false }
    }

    /// A constant.
    pub fn constant<A>(values: A) -> ByRow<A> {
        ByRow { values, same: true }
    }

    /// A local time as microseconds since 1970-01-01 00:00.
    pub fn us(text: &str) -> i64 {
        let parsed =
            chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").expect("a test writes it right");
        parsed.and_utc().timestamp_micros()
    }

    /// A date as days since 1970-01-01.
    pub fn days(text: &str) -> i32 {
        date_of(us(&format!("{text} 00:00:00")))
    }

    #[test]
    fn timestamps_of_every_unit_are_microseconds_rounded_down() {
        let nanoseconds: ArrayRef = Arc::new(arrow::array::TimestampNanosecondArray::from(vec![-1, 1999]));
        assert_eq!(timestamps(&nanoseconds).unwrap().values(), &[-1, 1]);
        let seconds: ArrayRef = Arc::new(arrow::array::TimestampSecondArray::from(vec![-1]));
        assert_eq!(timestamps(&seconds).unwrap().values(), &[-1_000_000]);
        let far: ArrayRef = Arc::new(arrow::array::TimestampSecondArray::from(vec![i64::MAX]));
        assert!(timestamps(&far).unwrap_err().to_string().contains("timestamp out of range"));
    }

    #[test]
    fn dates_before_1970_end_at_midnight_too() {
        assert_eq!([-1, 0, -DAY_US, -DAY_US - 1].map(date_of), [-1, 0, -1, -2]);
    }

    #[test]
    fn repeated_texts_are_parsed_once_and_errors_name_the_text() {
        let names = text_rows(&[Some("UTC"), None, Some("Asia/Tokyo"), Some("UTC"), Some("Nowhere")]);
        let mut zones = zones(&names);
        let offsets: Vec<Option<i64>> =
            (0..4).map(|row| zones.at(row).unwrap().map(|zone| zone.local_of(0) / 3_600_000_000)).collect();
        assert_eq!(offsets, [Some(0), None, Some(9), Some(0)]);
        assert_eq!(zones.values.len(), 2);
        assert_eq!(zones.at(4).unwrap_err().message, "time zone \"Nowhere\" not recognized");
    }
}
