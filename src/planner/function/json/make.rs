//! Functions and casts that make JSON.

use arrow::array::Array;
use arrow::datatypes::DataType;

use super::super::datum::Datum;
use super::super::overload::{Body, Call, Form, Gives, Overloaded, Takes, lenient, strict, text};
use super::read::parsed;
use super::{Kind, write};
use crate::error::{Error, message};

const ANY: &[Takes] = &[Takes::Any];
const LIST: &[Takes] = &[Takes::List];

/// A form that gives `json`.
pub const fn json(takes: &'static [Takes], body: Body) -> Form {
    Form { takes, is_variadic: false, gives: Gives::Told(text, "json"), body }
}

pub const fn jsonb(takes: &'static [Takes], body: Body) -> Form {
    Form { takes, is_variadic: false, gives: Gives::Told(text, "jsonb"), body }
}

const fn json_of_any(body: Body) -> Form {
    Form { takes: ANY, is_variadic: true, gives: Gives::Told(text, "json"), body }
}

const fn jsonb_of_any(body: Body) -> Form {
    Form { takes: ANY, is_variadic: true, gives: Gives::Told(text, "jsonb"), body }
}

pub const FUNCTIONS: &[Overloaded] = &[
    strict("cast:json", &[json(ANY, |call, args| cast(call, &args[0], Kind::Json))]),
    strict("cast:jsonb", &[jsonb(ANY, |call, args| cast(call, &args[0], Kind::Jsonb))]),
    strict("to_json", &[json(ANY, |call, args| value(call, args, 0, Kind::Json).map(Datum::owned_text))]),
    strict("to_jsonb", &[jsonb(ANY, |call, args| value(call, args, 0, Kind::Jsonb).map(Datum::owned_text))]),
    strict("row_to_json", &[json(ANY, |call, args| value(call, args, 0, Kind::Json).map(Datum::owned_text))]),
    strict(
        "array_to_json",
        &[json(LIST, |call, args| {
            let mut out = String::new();
            push_list(&mut out, call, args)?;
            Ok(Datum::owned_text(out))
        })],
    ),
    lenient("json_build_object", &[json_of_any(|call, args| object(call, args, Kind::Json))]),
    lenient("jsonb_build_object", &[jsonb_of_any(|call, args| object(call, args, Kind::Jsonb))]),
    lenient("json_build_array", &[json_of_any(|call, args| array(call, args, Kind::Json))]),
    lenient("jsonb_build_array", &[jsonb_of_any(|call, args| array(call, args, Kind::Jsonb))]),
    // One item of an aggregate.
    lenient("json:item", &[json(ANY, |call, args| value(call, args, 0, Kind::Json).map(Datum::owned_text))]),
    lenient("jsonb:item", &[jsonb(ANY, |call, args| value(call, args, 0, Kind::Jsonb).map(Datum::owned_text))]),
    // The key of a pair of an aggregate.
    lenient(
        "json:key",
        &[Form {
            takes: ANY,
            is_variadic: false,
            gives: Gives::Type(text),
            body: |call, args| match &args[0] {
                Datum::Null => Err(message::json_key_null_of_aggregate()),
                key => Ok(Datum::owned_text(super::super::text::shown(call, key))),
            },
        }],
    ),
    strict("json:array", &[json(LIST, |_, args| Ok(Datum::owned_text(gathered(args, ", "))))]),
    strict("json:rows", &[json(LIST, |_, args| Ok(Datum::owned_text(gathered(args, ", \n "))))]),
    strict("jsonb:array", &[jsonb(LIST, |_, args| Ok(Datum::owned_text(gathered(args, ", "))))]),
    strict("json:object", &[json(&[Takes::List, Takes::List], |_, args| pairs(args, Kind::Json))]),
    strict("jsonb:object", &[jsonb(&[Takes::List, Takes::List], |_, args| pairs(args, Kind::Jsonb))]),
];

fn cast<'a>(call: &Call, value: &Datum<'a>, kind: Kind) -> Result<Datum<'a>, Error> {
    let Datum::Any(array, _) = value else { return Ok(Datum::Null) };
    if !crate::planner::is_text(array.data_type()) {
        return Err(message::cannot_cast_named(array.data_type(), kind.name()));
    }
    kind.kept(&super::super::text::shown(call, value)).map(Datum::owned_text)
}

/// A value of any type.
fn value(call: &Call, args: &[Datum<'_>], at: usize, kind: Kind) -> Result<String, Error> {
    let mut out = String::new();
    match &args[at] {
        Datum::Any(array, row) => write::push_value(&mut out, array, *row, &call.fields[at], call.session),
        _ => out.push_str("null"),
    }
    // Of what is written here, only JSON that was handed in, and lists and rows, have another form as `jsonb`.
    match kind {
        Kind::Jsonb if out.starts_with(['{', '[']) => Ok(write::canonical(&parsed(&out)?.value)),
        _ => Ok(out),
    }
}

fn push_list(out: &mut String, call: &Call, args: &[Datum<'_>]) -> Result<(), Error> {
    let items = args[0].list();
    let DataType::List(item) = call.fields[0].data_type() else {
        return Err(message::internal("a list is written"));
    };
    out.push('[');
    for at in 0..items.len() {
        out.push_str(if at > 0 { "," } else { "" });
        write::push_value(out, &items, at, item, call.session);
    }
    out.push(']');
    Ok(())
}

/// Errors: 22023 for a missing value, and for a key that is NULL.
fn object<'a>(call: &Call, args: &[Datum<'a>], kind: Kind) -> Result<Datum<'a>, Error> {
    if args.len() % 2 == 1 {
        return Err(message::json_arguments_odd(kind.name()));
    }
    let mut out = String::from("{");
    for (at, pair) in args.chunks(2).enumerate() {
        if pair[0].is_null() {
            return Err(message::json_key_null(2 * at + 1));
        }
        out.push_str(if at > 0 { ", " } else { "" });
        write::push_quoted(&mut out, &super::super::text::shown(call, &pair[0]));
        out.push_str(" : ");
        out.push_str(&value(call, args, 2 * at + 1, Kind::Json)?);
    }
    out.push('}');
    finished(out, kind)
}

fn array<'a>(call: &Call, args: &[Datum<'a>], kind: Kind) -> Result<Datum<'a>, Error> {
    let items = (0..args.len()).map(|at| value(call, args, at, Kind::Json)).collect::<Result<Vec<_>, _>>()?;
    finished(format!("[{}]", items.join(", ")), kind)
}

fn finished<'a>(out: String, kind: Kind) -> Result<Datum<'a>, Error> {
    Ok(Datum::owned_text(match kind {
        Kind::Json => out,
        Kind::Jsonb => write::canonical(&parsed(&out)?.value),
    }))
}

/// The items of an aggregate. Rows of a `json` stand on lines of their own.
fn gathered(args: &[Datum<'_>], between: &str) -> String {
    format!("[{}]", texts(&args[0]).join(between))
}

fn texts(list: &Datum<'_>) -> Vec<String> {
    let items = list.list();
    (0..items.len())
        .map(|at| match Datum::at(&items, at) {
            Datum::Text(text) => text.into_owned(),
            _ => "null".to_owned(),
        })
        .collect()
}

fn pairs<'a>(args: &[Datum<'a>], kind: Kind) -> Result<Datum<'a>, Error> {
    let (keys, values) = (texts(&args[0]), texts(&args[1]));
    let mut out = String::from("{ ");
    for (at, (key, value)) in keys.iter().zip(values).enumerate() {
        out.push_str(if at > 0 { ", " } else { "" });
        write::push_quoted(&mut out, key);
        out.push_str(" : ");
        out.push_str(&value);
    }
    out.push_str(" }");
    finished(out, kind)
}
