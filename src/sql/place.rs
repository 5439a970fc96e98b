//! Lines and columns of the tokenizer ↔ bytes of the text ↔ character positions of the protocol.

use datafusion::sql::sqlparser::tokenizer::Location;

/// Where the lines of a text start.
pub struct Places<'a> {
    text: &'a str,
    line_starts: Vec<usize>,
}

impl<'a> Places<'a> {
    pub fn new(text: &'a str) -> Self {
        let line_starts = std::iter::once(0)
            .chain(text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(at, _)| at + 1))
            .collect();
        Self { text, line_starts }
    }

    /// Byte offset of a location (line and column count from 1, columns in characters).
    pub fn byte(&self, location: Location) -> usize {
        let Some(line) = usize::try_from(location.line).ok().and_then(|line| line.checked_sub(1)) else {
            return self.text.len();
        };
        let Some(&start) = self.line_starts.get(line) else {
            return self.text.len();
        };
        let column = usize::try_from(location.column).unwrap_or(usize::MAX).saturating_sub(1);
        self.text[start..].char_indices().nth(column).map_or(self.text.len(), |(at, _)| start + at)
    }

    /// The protocol's position: characters from 1.
    pub fn position(&self, location: Location) -> usize {
        self.position_of_byte(self.byte(location))
    }

    pub fn position_of_byte(&self, byte: usize) -> usize {
        self.text[..byte.min(self.text.len())].chars().count() + 1
    }

    /// The word, number, quoted text or sign that starts at a byte.
    pub fn word_at(&self, byte: usize) -> &'a str {
        let rest = self.text.get(byte..).unwrap_or_default();
        let Some(first) = rest.chars().next() else {
            return rest;
        };
        let length = if first == '\'' || first == '"' {
            rest[1..].find(first).map_or(rest.len(), |at| at + 2)
        } else if first.is_alphanumeric() || first == '_' {
            rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$')).unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        &rest[..length]
    }
}

/// Splits sqlparser's "… at Line: 1, Column: 5" from the complaint before it.
pub(super) fn trailing_location(text: &str) -> Option<(&str, Location)> {
    let (what, place) = text.rsplit_once(" at Line: ")?;
    let (line, column) = place.split_once(", Column: ")?;
    Some((what, Location { line: line.trim().parse().ok()?, column: column.trim().parse().ok()? }))
}
