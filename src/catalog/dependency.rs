//! What must go when something goes, in the order in which PostgreSQL tells it.
//!
//! PostgreSQL collects dependents depth first, younger objects first, and reports the collection backwards: what
//! is needed stands before what needs it, older objects before younger ones.

use std::collections::BTreeSet;

use super::snapshot::Snapshot;
use crate::pg_type::Oid;

/// An object that goes, and the one it depends on through which it was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Doomed {
    pub oid: Oid,
    /// `None` for what was named in the statement.
    pub because_of: Option<Oid>,
}

/// Everything that goes when these schemas or relations go, they too, in PostgreSQL's order.
///
/// Walks with a stack of its own: chains of views may be longer than a thread's stack is deep.
pub fn doomed(snapshot: &Snapshot, named: &[Oid]) -> Vec<Doomed> {
    let mut found: Vec<Doomed> = Vec::new();
    let mut seen = BTreeSet::new();
    for &root in named {
        // Each entry: an object and its dependents that are still to be visited, the next one last.
        let mut open: Vec<(Doomed, Vec<Oid>)> = Vec::new();
        if seen.insert(root) {
            open.push((Doomed { oid: root, because_of: None }, dependents(snapshot, root)));
        }
        while let Some((object, left)) = open.last_mut() {
            match left.pop() {
                Some(dependent) if seen.insert(dependent) => {
                    let because_of = Some(object.oid);
                    open.push((Doomed { oid: dependent, because_of }, dependents(snapshot, dependent)));
                }
                Some(_) => {}
                None => {
                    found.push(*object);
                    open.pop();
                }
            }
        }
    }
    for object in &mut found {
        if named.contains(&object.oid) {
            object.because_of = None;
        }
    }
    found.reverse();
    found
}

/// Direct dependents in order of OID: relations of a schema, or readers of a relation.
fn dependents(snapshot: &Snapshot, oid: Oid) -> Vec<Oid> {
    let mut dependents: Vec<Oid> = match snapshot.schema(oid) {
        Some(_) => snapshot.relations_of(oid).map(|relation| relation.oid).collect(),
        None => snapshot.readers(oid).iter().map(|reader| reader.oid).collect(),
    };
    dependents.sort_unstable();
    dependents
}
