//! Functions that put members into groups: by their scores, or by chance that stays the same.

mod holdout;
mod rfm_group_of;

use datafusion::logical_expr::ScalarUDF;

use crate::rfm::RfmGroups;

/// The title of the family in the reference.
const FAMILY: &str = "Groups";

/// The family's functions, in the order of the reference.
pub(crate) fn functions(groups: &RfmGroups) -> Vec<ScalarUDF> {
    vec![
        ScalarUDF::new_from_impl(holdout::Holdout::new()),
        ScalarUDF::new_from_impl(rfm_group_of::RfmGroupOf::new(groups.clone())),
    ]
}
