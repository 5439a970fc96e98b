//! Builds an index: rows in any order in, sorted narrow columns out.

use std::fmt;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Date32Type, Decimal128Type, Int16Type, Int64Type, Time64MicrosecondType};

use super::columns::{
    Attributes, HAS_REFUNDS, IS_PLAIN, IS_PURCHASE, Lines, MemberIndex, NO_AMOUNT, NO_CODE, NO_DAY, NO_NUMBER,
    NO_QUANTITY, NO_SECOND, NO_WEEKDAY, Postings, Receipts, Refunds, narrow,
};
use super::interner::Interner;

/// What the index cannot hold; such a history is read from its files as ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unfit {
    /// A column is missing or in a type that the index does not know.
    Type {
        column: &'static str,
        data_type: DataType,
    },
    Missing(&'static str),
    /// A value beyond what a column of the index holds.
    TooLarge(&'static str),
    TooMany(&'static str),
    /// Rows of a relation that are not one for each of this identifier.
    NotUnique(&'static str),
}

impl Unfit {
    pub(crate) fn identifier(found: &ArrayRef) -> Self {
        Self::Type { column: "an identifier", data_type: found.data_type().clone() }
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Type { column, data_type } => write!(f, "{column} is of type {data_type}"),
            Self::Missing(column) => write!(f, "there is no column {column}"),
            Self::TooLarge(column) => write!(f, "a value of {column} is too large"),
            Self::TooMany(what) => write!(f, "there are too many {what}"),
            Self::NotUnique(column) => write!(f, "a row has no {column}, or that of another row"),
        }
    }
}

impl std::error::Error for Unfit {}

/// Types and scales of what is added up.
#[derive(Debug, Clone)]
pub struct Scales {
    /// Of members, receipts, stores and products: `bigint` or `text`.
    pub member: DataType,
    pub purchase: DataType,
    pub store: DataType,
    pub product: DataType,
    /// Digits after the point of amounts and of quantities.
    pub amount: i8,
    pub quantity: i8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Completed,
    Refund,
    Voided,
    Other,
}

/// Receipts as they came; a row's number is that of its `purchase_id`.
#[derive(Debug, Default)]
struct RawReceipts {
    member: Vec<u32>,
    status: Vec<Status>,
    at: Attributes,
    amount: Vec<i64>,
    /// Refunds that name a purchase, and which.
    links: Vec<(u32, Link)>,
}

#[derive(Debug, Clone)]
enum Link {
    Number(i64),
    Text(Box<str>),
}

#[derive(Debug, Default)]
struct RawLines {
    receipt: Vec<u32>,
    lines: Lines,
}

/// Takes members, then receipts, then lines, each in batches of any size and order.
#[derive(Debug)]
pub struct Builder {
    scales: Scales,
    members: Interner,
    known_members: usize,
    purchases: Interner,
    stores: Interner,
    products: Interner,
    channels: Interner,
    receipts: RawReceipts,
    lines: RawLines,
}

impl Builder {
    /// # Errors
    /// [`Unfit::Type`] for identifiers that are neither `bigint` nor `text`.
    pub fn new(scales: Scales) -> Result<Self, Unfit> {
        Ok(Self {
            members: Interner::new(&scales.member)?,
            known_members: 0,
            purchases: Interner::new(&scales.purchase)?,
            stores: Interner::new(&scales.store)?,
            products: Interner::new(&scales.product)?,
            channels: Interner::new(&DataType::Utf8View)?,
            receipts: RawReceipts::default(),
            lines: RawLines::default(),
            scales,
        })
    }

    /// `member_id` of the relation of members; before any receipt. The index stands for that relation, so each of its
    /// rows must be a member of its own.
    ///
    /// # Errors
    /// What does not fit; [`Unfit::NotUnique`] for a member that is NULL or repeated.
    pub fn add_members(&mut self, batch: &RecordBatch) -> Result<(), Unfit> {
        self.members.intern(column(batch, "member_id")?)?;
        if self.members.len() != self.known_members + batch.num_rows() {
            return Err(Unfit::NotUnique("member_id"));
        }
        self.known_members = self.members.len();
        Ok(())
    }

    /// `purchase_id`, `member_id`, `store_id`, `channel`, `status`, `business_date`, `weekday`, `local_time` and, where
    /// receipts have them, `amount` and `refund_of`.
    ///
    /// # Errors
    /// What does not fit.
    pub fn add_receipts(&mut self, batch: &RecordBatch) -> Result<(), Unfit> {
        let before = self.purchases.len();
        self.purchases.intern(column(batch, "purchase_id")?)?;
        if self.purchases.len() != before + batch.num_rows() {
            return Err(Unfit::TooMany("receipts of one purchase_id"));
        }
        let raw = &mut self.receipts;
        raw.member.extend(self.members.intern(column(batch, "member_id")?)?);
        raw.at.store.extend(codes(self.stores.intern(column(batch, "store_id")?)?, "stores")?);
        raw.at.channel.extend(codes(self.channels.intern(column(batch, "channel")?)?, "channels")?);
        let status = column(batch, "status")?.as_string_view_opt().ok_or(Unfit::Missing("status"))?;
        raw.status.extend(status.iter().map(|status| match status {
            Some("completed") => Status::Completed,
            Some("refund") => Status::Refund,
            // What is neither completed nor anything else counts nowhere.
            Some("voided") | None => Status::Voided,
            Some(_) => Status::Other,
        }));
        let days = column(batch, "business_date")?;
        let days = days.as_primitive_opt::<Date32Type>().ok_or(Unfit::Missing("business_date"))?;
        raw.at.day.extend(days.iter().map(|day| day.unwrap_or(NO_DAY)));
        let weekdays = column(batch, "weekday")?;
        let weekdays = weekdays.as_primitive_opt::<Int16Type>().ok_or(Unfit::Missing("weekday"))?;
        let bit = |day: i16| if (1..=7).contains(&day) { 1_u8 << day } else { NO_WEEKDAY };
        raw.at.weekday.extend(weekdays.iter().map(|day| day.map_or(NO_WEEKDAY, bit)));
        let times = column(batch, "local_time")?;
        let times = times.as_primitive_opt::<Time64MicrosecondType>().ok_or(Unfit::Missing("local_time"))?;
        let second = |time: i64| u32::try_from(time.div_euclid(1_000_000)).unwrap_or(NO_SECOND);
        raw.at.second.extend(times.iter().map(|time| time.map_or(NO_SECOND, second)));
        match batch.column_by_name("amount") {
            Some(amounts) => raw.amount.extend(scaled_amounts(amounts, self.scales.amount)?),
            None => raw.amount.extend(std::iter::repeat_n(NO_AMOUNT, batch.num_rows())),
        }
        if let Some(links) = batch.column_by_name("refund_of") {
            for row in (0..links.len()).filter(|row| links.is_valid(*row)) {
                let link = match links.data_type() {
                    DataType::Int64 => Link::Number(links.as_primitive::<Int64Type>().value(row)),
                    DataType::Utf8View => Link::Text(links.as_string_view().value(row).into()),
                    _ => return Err(Unfit::identifier(links)),
                };
                raw.links.push((narrow(before + row), link));
            }
        }
        Ok(())
    }

    /// `purchase_id`, `product_id`, `quantity` and `amount`; after all receipts. Lines of no receipt are left out.
    ///
    /// # Errors
    /// What does not fit.
    pub fn add_lines(&mut self, batch: &RecordBatch) -> Result<(), Unfit> {
        let receipts = self.purchases.numbers(column(batch, "purchase_id")?)?;
        let products = self.products.intern(column(batch, "product_id")?)?;
        let quantities = scaled_quantities(column(batch, "quantity")?, self.scales.quantity)?;
        let amounts = scaled_amounts(column(batch, "amount")?, self.scales.amount)?;
        let raw = &mut self.lines;
        for (row, receipt) in receipts.into_iter().enumerate().filter(|(_, receipt)| *receipt != NO_NUMBER) {
            raw.receipt.push(receipt);
            raw.lines.product.push(products[row]);
            raw.lines.quantity.push(quantities[row]);
            raw.lines.amount.push(amounts[row]);
        }
        if raw.receipt.len() >= NO_NUMBER as usize { Err(Unfit::TooMany("lines")) } else { Ok(()) }
    }

    /// Bytes of what was taken so far, about.
    pub fn bytes(&self) -> usize {
        self.receipts.member.len() * 30
            + self.lines.receipt.len() * 20
            + self.members.bytes()
            + self.purchases.bytes()
            + self.receipts.links.len() * 32
    }

    /// Lines and receipts taken so far.
    pub fn rows(&self) -> usize {
        self.receipts.member.len() + self.lines.receipt.len()
    }

    /// Sorts what was taken.
    ///
    /// # Errors
    /// [`Unfit::TooLarge`] for a receipt whose sum is beyond 18 digits.
    pub fn finish(self) -> Result<MemberIndex, Unfit> {
        let Self {
            scales, members, known_members, purchases, stores, products, channels, receipts: raw, lines, ..
        } = self;
        let sums = Sums::of(&raw, &lines)?;
        let links = linked(&raw, &purchases);
        drop(purchases);
        let refunded = refunds_of(&raw, &links);
        let order = by_member(&raw, members.len(), |row| {
            (raw.status[row] == Status::Completed && raw.member[row] != NO_NUMBER).then_some(raw.member[row])
        });
        let refund_order = by_member(&raw, members.len(), |row| {
            let member = refunded.get(&narrow(row))?.member;
            (member != NO_NUMBER).then_some(member)
        });
        let mut position = vec![NO_NUMBER; raw.member.len()];
        for (at, row) in order.rows.iter().enumerate() {
            position[*row as usize] = narrow(at);
        }
        let mut receipts = Receipts {
            of_member: order.starts,
            member: order.rows.iter().map(|row| raw.member[*row as usize]).collect(),
            at: raw.at.taken(&order.rows),
            flags: order.rows.iter().map(|row| if sums.is_purchase(*row) { IS_PURCHASE } else { 0 }).collect(),
            total: order.rows.iter().map(|row| sums.total(*row, &raw)).collect(),
            amount: order.rows.iter().map(|row| sums.amount(*row, &raw)).collect(),
            ..Receipts::default()
        };
        let mut refunds = Refunds { of_member: refund_order.starts, ..Refunds::default() };
        let mut has_early_refunds = false;
        let mut refund_at = vec![NO_NUMBER; raw.member.len()];
        for row in &refund_order.rows {
            let at = *row as usize;
            refund_at[at] = narrow(refunds.own_day.len());
            let link = refunded.get(row).and_then(|refund| refund.of);
            refunds.at.push(&raw.at, at, link.map(|link| link as usize));
            refunds.own_day.push(raw.at.day[at]);
            refunds.receipt.push(link.map_or(NO_NUMBER, |link| position[link as usize]));
            refunds.is_of_purchase.push(link.is_some_and(|link| sums.is_purchase(link)));
            refunds.total.push(link.map_or(0, |link| sums.total(link, &raw)));
            let amount = sums.amount(*row, &raw);
            let is_refund = raw.status[at] == Status::Refund;
            refunds.amount.push(if is_refund && amount != NO_AMOUNT && !sums.knows_lines(*row) {
                -amount.abs()
            } else if is_refund && sums.knows_lines(*row) {
                sums.negative[at]
            } else {
                amount
            });
            if let Some(link) = link {
                let (own, of) = (raw.at.day[at], raw.at.day[link as usize]);
                has_early_refunds |= own != NO_DAY && (of == NO_DAY || of > own);
                if let Some(receipt) = receipts.flags.get_mut(position[link as usize] as usize) {
                    *receipt |= HAS_REFUNDS;
                }
            }
        }
        drop(sums);
        (receipts.lines_of, receipts.lines) = lines.placed(&position, receipts.member.len(), |_| false);
        (refunds.lines_of, refunds.lines) =
            lines.placed(&refund_at, refunds.own_day.len(), |row| raw.status[row] == Status::Refund);
        drop(lines);
        receipts.mark_plain();
        let days = &receipts.at.day;
        let days = (days.iter().min().copied().unwrap_or(0), days.iter().max().copied().unwrap_or(0));
        let known = receipts.amount.iter().filter(|amount| **amount != NO_AMOUNT);
        let sums_are_narrow = known.map(|amount| u128::from(amount.unsigned_abs())).sum::<u128>() < NARROW_MAX;
        let postings = Postings::of(&receipts, products.len());
        let member_ids = members.ids();
        Ok(MemberIndex {
            members,
            member_ids,
            known_members,
            products,
            stores,
            channels,
            receipts,
            refunds,
            postings,
            has_early_refunds,
            days,
            sums_are_narrow,
            amount_scale: scales.amount,
        })
    }
}

/// What the lines of each receipt, as it came, add up to.
struct Sums {
    /// Whether it has lines.
    known: Vec<bool>,
    /// Whether one of them is more than nothing.
    positive: Vec<bool>,
    amount: Vec<i64>,
    /// The same with every amount taken back.
    negative: Vec<i64>,
}

impl Sums {
    fn of(raw: &RawReceipts, lines: &RawLines) -> Result<Self, Unfit> {
        let count = raw.member.len();
        let mut sums = Self {
            known: vec![false; count],
            positive: vec![false; count],
            amount: vec![NO_AMOUNT; count],
            negative: vec![NO_AMOUNT; count],
        };
        for (line, receipt) in lines.receipt.iter().enumerate() {
            let at = *receipt as usize;
            sums.known[at] = true;
            sums.positive[at] |= lines.lines.quantity[line] > 0;
            let amount = lines.lines.amount[line];
            add(&mut sums.amount[at], amount)?;
            add(&mut sums.negative[at], if amount == NO_AMOUNT { NO_AMOUNT } else { -amount.abs() })?;
        }
        Ok(sums)
    }

    fn knows_lines(&self, row: u32) -> bool {
        self.known[row as usize]
    }

    fn is_purchase(&self, row: u32) -> bool {
        !self.known[row as usize] || self.positive[row as usize]
    }

    fn amount(&self, row: u32, raw: &RawReceipts) -> i64 {
        if self.known[row as usize] { self.amount[row as usize] } else { raw.amount[row as usize] }
    }

    fn total(&self, row: u32, raw: &RawReceipts) -> i64 {
        [self.amount[row as usize], raw.amount[row as usize], 0]
            .into_iter()
            .find(|total| *total != NO_AMOUNT)
            .unwrap_or(0)
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
const AMOUNT_MAX: i64 = 1_000_000_000_000_000_000;

/// Sums of 64 bits are less than this.
const NARROW_MAX: u128 = 1 << 63;

impl Receipts {
    /// Marks the receipts that are bought as they stand.
    fn mark_plain(&mut self) {
        for receipt in 0..self.flags.len() {
            let quantities = &self.lines.quantity[super::columns::rows_of(&self.lines_of, receipt)];
            if self.flags[receipt] & HAS_REFUNDS == 0 && quantities.iter().all(|quantity| *quantity > 0) {
                self.flags[receipt] |= IS_PLAIN;
            }
        }
    }
}

/// A receipt that is neither completed nor voided.
struct Refunded {
    /// The completed receipt that it names.
    of: Option<u32>,
    /// Whose it is.
    member: u32,
}

/// The receipt that a refund names, by its row; completed ones only.
fn linked(raw: &RawReceipts, purchases: &Interner) -> hashbrown::HashMap<u32, u32> {
    let is_completed = |row: &u32| raw.status[*row as usize] == Status::Completed;
    let link = |(row, link): &(u32, Link)| {
        let of = match link {
            Link::Number(id) => purchases.of_number(*id),
            Link::Text(id) => purchases.of_text(id),
        };
        Some((*row, of.filter(is_completed)?))
    };
    raw.links.iter().filter(|(row, _)| raw.status[*row as usize] == Status::Refund).filter_map(link).collect()
}

fn refunds_of(raw: &RawReceipts, links: &hashbrown::HashMap<u32, u32>) -> hashbrown::HashMap<u32, Refunded> {
    let is_one = |row: &usize| matches!(raw.status[*row], Status::Refund | Status::Other);
    let refunds = (0..raw.member.len()).filter(is_one).map(|row| {
        let of = links.get(&narrow(row)).copied();
        let of_link = of.map(|of| raw.member[of as usize]).filter(|member| *member != NO_NUMBER);
        (narrow(row), Refunded { of, member: of_link.unwrap_or(raw.member[row]) })
    });
    refunds.collect()
}

/// Rows in the order of their members, and of their days within.
struct Order {
    starts: Vec<u32>,
    rows: Vec<u32>,
}

fn by_member(raw: &RawReceipts, members: usize, member_of: impl Fn(usize) -> Option<u32>) -> Order {
    let count = raw.member.len();
    let mut starts = vec![0_u32; members + 1];
    for member in (0..count).filter_map(&member_of) {
        starts[member as usize + 1] += 1;
    }
    for member in 0..members {
        starts[member + 1] += starts[member];
    }
    let mut next = starts.clone();
    let mut rows = vec![0_u32; starts[members] as usize];
    for row in 0..count {
        if let Some(member) = member_of(row) {
            rows[next[member as usize] as usize] = narrow(row);
            next[member as usize] += 1;
        }
    }
    for member in 0..members {
        rows[starts[member] as usize..starts[member + 1] as usize].sort_by_key(|row| raw.at.day[*row as usize]);
    }
    Order { starts, rows }
}

impl Attributes {
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

    /// The attributes of a refund: those of its purchase, its own where that has none. A channel that the purchase does
    /// not know is unknown.
    fn push(&mut self, raw: &Self, own: usize, of: Option<usize>) {
        fn first<T: Copy + PartialEq>(values: &[T], own: usize, of: Option<usize>, none: T) -> T {
            of.map(|of| values[of]).filter(|value| *value != none).unwrap_or(values[own])
        }
        self.day.push(first(&raw.day, own, of, NO_DAY));
        self.weekday.push(first(&raw.weekday, own, of, NO_WEEKDAY));
        self.second.push(first(&raw.second, own, of, NO_SECOND));
        self.store.push(first(&raw.store, own, of, NO_CODE));
        self.channel.push(raw.channel[of.unwrap_or(own)]);
    }
}

impl RawLines {
    /// The lines of the receipts that have a position, in its order; `is_back`: what of is taken back.
    fn placed(&self, position: &[u32], count: usize, is_back: impl Fn(usize) -> bool) -> (Vec<u32>, Lines) {
        let mut starts = vec![0_u32; count + 1];
        for receipt in &self.receipt {
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
        for (row, receipt) in self.receipt.iter().enumerate() {
            let at = position[*receipt as usize];
            if at == NO_NUMBER {
                continue;
            }
            let to = next[at as usize] as usize;
            next[at as usize] += 1;
            let (quantity, amount) = (self.lines.quantity[row], self.lines.amount[row]);
            let back = is_back(*receipt as usize);
            lines.product[to] = self.lines.product[row];
            lines.quantity[to] = if back && quantity != NO_QUANTITY { -quantity.abs() } else { quantity };
            lines.amount[to] = if back && amount != NO_AMOUNT { -amount.abs() } else { amount };
        }
        (starts, lines)
    }
}

impl Postings {
    fn of(receipts: &Receipts, products: usize) -> Self {
        let mut last = vec![NO_NUMBER; products];
        let mut starts = vec![0_u32; products + 1];
        let mut each = |receipts: &Receipts, put: &mut dyn FnMut(usize, u32)| {
            last.fill(NO_NUMBER);
            for receipt in 0..receipts.member.len() {
                for line in super::columns::rows_of(&receipts.lines_of, receipt) {
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

fn column<'a>(batch: &'a RecordBatch, name: &'static str) -> Result<&'a ArrayRef, Unfit> {
    batch.column_by_name(name).ok_or(Unfit::Missing(name))
}

/// Numbers of what there are few of.
fn codes(numbers: Vec<u32>, what: &'static str) -> Result<Vec<u16>, Unfit> {
    let code = |number: u32| match number {
        NO_NUMBER => Ok(NO_CODE),
        number => u16::try_from(number).ok().filter(|code| *code != NO_CODE).ok_or(Unfit::TooMany(what)),
    };
    numbers.into_iter().map(code).collect()
}

/// Amounts with so many digits after the point; never fewer than they have.
fn scaled_amounts(amounts: &ArrayRef, scale: i8) -> Result<Vec<i64>, Unfit> {
    let scaled = scaled(amounts, scale, "amount")?;
    let narrow = |amount: Option<i128>| match amount {
        None => Ok(NO_AMOUNT),
        Some(amount) => {
            i64::try_from(amount).ok().filter(|amount| amount.abs() < AMOUNT_MAX).ok_or(Unfit::TooLarge("amount"))
        }
    };
    scaled.into_iter().map(narrow).collect()
}

fn scaled_quantities(quantities: &ArrayRef, scale: i8) -> Result<Vec<i32>, Unfit> {
    let scaled = scaled(quantities, scale, "quantity")?;
    let narrow = |quantity: Option<i128>| match quantity {
        None => Ok(NO_QUANTITY),
        Some(quantity) => i32::try_from(quantity).ok().filter(|q| *q > -i32::MAX).ok_or(Unfit::TooLarge("quantity")),
    };
    scaled.into_iter().map(narrow).collect()
}

fn scaled(values: &ArrayRef, scale: i8, column: &'static str) -> Result<Vec<Option<i128>>, Unfit> {
    let other = || Unfit::Type { column, data_type: values.data_type().clone() };
    let (values, own): (Vec<Option<i128>>, i8) = match values.data_type() {
        DataType::Int64 => (values.as_primitive::<Int64Type>().iter().map(|v| v.map(i128::from)).collect(), 0),
        DataType::Decimal128(_, own) => (values.as_primitive::<Decimal128Type>().iter().collect(), *own),
        _ => return Err(other()),
    };
    let digits = u32::try_from(i16::from(scale) - i16::from(own)).map_err(|_| other())?;
    let factor = 10_i128.checked_pow(digits).ok_or(Unfit::TooLarge(column))?;
    if factor == 1 {
        return Ok(values);
    }
    values.into_iter().map(|v| v.map(|v| v.checked_mul(factor).ok_or(Unfit::TooLarge(column))).transpose()).collect()
}
