//! Identifiers of receipts, by which files that come later refer to them.

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::{DataType, Int64Type};
use hashbrown::HashSet;
use twox_hash::XxHash3_64;

use super::builder::Unfit;

/// A `bigint` itself, or the hash of a text.
pub type Key = u128;

/// Makes keys. Texts are told apart by 128 bits with a seed of the index's own, so that nobody can make two that are alike.
#[derive(Debug, Clone, Copy)]
pub struct Keys {
    pub is_text: bool,
    pub seed: u64,
}

impl Keys {
    pub fn new(data_type: &DataType, seed: u64) -> Self {
        Self { is_text: *data_type == DataType::Utf8View, seed }
    }

    /// The keys of a column; `None` for NULL.
    pub fn of(self, ids: &ArrayRef) -> Result<Vec<Option<Key>>, Unfit> {
        if self.is_text {
            let ids = ids.as_string_view_opt().ok_or_else(|| Unfit::identifier(ids))?;
            Ok(ids.iter().map(|id| id.map(|id| self.of_text(id))).collect())
        } else {
            let ids = ids.as_primitive_opt::<Int64Type>().ok_or_else(|| Unfit::identifier(ids))?;
            Ok(ids.iter().map(|id| id.map(Self::of_number)).collect())
        }
    }

    pub fn of_number(id: i64) -> Key {
        Key::from(id.cast_unsigned())
    }

    pub fn of_text(self, id: &str) -> Key {
        let half = |seed: u64| Key::from(XxHash3_64::oneshot_with_seed(seed, id.as_bytes()));
        half(self.seed) << 64 | half(!self.seed)
    }

    pub fn none(self) -> Ids {
        if self.is_text { Ids::Texts(Vec::new()) } else { Ids::Numbers(Vec::new()) }
    }
}

/// Keys in a column.
#[derive(Debug, Clone)]
pub enum Ids {
    Numbers(Vec<i64>),
    Texts(Vec<Key>),
}

impl Ids {
    pub fn push(&mut self, key: Key) {
        match self {
            // What is longer than 64 bits is the key of a text; of one relation all are of one kind.
            Self::Numbers(ids) => ids.push((key as u64).cast_signed()),
            Self::Texts(ids) => ids.push(key),
        }
    }

    pub fn len(&self) -> usize {
        match self {
            Self::Numbers(ids) => ids.len(),
            Self::Texts(ids) => ids.len(),
        }
    }

    pub fn iter(&self) -> Box<dyn Iterator<Item = Key> + '_> {
        match self {
            Self::Numbers(ids) => Box::new(ids.iter().copied().map(Keys::of_number)),
            Self::Texts(ids) => Box::new(ids.iter().copied()),
        }
    }

    pub fn extend(&mut self, others: &Self) {
        others.iter().for_each(|key| self.push(key));
    }

    /// Those of these rows, in this order.
    pub fn taken(&self, rows: &[u32]) -> Self {
        match self {
            Self::Numbers(ids) => Self::Numbers(rows.iter().map(|row| ids[*row as usize]).collect()),
            Self::Texts(ids) => Self::Texts(rows.iter().map(|row| ids[*row as usize]).collect()),
        }
    }

    /// Tells of each key that is wanted in which row it stands.
    pub fn look_up(&self, wanted: &Wanted, mut found: impl FnMut(Key, usize)) {
        if wanted.may_be_in(self) {
            for (row, key) in self.iter().enumerate().filter(|(_, key)| wanted.keys.contains(key)) {
                found(key, row);
            }
        }
    }

    pub fn bytes(&self) -> usize {
        match self {
            Self::Numbers(ids) => ids.len() * 8,
            Self::Texts(ids) => ids.len() * 16,
        }
    }
}

/// Keys that are looked for.
pub struct Wanted {
    keys: HashSet<Key>,
    /// Of numbers, in order.
    numbers: Vec<i64>,
}

impl Wanted {
    pub fn new(keys: impl IntoIterator<Item = Key>, of: Keys) -> Self {
        let keys: HashSet<Key> = keys.into_iter().collect();
        let mut numbers: Vec<i64> = Vec::new();
        if !of.is_text {
            numbers.extend(keys.iter().map(|key| (*key as u64).cast_signed()));
            numbers.sort_unstable();
        }
        Self { keys, numbers }
    }

    /// Numbers mostly grow with time, so that of most of a long history nothing is looked up.
    fn may_be_in(&self, ids: &Ids) -> bool {
        match ids {
            Ids::Texts(_) => !self.keys.is_empty(),
            Ids::Numbers(ids) => {
                let (Some(least), Some(most)) = (ids.iter().min(), ids.iter().max()) else { return false };
                let next = self.numbers.partition_point(|number| number < least);
                self.numbers.get(next).is_some_and(|number| number <= most)
            }
        }
    }
}
