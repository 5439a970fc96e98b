//! The engine's rules, each asking at every node whether anybody still waits for the plan, and whether it has grown too large.
//!
//! Optimizing computes for seconds where a statement is long, and never waits: without this a statement that was
//! cancelled or timed out would keep a processor until it is planned. What a rule does to one node cannot be interrupted, so
//! that a node may only be so large.

use datafusion::common::Result;
use datafusion::common::tree_node::Transformed;
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::analyzer::AnalyzerRule;
use datafusion::optimizer::optimizer::ApplyOrder;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};
use datafusion::physical_optimizer::{PhysicalOptimizerContext, PhysicalOptimizerRule};
use datafusion::physical_plan::ExecutionPlan;
use std::sync::Arc;

use crate::execution::cancellation::checkpoint;
use crate::planner::size;

/// The rule that moves conditions below what computes their columns, writing out each column.
const MOVES_CONDITIONS: &str = "push_down_filter";

/// An optimizer rule that stops when nobody waits for the plan.
#[derive(Debug)]
pub struct Interruptible(pub Arc<dyn OptimizerRule + Send + Sync>);

impl OptimizerRule for Interruptible {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        self.0.apply_order()
    }

    fn rewrite(&self, plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        checkpoint()?;
        if self.0.name() == MOVES_CONDITIONS && size::is_too_large_to_move(&plan) {
            return Ok(Transformed::no(plan));
        }
        let rewritten = self.0.rewrite(plan, config)?;
        if rewritten.transformed {
            size::check_node(&rewritten.data)?;
        }
        Ok(rewritten)
    }
}

/// An analyzer rule that does not begin when nobody waits for the plan.
#[derive(Debug)]
pub struct InterruptibleAnalysis(pub Arc<dyn AnalyzerRule + Send + Sync>);

impl AnalyzerRule for InterruptibleAnalysis {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn analyze(&self, plan: LogicalPlan, config: &ConfigOptions) -> Result<LogicalPlan> {
        checkpoint()?;
        self.0.analyze(plan, config)
    }
}

/// The rules of physical plans that do the same.
const MOVE_OVER_COLUMNS: [&str; 3] = ["FilterPushdown", "FilterPushdown(Post)", "PushdownSort"];

/// A rule of physical plans that does not begin when nobody waits for the plan.
#[derive(Debug)]
pub struct InterruptiblePhysical(pub Arc<dyn PhysicalOptimizerRule + Send + Sync>);

impl PhysicalOptimizerRule for InterruptiblePhysical {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        if self.is_left_out(&plan)? { Ok(plan) } else { self.0.optimize(plan, config) }
    }

    fn optimize_with_context(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        context: &dyn PhysicalOptimizerContext,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if self.is_left_out(&plan)? { Ok(plan) } else { self.0.optimize_with_context(plan, context) }
    }

    fn schema_check(&self) -> bool {
        self.0.schema_check()
    }
}

impl InterruptiblePhysical {
    fn is_left_out(&self, plan: &Arc<dyn ExecutionPlan>) -> Result<bool> {
        checkpoint()?;
        Ok(MOVE_OVER_COLUMNS.contains(&self.0.name()) && size::is_too_large_to_write_out(plan))
    }
}
