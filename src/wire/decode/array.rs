//! Arrays of one dimension.

use datafusion::scalar::ScalarValue;

use super::{Source, arrow_type, null, number, trim};
use crate::error::{Result, message};
use crate::pg_type::PgType;

/// `{1,2,NULL,"a b"}`.
pub(super) fn from_text(source: Source, item: PgType, text: &str) -> Result<ScalarValue> {
    let items = split(text)?;
    let values = items.into_iter().map(|written| match written {
        Some(written) => source.read_text(item, &written),
        None => null(item),
    });
    collect(item, values.collect::<Result<_>>()?)
}

/// Dimensions, null flag, item type; length and lower bound; items.
pub(super) fn from_binary(source: Source, item: PgType, bytes: &[u8]) -> Result<ScalarValue> {
    let malformed = || message::invalid_binary(source.number);
    let mut rest = bytes;
    let mut take = |length: usize| -> Result<&[u8]> {
        let (taken, behind) = rest.split_at_checked(length).ok_or_else(malformed)?;
        rest = behind;
        Ok(taken)
    };
    let mut word = || Result::<i32>::Ok(i32::from_be_bytes(source.fixed(take(4)?)?));
    let (dimensions, _any_null, item_oid) = (word()?, word()?, word()?);
    if item_oid as u32 != item.oid {
        return Err(malformed());
    }
    let length = match dimensions {
        0 => 0,
        1 => {
            let length = word()?;
            let _lower_bound = word()?;
            length
        }
        2..=6 => return Err(message::nested_array_parameter()),
        _ => return Err(malformed()),
    };
    let mut values = Vec::new();
    for _ in 0..length {
        let item_length = i32::from_be_bytes(source.fixed(take(4)?)?);
        values.push(match usize::try_from(item_length) {
            Ok(item_length) => source.read_binary(item, take(item_length)?)?,
            Err(_) if item_length == -1 => null(item)?,
            Err(_) => return Err(malformed()),
        });
    }
    if !rest.is_empty() || length < 0 {
        return Err(malformed());
    }
    collect(item, values)
}

fn collect(item: PgType, mut values: Vec<ScalarValue>) -> Result<ScalarValue> {
    let mut data_type = arrow_type(item)?;
    if values.iter().any(|value| matches!(value, ScalarValue::Decimal128(Some(_), ..))) {
        number::unify(&mut values)?;
        data_type = values.first().map_or(data_type, ScalarValue::data_type);
    }
    Ok(ScalarValue::List(ScalarValue::new_list(&values, &data_type, true)))
}

/// The items of an array literal, unquoted; `None` for NULL.
fn split(text: &str) -> Result<Vec<Option<String>>> {
    let malformed = || message::malformed_array(text);
    let inner = trim(text).strip_prefix('{').ok_or_else(malformed)?;
    let mut characters = inner.chars().peekable();
    let mut items = Vec::new();
    let mut any = false;
    loop {
        while characters.next_if(|character| is_space(*character)).is_some() {}
        if !any && characters.next_if_eq(&'}').is_some() {
            break;
        }
        any = true;
        let mut written = String::new();
        // Up to here a bare item is written out; spaces behind it do not belong to it.
        let mut solid = 0;
        let quoted = characters.next_if_eq(&'"').is_some();
        let closed = loop {
            match characters.next().ok_or_else(malformed)? {
                '\\' => {
                    written.push(characters.next().ok_or_else(malformed)?);
                    solid = written.len();
                }
                '"' if quoted => break None,
                character if quoted => written.push(character),
                '{' => return Err(message::nested_array_parameter()),
                '"' => return Err(malformed()),
                separator @ (',' | '}') => break Some(separator),
                character => {
                    written.push(character);
                    if !is_space(character) {
                        solid = written.len();
                    }
                }
            }
        };
        let separator = match closed {
            Some(separator) => {
                written.truncate(solid);
                if written.is_empty() {
                    return Err(malformed());
                }
                separator
            }
            None => {
                while characters.next_if(|character| is_space(*character)).is_some() {}
                characters.next().ok_or_else(malformed)?
            }
        };
        let is_null = !quoted && written.eq_ignore_ascii_case("null");
        items.push((!is_null).then_some(written));
        match separator {
            ',' => {}
            '}' => break,
            _ => return Err(malformed()),
        }
    }
    if characters.all(is_space) { Ok(items) } else { Err(malformed()) }
}

fn is_space(character: char) -> bool {
    character.is_ascii_whitespace() || character == '\u{b}'
}
