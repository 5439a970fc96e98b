//! The index as files in the home folder, so that a start does not build it anew.
//!
//! They are never trusted: one says what the index was made from, and every column has a hash. An index that was made of
//! other files, of another version, cut or damaged is as good as none; it is replaced when the index has been built. Losing
//! it loses time, nothing else, so that a disk that is full keeps nobody from working.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use object_store::ObjectMeta;
use regulars_index::{MemberIndex, Unusable};

use super::keeper::Files;
use crate::storage::disk::{Disk, LocalDisk};
use crate::storage::layout::private_file;

/// Where the index is kept, and what beside the files of the history decides about what it holds.
#[derive(Debug)]
pub struct IndexFile {
    folder: PathBuf,
    settings: Arc<str>,
}

/// The file of names; it says which pieces belong to it.
const NAME: &str = "members.index";
const PIECE: &str = "piece";
/// A file while it is written.
const UNFINISHED: &str = "unfinished";

impl IndexFile {
    pub fn new(folder: PathBuf, settings: Arc<str>) -> Self {
        Self { folder, settings }
    }

    /// How many bytes it has; `None` when there is none. Blocks.
    pub fn bytes(&self) -> Option<u64> {
        fs::metadata(self.folder.join(NAME)).ok()?;
        let files = fs::read_dir(&self.folder).ok()?;
        Some(files.filter_map(|file| Some(file.ok()?.metadata().ok()?.len())).sum())
    }

    /// Reads the index, if it is of these files or of some of them, and of which. What cannot be used is removed. Blocks.
    pub fn read(&self, files: &Files) -> Result<(MemberIndex, Files), Unusable> {
        let open = |name: &str| -> io::Result<(BufReader<File>, u64)> {
            let file = File::open(self.folder.join(name))?;
            let length = file.metadata()?.len();
            Ok((BufReader::new(file), length))
        };
        let (mut names, length) = open(NAME)?;
        let mut of = None;
        let is_of = |source: &str| {
            of = self.files_of(source, files);
            of.is_some()
        };
        let index = MemberIndex::read_from(&mut names, length, is_of, open);
        if let Err(unusable) = &index
            && !matches!(unusable, Unusable::Io(error) if error.kind() != io::ErrorKind::NotFound)
        {
            // A piece is not written where one of its name lies, so that a damaged one would stay.
            self.remove_all_but(&BTreeSet::new());
        }
        Ok((index?, of.ok_or(Unusable::OtherSource)?))
    }

    /// Writes it; the one before is there until it is whole. Pieces that lie there already stay. Blocks.
    pub fn write(&self, index: &MemberIndex, files: &Files) -> io::Result<()> {
        LocalDisk.create_folder(&self.folder)?;
        let mut names = BTreeSet::from([OsString::from(NAME)]);
        for piece in index.pieces() {
            let name = piece.file_name();
            if !self.folder.join(&name).exists() {
                self.put(&name, |out| piece.write_to(out))?;
            }
            names.insert(name.into());
        }
        LocalDisk.sync_folder(&self.folder)?;
        self.put(NAME, |out| index.write_to(out, &self.source(files)))?;
        LocalDisk.sync_folder(&self.folder)?;
        self.remove_all_but(&names);
        Ok(())
    }

    fn put(&self, name: &str, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> io::Result<()> {
        let unfinished = self.folder.join(name).with_extension(UNFINISHED);
        let written = write_file(&unfinished, write);
        if written.is_err() {
            remove(&unfinished);
        }
        written?;
        fs::rename(&unfinished, self.folder.join(name))
    }

    /// Removes what an index before this one left behind.
    fn remove_all_but(&self, names: &BTreeSet<OsString>) {
        let Ok(files) = fs::read_dir(&self.folder) else { return };
        for path in files.filter_map(|file| Some(file.ok()?.path())) {
            let is_ours = path.extension().is_some_and(|extension| extension == PIECE || extension == UNFINISHED)
                || path.file_name().is_some_and(|name| name == NAME);
            if is_ours && !path.file_name().is_some_and(|name| names.contains(name)) {
                remove(&path);
            }
        }
    }

    /// What an index was made from: all that decides about what it holds.
    fn source(&self, files: &Files) -> String {
        let mut source = self.head();
        for (number, files) in files.iter().enumerate() {
            source.extend(files.iter().map(|file| line(number, file)));
        }
        source
    }

    fn head(&self) -> String {
        format!("{}\nzones {}\n", self.settings, chrono_tz::IANA_TZDB_VERSION)
    }

    /// Those of these files that an index was made from; `None` if it was made from others too.
    fn files_of(&self, source: &str, files: &Files) -> Option<Files> {
        let lines: BTreeSet<&str> = source.strip_prefix(&self.head())?.split_inclusive('\n').collect();
        let is_of = |number: usize, file: &&ObjectMeta| lines.contains(line(number, file).as_str());
        let of = files.iter().enumerate();
        let of: Files =
            of.map(|(number, of)| of.iter().filter(|file| is_of(number, file)).cloned().collect()).collect();
        (of.iter().map(Vec::len).sum::<usize>() == lines.len()).then_some(of)
    }
}

/// A file of one of the tables, as it was.
fn line(table: usize, file: &ObjectMeta) -> String {
    let changed = file.last_modified.timestamp_nanos_opt().unwrap_or_default();
    let tag = file.e_tag.as_deref().unwrap_or_default();
    format!("{table}\t{}\t{}\t{changed}\t{tag}\n", file.location, file.size)
}

fn write_file(path: &Path, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> io::Result<()> {
    let file = private_file(path).map_err(io::Error::other)?;
    file.set_len(0)?;
    let mut out = BufWriter::new(file);
    write(&mut out)?;
    out.flush()?;
    out.get_ref().sync_all()
}

fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!("{} cannot be removed: {error}", path.display());
    }
}
