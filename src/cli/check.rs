//! `regulars check`: what in a purchase history would surprise.

use std::process::ExitCode;

use super::{ConfigFile, read_config};
use crate::clock::{Clock, SystemClock};
use crate::engine::runtime_env;
use crate::error::Result;
use crate::history::{History, check};

#[derive(Debug, clap::Args)]
pub struct Check {
    #[command(flatten)]
    config: ConfigFile,
}

impl Check {
    /// 0 also when something was found: findings are told, not judged.
    pub async fn run(self) -> Result<ExitCode> {
        let config = read_config(&self.config.config)?;
        let history = History::open_to_check(&config, &runtime_env(&config)?).await?;
        let report = check::check(&history, SystemClock.now()).await?;
        println!("{report}");
        Ok(ExitCode::SUCCESS)
    }
}
