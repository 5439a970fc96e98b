//! Fills a builder from the relations of the history, as a query would read them: local time, names and zones are theirs.

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
    let mut reading = Reading { builder: Builder::new(relations.scales()).map_err(unfit)?, engine, memory, told: 0 };
    reading.read(&relations.members, "members", &["member_id"], Builder::add_members).await?;
    let schema = relations.purchases.schema();
    let more = MORE_RECEIPT_COLUMNS.into_iter().filter(|name| schema.index_of(name).is_ok());
    let columns: Vec<&str> = RECEIPT_COLUMNS.into_iter().chain(more).collect();
    reading.read(&relations.purchases, "purchases", &columns, Builder::add_receipts).await?;
    if let Some(lines) = &relations.lines {
        reading.read(lines, "purchase_lines", &LINE_COLUMNS, Builder::add_lines).await?;
    }
    let Reading { builder, memory, .. } = reading;
    // Sorting holds both what was taken and what is made of it.
    memory.try_resize(builder.bytes() * 2)?;
    let index = builder.finish().map_err(unfit)?;
    memory.try_resize(index.bytes())?;
    Ok(index)
}

struct Reading<'a> {
    builder: Builder,
    engine: &'a Engine,
    memory: &'a mut MemoryReservation,
    told: usize,
}

impl Reading<'_> {
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
