//! Files of kept lists: written once, never changed, and gone when nobody can see them any more.
//!
//! A file is born unpublished. The commit that shows it to others publishes it; the commit after which nobody new can see
//! it retires it. What is not published goes with its last holder: a rolled back transaction, or the last statement that
//! still reads an older list. What a crash leaves behind is swept away at the next start.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rand::rngs::StdRng;
use rand::{RngCore, SeedableRng};
use tempfile::TempDir;

use super::disk::{Disk, DiskFile, LocalDisk};
use crate::error::{Result, message};
use crate::pg_type::Oid;

/// The folder in which they lie, a folder for each list.
#[derive(Debug, Clone)]
pub struct MemberFolder {
    root: PathBuf,
    disk: Arc<dyn Disk>,
    /// Goes with the last of those who write into it.
    _temporary: Option<Arc<TempDir>>,
}

/// One file, held by whoever may read it.
#[derive(Debug)]
pub struct MemberFile {
    path: PathBuf,
    /// Within the folder: `16400/7-1f0c9a.parquet`.
    name: String,
    disk: Arc<dyn Disk>,
    is_published: AtomicBool,
    /// Belongs to another catalog, whose copy this is: it is never deleted here.
    is_lent: AtomicBool,
}

impl MemberFolder {
    /// Nothing is made before the first list is.
    pub fn new(root: PathBuf) -> Self {
        Self::on(Arc::new(LocalDisk), root)
    }

    pub fn on(disk: Arc<dyn Disk>, root: PathBuf) -> Self {
        Self { root, disk, _temporary: None }
    }

    /// One that is gone when nobody writes into it any more.
    ///
    /// Errors: 58030 and 53100 for faults of the disk.
    pub fn temporary() -> Result<Self> {
        let folder = tempfile::tempdir().map_err(|error| message::io_failed(&error))?;
        let root = folder.path().to_owned();
        Ok(Self { _temporary: Some(Arc::new(folder)), ..Self::new(root) })
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Another folder beside this one, as lasting as this one.
    ///
    /// Errors: 58030 and 53100 for faults of the disk.
    pub fn beside(&self, name: &str) -> Result<Self> {
        match &self._temporary {
            Some(_) => Self::temporary(),
            None => Ok(Self::new(self.root.with_file_name(name))),
        }
    }

    /// A new file for a run of a list, empty and private to us; not yet published.
    ///
    /// Errors: 58030 and 53100 for faults of the disk.
    pub fn create(&self, list: Oid, run: u32) -> Result<(Arc<MemberFile>, Box<dyn DiskFile>)> {
        let folder = self.root.join(list.to_string());
        self.disk.create_folder(&folder).map_err(|error| message::file_fault(&folder, "be made", error))?;
        // Two transactions may make the same run; one of them will lose.
        let name = format!("{list}/{run}-{:016x}.parquet", StdRng::from_os_rng().next_u64());
        let path = self.root.join(&name);
        let handle = self.disk.create(&path).map_err(|error| message::file_fault(&path, "be made", error))?;
        Ok((self.file(name, false), handle))
    }

    /// A file that the catalog names.
    pub fn published(&self, name: &str) -> Arc<MemberFile> {
        self.file(name.to_owned(), true)
    }

    fn file(&self, name: String, is_published: bool) -> Arc<MemberFile> {
        Arc::new(MemberFile {
            path: self.root.join(&name),
            name,
            disk: Arc::clone(&self.disk),
            is_published: AtomicBool::new(is_published),
            is_lent: AtomicBool::new(false),
        })
    }

    /// Deletes what is not in use; gives the number of files that went. At start, before anything is written.
    ///
    /// Errors: 58030 when the folder cannot be read.
    pub fn sweep(&self, in_use: &BTreeSet<&str>) -> Result<usize> {
        if !self.root.is_dir() {
            return Ok(0);
        }
        let mut swept = 0;
        for list in self.entries(&self.root)? {
            if !list.is_dir() {
                continue;
            }
            for path in self.entries(&list)? {
                let name = path.strip_prefix(&self.root).ok().and_then(Path::to_str);
                if name.is_some_and(|name| in_use.contains(name)) {
                    continue;
                }
                self.disk.remove(&path).map_err(|error| message::file_fault(&path, "be deleted", error))?;
                swept += 1;
            }
            // A folder with nothing in it; one that holds files stays, which is no fault.
            let _still_full = fs::remove_dir(&list);
        }
        Ok(swept)
    }

    fn entries(&self, folder: &Path) -> Result<Vec<PathBuf>> {
        self.disk.entries(folder).map_err(|error| message::file_fault(folder, "be read", error))
    }
}

impl MemberFile {
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Makes the file's place in its folder survive a crash. Its content is synced by who writes it.
    pub fn sync_name(&self) -> Result<()> {
        for folder in self.path.ancestors().skip(1).take(3) {
            self.disk.sync_folder(folder).map_err(|error| message::file_fault(folder, "be synced", error))?;
        }
        Ok(())
    }

    /// It outlives its holders from here on.
    pub fn publish(&self) {
        self.is_published.store(true, Ordering::Release);
    }

    /// It is somebody else's from here on.
    pub fn lend(&self) {
        self.is_lent.store(true, Ordering::Release);
    }

    /// It goes with its last holder.
    pub fn retire(&self) {
        self.is_published.store(false, Ordering::Release);
    }
}

impl PartialEq for MemberFile {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path
    }
}

impl Eq for MemberFile {}

impl Drop for MemberFile {
    fn drop(&mut self) {
        if self.is_published.load(Ordering::Acquire) || self.is_lent.load(Ordering::Acquire) {
            return;
        }
        if let Err(error) = self.disk.remove(&self.path)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            // The next start sweeps it away.
            tracing::warn!("file \"{}\" of an old list cannot be deleted: {error}", self.path.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_published_goes_with_its_last_holder() {
        let root = tempfile::tempdir().unwrap();
        let folder = MemberFolder::new(root.path().join("audiences"));
        let (rolled_back, _) = folder.create(16_400, 1).unwrap();
        let (kept, _) = folder.create(16_400, 1).unwrap();
        kept.publish();
        let (gone, stays) = (rolled_back.path().to_owned(), kept.path().to_owned());
        let reader = Arc::clone(&rolled_back);
        drop(rolled_back);
        assert!(gone.exists(), "somebody reads it");
        drop(reader);
        assert!(!gone.exists());
        let name = kept.name().to_owned();
        drop(kept);
        assert!(stays.exists());

        let again = folder.published(&name);
        again.retire();
        assert!(stays.exists(), "until nobody holds it");
        drop(again);
        assert!(!stays.exists());
    }

    #[test]
    fn a_start_sweeps_away_what_a_crash_left() {
        let root = tempfile::tempdir().unwrap();
        let folder = MemberFolder::new(root.path().join("audiences"));
        assert_eq!(folder.sweep(&BTreeSet::new()).unwrap(), 0, "nothing there");
        let (used, _) = folder.create(16_400, 1).unwrap();
        let (orphan, _) = folder.create(16_401, 3).unwrap();
        used.publish();
        orphan.publish();
        assert_eq!(folder.sweep(&BTreeSet::from([used.name()])).unwrap(), 1);
        assert!(used.path().exists());
        assert!(!orphan.path().parent().unwrap().exists());
    }
}
