//! Who is to be sent to, frozen when a delivery begins: a private file with a batch number for each, and the list's own
//! columns. Those who are held out stand in it too, under number 0, to be compared with later.
//!
//! No identifier of a member is in it, unless the audience itself has one as a column.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::Column;
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast};
use datafusion::physical_plan::execute_stream;
use futures::StreamExt;

use super::selection::{HELD_OUT, Judge, Verdict, with_standing};
use super::{Channel, Desk};
use crate::audience::refresh::Rows;
use crate::catalog::delivery::Counts;
use crate::catalog::object::{Relation, Run};
use crate::error::{Result, message};
use crate::planner::fact::Types;
use crate::planner::recipients::{HELD_OUT_BATCH, Recipients};
use crate::planner::{Planner, kept_schema};
use crate::storage::member_file::MemberFile;
use crate::storage::member_table::MemberTable;

/// What a run comes to on a channel.
pub struct Selected {
    pub counts: Counts,
    pub batches: u32,
    /// Where the recipients are kept; nowhere when they were only counted.
    pub file: Option<Arc<MemberFile>>,
    /// The first who would be sent to, as [`super::payload`] forms them.
    pub first: Option<RecordBatch>,
}

/// Counts a run's members as the channel would have them, and keeps them if `keeps`.
///
/// Errors: those of [`with_standing`] and [`Judge::new`]; 53100 and 58030 from the disk.
pub async fn select(
    planner: &Planner,
    desk: &Desk,
    channel: &Arc<Channel>,
    audience: &Relation,
    run: &Run,
    keeps: bool,
    first_rows: usize,
) -> Result<Selected> {
    let list = rows_of_run(planner, audience, run)?;
    let schema: SchemaRef = Arc::new(list.schema().as_arrow().clone());
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let mut judge = Judge::new(Arc::clone(channel), &audience.name, &names)?;
    let plan = with_standing(planner, channel, &desk.suppress, list)?;
    let mut batches = stream(planner, plan).await?;
    let mut kept = if keeps {
        let (file, handle) = desk.folder.create(audience.oid, run.number)?;
        Some((file, Rows::new(handle, kept_columns(&schema))?))
    } else {
        None
    };
    let (mut counts, mut first) = (Counts::default(), None::<RecordBatch>);
    let size = u64::from(channel.batch_members.unwrap_or(u32::MAX));
    while let Some(batch) = batches.next().await.transpose()? {
        let judged = judge.judge(&batch)?;
        let mut numbers = Vec::new();
        for verdict in &judged.verdicts {
            match verdict {
                // Batches are far fewer than members, and those are fewer than an i32 counts batches of.
                Verdict::Deliverable => {
                    numbers.push(i32::try_from(counts.deliverable / size + 1).unwrap_or(i32::MAX));
                }
                Verdict::HeldOut => numbers.push(HELD_OUT_BATCH),
                _ => {}
            }
            verdict.count(&mut counts);
        }
        if first.as_ref().is_none_or(|first| first.num_rows() < first_rows) {
            let formed = super::payload::formed(channel, &schema, &batch, &judged)?;
            let joined = match first.take() {
                Some(first) => arrow::compute::concat_batches(&formed.schema(), [&first, &formed])?,
                None => formed,
            };
            first = Some(joined.slice(0, joined.num_rows().min(first_rows)));
        }
        if let Some((_, rows)) = &mut kept {
            let is_kept = judged
                .verdicts
                .iter()
                .map(|verdict| Some(matches!(verdict, Verdict::Deliverable | Verdict::HeldOut)))
                .collect();
            let batch = filter_record_batch(&batch, &is_kept)?;
            let numbers: ArrayRef = Arc::new(Int32Array::from(numbers));
            let own = batch.columns().iter().zip(schema.fields()).filter(|(_, field)| field.name() != HELD_OUT);
            let columns = std::iter::once(numbers).chain(own.map(|(column, _)| Arc::clone(column))).collect();
            rows.write(&RecordBatch::try_new(kept_columns(&schema), columns)?)?;
        }
    }
    let file = match kept {
        None => None,
        Some((file, rows)) => {
            let (_, synced) = rows.finish()?;
            synced.map_err(|error| message::file_fault(file.path(), "be written", error))?;
            file.sync_name()?;
            Some(file)
        }
    };
    let batches = u32::try_from(counts.deliverable.div_ceil(size)).unwrap_or(u32::MAX);
    Ok(Selected { counts, batches, file, first })
}

/// The rows of a run under the qualifier `list`, `member_id` in the type of the history's members.
fn rows_of_run(planner: &Planner, audience: &Relation, run: &Run) -> Result<LogicalPlan> {
    let schema = kept_schema(&audience.columns)?;
    let table = MemberTable::new(Arc::clone(&run.file), run.bytes, Arc::clone(&schema));
    let member = Types::of(&planner.history).member;
    let columns = schema.fields().iter().enumerate().map(|(at, field)| {
        let column = Expr::Column(Column::new(Some("run"), field.name()));
        if at == 0 { cast(column, member.clone()).alias(field.name()) } else { column.alias(field.name()) }
    });
    Ok(LogicalPlanBuilder::scan("run", provider_as_source(Arc::new(table)), None)?
        .project(columns.collect::<Vec<_>>())?
        .alias("list")?
        .build()?)
}

/// The columns of the file of a list's recipients.
fn kept_columns(list: &Schema) -> SchemaRef {
    Recipients::schema(list.fields().iter().filter(|field| field.name() != HELD_OUT))
}

/// Runs a plan.
pub async fn stream(planner: &Planner, plan: LogicalPlan) -> Result<datafusion::execution::SendableRecordBatchStream> {
    let plan = planner.lower(plan).await?;
    let plan = planner.state.create_physical_plan(&plan).await?;
    Ok(execute_stream(plan, planner.state.task_ctx())?)
}
