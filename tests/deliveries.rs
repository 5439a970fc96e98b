//! Deliveries: who is dropped and why, what leaves the house, what is sent once only.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use chrono::{DateTime, Utc};
use parquet::arrow::ArrowWriter;
use regulars::catalog::{MemoryStore, Store};
use regulars::clock::SetClock;
use regulars::config::Config;
use regulars::engine::Engine;
use regulars::storage::member_file::MemberFolder;
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::server::TestServer;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// member, email, phone
type Member<'a> = (i64, Option<&'a str>, Option<&'a str>);
/// member, channel, status, when
type Consent<'a> = (i64, &'a str, &'a str, &'a str);
/// receipt, member, when, amount
type Purchase<'a> = (i64, i64, &'a str, i64);

/// A small history in a folder of its own, whose consents change while the test goes on.
pub struct World {
    pub folder: TempDir,
    pub clock: SetClock,
    pub store: MemoryStore,
}

impl World {
    pub fn new(members: &[Member<'_>], consents: &[Consent<'_>], purchases: &[Purchase<'_>]) -> Self {
        let world = Self {
            folder: tempfile::tempdir().unwrap(),
            clock: SetClock::new(at("2026-11-20T12:00:00Z")),
            store: MemoryStore::default(),
        };
        world.write_members(members);
        world.write_consents(consents);
        world.write_purchases(purchases);
        world
    }

    pub fn write_members(&self, members: &[Member<'_>]) {
        self.write(
            "members",
            vec![
                ("member_id", numbers(members.iter().map(|member| member.0))),
                ("email", Arc::new(members.iter().map(|member| member.1).collect::<StringArray>())),
                ("phone", Arc::new(members.iter().map(|member| member.2).collect::<StringArray>())),
                (
                    "line_user_id",
                    Arc::new(members.iter().map(|member| Some(format!("U{:032x}", member.0))).collect::<StringArray>()),
                ),
            ],
        );
    }

    pub fn write_consents(&self, consents: &[Consent<'_>]) {
        self.write(
            "consents",
            vec![
                ("member_id", numbers(consents.iter().map(|consent| consent.0))),
                ("channel", words(consents.iter().map(|consent| consent.1))),
                ("status", words(consents.iter().map(|consent| consent.2))),
                ("changed_at", instants(consents.iter().map(|consent| consent.3))),
            ],
        );
    }

    pub fn write_purchases(&self, purchases: &[Purchase<'_>]) {
        self.write(
            "purchases",
            vec![
                ("purchase_id", numbers(purchases.iter().map(|purchase| purchase.0))),
                ("member_id", numbers(purchases.iter().map(|purchase| purchase.1))),
                ("store_id", numbers(purchases.iter().map(|_| 1))),
                ("purchased_at", instants(purchases.iter().map(|purchase| purchase.2))),
                ("amount", numbers(purchases.iter().map(|purchase| purchase.3))),
            ],
        );
    }

    /// In one step, as nobody may see half a file.
    fn write(&self, table: &str, columns: Vec<(&str, ArrayRef)>) {
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let path = self.folder.path().join(format!("history/{table}.parquet"));
        let new = path.with_extension("new");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut writer = ArrowWriter::try_new(std::fs::File::create(&new).unwrap(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        std::fs::rename(new, path).unwrap();
    }

    /// The configuration with these channels.
    pub fn config(&self, channels: &str) -> Config {
        let text = format!("[history]\npath = \"history\"\n{channels}");
        Config::parse(&text, self.folder.path().to_owned()).unwrap()
    }

    pub async fn engine(&self, channels: &str) -> Arc<Engine> {
        self.engine_with(channels, Box::new(self.store.clone())).await
    }

    pub async fn engine_with(&self, channels: &str, store: Box<dyn Store>) -> Arc<Engine> {
        let lists = MemberFolder::new(self.folder.path().join("home/audiences"));
        Engine::open_with(&self.config(channels), Arc::new(self.clock.clone()), store, lists).await.unwrap()
    }

    pub async fn server(&self, channels: &str) -> TestServer {
        TestServer::over(self.engine(channels).await).await
    }

    /// The files in the folder that channels deliver to, by name.
    pub fn delivered(&self) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(self.folder.path().join("out")) else { return Vec::new() };
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    }
}

fn numbers(values: impl Iterator<Item = i64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(values))
}

fn words<'a>(values: impl Iterator<Item = &'a str>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

fn instants<'a>(values: impl Iterator<Item = &'a str>) -> ArrayRef {
    let values = values.map(|when| at(when).timestamp_micros());
    Arc::new(TimestampMicrosecondArray::from_iter_values(values).with_timezone("UTC"))
}

/// All rows, values separated by `|`.
pub async fn rows(client: &Client, sql: &str) -> Vec<String> {
    let messages = client.simple_query(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    let rows = messages.into_iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    rows.map(|row| (0..row.len()).map(|at| row.get(at).unwrap_or("NULL")).collect::<Vec<_>>().join("|")).collect()
}

/// SQLSTATE and message of a refusal.
pub async fn refusal(client: &Client, sql: &str) -> (String, String) {
    let error = client.batch_execute(sql).await.unwrap_err();
    let error = error.as_db_error().unwrap_or_else(|| panic!("{error}"));
    (error.code().code().to_owned(), format!("{} / {}", error.message(), error.detail().unwrap_or_default()))
}

fn sha256(path: &Path) -> String {
    Sha256::digest(std::fs::read(path).unwrap()).iter().map(|byte| format!("{byte:02x}")).collect()
}

const OUT: &str = "[channels.mail]\nkind = \"file\"\nto = \"out\"\nidentifiers = [\"email\"]\nconsent = \"email\"\n";
const LATER: &str = "2026-11-01T00:00:00Z";
const EARLIER: &str = "2026-10-01T00:00:00Z";

/// One member for each reason, told by hand.
fn of_every_kind() -> World {
    World::new(
        &[
            (1, Some("a@example.com"), None),
            (2, Some("b@example.com"), None),
            (3, Some("c@example.com"), None),
            (4, Some("d@example.com"), None),
            (5, None, None),
            (6, Some("nobody"), None),
            (7, Some(" a@example.com"), None),
            (8, Some("h@example.com"), None),
            (9, Some("=cmd@example.com"), None),
            (10, Some("j@example.com"), None),
            (11, Some("k@example.com"), None),
        ],
        &[
            (1, "email", "granted", EARLIER),
            // Withdrawn since; and granted again by another channel, which is nothing to this one.
            (2, "email", "granted", EARLIER),
            (2, "email", "withdrawn", LATER),
            (2, "sms", "granted", LATER),
            // 3 never said anything of email.
            (3, "sms", "granted", EARLIER),
            (4, "email", "granted", EARLIER),
            (5, "email", "granted", EARLIER),
            (6, "email", "granted", EARLIER),
            (7, "email", "granted", EARLIER),
            (8, "email", "granted", EARLIER),
            // Withdrawn, then granted again: the newest word holds.
            (9, "email", "withdrawn", EARLIER),
            (9, "email", "granted", LATER),
            // A yes and a no at one instant are a no.
            (10, "email", "granted", LATER),
            (10, "email", "withdrawn", LATER),
            (11, "email", "granted", EARLIER),
        ],
        &[(1, 1, "2026-11-19T12:00:00Z", 10)],
    )
}

const AUDIENCE: &str = "CREATE VIEW do_not_contact AS SELECT 4 AS member_id;
     CREATE MATERIALIZED VIEW everybody WITH (channel = 'mail') AS
     SELECT member_id, member_id = 8 AS holdout, '-' || member_id AS note FROM members";

#[tokio::test(flavor = "multi_thread")]
async fn each_member_is_delivered_or_dropped_for_one_reason() {
    let world = of_every_kind();
    let server = world.server(&format!("{OUT}[delivery]\nsuppress = [\"do_not_contact\"]\n")).await;
    let client = server.client().await;
    client.batch_execute(AUDIENCE).await.unwrap();
    // 11 is erased after the refresh.
    world.write_members(&[
        (1, Some("a@example.com"), None),
        (2, Some("b@example.com"), None),
        (3, Some("c@example.com"), None),
        (4, Some("d@example.com"), None),
        (5, None, None),
        (6, Some("nobody"), None),
        (7, Some(" a@example.com"), None),
        (8, Some("h@example.com"), None),
        (9, Some("=cmd@example.com"), None),
        (10, Some("j@example.com"), None),
    ]);
    let dry = rows(&client, "CALL regulars.deliver('everybody', dry_run => true)").await;
    let dropped = "no longer a member: 1, suppressed: 1, consent withdrawn: 2, no consent: 1, no identifier: 1, \
                   invalid identifier: 1, shared identifier: 1, held out: 1";
    let file = "member_id,note,email\r\n1,'-1,a@example.com\r\n9,'-9,'=cmd@example.com\r\n";
    assert_eq!(dry.len(), 1);
    let (id, rest) = dry[0].split_once('|').unwrap();
    assert_eq!(rest, format!("dry run|11|6|2|0|0|{dropped}|1|{file}"));
    assert_eq!(world.delivered(), Vec::<PathBuf>::new(), "nothing was sent");
    assert_eq!(rows(&client, "SELECT * FROM regulars.deliveries").await, Vec::<String>::new());

    let sent = rows(&client, "CALL regulars.deliver('everybody')").await;
    assert_eq!(sent, [format!("{id}|delivered|11|6|2|2|2|{dropped}|1|NULL")]);
    let files = world.delivered();
    let names: Vec<String> = files.iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    assert_eq!(names, [format!("everybody-1-{id}.csv"), format!("everybody-1-{id}.csv.manifest.json")]);
    assert_eq!(std::fs::read_to_string(&files[0]).unwrap(), file);
    let manifest: serde_json::Value = serde_json::from_slice(&std::fs::read(&files[1]).unwrap()).unwrap();
    assert_eq!(manifest["batches"][0]["sha256"], sha256(&files[0]));
    assert_eq!(manifest["audience_run"]["as_of"], "2026-11-20");
    assert!(manifest["audience_run"]["definition"].as_str().unwrap().contains("AS holdout"));
    let versions = rows(&client, "SELECT data_version FROM regulars.audience_runs WHERE name = 'everybody'").await;
    assert_eq!(manifest["audience_run"]["data_version"], *versions[0]);
    assert_eq!(versions[0].len(), 64);
    assert_eq!(manifest["dropped"]["withdrawn"], 2);

    // The same run again: nothing is sent, whatever became of consents.
    world.write_consents(&[]);
    std::fs::remove_file(&files[0]).unwrap();
    let again = rows(&client, "CALL regulars.deliver('everybody', 'mail')").await;
    assert_eq!(again, sent);
    assert_eq!(world.delivered().len(), 1);
    let counted = "SELECT state, matched - gone - suppressed - withdrawn - no_consent = consented,
                          consented - no_identifier - invalid_identifier - no_text - shared_identifier - held_out
                          = deliverable, batches, batches_accepted, delivered_by FROM regulars.deliveries";
    assert_eq!(rows(&client, counted).await, ["delivered|t|t|1|1|admin"]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_for_ad_platforms_hold_hashes_alone() {
    let members = [(1, Some("John_Smith@gmail.com"), Some("+1 (650)555-1212")), (2, None, Some("0650"))];
    let consents = [(1, "ads", "granted", EARLIER), (2, "ads", "granted", EARLIER)];
    let world = World::new(&members, &consents, &[(1, 1, "2026-11-19T12:00:00Z", 10)]);
    let channel = |name: &str, platform: &str| {
        format!(
            "[channels.{name}]\nkind = \"file\"\nto = \"out\"\nidentifiers = [\"email\", \"phone\"]\n\
             hash = \"{platform}\"\nconsent = \"ads\"\nminimum = 1\n"
        )
    };
    let server = world.server(&(channel("meta", "meta") + &channel("google", "google"))).await;
    let client = server.client().await;
    client.batch_execute("CREATE MATERIALIZED VIEW m AS SELECT member_id, 'x' AS note FROM members").await.unwrap();
    let email = "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f";
    // Meta's published hash of its published number; Google's is of the same with a `+`, from sha256sum.
    let meta = "e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176";
    let google: String = Sha256::digest(b"+16505551212").iter().map(|byte| format!("{byte:02x}")).collect();
    for (name, head, phone) in [("meta", "email,phone", meta), ("google", "Email,Phone", google.as_str())] {
        let sent = rows(&client, &format!("CALL regulars.deliver('m', channel => '{name}')")).await;
        assert!(sent[0].contains("|delivered|2|2|1|1|1|invalid identifier: 1|"), "{sent:?}");
        let place = rows(&client, "SELECT reference FROM regulars.deliveries ORDER BY started_at").await;
        let text = std::fs::read_to_string(place.last().unwrap()).unwrap();
        assert_eq!(text, format!("{head}\r\n{email},{phone}\r\n"));
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_say_what_is_wrong_and_nothing_leaves() {
    let world = of_every_kind();
    let channels = format!(
        "{OUT}minimum = 3\n[channels.ads]\nkind = \"file\"\nto = \"out\"\nconsent = false\n\
         [channels.fax]\nkind = \"file\"\nto = \"file/below\"\nconsent = false\n"
    );
    std::fs::write(world.folder.path().join("file"), "").unwrap();
    let server = world.server(&channels).await;
    let client = server.client().await;
    client.batch_execute(AUDIENCE).await.unwrap();
    client
        .batch_execute(
            "CREATE MATERIALIZED VIEW empty WITH (channel = 'ads') AS SELECT member_id FROM members WHERE false;
             CREATE MATERIALIZED VIEW few WITH (minimum = 12) AS SELECT member_id FROM members;
             CREATE MATERIALIZED VIEW unborn WITH (channel = 'ads') AS SELECT member_id FROM members WITH NO DATA;
             CREATE MATERIALIZED VIEW no_members AS SELECT 1 AS n",
        )
        .await
        .unwrap();
    for (call, state, told) in [
        ("CALL regulars.deliver('empty')", "55000", "0 can be delivered to; the minimum is 1."),
        ("CALL regulars.deliver('few', 'ads')", "55000", "11 can be delivered to; the minimum is 12."),
        ("CALL regulars.deliver('few')", "22023", "audience \"few\" has no channel"),
        ("CALL regulars.deliver('few', 'post')", "42704", "channel \"post\" does not exist"),
        ("CALL regulars.deliver('unborn')", "55000", "has not been populated"),
        ("CALL regulars.deliver('no_members')", "42809", "is not an audience"),
        ("CALL regulars.deliver('nothing')", "42P01", "nothing"),
        ("CALL regulars.deliver(NULL)", "22004", "audience"),
        ("CALL regulars.deliver()", "42883", "arguments"),
        ("CALL regulars.deliver('few', colour => 'red')", "42883", "arguments"),
        ("CALL refund('few')", "42883", "procedure refund does not exist"),
        ("BEGIN; CALL regulars.deliver('everybody', 'ads')", "25001", "transaction block"),
        ("ROLLBACK; BEGIN READ ONLY; CALL regulars.deliver('everybody', 'ads', true)", "25006", "read-only"),
    ] {
        let (code, text) = refusal(&client, call).await;
        assert_eq!((code.as_str(), text.contains(told)), (state, true), "{call}: {text}");
    }
    client.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(world.delivered(), Vec::<PathBuf>::new());
    let refused = "SELECT name, state, error, batches, sent FROM regulars.deliveries ORDER BY name";
    assert_eq!(
        rows(&client, refused).await,
        [
            "empty|refused|0 can be delivered to; the minimum is 1.|0|0",
            "few|refused|11 can be delivered to; the minimum is 12.|0|0"
        ]
    );
    // What was refused is counted anew when it is asked for again.
    client.batch_execute("ALTER MATERIALIZED VIEW few RESET (minimum)").await.unwrap();
    let sent = rows(&client, "CALL regulars.deliver('few', 'ads')").await;
    assert!(sent[0].contains("|delivered|11|11|11|11|11|NULL|1|NULL"), "{sent:?}");

    // A place that cannot be written to: the delivery has failed, and goes on when it can.
    let (code, text) = refusal(&client, "CALL regulars.deliver('everybody', 'fax')").await;
    assert_eq!(code, "58030", "{text}");
    std::fs::remove_file(world.folder.path().join("file")).unwrap();
    let sent = rows(&client, "CALL regulars.deliver('everybody', 'fax')").await;
    assert!(sent[0].contains("|delivered|11|11|10|10|10|held out: 1|1|"), "{sent:?}");
    assert_eq!(rows(&client, "SELECT attempts FROM regulars.delivery_batches WHERE members = 10").await, ["2"]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_must_not_be_written_to_must_be_known() {
    let world = of_every_kind();
    let server = world.server(&format!("{OUT}[delivery]\nsuppress = [\"gone_view\"]\n")).await;
    let client = server.client().await;
    client.batch_execute(AUDIENCE).await.unwrap();
    let (code, text) = refusal(&client, "CALL regulars.deliver('everybody')").await;
    assert_eq!(code, "42P01", "{text}");
    assert!(text.contains("suppression \"gone_view\" is not a segment"), "{text}");
    assert_eq!(world.delivered(), Vec::<PathBuf>::new());
    server.stop().await;
}

/// Parameters of the extended protocol, and the columns before the call.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_takes_parameters() {
    let world = of_every_kind();
    let server = world.server(OUT).await;
    let client = server.client().await;
    client.batch_execute(AUDIENCE).await.unwrap();
    let statement = client.prepare("CALL regulars.deliver($1, dry_run => $2)").await.unwrap();
    assert_eq!(statement.columns().len(), 10);
    let row = client.query_one(&statement, &[&"everybody", &true]).await.unwrap();
    assert_eq!((row.get::<_, &str>("state"), row.get::<_, i64>("deliverable")), ("dry run", 4));
    let row = client.query_one(&statement, &[&"everybody", &false]).await.unwrap();
    assert_eq!((row.get::<_, &str>("state"), row.get::<_, i64>("accepted")), ("delivered", 4));
    server.stop().await;
}

#[test]
fn channels_that_contradict_themselves_are_refused() {
    let world = of_every_kind();
    for (channel, told) in [
        ("kind = \"pigeon\"", "pigeon"),
        ("kind = \"file\"\nto = \"out\"\ncolour = \"red\"", "colour"),
        ("kind = \"file\"", "to"),
    ] {
        let text = format!("[history]\npath = \"history\"\n[channels.x]\n{channel}\n");
        let error = Config::parse(&text, world.folder.path().to_owned()).unwrap_err();
        assert!(error.detail().unwrap().contains(told), "{error:?}");
    }
    let runtime = datafusion::execution::runtime_env::RuntimeEnv::default();
    for (channel, told) in [
        ("to = \"https://example.com/\"", "webhook"),
        ("to = \"out\"\nhash = \"meta\"", "identifiers"),
        ("to = \"out\"\nhash = \"meta\"\nidentifiers = [\"line_user_id\"]", "email"),
        ("to = \"out\"\nidentifiers = [\"email\", \"email\"]", "once"),
        ("to = \"out\"\nconsent = true", "consent"),
        ("to = \"out\"\nhash = \"meta\"\nformat = \"parquet\"\nidentifiers = [\"email\"]", "csv"),
    ] {
        let config = world.config(&format!("[channels.x]\nkind = \"file\"\n{channel}\n"));
        let folder = MemberFolder::temporary().unwrap();
        let error = regulars::delivery::Desk::open(&config, &runtime, folder).unwrap_err();
        assert!(error.hint().unwrap().contains(told), "{error:?}");
    }
}

/// By hand. Recipients 1 to 6 bought 150 (two purchases), 60, 90, and nothing: shares 3 of 6, means 4/6 and 50, variances
/// 2/3 and 3840. Held out 7 to 10 bought 40 and nothing: 1 of 4, means 0.25 and 10, variances 0.25 and 400. The intervals
/// were computed apart, with Student's t integrated numerically.
#[tokio::test(flavor = "multi_thread")]
async fn lift_compares_recipients_with_those_held_out() {
    let members: Vec<_> = (1..=10).map(|member| (member, None, None)).collect();
    let before = (1, 5, "2026-11-19T12:00:00Z", 1000);
    let world = World::new(&members, &[], &[before]);
    let server = world.server("[channels.post]\nkind = \"file\"\nto = \"out\"\nconsent = false\n").await;
    let client = server.client().await;
    client
        .batch_execute(
            "CREATE MATERIALIZED VIEW offer WITH (channel = 'post') AS
             SELECT member_id, member_id > 6 AS holdout FROM members;
             CREATE MATERIALIZED VIEW all_of_them WITH (channel = 'post') AS SELECT member_id FROM members",
        )
        .await
        .unwrap();
    let (state, _) = refusal(&client, "SELECT * FROM regulars.lift('offer')").await;
    assert_eq!(state, "42704", "nothing was delivered");
    client.batch_execute("CALL regulars.deliver('offer'); ").await.unwrap();
    client.batch_execute("CALL regulars.deliver('all_of_them')").await.unwrap();
    world.write_purchases(&[
        before,
        (2, 1, "2026-11-21T12:00:00Z", 100),
        (3, 1, "2026-12-03T12:00:00Z", 50),
        (4, 2, "2026-11-22T12:00:00Z", 60),
        (5, 3, "2026-11-23T12:00:00Z", 90),
        (6, 7, "2026-11-24T12:00:00Z", 40),
        // A day too late.
        (7, 4, "2026-12-04T12:00:00Z", 500),
        (8, 10, "2026-12-04T12:00:00Z", 500),
    ]);
    world.clock.set(at("2026-12-20T12:00:00Z"));
    let lift = client.query("SELECT * FROM regulars.lift('offer', 1, days => 14)", &[]).await.unwrap();
    let expected = [
        ("buyers", 0.5, 0.25, 0.25, (-0.297_271_7, 0.623_320_4)),
        ("purchases", 4.0 / 6.0, 0.25, 4.0 / 6.0 - 0.25, (-0.544_329_0, 1.377_662_3)),
        ("amount", 50.0, 10.0, 40.0, (-25.514_413, 105.514_413)),
    ];
    assert_eq!(lift.len(), expected.len());
    for (row, (measure, recipients, held_out, difference, (low, high))) in lift.iter().zip(expected) {
        assert_eq!((row.get::<_, &str>(0), row.get::<_, i64>(1), row.get::<_, i64>(2)), (measure, 6, 4));
        let found = [3, 4, 5, 6, 7].map(|at| row.get::<_, f64>(at));
        for (found, expected) in found.into_iter().zip([recipients, held_out, difference, low, high]) {
            assert!((found - expected).abs() <= expected.abs() * 2e-3 + 1e-9, "{measure}: {found}, not {expected}");
        }
    }
    // Responders, as docs/delivery.md asks for them: within seven days of the delivery.
    let responders = "SELECT DISTINCT d.member_id FROM regulars.delivery_members('offer', 1) d
         JOIN purchases p ON p.member_id = d.member_id
         WHERE NOT d.is_held_out AND p.status = 'completed'
           AND p.purchased_at >= d.sent_at AND p.purchased_at < d.sent_at + interval '7 days' ORDER BY 1";
    assert_eq!(rows(&client, responders).await, ["1", "2", "3"]);
    let everybody = "SELECT batch, is_held_out, sent_at::text, count(*) FROM regulars.delivery_members('offer')
                     GROUP BY 1, 2, 3 ORDER BY 1";
    assert_eq!(rows(&client, everybody).await, ["1|f|2026-11-20 12:00:00+00|6", "NULL|t|2026-11-20 12:00:00+00|4"]);
    for (asked, state) in [
        ("SELECT * FROM regulars.lift('all_of_them')", "55000"),
        ("SELECT * FROM regulars.lift('offer', 2)", "42704"),
        ("SELECT * FROM regulars.lift('offer', days => 0)", "22023"),
        ("SELECT * FROM regulars.lift('members')", "42809"),
    ] {
        assert_eq!(refusal(&client, asked).await.0, state, "{asked}");
    }
    // The record and its members stay when the list is gone.
    client.batch_execute("DROP MATERIALIZED VIEW offer").await.unwrap();
    assert_eq!(rows(&client, "SELECT count(*) FROM regulars.delivery_members('offer')").await, ["10"]);
    server.stop().await;
}
