//! What is remembered of a refresh that failed, so that who looks at the status page sees it.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::catalog::{Catalog, RecordedRun, RunOutcome};
use crate::error::{Error, Result, message};
use crate::pg_type::Oid;

/// A refresh that came to nothing.
#[derive(Debug)]
pub struct Failure<'a> {
    pub list: Oid,
    pub error: &'a Error,
    /// Who asked for it.
    pub by: String,
    pub started_at: DateTime<Utc>,
    pub finished_at: DateTime<Utc>,
}

impl Failure<'_> {
    /// Remembers it, whatever becomes of the transaction in which it was. A list that nobody else knows yet has no
    /// status page: of it nothing is remembered.
    ///
    /// A disk that does not take it is told in the log alone: who asked is to hear why the refresh failed.
    pub async fn record(self, catalog: &Arc<Catalog>) {
        if let Err(unrecorded) = self.recorded(catalog).await {
            tracing::warn!("a failed refresh cannot be recorded: {unrecorded}");
        }
    }

    async fn recorded(self, catalog: &Arc<Catalog>) -> Result<()> {
        let committed = catalog.snapshot();
        let Some(list) = committed.relation(self.list) else { return Ok(()) };
        let run = RecordedRun {
            audience: list.oid,
            schema: committed.schema(list.schema).map(|schema| schema.name.clone()).unwrap_or_default(),
            name: list.name.clone(),
            outcome: RunOutcome::Failed { error: self.error.message().to_owned() },
            started_at: self.started_at,
            finished_at: self.finished_at,
            by: self.by,
        };
        let catalog = Arc::clone(catalog);
        match tokio::task::spawn_blocking(move || catalog.record_failure(run)).await {
            Ok(recorded) => recorded,
            Err(error) => Err(message::internal("a failed refresh cannot be recorded").with_cause(error)),
        }
    }
}
