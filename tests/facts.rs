//! Member facts: how they are planned, and what the documentation says of their groups.

use std::path::Path;

use tokio_postgres::{Client, SimpleQueryMessage};

use crate::server::TestServer;

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
