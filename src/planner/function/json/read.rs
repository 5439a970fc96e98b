//! The text of JSON, taken apart. Every value knows the text that it was written as.

use std::collections::BTreeMap;

use crate::error::{Error, message};

/// Lists and objects in one another.
const DEPTH_MAX: usize = 1_000;

#[derive(Debug, Clone)]
pub struct Node<'t> {
    pub text: &'t str,
    pub value: Value<'t>,
}

#[derive(Debug, Clone)]
pub enum Value<'t> {
    Null,
    Bool(bool),
    Number(&'t str),
    Text(String),
    Array(Vec<Node<'t>>),
    /// In the order in which the members are written; of two with one name, both.
    Object(Vec<(String, Node<'t>)>),
}

impl<'t> Value<'t> {
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// The members of a `jsonb`: the last of those with one name, shorter names first.
pub fn sorted<'m, 't>(members: &'m [(String, Node<'t>)]) -> Vec<(&'m str, &'m Node<'t>)> {
    let sorted: BTreeMap<(usize, &str), &Node<'t>> =
        members.iter().map(|(name, value)| ((name.len(), name.as_str()), value)).collect();
    sorted.into_iter().map(|((_, name), value)| (name, value)).collect()
}

/// Errors: 22P02 for a text that is no JSON, 54001 for one that is too deep.
pub fn parsed(text: &str) -> Result<Node<'_>, Error> {
    let mut reader = Reader { text, at: 0 };
    let node = reader.node(0)?;
    reader.skip_space();
    if reader.at < text.len() { Err(reader.unexpected()) } else { Ok(node) }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn skip_space(&mut self) {
        self.at += self.rest().bytes().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
    }

    fn takes(&mut self, char: char) -> bool {
        self.skip_space();
        let is_next = self.rest().starts_with(char);
        self.at += usize::from(is_next);
        is_next
    }

    fn unexpected(&self) -> Error {
        let word: String = self.rest().chars().take_while(|char| char.is_alphanumeric()).collect();
        let found = if word.is_empty() { self.rest().chars().take(1).collect() } else { word };
        message::json_invalid(&found)
    }

    fn node(&mut self, depth: usize) -> Result<Node<'t>, Error> {
        if depth > DEPTH_MAX {
            return Err(message::too_deep("JSON values", DEPTH_MAX));
        }
        self.skip_space();
        let start = self.at;
        let value = match self.rest().chars().next() {
            Some('{') => self.object(depth)?,
            Some('[') => self.array(depth)?,
            Some('"') => Value::Text(self.string()?),
            Some('-' | '0'..='9') => self.number()?,
            _ => self.word()?,
        };
        Ok(Node { text: &self.text[start..self.at], value })
    }

    fn object(&mut self, depth: usize) -> Result<Value<'t>, Error> {
        self.at += 1;
        let mut members = Vec::new();
        if self.takes('}') {
            return Ok(Value::Object(members));
        }
        loop {
            self.skip_space();
            if !self.rest().starts_with('"') {
                return Err(self.unexpected());
            }
            let name = self.string()?;
            if !self.takes(':') {
                return Err(self.unexpected());
            }
            members.push((name, self.node(depth + 1)?));
            if self.takes('}') {
                return Ok(Value::Object(members));
            }
            if !self.takes(',') {
                return Err(self.unexpected());
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value<'t>, Error> {
        self.at += 1;
        let mut items = Vec::new();
        if self.takes(']') {
            return Ok(Value::Array(items));
        }
        loop {
            items.push(self.node(depth + 1)?);
            if self.takes(']') {
                return Ok(Value::Array(items));
            }
            if !self.takes(',') {
                return Err(self.unexpected());
            }
        }
    }

    fn word(&mut self) -> Result<Value<'t>, Error> {
        let length = self.rest().bytes().take_while(u8::is_ascii_alphanumeric).count();
        let value = match &self.rest()[..length] {
            "null" => Value::Null,
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            _ => return Err(self.unexpected()),
        };
        self.at += length;
        Ok(value)
    }

    fn number(&mut self) -> Result<Value<'t>, Error> {
        let start = self.at;
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        self.at += usize::from(self.rest().starts_with('-'));
        let whole = digits(self.rest());
        if whole == 0 || (whole > 1 && self.rest().starts_with('0')) {
            self.at = start;
            return Err(self.unexpected());
        }
        self.at += whole;
        if let Some(rest) = self.rest().strip_prefix('.') {
            let fraction = digits(rest);
            if fraction == 0 {
                return Err(self.unexpected());
            }
            self.at += 1 + fraction;
        }
        if let Some(rest) = self.rest().strip_prefix(['e', 'E']) {
            let sign = usize::from(rest.starts_with(['+', '-']));
            let exponent = digits(&rest[sign..]);
            if exponent == 0 {
                return Err(self.unexpected());
            }
            self.at += 1 + sign + exponent;
        }
        if self.rest().starts_with(|char: char| char.is_alphanumeric()) {
            self.at = start;
            return Err(self.unexpected());
        }
        Ok(Value::Number(&self.text[start..self.at]))
    }

    fn string(&mut self) -> Result<String, Error> {
        let start = self.at;
        self.at += 1;
        let mut out = String::new();
        loop {
            let Some(char) = self.rest().chars().next() else {
                self.at = start;
                return Err(self.unexpected());
            };
            self.at += char.len_utf8();
            match char {
                '"' => return Ok(out),
                '\\' => out.push(self.escape()?),
                char if char < ' ' => return Err(message::json_control(char)),
                char => out.push(char),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Error> {
        let invalid = |reader: &Self| message::json_escape(reader.rest().chars().next());
        let char = self.rest().chars().next().ok_or_else(|| invalid(self))?;
        self.at += char.len_utf8();
        Ok(match char {
            '"' | '\\' | '/' => char,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let high = self.unit().ok_or_else(|| invalid(self))?;
                // Two halves make a character beyond the first plane.
                let code = match high {
                    0xd800..=0xdbff => {
                        let low = self.rest().starts_with("\\u").then(|| {
                            self.at += 2;
                            self.unit()
                        });
                        let low = low.flatten().filter(|low| (0xdc00..=0xdfff).contains(low));
                        let low = low.ok_or_else(|| invalid(self))?;
                        0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00)
                    }
                    code => code,
                };
                char::from_u32(code).filter(|char| *char != '\0').ok_or_else(|| invalid(self))?
            }
            _ => return Err(message::json_escape(Some(char))),
        })
    }

    fn unit(&mut self) -> Option<u32> {
        let digits = self.rest().get(..4).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
        self.at += 4;
        u32::from_str_radix(digits, 16).ok()
    }
}
