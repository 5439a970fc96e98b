//! What can be typed at a shell: one file for each command. Only here is anything printed.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is where output for people is written")]

mod check;
mod demo;
mod export;
mod export_definitions;
mod init;
mod serve;
mod test;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};

use crate::clock::SystemClock;
use crate::config::Config;
use crate::engine::Engine;
use crate::error::{Error, Result, message};
use crate::execution::STACK_BYTES;

/// Customer segments as saved SQL views over purchase history.
#[derive(Debug, Parser)]
#[command(name = "regulars", version, about, max_term_width = 100)]
pub struct Command {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a sample café chain's purchase history, if absent, and serve it.
    Demo(demo::Demo),
    /// Prepare the first start: the home folder, the superuser's password, perhaps a certificate.
    Init(init::Init),
    /// Serve the purchase history that a configuration names.
    Serve(serve::Serve),
    /// Run sqllogictest suites against a purchase history.
    Test(test::Test),
    /// Report what in a purchase history would surprise.
    Check(check::Check),
    /// Write an audience, or what a segment is now, to a file or an object store.
    Export(export::Export),
    /// Print all saved segments as a script for PostgreSQL.
    ExportDefinitions(export_definitions::ExportDefinitions),
}

impl Command {
    /// Runs the command to its end: 0 when it did what was asked, 1 when not.
    pub fn run(self) -> ExitCode {
        start_logs();
        // Statements are parsed here, and what was parsed is walked and dropped here: as deep as where they are planned.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .thread_name("wire")
            .thread_stack_size(STACK_BYTES)
            .enable_all()
            .build();
        let runtime = match runtime {
            Ok(runtime) => runtime,
            Err(error) => return told(&message::io_failed(&error)),
        };
        let result = runtime.block_on(async {
            match self.action {
                Action::Demo(demo) => demo.run().await,
                Action::Init(init) => init.run().await,
                Action::Serve(serve) => serve.run().await,
                Action::Test(test) => test.run().await,
                Action::Check(check) => check.run().await,
                Action::Export(export) => export.run().await,
                Action::ExportDefinitions(export) => export.run().await,
            }
        });
        match result {
            Ok(code) => code,
            Err(error) => told(&error),
        }
    }
}

/// Log lines go to standard error, so that what a command prints can be piped; `RUST_LOG` chooses others.
fn start_logs() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn,regulars=info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();
}

fn told(error: &Error) -> ExitCode {
    eprintln!("error: {}", error.message());
    if let Some(detail) = error.detail() {
        for line in detail.lines() {
            eprintln!("       {line}");
        }
    }
    if let Some(hint) = error.hint() {
        eprintln!("hint:  {hint}");
    }
    ExitCode::FAILURE
}

async fn open_engine(config: &Config) -> Result<Arc<Engine>> {
    Engine::open(config, Arc::new(SystemClock)).await
}

fn read_config(path: &Path) -> Result<Config> {
    Config::read(path)
}

/// `--config FILE`, for every command that reads a history.
#[derive(Debug, clap::Args)]
struct ConfigFile {
    /// The configuration: where the purchase history lies and how its names map.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}
