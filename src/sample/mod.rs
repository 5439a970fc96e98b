//! A made-up café chain's purchase history, written as Parquet that follows the contract of a purchase history.
//!
//! Three years of receipts of 24 stores in four countries: a morning and a lunch rush, weekends that differ, a bar that
//! closes after midnight, keen regulars and members who never came back, refunds, anonymous receipts. The same options
//! give the same bytes. Receipts are made month by month in order of time, and memory holds one month of them and the
//! members, never the whole history. Nobody in it has a name.
//!
//! The folder: `members`, `stores`, `products`, `loyalty_levels`, `member_levels`, `consents` and
//! `business_customers` as one file each; `purchases` and `purchase_lines` as folders with a file for each month of
//! business dates, sorted by `purchased_at`.

mod chance;
mod contacts;
mod loyalty;
mod members;
mod products;
mod receipts;
mod stores;
mod tables;
mod visits;
mod writer;

use std::fmt;
use std::ops::Range;
use std::path::Path;

use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use chrono::{Datelike, Months, NaiveDate};

use crate::error::{Result, message};

use self::members::Crowd;
use self::receipts::Tills;
use self::tables::{BUSINESS_CUSTOMERS, LineRows, PurchaseRows};
use self::visits::Visits;
use self::writer::Staging;

/// Length of the history.
const HISTORY: Months = Months::new(36);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampleOptions {
    /// Members who are not erased: the universe. One more row for every 400 is of someone who was erased.
    pub members: u32,
    /// Receipts, voided ones and refunds among them.
    pub purchases: u32,
    pub seed: u64,
    /// The last business date, in the years 1980 to 2200; the first is the day after the same date three years earlier.
    pub until: NaiveDate,
}

impl Default for SampleOptions {
    fn default() -> Self {
        Self {
            members: 55_044,
            purchases: 600_000,
            seed: 1,
            until: NaiveDate::from_ymd_opt(2026, 11, 20).unwrap_or_default(),
        }
    }
}

/// What was written: rows by table, in the order of the contract. Displays as an aligned table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    pub rows: Vec<(&'static str, u64)>,
}

/// Makes the history and puts it at `dir`, which must be absent or empty, in one step: a half-made one is never seen.
///
/// `progress` is told how many of the receipts are made, once for each month.
///
/// # Errors
/// 58030 when `dir` holds something already or cannot be written; 22023 when `until` is out of range.
pub fn write(options: &SampleOptions, dir: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<Summary> {
    let history = business_days(options.until)?;
    let staging = Staging::new(dir)?;
    let mut crowd = Crowd::new(options.members, &history, BUSINESS_CUSTOMERS.len(), options.seed);
    let (purchases, lines) = write_receipts(options, &history, &mut crowd, &staging, progress)?;
    let mut rows = write_members(&crowd, &history, options.seed, &staging)?;
    for (name, batch) in [
        ("stores", tables::stores(history.start)),
        ("products", tables::products()),
        ("loyalty_levels", tables::loyalty_levels()),
        ("business_customers", tables::business_customers()),
    ] {
        rows.push((name, write_table(&staging, name, batch)?));
    }
    rows.extend([("purchases", purchases), ("purchase_lines", lines)]);
    staging.publish()?;
    Ok(Summary::new(rows))
}

impl Summary {
    fn new(mut rows: Vec<(&'static str, u64)>) -> Self {
        const ORDER: [&str; 9] = [
            "members",
            "stores",
            "products",
            "purchases",
            "purchase_lines",
            "loyalty_levels",
            "member_levels",
            "consents",
            "business_customers",
        ];
        rows.sort_by_key(|(name, _)| ORDER.iter().position(|other| other == name));
        Self { rows }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts: Vec<String> = self.rows.iter().map(|(_, count)| with_thousands(*count)).collect();
        let name_width = self.rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        let count_width = counts.iter().map(String::len).max().unwrap_or(0);
        for (place, ((name, _), count)) in self.rows.iter().zip(&counts).enumerate() {
            if place > 0 {
                writeln!(f)?;
            }
            write!(f, "{name:<name_width$}  {count:>count_width$}")?;
        }
        Ok(())
    }
}

/// The days of the history, counted from 1970-01-01.
fn business_days(until: NaiveDate) -> Result<Range<i32>> {
    if !(1980..=2200).contains(&until.year()) {
        return Err(message::sample_date_out_of_range(until));
    }
    let before = until.checked_sub_months(HISTORY).unwrap_or(until);
    Ok(before.to_epoch_days() + 1..until.to_epoch_days() + 1)
}

/// Writes `purchases` and `purchase_lines`, a file for each month; gives the rows of both.
fn write_receipts(
    options: &SampleOptions,
    history: &Range<i32>,
    crowd: &mut Crowd,
    staging: &Staging,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(u64, u64)> {
    let mut visits = Visits::new(options.purchases, history, options.seed);
    let mut tills = Tills::new(crowd, options.seed);
    let (mut purchase_count, mut line_count) = (0, 0);
    for month in visits::months(history) {
        let (mut purchases, mut lines) = (PurchaseRows::default(), LineRows::default());
        for visit in visits.of_month(&month) {
            tills.ring_up(&visit, &mut purchases, &mut lines);
        }
        purchase_count += write_table(staging, &format!("purchases/{}", month.name), purchases.finish())?;
        line_count += write_table(staging, &format!("purchase_lines/{}", month.name), lines.finish())?;
        progress(purchase_count, u64::from(options.purchases));
    }
    Ok((purchase_count, line_count))
}

/// Writes what is known of members once all receipts are made; gives the rows of each table.
fn write_members(
    crowd: &Crowd,
    history: &Range<i32>,
    seed: u64,
    staging: &Staging,
) -> Result<Vec<(&'static str, u64)>> {
    let addresses = contacts::addresses(&crowd.members, seed);
    let consents = contacts::consents(&crowd.members, &addresses, history.end, seed);
    let mut reached = crowd.reached.clone();
    reached.sort_unstable();
    Ok(vec![
        ("members", write_table(staging, "members", tables::members(&crowd.members, &addresses))?),
        ("member_levels", write_table(staging, "member_levels", tables::member_levels(&reached))?),
        ("consents", write_table(staging, "consents", tables::consents(&consents))?),
    ])
}

fn write_table(staging: &Staging, name: &str, batch: Result<RecordBatch, ArrowError>) -> Result<u64> {
    let batch = batch.map_err(|error| message::internal("sample rows do not fit their table").with_cause(error))?;
    staging.write(name, &batch)?;
    Ok(batch.num_rows() as u64)
}

/// `55044` as `55,044`.
pub fn with_thousands(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests;
