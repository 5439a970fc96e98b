//! A server for a test: in this process on a free port, over the small history in `data/small`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use regulars::catalog::{MemoryStore, Store};
use regulars::clock::SetClock;
use regulars::config::{Config, LimitsConfig};
use regulars::engine::Engine;
use regulars::storage::member_file::MemberFolder;
use regulars::tls::Encryption;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_postgres::{Client, NoTls};

/// The small history, which lies in the project.
pub fn small_history() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/small")
}

/// Noon of the day on which the small history is looked at.
pub fn noon() -> DateTime<Utc> {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

/// An engine over a history, with a catalog that lasts as long as the engine.
pub async fn engine(config: &Config) -> Arc<Engine> {
    engine_with(config, Box::new(MemoryStore::default())).await
}

pub async fn engine_with(config: &Config, store: Box<dyn Store>) -> Arc<Engine> {
    let lists = MemberFolder::temporary().unwrap();
    Engine::open_with(config, Arc::new(SetClock::new(noon())), store, lists).await.unwrap()
}

pub struct TestServer {
    pub address: SocketAddr,
    pub engine: Arc<Engine>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl TestServer {
    pub async fn start() -> Self {
        Self::start_with(&Config::of_folder(&small_history())).await
    }

    pub async fn start_with(config: &Config) -> Self {
        Self::serve(engine(config).await, config.limits.clone()).await
    }

    /// Over an engine that the test has made.
    pub async fn over(engine: Arc<Engine>) -> Self {
        let limits = engine.limits.clone();
        Self::serve(engine, limits).await
    }

    async fn serve(engine: Arc<Engine>, limits: LimitsConfig) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = Arc::clone(&engine);
        let task = tokio::spawn(async move {
            let shutdown = async {
                let _told_or_dropped = stopped.await;
            };
            regulars::server::serve_engine(serving, listener, limits, Encryption::default(), shutdown).await;
        });
        Self { address, engine, stop: Some(stop), task }
    }

    pub fn connection_string(&self) -> String {
        format!("host=127.0.0.1 port={} user=tester dbname=regulars", self.address.port())
    }

    pub async fn client(&self) -> Client {
        let (client, connection) = tokio_postgres::connect(&self.connection_string(), NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }

    /// Stops the server and waits until it is gone.
    pub async fn stop(mut self) {
        drop(self.stop.take());
        self.task.await.unwrap();
    }
}

impl TestServer {
    /// Until some session runs a statement.
    pub async fn until_active(&self) {
        while !self.engine.registry.activities().iter().any(|activity| activity.state == "active") {
            tokio::task::yield_now().await;
        }
    }
}
