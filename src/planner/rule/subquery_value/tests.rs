//! Answers are those of PostgreSQL 15 for the same statements over the same rows.

use std::sync::Arc;

use arrow::array::{Int64Array, ListArray, RecordBatch, StringArray};
use arrow::datatypes::{Int64Type, Schema};
use arrow::util::display::array_value_to_string;
use datafusion::datasource::MemTable;
use datafusion::execution::SessionStateBuilder;
use datafusion::prelude::SessionContext;

use super::SubqueryValue;

/// members (id, name, tags) and purchases (member_id, amount); the third member bought nothing, one name is missing.
fn context() -> SessionContext {
    let state = SessionStateBuilder::new().with_default_features().with_analyzer_rule(Arc::new(SubqueryValue)).build();
    let context = SessionContext::new_with_state(state);
    let tags = ListArray::from_iter_primitive::<Int64Type, _, _>([Some(vec![Some(10), Some(20)]), Some(vec![]), None]);
    let members = RecordBatch::try_from_iter_with_nullable([
        ("id", Arc::new(Int64Array::from(vec![1, 2, 3])) as _, true),
        ("name", Arc::new(StringArray::from(vec![Some("a"), None, Some("c")])) as _, true),
        ("tags", Arc::new(tags) as _, true),
    ])
    .unwrap();
    let purchases = RecordBatch::try_from_iter_with_nullable([
        ("member_id", Arc::new(Int64Array::from(vec![Some(1), Some(1), Some(2), None])) as _, true),
        ("amount", Arc::new(Int64Array::from(vec![10, 20, 30, 40])) as _, true),
    ])
    .unwrap();
    for (name, batch) in [("members", members), ("purchases", purchases)] {
        let schema: Arc<Schema> = batch.schema();
        let table = MemTable::try_new(schema, vec![vec![batch]]).unwrap();
        #[expect(clippy::disallowed_methods, reason = "a test without a catalog")]
        context.register_table(name, Arc::new(table)).unwrap();
    }
    context
}

async fn answers(sql: &str) -> Result<Vec<String>, String> {
    let context = context();
    #[expect(clippy::disallowed_methods, reason = "a test without a catalog")]
    let frame = context.sql(sql).await.map_err(|error| error.to_string())?;
    let batches = frame.collect().await.map_err(|error| error.to_string())?;
    let mut rows = Vec::new();
    for batch in &batches {
        for row in 0..batch.num_rows() {
            let cells: Vec<String> =
                batch.columns().iter().map(|column| array_value_to_string(column, row).unwrap()).collect();
            rows.push(cells.join("|"));
        }
    }
    Ok(rows)
}

async fn gives(sql: &str, expected: &[&str]) {
    assert_eq!(answers(sql).await.expect(sql), expected, "{sql}");
}

#[tokio::test]
async fn a_plain_correlated_subquery_gives_its_only_row() {
    gives(
        "SELECT id, (SELECT p.amount FROM purchases p WHERE p.member_id = m.id AND p.amount > 10) AS a FROM members m ORDER BY id",
        &["1|20", "2|30", "3|"],
    )
    .await;
    let error = answers("SELECT (SELECT p.amount FROM purchases p WHERE p.member_id = m.id) FROM members m").await;
    assert!(error.unwrap_err().contains("more than one row returned by a subquery used as an expression"));
}

#[tokio::test]
async fn a_named_query_inside_need_not_show_what_its_condition_reads() {
    gives(
        "SELECT id, (WITH c AS (SELECT p.amount FROM purchases p WHERE p.member_id = m.id) SELECT count(*) FROM c) AS n, \
         (SELECT sum(c.amount) FROM (SELECT p.amount FROM purchases p WHERE p.member_id = m.id) AS c) AS s \
         FROM members m ORDER BY id",
        &["1|2|30", "2|1|30", "3|0|"],
    )
    .await;
}

#[tokio::test]
async fn a_recursive_query_asks_from_its_first_term_and_its_steps() {
    gives(
        "SELECT id, (WITH RECURSIVE up AS (SELECT m.id AS n UNION ALL SELECT n + 1 FROM up WHERE n < 3) SELECT count(*) FROM up) AS n, \
         (WITH RECURSIVE up AS (SELECT p.amount AS n FROM purchases p WHERE p.member_id = m.id \
            UNION SELECT up.n + p.amount FROM up JOIN purchases p ON p.member_id = m.id WHERE up.n < 50) SELECT sum(n) FROM up) AS s \
         FROM members m ORDER BY id",
        &["1|3|210", "2|2|90", "3|1|"],
    )
    .await;
}

#[tokio::test]
async fn rows_are_cut_off_within_each_question() {
    gives(
        "SELECT id, (SELECT p.amount FROM purchases p WHERE p.member_id = m.id ORDER BY p.amount DESC LIMIT 1) AS last, \
         (SELECT 1 FROM purchases p WHERE p.member_id = m.id ORDER BY p.amount LIMIT 1 OFFSET 1) AS second, \
         (SELECT sum(x.amount) FROM (SELECT p.amount FROM purchases p WHERE p.amount >= m.id * 10 ORDER BY p.amount LIMIT 2) x) AS two, \
         EXISTS (SELECT 1 FROM purchases p WHERE p.member_id = m.id LIMIT 1) AS e FROM members m ORDER BY id",
        &["1|20|1|30|true", "2|30||50|true", "3|||70|false"],
    )
    .await;
}

#[tokio::test]
async fn parts_of_a_union_ask_each_for_itself() {
    gives(
        "SELECT id, (SELECT sum(a) FROM (SELECT p.amount AS a FROM purchases p WHERE p.member_id = m.id UNION ALL SELECT m.id \
         UNION ALL SELECT 100) u) AS s, \
         (SELECT count(*) FROM (SELECT p.member_id AS a FROM purchases p WHERE p.member_id = m.id UNION SELECT m.id) u) AS n \
         FROM members m ORDER BY id",
        &["1|131|1", "2|132|1", "3|103|1"],
    )
    .await;
}

#[tokio::test]
async fn conditions_need_not_be_equalities() {
    gives(
        "SELECT id, (SELECT count(*) FROM purchases p WHERE p.amount > m.id * 10) AS n, \
         (SELECT sum(p.amount) FROM purchases p WHERE p.amount < m.id * 10) AS s FROM members m ORDER BY id",
        &["1|3|", "2|2|10", "3|1|30"],
    )
    .await;
}

#[tokio::test]
async fn a_question_may_be_null() {
    gives(
        "SELECT id, (SELECT count(*) FROM purchases p WHERE m.name IS NULL) AS n, \
         (SELECT max(p.amount) FROM purchases p WHERE p.member_id IS NOT DISTINCT FROM nullif(m.id, 3)) AS x \
         FROM members m ORDER BY id",
        &["1|0|20", "2|4|30", "3|0|40"],
    )
    .await;
}

#[tokio::test]
async fn subqueries_filter_and_stand_inside_expressions() {
    gives(
        "SELECT id FROM members m WHERE id = 3 OR (SELECT p.amount = 30 FROM purchases p WHERE p.member_id = m.id AND p.amount >= 20) ORDER BY id",
        &["2", "3"],
    )
    .await;
    gives(
        "SELECT id, CASE WHEN name IS NULL THEN -1 ELSE (SELECT p.amount FROM purchases p WHERE p.member_id = m.id AND p.amount = m.id * 20) END AS c FROM members m ORDER BY id",
        &["1|20", "2|-1", "3|"],
    )
    .await;
}

#[tokio::test]
async fn exists_is_a_value() {
    gives(
        "SELECT id, EXISTS (SELECT 1 FROM purchases p WHERE p.member_id = m.id) AS e, \
         NOT EXISTS (SELECT 1 FROM purchases p WHERE p.amount > m.id * 15) AS n, \
         EXISTS (SELECT 1 FROM purchases WHERE amount > 100) AS u FROM members m ORDER BY id",
        &["1|true|false|false", "2|true|false|false", "3|false|true|false"],
    )
    .await;
    gives("SELECT EXISTS (SELECT 1 FROM purchases WHERE member_id = 2)", &["true"]).await;
}

#[tokio::test]
async fn subqueries_stand_inside_aggregates() {
    gives(
        "SELECT sum((SELECT max(p.amount) FROM purchases p WHERE p.member_id = m.id)) AS s, \
         count(*) FILTER (WHERE EXISTS (SELECT 1 FROM purchases p WHERE p.member_id = m.id)) AS n FROM members m",
        &["50|2"],
    )
    .await;
}

#[tokio::test]
async fn subqueries_stand_inside_subqueries() {
    gives(
        "SELECT id, (SELECT sum((SELECT max(q.amount) FROM purchases q WHERE q.amount < p.amount * 2)) \
         FROM purchases p WHERE p.member_id = m.id) AS s FROM members m ORDER BY id",
        &["1|40", "2|40", "3|"],
    )
    .await;
    gives(
        "SELECT id, (SELECT count(*) FROM purchases p LEFT JOIN purchases q ON q.member_id = p.member_id AND q.amount > m.id * 10) AS n \
         FROM members m ORDER BY id",
        &["1|4", "2|4", "3|4"],
    )
    .await;
}

#[tokio::test]
async fn lists_of_the_outer_row_are_unnested() {
    gives(
        "SELECT id, (SELECT sum(t) FROM unnest(m.tags) AS u (t)) AS s, \
         (SELECT count(*) FROM purchases p WHERE p.amount = ANY (m.tags)) AS n FROM members m ORDER BY id",
        &["1|30|2", "2||0", "3||0"],
    )
    .await;
}
