//! `regulars export`: an audience as a file, whole or not at all.

use std::error::Error as _;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use datafusion::execution::runtime_env::RuntimeEnv;
use futures::{TryStreamExt, pin_mut};
use indicatif::{ProgressBar, ProgressStyle};
use tempfile::NamedTempFile;
use tokio_postgres::{Client, NoTls};

use super::{open_engine, read_config};
use crate::engine::runtime_env;
use crate::error::{Error, Result, message};
use crate::ident::{DATABASE, quote, split};
use crate::sample::with_thousands;
use crate::server;
use crate::storage::location::Location;

/// Where nothing is a terminal, a line tells how far it is, so often.
const TELL_EVERY: Duration = Duration::from_secs(5);

#[derive(Debug, clap::Args)]
pub struct Export {
    /// The audience, or a segment, as it is written in SQL: gold_regulars, or marketing."Gold".
    name: String,
    /// The file: a path, or the URL of an object store (s3://, gs://, az://). A folder gets the name of the audience.
    #[arg(long, value_name = "FILE|URL")]
    to: String,
    /// Without it, what the file's name ends in.
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Read the home folder of this configuration; no server may have it open.
    #[arg(long, value_name = "FILE", required_unless_present = "connect", conflicts_with = "connect")]
    config: Option<PathBuf>,
    /// Ask a server, such as "postgres://me@127.0.0.1:5433/regulars".
    #[arg(long, value_name = "URL")]
    connect: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Csv,
    Parquet,
}

impl Format {
    fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Parquet => "parquet",
        }
    }

    fn options(self) -> &'static str {
        match self {
            Self::Csv => "FORMAT csv, HEADER",
            Self::Parquet => "FORMAT parquet",
        }
    }
}

/// What was written.
struct Written {
    rows: u64,
    bytes: u64,
}

impl Export {
    pub async fn run(self) -> Result<ExitCode> {
        let begun = Instant::now();
        let parts = split(&self.name)?;
        let relation = parts.iter().map(|part| quote(part)).collect::<Vec<_>>().join(".");
        let format = self.format()?;
        let config = self.config.as_deref().map(read_config).transpose()?;
        let runtime = match &config {
            Some(config) => runtime_env(config)?,
            None => RuntimeEnv::default().into(),
        };
        let mut place = Location::parse(&self.to, Path::new(""), &runtime)?;
        if self.to.ends_with('/') || Path::new(&self.to).is_dir() {
            let name = parts.last().map_or("", String::as_str);
            place = place.join(&format!("{name}.{}", format.extension()));
        }
        let failed = |error: &dyn std::fmt::Display| message::put_failed(&self.to, error);
        // Gathered first where nobody looks: the place gets a whole file.
        let mut draft = NamedTempFile::new().map_err(|error| failed(&error))?;
        let written = match (&self.connect, &config) {
            (Some(connection), _) => {
                let (client, driver) = tokio_postgres::connect(connection, NoTls).await.map_err(|e| refused(&e))?;
                drawn(&client, driver, &relation, format, &mut draft).await?
            }
            (None, Some(config)) => {
                let (near, serving) = server::pipe(open_engine(config).await?, config.limits.clone());
                let mut how = tokio_postgres::Config::new();
                how.user("owner").dbname(DATABASE).application_name("regulars export");
                let serving = tokio::spawn(serving);
                let (client, driver) = how.connect_raw(near, NoTls).await.map_err(|error| refused(&error))?;
                let written = drawn(&client, driver, &relation, format, &mut draft).await?;
                drop(client);
                serving.await.map_err(|error| message::internal("the engine stopped").with_cause(error))?;
                written
            }
            (None, None) => return Err(message::internal("neither --config nor --connect is given")),
        };
        let path = place.put(draft.path()).await?;
        println!("{:<8}{:>14}", "rows", with_thousands(written.rows));
        println!("{:<8}{:>14}", "bytes", with_thousands(written.bytes));
        println!("{:<8}{:>14.1}", "seconds", begun.elapsed().as_secs_f64());
        println!("Written to {path}");
        Ok(ExitCode::SUCCESS)
    }

    fn format(&self) -> Result<Format> {
        if let Some(format) = self.format {
            return Ok(format);
        }
        let ending = Path::new(&self.to).extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        match ending.to_ascii_lowercase().as_str() {
            "csv" => Ok(Format::Csv),
            "parquet" => Ok(Format::Parquet),
            _ => Err(message::export_format_unknown(&self.to)),
        }
    }
}

/// Copies the rows of a relation into the draft, and drives the connection meanwhile.
async fn drawn<F>(
    client: &Client,
    driver: F,
    relation: &str,
    format: Format,
    draft: &mut NamedTempFile,
) -> Result<Written>
where
    F: Future<Output = std::result::Result<(), tokio_postgres::Error>> + Send + 'static,
{
    // A lost connection shows as the error of what is asked next.
    let driver = tokio::spawn(driver);
    let written = copied(client, relation, format, draft).await;
    driver.abort();
    written
}

async fn copied(client: &Client, relation: &str, format: Format, draft: &mut NamedTempFile) -> Result<Written> {
    // Counted and copied as of one moment.
    client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ").await.map_err(|error| refused(&error))?;
    let count = client.query_one(&format!("SELECT count(*) FROM {relation}"), &[]).await.map_err(|e| refused(&e))?;
    let rows = u64::try_from(count.get::<_, i64>(0)).unwrap_or_default();
    let copy = format!("COPY (SELECT * FROM {relation}) TO STDOUT ({})", format.options());
    let parts = client.copy_out(&copy).await.map_err(|error| refused(&error))?;
    pin_mut!(parts);
    let progress = Progress::new();
    let mut bytes = 0;
    while let Some(part) = parts.try_next().await.map_err(|error| refused(&error))? {
        draft.write_all(&part).map_err(|error| message::file_fault(draft.path(), "be written", error))?;
        bytes += part.len() as u64;
        progress.at(bytes);
    }
    client.batch_execute("COMMIT").await.map_err(|error| refused(&error))?;
    draft.flush().map_err(|error| message::file_fault(draft.path(), "be written", error))?;
    progress.bar.finish_and_clear();
    Ok(Written { rows, bytes })
}

/// A bar without an end: how many bytes there will be nobody knows.
struct Progress {
    bar: ProgressBar,
    told: std::cell::Cell<Instant>,
    on_terminal: bool,
}

impl Progress {
    fn new() -> Self {
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {bytes} written, {bytes_per_sec}") {
            bar.set_style(style);
        }
        Self { bar, told: std::cell::Cell::new(Instant::now()), on_terminal: std::io::stderr().is_terminal() }
    }

    fn at(&self, bytes: u64) {
        self.bar.set_position(bytes);
        if !self.on_terminal && self.told.get().elapsed() >= TELL_EVERY {
            self.told.set(Instant::now());
            tracing::info!("{bytes} bytes written");
        }
    }
}

/// What the engine says, as it says it.
fn refused(error: &tokio_postgres::Error) -> Error {
    match error.as_db_error() {
        Some(refusal) => message::of_server(refusal.code().code(), refusal.message(), refusal.detail(), refusal.hint()),
        None => {
            let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
            message::connection_failed(&format!("{error}{cause}"))
        }
    }
}
