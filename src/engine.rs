//! What all sessions share, built once: the history, the catalog, the functions, the threads that compute.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::session_state::SessionState;

use crate::catalog::object::Column;
use crate::catalog::{Catalog, SqliteStore, Store, TableDescription};
use crate::clock::Clock;
use crate::config::{Config, LimitsConfig, Loopback};
use crate::delivery::Desk;
use crate::error::{Error, Result, SqlState};
use crate::execution::QueryRuntime;
use crate::execution::plan_cache::PlanCache;
use crate::history::History;
use crate::pg_type::PgType;
use crate::planner::state;
use crate::session::registry::Registry;
use crate::storage::layout::Home;
use crate::storage::member_file::MemberFolder;

/// Share of the machine's memory that statements may use together, unless the configuration says otherwise.
const MEMORY_SHARE_PERCENT: usize = 60;

/// Shared by all sessions of a server.
pub struct Engine {
    pub clock: Arc<dyn Clock>,
    pub history: Arc<History>,
    pub catalog: Arc<Catalog>,
    pub queries: QueryRuntime,
    /// Plans of statements that are run again and again.
    pub plans: Arc<PlanCache>,
    pub registry: Arc<Registry>,
    pub started_at: DateTime<Utc>,
    pub limits: LimitsConfig,
    /// Where the rows of kept lists lie.
    pub lists: MemberFolder,
    /// The channels that audiences are delivered to.
    pub desk: Desk,
    /// What whoever connects from this machine must show.
    pub loopback: Loopback,
    pub(crate) state: SessionState,
}

impl Engine {
    /// Opens the history and the catalog that a configuration names.
    ///
    /// Errors: every problem of the configuration, the files or the home folder, each naming its cause.
    pub async fn open(config: &Config, clock: Arc<dyn Clock>) -> Result<Arc<Self>> {
        let home = Home::open(&config.home)?;
        let (lists, index) = (home.audiences(), home.index());
        let store = SqliteStore::open(Arc::new(home))?;
        let engine = Self::open_with(config, clock, Box::new(store), lists).await?;
        engine.history.keep_index_in(index);
        Ok(engine)
    }

    /// The same with other places for the catalog and for the rows of kept lists.
    pub async fn open_with(
        config: &Config,
        clock: Arc<dyn Clock>,
        store: Box<dyn Store>,
        lists: MemberFolder,
    ) -> Result<Arc<Self>> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let runtime = runtime_env(config)?;
        let history = History::open(config, &runtime).await?;
        for warning in history.warnings() {
            tracing::warn!("{warning}");
        }
        let now = clock.now();
        let tables: Vec<TableDescription> = history
            .relations()
            .map(|relation| TableDescription {
                name: relation.name.clone(),
                columns: relation
                    .schema
                    .fields()
                    .iter()
                    .map(|field| Column { name: field.name().clone(), pg_type: PgType::of_field(field), comment: None })
                    .collect(),
                comment: Some(relation.comment.clone()),
            })
            .collect();
        let catalog = Catalog::open_as(&config.sign_in.superuser, store, &tables, now)?;
        sweep(&lists, &catalog)?;
        let recipients = lists.beside("deliveries")?;
        sweep_deliveries(&recipients, &catalog)?;
        let desk = Desk::open(config, &runtime, recipients)?;
        let state = state::base(Arc::clone(&runtime), threads, history.tables())?;
        Ok(Arc::new(Self {
            history: Arc::new(history),
            catalog: Arc::new(catalog),
            queries: QueryRuntime::new(threads)?,
            plans: Arc::default(),
            registry: Arc::new(Registry::default()),
            started_at: now,
            limits: config.limits.clone(),
            lists,
            desk,
            loopback: config.sign_in.loopback,
            clock,
            state,
        }))
    }
}

/// Deletes the files of lists that a crash left behind.
fn sweep(lists: &MemberFolder, catalog: &Catalog) -> Result<()> {
    let snapshot = catalog.snapshot();
    let runs = snapshot.relations().filter_map(|relation| relation.materialized()).flat_map(|list| &list.runs);
    let swept = lists.sweep(&runs.map(|run| run.file.name()).collect())?;
    if swept > 0 {
        tracing::info!("{swept} files of unfinished refreshes were deleted");
    }
    Ok(())
}

/// Deletes what a crash left of files that were on their way out, and of recipients that no delivery has.
fn sweep_deliveries(folder: &MemberFolder, catalog: &Catalog) -> Result<()> {
    let deliveries = catalog.deliveries()?;
    let in_use = deliveries.iter().filter_map(|known| known.delivery.recipients.as_deref());
    let swept = folder.sweep(&in_use.collect())?;
    if swept > 0 {
        tracing::info!("{swept} files of unfinished deliveries were deleted");
    }
    Ok(())
}

/// Memory and spilling as the configuration bounds them.
pub fn runtime_env(config: &Config) -> Result<Arc<RuntimeEnv>> {
    let bytes = match config.limits.memory_mib {
        Some(mebibytes) => mebibytes << 20,
        None => memory_bytes()? / 100 * MEMORY_SHARE_PERCENT,
    };
    Ok(RuntimeEnvBuilder::new().with_memory_pool(Arc::new(FairSpillPool::new(bytes))).build_arc()?)
}

/// The machine's memory, as Linux tells it.
fn memory_bytes() -> Result<usize> {
    let unknown = || {
        Error::new(SqlState::ConfigFileError, "the machine's memory cannot be found out")
            .with_hint("Write memory_mib under [limits] in the configuration.")
    };
    let text = std::fs::read_to_string("/proc/meminfo").map_err(|error| unknown().with_detail(error.to_string()))?;
    text.lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))
        .and_then(|rest| rest.trim().strip_suffix("kB"))
        .and_then(|number| number.trim().parse::<usize>().ok())
        .map(|kibibytes| kibibytes << 10)
        .ok_or_else(unknown)
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("started_at", &self.started_at).finish_non_exhaustive()
    }
}
