//! Identifiers and their dense numbers, in the order in which they were met.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, StringViewArray};
use arrow::datatypes::{DataType, Int64Type};
use hashbrown::HashMap;

use super::builder::Unfit;
use super::columns::NO_NUMBER;

/// Identifiers are `bigint` or `text`, all of a kind the same.
#[derive(Debug, Clone)]
pub enum Interner {
    Numbers(HashMap<i64, u32>),
    Texts(HashMap<Box<str>, u32>),
}

impl Interner {
    /// Of identifiers of this type.
    pub fn new(data_type: &DataType) -> Result<Self, Unfit> {
        match data_type {
            DataType::Int64 => Ok(Self::Numbers(HashMap::new())),
            DataType::Utf8View => Ok(Self::Texts(HashMap::new())),
            other => Err(Unfit::Type { column: "an identifier", data_type: other.clone() }),
        }
    }

    pub fn len(&self) -> usize {
        match self {
            Self::Numbers(known) => known.len(),
            Self::Texts(known) => known.len(),
        }
    }

    /// The numbers of a column, new ones for what was not met before; [`NO_NUMBER`] for NULL.
    pub fn intern(&mut self, ids: &ArrayRef) -> Result<Vec<u32>, Unfit> {
        let numbers = match self {
            Self::Numbers(known) => {
                let ids = ids.as_primitive_opt::<Int64Type>().ok_or_else(|| Unfit::identifier(ids))?;
                let mut number = |id: i64| {
                    let next = known.len();
                    *known.entry(id).or_insert(narrow(next))
                };
                ids.iter().map(|id| id.map_or(NO_NUMBER, &mut number)).collect()
            }
            Self::Texts(known) => {
                let ids = ids.as_string_view_opt().ok_or_else(|| Unfit::identifier(ids))?;
                let mut number = |id: &str| match known.get(id) {
                    Some(number) => *number,
                    None => {
                        let next = narrow(known.len());
                        known.insert(id.into(), next);
                        next
                    }
                };
                ids.iter().map(|id| id.map_or(NO_NUMBER, &mut number)).collect()
            }
        };
        if self.len() >= NO_NUMBER as usize { Err(Unfit::TooMany("identifiers")) } else { Ok(numbers) }
    }

    /// The numbers of a column; [`NO_NUMBER`] for NULL and for what was never met.
    pub fn numbers(&self, ids: &ArrayRef) -> Result<Vec<u32>, Unfit> {
        Ok(match self {
            Self::Numbers(known) => {
                let ids = ids.as_primitive_opt::<Int64Type>().ok_or_else(|| Unfit::identifier(ids))?;
                ids.iter().map(|id| id.and_then(|id| known.get(&id)).copied().unwrap_or(NO_NUMBER)).collect()
            }
            Self::Texts(known) => {
                let ids = ids.as_string_view_opt().ok_or_else(|| Unfit::identifier(ids))?;
                ids.iter().map(|id| id.and_then(|id| known.get(id)).copied().unwrap_or(NO_NUMBER)).collect()
            }
        })
    }

    pub fn of_number(&self, id: i64) -> Option<u32> {
        match self {
            Self::Numbers(known) => known.get(&id).copied(),
            Self::Texts(_) => None,
        }
    }

    pub fn of_text(&self, id: &str) -> Option<u32> {
        match self {
            Self::Numbers(_) => None,
            Self::Texts(known) => known.get(id).copied(),
        }
    }

    /// The identifiers in the order of their numbers.
    pub fn ids(&self) -> ArrayRef {
        match self {
            Self::Numbers(known) => {
                let mut ids = vec![0_i64; known.len()];
                for (id, number) in known {
                    ids[*number as usize] = *id;
                }
                Arc::new(Int64Array::from(ids))
            }
            Self::Texts(known) => {
                let mut ids = vec![""; known.len()];
                for (id, number) in known {
                    ids[*number as usize] = id;
                }
                Arc::new(StringViewArray::from_iter_values(ids))
            }
        }
    }

    /// Bytes that it holds, about.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Numbers(known) => known.allocation_size(),
            Self::Texts(known) => known.allocation_size() + known.keys().map(|id| id.len()).sum::<usize>(),
        }
    }
}

/// Saturates at what is no number; who interns looks whether that was reached.
fn narrow(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(NO_NUMBER)
}
