//! Reading the catalog's tables back into objects.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use rusqlite::{Connection, Row};

use super::{Loaded, MemberFolder, Oid, RecordedRun, Relation, RelationKind, Role, SavedDefinition, Schema, fault};
use crate::catalog::object::{AudienceOptions, Column, Definition, Materialized, Membership, Reference, Run};
use crate::catalog::privilege::AccessList;
use crate::catalog::store::RunOutcome;
use crate::error::{Error, message};
use crate::pg_type::PgType;
use crate::scram::Verifier;

/// What can go wrong while reading.
pub enum LoadError {
    Sqlite(rusqlite::Error),
    /// The tables hold something that our commits never write.
    Damaged(String),
}

type Result<T> = std::result::Result<T, LoadError>;

impl LoadError {
    pub fn into_error(self, path: &Path) -> Error {
        match self {
            Self::Sqlite(error) => fault(path, error),
            Self::Damaged(what) => message::catalog_damaged(&path.display().to_string(), what),
        }
    }
}

impl From<rusqlite::Error> for LoadError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::Error::{
            FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType, QueryReturnedNoRows,
        };
        match error {
            FromSqlConversionFailure(..)
            | IntegralValueOutOfRange(..)
            | InvalidColumnType(..)
            | QueryReturnedNoRows => Self::Damaged(format!("It holds an impossible value: {error}.")),
            error => Self::Sqlite(error),
        }
    }
}

/// Everything, read in one transaction.
pub fn loaded(connection: &mut Connection, lists: &MemberFolder) -> Result<Loaded> {
    let transaction = connection.transaction()?;
    let (version, next_oid) =
        transaction.query_row("SELECT version, next_oid FROM meta", [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let version = unsigned::<u64>(version)?;
    let roles = roles(&transaction)?;
    let schemas = rows(&transaction, "SELECT oid, name, owner, comment FROM schema ORDER BY oid", |row| {
        Ok(Arc::new(Schema { oid: row.get(0)?, name: row.get(1)?, owner: row.get(2)?, comment: row.get(3)? }))
    })?;
    let mut parts = Parts::of(&transaction, lists)?;
    let relations = rows(
        &transaction,
        "SELECT oid, schema_oid, name, owner, kind, present, comment, created_at_us, replaced_at_us, access
         FROM relation ORDER BY oid",
        |row| relation(row, &mut parts),
    )?;
    Ok(Loaded { version, next_oid, roles, schemas, relations })
}

/// Of one view, or of all.
pub fn saved_definitions(connection: &Connection, view: Option<Oid>) -> Result<Vec<SavedDefinition>> {
    let mut statement = connection.prepare_cached(
        "SELECT view_oid, schema_name, view_name, text, qualified, saved_at_us, saved_by
         FROM definition_history WHERE ?1 IS NULL OR view_oid = ?1 ORDER BY number",
    )?;
    let mut found = statement.query([view])?;
    let mut saved = Vec::new();
    while let Some(row) = found.next()? {
        saved.push(SavedDefinition {
            view: row.get(0)?,
            schema: row.get(1)?,
            name: row.get(2)?,
            text: row.get(3)?,
            qualified: row.get(4)?,
            saved_at: instant(row.get(5)?)?,
            saved_by: row.get(6)?,
        });
    }
    Ok(saved)
}

/// Every refresh, oldest first.
pub fn runs(connection: &Connection) -> Result<Vec<RecordedRun>> {
    rows(connection, &format!("SELECT {RUN_COLUMNS} FROM run ORDER BY position"), |row| {
        recorded_run(row).map(|(run, _)| run)
    })
}

const RUN_COLUMNS: &str = "audience_oid, schema_name, audience_name, number, error, file, is_kept, row_count, bytes, \
     universe, as_of, definition, definition_hash, started_at_us, finished_at_us, by_role, data_version";

/// A refresh, and the file of its rows.
fn recorded_run(row: &Row<'_>) -> Result<(RecordedRun, Option<String>)> {
    let error: Option<String> = row.get(4)?;
    let outcome = match error {
        Some(error) => RunOutcome::Failed { error },
        None => {
            let day: i32 = row.get(10)?;
            let as_of = NaiveDate::from_epoch_days(day)
                .ok_or_else(|| LoadError::Damaged(format!("It holds an impossible day: {day}.")))?;
            RunOutcome::Done {
                number: row.get(3)?,
                rows: unsigned(row.get(7)?)?,
                bytes: unsigned(row.get(8)?)?,
                universe: unsigned(row.get(9)?)?,
                as_of,
                definition: row.get(11)?,
                definition_hash: row.get(12)?,
                data_version: row.get(16)?,
                is_kept: row.get(6)?,
            }
        }
    };
    let run = RecordedRun {
        audience: row.get(0)?,
        schema: row.get(1)?,
        name: row.get(2)?,
        outcome,
        started_at: instant(row.get(13)?)?,
        finished_at: instant(row.get(14)?)?,
        by: row.get(15)?,
    };
    Ok((run, row.get(5)?))
}

/// A run whose rows are kept.
fn kept_run(row: &Row<'_>, lists: &MemberFolder) -> Result<(Oid, Arc<Run>)> {
    let (recorded, file) = recorded_run(row)?;
    let (
        RunOutcome::Done { number, rows, bytes, universe, as_of, definition, definition_hash, data_version, .. },
        Some(file),
    ) = (recorded.outcome, file)
    else {
        return Err(LoadError::Damaged("It keeps the rows of a refresh that failed.".to_owned()));
    };
    let run = Run {
        number,
        file: lists.published(&file),
        rows,
        bytes,
        universe,
        as_of,
        started_at: recorded.started_at,
        finished_at: recorded.finished_at,
        by: recorded.by,
        definition,
        definition_hash,
        data_version,
    };
    Ok((recorded.audience, Arc::new(run)))
}

fn roles(connection: &Connection) -> Result<Vec<Arc<Role>>> {
    let memberships = rows(
        connection,
        "SELECT member_oid, role_oid, oid, grantor, is_admin FROM membership ORDER BY member_oid, role_oid",
        |row| {
            let membership = Membership { oid: row.get(2)?, grantor: row.get(3)?, is_admin: row.get(4)? };
            Ok((row.get(0)?, (row.get(1)?, membership)))
        },
    )?;
    let mut memberships = grouped(memberships);
    rows(
        connection,
        "SELECT oid, name, is_superuser, inherits, can_log_in, connection_limit, password, valid_until_us
         FROM role ORDER BY oid",
        |row| {
            let oid = row.get(0)?;
            let password: Option<String> = row.get(6)?;
            let valid_until: Option<i64> = row.get(7)?;
            let damaged = || LoadError::Damaged(format!("The role with OID {oid} has an impossible password."));
            Ok(Arc::new(Role {
                oid,
                name: row.get(1)?,
                is_superuser: row.get(2)?,
                inherits: row.get(3)?,
                can_log_in: row.get(4)?,
                connection_limit: row.get(5)?,
                password: password.map(|text| Verifier::parse(&text).ok_or_else(damaged)).transpose()?,
                valid_until: valid_until.map(instant).transpose()?,
                member_of: memberships.remove(&oid).unwrap_or_default().into_iter().collect(),
            }))
        },
    )
}

/// What belongs to relations, by their OID.
struct Parts {
    lists: BTreeMap<Oid, List>,
    runs: BTreeMap<Oid, Vec<Arc<Run>>>,
    columns: BTreeMap<Oid, Vec<Column>>,
    texts: BTreeMap<Oid, String>,
    references: BTreeMap<Oid, Vec<Reference>>,
}

/// What a materialized view has beside its definition.
struct List {
    options: AudienceOptions,
    last_run: u32,
    is_populated: bool,
}

impl Parts {
    fn of(connection: &Connection, folder: &MemberFolder) -> Result<Self> {
        let lists = rows(
            connection,
            "SELECT relation_oid, channel, refresh, keep, minimum, last_run, is_populated FROM materialized",
            |row| {
                let options = AudienceOptions {
                    channel: row.get(1)?,
                    refresh: row.get(2)?,
                    keep: row.get(3)?,
                    minimum: row.get(4)?,
                };
                Ok((row.get(0)?, List { options, last_run: row.get(5)?, is_populated: row.get(6)? }))
            },
        )?;
        let runs = rows(
            connection,
            &format!("SELECT {RUN_COLUMNS} FROM run WHERE is_kept ORDER BY audience_oid, number DESC"),
            |row| kept_run(row, folder),
        )?;
        let columns = rows(
            connection,
            "SELECT relation_oid, name, type_oid, typmod, comment FROM column ORDER BY relation_oid, number",
            |row| {
                let pg_type = PgType { oid: row.get(2)?, typmod: row.get(3)? };
                Ok((row.get(0)?, Column { name: row.get(1)?, pg_type, comment: row.get(4)? }))
            },
        )?;
        let texts =
            rows(connection, "SELECT relation_oid, text FROM definition", |row| Ok((row.get(0)?, row.get(1)?)))?;
        let references = rows(
            connection,
            "SELECT relation_oid, start_byte, end_byte, reads_oid, needs_alias
             FROM reference ORDER BY relation_oid, number",
            |row| {
                let (start, end) = (unsigned(row.get(1)?)?, unsigned(row.get(2)?)?);
                Ok((row.get(0)?, Reference { start, end, relation: row.get(3)?, needs_alias: row.get(4)? }))
            },
        )?;
        Ok(Self {
            lists: lists.into_iter().collect(),
            runs: grouped(runs),
            columns: grouped(columns),
            texts: texts.into_iter().collect(),
            references: grouped(references),
        })
    }
}

fn relation(row: &Row<'_>, parts: &mut Parts) -> Result<Arc<Relation>> {
    let oid = row.get(0)?;
    let kind: String = row.get(4)?;
    let kind = match (kind.as_str(), parts.texts.remove(&oid)) {
        ("table", None) => RelationKind::Table { present: row.get(5)? },
        ("view", Some(text)) => {
            let definition = Definition { text, references: parts.references.remove(&oid).unwrap_or_default() };
            match parts.lists.remove(&oid) {
                None => RelationKind::View(definition),
                Some(List { options, last_run, is_populated }) => {
                    let runs = parts.runs.remove(&oid).unwrap_or_default();
                    RelationKind::MaterializedView(Materialized { definition, options, runs, last_run, is_populated })
                }
            }
        }
        (kind, text) => {
            let has = if text.is_some() { "a" } else { "no" };
            return Err(LoadError::Damaged(format!("The {kind} with OID {oid} has {has} definition.")));
        }
    };
    let replaced_at: Option<i64> = row.get(8)?;
    let access: Option<String> = row.get(9)?;
    let impossible = || LoadError::Damaged(format!("The relation with OID {oid} has an impossible access list."));
    Ok(Arc::new(Relation {
        oid,
        schema: row.get(1)?,
        name: row.get(2)?,
        owner: row.get(3)?,
        kind,
        columns: parts.columns.remove(&oid).unwrap_or_default(),
        comment: row.get(6)?,
        created_at: instant(row.get(7)?)?,
        replaced_at: replaced_at.map(instant).transpose()?,
        access: access.map(|text| AccessList::parse(&text).ok_or_else(impossible)).transpose()?,
    }))
}

pub fn rows<T>(connection: &Connection, query: &str, mut read: impl FnMut(&Row<'_>) -> Result<T>) -> Result<Vec<T>> {
    let mut statement = connection.prepare(query)?;
    let mut found = statement.query([])?;
    let mut read_rows = Vec::new();
    while let Some(row) = found.next()? {
        read_rows.push(read(row)?);
    }
    Ok(read_rows)
}

fn grouped<T>(rows: Vec<(Oid, T)>) -> BTreeMap<Oid, Vec<T>> {
    let mut groups: BTreeMap<Oid, Vec<T>> = BTreeMap::new();
    for (oid, value) in rows {
        groups.entry(oid).or_default().push(value);
    }
    groups
}

/// SQLite's integers have a sign, ours do not.
pub fn unsigned<T: TryFrom<i64>>(number: i64) -> Result<T> {
    T::try_from(number).map_err(|_| LoadError::Damaged(format!("It holds an impossible number: {number}.")))
}

pub fn instant(micros: i64) -> Result<DateTime<Utc>> {
    DateTime::from_timestamp_micros(micros)
        .ok_or_else(|| LoadError::Damaged(format!("It holds an impossible instant: {micros}.")))
}
