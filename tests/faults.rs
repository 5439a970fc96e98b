//! Every step of a refresh fails: the step alone, on a disk that is full, or as the last before a kill. The list then holds
//! all that it held or all of the new rows, nothing is left over, and the next refresh works.
//!
//! A kill is played by a disk and a store that do nothing from then on, not even clean up; then a new engine opens what
//! there is. `crash.rs` kills real servers, at moments that it cannot choose so exactly.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use regulars::catalog::delivery::RecordedDelivery;
use regulars::catalog::store::{Change, Loaded};
use regulars::catalog::{RecordedRun, SavedDefinition, SqliteStore, Store};
use regulars::clock::SetClock;
use regulars::config::Config;
use regulars::engine::Engine;
use regulars::error::{Result, message};
use regulars::pg_type::Oid;
use regulars::scram::SECRET_BYTES;
use regulars::server::refresher::Refresher;
use regulars::storage::disk::{Disk, DiskFile, LocalDisk};
use regulars::storage::layout::Home;
use regulars::suite::in_process::InProcess;
use sqllogictest::{AsyncDB, DBOutput};

use tokio_postgres::NoTls;

use crate::server::{TestServer, noon, small_history};

/// How long something that is about to happen may take.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// This step fails, none before and none behind it.
    Error,
    /// From this step on nothing can be written, until there is space again.
    Full,
    /// The process ends before this step, or right behind it.
    CutBefore,
    CutBehind,
}

#[derive(Debug, Default)]
struct Script {
    /// What was done since the script was set.
    steps: Vec<&'static str>,
    /// Which of them goes wrong, and how.
    fault: Option<(usize, Fault)>,
    is_full: bool,
    is_dead: bool,
}

/// What becomes of one step.
enum Step {
    Whole,
    /// It happens, perhaps in part, but nobody hears of it.
    Unheard(io::Error),
    Never(io::Error),
}

#[derive(Debug, Clone, Default)]
struct Faults(Arc<Mutex<Script>>);

impl Faults {
    fn set(&self, fault: Option<(usize, Fault)>) {
        *self.0.lock() = Script { fault, ..Script::default() };
    }

    fn steps(&self) -> Vec<&'static str> {
        self.0.lock().steps.clone()
    }

    fn take(&self, name: &'static str, needs_space: bool) -> Step {
        let killed = || io::Error::other("killed");
        let mut script = self.0.lock();
        if script.is_dead {
            return Step::Never(killed());
        }
        script.steps.push(name);
        let fault = script.fault.filter(|(at, _)| at + 1 == script.steps.len()).map(|(_, fault)| fault);
        script.is_full |= fault == Some(Fault::Full);
        script.is_dead = matches!(fault, Some(Fault::CutBefore | Fault::CutBehind));
        match fault {
            Some(Fault::Error) => Step::Never(io::Error::from_raw_os_error(5)),
            Some(Fault::CutBefore) => Step::Never(killed()),
            Some(Fault::CutBehind) => Step::Unheard(killed()),
            _ if script.is_full && needs_space => Step::Never(io::ErrorKind::StorageFull.into()),
            _ => Step::Whole,
        }
    }

    fn over<T>(&self, name: &'static str, needs_space: bool, work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        match self.take(name, needs_space) {
            Step::Whole => work(),
            Step::Unheard(error) => work().and(Err(error)),
            Step::Never(error) => Err(error),
        }
    }
}

impl Disk for Faults {
    fn create_folder(&self, path: &Path) -> io::Result<()> {
        self.over("make folder", true, || LocalDisk.create_folder(path))
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let file = self.over("make file", true, || LocalDisk.create(path))?;
        Ok(Box::new(FaultyFile { file, faults: self.clone() }))
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.over("sync folder", false, || LocalDisk.sync_folder(path))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.over("remove file", false, || LocalDisk.remove(path))
    }

    fn entries(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        LocalDisk.entries(folder)
    }
}

struct FaultyFile {
    file: Box<dyn DiskFile>,
    faults: Faults,
}

impl Write for FaultyFile {
    /// What goes wrong has written half of it.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.faults.take("write", true) {
            Step::Whole => self.file.write_all(bytes).map(|()| bytes.len()),
            Step::Unheard(error) | Step::Never(error) => {
                self.file.write_all(&bytes[..bytes.len() / 2])?;
                Err(error)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl DiskFile for FaultyFile {
    fn sync(&mut self) -> io::Result<u64> {
        self.faults.over("sync file", true, || self.file.sync())
    }
}

struct FaultyStore {
    store: SqliteStore,
    path: PathBuf,
    faults: Faults,
}

impl Store for FaultyStore {
    fn load(&mut self) -> Result<Loaded> {
        self.store.load()
    }

    fn commit(&mut self, base_version: u64, changes: &[Change]) -> Result<u64> {
        let refused = |error: io::Error| match error.kind() {
            io::ErrorKind::StorageFull => message::catalog_disk_full(&self.path),
            _ => message::catalog_io(&self.path, error),
        };
        match self.faults.take("commit", true) {
            Step::Whole => self.store.commit(base_version, changes),
            Step::Unheard(error) => self.store.commit(base_version, changes).and(Err(refused(error))),
            Step::Never(error) => Err(refused(error)),
        }
    }

    fn secret(&mut self) -> Result<[u8; SECRET_BYTES]> {
        self.store.secret()
    }

    fn saved_definitions(&mut self, view: Option<Oid>) -> Result<Vec<SavedDefinition>> {
        self.store.saved_definitions(view)
    }

    fn runs(&mut self) -> Result<Vec<RecordedRun>> {
        self.store.runs()
    }

    fn deliveries(&mut self) -> Result<Vec<RecordedDelivery>> {
        self.store.deliveries()
    }
}

/// A home whose disk and catalog do as they are told.
struct World {
    folder: tempfile::TempDir,
    faults: Faults,
    clock: SetClock,
}

impl World {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), faults: Faults::default(), clock: SetClock::new(noon()) }
    }

    /// Once whoever had it before has let go of it.
    async fn engine(&self) -> Arc<Engine> {
        let give_up_at = Instant::now() + PATIENCE;
        let home = loop {
            match Home::open(self.folder.path()) {
                Ok(home) => break home.with_disk(Arc::new(self.faults.clone())),
                Err(error) => assert!(Instant::now() < give_up_at, "{error}"),
            }
            tokio::task::yield_now().await;
        };
        let (lists, path) = (home.audiences(), home.catalog());
        let store = SqliteStore::open(Arc::new(home)).unwrap();
        let store = FaultyStore { store, path, faults: self.faults.clone() };
        let config = Config::of_folder(&small_history());
        Engine::open_with(&config, Arc::new(self.clock.clone()), Box::new(store), lists).await.unwrap()
    }

    /// What is left of the engine keeps its disk, which stays as dead as it is.
    async fn restarted(&mut self, engine: Arc<Engine>) -> Arc<Engine> {
        drop(engine);
        self.faults = Faults::default();
        self.engine().await
    }

    fn files(&self) -> usize {
        let Ok(lists) = std::fs::read_dir(self.folder.path().join("audiences")) else { return 0 };
        lists.map(|list| std::fs::read_dir(list.unwrap().path()).unwrap().count()).sum()
    }

    /// Until so many files lie there, which statements that end let go of.
    async fn until_files(&self, count: usize, case: &str) {
        let give_up_at = Instant::now() + PATIENCE;
        while self.files() != count {
            assert!(Instant::now() < give_up_at, "{case}: {} files, not {count}", self.files());
            tokio::task::yield_now().await;
        }
    }
}

async fn run(session: &mut InProcess, sql: &str) -> std::result::Result<Vec<Vec<String>>, String> {
    match session.run(sql).await {
        Ok(DBOutput::Rows { rows, .. }) => Ok(rows),
        Ok(_) => Ok(Vec::new()),
        Err(error) => Err(error.state.unwrap_or_default()),
    }
}

/// The round that all rows of the list are of.
async fn round_of(session: &mut InProcess, case: &str) -> usize {
    let rows =
        run(session, "SELECT count(*), count(DISTINCT member_id), min(round), max(round) FROM list").await.unwrap();
    let [count, members, least, most] = rows[0].as_slice() else { panic!("{rows:?}") };
    assert_eq!((count.as_str(), members.as_str(), least), ("3000", "3000", most), "{case}: torn");
    most.parse().unwrap()
}

const LIST: &str = "CREATE MATERIALIZED VIEW list WITH (keep = 1) AS
    SELECT i AS member_id, md5(i::text) AS name, round FROM generate_series(1, 3000) AS s (i), n";

async fn redefine(session: &mut InProcess, round: usize) {
    run(session, &format!("CREATE OR REPLACE VIEW n AS SELECT {round} AS round")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_step_of_a_refresh_fails_the_list_is_the_old_one_or_the_new() {
    let mut world = World::new();
    let mut engine = world.engine().await;
    let mut session = InProcess::open(Arc::clone(&engine)).unwrap();
    let mut round = 100;
    redefine(&mut session, round).await;
    run(&mut session, LIST).await.unwrap();

    world.faults.set(None);
    run(&mut session, "REFRESH MATERIALIZED VIEW list").await.unwrap();
    world.until_files(1, "no fault").await;
    let steps = world.faults.steps();
    println!("{}", steps.join(", "));
    for step in ["make folder", "make file", "write", "sync file", "sync folder", "commit", "remove file"] {
        assert!(steps.contains(&step), "{step} is no step");
    }
    let commit = steps.iter().position(|step| *step == "commit").unwrap();

    let (mut old, mut new) = (0, 0);
    for fault in [Fault::Error, Fault::Full, Fault::CutBefore, Fault::CutBehind] {
        for (at, step) in steps.iter().enumerate() {
            // A kill behind a step is one before the next, unless somebody waits for the answer.
            if fault == Fault::CutBehind && at != commit {
                continue;
            }
            let case = format!("{fault:?} at {at}, {step}");
            let held = round;
            round += 1;
            redefine(&mut session, round).await;
            world.faults.set(Some((at, fault)));
            let result = run(&mut session, "REFRESH MATERIALIZED VIEW list").await;
            let is_removing = at > commit;
            if matches!(fault, Fault::CutBefore | Fault::CutBehind) {
                assert_eq!(result.is_ok(), is_removing, "{case}: {result:?}");
                if is_removing {
                    let give_up_at = Instant::now() + PATIENCE;
                    while !world.faults.0.lock().is_dead {
                        assert!(Instant::now() < give_up_at, "{case}: nothing is removed");
                        tokio::task::yield_now().await;
                    }
                }
                drop(session);
                engine = world.restarted(engine).await;
                session = InProcess::open(Arc::clone(&engine)).unwrap();
                let is_new = is_removing || (at == commit && fault == Fault::CutBehind);
                assert_eq!(round_of(&mut session, &case).await, if is_new { round } else { held }, "{case}");
                assert_eq!(world.files(), 1, "{case}: orphans");
                if is_new { new += 1 } else { old += 1 }
            } else {
                let state = if fault == Fault::Full { "53100" } else { "58030" };
                // A full disk refuses only what needs space.
                let is_refused = !is_removing && (fault == Fault::Error || at <= commit);
                assert_eq!(result.err().as_deref(), is_refused.then_some(state), "{case}");
                assert_eq!(round_of(&mut session, &case).await, if is_refused { held } else { round }, "{case}");
                if is_removing && fault == Fault::Error {
                    // Until the next start.
                    drop(session);
                    engine = world.restarted(engine).await;
                    session = InProcess::open(Arc::clone(&engine)).unwrap();
                }
                world.until_files(1, &case).await;
                if is_refused { old += 1 } else { new += 1 }
            }
            // There is space again, and the server goes on.
            world.faults.set(None);
            run(&mut session, "REFRESH MATERIALIZED VIEW list").await.unwrap();
            assert_eq!(round_of(&mut session, &case).await, round, "{case}: afterwards");
        }
    }
    println!("{old} times the old list, {new} times the new");
}

/// What a schedule cannot write is what the status page shows, and it is tried again.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_a_schedule_could_not_make_is_remembered() {
    let world = World::new();
    let engine = world.engine().await;
    let mut session = InProcess::open(Arc::clone(&engine)).unwrap();
    redefine(&mut session, 100).await;
    run(&mut session, LIST).await.unwrap();
    world.faults.set(None);
    run(&mut session, "REFRESH MATERIALIZED VIEW list").await.unwrap();
    let commit = world.faults.steps().iter().position(|step| *step == "commit").unwrap();

    run(&mut session, "ALTER MATERIALIZED VIEW list SET (refresh = 'daily 06:00')").await.unwrap();
    world.until_files(1, "before").await;
    let mut refresher = Refresher::new(Arc::clone(&engine));
    world.clock.set("2026-11-21T12:00:00Z".parse().unwrap());
    world.faults.set(Some((commit, Fault::Error)));
    assert_eq!(refresher.refresh_due().await, 1);
    const STATUS: &str = "SELECT state, error LIKE 'catalog % cannot be read or written' FROM regulars.audiences";
    assert_eq!(run(&mut session, STATUS).await.unwrap(), [["failed", "t"]]);
    world.until_files(1, "refused").await;
    world.clock.set("2026-11-21T12:01:00Z".parse().unwrap());
    assert_eq!(refresher.refresh_due().await, 1);
    assert_eq!(run(&mut session, STATUS).await.unwrap()[0][0], "fresh");
}

/// Whether somebody comes in, and as what a refusal is told.
async fn signs_in(server: &TestServer, user: &str, password: &str) -> std::result::Result<(), String> {
    let connection =
        format!("host=127.0.0.1 port={} user={user} password={password} dbname=regulars", server.address.port());
    match tokio_postgres::connect(&connection, NoTls).await {
        Ok((client, connection)) => {
            tokio::spawn(connection);
            let row = client.query_one("SELECT current_user::text", &[]).await.map_err(|error| error.to_string())?;
            assert_eq!(row.get::<_, &str>(0), user);
            Ok(())
        }
        Err(error) => Err(error.code().map_or_else(|| error.to_string(), |state| state.code().to_owned())),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_fails_keeps_nobody_out_and_lets_nobody_in() {
    let world = World::new();
    let engine = world.engine().await;
    let mut session = InProcess::open(Arc::clone(&engine)).unwrap();
    run(&mut session, "CREATE ROLE kim LOGIN PASSWORD 'old'").await.unwrap();
    let server = TestServer::over(Arc::clone(&engine)).await;
    let refused = || Err("28P01".to_owned());
    assert_eq!(signs_in(&server, "kim", "old").await, Ok(()));
    assert_eq!(signs_in(&server, "kim", "new").await, refused());

    for fault in [Fault::Error, Fault::Full, Fault::CutBefore] {
        world.faults.set(Some((0, fault)));
        let told = run(&mut session, "ALTER ROLE kim PASSWORD 'new'").await;
        let expected = if fault == Fault::Full { "53100" } else { "58030" };
        assert_eq!(told, Err(expected.to_owned()), "{fault:?}");
        assert_eq!(run(&mut session, "CREATE ROLE tess LOGIN PASSWORD 'new'").await.is_err(), fault != Fault::Error);
        // What is on record is what counts, and it can still be asked.
        assert_eq!(signs_in(&server, "kim", "old").await, Ok(()), "{fault:?}");
        assert_eq!(signs_in(&server, "kim", "new").await, refused(), "{fault:?}");
        assert_eq!(signs_in(&server, "nobody", "old").await, refused(), "{fault:?}");
        if fault != Fault::Error {
            assert_eq!(signs_in(&server, "tess", "new").await, refused(), "{fault:?}");
        } else {
            run(&mut session, "DROP ROLE tess").await.unwrap();
        }
    }

    world.faults.set(None);
    run(&mut session, "ALTER ROLE kim PASSWORD 'new'").await.unwrap();
    assert_eq!(signs_in(&server, "kim", "old").await, refused());
    assert_eq!(signs_in(&server, "kim", "new").await, Ok(()));
    server.stop().await;
}
