//! `x IN (SELECT …)` where a value is wanted, over the catalog.
//!
//! The engine makes joins of those that stand in conditions and has no plan for the others, which query builders put into
//! CASE. Here they become the search of a list, which is gathered once for the statement. Only over system relations
//! and series, which are small: the list is held in memory and searched for each row. Over the history they stay as they
//! are, and are refused when they are planned.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{Column, Result};
use datafusion::config::ConfigOptions;
use datafusion::functions_aggregate::expr_fn::array_agg;
use datafusion::logical_expr::expr::InSubquery;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, Subquery};
use datafusion::optimizer::AnalyzerRule;

use super::subquery_rows::reads_catalog_alone;
use super::subquery_value::outer_columns;
use crate::planner::function;

/// See the head of the file.
#[derive(Debug, Default)]
pub struct InValue;

impl AnalyzerRule for InValue {
    fn name(&self) -> &str {
        "in_value"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(|node| {
            if matches!(node, LogicalPlan::Filter(_) | LogicalPlan::Join(_)) {
                return Ok(Transformed::no(node));
            }
            let names = NamePreserver::new(&node);
            let replaced = node.map_expressions(|expr| {
                let name = names.save(&expr);
                Ok(expr.transform_up(searched)?.update_data(|expr| name.restore(expr)))
            })?;
            if replaced.transformed { replaced.map_data(LogicalPlan::recompute_schema) } else { Ok(replaced) }
        })
        .data()
    }
}

fn searched(expr: Expr) -> Result<Transformed<Expr>> {
    let Expr::InSubquery(InSubquery { expr: value, subquery, negated }) = &expr else {
        return Ok(Transformed::no(expr));
    };
    let plan = subquery.subquery.as_ref();
    if !outer_columns(plan).is_empty() || !reads_catalog_alone(plan) || plan.schema().fields().len() != 1 {
        return Ok(Transformed::no(expr));
    }
    let item = Expr::Column(Column::from(plan.schema().qualified_field(0)));
    let list = LogicalPlanBuilder::from(plan.clone()).aggregate(Vec::<Expr>::new(), [array_agg(item)])?.build()?;
    let list = Subquery { subquery: Arc::new(list), outer_ref_columns: Vec::new(), spans: subquery.spans.clone() };
    let found = function::among(value.as_ref().clone(), Expr::ScalarSubquery(list));
    Ok(Transformed::yes(if *negated { !found } else { found }))
}
