//! tokio-postgres with rustls: everything in binary, its own cancel, COPY, portals, notices.

use std::env;
use std::error::Error as _;
use std::fmt::Debug;
use std::time::{Duration, SystemTime};

use futures_util::{StreamExt, TryStreamExt, future, pin_mut, stream};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::mpsc;
use tokio_postgres::error::{DbError, SqlState};
use tokio_postgres::types::ToSql;
use tokio_postgres::{AsyncMessage, Client, Config, Error};
use tokio_postgres_rustls::MakeRustlsConnect;

const RUNNING: &str = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid() AND query LIKE '%generate_series(1, 3000000)%'";
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

/// What the server refused with.
fn refused<T>(answer: Result<T, Error>) -> Result<DbError, String> {
    let error = answer.err().ok_or("not refused")?;
    error.source().and_then(|source| source.downcast_ref::<DbError>()).cloned().ok_or_else(|| told(&error))
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_default()
}

fn tls() -> Result<MakeRustlsConnect, String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(variable("PGSSLROOTCERT")).map_err(told)? {
        roots.add(certificate.map_err(told)?).map_err(told)?;
    }
    Ok(MakeRustlsConnect::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()))
}

/// A client, and the notices that it hears.
async fn connect(password: &str) -> Result<Result<(Client, mpsc::UnboundedReceiver<String>), Error>, String> {
    let mut config = Config::new();
    config.host(variable("PGHOST")).port(variable("PGPORT").parse().map_err(told)?).user(variable("PGUSER"));
    config.dbname(variable("PGDATABASE")).password(password).ssl_mode(tokio_postgres::config::SslMode::Require);
    let (client, mut connection) = match config.connect(tls()?).await {
        Ok(connected) => connected,
        Err(error) => return Ok(Err(error)),
    };
    let (say, heard) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let messages = stream::poll_fn(move |context| connection.poll_message(context));
        let mut messages = std::pin::pin!(messages);
        while let Some(Ok(message)) = messages.next().await {
            if let AsyncMessage::Notice(notice) = message {
                let _ = say.send(notice.message().to_owned());
            }
        }
    });
    Ok(Ok((client, heard)))
}

async fn client() -> Result<Client, String> {
    Ok(connect(&variable("PGPASSWORD")).await?.map_err(told)?.0)
}

async fn texts(
    client: &Client,
    sql: &str,
    parameters: &[&(dyn ToSql + Sync)],
) -> Result<Vec<Vec<Option<String>>>, String> {
    let rows = client.query(sql, parameters).await.map_err(told)?;
    rows.iter().map(|row| (0..row.len()).map(|at| row.try_get(at).map_err(told)).collect()).collect()
}

fn words(words: &[&str]) -> Vec<Option<String>> {
    words.iter().map(|word| (*word != "NULL").then(|| (*word).to_owned())).collect()
}

async fn sign_in() -> Said {
    equal(texts(&client().await?, "SELECT current_user::text", &[]).await?, vec![words(&["admin"])])?;
    Ok("")
}

async fn wrong_password() -> Said {
    let error = refused(connect("wrong").await?)?;
    equal(error.code(), &SqlState::INVALID_PASSWORD)?;
    equal(error.message(), "password authentication failed for user \"admin\"")?;
    Ok("")
}

async fn simple() -> Said {
    let row = client().await?.query_one("SELECT 1 AS one, 'å' AS word", &[]).await.map_err(told)?;
    equal(row.columns().iter().map(|column| column.name()).collect(), vec!["one", "word"])?;
    equal((row.try_get(0).map_err(told)?, row.try_get(1).map_err(told)?), (1_i32, "å"))?;
    Ok("")
}

async fn parameters_binary() -> Said {
    let client = client().await?;
    let (text, number, bytes) = ("it's \"å\" \\", 9_007_199_254_740_993_i64, vec![0_u8, 255]);
    let row =
        client.query_one("SELECT $1::text, $2::bigint, $3::bytea", &[&text, &number, &bytes]).await.map_err(told)?;
    equal(row.try_get(0).map_err(told)?, text)?;
    equal(row.try_get(1).map_err(told)?, number)?;
    equal(row.try_get(2).map_err(told)?, bytes)?;
    let gold = vec![words(&["abroad"]), words(&["lunch"])];
    equal(
        texts(&client, "SELECT member_id FROM members WHERE loyalty_level = $1 ORDER BY 1", &[&"gold"]).await?,
        gold.clone(),
    )?;
    equal(
        texts(&client, "SELECT member_id FROM members WHERE loyalty_level = ANY ($1) ORDER BY 1", &[&vec!["gold"]])
            .await?,
        gold,
    )?;
    Ok("")
}

async fn null() -> Said {
    let row = client()
        .await?
        .query_one("SELECT NULL::bigint, coalesce($1::text, 'none')", &[&None::<&str>])
        .await
        .map_err(told)?;
    equal((row.try_get(0).map_err(told)?, row.try_get(1).map_err(told)?), (None::<i64>, "none"))?;
    Ok("")
}

async fn numeric() -> Said {
    let client = client().await?;
    equal(texts(&client, &format!("SELECT ({NUMBER}::numeric)::text"), &[]).await?, vec![words(&[NUMBER])])?;
    let found = client.simple_query(&format!("SELECT {NUMBER}::numeric AS n")).await.map_err(told)?;
    let found = found.iter().find_map(|message| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => row.get("n").map(str::to_owned),
        _ => None,
    });
    equal(found.as_deref(), Some(NUMBER))?;
    Ok("as text: it has no decimals of its own")
}

async fn timestamptz() -> Said {
    let row =
        client().await?.query_one("SELECT timestamptz '2026-10-25 00:30:00.123456+00'", &[]).await.map_err(told)?;
    let expected = SystemTime::UNIX_EPOCH + Duration::from_micros(1_792_888_200_123_456);
    equal(row.try_get::<_, SystemTime>(0).map_err(told)?, expected)?;
    Ok("")
}

async fn array() -> Said {
    let sql = r#"SELECT ARRAY['a', NULL, 'b"c', 'd,e', 'å'], ARRAY[1, NULL, -9007199254740993]::bigint[]"#;
    let row = client().await?.query_one(sql, &[]).await.map_err(told)?;
    equal(
        row.try_get::<_, Vec<Option<&str>>>(0).map_err(told)?,
        vec![Some("a"), None, Some("b\"c"), Some("d,e"), Some("å")],
    )?;
    equal(row.try_get::<_, Vec<Option<i64>>>(1).map_err(told)?, vec![Some(1), None, Some(-9_007_199_254_740_993)])?;
    Ok("")
}

async fn error() -> Said {
    let client = client().await?;
    let error = refused(client.batch_execute("DROP VIEW gold").await)?;
    equal(error.code(), &SqlState::DEPENDENT_OBJECTS_STILL_EXIST)?;
    equal(error.hint(), Some("Use DROP ... CASCADE to drop the dependent objects too."))?;
    equal(texts(&client, "SELECT 1::text", &[]).await?, vec![words(&["1"])])?;
    Ok("")
}

async fn cancel() -> Said {
    let (busy, watching) = (client().await?, client().await?);
    let token = busy.cancel_token();
    let stop = async {
        let until = tokio::time::Instant::now() + Duration::from_secs(60);
        while tokio::time::Instant::now() < until {
            if watching.query_one(RUNNING, &[]).await.map_err(told)?.try_get::<_, i64>(0).map_err(told)? == 1 {
                return token.cancel_query(tls()?).await.map_err(told);
            }
        }
        Err("the query does not run".to_owned())
    };
    let (stopped, answer) = future::join(stop, busy.query(LONG, &[])).await;
    stopped?;
    equal(refused(answer)?.code(), &SqlState::QUERY_CANCELED)?;
    equal(texts(&busy, "SELECT 1::text", &[]).await?, vec![words(&["1"])])?;
    Ok("")
}

async fn copy_out() -> Said {
    let sql = "COPY (SELECT * FROM (VALUES (1, 'x,y', NULL), (2, 'å', '')) AS t(a, b, c) ORDER BY a) TO STDOUT (FORMAT csv, HEADER)";
    let client = client().await?;
    let parts = client.copy_out(sql).await.map_err(told)?;
    pin_mut!(parts);
    let mut bytes = Vec::new();
    while let Some(part) = parts.try_next().await.map_err(told)? {
        bytes.extend_from_slice(&part);
    }
    equal(String::from_utf8(bytes).map_err(told)?.as_str(), "a,b,c\n1,\"x,y\",\n2,å,\"\"\n")?;
    Ok("")
}

async fn portions() -> Said {
    let mut client = client().await?;
    let transaction = client.transaction().await.map_err(told)?;
    let portal = transaction.bind("SELECT g FROM generate_series(1, 100000) g", &[]).await.map_err(told)?;
    let mut total = 0_i64;
    loop {
        let rows = transaction.query_portal(&portal, 1000).await.map_err(told)?;
        for row in &rows {
            total += i64::from(row.try_get::<_, i32>(0).map_err(told)?);
        }
        if rows.len() < 1000 {
            break;
        }
    }
    equal(total, 5_000_050_000)?;
    Ok("1000 from its portal")
}

async fn cursor() -> Said {
    let mut client = client().await?;
    let transaction = client.transaction().await.map_err(told)?;
    transaction.batch_execute("DECLARE c CURSOR FOR SELECT g FROM generate_series(1, 10) g").await.map_err(told)?;
    for (sql, expected) in [("FETCH 3 FROM c", vec![1, 2, 3]), ("MOVE 4 IN c", vec![]), ("FETCH 2 FROM c", vec![8, 9])]
    {
        let rows = transaction.query(sql, &[]).await.map_err(told)?;
        let found: Result<Vec<i32>, _> = rows.iter().map(|row| row.try_get(0)).collect();
        equal(found.map_err(told)?, expected)?;
    }
    transaction.batch_execute("CLOSE c").await.map_err(told)?;
    Ok("")
}

async fn failed_transaction() -> Said {
    let mut client = client().await?;
    let transaction = client.transaction().await.map_err(told)?;
    equal(refused(transaction.query("SELECT 1 / 0", &[]).await)?.code(), &SqlState::DIVISION_BY_ZERO)?;
    equal(refused(transaction.query("SELECT 1", &[]).await)?.code(), &SqlState::IN_FAILED_SQL_TRANSACTION)?;
    transaction.rollback().await.map_err(told)?;
    equal(texts(&client, "SELECT 1::text", &[]).await?, vec![words(&["1"])])?;
    Ok("")
}

async fn notice() -> Said {
    let (client, mut heard) = connect(&variable("PGPASSWORD")).await?.map_err(told)?;
    client.batch_execute("DROP VIEW IF EXISTS nothing").await.map_err(told)?;
    equal(heard.recv().await.as_deref(), Some("view \"nothing\" does not exist, skipping"))?;
    Ok("")
}

async fn tables() -> Said {
    let client = client().await?;
    let named = "SELECT string_agg(table_name, ' ' ORDER BY table_name) FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'";
    equal(texts(&client, named, &[]).await?, vec![words(&[TABLES])])?;
    let column = "SELECT data_type FROM information_schema.columns WHERE table_schema = 'public' AND table_name = 'members' AND column_name = $1";
    equal(texts(&client, column, &[&"loyalty_points"]).await?, vec![words(&["bigint"])])?;
    Ok("")
}

async fn segments() -> Said {
    let client = client().await?;
    let columns = "SELECT c.relkind::text, a.attname::text, format_type(a.atttypid, a.atttypmod), col_description(c.oid, a.attnum) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid WHERE c.relname = 'gold' AND a.attnum > 0 ORDER BY a.attnum";
    let expected = vec![words(&["v", "member_id", "text", "who"]), words(&["v", "loyalty_points", "bigint", "NULL"])];
    equal(texts(&client, columns, &[]).await?, expected)?;
    let found =
        texts(&client, "SELECT pg_get_viewdef('gold'::regclass), obj_description('gold'::regclass)", &[]).await?;
    equal(found[0][0].as_deref().map(|text| text.contains("loyalty_level = 'gold'")), Some(true))?;
    equal(found[0][1].as_deref(), Some("Gold members"))?;
    Ok("")
}

async fn audiences() -> Said {
    let sql = "SELECT schemaname::text, matviewname::text, ispopulated::text FROM pg_matviews";
    equal(texts(&client().await?, sql, &[]).await?, vec![words(&["public", "gold_list", "true"])])?;
    Ok("")
}

async fn create_segment() -> Said {
    let client = client().await?;
    client
        .batch_execute("CREATE VIEW rich AS SELECT member_id FROM members WHERE loyalty_points > 400")
        .await
        .map_err(told)?;
    let counted = texts(&client, "SELECT count(*)::text FROM rich", &[]).await?;
    equal(counted, texts(&client, "SELECT count(*)::text FROM members WHERE loyalty_points > 400", &[]).await?)?;
    client.batch_execute("DROP VIEW rich").await.map_err(told)?;
    equal(refused(client.query("SELECT 1 FROM rich", &[]).await)?.code(), &SqlState::UNDEFINED_TABLE)?;
    Ok("")
}

async fn refresh_audience() -> Said {
    let client = client().await?;
    let run = "SELECT run::bigint, members::bigint FROM regulars.audiences WHERE name = 'gold_list'";
    let before: i64 = client.query_one(run, &[]).await.map_err(told)?.try_get(0).map_err(told)?;
    client.batch_execute("REFRESH MATERIALIZED VIEW gold_list").await.map_err(told)?;
    let row = client.query_one(run, &[]).await.map_err(told)?;
    equal((row.try_get(0).map_err(told)?, row.try_get(1).map_err(told)?), (before + 1, 2_i64))?;
    Ok("")
}

#[tokio::main]
async fn main() {
    println!("client 0.7.18, rustls 0.23");
    println!("skipped parameters-text: tokio-postgres sends and receives binary only");
    let mut failed = false;
    let mut report = |duty: &str, said: Said| match said {
        Ok("") => println!("ok {duty}"),
        Ok(note) => println!("ok {duty} ({note})"),
        Err(why) => {
            failed = true;
            println!("FAILED {duty}: tokio_postgres.rs: {}", why.split_whitespace().collect::<Vec<_>>().join(" "));
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
    report("notice", notice().await);
    report("tables", tables().await);
    report("segments", segments().await);
    report("audiences", audiences().await);
    report("create-segment", create_segment().await);
    report("refresh-audience", refresh_audience().await);
    std::process::exit(i32::from(failed));
}
