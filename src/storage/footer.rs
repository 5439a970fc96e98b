//! What the footers of Parquet files say, read once for each state of a file.
//!
//! A file whose footer is not whole (it is still being copied) is left out, with one warning for each of its states,
//! until it is whole. State: size, time of change, identity.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use arrow::datatypes::{Schema, SchemaRef, TimeUnit};
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, DataFusionError, Statistics};
use datafusion::datasource::physical_plan::parquet::apply_file_schema_type_coercions;
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use datafusion::execution::runtime_env::RuntimeEnv;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path as StorePath;
use object_store::{ObjectMeta, ObjectStore};
use parking_lot::Mutex;
use parquet::file::metadata::PageIndexPolicy;

use super::location::Location;
use crate::error::{Result, message};

/// Footers that are read at the same time.
const CONCURRENT_READS: usize = 16;

/// From here on, reading the footers of new files takes long enough to say so.
const FILES_WORTH_TELLING: usize = 200;

/// One whole Parquet file.
pub struct Footer {
    pub meta: ObjectMeta,
    /// As the file has it, without metadata; 96-bit timestamps in microseconds.
    pub schema: SchemaRef,
    pub rows: usize,
    statistics: OnceLock<Arc<Statistics>>,
}

impl fmt::Debug for Footer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Footer")
            .field("location", &self.meta.location)
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

/// Things to tell the operator, each said once; also written to the log.
#[derive(Debug, Default)]
pub struct Warnings(Mutex<Vec<String>>);

impl Warnings {
    pub fn add(&self, warning: String) {
        let mut warnings = self.0.lock();
        if !warnings.contains(&warning) {
            tracing::warn!("{warning}");
            warnings.push(warning);
        }
    }

    pub fn all(&self) -> Vec<String> {
        self.0.lock().clone()
    }
}

/// How much some files hold together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Size {
    pub bytes: u64,
    pub rows: u64,
}

/// The Parquet files of one location and what is known of them.
pub struct ParquetFiles {
    location: Location,
    runtime: Arc<RuntimeEnv>,
    warnings: Arc<Warnings>,
    known: Mutex<HashMap<StorePath, Known>>,
}

#[derive(Clone)]
enum Known {
    Whole(Arc<Footer>),
    /// In this state its footer could not be read.
    Broken(ObjectMeta),
}

impl fmt::Debug for ParquetFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ParquetFiles").field(&self.location.written()).finish()
    }
}

impl ParquetFiles {
    pub fn new(location: Location, runtime: Arc<RuntimeEnv>, warnings: Arc<Warnings>) -> Self {
        Self { location, runtime, warnings, known: Mutex::default() }
    }

    pub fn location(&self) -> &Location {
        &self.location
    }

    /// The whole files that lie there now, by name.
    ///
    /// # Errors
    /// 58P01 when the path is gone, 58030 when it cannot be read.
    pub async fn current(&self) -> Result<Vec<Arc<Footer>>> {
        let listed = self.location.list().await?;
        let known: Vec<(ObjectMeta, Option<Known>)> = {
            let known = self.known.lock();
            listed
                .into_iter()
                .map(|meta| (known.get(&meta.location).cloned().filter(|k| k.is_of(&meta)), meta))
                .map(|(k, m)| (m, k))
                .collect()
        };
        let unread = known.iter().filter(|(_, known)| known.is_none()).count();
        if unread >= FILES_WORTH_TELLING {
            tracing::info!("\"{}\": reading the footers of {unread} files", self.location.written());
        }
        let seen: Vec<Known> = futures::stream::iter(known)
            .map(|(meta, known)| async move {
                match known {
                    Some(known) => Ok(known),
                    None => self.read(meta).await,
                }
            })
            .buffered(CONCURRENT_READS)
            .try_collect()
            .await?;
        let footers = seen.iter().filter_map(Known::whole).collect();
        // Files that are gone are forgotten with this.
        *self.known.lock() = seen.into_iter().map(|known| (known.meta().location.clone(), known)).collect();
        Ok(footers)
    }

    /// What the files held when they were last looked at.
    pub fn size_seen(&self) -> Size {
        let known = self.known.lock();
        known.values().filter_map(Known::whole).fold(Size::default(), |size, footer| Size {
            bytes: size.bytes + footer.meta.size,
            rows: size.rows + footer.rows as u64,
        })
    }

    /// What the footer says of the columns of `schema`, the table's; minima and maxima only where the file has the column in the table's type.
    pub async fn statistics(&self, footer: &Footer, schema: &SchemaRef) -> Result<Arc<Statistics>> {
        if let Some(statistics) = footer.statistics.get() {
            return Ok(Arc::clone(statistics));
        }
        let metadata = self.reader(&footer.meta).fetch_metadata().await.map_err(|error| {
            message::unreadable_path(&self.location.file_name(&footer.meta.location), error.to_string())
        })?;
        let mut statistics =
            DFParquetMetadata::statistics_from_parquet_metadata(&metadata, schema).map_err(|error| {
                message::unreadable_path(&self.location.file_name(&footer.meta.location), error.to_string())
            })?;
        let as_read = apply_file_schema_type_coercions(schema, &footer.schema);
        let as_read = as_read.as_ref().unwrap_or(&footer.schema);
        for (field, column) in schema.fields().iter().zip(&mut statistics.column_statistics) {
            let same_type =
                as_read.field_with_name(field.name()).is_ok_and(|found| found.data_type() == field.data_type());
            if !same_type {
                *column = ColumnStatistics { null_count: column.null_count, ..ColumnStatistics::new_unknown() };
            }
        }
        statistics.num_rows = Precision::Exact(footer.rows);
        Ok(Arc::clone(footer.statistics.get_or_init(|| Arc::new(statistics))))
    }

    async fn read(&self, meta: ObjectMeta) -> Result<Known> {
        let name = self.location.file_name(&meta.location);
        let metadata = match self.reader(&meta).fetch_metadata().await {
            Ok(metadata) => metadata,
            Err(error) if is_missing(&error) => return Ok(Known::Broken(meta)),
            Err(error) if is_store_fault(&error) => return Err(message::unreadable_path(&name, error.to_string())),
            Err(error) => {
                self.warnings.add(format!(
                    "file \"{name}\" is left out until its Parquet footer is whole ({} bytes now): {}",
                    meta.size,
                    error.strip_backtrace()
                ));
                return Ok(Known::Broken(meta));
            }
        };
        let file = metadata.file_metadata();
        let schema = parquet::arrow::parquet_to_arrow_schema(file.schema_descr(), file.key_value_metadata())
            .map_err(|error| message::unreadable_path(&name, error.to_string()))?;
        let schema = datafusion::datasource::file_format::parquet::Int96Coercer::new(
            file.schema_descr(),
            &schema,
            &TimeUnit::Microsecond,
        )
        .coerce()
        .unwrap_or(schema);
        let rows = metadata.row_groups().iter().map(|group| usize::try_from(group.num_rows()).unwrap_or(0)).sum();
        Ok(Known::Whole(Arc::new(Footer {
            meta,
            schema: Arc::new(Schema::new(schema.fields().clone())),
            rows,
            statistics: OnceLock::new(),
        })))
    }

    fn reader<'a>(&'a self, meta: &'a ObjectMeta) -> DFParquetMetadata<'a> {
        let store: &dyn ObjectStore = self.location.store().as_ref();
        DFParquetMetadata::new(store, meta)
            .with_file_metadata_cache(Some(self.runtime.cache_manager.get_file_metadata_cache()))
            .with_page_index_policy(Some(PageIndexPolicy::Skip))
    }
}

impl Known {
    fn meta(&self) -> &ObjectMeta {
        match self {
            Self::Whole(footer) => &footer.meta,
            Self::Broken(meta) => meta,
        }
    }

    fn whole(&self) -> Option<Arc<Footer>> {
        match self {
            Self::Whole(footer) => Some(Arc::clone(footer)),
            Self::Broken(_) => None,
        }
    }

    fn is_of(&self, meta: &ObjectMeta) -> bool {
        let known = self.meta();
        known.size == meta.size && known.last_modified == meta.last_modified && known.e_tag == meta.e_tag
    }
}

/// The store did not answer, as opposed to the file not being whole.
fn is_store_fault(error: &DataFusionError) -> bool {
    matches!(error.find_root(), DataFusionError::ObjectStore(_))
}

/// Deleted between listing and reading.
fn is_missing(error: &DataFusionError) -> bool {
    matches!(error.find_root(), DataFusionError::ObjectStore(error) if matches!(**error, object_store::Error::NotFound { .. }))
}
