//! The rows of a piece while they come, and how a piece is made of them.
//!
//! A piece can be taken apart into a draft again, so that what a later file brings is added to it.

use std::sync::OnceLock;

use super::builder::Unfit;
use super::columns::{
    Attributes, HAS_REFUNDS, IS_LINKED, IS_OF_PURCHASE, IS_PLAIN, IS_PURCHASE, IS_REFUND, Lines, NO_AMOUNT, NO_CODE,
    NO_DAY, NO_NUMBER, NO_QUANTITY, NO_SECOND, NO_WEEKDAY, Postings, Receipts, Refunds, narrow, rows_of,
};
use super::ids::{Ids, Key, Keys};
use super::piece::{Piece, PieceIds, blocks_of, common, first_day};

/// Completed receipts in any order, and the refunds of a month.
#[derive(Debug)]
pub struct Draft {
    pub month: Option<i32>,
    /// [`NO_NUMBER`] of nobody's: only refunds ask for those.
    pub member: Vec<u32>,
    pub at: Attributes<i32>,
    /// What the receipt itself says.
    pub amount: Vec<i64>,
    pub ids: Ids,
    /// The row of each line's receipt.
    pub line_receipt: Vec<u32>,
    pub lines: Lines,
    pub refunds: Vec<DraftRefund>,
    /// Of an earlier draft: the receipts themselves are gone.
    pub nobodys: Ids,
    pub ignored: Ids,
    pub has_early_refunds: bool,
}

/// A receipt that is neither completed nor voided.
#[derive(Debug, Clone)]
pub struct DraftRefund {
    pub member: u32,
    /// Its own, or already those of its purchase.
    pub at: Place,
    pub own_day: i32,
    pub is_refund: bool,
    /// What the receipt itself says.
    pub amount: i64,
    pub id: Key,
    pub of: Of,
    pub lines: Lines,
}

/// When and where of one receipt.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    pub day: i32,
    pub weekday: u8,
    pub second: u32,
    pub store: u16,
    pub channel: u16,
}

/// The completed receipt that a refund names.
#[derive(Debug, Clone, Copy)]
pub enum Of {
    Nothing,
    /// A row of the draft.
    Receipt(u32),
    /// One of nobody's, which is gone.
    Nobodys {
        is_purchase: bool,
        total: i64,
    },
}

impl<Day: Copy> Attributes<Day> {
    fn taken(&self, rows: &[u32]) -> Self {
        fn take<T: Copy>(values: &[T], rows: &[u32]) -> Vec<T> {
            rows.iter().map(|row| values[*row as usize]).collect()
        }
        Self {
            day: take(&self.day, rows),
            weekday: take(&self.weekday, rows),
            second: take(&self.second, rows),
            store: take(&self.store, rows),
            channel: take(&self.channel, rows),
        }
    }
}

impl Attributes<i32> {
    pub fn get(&self, row: usize) -> Place {
        Place {
            day: self.day[row],
            weekday: self.weekday[row],
            second: self.second[row],
            store: self.store[row],
            channel: self.channel[row],
        }
    }

    pub fn push(&mut self, at: Place) {
        self.day.push(at.day);
        self.weekday.push(at.weekday);
        self.second.push(at.second);
        self.store.push(at.store);
        self.channel.push(at.channel);
    }
}

impl Place {
    /// The attributes of a refund: those of its purchase, its own where that has none. A channel that the purchase does
    /// not know is unknown.
    fn of_refund(own: Self, of: Option<Self>) -> Self {
        fn first<T: PartialEq>(of: T, own: T, none: T) -> T {
            if of == none { own } else { of }
        }
        let Some(of) = of else { return own };
        Self {
            day: first(of.day, own.day, NO_DAY),
            weekday: first(of.weekday, own.weekday, NO_WEEKDAY),
            second: first(of.second, own.second, NO_SECOND),
            store: first(of.store, own.store, NO_CODE),
            channel: of.channel,
        }
    }
}

impl Draft {
    pub fn new(month: Option<i32>, keys: Keys) -> Self {
        Self {
            month,
            member: Vec::new(),
            at: Attributes::default(),
            amount: Vec::new(),
            ids: keys.none(),
            line_receipt: Vec::new(),
            lines: Lines::default(),
            refunds: Vec::new(),
            nobodys: keys.none(),
            ignored: keys.none(),
            has_early_refunds: false,
        }
    }

    /// A piece's rows, in its order: the row of a receipt is its row in the piece, and so is that of a refund.
    pub fn of_piece(piece: &Piece, keys: Keys) -> Self {
        let (receipts, refunds) = (&piece.receipts, &piece.refunds);
        let count = receipts.member.len();
        let mut draft = Self::new(piece.month, keys);
        draft.member.clone_from(&receipts.member);
        draft.at = Attributes {
            day: (0..count).map(|row| piece.day(row)).collect(),
            weekday: receipts.at.weekday.clone(),
            second: receipts.at.second.clone(),
            store: receipts.at.store.clone(),
            channel: receipts.at.channel.clone(),
        };
        // Without lines the amount is the receipt's own; with lines it only ever matters as the total.
        let has_lines = |row: usize| !rows_of(&receipts.lines_of, row).is_empty();
        let own = |row: usize| if has_lines(row) { receipts.total[row] } else { receipts.amount[row] };
        draft.amount = (0..count).map(own).collect();
        draft.ids = piece.ids.receipts.clone();
        draft.line_receipt = vec![0; receipts.lines.product.len()];
        for row in 0..count {
            draft.line_receipt[rows_of(&receipts.lines_of, row)].fill(narrow(row));
        }
        draft.lines = receipts.lines.clone();
        for (row, id) in piece.ids.refunds.iter().enumerate() {
            let (flags, receipt) = (refunds.flags[row], refunds.receipt[row]);
            let of = match receipt {
                _ if flags & IS_LINKED == 0 => Of::Nothing,
                NO_NUMBER => Of::Nobodys { is_purchase: flags & IS_OF_PURCHASE != 0, total: refunds.total[row] },
                receipt => Of::Receipt(receipt),
            };
            let mut lines = Lines::default();
            rows_of(&refunds.lines_of, row).for_each(|line| {
                let (product, quantity, amount) = refunds.lines.get(line);
                lines.push(product, quantity, amount);
            });
            draft.refunds.push(DraftRefund {
                member: refunds.member[row],
                at: refunds.at.get(row),
                own_day: refunds.own_day[row],
                is_refund: flags & IS_REFUND != 0,
                amount: refunds.amount[row],
                id,
                of,
                lines,
            });
        }
        draft.nobodys = piece.ids.nobodys.clone();
        draft.ignored = piece.ids.ignored.clone();
        draft.has_early_refunds = piece.has_early_refunds;
        draft
    }

    /// The rows of another one behind its own.
    pub fn append(&mut self, other: Self) {
        let before = narrow(self.member.len());
        self.member.extend(other.member);
        self.at.day.extend(other.at.day);
        self.at.weekday.extend(other.at.weekday);
        self.at.second.extend(other.at.second);
        self.at.store.extend(other.at.store);
        self.at.channel.extend(other.at.channel);
        self.amount.extend(other.amount);
        self.ids.extend(&other.ids);
        self.line_receipt.extend(other.line_receipt.into_iter().map(|receipt| receipt + before));
        self.lines.product.extend(other.lines.product);
        self.lines.quantity.extend(other.lines.quantity);
        self.lines.amount.extend(other.lines.amount);
        self.refunds.extend(other.refunds.into_iter().map(|refund| {
            let of = match refund.of {
                Of::Receipt(row) => Of::Receipt(row + before),
                other => other,
            };
            DraftRefund { of, ..refund }
        }));
        self.nobodys.extend(&other.nobodys);
        self.ignored.extend(&other.ignored);
        self.has_early_refunds |= other.has_early_refunds;
    }

    pub fn is_empty(&self) -> bool {
        self.member.is_empty() && self.refunds.is_empty() && self.ignored.len() == 0
    }

    pub fn add_line(&mut self, receipt: u32, (product, quantity, amount): (u32, i32, i64)) {
        self.line_receipt.push(receipt);
        self.lines.push(product, quantity, amount);
    }

    /// Bytes of what was taken so far, about.
    pub fn bytes(&self) -> usize {
        self.member.len() * (4 + 4 + 1 + 4 + 2 + 2 + 8)
            + self.line_receipt.len() * 4
            + self.lines.bytes()
            + self.refunds.len() * 160
            + self.ids.bytes()
            + self.nobodys.bytes()
            + self.ignored.bytes()
    }

    /// A piece of the rows. `members`, `products`: how many there are.
    ///
    /// # Errors
    /// [`Unfit::TooLarge`] for a receipt whose sum is beyond 18 digits.
    pub fn sorted(mut self, members: usize, products: usize, keys: Keys) -> Result<Piece, Unfit> {
        let sums = Sums::of(&self)?;
        let order = self.order(members);
        let mut position = vec![NO_NUMBER; self.member.len()];
        for (at, row) in order.iter().enumerate() {
            position[*row as usize] = narrow(at);
        }
        let first_day = first_day(self.month);
        let at = self.at.taken(&order);
        let mut receipts = Receipts {
            member: order.iter().map(|row| self.member[*row as usize]).collect(),
            at: Attributes {
                // A month has no more than 31 of them.
                day: at.day.iter().map(|day| day.wrapping_sub(first_day) as u8).collect(),
                weekday: at.weekday,
                second: at.second,
                store: at.store,
                channel: at.channel,
            },
            flags: order.iter().map(|row| if sums.is_purchase(*row) { IS_PURCHASE } else { 0 }).collect(),
            total: order.iter().map(|row| sums.total(*row, &self.amount)).collect(),
            amount: order.iter().map(|row| sums.amount(*row, &self.amount)).collect(),
            ..Receipts::default()
        };
        let (refunds, refund_ids) = self.sorted_refunds(&sums, &position, &mut receipts, keys)?;
        (receipts.lines_of, receipts.lines) = self.placed(&position, receipts.member.len());
        receipts.mark_plain();
        let days = &receipts.at.day;
        let days = (days.iter().min().copied().unwrap_or(0), days.iter().max().copied().unwrap_or(0));
        let nobodys: Vec<u32> =
            (0..narrow(self.member.len())).filter(|row| self.member[*row as usize] == NO_NUMBER).collect();
        self.nobodys.extend(&self.ids.taken(&nobodys));
        Ok(Piece {
            month: self.month,
            first_day,
            postings: Postings::of(&receipts, products),
            flags: common(&receipts.flags),
            blocks: blocks_of(&receipts.member),
            days,
            has_early_refunds: self.has_early_refunds,
            ids: PieceIds {
                receipts: self.ids.taken(&order),
                refunds: refund_ids,
                nobodys: self.nobodys,
                ignored: self.ignored,
            },
            receipts,
            refunds,
            fingerprint: OnceLock::new(),
        })
    }

    /// The rows of members' receipts in the order of their members, and of their days within.
    fn order(&self, members: usize) -> Vec<u32> {
        let mut next = vec![0_u32; members + 1];
        let owned = || self.member.iter().enumerate().filter(|(_, member)| **member != NO_NUMBER);
        for (_, member) in owned() {
            next[*member as usize + 1] += 1;
        }
        for member in 0..members {
            next[member + 1] += next[member];
        }
        let mut rows = vec![0_u32; next[members] as usize];
        for (row, member) in owned() {
            let next = &mut next[*member as usize];
            rows[*next as usize] = narrow(row);
            *next += 1;
        }
        for same in rows.chunk_by_mut(|one, other| self.member[*one as usize] == self.member[*other as usize]) {
            same.sort_by_key(|row| self.at.day[*row as usize]);
        }
        rows
    }

    /// The refunds by member, marked on the receipts that they refund.
    fn sorted_refunds(
        &mut self,
        sums: &Sums,
        position: &[u32],
        receipts: &mut Receipts,
        keys: Keys,
    ) -> Result<(Refunds, Ids), Unfit> {
        let (mut sorted, mut ids) = (Refunds { lines_of: vec![0], ..Refunds::default() }, keys.none());
        let mut refunds = std::mem::take(&mut self.refunds);
        refunds.sort_by_key(|refund| refund.member);
        for refund in refunds {
            let (of, is_of_purchase, total) = match refund.of {
                Of::Nothing => (None, false, 0),
                Of::Receipt(row) => (Some(row), sums.is_purchase(row), sums.total(row, &self.amount)),
                Of::Nobodys { is_purchase, total } => (None, is_purchase, total),
            };
            let receipt = of.map_or(NO_NUMBER, |row| position[row as usize]);
            if let Some(flags) = receipts.flags.get_mut(receipt as usize) {
                *flags |= HAS_REFUNDS;
            }
            let of = of.map(|row| self.at.get(row as usize));
            let own_day = refund.own_day;
            self.has_early_refunds |= of.is_some_and(|of| own_day != NO_DAY && (of.day == NO_DAY || of.day > own_day));
            let is_linked = !matches!(refund.of, Of::Nothing);
            let back = |amount: i64| {
                if refund.is_refund && amount != NO_AMOUNT { -amount.abs() } else { amount }
            };
            let mut amount = NO_AMOUNT;
            for line in 0..refund.lines.product.len() {
                let (product, quantity, own) = refund.lines.get(line);
                let is_back = refund.is_refund && quantity != NO_QUANTITY;
                sorted.lines.push(product, if is_back { -quantity.abs() } else { quantity }, back(own));
                add(&mut amount, back(own))?;
            }
            sorted.member.push(refund.member);
            sorted.at.push(Place::of_refund(refund.at, of));
            sorted.own_day.push(own_day);
            sorted.receipt.push(receipt);
            sorted.flags.push(
                if is_of_purchase { IS_OF_PURCHASE } else { 0 }
                    | if is_linked { IS_LINKED } else { 0 }
                    | if refund.is_refund { IS_REFUND } else { 0 },
            );
            sorted.total.push(total);
            sorted.amount.push(if refund.lines.product.is_empty() { back(refund.amount) } else { amount });
            sorted.lines_of.push(narrow(sorted.lines.product.len()));
            ids.push(refund.id);
        }
        Ok((sorted, ids))
    }

    /// The lines of the receipts that have a position, in its order.
    fn placed(&self, position: &[u32], count: usize) -> (Vec<u32>, Lines) {
        let mut starts = vec![0_u32; count + 1];
        for receipt in &self.line_receipt {
            let at = position[*receipt as usize];
            if at != NO_NUMBER {
                starts[at as usize + 1] += 1;
            }
        }
        for at in 0..count {
            starts[at + 1] += starts[at];
        }
        let total = starts[count] as usize;
        let mut next = starts.clone();
        let mut lines = Lines { product: vec![0; total], quantity: vec![0; total], amount: vec![0; total] };
        for (row, receipt) in self.line_receipt.iter().enumerate() {
            let at = position[*receipt as usize];
            if at == NO_NUMBER {
                continue;
            }
            let to = next[at as usize] as usize;
            next[at as usize] += 1;
            (lines.product[to], lines.quantity[to], lines.amount[to]) = self.lines.get(row);
        }
        (starts, lines)
    }
}

/// What the lines of each receipt add up to.
struct Sums {
    /// Whether it has lines.
    known: Vec<bool>,
    /// Whether one of them is more than nothing.
    positive: Vec<bool>,
    amount: Vec<i64>,
}

impl Sums {
    fn of(draft: &Draft) -> Result<Self, Unfit> {
        let count = draft.member.len();
        let mut sums = Self { known: vec![false; count], positive: vec![false; count], amount: vec![NO_AMOUNT; count] };
        for (line, receipt) in draft.line_receipt.iter().enumerate() {
            let at = *receipt as usize;
            sums.known[at] = true;
            sums.positive[at] |= draft.lines.quantity[line] > 0;
            add(&mut sums.amount[at], draft.lines.amount[line])?;
        }
        Ok(sums)
    }

    fn is_purchase(&self, row: u32) -> bool {
        !self.known[row as usize] || self.positive[row as usize]
    }

    fn amount(&self, row: u32, own: &[i64]) -> i64 {
        if self.known[row as usize] { self.amount[row as usize] } else { own[row as usize] }
    }

    fn total(&self, row: u32, own: &[i64]) -> i64 {
        [self.amount[row as usize], own[row as usize], 0].into_iter().find(|total| *total != NO_AMOUNT).unwrap_or(0)
    }
}

/// Adds what is something.
fn add(sum: &mut i64, amount: i64) -> Result<(), Unfit> {
    if amount == NO_AMOUNT {
        return Ok(());
    }
    let before = if *sum == NO_AMOUNT { 0 } else { *sum };
    *sum = before.checked_add(amount).filter(|sum| sum.abs() < AMOUNT_MAX).ok_or(Unfit::TooLarge("amount"))?;
    Ok(())
}

/// Amounts of the index are less than this.
pub const AMOUNT_MAX: i64 = 1_000_000_000_000_000_000;

impl Receipts {
    /// Marks the receipts that are bought as they stand.
    fn mark_plain(&mut self) {
        for receipt in 0..self.flags.len() {
            let quantities = &self.lines.quantity[rows_of(&self.lines_of, receipt)];
            if self.flags[receipt] & HAS_REFUNDS == 0 && quantities.iter().all(|quantity| *quantity > 0) {
                self.flags[receipt] |= IS_PLAIN;
            }
        }
    }
}

impl Postings {
    fn of(receipts: &Receipts, products: usize) -> Self {
        let mut last = vec![NO_NUMBER; products];
        let mut starts = vec![0_u32; products + 1];
        let mut each = |receipts: &Receipts, put: &mut dyn FnMut(usize, u32)| {
            last.fill(NO_NUMBER);
            for receipt in 0..receipts.member.len() {
                for line in rows_of(&receipts.lines_of, receipt) {
                    let product = receipts.lines.product[line] as usize;
                    if let Some(last) = last.get_mut(product).filter(|last| **last != narrow(receipt)) {
                        *last = narrow(receipt);
                        put(product, narrow(receipt));
                    }
                }
            }
        };
        each(receipts, &mut |product, _| starts[product + 1] += 1);
        for product in 0..products {
            starts[product + 1] += starts[product];
        }
        let mut next = starts.clone();
        let mut postings = vec![0_u32; starts[products] as usize];
        each(receipts, &mut |product, receipt| {
            postings[next[product] as usize] = receipt;
            next[product] += 1;
        });
        Self { of_product: starts, receipt: postings }
    }
}
