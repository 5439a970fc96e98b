//! From a draft to a commit: moving it onto what others committed meanwhile, and listing what changed.
//!
//! Two transactions are independent when they wrote different objects (also with what they were already: both
//! COMMENTs that say "none" and COMMENTs that say something are wishes, and one of them came later) and the result of both still obeys every
//! law of [`invariant`]. Then the later one is moved onto the earlier one's result; otherwise it loses with 40001,
//! with a detail that names the object.

use std::sync::Arc;

use chrono::{DateTime, SubsecRound, Utc};

use super::definition::spliced_where_known;
use super::draft::{Draft, describe};
use super::invariant;
use super::object::Relation;
use super::snapshot::Snapshot;
use super::store::{Change, SavedDefinition};
use crate::error::{Result, message};
use crate::ident;
use crate::pg_type::Oid;

/// The draft's result on top of `current`, checked; 40001 when that cannot be.
///
/// The version of the result is still that of `current` or of the draft.
pub fn rebased(draft: &Draft, current: &Arc<Snapshot>) -> Result<Snapshot> {
    let (base, working) = (draft.base(), draft.snapshot());
    let alone = base.version() == current.version();
    let merged = if alone { Snapshot::clone(working) } else { merged(draft, current)? };
    invariant::check(&merged, draft.issuer().next_oid()).map_err(|violation| {
        let sentence = violation.sentence(|oid| describe(&[&merged, working, current, base], draft.search_path(), oid));
        // Alone in the catalog a draft cannot break a law: its own methods refuse.
        if alone { message::internal(sentence) } else { message::concurrent_update(sentence) }
    })?;
    Ok(merged)
}

fn merged(draft: &Draft, current: &Arc<Snapshot>) -> Result<Snapshot> {
    let (base, working) = (draft.base(), draft.snapshot());
    for oid in draft.touched() {
        let role_moved = base.role(oid) != current.role(oid);
        let schema_moved = base.schema(oid) != current.schema(oid);
        let relation_moved = base.relation(oid) != current.relation(oid);
        if role_moved || schema_moved || relation_moved {
            let gone = current.role(oid).is_none() && current.schema(oid).is_none() && current.relation(oid).is_none();
            // Both wished it gone, and here it was not named: PostgreSQL waits for the other, and goes on without it.
            if gone && draft.took_along(oid) {
                continue;
            }
            let name = describe(&[base, current], draft.search_path(), oid);
            let verb = if gone { "dropped" } else { "changed" };
            let sentence = format!("{name} was {verb} by another transaction.");
            return Err(message::concurrent_update(invariant::capitalised(sentence)));
        }
    }
    let mut merged = Snapshot::clone(current);
    // First everything away, then everything back: names may have been swapped.
    for oid in draft.touched() {
        merged.remove_role(oid);
        merged.remove_schema(oid);
        merged.remove_relation(oid);
    }
    for oid in draft.touched() {
        if let Some(role) = working.role(oid) {
            merged.put_role(Arc::clone(role));
        }
        if let Some(schema) = working.schema(oid) {
            merged.put_schema(Arc::clone(schema));
        }
        if let Some(relation) = working.relation(oid) {
            merged.put_relation(Arc::clone(relation));
        }
    }
    Ok(merged)
}

/// What must be stored so that the stored `before` becomes `after`; `changed` are the objects that may differ.
pub fn changes(
    before: &Snapshot,
    after: &Snapshot,
    changed: impl Iterator<Item = Oid>,
    next_oid: Oid,
    author: &str,
    now: DateTime<Utc>,
) -> Vec<Change> {
    let mut changes = Vec::new();
    for oid in changed {
        match (before.role(oid), after.role(oid)) {
            (Some(_), None) => changes.push(Change::RemoveRole(oid)),
            (before, Some(role)) if before != Some(role) => changes.push(Change::PutRole(Arc::clone(role))),
            _ => {}
        }
        match (before.schema(oid), after.schema(oid)) {
            (Some(_), None) => changes.push(Change::RemoveSchema(oid)),
            (before, Some(schema)) if before != Some(schema) => changes.push(Change::PutSchema(Arc::clone(schema))),
            _ => {}
        }
        match (before.relation(oid), after.relation(oid)) {
            (Some(_), None) => changes.push(Change::RemoveRelation(oid)),
            (before, Some(relation)) if before != Some(relation) => {
                changes.push(Change::PutRelation(Arc::clone(relation)));
                changes.extend(saved_definition(before, relation, after, author, now).map(Change::SaveDefinition));
            }
            _ => {}
        }
    }
    changes.push(Change::NextOid(next_oid));
    changes
}

/// What the history of definitions gains: nothing when only a name or a comment changed.
fn saved_definition(
    before: Option<&Arc<Relation>>,
    view: &Relation,
    after: &Snapshot,
    author: &str,
    now: DateTime<Utc>,
) -> Option<SavedDefinition> {
    let definition = view.definition()?;
    let replaced =
        before.is_none_or(|before| before.replaced_at != view.replaced_at || before.definition() != Some(definition));
    if !replaced {
        return None;
    }
    let qualified_name = |oid: Oid| {
        let relation = after.relation(oid)?;
        let schema = after.schema(relation.schema)?;
        Some(format!("{}.{}", ident::quote(&schema.name), ident::quote(&relation.name)))
    };
    Some(SavedDefinition {
        view: view.oid,
        schema: after.schema(view.schema).map(|schema| schema.name.clone()).unwrap_or_default(),
        name: view.name.clone(),
        text: definition.text.clone(),
        qualified: spliced_where_known(definition, qualified_name),
        saved_at: now.trunc_subsecs(6),
        saved_by: author.to_owned(),
    })
}
