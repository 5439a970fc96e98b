//! Rows as a Parquet file, for `COPY … TO STDOUT (FORMAT parquet)`.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use crate::error::{Result, message};
use crate::statement::outcome::OutputColumn;

/// Rows that are gathered before they are written: they are held in memory meanwhile.
const ROW_GROUP_ROWS: usize = 128 << 10;

/// Gives the bytes of the file as they become final.
pub(in crate::wire) struct ParquetEncoder {
    writer: ArrowWriter<Vec<u8>>,
    schema: SchemaRef,
}

impl ParquetEncoder {
    /// `found`: the schema of the rows; without any row all columns are text, as nothing tells otherwise.
    ///
    /// Errors: 0A000 for a type that Parquet does not have.
    pub fn new(columns: &[OutputColumn], found: Option<SchemaRef>) -> Result<Self> {
        let types = |at: usize| found.as_ref().map_or(DataType::Utf8, |schema| schema.field(at).data_type().clone());
        let fields = columns.iter().enumerate().map(|(at, column)| Field::new(&column.name, types(at), true));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let level = ZstdLevel::try_new(1).map_err(|error| message::copy_parquet_type(&error))?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(level))
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
            .build();
        // Readers are told Parquet's types alone: not every one knows how the values lay in our memory.
        let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(Vec::new(), Arc::clone(&schema), options)
            .map_err(|error| message::copy_parquet_type(&error))?;
        Ok(Self { writer, schema })
    }

    pub fn batch(&mut self, batch: &RecordBatch) -> Result<Vec<u8>> {
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), batch.columns().to_vec())?;
        self.writer.write(&batch).map_err(|error| message::copy_parquet_type(&error))?;
        Ok(std::mem::take(self.writer.inner_mut()))
    }

    /// The rest, with the footer.
    pub fn finish(mut self) -> Result<Vec<u8>> {
        self.writer.finish().map_err(|error| message::copy_parquet_type(&error))?;
        Ok(std::mem::take(self.writer.inner_mut()))
    }
}
