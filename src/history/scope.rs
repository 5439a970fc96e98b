//! What of the purchase history a fact looks at: the filters of a call as identifiers, bounds and sets.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::scalar::ScalarValue;
use regulars_udfs::{TimeWindow, WeekdaySet};

use super::id::Id;

/// Identifiers to be among.
pub type Ids = Arc<BTreeSet<Id>>;

/// Which receipts, and which lines of them, a fact looks at. All of it holds on the same receipt.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Scope {
    /// Lines of these products: `product` and `category` together.
    pub products: Option<Ids>,
    /// Of each of these the receipt has some.
    pub all_products: Vec<Ids>,
    /// `store` and `currency` together.
    pub stores: Option<Ids>,
    pub channels: Option<Arc<BTreeSet<String>>>,
    pub weekdays: Option<WeekdaySet>,
    pub hours: Option<TimeWindow>,
    /// Business dates as days since 1970-01-01, both inclusive: `from_date`, `to_date` and `last` together.
    pub from_day: Option<i32>,
    pub to_day: Option<i32>,
    /// Of the receipt's gross total; a `numeric`.
    pub min_amount: Option<ScalarValue>,
    /// As if nothing had been returned.
    pub is_gross: bool,
    /// Completed receipts as they stand in the table, and products as they stand on lines: what is no purchase counts too, and so does
    /// what came back.
    pub as_rows: bool,
}
