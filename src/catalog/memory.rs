//! A store that forgets everything at exit: for tests, and for serving without a home.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use rand::Rng;

use super::delivery::RecordedDelivery;
use super::object::{FIRST_USER_OID, Relation, Role, Run, Schema};
use super::store::{Change, Loaded, RecordedRun, RunOutcome, SavedDefinition, Store};
use crate::error::{Result, message};
use crate::pg_type::Oid;
use crate::scram::SECRET_BYTES;

/// Clones share what they hold, so a catalog can be opened again on a clone.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore(Arc<Mutex<Held>>);

#[derive(Debug, Default)]
struct Held {
    version: u64,
    next_oid: Option<Oid>,
    roles: BTreeMap<Oid, Arc<Role>>,
    schemas: BTreeMap<Oid, Arc<Schema>>,
    relations: BTreeMap<Oid, Arc<Relation>>,
    saved: Vec<SavedDefinition>,
    runs: Vec<RecordedRun>,
    deliveries: Vec<RecordedDelivery>,
    /// Made when it is first asked for.
    secret: Option<[u8; SECRET_BYTES]>,
}

impl MemoryStore {
    /// A copy of what another store holds; changes of the copy do not reach it.
    pub fn of(loaded: Loaded) -> Self {
        Self(Arc::new(Mutex::new(Held {
            version: loaded.version,
            next_oid: Some(loaded.next_oid),
            roles: loaded.roles.into_iter().map(|role| (role.oid, role)).collect(),
            schemas: loaded.schemas.into_iter().map(|schema| (schema.oid, schema)).collect(),
            relations: loaded.relations.into_iter().map(|relation| (relation.oid, relation)).collect(),
            saved: Vec::new(),
            runs: Vec::new(),
            deliveries: Vec::new(),
            secret: None,
        })))
    }
}

impl Store for MemoryStore {
    fn load(&mut self) -> Result<Loaded> {
        let held = self.0.lock();
        Ok(Loaded {
            version: held.version,
            next_oid: held.next_oid.unwrap_or(FIRST_USER_OID),
            roles: held.roles.values().cloned().collect(),
            schemas: held.schemas.values().cloned().collect(),
            relations: held.relations.values().cloned().collect(),
        })
    }

    fn commit(&mut self, base_version: u64, changes: &[Change]) -> Result<u64> {
        let mut held = self.0.lock();
        if held.version != base_version {
            return Err(message::concurrent_update(format!(
                "The stored catalog has version {}, not {base_version}.",
                held.version
            )));
        }
        for change in changes.iter().cloned() {
            match change {
                Change::PutRole(role) => drop(held.roles.insert(role.oid, role)),
                Change::RemoveRole(oid) => drop(held.roles.remove(&oid)),
                Change::PutSchema(schema) => drop(held.schemas.insert(schema.oid, schema)),
                Change::RemoveSchema(oid) => drop(held.schemas.remove(&oid)),
                Change::PutRelation(relation) => {
                    held.remember_runs(&relation);
                    held.relations.insert(relation.oid, relation);
                }
                Change::RemoveRelation(oid) => {
                    held.keep_runs(oid, &[]);
                    held.relations.remove(&oid);
                }
                Change::NextOid(oid) => held.next_oid = Some(oid),
                Change::SaveDefinition(saved) => held.saved.push(saved),
                Change::RecordFailure(failure) => held.runs.push(failure),
                Change::PutDelivery(delivery) => {
                    match held.deliveries.iter_mut().find(|known| known.delivery.id == delivery.id) {
                        Some(known) => known.delivery = *delivery,
                        None => held.deliveries.push(RecordedDelivery { delivery: *delivery, batches: Vec::new() }),
                    }
                }
                Change::PutBatch { delivery, batch } => {
                    if let Some(known) = held.deliveries.iter_mut().find(|known| known.delivery.id == delivery) {
                        known.put_batch(batch);
                    }
                }
            }
        }
        held.version += 1;
        Ok(held.version)
    }

    fn secret(&mut self) -> Result<[u8; SECRET_BYTES]> {
        Ok(*self.0.lock().secret.get_or_insert_with(|| rand::rng().random()))
    }

    fn saved_definitions(&mut self, view: Option<Oid>) -> Result<Vec<SavedDefinition>> {
        let is_wanted = |saved: &&SavedDefinition| view.is_none_or(|view| saved.view == view);
        Ok(self.0.lock().saved.iter().filter(is_wanted).cloned().collect())
    }

    fn runs(&mut self) -> Result<Vec<RecordedRun>> {
        Ok(self.0.lock().runs.clone())
    }

    fn deliveries(&mut self) -> Result<Vec<RecordedDelivery>> {
        Ok(self.0.lock().deliveries.clone())
    }
}

impl Held {
    fn remember_runs(&mut self, list: &Relation) {
        let Some(materialized) = list.materialized() else { return };
        self.keep_runs(list.oid, &materialized.runs);
        let schema = self.schemas.get(&list.schema).map_or("", |schema| schema.name.as_str()).to_owned();
        for run in materialized.runs.iter().rev() {
            let is_known = self.runs.iter().any(|known| {
                known.audience == list.oid
                    && matches!(known.outcome, RunOutcome::Done { number, .. } if number == run.number)
            });
            if !is_known {
                self.runs.push(RecordedRun::of(list, &schema, run, true));
            }
        }
    }

    /// Of a list's runs, only the rows of these can still be read.
    fn keep_runs(&mut self, list: Oid, kept: &[Arc<Run>]) {
        for run in self.runs.iter_mut().filter(|run| run.audience == list) {
            if let RunOutcome::Done { number, is_kept, .. } = &mut run.outcome {
                *is_kept = kept.iter().any(|run| run.number == *number);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::store::conformance;

    #[test]
    fn keeps_what_every_store_keeps() {
        conformance::run(|| {
            let store = MemoryStore::default();
            move || Box::new(store.clone()) as Box<dyn Store>
        });
    }
}
