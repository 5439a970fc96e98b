//! tokio-postgres with rustls: everything binary, prepared; COPY, cancel and notices by its own means.

use std::sync::{Arc, Mutex};

use chrono::{DateTime, NaiveDate, Utc};
use duties::{AUDIENCE, COLUMN, COPIED, COPY, DROP_HINT, LONG, NOTICE, NUMERIC, RUN, RUNNING, SEGMENT, Skipped, TABLE_NAMES, TABLES, duty, version};
use futures::{StreamExt, TryStreamExt, future, stream};
use rust_decimal::Decimal;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio_postgres::error::DbError;
use tokio_postgres::{AsyncMessage, Client, Config, Error, SimpleQueryMessage};
use tokio_postgres_rustls::MakeRustlsConnect;

fn environment(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"))
}

fn tls() -> MakeRustlsConnect {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(environment("PGSSLROOTCERT")).unwrap() {
        roots.add(certificate.unwrap()).unwrap();
    }
    MakeRustlsConnect::new(rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth())
}

/// A connection, and the notices that it hears.
async fn connected(password: &str) -> Result<(Client, Arc<Mutex<Vec<String>>>), Error> {
    let mut config = Config::new();
    config
        .host(environment("PGHOST"))
        .port(environment("PGPORT").parse().unwrap())
        .user(environment("PGUSER"))
        .password(password)
        .dbname(environment("PGDATABASE"))
        .ssl_mode(tokio_postgres::config::SslMode::Require);
    let (client, mut connection) = config.connect(tls()).await?;
    let heard = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&heard);
    tokio::spawn(async move {
        let mut messages = stream::poll_fn(move |context| connection.poll_message(context));
        while let Some(Ok(message)) = messages.next().await {
            if let AsyncMessage::Notice(notice) = message {
                told.lock().unwrap().push(notice.message().to_owned());
            }
        }
    });
    Ok((client, heard))
}

fn refused(error: &Error) -> &DbError {
    error.as_db_error().unwrap_or_else(|| panic!("not refused by the server: {error}"))
}

async fn word(client: &Client, sql: &str) -> String {
    client.query_one(sql, &[]).await.unwrap().get(0)
}

#[tokio::main]
async fn main() {
    println!("client {}", version("tokio-postgres"));
    let (client, heard) = connected(&environment("PGPASSWORD")).await.unwrap();
    let (other, _) = connected(&environment("PGPASSWORD")).await.unwrap();
    let (client, other) = (&client, &other);
    let failed = &mut false;
    duty("sign-in", failed, async {
        assert_eq!(word(client, "SELECT current_user::text").await, "admin");
        Ok("")
    })
    .await;
    duty("wrong-password", failed, async {
        let Err(error) = connected("wrong").await else { panic!("came in") };
        let told = refused(&error);
        assert_eq!((told.code().code(), told.message()), ("28P01", "password authentication failed for user \"admin\""));
        Ok("")
    })
    .await;
    duty("simple", failed, async {
        let messages = client.simple_query("SELECT 1 AS one, 'å' AS word").await.unwrap();
        let row = messages.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        let row = row.unwrap();
        let names: Vec<&str> = row.columns().iter().map(|column| column.name()).collect();
        assert_eq!((names, row.get(0), row.get(1)), (vec!["one", "word"], Some("1"), Some("å")));
        Ok("")
    })
    .await;
    duty("parameters-text", failed, async { Err(Skipped("its parameters are binary")) }).await;
    duty("parameters-binary", failed, async {
        let (text, count, day) = ("it's \"å\" \\", 9_007_199_254_740_993_i64, NaiveDate::from_ymd_opt(2028, 2, 29).unwrap());
        let row = client.query_one("SELECT $1::text, $2::bigint, $3::date", &[&text, &count, &day]).await.unwrap();
        assert_eq!((row.get::<_, &str>(0), row.get::<_, i64>(1), row.get::<_, NaiveDate>(2)), (text, count, day));
        let gold = "SELECT member_id FROM members WHERE loyalty_level = ANY ($1) ORDER BY 1";
        let rows = client.query(gold, &[&vec!["gold"]]).await.unwrap();
        assert_eq!(rows.iter().map(|row| row.get::<_, &str>(0)).collect::<Vec<_>>(), ["abroad", "lunch"]);
        Ok("")
    })
    .await;
    duty("null", failed, async {
        let row = client
            .query_one("SELECT NULL::bigint, NULL::text, coalesce($1::text, 'none')", &[&None::<&str>])
            .await
            .unwrap();
        assert_eq!((row.get::<_, Option<i64>>(0), row.get::<_, Option<&str>>(1), row.get::<_, &str>(2)), (None, None, "none"));
        Ok("")
    })
    .await;
    duty("numeric", failed, async {
        let row = client.query_one(&format!("SELECT {NUMERIC}::numeric"), &[]).await.unwrap();
        assert_eq!(row.get::<_, Decimal>(0).to_string(), NUMERIC);
        Ok("")
    })
    .await;
    duty("timestamptz", failed, async {
        let row = client.query_one("SELECT timestamptz '2026-10-25 00:30:00.123456+00'", &[]).await.unwrap();
        assert_eq!(row.get::<_, DateTime<Utc>>(0).to_rfc3339(), "2026-10-25T00:30:00.123456+00:00");
        Ok("")
    })
    .await;
    duty("array", failed, async {
        let sql = "SELECT ARRAY['a', NULL, 'b\"c', 'd,e', 'å'], ARRAY[1, NULL, -9007199254740993]::bigint[]";
        let row = client.query_one(sql, &[]).await.unwrap();
        assert_eq!(row.get::<_, Vec<Option<&str>>>(0), [Some("a"), None, Some("b\"c"), Some("d,e"), Some("å")]);
        assert_eq!(row.get::<_, Vec<Option<i64>>>(1), [Some(1), None, Some(-9_007_199_254_740_993)]);
        Ok("")
    })
    .await;
    duty("error", failed, async {
        let error = client.batch_execute("DROP VIEW gold").await.unwrap_err();
        let told = refused(&error);
        assert_eq!((told.code().code(), told.hint()), ("2BP01", Some(DROP_HINT)));
        assert_eq!(word(client, "SELECT '1'").await, "1");
        Ok("")
    })
    .await;
    duty("cancel", failed, async {
        let token = client.cancel_token();
        let stop = async {
            while other.query_one(RUNNING, &[]).await.unwrap().get::<_, i64>(0) == 0 {}
            token.cancel_query(tls()).await.unwrap();
        };
        let (answer, ()) = future::join(client.query(LONG, &[]), stop).await;
        assert_eq!(refused(&answer.unwrap_err()).code().code(), "57014");
        assert_eq!(word(client, "SELECT '1'").await, "1");
        Ok("")
    })
    .await;
    duty("copy-out", failed, async {
        let pieces: Vec<_> = client.copy_out(COPY).await.unwrap().try_collect().await.unwrap();
        assert_eq!(pieces.concat(), COPIED.as_bytes());
        Ok("")
    })
    .await;
    duty("portions", failed, async {
        let (mut third, _) = connected(&environment("PGPASSWORD")).await.unwrap();
        let transaction = third.transaction().await.unwrap();
        let portal = transaction.bind("SELECT g::bigint FROM generate_series(1, 100000) g", &[]).await.unwrap();
        let (mut total, mut portions) = (0, 0);
        loop {
            let rows = transaction.query_portal(&portal, 1_000).await.unwrap();
            if rows.is_empty() {
                break;
            }
            portions += 1;
            total += rows.iter().map(|row| row.get::<_, i64>(0)).sum::<i64>();
        }
        assert_eq!((total, portions), (5_000_050_000, 100));
        Ok("a portal, 1,000 rows at a time")
    })
    .await;
    duty("cursor", failed, async {
        client.batch_execute("BEGIN; DECLARE c CURSOR FOR SELECT g::bigint FROM generate_series(1, 10) g").await.unwrap();
        let fetch = |sql: &'static str| async move {
            client.query(sql, &[]).await.unwrap().iter().map(|row| row.get::<_, i64>(0)).collect::<Vec<_>>()
        };
        assert_eq!(fetch("FETCH 3 FROM c").await, [1, 2, 3]);
        client.batch_execute("MOVE 4 IN c").await.unwrap();
        assert_eq!(fetch("FETCH 2 FROM c").await, [8, 9]);
        client.batch_execute("CLOSE c; COMMIT").await.unwrap();
        Ok("")
    })
    .await;
    duty("failed-transaction", failed, async {
        client.batch_execute("BEGIN").await.unwrap();
        assert_eq!(refused(&client.query("SELECT 1 / 0", &[]).await.unwrap_err()).code().code(), "22012");
        assert_eq!(refused(&client.query("SELECT 1", &[]).await.unwrap_err()).code().code(), "25P02");
        client.batch_execute("ROLLBACK").await.unwrap();
        assert_eq!(word(client, "SELECT '1'").await, "1");
        Ok("")
    })
    .await;
    duty("notice", failed, async {
        heard.lock().unwrap().clear();
        client.batch_execute("DROP VIEW IF EXISTS nothing").await.unwrap();
        assert_eq!(*heard.lock().unwrap(), [NOTICE]);
        Ok("")
    })
    .await;
    duty("tables", failed, async {
        assert_eq!((word(client, TABLE_NAMES).await.as_str(), word(client, COLUMN).await.as_str()), (TABLES, "bigint"));
        Ok("")
    })
    .await;
    duty("segments", failed, async {
        let rows = client.query(SEGMENT, &[]).await.unwrap();
        let found: Vec<[Option<&str>; 4]> = rows.iter().map(|row| [0, 1, 2, 3].map(|at| row.get(at))).collect();
        assert_eq!(found[0], [Some("v"), Some("member_id"), Some("text"), Some("who")]);
        assert_eq!(found[1], [Some("v"), Some("loyalty_points"), Some("bigint"), None]);
        assert!(word(client, "SELECT pg_get_viewdef('gold'::regclass)").await.contains("loyalty_level = 'gold'"));
        assert_eq!(word(client, "SELECT obj_description('gold'::regclass)").await, "Gold members");
        Ok("")
    })
    .await;
    duty("audiences", failed, async {
        let row = client.query_one(AUDIENCE, &[]).await.unwrap();
        assert_eq!([0, 1, 2].map(|at| row.get::<_, &str>(at)), ["public", "gold_list", "true"]);
        Ok("")
    })
    .await;
    duty("create-segment", failed, async {
        client.batch_execute("CREATE VIEW rich AS SELECT member_id FROM members WHERE loyalty_points > 400").await.unwrap();
        assert_eq!(
            word(client, "SELECT count(*)::text FROM rich").await,
            word(client, "SELECT count(*)::text FROM members WHERE loyalty_points > 400").await
        );
        client.batch_execute("DROP VIEW rich").await.unwrap();
        assert_eq!(refused(&client.query("SELECT 1 FROM rich", &[]).await.unwrap_err()).code().code(), "42P01");
        Ok("")
    })
    .await;
    duty("refresh-audience", failed, async {
        let run = || async {
            let row = client.query_one(RUN, &[]).await.unwrap();
            (row.get::<_, i32>(0), row.get::<_, i64>(1))
        };
        let (before, _) = run().await;
        client.batch_execute("REFRESH MATERIALIZED VIEW gold_list").await.unwrap();
        assert_eq!(run().await, (before + 1, 2));
        Ok("")
    })
    .await;
    std::process::exit(i32::from(*failed));
}
