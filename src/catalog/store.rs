//! Where the catalog is kept: a small trait, so that another database can hold the same tables.
//!
//! A store keeps the last committed state, the number of its commit and the next OID. It does not know what the
//! objects mean; [`Catalog`](super::Catalog) checks that before it hands over changes.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};

use super::delivery::{Batch, Delivery, RecordedDelivery};
use super::object::{FIRST_USER_OID, Relation, Role, Run, Schema};
use crate::error::Result;
use crate::pg_type::Oid;
use crate::scram::SECRET_BYTES;

/// Calls block on the disk; async callers go through `spawn_blocking`.
pub trait Store: Send {
    /// Everything that is stored. A store that was never committed to has version 0 and no objects.
    fn load(&mut self) -> Result<Loaded>;

    /// Makes these changes durable, all or none, and gives the new version. When it returns, they survive a crash.
    ///
    /// 40001 when the stored version is not `base_version`; 53100 when the disk is full; 58030 for other faults of
    /// the disk. After an error the next commit may be tried.
    fn commit(&mut self, base_version: u64, changes: &[Change]) -> Result<u64>;

    /// Random bytes that are this store's alone for ever: what unknown names are answered with at sign-in is made of them.
    fn secret(&mut self) -> Result<[u8; SECRET_BYTES]>;

    /// Every definition that was ever saved, oldest first, also of views that were dropped; of one view, or of all.
    fn saved_definitions(&mut self, view: Option<Oid>) -> Result<Vec<SavedDefinition>>;

    /// Every refresh that was ever tried, oldest first, also of lists that were dropped.
    fn runs(&mut self) -> Result<Vec<RecordedRun>>;

    /// Every delivery that was ever begun or refused, oldest first, also of lists that were dropped.
    fn deliveries(&mut self) -> Result<Vec<RecordedDelivery>>;
}

/// A stored state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    pub version: u64,
    pub next_oid: Oid,
    /// In order of OID.
    pub roles: Vec<Arc<Role>>,
    /// In order of OID.
    pub schemas: Vec<Arc<Schema>>,
    /// In order of OID.
    pub relations: Vec<Arc<Relation>>,
}

/// One change of the stored state. Within a commit the order does not matter: names may be swapped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A new role, or a new state of one, its memberships included.
    PutRole(Arc<Role>),
    RemoveRole(Oid),
    /// A new schema, or a new state of one.
    PutSchema(Arc<Schema>),
    RemoveSchema(Oid),
    /// A new relation, or a new state of one.
    PutRelation(Arc<Relation>),
    RemoveRelation(Oid),
    /// The OID that will be given next.
    NextOid(Oid),
    SaveDefinition(SavedDefinition),
    /// A refresh that failed. Those that succeeded come with their list.
    RecordFailure(RecordedRun),
    /// A new delivery, or a new state of one. Its batches stay.
    PutDelivery(Box<Delivery>),
    /// A new batch of a delivery that is known, or a new state of one.
    PutBatch {
        delivery: String,
        batch: Batch,
    },
}

/// A refresh as it is remembered for ever, also when its rows and its list are gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedRun {
    pub audience: Oid,
    /// The list's schema and name at that time.
    pub schema: String,
    pub name: String,
    pub outcome: RunOutcome,
    pub started_at: DateTime<Utc>,
    pub finished_at: DateTime<Utc>,
    pub by: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunOutcome {
    Done {
        number: u32,
        rows: u64,
        bytes: u64,
        universe: u64,
        as_of: NaiveDate,
        definition: String,
        definition_hash: String,
        data_version: Option<String>,
        /// Whether its rows can still be read.
        is_kept: bool,
    },
    Failed {
        error: String,
    },
}

impl RecordedRun {
    /// What is remembered of a run of a list.
    pub fn of(list: &Relation, schema: &str, run: &Run, is_kept: bool) -> Self {
        Self {
            audience: list.oid,
            schema: schema.to_owned(),
            name: list.name.clone(),
            outcome: RunOutcome::Done {
                number: run.number,
                rows: run.rows,
                bytes: run.bytes,
                universe: run.universe,
                as_of: run.as_of,
                definition: run.definition.clone(),
                definition_hash: run.definition_hash.clone(),
                data_version: run.data_version.clone(),
                is_kept,
            },
            started_at: run.started_at,
            finished_at: run.finished_at,
            by: run.by.clone(),
        }
    }
}

/// A definition as it was saved. Kept for ever: a list that was sent must be able to show the question behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedDefinition {
    pub view: Oid,
    /// The view's schema at that time.
    pub schema: String,
    /// The view's name at that time.
    pub name: String,
    /// As its author wrote it.
    pub text: String,
    /// The same with the full names, at that time, of the tables and views it reads.
    pub qualified: String,
    pub saved_at: DateTime<Utc>,
    /// Empty where it was not known yet.
    pub saved_by: String,
}

impl Default for Loaded {
    fn default() -> Self {
        Self { version: 0, next_oid: FIRST_USER_OID, roles: Vec::new(), schemas: Vec::new(), relations: Vec::new() }
    }
}

#[cfg(test)]
pub mod conformance;
