//! Deliveries over HTTP: signed, repeated, cut short and taken up again, and to nobody twice.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use regulars::catalog::delivery::{Batch, DeliveryState, RecordedDelivery};
use regulars::catalog::store::{Change, Loaded};
use regulars::catalog::{MemoryStore, RecordedRun, SavedDefinition, Store};
use regulars::clock::Clock;
use regulars::error::{Error, Result, SqlState};
use ring::hmac;
use sha2::{Digest, Sha256};

use crate::crash::Server;
use crate::deliveries::{World, refusal, rows};
use crate::receiver::{Answer, Received, Receiver};
use crate::server::TestServer;

const SECRET: &str = "a secret of twenty-four bytes or more";
const EARLIER: &str = "2026-10-01T00:00:00Z";

/// Members 1 to 5, all of whom agreed to text messages.
fn five() -> Arc<World> {
    let phones: Vec<String> = (1..=5).map(|member| format!("+4670123456{member}")).collect();
    let members: Vec<_> = (1..=5).zip(&phones).map(|(member, phone)| (member, None, Some(phone.as_str()))).collect();
    let consents: Vec<_> = (1..=5).map(|member| (member, "sms", "granted", EARLIER)).collect();
    Arc::new(World::new(&members, &consents, &[(1, 1, "2026-11-19T12:00:00Z", 10)]))
}

const SIGNED_UP: &str = "CREATE MATERIALIZED VIEW five WITH (channel = 'gateway') AS
     SELECT member_id, 'Hi ' || member_id AS text FROM members";

/// A gateway for text messages that takes two at a time.
fn gateway(world: &World, receiver: &Receiver, more: &str) -> String {
    let path = world.folder.path().join("secret");
    std::fs::write(&path, SECRET).unwrap();
    private(&path);
    format!(
        "[channels.gateway]\nkind = \"sms\"\nurl = \"{}inbox?key=hidden\"\nsecret = {{ file = \"secret\" }}\n\
         authorization = {{ file = \"secret\" }}\nbatch_members = 2\ntimeout_ms = 500\nconsent = \"sms\"\n{more}",
        receiver.url()
    )
}

fn private(path: &Path) {
    #[cfg(unix)]
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    #[cfg(not(unix))]
    let _ = path;
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// As a receiver checks it.
fn is_signed(request: &Received) -> bool {
    let (id, at) = (request.header("webhook-id"), request.header("webhook-timestamp"));
    let coded = request.header("webhook-signature").strip_prefix("v1,").unwrap();
    let mut signed = format!("{id}.{at}.").into_bytes();
    signed.extend_from_slice(&request.body);
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    hmac::verify(&key, &signed, &BASE64.decode(coded).unwrap()).is_ok()
}

/// The members of a batch.
fn members(request: &Received) -> Vec<String> {
    let body = request.json();
    let members = body["members"].as_array().unwrap();
    members.iter().map(|member| member["member_id"].as_str().unwrap().to_owned()).collect()
}

/// What was taken by its key, each key once: the members, if every repetition was the same.
fn taken(requests: &[Received]) -> Vec<String> {
    let mut by_key: BTreeMap<&str, &Received> = BTreeMap::new();
    for request in requests {
        let known = by_key.entry(request.header("idempotency-key")).or_insert(request);
        assert_eq!(known.body, request.body, "a key means one thing");
    }
    by_key.values().flat_map(|request| members(request)).collect()
}

const DELIVER: &str = "CALL regulars.deliver('five')";
const STATE: &str = "SELECT state, sent, accepted, dropped_before_sending FROM regulars.deliveries";
const BATCHES: &str = "SELECT batch, state, members, accepted, attempts FROM regulars.delivery_batches";

#[tokio::test(flavor = "multi_thread")]
async fn batches_are_signed_and_numbered() {
    let world = five();
    let receiver = Receiver::start(|_| Answer::status(202)).await;
    let server = world.server(&gateway(&world, &receiver, "")).await;
    let client = server.client().await;
    client.batch_execute(SIGNED_UP).await.unwrap();
    let dry = rows(&client, "CALL regulars.deliver('five', dry_run => true)").await;
    assert!(dry[0].contains("|dry run|5|5|5|0|0|NULL|3|[") && dry[0].contains("+46701234561"), "{dry:?}");
    assert_eq!(receiver.received().len(), 0);
    let sent = rows(&client, DELIVER).await;
    assert!(sent[0].ends_with("|delivered|5|5|5|5|5|NULL|3|NULL"), "{sent:?}");
    let id = sent[0].split('|').next().unwrap().to_owned();
    let requests = receiver.received();
    for (number, request) in (1..).zip(&requests) {
        assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/inbox?key=hidden"));
        assert!(is_signed(request));
        assert_eq!(request.header("webhook-timestamp"), at_noon());
        assert_eq!(request.header("idempotency-key"), format!("{id}-{number}"));
        assert_eq!(request.header("authorization"), SECRET);
        let body = request.json();
        let head = ["delivery_id", "audience", "run", "batch", "last"].map(|key| body[key].to_string());
        let last = (number == 3).to_string();
        assert_eq!(head, [format!("\"{id}\""), "\"five\"".into(), "1".into(), number.to_string(), last]);
    }
    assert_eq!(requests.iter().map(members).collect::<Vec<_>>(), [vec!["1", "2"], vec!["3", "4"], vec!["5"]]);
    let member = serde_json::json!({ "member_id": "1", "text": "Hi 1", "phone": "+46701234561" });
    assert_eq!(requests[0].json()["members"][0], member);
    let sums = rows(&client, "SELECT sha256, bytes FROM regulars.delivery_batches ORDER BY batch").await;
    let expected: Vec<String> = requests
        .iter()
        .map(|request| format!("{}|{}", hex(&Sha256::digest(&request.body)), request.body.len()))
        .collect();
    assert_eq!(sums, expected);
    // Again: nothing.
    assert_eq!(rows(&client, DELIVER).await, sent);
    assert_eq!(receiver.received().len(), 3);
    // No secret, nor what may be one in an address, is shown anywhere.
    for relation in ["pg_settings", "regulars.deliveries", "regulars.delivery_batches", "pg_stat_activity"] {
        let all = rows(&client, &format!("SELECT * FROM {relation}")).await.join("\n");
        assert!(!all.contains(SECRET) && !all.contains("hidden"), "{relation}");
    }
    assert!(!format!("{:?}", server.engine.desk).contains(SECRET));
    server.stop().await;
}

fn at_noon() -> String {
    "2026-11-20T12:00:00Z".parse::<chrono::DateTime<chrono::Utc>>().unwrap().timestamp().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_for_now_is_tried_again() {
    let world = five();
    let mut answers = [
        Answer::Of(503, "retry-after: 7\r\n", "busy".into()),
        Answer::status(429),
        Answer::Cut,
        Answer::Silence,
        Answer::status(200),
        // The receiver has it already.
        Answer::status(409),
        Answer::status(500),
        Answer::status(204),
    ]
    .into_iter();
    let receiver = Receiver::start(move |_| answers.next().unwrap()).await;
    let server = world.server(&gateway(&world, &receiver, "")).await;
    let client = server.client().await;
    client.batch_execute(SIGNED_UP).await.unwrap();
    let sent = rows(&client, DELIVER).await;
    assert!(sent[0].ends_with("|delivered|5|5|5|5|5|NULL|3|NULL"), "{sent:?}");
    let requests = receiver.received();
    assert_eq!(requests.len(), 8);
    assert!(requests.iter().all(is_signed));
    assert_eq!(taken(&requests), ["1", "2", "3", "4", "5"]);
    // By hand: 7 s as asked for, then 2, 4, 8; later 1.
    let noon: i64 = at_noon().parse().unwrap();
    let times: Vec<i64> =
        requests.iter().map(|request| request.header("webhook-timestamp").parse::<i64>().unwrap() - noon).collect();
    assert_eq!(times, [0, 7, 9, 13, 21, 21, 21, 22]);
    assert_eq!(world.clock.now().timestamp() - noon, 22);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_ends_a_delivery_which_goes_on_when_called_again() {
    let world = five();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let receiver = Receiver::start(move |_| match counted.fetch_add(1, Ordering::SeqCst) {
        1 => Answer::Of(400, "", "no\nsuch campaign".into()),
        2..7 => Answer::status(502),
        _ => Answer::status(200),
    })
    .await;
    let server = world.server(&gateway(&world, &receiver, "")).await;
    let client = server.client().await;
    client.batch_execute(SIGNED_UP).await.unwrap();
    let (state, told) = refusal(&client, DELIVER).await;
    assert_eq!(state, "58030");
    assert!(told.contains("is failed: batch 2 was not taken: HTTP 400: no such campaign"), "{told}");
    assert_eq!(receiver.received().len(), 2, "the third batch was not sent");
    // Five attempts, then it has failed.
    let (_, told) = refusal(&client, DELIVER).await;
    assert!(told.contains("batch 2 was not taken: HTTP 502"), "{told}");
    assert_eq!(receiver.received().len(), 7);
    assert_eq!(rows(&client, STATE).await, ["failed|4|2|0"]);
    let sent = rows(&client, DELIVER).await;
    assert!(sent[0].ends_with("|delivered|5|5|5|5|5|NULL|3|NULL"), "{sent:?}");
    assert_eq!(
        rows(&client, &format!("{BATCHES} ORDER BY batch")).await,
        ["1|delivered|2|2|1", "2|delivered|2|2|3", "3|delivered|1|1|1"]
    );
    assert_eq!(taken(&receiver.received()), ["1", "2", "3", "4", "5"]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_unsubscribes_meanwhile_is_left_out() {
    let world = five();
    let withdrawing = Arc::clone(&world);
    let receiver = Receiver::start(move |request: &Received| {
        if request.json()["batch"] == 1 {
            let mut consents: Vec<_> = (1..=5).map(|member| (member, "sms", "granted", EARLIER)).collect();
            consents.extend([3, 5].map(|member| (member, "sms", "withdrawn", "2026-11-20T11:59:00Z")));
            withdrawing.write_consents(&consents);
        }
        Answer::status(200)
    })
    .await;
    let server = world.server(&gateway(&world, &receiver, "")).await;
    let client = server.client().await;
    client.batch_execute(SIGNED_UP).await.unwrap();
    let sent = rows(&client, DELIVER).await;
    assert!(sent[0].ends_with("|delivered|5|5|5|3|3|NULL|3|NULL"), "{sent:?}");
    assert_eq!(taken(&receiver.received()), ["1", "2", "4"]);
    assert_eq!(receiver.received().len(), 2, "of the third batch nobody was left");
    assert_eq!(rows(&client, STATE).await, ["delivered|3|3|2"]);
    // Withdrawn between refresh and delivery: dropped at once.
    client.batch_execute("REFRESH MATERIALIZED VIEW five").await.unwrap();
    let again = rows(&client, DELIVER).await;
    assert!(again[0].ends_with("|delivered|5|3|3|3|3|consent withdrawn: 2|2|NULL"), "{again:?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_in_doubt_is_told_and_not_sent_again() {
    for (settle, requests, sent) in [("accept", 3, "1|delivered|2|2|1"), ("send", 4, "1|delivered|2|2|2")] {
        let world = five();
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        let receiver = Receiver::start(move |_| match counted.fetch_add(1, Ordering::SeqCst) {
            0 => Answer::Cut,
            _ => Answer::status(200),
        })
        .await;
        let server = world.server(&gateway(&world, &receiver, "takes_once = false\n")).await;
        let client = server.client().await;
        client.batch_execute(SIGNED_UP).await.unwrap();
        for _ in 0..2 {
            let (state, told) = refusal(&client, DELIVER).await;
            assert_eq!(state, "55000");
            assert!(told.contains("is in doubt: batch 1 was not taken"), "{told}");
            assert_eq!(receiver.received().len(), 1);
        }
        let row = rows(&client, &format!("CALL regulars.deliver('five', in_doubt => '{settle}')")).await;
        assert!(row[0].contains("|delivered|5|5|5|5|5|"), "{row:?}");
        assert_eq!(receiver.received().len(), requests);
        assert_eq!(rows(&client, &format!("{BATCHES} WHERE batch = 1")).await, [sent]);
        server.stop().await;
    }
}

/// A start finds a delivery that is being sent, with a batch of which nobody knows: it is in doubt still.
#[tokio::test(flavor = "multi_thread")]
async fn a_start_settles_no_doubt() {
    let world = five();
    let receiver = Receiver::start(|_| Answer::Cut).await;
    let config = gateway(&world, &receiver, "takes_once = false\n");
    for state in [DeliveryState::Sending, DeliveryState::InDoubt] {
        let server = world.server(&config).await;
        let client = server.client().await;
        if rows(&client, "SELECT 1 FROM regulars.audiences").await.is_empty() {
            client.batch_execute(SIGNED_UP).await.unwrap();
        }
        assert_eq!(refusal(&client, DELIVER).await.0, "55000");
        drop(client);
        server.stop().await;
        let mut store = world.store.clone();
        let mut known = store.deliveries().unwrap().remove(0);
        known.delivery.state = DeliveryState::Sending;
        let batch = Batch { state, ..known.batches.remove(0) };
        let changes = [
            Change::PutBatch { delivery: known.delivery.id.clone(), batch },
            Change::PutDelivery(Box::new(known.delivery)),
        ];
        let version = store.load().unwrap().version;
        store.commit(version, &changes).unwrap();
        let server = world.server(&config).await;
        until_state(&server.client().await, "in doubt").await;
        assert_eq!(receiver.received().len(), 1, "it was sent once");
        server.stop().await;
    }
}

/// Members without a number, or without a text, get no text message.
#[tokio::test(flavor = "multi_thread")]
async fn a_text_message_needs_a_number_and_a_text() {
    let world = five();
    world.write_members(&[(1, None, Some("0701")), (2, None, None), (3, None, Some("+46 70 123 45 63"))]);
    let receiver = Receiver::start(|_| Answer::status(200)).await;
    let server = world.server(&gateway(&world, &receiver, "")).await;
    let client = server.client().await;
    client
        .batch_execute(
            "CREATE MATERIALIZED VIEW silent WITH (channel = 'gateway') AS SELECT member_id FROM members;
             CREATE MATERIALIZED VIEW some WITH (channel = 'gateway') AS
             SELECT column1 AS member_id, column2 AS text FROM (VALUES (1, 'a'), (2, 'b'), (3, 'c'), (4, '')) v",
        )
        .await
        .unwrap();
    let (state, told) = refusal(&client, "CALL regulars.deliver('silent')").await;
    assert_eq!((state.as_str(), told.contains("has no column \"text\"")), ("42703", true), "{told}");
    let sent = rows(&client, "CALL regulars.deliver('some')").await;
    let dropped = "no longer a member: 1, no identifier: 1, invalid identifier: 1";
    assert!(sent[0].ends_with(&format!("|delivered|4|3|1|1|1|{dropped}|1|NULL")), "{sent:?}");
    assert_eq!(receiver.received()[0].json()["members"][0]["phone"], "+46701234563");
    server.stop().await;
}

/// A store whose disk is full for one commit that it is told of, counted from then.
#[derive(Clone)]
struct Failing {
    store: MemoryStore,
    until_full: Arc<Mutex<Option<usize>>>,
}

impl Store for Failing {
    fn load(&mut self) -> Result<Loaded> {
        self.store.load()
    }

    fn commit(&mut self, base_version: u64, changes: &[Change]) -> Result<u64> {
        let mut until_full = self.until_full.lock();
        if let Some(left) = until_full.as_mut() {
            if *left == 0 {
                *until_full = None;
                return Err(Error::new(SqlState::DiskFull, "no space"));
            }
            *left -= 1;
        }
        self.store.commit(base_version, changes)
    }

    fn secret(&mut self) -> Result<[u8; 32]> {
        self.store.secret()
    }

    fn saved_definitions(&mut self, view: Option<u32>) -> Result<Vec<SavedDefinition>> {
        self.store.saved_definitions(view)
    }

    fn runs(&mut self) -> Result<Vec<RecordedRun>> {
        self.store.runs()
    }

    fn deliveries(&mut self) -> Result<Vec<RecordedDelivery>> {
        self.store.deliveries()
    }
}

/// A delivery makes eight commits: it begins, each of three batches twice, it ends. At each of them the disk is full once;
/// the server is started again, and everybody has got the message once.
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_full_at_any_commit_sends_nothing_twice() {
    for until_full in 0..8 {
        let world = five();
        let seen = world.store.clone();
        // Nothing comes that is not on record as being sent.
        let receiver = Receiver::start(move |request: &Received| {
            let number = request.json()["batch"].as_u64().unwrap();
            let known = seen.clone().deliveries().unwrap().remove(0);
            let batch = known.batch(u32::try_from(number).unwrap()).cloned().unwrap();
            assert_eq!(batch.state, DeliveryState::Sending);
            assert_eq!(batch.sha256, hex(&Sha256::digest(&request.body)));
            Answer::status(200)
        })
        .await;
        let config = gateway(&world, &receiver, "");
        let failing = Failing { store: world.store.clone(), until_full: Arc::default() };
        let server = TestServer::over(world.engine_with(&config, Box::new(failing.clone())).await).await;
        let client = server.client().await;
        client.batch_execute(SIGNED_UP).await.unwrap();
        *failing.until_full.lock() = Some(until_full);
        let (state, told) = refusal(&client, DELIVER).await;
        assert!(["53100", "58030"].contains(&state.as_str()) && told.contains("no space"), "{until_full}: {told}");
        drop(client);
        server.stop().await;
        // The next start goes on by itself with what began, and a call with what did not.
        let server = world.server(&config).await;
        let client = server.client().await;
        let sent = rows(&client, DELIVER).await;
        assert!(sent[0].ends_with("|delivered|5|5|5|5|5|NULL|3|NULL"), "{until_full}: {sent:?}");
        assert_eq!(taken(&receiver.received()), ["1", "2", "3", "4", "5"], "{until_full}");
        assert!(receiver.received().len() <= 4, "{until_full}: of what was accepted nothing comes again");
        server.stop().await;
    }
}

/// kill -9 while a batch is on its way: after the restart it goes on by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_is_killed_goes_on_and_sends_nothing_twice() {
    for (takes_once, killed_at) in [(true, 1), (true, 2), (true, 3), (false, 2)] {
        let world = five();
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        let receiver = Receiver::start(move |_| {
            // The one on which the server is killed is never answered.
            if counted.fetch_add(1, Ordering::SeqCst) + 1 == killed_at { Answer::Silence } else { Answer::status(200) }
        })
        .await;
        let channel = gateway(&world, &receiver, &format!("takes_once = {takes_once}\n"));
        let channel = channel.replace("timeout_ms = 500", "timeout_ms = 60000");
        let config = world.folder.path().join("regulars.toml");
        std::fs::write(&config, format!("home = \"home\"\n[history]\npath = \"history\"\n{channel}")).unwrap();
        let mut server = Server::start(&config);
        let client = server.client().await;
        client.batch_execute(SIGNED_UP).await.unwrap();
        let calling = tokio::spawn(async move { client.batch_execute(DELIVER).await });
        until(|| receiver.received().len() == killed_at).await;
        server.kill();
        assert!(calling.await.unwrap().is_err());
        let mut server = Server::start(&config);
        let client = server.client().await;
        if takes_once {
            until_state(&client, "delivered").await;
            assert_eq!(receiver.received().len(), 4, "one came twice, under its key");
            assert_eq!(taken(&receiver.received()), ["1", "2", "3", "4", "5"]);
            assert_eq!(rows(&client, STATE).await, ["delivered|5|5|0"]);
        } else {
            until_state(&client, "in doubt").await;
            assert_eq!(receiver.received().len(), killed_at, "nothing was sent again");
            assert_eq!(rows(&client, STATE).await, ["in doubt|4|2|0"]);
            let sent = rows(&client, "CALL regulars.deliver('five', in_doubt => 'accept')").await;
            assert!(sent[0].contains("|delivered|5|5|5|5|5|"), "{sent:?}");
            assert_eq!(taken(&receiver.received()), ["1", "2", "3", "4", "5"]);
        }
        server.kill();
    }
}

/// kill -9 at random moments, again and again, until everything is delivered. `REGULARS_SEED` sets the seed.
#[tokio::test(flavor = "multi_thread")]
async fn however_often_it_is_killed_nobody_gets_it_twice() {
    let seed: u64 = std::env::var("REGULARS_SEED").map_or_else(|_| rand::rng().random(), |seed| seed.parse().unwrap());
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let phones: Vec<String> = (10..50).map(|member| format!("+467012345{member}")).collect();
    let members: Vec<_> = (10..50).zip(&phones).map(|(member, phone)| (member, None, Some(phone.as_str()))).collect();
    let consents: Vec<_> = (10..50).map(|member| (member, "sms", "granted", EARLIER)).collect();
    let world = World::new(&members, &consents, &[(1, 10, "2026-11-19T12:00:00Z", 10)]);
    let receiver = Receiver::start(|_| Answer::status(200)).await;
    let channel = gateway(&world, &receiver, "").replace("timeout_ms = 500", "timeout_ms = 60000");
    let config = world.folder.path().join("regulars.toml");
    std::fs::write(&config, format!("home = \"home\"\n[history]\npath = \"history\"\n{channel}")).unwrap();
    let mut server = Server::start(&config);
    let client = server.client().await;
    client.batch_execute(SIGNED_UP).await.unwrap();
    let mut calling = Some(tokio::spawn(async move { client.batch_execute(DELIVER).await }));
    for _ in 0..6 {
        let wanted = receiver.received().len() + random.random_range(1..4);
        // Twenty batches, and one more for each time that it was killed.
        until(|| receiver.received().len() >= wanted.min(20)).await;
        for _ in 0..random.random_range(0..400) {
            tokio::task::yield_now().await;
        }
        server.kill();
        if let Some(calling) = calling.take() {
            // It may have been done in time.
            let _killed_or_done = calling.await.unwrap();
        }
        server = Server::start(&config);
    }
    until_state(&server.client().await, "delivered").await;
    server.kill();
    let expected: Vec<String> = (10..50).map(|member| member.to_string()).collect();
    assert!(receiver.received().len() <= 20 + 6, "of what was accepted nothing comes again");
    let mut found = taken(&receiver.received());
    found.sort();
    assert_eq!(found, expected);
}

/// Who asked may go away: what began goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_is_cancelled_does_not_stop_its_delivery() {
    let world = five();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    // The first answer does not come in time; nor does the end of the statement.
    let receiver = Receiver::start(move |_| match counted.fetch_add(1, Ordering::SeqCst) {
        0 => Answer::Silence,
        _ => Answer::status(200),
    })
    .await;
    let channel = gateway(&world, &receiver, "").replace("timeout_ms = 500", "timeout_ms = 3000");
    let server = world.server(&channel).await;
    let client = server.client().await;
    client.batch_execute(SIGNED_UP).await.unwrap();
    let cancel = client.cancel_token();
    let calling = tokio::spawn(async move { client.batch_execute(DELIVER).await });
    until(|| receiver.received().len() == 1).await;
    cancel.cancel_query(tokio_postgres::NoTls).await.unwrap();
    let error = calling.await.unwrap().unwrap_err();
    assert_eq!(error.code().unwrap().code(), "57014");
    until_state(&server.client().await, "delivered").await;
    assert_eq!(receiver.received().len(), 4);
    assert_eq!(taken(&receiver.received()), ["1", "2", "3", "4", "5"]);
    server.stop().await;
}

/// Readers count and look; they hand nothing to anybody.
#[tokio::test(flavor = "multi_thread")]
async fn readers_deliver_nothing() {
    let world = five();
    let receiver = Receiver::start(|_| Answer::status(200)).await;
    let server = world.server(&gateway(&world, &receiver, "")).await;
    let client = server.client().await;
    client.batch_execute(SIGNED_UP).await.unwrap();
    client.batch_execute("SET ROLE reader").await.unwrap();
    assert_eq!(refusal(&client, DELIVER).await.0, "42501");
    assert_eq!(refusal(&client, "CALL regulars.deliver('five', dry_run => true)").await.0, "42501");
    assert_eq!(receiver.received().len(), 0);
    server.stop().await;
}

async fn until(holds: impl Fn() -> bool) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(120);
    while !holds() {
        assert!(std::time::Instant::now() < deadline, "it never came to that");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

async fn until_state(client: &tokio_postgres::Client, state: &str) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(120);
    while rows(client, "SELECT state FROM regulars.deliveries").await != [state] {
        assert!(std::time::Instant::now() < deadline, "it never was {state}");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}
