//! A folder that follows the contract: stores in several zones, days of clock change, refunds, erased and anonymous
//! buyers. Local times were computed by PostgreSQL 15: `(at AT TIME ZONE zone - day_starts_at)::date`.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Decimal128Array, Float64Array, Int32Array, Int64Array, StringArray, Time64MicrosecondArray,
    UInt32Array,
};

use super::{Asked, instants, wall_clock, write};
use crate::config::Config;

fn texts(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn hour(hour: i64) -> Option<i64> {
    Some(hour * 3_600_000_000)
}

/// Instants of the receipts, with store.
const RECEIPTS: [(&str, &str); 13] = [
    ("sthlm", "2026-03-29 00:30"),
    ("sthlm", "2026-03-29 01:30"),
    ("sthlm", "2026-03-29 02:00"),
    ("sthlm", "2026-10-25 00:30"),
    ("sthlm", "2026-10-25 01:30"),
    ("sthlm", "2026-10-25 03:00"),
    ("taipei", "2026-09-30 20:30"),
    ("taipei", "2026-09-30 21:00"),
    ("nyc", "2026-03-08 07:00"),
    ("nyc", "2026-11-01 05:30"),
    ("nyc", "2026-11-01 06:30"),
    ("gone", "2026-11-01 03:59"),
    ("sthlm", "2026-11-14 00:00"),
];

const LOCAL: [&str; 13] = [
    "1|2026-03-29T01:30:00|2026-03-28|01:30:00|6",
    "2|2026-03-29T03:30:00|2026-03-28|03:30:00|6",
    "3|2026-03-29T04:00:00|2026-03-29|04:00:00|7",
    "4|2026-10-25T02:30:00|2026-10-24|02:30:00|6",
    "5|2026-10-25T02:30:00|2026-10-24|02:30:00|6",
    "6|2026-10-25T04:00:00|2026-10-25|04:00:00|7",
    "7|2026-10-01T04:30:00|2026-09-30|04:30:00|3",
    "8|2026-10-01T05:00:00|2026-10-01|05:00:00|4",
    "9|2026-03-08T03:00:00|2026-03-07|03:00:00|6",
    "10|2026-11-01T01:30:00|2026-10-31|01:30:00|6",
    "11|2026-11-01T01:30:00|2026-10-31|01:30:00|6",
    "12|2026-11-01T03:59:00|2026-10-31|03:59:00|6",
    "13|2026-11-14T01:00:00|2026-11-13|01:00:00|5",
];

fn write_stores(folder: &Path) {
    write(
        &folder.join("stores.parquet"),
        vec![
            ("store_id", texts(&[Some("sthlm"), Some("taipei"), Some("nyc")])),
            ("time_zone", texts(&[Some("Europe/Stockholm"), Some("Asia/Taipei"), Some("America/New_York")])),
            ("day_starts_at", Arc::new(Time64MicrosecondArray::from(vec![None, hour(5), hour(4)]))),
        ],
    );
}

/// Thirteen receipts in two files of a folder, their lines, five members.
fn write_folder(folder: &Path) {
    write_stores(folder);
    for (file, range) in [("2026-a", 0..6), ("2026-b", 6..13)] {
        let (stores, at): (Vec<_>, Vec<_>) = RECEIPTS[range.clone()].iter().copied().unzip();
        let ids: Int32Array = range.clone().map(|at| at as i32 + 1).collect();
        let members: Int64Array = range.clone().map(|at| (at % 4 != 3).then_some(at as i64 % 4 + 1)).collect();
        let status = range.clone().map(|at| if at == 7 { "refund" } else { "completed" });
        let refund_of = range.clone().map(|at| (at == 7).then_some(7));
        write(
            &folder.join(format!("purchases/{file}.parquet")),
            vec![
                ("purchase_id", Arc::new(ids)),
                ("member_id", Arc::new(members)),
                ("store_id", Arc::new(StringArray::from(stores))),
                ("purchased_at", instants(&at)),
                ("till", Arc::new(range.clone().map(|at| at as u32).collect::<UInt32Array>())),
                ("status", Arc::new(status.map(Some).collect::<StringArray>())),
                ("refund_of", Arc::new(refund_of.collect::<Int64Array>())),
            ],
        );
    }
    let ids: Vec<i64> = (1..=13).flat_map(|id| [id, id]).collect();
    let count = ids.len();
    write(
        &folder.join("purchase_lines.parquet"),
        vec![
            ("purchase_id", Arc::new(Int64Array::from(ids))),
            (
                "product_id",
                Arc::new(
                    (0..count).map(|at| Some(if at % 2 == 0 { "coffee" } else { "bun" })).collect::<StringArray>(),
                ),
            ),
            ("quantity", Arc::new((0..count).map(|at| Some(at as i32 % 3)).collect::<Int32Array>())),
            (
                "amount",
                Arc::new(
                    Decimal128Array::from_iter_values((0..count).map(|at| at as i128 * 150))
                        .with_precision_and_scale(10, 2)
                        .unwrap(),
                ),
            ),
            ("store_id", Arc::new((0..count).map(|_| Some("not the receipt's")).collect::<StringArray>())),
        ],
    );
    write(
        &folder.join("members.parquet"),
        vec![
            ("member_id", Arc::new(Int64Array::from(vec![1, 2, 3, 5, 6]))),
            ("birthday", Arc::new(Date32Array::from(vec![Some(10_000), None, None, None, None]))),
            (
                "erased_at",
                Arc::new(
                    wall_clock(&["2026-01-01 00:00"; 5])
                        .with_timezone("UTC")
                        .into_iter()
                        .enumerate()
                        .map(|(at, time)| time.filter(|_| at == 4))
                        .collect::<arrow::array::TimestampMicrosecondArray>()
                        .with_timezone("UTC"),
                ),
            ),
        ],
    );
}

async fn open(folder: &Path) -> Asked {
    Asked::open_config(&Config::of_folder(folder)).await.unwrap()
}

#[tokio::test]
async fn local_time_is_that_of_the_store_of_each_purchase() {
    let folder = tempfile::tempdir().unwrap();
    write_folder(folder.path());
    let asked = open(folder.path()).await;
    let columns = "purchase_id, local_at, business_date, local_time, weekday";
    let receipts = asked.rows(&format!("SELECT {columns} FROM purchases ORDER BY 1")).await;
    assert_eq!(receipts, LOCAL);
    let lines = asked.rows(&format!("SELECT DISTINCT {columns} FROM purchase_lines ORDER BY 1")).await;
    assert_eq!(lines, LOCAL);
    assert_eq!(asked.rows("SELECT DISTINCT store_id FROM purchase_lines WHERE purchase_id = 7").await, ["taipei"]);
    assert_eq!(
        asked.history.warnings(),
        ["1 receipts name a store that table \"stores\" does not have; they are read in the history's own zone"]
    );
}

#[tokio::test]
async fn a_day_that_was_asked_for_is_found_wherever_the_instant_lies() {
    let folder = tempfile::tempdir().unwrap();
    write_folder(folder.path());
    let asked = open(folder.path()).await;
    for table in ["purchases", "(SELECT DISTINCT purchase_id, business_date, local_at FROM purchase_lines)"] {
        let ids = async |condition: &str| {
            asked
                .rows(&format!("SELECT purchase_id FROM {table} WHERE {condition} ORDER BY purchase_id"))
                .await
                .join(",")
        };
        assert_eq!(ids("business_date = DATE '2026-03-28'").await, "1,2");
        assert_eq!(ids("business_date BETWEEN DATE '2026-10-24' AND DATE '2026-10-31'").await, "4,5,6,10,11,12");
        assert_eq!(ids("business_date IN (DATE '2026-09-30', DATE '2026-11-13')").await, "7,13");
        assert_eq!(ids("business_date > DATE '2026-11-01'").await, "13");
        assert_eq!(ids("local_at < TIMESTAMP '2026-03-09 00:00:00'").await, "9");
        assert_eq!(ids("business_date < DATE '2026-03-08' OR purchase_id = 13").await, "9,13");
    }
}

#[tokio::test]
async fn an_as_of_day_cuts_off_what_came_later() {
    let folder = tempfile::tempdir().unwrap();
    write_folder(folder.path());
    let as_of = super::super::AsOf { day: "2026-10-01".parse().unwrap(), until: None };
    let session = datafusion::prelude::SessionConfig::new().with_extension(Arc::new(as_of));
    let asked = Asked::with_session(&Config::of_folder(folder.path()), session).await.unwrap();
    assert_eq!(asked.rows("SELECT purchase_id FROM purchases ORDER BY 1").await.join(","), "1,2,3,7,8,9");
    assert_eq!(asked.rows("SELECT count(*), sum(amount) FROM purchase_lines").await, ["12|153.00"]);
    assert_eq!(asked.rows("SELECT count(*) FROM members").await, ["4"]);
}

#[tokio::test]
async fn relations_show_the_contract_then_what_is_derived_then_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    write_folder(folder.path());
    let asked = open(folder.path()).await;
    assert_eq!(
        asked.columns("purchases"),
        [
            "purchase_id bigint",
            "member_id bigint",
            "store_id text",
            "purchased_at timestamp with time zone",
            "channel text",
            "status text",
            "refund_of bigint",
            "local_at timestamp without time zone",
            "business_date date",
            "local_time time without time zone",
            "weekday smallint",
            "till bigint",
        ]
    );
    assert_eq!(asked.columns("members"), ["member_id bigint", "birthday date", "erased_at timestamp with time zone"]);
    assert_eq!(asked.columns("stores"), ["store_id text", "time_zone text", "day_starts_at time without time zone"]);
    assert_eq!(asked.columns("products"), ["product_id text"]);
    assert_eq!(
        asked.columns("purchase_lines")[..4],
        ["purchase_id bigint", "product_id text", "quantity bigint", "amount numeric(10,2)"]
    );
    assert_eq!(
        asked.rows("SELECT store_id, day_starts_at FROM stores ORDER BY 1").await,
        ["nyc|04:00:00", "sthlm|04:00:00", "taipei|05:00:00"]
    );
}

#[tokio::test]
async fn only_members_of_their_table_exist_and_erased_ones_do_not() {
    let folder = tempfile::tempdir().unwrap();
    write_folder(folder.path());
    let asked = open(folder.path()).await;
    // Member 4 does not occur, receipts of no member are anonymous; 5 never bought, 6 is erased.
    assert_eq!(asked.rows("SELECT member_id FROM members ORDER BY 1").await, ["1", "2", "3", "5"]);
    assert_eq!(asked.rows("SELECT count(*) FROM members").await, ["4"]);
    assert_eq!(asked.rows("SELECT count(*), count(member_id) FROM purchases").await, ["13|10"]);
    assert_eq!(asked.rows("SELECT product_id FROM products ORDER BY 1").await, ["bun", "coffee"]);
}

#[tokio::test]
async fn lines_read_their_receipt_only_when_something_of_it_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    write_folder(folder.path());
    let asked = open(folder.path()).await;
    let plan = async |sql: &str| asked.rows(&format!("EXPLAIN {sql}")).await.join("\n");
    let alone = plan("SELECT sum(amount) FROM purchase_lines WHERE product_id = 'bun'").await;
    assert!(!alone.contains("JoinExec") && !alone.contains("local_at"), "{alone}");
    assert!(alone.contains("predicate=product_id"), "{alone}");
    let joined = plan("SELECT sum(amount) FROM purchase_lines WHERE business_date = DATE '2026-10-24'").await;
    assert!(joined.contains("HashJoinExec") && !joined.contains("weekday_of"), "{joined}");
    assert!(joined.contains("purchased_at_min") || joined.contains("purchased_at@"), "{joined}");
    assert_eq!(
        asked.rows("SELECT sum(amount) FROM purchase_lines WHERE business_date = DATE '2026-10-24'").await,
        ["45.00"]
    );
}

#[tokio::test]
async fn wall_clock_time_is_read_in_the_zone_of_its_store() {
    let folder = tempfile::tempdir().unwrap();
    write_stores(folder.path());
    let at = ["2026-03-29 02:30", "2026-10-25 02:30", "2026-03-08 02:30", "2026-10-25 02:30", "2026-10-25 02:30"];
    write(
        &folder.path().join("lines.parquet"),
        vec![
            ("receipt", Arc::new(Int64Array::from(vec![1, 2, 3, 4, 5]))),
            ("product_id", Arc::new(Int64Array::from(vec![1, 1, 1, 1, 1]))),
            ("quantity", Arc::new(Float64Array::from(vec![1.0, 0.5, 1.0005, f64::NAN, 2.0]))),
            ("amount", Arc::new(Float64Array::from(vec![1.005, -1.005, 2.675, 0.3, 1e9]))),
            ("store", texts(&[Some("sthlm"), Some("sthlm"), Some("nyc"), Some("taipei"), None])),
            ("at", Arc::new(wall_clock(&at))),
            ("kind", texts(&[Some("SALE"), Some("RETURN"), Some("odd"), None, Some("SALE")])),
        ],
    );
    let config = r#"
        [history.stores]
        path = "stores.parquet"
        [history.purchase_lines]
        path = "lines.parquet"
        instants = "local"
        columns = { purchase_id = "receipt", store_id = "store", purchased_at = "at", status = "kind" }
        values = { status = { SALE = "completed", RETURN = "refund" } }
    "#;
    let asked = Asked::open(config, folder.path()).await.unwrap();
    // SELECT local AT TIME ZONE zone, (local AT TIME ZONE zone) AT TIME ZONE zone on PostgreSQL 15.
    assert_eq!(
        asked.rows("SELECT purchase_id, purchased_at, local_at, status FROM purchases ORDER BY 1").await,
        [
            "1|2026-03-29T01:30:00Z|2026-03-29T03:30:00|completed",
            "2|2026-10-25T01:30:00Z|2026-10-25T02:30:00|refund",
            "3|2026-03-08T07:30:00Z|2026-03-08T03:30:00|odd",
            "4|2026-10-24T18:30:00Z|2026-10-25T02:30:00|completed",
            "5|2026-10-25T02:30:00Z|2026-10-25T02:30:00|completed",
        ]
    );
    assert_eq!(
        asked.rows("SELECT quantity, amount FROM purchase_lines ORDER BY purchase_id").await,
        ["1.000|1.01", "0.500|-1.01", "1.001|2.68", "|0.30", "2.000|1000000000.00"]
    );
    assert_eq!(
        asked.rows("SELECT purchase_id FROM purchases WHERE business_date = DATE '2026-10-24' ORDER BY 1").await,
        ["2", "4", "5"]
    );
}
