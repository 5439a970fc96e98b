//! Functions that quote, and functions on lists that PostgreSQL's own queries need.

use super::Takes::{Any, Int, List, Text};
use super::{Spec, lenient, strict};
use crate::catalog::system::SystemContext;
use crate::catalog::system::value::Value;
use crate::error::Result;
use crate::ident::quote;

pub(super) const FUNCTIONS: &[Spec] = &[
    strict("quote_ident", &[&[Text]], "text", |_, args| Ok(args[0].text().map(quote).into())),
    strict("quote_literal", &[&[Any]], "text", quote_literal),
    lenient("quote_nullable", &[&[Any]], "text", |context, args| match &args[0] {
        Value::Null => Ok("NULL".into()),
        _ => quote_literal(context, args),
    }),
    strict("array_upper", &[&[List, Int]], "int4", array_upper),
    strict("array_lower", &[&[List, Int]], "int4", array_lower),
    // What `ARRAY(SELECT …)` gives when the query has no rows.
    lenient("array_or_empty", &[&[List]], "", |_, args| match &args[0] {
        Value::Null => Ok(Value::List(Vec::new())),
        list => Ok(list.clone()),
    }),
    // A list as PostgreSQL writes it, so that it can be compared with a literal such as '{0}'; text as it is.
    strict("array_text", &[&[Any]], "text", |_, args| Ok(written(&args[0]).into())),
];

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
        Value::Date(date) => date.to_string(),
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
