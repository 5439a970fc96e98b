//! The tables of the purchase history in the catalog: what the configuration names, brought up to date at each start.

use chrono::{DateTime, SubsecRound, Utc};

use super::draft::Draft;
use super::object::{BOOTSTRAP_ROLE_OID, Column, PUBLIC_OID, Relation, RelationKind};
use crate::error::{Result, message};
use crate::ident::NAME_BYTES_MAX;
use crate::pg_type::Oid;

/// A table as the history found it in the user's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableDescription {
    /// In schema `public`.
    pub name: String,
    pub columns: Vec<Column>,
    /// Taken when the table is seen for the first time; later COMMENT ON decides.
    pub comment: Option<String>,
}

/// Puts `tables` into the draft and takes away or marks the tables that they no longer name.
pub fn bring_up_to_date(draft: &mut Draft, tables: &[TableDescription], now: DateTime<Utc>) -> Result<()> {
    for (number, table) in tables.iter().enumerate() {
        let twice = tables[..number].iter().any(|earlier| earlier.name == table.name);
        if twice || table.name.is_empty() || table.name.len() > NAME_BYTES_MAX {
            return Err(message::table_name_unusable(&table.name, NAME_BYTES_MAX));
        }
        put(draft, table, now)?;
    }
    let absent: Vec<Oid> = draft
        .snapshot()
        .relations()
        .filter(|relation| matches!(relation.kind, RelationKind::Table { .. }))
        .filter(|relation| tables.iter().all(|table| table.name != relation.name))
        .map(|relation| relation.oid)
        .collect();
    for oid in absent {
        retire(draft, oid);
    }
    Ok(())
}

fn put(draft: &mut Draft, table: &TableDescription, now: DateTime<Utc>) -> Result<()> {
    let known = draft.snapshot().relation_named(PUBLIC_OID, &table.name).cloned();
    let relation = match known {
        None => Relation {
            oid: draft.issuer().take_oid()?,
            schema: PUBLIC_OID,
            name: table.name.clone(),
            owner: BOOTSTRAP_ROLE_OID,
            kind: RelationKind::Table { present: true },
            columns: table.columns.clone(),
            comment: table.comment.clone(),
            created_at: now.trunc_subsecs(6),
            replaced_at: None,
            access: None,
        },
        Some(known) if !matches!(known.kind, RelationKind::Table { .. }) => {
            return Err(message::table_name_taken(&table.name));
        }
        Some(known) => {
            let kind = RelationKind::Table { present: true };
            Relation { columns: columns(&known, table), kind, ..Relation::clone(&known) }
        }
    };
    if draft.snapshot().relation(relation.oid).is_none_or(|known| **known != relation) {
        draft.put_relation(relation);
    }
    Ok(())
}

/// The columns of the files, with the comments of the catalog where it knows the column.
fn columns(known: &Relation, table: &TableDescription) -> Vec<Column> {
    let refreshed = table.columns.iter().map(|column| {
        let kept = known.columns.iter().find(|kept| kept.name == column.name);
        match kept {
            Some(kept) => Column { comment: kept.comment.clone(), ..column.clone() },
            None => column.clone(),
        }
    });
    refreshed.collect()
}

fn retire(draft: &mut Draft, oid: Oid) {
    let Some(table) = draft.snapshot().relation(oid).cloned() else { return };
    // What was revoked stays revoked should the table come back.
    if draft.snapshot().readers(oid).is_empty() && table.access.is_none() {
        draft.remove(oid);
    } else if table.kind != (RelationKind::Table { present: false }) {
        draft.put_relation(Relation { kind: RelationKind::Table { present: false }, ..Relation::clone(&table) });
    }
}
