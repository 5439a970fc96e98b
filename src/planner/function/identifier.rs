//! `parse_ident`: a name with its qualifiers, taken apart as PostgreSQL reads it.

use std::sync::Arc;

use arrow::array::StringViewArray;

use super::datum::Datum;
use super::overload::{Overloaded, Takes, form, strict, texts};
use crate::error::{Error, Result, message};

pub const FUNCTIONS: &[Overloaded] = &[strict(
    "parse_ident",
    &[
        form(&[Takes::Text], texts, |_, args| names(args[0].text(), true)),
        form(&[Takes::Text, Takes::Bool], texts, |_, args| {
            names(args[0].text(), !matches!(args[1], Datum::Bool(false)))
        }),
    ],
)];

fn names<'a>(text: &str, is_strict: bool) -> Result<Datum<'a>> {
    let names = parse(text, is_strict)?;
    Ok(Datum::List(Arc::new(names.iter().map(|name| Some(name.as_str())).collect::<StringViewArray>())))
}

/// `is_strict`: refuses what follows the name. Errors: 22023.
fn parse(text: &str, is_strict: bool) -> Result<Vec<String>> {
    let invalid = |why: Option<&str>| -> Error { message::identifier_invalid(text, why) };
    let mut names: Vec<String> = Vec::new();
    let mut rest = skip_space(text);
    loop {
        if let Some(quoted) = rest.strip_prefix('"') {
            let (name, tail) =
                quoted_name(quoted).ok_or_else(|| invalid(Some("String has unclosed double quotes.")))?;
            if name.is_empty() {
                return Err(invalid(Some("Quoted identifier must not be empty.")));
            }
            names.push(name);
            rest = tail;
        } else {
            let end = rest.find(|letter| !goes_on(letter)).unwrap_or(rest.len());
            if end == 0 || !rest.starts_with(begins) {
                return Err(invalid(match (rest.starts_with('.'), names.is_empty()) {
                    (true, _) => Some("No valid identifier before \".\"."),
                    (false, false) => Some("No valid identifier after \".\"."),
                    (false, true) => None,
                }));
            }
            // Only letters of ASCII have a small form to PostgreSQL in a database of UTF-8.
            names.push(rest[..end].to_ascii_lowercase());
            rest = &rest[end..];
        }
        rest = skip_space(rest);
        match rest.strip_prefix('.') {
            Some(more) => rest = skip_space(more),
            None if is_strict && !rest.is_empty() => return Err(invalid(None)),
            None => return Ok(names),
        }
    }
}

/// What stands up to the closing quote, and what follows it.
fn quoted_name(quoted: &str) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut rest = quoted;
    loop {
        let (part, tail) = rest.split_once('"')?;
        name.push_str(part);
        match tail.strip_prefix('"') {
            Some(more) => {
                name.push('"');
                rest = more;
            }
            None => return Some((name, tail)),
        }
    }
}

fn skip_space(text: &str) -> &str {
    text.trim_start_matches([' ', '\t', '\n', '\r', '\u{b}', '\u{c}'])
}

fn begins(letter: char) -> bool {
    letter.is_ascii_alphabetic() || letter == '_' || !letter.is_ascii()
}

fn goes_on(letter: char) -> bool {
    begins(letter) || letter.is_ascii_digit() || letter == '$'
}
