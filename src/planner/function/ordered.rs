//! What `dialect/aggregate.rs` leaves to be computed from the list of an ordered-set aggregate: `mode`,
//! `percentile_disc`, `percentile_cont`, and `string_agg` with a separator for each row.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, UInt32Array};
use arrow::compute::{cast, filter, is_not_null, take};
use arrow::datatypes::{DataType, Float64Type};
use datafusion::common::Result;
use datafusion::scalar::ScalarValue;

use super::datum::Datum;
use super::overload::{Call, Overloaded, Takes, float8, form, form_from, strict, text};
use crate::error::{Error, message};

pub const FUNCTIONS: &[Overloaded] = &[
    strict(
        "mode:of",
        &[form_from(&[Takes::List], item_type, |_, args| {
            let items = present(&args[0].list())?;
            most_frequent(&items).map_err(Error::from)
        })],
    ),
    strict(
        "percentile_disc:of",
        &[
            form_from(&[Takes::List, Takes::Float], item_type, |_, args| {
                let items = present(&args[0].list())?;
                let at = place(args[1].float(), items.len())?;
                at.map_or(Ok(Datum::Null), |at| item(&items, at).map_err(Error::from))
            }),
            form_from(&[Takes::List, Takes::List], same_type, |_, args| {
                let items = present(&args[0].list())?;
                let places = fractions(&args[1])?
                    .into_iter()
                    .map(|fraction| match fraction {
                        Some(fraction) => Ok(place(fraction, items.len())?.and_then(|at| u32::try_from(at).ok())),
                        None => Ok(None),
                    })
                    .collect::<Result<UInt32Array, Error>>()?;
                let taken = take(&items, &places, None).map_err(datafusion::error::DataFusionError::from);
                Ok(Datum::List(taken.map_err(Error::from)?))
            }),
        ],
    ),
    strict(
        "percentile_cont:of",
        &[
            form(&[Takes::List, Takes::Float], float8, |_, args| {
                let items = numbers(&args[0].list())?;
                Ok(between(&items, args[1].float())?.map_or(Datum::Null, Datum::Float))
            }),
            form(
                &[Takes::List, Takes::List],
                || DataType::new_list(DataType::Float64, true),
                |_, args| {
                    let items = numbers(&args[0].list())?;
                    let values = fractions(&args[1])?
                        .into_iter()
                        .map(|fraction| fraction.map_or(Ok(None), |fraction| between(&items, fraction)))
                        .collect::<Result<Float64Array, Error>>()?;
                    Ok(Datum::List(Arc::new(values)))
                },
            ),
        ],
    ),
    strict("string_agg:of", &[form(&[Takes::List, Takes::List], text, joined)]),
];

fn item_type(given: &[DataType], _literals: &[Option<&ScalarValue>]) -> Result<DataType> {
    match given.first() {
        Some(DataType::List(item)) => Ok(match item.data_type() {
            DataType::Utf8 | DataType::LargeUtf8 => DataType::Utf8View,
            other => other.clone(),
        }),
        _ => Err(message::internal("an ordered-set aggregate is of a list").into()),
    }
}

fn same_type(given: &[DataType], _literals: &[Option<&ScalarValue>]) -> Result<DataType> {
    given.first().cloned().ok_or_else(|| message::internal("an argument is missing").into())
}

/// The items that are not NULL.
fn present(list: &ArrayRef) -> Result<ArrayRef, Error> {
    let kept = is_not_null(list).and_then(|present| filter(list, &present));
    Ok(kept.map_err(datafusion::error::DataFusionError::from)?)
}

fn item<'a>(items: &ArrayRef, at: usize) -> Result<Datum<'a>> {
    Ok(match Datum::at(items, at) {
        Datum::Text(text) => Datum::owned_text(text.into_owned()),
        Datum::Bytes(bytes) => Datum::Bytes(bytes.into_owned().into()),
        Datum::Null => Datum::Null,
        Datum::Bool(truth) => Datum::Bool(truth),
        Datum::Int(value) => Datum::Int(value),
        Datum::Float(value) => Datum::Float(value),
        Datum::Numeric(value, scale) => Datum::Numeric(value, scale),
        Datum::Date(days) => Datum::Date(days),
        Datum::Time(micros) => Datum::Time(micros),
        Datum::Timestamp(micros) => Datum::Timestamp(micros),
        Datum::Instant(micros) => Datum::Instant(micros),
        Datum::Interval(span) => Datum::Interval(span),
        Datum::List(_) | Datum::Any(..) => {
            return Err(message::unsupported("an ordered-set aggregate over values of that type").into());
        }
    })
}

/// The longest run of equal items, which are sorted; the first of those that are as long.
fn most_frequent<'a>(items: &ArrayRef) -> Result<Datum<'a>> {
    let mut best = (0, 0);
    let mut start = 0;
    for at in 1..=items.len() {
        let goes_on =
            at < items.len() && ScalarValue::try_from_array(items, at)? == ScalarValue::try_from_array(items, start)?;
        if !goes_on {
            if at - start > best.0 {
                best = (at - start, start);
            }
            start = at;
        }
    }
    if best.0 == 0 { Ok(Datum::Null) } else { item(items, best.1) }
}

/// Errors: 22003 for a fraction that is none.
fn checked(fraction: f64) -> Result<f64, Error> {
    if (0.0..=1.0).contains(&fraction) { Ok(fraction) } else { Err(message::percentile_out_of_range(fraction)) }
}

/// The place of the first item at which a share of all is reached; `None` of no items.
fn place(fraction: f64, length: usize) -> Result<Option<usize>, Error> {
    let reached = (checked(fraction)? * length as f64).ceil();
    Ok((length > 0).then_some((reached as usize).saturating_sub(1)))
}

fn between(items: &[f64], fraction: f64) -> Result<Option<f64>, Error> {
    let at = checked(fraction)? * items.len().saturating_sub(1) as f64;
    let (low, high) = (at.floor(), at.ceil());
    let (Some(first), Some(second)) = (items.get(low as usize), items.get(high as usize)) else { return Ok(None) };
    Ok(Some(if low == high { *first } else { first + (second - first) * (at - low) }))
}

/// Errors: 0A000 for what is no number.
fn numbers(list: &ArrayRef) -> Result<Vec<f64>, Error> {
    if !list.data_type().is_numeric() && *list.data_type() != DataType::Null {
        return Err(message::percentile_of_moments());
    }
    let floats = cast(&present(list)?, &DataType::Float64).map_err(datafusion::error::DataFusionError::from);
    Ok(floats.map_err(Error::from)?.as_primitive::<Float64Type>().values().to_vec())
}

fn fractions(list: &Datum<'_>) -> Result<Vec<Option<f64>>, Error> {
    let floats = cast(&list.list(), &DataType::Float64).map_err(datafusion::error::DataFusionError::from);
    Ok(floats.map_err(Error::from)?.as_primitive::<Float64Type>().iter().collect())
}

/// Each text but the first has its own separator before it.
fn joined<'a>(_: &Call, args: &[Datum<'a>]) -> Result<Datum<'a>, Error> {
    let (texts, separators) = (args[0].list(), args[1].list());
    let mut out: Option<String> = None;
    for at in 0..texts.len() {
        let Datum::Text(text) = Datum::at(&texts, at) else { continue };
        match &mut out {
            Some(out) => {
                out.push_str(Datum::at(&separators, at).text());
                out.push_str(&text);
            }
            None => out = Some(text.into_owned()),
        }
    }
    Ok(out.map_or(Datum::Null, Datum::owned_text))
}
