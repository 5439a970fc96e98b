//! A scalar subquery without a row is NULL, also where its column cannot be.
//!
//! DataFusion 55 takes `(SELECT 1 WHERE false)` for a value that is never NULL, answers `IS NULL` with false and drops the rest of
//! COALESCE. What may have no row is marked here, before anything is simplified.

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::optimizer::AnalyzerRule;

use super::subquery_value::gives_one_row;
use crate::planner::function;

/// See the head of the file.
#[derive(Debug, Default)]
pub struct NullableSubquery;

impl AnalyzerRule for NullableSubquery {
    fn name(&self) -> &str {
        "nullable_subquery"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(|node| {
            let names = NamePreserver::new(&node);
            let marked = node.map_expressions(|expr| {
                let name = names.save(&expr);
                Ok(expr.transform_up(|expr| Ok(mark(expr)))?.update_data(|expr| name.restore(expr)))
            })?;
            if marked.transformed { marked.map_data(LogicalPlan::recompute_schema) } else { Ok(marked) }
        })
        .data()
    }
}

fn mark(expr: Expr) -> Transformed<Expr> {
    match &expr {
        Expr::ScalarSubquery(subquery)
            if subquery.subquery.schema().fields().first().is_some_and(|field| !field.is_nullable())
                && !gives_one_row(&subquery.subquery) =>
        {
            Transformed::yes(function::nullable(expr))
        }
        _ => Transformed::no(expr),
    }
}
