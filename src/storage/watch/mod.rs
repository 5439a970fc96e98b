//! Notices that files of this machine have changed.
//!
//! Each file and folder is looked at, and where the system tells of changes by itself ([`Notifier`]) only when it did.

#[cfg(target_os = "linux")]
mod notifier;
#[cfg(not(target_os = "linux"))]
mod notifier {
    //! Where nothing tells of changes.

    use std::path::{Path, PathBuf};

    #[derive(Debug)]
    pub struct Notifier;

    impl Notifier {
        pub fn over<'a>(_roots: impl Iterator<Item = &'a Path>, _paths: &[PathBuf]) -> Option<Self> {
            None
        }

        pub fn is_quiet(&self) -> bool {
            false
        }
    }

    /// Whether a look at a file is quick, and shows what others have written.
    pub fn is_near(_path: &Path) -> bool {
        true
    }
}

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;

use self::notifier::{Notifier, is_near};
use super::location::Location;

/// Files and folders that are watched, at most; and those that are looked at for each statement because nobody tells of them.
const PATHS_MAX: usize = 1_024;
const UNTOLD_PATHS_MAX: usize = 64;

/// What changed less than this ago may change again without a sign: a file system writes times down in steps.
const UNSETTLED: Duration = Duration::from_secs(1);

/// How long nothing is looked at while the system is silent: some things it does not tell, such as another file system
/// mounted over a folder.
const UNLOOKED: TimeDelta = TimeDelta::seconds(1);

/// How long nothing is looked at because it cannot be watched.
const UNWATCHED: TimeDelta = TimeDelta::seconds(60);

/// The files of some locations.
#[derive(Debug)]
pub struct FilesWatch {
    locations: Vec<Location>,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    version: u64,
    /// `None` while nothing can be told from a look.
    paths: Option<Paths>,
    notifier: Option<Notifier>,
    looked_at: DateTime<Utc>,
    /// They cannot be watched, as was found when they were looked at.
    is_unwatchable: bool,
}

type Paths = Vec<(PathBuf, Stamp)>;

/// What a look at all files comes to.
#[derive(Debug, PartialEq)]
enum Look {
    Settled(Paths),
    /// Something has changed a moment ago.
    Unsettled,
    /// Files elsewhere, behind a glob, or too many.
    Unwatchable,
}

/// What tells one state of a file or folder from another; `None` when it is not there.
type Stamp = Option<(SystemTime, u64, u64)>;

impl FilesWatch {
    pub fn new(locations: Vec<Location>) -> Self {
        Self { locations, seen: Mutex::default() }
    }

    /// A number that is the same as long as no file has come, gone or changed. `None` when that cannot be told: files
    /// in an object store, on a network, behind a glob or too many, or changed a moment ago.
    ///
    /// Whoever asks for it before listing the files has what it lists, or an older number.
    pub fn version(&self, now: DateTime<Utc>) -> Option<u64> {
        let mut seen = self.seen.lock();
        let since = |time: TimeDelta| (seen.looked_at..seen.looked_at + time).contains(&now);
        if seen.is_unwatchable && since(UNWATCHED) {
            return None;
        }
        let is_quiet = seen.notifier.as_ref().is_some_and(Notifier::is_quiet);
        if seen.paths.is_some() && is_quiet && since(UNLOOKED) {
            return Some(seen.version);
        }
        let is_same = |(path, stamp): &(PathBuf, Stamp)| stamp_of(path) == *stamp;
        if !seen.paths.as_ref().is_some_and(|paths| paths.iter().all(is_same)) {
            seen.version += 1;
            (seen.paths, seen.notifier) = (None, None);
            let look = self.look(SystemTime::from(now));
            seen.is_unwatchable = look == Look::Unwatchable;
            if let Look::Settled(paths) = look {
                let names: Vec<PathBuf> = paths.iter().map(|(path, _)| path.clone()).collect();
                let notifier = Notifier::over(self.locations.iter().filter_map(Location::watched), &names);
                if notifier.is_none() && paths.len() > UNTOLD_PATHS_MAX {
                    seen.is_unwatchable = true;
                } else {
                    let paths = Look::Settled(paths);
                    // What came before it listened it does not tell.
                    seen.notifier = notifier.filter(|_| self.look(SystemTime::from(now)) == paths);
                    if let Look::Settled(paths) = paths {
                        seen.paths = Some(paths);
                    }
                }
            }
        }
        seen.looked_at = now;
        seen.paths.is_some().then_some(seen.version)
    }

    fn look(&self, now: SystemTime) -> Look {
        let mut paths = Vec::new();
        for location in &self.locations {
            let watched = location.watched().filter(|path| is_near(path));
            if watched.and_then(|path| add(path, &mut paths)).is_none() {
                return Look::Unwatchable;
            }
        }
        let is_settled =
            |(modified, _, _): &(SystemTime, u64, u64)| now.duration_since(*modified).is_ok_and(|ago| ago > UNSETTLED);
        if paths.iter().all(|(_, stamp)| stamp.as_ref().is_none_or(is_settled)) {
            Look::Settled(paths)
        } else {
            Look::Unsettled
        }
    }
}

/// Adds a path and whatever lies below it, links followed; `None` when that is too much.
fn add(path: &Path, paths: &mut Paths) -> Option<()> {
    // Looked at before it is read, so that what comes meanwhile makes a difference.
    paths.push((path.to_owned(), stamp_of(path)));
    if paths.len() > PATHS_MAX {
        return None;
    }
    if path.is_dir() {
        let mut entries = fs::read_dir(path).ok()?.collect::<Result<Vec<_>, _>>().ok()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            add(&entry.path(), paths)?;
        }
    }
    Some(())
}

#[cfg(unix)]
fn stamp_of(path: &Path) -> Stamp {
    use std::os::unix::fs::MetadataExt;
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len(), metadata.ino()))
}

#[cfg(not(unix))]
fn stamp_of(path: &Path) -> Stamp {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len(), 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::execution::runtime_env::RuntimeEnv;

    fn watch(written: &str, base: &Path) -> FilesWatch {
        FilesWatch::new(vec![Location::parse(written, base, &RuntimeEnv::default()).unwrap()])
    }

    /// As of a day on which whatever was written by this test lies long back.
    fn later() -> DateTime<Utc> {
        DateTime::from_timestamp(32_503_680_000, 0).unwrap()
    }

    /// Sets the times of a folder and of all below it back, so that whatever changes next has another.
    fn set_back(path: &Path) {
        if path.is_dir() {
            fs::read_dir(path).unwrap().for_each(|entry| set_back(&entry.unwrap().path()));
        }
        fs::File::open(path).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
    }

    #[test]
    fn whatever_happens_to_a_file_changes_the_number() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("2025")).unwrap();
        fs::write(at("2025/a.parquet"), "a").unwrap();
        let watch = watch(".", folder.path());
        let changes = |what: &str, change: &dyn Fn()| {
            set_back(folder.path());
            let before = watch.version(later());
            assert_eq!(watch.version(later()), before, "before {what}");
            change();
            let after = watch.version(later());
            assert!(after > before, "{what}");
            assert_eq!(watch.version(later()), after, "after {what}");
        };
        changes("another length", &|| fs::write(at("2025/a.parquet"), "longer").unwrap());
        changes("the same length", &|| fs::write(at("2025/a.parquet"), "LONGER").unwrap());
        changes("another file in its place", &|| {
            fs::write(at("b"), "LONGER").unwrap();
            fs::rename(at("b"), at("2025/a.parquet")).unwrap();
        });
        changes("gone", &|| fs::remove_file(at("2025/a.parquet")).unwrap());
        changes("a new folder", &|| fs::create_dir(at("2026")).unwrap());
        changes("a file in the new folder", &|| fs::write(at("2026/c.parquet"), "c").unwrap());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn while_the_system_is_silent_nothing_is_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        // In a folder in which nobody else makes files.
        fs::create_dir_all(folder.path().join("history/2025")).unwrap();
        fs::write(folder.path().join("history/2025/a.parquet"), "a").unwrap();
        let watch = watch("history", folder.path());
        let version = watch.version(later());
        if watch.seen.lock().notifier.is_none() {
            println!("skipped: {} is on a file system that others may write to", folder.path().display());
            return;
        }
        // Had it been looked at, this would have been noticed.
        let forged = |watch: &FilesWatch| {
            if let Some(paths) = &mut watch.seen.lock().paths {
                paths[0].1 = None;
            }
        };
        forged(&watch);
        assert_eq!(watch.version(later()), version);
        // For a second at most.
        let second = watch.version(later() + UNLOOKED);
        assert!(second > version);
        // A file that somebody else can reach by another name may change without a word.
        let at = |name: &str| folder.path().join("history/2025").join(name);
        fs::hard_link(at("a.parquet"), at("b.parquet")).unwrap();
        assert!(watch.version(later() + UNLOOKED) > second);
        assert!(watch.seen.lock().notifier.is_none());
    }

    #[test]
    fn what_has_just_changed_or_cannot_be_looked_at_has_no_number() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.parquet"), "a").unwrap();
        let written = fs::metadata(folder.path().join("a.parquet")).unwrap().modified().unwrap();
        let now = DateTime::<Utc>::from(written);
        assert_eq!(watch("a.parquet", folder.path()).version(now), None);
        assert!(watch("a.parquet", folder.path()).version(now + UNSETTLED * 2).is_some());
        assert_eq!(watch("*.parquet", folder.path()).version(later()), None);
        assert_eq!(watch("https://example.org/a.parquet", folder.path()).version(later()), None);
    }

    #[test]
    fn too_many_files_have_no_number() {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..PATHS_MAX {
            fs::write(folder.path().join(format!("{number}.parquet")), "a").unwrap();
        }
        assert_eq!(watch(".", folder.path()).version(later()), None);
    }
}
