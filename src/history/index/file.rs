//! The index as a file in the home folder, so that a start does not build it anew.
//!
//! The file is never trusted: it says what it was made from, and every piece of it has a hash. One that is of other files,
//! of another version, cut or damaged is as good as none; it is replaced when the index has been built. Losing it loses
//! time, nothing else, so that a disk that is full keeps nobody from working.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use object_store::ObjectMeta;
use regulars_index::{MemberIndex, Unusable};

use crate::storage::disk::{Disk, LocalDisk};
use crate::storage::layout::private_file;

/// Where the index is kept, and what beside the files of the history decides about what it holds.
#[derive(Debug)]
pub struct IndexFile {
    folder: PathBuf,
    settings: Arc<str>,
}

const NAME: &str = "members.index";
/// While it is written.
const UNFINISHED: &str = "members.index.new";

impl IndexFile {
    pub fn new(folder: PathBuf, settings: Arc<str>) -> Self {
        Self { folder, settings }
    }

    /// How many bytes it has; `None` when there is none.
    pub fn bytes(&self) -> Option<u64> {
        Some(fs::metadata(self.folder.join(NAME)).ok()?.len())
    }

    /// Reads the index of these files. Blocks.
    pub fn read(&self, files: &[ObjectMeta]) -> Result<MemberIndex, Unusable> {
        let file = File::open(self.folder.join(NAME))?;
        let length = file.metadata()?.len();
        MemberIndex::read_from(&mut BufReader::new(file), length, &self.source(files))
    }

    /// Writes it; the one before is there until it is whole. Blocks.
    pub fn write(&self, index: &MemberIndex, files: &[ObjectMeta]) -> io::Result<()> {
        LocalDisk.create_folder(&self.folder)?;
        let unfinished = self.folder.join(UNFINISHED);
        let written = self.write_to(&unfinished, index, files);
        if written.is_err()
            && let Err(error) = fs::remove_file(&unfinished)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!("{} cannot be removed: {error}", unfinished.display());
        }
        written?;
        fs::rename(&unfinished, self.folder.join(NAME))?;
        LocalDisk.sync_folder(&self.folder)
    }

    fn write_to(&self, path: &Path, index: &MemberIndex, files: &[ObjectMeta]) -> io::Result<()> {
        let file = private_file(path).map_err(io::Error::other)?;
        file.set_len(0)?;
        let mut out = BufWriter::new(file);
        index.write_to(&mut out, &self.source(files))?;
        out.flush()?;
        out.get_ref().sync_all()
    }

    /// What an index was made from: all that decides about what it holds.
    fn source(&self, files: &[ObjectMeta]) -> String {
        let mut source = format!("{}\nzones {}\n", self.settings, chrono_tz::IANA_TZDB_VERSION);
        for file in files {
            let changed = file.last_modified.timestamp_nanos_opt().unwrap_or_default();
            let tag = file.e_tag.as_deref().unwrap_or_default();
            source.push_str(&format!("{}\t{}\t{changed}\t{tag}\n", file.location, file.size));
        }
        source
    }
}
