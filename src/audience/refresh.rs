//! One refresh: the list's query, run and written to a new file.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::compute::kernels::cmp::eq;
use arrow::datatypes::SchemaRef;
use datafusion::logical_expr::{LogicalPlanBuilder, SortExpr};
use datafusion::physical_plan::execute_stream;
use datafusion::prelude::col;
use futures::StreamExt;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use crate::catalog::object::{Relation, Run};
use crate::clock::Clock;
use crate::error::{Error, Result, message};
use crate::planner::fact::{FactCall, MemberIndexExec};
use crate::planner::{Planner, kept_schema, plan_of_list, question, texts_behind};
use crate::storage::disk::DiskFile;
use crate::storage::member_file::MemberFolder;
use crate::storage::parquet_table::StatementFiles;
use crate::wire::encode::text_value;

/// Repeated members that a refusal names.
const REPEATED_MAX: usize = 10;

/// What a refresh needs beside the planner.
pub struct Refresh {
    pub list: Arc<Relation>,
    pub folder: MemberFolder,
    /// Who asks.
    pub by: String,
    pub clock: Arc<dyn Clock>,
}

impl Refresh {
    /// Runs the query and writes its rows. Dropped halfway, nothing is left of it.
    ///
    /// Rows of an audience are in the order of their members. Errors: 23505 for a repeated member, 23502 for a row
    /// without one; 53100 and 58030 from the disk; whatever the query refuses.
    pub async fn run(self, planner: &Planner) -> Result<Run> {
        let Self { list, folder, by, clock } = self;
        let started_at = clock.now();
        let Some(materialized) = list.materialized() else {
            return Err(message::internal("what is refreshed is no list"));
        };
        let number = materialized.last_run.saturating_add(1);
        let is_audience = list.is_audience();
        let schema = kept_schema(&list.columns)?;
        let query = plan_of_list(planner, &list)?;
        let asks_facts = FactCall::is_in(&query)?;
        let mut plan = LogicalPlanBuilder::from(query);
        if is_audience {
            plan = plan.sort([SortExpr::new(col("member_id"), true, true)])?;
        }
        let plan = planner.lower(plan.build()?).await?;
        let plan = planner.state.create_physical_plan(&plan).await?;
        if asks_facts && planner.uses_index && planner.history.is_index_behind() && !MemberIndexExec::is_in(&plan) {
            planner.told.tell(message::refreshed_from_files(&list.name));
        }
        let mut batches = execute_stream(plan, planner.state.task_ctx())?;
        let (file, handle) = folder.create(list.oid, number)?;
        let mut rows = Rows::new(handle, schema)?;
        let mut members = Members { list: &list.name, last: None };
        while let Some(batch) = batches.next().await.transpose()? {
            if is_audience {
                members.check(batch.column(0))?;
            }
            rows.write(&batch)?;
        }
        let (count, synced) = rows.finish()?;
        let bytes = synced.map_err(|error| message::file_fault(file.path(), "be written", error))?;
        file.sync_name()?;
        let universe = match planner.history.relation("members") {
            Some(_) => planner.count(planner.universe()?).await?,
            None => 0,
        };
        let definition = texts_behind(&planner.snapshot, &list);
        let files = planner.history.files_seen(&StatementFiles::of(planner.state.as_ref())).await?;
        Ok(Run {
            number,
            file,
            rows: count,
            bytes,
            universe: universe.unsigned_abs(),
            as_of: planner.day,
            started_at,
            finished_at: clock.now(),
            by,
            definition_hash: question::hash(&definition),
            definition,
            data_version: Some(question::hash(&files)),
        })
    }
}

/// A file of rows that is being written.
pub struct Rows {
    writer: ArrowWriter<Box<dyn DiskFile>>,
    schema: SchemaRef,
    count: u64,
}

impl Rows {
    /// Errors: 53100 and 58030 from the disk, as of the others.
    pub fn new(file: Box<dyn DiskFile>, schema: SchemaRef) -> Result<Self> {
        let level = ZstdLevel::try_new(1).map_err(unwritable)?;
        let properties = WriterProperties::builder().set_compression(Compression::ZSTD(level)).build();
        let writer = ArrowWriter::try_new(file, Arc::clone(&schema), Some(properties)).map_err(unwritable)?;
        Ok(Self { writer, schema, count: 0 })
    }

    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        // The engine's columns may be called otherwise and may promise more; their types are these.
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), batch.columns().to_vec())?;
        self.writer.write(&batch).map_err(unwritable)?;
        self.count += batch.num_rows() as u64;
        Ok(())
    }

    /// Gives the number of rows, and what syncing the file gives.
    pub fn finish(mut self) -> Result<(u64, std::io::Result<u64>)> {
        // Taking the file out of the writer would hide why its last bytes cannot be written.
        self.writer.finish().map_err(unwritable)?;
        Ok((self.count, self.writer.inner_mut().sync()))
    }
}

fn unwritable(error: parquet::errors::ParquetError) -> Error {
    match error {
        parquet::errors::ParquetError::External(cause) => match cause.downcast::<std::io::Error>() {
            Ok(cause) => message::io_failed(&cause),
            Err(cause) => message::internal(format!("a list cannot be written: {cause}")),
        },
        other => message::internal(format!("a list cannot be written: {other}")),
    }
}

/// Members come in order, so that a repeated one stands beside itself.
struct Members<'a> {
    list: &'a str,
    /// The last of the batch before.
    last: Option<ArrayRef>,
}

impl Members<'_> {
    fn check(&mut self, members: &ArrayRef) -> Result<()> {
        if members.null_count() > 0 {
            return Err(message::member_is_null(self.list));
        }
        let all = match &self.last {
            Some(last) => arrow::compute::concat(&[last.as_ref(), members.as_ref()])?,
            None => Arc::clone(members),
        };
        if all.is_empty() {
            return Ok(());
        }
        let is_repeated = eq(&all.slice(0, all.len() - 1), &all.slice(1, all.len() - 1))?;
        if is_repeated.true_count() > 0 {
            let utc = crate::session::TextFormat::UTC;
            let mut repeated: Vec<String> = (0..is_repeated.len())
                .filter(|row| is_repeated.value(*row))
                .filter_map(|row| text_value(all.as_ref(), row, &utc))
                .collect();
            repeated.dedup();
            repeated.truncate(REPEATED_MAX);
            return Err(message::members_repeated(self.list, &repeated));
        }
        self.last = Some(all.slice(all.len() - 1, 1));
        Ok(())
    }
}
