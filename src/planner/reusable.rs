//! Plans that are good for every value of their parameters, to be kept from one run to the next.
//!
//! Made are plans of questions about member facts that the member index alone answers: they read no file and nothing of
//! the session, so that they are good until the catalog, the files or the day change. Where a parameter decides about the
//! plan itself (a fact's filter) or something must be asked anew each time (`now()`, the system relations), each run is
//! planned as ever.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::datatypes::FieldRef;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::datasource::source_as_provider;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan, Volatility};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::placeholder_row::PlaceholderRowExec;
use datafusion::physical_plan::scalar_subquery::ScalarSubqueryExec;
use datafusion::scalar::ScalarValue;

use super::at_once::AtOnce;
use super::fact::{FactCall, MemberIndexExec};
use super::names::SystemTable;
use super::parameter::in_slots;
use super::rule::subquery_rows;
use super::{Planner, parameter_field, size, state};
use crate::error::Result;
use crate::execution::cancellation::checkpoint;
use crate::execution::plan_cache::{Borrowed, PlanPlace, ReusablePlan};
use crate::execution::slots::Slots;
use crate::pg_type::PgType;

/// Nodes of a plan that is run where the session is, at most.
const SHORT_NODES_MAX: usize = 64;

/// Optimizes and makes executable.
///
/// Errors: 54001 for a plan that is too large; what the engine refuses.
pub async fn physical(state: &SessionState, plan: &LogicalPlan) -> Result<Arc<dyn ExecutionPlan>> {
    executable(state, subquery_rows::optimized(plan, state)?).await
}

/// Makes an optimized plan executable. Errors: as [`physical`].
async fn executable(state: &SessionState, plan: LogicalPlan) -> Result<Arc<dyn ExecutionPlan>> {
    checkpoint()?;
    size::check_plan(&plan)?;
    size::check_rows(plan.schema().as_arrow())?;
    Ok(state.query_planner().create_physical_plan(&plan, state).await?)
}

/// A plan for all values of the parameters, to be kept at its place when it has run; where there can be none, the place
/// remembers that, and the query is to be planned for each.
pub async fn lent(
    planner: &Planner,
    place: PlanPlace,
    query: LogicalPlan,
    types: &[PgType],
    values: &[ScalarValue],
) -> Option<Borrowed> {
    match plan(planner, query, types).await {
        // What is told is to be told each time.
        Ok(Some(plan)) if plan.slots.fit(values) && planner.told.is_empty() => Some(place.lent(plan)),
        // What it fails with, if it fails, the plan with the values meets too, or does not.
        Ok(_) | Err(_) => {
            // Of a statement that is given up meanwhile nothing was found out.
            if checkpoint().is_ok() {
                place.mark_unfit();
            }
            None
        }
    }
}

/// A plan for all values of the parameters; `None` for a statement that is to be planned for each.
async fn plan(planner: &Planner, query: LogicalPlan, types: &[PgType]) -> Result<Option<ReusablePlan>> {
    // Before the facts' filters are read, too: of a filter that says `now()` nothing is left then.
    if !is_of_facts(&query)? || !is_constant(&query)? {
        return Ok(None);
    }
    let Some(fields) = types.iter().map(|pg_type| parameter_field(*pg_type)).collect::<Option<Vec<FieldRef>>>() else {
        return Ok(None);
    };
    let slots = Arc::new(Slots::new(fields));
    let lowered = planner.lower(query).await?;
    if !is_constant(&lowered)? {
        return Ok(None);
    }
    let optimized = subquery_rows::optimized(&lowered, &planner.state)?;
    let optimized = in_slots(optimized, &slots)?;
    let mut plan = executable(&planner.state, optimized.clone()).await?;
    let Some(read) = reads_index_alone(&plan) else { return Ok(None) };
    let is_short = read.at_most_one_member && read.nodes <= SHORT_NODES_MAX;
    let at_once = AtOnce::of(&plan).map(|steps| Arc::new(steps) as _);
    let mut task = planner.state.task_ctx();
    if is_short && at_once.is_none() {
        // Several threads would take longer to begin than one takes.
        let state = state::single_threaded(&planner.state);
        plan = executable(&state, optimized).await?;
        task = state.task_ctx();
    }
    Ok(Some(ReusablePlan { plan, task, slots, is_short, at_once }))
}

/// Whether facts are asked whose filters are all given, and nothing of the system relations.
fn is_of_facts(plan: &LogicalPlan) -> Result<bool> {
    let (mut has_facts, mut is_fit) = (false, true);
    plan.apply_with_subqueries(|node| {
        match node {
            LogicalPlan::Extension(_) | LogicalPlan::RecursiveQuery(_) => is_fit = false,
            LogicalPlan::TableScan(scan) => {
                is_fit &= source_as_provider(&scan.source)?.downcast_ref::<SystemTable>().is_none();
            }
            _ => {}
        }
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                if let Some((_, _, filters)) = FactCall::of(expr) {
                    has_facts = true;
                    for (_, filter) in filters {
                        is_fit &= !filter.exists(|expr| Ok(matches!(expr, Expr::Placeholder(_))))?;
                    }
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(has_facts && is_fit)
}

/// Whether nothing in a plan is asked anew by each statement, such as `now()` or the session's user.
fn is_constant(plan: &LogicalPlan) -> Result<bool> {
    let mut is_constant = true;
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                if let Expr::ScalarFunction(call) = expr
                    && FactCall::of(expr).is_none()
                {
                    is_constant &= call.func.signature().volatility == Volatility::Immutable;
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(is_constant)
}

/// What a plan over the member index is like.
struct Read {
    nodes: usize,
    at_most_one_member: bool,
}

/// `None` for a plan that reads anything but the index, or that cannot be run a second time.
fn reads_index_alone(plan: &Arc<dyn ExecutionPlan>) -> Option<Read> {
    let mut read = Read { nodes: 0, at_most_one_member: true };
    // Values of subqueries are kept outside of the plan: where all of it is waited for, nobody writes them late.
    let mut waited_for: VecDeque<&Arc<dyn ExecutionPlan>> = VecDeque::from([plan]);
    while let Some(plan) = waited_for.pop_front() {
        if let Some(subqueries) = plan.downcast_ref::<ScalarSubqueryExec>() {
            read.nodes += 1;
            waited_for.extend(subqueries.children());
        } else {
            add(plan, &mut read)?;
        }
    }
    Some(read)
}

fn add(plan: &Arc<dyn ExecutionPlan>, read: &mut Read) -> Option<()> {
    read.nodes += 1;
    if plan.downcast_ref::<ScalarSubqueryExec>().is_some() {
        return None;
    }
    let children = plan.children();
    if children.is_empty() {
        if let Some(index) = plan.downcast_ref::<MemberIndexExec>() {
            read.at_most_one_member &= index.reads_one_member();
        } else if plan.downcast_ref::<PlaceholderRowExec>().is_none() && plan.downcast_ref::<EmptyExec>().is_none() {
            return None;
        }
    }
    children.into_iter().try_for_each(|child| add(child, read))
}
