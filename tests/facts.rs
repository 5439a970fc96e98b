//! Member facts: how they are planned, and what the documentation says of their groups.

use std::path::Path;

use regulars::config::Config;
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::server::{TestServer, engine, small_history};

async fn lines(client: &Client, sql: &str) -> Vec<String> {
    let messages = client.simple_query(sql).await.unwrap();
    let rows = messages.into_iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or("NULL").to_owned()),
        _ => None,
    });
    rows.collect()
}

async fn scans(client: &Client, query: &str) -> usize {
    let plan = lines(client, &format!("EXPLAIN {query}")).await;
    let scans = plan.iter().filter(|line| line.contains("DataSourceExec")).count();
    assert_ne!(scans, 0, "{plan:#?}");
    scans
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_of_one_select_share_their_scans() {
    let server = TestServer::start().await;
    let client = server.client().await;
    // Of the member index nothing is scanned.
    client.batch_execute("SET regulars.member_index = off").await.unwrap();
    let one = "SELECT member_id FROM members WHERE purchase_count(member_id, last => '365 days') > 12";
    let four = "SELECT member_id, visit_days(member_id, last => '365 days') FROM members \
                WHERE purchase_count(member_id, last => '365 days') > 12 AND bought(member_id, last => '365 days') \
                ORDER BY last_purchase(member_id, last => '365 days')";
    assert_eq!(scans(&client, four).await, scans(&client, one).await);
    let money =
        "SELECT member_id FROM members WHERE amount_spent(member_id, last => '365 days', currency => 'SEK') > 500";
    let with_money = format!(
        "{money} AND quantity_bought(member_id, last => '365 days') > 3 AND purchase_count(member_id, last => '365 days') > 12 \
         AND last_purchase(member_id, last => '365 days') > asof() - 60"
    );
    assert_eq!(scans(&client, &with_money).await, scans(&client, money).await);
    // Through views, too: the facts of both sink to the same members.
    client.batch_execute(&format!("CREATE VIEW busy AS {one}")).await.unwrap();
    let above = "SELECT member_id FROM busy WHERE last_purchase(member_id, last => '365 days') > asof() - 60";
    assert_eq!(scans(&client, above).await, scans(&client, one).await);
    server.stop().await;
}

/// Plain SQL, and whether the member index tells it.
const PLAIN: [(&str, bool); 26] = [
    (
        "SELECT member_id, count(*) FROM purchases WHERE status = 'completed' AND member_id IS NOT NULL GROUP BY member_id",
        true,
    ),
    (
        "SELECT p.member_id, count(p.purchase_id), count(DISTINCT business_date) AS days, min(business_date), max(p.business_date) \
         FROM purchases p WHERE p.status = 'completed' AND p.member_id IS NOT NULL AND business_date >= '2026-01-01' \
         GROUP BY p.member_id HAVING count(*) >= 2",
        true,
    ),
    ("SELECT member_id FROM purchases WHERE status = 'completed' AND member_id = 'lunch' GROUP BY member_id", true),
    (
        "SELECT DISTINCT member_id FROM purchases WHERE status = 'completed' AND member_id IS NOT NULL AND weekday IN (1, 2)",
        true,
    ),
    (
        "SELECT DISTINCT member_id AS m FROM purchase_lines WHERE status = 'completed' AND member_id IS NOT NULL AND product_id = 'p1'",
        true,
    ),
    (
        "SELECT member_id, count(DISTINCT purchase_id) FROM purchase_lines WHERE status = 'completed' AND member_id IS NOT NULL \
         AND product_id IN ('p1', 'p2') GROUP BY member_id",
        true,
    ),
    ("SELECT count(DISTINCT member_id) FROM purchases WHERE status = 'completed' AND channel = 'app'", true),
    (
        "SELECT member_id FROM members m WHERE EXISTS (SELECT 1 FROM purchases p WHERE p.member_id = m.member_id \
         AND p.status = 'completed' AND p.local_time >= time '11:00' AND p.local_time < time '14:00')",
        true,
    ),
    (
        "SELECT member_id FROM members m WHERE purchase_count(member_id) > 1 AND NOT EXISTS (SELECT FROM purchases \
         WHERE member_id = m.member_id AND status = 'completed' AND business_date BETWEEN asof() - 60 AND asof())",
        true,
    ),
    (
        "SELECT member_id FROM members WHERE member_id IN (SELECT member_id FROM purchases WHERE status = 'completed' AND store_id = 'sthlm')",
        true,
    ),
    (
        "SELECT m.member_id FROM members m WHERE m.member_id NOT IN (SELECT member_id FROM purchases WHERE 'completed' = status \
         AND member_id IS NOT NULL AND weekday = 2)",
        true,
    ),
    (
        "SELECT m.member_id, n FROM members m JOIN (SELECT member_id, count(*) AS n FROM purchases WHERE status = 'completed' \
         AND member_id IS NOT NULL GROUP BY member_id) p USING (member_id) WHERE n > 1",
        true,
    ),
    ("SELECT member_id FROM completed WHERE weekday = 1 AND member_id IS NOT NULL GROUP BY member_id", true),
    // Receipts of all kinds, or nobody's.
    ("SELECT member_id, count(*) FROM purchases WHERE member_id IS NOT NULL GROUP BY member_id", false),
    (
        "SELECT member_id, count(*) FROM purchases WHERE status = 'refund' AND member_id IS NOT NULL GROUP BY member_id",
        false,
    ),
    ("SELECT member_id, count(*) FROM purchases WHERE status = 'completed' GROUP BY member_id", false),
    ("SELECT DISTINCT member_id FROM purchases WHERE status = 'completed'", false),
    (
        "SELECT member_id FROM members WHERE member_id NOT IN (SELECT member_id FROM purchases WHERE status = 'completed' AND member_id <> 'lunch')",
        false,
    ),
    // Lines of all products: a receipt without lines has none.
    (
        "SELECT member_id, count(DISTINCT purchase_id) FROM purchase_lines WHERE status = 'completed' AND member_id IS NOT NULL GROUP BY member_id",
        false,
    ),
    // What the index does not know, or not so finely.
    (
        "SELECT member_id, sum(amount) FROM purchases WHERE status = 'completed' AND member_id IS NOT NULL GROUP BY member_id",
        false,
    ),
    (
        "SELECT DISTINCT member_id FROM purchases WHERE status = 'completed' AND member_id IS NOT NULL AND amount > 60",
        false,
    ),
    (
        "SELECT DISTINCT member_id FROM purchases WHERE status = 'completed' AND member_id IS NOT NULL AND local_time < time '13:59:59.5'",
        false,
    ),
    (
        "SELECT DISTINCT member_id FROM purchases WHERE status = 'completed' AND member_id IS NOT NULL AND purchased_at > '2026-06-01'",
        false,
    ),
    (
        "SELECT DISTINCT member_id FROM purchases WHERE status = 'completed' AND member_id IS NOT NULL AND (weekday = 1 OR store_id = 'bar')",
        false,
    ),
    (
        "SELECT member_id, store_id FROM purchases WHERE status = 'completed' AND member_id IS NOT NULL GROUP BY member_id, store_id",
        false,
    ),
    (
        "SELECT member_id, count(*) FILTER (WHERE weekday = 1) FROM purchases WHERE status = 'completed' AND member_id IS NOT NULL GROUP BY member_id",
        false,
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn plain_sql_about_members_is_told_by_the_index_where_it_knows_all_of_it() {
    let engine = engine(&Config::of_folder(&small_history())).await;
    engine.history.build_index(engine.clock.as_ref()).await.unwrap();
    let server = TestServer::over(engine).await;
    let client = server.client().await;
    client.batch_execute("CREATE VIEW completed AS SELECT * FROM purchases WHERE status = 'completed'").await.unwrap();
    let rows = async |sql: &str| -> Vec<String> {
        let messages = client.simple_query(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        let rows = messages.into_iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        let mut rows: Vec<String> = rows
            .map(|row| (0..row.len()).map(|at| row.get(at).unwrap_or("NULL")).collect::<Vec<_>>().join("|"))
            .collect();
        rows.sort();
        rows
    };
    for (asked, is_told) in PLAIN {
        let (plan, told) = (lines(&client, &format!("EXPLAIN {asked}")).await, rows(asked).await);
        assert_eq!(plan.iter().any(|line| line.contains("MemberIndexExec")), is_told, "{asked}: {plan:#?}");
        client.batch_execute("SET regulars.member_index = off").await.unwrap();
        assert_eq!(told, rows(asked).await, "{asked}");
        client.batch_execute("RESET regulars.member_index").await.unwrap();
        assert!(!told.is_empty() || asked.contains("NOT IN"), "{asked}");
    }
    server.stop().await;
}

#[test]
fn the_documentation_shows_the_table_of_groups() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/facts.md")).unwrap();
    let span = |from: u8, to: u8| if from == to { from.to_string() } else { format!("{from} to {to}") };
    let groups = regulars_udfs::RfmGroups::default();
    let rows: Vec<String> = groups
        .iter()
        .zip(1..)
        .map(|(group, position)| {
            let [(r1, r2), (f1, f2), (m1, m2)] = [group.recency, group.frequency, group.monetary];
            format!("| {position} | `{}` | {} | {} | {} |", group.name, span(r1, r2), span(f1, f2), span(m1, m2))
        })
        .collect();
    assert!(page.contains(&rows.join("\n")), "docs/facts.md should hold:\n{}", rows.join("\n"));
}
