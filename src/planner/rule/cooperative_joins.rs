//! Joins give the processor back now and then, so that a cancelled statement stops at once.
//!
//! A task of the engine can be ended only where it yields. The engine makes the leaves of a plan yield, but a join may
//! give millions of batches for one that it reads (`a CROSS JOIN b`), and whoever consumes them never sees its leaf
//! again. So the output of every join, and of unnesting, yields like a leaf.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coop::CooperativeExec;

/// See the head of the file. The last of the physical rules: those before it look for joins as they are.
#[derive(Debug, Default)]
pub struct CooperativeJoins;

/// The operators that can multiply their input.
const MULTIPLYING: &[&str] = &[
    "CrossJoinExec",
    "HashJoinExec",
    "NestedLoopJoinExec",
    "PiecewiseMergeJoinExec",
    "SortMergeJoinExec",
    "UnnestExec",
];

impl PhysicalOptimizerRule for CooperativeJoins {
    fn name(&self) -> &str {
        "cooperative_joins"
    }

    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| {
            if MULTIPLYING.contains(&node.name()) {
                Ok(Transformed::yes(Arc::new(CooperativeExec::new(node)) as Arc<dyn ExecutionPlan>))
            } else {
                Ok(Transformed::no(node))
            }
        })
        .data()
    }

    fn schema_check(&self) -> bool {
        true
    }
}
