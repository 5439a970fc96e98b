//! LATERAL items of FROM that compute something from one row of what stands before them: planned upon it, not beside it.
//!
//! `FROM t, unnest(t.tags)` is a join of `t` with a subquery that refers to `t`. Where the subquery reads no relation of
//! its own, its steps are done on the rows of `t`, whose columns are handed through. Other lateral subqueries are the
//! engine's to decorrelate.

use std::cell::Cell;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, NullHandling, Result};
use datafusion::logical_expr::builder::unnest_with_options;
use datafusion::logical_expr::{Expr, Filter, Join, JoinType, LogicalPlan, Projection};
use datafusion::scalar::ScalarValue;

pub fn plan_upon(plan: LogicalPlan) -> Result<LogicalPlan> {
    let changed = Cell::new(false);
    let planned = plan.transform_up_with_subqueries(|plan| {
        if let LogicalPlan::Join(join) = &plan
            && let Some(upon) = joined(join)?
        {
            changed.set(true);
            return Ok(Transformed::yes(upon));
        }
        // Once a join has gone, whatever stands above has its schema made anew.
        if changed.get() { Ok(Transformed::yes(plan.recompute_schema()?)) } else { Ok(Transformed::no(plan)) }
    })?;
    Ok(planned.data)
}

fn joined(join: &Join) -> Result<Option<LogicalPlan>> {
    let is_true = |filter: &Expr| matches!(filter, Expr::Literal(ScalarValue::Boolean(Some(true)), _));
    let is_outer = match join.join_type {
        JoinType::Inner => false,
        JoinType::Left if join.filter.as_ref().is_none_or(is_true) => true,
        _ => return Ok(None),
    };
    if !join.on.is_empty() || !is_lateral(&join.right) {
        return Ok(None);
    }
    let Some(plan) = upon(&join.right, &join.left, is_outer)? else { return Ok(None) };
    Ok(Some(match &join.filter {
        Some(filter) if !is_true(filter) => LogicalPlan::Filter(Filter::try_new(filter.clone(), Arc::new(plan))?),
        _ => plan,
    }))
}

fn is_lateral(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Subquery(subquery) => !subquery.outer_ref_columns.is_empty(),
        LogicalPlan::SubqueryAlias(alias) => is_lateral(&alias.input),
        _ => false,
    }
}

/// The steps of `node` on the rows of `left`: its columns, and behind them those of `node`. `None` for steps that need
/// more than one row.
fn upon(node: &LogicalPlan, left: &Arc<LogicalPlan>, is_outer: bool) -> Result<Option<LogicalPlan>> {
    let kept = || left.schema().columns().into_iter().map(Expr::Column);
    Ok(match node {
        LogicalPlan::EmptyRelation(empty) if empty.produce_one_row => Some(LogicalPlan::clone(left)),
        LogicalPlan::Subquery(subquery) => upon(&subquery.subquery, left, is_outer)?,
        LogicalPlan::Projection(projection) => {
            let Some(input) = upon(&projection.input, left, is_outer)? else { return Ok(None) };
            let exprs = projection.expr.iter().map(|expr| inner_references(expr.clone(), left));
            let exprs = kept().map(Ok).chain(exprs).collect::<Result<Vec<_>>>()?;
            Some(LogicalPlan::Projection(Projection::try_new(exprs, Arc::new(input))?))
        }
        LogicalPlan::Unnest(unnest) => {
            let Some(input) = upon(&unnest.input, left, is_outer)? else { return Ok(None) };
            let handling = if is_outer { NullHandling::PreserveAndExpandEmpty } else { NullHandling::Drop };
            let options = unnest.options.clone().with_null_handling(handling);
            Some(unnest_with_options(input, unnest.exec_columns.clone(), options)?)
        }
        LogicalPlan::SubqueryAlias(alias) => {
            let Some(input) = upon(&alias.input, left, is_outer)? else { return Ok(None) };
            let inner = input.schema().columns().into_iter().skip(left.schema().fields().len());
            let exprs = inner
                .zip(alias.schema.columns())
                .map(|(inner, outer)| Expr::Column(inner).alias_qualified(outer.relation, outer.name));
            let exprs = kept().chain(exprs).collect();
            Some(LogicalPlan::Projection(Projection::try_new(exprs, Arc::new(input))?))
        }
        LogicalPlan::Filter(filter) if !is_outer => {
            let Some(input) = upon(&filter.input, left, is_outer)? else { return Ok(None) };
            let predicate = inner_references(filter.predicate.clone(), left)?;
            Some(LogicalPlan::Filter(Filter::try_new(predicate, Arc::new(input))?))
        }
        _ => None,
    })
}

/// References to the row outside are references to the row itself.
fn inner_references(expr: Expr, left: &LogicalPlan) -> Result<Expr> {
    let replaced = expr.transform(|expr| match &expr {
        Expr::OuterReferenceColumn(_, column) if left.schema().has_column(column) => {
            Ok(Transformed::yes(Expr::Column(Column::clone(column))))
        }
        _ => Ok(Transformed::no(expr)),
    })?;
    Ok(replaced.data)
}
