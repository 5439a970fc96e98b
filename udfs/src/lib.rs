//! DataFusion functions for purchase history: store-local time, business days, weekday sets, time windows, loyalty.
//!
//! Usable by any DataFusion program: register what [`functions`] returns. Each function is a file of its own in the
//! folder
//! of its family; the plain values they work with (zones, weekday sets, windows, tables of levels and day parts) are
//! the modules beside them, which know neither DataFusion nor SQL.
//!
//! What always holds: every function is immutable and answers NULL when an argument is NULL. No function reads the
//! clock or the session. What a function refuses is a [`Refusal`] inside `DataFusionError::External`, with its
//! SQLSTATE;
//! a faulty constant is refused when the statement is planned, a faulty value in a column when it is met.

pub mod day_part;
pub mod level;
pub mod rfm;
pub mod time_of_day;
pub mod time_window;
pub mod weekday;
pub mod zone;

mod argument;
mod group;
mod local_time;
mod loyalty;
mod refusal;

use std::sync::Arc;

use datafusion::logical_expr::ScalarUDF;

pub use self::day_part::{DayPart, DayParts};
pub use self::level::{Level, Levels};
pub use self::local_time::{business_date_of, business_date_of_local};
pub use self::refusal::Refusal;
pub use self::rfm::{RfmGroup, RfmGroups};
pub use self::time_window::TimeWindow;
pub use self::weekday::WeekdaySet;
pub use self::zone::{Cursor, Zone, local_of};

/// The tables that users define and functions take as constants.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Tables {
    /// Loyalty levels; none by default, because levels that nobody defined would answer questions wrongly.
    pub levels: Levels,
    /// Parts of the day; breakfast to night by default, see [`DayParts::default`].
    pub day_parts: DayParts,
    /// Groups of recency, frequency and money; those of `rfm_groups.csv` by default.
    pub rfm_groups: RfmGroups,
}

/// All functions, family by family, with these tables built in.
pub fn functions(tables: &Tables) -> Vec<Arc<ScalarUDF>> {
    let mut all = local_time::functions(&tables.day_parts);
    all.extend(loyalty::functions(&tables.levels));
    all.extend(group::functions(&tables.rfm_groups));
    all.into_iter().map(Arc::new).collect()
}
