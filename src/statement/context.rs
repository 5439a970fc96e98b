//! What a statement may use: who asks, the settings, the transaction, the engine. Not the session itself.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use parking_lot::Mutex;

use super::lore::SegmentLore;
use super::outcome::{Notice, NoticeSeverity};
use super::surroundings::{StatementSurroundings, Wishes};
use crate::catalog::Draft;
use crate::catalog::object::{PG_CATALOG_OID, Schema};
use crate::catalog::snapshot::Snapshot;
use crate::catalog::system::{Gathered, SystemContext};
use crate::engine::Engine;
use crate::error::{Result, SqlState, message};
use crate::execution::plan_cache::{Circumstances, MadeFrom, PlanScope};
use crate::ident::DATABASE;
use crate::pg_type::Oid;
use crate::planner::{Planner, Told, state};
use crate::session::cursors::Cursors;
use crate::session::identity::{Identity, shown_name};
use crate::session::prepared::PreparedStatements;
use crate::session::settings::Settings;
use crate::session::transaction::{Transaction, TransactionStatus};

/// A planner for work that belongs to no session: as this role, of now and today.
pub fn house_planner(engine: &Arc<Engine>, role: Oid) -> Planner {
    let mut settings = Settings::new(Identity::new(role), &engine.catalog.snapshot(), &engine.limits);
    let context = Context {
        now: engine.clock.now(),
        engine,
        process_id: 0,
        settings: &mut settings,
        transaction: &mut Transaction::idle(),
        prepared: &mut PreparedStatements::default(),
        cursors: &mut Cursors::default(),
        notices: &mut Vec::new(),
        is_alone: true,
        wishes: &Wishes::default(),
    };
    context.planner()
}

pub struct Context<'a> {
    pub now: DateTime<Utc>,
    pub engine: &'a Arc<Engine>,
    pub process_id: i32,
    pub settings: &'a mut Settings,
    pub transaction: &'a mut Transaction,
    pub prepared: &'a mut PreparedStatements,
    pub cursors: &'a mut Cursors,
    pub notices: &'a mut Vec<Notice>,
    /// It is the only statement of its query string. Several share a transaction, as if in a block.
    pub is_alone: bool,
    pub wishes: &'a Wishes,
}

impl Context<'_> {
    /// The catalog as this statement sees it.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.transaction.snapshot(&self.engine.catalog)
    }

    /// The catalog to change, in the open transaction or an implicit one, acting as the session's role.
    ///
    /// Errors: 25006 in a read-only transaction; 42501 for a reader.
    pub fn draft(&mut self, command: &str) -> Result<&mut Draft> {
        let path = self.search_path();
        let identity = *self.settings.identity();
        let draft = self.transaction.draft(&self.engine.catalog, self.settings, self.now, command)?;
        let schemas = path.iter().filter_map(|name| draft.snapshot().schema_named(name)).map(|schema| schema.oid);
        let path = std::iter::once(PG_CATALOG_OID).chain(schemas).collect();
        draft.set_search_path(path);
        draft.act_as(identity.current(), identity.session)?;
        Ok(draft)
    }

    /// Whether a block is open, or the statement is one of several in a query string.
    pub fn is_in_block(&self) -> bool {
        !self.is_alone || self.transaction.status() != TransactionStatus::Idle
    }

    pub fn search_path(&self) -> Vec<String> {
        self.settings.search_path(&self.user_name())
    }

    /// The name of the role that the session acts as.
    pub fn user_name(&self) -> String {
        shown_name(&self.snapshot(), self.settings.identity().current())
    }

    /// Gives names their meaning for this statement; `now()` is when the transaction began.
    pub fn planner(&self) -> Planner {
        // Before the snapshot: what was kept is then of the same, or of an earlier one.
        let kept = self.kept_plans();
        let snapshot = self.snapshot();
        let now = self.transaction.started_at().unwrap_or(self.now);
        let as_of = self.settings.effective().as_of;
        Planner {
            kept: kept.filter(|kept| kept.is_of(&snapshot)),
            state: state::for_statement(&self.engine.state, now, self.settings.time_zone().name(), as_of),
            day: self.day(now),
            text_format: self.settings.text_format(),
            history: Arc::clone(&self.engine.history),
            system: Arc::new(self.system(Arc::clone(&snapshot))),
            snapshot,
            search_path: self.search_path(),
            told: Told::default(),
            uses_index: self.settings.effective().uses_index,
            is_clients_text: true,
        }
    }

    /// The plans that were kept under the circumstances of this statement; `None` when it cannot be told whether they are
    /// still good.
    pub fn kept_plans(&self) -> Option<PlanScope> {
        let files = self.engine.history.files_version(self.now)?;
        let now = self.transaction.started_at().unwrap_or(self.now);
        let effective = self.settings.effective();
        let circumstances = Circumstances {
            role: self.settings.identity().current(),
            search_path: Arc::clone(&effective.search_path),
            text_format: effective.text_format,
            as_of: effective.as_of,
            uses_index: effective.uses_index,
        };
        let made_from = MadeFrom::new(&self.snapshot(), files, self.day(now));
        Some(PlanScope::new(Arc::clone(&self.engine.plans), circumstances, made_from))
    }

    /// `asof()`: the day that was set, else the business date of now in the head office's zone.
    fn day(&self, now: DateTime<Utc>) -> NaiveDate {
        self.settings.effective().as_of.unwrap_or_else(|| {
            let history = &self.engine.history;
            let own = self.settings.head_office_zone().and_then(|zone| zone.parse().ok());
            history.business_date_in(own.as_ref().unwrap_or_else(|| history.head_office_zone()), now)
        })
    }

    fn system(&self, snapshot: Arc<Snapshot>) -> SystemContext {
        let surroundings = StatementSurroundings {
            settings: Mutex::new(self.settings.clone()),
            wishes: self.wishes.clone(),
            registry: Arc::clone(&self.engine.registry),
            prepared: self.prepared.shared(),
            cursors: self.cursors.shown(),
            history: Arc::clone(&self.engine.history),
        };
        let search_path = self.search_path();
        let lore = Arc::new(SegmentLore {
            snapshot: Arc::clone(&snapshot),
            search_path: search_path.clone(),
            catalog: Arc::clone(&self.engine.catalog),
            history: Arc::clone(&self.engine.history),
            now: self.now,
            recipients: self.engine.desk.folder.clone(),
        });
        SystemContext {
            snapshot,
            database: DATABASE.to_owned(),
            session_user: self.settings.identity().session,
            current_user: self.settings.identity().current(),
            search_path,
            server_started_at: self.engine.started_at,
            now: self.now,
            process_id: self.process_id,
            lore,
            surroundings: Arc::new(surroundings),
            gathered: Gathered::default(),
        }
    }

    /// The schema in which an unqualified name is created: the first of the search path that exists.
    ///
    /// Errors: 3F000 when the named schema, or any of the path, does not exist.
    pub fn creation_schema(&self, schema: Option<&str>) -> Result<Arc<Schema>> {
        let snapshot = self.snapshot();
        match schema {
            Some(name) => snapshot.schema_named(name).cloned().ok_or_else(|| message::schema_missing(name)),
            None => self
                .search_path()
                .iter()
                .find_map(|name| snapshot.schema_named(name).cloned())
                .ok_or_else(message::no_schema_to_create_in),
        }
    }

    pub fn notice(&mut self, message: impl Into<String>) {
        self.tell(NoticeSeverity::Notice, SqlState::SuccessfulCompletion, message);
    }

    pub fn warning(&mut self, state: SqlState, message: impl Into<String>) {
        self.tell(NoticeSeverity::Warning, state, message);
    }

    fn tell(&mut self, severity: NoticeSeverity, state: SqlState, message: impl Into<String>) {
        self.notices.push(Notice { severity, state, message: message.into(), detail: None, hint: None });
    }
}
