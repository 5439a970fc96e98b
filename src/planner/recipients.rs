//! The recipients of a delivery, as they were frozen when it began: a relation in a file of its own.
//!
//! `delivery::recipients` writes it; here it is read, by who sends to them and by who asks about them.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::Column;
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, lit};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::error::{Result, message};
use crate::storage::member_file::MemberFile;
use crate::storage::member_table::MemberTable;

/// The column in front of those of the list: the number of a recipient's batch.
pub const BATCH: &str = "regulars batch";
/// The number of those who are held out.
pub const HELD_OUT_BATCH: i32 = 0;

pub struct Recipients {
    file: Arc<MemberFile>,
    bytes: u64,
    schema: SchemaRef,
}

impl Recipients {
    /// The columns of the file of a list with these.
    pub fn schema<'a>(list: impl Iterator<Item = &'a Arc<Field>>) -> SchemaRef {
        let own = list.map(|field| Arc::new(field.as_ref().clone().with_nullable(true)));
        let number = Arc::new(Field::new(BATCH, DataType::Int32, false));
        Arc::new(Schema::new(std::iter::once(number).chain(own).collect::<Vec<_>>()))
    }

    /// Errors: 58030 for a file that cannot be read.
    pub fn open(file: Arc<MemberFile>) -> Result<Self> {
        let unreadable = |error| message::file_fault(file.path(), "be read", error);
        let handle = std::fs::File::open(file.path()).map_err(unreadable)?;
        let bytes = handle.metadata().map_err(unreadable)?.len();
        let builder = ParquetRecordBatchReaderBuilder::try_new(handle)
            .map_err(|error| message::recipients_damaged(file.path(), &error))?;
        let schema = Arc::clone(builder.schema());
        Ok(Self { file, bytes, schema })
    }

    /// The columns of the list that it keeps.
    pub fn columns(&self) -> SchemaRef {
        Arc::new(Schema::new(self.schema.fields().iter().skip(1).cloned().collect::<Vec<_>>()))
    }

    /// Those of a batch, under the qualifier `list`.
    pub fn batch(&self, number: u32) -> Result<LogicalPlan> {
        let number = i32::try_from(number).map_err(|_| message::internal("a batch has an impossible number"))?;
        let own = self.schema.fields().iter().skip(1).map(|field| column(field.name()).alias(field.name()));
        Ok(self
            .scan()?
            .filter(column(BATCH).eq(lit(number)))?
            .project(own.collect::<Vec<_>>())?
            .alias("list")?
            .build()?)
    }

    /// Everybody: `member_id`, and the number of the batch as `batch`.
    pub fn everybody(&self) -> Result<LogicalPlan> {
        let columns = [column("member_id").alias("member_id"), column(BATCH).alias("batch")];
        Ok(self.scan()?.project(columns)?.build()?)
    }

    fn scan(&self) -> Result<LogicalPlanBuilder> {
        let table = MemberTable::new(Arc::clone(&self.file), self.bytes, Arc::clone(&self.schema));
        Ok(LogicalPlanBuilder::scan("recipients", provider_as_source(Arc::new(table)), None)?)
    }
}

fn column(name: &str) -> Expr {
    Expr::Column(Column::new(Some("recipients"), name))
}
