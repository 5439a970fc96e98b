//! Functions of loyalty levels, over a table of levels that they carry as a constant.

mod level_at_least;
mod level_rank;
mod loyalty_level;

use datafusion::logical_expr::ScalarUDF;

use crate::level::Levels;

/// The title of the family in the reference.
const FAMILY: &str = "Loyalty";

/// The family's functions, in the order of the reference.
pub(crate) fn functions(levels: &Levels) -> Vec<ScalarUDF> {
    vec![
        ScalarUDF::new_from_impl(loyalty_level::LoyaltyLevel::new(levels.clone())),
        ScalarUDF::new_from_impl(level_rank::LevelRank::new(levels.clone())),
        ScalarUDF::new_from_impl(level_at_least::LevelAtLeast::new(levels.clone())),
    ]
}
