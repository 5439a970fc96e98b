//! Member facts: `purchase_count(member_id, product => 'Bryggkaffe', last => '60 days')` and its kin.
//!
//! The way of a fact through planning, each step a file:
//!
//! 1. [`syntax`] checks the names of the filters in the syntax tree and makes the arguments positional;
//! 2. [`call`] is the function that DataFusion plans: it has a type and never runs;
//! 3. [`filter`] reads the filters' values once parameters are bound: words become identifiers, dates bounds ([`Scope`]);
//! 4. [`place`] takes the calls out of the expressions and puts one [`MemberFacts`] node where the member id comes from,
//!    so that the facts of one SELECT share it;
//! 5. [`lower`] makes of that node one row of facts for each member, by aggregates over [`receipt`]s, joined to the input;
//!    [`rank`] and [`level`] add what is not a sum over receipts. Where the member index holds the files that the statement
//!    sees, [`indexed`] takes the aggregates from there.
//!
//! What plain SQL asks of members by their receipts [`plain`] says as facts before all that, where that index can tell it.
//!
//! What always holds: rows of the input are neither lost nor repeated; a member without purchases, and NULL, has the
//! value "without purchases"; nothing is evaluated row by row; how often receipts and lines are read does not grow with the number of
//! facts. The normative meaning is the contract's, section 3; the tests hold it against PostgreSQL functions.
//!
//! Not here: the words (`history::dictionary`), reading receipts up to the day asked about (`history::relation`).

pub mod call;
mod currency;
pub mod filter;
mod index_exec;
mod indexed;
pub mod level;
pub mod lower;
pub mod node;
pub mod place;
pub mod plain;
pub mod rank;
pub mod receipt;
pub mod syntax;

use arrow::datatypes::DataType;
use datafusion::scalar::ScalarValue;

pub use self::call::FactCall;
pub use self::filter::Scope;
pub use self::index_exec::{Asks, MemberIndexExec};
pub use self::lower::Lowering;
pub use self::node::MemberFacts;
use crate::history::History;

/// What is known of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fact {
    PurchaseCount,
    VisitDays,
    AmountSpent,
    QuantityBought,
    Bought,
    FirstPurchase,
    LastPurchase,
    RfmRecency,
    RfmFrequency,
    RfmMonetary,
    RfmGroup,
    MemberLevel,
}

impl Fact {
    pub const ALL: [Fact; 12] = [
        Fact::PurchaseCount,
        Fact::VisitDays,
        Fact::AmountSpent,
        Fact::QuantityBought,
        Fact::Bought,
        Fact::FirstPurchase,
        Fact::LastPurchase,
        Fact::RfmRecency,
        Fact::RfmFrequency,
        Fact::RfmMonetary,
        Fact::RfmGroup,
        Fact::MemberLevel,
    ];

    /// The name of the SQL function.
    pub fn name(self) -> &'static str {
        match self {
            Fact::PurchaseCount => "purchase_count",
            Fact::VisitDays => "visit_days",
            Fact::AmountSpent => "amount_spent",
            Fact::QuantityBought => "quantity_bought",
            Fact::Bought => "bought",
            Fact::FirstPurchase => "first_purchase",
            Fact::LastPurchase => "last_purchase",
            Fact::RfmRecency => "rfm_recency",
            Fact::RfmFrequency => "rfm_frequency",
            Fact::RfmMonetary => "rfm_monetary",
            Fact::RfmGroup => "rfm_group",
            Fact::MemberLevel => "member_level",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fact| fact.name() == name)
    }

    /// The tables of the history whose values it gives away.
    pub fn tables(self) -> &'static [&'static str] {
        match self {
            Fact::MemberLevel => &["members", "member_levels"],
            _ => &["purchases", "purchase_lines", "products"],
        }
    }

    /// The type of its value, as PostgreSQL calls it.
    pub fn type_name(self) -> &'static str {
        match self {
            Fact::PurchaseCount | Fact::VisitDays => "bigint",
            Fact::AmountSpent => "numeric",
            Fact::QuantityBought => "bigint or numeric",
            Fact::Bought => "boolean",
            Fact::FirstPurchase | Fact::LastPurchase => "date",
            Fact::RfmRecency | Fact::RfmFrequency | Fact::RfmMonetary => "smallint",
            Fact::RfmGroup | Fact::MemberLevel => "text",
        }
    }

    /// In one line.
    pub fn description(self) -> &'static str {
        match self {
            Fact::PurchaseCount => "Number of purchases; 0 without any",
            Fact::VisitDays => "Number of business dates with a purchase; 0 without any",
            Fact::AmountSpent => "Net spend: line amounts less refunds; 0 without purchases",
            Fact::QuantityBought => "Net quantity; 0 without purchases",
            Fact::Bought => "Whether there is a purchase",
            Fact::FirstPurchase => "Business date of the first purchase; NULL without any",
            Fact::LastPurchase => "Business date of the last purchase; NULL without any",
            Fact::RfmRecency => "Recency score from 1 to 5 (best) among the members with a purchase; NULL without any",
            Fact::RfmFrequency => {
                "Frequency score from 1 to 5 (best) among the members with a purchase; NULL without any"
            }
            Fact::RfmMonetary => "Spend score from 1 to 5 (best) among the members with a purchase; NULL without any",
            Fact::RfmGroup => "Name of the member's RFM group; prospect without purchases",
            Fact::MemberLevel => "Loyalty level on the day asked about",
        }
    }

    pub fn example(self) -> &'static str {
        match self {
            Fact::PurchaseCount => {
                "SELECT member_id FROM members WHERE purchase_count(member_id, last => '365 days') > 12"
            }
            Fact::VisitDays => "SELECT member_id FROM members WHERE visit_days(member_id, last => '30 days') >= 4",
            Fact::AmountSpent => {
                "SELECT member_id FROM members WHERE amount_spent(member_id, last => '365 days', currency => 'SEK') > 5000"
            }
            Fact::QuantityBought => {
                "SELECT member_id FROM members WHERE quantity_bought(member_id, category => 'coffee') >= 10"
            }
            Fact::Bought => {
                "SELECT member_id FROM members WHERE bought(member_id, product => 'Bryggkaffe', days => 'mon-thu', hours => '11:00-14:00')"
            }
            Fact::FirstPurchase => "SELECT member_id FROM members WHERE first_purchase(member_id) > asof() - 30",
            Fact::LastPurchase => "SELECT member_id FROM members WHERE last_purchase(member_id) < asof() - 60",
            Fact::RfmRecency => "SELECT member_id FROM members WHERE rfm_recency(member_id, last => '365 days') = 5",
            Fact::RfmFrequency => {
                "SELECT member_id FROM members WHERE rfm_frequency(member_id, last => '365 days') >= 4"
            }
            Fact::RfmMonetary => {
                "SELECT member_id FROM members WHERE rfm_monetary(member_id, last => '365 days', currency => 'SEK') = 5"
            }
            Fact::RfmGroup => {
                "SELECT member_id FROM members WHERE rfm_group(member_id, last => '365 days', currency => 'SEK') = 'champions'"
            }
            Fact::MemberLevel => "SELECT member_id FROM members WHERE level_at_least(member_level(member_id), 'gold')",
        }
    }

    /// Whether it takes filters.
    pub fn has_filters(self) -> bool {
        self != Fact::MemberLevel
    }

    /// Whether it adds up money.
    pub fn is_money(self) -> bool {
        matches!(self, Fact::AmountSpent | Fact::RfmMonetary | Fact::RfmGroup)
    }

    /// Whether it adds up lines, refunds included, rather than looking at receipts.
    pub fn is_sum(self) -> bool {
        matches!(self, Fact::AmountSpent | Fact::QuantityBought)
    }

    /// The facts of the same scope that it is computed from; itself when it comes straight from receipts.
    pub fn parts(self) -> &'static [Fact] {
        match self {
            Fact::RfmRecency => &[Fact::PurchaseCount, Fact::LastPurchase],
            Fact::RfmFrequency => &[Fact::PurchaseCount],
            Fact::RfmMonetary => &[Fact::PurchaseCount, Fact::AmountSpent],
            Fact::RfmGroup => &[Fact::PurchaseCount, Fact::LastPurchase, Fact::AmountSpent],
            Fact::PurchaseCount => &[Fact::PurchaseCount],
            Fact::VisitDays => &[Fact::VisitDays],
            Fact::AmountSpent => &[Fact::AmountSpent],
            Fact::QuantityBought => &[Fact::QuantityBought],
            Fact::Bought => &[Fact::PurchaseCount],
            Fact::FirstPurchase => &[Fact::FirstPurchase],
            Fact::LastPurchase => &[Fact::LastPurchase],
            Fact::MemberLevel => &[],
        }
    }

    /// The type of its value.
    pub fn data_type(self, types: &Types) -> DataType {
        match self {
            Fact::PurchaseCount | Fact::VisitDays => DataType::Int64,
            Fact::AmountSpent => types.amount.clone(),
            Fact::QuantityBought => types.quantity.clone(),
            Fact::Bought => DataType::Boolean,
            Fact::FirstPurchase | Fact::LastPurchase => DataType::Date32,
            Fact::RfmRecency | Fact::RfmFrequency | Fact::RfmMonetary => DataType::Int16,
            Fact::RfmGroup | Fact::MemberLevel => DataType::Utf8View,
        }
    }

    /// The value of a member without purchases; NULL where that is none.
    pub fn without_purchases(self, types: &Types) -> datafusion::common::Result<ScalarValue> {
        match self {
            Fact::PurchaseCount | Fact::VisitDays => Ok(ScalarValue::Int64(Some(0))),
            Fact::AmountSpent | Fact::QuantityBought => ScalarValue::new_zero(&self.data_type(types)),
            Fact::Bought => Ok(ScalarValue::Boolean(Some(false))),
            Fact::RfmGroup => Ok(ScalarValue::Utf8View(Some(rank::PROSPECT.to_owned()))),
            _ => ScalarValue::try_from(&self.data_type(types)),
        }
    }
}

/// The types of identifiers and sums, which are those of the user's own files.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Types {
    pub member: DataType,
    /// Net spend.
    pub amount: DataType,
    /// Net quantity: `bigint` where lines count whole pieces, else `numeric`.
    pub quantity: DataType,
}

impl Types {
    pub fn of(history: &History) -> Self {
        let column = |table: &str, name: &str| {
            let relation = history.relations().find(|relation| relation.name == table)?;
            Some(relation.schema.field_with_name(name).ok()?.data_type().clone())
        };
        // Of a receipt whose lines are unknown, its own amount is added: the type holds both.
        let amount = match (column("purchase_lines", "amount"), column("purchases", "amount")) {
            (Some(one), Some(other)) => Some(wider(one, &other)),
            (one, other) => one.or(other),
        };
        Self {
            member: column("purchases", "member_id").unwrap_or(DataType::Utf8View),
            amount: summed(amount.unwrap_or(DataType::Decimal128(18, 2))),
            quantity: summed(column("purchase_lines", "quantity").unwrap_or(DataType::Int64)),
        }
    }
}

/// A `numeric` that holds both.
fn wider(one: DataType, other: &DataType) -> DataType {
    match (&one, other) {
        (DataType::Decimal128(p1, s1), DataType::Decimal128(p2, s2)) => {
            let scale = (*s1).max(*s2);
            let whole = (i16::from(*p1) - i16::from(*s1)).max(i16::from(*p2) - i16::from(*s2));
            let precision = (whole + i16::from(scale)).clamp(1, 38);
            DataType::Decimal128(u8::try_from(precision).unwrap_or(38), scale)
        }
        _ => one,
    }
}

/// The type of a sum: ten more digits, as DataFusion has it; whole numbers stay `bigint`, and overflow is refused (22003).
fn summed(data_type: DataType) -> DataType {
    match data_type {
        DataType::Decimal128(precision, scale) => DataType::Decimal128(precision.saturating_add(10).min(38), scale),
        other => other,
    }
}
