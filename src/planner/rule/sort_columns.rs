//! Rows are sorted by columns: what is computed to sort by is computed below.
//!
//! DataFusion 55 sorts each partition by `a / b > 30` and then does not see that merging by `a / b > 30` is merging by the
//! same (its sanity check refuses the plan). By a column it does. Intervals are sorted by their length, as PostgreSQL does.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TransformedResult};
use datafusion::common::{Column, Result};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::expr::Sort as SortExpr;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, Sort};
use datafusion::optimizer::AnalyzerRule;

use crate::planner::function::{Span, call};

/// See the head of the file.
#[derive(Debug, Default)]
pub struct SortColumns;

impl AnalyzerRule for SortColumns {
    fn name(&self) -> &str {
        "sort_columns"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(|node| match node {
            LogicalPlan::Sort(sort) => rewrite(sort),
            node => Ok(Transformed::no(node)),
        })
        .data()
    }
}

fn rewrite(sort: Sort) -> Result<Transformed<LogicalPlan>> {
    let is_interval = |expr: &Expr| {
        expr.get_type(sort.input.schema()).is_ok_and(|data_type| matches!(data_type, DataType::Interval(_)))
    };
    let is_computed =
        |expr: &Expr| !matches!(expr, Expr::Column(_) | Expr::Literal(..)) && !expr.is_volatile() || is_interval(expr);
    if !sort.expr.iter().any(|by| is_computed(&by.expr)) {
        return Ok(Transformed::no(LogicalPlan::Sort(sort)));
    }
    let shown: Vec<Expr> = sort.input.schema().columns().into_iter().map(Expr::Column).collect();
    let mut below = shown.clone();
    let mut by = Vec::with_capacity(sort.expr.len());
    for (at, one) in sort.expr.into_iter().enumerate() {
        if !is_computed(&one.expr) {
            by.push(one);
            continue;
        }
        let name = format!("__sort_{at}");
        // The engine would sort by months, then days, then time.
        let key = if is_interval(&one.expr) { call(Span, vec![one.expr]) } else { one.expr };
        below.push(key.alias(&name));
        by.push(SortExpr { expr: Expr::Column(Column::new_unqualified(name)), ..one });
    }
    let input = LogicalPlanBuilder::from(Arc::unwrap_or_clone(sort.input)).project(below)?.build()?;
    let sorted = LogicalPlan::Sort(Sort { expr: by, input: Arc::new(input), fetch: sort.fetch });
    Ok(Transformed::yes(LogicalPlanBuilder::from(sorted).project(shown)?.build()?))
}
