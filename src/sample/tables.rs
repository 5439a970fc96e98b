//! The sample's rows as the tables of the contract: names, types and order of the columns.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Decimal128Array, Int32Array, Int64Array, StringArray, Time64MicrosecondArray,
    TimestampMicrosecondArray,
};
use arrow::array::{Decimal128Builder, Int32Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder};
use arrow::datatypes::{Field, Schema};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;

use super::contacts::{Address, Consent};
use super::loyalty::{LEVELS, Reached};
use super::members::{FIRST_MEMBER_ID, Member};
use super::products::PRODUCTS;
use super::receipts::{Line, Receipt};
use super::stores::STORES;

type Rows = Result<RecordBatch, ArrowError>;

const MONEY_PRECISION: u8 = 18;
const MONEY_SCALE: i8 = 2;

/// Companies whose people are members through their employer; the id is the place, counted from 1.
pub const BUSINESS_CUSTOMERS: [&str; 8] = [
    "Exempelbolaget AB",
    "Exempel Bygg AB",
    "Exempel Redovisning AB",
    "Example Legal LLP",
    "Example Studios Ltd",
    "Example Shipping Inc.",
    "Example Robotics Inc.",
    "範例股份有限公司",
];

pub fn stores(first_day: i32) -> Rows {
    let starts = STORES.iter().map(|store| i64::from(store.day_starts_hour()) * 3_600_000_000);
    batch([
        ("store_id", false, numbered(STORES.len())),
        ("name", false, texts(STORES.iter().map(|store| Some(store.name)))),
        ("time_zone", false, texts(STORES.iter().map(|store| Some(store.market.time_zone().name())))),
        ("day_starts_at", false, Arc::new(Time64MicrosecondArray::from_iter_values(starts))),
        ("currency", false, texts(STORES.iter().map(|store| Some(store.market.currency())))),
        ("city", false, texts(STORES.iter().map(|store| Some(store.city)))),
        ("country", false, texts(STORES.iter().map(|store| Some(store.market.country())))),
        ("opened_on", false, dates(STORES.iter().map(|store| Some(first_day + store.opened)))),
    ])
}

pub fn products() -> Rows {
    batch([
        ("product_id", false, numbered(PRODUCTS.len())),
        ("sku", false, texts(PRODUCTS.iter().map(|product| Some(product.sku)))),
        ("name", false, texts(PRODUCTS.iter().map(|product| Some(product.name)))),
        ("category", false, texts(PRODUCTS.iter().map(|product| Some(product.category.name())))),
    ])
}

pub fn loyalty_levels() -> Rows {
    batch([
        ("level", false, texts(LEVELS.iter().map(|level| Some(level.name)))),
        ("rank", false, Arc::new(Int32Array::from_iter_values(1..=LEVELS.len() as i32))),
        ("points_from", false, longs(LEVELS.iter().map(|level| Some(level.points_from as i64)))),
        ("spend_from", false, money(LEVELS.iter().map(|level| level.spend_from))?),
    ])
}

pub fn business_customers() -> Rows {
    batch([
        ("business_customer_id", false, numbered(BUSINESS_CUSTOMERS.len())),
        ("name", false, texts(BUSINESS_CUSTOMERS.iter().map(|&name| Some(name)))),
    ])
}

/// `addresses` stand in the order of `members`.
pub fn members(members: &[Member], addresses: &[Address]) -> Rows {
    let level = |member: &Member| member.verified_at.map(|_| LEVELS[member.level].name);
    let employer = |member: &Member| member.business_customer.map(|place| place as i64 + 1);
    let home = |(member, address): (&Member, &Address)| address.knows_home.then_some(member.home as i64 + 1);
    batch([
        ("member_id", false, longs((FIRST_MEMBER_ID..).take(members.len()).map(Some))),
        ("joined_on", false, dates(members.iter().map(|member| Some(member.joined)))),
        ("verified_at", true, instants(members.iter().map(|member| member.verified_at))),
        ("birthday", true, dates(addresses.iter().map(|address| address.birthday))),
        ("email", true, texts(addresses.iter().map(|address| address.email.as_deref()))),
        ("phone", true, texts(addresses.iter().map(|address| address.phone.as_deref()))),
        ("line_user_id", true, texts(addresses.iter().map(|address| address.line_user_id.as_deref()))),
        ("loyalty_points", false, longs(members.iter().map(|member| Some(member.points as i64)))),
        ("loyalty_level", true, texts(members.iter().map(level))),
        ("business_customer_id", true, longs(members.iter().map(employer))),
        ("home_store_id", true, longs(members.iter().zip(addresses).map(home))),
        ("country", true, texts(addresses.iter().map(|address| address.country))),
        ("locale", true, texts(addresses.iter().map(|address| address.locale))),
        ("erased_at", true, instants(members.iter().map(|member| member.erased_at))),
    ])
}

pub fn member_levels(reached: &[Reached]) -> Rows {
    batch([
        ("member_id", false, longs(reached.iter().map(|row| Some(FIRST_MEMBER_ID + i64::from(row.member))))),
        ("level", false, texts(reached.iter().map(|row| Some(LEVELS[row.level].name)))),
        ("reached_at", false, instants(reached.iter().map(|row| Some(row.at)))),
    ])
}

pub fn consents(consents: &[Consent]) -> Rows {
    let status = |consent: &Consent| Some(if consent.granted { "granted" } else { "withdrawn" });
    batch([
        ("member_id", false, longs(consents.iter().map(|row| Some(FIRST_MEMBER_ID + i64::from(row.member))))),
        ("channel", false, texts(consents.iter().map(|row| Some(row.channel)))),
        ("status", false, texts(consents.iter().map(status))),
        ("changed_at", false, instants(consents.iter().map(|row| Some(row.at)))),
    ])
}

/// Rows of `purchases`, gathered for one month.
#[derive(Debug, Default)]
pub struct PurchaseRows {
    purchase_id: Int64Builder,
    member_id: Int64Builder,
    store_id: Int64Builder,
    purchased_at: TimestampMicrosecondBuilder,
    channel: StringBuilder,
    status: StringBuilder,
    amount: Decimal128Builder,
    currency: StringBuilder,
    refund_of: Int64Builder,
}

impl PurchaseRows {
    pub fn add(&mut self, receipt: &Receipt) {
        self.purchase_id.append_value(receipt.purchase_id);
        self.member_id.append_option(receipt.member_id);
        self.store_id.append_value(receipt.store as i64 + 1);
        self.purchased_at.append_value(receipt.at);
        self.channel.append_value(receipt.channel);
        self.status.append_value(receipt.status);
        self.amount.append_value(i128::from(receipt.amount));
        self.currency.append_value(STORES[receipt.store].market.currency());
        self.refund_of.append_option(receipt.refund_of);
    }

    pub fn finish(mut self) -> Rows {
        batch([
            ("purchase_id", false, Arc::new(self.purchase_id.finish()) as ArrayRef),
            ("member_id", true, Arc::new(self.member_id.finish())),
            ("store_id", false, Arc::new(self.store_id.finish())),
            ("purchased_at", false, Arc::new(self.purchased_at.finish().with_timezone("UTC"))),
            ("channel", false, Arc::new(self.channel.finish())),
            ("status", false, Arc::new(self.status.finish())),
            ("amount", false, as_money(self.amount.finish())?),
            ("currency", false, Arc::new(self.currency.finish())),
            ("refund_of", true, Arc::new(self.refund_of.finish())),
        ])
    }
}

/// Rows of `purchase_lines`, gathered for one month.
#[derive(Debug, Default)]
pub struct LineRows {
    purchase_id: Int64Builder,
    line_no: Int32Builder,
    product_id: Int64Builder,
    quantity: Int32Builder,
    unit_price: Decimal128Builder,
    discount: Decimal128Builder,
    amount: Decimal128Builder,
}

impl LineRows {
    pub fn add(&mut self, purchase_id: i64, lines: &[Line]) {
        for (line_no, line) in (1..).zip(lines) {
            self.purchase_id.append_value(purchase_id);
            self.line_no.append_value(line_no);
            self.product_id.append_value(line.product as i64 + 1);
            self.quantity.append_value(line.quantity);
            self.unit_price.append_value(i128::from(line.unit_price));
            self.discount.append_value(i128::from(line.discount));
            self.amount.append_value(i128::from(line.amount));
        }
    }

    pub fn finish(mut self) -> Rows {
        batch([
            ("purchase_id", false, Arc::new(self.purchase_id.finish()) as ArrayRef),
            ("line_no", false, Arc::new(self.line_no.finish())),
            ("product_id", false, Arc::new(self.product_id.finish())),
            ("quantity", false, Arc::new(self.quantity.finish())),
            ("unit_price", false, as_money(self.unit_price.finish())?),
            ("discount", false, as_money(self.discount.finish())?),
            ("amount", false, as_money(self.amount.finish())?),
        ])
    }
}

/// Columns by name, whether NULL may occur, and values.
fn batch<const N: usize>(columns: [(&str, bool, ArrayRef); N]) -> Rows {
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, nullable, values)| Field::new(*name, values.data_type().clone(), *nullable))
        .collect();
    let values = columns.into_iter().map(|(_, _, values)| values).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), values)
}

fn numbered(count: usize) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(1..=count as i64))
}

fn longs(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(values.collect::<Int64Array>())
}

fn texts<'a>(values: impl Iterator<Item = Option<&'a str>>) -> ArrayRef {
    Arc::new(values.collect::<StringArray>())
}

/// Days since 1970-01-01.
fn dates(values: impl Iterator<Item = Option<i32>>) -> ArrayRef {
    Arc::new(values.collect::<Date32Array>())
}

/// Microseconds since 1970 UTC.
fn instants(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(values.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
}

/// Hundredths.
fn money(values: impl Iterator<Item = i64>) -> Result<ArrayRef, ArrowError> {
    as_money(Decimal128Array::from_iter_values(values.map(i128::from)))
}

fn as_money(values: Decimal128Array) -> Result<ArrayRef, ArrowError> {
    Ok(Arc::new(values.with_precision_and_scale(MONEY_PRECISION, MONEY_SCALE)?))
}
