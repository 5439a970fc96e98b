//! Delivery as a file: CSV or Parquet, in a folder or an object store, with its manifest beside it.
//!
//! A file is written whole in our own folder first, so that its checksum is known and nobody sees half of it; then it is put
//! under a name that is made of the delivery alone, so that putting it again changes nothing.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use sha2::{Digest, Sha256};

use super::identifier::hexadecimal;
use super::payload;
use crate::audience::refresh::Rows;
use crate::catalog::delivery::Delivery;
use crate::config::FileFormat;
use crate::error::{Result, message};
use crate::storage::disk::DiskFile;
use crate::storage::location::Location;
use crate::storage::member_file::MemberFile;

/// What spreadsheets take for the sign of UTF-8.
const BOM: &str = "\u{feff}";

#[derive(Debug)]
pub struct FileChannel {
    pub folder: Location,
    pub format: FileFormat,
    pub bom: bool,
    pub disarm: bool,
}

impl FileChannel {
    /// The name of the file of a delivery: `gold_regulars-7-1f0c….csv`.
    pub fn name(&self, delivery: &Delivery) -> String {
        // Whatever else a name may hold is not for file systems.
        let plain = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '_') { c } else { '_' };
        let audience: String = delivery.name.chars().map(plain).collect();
        let extension = match self.format {
            FileFormat::Csv => "csv",
            FileFormat::Parquet => "parquet",
        };
        format!("{audience}-{}-{}.{extension}", delivery.run, delivery.id)
    }

    /// The start of the file, to look at. Parquet is shown as CSV.
    pub fn shown(&self, first: &RecordBatch) -> String {
        let mut text = String::new();
        payload::csv_head(&first.schema(), &mut text);
        payload::csv(first, self.disarm, &mut text);
        text
    }
}

/// The file in the making, in our own folder. Dropped, it is gone.
pub struct Draft {
    file: Arc<MemberFile>,
    rows: DraftRows,
    count: u64,
}

enum DraftRows {
    Csv { out: Box<dyn DiskFile>, disarm: bool },
    Parquet(Box<Rows>),
}

impl Draft {
    /// Errors: 53100 and 58030 from the disk.
    pub fn begin(
        channel: &FileChannel,
        schema: &SchemaRef,
        file: Arc<MemberFile>,
        mut out: Box<dyn DiskFile>,
    ) -> Result<Self> {
        let rows = match channel.format {
            FileFormat::Parquet => {
                let nullable = schema.fields().iter().map(|field| field.as_ref().clone().with_nullable(true));
                DraftRows::Parquet(Box::new(Rows::new(out, Arc::new(Schema::new(nullable.collect::<Vec<_>>())))?))
            }
            FileFormat::Csv => {
                let mut head = if channel.bom { BOM.to_owned() } else { String::new() };
                payload::csv_head(schema, &mut head);
                out.write_all(head.as_bytes()).map_err(|error| unwritable(&file, error))?;
                DraftRows::Csv { out, disarm: channel.disarm }
            }
        };
        Ok(Self { file, rows, count: 0 })
    }

    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.count += batch.num_rows() as u64;
        match &mut self.rows {
            DraftRows::Parquet(rows) => rows.write(batch),
            DraftRows::Csv { out, disarm } => {
                let mut text = String::new();
                payload::csv(batch, *disarm, &mut text);
                out.write_all(text.as_bytes()).map_err(|error| unwritable(&self.file, error))
            }
        }
    }

    pub fn finish(self) -> Result<Finished> {
        let fault = |error| unwritable(&self.file, error);
        match self.rows {
            DraftRows::Parquet(rows) => rows.finish()?.1.map_err(fault)?,
            DraftRows::Csv { mut out, .. } => out.sync().map_err(fault)?,
        };
        let (sha256, bytes) = File::open(self.file.path()).and_then(|mut file| digest(&mut file)).map_err(fault)?;
        Ok(Finished { file: self.file, members: self.count, sha256, bytes })
    }
}

/// A file that is ready to be put where it belongs.
pub struct Finished {
    file: Arc<MemberFile>,
    pub members: u64,
    pub sha256: String,
    pub bytes: u64,
}

impl Finished {
    pub fn path(&self) -> PathBuf {
        self.file.path().to_owned()
    }
}

fn digest(file: &mut File) -> std::io::Result<(String, u64)> {
    let (mut hash, mut bytes, mut part) = (Sha256::new(), 0_u64, vec![0; 1 << 16]);
    loop {
        let read = file.read(&mut part)?;
        if read == 0 {
            return Ok((hexadecimal(&hash.finalize()), bytes));
        }
        hash.update(&part[..read]);
        bytes += read as u64;
    }
}

fn unwritable(file: &MemberFile, error: std::io::Error) -> crate::error::Error {
    message::file_fault(file.path(), "be written", error)
}

/// Puts a file under a name in the channel's folder, whole or not at all; gives where it is.
pub async fn put(channel: &FileChannel, name: &str, from: &Path) -> Result<String> {
    channel.folder.join(name).put(from).await
}
