//! Random histories of two interleaved sessions against a model of plain maps.
//!
//! The model knows nothing of snapshots, indexes, drafts or rebasing. It is a map of schemas and a map of views,
//! with the refusals written down naively. A history is right when, after every step, each session sees its model
//! and readers see the committed model; when a commit succeeds exactly if merging the two sides' maps gives a
//! lawful state in which nobody's object was changed by both; when the loser gets 40001; and when a catalog opened
//! again on the store equals the one in memory.

use std::collections::{BTreeMap, BTreeSet};

use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::fixture::{at, definition, new_view};
use super::object::{FIRST_USER_OID, PUBLIC_OID};
use super::*;
use crate::error::SqlState;

const HISTORIES: u64 = 2_000;
/// Every n-th history runs on a SQLite file.
const ON_FILE_EVERY: u64 = 20;
const STEPS: usize = 60;
const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
const SCHEMA_NAMES: [&str; 2] = ["s", "t"];

/// The state as one would write it on paper.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Model {
    /// OID → name, comment.
    schemas: BTreeMap<Oid, (String, Option<String>)>,
    views: BTreeMap<Oid, ModelView>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct ModelView {
    schema: Oid,
    name: String,
    reads: BTreeSet<Oid>,
    comment: Option<String>,
    /// When it was last created or replaced, in seconds: makes each replacement distinct.
    saved_at: i64,
}

#[derive(Debug, Clone)]
enum Step {
    CreateSchema { name: String },
    DropSchema { name: String, cascade: bool },
    CommentSchema { name: String, comment: Option<String> },
    CreateView { schema: String, name: String, reads: Vec<Oid>, or_replace: bool },
    Rename { view: Oid, name: String },
    DropView { schema: String, name: String, cascade: bool },
    Comment { view: Oid, comment: Option<String> },
}

impl Model {
    fn schema_named(&self, name: &str) -> Option<Oid> {
        if name == "public" {
            return Some(PUBLIC_OID);
        }
        self.schemas.iter().find(|(_, (known, _))| known == name).map(|(oid, _)| *oid)
    }

    fn view_named(&self, schema: Oid, name: &str) -> Option<Oid> {
        self.views.iter().find(|(_, view)| view.schema == schema && view.name == name).map(|(oid, _)| *oid)
    }

    /// Everything that goes when these views go: read by read until nothing is added.
    fn with_readers(&self, mut going: BTreeSet<Oid>) -> BTreeSet<Oid> {
        loop {
            let more: Vec<Oid> = self
                .views
                .iter()
                .filter(|(oid, view)| !going.contains(oid) && !view.reads.is_disjoint(&going))
                .map(|(oid, _)| *oid)
                .collect();
            if more.is_empty() {
                return going;
            }
            going.extend(more);
        }
    }

    fn reaches(&self, from: &BTreeSet<Oid>, goal: Oid) -> bool {
        from.iter()
            .any(|read| *read == goal || self.views.get(read).is_some_and(|view| self.reaches(&view.reads, goal)))
    }

    /// Applies a step and gives the objects it wrote, also with what they were already; refuses with the SQLSTATE.
    /// `new` is the OID of what the step creates.
    fn apply(&mut self, step: &Step, new: Oid, second: i64) -> Result<BTreeSet<Oid>, SqlState> {
        Ok(match step {
            Step::CreateSchema { name } => {
                if self.schema_named(name).is_some() {
                    return Err(SqlState::DuplicateSchema);
                }
                self.schemas.insert(new, (name.clone(), None));
                BTreeSet::from([new])
            }
            Step::DropSchema { name, cascade } => {
                let schema = self.schema_named(name).ok_or(SqlState::InvalidSchemaName)?;
                let inside = self.views.iter().filter(|(_, view)| view.schema == schema).map(|(oid, _)| *oid);
                let going = self.with_readers(inside.collect());
                if !cascade && !going.is_empty() {
                    return Err(SqlState::DependentObjectsStillExist);
                }
                self.views.retain(|oid, _| !going.contains(oid));
                self.schemas.remove(&schema);
                going.into_iter().chain([schema]).collect()
            }
            Step::CommentSchema { name, comment } => {
                let schema = self.schema_named(name).ok_or(SqlState::InvalidSchemaName)?;
                self.schemas.entry(schema).and_modify(|(_, known)| known.clone_from(comment));
                BTreeSet::from([schema])
            }
            Step::CreateView { schema, name, reads, or_replace } => {
                self.create_view(schema, name, reads, *or_replace, new, second)?
            }
            Step::Rename { view, name } => {
                let schema = self.views.get(view).ok_or(SqlState::UndefinedTable)?.schema;
                if self.view_named(schema, name).is_some() {
                    return Err(SqlState::DuplicateTable);
                }
                self.views.entry(*view).and_modify(|view| view.name.clone_from(name));
                BTreeSet::from([*view])
            }
            Step::DropView { schema, name, cascade } => {
                let schema = self.schema_named(schema).ok_or(SqlState::InvalidSchemaName)?;
                let view = self.view_named(schema, name).ok_or(SqlState::UndefinedTable)?;
                let going = self.with_readers(BTreeSet::from([view]));
                if !cascade && going.len() > 1 {
                    return Err(SqlState::DependentObjectsStillExist);
                }
                self.views.retain(|oid, _| !going.contains(oid));
                going
            }
            Step::Comment { view, comment } => {
                self.views.get_mut(view).ok_or(SqlState::UndefinedTable)?.comment.clone_from(comment);
                BTreeSet::from([*view])
            }
        })
    }

    fn create_view(
        &mut self,
        schema: &str,
        name: &str,
        reads: &[Oid],
        or_replace: bool,
        new: Oid,
        second: i64,
    ) -> Result<BTreeSet<Oid>, SqlState> {
        let schema = self.schema_named(schema).ok_or(SqlState::InvalidSchemaName)?;
        let reads: BTreeSet<Oid> = reads.iter().copied().collect();
        if reads.iter().any(|read| !self.views.contains_key(read)) {
            return Err(SqlState::UndefinedTable);
        }
        match self.view_named(schema, name) {
            Some(_) if !or_replace => Err(SqlState::DuplicateTable),
            Some(existing) if self.reaches(&reads, existing) => Err(SqlState::InvalidObjectDefinition),
            Some(existing) => {
                self.views.entry(existing).and_modify(|view| (view.reads, view.saved_at) = (reads, second));
                Ok(BTreeSet::from([existing]))
            }
            None => {
                let view = ModelView { schema, name: name.to_owned(), reads, comment: None, saved_at: second };
                self.views.insert(new, view);
                Ok(BTreeSet::from([new]))
            }
        }
    }

    /// Mine on top of theirs, if nobody else wrote what I wrote and the whole is lawful: both began at `base`.
    fn merged(base: &Self, mine: &Self, writes: &BTreeSet<Oid>, theirs: &Self) -> Option<Self> {
        if base == mine {
            return Some(theirs.clone());
        }
        let merged = Self {
            schemas: merged_map(&base.schemas, &mine.schemas, writes, &theirs.schemas)?,
            views: merged_map(&base.views, &mine.views, writes, &theirs.views)?,
        };
        merged.is_lawful().then_some(merged)
    }

    fn is_lawful(&self) -> bool {
        let schema_names: BTreeSet<_> = self.schemas.values().map(|(name, _)| name).collect();
        let view_names: BTreeSet<_> = self.views.values().map(|view| (view.schema, &view.name)).collect();
        let homes =
            self.views.values().all(|view| view.schema == PUBLIC_OID || self.schemas.contains_key(&view.schema));
        let reads = self.views.values().all(|view| view.reads.iter().all(|read| self.views.contains_key(read)));
        schema_names.len() == self.schemas.len()
            && view_names.len() == self.views.len()
            && homes
            && reads
            && self.ends()
    }

    /// Whether taking away views that read nothing, again and again, takes away all.
    fn ends(&self) -> bool {
        let mut left = self.views.clone();
        loop {
            let names: BTreeSet<Oid> = left.keys().copied().collect();
            left.retain(|_, view| !view.reads.is_disjoint(&names));
            if left.len() == names.len() {
                return left.is_empty();
            }
        }
    }

    /// The state of a snapshot, on paper.
    fn of(snapshot: &Snapshot) -> Self {
        let user_schemas = snapshot.schemas().filter(|schema| schema.oid >= FIRST_USER_OID);
        Self {
            schemas: user_schemas.map(|schema| (schema.oid, (schema.name.clone(), schema.comment.clone()))).collect(),
            views: snapshot
                .relations()
                .map(|view| {
                    let saved_at = view.replaced_at.unwrap_or(view.created_at);
                    let paper = ModelView {
                        schema: view.schema,
                        name: view.name.clone(),
                        reads: view.reads(),
                        comment: view.comment.clone(),
                        saved_at: (saved_at - at(0)).num_seconds(),
                    };
                    (view.oid, paper)
                })
                .collect(),
        }
    }
}

/// Theirs with my entries where I wrote; nothing when they wrote there too.
fn merged_map<T: Clone + PartialEq>(
    base: &BTreeMap<Oid, T>,
    mine: &BTreeMap<Oid, T>,
    writes: &BTreeSet<Oid>,
    theirs: &BTreeMap<Oid, T>,
) -> Option<BTreeMap<Oid, T>> {
    let mut merged = theirs.clone();
    for oid in writes {
        if base.get(oid) != theirs.get(oid) {
            return None;
        }
        match mine.get(oid) {
            Some(value) => drop(merged.insert(*oid, value.clone())),
            None => drop(merged.remove(oid)),
        }
    }
    Some(merged)
}

/// A transaction on both sides, with its savepoints.
struct Transaction {
    base: Model,
    now: Progress,
    savepoints: Vec<Progress>,
}

/// A step that succeeded: what it created, when, and what it wrote.
#[derive(Clone)]
struct Done {
    step: Step,
    new: Oid,
    second: i64,
    writes: BTreeSet<Oid>,
}

/// How far a transaction has come.
#[derive(Clone)]
struct Progress {
    draft: Draft,
    model: Model,
    writes: BTreeSet<Oid>,
    steps: Vec<Done>,
}

/// What happened, so that a history without conflicts cannot pass for a good one.
#[derive(Debug, Default)]
struct Tally {
    commits: usize,
    merges: usize,
    conflicts: usize,
    refusals: usize,
    replayed: usize,
    rollbacks: usize,
}

struct History<'a> {
    random: ChaCha8Rng,
    catalog: Catalog,
    committed: Model,
    open_store: &'a dyn Fn() -> Box<dyn Store>,
    second: i64,
    tally: &'a mut Tally,
}

impl History<'_> {
    fn run(&mut self) {
        let mut sessions: [Option<Transaction>; 2] = [None, None];
        for _ in 0..STEPS {
            self.second += 1;
            let who = self.random.random_range(0..2);
            let session = &mut sessions[who];
            match session.take() {
                None => *session = Some(self.begin()),
                Some(transaction) => *session = self.proceed(transaction),
            }
            let seen = Model::of(&self.catalog.snapshot());
            assert_eq!(seen, self.committed, "readers see what was committed, whole");
            for transaction in sessions.iter().flatten() {
                assert_eq!(
                    Model::of(transaction.now.draft.snapshot()),
                    transaction.now.model,
                    "a session sees its own"
                );
                check_indexes(transaction.now.draft.snapshot());
            }
        }
    }

    fn begin(&self) -> Transaction {
        let now = Progress {
            draft: self.catalog.begin(),
            model: self.committed.clone(),
            writes: BTreeSet::new(),
            steps: Vec::new(),
        };
        Transaction { base: self.committed.clone(), now, savepoints: Vec::new() }
    }

    /// One step of an open transaction; gives it back unless it ended.
    fn proceed(&mut self, mut transaction: Transaction) -> Option<Transaction> {
        match self.random.random_range(0..100) {
            0..72 => self.statement(&mut transaction.now),
            72..78 => transaction.savepoints.push(transaction.now.clone()),
            78..83 => {
                if let Some(savepoint) = transaction.savepoints.pop() {
                    transaction.now = savepoint;
                    self.tally.rollbacks += 1;
                }
            }
            83..87 => {
                self.tally.rollbacks += 1;
                return None;
            }
            _ => {
                self.commit(transaction);
                return None;
            }
        }
        Some(transaction)
    }

    fn statement(&mut self, now: &mut Progress) {
        let step = self.random_step(&now.model);
        let before = now.draft.snapshot().clone();
        let result = run_on_draft(&mut now.draft, &step, self.second);
        // What the step created is what is new; a refused step created nothing.
        let known = |oid: &Oid| before.schema(*oid).is_some() || before.relation(*oid).is_some();
        let after = now.draft.snapshot();
        let oids = after.schemas().map(|schema| schema.oid).chain(after.relations().map(|view| view.oid));
        let new = oids.into_iter().find(|oid| !known(oid)).unwrap_or_default();
        let mut model = now.model.clone();
        let expected = model.apply(&step, new, self.second);
        match (result, expected) {
            (Ok(()), Ok(writes)) => {
                now.writes.extend(&writes);
                now.model = model;
                now.steps.push(Done { step, new, second: self.second, writes });
            }
            (Err(error), Err(state)) => {
                assert_eq!(error.state(), state, "{step:?}: {error}");
                assert_eq!(**after, *before, "a refusal changes nothing: {step:?}");
                self.tally.refusals += 1;
            }
            (result, expected) => panic!("{step:?} gave {result:?}, the model {expected:?}"),
        }
    }

    fn random_step(&mut self, model: &Model) -> Step {
        let random = &mut self.random;
        let name = (*NAMES.choose(random).expect("names")).to_owned();
        let schema_name = (*SCHEMA_NAMES.choose(random).expect("names")).to_owned();
        let schema = if random.random_bool(0.7) { "public".to_owned() } else { schema_name.clone() };
        let views: Vec<Oid> = model.views.keys().copied().collect();
        let view = views.choose(random).copied().unwrap_or(99);
        let comment = random.random_bool(0.7).then(|| format!("comment {}", self.second));
        let cascade = random.random_bool(0.3);
        match random.random_range(0..20) {
            0..2 => Step::CreateSchema { name: schema_name },
            2 => Step::DropSchema { name: schema_name, cascade },
            3 => Step::CommentSchema { name: schema_name, comment },
            4..12 => {
                let count = random.random_range(0..3);
                let reads: Vec<Oid> = views.choose_multiple(random, count).copied().collect();
                Step::CreateView { schema, name, reads, or_replace: random.random_bool(0.5) }
            }
            12..15 => Step::Rename { view, name },
            15..18 => Step::DropView { schema, name, cascade },
            _ => Step::Comment { view, comment },
        }
    }

    fn commit(&mut self, transaction: Transaction) {
        let Transaction { base, now: Progress { draft, model, writes, steps }, .. } = transaction;
        let moved = base != self.committed;
        let expected = Model::merged(&base, &model, &writes, &self.committed);
        let changed = base != model;
        let replayed = self.replayed(&steps);
        match (self.catalog.commit(draft, at(self.second)), expected) {
            (Ok(snapshot), Some(expected)) => {
                assert_eq!(Model::of(&snapshot), expected);
                if let (Some(replayed), true) = (replayed, changed) {
                    // Where the statements can be run one after the other, doing so gives the same.
                    assert_eq!(replayed, expected);
                    self.tally.replayed += 1;
                }
                self.tally.commits += 1;
                self.tally.merges += usize::from(moved && changed);
                self.committed = expected;
                check_indexes(&snapshot);
            }
            (Err(error), None) => {
                assert_eq!(error.state(), SqlState::SerializationFailure, "{error}");
                assert!(error.detail().is_some_and(|detail| detail.ends_with('.')), "{error}");
                assert!(moved, "nobody else had committed: {error}");
                self.tally.conflicts += 1;
            }
            (result, expected) => panic!("commit gave {result:?}, the model {expected:?}"),
        }
        if self.random.random_bool(0.2) {
            self.reopen_beside();
        }
    }

    /// The committed state with the transaction's statements run on it one by one; nothing if one is refused or
    /// its names now mean other objects.
    fn replayed(&self, steps: &[Done]) -> Option<Model> {
        let mut model = self.committed.clone();
        for Done { step, new, second, writes } in steps {
            if model.apply(step, *new, *second).ok()? != *writes {
                return None;
            }
        }
        Some(model)
    }

    /// What is stored is what is in memory.
    fn reopen_beside(&mut self) {
        let memory = self.catalog.snapshot();
        let placeholder = Catalog::open(Box::<MemoryStore>::default(), &[], at(0)).expect("opens");
        // A home is held by one catalog at a time, so the old one closes first; drafts outlive it.
        let old = std::mem::replace(&mut self.catalog, placeholder);
        let issuer = Arc::clone(&old.issuer);
        drop(old);
        let mut reopened = Catalog::open((self.open_store)(), &[], at(self.second)).expect("opens again");
        assert_eq!(*reopened.snapshot(), *memory);
        assert_eq!(reopened.snapshot().version(), memory.version());
        assert!(reopened.issuer.next_oid() <= issuer.next_oid());
        // Open drafts hold OIDs of the old issuer, as they would if the catalog had stayed open.
        reopened.issuer = issuer;
        self.catalog = reopened;
    }
}

fn run_on_draft(draft: &mut Draft, step: &Step, second: i64) -> crate::error::Result<()> {
    match step {
        Step::CreateSchema { name } => draft.create_schema(name, false).map(drop),
        Step::DropSchema { name, cascade } => draft.drop_schema(name, false, *cascade).map(drop),
        Step::CommentSchema { name, comment } => draft.comment_on_schema(name, comment.clone()),
        Step::CreateView { schema, name, reads, or_replace } => {
            let schema = draft.snapshot().schema_named(schema).map(|schema| schema.oid);
            let schema = schema.ok_or_else(|| message::schema_missing("none"))?;
            let view = NewView { schema, definition: definition(reads), ..new_view(name, &[]) };
            draft.create_view(view, *or_replace, at(second)).map(drop)
        }
        Step::Rename { view, name } => draft.rename_relation(*view, name, MustBe::View).map(drop),
        Step::DropView { schema, name, cascade } => {
            draft.drop_views(&[RelationName::qualified(schema, name)], false, *cascade).map(drop)
        }
        Step::Comment { view, comment } => draft.comment_on(*view, comment.clone()),
    }
}

/// The indexes say what the objects say.
fn check_indexes(snapshot: &Snapshot) {
    for relation in snapshot.relations() {
        let found = snapshot.relation_named(relation.schema, &relation.name).expect("found by name");
        assert_eq!(found.oid, relation.oid);
        let readers: Vec<Oid> = snapshot.readers(relation.oid).iter().map(|reader| reader.oid).collect();
        let expected = snapshot.relations().filter(|reader| reader.reads().contains(&relation.oid));
        assert_eq!(readers, expected.map(|reader| reader.oid).collect::<Vec<_>>());
    }
    let by_schema: usize = snapshot.schemas().map(|schema| snapshot.relations_of(schema.oid).count()).sum();
    assert_eq!(by_schema, snapshot.relations().count());
}

fn run_history(seed: u64, on_file: bool, tally: &mut Tally) {
    let folder = tempfile::tempdir().expect("a folder");
    let memory = MemoryStore::default();
    let open_store = || -> Box<dyn Store> {
        if !on_file {
            return Box::new(memory.clone());
        }
        let home = crate::storage::layout::Home::open(folder.path()).expect("a home");
        Box::new(SqliteStore::open(Arc::new(home)).expect("a store"))
    };
    let catalog = Catalog::open(open_store(), &[], at(0)).expect("opens");
    let random = ChaCha8Rng::seed_from_u64(seed);
    let mut history =
        History { random, catalog, committed: Model::default(), open_store: &open_store, second: 0, tally };
    history.run();
}

/// To run one history again: `REGULARS_TEST_SEED=<seed> cargo test random_histories`.
#[test]
fn two_sessions_agree_with_a_model() {
    let asked: Option<u64> = std::env::var("REGULARS_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seeds = asked.map_or(0..HISTORIES, |seed| seed..seed + 1);
    let mut tally = Tally::default();
    for seed in seeds {
        let on_file = seed % ON_FILE_EVERY == 0;
        let run = std::panic::AssertUnwindSafe(|| run_history(seed, on_file, &mut tally));
        if let Err(fault) = std::panic::catch_unwind(run) {
            println!("the history with seed {seed} failed");
            std::panic::resume_unwind(fault);
        }
    }
    println!("seeds 0..{HISTORIES}: {tally:?}");
    if asked.is_none() {
        let Tally { commits, merges, conflicts, refusals, replayed, rollbacks } = tally;
        for (what, count) in [("commits", commits), ("merges", merges), ("conflicts", conflicts)] {
            assert!(count > 500, "only {count} {what}");
        }
        assert!(refusals > 500 && replayed > 500 && rollbacks > 500);
    }
}
