//! PostgreSQL's answers, kept in `../oracle` beside the script that asked for them, against the functions'.
//!
//! The answers are columns of one table each; a question compares a column with a call, in SQL, row by row.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use datafusion::prelude::SessionContext;

use crate::session;

/// A file of answers as a table `answers` of text columns named as its header says.
fn answers(csv: &str) -> SessionContext {
    let mut lines = csv.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let rows: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    let columns = header.iter().enumerate().map(|(at, name)| {
        let values = StringArray::from_iter_values(rows.iter().map(|row| row[at]));
        (*name, Arc::new(values) as ArrayRef)
    });
    let session = session();
    session.register_batch("answers", RecordBatch::try_from_iter(columns).unwrap()).unwrap();
    session
}

/// Fails with the first rows of which `expected` (by PostgreSQL) is not `call` (by us); tells how many rows there are.
async fn compare(session: &SessionContext, expected: &str, call: &str) -> usize {
    let sql = format!("SELECT *, {call} AS ours FROM answers WHERE ({call}) IS DISTINCT FROM ({expected}) LIMIT 5");
    let differences = session.sql(&sql).await.unwrap().collect().await.unwrap();
    let rows: usize = differences.iter().map(RecordBatch::num_rows).sum();
    assert_eq!(rows, 0, "{call}\n{}", crate::psql::table(&differences));
    let count = session.sql("SELECT * FROM answers").await.unwrap().count().await.unwrap();
    assert!(count > 30, "{call}: only {count} answers");
    count
}

const INSTANT: &str = "CAST(instant AS TIMESTAMP WITH TIME ZONE)";

#[tokio::test]
async fn local_times_and_business_dates_around_clock_changes() {
    let session = answers(include_str!("../oracle/instants.csv"));
    let business_date = format!("business_date({INSTANT}, zone, '04:00')");
    let compared = compare(&session, "CAST(local_at AS TIMESTAMP)", &format!("timezone(zone, {INSTANT})")).await;
    assert!(compared > 500, "{compared}");
    compare(&session, "CAST(business_date AS DATE)", &business_date).await;
    compare(&session, "CAST(business_date_0630 AS DATE)", &format!("business_date({INSTANT}, zone, TIME '06:30:00')"))
        .await;
    compare(&session, "CAST(weekday AS SMALLINT)", &format!("weekday({business_date})")).await;
}

#[tokio::test]
async fn instants_of_local_times_that_occur_twice_or_never() {
    let session = answers(include_str!("../oracle/local_times.csv"));
    let compared = compare(&session, INSTANT, "timezone(zone, CAST(local_at AS TIMESTAMP))").await;
    assert!(compared > 500, "{compared}");
}

#[tokio::test]
async fn anniversaries() {
    let session = answers(include_str!("../oracle/anniversaries.csv"));
    compare(&session, "CAST(next AS DATE)", "next_anniversary(date, asof)").await;
}

#[tokio::test]
async fn windows() {
    let session = answers(include_str!("../oracle/windows.csv"));
    compare(&session, "inside = 't'", "in_time_window(time, \"from\", \"to\")").await;
    compare(&session, "inside = 't'", "in_time_window(time, concat(\"from\", '-', \"to\"))").await;
}

#[tokio::test]
async fn every_zone_that_postgresql_names() {
    let session = answers(include_str!("../oracle/zones.csv"));
    for (expected, instant) in [("january", "2024-01-15 12:00:00Z"), ("july", "2024-07-15 12:00:00Z")] {
        let call = format!("timezone(lower(zone), TIMESTAMPTZ '{instant}')");
        let compared = compare(&session, &format!("CAST({expected} AS TIMESTAMP)"), &call).await;
        assert!(compared > 500, "{compared}");
    }
}

#[test]
fn abbreviations_of_zones() {
    for line in include_str!("../oracle/abbreviations.csv").lines().skip(1) {
        let (abbreviation, seconds) = line.split_once(',').unwrap();
        let zone = regulars_udfs::zone::parse(abbreviation).unwrap();
        let expected = seconds.parse::<i64>().unwrap() * 1_000_000;
        assert_eq!(regulars_udfs::local_of(0, &zone), expected, "{abbreviation}");
    }
}
