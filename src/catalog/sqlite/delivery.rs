//! Writing and reading deliveries.

use rusqlite::{Connection, Row, Transaction, params};

use super::load::{LoadError, instant, rows, unsigned};
use crate::catalog::delivery::{Batch, Counts, Delivery, DeliveryState, RecordedDelivery};

type Result<T> = std::result::Result<T, LoadError>;

/// A new delivery, or a new state of one.
pub fn put(transaction: &Transaction<'_>, delivery: &Delivery) -> rusqlite::Result<()> {
    let counts = &delivery.counts;
    transaction
        .prepare_cached(
            "INSERT INTO delivery (id, audience_oid, schema_name, audience_name, run, channel, state, error, matched,
                                   gone, suppressed, withdrawn, no_consent, no_identifier, invalid_identifier,
                                   shared_identifier, no_text, held_out, deliverable, batches, recipients, reference,
                                   manifest, started_at_us, finished_at_us, by_role)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21,
                     ?22, ?23, ?24, ?25, ?26)
             ON CONFLICT (id) DO UPDATE SET
                 state = excluded.state, error = excluded.error, matched = excluded.matched, gone = excluded.gone,
                 suppressed = excluded.suppressed, withdrawn = excluded.withdrawn, no_consent = excluded.no_consent,
                 no_identifier = excluded.no_identifier, invalid_identifier = excluded.invalid_identifier,
                 shared_identifier = excluded.shared_identifier, no_text = excluded.no_text,
                 held_out = excluded.held_out, deliverable = excluded.deliverable, batches = excluded.batches,
                 recipients = excluded.recipients, reference = excluded.reference, manifest = excluded.manifest,
                 started_at_us = excluded.started_at_us, finished_at_us = excluded.finished_at_us,
                 by_role = excluded.by_role",
        )?
        .execute(params![
            delivery.id,
            delivery.audience,
            delivery.schema,
            delivery.name,
            delivery.run,
            delivery.channel,
            delivery.state.name(),
            delivery.error,
            stored(counts.matched),
            stored(counts.gone),
            stored(counts.suppressed),
            stored(counts.withdrawn),
            stored(counts.no_consent),
            stored(counts.no_identifier),
            stored(counts.invalid_identifier),
            stored(counts.shared_identifier),
            stored(counts.no_text),
            stored(counts.held_out),
            stored(counts.deliverable),
            delivery.batches,
            delivery.recipients,
            delivery.reference,
            delivery.manifest,
            delivery.started_at.timestamp_micros(),
            delivery.finished_at.map(|at| at.timestamp_micros()),
            delivery.by,
        ])
        .map(drop)
}

/// A new batch, or a new state of one.
pub fn put_batch(transaction: &Transaction<'_>, delivery: &str, batch: &Batch) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO delivery_batch (delivery_id, number, members, dropped, state, accepted, sha256,
                                                    bytes, attempts, sent_at_us, finished_at_us, error)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )?
        .execute(params![
            delivery,
            batch.number,
            stored(batch.members),
            stored(batch.dropped),
            batch.state.name(),
            stored(batch.accepted),
            batch.sha256,
            stored(batch.bytes),
            batch.attempts,
            batch.sent_at.timestamp_micros(),
            batch.finished_at.map(|at| at.timestamp_micros()),
            batch.error,
        ])
        .map(drop)
}

/// A count of members or bytes is far below what an i64 holds.
fn stored(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Every delivery, in the order in which they began.
pub fn all(connection: &Connection) -> Result<Vec<RecordedDelivery>> {
    let mut deliveries = rows(
        connection,
        "SELECT id, audience_oid, schema_name, audience_name, run, channel, state, error, matched, gone, suppressed,
                withdrawn, no_consent, no_identifier, invalid_identifier, shared_identifier, no_text, held_out,
                deliverable, batches, recipients, reference, manifest, started_at_us, finished_at_us, by_role
         FROM delivery ORDER BY position",
        |row| Ok(RecordedDelivery { delivery: delivery(row)?, batches: Vec::new() }),
    )?;
    let batches = rows(
        connection,
        "SELECT delivery_id, number, members, dropped, state, accepted, sha256, bytes, attempts, sent_at_us,
                finished_at_us, error
         FROM delivery_batch ORDER BY delivery_id, number",
        |row| Ok((row.get::<_, String>(0)?, batch(row)?)),
    )?;
    let mut of: std::collections::HashMap<String, Vec<Batch>> = std::collections::HashMap::new();
    for (delivery, batch) in batches {
        of.entry(delivery).or_default().push(batch);
    }
    for recorded in &mut deliveries {
        recorded.batches = of.remove(&recorded.delivery.id).unwrap_or_default();
    }
    Ok(deliveries)
}

fn delivery(row: &Row<'_>) -> Result<Delivery> {
    Ok(Delivery {
        id: row.get(0)?,
        audience: row.get(1)?,
        schema: row.get(2)?,
        name: row.get(3)?,
        run: row.get(4)?,
        channel: row.get(5)?,
        state: state(row.get(6)?)?,
        error: row.get(7)?,
        counts: Counts {
            matched: unsigned(row.get(8)?)?,
            gone: unsigned(row.get(9)?)?,
            suppressed: unsigned(row.get(10)?)?,
            withdrawn: unsigned(row.get(11)?)?,
            no_consent: unsigned(row.get(12)?)?,
            no_identifier: unsigned(row.get(13)?)?,
            invalid_identifier: unsigned(row.get(14)?)?,
            shared_identifier: unsigned(row.get(15)?)?,
            no_text: unsigned(row.get(16)?)?,
            held_out: unsigned(row.get(17)?)?,
            deliverable: unsigned(row.get(18)?)?,
        },
        batches: row.get(19)?,
        recipients: row.get(20)?,
        reference: row.get(21)?,
        manifest: row.get(22)?,
        started_at: instant(row.get(23)?)?,
        finished_at: row.get::<_, Option<i64>>(24)?.map(instant).transpose()?,
        by: row.get(25)?,
    })
}

fn batch(row: &Row<'_>) -> Result<Batch> {
    Ok(Batch {
        number: row.get(1)?,
        members: unsigned(row.get(2)?)?,
        dropped: unsigned(row.get(3)?)?,
        state: state(row.get(4)?)?,
        accepted: unsigned(row.get(5)?)?,
        sha256: row.get(6)?,
        bytes: unsigned(row.get(7)?)?,
        attempts: row.get(8)?,
        sent_at: instant(row.get(9)?)?,
        finished_at: row.get::<_, Option<i64>>(10)?.map(instant).transpose()?,
        error: row.get(11)?,
    })
}

fn state(name: String) -> Result<DeliveryState> {
    DeliveryState::named(&name)
        .ok_or_else(|| LoadError::Damaged(format!("It holds an impossible state of a delivery: {name}.")))
}
