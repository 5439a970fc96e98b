//! Writing kept lists and their refreshes.

use rusqlite::{Transaction, params};

use crate::catalog::object::{Relation, Run};
use crate::catalog::store::{RecordedRun, RunOutcome};
use crate::pg_type::Oid;

/// What a relation has as a materialized view; nothing of another one.
pub fn insert_materialized(transaction: &Transaction<'_>, list: &Relation) -> rusqlite::Result<()> {
    let Some(materialized) = list.materialized() else { return Ok(()) };
    let options = &materialized.options;
    transaction
        .prepare_cached(
            "INSERT INTO materialized (relation_oid, channel, refresh, keep, minimum, last_run, is_populated)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            list.oid,
            options.channel,
            options.refresh,
            options.keep,
            options.minimum,
            materialized.last_run,
            materialized.is_populated,
        ])?;
    // Within a commit a schema may be written after its relations: then its row has still the name of before.
    let schema: Option<String> = transaction
        .prepare_cached("SELECT name FROM schema WHERE oid = ?1")?
        .query_row([list.schema], |row| row.get(0))
        .or_else(|error| match error {
            rusqlite::Error::QueryReturnedNoRows => Ok(None),
            error => Err(error),
        })?;
    let schema = schema.unwrap_or_default();
    // Oldest first, so that positions follow time.
    for run in materialized.runs.iter().rev() {
        if !keep(transaction, list.oid, run)? {
            insert(transaction, &RecordedRun::of(list, &schema, run, true), Some(run.file.name()))?;
        }
    }
    Ok(())
}

/// Marks a run that is known as kept. False when it is not known.
fn keep(transaction: &Transaction<'_>, list: Oid, run: &Run) -> rusqlite::Result<bool> {
    let found = transaction
        .prepare_cached("UPDATE run SET is_kept = 1 WHERE audience_oid = ?1 AND number = ?2")?
        .execute(params![list, run.number])?;
    Ok(found > 0)
}

pub fn insert(transaction: &Transaction<'_>, run: &RecordedRun, file: Option<&str>) -> rusqlite::Result<()> {
    let mut statement = transaction.prepare_cached(
        "INSERT INTO run (audience_oid, schema_name, audience_name, number, error, file, is_kept, row_count, bytes,
                          universe, as_of, definition, definition_hash, started_at_us, finished_at_us, by_role, data_version)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
    )?;
    let RecordedRun { audience, schema, name, outcome, started_at, finished_at, by } = run;
    let (started_us, finished_us) = (started_at.timestamp_micros(), finished_at.timestamp_micros());
    let none = None::<i64>;
    match outcome {
        RunOutcome::Done {
            number,
            rows,
            bytes,
            universe,
            as_of,
            definition,
            definition_hash,
            data_version,
            is_kept,
        } => {
            let day = as_of.to_epoch_days();
            // A count of rows or bytes is far below what an i64 holds.
            let [rows, bytes, universe] =
                [rows, bytes, universe].map(|count| i64::try_from(*count).unwrap_or(i64::MAX));
            statement.execute(params![
                audience,
                schema,
                name,
                number,
                None::<&str>,
                file,
                is_kept,
                rows,
                bytes,
                universe,
                day,
                definition,
                definition_hash,
                started_us,
                finished_us,
                by,
                data_version,
            ])?;
        }
        RunOutcome::Failed { error } => {
            statement.execute(params![
                audience,
                schema,
                name,
                none,
                error,
                file,
                false,
                none,
                none,
                none,
                none,
                none,
                none,
                started_us,
                finished_us,
                by,
                None::<&str>,
            ])?;
        }
    }
    Ok(())
}
