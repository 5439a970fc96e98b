//! Holds the index of one state of the files, and knows which state that is.
//!
//! A statement sees one set of files ([`StatementFiles`]); it gets the index only if that was built from the very same
//! ones. So a file that arrives is seen by the next statement, from the files themselves, while the index takes it in:
//! only new files are read and only months with something new are made again. Where files have gone or changed, the index
//! is built from the beginning.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use chrono::{DateTime, TimeDelta, Utc};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use object_store::ObjectMeta;
use parking_lot::Mutex;
use regulars_index::MemberIndex;
use tokio::sync::Notify;

use super::file::IndexFile;
use super::read::{self, Relations, Since};
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
    files: Files,
    built_at: DateTime<Utc>,
    took: TimeDelta,
    /// Of each piece, in their order.
    pieces: Vec<Arc<Piece>>,
    /// The memory that it takes beside its pieces of what statements may use; given back with it.
    _memory: MemoryReservation,
}

/// The files of each table that decides about the index, in the order of [`Keeper::sources`].
pub type Files = Vec<Vec<ObjectMeta>>;

/// What is known of a piece; indexes that have it in common share this too.
#[derive(Debug)]
struct Piece {
    made_at: DateTime<Utc>,
    took: TimeDelta,
    _memory: MemoryReservation,
}

/// A table that decides about what the index holds.
#[derive(Debug)]
pub struct Source {
    pub files: Arc<ParquetFiles>,
    pub holds: Holds,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    Members,
    /// Receipts, lines, or both: more of them can be taken in.
    Receipts {
        receipts: bool,
        lines: bool,
    },
    /// Whose clocks are read: others change everything.
    Stores,
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
    pub pieces: Vec<PieceStatus>,
}

/// A part of the index.
#[derive(Debug, Clone)]
pub struct PieceStatus {
    /// A month, `2025-03`; `undated`; `names` of members, products, stores and channels.
    pub name: String,
    /// Receipts and lines.
    pub rows: Option<usize>,
    pub bytes: usize,
    pub built_at: DateTime<Utc>,
    pub took: TimeDelta,
}

/// Builds and keeps the index of a history.
#[derive(Debug)]
pub struct Keeper {
    relations: Relations,
    engine: Engine,
    sources: Vec<Source>,
    /// Whether new files only add to what there is.
    grows: Grows,
    /// What of the configuration decides about it.
    settings: Arc<str>,
    /// Where it is kept across starts, if anywhere.
    file: OnceLock<Arc<IndexFile>>,
    kept: Mutex<Kept>,
    /// Told when a build ends, or turns out to have to read all.
    progress: Notify,
}

/// How much a build may read, or reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// What is new.
    New,
    All,
}

/// What came of bringing the index up to date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaughtUp {
    /// It holds the files as they are.
    Already,
    Now,
    /// It has to be built from the beginning, which goes on by itself.
    No,
}

/// How an index can take in what is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grows {
    /// Which rows count depends on all of them.
    Never,
    /// Members are those of their files.
    WithMembersOfFiles,
    /// Members are also those that receipts name, so that they are all read again.
    WithMembersOfReceipts,
}

#[derive(Debug, Default)]
struct Kept {
    built: Option<Arc<Built>>,
    /// Whether the file has it too.
    is_written: bool,
    building: Option<Extent>,
    is_behind: bool,
    /// What building failed with, and on which files.
    failed: Option<(Files, String)>,
}

impl Keeper {
    /// `settings`: what of the configuration decides about what the index holds.
    pub fn new(relations: Relations, engine: Engine, sources: Vec<Source>, grows: Grows, settings: Arc<str>) -> Self {
        Self {
            relations,
            engine,
            sources,
            grows,
            settings,
            file: OnceLock::new(),
            kept: Mutex::default(),
            progress: Notify::new(),
        }
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
        let is_new = self.renew(Extent::All, clock).await? == CaughtUp::Now;
        let unwritten = {
            let kept = self.kept.lock();
            kept.built.clone().filter(|_| !kept.is_written)
        };
        if let Some(built) = unwritten {
            self.kept.lock().is_written = true;
            self.write(built).await;
        }
        Ok(is_new)
    }

    /// Takes in what is new, if that is all there is to do, for whoever would otherwise read the files. A build on its way
    /// that does no more is waited for.
    ///
    /// # Errors
    /// As [`Self::build`].
    pub async fn catch_up(&self, clock: &dyn Clock) -> Result<CaughtUp> {
        loop {
            let progress = self.progress.notified();
            tokio::pin!(progress);
            // From here on it is not missed.
            progress.as_mut().enable();
            let building = {
                let kept = self.kept.lock();
                if kept.built.is_none() {
                    return Ok(CaughtUp::No);
                }
                kept.building
            };
            match building {
                Some(Extent::All) => return Ok(CaughtUp::No),
                Some(Extent::New) => progress.await,
                None => return self.renew(Extent::New, clock).await,
            }
        }
    }

    async fn renew(&self, extent: Extent, clock: &dyn Clock) -> Result<CaughtUp> {
        let statement = Arc::new(StatementFiles::default());
        let files = self.files(&statement).await?;
        {
            let mut kept = self.kept.lock();
            if kept.built.as_ref().is_some_and(|built| built.files == files) {
                kept.is_behind = false;
                return Ok(CaughtUp::Already);
            }
            kept.is_behind = true;
            if kept.failed.as_ref().is_some_and(|(failed, _)| *failed == files) || kept.building.is_some() {
                return Ok(CaughtUp::No);
            }
            kept.building = Some(Extent::New);
        }
        // Taken back whatever happens, so that a build that is dropped does not look as if it went on.
        let building = Building { keeper: self };
        let built = self.read(extent, &statement, files.clone(), clock).await;
        let mut kept = self.kept.lock();
        let caught_up = match built {
            Ok(Some(built)) => {
                kept.is_written = built.is_from_file;
                kept.built = Some(Arc::new(built));
                kept.failed = None;
                kept.is_behind = false;
                Ok(CaughtUp::Now)
            }
            Ok(None) => Ok(CaughtUp::No),
            Err(error) => {
                kept.built = None;
                kept.failed = Some((files, error.to_string()));
                Err(error)
            }
        };
        drop(kept);
        drop(building);
        caught_up
    }

    /// From its file if that is of these files; else from the index before, or that of the file, with what is new; else
    /// from the files, if so much may be read.
    async fn read(
        &self,
        extent: Extent,
        statement: &Arc<StatementFiles>,
        files: Files,
        clock: &dyn Clock,
    ) -> Result<Option<Built>> {
        let began = clock.now();
        let mut before = self.kept.lock().built.clone();
        if before.is_none()
            && let Some(built) = self.read_file(&files, began, clock).await?
        {
            if built.files == files {
                return Ok(Some(built));
            }
            before = Some(Arc::new(built));
        }
        let mut memory = self.memory();
        if let Some(before) = &before
            && let Some(index) = self.grown(before, statement, &files, &mut memory).await?
        {
            return self.built(index, Some(before), files, memory, began, clock).map(Some);
        }
        if extent == Extent::New {
            return Ok(None);
        }
        self.kept.lock().building = Some(Extent::All);
        self.progress.notify_waiters();
        drop(before);
        memory.free();
        let index = read::read(&self.relations, &self.engine.seeing(statement), &mut memory).await?;
        self.built(index, None, files, memory, began, clock).map(Some)
    }

    /// `before`: whose pieces it may have.
    fn built(
        &self,
        index: MemberIndex,
        before: Option<&Built>,
        files: Files,
        memory: MemoryReservation,
        began: DateTime<Utc>,
        clock: &dyn Clock,
    ) -> Result<Built> {
        let shared: Vec<Option<Arc<Piece>>> = index
            .pieces()
            .iter()
            .map(|piece| {
                let before = before?;
                let at = before.index.pieces().iter().position(|other| Arc::ptr_eq(piece, other))?;
                before.pieces.get(at).cloned()
            })
            .collect();
        let new = || index.pieces().iter().zip(&shared).filter(|(_, shared)| shared.is_none());
        memory.try_resize(index.bytes_of_names() + new().map(|(piece, _)| piece.bytes()).sum::<usize>())?;
        let built_at = clock.now();
        let took = built_at - began;
        let made = |(piece, shared): (&Arc<regulars_index::Piece>, Option<Arc<Piece>>)| {
            shared.unwrap_or_else(|| {
                let memory = memory.split(piece.bytes());
                Arc::new(Piece { made_at: built_at, took, _memory: memory })
            })
        };
        let pieces = index.pieces().iter().zip(shared.clone()).map(made).collect();
        Ok(Built { index, is_from_file: false, files, built_at, took, pieces, _memory: memory })
    }

    /// An index with what is new since; `None` where new files say more than that.
    async fn grown(
        &self,
        before: &Built,
        statement: &Arc<StatementFiles>,
        files: &Files,
        memory: &mut MemoryReservation,
    ) -> Result<Option<MemberIndex>> {
        let mut rereads_members = match self.grows {
            Grows::Never => return Ok(None),
            Grows::WithMembersOfFiles => false,
            Grows::WithMembersOfReceipts => true,
        };
        let (mut has_receipts, mut has_lines) = (false, false);
        let mut only = Vec::new();
        for ((source, before), now) in self.sources.iter().zip(&before.files).zip(files) {
            match source.holds {
                Holds::Members => rereads_members |= before != now,
                Holds::Stores if before != now => return Ok(None),
                Holds::Stores => {}
                Holds::Receipts { receipts, lines } => {
                    if !before.iter().all(|file| now.contains(file)) {
                        tracing::info!("member index: built from the beginning, files have gone or changed");
                        return Ok(None);
                    }
                    let mut seen = statement.seen(&source.files).await?;
                    seen.retain(|footer| !before.contains(&footer.meta));
                    if !seen.is_empty() {
                        has_receipts |= receipts;
                        has_lines |= lines;
                    }
                    only.push((&source.files, seen));
                }
            }
        }
        memory.try_resize(before.index.bytes_of_names())?;
        let since = Since {
            index: &before.index,
            members: rereads_members.then(|| self.engine.seeing(statement)),
            new: self.engine.seeing(&Arc::new(statement.with_only(only))),
            has_receipts,
            has_lines,
        };
        read::read_since(&self.relations, since, memory).await
    }

    fn memory(&self) -> MemoryReservation {
        let pool = Arc::clone(&self.engine.state().runtime_env().memory_pool);
        MemoryConsumer::new("member index").register(&pool)
    }

    /// The index as a start before this one left it, if it is of these files or of some of them.
    async fn read_file(&self, files: &Files, began: DateTime<Utc>, clock: &dyn Clock) -> Result<Option<Built>> {
        let Some(file) = self.file.get().cloned() else { return Ok(None) };
        let memory = self.memory();
        let (found, files) = (Arc::clone(&file), files.clone());
        let Some(bytes) = blocking(move || found.bytes()).await? else { return Ok(None) };
        // It may be another history's, and larger than this one's index will be.
        if let Err(error) = memory.try_resize(usize::try_from(bytes).unwrap_or(usize::MAX)) {
            tracing::info!("the file of the member index is not used, there is no room for it: {error}");
            return Ok(None);
        }
        match blocking(move || file.read(&files)).await? {
            Ok((index, files)) => {
                let built = self.built(index, None, files, memory, began, clock)?;
                Ok(Some(Built { is_from_file: true, ..built }))
            }
            Err(unusable) => {
                tracing::info!("the file of the member index is not used, {unusable}");
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
            _ if kept.building.is_some() => IndexState::Building,
            Some(_) if kept.is_behind => IndexState::Behind,
            Some(_) => IndexState::Fresh,
            None if kept.failed.is_some() => IndexState::Failed,
            None => IndexState::Behind,
        };
        IndexStatus {
            state,
            members: built.map(|built| built.index.members()),
            rows: built.map(|built| built.index.pieces().iter().map(|piece| rows(piece)).sum()),
            bytes: built.map(|built| built.index.bytes()),
            built_at: built.map(|built| built.built_at),
            took: built.map(|built| built.took),
            is_from_file: built.is_some_and(|built| built.is_from_file),
            problem: kept.failed.as_ref().map(|(_, problem)| problem.clone()),
            pieces: built.map(Built::pieces).unwrap_or_default(),
        }
    }

    async fn files(&self, statement: &Arc<StatementFiles>) -> Result<Files, Error> {
        let mut files = Vec::new();
        for source in &self.sources {
            files.push(statement.seen(&source.files).await?.iter().map(|footer| footer.meta.clone()).collect());
        }
        Ok(files)
    }
}

impl Built {
    fn pieces(&self) -> Vec<PieceStatus> {
        let names = PieceStatus {
            name: "names".to_owned(),
            rows: None,
            bytes: self.index.bytes_of_names(),
            built_at: self.built_at,
            took: self.took,
        };
        let pieces = self.index.pieces().iter().zip(&self.pieces).map(|(piece, known)| PieceStatus {
            name: piece.name(),
            rows: Some(rows(piece)),
            bytes: piece.bytes(),
            built_at: known.made_at,
            took: known.took,
        });
        std::iter::once(names).chain(pieces).collect()
    }
}

fn rows(piece: &regulars_index::Piece) -> usize {
    piece.receipts() + piece.lines()
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
        self.keeper.kept.lock().building = None;
        self.keeper.progress.notify_waiters();
    }
}
