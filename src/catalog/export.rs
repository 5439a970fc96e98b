//! All definitions as a script that PostgreSQL reads: schemas, views in the order in which they build on one another,
//! comments.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::definition::spliced_where_known;
use super::invariant::BUILT_IN_SCHEMAS;
use super::object::{PUBLIC_OID, Relation};
use super::snapshot::Snapshot;
use super::store::Loaded;
use crate::ident;
use crate::pg_type::Oid;

/// The script of a stored catalog.
pub fn stored_definitions(loaded: Loaded) -> String {
    definitions(&Snapshot::of(loaded.version, loaded.schemas, loaded.relations).with_roles(loaded.roles))
}

/// The script; empty lines between statements, nothing for a catalog without views.
pub fn definitions(snapshot: &Snapshot) -> String {
    let mut script = String::new();
    let is_built_in = |oid: Oid| BUILT_IN_SCHEMAS.iter().any(|(known, _)| *known == oid);
    for schema in snapshot.schemas().filter(|schema| !is_built_in(schema.oid)) {
        add(&mut script, format_args!("CREATE SCHEMA {};", ident::quote(&schema.name)));
        if let Some(comment) = &schema.comment {
            let name = ident::quote(&schema.name);
            add(&mut script, format_args!("COMMENT ON SCHEMA {name} IS {};", literal(comment)));
        }
    }
    let mut written = BTreeSet::new();
    for relation in snapshot.relations() {
        add_view(&mut script, snapshot, relation, &mut written);
    }
    script
}

/// A view behind those that it reads. There are no circles.
fn add_view(script: &mut String, snapshot: &Snapshot, relation: &Relation, written: &mut BTreeSet<Oid>) {
    let Some(definition) = relation.definition() else { return };
    if !written.insert(relation.oid) {
        return;
    }
    for below in relation.reads() {
        if let Some(below) = snapshot.relation(below) {
            add_view(script, snapshot, below, written);
        }
    }
    let Some(name) = name_of(snapshot, relation.oid) else { return };
    let columns: Vec<String> = relation.columns.iter().map(|column| ident::quote(&column.name)).collect();
    let text = spliced_where_known(definition, |oid| name_of(snapshot, oid));
    // On a line of its own, should the text end in a comment.
    // What WITH (…) says of an audience means nothing elsewhere.
    let kind = relation.kind_name().to_uppercase();
    add(script, format_args!("CREATE {kind} {name} ({}) AS\n{}\n;", columns.join(", "), text.trim_end()));
    if let Some(comment) = &relation.comment {
        add(script, format_args!("COMMENT ON {kind} {name} IS {};", literal(comment)));
    }
    for column in &relation.columns {
        if let Some(comment) = &column.comment {
            let column = ident::quote(&column.name);
            add(script, format_args!("COMMENT ON COLUMN {name}.{column} IS {};", literal(comment)));
        }
    }
}

fn add(script: &mut String, statement: std::fmt::Arguments<'_>) {
    // Writing to a String does not fail.
    let _written = writeln!(script, "{statement}\n");
}

/// Qualified unless it is in `public`, which every search path has.
fn name_of(snapshot: &Snapshot, oid: Oid) -> Option<String> {
    let relation = snapshot.relation(oid)?;
    let name = ident::quote(&relation.name);
    if relation.schema == PUBLIC_OID {
        return Some(name);
    }
    Some(format!("{}.{name}", ident::quote(&snapshot.schema(relation.schema)?.name)))
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::fixture::{schema, view};

    #[test]
    fn views_come_behind_what_they_read() {
        let snapshot = Snapshot::of(
            0,
            [schema(PUBLIC_OID, "public"), schema(20_000, "crm")],
            [view(20_001, 20_000, "upper", &[20_002]), view(20_002, PUBLIC_OID, "lower", &[])],
        );
        let script = definitions(&snapshot);
        let at = |text: &str| script.find(text).unwrap_or_else(|| panic!("{text} is not in:\n{script}"));
        assert!(at("CREATE SCHEMA crm;") < at("CREATE VIEW lower"));
        assert!(at("CREATE VIEW lower") < at("CREATE VIEW crm.upper"));
        assert_eq!(script.matches("CREATE VIEW").count(), 2);
    }
}
