//! What the wire asks of a session: [`Session`]'s methods as a trait, so that the protocol is tested without an engine.

use std::sync::Arc;
use std::time::Duration;

use datafusion::scalar::ScalarValue;
use tokio_util::sync::CancellationToken;

use crate::error::Result;
use crate::execution::cancellation::Interrupt;
use crate::pg_type::{Oid, PgType};
use crate::session::sign_in::Claim;
use crate::session::{Prepared, Session, StartupParameters, Statement, TextFormat, TransactionStatus};
use crate::statement::outcome::{Notice, Outcome, OutputColumn};

/// Opens sessions, and stops what they do.
pub trait SessionSource: Send + Sync + 'static {
    type Conversation: Conversation;

    /// What a client of this name must show to be let in. A refusal ends the connection.
    fn claim(&self, user: &str, is_local: bool) -> Result<Claim>;

    /// A session for a client that has been let in as this role. A refusal (an unknown database, a bad setting) ends the
    /// connection.
    fn open(&self, startup: StartupParameters, role: Oid) -> Result<Self::Conversation>;

    /// Cancels what the session with this key does now; a key that fits none is ignored.
    fn cancel(&self, pid: i32, secret: i32);
}

/// A statement that can tell its parameters and columns.
pub trait Described: Send + Sync + 'static {
    fn parameters(&self) -> &[PgType];
    /// `None` when the statement gives no rows.
    fn columns(&self) -> Option<&Arc<[OutputColumn]>>;
    /// What it is charged with against the bound of what a session holds.
    fn bytes(&self) -> usize;
}

/// One client's session, as the wire uses it. Each method is documented at [`Session`].
///
/// Futures may be dropped before they are done (a cancel, a timeout, a vanished client); then [`Self::fail`] follows
/// or the session is dropped. [`Self::commit_implicit`] is always awaited to its end.
pub trait Conversation: Send + 'static {
    type Statement: Send + Sync + 'static;
    type Prepared: Described;

    fn cancel_key(&self) -> (i32, i32);
    fn transaction_status(&self) -> TransactionStatus;
    fn idle_timeout(&self) -> Option<Duration>;
    fn text_format(&self) -> TextFormat;
    fn take_reports(&mut self) -> Vec<(&'static str, String)>;
    fn take_notices(&mut self) -> Vec<Notice>;
    fn interrupt(&mut self) -> Interrupt;
    fn parse(&self, text: &str) -> Result<Vec<Self::Statement>>;
    fn execute(&mut self, statement: &Self::Statement, is_alone: bool) -> impl Future<Output = Result<Outcome>> + Send;
    fn prepare(&mut self, text: &str, types: &[Oid]) -> impl Future<Output = Result<Self::Prepared>> + Send;
    fn execute_prepared(
        &mut self,
        prepared: &Self::Prepared,
        parameters: Vec<ScalarValue>,
    ) -> impl Future<Output = Result<Outcome>> + Send;
    fn commit_implicit(&mut self) -> impl Future<Output = Result<()>> + Send;
    fn fail(&mut self);
    fn statement(&self, name: &str) -> Option<&Arc<Self::Prepared>>;
    fn keep_statement(&mut self, name: String, prepared: Arc<Self::Prepared>);
    fn forget_statement(&mut self, name: &str);
    fn held_bytes(&self) -> usize;
    fn check_bindable(&self, prepared: &Self::Prepared) -> Result<()>;
    fn open_portal(&mut self, name: &str) -> Result<()>;
    fn has_portal(&self, name: &str) -> bool;
    fn close_portal(&mut self, name: &str);
    fn cursor_columns(&self, name: &str) -> Option<(&Arc<[OutputColumn]>, bool)>;
    fn execute_cursor(&mut self, name: &str, limit: Option<u64>) -> impl Future<Output = Result<Outcome>> + Send;

    /// Cancelled when the session is to end; a conversation that nobody can end never is.
    fn ended(&self) -> CancellationToken {
        CancellationToken::new()
    }

    fn in_transaction_block(&self) -> bool {
        self.transaction_status() != TransactionStatus::Idle
    }
}

impl Described for Prepared {
    fn parameters(&self) -> &[PgType] {
        &self.parameters
    }

    fn columns(&self) -> Option<&Arc<[OutputColumn]>> {
        self.columns.as_ref()
    }

    fn bytes(&self) -> usize {
        Prepared::bytes(self)
    }
}

impl Conversation for Session {
    type Statement = Statement;
    type Prepared = Prepared;

    fn cancel_key(&self) -> (i32, i32) {
        Session::cancel_key(self)
    }

    fn transaction_status(&self) -> TransactionStatus {
        Session::transaction_status(self)
    }

    fn idle_timeout(&self) -> Option<Duration> {
        Session::idle_timeout(self)
    }

    fn text_format(&self) -> TextFormat {
        Session::text_format(self)
    }

    fn take_reports(&mut self) -> Vec<(&'static str, String)> {
        Session::take_reports(self)
    }

    fn take_notices(&mut self) -> Vec<Notice> {
        Session::take_notices(self)
    }

    fn interrupt(&mut self) -> Interrupt {
        Session::interrupt(self)
    }

    fn parse(&self, text: &str) -> Result<Vec<Statement>> {
        Session::parse(self, text)
    }

    async fn execute(&mut self, statement: &Statement, is_alone: bool) -> Result<Outcome> {
        Session::execute(self, statement, is_alone).await
    }

    async fn prepare(&mut self, text: &str, types: &[Oid]) -> Result<Prepared> {
        Session::prepare(self, text, types).await
    }

    async fn execute_prepared(&mut self, prepared: &Prepared, parameters: Vec<ScalarValue>) -> Result<Outcome> {
        Session::execute_prepared(self, prepared, parameters).await
    }

    async fn commit_implicit(&mut self) -> Result<()> {
        Session::commit_implicit(self).await
    }

    fn fail(&mut self) {
        Session::fail(self);
    }
    fn statement(&self, name: &str) -> Option<&Arc<Prepared>> {
        Session::statement(self, name)
    }

    fn keep_statement(&mut self, name: String, prepared: Arc<Prepared>) {
        Session::keep_statement(self, name, prepared);
    }

    fn forget_statement(&mut self, name: &str) {
        Session::forget_statement(self, name);
    }

    fn held_bytes(&self) -> usize {
        Session::held_bytes(self)
    }

    fn check_bindable(&self, prepared: &Prepared) -> Result<()> {
        Session::check_bindable(self, prepared)
    }

    fn open_portal(&mut self, name: &str) -> Result<()> {
        Session::open_portal(self, name)
    }

    fn has_portal(&self, name: &str) -> bool {
        Session::has_portal(self, name)
    }

    fn close_portal(&mut self, name: &str) {
        Session::close_portal(self, name);
    }

    async fn execute_cursor(&mut self, name: &str, limit: Option<u64>) -> Result<Outcome> {
        Session::execute_cursor(self, name, limit).await
    }

    fn cursor_columns(&self, name: &str) -> Option<(&Arc<[OutputColumn]>, bool)> {
        Session::cursor_columns(self, name)
    }

    fn ended(&self) -> CancellationToken {
        Session::ended(self)
    }
}
