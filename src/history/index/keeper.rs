//! Holds the index of one state of the files, and knows which state that is.
//!
//! A statement sees one set of files ([`StatementFiles`]); it gets the index only if that was built from the very same
//! ones. So a file that arrives is seen by the next statement, from the files themselves, while the index is built anew.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use chrono::{DateTime, TimeDelta, Utc};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use object_store::ObjectMeta;
use parking_lot::Mutex;
use regulars_index::MemberIndex;

use super::file::IndexFile;
use super::read::{self, Relations};
use crate::clock::Clock;
use crate::error::{Error, Result, message};
use crate::history::engine::Engine;
use crate::storage::footer::ParquetFiles;
use crate::storage::parquet_table::StatementFiles;

/// An index and what it was built from.
#[derive(Debug)]
pub struct Built {
    pub index: MemberIndex,
    /// It was built at an earlier start.
    is_from_file: bool,
    files: Vec<ObjectMeta>,
    built_at: DateTime<Utc>,
    took: TimeDelta,
    /// The memory that it takes of what statements may use; given back with it.
    _memory: MemoryReservation,
}

/// How the index stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexState {
    /// It was built from the files as they were seen last.
    Fresh,
    /// Files have come or gone since.
    Behind,
    Building,
    /// The history does not fit, or building failed; it is tried again when files change.
    Failed,
}

impl IndexState {
    pub fn name(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Behind => "behind",
            Self::Building => "building",
            Self::Failed => "failed",
        }
    }
}

/// What is known of the index, for `regulars.index`.
#[derive(Debug, Clone)]
pub struct IndexStatus {
    pub state: IndexState,
    pub members: Option<u32>,
    /// Receipts and lines.
    pub rows: Option<usize>,
    pub bytes: Option<usize>,
    pub built_at: Option<DateTime<Utc>>,
    pub took: Option<TimeDelta>,
    /// It was read from its file, built at an earlier start.
    pub is_from_file: bool,
    /// Why it was not built.
    pub problem: Option<String>,
}

/// Builds and keeps the index of a history.
#[derive(Debug)]
pub struct Keeper {
    relations: Relations,
    engine: Engine,
    /// The files that decide what it holds.
    sources: Vec<Arc<ParquetFiles>>,
    /// What of the configuration decides about it.
    settings: Arc<str>,
    /// Where it is kept across starts, if anywhere.
    file: OnceLock<Arc<IndexFile>>,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    built: Option<Arc<Built>>,
    is_building: bool,
    is_behind: bool,
    /// What building failed with, and on which files.
    failed: Option<(Vec<ObjectMeta>, String)>,
}

impl Keeper {
    /// `settings`: what of the configuration decides about what the index holds.
    pub fn new(relations: Relations, engine: Engine, sources: Vec<Arc<ParquetFiles>>, settings: Arc<str>) -> Self {
        Self { relations, engine, sources, settings, file: OnceLock::new(), kept: Mutex::default() }
    }

    /// Keeps it in a folder from now on, where it may lie already.
    pub fn keep_in(&self, folder: PathBuf) {
        self.file.get_or_init(|| Arc::new(IndexFile::new(folder, Arc::clone(&self.settings))));
    }

    /// The index, if it holds just the files that a statement sees.
    ///
    /// # Errors
    /// As listing the files.
    pub async fn of_statement(&self, statement: &Arc<StatementFiles>) -> Result<Option<Arc<Built>>> {
        let Some(built) = self.kept.lock().built.clone() else { return Ok(None) };
        let is_of_these = self.files(statement).await? == built.files;
        if !is_of_these {
            self.kept.lock().is_behind = true;
        }
        Ok(is_of_these.then_some(built))
    }

    /// Builds the index if the files are others than those that it was built from; `false` when there was nothing to do.
    /// While it builds, the one before stays in use for whoever sees its files.
    ///
    /// # Errors
    /// As reading the files; 53200 when the memory does not hold it; 0A000 for a history that does not fit. It is not
    /// tried again before files change.
    pub async fn build(&self, clock: &dyn Clock) -> Result<bool> {
        let statement = Arc::new(StatementFiles::default());
        let files = self.files(&statement).await?;
        {
            let mut kept = self.kept.lock();
            let is_known = kept.built.as_ref().is_some_and(|built| built.files == files)
                || kept.failed.as_ref().is_some_and(|(failed, _)| *failed == files);
            kept.is_behind = !is_known;
            if is_known || kept.is_building {
                return Ok(false);
            }
            kept.is_building = true;
        }
        let began = clock.now();
        // Taken back whatever happens, so that a build that is dropped does not look as if it went on.
        let building = Building { keeper: self };
        let built = self.read(&statement, files.clone(), began, clock).await;
        drop(building);
        let built = {
            let mut kept = self.kept.lock();
            match built {
                Ok(built) => {
                    let built = Arc::new(built);
                    kept.built = Some(Arc::clone(&built));
                    kept.failed = None;
                    kept.is_behind = false;
                    built
                }
                Err(error) => {
                    kept.built = None;
                    kept.failed = Some((files, error.to_string()));
                    return Err(error);
                }
            }
        };
        if !built.is_from_file {
            self.write(built).await;
        }
        Ok(true)
    }

    /// From its file if that is of these files, else from the files.
    async fn read(
        &self,
        statement: &Arc<StatementFiles>,
        files: Vec<ObjectMeta>,
        began: DateTime<Utc>,
        clock: &dyn Clock,
    ) -> Result<Built> {
        let pool = Arc::clone(&self.engine.state().runtime_env().memory_pool);
        let mut memory = MemoryConsumer::new("member index").register(&pool);
        let (index, is_from_file) = match self.read_file(&files, &mut memory).await? {
            Some(index) => (index, true),
            None => (read::read(&self.relations, &self.engine.seeing(statement), &mut memory).await?, false),
        };
        let built_at = clock.now();
        Ok(Built { index, is_from_file, files, built_at, took: built_at - began, _memory: memory })
    }

    async fn read_file(&self, files: &[ObjectMeta], memory: &mut MemoryReservation) -> Result<Option<MemberIndex>> {
        let Some(file) = self.file.get() else { return Ok(None) };
        let Some(bytes) = file.bytes() else { return Ok(None) };
        // It may be another history's, and larger than this one's index will be.
        if let Err(error) = memory.try_resize(usize::try_from(bytes).unwrap_or(usize::MAX)) {
            tracing::info!("the file of the member index is not used, there is no room for it: {error}");
            return Ok(None);
        }
        let (file, files) = (Arc::clone(file), files.to_vec());
        match blocking(move || file.read(&files)).await? {
            Ok(index) => {
                memory.try_resize(index.bytes())?;
                Ok(Some(index))
            }
            Err(unusable) => {
                tracing::info!("the file of the member index is not used, {unusable}");
                memory.free();
                Ok(None)
            }
        }
    }

    /// What fails costs the next start time, and nothing now.
    async fn write(&self, built: Arc<Built>) {
        let Some(file) = self.file.get().cloned() else { return };
        match blocking(move || file.write(&built.index, &built.files)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!("the member index cannot be kept for the next start: {error}"),
            Err(error) => tracing::warn!("the member index cannot be kept for the next start: {error}"),
        }
    }

    pub fn status(&self) -> IndexStatus {
        let kept = self.kept.lock();
        let built = kept.built.as_deref();
        let state = match built {
            _ if kept.is_building => IndexState::Building,
            Some(_) if kept.is_behind => IndexState::Behind,
            Some(_) => IndexState::Fresh,
            None if kept.failed.is_some() => IndexState::Failed,
            None => IndexState::Behind,
        };
        IndexStatus {
            state,
            members: built.map(|built| built.index.members()),
            rows: built.map(|built| built.index.receipts() + built.index.lines()),
            bytes: built.map(|built| built.index.bytes()),
            built_at: built.map(|built| built.built_at),
            took: built.map(|built| built.took),
            is_from_file: built.is_some_and(|built| built.is_from_file),
            problem: kept.failed.as_ref().map(|(_, problem)| problem.clone()),
        }
    }

    async fn files(&self, statement: &Arc<StatementFiles>) -> Result<Vec<ObjectMeta>, Error> {
        let mut files = Vec::new();
        for source in &self.sources {
            files.extend(statement.seen(source).await?.iter().map(|footer| footer.meta.clone()));
        }
        Ok(files)
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| message::internal("reading or writing the member index failed").with_cause(error))
}

struct Building<'a> {
    keeper: &'a Keeper,
}

impl Drop for Building<'_> {
    fn drop(&mut self) {
        self.keeper.kept.lock().is_building = false;
    }
}
