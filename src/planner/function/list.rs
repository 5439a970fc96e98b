//! Functions on arrays whose answers differ from the engine's, or that it does not have.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int32Array, ListArray, StringViewArray};
use arrow::buffer::OffsetBuffer;
use arrow::compute::cast;
use arrow::compute::kernels::cmp::eq;
use arrow::datatypes::{DataType, Field};
use datafusion::common::Result;
use datafusion::scalar::ScalarValue;

use super::Body;
use super::datum::Datum;
use super::overload::{Call, Overloaded, Takes, bool, form, form_from, int4, lenient, strict, text, texts};
use crate::error::{Error, message};
use crate::wire::encode;

/// What `ARRAY(SELECT …)` gives: an empty list where the query has no row.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct OrEmpty;

impl Body for OrEmpty {
    fn name(&self) -> &str {
        "array_or_empty"
    }

    fn gives(&self, given: &[DataType], _literals: &[Option<&ScalarValue>]) -> Result<DataType> {
        given.first().cloned().ok_or_else(|| message::internal("a list is missing").into())
    }

    fn compute(&self, args: &[ArrayRef], _gives: &DataType) -> Result<ArrayRef> {
        args.first().map_or_else(|| Err(message::internal("a list is missing").into()), or_empty)
    }

    fn is_strict(&self) -> bool {
        false
    }
}

/// `FROM upper('a')`: the value that a function gives, as the list that FROM takes apart.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct OfValue {
    pub name: String,
}

impl Body for OfValue {
    fn name(&self) -> &str {
        &self.name
    }

    fn gives(&self, given: &[DataType], _literals: &[Option<&ScalarValue>]) -> Result<DataType> {
        let value = given.first().ok_or_else(|| message::internal("a value is missing"))?;
        Ok(DataType::List(Field::new_list_field(value.clone(), true).into()))
    }

    fn compute(&self, args: &[ArrayRef], _gives: &DataType) -> Result<ArrayRef> {
        let values = args.first().ok_or_else(|| message::internal("a value is missing"))?;
        let field = Field::new_list_field(values.data_type().clone(), true).into();
        let each = OffsetBuffer::from_lengths(std::iter::repeat_n(1, values.len()));
        Ok(Arc::new(ListArray::try_new(field, each, Arc::clone(values), None)?))
    }

    fn is_strict(&self) -> bool {
        false
    }
}

pub const FUNCTIONS: &[Overloaded] = &[
    strict(
        "array_length",
        &[form(&[Takes::List, Takes::Int4], int4, |_, args| {
            let lengths = lengths(&args[0].list());
            let length = usize::try_from(args[1].int() - 1).ok().and_then(|at| lengths.get(at).copied());
            Ok(length.map_or(Datum::Null, int))
        })],
    ),
    strict(
        "cardinality",
        &[form(&[Takes::List], int4, |_, args| {
            let lengths = lengths(&args[0].list());
            Ok(int(if lengths.is_empty() { 0 } else { lengths.iter().product() }))
        })],
    ),
    strict(
        "array_ndims",
        &[form(&[Takes::List], int4, |_, args| {
            let count = lengths(&args[0].list()).len();
            Ok(if count == 0 { Datum::Null } else { int(count) })
        })],
    ),
    strict(
        "array_dims",
        &[form(&[Takes::List], text, |_, args| {
            let lengths = lengths(&args[0].list());
            let shown: String = lengths.iter().map(|length| format!("[1:{length}]")).collect();
            Ok(if shown.is_empty() { Datum::Null } else { Datum::owned_text(shown) })
        })],
    ),
    lenient(
        "array_position",
        &[
            form(&[Takes::List, Takes::Any], int4, |_, args| position(args, 1)),
            form(&[Takes::List, Takes::Any, Takes::Int4], int4, |_, args| position(args, args[2].int())),
        ],
    ),
    lenient(
        "array_positions",
        &[form(
            &[Takes::List, Takes::Any],
            || DataType::new_list(DataType::Int32, true),
            |_, args| {
                if args[0].is_null() {
                    return Ok(Datum::Null);
                }
                let found = matches(&args[0].list(), &args[1])?;
                let places: Int32Array =
                    found.iter().enumerate().filter(|(_, is)| **is).map(|(at, _)| Some(at as i32 + 1)).collect();
                Ok(Datum::List(Arc::new(places)))
            },
        )],
    ),
    lenient(
        "array_to_string",
        &[
            form(&[Takes::List, Takes::Text], text, joined),
            form(&[Takes::List, Takes::Text, Takes::Text], text, joined),
        ],
    ),
    lenient(
        "string_to_array",
        &[
            form(&[Takes::Text, Takes::Text], texts, parts),
            form(&[Takes::Text, Takes::Text, Takes::Text], texts, parts),
        ],
    ),
    lenient(
        "list:string_to_table",
        &[
            form(&[Takes::Text, Takes::Text], texts, parts),
            form(&[Takes::Text, Takes::Text, Takes::Text], texts, parts),
        ],
    ),
    lenient("array_fill", &[form_from(&[Takes::Any, Takes::List], filled_type, filled)]),
    strict(
        "trim_array",
        &[form_from(&[Takes::List, Takes::Int4], first_type, |_, args| {
            let list = args[0].list();
            let kept = usize::try_from(args[1].int()).ok().and_then(|cut| list.len().checked_sub(cut));
            let kept = kept.ok_or_else(|| message::trim_out_of_range(list.len()))?;
            Ok(Datum::List(list.slice(0, kept)))
        })],
    ),
    // `x = ANY (list)`: where it is not found, a NULL among the items leaves it open.
    lenient(
        "any:open",
        &[form(&[Takes::Bool, Takes::List], bool, |_, args| {
            let has_null = || args[1].list().null_count() > 0;
            Ok(match &args[0] {
                Datum::Bool(false) if has_null() => Datum::Null,
                found => found.clone(),
            })
        })],
    ),
    // `x <> ALL (list)`, likewise.
    lenient(
        "all:open",
        &[form(&[Takes::Bool, Takes::List], bool, |_, args| {
            let has_null = || args[1].list().null_count() > 0;
            Ok(match &args[0] {
                Datum::Bool(true) if has_null() => Datum::Null,
                found => found.clone(),
            })
        })],
    ),
];

fn int<'a>(value: usize) -> Datum<'a> {
    Datum::Int(i64::try_from(value).unwrap_or(i64::MAX))
}

fn first_type(given: &[DataType], _literals: &[Option<&ScalarValue>]) -> Result<DataType> {
    given.first().cloned().ok_or_else(|| message::internal("an argument is missing").into())
}

/// The length of each dimension; none of an empty list.
fn lengths(list: &ArrayRef) -> Vec<usize> {
    if list.is_empty() {
        return Vec::new();
    }
    let mut lengths = vec![list.len()];
    if let DataType::List(_) = list.data_type() {
        lengths.extend(self::lengths(&list.as_list::<i32>().value(0)));
    }
    lengths
}

/// Which items are the value; NULL is like NULL.
fn matches(list: &ArrayRef, value: &Datum<'_>) -> Result<Vec<bool>, Error> {
    let Datum::Any(array, row) = value else {
        return Ok((0..list.len()).map(|at| list.is_null(at)).collect());
    };
    let found = || -> Result<BooleanArray> {
        let wanted = ScalarValue::try_from_array(array, *row)?;
        // A literal without a type is read as an item; of numbers the wider type decides.
        let (list, wanted) = match (list.data_type().is_integer(), wanted.data_type().is_numeric()) {
            (true, true) if !wanted.data_type().is_integer() => (cast(list, &wanted.data_type())?, wanted),
            _ => (Arc::clone(list), wanted.cast_to(list.data_type())?),
        };
        Ok(eq(&list, &wanted.to_scalar()?)?)
    };
    let found = found().map_err(Error::from)?;
    Ok(found.iter().map(|is| is == Some(true)).collect())
}

fn position<'a>(args: &[Datum<'a>], from: i64) -> Result<Datum<'a>, Error> {
    if args[0].is_null() {
        return Ok(Datum::Null);
    }
    let from = usize::try_from(from - 1).unwrap_or(0);
    let found = matches(&args[0].list(), &args[1])?;
    Ok(found.iter().enumerate().skip(from).find(|(_, is)| **is).map_or(Datum::Null, |(at, _)| int(at + 1)))
}

fn joined<'a>(call: &Call, args: &[Datum<'a>]) -> Result<Datum<'a>, Error> {
    if args[0].is_null() || args[1].is_null() {
        return Ok(Datum::Null);
    }
    let mut shown = Vec::new();
    collect(call, &args[0].list(), args.get(2).filter(|null| !null.is_null()).map(Datum::text), &mut shown);
    Ok(Datum::owned_text(shown.join(args[1].text())))
}

/// The items as text, those of inner lists too.
fn collect(call: &Call, list: &ArrayRef, null: Option<&str>, shown: &mut Vec<String>) {
    for at in 0..list.len() {
        match (list.data_type(), list.is_null(at)) {
            (DataType::List(_), false) => collect(call, &list.as_list::<i32>().value(at), null, shown),
            (_, true) => shown.extend(null.map(str::to_owned)),
            (_, false) => shown.extend(encode::text_value(list, at, &call.session.text_format())),
        }
    }
}

/// `string_to_array`: NULL between the parts is every character by itself.
fn parts<'a>(_: &Call, args: &[Datum<'a>]) -> Result<Datum<'a>, Error> {
    if args[0].is_null() {
        return Ok(Datum::Null);
    }
    let whole = args[0].text();
    let null = args.get(2).filter(|null| !null.is_null()).map(Datum::text);
    let parts: Vec<String> = match &args[1] {
        _ if whole.is_empty() => Vec::new(),
        Datum::Null => whole.chars().map(String::from).collect(),
        between if between.text().is_empty() => vec![whole.to_owned()],
        between => whole.split(between.text()).map(str::to_owned).collect(),
    };
    let list: StringViewArray =
        parts.iter().map(|part| Some(part.as_str()).filter(|part| Some(*part) != null)).collect();
    Ok(Datum::List(Arc::new(list)))
}

fn filled_type(given: &[DataType], literals: &[Option<&ScalarValue>]) -> Result<DataType> {
    let item = match literals.first().copied().flatten() {
        Some(ScalarValue::Int64(Some(value))) if i32::try_from(*value).is_ok() => DataType::Int32,
        _ => first_type(given, literals)?,
    };
    Ok(DataType::new_list(item, true))
}

/// Errors: 0A000 for more than one dimension.
fn filled<'a>(call: &Call, args: &[Datum<'a>]) -> Result<Datum<'a>, Error> {
    let DataType::List(item) = &call.gives else {
        return Err(message::internal("a list is filled"));
    };
    let filled = || -> Result<ArrayRef> {
        let sizes = cast(&args[1].list(), &DataType::Int64)?;
        let sizes = sizes.as_primitive::<arrow::datatypes::Int64Type>();
        if sizes.len() > 1 {
            return Err(message::unsupported("array_fill of more than one dimension").into());
        }
        let count = sizes.iter().next().flatten().and_then(|count| usize::try_from(count).ok()).unwrap_or(0);
        let value = match &args[0] {
            Datum::Any(array, row) => ScalarValue::try_from_array(array, *row)?.cast_to(item.data_type())?,
            _ => ScalarValue::try_from(item.data_type())?,
        };
        value.to_array_of_size(count)
    };
    Ok(Datum::List(filled().map_err(Error::from)?))
}

/// The lists, an empty one in the place of NULL.
fn or_empty(lists: &ArrayRef) -> Result<ArrayRef> {
    if lists.null_count() == 0 || lists.is_empty() {
        return Ok(Arc::clone(lists));
    }
    let DataType::List(item) = lists.data_type() else { return Ok(Arc::clone(lists)) };
    let empty = ScalarValue::List(ScalarValue::new_list(&[], item.data_type(), item.is_nullable()));
    let values = (0..lists.len())
        .map(|row| if lists.is_null(row) { Ok(empty.clone()) } else { ScalarValue::try_from_array(lists, row) })
        .collect::<Result<Vec<_>>>()?;
    ScalarValue::iter_to_array(values)
}
