//! sqllogictest suites, run through a door: in this process, or over the wire by simple or extended query.
//!
//! The format is the public one (a record is `query` or `statement`, expectations below it; refusals name their
//! SQLSTATE: `statement error (42P01)`). A difference between doors is a failure of ours, so every door writes values
//! alike: PostgreSQL's text, `NULL`, and `(empty)` for an empty string.

pub mod in_process;
mod remote;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sqllogictest::{AsyncDB, MakeConnection, Runner};

pub use self::in_process::InProcess;
pub use self::remote::Remote;
use crate::engine::Engine;
use crate::error::{Error, Result, SqlState, message};

/// How statements reach the engine.
#[derive(Clone)]
pub enum Door {
    InProcess(Arc<Engine>),
    /// A server's address as a connection string, and whether to use the extended protocol.
    Wire {
        connection: String,
        extended: bool,
    },
}

/// What became of one suite.
#[derive(Debug)]
pub struct SuiteResult {
    pub path: PathBuf,
    /// Queries and statements in the suite.
    pub records: usize,
    /// The first record that failed, as sqllogictest tells it.
    pub failure: Option<String>,
}

/// The suites under the paths: files as they are, folders with every `.slt` below them, in order of name.
///
/// Errors: 58P01 for a path that is not there, or that holds no suite.
pub fn find(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut suites = Vec::new();
    for path in paths {
        let before = suites.len();
        collect(path, &mut suites).map_err(|error| {
            Error::new(SqlState::UndefinedFile, format!("suite \"{}\" cannot be read", path.display()))
                .with_detail(error.to_string())
        })?;
        if suites.len() == before {
            return Err(message::no_suite(path));
        }
    }
    Ok(suites)
}

fn collect(path: &Path, suites: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if path.is_file() {
        suites.push(path.to_owned());
        return Ok(());
    }
    let mut entries = std::fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    entries.sort();
    for entry in entries {
        if entry.is_dir() {
            collect(&entry, suites)?;
        } else if entry.extension().is_some_and(|extension| extension == "slt") {
            suites.push(entry);
        }
    }
    Ok(())
}

/// Runs one suite; each of its connections is a session of its own.
pub async fn run(door: &Door, path: &Path) -> SuiteResult {
    match door {
        Door::InProcess(engine) => {
            let engine = Arc::clone(engine);
            run_with(path, move || {
                let engine = Arc::clone(&engine);
                async move { InProcess::open(engine) }
            })
            .await
        }
        Door::Wire { connection, extended } => {
            let (connection, extended) = (connection.clone(), *extended);
            run_with(path, move || {
                let connection = connection.clone();
                async move { Remote::connect(&connection, extended).await }
            })
            .await
        }
    }
}

async fn run_with<D, M>(path: &Path, connect: M) -> SuiteResult
where
    D: AsyncDB<ColumnType = sqllogictest::DefaultColumnType>,
    M: MakeConnection<Conn = D>,
{
    let mut result = SuiteResult { path: path.to_owned(), records: 0, failure: None };
    let records = match sqllogictest::parse_file::<D::ColumnType>(path) {
        Ok(records) => records,
        Err(error) => {
            result.failure = Some(error.to_string());
            return result;
        }
    };
    result.records = records
        .iter()
        .filter(|record| matches!(record, sqllogictest::Record::Query { .. } | sqllogictest::Record::Statement { .. }))
        .count();
    let mut runner = Runner::new(connect);
    result.failure = runner.run_multi_async(records).await.err().map(|error| error.display(false).to_string());
    runner.shutdown_async().await;
    result
}

/// An error as a suite sees it: our own text, and the state that records name.
#[derive(Debug)]
pub struct DoorError {
    pub state: Option<String>,
    text: String,
}

impl DoorError {
    fn new(state: Option<String>, text: impl Into<String>) -> Self {
        Self { state, text: text.into() }
    }
}

impl fmt::Display for DoorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for DoorError {}

impl From<Error> for DoorError {
    fn from(error: Error) -> Self {
        Self::new(Some(error.state().code().to_owned()), error.to_string())
    }
}

/// A value as suites write it.
fn written(value: Option<String>) -> String {
    match value {
        None => "NULL".to_owned(),
        Some(text) if text.is_empty() => "(empty)".to_owned(),
        Some(text) => text,
    }
}
