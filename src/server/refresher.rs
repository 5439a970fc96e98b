//! Refreshes audiences when their schedule wants it.
//!
//! Every few seconds it looks what is due; what was missed while the server was down is due at once, and once. A refresh
//! that fails is tried again after a minute, then after two, four, …, an hour at most; meanwhile its list holds what it
//! held, and `regulars.audiences` says that it failed.
//!
//! A list is refreshed as its owner, who need not be able to sign in. One who is a reader by now may not refresh it; then
//! that is what `regulars.audiences` shows, and nobody else does it in their place.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::StreamExt;
use futures::stream;

use crate::audience::failure::Failure;
use crate::audience::schedule::Schedule;
use crate::engine::Engine;
use crate::error::Result;
use crate::ident::quote;
use crate::pg_type::Oid;
use crate::session::Session;
use crate::session::identity::shown_name;

/// How often it looks.
const TICK: Duration = Duration::from_secs(5);
/// Refreshes at the same time; people's own statements come first.
const AT_ONCE: usize = 2;
const RETRY_FIRST: TimeDelta = TimeDelta::minutes(1);
const RETRY_LAST: TimeDelta = TimeDelta::hours(1);
/// As `pg_stat_activity` shows it.
const APPLICATION: &str = "refresh on schedule";

/// A list whose time has come.
#[derive(Debug)]
struct Due {
    oid: Oid,
    /// With its schema, quoted.
    name: String,
    owner: Oid,
}

/// What a list that fails waits for.
#[derive(Debug, Clone, Copy)]
struct Retry {
    after: TimeDelta,
    at: DateTime<Utc>,
}

pub struct Refresher {
    engine: Arc<Engine>,
    retries: HashMap<Oid, Retry>,
}

impl Refresher {
    pub fn new(engine: Arc<Engine>) -> Self {
        Self { engine, retries: HashMap::new() }
    }

    /// Looks again and again; dropped, it stops, and a refresh on its way leaves nothing.
    pub async fn run(mut self) {
        loop {
            self.refresh_due().await;
            tokio::time::sleep(TICK).await;
        }
    }

    /// Refreshes what is due now; gives how many were tried.
    pub async fn refresh_due(&mut self) -> usize {
        let now = self.engine.clock.now();
        let due = self.due(now);
        let tried = due.len();
        let engine = &self.engine;
        let done: Vec<(Oid, Result<()>)> = stream::iter(due)
            .map(|due| async move { (due.oid, refresh(engine, &due).await) })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        for (oid, result) in done {
            match result {
                Ok(()) => drop(self.retries.remove(&oid)),
                Err(error) => {
                    let after = self.retries.get(&oid).map_or(RETRY_FIRST, |retry| (retry.after * 2).min(RETRY_LAST));
                    self.retries.insert(oid, Retry { after, at: now + after });
                    tracing::warn!("a refresh on schedule failed: {error}; next in {} min", after.num_minutes());
                }
            }
        }
        tried
    }

    fn due(&self, now: DateTime<Utc>) -> Vec<Due> {
        let snapshot = self.engine.catalog.snapshot();
        let head_office = self.engine.history.head_office_zone();
        let is_due = |oid: Oid, schedule: Schedule, last: DateTime<Utc>| {
            schedule.is_due(last, now, head_office) && self.retries.get(&oid).is_none_or(|retry| retry.at <= now)
        };
        let due = snapshot.relations().filter_map(|relation| {
            let list = relation.materialized()?;
            let schedule = Schedule::parse(list.options.refresh.as_deref()?)?;
            let last = list.runs.first().map_or(relation.created_at, |run| run.started_at);
            let schema = snapshot.schema(relation.schema)?;
            let name = || format!("{}.{}", quote(&schema.name), quote(&relation.name));
            is_due(relation.oid, schedule, last).then(|| Due { oid: relation.oid, name: name(), owner: relation.owner })
        });
        due.collect()
    }
}

/// As the list's owner would, within the statement timeout. What fails is remembered, as it is for everybody.
async fn refresh(engine: &Arc<Engine>, due: &Due) -> Result<()> {
    let started_at = engine.clock.now();
    // Until the statement is over, which remembers its failures itself.
    let mut is_remembered = false;
    let result = run(engine, due, &mut is_remembered).await;
    if let Err(error) = &result
        && !is_remembered
    {
        let by = shown_name(&engine.catalog.snapshot(), due.owner);
        let failure = Failure { list: due.oid, error, by, started_at, finished_at: engine.clock.now() };
        failure.record(&engine.catalog).await;
    }
    result
}

async fn run(engine: &Arc<Engine>, due: &Due, is_remembered: &mut bool) -> Result<()> {
    // An owner who may change nothing any more is told so before any work.
    engine.catalog.begin().act_as(due.owner, due.owner)?;
    let mut session = Session::open_unattended(Arc::clone(engine), due.owner, APPLICATION)?;
    let interrupt = session.interrupt();
    let statements = session.parse(&format!("REFRESH MATERIALIZED VIEW {}", due.name))?;
    for statement in &statements {
        let executed = async {
            let result = session.execute(statement, true).await;
            *is_remembered = result.is_err();
            result
        };
        if let Err(error) = interrupt.guard(executed).await {
            session.fail();
            return Err(error);
        }
    }
    interrupt.guard(session.commit_implicit()).await
}
