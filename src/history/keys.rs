//! Keys that repeat and stores that nobody knows: looked for when the history is opened.

use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Int64Type};
use arrow::util::display::array_value_to_string;
use datafusion::common::ScalarValue;
use datafusion::functions_aggregate::expr_fn::{count, count_distinct, max, min, sum};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, lit};
use futures::StreamExt;

use super::clocks::ClockSource;
use super::engine::{Engine, fault};
use super::id::Id;
use super::mapped::{Mapped, Needed, column};
use crate::error::{Result, message};

/// Refuses a table whose key repeats, naming the key.
///
/// # Errors
/// 23505.
pub async fn refuse_repeated(table: &Mapped, clocks: &ClockSource, engine: &Engine) -> Result<()> {
    let Some(key) = table.key.filter(|_| !table.first_only) else { return Ok(()) };
    let what = format!("column \"{key}\" of table \"{}\"", table.name);
    let needed: Needed = [key.to_owned()].into();
    let clocks = clocks.own();
    let keys = table.plan(&needed, &clocks, None).map_err(|error| fault(error, &what))?;
    if are_told_apart(keys, key, engine, &what).await? {
        return Ok(());
    }
    let plan = table.plan(&needed, &clocks, None).and_then(|plan| {
        // The largest identifier makes the same history always name the same key.
        repeated(plan, key)?.sort([column(key).sort(true, false)])?.limit(0, Some(1))?.build()
    });
    let batches = engine.rows(&plan.map_err(|error| fault(error, &what))?, &what).await?;
    match batches.iter().find(|batch| batch.num_rows() > 0) {
        None => Ok(()),
        Some(batch) => {
            let value = array_value_to_string(batch.column(0), 0).unwrap_or_default();
            let rows = batch.column(1).as_primitive::<Int64Type>().value(0);
            Err(message::repeated_key(&table.name, key, &value, rows))
        }
    }
}

/// Bits of memory for each row with which whole-number keys are told apart.
const BITS_PER_ROW_MAX: u64 = 16;

/// Whether keys are whole numbers, near enough to each other for a bit each, that all differ: without the hash table
/// that counting them takes. `false` says nothing.
async fn are_told_apart(keys: LogicalPlan, key: &str, engine: &Engine, what: &str) -> Result<bool> {
    if keys.schema().field(0).data_type() != &DataType::Int64 {
        return Ok(false);
    }
    let span = LogicalPlanBuilder::from(keys.clone())
        .aggregate(Vec::<Expr>::new(), vec![min(column(key)), max(column(key)), count(column(key))]);
    let span = engine.rows(&span.and_then(LogicalPlanBuilder::build).map_err(|e| fault(e, what))?, what).await?;
    let Some(span) = span.iter().find(|batch| batch.num_rows() > 0) else { return Ok(false) };
    let [least, most, rows] = [0, 1, 2].map(|at| span.column(at).as_primitive::<Int64Type>());
    if least.is_null(0) || most.is_null(0) {
        return Ok(rows.value(0) == 0);
    }
    let (least, bits) = (least.value(0), most.value(0).abs_diff(least.value(0)));
    if bits / BITS_PER_ROW_MAX > rows.value(0).unsigned_abs() {
        return Ok(false);
    }
    let Ok(words) = usize::try_from(bits / 64 + 1) else { return Ok(false) };
    let mut seen = vec![0_u64; words];
    let mut batches = engine.stream(&keys, what).await?;
    while let Some(batch) = batches.next().await {
        let batch = batch.map_err(|error| fault(error, what))?;
        for key in batch.column(0).as_primitive::<Int64Type>().iter().flatten() {
            let bit = key.abs_diff(least);
            // A file that came meanwhile may hold other keys: it is looked at in the thorough way.
            let Some(word) = usize::try_from(bit / 64).ok().and_then(|at| seen.get_mut(at)).filter(|_| key >= least)
            else {
                return Ok(false);
            };
            let mask = 1 << (bit % 64);
            if *word & mask != 0 {
                return Ok(false);
            }
            *word |= mask;
        }
    }
    Ok(true)
}

/// Keys that occur more than once, with their number of rows as `rows`.
pub fn repeated(plan: LogicalPlan, key: &str) -> datafusion::common::Result<LogicalPlanBuilder> {
    LogicalPlanBuilder::from(plan)
        .filter(column(key).is_not_null())?
        .aggregate(vec![column(key)], vec![count(lit(1_i64)).alias("rows")])?
        .filter(column("rows").gt(lit(1_i64)))
}

/// The number of receipts that name a store which the table of stores does not have.
pub async fn receipts_of_unknown_stores(
    receipts: &Mapped,
    is_lines: bool,
    clocks: &ClockSource,
    engine: &Engine,
) -> Result<i64> {
    let what = format!("column \"store_id\" of table \"{}\"", receipts.name);
    let files = Arc::default();
    let known = clocks.of_statement(&files).await?;
    let engine = engine.seeing(&files);
    let rows = |names: &[&str]| {
        let needed: Needed = names.iter().map(|name| (*name).to_owned()).collect();
        let plan = receipts.plan(&needed, &known, None)?;
        LogicalPlanBuilder::from(plan).filter(column("store_id").is_not_null())
    };
    let named = rows(&["store_id"]).and_then(|rows| rows.distinct()?.build());
    let mut unknown = Vec::new();
    for batch in engine.rows(&named.map_err(|error| fault(error, &what))?, &what).await? {
        for row in 0..batch.num_rows() {
            if Id::of_row(batch.column(0), row).is_some_and(|store| !known.knows(&store)) {
                unknown.push(lit(ScalarValue::try_from_array(batch.column(0), row)?));
            }
        }
    }
    if unknown.is_empty() {
        return Ok(0);
    }
    let receipts = if is_lines { count_distinct(column("purchase_id")) } else { count(lit(1_i64)) };
    let plan = rows(&["store_id", "purchase_id"]).and_then(|rows| {
        rows.filter(column("store_id").in_list(unknown, false))?.aggregate(Vec::<Expr>::new(), vec![receipts])?.build()
    });
    let batches = engine.rows(&plan.map_err(|error| fault(error, &what))?, &what).await?;
    let counted = batches.iter().find(|batch| batch.num_rows() > 0);
    Ok(counted.map_or(0, |batch| batch.column(0).as_primitive::<Int64Type>().value(0)))
}

/// The number of rows that repeat the key of an earlier row.
pub async fn surplus_rows(table: &Mapped, clocks: &ClockSource, engine: &Engine) -> Result<i64> {
    let Some(key) = table.key else { return Ok(0) };
    let what = format!("column \"{key}\" of table \"{}\"", table.name);
    let mut all = table.clone();
    all.first_only = false;
    let plan = all.plan(&[key.to_owned()].into(), &clocks.own(), None).and_then(|plan| {
        repeated(plan, key)?
            .aggregate(Vec::<Expr>::new(), vec![sum(column("rows") - lit(1_i64)).alias("surplus")])?
            .build()
    });
    let batches = engine.rows(&plan.map_err(|error| fault(error, &what))?, &what).await?;
    Ok(batches
        .first()
        .filter(|batch| batch.num_rows() > 0 && !batch.column(0).is_null(0))
        .map_or(0, |batch| batch.column(0).as_primitive::<Int64Type>().value(0)))
}
