//! Our planner rules, one a file, and the one place that gives their order.

pub mod cooperative_joins;
mod in_value;
mod interruptible;
mod nullable_subquery;
pub mod single_value;
pub mod sort_columns;
pub mod subquery_rows;
pub mod subquery_value;

use std::sync::Arc;

use datafusion::execution::SessionStateBuilder;
use datafusion::execution::session_state::SessionState;

use self::interruptible::{Interruptible, InterruptibleAnalysis, InterruptiblePhysical};

/// All rules of a statement's way from a logical plan to an executable one.
///
/// `in_value` comes first of ours, behind type coercion, which brings both sides of IN to one type.
///
/// `nullable_subquery` comes before `subquery_value`, which makes columns of subqueries.
///
/// `subquery_value` runs late in the analyzer: after type coercion, so that what it joins on has its final types, and
/// before the analyzer's check that every subquery can be planned.
///
/// `sort_columns` follows it: a subquery to sort by is a column by then.
///
/// `subquery_rows` is no rule of the engine's: it needs the session's state, and runs when the optimizer is done.
///
/// `cooperative_joins` runs last of all: the engine's physical rules look for joins as they are.
pub fn add(builder: SessionStateBuilder) -> SessionStateBuilder {
    builder
        .with_analyzer_rule(Arc::new(in_value::InValue))
        .with_analyzer_rule(Arc::new(nullable_subquery::NullableSubquery))
        .with_analyzer_rule(Arc::new(subquery_value::SubqueryValue))
        .with_analyzer_rule(Arc::new(sort_columns::SortColumns))
        .with_physical_optimizer_rule(Arc::new(cooperative_joins::CooperativeJoins))
}

/// The same state, its rules asking at every step whether anybody still waits for the plan.
pub fn interruptible(state: SessionState) -> SessionState {
    let optimizers = state.optimizers().iter().map(|rule| Arc::new(Interruptible(Arc::clone(rule))) as _).collect();
    let analyzers =
        state.analyzer().rules.iter().map(|rule| Arc::new(InterruptibleAnalysis(Arc::clone(rule))) as _).collect();
    let physical =
        state.physical_optimizers().iter().map(|rule| Arc::new(InterruptiblePhysical(Arc::clone(rule))) as _).collect();
    SessionStateBuilder::new_from_existing(state)
        .with_optimizer_rules(optimizers)
        .with_analyzer_rules(analyzers)
        .with_physical_optimizer_rules(physical)
        .build()
}
