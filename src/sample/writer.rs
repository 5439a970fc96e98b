//! Writing Parquet files so that a half-made folder is never seen: all of it under a name of its own, then renamed.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use crate::error::{Result, message};

/// Rows of a row group: enough to compress well, few enough to skip by purchased_at within a month.
const ROW_GROUP_ROWS: usize = 65_536;

/// A folder in the making, beside the place where it will stand. Dropped before [`Staging::publish`] it vanishes.
#[derive(Debug)]
pub struct Staging {
    making: PathBuf,
    target: PathBuf,
}

impl Staging {
    /// Refuses a target that already holds something.
    pub fn new(target: &Path) -> Result<Self> {
        let taken = match fs::read_dir(target) {
            Ok(mut entries) => entries.next().is_some(),
            Err(_) => target.exists(),
        };
        if taken {
            return Err(message::sample_folder_taken(target));
        }
        let name = target.file_name().ok_or_else(|| message::sample_folder_unnamed(target))?;
        let parent = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let making = parent.join(format!(".{}.making-{}", name.to_string_lossy(), std::process::id()));
        fs::create_dir_all(parent).map_err(|error| message::sample_not_written(parent, error))?;
        if making.exists() {
            fs::remove_dir_all(&making).map_err(|error| message::sample_not_written(&making, error))?;
        }
        fs::create_dir(&making).map_err(|error| message::sample_not_written(&making, error))?;
        Ok(Self { making, target: target.to_path_buf() })
    }

    /// Writes one batch as the file `NAME.parquet`; `name` may lie in a folder. Durable once it returns.
    pub fn write(&self, name: &str, batch: &RecordBatch) -> Result<()> {
        let path = self.making.join(format!("{name}.parquet"));
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|error| message::sample_not_written(folder, error))?;
        }
        write_file(&path, batch).map_err(|error| message::sample_not_written(&path, error))
    }

    /// Makes the whole folder visible, in one step.
    pub fn publish(self) -> Result<()> {
        fs::rename(&self.making, &self.target).map_err(|error| message::sample_not_written(&self.target, error))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // After publishing there is nothing left under this name; what cannot be removed harms nobody.
        let _ = fs::remove_dir_all(&self.making);
    }
}

fn write_file(path: &Path, batch: &RecordBatch) -> Result<(), parquet::errors::ParquetError> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .build();
    let mut writer = ArrowWriter::try_new(File::create(path)?, batch.schema(), Some(properties))?;
    writer.write(batch)?;
    writer.into_inner()?.sync_all()?;
    Ok(())
}
