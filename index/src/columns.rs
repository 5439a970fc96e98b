//! The columns of the index. A number that stands for "none" is named; there are no bitmaps of NULLs.

use std::ops::Range;

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::DataType;

use super::interner::Interner;

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
#[derive(Debug, Default)]
pub struct Attributes {
    /// Business date, in days since 1970-01-01.
    pub day: Vec<i32>,
    /// Of the business date: a bit, Monday's the second lowest; none of no date.
    pub weekday: Vec<u8>,
    /// Local time in whole seconds from midnight.
    pub second: Vec<u32>,
    pub store: Vec<u16>,
    pub channel: Vec<u16>,
}

/// Completed receipts of members, those of a member together and by day.
#[derive(Debug, Default)]
pub struct Receipts {
    /// Where a member's receipts begin; one more at the end.
    pub of_member: Vec<u32>,
    pub member: Vec<u32>,
    pub at: Attributes,
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

#[derive(Debug, Default)]
pub struct Lines {
    pub product: Vec<u32>,
    pub quantity: Vec<i32>,
    pub amount: Vec<i64>,
}

/// Receipts that are neither completed nor voided, in place of the purchase that they belong to.
#[derive(Debug, Default)]
pub struct Refunds {
    pub of_member: Vec<u32>,
    /// Those of the purchase, where it is known and knows them.
    pub at: Attributes,
    /// Its own business date, from which on it exists.
    pub own_day: Vec<i32>,
    /// The member's receipt that it refunds; [`NO_NUMBER`] when it is nobody's or none.
    pub receipt: Vec<u32>,
    /// Whether it names a completed receipt that counts as a purchase, and that receipt's total.
    pub is_of_purchase: Vec<bool>,
    pub total: Vec<i64>,
    /// Signed, as are its lines.
    pub amount: Vec<i64>,
    pub lines_of: Vec<u32>,
    pub lines: Lines,
}

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
        let list = &self.receipt[rows_of(&self.of_product, product as usize)];
        &list[place(list, range.start, all)..place(list, range.end, all)]
    }

    /// About how many of `all` receipts within a range are a product's, if it was bought evenly.
    pub fn about(&self, product: u32, range: &Range<usize>, all: usize) -> usize {
        rows_of(&self.of_product, product as usize).len() * range.len() / all.max(1)
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
    /// The first [`Self::known_members`] of them are those of the relation of members, then those that only receipts name.
    pub(crate) members: Interner,
    pub(crate) member_ids: ArrayRef,
    pub(crate) known_members: usize,
    pub(crate) products: Interner,
    pub(crate) stores: Interner,
    pub(crate) channels: Interner,
    pub(crate) receipts: Receipts,
    pub(crate) refunds: Refunds,
    pub(crate) postings: Postings,
    /// A refund exists before the purchase that it names does: as of a day between them it belongs elsewhere.
    pub(crate) has_early_refunds: bool,
    /// The first and the last business date of receipts; [`NO_DAY`] first when one has none.
    pub(crate) days: (i32, i32),
    /// No sum of amounts, of whichever receipts, is beyond 64 bits.
    pub(crate) sums_are_narrow: bool,
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

    /// How many of them the relation of members has: the first ones.
    pub fn known_members(&self) -> u32 {
        narrow(self.known_members)
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

    pub fn receipts(&self) -> usize {
        self.receipts.member.len() + self.refunds.own_day.len()
    }

    pub fn lines(&self) -> usize {
        self.receipts.lines.product.len() + self.refunds.lines.product.len()
    }

    /// Whether it may be asked about an earlier day.
    pub fn knows_earlier_days(&self) -> bool {
        !self.has_early_refunds
    }

    pub fn amount_scale(&self) -> i8 {
        self.amount_scale
    }

    /// All members in so many ranges, with about as many receipts in each.
    pub fn ranges(&self, count: usize) -> Vec<Range<u32>> {
        let (members, receipts) = (self.members(), self.receipts.member.len());
        let mut from = 0;
        let mut ranges = Vec::with_capacity(count);
        for part in 1..=count.max(1) {
            let to = if part >= count {
                members
            } else {
                let at = narrow(receipts / count * part);
                narrow(self.receipts.of_member.partition_point(|start| *start < at)).clamp(from, members)
            };
            ranges.push(from..to);
            from = to;
        }
        ranges
    }

    /// Bytes that it holds in memory, about.
    pub fn bytes(&self) -> usize {
        let at = |at: &Attributes| at.day.len() * (4 + 1 + 4 + 2 + 2);
        let lines = |lines: &Lines| lines.product.len() * (4 + 4 + 8);
        let receipts = &self.receipts;
        let refunds = &self.refunds;
        let interners = [&self.members, &self.products, &self.stores, &self.channels];
        receipts.of_member.len() * 4
            + receipts.member.len() * (4 + 1 + 8 + 8 + 4)
            + at(&receipts.at)
            + lines(&receipts.lines)
            + refunds.of_member.len() * 4
            + refunds.own_day.len() * (4 + 4 + 1 + 8 + 8 + 4)
            + at(&refunds.at)
            + lines(&refunds.lines)
            + (self.postings.of_product.len() + self.postings.receipt.len()) * 4
            + self.member_ids.get_array_memory_size()
            + interners.into_iter().map(Interner::bytes).sum::<usize>()
    }
}

/// Numbers were bounded when the index was built.
pub fn narrow(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(NO_NUMBER)
}

/// The rows that belong to something, by where each one's begin.
pub fn rows_of(starts: &[u32], number: usize) -> Range<usize> {
    starts[number] as usize..starts[number + 1] as usize
}
