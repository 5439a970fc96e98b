//! Materialized views: made, refreshed, set.

use std::sync::Arc;

use chrono::{DateTime, SubsecRound, Utc};

use super::{Draft, MustBe, NewView, Notice, SqlState, new_columns, new_name, notice};
use crate::catalog::object::{AudienceOptions, Materialized, Relation, RelationKind, Run};
use crate::error::{Result, message};
use crate::pg_type::Oid;

impl Draft {
    /// CREATE MATERIALIZED VIEW, not populated yet. `None` with IF NOT EXISTS when the name is in use, and a notice.
    ///
    /// 42P07 when the name is taken, 42701 for a repeated column, 42501 in a system schema.
    pub fn create_materialized_view(
        &mut self,
        view: NewView,
        options: AudienceOptions,
        if_not_exists: bool,
        now: DateTime<Utc>,
    ) -> Result<(Option<Oid>, Vec<Notice>)> {
        let (name, mut notices) = new_name(&view.name)?;
        let NewView { schema, columns, definition, .. } = view;
        self.refuse_system_schema(schema, &name)?;
        self.refuse_unsound(&definition)?;
        if self.working.relation_named(schema, &name).is_some() {
            if !if_not_exists {
                return Err(message::relation_exists(&name));
            }
            notices.push(notice(SqlState::DuplicateTable, message::relation_exists_skipping(&name)));
            return Ok((None, notices));
        }
        let materialized = Materialized { definition, options, runs: Vec::new(), last_run: 0, is_populated: false };
        let oid = self.issuer.take_oid()?;
        self.put_relation(Relation {
            oid,
            schema,
            name,
            owner: self.actor,
            kind: RelationKind::MaterializedView(materialized),
            columns: new_columns(columns)?,
            comment: None,
            created_at: now.trunc_subsecs(6),
            replaced_at: None,
            access: None,
        });
        Ok((Some(oid), notices))
    }

    /// Shows the rows of a new run; of the older ones as many stay as the list is to keep.
    ///
    /// 42809 when it is no materialized view, 42501 when it is another role's.
    pub fn put_run(&mut self, oid: Oid, run: Run) -> Result<()> {
        self.change(oid, |materialized| {
            materialized.last_run = run.number;
            materialized.is_populated = true;
            materialized.runs.insert(0, Arc::new(run));
            materialized.runs.truncate(kept(&materialized.options));
        })
    }

    /// REFRESH … WITH NO DATA: it cannot be read until it is refreshed. What was kept of earlier runs stays.
    pub fn unpopulate(&mut self, oid: Oid) -> Result<()> {
        self.change(oid, |materialized| materialized.is_populated = false)
    }

    /// ALTER MATERIALIZED VIEW … SET (…).
    pub fn set_options(&mut self, oid: Oid, options: AudienceOptions) -> Result<()> {
        self.change(oid, |materialized| {
            materialized.options = options;
            materialized.runs.truncate(kept(&materialized.options));
        })
    }

    fn change(&mut self, oid: Oid, change: impl FnOnce(&mut Materialized)) -> Result<()> {
        let mut relation = Relation::clone(self.require_own(oid, MustBe::MaterializedView)?);
        if let RelationKind::MaterializedView(materialized) = &mut relation.kind {
            change(materialized);
        }
        self.put_relation(relation);
        Ok(())
    }
}

/// The newest run is kept whatever is said: it is what the list shows.
fn kept(options: &AudienceOptions) -> usize {
    usize::try_from(options.keep).unwrap_or(usize::MAX).max(1)
}
