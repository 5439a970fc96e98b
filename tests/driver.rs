//! tokio-postgres: prepared statements with values of many types in and out, in text and in binary; cancel; pipelines.

use chrono::{DateTime, NaiveDate, Utc};
use futures::{TryStreamExt, pin_mut};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;
use tokio_postgres::{NoTls, SimpleQueryMessage};

use crate::server::TestServer;

#[tokio::test(flavor = "multi_thread")]
async fn values_go_in_and_come_out_the_same() {
    let server = TestServer::start().await;
    let client = server.client().await;
    let row = client
        .query_one(
            "SELECT $1::bigint AS b, $2::text AS t, $3::date AS d, $4::timestamptz AS i, $5::boolean AS o, $6::float8 AS f",
            &[
                &9_007_199_254_740_993_i64,
                &"Bryggkaffe å",
                &NaiveDate::from_ymd_opt(2028, 2, 29).unwrap(),
                &"2026-10-25T01:30:00.123456Z".parse::<DateTime<Utc>>().unwrap(),
                &true,
                &-0.1_f64,
            ],
        )
        .await
        .unwrap();
    assert_eq!(row.get::<_, i64>("b"), 9_007_199_254_740_993);
    assert_eq!(row.get::<_, &str>("t"), "Bryggkaffe å");
    assert_eq!(row.get::<_, NaiveDate>("d"), NaiveDate::from_ymd_opt(2028, 2, 29).unwrap());
    assert_eq!(row.get::<_, DateTime<Utc>>("i"), "2026-10-25T01:30:00.123456Z".parse::<DateTime<Utc>>().unwrap());
    assert!(row.get::<_, bool>("o"));
    assert!((row.get::<_, f64>("f") - -0.1).abs() < f64::EPSILON);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn null_goes_in_and_comes_out() {
    let server = TestServer::start().await;
    let client = server.client().await;
    let row = client
        .query_one(
            "SELECT $1::bigint, $2::text, $3::date, $4::timestamptz",
            &[&None::<i64>, &None::<&str>, &None::<NaiveDate>, &None::<DateTime<Utc>>],
        )
        .await
        .unwrap();
    assert_eq!(row.get::<_, Option<i64>>(0), None);
    assert_eq!(row.get::<_, Option<&str>>(1), None);
    assert_eq!(row.get::<_, Option<NaiveDate>>(2), None);
    assert_eq!(row.get::<_, Option<DateTime<Utc>>>(3), None);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn parameter_types_are_inferred() {
    let server = TestServer::start().await;
    let client = server.client().await;
    let statement = client.prepare("SELECT member_id FROM members WHERE joined_on > $1 LIMIT $2").await.unwrap();
    assert_eq!(statement.params(), [Type::DATE, Type::INT8]);
    client.batch_execute("CREATE VIEW lunch AS SELECT member_id FROM members").await.unwrap();
    let exists = client.prepare("SELECT EXISTS (SELECT 1 FROM lunch WHERE member_id = $1)").await.unwrap();
    assert_eq!(exists.params(), [Type::TEXT]);
    for (member, expected) in [("lunch", true), ("nobody", false)] {
        let row = client.query_one(&exists, &[&member]).await.unwrap();
        assert_eq!(row.get::<_, bool>(0), expected, "{member}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_can_be_pipelined() {
    let server = TestServer::start().await;
    let client = server.client().await;
    let answers = futures::future::join_all((0..50_i64).map(|number| {
        let client = &client;
        async move { client.query_one("SELECT $1::bigint * 2", &[&number]).await.unwrap().get::<_, i64>(0) }
    }))
    .await;
    assert_eq!(answers, (0..50).map(|number| number * 2).collect::<Vec<i64>>());
    server.stop().await;
}

/// A query that would run for hours ends when it is cancelled, while it computes and while its rows are coming.
#[tokio::test(flavor = "multi_thread")]
async fn cancel_reaches_a_running_query() {
    let server = TestServer::start().await;
    let client = server.client().await;
    let endless = "SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b";
    let token = client.cancel_token();
    let (answer, cancelled) = tokio::join!(client.simple_query(endless), async {
        server.until_active().await;
        token.cancel_query(NoTls).await
    });
    cancelled.unwrap();
    assert_eq!(answer.unwrap_err().code(), Some(&SqlState::QUERY_CANCELED));

    let rows = client
        .query_raw("SELECT a.a FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b", Vec::<String>::new())
        .await
        .unwrap();
    pin_mut!(rows);
    assert!(rows.try_next().await.unwrap().is_some());
    token.cancel_query(NoTls).await.unwrap();
    let ended = loop {
        match rows.try_next().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the rows came to an end that they do not have"),
            Err(error) => break error,
        }
    };
    assert_eq!(ended.code(), Some(&SqlState::QUERY_CANCELED));
    assert!(matches!(client.simple_query("SELECT 1").await.unwrap()[1], SimpleQueryMessage::Row(_)));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn statement_timeout_reaches_a_running_query() {
    let server = TestServer::start().await;
    let client = server.client().await;
    client.batch_execute("SET statement_timeout = '50ms'").await.unwrap();
    let endless = "SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b";
    assert_eq!(client.simple_query(endless).await.unwrap_err().code(), Some(&SqlState::QUERY_CANCELED));
    client.batch_execute("SET statement_timeout = 0; SELECT 1").await.unwrap();
    server.stop().await;
}
