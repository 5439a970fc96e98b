//! The catalog in a SQLite file: one commit is one SQLite transaction, on disk when it returns.
//!
//! Write-ahead log with `synchronous = FULL`. One connection, which keeps the file to itself: readers of the
//! catalog use snapshots in memory and never come here, and without a shared index nothing is mapped into memory
//! that a full disk could pull away.
//!
//! The format is a number in the file (`user_version`). Older formats are brought forward at opening, each step in
//! a transaction of its own; a newer one is refused.

mod delivery;
mod load;
mod run;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior, params};

use super::delivery::RecordedDelivery;
use super::object::{Relation, RelationKind, Role, Schema};
use super::store::{Change, Loaded, RecordedRun, SavedDefinition, Store};
use crate::error::{Error, Result, message};
use crate::pg_type::Oid;
use crate::scram::SECRET_BYTES;
use crate::storage::layout::{Home, private_file, sync_folder};
use crate::storage::member_file::MemberFolder;

/// Marks the file as ours: "RGLS".
const APPLICATION_ID: i64 = 0x5247_4C53;

/// Step n brings a file from format n to n + 1. Steps that were released never change.
const MIGRATIONS: &[&str] = &[
    include_str!("sqlite/format_1.sql"),
    include_str!("sqlite/format_2.sql"),
    include_str!("sqlite/format_3.sql"),
    include_str!("sqlite/format_4.sql"),
    include_str!("sqlite/format_5.sql"),
];

#[derive(Debug)]
pub struct SqliteStore {
    connection: Connection,
    path: PathBuf,
    lists: MemberFolder,
    /// The lock on the home lasts as long as the file is open.
    _home: Arc<Home>,
}

impl SqliteStore {
    /// Opens the catalog of a home, made with mode 0600 if it is not there.
    ///
    /// 55000 when the file is of a newer format or of another program; XX001 when it is damaged; 58030, 53100 for
    /// faults of the disk.
    pub fn open(home: Arc<Home>) -> Result<Self> {
        let path = home.catalog();
        // Made by us, since SQLite would make it readable for others; its log takes over the mode.
        drop(private_file(&path)?);
        sync_folder(home.root())?;
        let connection = connect(&path).map_err(|error| fault(&path, error))?;
        let mut store = Self { connection, path, lists: home.audiences(), _home: home };
        store.migrate()?;
        Ok(store)
    }

    fn migrate(&mut self) -> Result<()> {
        let pragma =
            |connection: &Connection, name: &str| connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0));
        let application: i64 = pragma(&self.connection, "application_id").map_err(|error| fault(&self.path, error))?;
        let format: i64 = pragma(&self.connection, "user_version").map_err(|error| fault(&self.path, error))?;
        let objects: i64 = self
            .connection
            .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
            .map_err(|error| fault(&self.path, error))?;
        if application != APPLICATION_ID && (application, format, objects) != (0, 0, 0) {
            return Err(message::catalog_foreign(&self.path));
        }
        let done = usize::try_from(format).unwrap_or(usize::MAX);
        let Some(steps) = MIGRATIONS.get(done..) else {
            return Err(message::catalog_too_new(&self.path, format, MIGRATIONS.len()));
        };
        for (number, step) in steps.iter().enumerate() {
            self.take_step(step, done + number + 1).map_err(|error| fault(&self.path, error))?;
        }
        Ok(())
    }

    fn take_step(&mut self, step: &str, format: usize) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(step)?;
        // Pragmas of the file's header are part of the transaction.
        transaction
            .execute_batch(&format!("PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {format}"))?;
        transaction.commit()
    }

    fn write(&mut self, base_version: u64, changes: &[Change]) -> rusqlite::Result<Written> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let stored: i64 = transaction.query_row("SELECT version FROM meta", [], |row| row.get(0))?;
        if u64::try_from(stored).ok() != Some(base_version) {
            return Ok(Written::Stale(stored));
        }
        // First everything away, then everything back: names may have been swapped.
        for change in changes {
            take_away(&transaction, change)?;
        }
        for change in changes {
            put_back(&transaction, change)?;
        }
        transaction.execute("UPDATE meta SET version = ?1", [stored + 1])?;
        transaction.commit()?;
        Ok(Written::Version(base_version + 1))
    }
}

enum Written {
    Version(u64),
    /// The stored version is this one, not the expected one; nothing was written.
    Stale(i64),
}

impl Store for SqliteStore {
    fn load(&mut self) -> Result<Loaded> {
        load::loaded(&mut self.connection, &self.lists).map_err(|error| error.into_error(&self.path))
    }

    fn commit(&mut self, base_version: u64, changes: &[Change]) -> Result<u64> {
        match self.write(base_version, changes) {
            Ok(Written::Version(version)) => Ok(version),
            Ok(Written::Stale(stored)) => {
                Err(message::concurrent_update(format!("The stored catalog has version {stored}, not {base_version}.")))
            }
            Err(error) => Err(fault(&self.path, error)),
        }
    }

    fn secret(&mut self) -> Result<[u8; SECRET_BYTES]> {
        let bytes = self.connection.query_row("SELECT bytes FROM secret", [], |row| row.get(0));
        bytes.map_err(|error| fault(&self.path, error))
    }

    fn saved_definitions(&mut self, view: Option<Oid>) -> Result<Vec<SavedDefinition>> {
        load::saved_definitions(&self.connection, view).map_err(|error| error.into_error(&self.path))
    }

    fn runs(&mut self) -> Result<Vec<RecordedRun>> {
        load::runs(&self.connection).map_err(|error| error.into_error(&self.path))
    }

    fn deliveries(&mut self) -> Result<Vec<RecordedDelivery>> {
        delivery::all(&self.connection).map_err(|error| error.into_error(&self.path))
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.execute_batch(
        "PRAGMA locking_mode = EXCLUSIVE;
         PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA fullfsync = ON;
         PRAGMA checkpoint_fullfsync = ON;
         PRAGMA foreign_keys = ON;
         PRAGMA trusted_schema = OFF;",
    )?;
    Ok(connection)
}

fn take_away(transaction: &Transaction<'_>, change: &Change) -> rusqlite::Result<()> {
    match change {
        Change::PutRole(role) => remove_role(transaction, role.oid),
        Change::RemoveRole(oid) => remove_role(transaction, *oid),
        Change::PutSchema(schema) => remove_schema(transaction, schema.oid),
        Change::RemoveSchema(oid) => remove_schema(transaction, *oid),
        Change::PutRelation(relation) => remove_relation(transaction, relation.oid),
        Change::RemoveRelation(oid) => remove_relation(transaction, *oid),
        Change::NextOid(_)
        | Change::SaveDefinition(_)
        | Change::RecordFailure(_)
        | Change::PutDelivery(_)
        | Change::PutBatch { .. } => Ok(()),
    }
}

fn put_back(transaction: &Transaction<'_>, change: &Change) -> rusqlite::Result<()> {
    match change {
        Change::PutRole(role) => insert_role(transaction, role),
        Change::PutSchema(schema) => insert_schema(transaction, schema),
        Change::PutRelation(relation) => insert_relation(transaction, relation),
        Change::RemoveRole(_) | Change::RemoveSchema(_) | Change::RemoveRelation(_) => Ok(()),
        Change::NextOid(oid) => {
            // Never backwards, whatever is asked.
            transaction.execute("UPDATE meta SET next_oid = max(next_oid, ?1)", [oid])?;
            Ok(())
        }
        Change::SaveDefinition(saved) => insert_saved(transaction, saved),
        Change::RecordFailure(failure) => run::insert(transaction, failure, None),
        Change::PutDelivery(put) => delivery::put(transaction, put),
        Change::PutBatch { delivery, batch } => delivery::put_batch(transaction, delivery, batch),
    }
}

/// Its memberships go with it.
fn remove_role(transaction: &Transaction<'_>, oid: Oid) -> rusqlite::Result<()> {
    transaction.prepare_cached("DELETE FROM role WHERE oid = ?1")?.execute([oid]).map(drop)
}

fn remove_schema(transaction: &Transaction<'_>, oid: Oid) -> rusqlite::Result<()> {
    transaction.prepare_cached("DELETE FROM schema WHERE oid = ?1")?.execute([oid]).map(drop)
}

/// Its columns, definition and references go with it. Its runs stay, but none of their rows is kept.
fn remove_relation(transaction: &Transaction<'_>, oid: Oid) -> rusqlite::Result<()> {
    transaction.prepare_cached("UPDATE run SET is_kept = 0 WHERE audience_oid = ?1 AND is_kept")?.execute([oid])?;
    transaction.prepare_cached("DELETE FROM relation WHERE oid = ?1")?.execute([oid]).map(drop)
}

fn insert_role(transaction: &Transaction<'_>, role: &Role) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT INTO role (oid, name, is_superuser, inherits, can_log_in, connection_limit, password, valid_until_us)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            role.oid,
            role.name,
            role.is_superuser,
            role.inherits,
            role.can_log_in,
            role.connection_limit,
            role.password.as_ref().map(|password| password.to_text()),
            role.valid_until.map(|until| until.timestamp_micros()),
        ])?;
    let mut statement = transaction.prepare_cached(
        "INSERT INTO membership (member_oid, role_oid, oid, grantor, is_admin) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for (of, membership) in &role.member_of {
        statement.execute(params![role.oid, of, membership.oid, membership.grantor, membership.is_admin])?;
    }
    Ok(())
}

fn insert_schema(transaction: &Transaction<'_>, schema: &Schema) -> rusqlite::Result<()> {
    let Schema { oid, name, owner, comment } = schema;
    transaction
        .prepare_cached("INSERT INTO schema (oid, name, owner, comment) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![oid, name, owner, comment])
        .map(drop)
}

fn insert_relation(transaction: &Transaction<'_>, relation: &Relation) -> rusqlite::Result<()> {
    let (kind, present) = match &relation.kind {
        RelationKind::Table { present } => ("table", *present),
        RelationKind::View(_) | RelationKind::MaterializedView(_) => ("view", true),
    };
    transaction
        .prepare_cached(
            "INSERT INTO relation
             (oid, schema_oid, name, owner, kind, present, comment, created_at_us, replaced_at_us, access)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .execute(params![
            relation.oid,
            relation.schema,
            relation.name,
            relation.owner,
            kind,
            present,
            relation.comment,
            relation.created_at.timestamp_micros(),
            relation.replaced_at.map(|at| at.timestamp_micros()),
            relation.access.as_ref().map(|access| access.to_text()),
        ])?;
    let mut column = transaction.prepare_cached(
        "INSERT INTO column (relation_oid, number, name, type_oid, typmod, comment) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for (number, known) in (1_i64..).zip(&relation.columns) {
        let (oid, typmod) = (known.pg_type.oid, known.pg_type.typmod);
        column.execute(params![relation.oid, number, known.name, oid, typmod, known.comment])?;
    }
    insert_definition(transaction, relation)?;
    run::insert_materialized(transaction, relation)
}

fn insert_definition(transaction: &Transaction<'_>, relation: &Relation) -> rusqlite::Result<()> {
    let Some(definition) = relation.definition() else { return Ok(()) };
    transaction
        .prepare_cached("INSERT INTO definition (relation_oid, text) VALUES (?1, ?2)")?
        .execute(params![relation.oid, definition.text])?;
    let mut reference = transaction.prepare_cached(
        "INSERT INTO reference (relation_oid, number, start_byte, end_byte, reads_oid, needs_alias)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for (number, place) in (1_i64..).zip(&definition.references) {
        // A text is far shorter than what an i64 counts.
        let byte = |offset: usize| i64::try_from(offset).unwrap_or(i64::MAX);
        let (start, end) = (byte(place.start), byte(place.end));
        reference.execute(params![relation.oid, number, start, end, place.relation, place.needs_alias])?;
    }
    Ok(())
}

fn insert_saved(transaction: &Transaction<'_>, saved: &SavedDefinition) -> rusqlite::Result<()> {
    let SavedDefinition { view, schema, name, text, qualified, saved_at, saved_by } = saved;
    transaction
        .prepare_cached(
            "INSERT INTO definition_history (view_oid, schema_name, view_name, text, qualified, saved_at_us, saved_by)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![view, schema, name, text, qualified, saved_at.timestamp_micros(), saved_by])
        .map(drop)
}

/// What a fault of SQLite means to a client.
fn fault(path: &Path, error: rusqlite::Error) -> Error {
    let fault = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => message::catalog_disk_full(path),
        Some(ErrorCode::DatabaseCorrupt) => message::catalog_damaged(&path.display().to_string(), &error),
        Some(ErrorCode::NotADatabase) => message::catalog_foreign(path),
        // Statements of ours that break the tables' own rules are bugs.
        Some(ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch | ErrorCode::ApiMisuse) | None => {
            message::internal(format!("catalog store: {error}"))
        }
        Some(_) => message::catalog_io(path, &error),
    };
    fault.with_cause(error)
}
