//! Files of the purchase history that come, go and are broken while the server runs, as clients see it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use chrono::{Months, NaiveDate};
use parquet::arrow::ArrowWriter;
use regulars::catalog::MemoryStore;
use regulars::clock::{SetClock, SystemClock};
use regulars::config::Config;
use regulars::engine::Engine;
use regulars::history::index::IndexState;
use regulars::storage::member_file::MemberFolder;
use tempfile::TempDir;
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::server::TestServer;

const NOON_US: i64 = 1_780_315_200_000_000; // 2026-06-01 12:00 UTC, a Monday

/// A history of lines alone, in a folder of its own.
struct Lines {
    folder: TempDir,
}

impl Lines {
    fn new() -> Self {
        let lines = Self { folder: tempfile::tempdir().unwrap() };
        lines.write("a.parquet", &[1, 2], vec![]);
        lines
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("lines").join(name)
    }

    /// One line for each receipt, of one piece, its amount the receipt's number; `other` columns take the place of these.
    fn write(&self, name: &str, receipts: &[i64], other: Vec<(&str, ArrayRef)>) {
        let numbers = |numbers: &[i64]| -> ArrayRef { Arc::new(Int64Array::from(numbers.to_vec())) };
        let ones = vec![1; receipts.len()];
        let at = TimestampMicrosecondArray::from(vec![NOON_US; receipts.len()]).with_timezone("UTC");
        let mut columns = vec![
            ("purchase_id", numbers(receipts)),
            ("product_id", numbers(&ones)),
            ("quantity", numbers(&ones)),
            ("amount", Arc::new(Float64Array::from_iter_values(receipts.iter().map(|id| *id as f64)))),
            ("purchased_at", Arc::new(at)),
        ];
        for (name, array) in other {
            columns.retain(|(known, _)| *known != name);
            columns.push((name, array));
        }
        write(&self.path(name), columns);
    }

    /// Sets the times of all files back, so that whatever changes next has another.
    fn set_back(&self) {
        let folder = self.folder.path().join("lines");
        let files = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        for path in files.chain([folder.clone(), self.folder.path().to_owned()]) {
            std::fs::File::open(path).unwrap().set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
        }
    }

    fn config(&self) -> Config {
        Config::parse("[history.purchase_lines]\npath = \"lines\"", self.folder.path().to_owned()).unwrap()
    }

    /// The refusal of a statement as the client reads it: `state message`, `detail: …`, `hint: …`, without the folder.
    async fn refusal(&self, client: &Client, sql: &str) -> String {
        let error = client.simple_query(sql).await.unwrap_err();
        let error = error.as_db_error().unwrap();
        let mut text = format!("{} {}", error.code().code(), error.message());
        for (name, part) in [("detail", error.detail()), ("hint", error.hint())] {
            if let Some(part) = part {
                text.push_str(&format!("\n{name}: {part}"));
            }
        }
        let folder = self.folder.path().canonicalize().unwrap();
        text.replace(folder.to_str().unwrap(), "…").replace(folder.to_str().unwrap().trim_start_matches('/'), "…")
    }
}

fn write(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let batch =
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap();
    let mut writer = ArrowWriter::try_new(std::fs::File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// The first row, values separated by `|`.
async fn row(client: &Client, sql: &str) -> String {
    let messages = client.simple_query(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    let row = messages.into_iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let row = row.unwrap();
    (0..row.len()).map(|at| row.get(at).unwrap_or("NULL")).collect::<Vec<_>>().join("|")
}

const SUM: &str = "SELECT count(*), sum(amount) FROM purchase_lines";

#[tokio::test(flavor = "multi_thread")]
async fn a_new_file_is_seen_by_the_next_statement_and_a_half_copied_one_when_it_is_whole() {
    let lines = Lines::new();
    let server = TestServer::start_with(&lines.config()).await;
    let client = server.client().await;
    let prepared = client.prepare("SELECT count(*) FROM purchase_lines WHERE purchase_id > $1").await.unwrap();
    assert_eq!(row(&client, SUM).await, "2|3.00");

    lines.write("2026/b.parquet", &[10], vec![]);
    assert_eq!(row(&client, SUM).await, "3|13.00");
    assert_eq!(row(&client, "SELECT count(*) FROM purchases WHERE weekday = 1").await, "3");

    lines.write("whole", &[100, 200], vec![]);
    let whole = std::fs::read(lines.path("whole")).unwrap();
    for length in [0, 3, 100, whole.len() - 1] {
        std::fs::write(lines.path("c.parquet"), &whole[..length]).unwrap();
        assert_eq!(row(&client, SUM).await, "3|13.00", "{length} bytes of {}", whole.len());
    }
    std::fs::write(lines.path("c.parquet"), &whole).unwrap();
    assert_eq!(row(&client, SUM).await, "5|313.00");
    // A statement that was prepared before sees it too.
    let seen: i64 = client.query_one(&prepared, &[&0_i64]).await.unwrap().get(0);
    assert_eq!(seen, 5);

    std::fs::remove_file(lines.path("2026/b.parquet")).unwrap();
    assert_eq!(row(&client, SUM).await, "4|303.00");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_another_type_is_refused_with_its_name_by_statements_that_read_the_column() {
    let lines = Lines::new();
    let server = TestServer::start_with(&lines.config()).await;
    let client = server.client().await;
    lines.write("b.parquet", &[3], vec![("quantity", Arc::new(StringArray::from(vec!["two"])))]);
    assert_eq!(row(&client, SUM).await, "3|6.00");
    let refused = "XX001 file \"…/lines/b.parquet\" does not fit table \"purchase_lines\"\n\
                   detail: It has column \"quantity\" as text. Needed is bigint, as in the files seen at start.";
    for sql in [
        "SELECT sum(quantity) FROM purchase_lines",
        "SELECT 1 FROM members m WHERE EXISTS (SELECT 1 FROM purchase_lines l WHERE l.member_id = m.member_id AND quantity > 0)",
        "WITH l AS (SELECT * FROM purchase_lines) SELECT a.quantity FROM l a JOIN l b USING (purchase_id)",
    ] {
        assert_eq!(lines.refusal(&client, sql).await, refused, "{sql}");
    }
    let error = client.query("SELECT quantity FROM purchase_lines", &[]).await.unwrap_err();
    assert_eq!(error.code().unwrap().code(), "XX001");
    std::fs::remove_file(lines.path("b.parquet")).unwrap();
    assert_eq!(row(&client, "SELECT sum(quantity) FROM purchase_lines").await, "2");
    server.stop().await;
}

/// The number is only met when rows are read: by a projection, a condition, one side of a join, one of several partitions.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_statement_meets_while_it_runs_is_told_whole() {
    let lines = Lines::new();
    let server = TestServer::start_with(&lines.config()).await;
    let client = server.client().await;
    lines.write("b.parquet", &[3], vec![("amount", Arc::new(Float64Array::from(vec![1e30])))]);
    for sql in [
        "SELECT amount FROM purchase_lines",
        "SELECT purchase_id FROM purchase_lines WHERE amount > 2",
        "SELECT product_id, sum(amount) FROM purchase_lines GROUP BY product_id ORDER BY 2",
        "SELECT a.purchase_id FROM purchase_lines a JOIN purchases b USING (purchase_id) WHERE b.amount > 1",
        "SELECT count(*) FROM purchases WHERE amount = (SELECT max(amount) FROM purchase_lines)",
        "SELECT sum(amount) OVER (ORDER BY purchase_id) FROM purchase_lines UNION ALL SELECT 1",
    ] {
        assert_eq!(
            lines.refusal(&client, sql).await,
            "22003 column \"purchase_lines.amount\" holds a number that does not fit numeric(18,2)\n\
             detail: The number is 1e30.",
            "{sql}"
        );
    }
    // What functions refuse, in a condition and under a join.
    for sql in [
        "SELECT purchase_id FROM purchase_lines WHERE weekday_in(business_date, product_id::text || 'day')",
        "SELECT count(*) FROM purchases p JOIN purchase_lines l ON p.purchase_id = l.purchase_id
         WHERE weekday_in(p.business_date, l.product_id::text || 'day') GROUP BY l.product_id",
    ] {
        let refusal = lines.refusal(&client, sql).await;
        assert!(refusal.starts_with("22023 ") && refusal.contains("1day") && refusal.contains("\nhint: "), "{refusal}");
    }
    let refusal = lines.refusal(&client, "SELECT 1 FROM purchase_lines WHERE 1 / (quantity - 1) = 1").await;
    assert_eq!(refusal, "22012 division by zero");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_corrupt_file_and_files_that_are_gone_are_told_and_the_server_goes_on() {
    let lines = Lines::new();
    let server = TestServer::start_with(&lines.config()).await;
    let client = server.client().await;
    lines.write("whole", &(1000..3000).collect::<Vec<i64>>(), vec![]);
    let mut bytes = std::fs::read(lines.path("whole")).unwrap();
    // Its footer is whole, its pages are not.
    let middle = bytes.len() / 2;
    bytes[4..middle].fill(0xff);
    std::fs::write(lines.path("b.parquet"), &bytes).unwrap();
    let refusal = lines.refusal(&client, SUM).await;
    assert!(refusal.starts_with("XX001 "), "{refusal}");
    std::fs::remove_file(lines.path("b.parquet")).unwrap();
    assert_eq!(row(&client, SUM).await, "2|3.00");

    std::fs::rename(lines.path("a.parquet"), lines.path("away")).unwrap();
    for sql in [SUM, "SELECT count(*) FROM purchases", "SELECT product_id FROM products"] {
        assert_eq!(
            lines.refusal(&client, sql).await,
            "58P01 table \"purchase_lines\" has no files\n\
             detail: Path \"lines\" held whole Parquet files when the server started, and holds none now.\n\
             hint: Put the files back: the next statement sees them."
        );
    }
    std::fs::remove_file(lines.path("whole")).unwrap();
    std::fs::rename(lines.path("away"), lines.folder.path().join("away")).unwrap();
    std::fs::remove_dir(lines.path("")).unwrap();
    let refusal = lines.refusal(&client, SUM).await;
    assert!(refusal.starts_with("58P01 path \"lines\" does not exist\ndetail: Looked for \"…/lines\""), "{refusal}");
    std::fs::create_dir(lines.path("")).unwrap();
    std::fs::rename(lines.folder.path().join("away"), lines.path("a.parquet")).unwrap();
    assert_eq!(row(&client, SUM).await, "2|3.00");
    server.stop().await;
}

/// An engine of long after the files were written: what has just changed is planned anew each time.
async fn long_after(lines: &Lines) -> Arc<Engine> {
    let clock = Arc::new(SetClock::new("2100-01-01T12:00:00Z".parse().unwrap()));
    let (store, lists) = (Box::new(MemoryStore::default()), MemberFolder::temporary().unwrap());
    Engine::open_with(&lines.config(), clock, store, lists).await.unwrap()
}

/// Has the index of all files; the server builds it too, now and then.
async fn build(engine: &Engine) {
    while !engine.history.build_index(engine.clock.as_ref()).await.unwrap()
        && engine.history.index_status().unwrap().state != IndexState::Fresh
    {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_used_again_until_the_catalog_the_files_or_the_day_change() {
    let lines = Lines::new();
    let of =
        |member: i64| -> Vec<(&str, ArrayRef)> { vec![("member_id", Arc::new(Int64Array::from(vec![member; 2])))] };
    lines.write("a.parquet", &[1, 2], of(100));
    let engine = long_after(&lines).await;
    let server = TestServer::over(Arc::clone(&engine)).await;
    let client = server.client().await;
    build(&engine).await;

    let twice = "SELECT member_id FROM members WHERE purchase_count(member_id) = 2";
    client.batch_execute(&format!("CREATE VIEW twice AS {twice}")).await.unwrap();
    let prepared = client.prepare("SELECT EXISTS (SELECT 1 FROM twice WHERE member_id = $1)").await.unwrap();
    let is_in = async |member: i64| -> bool { client.query_one(&prepared, &[&member]).await.unwrap().get(0) };
    for _ in 0..3 {
        assert!(is_in(100).await);
        assert!(!is_in(200).await);
        assert_eq!(engine.plans.plans(), 1, "one plan serves all members");
    }

    // What a filter says of the moment is gone from the plan, and asked anew all the same.
    for moment in ["now()", "current_timestamp", "localtimestamp", "current_date", "'today'::date"] {
        let recent = format!("SELECT count(*) FROM members WHERE bought(member_id, from_date => ({moment})::date)");
        for _ in 0..2 {
            assert_eq!(row(&client, &recent).await, "0");
        }
    }
    let user = row(&client, "SELECT count(*), current_user FROM members WHERE bought(member_id)").await;
    assert!(user.starts_with("1|"), "{user}");
    assert_eq!(engine.plans.plans(), 1);

    lines.set_back();
    assert!(is_in(100).await);
    lines.write("b.parquet", &[10, 11], of(200));
    assert!(is_in(200).await, "the next statement sees a new file");
    build(&engine).await;
    assert!(is_in(200).await && is_in(100).await && !is_in(300).await);
    lines.set_back();
    assert!(is_in(200).await);
    lines.write("b.parquet", &[10, 11], of(300));
    assert!(is_in(300).await && !is_in(200).await, "and another one in its place");
    build(&engine).await;
    assert!(is_in(300).await && !is_in(200).await);

    client.batch_execute(&format!("CREATE OR REPLACE VIEW twice AS {twice} AND member_id <> 300")).await.unwrap();
    assert!(!is_in(300).await && is_in(100).await, "another definition");
    client.batch_execute("SET regulars.as_of = '2020-01-01'").await.unwrap();
    assert!(!is_in(100).await, "another day");
    client
        .batch_execute("RESET regulars.as_of; CREATE ROLE guest LOGIN; REVOKE SELECT ON twice FROM PUBLIC")
        .await
        .unwrap();
    assert!(is_in(100).await);
    client.batch_execute("SET ROLE guest").await.unwrap();
    let refused = client.query_one(&prepared, &[&100_i64]).await.unwrap_err();
    assert_eq!(refused.code().map(|state| state.code()), Some("42501"), "another role");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_of_a_few_members_is_the_same_from_a_kept_plan_and_from_the_files() {
    let lines = Lines::new();
    let of =
        |member: i64| -> Vec<(&str, ArrayRef)> { vec![("member_id", Arc::new(Int64Array::from(vec![member; 2])))] };
    lines.write("a.parquet", &[1, 2], of(100));
    lines.write("b.parquet", &[3, 4], of(200));
    lines.write("c.parquet", &[5], vec![("member_id", Arc::new(Int64Array::from(vec![300])))]);
    let engine = long_after(&lines).await;
    build(&engine).await;
    let server = TestServer::over(Arc::clone(&engine)).await;
    let (with_index, without) = (server.client().await, server.client().await);
    without.batch_execute("SET regulars.member_index = off").await.unwrap();
    let twice = "SELECT member_id FROM members WHERE purchase_count(member_id) = 2";
    with_index.batch_execute(&format!("CREATE VIEW twice AS {twice}")).await.unwrap();
    let asked = [
        "SELECT EXISTS (SELECT 1 FROM twice WHERE member_id = $1)::text",
        "SELECT (NOT EXISTS (SELECT 1 FROM twice WHERE member_id = $1))::text",
        "SELECT concat(count(*), ' ', count(*) FILTER (WHERE member_id > 150), ' ', sum(member_id), ' ', max(member_id)) \
         FROM twice WHERE member_id = $1",
        "SELECT (purchase_count(member_id) * 10)::text FROM members \
         WHERE member_id = $1 AND purchase_count(member_id) % 2 = 1",
        "SELECT concat(amount_spent(member_id), ' of ', member_id) FROM members WHERE member_id = $1",
        "SELECT member_id::text FROM twice WHERE member_id = $1 LIMIT 1",
        "SELECT member_id::text FROM twice WHERE member_id = $1 OFFSET 1",
        "SELECT concat((SELECT count(*) FROM twice WHERE member_id = $1), ' ', \
         (SELECT purchase_count(member_id) FROM members WHERE member_id = $1))",
        // What fails for a row fails for nobody else.
        "SELECT (1 / (CASE WHEN $1 = 100 THEN 1 ELSE 0 END))::text FROM twice WHERE member_id = $1 AND member_id = 100",
        // And of a few.
        "SELECT member_id::text FROM twice WHERE member_id <> $1",
        "SELECT concat(count(*), ' ', sum(amount_spent(member_id))) FROM members WHERE member_id <> $1",
        "SELECT member_id::text FROM members WHERE purchase_count(member_id) * 100 < $1",
    ];
    let mut given = 0;
    for (number, sql) in asked.into_iter().enumerate() {
        let answers = async |client: &Client| {
            let prepared = client.prepare(sql).await.unwrap();
            let mut found = Vec::new();
            for member in [Some(100_i64), None, Some(300), Some(400), Some(200)] {
                let rows = client.query(&prepared, &[&member]).await.unwrap();
                let mut rows: Vec<Option<String>> = rows.iter().map(|row| row.get(0)).collect();
                rows.sort();
                found.push(rows);
            }
            found
        };
        let found = answers(&with_index).await;
        assert_eq!(found, answers(&without).await, "{sql}");
        assert_eq!(engine.plans.plans(), number + 1, "the plan was kept: {sql}");
        given += found.iter().flatten().count();
    }
    assert!(given > 20, "{given} rows");
    server.stop().await;
}

/// Opens the history with a home of its own and takes the index; whether it came from its file, and what is answered with it.
async fn with_index(lines: &Lines) -> (bool, String) {
    let config = Config { home: lines.folder.path().join("home"), ..lines.config() };
    let engine = Engine::open(&config, Arc::new(SystemClock)).await.unwrap();
    assert!(engine.history.build_index(engine.clock.as_ref()).await.unwrap());
    let is_from_file = engine.history.index_status().unwrap().is_from_file;
    let server = TestServer::over(engine).await;
    let client = server.client().await;
    let asked = "SELECT count(*), sum(purchase_count(member_id)), sum(amount_spent(member_id)) FROM members";
    let plan = client.simple_query(&format!("EXPLAIN {asked}")).await.unwrap();
    assert!(format!("{plan:?}").contains("MemberIndexExec"), "{plan:?}");
    let answer = row(&client, asked).await;
    server.stop().await;
    (is_from_file, answer)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_index_outlives_the_server_and_is_made_anew_when_its_file_or_the_history_is_another() {
    let lines = Lines::new();
    let of =
        |member: i64| -> Vec<(&str, ArrayRef)> { vec![("member_id", Arc::new(Int64Array::from(vec![member; 2])))] };
    lines.write("a.parquet", &[1, 2], of(100));
    assert_eq!(with_index(&lines).await, (false, "1|2|3.00".to_owned()));
    assert_eq!(with_index(&lines).await, (true, "1|2|3.00".to_owned()));

    let folder = lines.folder.path().join("home/index");
    let files = || -> Vec<(PathBuf, Vec<u8>)> {
        let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        files.into_iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
    };
    let whole = files();
    let names: Vec<&str> = whole.iter().map(|(path, _)| path.file_name().unwrap().to_str().unwrap()).collect();
    assert!(matches!(names.as_slice(), [piece, "members.index"] if piece.starts_with("2026-06-")), "{names:?}");
    for (place, kind) in (0..8).map(|case| (case / 4, case % 4)) {
        // A piece that is built anew may be called otherwise.
        let (path, mut bytes) = files().remove(place);
        match kind {
            0 => bytes.truncate(bytes.len() / 2),
            1 => *bytes.last_mut().unwrap() ^= 1,
            // The version.
            2 => bytes[12] ^= 1,
            _ => bytes.clear(),
        }
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(with_index(&lines).await, (false, "1|2|3.00".to_owned()), "{kind}: {}", path.display());
        assert_eq!(with_index(&lines).await, (true, "1|2|3.00".to_owned()), "it is written again");
    }
    for place in 0..2 {
        let (path, whole) = files().remove(place);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(with_index(&lines).await, (false, "1|2|3.00".to_owned()));
        // What was not finished lies beside it.
        std::fs::write(path.with_extension("unfinished"), &whole[..10]).unwrap();
        assert_eq!(with_index(&lines).await, (true, "1|2|3.00".to_owned()));
        std::fs::remove_file(path.with_extension("unfinished")).unwrap();
    }

    std::fs::write(folder.join("2026-01-0123456789abcdef.piece"), "left behind").unwrap();
    lines.write("b.parquet", &[10, 11], of(200));
    assert_eq!(with_index(&lines).await, (false, "2|4|24.00".to_owned()));
    assert_eq!(with_index(&lines).await, (true, "2|4|24.00".to_owned()));
    assert_eq!(files().len(), 2, "nothing is left of the one before");
    // A folder that cannot be written keeps nobody from working.
    std::fs::remove_dir_all(&folder).unwrap();
    std::fs::write(&folder, "a file in its place").unwrap();
    assert_eq!(with_index(&lines).await, (false, "2|4|24.00".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_index_takes_in_new_files_month_by_month() {
    let lines = Lines::new();
    let january = NaiveDate::from_ymd_opt(2026, 1, 15).unwrap();
    let of = |member: i64, day: NaiveDate, count: usize| -> Vec<(&str, ArrayRef)> {
        let noon = day.and_hms_opt(12, 0, 0).unwrap().and_utc().timestamp_micros();
        let at = TimestampMicrosecondArray::from(vec![noon; count]).with_timezone("UTC");
        vec![("member_id", Arc::new(Int64Array::from(vec![member; count]))), ("purchased_at", Arc::new(at))]
    };
    lines.write("a.parquet", &[1, 2], of(100, january, 2));
    lines.write("b.parquet", &[3], of(200, january + Months::new(1), 1));
    let clock = SetClock::new("2100-01-01T12:00:00Z".parse().unwrap());
    let (store, lists) = (Box::new(MemoryStore::default()), MemberFolder::temporary().unwrap());
    let engine = Engine::open_with(&lines.config(), Arc::new(clock.clone()), store, lists).await.unwrap();
    let server = TestServer::over(Arc::clone(&engine)).await;
    let client = server.client().await;
    let asked = "SELECT string_agg(concat_ws(' ', member_id, purchase_count(member_id), visit_days(member_id), \
                 amount_spent(member_id), first_purchase(member_id)), '; ' ORDER BY member_id) FROM members";
    let plain = server.client().await;
    plain.batch_execute("SET regulars.member_index = off").await.unwrap();
    // What is in the index by then, when each part of it was made, and what is answered with it and without it.
    let mut now = 1;
    let mut next = async || -> (String, String) {
        while !engine.history.build_index(engine.clock.as_ref()).await.unwrap()
            && engine.history.index_status().unwrap().state != IndexState::Fresh
        {
            tokio::task::yield_now().await;
        }
        let plan = client.simple_query(&format!("EXPLAIN {asked}")).await.unwrap();
        assert!(format!("{plan:?}").contains("MemberIndexExec"), "{plan:?}");
        let answer = row(&client, asked).await;
        assert_eq!(row(&plain, asked).await, answer);
        let pieces = "SELECT string_agg(concat_ws(' ', piece, rows, extract(day FROM built_at)), ', ' ORDER BY piece) \
                      FROM regulars.index WHERE piece NOT IN ('all', 'names')";
        let pieces = row(&client, pieces).await;
        // Whatever is built from here on is built on the next day.
        now += 1;
        clock.set(format!("2100-01-{now:02}T12:00:00Z").parse().unwrap());
        (pieces, answer)
    };
    let expect = |pieces: &str, answer: &str| (pieces.to_owned(), answer.to_owned());
    let two = "100 2 1 3.00 2026-01-15; 200 1 1 3.00 2026-02-15";
    assert_eq!(next().await, expect("2026-01 4 1, 2026-02 2 1", two));

    // A new month and a new member.
    lines.write("c.parquet", &[4], of(300, january + Months::new(2), 1));
    let three = format!("{two}; 300 1 1 4.00 2026-03-15");
    assert_eq!(next().await, expect("2026-01 4 1, 2026-02 2 1, 2026-03 2 2", &three));
    // More in one that there is.
    lines.write("d.parquet", &[5], of(300, january + Months::new(1), 1));
    let more = format!("{two}; 300 2 2 9.00 2026-02-15");
    assert_eq!(next().await, expect("2026-01 4 1, 2026-02 4 3, 2026-03 2 2", &more));
    // A line of a receipt that is there already: it is grouped from lines of two files.
    lines.write("e.parquet", &[5], of(300, january + Months::new(1), 1));
    let again = format!("{two}; 300 2 2 14.00 2026-02-15");
    assert_eq!(next().await, expect("2026-01 4 4, 2026-02 5 4, 2026-03 2 4", &again));
    // Files that go.
    std::fs::remove_file(lines.path("c.parquet")).unwrap();
    let gone = format!("{two}; 300 1 1 10.00 2026-02-15");
    assert_eq!(next().await, expect("2026-01 4 5, 2026-02 5 5", &gone));
    server.stop().await;
}
