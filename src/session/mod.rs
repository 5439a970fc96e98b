//! One client's conversation: its settings, its transaction, what it is told beside results.
//!
//! A session is driven by one door at a time (the wire, or a test in the same process): statements are parsed,
//! executed one after the other, and what they change belongs to the open transaction. Nothing a client sets is
//! visible to another. Named statements and portals are the wire's books, not kept here.

pub mod cursors;
pub mod identity;
pub mod prepared;
pub mod registry;
pub mod setting;
pub mod settings;
pub mod sign_in;
pub mod text_format;
pub mod transaction;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use datafusion::scalar::ScalarValue;
use tokio_util::sync::CancellationToken;

use self::cursors::Cursors;
use self::identity::Identity;
pub use self::prepared::Prepared;
use self::prepared::PreparedStatements;
use self::registry::Registration;
use self::settings::{Effective, Settings};
pub use self::text_format::TextFormat;
use self::transaction::Transaction;
pub use self::transaction::TransactionStatus;
use crate::catalog::object::BOOTSTRAP_ROLE_OID;
use crate::engine::Engine;
use crate::error::{Result, message};
use crate::execution::cancellation::Interrupt;
use crate::ident::DATABASE;
use crate::pg_type::{Oid, PgType};
use crate::sql;
pub use crate::sql::statement::Statement;
use crate::sql::statement::StatementKind;
use crate::statement;
use crate::statement::context::Context;
use crate::statement::outcome::{Notice, Outcome, OutputColumn};
use crate::statement::surroundings::{Wished, Wishes};

/// What a client says of itself when it connects.
#[derive(Debug, Clone, Default)]
pub struct StartupParameters {
    pub user: String,
    pub database: Option<String>,
    /// Where the client is; `None` when it is in this process.
    pub client: Option<SocketAddr>,
    /// Everything else of the startup message, such as `application_name`; `options` is already split into settings.
    pub settings: Vec<(String, String)>,
}

pub struct Session {
    engine: Arc<Engine>,
    settings: Settings,
    transaction: Transaction,
    prepared: PreparedStatements,
    cursors: Cursors,
    notices: Vec<Notice>,
    /// What functions of statements want of this session.
    wishes: Wishes,
    registration: Registration,
    /// What the client was last told of.
    told: Option<Arc<Effective>>,
}

impl Session {
    /// Opens a session in this process, where nobody is asked for a password: as the role of the user's name, or as the
    /// first superuser when there is none. Errors as of [`Self::open_as`].
    pub fn open(engine: Arc<Engine>, startup: StartupParameters) -> Result<Self> {
        let role = engine.catalog.snapshot().role_named(&startup.user).map_or(BOOTSTRAP_ROLE_OID, |role| role.oid);
        Self::open_as(engine, startup, role)
    }

    /// Opens a session for a client that has shown that it is this role.
    ///
    /// Errors: 28000 for a role that is gone or may not log in; 53300 for more sessions than the role may have; 3D000
    /// for another database; 22023 for a setting's value. Settings of the startup message that are not known here are
    /// passed over, as they are often meant for a pooler in between.
    pub fn open_as(engine: Arc<Engine>, startup: StartupParameters, role: Oid) -> Result<Self> {
        let snapshot = engine.catalog.snapshot();
        let known = snapshot.role(role).ok_or_else(|| message::sign_in_role_missing(&startup.user))?;
        if !known.can_log_in {
            return Err(message::may_not_log_in(&known.name));
        }
        let database = startup.database.as_deref().unwrap_or(&startup.user);
        // Clients that name no database mean the one named like their user; there is only one to mean.
        if startup.database.is_some() && database != DATABASE {
            return Err(message::database_missing(database));
        }
        let mut settings = Settings::new(Identity::new(role), &snapshot, &engine.limits);
        for (name, value) in &startup.settings {
            match settings.set_initial(name, value) {
                Err(error) if error.state() == crate::error::SqlState::UndefinedObject => {}
                other => other?,
            }
        }
        let registration = engine.registry.enter(known, startup.client, engine.clock.now())?;
        Ok(Self::of(engine, settings, registration))
    }

    /// Opens a session in which the server works as a role by itself: nobody signs in, so that it matters neither whether
    /// the role may, nor how many sessions it may have.
    ///
    /// Errors: 42501 for a role that is gone.
    pub fn open_unattended(engine: Arc<Engine>, role: Oid, application_name: &str) -> Result<Self> {
        let snapshot = engine.catalog.snapshot();
        if snapshot.role(role).is_none() {
            return Err(message::role_is_gone(role));
        }
        let mut settings = Settings::new(Identity::new(role), &snapshot, &engine.limits);
        settings.set_initial("application_name", application_name)?;
        let registration = engine.registry.enter_unattended(role, engine.clock.now());
        Ok(Self::of(engine, settings, registration))
    }

    fn of(engine: Arc<Engine>, settings: Settings, registration: Registration) -> Self {
        let application_name = settings.application_name().to_owned();
        registration.note(|activity| activity.application_name = application_name);
        Self {
            engine,
            settings,
            transaction: Transaction::idle(),
            prepared: PreparedStatements::default(),
            cursors: Cursors::default(),
            notices: Vec::new(),
            wishes: Wishes::default(),
            registration,
            told: None,
        }
    }

    /// Process id and secret of the cancel key.
    pub fn cancel_key(&self) -> (i32, i32) {
        (self.registration.process_id, self.registration.secret)
    }

    pub fn transaction_status(&self) -> TransactionStatus {
        self.transaction.status()
    }

    /// Whether an explicit transaction block is open or failed (portals live until it ends).
    pub fn in_transaction_block(&self) -> bool {
        self.transaction_status() != TransactionStatus::Idle
    }

    pub fn text_format(&self) -> TextFormat {
        self.settings.text_format()
    }

    /// Settings whose value is reported to the client (ParameterStatus) and has changed since the last call;
    /// at the first call all of them.
    pub fn take_reports(&mut self) -> Vec<(&'static str, String)> {
        self.grant_wishes();
        let effective = self.settings.effective();
        if self.told.as_ref().is_some_and(|told| Arc::ptr_eq(told, effective)) {
            return Vec::new();
        }
        let told = self.told.replace(Arc::clone(effective));
        let told = told.as_ref().map_or(&[][..], |told| told.reported.as_slice());
        effective.reported.iter().filter(|now| !told.contains(now)).cloned().collect()
    }

    pub fn take_notices(&mut self) -> Vec<Notice> {
        self.grant_wishes();
        std::mem::take(&mut self.notices)
    }

    /// Takes over what functions of the statements so far have set and told.
    fn grant_wishes(&mut self) {
        let Wished { settings, notices } = self.wishes.take();
        self.notices.extend(notices);
        for wish in settings {
            // The function has set it already, on a copy.
            if let Err(error) = self.settings.set(&wish.name, &wish.value, wish.is_local) {
                tracing::error!(%error, "a setting that a function set cannot be set");
            }
        }
    }

    /// How long the client may be silent now; `None` for ever.
    pub fn idle_timeout(&self) -> Option<Duration> {
        self.settings.idle_timeout(self.in_transaction_block())
    }

    /// Begins a statement: its interrupt, to be held over planning, running and sending.
    pub fn interrupt(&mut self) -> Interrupt {
        let cancelled = self.registration.begin_statement();
        Interrupt::new(cancelled, self.settings.effective().statement_timeout).within(self.registration.ended())
    }

    /// Cancelled when somebody ends this session.
    pub fn ended(&self) -> CancellationToken {
        self.registration.ended()
    }

    /// Splits a query string into statements. An empty string has none.
    ///
    /// Errors: 42601, 54001.
    pub fn parse(&self, text: &str) -> Result<Vec<Statement>> {
        sql::parse(text)
    }

    /// Runs a statement without parameters. What it changes belongs to the open transaction, or to an implicit
    /// one that lasts until [`Self::commit_implicit`] or [`Self::fail`]. `is_alone`: there is no other statement in
    /// the query string.
    pub async fn execute(&mut self, statement: &Statement, is_alone: bool) -> Result<Outcome> {
        self.begin(statement)?;
        let mut context = Context { is_alone, ..self.context() };
        statement::run(&mut context, statement).await
    }

    /// Parses and describes one statement (Parse). Parameter types that are 0 or missing are inferred.
    ///
    /// Errors: 42601 for more than one statement, and whatever planning refuses.
    pub async fn prepare(&mut self, text: &str, parameter_types: &[Oid]) -> Result<Prepared> {
        let mut statements = sql::parse(text)?;
        if statements.len() > 1 {
            return Err(message::several_statements_prepared());
        }
        let Some(statement) = statements.pop() else {
            let prepared_at = self.engine.clock.now();
            return Ok(Prepared {
                parameters: [].into(),
                columns: None,
                statement: None,
                prepared_at,
                from_sql: false,
            });
        };
        self.refuse_in_failed_transaction(&statement)?;
        let statement = Arc::new(statement);
        let given = parameter_types.iter().map(|oid| given_type(*oid)).collect::<Result<Vec<_>>>()?;
        let mut context = self.context();
        let (parameters, columns) = statement::describe(&mut context, &statement, given).await?;
        let prepared_at = context.now;
        Ok(Prepared { parameters, columns, statement: Some(statement), prepared_at, from_sql: false })
    }

    /// Runs a prepared statement with its parameters.
    ///
    /// Errors: 08P01 for another number of parameters than the statement has.
    pub async fn execute_prepared(&mut self, prepared: &Prepared, parameters: Vec<ScalarValue>) -> Result<Outcome> {
        if parameters.len() != prepared.parameters.len() {
            return Err(message::wrong_parameter_count(parameters.len(), "", prepared.parameters.len()));
        }
        let Some(statement) = &prepared.statement else {
            return Ok(Outcome::Empty);
        };
        self.begin(statement)?;
        statement::run_prepared(&mut self.context(), statement, prepared, parameters).await
    }

    /// The next rows of a cursor of SQL that is executed as a portal.
    ///
    /// Errors: 25P02 in a failed transaction, 34000 for an unknown name, 55006 for a cursor that is being read.
    pub async fn execute_cursor(&mut self, name: &str, limit: Option<u64>) -> Result<Outcome> {
        if self.transaction.status() == TransactionStatus::Failed {
            return Err(message::transaction_is_aborted());
        }
        self.registration.note(|activity| activity.state = "active");
        statement::cursor::execute(&self.cursors, name, limit).await
    }

    /// Whether a statement may be bound now. Errors: 25P02.
    pub fn check_bindable(&self, prepared: &Prepared) -> Result<()> {
        prepared.statement.as_ref().map_or(Ok(()), |statement| self.refuse_in_failed_transaction(statement))
    }

    /// Makes what the implicit transaction changed durable; without one, nothing. Called before the last command
    /// tag of a query string, and at Sync.
    ///
    /// Errors: 40001 when another session changed the same object meanwhile; 53100, 58030 from the store.
    pub async fn commit_implicit(&mut self) -> Result<()> {
        self.grant_wishes();
        if self.in_transaction_block() {
            return Ok(());
        }
        let draft = self.transaction.finish_implicit(&mut self.settings);
        self.idle();
        let committed = match draft {
            Some(draft) => statement::transaction::commit(&self.engine, draft).await,
            None => Ok(()),
        };
        match &committed {
            Ok(()) => self.cursors.committed(),
            Err(_) => self.cursors.rolled_back(),
        }
        committed
    }

    /// A statement failed: an implicit transaction is rolled back, an explicit one is failed.
    pub fn fail(&mut self) {
        // What a failed statement set does not count; what it told does.
        let Wished { notices, .. } = self.wishes.take();
        self.notices.extend(notices);
        self.transaction.fail(&mut self.settings);
        if !self.in_transaction_block() {
            self.cursors.rolled_back();
        }
        self.idle();
    }

    /// A statement that was kept by name.
    pub fn statement(&self, name: &str) -> Option<&Arc<Prepared>> {
        self.prepared.get(name)
    }

    pub fn keep_statement(&mut self, name: String, prepared: Arc<Prepared>) {
        self.prepared.put(name, prepared);
    }

    pub fn forget_statement(&mut self, name: &str) {
        self.prepared.remove(name);
    }

    /// What the named statements are charged with, in bytes.
    pub fn held_bytes(&self) -> usize {
        self.prepared.bytes()
    }

    /// The columns of a cursor of SQL, and whether it sends them in binary; `None` when there is none of that name.
    pub fn cursor_columns(&self, name: &str) -> Option<(&Arc<[OutputColumn]>, bool)> {
        self.cursors.get(name).map(|cursor| (&cursor.columns, cursor.shown.is_binary))
    }

    /// Takes a name for a portal. Errors: 42P03 for one that a portal or a cursor has.
    pub fn open_portal(&mut self, name: &str) -> Result<()> {
        self.cursors.open_portal(name)
    }

    /// Whether a portal has not been closed by SQL, nor ended with its transaction or savepoint.
    pub fn has_portal(&self, name: &str) -> bool {
        self.cursors.has_portal(name)
    }

    /// Closes a portal or a cursor, and whatever is not there.
    pub fn close_portal(&mut self, name: &str) {
        self.cursors.close(name).unwrap_or_default();
    }

    fn begin(&mut self, statement: &Statement) -> Result<()> {
        self.grant_wishes();
        self.refuse_in_failed_transaction(statement)?;
        let application_name = self.settings.application_name().to_owned();
        let now = self.engine.clock.now();
        let transaction_started_at = self.transaction.started_at().or(Some(now));
        self.registration.note(|activity| {
            activity.state = "active";
            activity.query = statement.shown().into_owned();
            activity.application_name = application_name;
            activity.transaction_started_at = transaction_started_at;
            activity.query_started_at = Some(now);
            activity.state_changed_at = Some(now);
        });
        Ok(())
    }

    fn idle(&self) {
        let state = match self.transaction.status() {
            TransactionStatus::Idle => "idle",
            TransactionStatus::Open => "idle in transaction",
            TransactionStatus::Failed => "idle in transaction (aborted)",
        };
        let now = self.engine.clock.now();
        let transaction_started_at = self.transaction.started_at();
        self.registration.note(|activity| {
            if activity.state != state {
                activity.state_changed_at = Some(now);
            }
            activity.state = state;
            activity.transaction_started_at = transaction_started_at;
        });
    }

    /// In a failed transaction only its end is accepted.
    fn refuse_in_failed_transaction(&self, statement: &Statement) -> Result<()> {
        let ends = matches!(
            statement.kind,
            StatementKind::Commit { .. } | StatementKind::Rollback { .. } | StatementKind::RollbackTo(_)
        );
        if self.transaction.status() == TransactionStatus::Failed && !ends {
            return Err(message::transaction_is_aborted());
        }
        Ok(())
    }

    fn context(&mut self) -> Context<'_> {
        Context {
            now: self.engine.clock.now(),
            engine: &self.engine,
            process_id: self.registration.process_id,
            settings: &mut self.settings,
            transaction: &mut self.transaction,
            prepared: &mut self.prepared,
            cursors: &mut self.cursors,
            notices: &mut self.notices,
            is_alone: true,
            wishes: &self.wishes,
        }
    }
}

/// A type the client gave for a parameter; 0 and `unknown` leave it to be inferred.
fn given_type(oid: Oid) -> Result<Option<PgType>> {
    if oid == 0 || oid == PgType::UNKNOWN.oid {
        return Ok(None);
    }
    let given = PgType { oid, typmod: -1 };
    match given.to_arrow() {
        Some(_) => Ok(Some(given)),
        None => Err(message::unknown_type(oid)),
    }
}
