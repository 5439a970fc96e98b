//! The manifest of a delivery: what was asked, of which data, who dropped out, and the checksum of everything that was sent.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use crate::catalog::delivery::RecordedDelivery;
use crate::catalog::{RecordedRun, RunOutcome};

/// As JSON. `run` is what the catalog remembers of the run that was delivered.
pub fn manifest(recorded: &RecordedDelivery, run: Option<&RecordedRun>) -> Value {
    let delivery = &recorded.delivery;
    let counts = &delivery.counts;
    let run = match run.map(|run| (run, &run.outcome)) {
        Some((run, RunOutcome::Done { number, rows, as_of, definition, definition_hash, data_version, .. })) => json!({
            "run": number,
            "members": rows,
            "as_of": as_of.to_string(),
            // What the run saw: receipts that lay in the files when it began.
            "data_seen_at": instant(run.started_at),
            "data_version": data_version,
            "refreshed_by": run.by,
            "definition": definition,
            "definition_sha256": definition_hash,
        }),
        _ => json!({ "run": delivery.run }),
    };
    let batches: Vec<Value> = recorded
        .batches
        .iter()
        .map(|batch| {
            json!({
                "batch": batch.number,
                "state": batch.state.name(),
                "members": batch.members,
                "accepted": batch.accepted,
                "sha256": batch.sha256,
                "bytes": batch.bytes,
                "sent_at": instant(batch.sent_at),
            })
        })
        .collect();
    json!({
        "delivery_id": delivery.id,
        "audience": format!("{}.{}", delivery.schema, delivery.name),
        "audience_run": run,
        "channel": delivery.channel,
        "counts": {
            "matched": counts.matched,
            "consented": counts.consented(),
            "deliverable": counts.deliverable,
            "sent": recorded.sent(),
            "accepted": recorded.accepted(),
        },
        "dropped": {
            "gone": counts.gone,
            "suppressed": counts.suppressed,
            "withdrawn": counts.withdrawn,
            "no_consent": counts.no_consent,
            "no_identifier": counts.no_identifier,
            "invalid_identifier": counts.invalid_identifier,
            "shared_identifier": counts.shared_identifier,
            "no_text": counts.no_text,
            "held_out": counts.held_out,
            "before_sending": recorded.dropped(),
        },
        "batches": batches,
        "started_at": instant(delivery.started_at),
        "delivered_by": delivery.by,
    })
}

/// To the microsecond, as the catalog has it.
fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}
