//! Listens, limits connections, and shuts down in order.
//!
//! One task for each connection; one that panics is logged and closed, the others live. When told to stop, the server
//! lets nobody new in (57P03), sends idle clients away (57P01), gives the busy ones the shutdown timeout, then
//! interrupts them, and returns when all are gone.

pub mod indexer;
pub mod refresher;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::DuplexStream;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::TaskTracker;

use self::refresher::Refresher;
use crate::catalog::object::BOOTSTRAP_ROLE_OID;
use crate::config::LimitsConfig;
use crate::wire::{self, Host};

use crate::engine::Engine;
use crate::error::Result;
use crate::pg_type::Oid;
use crate::session::sign_in::{self, Claim, Proof};
use crate::session::{Session, StartupParameters};
use crate::statement::deliver::courier;
use crate::tls::Encryption;
pub use crate::wire::SessionSource;

/// How long no connection is accepted after accepting failed for want of something (file descriptors, memory).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// A connection that is silent for so long is asked whether it is still there.
const KEEPALIVE: Duration = Duration::from_secs(60);
/// Connections beyond those of sessions and newcomers: they are being told why they are closed.
const LEAVING_MAX: usize = 1_000;
/// What a connection inside of this process holds that nobody has read yet.
const PIPE_BYTES: usize = 256 << 10;

/// Serves an engine's sessions until `shutdown`, refreshes its audiences when they are due and keeps its
/// member index; returns when all are gone.
pub async fn serve_engine(
    engine: Arc<Engine>,
    listener: TcpListener,
    limits: LimitsConfig,
    encryption: Encryption,
    shutdown: impl Future<Output = ()>,
) {
    if let Err(error) = courier::resume(&engine).await {
        tracing::error!("deliveries that were on their way cannot go on: {error}");
    }
    // Dropped when everybody is gone; a refresh on its way then leaves nothing.
    let refreshing = Refresher::new(Arc::clone(&engine)).run();
    let indexing = indexer::run(Arc::clone(&engine));
    tokio::select! {
        () = run(Arc::new(EngineSessions(engine)), listener, limits, encryption, shutdown) => {}
        () = refreshing => {}
        () = indexing => {}
    }
}

struct EngineSessions(Arc<Engine>);

impl SessionSource for EngineSessions {
    type Conversation = Session;

    fn claim(&self, user: &str, is_local: bool) -> Result<Claim> {
        let engine = &self.0;
        sign_in::claim(&engine.catalog, engine.loopback, user, is_local, engine.clock.now())
    }

    fn open(&self, startup: StartupParameters, role: Oid) -> Result<Session> {
        Session::open_as(Arc::clone(&self.0), startup, role)
    }

    fn cancel(&self, pid: i32, secret: i32) {
        self.0.registry.cancel(pid, secret);
    }
}

/// A client's end of a connection inside of this process, and what serves it. Whoever holds the home's files is the
/// superuser.
pub fn pipe(engine: Arc<Engine>, limits: LimitsConfig) -> (DuplexStream, impl Future<Output = ()>) {
    let (near, far) = tokio::io::duplex(PIPE_BYTES);
    let host = Host::new(Arc::new(Owner(engine)), limits, Encryption::default());
    let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    (near, async move {
        let ending = wire::serve(&host, far, peer).await;
        tracing::debug!(?ending, "the connection inside of this process ended");
    })
}

struct Owner(Arc<Engine>);

impl SessionSource for Owner {
    type Conversation = Session;

    fn claim(&self, _user: &str, _is_local: bool) -> Result<Claim> {
        Ok(Claim { role: Some(BOOTSTRAP_ROLE_OID), is_superuser: true, proof: Proof::Nothing })
    }

    fn open(&self, startup: StartupParameters, role: Oid) -> Result<Session> {
        Session::open_as(Arc::clone(&self.0), startup, role)
    }

    fn cancel(&self, pid: i32, secret: i32) {
        self.0.registry.cancel(pid, secret);
    }
}

/// Serves until `shutdown` resolves and all clients are gone. Dropping the future leaves its connections running.
pub async fn run<S: SessionSource>(
    source: Arc<S>,
    listener: TcpListener,
    limits: LimitsConfig,
    encryption: Encryption,
    shutdown: impl Future<Output = ()>,
) {
    let host = Arc::new(Host::new(source, limits, encryption));
    let connections = TaskTracker::new();
    let most = host.limits.connections.saturating_add(host.limits.starting_connections).saturating_add(LEAVING_MAX);
    tokio::select! {
        () = accept(&listener, &host, &connections, most) => {}
        () = shutdown => {}
    }
    drain(&host, &listener, &connections).await;
}

/// Accepts for ever.
async fn accept<S: SessionSource>(listener: &TcpListener, host: &Arc<Host<S>>, connections: &TaskTracker, most: usize) {
    let mut failing = false;
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                failing = false;
                // Too many to be told one by one: the client sees its connection closed.
                if connections.len() < most {
                    let host = Arc::clone(host);
                    connections.spawn(async move { serve(&host, stream, peer).await });
                }
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                if !failing {
                    tracing::warn!(%error, "no connection can be accepted for now");
                }
                failing = true;
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// The client was gone before it was accepted; the next one may be fine.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

async fn serve<S: SessionSource>(host: &Host<S>, stream: TcpStream, peer: SocketAddr) {
    // Without these a connection is slower or lingers longer, but works.
    let _ = stream.set_nodelay(true);
    let _ = SockRef::from(&stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE));
    let ending = wire::serve(host, stream, peer).await;
    tracing::debug!(%peer, ?ending, "connection ended");
}

/// Lets connections end: first the idle ones, after the shutdown timeout all. Whoever comes now is told to go.
async fn drain<S: SessionSource>(host: &Arc<Host<S>>, listener: &TcpListener, connections: &TaskTracker) {
    host.draining.cancel();
    connections.close();
    let late = TaskTracker::new();
    let deadline = async {
        tokio::time::sleep(Duration::from_millis(host.limits.shutdown_timeout_ms)).await;
        tracing::info!(connections = connections.len(), "shutdown timeout is over: interrupting what still runs");
        host.stop.cancel();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = connections.wait() => {}
        () = accept(listener, host, &late, LEAVING_MAX) => {}
        () = deadline => {}
    }
    host.stop.cancel();
    late.close();
    late.wait().await;
}

#[cfg(test)]
mod tests;
