//! What refers to receipts that no file has brought yet.

use super::columns::Lines;
use super::ids::{Ids, Key, Keys};

/// More than this is no delay but another kind of history.
const MOST: usize = 1 << 22;

#[derive(Debug, Clone)]
pub struct Pending {
    /// Lines, and the receipts that they belong to: they count once those are there.
    pub line_receipts: Ids,
    pub lines: Lines,
    /// Receipts that refunds name: once one is there, its refunds stand elsewhere.
    pub refunded: Ids,
    /// There were too many to keep.
    pub is_full: bool,
}

impl Pending {
    pub fn new(keys: Keys) -> Self {
        Self { line_receipts: keys.none(), lines: Lines::default(), refunded: keys.none(), is_full: false }
    }

    pub fn add_line(&mut self, receipt: Key, (product, quantity, amount): (u32, i32, i64)) {
        if self.has_room() {
            self.line_receipts.push(receipt);
            self.lines.push(product, quantity, amount);
        }
    }

    pub fn add_refund(&mut self, of: Key) {
        if self.has_room() {
            self.refunded.push(of);
        }
    }

    fn has_room(&mut self) -> bool {
        self.is_full |= self.line_receipts.len().max(self.refunded.len()) >= MOST;
        !self.is_full
    }

    pub fn bytes(&self) -> usize {
        self.line_receipts.bytes() + self.refunded.bytes() + self.lines.bytes()
    }
}
