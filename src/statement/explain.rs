//! EXPLAIN and EXPLAIN ANALYZE: the plan as text or as JSON, in PostgreSQL's one column.

mod json;

use std::sync::Arc;
use std::time::Instant;

use arrow::array::{RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::execution::TaskContext;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::display::DisplayableExecutionPlan;
use futures::{StreamExt, stream};

use self::json::Measured;
use super::context::Context;
use super::outcome::{Outcome, OutputColumn, Rows};
use super::query::Bound;
use crate::error::{Result, message};
use crate::pg_type::PgType;
use crate::planner::reusable;
use crate::sql::statement::{Explain, ExplainFormat};

/// Errors: whatever planning (and with ANALYZE running) the query refuses.
pub async fn run(context: &mut Context<'_>, explain: &Explain, text: &Arc<str>, bound: Bound) -> Result<Outcome> {
    let planner = context.planner();
    let state = Arc::clone(&planner.state);
    let task = state.task_ctx();
    let told = planner.told.clone();
    let started = Instant::now();
    let (query, text) = (explain.query.clone(), Arc::clone(text));
    let (logical, plan) = context
        .engine
        .queries
        .run(async move {
            let plan = planner.lower(bound.plan(&planner, &query, &text)?).await?;
            let logical = state.optimize(&plan)?;
            let physical = reusable::physical(&state, &plan).await?;
            Ok((logical, physical))
        })
        .await?;
    let planning = started.elapsed();
    context.notices.extend(told.take());
    let started = Instant::now();
    let rows = if explain.analyze { Some(count(context, &plan, task).await?) } else { None };
    let measured = rows.map(|_| Measured { planning, execution: started.elapsed() });
    if explain.format == ExplainFormat::Json {
        return shown(vec![json::explained(&plan, explain.verbose, measured)?], explain.format);
    }
    let mut lines = Vec::new();
    if explain.verbose {
        lines.push("Logical plan:".to_owned());
        lines.extend(logical.display_indent().to_string().lines().map(|line| format!("  {line}")));
        lines.push("Physical plan:".to_owned());
    }
    lines.extend(nodes(&plan, explain.analyze));
    if let Some((rows, measured)) = rows.zip(measured) {
        lines.push(format!("Rows: {rows}"));
        lines.push(format!("Planning Time: {:.3} ms", measured.planning.as_secs_f64() * 1e3));
        lines.push(format!("Execution Time: {:.3} ms", measured.execution.as_secs_f64() * 1e3));
    }
    shown(lines, explain.format)
}

/// Runs the plan for its measures; the number of its rows.
async fn count(context: &Context<'_>, plan: &Arc<dyn ExecutionPlan>, task: Arc<TaskContext>) -> Result<usize> {
    let mut rows = 0;
    let mut batches = context.engine.queries.stream(Arc::clone(plan), task);
    while let Some(batch) = batches.next().await {
        rows += batch?.num_rows();
    }
    Ok(rows)
}

pub fn columns(format: ExplainFormat) -> Arc<[OutputColumn]> {
    let pg_type = match format {
        ExplainFormat::Text => PgType::TEXT,
        ExplainFormat::Json => PgType::JSON,
    };
    [OutputColumn { name: "QUERY PLAN".to_owned(), pg_type, relation: 0, number: 0 }].into()
}

fn shown(lines: Vec<String>, format: ExplainFormat) -> Result<Outcome> {
    let schema = Arc::new(Schema::new(vec![Field::new("QUERY PLAN", DataType::Utf8, false)]));
    let batch = RecordBatch::try_new(schema, vec![Arc::new(StringArray::from(lines))])
        .map_err(|error| message::internal("the plan cannot be shown").with_cause(error))?;
    let batches = stream::iter([Ok(batch)]).boxed();
    Ok(Outcome::Rows(Rows { columns: columns(format), tag: "EXPLAIN", batches, is_binary: false }))
}

fn nodes(plan: &Arc<dyn ExecutionPlan>, metrics: bool) -> Vec<String> {
    let display = if metrics {
        DisplayableExecutionPlan::with_metrics(plan.as_ref())
    } else {
        DisplayableExecutionPlan::new(plan.as_ref())
    };
    display.indent(false).to_string().lines().map(str::to_owned).collect()
}
