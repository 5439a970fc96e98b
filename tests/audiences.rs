//! Audiences beside what suites can say: the clock, readers of old lists, conflicts, files on the disk, causes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use chrono::{DateTime, Utc};
use parquet::arrow::ArrowWriter;
use regulars::catalog::MemoryStore;
use regulars::catalog::object::BOOTSTRAP_ROLE_OID;
use regulars::clock::SetClock;
use regulars::config::Config;
use regulars::engine::Engine;
use regulars::history::index::IndexState;
use regulars::server::refresher::Refresher;
use regulars::session::Session;
use regulars::storage::member_file::MemberFolder;
use tempfile::TempDir;
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::server::TestServer;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// A history of lines alone, in a folder of its own, with a clock that is moved.
struct World {
    folder: TempDir,
    clock: SetClock,
}

impl World {
    fn new(now: &str) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), clock: SetClock::new(at(now)) }
    }

    /// A line for each receipt: its number, its member, when.
    fn write(&self, file: &str, receipts: &[(i64, &str, &str)]) {
        let [id, member, when] = columns_of(receipts);
        let columns = [
            id,
            member,
            when,
            ("product_id", numbers(vec![1; receipts.len()])),
            ("quantity", numbers(vec![1; receipts.len()])),
            ("amount", numbers(vec![10; receipts.len()])),
        ];
        self.write_table(&format!("lines/{file}"), columns);
    }

    /// A row of `purchases` for each of these receipts, and which other each takes back.
    fn write_receipts(&self, file: &str, receipts: &[(i64, &str, &str)], refunds_of: &[Option<i64>]) {
        let [id, member, when] = columns_of(receipts);
        let statuses = refunds_of.iter().map(|of| if of.is_some() { "refund" } else { "completed" });
        let columns = [
            id,
            member,
            when,
            ("store_id", numbers(vec![1; receipts.len()])),
            ("status", Arc::new(StringArray::from_iter_values(statuses))),
            ("refund_of", Arc::new(Int64Array::from(refunds_of.to_vec()))),
        ];
        self.write_table(&format!("receipts/{file}"), columns);
    }

    fn write_table(&self, file: &str, columns: [(&str, ArrayRef); 6]) {
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let path = self.folder.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut writer = ArrowWriter::try_new(std::fs::File::create(path).unwrap(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
    }

    fn lists(&self) -> PathBuf {
        self.folder.path().join("audiences")
    }

    fn config(&self) -> Config {
        Config::parse("[history.purchase_lines]\npath = \"lines\"", self.folder.path().to_owned()).unwrap()
    }

    async fn engine(&self) -> Arc<Engine> {
        self.engine_with(&self.config()).await
    }

    async fn engine_with(&self, config: &Config) -> Arc<Engine> {
        let (clock, store) = (Arc::new(self.clock.clone()), Box::new(MemoryStore::default()));
        Engine::open_with(config, clock, store, MemberFolder::new(self.lists())).await.unwrap()
    }
}

fn numbers(values: Vec<i64>) -> ArrayRef {
    Arc::new(Int64Array::from(values))
}

fn columns_of(receipts: &[(i64, &str, &str)]) -> [(&'static str, ArrayRef); 3] {
    let instants = receipts.iter().map(|(_, _, when)| at(when).timestamp_micros());
    [
        ("purchase_id", numbers(receipts.iter().map(|(id, ..)| *id).collect())),
        ("member_id", Arc::new(StringArray::from_iter_values(receipts.iter().map(|(_, member, _)| *member)))),
        ("purchased_at", Arc::new(TimestampMicrosecondArray::from_iter_values(instants).with_timezone("UTC"))),
    ]
}

/// Files below a folder.
fn files(folder: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries.map(|entry| entry.unwrap().path()).map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
}

/// All rows, values separated by `|`.
async fn rows(client: &Client, sql: &str) -> Vec<String> {
    let messages = client.simple_query(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    let rows = messages.into_iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    rows.map(|row| (0..row.len()).map(|at| row.get(at).unwrap_or("NULL")).collect::<Vec<_>>().join("|")).collect()
}

async fn state_of(client: &Client, sql: &str) -> String {
    let error = client.batch_execute(sql).await.unwrap_err();
    error.code().unwrap_or_else(|| panic!("{error}")).code().to_owned()
}

const RUNS: &str = "SELECT run, state, refreshed_by FROM regulars.audience_runs ORDER BY started_at, run";

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_refreshes_what_is_due_once_and_tries_again_what_failed() {
    let world = World::new("2026-11-20T12:00:00Z");
    world.write("a.parquet", &[(1, "ada", "2026-11-19T12:00:00Z")]);
    let engine = world.engine().await;
    let server = TestServer::over(Arc::clone(&engine)).await;
    let client = server.client().await;
    client
        .batch_execute(
            "CREATE VIEW asked AS SELECT DISTINCT member_id FROM purchases;
             CREATE MATERIALIZED VIEW daily WITH (refresh = 'daily 06:00') AS SELECT member_id FROM asked",
        )
        .await
        .unwrap();
    let mut refresher = Refresher::new(Arc::clone(&engine));
    assert_eq!(refresher.refresh_due().await, 0, "made today, after six");

    // Three mornings were missed: one refresh.
    world.clock.set(at("2026-11-23T12:00:00Z"));
    world.write("b.parquet", &[(2, "bo", "2026-11-22T12:00:00Z")]);
    assert_eq!(rows(&client, "SELECT state FROM regulars.audiences").await, ["due"]);
    assert_eq!(refresher.refresh_due().await, 1);
    assert_eq!(refresher.refresh_due().await, 0);
    assert_eq!(rows(&client, "SELECT member_id FROM daily ORDER BY 1").await, ["ada", "bo"]);
    assert_eq!(
        rows(&client, "SELECT state, due::text FROM regulars.audiences").await,
        ["fresh|2026-11-24 06:00:00+00"]
    );

    // A definition that repeats members fails, is told, and is tried again after a minute, then after two more.
    client
        .batch_execute(
            "CREATE OR REPLACE VIEW asked AS SELECT member_id FROM purchases UNION ALL SELECT member_id FROM purchases",
        )
        .await
        .unwrap();
    world.write("c.parquet", &[(3, "ada", "2026-11-22T12:00:00Z")]);
    for (now, tried) in [
        ("2026-11-24T06:00:00Z", 1),
        ("2026-11-24T06:00:59Z", 0),
        ("2026-11-24T06:01:00Z", 1),
        ("2026-11-24T06:02:59Z", 0),
    ] {
        world.clock.set(at(now));
        assert_eq!(refresher.refresh_due().await, tried, "{now}");
    }
    assert_eq!(rows(&client, "SELECT state, definition_changed FROM regulars.audiences").await, ["failed|t"]);
    assert_eq!(rows(&client, "SELECT count(*) FROM daily").await, ["2"], "what it held");
    client.batch_execute("CREATE OR REPLACE VIEW asked AS SELECT DISTINCT member_id FROM purchases").await.unwrap();
    world.clock.set(at("2026-11-24T06:03:00Z"));
    assert_eq!(refresher.refresh_due().await, 1);
    assert_eq!(rows(&client, "SELECT state FROM regulars.audiences").await, ["fresh"]);
    assert_eq!(
        rows(&client, RUNS).await,
        ["1|done|admin", "2|done|admin", "NULL|failed|admin", "NULL|failed|admin", "3|done|admin"]
    );
    server.stop().await;
}

/// The owner is a group that cannot sign in and may have no session; later it may only read, and then it may again.
#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_refreshes_as_the_owner_and_as_nobody_else() {
    const STATUS: &str = "SELECT owner, state, error FROM regulars.audiences";
    let world = World::new("2026-11-20T12:00:00Z");
    world.write("a.parquet", &[(1, "ada", "2026-11-19T12:00:00Z")]);
    let engine = world.engine().await;
    let server = TestServer::over(Arc::clone(&engine)).await;
    let client = server.client().await;
    client
        .batch_execute(
            "CREATE ROLE marketing NOLOGIN CONNECTION LIMIT 0; CREATE ROLE passer_by;
             SET ROLE marketing;
             CREATE MATERIALIZED VIEW daily WITH (refresh = 'daily 06:00') AS SELECT DISTINCT member_id FROM purchases;
             RESET ROLE",
        )
        .await
        .unwrap();
    let mut refresher = Refresher::new(Arc::clone(&engine));
    world.clock.set(at("2026-11-21T12:00:00Z"));
    assert_eq!(refresher.refresh_due().await, 1);
    assert_eq!(rows(&client, STATUS).await, ["marketing|fresh|NULL"]);

    // Who may not refresh it has not made it fail.
    client.batch_execute("SET ROLE passer_by").await.unwrap();
    assert_eq!(state_of(&client, "REFRESH MATERIALIZED VIEW daily").await, "42501");
    client.batch_execute("RESET ROLE; GRANT reader TO marketing").await.unwrap();
    assert_eq!(rows(&client, STATUS).await, ["marketing|fresh|NULL"]);

    world.clock.set(at("2026-11-22T12:00:00Z"));
    assert_eq!(refresher.refresh_due().await, 1);
    assert_eq!(rows(&client, STATUS).await, ["marketing|failed|permission denied to change anything"]);
    assert_eq!(rows(&client, "SELECT member_id FROM daily").await, ["ada"], "what it held");
    client.batch_execute("REVOKE reader FROM marketing").await.unwrap();
    assert_eq!(refresher.refresh_due().await, 0, "not before a minute has passed");
    world.clock.set(at("2026-11-22T12:01:00Z"));
    assert_eq!(refresher.refresh_due().await, 1);
    assert_eq!(rows(&client, STATUS).await, ["marketing|fresh|NULL"]);
    assert_eq!(
        rows(&client, RUNS).await,
        ["1|done|marketing", "2|done|marketing", "NULL|failed|marketing", "3|done|marketing"]
    );
    server.stop().await;
}

/// A timeout ends the statement, which then remembers nothing itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_remembers_what_interrupts_it() {
    let world = World::new("2026-11-20T12:00:00Z");
    world.write("a.parquet", &[(1, "ada", "2026-11-19T12:00:00Z")]);
    let mut config = world.config();
    config.limits.statement_timeout_ms = 1;
    let engine = world.engine_with(&config).await;
    let server = TestServer::over(Arc::clone(&engine)).await;
    let client = server.client().await;
    client
        .batch_execute(
            "SET statement_timeout = 0;
             CREATE MATERIALIZED VIEW slow WITH (refresh = 'daily 06:00') AS
             SELECT a AS member_id FROM generate_series(1, 3000) AS s (a), generate_series(1, 3000) AS t (b)
             GROUP BY a HAVING sum(a * b % 7) < 0",
        )
        .await
        .unwrap();
    world.clock.set(at("2026-11-21T12:00:00Z"));
    assert_eq!(Refresher::new(Arc::clone(&engine)).refresh_due().await, 1);
    assert_eq!(
        rows(&client, "SELECT state, error FROM regulars.audiences").await,
        ["failed|canceling statement due to statement timeout"]
    );
    assert_eq!(files(&world.lists()), 1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_keep_the_list_they_began_with_and_old_files_go() {
    let world = World::new("2026-11-20T12:00:00Z");
    world.write("a.parquet", &[(1, "ada", "2026-11-19T12:00:00Z"), (2, "bo", "2026-11-19T12:00:00Z")]);
    let server = TestServer::over(world.engine().await).await;
    let (reader, writer) = (server.client().await, server.client().await);
    writer
        .batch_execute("CREATE MATERIALIZED VIEW m WITH (keep = 1) AS SELECT DISTINCT member_id FROM purchases")
        .await
        .unwrap();
    reader.batch_execute("DECLARE c CURSOR WITH HOLD FOR SELECT member_id FROM m ORDER BY 1").await.unwrap();
    reader.batch_execute("BEGIN").await.unwrap();
    assert_eq!(rows(&reader, "SELECT count(*) FROM m").await, ["2"]);
    world.write("b.parquet", &[(3, "cy", "2026-11-19T12:00:00Z")]);
    writer.batch_execute("REFRESH MATERIALIZED VIEW m").await.unwrap();
    assert_eq!(rows(&writer, "SELECT count(*) FROM m").await, ["3"]);
    // The transaction sees the catalog of its start, the cursor that of its declaration.
    assert_eq!(rows(&reader, "SELECT count(*) FROM m").await, ["2"]);
    assert_eq!(files(&world.lists()), 2);
    reader.batch_execute("COMMIT").await.unwrap();
    assert_eq!(rows(&reader, "SELECT count(*) FROM m").await, ["3"]);
    assert_eq!(rows(&reader, "FETCH ALL FROM c").await, ["ada", "bo"]);
    reader.batch_execute("CLOSE c").await.unwrap();
    writer.batch_execute("REFRESH MATERIALIZED VIEW m").await.unwrap();
    writer.batch_execute("BEGIN; REFRESH MATERIALIZED VIEW m; ROLLBACK").await.unwrap();
    assert_eq!(files(&world.lists()), 1, "only what is shown is left");
    writer.batch_execute("DROP MATERIALIZED VIEW m").await.unwrap();
    assert_eq!(rows(&writer, "SELECT is_kept FROM regulars.audience_runs ORDER BY run").await, ["f", "f", "f"]);
    drop((reader, writer));
    server.stop().await;
    assert_eq!(files(&world.lists()), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_refreshes_of_one_list_the_later_loses() {
    let world = World::new("2026-11-20T12:00:00Z");
    world.write("a.parquet", &[(1, "ada", "2026-11-19T12:00:00Z")]);
    let server = TestServer::over(world.engine().await).await;
    let (one, two) = (server.client().await, server.client().await);
    one.batch_execute("CREATE MATERIALIZED VIEW m AS SELECT DISTINCT member_id FROM purchases").await.unwrap();
    for client in [&one, &two] {
        client.batch_execute("BEGIN; REFRESH MATERIALIZED VIEW m").await.unwrap();
    }
    one.batch_execute("COMMIT").await.unwrap();
    assert_eq!(state_of(&two, "COMMIT").await, "40001");
    assert_eq!(rows(&two, "SELECT run FROM regulars.audiences").await, ["2"]);
    assert_eq!(files(&world.lists()), 2);
    assert_eq!(state_of(&two, "BEGIN READ ONLY; REFRESH MATERIALIZED VIEW m").await, "25006");
    server.stop().await;
}

/// By hand: `ada` bought between the runs; `bo`'s window moved on; `cy`'s receipt of October arrived late; `di` is in since
/// the definition is another.
#[tokio::test(flavor = "multi_thread")]
async fn changes_tell_their_cause() {
    let world = World::new("2026-11-20T12:00:00Z");
    world.write(
        "a.parquet",
        &[(1, "bo", "2026-10-22T12:00:00Z"), (2, "di", "2026-01-10T12:00:00Z"), (3, "ed", "2026-11-19T12:00:00Z")],
    );
    let server = TestServer::over(world.engine().await).await;
    let client = server.client().await;
    client
        .batch_execute(
            "CREATE VIEW asked AS SELECT DISTINCT member_id FROM purchases WHERE bought(member_id, last => '30 days');
             CREATE MATERIALIZED VIEW lately AS SELECT member_id FROM asked",
        )
        .await
        .unwrap();
    assert_eq!(rows(&client, "SELECT member_id FROM lately ORDER BY 1").await, ["bo", "ed"]);
    world.write("b.parquet", &[(4, "ada", "2026-11-21T08:00:00Z"), (5, "cy", "2026-11-10T12:00:00Z")]);
    world.clock.set(at("2026-11-22T12:00:00Z"));
    client.batch_execute("REFRESH MATERIALIZED VIEW lately").await.unwrap();
    let changes = "SELECT * FROM regulars.audience_changes('lately') ORDER BY change, member_id";
    assert_eq!(
        rows(&client, changes).await,
        ["ada|entered|bought", "cy|entered|data corrected", "bo|left|time passed"]
    );

    client
        .batch_execute(
            "CREATE OR REPLACE VIEW asked AS
             SELECT DISTINCT member_id FROM purchases WHERE bought(member_id, last => '365 days') AND member_id <> 'ed';
             REFRESH MATERIALIZED VIEW lately",
        )
        .await
        .unwrap();
    assert_eq!(
        rows(&client, changes).await,
        ["bo|entered|definition changed", "di|entered|definition changed", "ed|left|definition changed"]
    );
    // The files were others at the second refresh, and the same at the third.
    let versions = "SELECT run, dense_rank() OVER (ORDER BY first) FROM
        (SELECT run, min(run) OVER (PARTITION BY data_version) AS first FROM regulars.audience_runs WHERE name = 'lately') r
        ORDER BY run";
    assert_eq!(rows(&client, versions).await, ["1|1", "2|2", "3|2"]);
    // From the first run to the last, by their numbers; and back, which turns the changes around.
    assert_eq!(
        rows(&client, "SELECT member_id, change FROM regulars.audience_changes('lately', 1, 3) ORDER BY 1").await,
        ["ada|entered", "cy|entered", "di|entered", "ed|left"]
    );
    // What is no longer the definition cannot be asked.
    assert_eq!(rows(&client, "SELECT DISTINCT cause FROM regulars.audience_changes('lately', 1, 2)").await, ["NULL"]);
    assert_eq!(state_of(&client, "SELECT * FROM regulars.audience_changes('lately', 1, 9)").await, "42704");
    assert_eq!(state_of(&client, "SELECT * FROM regulars.audience_changes('asked')").await, "42809");
    server.stop().await;
}

/// By hand: both had spent 10; that `ada` took hers back five days before the first run was told after it.
#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_arrives_late_is_a_correction() {
    let world = World::new("2026-11-20T12:00:00Z");
    let bought = [(1, "ada", "2026-11-10T12:00:00Z"), (2, "bo", "2026-11-10T12:00:00Z")];
    world.write("a.parquet", &bought);
    world.write_receipts("a.parquet", &bought, &[None, None]);
    let config = "[history.purchase_lines]\npath = \"lines\"\n[history.purchases]\npath = \"receipts\"";
    let config = Config::parse(config, world.folder.path().to_owned()).unwrap();
    let server = TestServer::over(world.engine_with(&config).await).await;
    let client = server.client().await;
    client
        .batch_execute(
            "CREATE MATERIALIZED VIEW spenders AS
             SELECT DISTINCT member_id FROM purchases WHERE amount_spent(member_id) >= 10",
        )
        .await
        .unwrap();
    assert_eq!(rows(&client, "SELECT member_id FROM spenders ORDER BY 1").await, ["ada", "bo"]);
    let refund = [(3, "ada", "2026-11-15T12:00:00Z")];
    world.write("b.parquet", &refund);
    world.write_receipts("b.parquet", &refund, &[Some(1)]);
    world.clock.set(at("2026-11-22T12:00:00Z"));
    client.batch_execute("REFRESH MATERIALIZED VIEW spenders").await.unwrap();
    assert_eq!(rows(&client, "SELECT * FROM regulars.audience_changes('spenders')").await, ["ada|left|data corrected"]);
    server.stop().await;
}

/// Runs statements in a session of the server's own, where nobody builds the index in the background; what they tell.
async fn run(session: &mut Session, text: &str) -> Vec<String> {
    for statement in &session.parse(text).unwrap() {
        session.execute(statement, true).await.unwrap();
    }
    session.commit_implicit().await.unwrap();
    session.take_notices().into_iter().map(|notice| notice.message).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_takes_new_files_into_the_index_and_says_when_it_cannot() {
    let world = World::new("2026-11-20T12:00:00Z");
    let day = "2026-11-18T12:00:00Z";
    world.write("a.parquet", &[(1, "ada", day), (2, "ada", day), (3, "bo", day)]);
    let engine = world.engine().await;
    let mut session = Session::open_unattended(Arc::clone(&engine), BOOTSTRAP_ROLE_OID, "test").unwrap();
    let twice = "CREATE MATERIALIZED VIEW twice AS SELECT member_id FROM members WHERE purchase_count(member_id) >= 2";
    const REFRESH: &str = "REFRESH MATERIALIZED VIEW twice";
    let members = || {
        let snapshot = engine.catalog.snapshot();
        let list = snapshot.relations().find(|relation| relation.name == "twice").cloned().unwrap();
        list.materialized().unwrap().runs.iter().max_by_key(|run| run.number).unwrap().rows
    };
    let index = || {
        let status = engine.history.index_status().unwrap();
        (status.state, status.rows)
    };
    // Without an index there is nothing to take files into.
    assert_eq!(run(&mut session, twice).await, [""; 0]);
    assert_eq!((members(), index()), (1, (IndexState::Behind, None)));
    assert!(engine.history.build_index(engine.clock.as_ref()).await.unwrap());
    assert_eq!(index(), (IndexState::Fresh, Some(6)));

    world.write("b.parquet", &[(4, "bo", day), (5, "cy", day)]);
    assert_eq!(run(&mut session, REFRESH).await, [""; 0]);
    assert_eq!((members(), index()), (2, (IndexState::Fresh, Some(10))));

    std::fs::remove_file(world.folder.path().join("lines/b.parquet")).unwrap();
    let told = "materialized view \"twice\" was filled from all files, not from the member index";
    assert_eq!(run(&mut session, REFRESH).await, [told]);
    assert_eq!((members(), index()), (1, (IndexState::Behind, Some(10))));
    assert_eq!(run(&mut session, &format!("SET regulars.member_index = off; {REFRESH}")).await, [""; 0]);
    assert!(engine.history.build_index(engine.clock.as_ref()).await.unwrap());
    assert_eq!(run(&mut session, &format!("RESET regulars.member_index; {REFRESH}")).await, [""; 0]);
    assert_eq!((members(), index()), (1, (IndexState::Fresh, Some(6))));
}
