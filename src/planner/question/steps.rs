//! `segment_steps`: how many members are left after each condition, in the order written.
//!
//! The conditions of one SELECT are counted in one pass over its rows, unless one of them holds a query of its own; parts
//! of a set operation are counted one after the other. The last step is the segment itself.

use std::sync::Arc;

use arrow::array::{Array, AsArray, Int32Array, Int64Array, RecordBatch, StringViewArray};
use arrow::datatypes::{Int64Type, SchemaRef};
use datafusion::functions_aggregate::expr_fn::{bool_or, count};
use datafusion::logical_expr::{ExprFunctionExt, LogicalPlan, LogicalPlanBuilder, lit};
use datafusion::sql::sqlparser::ast::{Expr, Query};

use super::segment::{Segment, distinct_members};
use super::shape::{Conditions, Shape, all_of, column_name, combined, has_subquery};
use crate::error::Result;
use crate::planner::Planner;
use crate::planner::fact::lower::column;
use crate::sql;

/// A row for each step: its number from 0 (all members), the condition as written, how many are left, how many it dropped.
pub async fn answer(planner: &Planner, segment: &Segment, schema: SchemaRef) -> Result<RecordBatch> {
    let asked = segment.planner(planner);
    let mut steps = vec![("members".to_owned(), planner.count(planner.universe()?).await?)];
    match Shape::of(planner.name_scope(), &segment.definition) {
        Shape::Select(select) => steps_of_select(&asked, segment, &select, &mut steps).await?,
        Shape::Sets(parts) => {
            for (at, (how, part)) in parts.iter().enumerate() {
                let shown = how.map_or_else(|| part.to_string(), |how| format!("{how} {part}"));
                if let Some(query) = combined(&segment.definition, &parts[..=at]) {
                    steps.push((shown, members(&asked, &query).await?));
                }
            }
        }
        Shape::Whole => steps.push((segment.text.clone(), planner.count(segment.members(planner)?).await?)),
    }
    let numbers: Vec<i32> = (0..).take(steps.len()).collect();
    let conditions: StringViewArray = steps.iter().map(|(condition, _)| Some(condition.as_str())).collect();
    let counts: Vec<i64> = steps.iter().map(|(_, count)| *count).collect();
    let dropped: Int64Array =
        (0..counts.len()).map(|at| at.checked_sub(1).map(|before| counts[before] - counts[at])).collect();
    super::batch(
        schema,
        vec![
            Arc::new(Int32Array::from(numbers)),
            Arc::new(conditions),
            Arc::new(Int64Array::from(counts)),
            Arc::new(dropped),
        ],
    )
}

async fn steps_of_select(
    planner: &Planner,
    segment: &Segment,
    select: &Conditions,
    steps: &mut Vec<(String, i64)>,
) -> Result<()> {
    let from = select.from.as_ref().map(|from| format!("FROM {from}"));
    let of_rows = |at: usize| select.rows(vec![select.member.clone()], &select.on_rows[..at]);
    if select.on_rows.iter().any(has_subquery) {
        if let Some(from) = from {
            steps.push((from, members(planner, &of_rows(0)).await?));
        }
        for (at, condition) in select.on_rows.iter().enumerate() {
            steps.push((condition.to_string(), members(planner, &of_rows(at + 1)).await?));
        }
    } else {
        let counts = counts_in_one_pass(planner, select).await?;
        let mut counts = counts.into_iter();
        let all = counts.next();
        steps.extend(from.zip(all));
        steps.extend(select.on_rows.iter().map(ToString::to_string).zip(counts));
    }
    if select.is_grouped {
        for (at, condition) in select.on_groups.iter().enumerate() {
            let query = select.groups(vec![select.member.clone()], &select.on_rows, &select.on_groups[..=at]);
            steps.push((condition.to_string(), members(planner, &query).await?));
        }
    }
    if let Some(limit) = &select.limit {
        steps.push((limit.clone(), planner.count(segment.members(planner)?).await?));
    }
    Ok(())
}

/// Members with a row for which the first n conditions hold, for each n from 0: grouped by member once.
async fn counts_in_one_pass(planner: &Planner, select: &Conditions) -> Result<Vec<i64>> {
    let mut columns: Vec<Expr> = vec![select.member.clone()];
    columns.extend((0..select.on_rows.len()).map(|at| all_of(&select.on_rows[..=at])));
    let steps = select.on_rows.len();
    let rows = planned(planner, &select.rows(columns, &[]))?;
    let held = |at: usize| bool_or(column(&column_name(at))).alias(column_name(at));
    let all = count(lit(1_i64)).alias("all");
    let counts = (1..=steps)
        .map(|at| Ok(count(lit(1_i64)).filter(column(&column_name(at))).build()?.alias(column_name(at))))
        .collect::<Result<Vec<_>>>()?;
    let plan = LogicalPlanBuilder::from(rows)
        .filter(column(&column_name(0)).is_not_null())?
        .aggregate(vec![column(&column_name(0))], (1..=steps).map(held))?
        .aggregate(Vec::<datafusion::logical_expr::Expr>::new(), std::iter::once(all).chain(counts))?
        .build()?;
    let batches = planner.collect(plan).await?;
    let row = batches.iter().find(|batch| batch.num_rows() > 0);
    let value = |batch: &RecordBatch, at: usize| {
        let counts = batch.column(at).as_primitive::<Int64Type>();
        if counts.is_valid(0) { counts.value(0) } else { 0 }
    };
    Ok(row.map(|batch| (0..=steps).map(|at| value(batch, at)).collect()).unwrap_or_default())
}

/// The number of members that a variation of a segment gives in its first column.
async fn members(planner: &Planner, query: &Query) -> Result<i64> {
    planner.count(distinct_members(planned(planner, query)?)?).await
}

/// A variation of a segment: nobody wrote its text, so its errors have no position.
pub fn planned(planner: &Planner, query: &Query) -> Result<LogicalPlan> {
    let plan = planner.plan(query, "", &[]).map_err(|error| error.without_position())?;
    // Under plain names.
    let names: Vec<_> = plan
        .schema()
        .columns()
        .into_iter()
        .map(|known| {
            let name = sql::shown_name(known.name()).to_owned();
            datafusion::logical_expr::Expr::Column(known).alias(name)
        })
        .collect();
    Ok(LogicalPlanBuilder::from(plan).project(names)?.build()?)
}
