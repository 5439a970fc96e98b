//! `regulars serve`: the history of a configuration over the PostgreSQL wire, until it is told to stop.

use std::net::SocketAddr;
use std::process::ExitCode;

use tokio::net::TcpListener;

use super::{ConfigFile, open_engine, read_config};
use crate::config::Config;
use crate::engine::Engine;
use crate::error::{Result, message};
use crate::ident::DATABASE;
use crate::server;

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
    // Until there are passwords and TLS, whoever reaches the port is in.
    if !config.listen.ip().is_loopback() {
        return Err(message::listens_beyond_loopback(config.listen));
    }
    let engine = open_engine(config).await?;
    let listener =
        TcpListener::bind(config.listen).await.map_err(|error| message::cannot_listen(config.listen, &error))?;
    let address = listener.local_addr().map_err(|error| message::io_failed(&error))?;
    announce(&engine, address);
    server::serve_engine(engine, listener, config.limits.clone(), stop_signal()).await;
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

fn announce(engine: &Engine, address: SocketAddr) {
    let tables: Vec<&str> = engine.history.relations().map(|relation| relation.name.as_str()).collect();
    println!("Tables: {}", tables.join(", "));
    println!("Serving on {address}. Connect with:\n");
    println!("  psql -h {} -p {} {DATABASE}\n", address.ip(), address.port());
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
