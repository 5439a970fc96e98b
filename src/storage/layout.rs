//! The home folder: every path in it is built here, and one server at a time holds it.
//!
//! ```text
//! home/
//!   lock              locked while a server runs; holds its process id
//!   catalog.sqlite    the catalog (with catalog.sqlite-wal beside it while a server runs)
//!   audiences/        the rows of kept lists, a file for each run that is kept
//!   deliveries/       the recipients of deliveries, a file for each
//!   index/            the member index, as it was built last; it may be deleted at any time
//!   server.crt        a certificate that `regulars init` made, with its key in server.key
//! ```

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::disk::{Disk, LocalDisk};
use super::member_file::MemberFolder;
use crate::error::{Result, message};

/// A home folder that this process holds. Another process, or another `Home` in this one, cannot open it until
/// this is dropped or the process ends, however it ends.
#[derive(Debug)]
pub struct Home {
    root: PathBuf,
    /// Where kept lists are written.
    disk: Arc<dyn Disk>,
    /// The operating system lets go of the lock when this is closed.
    _lock: File,
}

impl Home {
    /// Opens a home, made with mode 0700 if it is not there.
    ///
    /// 55006 when another server holds it (with its process id if that is known); 58030 and 53100 for faults of the
    /// disk.
    pub fn open(root: &Path) -> Result<Self> {
        create_folder(root)?;
        let path = root.join("lock");
        let lock = private_file(&path)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(message::home_in_use(root, pid_in(&lock))),
            Err(TryLockError::Error(error)) => return Err(message::file_fault(&path, "be locked", error)),
        }
        write_pid(&lock).map_err(|error| message::file_fault(&path, "be written", error))?;
        Ok(Self { root: root.to_owned(), disk: Arc::new(LocalDisk), _lock: lock })
    }

    /// The same with another disk for kept lists: for tests.
    pub fn with_disk(self, disk: Arc<dyn Disk>) -> Self {
        Self { disk, ..self }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where the rows of kept lists lie.
    pub fn audiences(&self) -> MemberFolder {
        MemberFolder::on(Arc::clone(&self.disk), self.root.join("audiences"))
    }

    /// Where the member index is kept across starts.
    pub fn index(&self) -> PathBuf {
        self.root.join("index")
    }

    /// The catalog's SQLite file.
    pub fn catalog(&self) -> PathBuf {
        self.root.join("catalog.sqlite")
    }

    /// The certificate of `regulars init`.
    pub fn certificate(&self) -> PathBuf {
        self.root.join("server.crt")
    }

    /// The certificate's private key.
    pub fn key(&self) -> PathBuf {
        self.root.join("server.key")
    }
}

/// Writes a file that was not there; only its owner may read or write it.
pub fn new_private_file(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(path).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written.map_err(|error| message::file_fault(path, "be made", error))
}

/// Opens a file for reading and writing, made if it is not there; only its owner may read or write it.
pub fn private_file(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path).map_err(|error| message::file_fault(path, "be opened", error))?;
    #[cfg(unix)]
    {
        // A file from a backup may have come back with a wider mode.
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        file.set_permissions(mode).map_err(|error| message::file_fault(path, "be made private", error))?;
    }
    Ok(file)
}

/// Makes a folder and those above it. One that is there is left as it is.
fn create_folder(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|error| message::file_fault(path, "be made", error))?;
    sync_folder(path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")))
}

/// Makes the names in a folder survive a crash of the machine.
pub fn sync_folder(path: &Path) -> Result<()> {
    LocalDisk.sync_folder(path).map_err(|error| message::file_fault(path, "be synced", error))
}

fn write_pid(mut lock: &File) -> std::io::Result<()> {
    lock.set_len(0)?;
    lock.write_all(format!("{}\n", std::process::id()).as_bytes())
}

fn pid_in(mut lock: &File) -> Option<u32> {
    let mut text = String::new();
    lock.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::SqlState;

    #[test]
    fn a_home_is_held_by_one_at_a_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("a/home");
        let home = Home::open(&root).expect("a new home");

        let refused = Home::open(&root).expect_err("held");
        assert_eq!(refused.state(), SqlState::ObjectInUse);
        assert_eq!(refused.message(), format!("home \"{}\" is in use by another server", root.display()));
        assert_eq!(refused.detail(), Some(format!("Its process id is {}.", std::process::id()).as_str()));

        drop(home);
        Home::open(&root).expect("free again");
    }

    #[cfg(unix)]
    #[test]
    fn home_and_files_are_private() {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| path.metadata().expect("there").permissions().mode() & 0o777;

        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("home");
        let home = Home::open(&root).expect("a new home");
        assert_eq!(mode(&root), 0o700);
        assert_eq!(mode(&root.join("lock")), 0o600);

        std::fs::write(home.catalog(), "").expect("writable");
        std::fs::set_permissions(home.catalog(), PermissionsExt::from_mode(0o644)).expect("ours");
        private_file(&home.catalog()).expect("ours");
        assert_eq!(mode(&home.catalog()), 0o600);
    }

    #[test]
    fn a_home_that_cannot_be_made_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("file"), "").expect("writable");
        let refused = Home::open(&folder.path().join("file/home")).expect_err("below a file");
        assert_eq!(refused.state(), SqlState::IoError);
        assert!(refused.message().contains("file/home"), "{refused}");
    }
}
