//! One client's conversation: its settings, its transaction, its prepared statements.

use std::sync::Arc;

use chrono_tz::Tz;
use datafusion::scalar::ScalarValue;

use crate::error::Result;
use crate::execution::cancellation::Interrupt;
use crate::pg_type::{Oid, PgType};
use crate::statement::outcome::{Notice, Outcome, OutputColumn};

/// What a client says of itself when it connects.
#[derive(Debug, Clone, Default)]
pub struct StartupParameters {
    pub user: String,
    pub database: Option<String>,
    /// Everything else of the startup message, such as `application_name`; `options` is already split into settings.
    pub settings: Vec<(String, String)>,
}

/// The byte of ReadyForQuery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionStatus {
    Idle,
    Open,
    Failed,
}

/// How values are written as text in this session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextFormat {
    /// `timestamp with time zone` is shown in this zone.
    pub time_zone: Tz,
}

/// One statement of a query string.
#[derive(Debug, Clone)]
pub struct Statement {}

/// A statement that was parsed and described, ready to be bound.
#[derive(Debug, Clone)]
pub struct Prepared {
    pub parameters: Arc<[PgType]>,
    /// `None` when the statement gives no rows.
    pub columns: Option<Arc<[OutputColumn]>>,
}

pub struct Session {}

impl Session {
    /// Process id and secret of the cancel key.
    pub fn cancel_key(&self) -> (i32, i32) {
        unimplemented!()
    }

    pub fn transaction_status(&self) -> TransactionStatus {
        unimplemented!()
    }

    pub fn text_format(&self) -> TextFormat {
        unimplemented!()
    }

    /// Settings whose value is reported to the client (ParameterStatus) and has changed since the last call;
    /// at the first call all of them.
    pub fn take_reports(&mut self) -> Vec<(&'static str, String)> {
        unimplemented!()
    }

    pub fn take_notices(&mut self) -> Vec<Notice> {
        unimplemented!()
    }

    /// Begins a statement: its interrupt, to be held over planning, running and sending.
    pub fn interrupt(&mut self) -> Interrupt {
        unimplemented!()
    }

    /// Splits a query string into statements. An empty string has none.
    pub fn parse(&self, _text: &str) -> Result<Vec<Statement>> {
        unimplemented!()
    }

    /// Runs a statement without parameters. What it changes belongs to the open transaction, or to an implicit
    /// one that lasts until [`Self::commit_implicit`] or [`Self::fail`].
    pub async fn execute(&mut self, _statement: &Statement) -> Result<Outcome> {
        unimplemented!()
    }

    /// Parses and describes one statement (Parse). Parameter types that are 0 or missing are inferred.
    pub async fn prepare(&mut self, _text: &str, _parameter_types: &[Oid]) -> Result<Prepared> {
        unimplemented!()
    }

    /// Runs a prepared statement with its parameters.
    pub async fn execute_prepared(&mut self, _prepared: &Prepared, _parameters: Vec<ScalarValue>) -> Result<Outcome> {
        unimplemented!()
    }

    /// Makes what the implicit transaction changed durable; without one, nothing. Called before the last command
    /// tag of a query string, and at Sync.
    pub async fn commit_implicit(&mut self) -> Result<()> {
        unimplemented!()
    }

    /// A statement failed: an implicit transaction is rolled back, an explicit one is failed.
    pub fn fail(&mut self) {
        unimplemented!()
    }

    /// Whether an explicit transaction block is open or failed (portals live until it ends).
    pub fn in_transaction_block(&self) -> bool {
        self.transaction_status() != TransactionStatus::Idle
    }
}
