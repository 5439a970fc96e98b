//! The PostgreSQL protocol, version 3.0: bytes of a client become calls of a [`Conversation`], its results bytes.
//!
//! Only here is pgwire known, and of it only the messages: the loop, the handlers and the framing are ours, because
//! a server must not panic, abort or buffer without bound whatever a client sends. In the order of a connection's life:
//! `startup` (who is it, may they come in), `frame` (bytes in), `connection` (the loop), `simple` and `extended`
//! (the two ways to run statements), `decode` (parameters in), `encode` (rows out), `report` (errors and notices),
//! `writer` (bytes out).
//!
//! What always holds:
//! - Nothing runs before `startup` has made an `Authenticated`: the loop cannot be built without.
//! - No length or count from a client is allocated before as many bytes have come; before authentication few may come.
//! - Rows are never collected: a client that does not read slows its plan, and is dropped after the write timeout.
//! - Waiting for a plan or for the client to read ends when the statement is cancelled, times out, the client is
//!   gone, or the server stops.
//! - `wire` never looks into a statement: what a text means is the session's.

pub mod calendar;
mod connection;
mod conversation;
mod copy;
mod decode;
pub mod encode;
mod extended;
mod frame;
mod report;
mod simple;
mod startup;
mod writer;

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use self::connection::Connection;
pub use self::conversation::{Conversation, Described, SessionSource};
pub use self::decode::{binary_value, text_value};
use self::frame::Reader;
use self::writer::Writer;
use crate::config::LimitsConfig;
use crate::error::{Error, SqlState, message};

/// How long a client has to take its last message; it is told why, but nobody waits for it.
const FAREWELL: Duration = Duration::from_secs(1);

/// What all connections of a server share.
pub struct Host<S> {
    pub(crate) source: Arc<S>,
    pub(crate) limits: LimitsConfig,
    /// One permit for each session; a connection takes one when it has said who it is.
    pub(crate) slots: Arc<Semaphore>,
    /// Nobody new is let in, and sessions end when they are idle.
    pub(crate) draining: CancellationToken,
    /// Everything ends now.
    pub(crate) stop: CancellationToken,
}

impl<S> Host<S> {
    pub fn new(source: Arc<S>, limits: LimitsConfig) -> Self {
        let slots = Arc::new(Semaphore::new(limits.connections.min(Semaphore::MAX_PERMITS)));
        Self { source, limits, slots, draining: CancellationToken::new(), stop: CancellationToken::new() }
    }
}

/// Why something ended early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The statement is refused; the conversation goes on.
    Refused(Error),
    /// The client is told, then the connection is closed.
    Fatal(Error),
    /// The client is gone or does not read: there is nobody to tell.
    Gone,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error.state() {
            SqlState::AdminShutdown | SqlState::IdleSessionTimeout => Self::Fatal(error),
            _ => Self::Refused(error),
        }
    }
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The client left, or is gone.
    Left,
    /// We closed it, and said why.
    Closed,
    /// A bug of ours; other connections are not touched.
    Panicked,
}

/// Serves one connection until it ends. Never panics; dropping the future ends the connection at once.
pub async fn serve<S, R, W>(host: &Host<S>, read: R, write: W, peer: SocketAddr) -> Ending
where
    S: SessionSource,
    R: AsyncRead + Unpin + Send,
    W: AsyncWrite + Unpin + Send,
{
    let mut reader = Reader::new(read);
    let mut writer = Writer::new(write, Duration::from_millis(host.limits.write_timeout_ms));
    let conversation = converse(host, &mut reader, &mut writer, peer);
    let (error, ending) = match AssertUnwindSafe(conversation).catch_unwind().await {
        Ok(Ok(()) | Err(Failure::Gone)) => return Ending::Left,
        Ok(Err(Failure::Fatal(error) | Failure::Refused(error))) => (error, Ending::Closed),
        Err(panic) => {
            tracing::error!(%peer, panic = panic_text(&*panic), "connection panicked");
            (message::internal("the server met an internal error and closes this connection"), Ending::Panicked)
        }
    };
    report::log(&error);
    // Whoever keeps sending must stop before we close, or the reset takes the last message away from them.
    let _ = tokio::time::timeout(FAREWELL, async {
        writer.farewell(&error).await;
        reader.drain().await;
    })
    .await;
    ending
}

async fn converse<S, R, W>(
    host: &Host<S>,
    reader: &mut Reader<R>,
    writer: &mut Writer<W>,
    peer: SocketAddr,
) -> Result<(), Failure>
where
    S: SessionSource,
    R: AsyncRead + Unpin + Send,
    W: AsyncWrite + Unpin + Send,
{
    let deadline = Duration::from_millis(host.limits.authentication_timeout_ms);
    let admitted = tokio::select! {
        admitted = startup::admit(host, reader, writer, peer) => admitted?,
        () = tokio::time::sleep(deadline) => return Err(Failure::Gone),
        () = last_call(host) => return Err(Failure::Fatal(message::refusing_new_connections())),
    };
    match admitted {
        Some(admitted) => Connection::new(host, reader, writer, admitted).run().await,
        None => Ok(()),
    }
}

/// Resolves when a connection that has not yet said who it is need no longer be waited for.
async fn last_call<S>(host: &Host<S>) {
    host.draining.cancelled().await;
    tokio::select! {
        () = tokio::time::sleep(FAREWELL) => {}
        () = host.stop.cancelled() => {}
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}

#[cfg(test)]
pub(crate) mod tests;
