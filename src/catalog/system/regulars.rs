//! Rows of our own relations, in the schema `regulars`: segments and functions, so that people find their way.

use std::collections::BTreeSet;

use super::relation::Rows;
use super::value::Value;
use super::{Build, SystemContext};
use crate::catalog::object::Relation;
use crate::error::Result;
use crate::pg_type::Oid;

pub(super) const BUILDERS: &[(&str, Build)] = &[("functions", functions), ("segments", segments)];

/// What the catalog cannot know by itself: what a segment's text means, and which functions there are.
pub trait Lore: std::fmt::Debug + Send + Sync {
    /// Whether a segment may hold a member more than once.
    fn may_repeat_members(&self, segment: &Relation) -> bool;

    /// All functions of the house, in the order of their reference.
    fn functions(&self) -> Vec<FunctionRow>;
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
