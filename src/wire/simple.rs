//! The simple protocol: a string of statements, run one after the other, their results sent as they come.
//!
//! Statements outside a transaction block share an implicit transaction; it is made durable before the last command
//! tag, so that no client reads a tag that a failed commit takes back.

use pgwire::messages::response::EmptyQueryResponse;
use tokio::io::{AsyncRead, AsyncWrite};

use super::connection::{Connection, Cursor, Helping, Watch, row_description};
use super::conversation::Conversation;
use super::encode::Format;
use super::{Failure, copy};
use crate::statement::outcome::Outcome;

impl<C, R, W> Connection<'_, C, R, W>
where
    C: Conversation,
    R: AsyncRead + Unpin + Send,
    W: AsyncWrite + Unpin + Send,
{
    /// Query. An error ends the string; what it changed outside a transaction block is then undone.
    pub(super) async fn query(&mut self, text: &str) -> Result<(), Failure> {
        // As in PostgreSQL, a simple query ends what the unnamed ones were for.
        self.unnamed = None;
        self.portals.remove("");
        self.session.close_portal("");
        self.interrupt = None;
        let statements = self.session.parse(text)?;
        if statements.is_empty() {
            self.writer.push(&EmptyQueryResponse::new());
        }
        for (index, statement) in statements.iter().enumerate() {
            let last = index + 1 == statements.len();
            self.run_statement(statement, statements.len() == 1, last).await?;
        }
        if !self.session.in_transaction_block() {
            self.portals.clear();
        }
        self.drop_closed_portals();
        Ok(())
    }

    async fn run_statement(&mut self, statement: &C::Statement, is_alone: bool, last: bool) -> Result<(), Failure> {
        let was_in_block = self.session.in_transaction_block();
        // Each statement of a string has the whole timeout, as in PostgreSQL.
        let interrupt = self.session.interrupt();
        let mut watch = Watch { interrupt: &interrupt, stop: self.stop, reader: self.reader };
        let outcome = watch.over(self.session.execute(statement, is_alone)).await?;
        let tag = match outcome {
            Outcome::Empty => None,
            Outcome::Done(tag) => Some(tag),
            Outcome::CopyOut(copy) => {
                Some(copy::send(*copy, self.session.text_format(), &mut watch, self.writer).await?)
            }
            Outcome::Rows(rows) => {
                let format = if rows.is_binary { Format::Binary } else { Format::Text };
                let description = row_description(&rows.columns, &vec![format; rows.columns.len()])?;
                let mut cursor = Cursor::new(rows, &[format], self.session.text_format())?;
                self.writer.push(&description);
                match cursor.send(None, &mut watch, self.writer).await? {
                    Helping::Complete(tag) => Some(tag),
                    Helping::Suspended => None,
                }
            }
        };
        if was_in_block && !self.session.in_transaction_block() {
            self.portals.clear();
        }
        if last {
            self.session.commit_implicit().await?;
        }
        match tag {
            Some(tag) => self.complete(&tag),
            None => self.writer.push(&EmptyQueryResponse::new()),
        }
        Ok(())
    }
}
