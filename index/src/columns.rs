//! The columns of the index. A number that stands for "none" is named; there are no bitmaps of NULLs.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::DataType;

use super::ids::Keys;
use super::interner::Interner;
use super::pending::Pending;
use super::piece::Piece;

/// No receipt, member or product.
pub const NO_NUMBER: u32 = u32::MAX;
/// No store or channel.
pub const NO_CODE: u16 = u16::MAX;
pub const NO_DAY: i32 = i32::MIN;
pub const NO_SECOND: u32 = u32::MAX;
pub const NO_WEEKDAY: u8 = 0;
pub const NO_AMOUNT: i64 = i64::MIN;
pub const NO_QUANTITY: i32 = i32::MIN;

/// When and where: a row each for receipts, and for refunds.
#[derive(Debug)]
pub struct Attributes<Day> {
    /// Business date: in days since 1970-01-01, or since the first day of the month.
    pub day: Vec<Day>,
    /// Of the business date: a bit, Monday's the second lowest; none of no date.
    pub weekday: Vec<u8>,
    /// Local time in whole seconds from midnight.
    pub second: Vec<u32>,
    pub store: Vec<u16>,
    pub channel: Vec<u16>,
}

impl<Day> Default for Attributes<Day> {
    fn default() -> Self {
        Self { day: Vec::new(), weekday: Vec::new(), second: Vec::new(), store: Vec::new(), channel: Vec::new() }
    }
}

/// Completed receipts of members, those of a member together and by day.
#[derive(Debug, Default)]
pub struct Receipts {
    pub member: Vec<u32>,
    /// Days count from the first of the piece's month; where receipts have no date, all are 0.
    pub at: Attributes<u8>,
    pub flags: Vec<u8>,
    /// Gross, for the least amount that a filter wants; nothing is 0.
    pub total: Vec<i64>,
    /// What all its lines add up to; of a receipt whose lines are unknown, its own amount.
    pub amount: Vec<i64>,
    /// Where a receipt's lines begin; one more at the end.
    pub lines_of: Vec<u32>,
    pub lines: Lines,
}

/// It counts as a purchase: one of its lines is more than nothing, or they are unknown.
pub const IS_PURCHASE: u8 = 1;
/// A refund names it.
pub const HAS_REFUNDS: u8 = 2;
/// No refund names it, and of each of its lines more than nothing was bought: whatever stands on it was bought.
pub const IS_PLAIN: u8 = 4;

#[derive(Debug, Clone, Default)]
pub struct Lines {
    pub product: Vec<u32>,
    pub quantity: Vec<i32>,
    pub amount: Vec<i64>,
}

/// Receipts that are neither completed nor voided, in place of the purchase that they belong to; by member.
#[derive(Debug, Default)]
pub struct Refunds {
    pub member: Vec<u32>,
    /// Those of the purchase, where it is known and knows them.
    pub at: Attributes<i32>,
    /// Its own business date, from which on it exists.
    pub own_day: Vec<i32>,
    /// The member's receipt that it refunds, of the same piece; [`NO_NUMBER`] when it is nobody's or none.
    pub receipt: Vec<u32>,
    pub flags: Vec<u8>,
    /// The total of the completed receipt that it names.
    pub total: Vec<i64>,
    /// Signed, as are its lines.
    pub amount: Vec<i64>,
    pub lines_of: Vec<u32>,
    pub lines: Lines,
}

/// It names a completed receipt that counts as a purchase.
pub const IS_OF_PURCHASE: u8 = 1;
/// It names a completed receipt.
pub const IS_LINKED: u8 = 4;
/// It is a refund, and no other kind of receipt: whatever stands on it was taken back.
pub const IS_REFUND: u8 = 2;

/// Which receipts a product is on, in their order.
#[derive(Debug, Default)]
pub struct Postings {
    /// Where a product's receipts begin; one more at the end.
    pub of_product: Vec<u32>,
    pub receipt: Vec<u32>,
}

impl Postings {
    /// The receipts of a product within a range of receipts, of which there are `all`.
    pub fn within(&self, product: u32, range: &Range<usize>, all: usize) -> &[u32] {
        let list = self.list(product);
        &list[place(list, range.start, all)..place(list, range.end, all)]
    }

    /// The same, one after the other: where the range ends is not looked for.
    pub fn from(&self, product: u32, range: &Range<usize>, all: usize) -> impl Iterator<Item = usize> {
        let list = self.list(product);
        let receipts = list[place(list, range.start, all)..].iter().map(|receipt| *receipt as usize);
        receipts.take_while(|receipt| *receipt < range.end)
    }

    /// About how many of `all` receipts within a range are a product's, if it was bought evenly.
    pub fn about(&self, product: u32, range: &Range<usize>, all: usize) -> usize {
        self.list(product).len() * range.len() / all.max(1)
    }

    /// All of a product's; it may be newer than all of these.
    fn list(&self, product: u32) -> &[u32] {
        let product = product as usize;
        if product + 1 < self.of_product.len() { &self.receipt[rows_of(&self.of_product, product)] } else { &[] }
    }
}

/// Where in a list the first receipt stands that is not before this one. Lists go evenly over all receipts, more or less,
/// so the search begins where it would stand then, and takes steps that double.
fn place(list: &[u32], receipt: usize, all: usize) -> usize {
    let is_before = |at: usize| list.get(at).is_some_and(|found| (*found as usize) < receipt);
    let guess = (list.len() * receipt / all.max(1)).min(list.len());
    let (mut low, mut high, mut step) = (guess, guess, 8);
    if is_before(guess) {
        while is_before(high) {
            low = high + 1;
            high += step;
            step *= 2;
        }
        high = high.min(list.len());
    } else {
        while low > 0 && !is_before(low - 1) {
            high = low - 1;
            low = low.saturating_sub(step);
            step *= 2;
        }
    }
    low + list[low..high].partition_point(|found| (*found as usize) < receipt)
}

/// The index of one state of a history; never changed.
#[derive(Debug)]
pub struct MemberIndex {
    pub(crate) members: Interner,
    pub(crate) member_ids: ArrayRef,
    /// Whether the relation of members has it, by its number.
    pub(crate) is_known: Vec<bool>,
    /// How many it has, if these are the first ones.
    pub(crate) known_first: Option<u32>,
    pub(crate) products: Interner,
    pub(crate) stores: Interner,
    pub(crate) channels: Interner,
    /// By month; first what has no date.
    pub(crate) pieces: Vec<Arc<Piece>>,
    pub(crate) pending: Pending,
    pub(crate) keys: Keys,
    pub(crate) amount_scale: i8,
}

impl MemberIndex {
    /// Of all members, in the order of their numbers.
    pub fn member_ids(&self) -> &ArrayRef {
        &self.member_ids
    }

    pub fn members(&self) -> u32 {
        narrow(self.member_ids.len())
    }

    /// Whether the relation of members has it; others are only named by receipts.
    pub fn is_known(&self, member: u32) -> bool {
        self.is_known[member as usize]
    }

    /// How many the relation of members has, if these are the first ones.
    pub fn known_first(&self) -> Option<u32> {
        self.known_first
    }

    pub fn member_of_number(&self, id: i64) -> Option<u32> {
        self.members.of_number(id)
    }

    pub fn member_of_text(&self, id: &str) -> Option<u32> {
        self.members.of_text(id)
    }

    /// The numbers of members; `None` for those without one.
    pub fn numbers_of(&self, ids: &ArrayRef) -> Option<Vec<Option<u32>>> {
        let numbers = self.members.numbers(ids).ok()?;
        Some(numbers.into_iter().map(|number| (number != NO_NUMBER).then_some(number)).collect())
    }

    pub fn member_type(&self) -> &DataType {
        self.member_ids.data_type()
    }

    pub fn pieces(&self) -> &[Arc<Piece>] {
        &self.pieces
    }

    /// Whether it may be asked about an earlier day.
    pub fn knows_earlier_days(&self) -> bool {
        !self.pieces.iter().any(|piece| piece.has_early_refunds)
    }

    /// Whether every receipt is completed, so that nobody needs to say that only those are meant.
    pub fn has_only_completed(&self) -> bool {
        self.pieces.iter().all(|piece| piece.refunds.member.is_empty() && piece.ids.ignored.len() == 0)
    }

    pub fn amount_scale(&self) -> i8 {
        self.amount_scale
    }

    /// All members in so many ranges, with about as many receipts in each.
    pub fn ranges(&self, count: usize) -> Vec<Range<u32>> {
        let members = self.members();
        let before = |member: u32| self.pieces.iter().map(|piece| piece.first_row(member)).sum::<usize>();
        let all = before(members);
        let mut from = 0;
        let mut ranges = Vec::with_capacity(count);
        for part in 1..=count.max(1) {
            let (mut low, mut high) = (from, members);
            while part < count && low < high {
                let middle = low + (high - low) / 2;
                if before(middle) < all / count * part { low = middle + 1 } else { high = middle }
            }
            let to = if part < count { low } else { members };
            ranges.push(from..to);
            from = to;
        }
        ranges
    }

    /// Bytes that it holds in memory beside its pieces, about.
    pub fn bytes_of_names(&self) -> usize {
        let interners = [&self.members, &self.products, &self.stores, &self.channels];
        self.member_ids.get_array_memory_size()
            + self.is_known.len()
            + self.pending.bytes()
            + interners.into_iter().map(Interner::bytes).sum::<usize>()
    }

    /// Bytes that it holds in memory, about.
    pub fn bytes(&self) -> usize {
        self.bytes_of_names() + self.pieces.iter().map(|piece| piece.bytes()).sum::<usize>()
    }
}

/// How many are known, if these are the first ones.
pub fn known_first(is_known: &[bool]) -> Option<u32> {
    let first = is_known.iter().take_while(|is_known| **is_known).count();
    is_known[first..].iter().all(|is_known| !is_known).then_some(narrow(first))
}

/// Numbers were bounded when the index was built.
pub fn narrow(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(NO_NUMBER)
}

/// The rows that belong to something, by where each one's begin.
pub fn rows_of(starts: &[u32], number: usize) -> Range<usize> {
    starts[number] as usize..starts[number + 1] as usize
}
