//! Functions and operators that take JSON apart.

use std::sync::Arc;

use arrow::array::{Array, StringViewArray};

use super::super::datum::Datum;
use super::super::overload::{Body, Call, Form, Gives, Overloaded, Takes, bool, form, int4, strict, text, texts};
use super::make::{json, jsonb};
use super::read::{Node, Value, parsed, sorted};
use super::{Kind, write};
use crate::error::{Error, message};

const BY_KEY: &[Takes] = &[Takes::Text, Takes::Text];
const BY_PLACE: &[Takes] = &[Takes::Text, Takes::Int4];
const BY_PATH: &[Takes] = &[Takes::Text, Takes::List];
const ONE: &[Takes] = &[Takes::Text];

const fn path(gives: Gives, body: Body) -> Form {
    Form { takes: BY_KEY, is_variadic: true, gives, body }
}

pub const FUNCTIONS: &[Overloaded] = &[
    strict("json:->", &[json(BY_KEY, |_, args| member(args)), json(BY_PLACE, |_, args| item(args))]),
    strict(
        "jsonb:->",
        &[jsonb(BY_KEY, |_, args| canonical(member(args)?)), jsonb(BY_PLACE, |_, args| canonical(item(args)?))],
    ),
    strict(
        "json:->>",
        &[form(BY_KEY, text, |_, args| as_text(member(args)?)), form(BY_PLACE, text, |_, args| as_text(item(args)?))],
    ),
    strict("json:#>", &[json(BY_KEY, |_, args| at_written_path(args)), json(BY_PATH, |_, args| at_path(args))]),
    strict(
        "jsonb:#>",
        &[
            jsonb(BY_KEY, |_, args| canonical(at_written_path(args)?)),
            jsonb(BY_PATH, |_, args| canonical(at_path(args)?)),
        ],
    ),
    strict(
        "json:#>>",
        &[
            form(BY_KEY, text, |_, args| as_text(at_written_path(args)?)),
            form(BY_PATH, text, |_, args| as_text(at_path(args)?)),
        ],
    ),
    strict("json_extract_path", &[path(Gives::Told(text, "json"), |_, args| walked(args))]),
    strict("jsonb_extract_path", &[path(Gives::Told(text, "jsonb"), |_, args| canonical(walked(args)?))]),
    strict("json_extract_path_text", &[path(Gives::Type(text), |_, args| as_text(walked(args)?))]),
    strict("jsonb_extract_path_text", &[path(Gives::Type(text), |_, args| as_text(walked(args)?))]),
    strict("json_array_length", &[form(ONE, int4, length)]),
    strict("jsonb_array_length", &[form(ONE, int4, length)]),
    strict("json_typeof", &[form(ONE, text, type_name)]),
    strict("jsonb_typeof", &[form(ONE, text, type_name)]),
    strict(
        "jsonb_pretty",
        &[form(ONE, text, |_, args| {
            let mut out = String::new();
            push_pretty(&mut out, &parsed(args[0].text())?.value, 0);
            Ok(Datum::owned_text(out))
        })],
    ),
    strict(
        "jsonb_strip_nulls",
        &[jsonb(ONE, |_, args| Ok(Datum::owned_text(write::canonical(&without_nulls(parsed(args[0].text())?).value))))],
    ),
    strict(
        "jsonb:@>",
        &[form(BY_KEY, bool, |_, args| {
            Ok(Datum::Bool(contains(&parsed(args[0].text())?.value, &parsed(args[1].text())?.value, true)))
        })],
    ),
    strict(
        "jsonb:?",
        &[form(BY_KEY, bool, |_, args| {
            let key = args[1].text();
            Ok(Datum::Bool(match parsed(args[0].text())?.value {
                Value::Object(members) => members.iter().any(|(name, _)| name == key),
                Value::Array(items) => items.iter().any(|item| item.value.as_text() == Some(key)),
                Value::Text(text) => text == key,
                _ => false,
            }))
        })],
    ),
    strict(
        "jsonb:||",
        &[jsonb(BY_KEY, |_, args| {
            let joined = match (parsed(args[0].text())?, parsed(args[1].text())?) {
                (Node { value: Value::Object(mut left), .. }, Node { value: Value::Object(right), .. }) => {
                    left.extend(right);
                    Value::Object(left)
                }
                (left, right) => {
                    let items = |node| match node {
                        Node { value: Value::Array(items), .. } => items,
                        other => vec![other],
                    };
                    Value::Array(items(left).into_iter().chain(items(right)).collect())
                }
            };
            Ok(Datum::owned_text(write::canonical(&joined)))
        })],
    ),
    strict("jsonb:-", &[jsonb(BY_KEY, without_key), jsonb(BY_PLACE, without_place)]),
    strict("list:json_array_elements", &[form(ONE, texts, |_, args| elements(args, Kind::Json))]),
    strict("list:jsonb_array_elements", &[form(ONE, texts, |_, args| elements(args, Kind::Jsonb))]),
    strict("list:json_array_elements_text", &[form(ONE, texts, |_, args| element_texts(args))]),
    strict("list:jsonb_array_elements_text", &[form(ONE, texts, |_, args| element_texts(args))]),
    strict("list:json_object_keys", &[form(ONE, texts, |_, args| keys(args, Kind::Json))]),
    strict("list:jsonb_object_keys", &[form(ONE, texts, |_, args| keys(args, Kind::Jsonb))]),
    strict("list:json_each:key", &[form(ONE, texts, |_, args| keys(args, Kind::Json))]),
    strict("list:jsonb_each:key", &[form(ONE, texts, |_, args| keys(args, Kind::Jsonb))]),
    strict("list:json_each_text:key", &[form(ONE, texts, |_, args| keys(args, Kind::Json))]),
    strict("list:jsonb_each_text:key", &[form(ONE, texts, |_, args| keys(args, Kind::Jsonb))]),
    strict("list:json_each:value", &[form(ONE, texts, |_, args| member_values(args, Kind::Json, false))]),
    strict("list:jsonb_each:value", &[form(ONE, texts, |_, args| member_values(args, Kind::Jsonb, false))]),
    strict("list:json_each_text:value", &[form(ONE, texts, |_, args| member_values(args, Kind::Json, true))]),
    strict("list:jsonb_each_text:value", &[form(ONE, texts, |_, args| member_values(args, Kind::Jsonb, true))]),
];

fn member_of<'t>(text: &'t str, key: &str) -> Result<Option<&'t str>, Error> {
    Ok(match parsed(text)?.value {
        Value::Object(members) => members.into_iter().rev().find(|(name, _)| name == key).map(|(_, node)| node.text),
        _ => None,
    })
}

/// Counted from the end when negative.
fn item_of(text: &str, place: i64) -> Result<Option<&str>, Error> {
    Ok(match parsed(text)?.value {
        Value::Array(items) => {
            let place = if place < 0 { place + items.len() as i64 } else { place };
            usize::try_from(place).ok().and_then(|place| items.get(place)).map(|node| node.text)
        }
        _ => None,
    })
}

fn member<'a>(args: &[Datum<'a>]) -> Result<Datum<'a>, Error> {
    Ok(member_of(args[0].text(), args[1].text())?.map_or(Datum::Null, Datum::owned_text))
}

fn item<'a>(args: &[Datum<'a>]) -> Result<Datum<'a>, Error> {
    Ok(item_of(args[0].text(), args[1].int())?.map_or(Datum::Null, Datum::owned_text))
}

fn canonical(value: Datum<'_>) -> Result<Datum<'_>, Error> {
    match value {
        Datum::Text(text) => Ok(Datum::owned_text(write::canonical(&parsed(&text)?.value))),
        null => Ok(null),
    }
}

/// A string without its quotes; NULL for null.
fn as_text(value: Datum<'_>) -> Result<Datum<'_>, Error> {
    let Datum::Text(text) = value else { return Ok(Datum::Null) };
    Ok(match text.as_bytes().first() {
        Some(b'"') => match parsed(&text)?.value {
            Value::Text(text) => Datum::owned_text(text),
            _ => Datum::Null,
        },
        _ if text == "null" => Datum::Null,
        _ => Datum::Text(text),
    })
}

fn step<'t>(text: &'t str, key: &str) -> Result<Option<&'t str>, Error> {
    match (text.trim_start().as_bytes().first(), key.parse()) {
        (Some(b'['), Ok(place)) => item_of(text, place),
        _ => member_of(text, key),
    }
}

fn walk<'a>(text: &str, keys: impl Iterator<Item = Option<String>>) -> Result<Datum<'a>, Error> {
    let mut at = text;
    for key in keys {
        let Some(key) = key else { return Ok(Datum::Null) };
        match step(at, &key)? {
            Some(next) => at = next,
            None => return Ok(Datum::Null),
        }
    }
    Ok(Datum::owned_text(at))
}

fn at_path<'a>(args: &[Datum<'a>]) -> Result<Datum<'a>, Error> {
    let keys = args[1].list();
    walk(
        args[0].text(),
        (0..keys.len()).map(|at| match Datum::at(&keys, at) {
            Datum::Text(key) => Some(key.into_owned()),
            _ => None,
        }),
    )
}

/// A path in braces, `{a,0}`, that has no type yet.
fn at_written_path<'a>(args: &[Datum<'a>]) -> Result<Datum<'a>, Error> {
    let keys = crate::sql::compat::list_items(args[1].text());
    let keys = keys.ok_or_else(|| message::array_malformed(args[1].text()))?;
    walk(args[0].text(), keys.into_iter())
}

fn walked<'a>(args: &[Datum<'a>]) -> Result<Datum<'a>, Error> {
    walk(args[0].text(), args[1..].iter().map(|key| Some(key.text().to_owned())))
}

fn items_of<'t>(text: &'t str, what: &str) -> Result<Vec<Node<'t>>, Error> {
    match parsed(text)?.value {
        Value::Array(items) => Ok(items),
        Value::Object(_) => {
            Err(message::json_not_array(what, if what.starts_with("get") { "a non-array" } else { "an object" }))
        }
        _ => Err(message::json_not_array(what, "a scalar")),
    }
}

fn length<'a>(_: &Call, args: &[Datum<'a>]) -> Result<Datum<'a>, Error> {
    let items = items_of(args[0].text(), "get array length of")?;
    i64::try_from(items.len()).map(Datum::Int).map_err(|_| message::out_of_range_of_type("integer"))
}

fn type_name<'a>(_: &Call, args: &[Datum<'a>]) -> Result<Datum<'a>, Error> {
    Ok(Datum::owned_text(match parsed(args[0].text())?.value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::Text(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }))
}

fn elements<'a>(args: &[Datum<'a>], kind: Kind) -> Result<Datum<'a>, Error> {
    let items = items_of(args[0].text(), "extract elements from")?;
    let items = items.iter().map(|item| kind.kept(item.text)).collect::<Result<Vec<_>, _>>()?;
    Ok(Datum::List(Arc::new(StringViewArray::from_iter_values(items))))
}

fn element_texts<'a>(args: &[Datum<'a>]) -> Result<Datum<'a>, Error> {
    let items = items_of(args[0].text(), "extract elements from")?;
    let items = items.iter().map(|item| plain(item.text)).collect::<Result<Vec<_>, _>>()?;
    Ok(Datum::List(Arc::new(items.into_iter().collect::<StringViewArray>())))
}

fn plain(text: &str) -> Result<Option<String>, Error> {
    Ok(match as_text(Datum::owned_text(text))? {
        Datum::Text(text) => Some(text.into_owned()),
        _ => None,
    })
}

/// Names and values as texts.
fn members(text: &str, kind: Kind) -> Result<Vec<(String, &str)>, Error> {
    let Value::Object(members) = parsed(text)?.value else { return Err(message::json_not_object()) };
    Ok(match kind {
        Kind::Json => members.into_iter().map(|(name, node)| (name, node.text)).collect(),
        Kind::Jsonb => sorted(&members).into_iter().map(|(name, node)| (name.to_owned(), node.text)).collect(),
    })
}

fn keys<'a>(args: &[Datum<'a>], kind: Kind) -> Result<Datum<'a>, Error> {
    let names = members(args[0].text(), kind)?.into_iter().map(|(name, _)| name);
    Ok(Datum::List(Arc::new(StringViewArray::from_iter_values(names))))
}

fn member_values<'a>(args: &[Datum<'a>], kind: Kind, is_plain: bool) -> Result<Datum<'a>, Error> {
    let values = members(args[0].text(), kind)?
        .into_iter()
        .map(|(_, value)| if is_plain { plain(value) } else { kind.kept(value).map(Some) })
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Datum::List(Arc::new(values.into_iter().collect::<StringViewArray>())))
}

fn without_nulls(node: Node<'_>) -> Node<'_> {
    let value = match node.value {
        Value::Object(members) => Value::Object(
            members
                .into_iter()
                .filter(|(_, node)| !matches!(node.value, Value::Null))
                .map(|(name, node)| (name, without_nulls(node)))
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.into_iter().map(without_nulls).collect()),
        other => other,
    };
    Node { value, ..node }
}

/// Whether all of `part` is found in `whole`. A list at the top may contain a single value.
fn contains(whole: &Value<'_>, part: &Value<'_>, is_top: bool) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            let whole = sorted(whole);
            sorted(part).into_iter().all(|(name, part)| {
                whole.iter().any(|(known, found)| *known == name && contains(&found.value, &part.value, false))
            })
        }
        (Value::Array(whole), Value::Array(part)) => {
            part.iter().all(|part| whole.iter().any(|found| contains(&found.value, &part.value, false)))
        }
        (Value::Array(whole), part) if is_top && !matches!(part, Value::Object(_)) => {
            whole.iter().any(|found| contains(&found.value, part, false))
        }
        (Value::Array(_), _) | (_, Value::Array(_)) => false,
        (whole, part) => write::canonical(whole) == write::canonical(part),
    }
}

/// Errors: 22023 for a scalar.
fn without_key<'a>(_: &Call, args: &[Datum<'a>]) -> Result<Datum<'a>, Error> {
    let key = args[1].text();
    let rest = match parsed(args[0].text())?.value {
        Value::Object(members) => Value::Object(members.into_iter().filter(|(name, _)| name != key).collect()),
        Value::Array(items) => {
            Value::Array(items.into_iter().filter(|item| item.value.as_text() != Some(key)).collect())
        }
        _ => return Err(message::json_delete_from_scalar()),
    };
    Ok(Datum::owned_text(write::canonical(&rest)))
}

fn without_place<'a>(_: &Call, args: &[Datum<'a>]) -> Result<Datum<'a>, Error> {
    let Value::Array(mut items) = parsed(args[0].text())?.value else {
        return Err(message::json_delete_by_place());
    };
    let place = args[1].int();
    let place = if place < 0 { place + items.len() as i64 } else { place };
    if let Some(place) = usize::try_from(place).ok().filter(|place| *place < items.len()) {
        items.remove(place);
    }
    Ok(Datum::owned_text(write::canonical(&Value::Array(items))))
}

fn push_pretty(out: &mut String, value: &Value<'_>, depth: usize) {
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.push_str(&"    ".repeat(depth));
    };
    match value {
        Value::Object(members) if !members.is_empty() => {
            out.push('{');
            for (at, (key, value)) in sorted(members).into_iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                line(out, depth + 1);
                write::push_quoted(out, key);
                out.push_str(": ");
                push_pretty(out, &value.value, depth + 1);
            }
            line(out, depth);
            out.push('}');
        }
        Value::Array(items) if !items.is_empty() => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                line(out, depth + 1);
                push_pretty(out, &item.value, depth + 1);
            }
            line(out, depth);
            out.push(']');
        }
        Value::Object(_) => out.push_str("{\n}"),
        Value::Array(_) => out.push_str("[\n]"),
        other => out.push_str(&write::canonical(other)),
    }
}
