//! `regulars serve`: the history of a configuration over the PostgreSQL wire, until it is told to stop.

use std::net::SocketAddr;
use std::process::ExitCode;

use tokio::net::TcpListener;

use super::{ConfigFile, open_engine, read_config};
use crate::catalog::object::BOOTSTRAP_ROLE_OID;
use crate::config::{Config, Loopback};
use crate::engine::Engine;
use crate::error::{Result, message};
use crate::ident::DATABASE;
use crate::server;
use crate::tls::Encryption;

#[derive(Debug, clap::Args)]
pub struct Serve {
    #[command(flatten)]
    config: ConfigFile,
    /// Address and port, instead of the configuration's.
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<SocketAddr>,
}

impl Serve {
    pub async fn run(self) -> Result<ExitCode> {
        let mut config = read_config(&self.config.config)?;
        if let Some(listen) = self.listen {
            config.listen = listen;
        }
        serve(&config).await
    }
}

/// Binds, tells how to connect, and serves until SIGINT or SIGTERM.
pub async fn serve(config: &Config) -> Result<ExitCode> {
    let encryption = Encryption::of(config.tls.as_ref(), &config.base)?;
    let is_reached_from_elsewhere = !config.listen.ip().is_loopback();
    if is_reached_from_elsewhere && encryption.tls.is_none() {
        return Err(message::listens_without_tls(config.listen));
    }
    let engine = open_engine(config).await?;
    if is_reached_from_elsewhere && !engine.catalog.snapshot().has_superuser_with_password(engine.clock.now()) {
        return Err(message::listens_without_password(config.listen));
    }
    let listener =
        TcpListener::bind(config.listen).await.map_err(|error| message::cannot_listen(config.listen, &error))?;
    let address = listener.local_addr().map_err(|error| message::io_failed(&error))?;
    announce(&engine, address);
    let watched = encryption.tls.clone();
    let watching = async {
        match watched {
            Some(tls) => tls.watch().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = server::serve_engine(engine, listener, config.limits.clone(), encryption, stop_signal()) => {}
        () = watching => {}
    }
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

fn announce(engine: &Engine, address: SocketAddr) {
    let tables: Vec<&str> = engine.history.relations().map(|relation| relation.name.as_str()).collect();
    println!("Tables: {}", tables.join(", "));
    println!("Serving on {address}. Connect with:\n");
    let snapshot = engine.catalog.snapshot();
    let has_passwords = snapshot.has_passwords();
    // Without passwords every name is good, also that of whoever types this.
    let superuser = snapshot.role(BOOTSTRAP_ROLE_OID).filter(|_| has_passwords);
    let user = superuser.map(|role| format!(" -U {}", role.name)).unwrap_or_default();
    println!("  psql -h {} -p {}{user} {DATABASE}\n", address.ip(), address.port());
    match (engine.loopback, has_passwords) {
        (Loopback::TrustUntilPassword | Loopback::Trust, false) => {
            println!(
                "No role has a password: who connects from this machine is the superuser. Give one: regulars init"
            );
        }
        (Loopback::Trust, true) => {
            tracing::warn!(
                "loopback = \"trust\": who connects from this machine comes in as any role without a password"
            );
        }
        _ => {}
    }
}

/// Resolves at SIGINT (Ctrl-C) or SIGTERM.
async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let terminate = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(error) => {
                tracing::warn!(%error, "SIGTERM cannot be heard; stop with Ctrl-C");
                std::future::pending::<()>().await;
            }
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminate => {}
    }
}
