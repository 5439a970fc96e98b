//! The few things that kept lists ask of a disk, so that a test can stand between and refuse one of them.

use std::fmt::Debug;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Calls block.
pub trait Disk: Debug + Send + Sync {
    /// Makes a folder and those above it, for their owner alone. One that is there is left as it is.
    fn create_folder(&self, path: &Path) -> io::Result<()>;

    /// Makes a file that was not there; only its owner may read or write it.
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// Makes the names in a folder survive a crash of the machine.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;

    fn remove(&self, path: &Path) -> io::Result<()>;

    /// What lies in a folder, in no order.
    fn entries(&self, folder: &Path) -> io::Result<Vec<PathBuf>>;
}

/// A file that is being written.
pub trait DiskFile: Write + Send {
    /// Makes what was written survive a crash of the machine; gives the file's length in bytes.
    fn sync(&mut self) -> io::Result<u64>;
}

/// The disk of this machine.
#[derive(Debug)]
pub struct LocalDisk;

impl Disk for LocalDisk {
    fn create_folder(&self, path: &Path) -> io::Result<()> {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(path)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        Ok(Box::new(options.open(path)?))
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        // Folders cannot be opened as files everywhere; where they cannot, names are durable at once.
        if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn entries(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect()
    }
}

impl DiskFile for File {
    fn sync(&mut self) -> io::Result<u64> {
        self.sync_all()?;
        Ok(self.metadata()?.len())
    }
}
