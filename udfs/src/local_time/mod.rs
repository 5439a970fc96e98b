//! Functions of local time: dates, weekdays and times of day as a store's clock and calendar have them.

mod business_date;
mod day_part;
mod in_time_window;
mod next_anniversary;
mod timezone;
mod weekday;
mod weekday_in;

use datafusion::logical_expr::ScalarUDF;

use crate::day_part::DayParts;

pub use self::business_date::{business_date_of, business_date_of_local};

/// The title of the family in the reference.
const FAMILY: &str = "Local time";

/// The family's functions, in the order of the reference.
pub(crate) fn functions(day_parts: &DayParts) -> Vec<ScalarUDF> {
    vec![
        ScalarUDF::new_from_impl(business_date::BusinessDate::new()),
        ScalarUDF::new_from_impl(timezone::Timezone::new()),
        ScalarUDF::new_from_impl(weekday::Weekday::new()),
        ScalarUDF::new_from_impl(weekday_in::WeekdayIn::new()),
        ScalarUDF::new_from_impl(in_time_window::InTimeWindow::new()),
        ScalarUDF::new_from_impl(day_part::DayPartName::new(day_parts.clone())),
        ScalarUDF::new_from_impl(next_anniversary::NextAnniversary::new()),
    ]
}
