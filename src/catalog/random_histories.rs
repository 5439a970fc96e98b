//! Random histories of two interleaved sessions against a model of plain maps (`model.rs`).
//!
//! The model knows nothing of snapshots, indexes, drafts or rebasing. It is a map of schemas and a map of views,
//! with the refusals written down naively; a view may be a list that is refreshed. A history is right when, after
//! every step, each session sees its model and readers see the committed model; when a commit succeeds exactly if
//! merging the two sides' maps gives a lawful state in which nobody's object was changed by both; when the loser gets
//! 40001; when a catalog opened again on the store equals the one in memory; and when exactly those files of lists are
//! there that somebody may read.

mod model;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use self::model::{KEPT, Model, Step, Writes};
use super::fixture::{at, definition, new_view};
use super::object::AudienceOptions;
use super::*;
use crate::error::SqlState;
use crate::storage::member_file::MemberFolder;

const HISTORIES: u64 = 2_000;
/// Every n-th history runs on a SQLite file.
const ON_FILE_EVERY: u64 = 20;
const STEPS: usize = 60;
const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
const SCHEMA_NAMES: [&str; 2] = ["s", "t"];

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
    writes: Writes,
}

/// How far a transaction has come.
#[derive(Clone)]
struct Progress {
    draft: Draft,
    model: Model,
    writes: Writes,
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
    refreshes: usize,
}

struct History<'a> {
    random: ChaCha8Rng,
    catalog: Catalog,
    committed: Model,
    open_store: &'a dyn Fn() -> Box<dyn Store>,
    lists: &'a MemberFolder,
    /// A store that is opened again names its files anew, beside drafts that still name them.
    counts_files: bool,
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
            if self.counts_files {
                self.check_files(&sessions);
            }
        }
    }

    /// On the disk lies what readers, open transactions and their savepoints name, and nothing else.
    fn check_files(&self, sessions: &[Option<Transaction>]) {
        let open = sessions.iter().flatten();
        let drafts = open.flat_map(|transaction| transaction.savepoints.iter().chain([&transaction.now]));
        let seen = drafts.flat_map(|progress| [progress.draft.base(), progress.draft.snapshot()]).map(Arc::clone);
        let named: BTreeSet<PathBuf> = seen.chain([self.catalog.snapshot()]).flat_map(|seen| files_of(&seen)).collect();
        let entries = |folder: &Path| -> Vec<PathBuf> {
            let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
            entries.map(|entry| entry.expect("an entry").path()).collect()
        };
        let there: BTreeSet<PathBuf> = entries(self.lists.root()).iter().flat_map(|list| entries(list)).collect();
        assert_eq!(there, named, "files of lists");
    }

    fn begin(&self) -> Transaction {
        let now = Progress {
            draft: self.catalog.begin(),
            model: self.committed.clone(),
            writes: Writes::default(),
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
        let result = run_on_draft(&mut now.draft, &step, self.second, self.lists);
        self.tally.refreshes += usize::from(result.is_ok() && matches!(step, Step::Refresh { .. }));
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
        match random.random_range(0..28) {
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
            18..20 => Step::Comment { view, comment },
            20..22 => {
                let count = random.random_range(0..2);
                let reads: Vec<Oid> = views.choose_multiple(random, count).copied().collect();
                Step::CreateList { schema, name, reads }
            }
            22 => Step::DropList { schema, name, cascade },
            of_list => {
                let lists: Vec<Oid> = views.into_iter().filter(|oid| model.views[oid].list.is_some()).collect();
                let list = lists.choose(random).copied().unwrap_or(view);
                match of_list {
                    23 => Step::Empty { list },
                    24 => Step::RenameList { list, name },
                    _ => Step::Refresh { list },
                }
            }
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

fn run_on_draft(draft: &mut Draft, step: &Step, second: i64, lists: &MemberFolder) -> crate::error::Result<()> {
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
        Step::CreateList { schema, name, reads } => {
            let schema = draft.snapshot().schema_named(schema).map(|schema| schema.oid);
            let schema = schema.ok_or_else(|| message::schema_missing("none"))?;
            let list = NewView { schema, definition: definition(reads), ..new_view(name, &[]) };
            let options = AudienceOptions { keep: KEPT as u32, ..AudienceOptions::default() };
            draft.create_materialized_view(list, options, false, at(second)).map(drop)
        }
        Step::Refresh { list } => {
            let held = draft.require(*list, MustBe::MaterializedView)?.materialized();
            let number = held.map_or(0, |held| held.last_run) + 1;
            let run = run_of(*list, number, second, lists)?;
            draft.put_run(*list, run)
        }
        Step::Empty { list } => draft.unpopulate(*list),
        Step::RenameList { list, name } => draft.rename_relation(*list, name, MustBe::MaterializedView).map(drop),
        Step::DropList { schema, name, cascade } => {
            draft.drop_materialized_views(&[RelationName::qualified(schema, name)], false, *cascade).map(drop)
        }
    }
}

/// A run whose file is there, and empty: nobody reads its rows.
fn run_of(list: Oid, number: u32, second: i64, lists: &MemberFolder) -> crate::error::Result<Run> {
    let (file, _handle) = lists.create(list, number)?;
    Ok(Run {
        number,
        file,
        rows: 0,
        bytes: 0,
        universe: 0,
        as_of: at(second).date_naive(),
        started_at: at(second),
        finished_at: at(second),
        by: "ada".to_owned(),
        definition: String::new(),
        definition_hash: String::new(),
        data_version: None,
    })
}

fn files_of(snapshot: &Snapshot) -> Vec<PathBuf> {
    let lists = snapshot.relations().filter_map(|relation| relation.materialized());
    lists.flat_map(|list| list.runs.iter().map(|run| run.file.path().to_owned())).collect()
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
    // Where a store on a file looks for them.
    let lists = MemberFolder::new(folder.path().join("audiences"));
    let catalog = Catalog::open(open_store(), &[], at(0)).expect("opens");
    let random = ChaCha8Rng::seed_from_u64(seed);
    let mut history = History {
        random,
        catalog,
        committed: Model::default(),
        open_store: &open_store,
        lists: &lists,
        counts_files: !on_file,
        second: 0,
        tally,
    };
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
        let Tally { commits, merges, conflicts, refusals, replayed, rollbacks, refreshes } = tally;
        for (what, count) in [("commits", commits), ("merges", merges), ("conflicts", conflicts)] {
            assert!(count > 500, "only {count} {what}");
        }
        assert!(refusals > 500 && replayed > 500 && rollbacks > 500 && refreshes > 500);
    }
}
