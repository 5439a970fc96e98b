//! The rows of a kept list as a table: one file, whose columns and types are known.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::object_store::ObjectStoreUrl;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::table_schema::TableSchemaBuilder;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use object_store::path::Path;

use super::member_file::MemberFile;
use crate::error::{Error, SqlState};

/// Reads one file. A plan of it does not hold the file: who runs the plan holds what named the file.
#[derive(Debug)]
pub struct MemberTable {
    file: Arc<MemberFile>,
    bytes: u64,
    schema: SchemaRef,
}

impl MemberTable {
    /// `schema` and `bytes`: as the file was written.
    pub fn new(file: Arc<MemberFile>, bytes: u64, schema: SchemaRef) -> Self {
        Self { file, bytes, schema }
    }
}

#[async_trait]
impl TableProvider for MemberTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
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
        let unreadable = |error: String| {
            let name = self.file.path().display();
            let error = Error::new(SqlState::IoError, format!("file \"{name}\" cannot be read")).with_detail(error);
            datafusion::error::DataFusionError::External(Box::new(error))
        };
        let absolute = std::path::absolute(self.file.path()).map_err(|error| unreadable(error.to_string()))?;
        let path = Path::from_absolute_path(absolute).map_err(|error| unreadable(error.to_string()))?;
        let group = FileGroup::new(vec![PartitionedFile::new(path.to_string(), self.bytes)]);
        let source = Arc::new(ParquetSource::new(TableSchemaBuilder::new(Arc::clone(&self.schema)).build()));
        let scan = FileScanConfigBuilder::new(ObjectStoreUrl::local_filesystem(), source)
            .with_file_groups(group.split_files(state.config().target_partitions().max(1)))
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        let format = ParquetFormat::default().with_options(state.default_table_options().parquet);
        format.create_physical_plan(state, scan).await
    }
}
