//! Rows of our own relations, in the schema `regulars`: segments, audiences and functions, so that people find their way.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::relation::Rows;
use super::value::Value;
use super::{Build, SystemContext};
use crate::catalog::delivery::{DeliveryState, RecordedDelivery};
use crate::catalog::object::Relation;
use crate::catalog::store::{RecordedRun, RunOutcome, SavedDefinition};
use crate::error::Result;
use crate::pg_type::Oid;
use crate::storage::member_file::MemberFile;

pub(super) const BUILDERS: &[(&str, Build)] = &[
    ("audience_runs", audience_runs),
    ("audiences", audiences),
    ("deliveries", deliveries),
    ("delivery_batches", delivery_batches),
    ("functions", functions),
    ("index", index),
    ("segment_versions", segment_versions),
    ("segments", segments),
];

/// What the catalog cannot know by itself: what a segment's text means, and which functions there are.
pub trait Lore: std::fmt::Debug + Send + Sync {
    /// Whether a segment may hold a member more than once.
    fn may_repeat_members(&self, segment: &Relation) -> bool;

    /// All functions of the house, in the order of their reference.
    fn functions(&self) -> Vec<FunctionRow>;

    /// How a kept list stands now, but for failures.
    fn standing(&self, list: &Relation) -> Standing;

    /// Every refresh that was ever tried, oldest first. Blocks on the disk.
    fn runs(&self) -> Result<Vec<RecordedRun>>;

    /// Every delivery that was ever begun or refused, oldest first. Blocks on the disk.
    fn deliveries(&self) -> Result<Vec<RecordedDelivery>>;

    /// The file of a delivery's recipients, by the name that the record has.
    fn recipients(&self, name: &str) -> Arc<MemberFile>;

    /// Every definition that was ever saved, oldest first. Blocks on the disk.
    fn saved_definitions(&self) -> Result<Vec<SavedDefinition>>;
}

/// What the day and the definitions of today say of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// When its schedule wants it next; in the past when it waits for a refresh.
    pub due: Option<DateTime<Utc>>,
    pub is_overdue: bool,
    /// Since its newest run something of its definition, or of the segments below it, was replaced.
    pub definition_changed: bool,
}

/// A function as `regulars.functions` shows it.
#[derive(Debug, Clone)]
pub struct FunctionRow {
    pub name: String,
    pub family: String,
    pub signature: String,
    /// One line.
    pub description: String,
    pub example: Option<String>,
}

/// Views whose first column is `member_id`.
fn segments(context: &SystemContext, rows: &mut Rows<'_>) -> Result<()> {
    for relation in context.user_relations().filter(|relation| relation.is_segment()) {
        let Some(definition) = context.view_text(relation) else { continue };
        let names = |oids: BTreeSet<Oid>| {
            let names: Vec<String> =
                oids.into_iter().filter_map(|oid| Some(context.relation_name(oid)?.name.to_owned())).collect();
            Value::from(names)
        };
        rows.add([
            ("schema", context.schema_name(relation.schema).unwrap_or_default().to_owned().into()),
            ("name", (&relation.name).into()),
            ("comment", relation.comment.clone().into()),
            ("owner", context.role_name(relation.owner).into()),
            ("created_at", relation.created_at.into()),
            ("replaced_at", relation.replaced_at.into()),
            ("depends_on", names(relation.reads())),
            ("reads", names(tables_below(context, relation))),
            ("may_repeat_members", context.lore.may_repeat_members(relation).into()),
            ("definition", definition.into()),
        ]);
    }
    Ok(())
}

/// The tables at the bottom, through all views between.
fn tables_below(context: &SystemContext, relation: &Relation) -> BTreeSet<Oid> {
    let mut tables = BTreeSet::new();
    let mut open: Vec<Oid> = relation.reads().into_iter().collect();
    let mut seen = BTreeSet::new();
    while let Some(oid) = open.pop() {
        if !seen.insert(oid) {
            continue;
        }
        match context.snapshot.relation(oid) {
            Some(view) if view.definition().is_some() => open.extend(view.reads()),
            _ => {
                tables.insert(oid);
            }
        }
    }
    tables
}

/// Materialized views whose first column is `member_id`: the status page.
fn audiences(context: &SystemContext, rows: &mut Rows<'_>) -> Result<()> {
    let runs = context.lore.runs()?;
    for relation in context.user_relations().filter(|relation| relation.is_audience()) {
        let Some(list) = relation.materialized() else { continue };
        let standing = context.lore.standing(relation);
        let newest = runs.iter().rfind(|run| run.audience == relation.oid);
        let failure = newest.and_then(|run| match &run.outcome {
            RunOutcome::Failed { error } => Some(error.as_str()),
            RunOutcome::Done { .. } => None,
        });
        let state = match list.shown() {
            _ if failure.is_some() => "failed",
            None => "not populated",
            Some(_) if standing.is_overdue => "due",
            Some(_) => "fresh",
        };
        let shown = list.shown();
        rows.add([
            ("schema", context.schema_name(relation.schema).unwrap_or_default().to_owned().into()),
            ("name", (&relation.name).into()),
            ("comment", relation.comment.clone().into()),
            ("owner", context.role_name(relation.owner).into()),
            ("members", shown.map(|run| count(run.rows)).into()),
            ("universe", shown.map(|run| count(run.universe)).into()),
            ("run", shown.map(|run| number(run.number)).into()),
            ("as_of", shown.map(|run| run.as_of).into()),
            ("refreshed_at", shown.map(|run| run.finished_at).into()),
            ("channel", list.options.channel.clone().into()),
            ("refresh", list.options.refresh.clone().into()),
            ("due", standing.due.into()),
            ("keep", number(list.options.keep).into()),
            ("minimum", list.options.minimum.map(i64::from).into()),
            ("state", state.into()),
            ("definition_changed", standing.definition_changed.into()),
            ("error", failure.map(str::to_owned).into()),
        ]);
    }
    Ok(())
}

fn audience_runs(context: &SystemContext, rows: &mut Rows<'_>) -> Result<()> {
    for run in context.lore.runs()? {
        let RecordedRun { schema, name, outcome, started_at, finished_at, by, .. } = run;
        let common: [(&'static str, Value); 5] = [
            ("schema", schema.into()),
            ("name", name.into()),
            ("started_at", started_at.into()),
            ("finished_at", finished_at.into()),
            ("refreshed_by", by.into()),
        ];
        let rest: Vec<(&'static str, Value)> = match outcome {
            RunOutcome::Done {
                number: run,
                rows,
                bytes,
                universe,
                as_of,
                definition,
                definition_hash,
                data_version,
                is_kept,
            } => {
                vec![
                    ("run", number(run).into()),
                    ("state", "done".into()),
                    ("members", count(rows).into()),
                    ("universe", count(universe).into()),
                    ("as_of", as_of.into()),
                    ("is_kept", is_kept.into()),
                    ("bytes", count(bytes).into()),
                    ("definition", definition.into()),
                    ("definition_hash", definition_hash.into()),
                    ("data_version", data_version.into()),
                ]
            }
            RunOutcome::Failed { error } => {
                vec![("state", "failed".into()), ("is_kept", false.into()), ("error", error.into())]
            }
        };
        rows.add(common.into_iter().chain(rest));
    }
    Ok(())
}

fn deliveries(context: &SystemContext, rows: &mut Rows<'_>) -> Result<()> {
    for recorded in context.lore.deliveries()? {
        let accepted_batches = recorded.batches.iter().filter(|batch| batch.state == DeliveryState::Delivered).count();
        let (sent, accepted, dropped) = (recorded.sent(), recorded.accepted(), recorded.dropped());
        let delivery = recorded.delivery;
        let counts = delivery.counts;
        rows.add([
            ("delivery_id", delivery.id.into()),
            ("schema", delivery.schema.into()),
            ("name", delivery.name.into()),
            ("run", number(delivery.run).into()),
            ("channel", delivery.channel.into()),
            ("state", delivery.state.name().into()),
            ("matched", count(counts.matched).into()),
            ("gone", count(counts.gone).into()),
            ("suppressed", count(counts.suppressed).into()),
            ("withdrawn", count(counts.withdrawn).into()),
            ("no_consent", count(counts.no_consent).into()),
            ("consented", count(counts.consented()).into()),
            ("no_identifier", count(counts.no_identifier).into()),
            ("invalid_identifier", count(counts.invalid_identifier).into()),
            ("no_text", count(counts.no_text).into()),
            ("shared_identifier", count(counts.shared_identifier).into()),
            ("held_out", count(counts.held_out).into()),
            ("deliverable", count(counts.deliverable).into()),
            ("batches", number(delivery.batches).into()),
            ("batches_accepted", i32::try_from(accepted_batches).unwrap_or(i32::MAX).into()),
            ("dropped_before_sending", count(dropped).into()),
            ("sent", count(sent).into()),
            ("accepted", count(accepted).into()),
            ("started_at", delivery.started_at.into()),
            ("finished_at", delivery.finished_at.into()),
            ("delivered_by", delivery.by.into()),
            ("reference", delivery.reference.into()),
            ("error", delivery.error.into()),
            ("manifest", delivery.manifest.into()),
        ]);
    }
    Ok(())
}

/// The index as a whole, then its parts.
fn index(context: &SystemContext, rows: &mut Rows<'_>) -> Result<()> {
    let Some(index) = context.surroundings.member_index() else { return Ok(()) };
    rows.add([
        ("piece", "all".into()),
        ("state", index.state.into()),
        ("members", index.members.map(count).into()),
        ("rows", index.rows.map(count).into()),
        ("bytes", index.bytes.map(count).into()),
        ("built_at", index.built_at.into()),
        ("build_ms", index.build_ms.into()),
        ("problem", index.problem.into()),
    ]);
    for piece in index.pieces {
        rows.add([
            ("piece", piece.name.into()),
            ("state", index.state.into()),
            ("rows", piece.rows.map(count).into()),
            ("bytes", count(piece.bytes).into()),
            ("built_at", piece.built_at.into()),
            ("build_ms", piece.build_ms.into()),
        ]);
    }
    Ok(())
}

fn delivery_batches(context: &SystemContext, rows: &mut Rows<'_>) -> Result<()> {
    for recorded in context.lore.deliveries()? {
        for batch in recorded.batches {
            rows.add([
                ("delivery_id", recorded.delivery.id.clone().into()),
                ("batch", number(batch.number).into()),
                ("state", batch.state.name().into()),
                ("members", count(batch.members).into()),
                ("dropped", count(batch.dropped).into()),
                ("accepted", count(batch.accepted).into()),
                ("attempts", number(batch.attempts).into()),
                ("sent_at", batch.sent_at.into()),
                ("finished_at", batch.finished_at.into()),
                ("sha256", batch.sha256.into()),
                ("bytes", count(batch.bytes).into()),
                ("error", batch.error.into()),
            ]);
        }
    }
    Ok(())
}

/// Versions count from 1 for each view, also for one that was dropped.
fn segment_versions(context: &SystemContext, rows: &mut Rows<'_>) -> Result<()> {
    let mut versions: BTreeMap<Oid, i32> = BTreeMap::new();
    for saved in context.lore.saved_definitions()? {
        let version = versions.entry(saved.view).or_default();
        *version += 1;
        rows.add([
            ("schema", saved.schema.into()),
            ("name", saved.name.into()),
            ("version", (*version).into()),
            ("saved_at", saved.saved_at.into()),
            ("saved_by", saved.saved_by.into()),
            ("definition", saved.qualified.into()),
            ("text", saved.text.into()),
        ]);
    }
    Ok(())
}

/// A count of rows or bytes is far below what `bigint` holds.
fn count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn number(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn functions(context: &SystemContext, rows: &mut Rows<'_>) -> Result<()> {
    for function in context.lore.functions() {
        rows.add([
            ("name", function.name.into()),
            ("family", function.family.into()),
            ("signature", function.signature.into()),
            ("description", function.description.into()),
            ("example", function.example.into()),
        ]);
    }
    Ok(())
}
