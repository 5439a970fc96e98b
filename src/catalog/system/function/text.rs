//! Functions that quote, and functions on lists that PostgreSQL's own queries need.

use super::Takes::{Any, Int, List, Text};
use super::{Spec, lenient, strict};
use crate::catalog::system::SystemContext;
use crate::catalog::system::value::Value;
use crate::error::{Result, message};
use crate::ident::quote;

pub(super) const FUNCTIONS: &[Spec] = &[
    strict("quote_ident", &[&[Text]], "text", |_, args| Ok(args[0].text().map(quote).into())),
    strict("quote_literal", &[&[Any]], "text", quote_literal),
    lenient("quote_nullable", &[&[Any]], "text", |context, args| match &args[0] {
        Value::Null => Ok("NULL".into()),
        _ => quote_literal(context, args),
    }),
    lenient(
        "format",
        &[
            &[Text],
            &[Text, Any],
            &[Text, Any, Any],
            &[Text, Any, Any, Any],
            &[Text, Any, Any, Any, Any],
            &[Text, Any, Any, Any, Any, Any],
            &[Text, Any, Any, Any, Any, Any, Any],
        ],
        "text",
        format_text,
    ),
    strict("array_upper", &[&[List, Int]], "int4", array_upper),
    strict("array_lower", &[&[List, Int]], "int4", array_lower),
    strict("array_subscripts", &[&[List, Int]], "_int4", array_subscripts),
    strict("like_escape", &[&[Text, Text]], "text", like_escape),
    // What `ARRAY(SELECT …)` gives when the query has no rows.
    lenient("array_or_empty", &[&[List]], "", |_, args| match &args[0] {
        Value::Null => Ok(Value::List(Vec::new())),
        list => Ok(list.clone()),
    }),
    // A list as PostgreSQL writes it, so that it can be compared with a literal such as '{0}'; text as it is.
    strict("array_text", &[&[Any]], "text", |_, args| Ok(written(&args[0]).into())),
];

/// `%s` the value, `%I` as a name, `%L` as a literal, `%%` a percent sign; NULL is nothing, refused, NULL.
/// Widths and positions are not offered. SQLSTATE 22023 for anything else behind a percent sign and for a missing
/// argument.
fn format_text(context: &SystemContext, args: &[Value]) -> Result<Value> {
    let Some(pattern) = args[0].text() else { return Ok(Value::Null) };
    let mut values = args[1..].iter();
    let mut result = String::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            result.push(c);
            continue;
        }
        let kind = chars.next().ok_or_else(message::format_unfinished)?;
        if kind == '%' {
            result.push('%');
            continue;
        }
        let value = values.next().ok_or_else(message::format_arguments_missing)?;
        match (kind, value) {
            ('s', value) => result.push_str(&written(value)),
            ('I', Value::Null) => return Err(message::format_null_name()),
            ('I', value) => result.push_str(&quote(&written(value))),
            ('L', Value::Null) => result.push_str("NULL"),
            ('L', value) => {
                let quoted = quote_literal(context, std::slice::from_ref(value))?;
                result.push_str(quoted.text().unwrap_or_default());
            }
            (other, _) => return Err(message::format_specifier_unknown(other)),
        }
    }
    Ok(result.into())
}

/// Quotes are doubled; a backslash makes it an `E''` literal.
fn quote_literal(_context: &SystemContext, args: &[Value]) -> Result<Value> {
    let text = written(&args[0]);
    let doubled = text.replace('\'', "''");
    Ok(if doubled.contains('\\') {
        format!("E'{}'", doubled.replace('\\', "\\\\")).into()
    } else {
        format!("'{doubled}'").into()
    })
}

/// A value as PostgreSQL writes it out.
fn written(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(truth) => if *truth { "t" } else { "f" }.to_owned(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Text(text) => text.to_string(),
        Value::Instant(instant) => instant.to_rfc3339(),
        Value::Seconds(seconds) => format!("{seconds} seconds"),
        Value::List(items) => {
            let items: Vec<String> = items.iter().map(written_item).collect();
            format!("{{{}}}", items.join(","))
        }
    }
}

fn written_item(item: &Value) -> String {
    let Value::Text(text) = item else {
        return if item.is_null() { "NULL".to_owned() } else { written(item) };
    };
    let special = |c: char| c.is_whitespace() || matches!(c, '{' | '}' | ',' | '"' | '\\');
    if text.is_empty() || text.eq_ignore_ascii_case("null") || text.contains(special) {
        return format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    }
    text.to_string()
}

/// NULL for an empty list and for a dimension that a list does not have.
fn array_upper(_context: &SystemContext, args: &[Value]) -> Result<Value> {
    Ok(match (&args[0], args[1].int()) {
        (Value::List(items), Some(1)) if !items.is_empty() => Value::Int(items.len() as i64),
        _ => Value::Null,
    })
}

fn array_lower(_context: &SystemContext, args: &[Value]) -> Result<Value> {
    Ok(match (&args[0], args[1].int()) {
        (Value::List(items), Some(1)) if !items.is_empty() => Value::Int(1),
        _ => Value::Null,
    })
}

/// The places of a list's items, from 1: what `generate_subscripts` gives one by one.
fn array_subscripts(_context: &SystemContext, args: &[Value]) -> Result<Value> {
    Ok(match (&args[0], args[1].int()) {
        (Value::List(items), Some(1)) => Value::List((1..).take(items.len()).map(Value::Int).collect()),
        _ => Value::List(Vec::new()),
    })
}

/// The same pattern with a backslash as its escape character. SQLSTATE 22025 for more than one character of escape.
fn like_escape(_context: &SystemContext, args: &[Value]) -> Result<Value> {
    let pattern = args[0].text().unwrap_or_default();
    let mut escapes = args[1].text().unwrap_or_default().chars();
    let escape = escapes.next();
    if escapes.next().is_some() {
        return Err(message::escape_invalid());
    }
    if escape == Some('\\') {
        return Ok(pattern.to_owned().into());
    }
    let mut plain = String::with_capacity(pattern.len());
    let mut is_escaped = false;
    for c in pattern.chars() {
        if Some(c) == escape && !is_escaped {
            plain.push('\\');
            is_escaped = true;
            continue;
        }
        if c == '\\' && !is_escaped {
            plain.push('\\');
        }
        plain.push(c);
        is_escaped = false;
    }
    Ok(plain.into())
}
