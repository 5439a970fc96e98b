//! The one truth about names: which relations exist, what they mean, who depends on whom.
//!
//! How it works: readers take the current [`Snapshot`], which never changes under them. A transaction works on a
//! [`Draft`]; [`Catalog::commit`] moves it onto what others committed meanwhile, checks every
//! [law](invariant), writes it to the [`Store`] and only then shows it to everyone.
//!
//! What always holds: what a reader sees was durable before; a commit is seen whole or not at all; an OID once
//! shown never means anything else. A view is kept as its author's text with the places of the names in it and the
//! OIDs they mean, never as a plan.
//!
//! Not here: planning (it needs the text only), the paths of the home folder (`storage/layout.rs`), and how
//! somebody proves who they are (`scram`, `session/sign_in.rs`). Whose an object is, and who may change it, is known here.

pub mod object;
pub mod snapshot;
pub mod system;
pub mod draft;
pub mod privilege;
pub mod role;
pub mod definition;
pub mod delivery;
pub mod export;
pub mod dependency;
pub mod invariant;
mod change;
mod history_table;
mod oid;
pub mod store;
pub mod sqlite;
pub mod memory;

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use parking_lot::{Mutex, RwLock};

pub use self::draft::{Draft, MustBe, NewMemberships, NewView, RelationName};
pub use self::history_table::TableDescription;
pub use self::memory::MemoryStore;
pub use self::role::RoleChange;
pub use self::snapshot::Snapshot;
pub use self::sqlite::SqliteStore;
pub use self::store::{RecordedRun, RunOutcome, SavedDefinition, Store};

use self::delivery::{Batch, Delivery, RecordedDelivery};
use self::object::{
    BOOTSTRAP_ROLE_OID, INFORMATION_SCHEMA_OID, PG_CATALOG_OID, PUBLIC_OID, READER_ROLE, READER_ROLE_OID, REGULARS_OID,
    Role, Run, Schema,
};
use self::oid::Issuer;
use self::store::Change;
use crate::error::{Result, message};
use crate::ident::FIRST_SUPERUSER;
use crate::pg_type::Oid;
use crate::scram::SECRET_BYTES;

/// The catalog of one server. Shared by all sessions.
pub struct Catalog {
    current: RwLock<Arc<Snapshot>>,
    /// Held for the whole of a commit, so commits are one after the other; readers never wait for it.
    store: Mutex<Box<dyn Store>>,
    issuer: Arc<Issuer>,
    secret: [u8; SECRET_BYTES],
}

impl Catalog {
    /// Loads what is stored and brings the tables of the history up to date with `tables`.
    ///
    /// Tables live in schema `public`. One that is seen for the first time is given an OID; columns are those of
    /// `tables` at each start, comments those of the catalog (a table or column that is new takes the described
    /// one). A table that is no longer described goes, unless a view reads it: then it stays with `present` false.
    ///
    /// `superuser` names the first superuser of a new catalog; later it is renamed by ALTER ROLE.
    ///
    /// 42P07 when a table has the name of a view; XX001 when what is stored breaks a law; errors of the store.
    /// Blocks on the disk.
    pub fn open_as(
        superuser: &str,
        store: Box<dyn Store>,
        tables: &[TableDescription],
        now: DateTime<Utc>,
    ) -> Result<Self> {
        Self::load(superuser, store, Some(tables), now)
    }

    /// [`Self::open_as`], the tables left as they are: for who does not look at the history.
    pub fn open_without_tables(superuser: &str, store: Box<dyn Store>, now: DateTime<Utc>) -> Result<Self> {
        Self::load(superuser, store, None, now)
    }

    fn load(
        superuser: &str,
        mut store: Box<dyn Store>,
        tables: Option<&[TableDescription]>,
        now: DateTime<Utc>,
    ) -> Result<Self> {
        let loaded = store.load()?;
        let secret = store.secret()?;
        let has_roles = !loaded.roles.is_empty();
        let snapshot = Snapshot::of(loaded.version, loaded.schemas, loaded.relations).with_roles(loaded.roles);
        if loaded.version > 0 {
            // A catalog from before there were roles gets the built-in ones below.
            let roles = if has_roles { Vec::new() } else { built_in_roles(superuser).map(Arc::new).to_vec() };
            invariant::check(&snapshot.clone().with_roles(roles), loaded.next_oid).map_err(|violation| {
                let sentence = violation.sentence(|oid| draft::describe(&[&snapshot], &[], oid));
                message::catalog_damaged("regulars", sentence)
            })?;
        }
        let snapshot = Arc::new(snapshot);
        let catalog = Self {
            current: RwLock::new(snapshot),
            store: Mutex::new(store),
            issuer: Arc::new(Issuer::new(loaded.next_oid)),
            secret,
        };
        let mut draft = catalog.begin();
        if !has_roles {
            built_in_roles(superuser).into_iter().for_each(|role| draft.put_role(role));
        }
        put_built_in_schemas(&mut draft);
        if let Some(tables) = tables {
            history_table::bring_up_to_date(&mut draft, tables, now)?;
        }
        catalog.commit(draft, now)?;
        Ok(catalog)
    }

    /// [`Self::open_as`] with the usual name of the first superuser.
    pub fn open(store: Box<dyn Store>, tables: &[TableDescription], now: DateTime<Utc>) -> Result<Self> {
        Self::open_as(FIRST_SUPERUSER, store, tables, now)
    }

    /// What unknown names are answered with at sign-in is made of this; the same for ever, and nobody else's.
    pub fn secret(&self) -> &[u8; SECRET_BYTES] {
        &self.secret
    }

    /// The last committed state. Costs next to nothing and waits for no commit.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.current.read())
    }

    /// Begins a transaction on the last committed state.
    pub fn begin(&self) -> Draft {
        Draft::new(self.snapshot(), Arc::clone(&self.issuer))
    }

    /// Makes a draft durable, then visible, and gives the state that it made. A draft without changes costs nothing.
    ///
    /// When others committed since [`Self::begin`], independent changes are kept together; 40001 when the same object
    /// or name was changed, or when what the draft needs was dropped. 53100 when the disk is full, 58030 for other
    /// faults of the disk. After an error nothing has changed for anyone. Blocks on the disk.
    pub fn commit(&self, draft: Draft, now: DateTime<Utc>) -> Result<Arc<Snapshot>> {
        let mut store = self.store.lock();
        let current = self.snapshot();
        if !draft.is_changed() {
            return Ok(current);
        }
        let mut next = change::rebased(&draft, &current)?;
        let changes = change::changes(&current, &next, draft.changed(), self.issuer.next_oid(), draft.author(), now);
        next.set_version(store.commit(current.version(), &changes)?);
        let next = Arc::new(next);
        publish_lists(&changes, &current);
        *self.current.write() = Arc::clone(&next);
        Ok(next)
    }

    /// Remembers a refresh that failed; it changes nothing else. Blocks on the disk.
    pub fn record_failure(&self, failure: RecordedRun) -> Result<()> {
        self.record(&[Change::RecordFailure(failure)])
    }

    /// Remembers how a delivery and, if one is given, a batch of it stand; it changes nothing else. Durable when it
    /// returns. Blocks on the disk.
    pub fn record_delivery(&self, delivery: Delivery, batch: Option<Batch>) -> Result<()> {
        let id = delivery.id.clone();
        let put = Change::PutDelivery(Box::new(delivery));
        let batch = batch.map(|batch| Change::PutBatch { delivery: id, batch });
        self.record(&std::iter::once(put).chain(batch).collect::<Vec<_>>())
    }

    /// Every delivery that was ever begun or refused, oldest first. Blocks on the disk.
    pub fn deliveries(&self) -> Result<Vec<RecordedDelivery>> {
        self.store.lock().deliveries()
    }

    /// Commits what is no object that names mean.
    fn record(&self, changes: &[Change]) -> Result<()> {
        let mut store = self.store.lock();
        let mut next = Snapshot::clone(&self.snapshot());
        next.set_version(store.commit(next.version(), changes)?);
        *self.current.write() = Arc::new(next);
        Ok(())
    }

    /// Every refresh that was ever tried, oldest first, also of lists that were dropped. Blocks on the disk.
    pub fn runs(&self) -> Result<Vec<RecordedRun>> {
        self.store.lock().runs()
    }

    /// Every definition that was ever saved, oldest first, also of views that were dropped; of one view, or of all.
    /// Blocks on the disk.
    pub fn saved_definitions(&self, view: Option<Oid>) -> Result<Vec<SavedDefinition>> {
        self.store.lock().saved_definitions(view)
    }
}

impl fmt::Debug for Catalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Catalog").field("version", &self.snapshot().version()).finish_non_exhaustive()
    }
}

/// The files of lists that are shown from now on stay; those that nobody new can see go with their last reader.
fn publish_lists(changes: &[Change], before: &Snapshot) {
    for change in changes {
        let (oid, after) = match change {
            Change::PutRelation(relation) => (relation.oid, relation.materialized()),
            Change::RemoveRelation(oid) => (*oid, None),
            _ => continue,
        };
        let kept: &[Arc<Run>] = after.map_or(&[], |list| &list.runs);
        let were_kept: &[Arc<Run>] =
            before.relation(oid).and_then(|relation| relation.materialized()).map_or(&[], |list| &list.runs);
        kept.iter().for_each(|run| run.file.publish());
        were_kept.iter().filter(|run| !kept.contains(run)).for_each(|run| run.file.retire());
    }
}

fn built_in_roles(superuser: &str) -> [Role; 2] {
    let first = Role { is_superuser: true, can_log_in: true, ..Role::new(BOOTSTRAP_ROLE_OID, superuser) };
    [first, Role::new(READER_ROLE_OID, READER_ROLE)]
}

/// At first start; later they are there and keep their comments.
fn put_built_in_schemas(draft: &mut Draft) {
    for (oid, name) in invariant::BUILT_IN_SCHEMAS {
        if draft.snapshot().schema(oid).is_some() {
            continue;
        }
        let comment = match oid {
            PG_CATALOG_OID => Some("system catalog schema"),
            PUBLIC_OID => Some("standard public schema"),
            REGULARS_OID => Some("what Regulars knows about itself, and its questions"),
            INFORMATION_SCHEMA_OID => None,
            _ => None,
        };
        let comment = comment.map(str::to_owned);
        draft.put_schema(Schema { oid, name: name.to_owned(), owner: BOOTSTRAP_ROLE_OID, comment });
    }
}

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod random_histories;
