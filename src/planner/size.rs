//! How large a plan is, bounded while it grows: the engine writes expressions out where it moves or merges them, and what is
//! planned in one go cannot be interrupted.

use std::sync::Arc;

use arrow::datatypes::{DataType, Schema};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, Filter, LogicalPlan};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::projection::ProjectionExec;

use crate::error::{Result, message};

/// Terms that repeating an expression may add.
const REPEATED_TERMS_MAX: usize = 10_000;
/// Terms that a condition may gain in one step, moved below what computes its columns.
const GAINED_TERMS_MAX: usize = 1_000;
/// Terms with which a condition is moved no further when it would gain any.
const MOVED_TERMS_MAX: usize = 5_000;
/// Terms that a column of an executable plan may have, written out down to what is read, so that conditions over it are moved.
const WRITTEN_OUT_TERMS_MAX: usize = 2_000;
/// Rows that may stand inside one another in a column of a result.
const ROWS_INSIDE_MAX: usize = 10;
/// Terms in the expressions of one node. A list of values is as long as its author wrote it, and does not count.
const NODE_TERMS_MAX: usize = 250_000;
/// Terms and nodes of a whole plan.
const PLAN_TERMS_MAX: usize = 500_000;

/// Errors: 54001 where an expression, which is no plain column or constant, would be repeated too often.
pub fn refuse_to_repeat(expr: &Expr, times: usize) -> Result<()> {
    if times > 1 && (terms(expr) - 1).saturating_mul(times - 1) > REPEATED_TERMS_MAX {
        return Err(message::too_deep("terms that have to be written out", REPEATED_TERMS_MAX));
    }
    Ok(())
}

/// Errors: 54001 where a node has grown too large.
pub fn check_node(node: &LogicalPlan) -> Result<()> {
    if !matches!(node, LogicalPlan::Values(_)) && terms_of_node(node) > NODE_TERMS_MAX {
        return Err(message::too_deep("terms, once its views and subqueries are written out,", NODE_TERMS_MAX));
    }
    Ok(())
}

/// Errors: 54001 for a column of rows inside one another, each of which doubles the quotes in the text of those inside.
pub fn check_rows(schema: &Schema) -> Result<()> {
    let depth = schema.fields().iter().map(|field| rows_inside(field.data_type())).max().unwrap_or(0);
    if depth > ROWS_INSIDE_MAX {
        return Err(message::too_deep("rows inside one another", ROWS_INSIDE_MAX));
    }
    Ok(())
}

fn rows_inside(data_type: &DataType) -> usize {
    match data_type {
        DataType::Struct(fields) => 1 + fields.iter().map(|field| rows_inside(field.data_type())).max().unwrap_or(0),
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            rows_inside(item.data_type())
        }
        _ => 0,
    }
}

/// Errors: 54001 where the whole is too large to be made executable in a time that anybody would wait.
pub fn check_plan(plan: &LogicalPlan) -> Result<()> {
    let mut count = 0;
    // Counting does not fail.
    let _visited = plan.apply_with_subqueries(|node| {
        if !matches!(node, LogicalPlan::Values(_)) {
            count += 1 + terms_of_node(node);
        }
        Ok(if count > PLAN_TERMS_MAX { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    if count > PLAN_TERMS_MAX {
        return Err(message::too_deep("terms, once its views and subqueries are written out,", PLAN_TERMS_MAX));
    }
    Ok(())
}

/// Whether a condition over computed columns would become too large below what computes them. Above it, it is as good.
pub fn is_too_large_to_move(node: &LogicalPlan) -> bool {
    let LogicalPlan::Filter(Filter { predicate, input, .. }) = node else { return false };
    let LogicalPlan::Projection(projection) = &**input else { return false };
    let (mut count, mut gained) = (0_usize, 0_usize);
    // Counting does not fail.
    let _visited = predicate.apply(|part| {
        count += 1;
        if let Expr::Column(column) = part {
            let at = projection.schema.maybe_index_of_column(column);
            gained += at.and_then(|at| projection.expr.get(at)).map_or(0, |computed| terms(unaliased(computed)) - 1);
        }
        Ok(if gained > GAINED_TERMS_MAX { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    gained > GAINED_TERMS_MAX || (gained > 0 && count > MOVED_TERMS_MAX)
}

/// Whether conditions and orders over the columns of an executable plan would become too large where they are computed from.
pub fn is_too_large_to_write_out(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let mut largest = 0;
    written_out(plan, &mut largest);
    largest > WRITTEN_OUT_TERMS_MAX
}

/// How many terms each column has, written out; `largest` becomes the largest of the whole plan.
fn written_out(plan: &Arc<dyn ExecutionPlan>, largest: &mut usize) -> Vec<usize> {
    let inputs: Vec<Vec<usize>> = plan.children().into_iter().map(|input| written_out(input, largest)).collect();
    let count = plan.schema().fields().len();
    let columns = match plan.downcast_ref::<ProjectionExec>() {
        Some(projection) => {
            let input = inputs.first().map_or(&[][..], Vec::as_slice);
            projection.expr().iter().map(|computed| terms_written_out(&computed.expr, input)).collect()
        }
        None => {
            let all: Vec<usize> = inputs.concat();
            // A filter, a sort or a join gives what it reads; what others compute has the size of what they compute it from.
            if all.len() == count { all } else { vec![all.into_iter().max().unwrap_or(1); count] }
        }
    };
    *largest = columns.iter().copied().fold(*largest, usize::max);
    columns
}

fn terms_written_out(expr: &Arc<dyn PhysicalExpr>, input: &[usize]) -> usize {
    match expr.downcast_ref::<Column>() {
        Some(column) => input.get(column.index()).copied().unwrap_or(1),
        None => {
            let parts = expr.children().into_iter().map(|part| terms_written_out(part, input));
            parts.fold(1, usize::saturating_add)
        }
    }
}

fn unaliased(expr: &Expr) -> &Expr {
    match expr {
        Expr::Alias(alias) => unaliased(&alias.expr),
        expr => expr,
    }
}

fn terms_of_node(node: &LogicalPlan) -> usize {
    let mut count = 0;
    let _visited = node.apply_expressions(|expr| {
        count += terms(expr);
        Ok(TreeNodeRecursion::Continue)
    });
    count
}

fn terms(expr: &Expr) -> usize {
    let mut count = 0;
    let _visited = expr.apply(|_| {
        count += 1;
        Ok(TreeNodeRecursion::Continue)
    });
    count
}
