//! Where the catalog is kept: a small trait, so that another database can hold the same tables.
//!
//! A store keeps the last committed state, the number of its commit and the next OID. It does not know what the
//! objects mean; [`Catalog`](super::Catalog) checks that before it hands over changes.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::object::{FIRST_USER_OID, Relation, Role, Schema};
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

    /// Every definition that a view ever had, oldest first, also of a view that was dropped.
    fn saved_definitions(&mut self, view: Oid) -> Result<Vec<SavedDefinition>>;
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
}

impl Default for Loaded {
    fn default() -> Self {
        Self { version: 0, next_oid: FIRST_USER_OID, roles: Vec::new(), schemas: Vec::new(), relations: Vec::new() }
    }
}

#[cfg(test)]
pub mod conformance;
