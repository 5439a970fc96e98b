//! The loop behind start-up: takes a message, has it handled, says what became of it.
//!
//! An error of a simple query is followed by ReadyForQuery at once; after an error of the extended protocol everything
//! is skipped until Sync. Both handlers send rows through [`Cursor`], which waits for the plan and for the client
//! under one [`Watch`].

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use futures::StreamExt;
use futures::stream::BoxStream;
use pgwire::messages::PgWireFrontendMessage;
use pgwire::messages::data::{FieldDescription, RowDescription};
use pgwire::messages::response::{self, CommandComplete, ReadyForQuery};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

use super::conversation::{Conversation, SessionSource};
use super::encode::{Format, RowEncoder};
use super::extended::Portal;
use super::frame::{Frame, Reader};
use super::places::Place;
use super::startup::{Admitted, Authenticated, report_settings};
use super::writer::Writer;
use super::{Failure, Host, report};
use crate::error::{Error, Result, message};
use crate::execution::cancellation::Interrupt;
use crate::session::{TextFormat, TransactionStatus};
use crate::statement::outcome::{OutputColumn, Rows};

/// A client that was let in. Its handlers are in `simple` and `extended`.
pub(super) struct Connection<'a, C: Conversation, R, W> {
    /// Nothing of this exists without it.
    _authenticated: Authenticated,
    /// Its place among the connections, given back with it.
    _place: Place,
    pub session: C,
    pub reader: &'a mut Reader<R>,
    pub writer: &'a mut Writer<W>,
    pub message_bytes: usize,
    draining: &'a CancellationToken,
    /// Somebody ends this session.
    ended: CancellationToken,
    pub stop: &'a CancellationToken,
    /// The statement without a name; those with one are the session's, where SQL finds them too.
    pub unnamed: Option<Arc<C::Prepared>>,
    pub portals: HashMap<String, Portal<C::Prepared>>,
    /// Of the extended messages since the last Execute or Sync.
    pub interrupt: Option<Interrupt>,
    /// An extended message failed: everything up to Sync is skipped.
    pub skipping: bool,
    /// ReadyForQuery was the last that the client was told: it is its turn, and it may be idle too long.
    is_ready: bool,
}

impl<'a, C, R, W> Connection<'a, C, R, W>
where
    C: Conversation,
    R: AsyncRead + Unpin + Send,
    W: AsyncWrite + Unpin + Send,
{
    pub fn new<S: SessionSource<Conversation = C>>(
        host: &'a Host<S>,
        reader: &'a mut Reader<R>,
        writer: &'a mut Writer<W>,
        admitted: Admitted<C>,
    ) -> Self {
        Self {
            _authenticated: admitted.authenticated,
            _place: admitted.place,
            ended: admitted.session.ended(),
            session: admitted.session,
            reader,
            writer,
            message_bytes: host.limits.message_bytes,
            draining: &host.draining,
            stop: &host.stop,
            unnamed: None,
            portals: HashMap::new(),
            interrupt: None,
            skipping: false,
            is_ready: true,
        }
    }

    /// Serves the client until it leaves.
    pub async fn run(mut self) -> Result<(), Failure> {
        while let Some(frame) = self.next().await? {
            if frame.kind == b'X' {
                return Ok(());
            }
            self.handle(frame).await?;
        }
        Ok(())
    }

    /// The next message; waiting for one ends when the server does.
    async fn next(&mut self) -> Result<Option<Frame>, Failure> {
        if let Some(frame) = self.reader.buffered_frame(self.message_bytes)? {
            return Ok(Some(frame));
        }
        let in_transaction = self.session.in_transaction_block();
        let idle_timeout = self.session.idle_timeout().filter(|_| self.is_ready);
        let idle_too_long = async {
            match idle_timeout {
                Some(timeout) => tokio::time::sleep(timeout).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.draining.cancelled() => Err(Failure::Fatal(message::shutting_down())),
            () = self.ended.cancelled() => Err(Failure::Fatal(message::shutting_down())),
            () = idle_too_long => Err(Failure::Fatal(message::idle_too_long(in_transaction))),
            frame = self.reader.frame(self.message_bytes) => frame,
        }
    }

    async fn handle(&mut self, frame: Frame) -> Result<(), Failure> {
        let kind = frame.kind;
        self.is_ready = false;
        // Outside of a COPY its messages are left over from one that failed.
        if matches!(kind, b'c' | b'd' | b'f') || (self.skipping && kind != b'S') {
            return Ok(());
        }
        let extended = !matches!(kind, b'Q' | b'F' | b'S');
        let handled = self.dispatch(frame).await;
        if let Err(failure) = handled {
            let Failure::Refused(error) = failure else { return Err(failure) };
            self.refuse(&error).await?;
            self.skipping = extended;
        }
        if !extended { self.ready().await } else { Ok(()) }
    }

    async fn dispatch(&mut self, frame: Frame) -> Result<(), Failure> {
        if frame.kind == b'F' {
            return Err(message::function_call_unsupported().into());
        }
        let bytes = frame.len();
        match frame.decode()? {
            PgWireFrontendMessage::Query(query) => self.query(&query.query).await,
            PgWireFrontendMessage::Parse(parse) => self.parse(parse, bytes).await,
            PgWireFrontendMessage::Bind(bind) => self.bind(bind, bytes),
            PgWireFrontendMessage::Describe(describe) => self.describe(&describe),
            PgWireFrontendMessage::Execute(execute) => self.execute(&execute).await,
            PgWireFrontendMessage::Close(close) => {
                self.close(&close);
                Ok(())
            }
            PgWireFrontendMessage::Flush(_) => self.flush().await,
            PgWireFrontendMessage::Sync(_) => self.sync().await,
            _ => Err(Failure::Fatal(message::protocol_violation("message does not belong here"))),
        }
    }

    /// A statement failed: the transaction does too, and the client is told.
    async fn refuse(&mut self, error: &Error) -> Result<(), Failure> {
        report::log(error);
        self.interrupt = None;
        self.session.fail();
        if !self.session.in_transaction_block() {
            self.portals.clear();
        }
        self.send_notices();
        self.writer.push(&report::error_response(error, report::Severity::Error));
        self.flush().await
    }

    async fn ready(&mut self) -> Result<(), Failure> {
        report_settings(&mut self.session, self.writer);
        self.writer.push(&ReadyForQuery::new(status(&self.session)));
        self.is_ready = true;
        self.flush().await
    }

    /// Sends what has gathered, unless the server stops first.
    async fn flush(&mut self) -> Result<(), Failure> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(Failure::Fatal(message::shutting_down())),
            flushed = self.writer.flush() => flushed,
        }
    }

    /// Portals that SQL closed, or whose savepoint or transaction ended, are gone, and what runs in them ends.
    pub fn drop_closed_portals(&mut self) {
        let session = &self.session;
        self.portals.retain(|name, _| session.has_portal(name));
    }

    /// Sends what a finished statement has to say: notices, then its tag.
    pub fn complete(&mut self, tag: &str) {
        self.send_notices();
        self.writer.push(&CommandComplete::new(report::without_zeros(tag)));
    }

    fn send_notices(&mut self) {
        for notice in self.session.take_notices() {
            self.writer.push(&report::notice_response(&notice));
        }
    }
}

/// The transaction status as ReadyForQuery tells it.
pub(super) fn status<C: Conversation>(session: &C) -> response::TransactionStatus {
    match session.transaction_status() {
        TransactionStatus::Idle => response::TransactionStatus::Idle,
        TransactionStatus::Open => response::TransactionStatus::Transaction,
        TransactionStatus::Failed => response::TransactionStatus::Error,
    }
}

/// Announces columns. `formats` has one entry for each.
pub(super) fn row_description(columns: &[OutputColumn], formats: &[Format]) -> Result<RowDescription> {
    if columns.len() > i16::MAX as usize {
        return Err(message::too_many_columns(columns.len()));
    }
    let fields = columns.iter().zip(formats).map(|(column, format)| {
        FieldDescription::new(
            report::without_zeros(&column.name),
            column.relation as i32,
            column.number,
            column.pg_type.oid,
            column.pg_type.length(),
            column.pg_type.typmod,
            format.code(),
        )
    });
    Ok(RowDescription::new(fields.collect()))
}

/// Everything that can end a statement early, watched while its work is awaited.
pub(super) struct Watch<'a, R> {
    pub interrupt: &'a Interrupt,
    pub stop: &'a CancellationToken,
    pub reader: &'a mut Reader<R>,
}

impl<R: AsyncRead + Unpin> Watch<'_, R> {
    /// Runs `work` unless the statement must end first; then `work` is dropped.
    pub async fn over<T, E: Into<Failure>>(&mut self, work: impl Future<Output = Result<T, E>>) -> Result<T, Failure> {
        tokio::select! {
            biased;
            error = self.interrupt.fired() => Err(error.into()),
            () = self.stop.cancelled() => Err(Failure::Fatal(message::shutting_down())),
            result = work => result.map_err(Into::into),
            // Last: what is done already is not thrown away.
            () = self.reader.vanished() => Err(Failure::Gone),
        }
    }
}

/// A result on its way to the client, perhaps in several helpings. Dropping it ends the work behind it.
pub(super) struct Cursor {
    batches: BoxStream<'static, Result<RecordBatch>>,
    encoder: RowEncoder,
    /// The verb of the command tag.
    tag: &'static str,
    /// The batch in hand, and its next row.
    current: Option<(RecordBatch, usize)>,
}

/// How a helping ended.
pub(super) enum Helping {
    /// The command tag, which counts the rows of this helping.
    Complete(String),
    /// As many rows as were asked for have been sent.
    Suspended,
}

impl Cursor {
    pub fn new(rows: Rows, formats: &[Format], text: TextFormat) -> Result<Self> {
        let encoder = RowEncoder::new(rows.columns, formats, text)?;
        Ok(Self { batches: rows.batches, encoder, tag: rows.tag, current: None })
    }

    /// Sends up to `limit` rows, all when `None`. Whenever enough have gathered, waits for the client to take them.
    pub async fn send<R, W>(
        &mut self,
        limit: Option<u64>,
        watch: &mut Watch<'_, R>,
        writer: &mut Writer<W>,
    ) -> Result<Helping, Failure>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        let mut sent = 0;
        loop {
            if let Some((batch, next_row)) = &mut self.current {
                let encoder = self.encoder.batch(batch)?;
                while *next_row < batch.num_rows() {
                    if limit.is_some_and(|limit| sent >= limit) {
                        return Ok(Helping::Suspended);
                    }
                    writer.push_row(&encoder, *next_row)?;
                    *next_row += 1;
                    sent += 1;
                    if writer.is_full() {
                        watch.over(writer.flush()).await?;
                    }
                }
                self.current = None;
            }
            // Like PostgreSQL, do not look whether more would come.
            if limit.is_some_and(|limit| sent >= limit) {
                return Ok(Helping::Suspended);
            }
            match watch.over(async { self.batches.next().await.transpose() }).await? {
                Some(batch) => self.current = Some((batch, 0)),
                None => return Ok(Helping::Complete(self.tag(sent))),
            }
        }
    }

    fn tag(&self, rows: u64) -> String {
        match self.tag {
            "SELECT" | "FETCH" => format!("{} {rows}", self.tag),
            tag => tag.to_owned(),
        }
    }
}
