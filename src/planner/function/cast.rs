//! Casts as PostgreSQL does them: text is read as its literals are, decimals and floats are rounded to integers,
//! instants meet local time in the session's zone, and values become text as they are shown.
//!
//! `dialect/spelling` writes `x::integer` as `"cast:int4"(x)`. Where the engine's cast means the same, it takes over
//! when the expression is simplified, so that filters are pushed down as ever.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, StringViewArray, Time64MicrosecondArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, Float64Type, IntervalUnit, TimeUnit};
use arrow::util::display::FormatOptions;
use datafusion::common::Result;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{self, Expr};
use datafusion::scalar::ScalarValue;

use super::Body;
use crate::error::{Error, message};
use crate::pg_type::{BIGINT, PgType, told_metadata};
use crate::planner::dialect::{Session, instant_type, is_text, timestamp_type};
use crate::wire::{encode, text_value};

/// Digits behind the point of a `numeric` whose scale nobody gave: read from a column of text, or from a float.
const UNKNOWN_SCALE: i8 = 16;

/// What a cast makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Target {
    Int2,
    Int4,
    Int8,
    Float4,
    Float8,
    /// With precision and scale, where they are written.
    Numeric(Option<(u8, i8)>),
    Bool,
    /// With the most characters, beyond which a cast cuts.
    Text(Option<usize>),
    Date,
    Time,
    Timestamp,
    Timestamptz,
    Interval,
    Bytea,
    Uuid,
}

#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Cast {
    name: String,
    to: Target,
    session: Session,
}

const PREFIX: &str = "cast:";

impl Target {
    /// The name of the function that casts to this type.
    pub fn function(self) -> String {
        let word = match self {
            Target::Int2 => "int2",
            Target::Int4 => "int4",
            Target::Int8 => "int8",
            Target::Float4 => "float4",
            Target::Float8 => "float8",
            Target::Numeric(Some((precision, scale))) => return format!("{PREFIX}numeric({precision},{scale})"),
            Target::Numeric(None) => "numeric",
            Target::Bool => "bool",
            Target::Text(Some(most)) => return format!("{PREFIX}text({most})"),
            Target::Text(None) => "text",
            Target::Date => "date",
            Target::Time => "time",
            Target::Timestamp => "timestamp",
            Target::Timestamptz => "timestamptz",
            Target::Interval => "interval",
            Target::Bytea => "bytea",
            Target::Uuid => "uuid",
        };
        format!("{PREFIX}{word}")
    }

    fn of_function(name: &str) -> Option<Self> {
        let name = name.strip_prefix(PREFIX)?;
        if let Some(digits) = name.strip_prefix("numeric(").and_then(|rest| rest.strip_suffix(')')) {
            let (precision, scale) = digits.split_once(',')?;
            return Some(Target::Numeric(Some((precision.parse().ok()?, scale.parse().ok()?))));
        }
        if let Some(most) = name.strip_prefix("text(").and_then(|rest| rest.strip_suffix(')')) {
            return Some(Target::Text(Some(most.parse().ok()?)));
        }
        const PLAIN: [Target; 15] = [
            Target::Int2,
            Target::Int4,
            Target::Int8,
            Target::Float4,
            Target::Float8,
            Target::Numeric(None),
            Target::Bool,
            Target::Text(None),
            Target::Date,
            Target::Time,
            Target::Timestamp,
            Target::Timestamptz,
            Target::Interval,
            Target::Bytea,
            Target::Uuid,
        ];
        PLAIN.into_iter().find(|target| target.function().strip_prefix(PREFIX) == Some(name))
    }

    fn pg_type(self) -> PgType {
        match self {
            Target::Int2 => PgType::INT2,
            Target::Int4 => PgType::INT4,
            Target::Int8 => PgType::INT8,
            Target::Float4 => PgType::FLOAT4,
            Target::Float8 => PgType::FLOAT8,
            Target::Numeric(_) => PgType::NUMERIC,
            Target::Bool => PgType::BOOL,
            Target::Text(_) => PgType::TEXT,
            Target::Date => PgType::DATE,
            Target::Time => PgType::TIME,
            Target::Timestamp => PgType::TIMESTAMP,
            Target::Timestamptz => PgType::TIMESTAMPTZ,
            Target::Interval => PgType::INTERVAL,
            Target::Bytea => PgType::BYTEA,
            Target::Uuid => PgType::UUID,
        }
    }

    /// Whether it is this type without any modifier.
    pub fn is_plain(self, pg_type: PgType) -> bool {
        !matches!(self, Target::Numeric(Some(_)) | Target::Text(Some(_))) && self.pg_type() == pg_type
    }

    /// The Arrow type of the result, from what is cast.
    fn data_type(self, from: &DataType) -> DataType {
        match self {
            Target::Int2 => DataType::Int16,
            Target::Int4 => DataType::Int32,
            Target::Int8 => DataType::Int64,
            Target::Float4 => DataType::Float32,
            Target::Float8 => DataType::Float64,
            Target::Numeric(Some((precision, scale))) => DataType::Decimal128(precision, scale),
            Target::Numeric(None) => match from {
                DataType::Decimal128(..) => from.clone(),
                DataType::Int8 | DataType::Int16 => DataType::Decimal128(5, 0),
                DataType::Int32 => DataType::Decimal128(10, 0),
                DataType::Int64 => DataType::Decimal128(19, 0),
                _ => DataType::Decimal128(DECIMAL128_MAX_PRECISION, UNKNOWN_SCALE),
            },
            Target::Bool => DataType::Boolean,
            Target::Text(_) => DataType::Utf8View,
            Target::Date => DataType::Date32,
            Target::Time => DataType::Time64(TimeUnit::Microsecond),
            Target::Timestamp => timestamp_type(),
            Target::Timestamptz => instant_type(),
            Target::Interval => DataType::Interval(IntervalUnit::MonthDayNano),
            Target::Bytea => DataType::Binary,
            Target::Uuid => DataType::Utf8,
        }
    }
}

impl Cast {
    pub fn to(to: Target, session: Session) -> Self {
        Self { name: to.function(), to, session }
    }

    pub fn target(&self) -> Target {
        self.to
    }

    /// The cast of that name, if it is one.
    pub fn named(name: &str, session: Session) -> Option<Self> {
        Target::of_function(name).map(|to| Self::to(to, session))
    }

    /// Reads a literal. Errors: 22P02, 22007, 22008, 22003.
    pub fn read(to: Target, text: &str, session: Session) -> Result<ScalarValue, Error> {
        if let Target::Text(most) = to {
            let cut = most.and_then(|most| text.char_indices().nth(most)).map_or(text, |(end, _)| &text[..end]);
            return Ok(ScalarValue::Utf8View(Some(cut.to_owned())));
        }
        let value = text_value(text, to.pg_type(), &session.text_format())?;
        match to {
            Target::Numeric(Some((precision, scale))) => {
                let to = DataType::Decimal128(precision, scale);
                value.cast_to(&to).map_err(|_| message::numeric_field_overflow(precision, scale))
            }
            _ => Ok(value),
        }
    }
}

impl Body for Cast {
    fn name(&self) -> &str {
        &self.name
    }

    fn gives(&self, given: &[DataType], literals: &[Option<&ScalarValue>]) -> Result<DataType> {
        let [from] = given else {
            return Err(message::internal("a cast has one operand").into());
        };
        if is_text(from)
            && let Some(Some(text)) = literals.first().copied().flatten().map(|literal| literal.try_as_str().flatten())
        {
            return Ok(Self::read(self.to, text, self.session)?.data_type());
        }
        if !self.is_possible(from) {
            return Err(message::cannot_cast(from, self.to.pg_type()).into());
        }
        Ok(self.to.data_type(from))
    }

    fn told(&self) -> Option<&'static str> {
        match self.to {
            Target::Uuid => Some("uuid"),
            Target::Int8 => Some(BIGINT),
            _ => None,
        }
    }

    fn compute(&self, args: &[ArrayRef], gives: &DataType) -> Result<ArrayRef> {
        let array = &args[0];
        let from = array.data_type();
        if is_text(from) {
            return self.read_all(array, gives);
        }
        match (self.to, from) {
            (Target::Text(most), _) => self.show_all(array, most),
            (Target::Int2 | Target::Int4 | Target::Int8, DataType::Decimal128(..)) => {
                let whole = self.engine_cast(array, &DataType::Decimal128(DECIMAL128_MAX_PRECISION, 0))?;
                self.engine_cast(&whole, gives)
            }
            (Target::Int2 | Target::Int4 | Target::Int8, DataType::Float32 | DataType::Float64) => {
                let floats = self.engine_cast(array, &DataType::Float64)?;
                let whole: Float64Array = floats.as_primitive::<Float64Type>().unary(f64::round_ties_even);
                self.engine_cast(&(Arc::new(whole) as ArrayRef), gives)
            }
            (Target::Date | Target::Time | Target::Timestamp, DataType::Timestamp(_, Some(_))) => {
                let local = self.session.local_times(array)?;
                self.engine_cast(&local, gives)
            }
            (Target::Timestamptz, DataType::Timestamp(_, None) | DataType::Date32) => {
                let local = self.engine_cast(array, &timestamp_type())?;
                self.session.instants(&local)
            }
            // What is more than a day, or less than none, counts within its day.
            (Target::Time, DataType::Interval(IntervalUnit::MonthDayNano)) => {
                let spans = array.as_primitive::<arrow::datatypes::IntervalMonthDayNanoType>();
                let micros = |span: arrow::datatypes::IntervalMonthDayNano| {
                    (span.nanoseconds / 1_000).rem_euclid(24 * 3_600 * 1_000_000)
                };
                let times: Time64MicrosecondArray = spans.iter().map(|span| span.map(micros)).collect();
                Ok(Arc::new(times))
            }
            (Target::Bool, _) if from.is_integer() => {
                let whole = self.engine_cast(array, &DataType::Int64)?;
                let whole = whole.as_primitive::<arrow::datatypes::Int64Type>();
                let truths: BooleanArray = whole.iter().map(|number| number.map(|number| number != 0)).collect();
                Ok(Arc::new(truths))
            }
            _ => self.engine_cast(array, gives),
        }
    }

    fn plainer(&self, args: &[Expr], context: &SimplifyContext) -> Result<Option<Expr>> {
        let [arg] = args else { return Ok(None) };
        let from = context.get_data_type(arg)?;
        let to = self.to.data_type(&from);
        let is_same = match (&from, self.to) {
            (DataType::Int64, Target::Int8) => {
                return Ok(Some(match arg {
                    Expr::Literal(value, _) => Expr::Literal(value.clone(), Some(told_metadata(BIGINT).into())),
                    arg => arg.clone(),
                }));
            }
            (from, _) if *from == to => return Ok(Some(arg.clone())),
            (from, Target::Int2 | Target::Int4 | Target::Int8 | Target::Numeric(_) | Target::Float8) => {
                from.is_integer() || matches!((from, &to), (DataType::Decimal128(..), DataType::Decimal128(..)))
            }
            (DataType::Date32, Target::Timestamp) | (DataType::Timestamp(_, None), Target::Date) => true,
            (DataType::Utf8 | DataType::LargeUtf8, Target::Text(None)) => true,
            _ => false,
        };
        Ok(is_same.then(|| Expr::Cast(logical_expr::Cast::new(Box::new(arg.clone()), to))))
    }
}

impl Cast {
    /// Whether PostgreSQL has the cast at all.
    fn is_possible(&self, from: &DataType) -> bool {
        if is_text(from) || *from == DataType::Null {
            return true;
        }
        let is_number = from.is_numeric();
        match self.to {
            Target::Text(_) => true,
            Target::Int4 => is_number || *from == DataType::Boolean,
            Target::Int2 | Target::Int8 | Target::Float4 | Target::Float8 | Target::Numeric(_) => is_number,
            Target::Bool => matches!(from, DataType::Boolean | DataType::Int32 | DataType::Int64),
            Target::Date => matches!(from, DataType::Date32 | DataType::Timestamp(..)),
            Target::Timestamp | Target::Timestamptz => matches!(from, DataType::Date32 | DataType::Timestamp(..)),
            Target::Time => matches!(from, DataType::Time64(_) | DataType::Timestamp(..) | DataType::Interval(_)),
            Target::Interval => matches!(from, DataType::Interval(_) | DataType::Time64(_)),
            Target::Bytea => matches!(from, DataType::Binary | DataType::LargeBinary | DataType::BinaryView),
            Target::Uuid => false,
        }
    }

    fn engine_cast(&self, array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
        let options = CastOptions { safe: false, format_options: FormatOptions::default() };
        cast_with_options(array, to, &options).map_err(|_| {
            // A cast that is possible fails for nothing but the range.
            match self.to {
                Target::Numeric(Some((precision, scale))) => message::numeric_field_overflow(precision, scale),
                to => message::out_of_range_of_type(to.pg_type().info().map_or("numeric", |info| info.sql_name)),
            }
            .into()
        })
    }

    fn read_all(&self, array: &ArrayRef, gives: &DataType) -> Result<ArrayRef> {
        let texts = self.engine_cast(array, &DataType::Utf8View)?;
        let texts = texts.as_string_view();
        let null = ScalarValue::try_from(gives)?;
        let values = texts
            .iter()
            .map(|text| {
                let Some(text) = text else { return Ok(null.clone()) };
                let value = Self::read(self.to, text, self.session)?;
                if value.data_type() == *gives { Ok(value) } else { value.cast_to(gives) }
            })
            .collect::<Result<Vec<_>>>()?;
        if values.is_empty() {
            return Ok(arrow::array::new_empty_array(gives));
        }
        ScalarValue::iter_to_array(values)
    }

    fn show_all(&self, array: &ArrayRef, most: Option<usize>) -> Result<ArrayRef> {
        let format = self.session.text_format();
        let shown: StringViewArray = (0..array.len())
            .map(|row| {
                let text = match array.data_type() {
                    // A cast spells it out; a result shows a letter.
                    DataType::Boolean if !array.is_null(row) => Some(array.as_boolean().value(row).to_string()),
                    // Sixteen bytes are a UUID.
                    DataType::FixedSizeBinary(16) => encode::uuid_text(array, row),
                    _ => encode::text_value(array, row, &format),
                };
                text.map(|text| match most {
                    Some(most) => text.chars().take(most).collect(),
                    None => text,
                })
            })
            .collect();
        Ok(Arc::new(shown))
    }
}
