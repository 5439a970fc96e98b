//! kill -9 in the middle of DDL: nothing acknowledged is lost, nothing is torn.
//!
//! A client changes views one after the other and keeps a model of what was acknowledged. At a random moment (a
//! random number of acknowledged statements, with one more on its way) the server is killed. After the restart the
//! catalog must be the model, or the model with the one statement that was on its way.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio_postgres::{Client, NoTls};

use crate::server::small_history;

/// View name → the number its definition gives, and which view it reads, if any.
type Model = BTreeMap<String, i64>;

#[derive(Debug, Clone)]
enum Change {
    Create(String, i64),
    Replace(String, i64),
    Rename(String, String),
    Drop(String),
}

impl Change {
    fn random(random: &mut StdRng, model: &Model) -> Self {
        let known: Vec<&String> = model.keys().collect();
        let fresh = format!("v{}", random.random_range(0..1_000_000));
        let number = random.random_range(0..1_000_000);
        if known.len() < 3 {
            return Change::Create(fresh, number);
        }
        let name = known[random.random_range(0..known.len())].clone();
        match random.random_range(0..4) {
            0 => Change::Create(fresh, number),
            1 => Change::Replace(name, number),
            2 => Change::Rename(name, fresh),
            _ => Change::Drop(name),
        }
    }

    fn sql(&self) -> String {
        match self {
            Change::Create(name, number) => format!("CREATE VIEW {name} AS SELECT {number} AS member_id"),
            Change::Replace(name, number) => format!("CREATE OR REPLACE VIEW {name} AS SELECT {number} AS member_id"),
            Change::Rename(from, to) => format!("ALTER VIEW {from} RENAME TO {to}"),
            Change::Drop(name) => format!("DROP VIEW {name}"),
        }
    }

    fn apply(&self, model: &mut Model) {
        match self {
            Change::Create(name, number) | Change::Replace(name, number) => {
                model.insert(name.clone(), *number);
            }
            Change::Rename(from, to) => {
                let number = model.remove(from).unwrap();
                model.insert(to.clone(), number);
            }
            Change::Drop(name) => {
                model.remove(name);
            }
        }
    }
}

pub struct Server {
    process: Child,
    port: u16,
}

impl Server {
    pub fn start(config: &Path) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_regulars"))
            .args(["serve", "--listen", "127.0.0.1:0", "--config"])
            .arg(config)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let port = loop {
            let line = lines.next().expect("the server starts").unwrap();
            if let Some(rest) = line.strip_prefix("Serving on 127.0.0.1:") {
                break rest.split('.').next().unwrap().parse().unwrap();
            }
        };
        // The rest of its output is read, so that it never waits for a reader.
        std::thread::spawn(move || lines.for_each(drop));
        Self { process, port }
    }

    pub async fn client(&self) -> Client {
        let target = format!("host=127.0.0.1 port={} user=tester dbname=regulars", self.port);
        let (client, connection) = tokio_postgres::connect(&target, NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }

    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

async fn views(client: &Client) -> Model {
    let mut found = Model::new();
    let names = client.query("SELECT viewname FROM pg_views WHERE schemaname = 'public'", &[]).await.unwrap();
    for row in names {
        let name: String = row.get(0);
        let number: i32 = client.query_one(&format!("SELECT member_id FROM {name}"), &[]).await.unwrap().get(0);
        found.insert(name, i64::from(number));
    }
    found
}

/// `REGULARS_CRASH_ROUNDS` sets the number of rounds, `REGULARS_SEED` the seed.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_by_kill_9() {
    let rounds: usize = std::env::var("REGULARS_CRASH_ROUNDS").map_or(10, |rounds| rounds.parse().unwrap());
    let seed: u64 = std::env::var("REGULARS_SEED").map_or_else(|_| rand::rng().random(), |seed| seed.parse().unwrap());
    println!("seed {seed}, {rounds} rounds");
    let mut random = StdRng::seed_from_u64(seed);
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("regulars.toml");
    std::fs::write(&config, format!("[history]\npath = \"{}\"\n", small_history().display())).unwrap();

    let mut model = Model::new();
    let mut on_its_way: Option<Change> = None;
    let mut acknowledged = 0;
    for round in 0..rounds {
        let mut server = Server::start(&config);
        let client = server.client().await;
        let found = views(&client).await;
        if found != model {
            let mut with = model.clone();
            on_its_way.take().expect("more is missing than was on its way").apply(&mut with);
            assert_eq!(found, with, "round {round}: neither without nor with the statement that was on its way");
            model = with;
        }
        for _ in 0..random.random_range(0..20) {
            let change = Change::random(&mut random, &model);
            client.batch_execute(&change.sql()).await.unwrap();
            change.apply(&mut model);
            acknowledged += 1;
        }
        // One more is sent; the kill comes after a random number of turns of the scheduler, before or after its answer.
        let change = Change::random(&mut random, &model);
        let turns = random.random_range(0..400);
        let sql = change.sql();
        let mut answer = std::pin::pin!(client.batch_execute(&sql));
        let mut answered = false;
        for _ in 0..turns {
            if let std::task::Poll::Ready(result) = futures::poll!(&mut answer) {
                result.unwrap();
                answered = true;
                break;
            }
            tokio::task::yield_now().await;
        }
        server.kill();
        if answered {
            change.apply(&mut model);
            acknowledged += 1;
            on_its_way = None;
        } else {
            on_its_way = Some(change);
        }
    }
    println!("{acknowledged} acknowledged statements");
}

/// Files below a folder.
fn files(folder: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries.map(|entry| entry.unwrap().path()).map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
}

/// A killed refresh, as it was found after the restart.
#[derive(Debug, Default)]
struct Found {
    /// Killed before it had made a file, with a file that nobody was to see, and after it was acknowledged.
    without_file: usize,
    with_file: usize,
    acknowledged: usize,
    /// Of those that were not acknowledged: the list as it was, or all of the new rows.
    old: usize,
    new: usize,
    longest_start: Duration,
}

/// Each round redefines what a list is made of and kills the server at a moment that is drawn from the whole course of a
/// refresh, as long as the first one took and a quarter: the list then holds what it held, or all of the new rows, and no
/// file is left that no run owns. `REGULARS_REFRESH_ROUNDS` sets the number.
#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_that_is_killed_leaves_the_old_list_or_the_new() {
    let rounds: usize = std::env::var("REGULARS_REFRESH_ROUNDS").map_or(8, |rounds| rounds.parse().unwrap());
    let seed: u64 = std::env::var("REGULARS_SEED").map_or_else(|_| rand::rng().random(), |seed| seed.parse().unwrap());
    println!("seed {seed}, {rounds} rounds");
    let mut random = StdRng::seed_from_u64(seed);
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("regulars.toml");
    std::fs::write(&config, format!("[history]\npath = \"{}\"\n", small_history().display())).unwrap();
    let home = folder.path().join("regulars-home/audiences");

    let mut server = Server::start(&config);
    let client = server.client().await;
    client
        .batch_execute(
            "CREATE VIEW n AS SELECT 0 AS round;
             CREATE MATERIALIZED VIEW list WITH (keep = 2) AS SELECT i AS member_id, round FROM generate_series(1, 20000) AS s (i), n",
        )
        .await
        .unwrap();
    let begun_at = Instant::now();
    client.batch_execute("REFRESH MATERIALIZED VIEW list").await.unwrap();
    let course = begun_at.elapsed() * 5 / 4;
    println!("moments of {course:?}");

    let mut found = Found::default();
    let mut held = 0_i64;
    for round in 1..=i64::try_from(rounds).unwrap() {
        let client = server.client().await;
        client.batch_execute(&format!("CREATE OR REPLACE VIEW n AS SELECT {round} AS round")).await.unwrap();
        let before = files(&home);
        let moment = course.mul_f64(random.random());
        let refresh = client.batch_execute("REFRESH MATERIALIZED VIEW list");
        let answer = tokio::time::timeout(moment, refresh).await;
        server.kill();
        let is_acknowledged = answer.is_ok();
        if let Ok(result) = answer {
            result.unwrap();
        }
        match (is_acknowledged, files(&home) > before) {
            (true, _) => found.acknowledged += 1,
            (false, true) => found.with_file += 1,
            (false, false) => found.without_file += 1,
        }

        let started_at = Instant::now();
        server = Server::start(&config);
        found.longest_start = found.longest_start.max(started_at.elapsed());
        let client = server.client().await;
        let row = client.query_one("SELECT count(*), min(round), max(round) FROM list", &[]).await.unwrap();
        let (count, least, most): (i64, i32, i32) = (row.get(0), row.get(1), row.get(2));
        assert_eq!((count, least), (20_000, most), "round {round}: torn");
        let is_new = i64::from(most) == round;
        assert!(is_new || (!is_acknowledged && i64::from(most) == held), "round {round}: {most}, held {held}");
        if !is_acknowledged {
            *(if is_new { &mut found.new } else { &mut found.old }) += 1;
        }
        held = most.into();
        let kept = client.query_one("SELECT count(*) FROM regulars.audience_runs WHERE is_kept", &[]).await.unwrap();
        assert_eq!(i64::try_from(files(&home)).unwrap(), kept.get::<_, i64>(0), "round {round}: orphans");
    }
    server.kill();
    println!("{found:?}");
}
