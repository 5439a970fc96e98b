//! Functions with several argument lists, chosen among as PostgreSQL chooses, and computed row by row.
//!
//! A function is a row of a table: its forms, what each takes and gives, and a body that answers for one row. NULL in,
//! NULL out, unless it says otherwise. A form is chosen by how many arguments have exactly its types; among equals the
//! first one counts, so preferred forms stand first.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::hash::{Hash, Hasher};
use std::rc::Rc;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use arrow::compute::cast;
use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, Field, FieldRef, IntervalUnit};
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};
use datafusion::scalar::ScalarValue;

use super::datum::{Datum, array_of};
use super::{Cast, Target, Width};
use crate::error::{Error, message};
use crate::pg_type;
use crate::planner::dialect::{Kind, Session, instant_type, target_of, time_type, timestamp_type};

/// A function of PostgreSQL's that is computed row by row.
pub struct Overloaded {
    pub name: &'static str,
    pub forms: &'static [Form],
    /// NULL for any NULL argument, without asking the body.
    pub is_strict: bool,
    pub volatility: Volatility,
}

/// One argument list.
pub struct Form {
    pub takes: &'static [Takes],
    /// Whether the last of `takes` may come more than once, or not at all.
    pub is_variadic: bool,
    pub gives: Gives,
    pub body: Body,
}

pub type Body = for<'a> fn(&Call, &[Datum<'a>]) -> Result<Datum<'a>, Error>;

/// What an argument may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    Bool,
    Int4,
    Int8,
    Numeric,
    Float,
    Text,
    Bytes,
    Date,
    Time,
    Timestamp,
    Instant,
    Interval,
    /// A list of anything.
    List,
    /// Anything, as it is.
    Any,
}

/// What a form gives.
pub enum Gives {
    Type(fn() -> DataType),
    /// From the arguments as they are given, and as they are written out.
    From(fn(&[DataType], &[Option<&ScalarValue>]) -> Result<DataType>),
    /// A type that Arrow's alone does not tell.
    Told(fn() -> DataType, &'static str),
}

/// What a body may look at beside its arguments.
pub struct Call {
    pub session: Session,
    pub gives: DataType,
    /// The arguments as they are given: types that Arrow's do not tell among them.
    pub fields: Vec<FieldRef>,
    memo: RefCell<Option<(String, Rc<dyn Any>)>>,
    made_bytes: Cell<usize>,
}

/// What the texts that one call makes over a batch of rows may have together.
const MADE_BYTES_MAX: usize = 256 << 20;

impl Call {
    /// Takes so many bytes for a text about to be made, so that no memory is asked for that there is not. Errors: 54000.
    pub fn take_bytes(&self, bytes: usize) -> Result<(), Error> {
        self.made_bytes.set(self.made_bytes.get().saturating_add(bytes));
        if self.made_bytes.get() > MADE_BYTES_MAX { Err(message::text_too_long(MADE_BYTES_MAX)) } else { Ok(()) }
    }

    /// What was made of this text for the row before, or is made now: patterns are mostly the same for all rows.
    pub fn made_of<T: 'static>(&self, text: &str, make: impl FnOnce(&str) -> Result<T, Error>) -> Result<Rc<T>, Error> {
        if let Some((known, made)) = &*self.memo.borrow()
            && known == text
            && let Ok(made) = Rc::clone(made).downcast::<T>()
        {
            return Ok(made);
        }
        let made = Rc::new(make(text)?);
        *self.memo.borrow_mut() = Some((text.to_owned(), Rc::clone(&made) as Rc<dyn Any>));
        Ok(made)
    }
}

/// NULL for any NULL argument.
pub const fn strict(name: &'static str, forms: &'static [Form]) -> Overloaded {
    Overloaded { name, forms, is_strict: true, volatility: Volatility::Immutable }
}

/// The body is asked about NULL too.
pub const fn lenient(name: &'static str, forms: &'static [Form]) -> Overloaded {
    Overloaded { name, forms, is_strict: false, volatility: Volatility::Immutable }
}

pub const fn form(takes: &'static [Takes], gives: fn() -> DataType, body: Body) -> Form {
    Form { takes, is_variadic: false, gives: Gives::Type(gives), body }
}

pub const fn variadic(takes: &'static [Takes], gives: fn() -> DataType, body: Body) -> Form {
    Form { takes, is_variadic: true, gives: Gives::Type(gives), body }
}

pub const fn form_from(
    takes: &'static [Takes],
    gives: fn(&[DataType], &[Option<&ScalarValue>]) -> Result<DataType>,
    body: Body,
) -> Form {
    Form { takes, is_variadic: false, gives: Gives::From(gives), body }
}

pub fn bool() -> DataType {
    DataType::Boolean
}

pub fn int4() -> DataType {
    DataType::Int32
}

pub fn int8() -> DataType {
    DataType::Int64
}

pub fn float8() -> DataType {
    DataType::Float64
}

pub fn text() -> DataType {
    DataType::Utf8View
}

pub fn bytea() -> DataType {
    DataType::Binary
}

pub fn date() -> DataType {
    DataType::Date32
}

pub fn interval() -> DataType {
    DataType::Interval(IntervalUnit::MonthDayNano)
}

pub fn texts() -> DataType {
    DataType::new_list(DataType::Utf8View, true)
}

/// The function as the engine calls it.
pub fn function(spec: &'static Overloaded, session: Session) -> Arc<ScalarUDF> {
    let signature = Signature::one_of(vec![TypeSignature::VariadicAny, TypeSignature::Nullary], spec.volatility);
    Arc::new(ScalarUDF::new_from_impl(Bound { spec, session, signature }))
}

struct Bound {
    spec: &'static Overloaded,
    session: Session,
    signature: Signature,
}

impl std::fmt::Debug for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.spec.name)
    }
}

impl PartialEq for Bound {
    fn eq(&self, other: &Self) -> bool {
        self.spec.name == other.spec.name && self.session == other.session
    }
}

impl Eq for Bound {}

impl Hash for Bound {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.spec.name.hash(state);
        self.session.hash(state);
    }
}

/// A type, and whether it is that of a literal without one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Shown {
    kind: Kind,
    is_list: bool,
    is_bytes: bool,
}

fn shown(data_type: &DataType, literal: Option<&ScalarValue>) -> Shown {
    let kind = match literal {
        Some(ScalarValue::Utf8(_) | ScalarValue::Null) => Kind::Unknown,
        Some(ScalarValue::Int64(Some(value))) if i32::try_from(*value).is_ok() => Kind::Int(Width::Four),
        _ => Kind::of(data_type),
    };
    Shown { kind, is_list: matches!(data_type, DataType::List(_)), is_bytes: is_bytes(data_type) }
}

fn is_bytes(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Binary | DataType::LargeBinary | DataType::BinaryView)
}

impl Takes {
    /// Whether an argument is taken: exactly (1), after a cast that PostgreSQL makes by itself (0), or not.
    fn taken(self, given: Shown) -> Option<usize> {
        let (kind, exactly) = (given.kind, Some(1));
        let by_cast = |possible: bool| possible.then_some(0);
        if self == Takes::Any {
            return Some(0);
        }
        if kind == Kind::Unknown {
            return Some(0);
        }
        match (self, kind) {
            (Takes::Bool, Kind::Bool)
            | (Takes::Int4, Kind::Int(Width::Four))
            | (Takes::Int8, Kind::Int(Width::Eight))
            | (Takes::Numeric, Kind::Numeric)
            | (Takes::Float, Kind::Float)
            | (Takes::Text, Kind::Text)
            | (Takes::Date, Kind::Date)
            | (Takes::Time, Kind::Time)
            | (Takes::Timestamp, Kind::Timestamp)
            | (Takes::Instant, Kind::Instant)
            | (Takes::Interval, Kind::Interval) => exactly,
            (Takes::Bytes, _) if given.is_bytes => exactly,
            (Takes::List, _) if given.is_list => exactly,
            (Takes::Int4, Kind::Int(width)) => by_cast(width == Width::Two),
            (Takes::Int8, Kind::Int(_)) | (Takes::Numeric, Kind::Int(_)) => Some(0),
            (Takes::Float, kind) => by_cast(kind.is_number()),
            (Takes::Timestamp, Kind::Date) | (Takes::Instant, Kind::Date | Kind::Timestamp) => Some(0),
            (Takes::Interval, Kind::Time) => Some(0),
            _ => None,
        }
    }

    /// The type to which an argument is brought; `None` for as it is.
    fn data_type(self, given: &DataType) -> Option<DataType> {
        Some(match self {
            Takes::Bool => DataType::Boolean,
            Takes::Int4 => DataType::Int32,
            Takes::Int8 => DataType::Int64,
            Takes::Numeric => match given {
                DataType::Decimal128(..) => return None,
                given if given.is_integer() => DataType::Decimal128(19, 0),
                _ => DataType::Decimal128(DECIMAL128_MAX_PRECISION, 0),
            },
            Takes::Float => DataType::Float64,
            Takes::Text => DataType::Utf8View,
            Takes::Bytes => DataType::Binary,
            Takes::Date => DataType::Date32,
            Takes::Time => time_type(),
            Takes::Timestamp => timestamp_type(),
            Takes::Instant => instant_type(),
            Takes::Interval => interval(),
            Takes::List | Takes::Any => return None,
        })
    }
}

impl Bound {
    fn chosen(&self, given: &[DataType], literals: &[Option<&ScalarValue>]) -> Result<&'static Form, Error> {
        let shown: Vec<Shown> =
            given.iter().enumerate().map(|(at, given)| shown(given, literals.get(at).copied().flatten())).collect();
        let mut best: Option<(usize, &'static Form)> = None;
        for form in self.spec.forms {
            let fits = match form.is_variadic {
                true => shown.len() + 1 >= form.takes.len(),
                false => shown.len() == form.takes.len(),
            };
            let exact = fits
                .then(|| shown.iter().enumerate().map(|(at, shown)| form.takes_at(at)?.taken(*shown)).sum())
                .flatten();
            if let Some(exact) = exact
                && best.is_none_or(|(most, _)| exact > most)
            {
                best = Some((exact, form));
            }
        }
        best.map(|(_, form)| form).ok_or_else(|| {
            let literal = |at: usize| literals.get(at).copied().flatten();
            message::function_missing_named(
                self.spec.name,
                shown.iter().enumerate().map(|(at, shown)| match shown.kind {
                    Kind::Unknown => "unknown".to_owned(),
                    Kind::Int(Width::Four) if literal(at).is_some() => "integer".to_owned(),
                    _ => message::type_name(&given[at]),
                }),
            )
        })
    }

    fn brought(&self, takes: Takes, array: &ArrayRef, is_literal: bool) -> Result<ArrayRef> {
        let Some(wanted) = takes.data_type(array.data_type()) else { return Ok(Arc::clone(array)) };
        if array.data_type() == &wanted {
            return Ok(Arc::clone(array));
        }
        if is_literal
            && !matches!(takes, Takes::Text)
            && let Some(text) = ScalarValue::try_from_array(array, 0)?.try_as_str().flatten()
        {
            let target = match takes {
                Takes::Bytes => return self.read_bytes(text, array.len()),
                _ => target_of(Kind::of(&wanted), &wanted),
            };
            let target = target.ok_or_else(|| message::internal("a literal is read as no type"))?;
            return Cast::read(target, text, self.session)?.to_array_of_size(array.len());
        }
        match (takes, array.data_type()) {
            (Takes::Instant, DataType::Date32 | DataType::Timestamp(_, None)) => self.session.instants(array),
            (Takes::Text, from) if !super::super::is_text(from) && *from != DataType::Null => {
                super::Body::compute(&Cast::to(Target::Text(None), self.session), std::slice::from_ref(array), &wanted)
            }
            _ => Ok(cast(array, &wanted)?),
        }
    }

    fn read_bytes(&self, text: &str, rows: usize) -> Result<ArrayRef> {
        let value = crate::wire::text_value(text, pg_type::PgType::BYTEA, &self.session.text_format())?;
        value.to_array_of_size(rows)
    }
}

/// The literals without those that were cast to bigint: a small one would be taken for an integer.
fn untyped<'a>(literals: &[Option<&'a ScalarValue>], fields: &[FieldRef]) -> Vec<Option<&'a ScalarValue>> {
    let is_bigint = |field: &FieldRef| pg_type::name_told(field) == Some(pg_type::BIGINT);
    literals.iter().zip(fields).map(|(literal, field)| literal.filter(|_| !is_bigint(field))).collect()
}

impl Form {
    fn takes_at(&self, at: usize) -> Option<Takes> {
        self.takes.get(at).or_else(|| self.takes.last().filter(|_| self.is_variadic)).copied()
    }

    fn data_type(&self, given: &[DataType], literals: &[Option<&ScalarValue>]) -> Result<DataType> {
        match self.gives {
            Gives::Type(gives) | Gives::Told(gives, _) => Ok(gives()),
            Gives::From(gives) => gives(given, literals),
        }
    }
}

impl ScalarUDFImpl for Bound {
    fn name(&self) -> &str {
        self.spec.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, given: &[DataType]) -> Result<DataType> {
        let literals = vec![None; given.len()];
        self.chosen(given, &literals)?.data_type(given, &literals)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let given: Vec<DataType> = args.arg_fields.iter().map(|field| field.data_type().clone()).collect();
        let literals = untyped(args.scalar_arguments, args.arg_fields);
        let form = self.chosen(&given, &literals)?;
        let field = Field::new(self.spec.name, form.data_type(&given, args.scalar_arguments)?, true);
        Ok(Arc::new(match form.gives {
            Gives::Told(_, name) => pg_type::told(field, name),
            _ => field,
        }))
    }

    fn is_strict(&self) -> bool {
        self.spec.is_strict
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_volatile = self.spec.volatility == Volatility::Volatile;
        let is_scalar = !is_volatile && call.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if is_scalar { 1 } else { call.number_rows };
        let literals: Vec<Option<&ScalarValue>> = call
            .args
            .iter()
            .map(|arg| match arg {
                ColumnarValue::Scalar(value) => Some(value),
                ColumnarValue::Array(_) => None,
            })
            .collect();
        let given: Vec<DataType> = call.args.iter().map(ColumnarValue::data_type).collect();
        let form = self.chosen(&given, &untyped(&literals, &call.arg_fields))?;
        if rows == 0 {
            return Ok(ColumnarValue::Array(arrow::array::new_empty_array(call.return_field.data_type())));
        }
        let args = call
            .args
            .iter()
            .enumerate()
            .map(|(at, arg)| {
                let takes = form.takes_at(at).unwrap_or(Takes::Any);
                let is_literal = matches!(arg, ColumnarValue::Scalar(ScalarValue::Utf8(_)));
                self.brought(takes, &arg.to_array(rows)?, is_literal)
            })
            .collect::<Result<Vec<_>>>()?;
        let gives = call.return_field.data_type().clone();
        let context = Call {
            session: self.session,
            gives,
            fields: call.arg_fields.clone(),
            memo: RefCell::new(None),
            made_bytes: Cell::new(0),
        };
        let mut results = Vec::with_capacity(rows);
        let mut values = Vec::with_capacity(args.len());
        for row in 0..rows {
            values.clear();
            values.extend(args.iter().enumerate().map(|(at, array)| match form.takes_at(at) {
                Some(Takes::Any) if !array.is_null(row) && *array.data_type() != DataType::Null => {
                    Datum::Any(array, row)
                }
                _ => Datum::at(array, row),
            }));
            let is_unknown = self.spec.is_strict && values.iter().any(Datum::is_null);
            results.push(if is_unknown { Datum::Null } else { (form.body)(&context, &values)? });
        }
        let results = array_of(&results, &context.gives)?;
        if is_scalar {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&results, 0)?));
        }
        Ok(ColumnarValue::Array(results))
    }
}
