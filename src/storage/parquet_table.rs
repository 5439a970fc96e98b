//! A set of Parquet files as one table: the raw scan under every relation of the history.
//!
//! The files are listed anew at each scan, so that a new file is seen by the next statement. The reader casts every
//! file's columns to the table's types and gives NULL for columns a file lacks. Filters are not applied here, but reach
//! the files from the plan above, to leave out whole files, row groups and pages.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DataFusionError, Result, ScalarValue, Statistics, project_schema};
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::table_schema::{TableSchema, TableSchemaBuilder};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use parking_lot::Mutex;
use parquet::arrow::RowNumber;

use super::footer::{Footer, ParquetFiles};
use crate::error::message;
use crate::pg_type::PgType;

/// Place of a file among the files, by name; in tables with positions.
pub const FILE_POSITION: &str = "__file";
/// Place of a row in its file; in tables with positions.
pub const ROW_POSITION: &str = "__row";

/// The files that one statement sees, however often it reads a table: put a fresh one into the configuration of each
/// statement as an extension. Without it every scan lists for itself.
#[derive(Debug, Default)]
pub struct StatementFiles(Mutex<HashMap<usize, Vec<Arc<Footer>>>>);

impl StatementFiles {
    /// Those of the session's statement; without a statement, fresh ones.
    pub fn of(session: &dyn Session) -> Arc<Self> {
        session.config().get_extension().unwrap_or_default()
    }

    /// The files as they lay when the statement first asked for them.
    ///
    /// # Errors
    /// As [`ParquetFiles::current`].
    pub async fn seen(&self, files: &Arc<ParquetFiles>) -> crate::error::Result<Vec<Arc<Footer>>> {
        let id = Arc::as_ptr(files) as usize;
        if let Some(seen) = self.0.lock().get(&id).cloned() {
            return Ok(seen);
        }
        let footers = files.current().await?;
        // Of two scans that listed at the same time the first one counts for both.
        Ok(self.0.lock().entry(id).or_insert(footers).clone())
    }

    /// The same, but of these tables only these files.
    pub fn with_only<'a>(&self, of: impl IntoIterator<Item = (&'a Arc<ParquetFiles>, Vec<Arc<Footer>>)>) -> Self {
        let mut seen = self.0.lock().clone();
        seen.extend(of.into_iter().map(|(files, footers)| (Arc::as_ptr(files) as usize, footers)));
        Self(Mutex::new(seen))
    }
}

/// Raw columns of Parquet files, in the types that the reader is to give.
#[derive(Debug)]
pub struct ParquetTable {
    /// For messages.
    name: String,
    files: Arc<ParquetFiles>,
    schema: TableSchema,
    positions: bool,
}

impl ParquetTable {
    /// `schema`: each column nullable, in a type that [`readable_as`] allows for the files seen so far.
    pub fn new(name: impl Into<String>, files: Arc<ParquetFiles>, schema: &SchemaRef) -> Self {
        let schema = TableSchemaBuilder::new(Arc::clone(schema)).build();
        Self { name: name.into(), files, schema, positions: false }
    }

    /// The same, with [`FILE_POSITION`] and [`ROW_POSITION`] as the last columns.
    pub fn with_positions(&self) -> Self {
        let file: FieldRef = Arc::new(Field::new(FILE_POSITION, DataType::Int64, false));
        let row: FieldRef = Arc::new(Field::new(ROW_POSITION, DataType::Int64, false).with_extension_type(RowNumber));
        let schema = TableSchemaBuilder::new(Arc::clone(self.schema.file_schema()))
            .with_table_partition_cols(vec![file])
            .with_virtual_columns(vec![row])
            .build();
        Self { name: self.name.clone(), files: Arc::clone(&self.files), schema, positions: true }
    }

    /// Every column that is read must be in a type that can be read, in every file that has it.
    fn check_types(&self, footer: &Footer, read: &Schema) -> Result<()> {
        for field in read.fields() {
            let Ok(found) = footer.schema.field_with_name(field.name()) else { continue };
            if !readable_as(found.data_type(), field.data_type()) {
                let file = self.files.location().file_name(&footer.meta.location);
                return Err(external(message::file_of_other_type(
                    &file,
                    &self.name,
                    field.name(),
                    &type_name(found.data_type()),
                    &type_name(field.data_type()),
                )));
            }
        }
        Ok(())
    }

    async fn file(&self, footer: &Arc<Footer>, position: usize, with_statistics: bool) -> Result<PartitionedFile> {
        let mut file = PartitionedFile::new_from_meta(footer.meta.clone());
        if self.positions {
            let position = i64::try_from(position).map_err(|error| DataFusionError::External(Box::new(error)))?;
            return Ok(file.with_partition_values(vec![ScalarValue::Int64(Some(position))]));
        }
        if with_statistics {
            let statistics = self.files.statistics(footer, self.schema.file_schema()).await.map_err(external)?;
            file = file.with_statistics(statistics);
        }
        Ok(file)
    }
}

#[async_trait]
impl TableProvider for ParquetTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(self.schema.table_schema())
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let read = project_schema(&self.schema(), projection)?;
        let footers = StatementFiles::of(state).seen(&self.files).await.map_err(external)?;
        // No rows would be an answer, and a wrong one: such as an empty audience while the files are replaced.
        if footers.is_empty() {
            return Err(external(message::files_gone(&self.name, self.files.location().written())));
        }
        let with_statistics = !self.positions && state.config().collect_statistics();
        let mut files = Vec::with_capacity(footers.len());
        for (position, footer) in footers.iter().enumerate() {
            self.check_types(footer, &read)?;
            files.push(self.file(footer, position, with_statistics).await?);
        }
        let statistics = if with_statistics {
            Statistics::try_merge_iter(files.iter().filter_map(|file| file.statistics.as_deref()), &self.schema())?
        } else {
            Statistics::new_unknown(&self.schema())
        };
        let mut options = state.default_table_options().parquet;
        options.global.coerce_int96 = Some("us".to_owned());
        let format = ParquetFormat::default().with_options(options);
        let groups = FileGroup::new(files).split_files(state.config().target_partitions().max(1));
        let source = Arc::new(ParquetSource::new(self.schema.clone()));
        let scan = FileScanConfigBuilder::new(self.files.location().store_url().clone(), source)
            .with_file_groups(groups)
            .with_statistics(statistics)
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        format.create_physical_plan(state, scan).await
    }
}

/// Whether a column that a file has as `found` can be read as `wanted` without losing anything but fractions of a microsecond.
pub fn readable_as(found: &DataType, wanted: &DataType) -> bool {
    use DataType::*;
    if found == wanted {
        return true;
    }
    match (found, wanted) {
        (Null, _) => true,
        (Dictionary(_, value), _) => readable_as(value, wanted),
        (RunEndEncoded(_, value), _) => readable_as(value.data_type(), wanted),
        (_, Int64) => {
            found.is_integer()
                || matches!(found, Decimal32(_, 0) | Decimal64(_, 0) | Decimal128(_, 0) | Decimal256(_, 0))
        }
        (_, Float64) => found.is_numeric(),
        (_, Decimal128(_, scale)) => match found {
            Decimal32(_, s) | Decimal64(_, s) | Decimal128(_, s) | Decimal256(_, s) => s <= scale,
            _ => found.is_integer(),
        },
        (_, Utf8View) => {
            matches!(found, Utf8 | LargeUtf8 | Utf8View | Binary | LargeBinary | BinaryView) || found.is_integer()
        }
        (Timestamp(_, from), Timestamp(_, to)) => from.is_some() == to.is_some() || to.as_deref() == Some("UTC"),
        (Date32 | Date64, Timestamp(_, _)) => true,
        (Date32 | Date64 | Timestamp(_, _), Date32) => true,
        (Time32(_) | Time64(_), Time64(_)) => true,
        (Binary | LargeBinary | BinaryView, BinaryView) => true,
        _ => found.equals_datatype(wanted),
    }
}

/// The type as PostgreSQL calls it, where it has one.
pub fn type_name(data_type: &DataType) -> String {
    match PgType::of_arrow(data_type) {
        PgType::TEXT if !data_type.is_string() => data_type.to_string(),
        pg_type => pg_type.sql_name(),
    }
}

/// Carries our error through the engine whole.
fn external(error: crate::error::Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}
