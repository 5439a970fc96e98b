//! Adds up what is asked, for a range of members.
//!
//! Month by month, and those that are not asked for not at all. Two ways to the receipts of one: all those of the members, or, where only some products matter and they are on few receipts,
//! the receipts that those are on. Both go by member and day, so that each member's sums are written once and a day that
//! repeats is seen at once. Either way the columns of filters take marks off receipts first, one column after the other.

use std::borrow::Cow;
use std::cell::Cell;
use std::ops::Range;

use super::columns::{
    Attributes, HAS_REFUNDS, IS_OF_PURCHASE, IS_PLAIN, IS_PURCHASE, Lines, MemberIndex, NO_AMOUNT, NO_CODE, NO_DAY,
    NO_NUMBER, NO_QUANTITY, NO_SECOND, narrow, rows_of,
};
use super::piece::Piece;
use super::question::{Filter, Parts, ProductSet, Use};
use super::rows::{Rows, sum_of_marks};

/// What a use adds up to, by member: the first row is the range's first member. Columns that were not asked for are empty.
#[derive(Debug, Default)]
pub struct Tally {
    pub count: Vec<i64>,
    pub visit_days: Vec<i64>,
    /// [`Self::NO_DAY`] of none.
    pub first_day: Vec<i32>,
    pub last_day: Vec<i32>,
    /// At the index's scale.
    pub amount: Vec<i128>,
    pub quantity: Vec<i128>,
    /// The least and the greatest currency; [`Self::NO_CURRENCY`] of none.
    pub least: Vec<u16>,
    pub most: Vec<u16>,
}

/// How much was looked at.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Work {
    pub receipts: usize,
    /// Of the columns that were read, about.
    pub bytes: usize,
    /// Whether products' lists of receipts were used.
    pub by_product: bool,
}

impl Tally {
    pub const NO_DAY: i32 = NO_DAY;
    pub const NO_CURRENCY: u16 = u16::MAX;
}

/// Receipts that are looked at one after the other in the time that one takes that a product's list names; of several
/// products the lists have to be brought into one order too.
const LISTED_COST: usize = 16;
const SORTED_COST: usize = 64;
/// Receipts that are looked at in the time in which a member is found in a product's list.
const SEARCH_COST: usize = 16;
/// Where fewer than one in so many receipts has a mark, going from mark to mark is faster than taking all.
const SPARSE: i64 = 8;

impl MemberIndex {
    /// What a use adds up to for each of these members.
    pub fn tally(&self, one: &Use, members: Range<u32>) -> (Tally, Work) {
        let mut tally = Tally::with_room_for(one.parts, members.len());
        let mut work = Work::default();
        if one.filter.is_nothing() {
            return (tally, work);
        }
        // From month to month, so that a member's days come in their order.
        for piece in &self.pieces {
            let mut counting = Counting { piece, one, first: members.start, tally: &mut tally, bytes: 0 };
            if let Some(days) = counting.days() {
                let range = piece.rows_of(&members);
                match counting.listed(&range) {
                    Some((receipts, set)) => {
                        work.by_product = true;
                        work.receipts += receipts.len();
                        counting.add_up(&Rows::Listed { receipts: &receipts, set }, &days);
                    }
                    None => {
                        work.receipts += range.len();
                        counting.add_up(&Rows::All(range), &days);
                    }
                }
            }
            if one.parts.of_sums() && !one.filter.is_gross && counting.may_have_refunds() {
                let refunds = piece.refunds_of(&members);
                work.receipts += refunds.len();
                refunds.for_each(|refund| counting.look_at_refund(refund));
            }
            work.bytes += counting.bytes;
        }
        (tally, work)
    }
}

impl Tally {
    fn with_room_for(parts: Parts, count: usize) -> Self {
        let of = |wanted: bool| if wanted { count } else { 0 };
        Self {
            count: vec![0; of(parts.count)],
            visit_days: vec![0; of(parts.visit_days)],
            first_day: vec![NO_DAY; of(parts.first_day)],
            // Visit days need to know the last one.
            last_day: vec![NO_DAY; of(parts.last_day || parts.visit_days)],
            amount: vec![0; of(parts.amount)],
            quantity: vec![0; of(parts.quantity)],
            least: vec![Self::NO_CURRENCY; of(parts.currencies)],
            most: vec![Self::NO_CURRENCY; of(parts.currencies)],
        }
    }
}

impl Filter {
    /// Whether no receipt can be among those asked for.
    fn is_nothing(&self) -> bool {
        self.products.iter().chain(&self.all_products).any(|set| set.numbers().is_empty())
            || matches!((self.from_day, self.to_day), (Some(from), Some(to)) if from > to)
    }
}

/// Adds what a piece has to the sums of some members.
struct Counting<'a, 't> {
    piece: &'a Piece,
    one: &'a Use,
    /// The member of the first sum.
    first: u32,
    tally: &'t mut Tally,
    /// How many of columns were read.
    bytes: usize,
}

impl<'a> Counting<'a, '_> {
    /// The days of the piece's receipts that are asked for, as they stand there; `None` if none of them are.
    fn days(&self) -> Option<Days> {
        let filter = &self.one.filter;
        let (from, to) = (filter.from_day, [filter.to_day, filter.as_of].into_iter().flatten().min());
        if self.piece.month.is_none() {
            // A receipt without a date is on none of them.
            return (from.is_none() && to.is_none()).then_some(Days::All);
        }
        let (least, most) = self.piece.days;
        let at = |day: i32| i64::from(day) - i64::from(self.piece.first_day);
        let from = from.map_or(i64::from(least), at).max(i64::from(least));
        let to = to.map_or(i64::from(most), at).min(i64::from(most));
        let (from, to) = (u8::try_from(from).ok()?, u8::try_from(to).ok()?);
        match (from, to) {
            _ if from > to => None,
            _ if from == least && to == most => Some(Days::All),
            _ => Some(Days::Some(from, to)),
        }
    }

    /// Whether a refund may stand at a day that is asked for.
    fn may_have_refunds(&self) -> bool {
        let (piece, filter) = (self.piece, &self.one.filter);
        let first = i64::from(piece.first_day);
        !piece.refunds.member.is_empty()
            && (piece.month.is_none()
                || (filter.from_day.is_none_or(|from| i64::from(from) < first + 31)
                    && filter.to_day.is_none_or(|to| i64::from(to) >= first)))
    }

    /// The receipts, column by column: first a mark for each that is asked for, then sums of what is marked.
    fn add_up(&mut self, rows: &Rows<'_>, days: &Days) {
        if rows.len() == 0 {
            return;
        }
        let (filter, parts) = (&self.one.filter, self.one.parts);
        let mut marks = self.marked(rows, days);
        if parts.of_sums() {
            if filter.least_total.is_some() || !filter.all_products.is_empty() {
                self.keep_purchases(rows, &mut marks);
            }
            self.add_sums(&marks, rows);
        }
        if parts.of_receipts() {
            if !filter.as_rows {
                self.keep_purchases(rows, &mut marks);
                if let Some(products) = &filter.products {
                    self.keep_bought(&mut marks, rows, products);
                }
            }
            self.add_counts(&marks, rows);
        }
    }

    fn keep_purchases(&mut self, rows: &Rows<'_>, marks: &mut [u8]) {
        if self.piece.flags & IS_PURCHASE == 0 {
            self.keep(rows, marks, &self.piece.receipts.flags, |flags| flags & IS_PURCHASE != 0);
        }
    }

    fn keep<T: Copy>(&mut self, rows: &Rows<'_>, marks: &mut [u8], values: &[T], holds: impl Fn(T) -> bool) {
        self.bytes += rows.len() * size_of::<T>();
        rows.keep(marks, values, holds);
    }

    /// Of each receipt, 1 if it is asked for, leaving out whether it is a purchase and whether its products came back.
    fn marked(&mut self, rows: &Rows<'_>, days: &Days) -> Vec<u8> {
        let (filter, all) = (&self.one.filter, &self.piece.receipts);
        let mut marks = vec![1_u8; rows.len()];
        if let Days::Some(from, to) = *days {
            self.keep(rows, &mut marks, &all.at.day, |day| (day >= from) & (day <= to));
        }
        if let Some(weekdays) = filter.weekdays {
            self.keep(rows, &mut marks, &all.at.weekday, |day| day & weekdays != 0);
        }
        if let Some((from, to)) = filter.seconds {
            if from < to {
                self.keep(rows, &mut marks, &all.at.second, |second| (second >= from) & (second < to));
            } else {
                let is_within = |second: u32| (second != NO_SECOND) & ((second >= from) | (second < to));
                self.keep(rows, &mut marks, &all.at.second, is_within);
            }
        }
        for (flags, codes) in [(&filter.stores, &all.at.store), (&filter.channels, &all.at.channel)] {
            let Some(flags) = flags else { continue };
            let mut flagged = (0_u16..NO_CODE).zip(flags).filter(|(_, flag)| **flag).map(|(code, _)| code);
            match (flagged.next(), flagged.next()) {
                (None, _) => marks.fill(0),
                (Some(only), None) => self.keep(rows, &mut marks, codes, |code| code == only),
                _ => {
                    self.keep(rows, &mut marks, codes, |code| flags.get(usize::from(code)).copied().unwrap_or(false));
                }
            }
        }
        if let Some(least) = filter.least_total {
            self.keep(rows, &mut marks, &all.total, |total| total >= least);
        }
        for set in &filter.all_products {
            self.keep_touched(&mut marks, rows, set);
            if !filter.as_rows {
                self.keep_bought(&mut marks, rows, set);
            }
        }
        if let Some(products) = &filter.products {
            self.keep_touched(&mut marks, rows, products);
        }
        marks
    }

    /// Takes the mark off receipts that have no line of these products.
    fn keep_touched(&mut self, marks: &mut [u8], rows: &Rows<'_>, set: &ProductSet) {
        let all = &self.piece.receipts;
        match rows {
            Rows::Listed { set: of, .. } if std::ptr::eq(*of, set) => {}
            // Lists of products say it without a look at the lines.
            Rows::All(range) if set.numbers().len() * SEARCH_COST < rows.len() => {
                let mut touched = vec![0_u8; range.len()];
                for product in set.numbers() {
                    for receipt in self.piece.postings.from(*product, range, all.member.len()) {
                        touched[receipt - range.start] = 1;
                        self.bytes += size_of::<u32>();
                    }
                }
                for (mark, touched) in marks.iter_mut().zip(touched) {
                    *mark &= touched;
                }
            }
            _ => {
                let read = Cell::new(0);
                rows.keep_marked(marks, |receipt| {
                    let lines = rows_of(&all.lines_of, receipt);
                    // Where they begin, and the products.
                    read.set(read.get() + 1 + lines.len());
                    all.lines.product[lines].iter().any(|product| set.contains(*product))
                });
                self.bytes += read.get() * size_of::<u32>();
            }
        }
    }

    /// Takes the mark off receipts whose products of these, of which they have some, came back.
    fn keep_bought(&self, marks: &mut [u8], rows: &Rows<'_>, set: &ProductSet) {
        if self.piece.flags & IS_PLAIN != 0 {
            return;
        }
        let flags = &self.piece.receipts.flags;
        rows.keep_marked(marks, |receipt| flags[receipt] & IS_PLAIN != 0 || self.has(set, receipt));
    }

    fn add_counts(&mut self, marks: &[u8], rows: &Rows<'_>) {
        let (piece, parts, first) = (self.piece, self.one.parts, self.first);
        let needs_day = parts.first_day || parts.last_day || parts.visit_days;
        self.bytes += rows.len() * (size_of::<u32>() + usize::from(needs_day));
        let (marked, all) = (sum_of_marks(marks), rows.len() as i64);
        let range = match rows {
            Rows::All(range) if marked * SPARSE > all => range.clone(),
            _ => {
                for receipt in rows.marked(marks) {
                    let at = (piece.receipts.member[receipt] - first) as usize;
                    let day = if needs_day { piece.day(receipt) } else { NO_DAY };
                    self.count(at, day);
                }
                return;
            }
        };
        // Each in a loop of its own that does not branch: a receipt without a mark changes nothing.
        let members = &piece.receipts.member[range.clone()];
        let at = || members.iter().map(|member| (*member - first) as usize);
        let rows = || at().zip(marks);
        let days = || piece.receipts.at.day[range.clone()].iter().map(|day| piece.first_day + i32::from(*day));
        if marked == all && !parts.visit_days && !parts.first_day {
            // All of them: nothing has to be told apart.
            if parts.count {
                at().for_each(|at| self.tally.count[at] += 1);
            }
            if parts.last_day && piece.month.is_some() {
                at().zip(days()).for_each(|(at, day)| self.tally.last_day[at] = day);
            }
            return;
        }
        if parts.count {
            for (at, mark) in rows() {
                self.tally.count[at] += i64::from(*mark);
            }
        }
        if piece.month.is_none() {
            return;
        }
        if parts.first_day {
            for ((at, mark), day) in rows().zip(days()) {
                let first = &mut self.tally.first_day[at];
                *first = if (*mark != 0) & (*first == NO_DAY) { day } else { *first };
            }
        }
        if parts.visit_days {
            for ((at, mark), day) in rows().zip(days()) {
                let last = &mut self.tally.last_day[at];
                let is_new = (*mark != 0) & (*last != day);
                self.tally.visit_days[at] += i64::from(is_new);
                *last = if is_new { day } else { *last };
            }
        } else if parts.last_day {
            for ((at, mark), day) in rows().zip(days()) {
                let last = &mut self.tally.last_day[at];
                *last = if *mark != 0 { day } else { *last };
            }
        }
    }

    fn add_sums(&mut self, marks: &[u8], rows: &Rows<'_>) {
        let (all, first) = (&self.piece.receipts, self.first);
        let is_plain = self.one.filter.products.is_none() && !self.one.parts.quantity && !self.one.parts.currencies;
        match rows {
            Rows::All(range) if is_plain && sum_of_marks(marks) * SPARSE > rows.len() as i64 => {
                self.bytes += rows.len() * (size_of::<u32>() + size_of::<i64>());
                let rows = all.member[range.clone()].iter().zip(&all.amount[range.clone()]).zip(marks);
                for ((member, amount), mark) in rows {
                    let amount = if (*mark != 0) & (*amount != NO_AMOUNT) { *amount } else { 0 };
                    self.tally.amount[(*member - first) as usize] += i128::from(amount);
                }
            }
            _ => {
                for receipt in rows.marked(marks) {
                    let at = (all.member[receipt] - first) as usize;
                    let lines = rows_of(&all.lines_of, receipt);
                    self.sum(at, all.amount[receipt], &all.lines, lines, all.at.store[receipt]);
                }
            }
        }
    }

    /// The receipts that can count because of their products, where those are few; in order, within a range.
    fn listed(&self, range: &Range<usize>) -> Option<(Cow<'a, [u32]>, &'a ProductSet)> {
        let (filter, piece) = (&self.one.filter, self.piece);
        let all = piece.receipts.member.len();
        let about = |set: &ProductSet| {
            set.numbers().iter().map(|product| piece.postings.about(*product, range, all)).sum::<usize>()
        };
        let sets = filter.products.iter().chain(&filter.all_products);
        // Finding a place in a list costs too.
        let sets = sets.filter(|set| set.numbers().len() * SEARCH_COST < range.len());
        let (length, set) = sets.map(|set| (about(set), set)).min_by_key(|(length, _)| *length)?;
        let cost = if set.numbers().len() > 1 { SORTED_COST } else { LISTED_COST };
        if length * cost > range.len() {
            return None;
        }
        if let [product] = set.numbers() {
            return Some((Cow::Borrowed(piece.postings.within(*product, range, all)), set));
        }
        let mut receipts: Vec<u32> = Vec::with_capacity(length);
        for product in set.numbers() {
            receipts.extend(piece.postings.from(*product, range, all).map(narrow));
        }
        receipts.sort_unstable();
        receipts.dedup();
        Some((Cow::Owned(receipts), set))
    }

    fn look_at_refund(&mut self, refund: usize) {
        let (rows, filter) = (&self.piece.refunds, &self.one.filter);
        if !self.exists(rows.own_day[refund]) || !matches_attributes(filter, &rows.at, refund) {
            return;
        }
        // A condition on the purchase holds of one that is there, and that is this member's.
        let has_conditions = filter.least_total.is_some() || !filter.all_products.is_empty();
        if has_conditions {
            let receipt = rows.receipt[refund];
            let has = |set: &ProductSet| receipt != NO_NUMBER && self.has(set, receipt as usize);
            if rows.flags[refund] & IS_OF_PURCHASE == 0
                || filter.least_total.is_some_and(|least| rows.total[refund] < least)
                || !filter.all_products.iter().all(has)
            {
                return;
            }
        }
        let at = (rows.member[refund] - self.first) as usize;
        self.sum(at, rows.amount[refund], &rows.lines, rows_of(&rows.lines_of, refund), rows.at.store[refund]);
    }

    /// Whether what has this date is known as of the day that is asked about.
    fn exists(&self, day: i32) -> bool {
        self.one.filter.as_of.is_none_or(|as_of| day != NO_DAY && day <= as_of)
    }

    fn count(&mut self, at: usize, day: i32) {
        let tally = &mut *self.tally;
        if let Some(count) = tally.count.get_mut(at) {
            *count += 1;
        }
        if day == NO_DAY {
            return;
        }
        if let Some(first) = tally.first_day.get_mut(at).filter(|first| **first == NO_DAY) {
            *first = day;
        }
        if let Some(last) = tally.last_day.get_mut(at) {
            if let Some(days) = tally.visit_days.get_mut(at).filter(|_| *last != day) {
                *days += 1;
            }
            *last = day;
        }
    }

    fn sum(&mut self, at: usize, amount: i64, lines: &Lines, rows: Range<usize>, store: u16) {
        let products = self.one.filter.products.as_ref();
        let is_one = |line: &usize| products.is_none_or(|products| products.contains(lines.product[*line]));
        if let Some(sum) = self.tally.amount.get_mut(at) {
            let (mut added, mut is_known) = (0_i128, false);
            let mut add = |amount: i64| {
                if amount != NO_AMOUNT {
                    added += i128::from(amount);
                    is_known = true;
                }
            };
            match products {
                None => add(amount),
                Some(_) => rows.clone().filter(is_one).for_each(|line| add(lines.amount[line])),
            }
            *sum += added;
            if is_known && let Some(Some(currency)) = self.one.currency_of_store.get(usize::from(store)) {
                if let Some(least) = self.tally.least.get_mut(at) {
                    *least = (*least).min(*currency);
                }
                if let Some(most) = self.tally.most.get_mut(at) {
                    *most = if *most == Tally::NO_CURRENCY { *currency } else { (*most).max(*currency) };
                }
            }
        }
        if let Some(sum) = self.tally.quantity.get_mut(at) {
            let known = |line: &usize| lines.quantity[*line] != NO_QUANTITY;
            *sum += rows.filter(is_one).filter(known).map(|line| i128::from(lines.quantity[line])).sum::<i128>();
        }
    }

    /// Whether a receipt has some of these products that did not come back.
    fn has(&self, set: &ProductSet, receipt: usize) -> bool {
        let rows = &self.piece.receipts;
        let lines = rows_of(&rows.lines_of, receipt);
        if rows.flags[receipt] & IS_PLAIN != 0 {
            return rows.lines.product[lines].iter().any(|product| set.contains(*product));
        }
        let of_set = lines.filter(|line| set.contains(rows.lines.product[*line]));
        let quantities = of_set.map(|line| rows.lines.quantity[line]).filter(|quantity| *quantity != NO_QUANTITY);
        if self.one.filter.is_gross {
            return quantities.into_iter().any(|quantity| quantity > 0);
        }
        let left: i64 = quantities.map(i64::from).sum();
        if left <= 0 {
            return false;
        }
        rows.flags[receipt] & HAS_REFUNDS == 0 || left > self.taken_back(set, receipt)
    }

    /// How many of these products refunds take back of a receipt.
    fn taken_back(&self, set: &ProductSet, receipt: usize) -> i64 {
        let refunds = &self.piece.refunds;
        let member = self.piece.receipts.member[receipt];
        let of_receipt = self
            .piece
            .refunds_of(&(member..member + 1))
            .filter(|refund| refunds.receipt[*refund] as usize == receipt && self.exists(refunds.own_day[*refund]));
        let lines = of_receipt.flat_map(|refund| rows_of(&refunds.lines_of, refund));
        lines
            .filter(|line| set.contains(refunds.lines.product[*line]))
            .map(|line| refunds.lines.quantity[line])
            .filter(|quantity| *quantity != NO_QUANTITY)
            .map(|quantity| i64::from(quantity.unsigned_abs()))
            .sum()
    }
}

fn matches_attributes(filter: &Filter, at: &Attributes<i32>, row: usize) -> bool {
    let day = at.day[row];
    if filter.from_day.is_some_and(|from| day == NO_DAY || day < from)
        || filter.to_day.is_some_and(|to| day == NO_DAY || day > to)
    {
        return false;
    }
    if filter.weekdays.is_some_and(|weekdays| weekdays & at.weekday[row] == 0) {
        return false;
    }
    if let Some((from, to)) = filter.seconds {
        let second = at.second[row];
        let is_within = if from < to {
            from <= second && second < to
        } else {
            second != NO_SECOND && (second >= from || second < to)
        };
        if !is_within {
            return false;
        }
    }
    let is_among =
        |flags: &[bool], code: u16| code != NO_CODE && flags.get(usize::from(code)).copied().unwrap_or(false);
    filter.stores.as_ref().is_none_or(|stores| is_among(stores, at.store[row]))
        && filter.channels.as_ref().is_none_or(|channels| is_among(channels, at.channel[row]))
}

/// Days of a month's receipts.
enum Days {
    All,
    /// From one to another, both inclusive, as [`Receipts`](super::columns::Receipts) have them.
    Some(u8, u8),
}
