//! Sentences about memory, disks, files.

use super::sentence;
use crate::error::{Error, SqlState};

pub fn out_of_memory(what: &str) -> Error {
    Error::new(SqlState::OutOfMemory, "out of memory")
        .with_detail(sentence(what))
        .with_hint("Raise memory_mib under [limits] in the configuration, or ask for fewer rows or groups.")
}

pub fn storage_failed(what: &str) -> Error {
    Error::new(SqlState::IoError, "storage could not be read").with_detail(sentence(what))
}

pub fn io_failed(error: &std::io::Error) -> Error {
    let state = match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => SqlState::DiskFull,
        std::io::ErrorKind::NotFound => SqlState::UndefinedFile,
        _ => SqlState::IoError,
    };
    Error::new(state, "input or output failed").with_detail(sentence(&error.to_string()))
}

pub fn data_corrupted(what: &str) -> Error {
    Error::new(SqlState::DataCorrupted, "a Parquet file cannot be read").with_detail(sentence(what))
}

/// Between the listing of the files and the reading of this one.
pub fn file_vanished(path: &str) -> Error {
    Error::new(SqlState::UndefinedFile, format!("file \"{path}\" was removed while the statement ran"))
        .with_hint("Run the statement again: it sees the files that are there now.")
}
