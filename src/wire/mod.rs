//! The PostgreSQL protocol, version 3.0: bytes of a client become calls of a [`Conversation`], its results bytes.
//!
//! Only here is pgwire known, and of it only the messages: the loop, the handlers and the framing are ours, because
//! a server must not panic, abort or buffer without bound whatever a client sends. In the order of a connection's life:
//! `encryption` (in the clear or not), `startup` (who is it, may they come in), `sign_in` (their password), `frame` (bytes in), `connection` (the loop), `simple` and `extended`
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
mod encryption;
mod extended;
mod frame;
mod newcomers;
mod places;
mod report;
mod sign_in;
mod simple;
mod startup;
mod writer;

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::connection::Connection;
pub use self::conversation::{Conversation, Described, SessionSource};
pub use self::decode::{binary_value, text_value};
use self::encryption::Protection;
use self::frame::Reader;
use self::newcomers::{Newcomer, Newcomers};
use self::places::Places;
use self::writer::Writer;
use crate::config::LimitsConfig;
use crate::error::{Error, SqlState, message};
use crate::tls::Encryption;

/// How long a client has to take its last message; it is told why, but nobody waits for it.
const FAREWELL: Duration = Duration::from_secs(1);

/// What all connections of a server share.
pub struct Host<S> {
    pub(crate) source: Arc<S>,
    pub(crate) limits: LimitsConfig,
    pub(crate) encryption: Encryption,
    /// One for each session; a connection takes one when it has proven who it is.
    pub(crate) places: Arc<Places>,
    pub(crate) newcomers: Arc<Newcomers>,
    /// Nobody new is let in, and sessions end when they are idle.
    pub(crate) draining: CancellationToken,
    /// Everything ends now.
    pub(crate) stop: CancellationToken,
}

impl<S> Host<S> {
    pub fn new(source: Arc<S>, limits: LimitsConfig, encryption: Encryption) -> Self {
        let (places, newcomers) = (Places::new(&limits), Newcomers::new(limits.starting_connections));
        Self {
            source,
            limits,
            encryption,
            places,
            newcomers,
            draining: CancellationToken::new(),
            stop: CancellationToken::new(),
        }
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
            SqlState::AdminShutdown | SqlState::IdleSessionTimeout | SqlState::IdleInTransactionSessionTimeout => {
                Self::Fatal(error)
            }
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
pub async fn serve<S, IO>(host: &Host<S>, io: IO, peer: SocketAddr) -> Ending
where
    S: SessionSource,
    IO: AsyncRead + AsyncWrite + Unpin + Send,
{
    let newcomer = host.newcomers.enter();
    let deadline = Instant::now() + Duration::from_millis(host.limits.authentication_timeout_ms);
    let settled = tokio::select! {
        settled = AssertUnwindSafe(encryption::settle(io, host.encryption.tls.as_ref())).catch_unwind() => settled,
        _failure = called_off(host, &newcomer, deadline) => return Ending::Left,
    };
    let encryption::Outcome { settled, refused } = match settled {
        Ok(Some(outcome)) => outcome,
        Ok(None) => return Ending::Left,
        Err(panic) => {
            tracing::error!(%peer, panic = panic_text(&*panic), "connection panicked");
            return Ending::Panicked;
        }
    };
    let (read, write) = tokio::io::split(settled.io);
    let mut reader = Reader::new(read, settled.buffer, settled.budget);
    let mut writer = Writer::new(write, Duration::from_millis(host.limits.write_timeout_ms));
    let peer = Peer { address: peer, protection: settled.protection };
    let conversation = async {
        match refused {
            Some(refused) => Err(refused),
            None => converse(host, &mut reader, &mut writer, &peer, newcomer, deadline).await,
        }
    };
    let (error, ending) = match AssertUnwindSafe(conversation).catch_unwind().await {
        Ok(Err(Failure::Gone)) => return Ending::Left,
        Ok(Ok(())) => {
            // Over TLS the end is said too: a client that waits for it takes silence for an attack.
            let _ = tokio::time::timeout(FAREWELL, writer.close()).await;
            return Ending::Left;
        }
        Ok(Err(Failure::Fatal(error) | Failure::Refused(error))) => (error, Ending::Closed),
        Err(panic) => {
            tracing::error!(peer = %peer.address, panic = panic_text(&*panic), "connection panicked");
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
    peer: &Peer,
    newcomer: Newcomer,
    deadline: Instant,
) -> Result<(), Failure>
where
    S: SessionSource,
    R: AsyncRead + Unpin + Send,
    W: AsyncWrite + Unpin + Send,
{
    let admitted = tokio::select! {
        admitted = startup::admit(host, reader, writer, peer) => admitted?,
        failure = called_off(host, &newcomer, deadline) => return Err(failure),
    };
    drop(newcomer);
    match admitted {
        Some(admitted) => Connection::new(host, reader, writer, admitted).run().await,
        None => Ok(()),
    }
}

/// Resolves when a connection that has not signed in need no longer be waited for.
async fn called_off<S>(host: &Host<S>, newcomer: &Newcomer, deadline: Instant) -> Failure {
    tokio::select! {
        () = tokio::time::sleep_until(deadline) => Failure::Gone,
        () = newcomer.displaced.cancelled() => Failure::Gone,
        () = last_call(host) => Failure::Fatal(message::refusing_new_connections()),
    }
}

/// Who is at the other end, and how protected the way there is.
pub(crate) struct Peer {
    address: SocketAddr,
    protection: Protection,
}

impl Peer {
    fn is_local(&self) -> bool {
        self.address.ip().to_canonical().is_loopback()
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
