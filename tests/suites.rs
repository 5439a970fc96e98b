//! The project's own suites, each through three doors: in this process, simple query, extended query.
//!
//! Expectations come from PostgreSQL or from a second implementation; the head of each suite says which.

use std::path::{Path, PathBuf};

use regulars::config::Config;
use regulars::suite::{self, Door};

use crate::server::{TestServer, engine, small_history};

#[tokio::test(flavor = "multi_thread")]
async fn suites_give_the_same_answers_through_every_door() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/slt");
    let suites: Vec<PathBuf> = suite::find(&[root])
        .unwrap()
        .into_iter()
        .filter(|path| !path.components().any(|part| part.as_os_str() == "completejourney"))
        .collect();
    assert!(suites.len() >= 3, "only {suites:?} are found");
    run_all(&suites, &Config::of_folder(&small_history())).await;
}

/// The real purchase history, whose expected counts were computed by another engine.
#[tokio::test(flavor = "multi_thread")]
async fn the_complete_journey_gives_the_second_implementations_counts() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/slt/completejourney");
    let config = Config::read(&folder.join("regulars.toml")).unwrap();
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/completejourney");
    if !data.exists() {
        println!("skipped: {} is not here", data.display());
        return;
    }
    run_all(&suite::find(&[folder]).unwrap(), &config).await;
}

/// Each suite has a fresh catalog at each door: what one creates, no other sees.
async fn run_all(suites: &[PathBuf], config: &Config) {
    let mut failures = Vec::new();
    let mut records = [0; 3];
    for path in suites {
        for (at, name) in ["in-process", "simple", "extended"].into_iter().enumerate() {
            let server = TestServer::start_with(config).await;
            let door = match name {
                "in-process" => Door::InProcess(engine(config).await),
                _ => Door::Wire { connection: server.connection_string(), extended: name == "extended" },
            };
            let result = suite::run(&door, path).await;
            records[at] += result.records;
            if let Some(failure) = result.failure {
                failures.push(format!("{} through the door {name}:\n{failure}", path.display()));
            }
            server.stop().await;
        }
    }
    println!("records: {} in-process, {} simple, {} extended", records[0], records[1], records[2]);
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}
