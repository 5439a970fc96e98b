//! What members bought in a month.
//!
//! Months stand apart, so that a question about some of them does not touch the others, and so that what a new file brings
//! makes few of them anew. Within one the receipts go by member and day. A refund stands in the month of its purchase.

use std::ops::Range;
use std::sync::OnceLock;

use arrow::datatypes::Date32Type;
use chrono::{Datelike, NaiveDate};

use super::columns::{IS_LINKED, Lines, NO_DAY, NO_NUMBER, Postings, Receipts, Refunds, narrow};
use super::ids::Ids;

#[derive(Debug)]
pub struct Piece {
    /// Months since January 1970; `None` of what has no date.
    pub(crate) month: Option<i32>,
    /// The first of that month, from which its days count; [`NO_DAY`] without one.
    pub(crate) first_day: i32,
    pub(crate) receipts: Receipts,
    pub(crate) refunds: Refunds,
    pub(crate) postings: Postings,
    /// Where the receipts of each [`BLOCK`] members begin; one more at the end. It ends behind the last member with a receipt.
    pub(crate) blocks: Vec<u32>,
    /// The least and the greatest [`Receipts::at`] day.
    pub(crate) days: (u8, u8),
    /// The flags that all receipts have.
    pub(crate) flags: u8,
    /// A refund exists before the purchase that it names does: as of a day between them it belongs elsewhere.
    pub(crate) has_early_refunds: bool,
    pub(crate) ids: PieceIds,
    /// A hash of all of this, once it was asked for.
    pub(crate) fingerprint: OnceLock<u64>,
}

/// Of the piece's receipts, whether they are in it or not.
#[derive(Debug)]
pub struct PieceIds {
    pub receipts: Ids,
    pub refunds: Ids,
    /// Completed ones without a member.
    pub nobodys: Ids,
    /// Those that count nowhere.
    pub ignored: Ids,
}

impl PieceIds {
    pub fn bytes(&self) -> usize {
        self.receipts.bytes() + self.refunds.bytes() + self.nobodys.bytes() + self.ignored.bytes()
    }
}

/// Members whose receipts are found at once.
pub const BLOCK: u32 = 64;

impl Piece {
    /// Its month as people write it, `2025-03`; `undated` of receipts without a date.
    pub fn name(&self) -> String {
        month_name(self.month)
    }

    pub fn receipts(&self) -> usize {
        self.receipts.member.len() + self.refunds.member.len()
    }

    pub fn lines(&self) -> usize {
        self.receipts.lines.product.len() + self.refunds.lines.product.len()
    }

    /// Bytes that it holds in memory, about.
    pub fn bytes(&self) -> usize {
        let (receipts, refunds) = (&self.receipts, &self.refunds);
        receipts.member.len() * (4 + 1 + 1 + 4 + 2 + 2 + 1 + 8 + 8 + 4)
            + receipts.lines.bytes()
            + refunds.member.len() * (4 + 4 + 1 + 4 + 2 + 2 + 4 + 4 + 1 + 8 + 8 + 4)
            + refunds.lines.bytes()
            + (self.postings.of_product.len() + self.postings.receipt.len() + self.blocks.len()) * 4
            + self.ids.bytes()
    }

    pub(crate) fn day(&self, receipt: usize) -> i32 {
        // That of no date is the least of all numbers and has days of 0.
        self.first_day + i32::from(self.receipts.at.day[receipt])
    }

    /// Where the receipts of this member and of those behind it begin.
    pub(crate) fn first_row(&self, member: u32) -> usize {
        let (block, all) = ((member / BLOCK) as usize, self.receipts.member.len());
        match (self.blocks.get(block), self.blocks.get(block + 1)) {
            (Some(start), Some(end)) => {
                let (start, end) = (*start as usize, *end as usize);
                start + self.receipts.member[start..end].partition_point(|other| *other < member)
            }
            _ => all,
        }
    }

    pub(crate) fn rows_of(&self, members: &Range<u32>) -> Range<usize> {
        self.first_row(members.start)..self.first_row(members.end)
    }

    pub(crate) fn refunds_of(&self, members: &Range<u32>) -> Range<usize> {
        let first = |member: u32| self.refunds.member.partition_point(|other| *other < member);
        first(members.start)..first(members.end)
    }

    /// Whether a member's refund names a purchase that is nobody's.
    pub(crate) fn refunds_nobodys(&self) -> bool {
        let mut refunds = self.refunds.receipt.iter().zip(&self.refunds.flags);
        refunds.any(|(receipt, flags)| *receipt == NO_NUMBER && flags & IS_LINKED != 0)
    }
}

/// The flags that are everywhere.
pub fn common(flags: &[u8]) -> u8 {
    flags.iter().fold(u8::MAX, |all, flags| all & flags)
}

/// Where the receipts of each block begin.
pub fn blocks_of(members: &[u32]) -> Vec<u32> {
    let mut blocks = vec![0];
    for (row, member) in members.iter().enumerate() {
        let block = (member / BLOCK) as usize;
        while blocks.len() <= block {
            blocks.push(narrow(row));
        }
    }
    blocks.push(narrow(members.len()));
    blocks
}

impl Lines {
    pub fn push(&mut self, product: u32, quantity: i32, amount: i64) {
        self.product.push(product);
        self.quantity.push(quantity);
        self.amount.push(amount);
    }

    pub fn get(&self, line: usize) -> (u32, i32, i64) {
        (self.product[line], self.quantity[line], self.amount[line])
    }

    pub fn bytes(&self) -> usize {
        self.product.len() * (4 + 4 + 8)
    }
}

/// A month as people write it.
pub fn month_name(month: Option<i32>) -> String {
    match month {
        Some(month) => format!("{:04}-{:02}", month.div_euclid(12) + 1970, month.rem_euclid(12) + 1),
        None => "undated".to_owned(),
    }
}

/// The month of a day that a calendar has.
pub fn month_of(day: i32) -> Option<i32> {
    if day == NO_DAY {
        return None;
    }
    let date = Date32Type::to_naive_date_opt(day)?;
    Some((date.year() - 1970) * 12 + date.month0().cast_signed())
}

/// Its first day; [`NO_DAY`] of none.
pub fn first_day(month: Option<i32>) -> i32 {
    let first =
        |month: i32| NaiveDate::from_ymd_opt(month.div_euclid(12) + 1970, month.rem_euclid(12).cast_unsigned() + 1, 1);
    month.and_then(first).map_or(NO_DAY, Date32Type::from_naive_date)
}
