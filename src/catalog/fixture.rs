//! Small objects for the tests of this room.

use std::sync::Arc;

use chrono::{DateTime, TimeZone, Utc};

use super::TableDescription;
use super::draft::NewView;
use super::object::{
    BOOTSTRAP_ROLE_OID, Column, Definition, PUBLIC_OID, READER_ROLE, READER_ROLE_OID, Reference, Relation,
    RelationKind, Role, Schema,
};
use crate::pg_type::{Oid, PgType};

/// A fixed instant, moved by whole seconds.
pub fn at(second: i64) -> DateTime<Utc> {
    Utc.timestamp_opt(1_700_000_000 + second, 123_456_000).single().expect("a real instant")
}

pub fn schema(oid: Oid, name: &str) -> Arc<Schema> {
    Arc::new(Schema { oid, name: name.to_owned(), owner: BOOTSTRAP_ROLE_OID, comment: None })
}

/// As a new catalog has them.
pub fn built_in_roles() -> [Arc<Role>; 2] {
    let first = Role { is_superuser: true, can_log_in: true, ..Role::new(BOOTSTRAP_ROLE_OID, "admin") };
    [first, Role::new(READER_ROLE_OID, READER_ROLE)].map(Arc::new)
}

pub fn view(oid: Oid, schema: Oid, name: &str, reads: &[Oid]) -> Arc<Relation> {
    Arc::new(Relation {
        oid,
        schema,
        name: name.to_owned(),
        owner: BOOTSTRAP_ROLE_OID,
        kind: RelationKind::View(definition(reads)),
        columns: columns(&["member_id"]),
        comment: None,
        created_at: at(0),
        replaced_at: None,
        access: None,
    })
}

/// `SELECT member_id FROM r16390, r16391` for the given OIDs, with their places.
pub fn definition(reads: &[Oid]) -> Definition {
    let mut text = "SELECT member_id".to_owned();
    let mut references = Vec::new();
    for (number, &relation) in reads.iter().enumerate() {
        text.push_str(if number == 0 { " FROM " } else { ", " });
        let start = text.len();
        text.push_str(&format!("r{relation}"));
        references.push(Reference { start, end: text.len(), relation, needs_alias: true });
    }
    Definition { text, references }
}

pub fn column(name: &str, pg_type: PgType) -> Column {
    Column { name: name.to_owned(), pg_type, comment: None }
}

/// Columns of type `bigint`.
pub fn columns(names: &[&str]) -> Vec<Column> {
    names.iter().map(|name| column(name, PgType::INT8)).collect()
}

pub fn new_view(name: &str, reads: &[Oid]) -> NewView {
    NewView {
        schema: PUBLIC_OID,
        name: name.to_owned(),
        columns: columns(&["member_id"]),
        definition: definition(reads),
    }
}

pub fn table(name: &str, names: &[&str]) -> TableDescription {
    TableDescription { name: name.to_owned(), columns: columns(names), comment: None }
}
