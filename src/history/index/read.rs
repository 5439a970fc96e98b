//! Fills a builder from the relations of the history, as a query would read them: local time, names and zones are theirs.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::datasource::provider_as_source;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::logical_expr::LogicalPlanBuilder;
use futures::StreamExt;
use regulars_index::{Builder, MemberIndex, Scales, Unfit};

use crate::error::{Error, Result, message};
use crate::history::engine::{Engine, fault};
use crate::history::mapped::column;

/// The relations that an index is made of, without the cut of an as-of day.
#[derive(Debug, Clone)]
pub struct Relations {
    pub members: Arc<dyn TableProvider>,
    pub purchases: Arc<dyn TableProvider>,
    pub lines: Option<Arc<dyn TableProvider>>,
    /// Digits after the point of sums of amounts.
    pub amount_scale: i8,
}

const RECEIPT_COLUMNS: [&str; 8] =
    ["purchase_id", "member_id", "store_id", "channel", "status", "business_date", "weekday", "local_time"];
/// Those that not every history has.
const MORE_RECEIPT_COLUMNS: [&str; 2] = ["amount", "refund_of"];
const LINE_COLUMNS: [&str; 4] = ["purchase_id", "product_id", "quantity", "amount"];

/// A line in the log for so many rows.
const ROWS_WORTH_TELLING: usize = 5_000_000;

/// Reads all of it. `memory` grows with what is taken.
///
/// Errors: as reading the files; 53200 when the memory that statements may use does not hold it; 0A000 for what does
/// not fit.
pub async fn read(relations: &Relations, engine: &Engine, memory: &mut MemoryReservation) -> Result<MemberIndex> {
    // Nobody can know it before the index is made, so that nobody makes identifiers that have its hashes in common.
    let seed = RandomState::new().hash_one(());
    let builder = Builder::new(relations.scales(), seed).map_err(unfit)?;
    let mut reading = Reading { builder, engine, memory, told: 0 };
    reading.members(relations).await?;
    reading.receipts(relations).await?;
    reading.lines(relations).await?;
    let Reading { builder, memory, .. } = reading;
    // A month is sorted at a time: it is there twice, the others once.
    memory.try_resize(builder.bytes() + builder.bytes() / 2)?;
    builder.finish().map_err(unfit)
}

/// What of the relations came after an index.
#[derive(Debug)]
pub struct Since<'a> {
    pub index: &'a MemberIndex,
    /// Sees all files; for members, if they are to be read again.
    pub members: Option<Engine>,
    /// Sees only what is new.
    pub new: Engine,
    pub has_receipts: bool,
    pub has_lines: bool,
}

/// The index with what came after it; `None` where it has to be built from the beginning. Errors: as [`read`].
pub async fn read_since(
    relations: &Relations,
    since: Since<'_>,
    memory: &mut MemoryReservation,
) -> Result<Option<MemberIndex>> {
    let mut builder = Builder::onto(since.index, relations.scales()).map_err(unfit)?;
    if since.members.is_some() {
        builder.forget_members();
    }
    let mut reading = Reading { builder, engine: &since.new, memory, told: 0 };
    if let Some(engine) = &since.members {
        reading = Reading { engine, ..reading };
        reading.members(relations).await?;
    }
    reading = Reading { engine: &since.new, ..reading };
    if since.has_receipts {
        reading.receipts(relations).await?;
    }
    if since.has_lines {
        reading.lines(relations).await?;
    }
    let Reading { builder, memory, .. } = reading;
    // Months that are made again are there twice.
    memory.try_resize(builder.bytes() * 2)?;
    match builder.finish_onto(since.index) {
        Ok(index) => Ok(Some(index)),
        Err(Unfit::Entangled(how)) => {
            tracing::info!("member index: built from the beginning, the new files have {how}");
            Ok(None)
        }
        Err(other) => Err(unfit(other)),
    }
}

struct Reading<'a> {
    builder: Builder,
    engine: &'a Engine,
    memory: &'a mut MemoryReservation,
    told: usize,
}

impl Reading<'_> {
    async fn members(&mut self, relations: &Relations) -> Result<()> {
        self.read(&relations.members, "members", &["member_id"], Builder::add_members).await
    }

    async fn receipts(&mut self, relations: &Relations) -> Result<()> {
        let schema = relations.purchases.schema();
        let more = MORE_RECEIPT_COLUMNS.into_iter().filter(|name| schema.index_of(name).is_ok());
        let columns: Vec<&str> = RECEIPT_COLUMNS.into_iter().chain(more).collect();
        self.read(&relations.purchases, "purchases", &columns, Builder::add_receipts).await
    }

    async fn lines(&mut self, relations: &Relations) -> Result<()> {
        match &relations.lines {
            Some(lines) => self.read(lines, "purchase_lines", &LINE_COLUMNS, Builder::add_lines).await,
            None => Ok(()),
        }
    }

    async fn read(
        &mut self,
        relation: &Arc<dyn TableProvider>,
        name: &str,
        columns: &[&str],
        add: fn(&mut Builder, &RecordBatch) -> Result<(), Unfit>,
    ) -> Result<()> {
        let what = format!("table \"{name}\"");
        let plan = LogicalPlanBuilder::scan(name, provider_as_source(Arc::clone(relation)), None)
            .and_then(|plan| plan.project(columns.iter().map(|name| column(*name)))?.build())
            .map_err(|error| fault(error, &what))?;
        let mut batches = self.engine.stream(&plan, &what).await?;
        while let Some(batch) = batches.next().await {
            add(&mut self.builder, &batch.map_err(|error| fault(error, &what))?).map_err(unfit)?;
            self.memory.try_resize(self.builder.bytes())?;
            if self.builder.rows() / ROWS_WORTH_TELLING > self.told {
                self.told = self.builder.rows() / ROWS_WORTH_TELLING;
                tracing::info!("member index: {} rows read", self.builder.rows());
            }
        }
        Ok(())
    }
}

impl Relations {
    fn scales(&self) -> Scales {
        let of =
            |schema: &SchemaRef, name: &str| schema.field_with_name(name).ok().map(|field| field.data_type().clone());
        let purchases = self.purchases.schema();
        let lines = self.lines.as_ref().map(|lines| lines.schema());
        let text = || DataType::Utf8View;
        let quantity = match lines.as_ref().and_then(|lines| of(lines, "quantity")) {
            Some(DataType::Decimal128(_, scale)) => scale,
            _ => 0,
        };
        Scales {
            member: of(&purchases, "member_id").unwrap_or_else(text),
            purchase: of(&purchases, "purchase_id").unwrap_or_else(text),
            store: of(&purchases, "store_id").unwrap_or_else(text),
            product: lines.as_ref().and_then(|lines| of(lines, "product_id")).unwrap_or_else(text),
            amount: self.amount_scale,
            quantity,
        }
    }
}

fn unfit(unfit: Unfit) -> Error {
    message::index_unfit(&unfit)
}
