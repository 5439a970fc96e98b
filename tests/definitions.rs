//! Views behave as PostgreSQL's: transactions, replaced definitions, renames, refusals; seen by two sessions.

use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::server::TestServer;

async fn value(client: &Client, sql: &str) -> String {
    for message in client.simple_query(sql).await.unwrap() {
        if let SimpleQueryMessage::Row(row) = message {
            return row.get(0).unwrap_or("NULL").to_owned();
        }
    }
    panic!("no row from {sql}");
}

async fn refusal(client: &Client, sql: &str) -> (SqlState, String, Option<String>, Option<String>) {
    let error = client.simple_query(sql).await.unwrap_err();
    let error = error.as_db_error().unwrap();
    (
        error.code().clone(),
        error.message().to_owned(),
        error.detail().map(str::to_owned),
        error.hint().map(str::to_owned),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_is_seen_whole_or_not_at_all() {
    let server = TestServer::start().await;
    let (writer, reader) = (server.client().await, server.client().await);
    writer.batch_execute("BEGIN; CREATE VIEW a AS SELECT member_id FROM members").await.unwrap();
    // The writer sees its own work, the reader does not yet.
    assert_ne!(value(&writer, "SELECT count(*) FROM a").await, "0");
    assert_eq!(refusal(&reader, "SELECT * FROM a").await.0, SqlState::UNDEFINED_TABLE);
    writer.batch_execute("SAVEPOINT s; DROP VIEW a; ROLLBACK TO s; COMMIT").await.unwrap();
    assert_ne!(value(&reader, "SELECT count(*) FROM a").await, "0");
    writer.batch_execute("BEGIN; DROP VIEW a; ROLLBACK").await.unwrap();
    assert_ne!(value(&reader, "SELECT count(*) FROM a").await, "0");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_loser_of_a_conflict_is_told_40001() {
    let server = TestServer::start().await;
    let (one, two) = (server.client().await, server.client().await);
    one.batch_execute("CREATE VIEW a AS SELECT member_id FROM members").await.unwrap();
    for client in [&one, &two] {
        client.batch_execute("BEGIN; CREATE OR REPLACE VIEW a AS SELECT member_id FROM members LIMIT 1").await.unwrap();
    }
    one.batch_execute("COMMIT").await.unwrap();
    let (state, ..) = refusal(&two, "COMMIT").await;
    assert_eq!(state, SqlState::T_R_SERIALIZATION_FAILURE);
    // Changes of different objects do not disturb each other.
    one.batch_execute("BEGIN; CREATE VIEW b AS SELECT 1 AS member_id").await.unwrap();
    two.batch_execute("BEGIN; CREATE VIEW c AS SELECT 2 AS member_id; COMMIT").await.unwrap();
    one.batch_execute("COMMIT").await.unwrap();
    assert_eq!(value(&two, "SELECT b.member_id + c.member_id FROM b, c").await, "3");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_transaction_answers_25p02_until_it_ends() {
    let server = TestServer::start().await;
    let client = server.client().await;
    client.batch_execute("BEGIN; CREATE VIEW a AS SELECT 1 AS member_id").await.unwrap();
    assert_eq!(refusal(&client, "SELECT nothing FROM members").await.0, SqlState::UNDEFINED_COLUMN);
    assert_eq!(refusal(&client, "SELECT 1").await.0, SqlState::IN_FAILED_SQL_TRANSACTION);
    client.batch_execute("COMMIT").await.unwrap();
    assert_eq!(refusal(&client, "SELECT * FROM a").await.0, SqlState::UNDEFINED_TABLE);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_on_a_view_follows_its_definition_and_its_name() {
    let server = TestServer::start().await;
    let client = server.client().await;
    client
        .batch_execute(
            "CREATE VIEW base AS SELECT 1 AS member_id; CREATE VIEW top AS SELECT base.member_id FROM base;
             CREATE OR REPLACE VIEW base AS SELECT 7 AS member_id",
        )
        .await
        .unwrap();
    assert_eq!(value(&client, "SELECT member_id FROM top").await, "7");
    client.batch_execute("ALTER VIEW base RENAME TO ground").await.unwrap();
    assert_eq!(value(&client, "SELECT member_id FROM top").await, "7");
    assert_eq!(
        value(&client, "SELECT pg_get_viewdef('top'::regclass)").await,
        "SELECT base.member_id FROM ground AS base;"
    );
    // Wording, detail and hint are PostgreSQL 15's for the same statements.
    assert_eq!(
        refusal(&client, "DROP VIEW ground").await,
        (
            SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
            "cannot drop view ground because other objects depend on it".to_owned(),
            Some("view top depends on view ground".to_owned()),
            Some("Use DROP ... CASCADE to drop the dependent objects too.".to_owned()),
        )
    );
    let (state, ..) = refusal(&client, "CREATE OR REPLACE VIEW ground AS SELECT member_id FROM top").await;
    assert_eq!(state.code(), "42P17");
    client.batch_execute("DROP VIEW ground CASCADE").await.unwrap();
    assert_eq!(refusal(&client, "SELECT * FROM top").await.0, SqlState::UNDEFINED_TABLE);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn select_star_is_fixed_when_the_view_is_created() {
    let server = TestServer::start().await;
    let client = server.client().await;
    client
        .batch_execute(
            "CREATE VIEW base AS SELECT 1 AS member_id; CREATE VIEW top AS SELECT * FROM base;
             CREATE OR REPLACE VIEW base AS SELECT 1 AS member_id, 2 AS extra",
        )
        .await
        .unwrap();
    let rows = client.query("SELECT * FROM top", &[]).await.unwrap();
    assert_eq!(rows[0].columns().iter().map(|column| column.name()).collect::<Vec<_>>(), ["member_id"]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_sessions_settings_are_no_others() {
    let server = TestServer::start().await;
    let (one, two) = (server.client().await, server.client().await);
    one.batch_execute("SET timezone = 'Asia/Taipei'").await.unwrap();
    let instant = "SELECT timestamptz '2026-11-20 12:00:00+00'";
    assert_eq!(value(&one, instant).await, "2026-11-20 20:00:00+08");
    assert_eq!(value(&two, instant).await, "2026-11-20 12:00:00+00");
    one.batch_execute("BEGIN; SET timezone = 'Europe/Stockholm'; ROLLBACK").await.unwrap();
    assert_eq!(value(&one, "SHOW timezone").await, "Asia/Taipei");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistyped_column_is_shown_where_it_stands() {
    let server = TestServer::start().await;
    let client = server.client().await;
    let error = client.simple_query("SELECT membr_id FROM members").await.unwrap_err();
    let error = error.as_db_error().unwrap();
    assert_eq!(error.code(), &SqlState::UNDEFINED_COLUMN);
    assert_eq!(error.message(), "column \"membr_id\" does not exist");
    assert_eq!(error.hint(), Some("Perhaps you meant the column \"member_id\"."));
    assert_eq!(error.position(), Some(&tokio_postgres::error::ErrorPosition::Original(8)));
    server.stop().await;
}
