//! Linux tells of changes in folders, if they are its own.

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::inotify::{CreateFlags, WatchFlags, add_watch, init};
use rustix::fs::statfs;
use rustix::io::{Errno, read};

/// File systems on which nobody writes but this machine: ext2 to ext4, XFS, Btrfs, F2FS, tmpfs, ZFS. On any other (over a
/// network, in layers) others write without its being told. The numbers are those of Linux's `magic.h` and of OpenZFS.
const LOCAL: [u64; 6] = [0xEF53, 0x5846_5342, 0x9123_683E, 0xF2F5_2010, 0x0102_1994, 0x2FC1_2FC1];

/// Layers over others, of which the upper one is written here.
const OVERLAY: u64 = 0x794C_7630;

fn kind(path: &Path) -> Option<u64> {
    u64::try_from(statfs(path).ok()?.f_type).ok()
}

/// Whether a look at a file is quick, and shows what others have written: not so over a network.
pub fn is_near(path: &Path) -> bool {
    kind(path).is_some_and(|kind| kind == OVERLAY || LOCAL.contains(&kind))
}

/// Hears of what happens to some folders.
#[derive(Debug)]
pub struct Notifier(OwnedFd);

impl Notifier {
    /// Over these files and folders, from `roots` downwards; `None` where a change may go without a word: links, files
    /// with other names, file systems that others write to.
    pub fn over<'a>(roots: impl Iterator<Item = &'a Path>, paths: &[PathBuf]) -> Option<Self> {
        let inotify = init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).ok()?;
        let inside = WatchFlags::MASK_ADD
            | WatchFlags::CREATE
            | WatchFlags::DELETE
            | WatchFlags::DELETE_SELF
            | WatchFlags::MODIFY
            | WatchFlags::MOVE
            | WatchFlags::MOVE_SELF
            | WatchFlags::ATTRIB;
        // Added to what is asked of a folder already.
        let above_it = WatchFlags::MASK_ADD | WatchFlags::MOVE_SELF | WatchFlags::DELETE_SELF;
        for root in roots {
            if fs::canonicalize(root).ok()? != root {
                return None;
            }
            // A file is replaced in its folder, a folder in those above it.
            for (above, folder) in root.ancestors().skip(1).enumerate() {
                let flags = if above == 0 { inside } else { above_it };
                add_watch(&inotify, folder, flags).ok()?;
            }
        }
        for path in paths {
            let metadata = fs::symlink_metadata(path).ok()?;
            if !LOCAL.contains(&kind(path)?) || metadata.is_symlink() || (metadata.is_file() && metadata.nlink() > 1) {
                return None;
            }
            if metadata.is_dir() {
                add_watch(&inotify, path, inside).ok()?;
            }
        }
        Some(Self(inotify))
    }

    /// Whether nothing has happened since the last time that this was asked.
    pub fn is_quiet(&self) -> bool {
        let mut told = [0_u8; 4096];
        let mut is_quiet = true;
        loop {
            match read(&self.0, &mut told) {
                Err(Errno::AGAIN) => return is_quiet,
                Err(Errno::INTR) => {}
                Ok(1..) => is_quiet = false,
                // It does not work any more.
                Ok(0) | Err(_) => return false,
            }
        }
    }
}
