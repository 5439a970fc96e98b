//! `json` and `jsonb`: values made, taken apart and compared as PostgreSQL does.
//!
//! Both are text to the engine; fields tell them apart (`pg_type::told`). A `json` keeps its text as it was written; a
//! `jsonb` is held in the one form in which PostgreSQL prints it ([`write`]), so that equal values are equal texts.
//! `dialect/aggregate.rs` spells the aggregates with the functions that begin with `json:` and `jsonb:`.

mod make;
mod read;
mod take;
mod write;

use self::read::parsed;
use super::overload::Overloaded;
use crate::error::Error;

pub const FUNCTIONS: &[&[Overloaded]] = &[make::FUNCTIONS, take::FUNCTIONS];

/// The two types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Json,
    Jsonb,
}

impl Kind {
    /// By the name that a field was told apart by.
    pub fn named(name: Option<&str>) -> Option<Self> {
        match name {
            Some("json") => Some(Self::Json),
            Some("jsonb") => Some(Self::Jsonb),
            _ => None,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Jsonb => "jsonb",
        }
    }

    /// Reads a text, and keeps it as this type does. Errors: 22P02.
    fn kept(self, text: &str) -> Result<String, Error> {
        let value = parsed(text)?;
        Ok(match self {
            Self::Json => text.to_owned(),
            Self::Jsonb => write::canonical(&value.value),
        })
    }
}
