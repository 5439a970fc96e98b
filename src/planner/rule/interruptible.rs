//! The engine's rules, each asking at every node whether anybody still waits for the plan.
//!
//! Optimizing computes for seconds where a statement is long, and never waits: without this a statement that was
//! cancelled or timed out would keep a processor until it is planned.

use datafusion::common::Result;
use datafusion::common::tree_node::Transformed;
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::analyzer::AnalyzerRule;
use datafusion::optimizer::optimizer::ApplyOrder;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};
use std::sync::Arc;

use crate::execution::cancellation::checkpoint;

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
        self.0.rewrite(plan, config)
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
