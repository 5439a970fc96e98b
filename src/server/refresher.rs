//! Refreshes audiences when their schedule wants it.
//!
//! Every few seconds it looks what is due; what was missed while the server was down is due at once, and once. A refresh
//! that fails is tried again after a minute, then after two, four, …, an hour at most; meanwhile its list holds what it
//! held, and `regulars.audiences` says that it failed.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::StreamExt;
use futures::stream;

use crate::audience::schedule::Schedule;
use crate::engine::Engine;
use crate::error::Result;
use crate::ident::quote;
use crate::pg_type::Oid;
use crate::session::{Session, StartupParameters};

/// How often it looks.
const TICK: Duration = Duration::from_secs(5);
/// Refreshes at the same time; people's own statements come first.
const AT_ONCE: usize = 2;
const RETRY_FIRST: TimeDelta = TimeDelta::minutes(1);
const RETRY_LAST: TimeDelta = TimeDelta::hours(1);
/// Who refreshes, as `regulars.audience_runs` shows it.
const USER: &str = "schedule";

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
            .map(|(oid, name)| async move { (oid, refresh(engine, &name).await) })
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

    /// Lists whose time has come, by OID and full name.
    fn due(&self, now: DateTime<Utc>) -> Vec<(Oid, String)> {
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
            is_due(relation.oid, schedule, last)
                .then(|| (relation.oid, format!("{}.{}", quote(&schema.name), quote(&relation.name))))
        });
        due.collect()
    }
}

/// As a client would: in a session of its own, within the statement timeout.
async fn refresh(engine: &Arc<Engine>, name: &str) -> Result<()> {
    let startup = StartupParameters {
        user: USER.to_owned(),
        settings: vec![("application_name".to_owned(), "refresh on schedule".to_owned())],
        ..StartupParameters::default()
    };
    let mut session = Session::open(Arc::clone(engine), startup)?;
    let interrupt = session.interrupt();
    let statements = session.parse(&format!("REFRESH MATERIALIZED VIEW {name}"))?;
    let refreshed = async {
        for statement in &statements {
            interrupt.guard(session.execute(statement, true)).await?;
        }
        session.commit_implicit().await
    };
    let result = refreshed.await;
    if result.is_err() {
        session.fail();
    }
    result
}
