//! Recursive queries over the questions: every row, of the first term and of each step, knows its question.
//!
//! The columns of the question stand behind those of the query, in the working table too. A step that reads the working
//! table goes on within a question; where rows are made distinct, they are so within a question.

use std::sync::Arc;

use datafusion::arrow::datatypes::{Field, Schema};
use datafusion::common::tree_node::TreeNode;
use datafusion::common::{Column, Result};
use datafusion::datasource::cte_worktable::CteWorkTable;
use datafusion::datasource::{provider_as_source, source_as_provider};
use datafusion::logical_expr::logical_plan::{LogicalPlan, LogicalPlanBuilder, RecursiveQuery, TableScan};
use datafusion::logical_expr::{Expr, TableSource};

use super::{Lift, Lifted};

/// A working table with the columns of the question.
pub(super) struct Loop {
    name: String,
    keys: Vec<String>,
    table: Arc<dyn TableSource>,
}

impl Lift<'_> {
    pub(super) fn lift_recursion(&mut self, query: &RecursiveQuery) -> Result<Option<Lifted>> {
        let keys: Vec<String> = self.outer.iter().map(|_| self.names.next("asked")).collect();
        let Some(first) = self.lift(&query.static_term)? else { return Ok(None) };
        let first = with_keys(first, &query.static_term, &keys)?;
        let nullable = first.schema().fields().iter().map(|field| Field::clone(field).with_nullable(true));
        let schema = Schema::new(nullable.collect::<Vec<_>>());
        let table = provider_as_source(Arc::new(CteWorkTable::new(&query.name, Arc::new(schema))));
        self.loops.push(Loop { name: query.name.clone(), keys: keys.clone(), table });
        let step = self.lift(&query.recursive_term);
        self.loops.pop();
        let Some(step) = step? else { return Ok(None) };
        let step = with_keys(step, &query.recursive_term, &keys)?;
        let plan =
            LogicalPlanBuilder::from(first).to_recursive_query(query.name.clone(), step, query.is_distinct)?.build()?;
        let keys = keys.into_iter().map(Column::new_unqualified).collect();
        Ok(Some(Lifted { plan, keys }))
    }

    /// A step's look at what the step before gave; `None` for other tables.
    pub(super) fn lift_working_table(&self, scan: &TableScan) -> Result<Option<Lifted>> {
        let Some(Loop { keys, table, .. }) = self.loop_of(scan) else { return Ok(None) };
        let plan = LogicalPlanBuilder::scan(scan.table_name.clone(), Arc::clone(table), None)?.build()?;
        let keys = keys.iter().map(|key| Column::new(Some(scan.table_name.clone()), key)).collect();
        Ok(Some(Lifted { plan, keys }))
    }

    pub(super) fn reads_working_table(&self, plan: &LogicalPlan) -> Result<bool> {
        plan.exists(|node| Ok(matches!(node, LogicalPlan::TableScan(scan) if self.loop_of(scan).is_some())))
    }

    fn loop_of(&self, scan: &TableScan) -> Option<&Loop> {
        let provider = source_as_provider(&scan.source).ok()?;
        let table = provider.downcast_ref::<CteWorkTable>()?;
        // The innermost query of a name is the one that is meant.
        self.loops.iter().rev().find(|entry| entry.name == table.name())
    }
}

/// The columns of `plain`, and behind them those of the question under the names of the working table.
fn with_keys(lifted: Lifted, plain: &LogicalPlan, names: &[String]) -> Result<LogicalPlan> {
    let keys = lifted.keys.into_iter().zip(names).map(|(key, name)| Expr::Column(key).alias(name));
    let columns = plain.schema().columns().into_iter().map(Expr::Column);
    LogicalPlanBuilder::from(lifted.plan).project(columns.chain(keys))?.build()
}
