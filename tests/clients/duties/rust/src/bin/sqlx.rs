//! sqlx with rustls: everything binary, prepared and kept; rows as a stream.

use chrono::{DateTime, NaiveDate, Utc};
use duties::{AUDIENCE, COLUMN, COPIED, COPY, DROP_HINT, NUMERIC, RUN, SEGMENT, Skipped, TABLE_NAMES, TABLES, duty, version};
use futures::TryStreamExt;
use rust_decimal::Decimal;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgDatabaseError, PgPoolCopyExt, PgPoolOptions, PgSslMode};
use sqlx::{Column, Connection, Error, Executor, Row, query, query_as, query_scalar};

fn options() -> PgConnectOptions {
    // PGHOST and the others are read from the environment.
    PgConnectOptions::new().ssl_mode(PgSslMode::VerifyFull)
}

fn refused(error: &Error) -> &PgDatabaseError {
    match error {
        Error::Database(told) => told.downcast_ref(),
        other => panic!("not refused by the server: {other}"),
    }
}

#[tokio::main]
async fn main() {
    println!("client {}", version("sqlx"));
    let pool = &PgPoolOptions::new().max_connections(3).connect_with(options()).await.unwrap();
    let word = |sql: &'static str| async move { query_scalar::<_, String>(sql).fetch_one(pool).await.unwrap() };
    let failed = &mut false;
    duty("sign-in", failed, async {
        assert_eq!(word("SELECT current_user::text").await, "admin");
        Ok("")
    })
    .await;
    duty("wrong-password", failed, async {
        let Err(error) = PgConnection::connect_with(&options().password("wrong")).await else { panic!("came in") };
        let told = refused(&error);
        assert_eq!((told.code(), told.message()), ("28P01", "password authentication failed for user \"admin\""));
        Ok("")
    })
    .await;
    duty("simple", failed, async {
        let row = pool.fetch_one(sqlx::raw_sql("SELECT 1 AS one, 'å' AS word")).await.unwrap();
        let names: Vec<&str> = row.columns().iter().map(Column::name).collect();
        assert_eq!((names, row.get::<i32, _>(0), row.get::<String, _>(1)), (vec!["one", "word"], 1, "å".to_owned()));
        Ok("")
    })
    .await;
    duty("parameters-text", failed, async { Err(Skipped("its parameters are binary")) }).await;
    duty("parameters-binary", failed, async {
        let (text, count, day) = ("it's \"å\" \\", 9_007_199_254_740_993_i64, NaiveDate::from_ymd_opt(2028, 2, 29).unwrap());
        let found: (String, i64, NaiveDate) =
            query_as("SELECT $1::text, $2::bigint, $3::date").bind(text).bind(count).bind(day).fetch_one(pool).await.unwrap();
        assert_eq!(found, (text.to_owned(), count, day));
        let gold = "SELECT member_id FROM members WHERE loyalty_level = ANY ($1) ORDER BY 1";
        let found: Vec<String> = query_scalar(gold).bind(vec!["gold"]).fetch_all(pool).await.unwrap();
        assert_eq!(found, ["abroad", "lunch"]);
        Ok("")
    })
    .await;
    duty("null", failed, async {
        let sql = "SELECT NULL::bigint, NULL::text, coalesce($1::text, 'none')";
        let found: (Option<i64>, Option<String>, String) = query_as(sql).bind(None::<String>).fetch_one(pool).await.unwrap();
        assert_eq!(found, (None, None, "none".to_owned()));
        Ok("")
    })
    .await;
    duty("numeric", failed, async {
        let found: Decimal = query_scalar("SELECT 12345678901234567890.123456789::numeric").fetch_one(pool).await.unwrap();
        assert_eq!(found.to_string(), NUMERIC);
        Ok("")
    })
    .await;
    duty("timestamptz", failed, async {
        let found: DateTime<Utc> =
            query_scalar("SELECT timestamptz '2026-10-25 00:30:00.123456+00'").fetch_one(pool).await.unwrap();
        assert_eq!(found.to_rfc3339(), "2026-10-25T00:30:00.123456+00:00");
        Ok("")
    })
    .await;
    duty("array", failed, async {
        let sql = "SELECT ARRAY['a', NULL, 'b\"c', 'd,e', 'å'], ARRAY[1, NULL, -9007199254740993]::bigint[]";
        let found: (Vec<Option<String>>, Vec<Option<i64>>) = query_as(sql).fetch_one(pool).await.unwrap();
        let words = [Some("a"), None, Some("b\"c"), Some("d,e"), Some("å")].map(|word| word.map(str::to_owned));
        assert_eq!(found, (words.to_vec(), vec![Some(1), None, Some(-9_007_199_254_740_993)]));
        Ok("")
    })
    .await;
    duty("error", failed, async {
        let error = query("DROP VIEW gold").execute(pool).await.unwrap_err();
        let told = refused(&error);
        assert_eq!((told.code(), told.hint()), ("2BP01", Some(DROP_HINT)));
        assert_eq!(word("SELECT '1'").await, "1");
        Ok("")
    })
    .await;
    duty("cancel", failed, async { Err(Skipped("sqlx has no cancel request; dropping the future leaves the query running")) }).await;
    duty("copy-out", failed, async {
        let pieces: Vec<_> = pool.copy_out_raw(COPY).await.unwrap().try_collect().await.unwrap();
        assert_eq!(pieces.concat(), COPIED.as_bytes());
        Ok("")
    })
    .await;
    duty("portions", failed, async {
        let mut rows = query_scalar::<_, i64>("SELECT g::bigint FROM generate_series(1, 100000) g").fetch(pool);
        let mut total = 0;
        while let Some(g) = rows.try_next().await.unwrap() {
            total += g;
        }
        assert_eq!(total, 5_000_050_000);
        Ok("row by row as they come")
    })
    .await;
    duty("cursor", failed, async {
        let mut transaction = pool.begin().await.unwrap();
        query("DECLARE c CURSOR FOR SELECT g::bigint FROM generate_series(1, 10) g").execute(&mut *transaction).await.unwrap();
        let first: Vec<i64> = query_scalar("FETCH 3 FROM c").fetch_all(&mut *transaction).await.unwrap();
        query("MOVE 4 IN c").execute(&mut *transaction).await.unwrap();
        let then: Vec<i64> = query_scalar("FETCH 2 FROM c").fetch_all(&mut *transaction).await.unwrap();
        query("CLOSE c").execute(&mut *transaction).await.unwrap();
        transaction.commit().await.unwrap();
        assert_eq!((first, then), (vec![1, 2, 3], vec![8, 9]));
        Ok("")
    })
    .await;
    duty("failed-transaction", failed, async {
        let mut transaction = pool.begin().await.unwrap();
        let error = query("SELECT 1 / 0").fetch_one(&mut *transaction).await.map(|_| ()).unwrap_err();
        assert_eq!(refused(&error).code(), "22012");
        let error = query("SELECT 1").fetch_one(&mut *transaction).await.map(|_| ()).unwrap_err();
        assert_eq!(refused(&error).code(), "25P02");
        transaction.rollback().await.unwrap();
        assert_eq!(word("SELECT '1'").await, "1");
        Ok("")
    })
    .await;
    duty("notice", failed, async { Err(Skipped("sqlx tells notices to the log alone")) }).await;
    duty("tables", failed, async {
        assert_eq!((word(TABLE_NAMES).await.as_str(), word(COLUMN).await.as_str()), (TABLES, "bigint"));
        Ok("")
    })
    .await;
    duty("segments", failed, async {
        let found: Vec<(String, String, String, Option<String>)> = query_as(SEGMENT).fetch_all(pool).await.unwrap();
        let shown: Vec<_> = found.iter().map(|(a, b, c, d)| (a.as_str(), b.as_str(), c.as_str(), d.as_deref())).collect();
        assert_eq!(shown, [("v", "member_id", "text", Some("who")), ("v", "loyalty_points", "bigint", None)]);
        assert!(word("SELECT pg_get_viewdef('gold'::regclass)").await.contains("loyalty_level = 'gold'"));
        assert_eq!(word("SELECT obj_description('gold'::regclass)").await, "Gold members");
        Ok("")
    })
    .await;
    duty("audiences", failed, async {
        let found: (String, String, String) = query_as(AUDIENCE).fetch_one(pool).await.unwrap();
        assert_eq!(found, ("public".to_owned(), "gold_list".to_owned(), "true".to_owned()));
        Ok("")
    })
    .await;
    duty("create-segment", failed, async {
        query("CREATE VIEW rich AS SELECT member_id FROM members WHERE loyalty_points > 400").execute(pool).await.unwrap();
        assert_eq!(
            word("SELECT count(*)::text FROM rich").await,
            word("SELECT count(*)::text FROM members WHERE loyalty_points > 400").await
        );
        query("DROP VIEW rich").execute(pool).await.unwrap();
        let error = query("SELECT 1 FROM rich").fetch_one(pool).await.map(|_| ()).unwrap_err();
        assert_eq!(refused(&error).code(), "42P01");
        Ok("")
    })
    .await;
    duty("refresh-audience", failed, async {
        let run = || async { query_as::<_, (i32, i64)>(RUN).fetch_one(pool).await.unwrap() };
        let (before, _) = run().await;
        query("REFRESH MATERIALIZED VIEW gold_list").execute(pool).await.unwrap();
        assert_eq!(run().await, (before + 1, 2));
        Ok("")
    })
    .await;
    std::process::exit(i32::from(*failed));
}
