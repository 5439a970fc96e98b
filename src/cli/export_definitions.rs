//! `regulars export-definitions`: all saved views as a script for PostgreSQL.

use std::process::ExitCode;
use std::sync::Arc;

use super::{ConfigFile, read_config};
use crate::catalog::{SqliteStore, Store, export};
use crate::error::Result;
use crate::storage::layout::Home;

#[derive(Debug, clap::Args)]
pub struct ExportDefinitions {
    #[command(flatten)]
    config: ConfigFile,
}

impl ExportDefinitions {
    /// Prints the script. The server that has the home folder open must be stopped first.
    pub async fn run(self) -> Result<ExitCode> {
        let config = read_config(&self.config.config)?;
        let saved = SqliteStore::open(Arc::new(Home::open(&config.home)?))?.load()?;
        println!("-- Segments of Regulars for PostgreSQL 15 or later.");
        println!("-- They need the tables of the history and the functions of compat/postgresql.sql.\n");
        print!("{}", export::stored_definitions(saved));
        Ok(ExitCode::SUCCESS)
    }
}
