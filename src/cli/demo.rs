//! `regulars demo`: a sample café chain's purchase history, made if absent and served.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressStyle};

use super::serve::serve;
use crate::config::Config;
use crate::error::{Result, message};
use crate::sample::{self, SampleOptions};

#[derive(Debug, clap::Args)]
pub struct Demo {
    /// Folder of the history; made if it is not there.
    #[arg(long, value_name = "FOLDER", default_value = "data/demo")]
    dir: PathBuf,
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:5433")]
    listen: SocketAddr,
    /// Members of the chain.
    #[arg(long, value_name = "NUMBER", default_value_t = SampleOptions::default().members)]
    members: u32,
    /// Receipts over three years.
    #[arg(long, value_name = "NUMBER", default_value_t = SampleOptions::default().purchases)]
    purchases: u32,
    /// The same seed and numbers make the same history.
    #[arg(long, value_name = "NUMBER", default_value_t = SampleOptions::default().seed)]
    seed: u64,
    /// Make the history and stop.
    #[arg(long)]
    no_serve: bool,
}

impl Demo {
    pub async fn run(self) -> Result<ExitCode> {
        if self.dir.join("members.parquet").exists() {
            println!("The sample history in {} is there already.", self.dir.display());
        } else {
            self.make().await?;
        }
        if self.no_serve {
            println!("Serve it with: regulars demo --dir {}", self.dir.display());
            return Ok(ExitCode::SUCCESS);
        }
        let mut config = Config::of_folder(&self.dir);
        config.listen = self.listen;
        serve(&config).await
    }

    async fn make(&self) -> Result<()> {
        println!("Making a sample café chain's purchase history in {} …", self.dir.display());
        let options = SampleOptions {
            members: self.members,
            purchases: self.purchases,
            seed: self.seed,
            ..SampleOptions::default()
        };
        let dir = self.dir.clone();
        let made = tokio::task::spawn_blocking(move || write(&options, &dir)).await;
        let summary = made.map_err(|error| message::internal("making the history failed").with_cause(error))??;
        println!("{summary}");
        Ok(())
    }
}

fn write(options: &SampleOptions, dir: &Path) -> Result<sample::Summary> {
    let bar = ProgressBar::new(u64::from(options.purchases));
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {human_pos}/{human_len} receipts, {eta} left") {
        bar.set_style(style);
    }
    let on_terminal = std::io::stderr().is_terminal();
    let mut told_tenths = 0;
    let summary = sample::write(options, dir, &mut |done, total| {
        bar.set_position(done);
        // Where there is no terminal the bar is silent; a line for each tenth takes its place.
        let tenths = done * 10 / total.max(1);
        if !on_terminal && tenths > told_tenths {
            told_tenths = tenths;
            tracing::info!("{done} of {total} receipts made");
        }
    })?;
    bar.finish_and_clear();
    Ok(summary)
}
