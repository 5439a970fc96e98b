//! Adds up what is asked, for a range of members.
//!
//! Two ways to the receipts: all those of the members, or, where only some products matter and they are on few receipts,
//! the receipts that those are on. Both go by member and day, so that each member's sums are written once and a day that
//! repeats is seen at once. Either way the columns of filters take marks off receipts first, one column after the other.

use std::ops::Range;

use super::columns::{
    Attributes, HAS_REFUNDS, IS_PLAIN, IS_PURCHASE, Lines, MemberIndex, NO_AMOUNT, NO_CODE, NO_DAY, NO_NUMBER,
    NO_QUANTITY, NO_SECOND, rows_of,
};
use super::question::{Filter, ProductSet, Use};

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

impl MemberIndex {
    /// What a use adds up to for each of these members.
    pub fn tally(&self, one: &Use, members: Range<u32>) -> (Tally, Work) {
        let mut counting = Counting { index: self, one, members: members.clone(), tally: Tally::default() };
        counting.make_room();
        let mut work = Work::default();
        if counting.is_nothing() {
            return (counting.tally, work);
        }
        match counting.listed() {
            Some((receipts, set)) => {
                work.by_product = true;
                work.receipts = receipts.len();
                counting.add_up(&Rows::Listed { receipts: &receipts, set });
            }
            None => {
                let starts = &self.receipts.of_member[members.start as usize..=members.end as usize];
                work.receipts = (starts[starts.len() - 1] - starts[0]) as usize;
                counting.add_up(&Rows::All { starts });
            }
        }
        if one.parts.of_sums() && !one.filter.is_gross && !self.refunds.own_day.is_empty() {
            for member in members {
                let rows = rows_of(&self.refunds.of_member, member as usize);
                work.receipts += rows.len();
                for refund in rows {
                    counting.look_at_refund(refund, member);
                }
            }
        }
        (counting.tally, work)
    }
}

/// The receipts that are looked at, in the order of their members and days.
enum Rows<'a> {
    /// Of consecutive members, by where each one's begin; one more at the end.
    All { starts: &'a [u32] },
    /// Those on which some of a set's products stand.
    Listed { receipts: &'a [u32], set: &'a ProductSet },
}

impl Rows<'_> {
    fn len(&self) -> usize {
        match self {
            Self::All { .. } => self.range().len(),
            Self::Listed { receipts, .. } => receipts.len(),
        }
    }

    /// Where all of them lie.
    fn range(&self) -> Range<usize> {
        match self {
            Self::All { starts } => starts[0] as usize..starts[starts.len() - 1] as usize,
            Self::Listed { receipts, .. } => match receipts {
                [first, .., last] => *first as usize..*last as usize + 1,
                [only] => *only as usize..*only as usize + 1,
                [] => 0..0,
            },
        }
    }

    /// Those with a mark, in order.
    fn marked<'b>(&'b self, marks: &'b [u8]) -> impl Iterator<Item = usize> + 'b {
        let first = self.range().start;
        places(marks).map(move |at| match self {
            Self::All { .. } => first + at,
            Self::Listed { receipts, .. } => receipts[at] as usize,
        })
    }

    /// Takes the mark off whatever does not hold. Nothing here depends on a row before it and nothing branches, so that the
    /// processor takes many rows at once.
    fn keep<T: Copy>(&self, marks: &mut [u8], values: &[T], holds: impl Fn(T) -> bool) {
        match self {
            Self::All { .. } => {
                for (mark, value) in marks.iter_mut().zip(&values[self.range()]) {
                    *mark &= u8::from(holds(*value));
                }
            }
            Self::Listed { receipts, .. } => {
                for (mark, receipt) in marks.iter_mut().zip(*receipts) {
                    *mark &= u8::from(holds(values[*receipt as usize]));
                }
            }
        }
    }

    /// The same for what is asked only of rows with a mark.
    fn keep_marked(&self, marks: &mut [u8], holds: impl Fn(usize) -> bool) {
        let first = self.range().start;
        let is_off = |at: &usize| {
            !holds(match self {
                Self::All { .. } => first + at,
                Self::Listed { receipts, .. } => receipts[*at] as usize,
            })
        };
        let off: Vec<usize> = places(marks).filter(is_off).collect();
        for at in off {
            marks[at] = 0;
        }
    }
}

/// Where marks are; eight places at a time where there are none.
fn places(marks: &[u8]) -> impl Iterator<Item = usize> {
    let eights = marks.chunks(8).enumerate().filter(|(_, eight)| match <&[u8; 8]>::try_from(*eight) {
        Ok(eight) => u64::from_le_bytes(*eight) != 0,
        Err(_) => true,
    });
    eights.flat_map(|(number, eight)| {
        eight.iter().enumerate().filter(|(_, mark)| **mark != 0).map(move |(at, _)| number * 8 + at)
    })
}

struct Counting<'a> {
    index: &'a MemberIndex,
    one: &'a Use,
    members: Range<u32>,
    tally: Tally,
}

impl<'a> Counting<'a> {
    fn make_room(&mut self) {
        let count = self.members.len();
        let parts = self.one.parts;
        let tally = &mut self.tally;
        let of = |wanted: bool| if wanted { count } else { 0 };
        tally.count = vec![0; of(parts.count)];
        tally.visit_days = vec![0; of(parts.visit_days)];
        tally.first_day = vec![NO_DAY; of(parts.first_day)];
        // Visit days need to know the last one.
        tally.last_day = vec![NO_DAY; of(parts.last_day || parts.visit_days)];
        tally.amount = vec![0; of(parts.amount)];
        tally.quantity = vec![0; of(parts.quantity)];
        tally.least = vec![Tally::NO_CURRENCY; of(parts.currencies)];
        tally.most = vec![Tally::NO_CURRENCY; of(parts.currencies)];
    }

    /// Whether no receipt can be among those asked for.
    fn is_nothing(&self) -> bool {
        let filter = &self.one.filter;
        filter.products.iter().chain(&filter.all_products).any(|set| set.numbers().is_empty())
            || matches!((filter.from_day, filter.to_day), (Some(from), Some(to)) if from > to)
    }

    /// The receipts, column by column: first a mark for each that is asked for, then sums of what is marked.
    fn add_up(&mut self, rows: &Rows<'_>) {
        let (filter, parts, flags) = (&self.one.filter, self.one.parts, &self.index.receipts.flags);
        let mut marks = self.marked(rows);
        if parts.of_sums() {
            if filter.least_total.is_some() || !filter.all_products.is_empty() {
                rows.keep(&mut marks, flags, |flags| flags & IS_PURCHASE != 0);
            }
            self.add_sums(&marks, rows);
        }
        if parts.of_receipts() {
            rows.keep(&mut marks, flags, |flags| flags & IS_PURCHASE != 0);
            if let Some(products) = &filter.products {
                self.keep_bought(&mut marks, rows, products);
            }
            self.add_counts(&marks, rows);
        }
    }

    /// Of each receipt, 1 if it is asked for, leaving out whether it is a purchase and whether its products came back.
    fn marked(&self, rows: &Rows<'_>) -> Vec<u8> {
        let (filter, all) = (&self.one.filter, &self.index.receipts);
        let mut marks = vec![1_u8; rows.len()];
        let to = [filter.to_day, filter.as_of].into_iter().flatten().min();
        if filter.from_day.is_some() || to.is_some() {
            // A receipt without a date is on none of them.
            let (from, to) = (filter.from_day.unwrap_or(NO_DAY).max(NO_DAY + 1), to.unwrap_or(i32::MAX));
            let (first, last) = self.index.days;
            match (from <= first, last <= to) {
                (true, true) => {}
                (false, true) => rows.keep(&mut marks, &all.at.day, |day| day >= from),
                (_, false) => rows.keep(&mut marks, &all.at.day, |day| (day >= from) & (day <= to)),
            }
        }
        if let Some(weekdays) = filter.weekdays {
            rows.keep(&mut marks, &all.at.weekday, |day| day & weekdays != 0);
        }
        if let Some((from, to)) = filter.seconds {
            if from < to {
                rows.keep(&mut marks, &all.at.second, |second| (second >= from) & (second < to));
            } else {
                let is_within = |second: u32| (second != NO_SECOND) & ((second >= from) | (second < to));
                rows.keep(&mut marks, &all.at.second, is_within);
            }
        }
        for (flags, codes) in [(&filter.stores, &all.at.store), (&filter.channels, &all.at.channel)] {
            let Some(flags) = flags else { continue };
            let mut flagged = (0_u16..NO_CODE).zip(flags).filter(|(_, flag)| **flag).map(|(code, _)| code);
            match (flagged.next(), flagged.next()) {
                (None, _) => marks.fill(0),
                (Some(only), None) => rows.keep(&mut marks, codes, |code| code == only),
                _ => rows.keep(&mut marks, codes, |code| flags.get(usize::from(code)).copied().unwrap_or(false)),
            }
        }
        if let Some(least) = filter.least_total {
            rows.keep(&mut marks, &all.total, |total| total >= least);
        }
        for set in &filter.all_products {
            self.keep_touched(&mut marks, rows, set);
            self.keep_bought(&mut marks, rows, set);
        }
        if let Some(products) = &filter.products {
            self.keep_touched(&mut marks, rows, products);
        }
        marks
    }

    /// Takes the mark off receipts that have no line of these products.
    fn keep_touched(&self, marks: &mut [u8], rows: &Rows<'_>, set: &ProductSet) {
        let all = &self.index.receipts;
        match rows {
            Rows::Listed { set: of, .. } if std::ptr::eq(*of, set) => {}
            // Lists of products say it without a look at the lines.
            Rows::All { .. } if set.numbers().len() * SEARCH_COST < rows.len() => {
                let range = rows.range();
                let mut touched = vec![0_u8; range.len()];
                for product in set.numbers() {
                    for receipt in self.index.postings.within(*product, &range, all.member.len()) {
                        touched[*receipt as usize - range.start] = 1;
                    }
                }
                for (mark, touched) in marks.iter_mut().zip(touched) {
                    *mark &= touched;
                }
            }
            _ => rows.keep_marked(marks, |receipt| {
                let lines = rows_of(&all.lines_of, receipt);
                all.lines.product[lines].iter().any(|product| set.contains(*product))
            }),
        }
    }

    /// Takes the mark off receipts whose products of these, of which they have some, came back.
    fn keep_bought(&self, marks: &mut [u8], rows: &Rows<'_>, set: &ProductSet) {
        let flags = &self.index.receipts.flags;
        rows.keep_marked(marks, |receipt| flags[receipt] & IS_PLAIN != 0 || self.has(set, receipt));
    }

    fn add_counts(&mut self, marks: &[u8], rows: &Rows<'_>) {
        let all = &self.index.receipts;
        let Rows::All { starts } = rows else {
            let parts = self.one.parts;
            let needs_day = parts.first_day || parts.last_day || parts.visit_days;
            for receipt in rows.marked(marks) {
                let at = (all.member[receipt] - self.members.start) as usize;
                let day = if needs_day { all.at.day[receipt] } else { NO_DAY };
                self.count(at, day);
            }
            return;
        };
        let days = &all.at.day[rows.range()];
        let parts = self.one.parts;
        let tally = &mut self.tally;
        for (at, bounds) in starts.windows(2).enumerate() {
            let rows = (bounds[0] - starts[0]) as usize..(bounds[1] - starts[0]) as usize;
            let (marks, days) = (&marks[rows.clone()], &days[rows]);
            if let Some(count) = tally.count.get_mut(at) {
                *count = sum_of_marks(marks);
            }
            // Receipts without a date lie before all others.
            let is_dated = |(mark, day): (&u8, &i32)| *mark != 0 && *day != NO_DAY;
            if let Some(first) = tally.first_day.get_mut(at)
                && let Some(found) = marks.iter().zip(days).position(is_dated)
            {
                *first = days[found];
            }
            if let Some(last) = tally.last_day.get_mut(at)
                && let Some(found) = marks.iter().zip(days).rposition(is_dated)
            {
                *last = days[found];
            }
            if parts.visit_days {
                let mut last = NO_DAY;
                let mut count = 0;
                for (mark, day) in marks.iter().zip(days) {
                    let is_new = *mark != 0 && *day != last;
                    count += i64::from(is_new);
                    last = if is_new { *day } else { last };
                }
                tally.visit_days[at] = count;
            }
        }
    }

    fn add_sums(&mut self, marks: &[u8], rows: &Rows<'_>) {
        let (index, one) = (self.index, self.one);
        let all = &index.receipts;
        let is_plain = one.filter.products.is_none() && !one.parts.quantity && !one.parts.currencies;
        match rows {
            Rows::All { starts } if is_plain && index.sums_are_narrow => {
                let amounts = &all.amount[rows.range()];
                for (at, bounds) in starts.windows(2).enumerate() {
                    let rows = (bounds[0] - starts[0]) as usize..(bounds[1] - starts[0]) as usize;
                    let (marks, amounts) = (&marks[rows.clone()], &amounts[rows]);
                    let known =
                        |(mark, amount): (&u8, &i64)| if *mark != 0 && *amount != NO_AMOUNT { *amount } else { 0 };
                    self.tally.amount[at] = i128::from(marks.iter().zip(amounts).map(known).sum::<i64>());
                }
            }
            _ => {
                for receipt in rows.marked(marks) {
                    let at = (all.member[receipt] - self.members.start) as usize;
                    let lines = rows_of(&all.lines_of, receipt);
                    self.sum(at, all.amount[receipt], &all.lines, lines, all.at.store[receipt]);
                }
            }
        }
    }

    /// The receipts that can count because of their products, where those are few; in order, within the members.
    fn listed(&self) -> Option<(Vec<u32>, &'a ProductSet)> {
        let (filter, index) = (&self.one.filter, self.index);
        let starts = &index.receipts.of_member;
        let range = starts[self.members.start as usize] as usize..starts[self.members.end as usize] as usize;
        let all = index.receipts.member.len();
        let about = |set: &ProductSet| {
            set.numbers().iter().map(|product| index.postings.about(*product, &range, all)).sum::<usize>()
        };
        let sets = filter.products.iter().chain(&filter.all_products);
        // Finding a place in a list costs too.
        let sets = sets.filter(|set| set.numbers().len() * SEARCH_COST < range.len());
        let (length, set) = sets.map(|set| (about(set), set)).min_by_key(|(length, _)| *length)?;
        let cost = if set.numbers().len() > 1 { SORTED_COST } else { LISTED_COST };
        if length * cost > range.len() {
            return None;
        }
        let mut receipts: Vec<u32> = Vec::with_capacity(length);
        for product in set.numbers() {
            receipts.extend_from_slice(index.postings.within(*product, &range, all));
        }
        if set.numbers().len() > 1 {
            receipts.sort_unstable();
            receipts.dedup();
        }
        Some((receipts, set))
    }

    fn look_at_refund(&mut self, refund: usize, member: u32) {
        let (index, one) = (self.index, self.one);
        let (rows, filter) = (&index.refunds, &one.filter);
        if !self.exists(rows.own_day[refund]) || !matches_attributes(filter, &rows.at, refund) {
            return;
        }
        // A condition on the purchase holds of one that is there, and that is this member's.
        let has_conditions = filter.least_total.is_some() || !filter.all_products.is_empty();
        if has_conditions {
            let receipt = rows.receipt[refund];
            let has = |set: &ProductSet| receipt != NO_NUMBER && self.has(set, receipt as usize);
            if !rows.is_of_purchase[refund]
                || filter.least_total.is_some_and(|least| rows.total[refund] < least)
                || !filter.all_products.iter().all(has)
            {
                return;
            }
        }
        let at = (member - self.members.start) as usize;
        self.sum(at, rows.amount[refund], &rows.lines, rows_of(&rows.lines_of, refund), rows.at.store[refund]);
    }

    /// Whether what has this date is known as of the day that is asked about.
    fn exists(&self, day: i32) -> bool {
        self.one.filter.as_of.is_none_or(|as_of| day != NO_DAY && day <= as_of)
    }

    fn count(&mut self, at: usize, day: i32) {
        let tally = &mut self.tally;
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
        let rows = &self.index.receipts;
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
        let refunds = &self.index.refunds;
        let member = self.index.receipts.member[receipt];
        let of_receipt = rows_of(&refunds.of_member, member as usize)
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

fn matches_attributes(filter: &Filter, at: &Attributes, row: usize) -> bool {
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

/// How many marks there are; eight at a time.
fn sum_of_marks(marks: &[u8]) -> i64 {
    let (eights, rest) = marks.as_chunks::<8>();
    // Each byte is 1 or 0, so that the sum of eight of them stands in the highest byte of the product.
    let sum = |eight: &[u8; 8]| (u64::from_le_bytes(*eight).wrapping_mul(0x0101_0101_0101_0101) >> 56) as i64;
    eights.iter().map(sum).sum::<i64>() + rest.iter().map(|mark| i64::from(*mark)).sum::<i64>()
}
