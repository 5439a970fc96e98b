//! sqlx with rustls: everything in binary, statements kept on the connection, streams, COPY.

use std::fmt::Debug;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgDatabaseError, PgRow};
use sqlx::{Column, ConnectOptions, Connection, Error, Executor, Row};

const RUNNING: &str = "SELECT pid FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid() AND query LIKE '%generate_series(1, 3000000)%'";
const LONG: &str = "SELECT count(*) FROM generate_series(1, 3000000) a, generate_series(1, 3000000) b WHERE a <> b";
const NUMBER: &str = "12345678901234567890.123456789";
const TABLES: &str =
    "business_customers consents loyalty_levels member_levels members products purchase_lines purchases stores";

type Said = Result<&'static str, String>;

fn told(error: impl Debug) -> String {
    format!("{error:?}")
}

fn equal<T: PartialEq + Debug>(found: T, expected: T) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("expected {expected:?}, found {found:?}")) }
}

/// SQLSTATE, message and hint of the server's refusal.
fn refused<T>(answer: Result<T, Error>) -> Result<(String, String, Option<String>), String> {
    let error = answer.err().ok_or("not refused")?;
    let Error::Database(error) = &error else { return Err(told(error)) };
    let error = error.downcast_ref::<PgDatabaseError>();
    Ok((error.code().to_owned(), error.message().to_owned(), error.hint().map(str::to_owned)))
}

/// By the environment's settings, as it reads them itself.
async fn connect() -> Result<PgConnection, String> {
    PgConnectOptions::new().connect().await.map_err(told)
}

fn cells(row: &PgRow) -> Result<Vec<Option<String>>, String> {
    (0..row.len()).map(|at| row.try_get(at).map_err(told)).collect()
}

async fn texts(connection: &mut PgConnection, sql: &str) -> Result<Vec<Vec<Option<String>>>, String> {
    connection.fetch_all(sqlx::query(sql)).await.map_err(told)?.iter().map(cells).collect()
}

fn words(words: &[&str]) -> Vec<Option<String>> {
    words.iter().map(|word| (*word != "NULL").then(|| (*word).to_owned())).collect()
}

async fn send(connection: &mut PgConnection, sql: &str) -> Result<(), Error> {
    sqlx::raw_sql(sql).execute(connection).await.map(|_| ())
}

async fn sign_in() -> Said {
    equal(texts(&mut connect().await?, "SELECT current_user::text").await?, vec![words(&["admin"])])?;
    Ok("")
}

async fn wrong_password() -> Said {
    let (code, message, _) = refused(PgConnectOptions::new().password("wrong").connect().await)?;
    equal(code.as_str(), "28P01")?;
    equal(message.as_str(), "password authentication failed for user \"admin\"")?;
    Ok("")
}

async fn simple() -> Said {
    let row = connect().await?.fetch_one("SELECT 1 AS one, 'å' AS word").await.map_err(told)?;
    equal(row.columns().iter().map(|column| column.name()).collect(), vec!["one", "word"])?;
    equal((row.try_get(0).map_err(told)?, row.try_get(1).map_err(told)?), (1_i32, "å"))?;
    Ok("")
}

async fn parameters_binary() -> Said {
    let mut connection = connect().await?;
    let (text, number, bytes) = ("it's \"å\" \\", 9_007_199_254_740_993_i64, vec![0_u8, 255]);
    let asked = sqlx::query("SELECT $1, $2, $3").bind(text).bind(number).bind(&bytes);
    let row = connection.fetch_one(asked).await.map_err(told)?;
    equal(row.try_get(0).map_err(told)?, text)?;
    equal(row.try_get(1).map_err(told)?, number)?;
    equal(row.try_get(2).map_err(told)?, bytes)?;
    for condition in ["loyalty_level = $1", "loyalty_level = ANY ($1)"] {
        let sql = format!("SELECT member_id FROM members WHERE {condition} ORDER BY 1");
        let asked = sqlx::query(&sql);
        let asked = if condition.contains("ANY") { asked.bind(vec!["gold"]) } else { asked.bind("gold") };
        let found = connection.fetch_all(asked).await.map_err(told)?;
        let found = found.iter().map(cells).collect::<Result<Vec<_>, _>>()?;
        equal(found, vec![words(&["abroad"]), words(&["lunch"])])?;
    }
    Ok("")
}

async fn null() -> Said {
    let asked = sqlx::query("SELECT NULL::bigint, coalesce($1, 'none')").bind(None::<&str>);
    let row = connect().await?.fetch_one(asked).await.map_err(told)?;
    equal((row.try_get(0).map_err(told)?, row.try_get(1).map_err(told)?), (None::<i64>, "none"))?;
    Ok("")
}

async fn numeric() -> Said {
    let sql = format!("SELECT ({NUMBER}::numeric)::text");
    equal(texts(&mut connect().await?, &sql).await?, vec![words(&[NUMBER])])?;
    Ok("cast to text: decimals are another crate's")
}

async fn timestamptz() -> Said {
    let row = connect().await?.fetch_one("SELECT timestamptz '2026-10-25 00:30:00.123456+00'").await.map_err(told)?;
    let expected = DateTime::from_timestamp_micros(1_792_888_200_123_456).ok_or("no such instant")?;
    equal(row.try_get::<DateTime<Utc>, _>(0).map_err(told)?, expected)?;
    Ok("")
}

async fn array() -> Said {
    let sql = r#"SELECT ARRAY['a', NULL, 'b"c', 'd,e', 'å'], ARRAY[1, NULL, -9007199254740993]::bigint[]"#;
    let row = connect().await?.fetch_one(sqlx::query(sql)).await.map_err(told)?;
    let found: Vec<Option<String>> = row.try_get(0).map_err(told)?;
    equal(found, [Some("a"), None, Some("b\"c"), Some("d,e"), Some("å")].map(|word| word.map(str::to_owned)).to_vec())?;
    equal(row.try_get::<Vec<Option<i64>>, _>(1).map_err(told)?, vec![Some(1), None, Some(-9_007_199_254_740_993)])?;
    Ok("")
}

async fn error() -> Said {
    let mut connection = connect().await?;
    let (code, _, hint) = refused(send(&mut connection, "DROP VIEW gold").await)?;
    equal(code.as_str(), "2BP01")?;
    equal(hint.as_deref(), Some("Use DROP ... CASCADE to drop the dependent objects too."))?;
    equal(texts(&mut connection, "SELECT 1::text").await?, vec![words(&["1"])])?;
    Ok("")
}

async fn cancel() -> Said {
    let (mut busy, mut watching) = (connect().await?, connect().await?);
    let stop = async {
        let until = tokio::time::Instant::now() + Duration::from_secs(60);
        while tokio::time::Instant::now() < until {
            if let Some(row) = watching.fetch_optional(RUNNING).await.map_err(told)? {
                let pid: i32 = row.try_get(0).map_err(told)?;
                let asked = sqlx::query("SELECT pg_cancel_backend($1)").bind(pid);
                return watching.fetch_one(asked).await.map_err(told).map(|_| ());
            }
        }
        Err("the query does not run".to_owned())
    };
    let (stopped, answer) = futures_util::future::join(stop, busy.fetch_all(LONG)).await;
    stopped?;
    equal(refused(answer)?.0.as_str(), "57014")?;
    equal(texts(&mut busy, "SELECT 1::text").await?, vec![words(&["1"])])?;
    Ok("by pg_cancel_backend: sqlx has no cancel")
}

async fn copy_out() -> Said {
    let sql = "COPY (SELECT * FROM (VALUES (1, 'x,y', NULL), (2, 'å', '')) AS t(a, b, c) ORDER BY a) TO STDOUT (FORMAT csv, HEADER)";
    let mut connection = connect().await?;
    let mut parts = connection.copy_out_raw(sql).await.map_err(told)?;
    let mut bytes = Vec::new();
    while let Some(part) = parts.try_next().await.map_err(told)? {
        bytes.extend_from_slice(&part);
    }
    equal(String::from_utf8(bytes).map_err(told)?.as_str(), "a,b,c\n1,\"x,y\",\n2,å,\"\"\n")?;
    Ok("")
}

async fn portions() -> Said {
    let mut connection = connect().await?;
    let mut rows = connection.fetch(sqlx::query("SELECT g FROM generate_series(1, 100000) g"));
    let mut total = 0_i64;
    while let Some(row) = rows.try_next().await.map_err(told)? {
        total += i64::from(row.try_get::<i32, _>(0).map_err(told)?);
    }
    equal(total, 5_000_050_000)?;
    Ok("row by row as they come")
}

async fn cursor() -> Said {
    let mut connection = connect().await?;
    let mut transaction = connection.begin().await.map_err(told)?;
    send(&mut transaction, "DECLARE c CURSOR FOR SELECT g FROM generate_series(1, 10) g").await.map_err(told)?;
    for (sql, expected) in [("FETCH 3 FROM c", vec![1, 2, 3]), ("MOVE 4 IN c", vec![]), ("FETCH 2 FROM c", vec![8, 9])]
    {
        let rows = transaction.fetch_all(sqlx::query(sql)).await.map_err(told)?;
        let found: Result<Vec<i32>, _> = rows.iter().map(|row| row.try_get(0)).collect();
        equal(found.map_err(told)?, expected)?;
    }
    send(&mut transaction, "CLOSE c").await.map_err(told)?;
    Ok("")
}

async fn failed_transaction() -> Said {
    let mut connection = connect().await?;
    let mut transaction = connection.begin().await.map_err(told)?;
    equal(refused(transaction.fetch_one("SELECT 1 / 0").await)?.0.as_str(), "22012")?;
    equal(refused(transaction.fetch_one("SELECT 1").await)?.0.as_str(), "25P02")?;
    transaction.rollback().await.map_err(told)?;
    equal(texts(&mut connection, "SELECT 1::text").await?, vec![words(&["1"])])?;
    Ok("")
}

async fn tables() -> Said {
    let mut connection = connect().await?;
    let named = "SELECT string_agg(table_name, ' ' ORDER BY table_name) FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'";
    equal(texts(&mut connection, named).await?, vec![words(&[TABLES])])?;
    let column = "SELECT data_type FROM information_schema.columns WHERE table_schema = 'public' AND table_name = 'members' AND column_name = 'loyalty_points'";
    equal(texts(&mut connection, column).await?, vec![words(&["bigint"])])?;
    Ok("")
}

async fn segments() -> Said {
    let mut connection = connect().await?;
    let columns = "SELECT c.relkind::text, a.attname::text, format_type(a.atttypid, a.atttypmod), col_description(c.oid, a.attnum) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid WHERE c.relname = 'gold' AND a.attnum > 0 ORDER BY a.attnum";
    let expected = vec![words(&["v", "member_id", "text", "who"]), words(&["v", "loyalty_points", "bigint", "NULL"])];
    equal(texts(&mut connection, columns).await?, expected)?;
    let sql = "SELECT pg_get_viewdef('gold'::regclass), obj_description('gold'::regclass)";
    let found = texts(&mut connection, sql).await?;
    equal(found[0][0].as_deref().map(|text| text.contains("loyalty_level = 'gold'")), Some(true))?;
    equal(found[0][1].as_deref(), Some("Gold members"))?;
    Ok("")
}

async fn audiences() -> Said {
    let sql = "SELECT schemaname::text, matviewname::text, ispopulated::text FROM pg_matviews";
    equal(texts(&mut connect().await?, sql).await?, vec![words(&["public", "gold_list", "true"])])?;
    Ok("")
}

async fn create_segment() -> Said {
    let mut connection = connect().await?;
    send(&mut connection, "CREATE VIEW rich AS SELECT member_id FROM members WHERE loyalty_points > 400")
        .await
        .map_err(told)?;
    let counted = texts(&mut connection, "SELECT count(*)::text FROM rich").await?;
    let sql = "SELECT count(*)::text FROM members WHERE loyalty_points > 400";
    equal(counted, texts(&mut connection, sql).await?)?;
    send(&mut connection, "DROP VIEW rich").await.map_err(told)?;
    equal(refused(connection.fetch_all("SELECT 1 FROM rich").await)?.0.as_str(), "42P01")?;
    Ok("")
}

async fn refresh_audience() -> Said {
    let mut connection = connect().await?;
    let run = "SELECT run::bigint, members::bigint FROM regulars.audiences WHERE name = 'gold_list'";
    let before: i64 = connection.fetch_one(run).await.map_err(told)?.try_get(0).map_err(told)?;
    send(&mut connection, "REFRESH MATERIALIZED VIEW gold_list").await.map_err(told)?;
    let row = connection.fetch_one(run).await.map_err(told)?;
    equal((row.try_get(0).map_err(told)?, row.try_get(1).map_err(told)?), (before + 1, 2_i64))?;
    Ok("")
}

#[tokio::main]
async fn main() {
    println!("client 0.8.6, rustls");
    println!("skipped parameters-text: sqlx sends and receives binary only");
    println!("skipped notice: sqlx gives notices to its log");
    let mut failed = false;
    let mut report = |duty: &str, said: Said| match said {
        Ok("") => println!("ok {duty}"),
        Ok(note) => println!("ok {duty} ({note})"),
        Err(why) => {
            failed = true;
            println!("FAILED {duty}: sqlx.rs: {}", why.split_whitespace().collect::<Vec<_>>().join(" "));
        }
    };
    report("sign-in", sign_in().await);
    report("wrong-password", wrong_password().await);
    report("simple", simple().await);
    report("parameters-binary", parameters_binary().await);
    report("null", null().await);
    report("numeric", numeric().await);
    report("timestamptz", timestamptz().await);
    report("array", array().await);
    report("error", error().await);
    report("cancel", cancel().await);
    report("copy-out", copy_out().await);
    report("portions", portions().await);
    report("cursor", cursor().await);
    report("failed-transaction", failed_transaction().await);
    report("tables", tables().await);
    report("segments", segments().await);
    report("audiences", audiences().await);
    report("create-segment", create_segment().await);
    report("refresh-audience", refresh_audience().await);
    std::process::exit(i32::from(failed));
}
