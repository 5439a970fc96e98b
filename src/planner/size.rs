//! How large a plan is, bounded while it grows: the engine writes expressions out where it moves or merges them, and what is
//! planned in one go cannot be interrupted.

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, Filter, LogicalPlan};

use crate::error::{Result, message};

/// Terms that repeating an expression may add.
const REPEATED_TERMS_MAX: usize = 10_000;
/// Terms that a condition may have once it is moved below what computes its columns.
const MOVED_TERMS_MAX: usize = 1_000;
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
    let mut count = 0;
    let _visited = predicate.apply(|part| {
        count += match part {
            Expr::Column(column) => {
                let at = projection.schema.maybe_index_of_column(column);
                at.and_then(|at| projection.expr.get(at)).map_or(1, terms)
            }
            _ => 1,
        };
        Ok(if count > MOVED_TERMS_MAX { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    count > MOVED_TERMS_MAX && count > 2 * terms(predicate)
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
