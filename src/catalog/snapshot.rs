//! One state of the catalog, whole and unchanging: what a statement sees from its start to its end.
//!
//! Objects are shared between snapshots, so that a new one costs only what changed plus the maps. The indexes
//! (by name, by what is read) follow from the objects and are kept by the functions that change a snapshot;
//! those are for [`Draft`](super::draft::Draft) and for opening the catalog, nobody else.
//!
//! System relations (`pg_catalog`, `information_schema`, `regulars`) are not in here: they are fixed, have OIDs
//! below [`FIRST_USER_OID`](super::object::FIRST_USER_OID) and live in `catalog/system`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::object::{Relation, Role, Schema};
use crate::pg_type::Oid;

#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    version: u64,
    roles: BTreeMap<Oid, Arc<Role>>,
    schemas: BTreeMap<Oid, Arc<Schema>>,
    relations: BTreeMap<Oid, Arc<Relation>>,
    role_names: BTreeMap<Arc<str>, Oid>,
    schema_names: BTreeMap<Arc<str>, Oid>,
    relation_names: BTreeMap<Oid, BTreeMap<Arc<str>, Oid>>,
    readers: BTreeMap<Oid, BTreeSet<Oid>>,
}

impl Snapshot {
    /// Identifies the content: within one process, snapshots of the same catalog with the same version hold the same.
    ///
    /// Committed versions count up from 0; what a transaction has changed but not committed has a number of its own
    /// with the highest bit set, so that a cache keyed by version never confuses the two.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// All roles in order of OID, the built-in ones too.
    pub fn roles(&self) -> impl Iterator<Item = &Arc<Role>> {
        self.roles.values()
    }

    pub fn role(&self, oid: Oid) -> Option<&Arc<Role>> {
        self.roles.get(&oid)
    }

    pub fn role_named(&self, name: &str) -> Option<&Arc<Role>> {
        self.roles.get(self.role_names.get(name)?)
    }

    /// All schemas in order of OID, the built-in ones too.
    pub fn schemas(&self) -> impl Iterator<Item = &Arc<Schema>> {
        self.schemas.values()
    }

    pub fn schema(&self, oid: Oid) -> Option<&Arc<Schema>> {
        self.schemas.get(&oid)
    }

    pub fn schema_named(&self, name: &str) -> Option<&Arc<Schema>> {
        self.schemas.get(self.schema_names.get(name)?)
    }

    /// Tables and views, not system relations, in order of OID.
    pub fn relations(&self) -> impl Iterator<Item = &Arc<Relation>> {
        self.relations.values()
    }

    pub fn relation(&self, oid: Oid) -> Option<&Arc<Relation>> {
        self.relations.get(&oid)
    }

    pub fn relation_named(&self, schema: Oid, name: &str) -> Option<&Arc<Relation>> {
        self.relations.get(self.relation_names.get(&schema)?.get(name)?)
    }

    /// The relations of one schema, in order of name.
    pub fn relations_of(&self, schema: Oid) -> impl Iterator<Item = &Arc<Relation>> {
        self.relation_names
            .get(&schema)
            .into_iter()
            .flat_map(|names| names.values())
            .filter_map(|oid| self.relations.get(oid))
    }

    /// The views that read this relation (a table, a view or a system relation) directly, in order of OID.
    pub fn readers(&self, oid: Oid) -> Vec<&Arc<Relation>> {
        self.readers.get(&oid).into_iter().flatten().filter_map(|reader| self.relations.get(reader)).collect()
    }

    /// Builds a snapshot from its objects.
    pub(super) fn of(
        version: u64,
        schemas: impl IntoIterator<Item = Arc<Schema>>,
        relations: impl IntoIterator<Item = Arc<Relation>>,
    ) -> Self {
        let mut snapshot = Self { version, ..Self::default() };
        for schema in schemas {
            snapshot.put_schema(schema);
        }
        for relation in relations {
            snapshot.put_relation(relation);
        }
        snapshot
    }

    pub(super) fn with_roles(mut self, roles: impl IntoIterator<Item = Arc<Role>>) -> Self {
        for role in roles {
            self.put_role(role);
        }
        self
    }

    pub(super) fn put_role(&mut self, role: Arc<Role>) {
        self.remove_role(role.oid);
        self.role_names.insert(role.name.as_str().into(), role.oid);
        self.roles.insert(role.oid, role);
    }

    pub(super) fn remove_role(&mut self, oid: Oid) {
        if let Some(role) = self.roles.remove(&oid) {
            forget_name(&mut self.role_names, &role.name, oid);
        }
    }

    pub(super) fn set_version(&mut self, version: u64) {
        self.version = version;
    }

    pub(super) fn put_schema(&mut self, schema: Arc<Schema>) {
        self.remove_schema(schema.oid);
        self.schema_names.insert(schema.name.as_str().into(), schema.oid);
        self.schemas.insert(schema.oid, schema);
    }

    pub(super) fn remove_schema(&mut self, oid: Oid) {
        if let Some(schema) = self.schemas.remove(&oid) {
            forget_name(&mut self.schema_names, &schema.name, oid);
        }
    }

    pub(super) fn put_relation(&mut self, relation: Arc<Relation>) {
        self.remove_relation(relation.oid);
        for read in relation.reads() {
            self.readers.entry(read).or_default().insert(relation.oid);
        }
        self.relation_names.entry(relation.schema).or_default().insert(relation.name.as_str().into(), relation.oid);
        self.relations.insert(relation.oid, relation);
    }

    pub(super) fn remove_relation(&mut self, oid: Oid) {
        let Some(relation) = self.relations.remove(&oid) else { return };
        for read in relation.reads() {
            if let Some(readers) = self.readers.get_mut(&read) {
                readers.remove(&oid);
                if readers.is_empty() {
                    self.readers.remove(&read);
                }
            }
        }
        if let Some(names) = self.relation_names.get_mut(&relation.schema) {
            forget_name(names, &relation.name, oid);
            if names.is_empty() {
                self.relation_names.remove(&relation.schema);
            }
        }
    }
}

/// Removes a name unless it already belongs to another object.
fn forget_name(names: &mut BTreeMap<Arc<str>, Oid>, name: &str, oid: Oid) {
    if names.get(name) == Some(&oid) {
        names.remove(name);
    }
}

/// Two snapshots are equal when they hold the same objects, whatever their versions.
impl PartialEq for Snapshot {
    fn eq(&self, other: &Self) -> bool {
        self.schemas == other.schemas && self.relations == other.relations
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::fixture::{schema, view};

    fn names_in(snapshot: &Snapshot, schema: Oid) -> Vec<&str> {
        snapshot.relations_of(schema).map(|relation| relation.name.as_str()).collect()
    }

    #[test]
    fn indexes_follow_renames_moves_and_new_definitions() {
        let mut snapshot =
            Snapshot::of(7, [schema(1, "s"), schema(2, "t")], [view(3, 1, "a", &[]), view(4, 1, "b", &[3])]);
        assert_eq!(snapshot.version(), 7);
        assert_eq!(snapshot.readers(3).len(), 1);

        snapshot.put_relation(view(3, 2, "z", &[]));
        assert!(snapshot.relation_named(1, "a").is_none());
        assert_eq!(snapshot.relation_named(2, "z").map(|relation| relation.oid), Some(3));
        assert_eq!(names_in(&snapshot, 1), ["b"]);
        assert_eq!(snapshot.readers(3).len(), 1, "readers hold by OID, not by name");

        snapshot.put_relation(view(4, 1, "b", &[11]));
        assert!(snapshot.readers(3).is_empty());
        assert_eq!(snapshot.readers(11).len(), 1, "a system relation can be read too");

        snapshot.put_schema(schema(1, "renamed"));
        assert!(snapshot.schema_named("s").is_none());
        assert_eq!(snapshot.schema_named("renamed").map(|schema| schema.oid), Some(1));
    }

    #[test]
    fn two_relations_may_swap_their_names() {
        let mut snapshot = Snapshot::of(0, [schema(1, "s")], [view(3, 1, "a", &[]), view(4, 1, "b", &[])]);
        snapshot.put_relation(view(3, 1, "b", &[]));
        snapshot.put_relation(view(4, 1, "a", &[]));
        assert_eq!(snapshot.relation_named(1, "a").map(|relation| relation.oid), Some(4));
        assert_eq!(snapshot.relation_named(1, "b").map(|relation| relation.oid), Some(3));
    }

    #[test]
    fn a_changed_copy_leaves_the_original_alone() {
        let original = Snapshot::of(0, [schema(1, "s")], [view(3, 1, "a", &[])]);
        let mut copy = original.clone();
        copy.remove_relation(3);
        assert!(original.relation(3).is_some());
        assert!(original != copy);
    }
}
