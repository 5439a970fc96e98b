//! The extended protocol: statements are parsed, bound to parameters and executed by separate messages.
//!
//! Portals live until their transaction ends: outside a transaction block, until Sync. A portal that was executed in
//! part holds its running plan, which waits; closing the portal drops it.

use std::mem;
use std::sync::Arc;

use datafusion::scalar::ScalarValue;
use pgwire::messages::data::{NoData, ParameterDescription, RowDescription};
use pgwire::messages::extendedquery::{
    Bind, BindComplete, Close, CloseComplete, Describe, Execute, Parse, ParseComplete, PortalSuspended,
    TARGET_TYPE_BYTE_STATEMENT,
};
use pgwire::messages::response::EmptyQueryResponse;
use tokio::io::{AsyncRead, AsyncWrite};

use super::connection::{Connection, Cursor, Helping, Watch, row_description};
use super::conversation::{Conversation, Described};
use super::encode::{Format, expand_formats};
use super::{Failure, copy, decode};
use crate::error::{Result, message};
use crate::execution::cancellation::Interrupt;
use crate::session::TransactionStatus;
use crate::statement::outcome::{Outcome, OutputColumn};

/// What Bind leaves behind.
pub(super) struct Portal<P> {
    statement: Arc<P>,
    /// One for each column.
    formats: Vec<Format>,
    state: PortalState,
    bytes: usize,
}

/// What a portal is charged with at least, however short its message.
const HELD_BYTES_MIN: usize = 4 << 10;

enum PortalState {
    Bound(Vec<ScalarValue>),
    /// Boxed: most portals are done in one go and never held in this state.
    Running(Box<Cursor>),
    /// Gave all its rows.
    Exhausted,
    /// Is done, or failed, and gives nothing more.
    Finished,
}

impl<C, R, W> Connection<'_, C, R, W>
where
    C: Conversation,
    R: AsyncRead + Unpin + Send,
    W: AsyncWrite + Unpin + Send,
{
    /// Parse. The unnamed statement is replaced, a named one must be closed first (42P05).
    pub(super) async fn parse(&mut self, parse: Parse, bytes: usize) -> Result<(), Failure> {
        let name = parse.name.unwrap_or_default();
        if name.is_empty() {
            self.unnamed = None;
        } else if self.session.statement(&name).is_some() {
            return Err(message::prepared_statement_exists(&name).into());
        }
        self.check_held(bytes)?;
        let interrupt = self.interrupt();
        let mut watch = Watch { interrupt: &interrupt, stop: self.stop, reader: self.reader };
        let prepared = watch.over(self.session.prepare(&parse.query, &parse.type_oids)).await?;
        if name.is_empty() {
            self.unnamed = Some(Arc::new(prepared));
        } else {
            self.session.keep_statement(name, Arc::new(prepared));
        }
        self.writer.push(&ParseComplete::new());
        Ok(())
    }

    /// Bind. The unnamed portal is replaced, a named one must be closed first (42P03).
    pub(super) fn bind(&mut self, bind: Bind, bytes: usize) -> Result<(), Failure> {
        let name = bind.portal_name.as_deref().unwrap_or_default();
        let statement = Arc::clone(self.statement(bind.statement_name.as_deref().unwrap_or_default())?);
        self.session.check_bindable(&statement)?;
        if name.is_empty() {
            self.portals.remove(name);
        }
        self.check_held(bytes)?;
        let parameters = self.parameters(&bind, &statement)?;
        let formats: Result<Vec<_>> =
            bind.result_column_format_codes.iter().map(|code| Format::of_code(*code)).collect();
        let formats = match statement.columns() {
            Some(columns) => expand_formats(&formats?, columns.len())?,
            None => Vec::new(),
        };
        let portal =
            Portal { statement, formats, state: PortalState::Bound(parameters), bytes: bytes.max(HELD_BYTES_MIN) };
        self.session.open_portal(name)?;
        self.portals.insert(name.to_owned(), portal);
        self.writer.push(&BindComplete::new());
        Ok(())
    }

    /// Describe, of a statement or a portal.
    pub(super) fn describe(&mut self, describe: &Describe) -> Result<(), Failure> {
        let name = describe.name.as_deref().unwrap_or_default();
        let description = if describe.target_type == TARGET_TYPE_BYTE_STATEMENT {
            let prepared = self.statement(name)?;
            if prepared.columns().is_some() {
                self.session.check_bindable(prepared)?;
            }
            let types = prepared.parameters().iter().map(|parameter| parameter.oid).collect();
            // Formats are not known before Bind, and announced as text.
            let described =
                prepared.columns().map(|columns| row_description(columns, &vec![Format::Text; columns.len()]));
            let described = described.transpose()?;
            self.writer.push(&ParameterDescription::new(types));
            described
        } else {
            self.describe_portal(name)?
        };
        match description {
            Some(description) => self.writer.push(&description),
            None => self.writer.push(&NoData::new()),
        }
        Ok(())
    }

    /// The columns of a portal, or of a cursor of SQL, which is one too.
    fn describe_portal(&self, name: &str) -> Result<Option<RowDescription>> {
        let (columns, formats) = match self.portals.get(name) {
            Some(portal) => (portal.statement.columns(), portal.formats.clone()),
            None => {
                let (columns, is_binary) =
                    self.session.cursor_columns(name).ok_or_else(|| message::no_such_portal(name))?;
                let format = if is_binary { Format::Binary } else { Format::Text };
                (Some(columns), vec![format; columns.len()])
            }
        };
        if columns.is_some() && self.session.transaction_status() == TransactionStatus::Failed {
            return Err(message::portal_in_failed_transaction());
        }
        columns.map(|columns| row_description(columns, &formats)).transpose()
    }

    /// Execute: runs a portal, or goes on with one that was suspended. Zero or a negative number of rows means all.
    pub(super) async fn execute(&mut self, execute: &Execute) -> Result<(), Failure> {
        let name = execute.name.as_deref().unwrap_or_default();
        let limit = u64::try_from(execute.max_rows).ok().filter(|rows| *rows > 0);
        let was_in_block = self.session.in_transaction_block();
        // A portal whose execution fails is gone.
        match self.portals.remove(name) {
            Some(mut portal) => {
                let interrupt = self.interrupt();
                self.run_portal(name, &mut portal, limit, &interrupt).await?;
                self.portals.insert(name.to_owned(), portal);
            }
            None if self.session.cursor_columns(name).is_some() => self.run_cursor(name, limit).await?,
            None => return Err(message::no_such_portal(name).into()),
        }
        self.interrupt = None;
        if was_in_block && !self.session.in_transaction_block() {
            self.portals.clear();
        }
        self.drop_closed_portals();
        Ok(())
    }

    /// Close, which says nothing of what is not there.
    pub(super) fn close(&mut self, close: &Close) {
        let name = close.name.as_deref().unwrap_or_default();
        if close.target_type == TARGET_TYPE_BYTE_STATEMENT {
            if name.is_empty() {
                self.unnamed = None;
            }
            self.session.forget_statement(name);
        } else {
            self.portals.remove(name);
            self.session.close_portal(name);
        }
        self.writer.push(&CloseComplete::new());
    }

    /// Sync: the end of a batch. Outside a transaction block what it changed is made durable.
    pub(super) async fn sync(&mut self) -> Result<(), Failure> {
        let failed = mem::take(&mut self.skipping);
        self.interrupt = None;
        if self.session.in_transaction_block() {
            return Ok(());
        }
        self.portals.clear();
        if !failed {
            self.session.commit_implicit().await?;
        }
        Ok(())
    }

    /// Rows of a cursor of SQL, in text as none of its formats were asked for.
    async fn run_cursor(&mut self, name: &str, limit: Option<u64>) -> Result<(), Failure> {
        let interrupt = self.interrupt();
        let mut watch = Watch { interrupt: &interrupt, stop: self.stop, reader: self.reader };
        let Outcome::Rows(rows) = watch.over(self.session.execute_cursor(name, limit)).await? else {
            return Err(message::internal("a cursor gave no rows").into());
        };
        let mut rows = Cursor::new(rows, &[Format::Text], self.session.text_format())?;
        match rows.send(limit, &mut watch, self.writer).await? {
            Helping::Complete(tag) => self.complete(&tag),
            Helping::Suspended => self.writer.push(&PortalSuspended::new()),
        }
        Ok(())
    }

    async fn run_portal(
        &mut self,
        name: &str,
        portal: &mut Portal<C::Prepared>,
        limit: Option<u64>,
        interrupt: &Interrupt,
    ) -> Result<(), Failure> {
        let mut watch = Watch { interrupt, stop: self.stop, reader: self.reader };
        let mut cursor = match mem::replace(&mut portal.state, PortalState::Finished) {
            PortalState::Bound(parameters) => {
                let prepared = &portal.statement;
                match watch.over(self.session.execute_prepared(prepared, parameters)).await? {
                    Outcome::Empty => {
                        self.writer.push(&EmptyQueryResponse::new());
                        return Ok(());
                    }
                    Outcome::Done(tag) => {
                        self.complete(&tag);
                        return Ok(());
                    }
                    Outcome::CopyOut(copy) => {
                        let tag = copy::send(*copy, self.session.text_format(), &mut watch, self.writer).await?;
                        self.complete(&tag);
                        return Ok(());
                    }
                    Outcome::Rows(rows) => {
                        check_announced(prepared.columns(), &rows.columns)?;
                        Box::new(Cursor::new(rows, &portal.formats, self.session.text_format())?)
                    }
                }
            }
            // The session is not asked again, so its failed transaction must be minded here.
            PortalState::Running(_) | PortalState::Exhausted
                if self.session.transaction_status() == TransactionStatus::Failed =>
            {
                return Err(message::portal_in_failed_transaction().into());
            }
            PortalState::Running(cursor) => cursor,
            PortalState::Exhausted => {
                portal.state = PortalState::Exhausted;
                self.complete("SELECT 0");
                return Ok(());
            }
            PortalState::Finished => return Err(message::portal_cannot_run(name).into()),
        };
        match cursor.send(limit, &mut watch, self.writer).await? {
            Helping::Complete(tag) => {
                portal.state = PortalState::Exhausted;
                self.complete(&tag);
            }
            Helping::Suspended => {
                portal.state = PortalState::Running(cursor);
                self.writer.push(&PortalSuspended::new());
            }
        }
        Ok(())
    }

    /// Begun by the first message of a batch, ended by Execute or Sync, as PostgreSQL counts the timeout.
    fn interrupt(&mut self) -> Interrupt {
        let session = &mut self.session;
        self.interrupt.get_or_insert_with(|| session.interrupt()).clone()
    }

    fn statement(&self, name: &str) -> Result<&Arc<C::Prepared>> {
        let found = if name.is_empty() { self.unnamed.as_ref() } else { self.session.statement(name) };
        found.ok_or_else(|| message::no_such_prepared_statement(name))
    }

    fn parameters(&self, bind: &Bind, prepared: &C::Prepared) -> Result<Vec<ScalarValue>> {
        let types = prepared.parameters();
        let given = bind.parameters.len();
        let codes = &bind.parameter_format_codes;
        if codes.len() > 1 && codes.len() != given {
            return Err(message::wrong_parameter_format_count(codes.len(), given));
        }
        if given != types.len() {
            let name = bind.statement_name.as_deref().unwrap_or_default();
            return Err(message::wrong_parameter_count(given, name, types.len()));
        }
        let text = self.session.text_format();
        let parameters = bind.parameters.iter().zip(types).enumerate().map(|(index, (bytes, pg_type))| {
            let code = codes.get(index).or(codes.first()).copied().unwrap_or(0);
            decode::parameter(*pg_type, Format::of_code(code)?, bytes.as_deref(), index + 1, &text)
        });
        parameters.collect()
    }

    /// Refuses to hold more than two of the longest messages' worth of statements and portals (53400).
    fn check_held(&self, bytes: usize) -> Result<()> {
        let limit = self.message_bytes.saturating_mul(2);
        let held: usize = self.session.held_bytes()
            + self.unnamed.as_ref().map_or(0, |statement| statement.bytes())
            + self.portals.values().map(|portal| portal.bytes).sum::<usize>();
        if held + bytes > limit { Err(message::too_much_prepared(limit)) } else { Ok(()) }
    }
}

/// Rows must have the columns that were described: the client reads them by that description.
fn check_announced(announced: Option<&Arc<[OutputColumn]>>, columns: &[OutputColumn]) -> Result<()> {
    let Some(announced) = announced else {
        return Err(message::internal("a statement described as giving no rows gives rows"));
    };
    let same = announced.len() == columns.len()
        && announced.iter().zip(columns).all(|(one, other)| one.pg_type.oid == other.pg_type.oid);
    if same { Ok(()) } else { Err(message::result_type_changed()) }
}
