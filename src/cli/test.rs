//! `regulars test`: users' own sqllogictest suites against their history, with a summary line.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use super::read_config;
use crate::catalog::{MemoryStore, SqliteStore, Store};
use crate::clock::SystemClock;
use crate::engine::Engine;
use crate::error::{Result, message};
use crate::storage::layout::Home;
use crate::storage::member_file::MemberFolder;
use crate::suite::{self, Door};

#[derive(Debug, clap::Args)]
pub struct Test {
    /// Suites: files, or folders with every .slt below them.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Run in this process, against the history of this configuration and a copy of its saved views.
    #[arg(long, value_name = "FILE", required_unless_present = "connect", conflicts_with = "connect")]
    config: Option<PathBuf>,
    /// Run against a server, such as "postgres://me@127.0.0.1:5433/regulars".
    #[arg(long, value_name = "URL")]
    connect: Option<String>,
    /// With --connect: use the extended protocol.
    #[arg(long, requires = "connect")]
    extended: bool,
}

impl Test {
    pub async fn run(self) -> Result<ExitCode> {
        let suites = suite::find(&self.paths)?;
        let width = suites.iter().map(|path| path.display().to_string().len()).max().unwrap_or(0);
        let (mut passed, mut failed) = (0, 0);
        for path in suites {
            let door = self.door().await?;
            let result = suite::run(&door, &path).await;
            match &result.failure {
                None => {
                    passed += 1;
                    println!("ok      {:width$}  {:>4} records", path.display().to_string(), result.records);
                }
                Some(failure) => {
                    failed += 1;
                    println!("FAILED  {}", path.display());
                    for line in failure.lines() {
                        println!("        {line}");
                    }
                }
            }
        }
        println!("{passed} passed, {failed} failed");
        Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// In this process each suite works on a copy of the catalog: what it creates is gone when it ends, and saved
    /// views are never touched.
    async fn door(&self) -> Result<Door> {
        if let Some(connection) = &self.connect {
            return Ok(Door::Wire { connection: connection.clone(), extended: self.extended });
        }
        let path =
            self.config.as_deref().ok_or_else(|| message::internal("neither --config nor --connect is given"))?;
        let mut config = read_config(path)?;
        // A suite that calls regulars.deliver finds no channel: what it tries is forgotten, and must not reach people.
        config.channels.clear();
        let saved = SqliteStore::open(Arc::new(Home::open(&config.home)?))?.load()?;
        for list in saved.relations.iter().filter_map(|relation| relation.materialized()) {
            list.runs.iter().for_each(|run| run.file.lend());
        }
        let (store, lists) = (Box::new(MemoryStore::of(saved)), MemberFolder::temporary()?);
        let engine = Engine::open_with(&config, Arc::new(SystemClock), store, lists).await?;
        engine.history.build_index(engine.clock.as_ref()).await?;
        Ok(Door::InProcess(engine))
    }
}
