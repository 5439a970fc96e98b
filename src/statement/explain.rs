//! EXPLAIN and EXPLAIN ANALYZE: the plan as text, in PostgreSQL's one column.

use std::sync::Arc;

use arrow::array::{RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::display::DisplayableExecutionPlan;
use futures::StreamExt;

use super::context::Context;
use super::outcome::{Outcome, OutputColumn};
use super::query::{self, Bound};
use crate::error::{Result, message};
use crate::sql::statement::Explain;

/// Errors: whatever planning (and with ANALYZE running) the query refuses.
pub async fn run(context: &mut Context<'_>, explain: &Explain, text: &Arc<str>, bound: Bound) -> Result<Outcome> {
    let planner = context.planner();
    let state = Arc::clone(&planner.state);
    let task = state.task_ctx();
    let told = planner.told.clone();
    let (query, text, verbose) = (explain.query.clone(), Arc::clone(text), explain.verbose);
    let (logical, plan) = context
        .engine
        .queries
        .run(async move {
            let plan = planner.lower(bound.plan(&planner, &query, &text)?).await?;
            let logical = state.optimize(&plan)?;
            let physical = query::physical(&state, &plan).await?;
            Ok((logical, physical))
        })
        .await?;
    context.notices.extend(told.take());
    let mut lines = Vec::new();
    if verbose {
        lines.push("Logical plan:".to_owned());
        lines.extend(logical.display_indent().to_string().lines().map(|line| format!("  {line}")));
        lines.push("Physical plan:".to_owned());
    }
    if explain.analyze {
        let started = std::time::Instant::now();
        let mut rows = 0;
        let mut batches = context.engine.queries.stream(Arc::clone(&plan), task);
        while let Some(batch) = batches.next().await {
            rows += batch?.num_rows();
        }
        lines.extend(shown(&plan, true));
        lines.push(format!("Rows: {rows}"));
        lines.push(format!("Execution Time: {:.3} ms", started.elapsed().as_secs_f64() * 1e3));
    } else {
        lines.extend(shown(&plan, false));
    }
    let batch = RecordBatch::try_new(schema(), vec![Arc::new(StringArray::from(lines))])
        .map_err(|error| message::internal("the plan cannot be shown").with_cause(error))?;
    Ok(query::rows_at_hand(batch, "EXPLAIN"))
}

pub fn columns() -> Arc<[OutputColumn]> {
    query::columns(&schema())
}

fn schema() -> Arc<Schema> {
    Arc::new(Schema::new(vec![Field::new("QUERY PLAN", DataType::Utf8, false)]))
}

fn shown(plan: &Arc<dyn ExecutionPlan>, metrics: bool) -> Vec<String> {
    let display = if metrics {
        DisplayableExecutionPlan::with_metrics(plan.as_ref())
    } else {
        DisplayableExecutionPlan::new(plan.as_ref())
    };
    display.indent(false).to_string().lines().map(str::to_owned).collect()
}
