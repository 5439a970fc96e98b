//! Files that come, go, differ or are not whole.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int32Array, Int64Array, StringArray, UInt64Array};
use datafusion::prelude::SessionConfig;

use super::{Asked, instants, write};
use crate::config::Config;
use crate::storage::parquet_table::StatementFiles;

const CONFIG: &str = r#"
    [history.purchase_lines]
    path = "lines"
"#;

fn numbers(values: &[i64]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

fn write_lines(path: &Path, ids: &[i64], more: Vec<(&str, ArrayRef)>) {
    let ones = vec![1; ids.len()];
    let mut columns = vec![
        ("purchase_id", numbers(ids)),
        ("product_id", numbers(&ones)),
        ("quantity", numbers(&ones)),
        ("amount", numbers(ids)),
        ("purchased_at", instants(&vec!["2026-06-01 12:00"; ids.len()])),
    ];
    for (name, array) in more {
        columns.retain(|(known, _)| *known != name);
        columns.push((name, array));
    }
    write(path, columns);
}

#[tokio::test]
async fn a_new_file_is_seen_by_the_next_statement_and_a_half_copied_one_when_it_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    write_lines(&at("lines/a.parquet"), &[1, 2], vec![]);
    let asked = Asked::open(CONFIG, folder.path()).await.unwrap();
    let sum = async || asked.rows("SELECT count(*), sum(amount) FROM purchase_lines").await;
    assert_eq!(sum().await, ["2|3"]);
    write_lines(&at("lines/2026/b.parquet"), &[10], vec![]);
    assert_eq!(sum().await, ["3|13"]);

    write_lines(&at("whole"), &[100, 200], vec![]);
    let whole = std::fs::read(at("whole")).unwrap();
    for length in [0, 3, 100, whole.len() - 1] {
        std::fs::write(at("lines/c.parquet"), &whole[..length]).unwrap();
        assert_eq!(sum().await, ["3|13"], "{length} bytes of {}", whole.len());
        assert_eq!(sum().await, ["3|13"]);
    }
    let warnings = asked.history.warnings();
    assert_eq!(warnings.len(), 4, "{warnings:?}");
    assert!(
        warnings[1].contains("c.parquet\" is left out until its Parquet footer is whole (3 bytes now)"),
        "{warnings:?}"
    );
    std::fs::write(at("lines/c.parquet"), &whole).unwrap();
    assert_eq!(sum().await, ["5|313"]);
    std::fs::remove_file(at("lines/2026/b.parquet")).unwrap();
    assert_eq!(sum().await, ["4|303"]);
    assert_eq!(asked.history.warnings().len(), 4);
}

#[tokio::test]
async fn one_statement_reads_the_clocks_of_the_stores_it_sees() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let write_zone = |zone: &str| {
        let zone: ArrayRef = Arc::new(StringArray::from(vec![zone]));
        write(&at("stores/a.parquet"), vec![("store_id", numbers(&[7])), ("time_zone", zone)]);
    };
    write_zone("Asia/Taipei");
    write_lines(&at("lines/a.parquet"), &[1], vec![("store_id", numbers(&[7]))]);
    let config = format!("{CONFIG}\n[history.stores]\npath = \"stores\"");
    let config = Config::parse(&config, folder.path().to_owned()).unwrap();
    let session = SessionConfig::new().with_extension(Arc::new(StatementFiles::default()));
    let asked = Asked::with_session(&config, session).await.unwrap();
    let local = "SELECT local_time FROM purchases";
    // Noon in UTC.
    assert_eq!(asked.rows(local).await, ["20:00:00"]);
    std::fs::remove_file(at("stores/a.parquet")).unwrap();
    write_zone("America/New_York");
    assert_eq!(asked.rows(local).await, ["20:00:00"]);
    let next_statement = Asked::open_config(&config).await.unwrap();
    assert_eq!(next_statement.rows(local).await, ["08:00:00"]);
}

#[tokio::test]
async fn a_column_that_a_file_lacks_is_null_and_one_of_another_type_is_refused_when_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    write_lines(
        &at("lines/a.parquet"),
        &[1],
        vec![("channel", Arc::new(StringArray::from(vec!["app"]))), ("note", numbers(&[7]))],
    );
    let asked = Asked::open(CONFIG, folder.path()).await.unwrap();
    write_lines(
        &at("lines/b.parquet"),
        &[2],
        vec![
            ("quantity", Arc::new(StringArray::from(vec!["two"]))),
            ("product_id", Arc::new(Int32Array::from(vec![5]))),
        ],
    );
    assert_eq!(
        asked.rows("SELECT purchase_id, product_id, channel, note, status FROM purchase_lines ORDER BY 1").await,
        ["1|1|app|7|completed", "2|5|||completed"]
    );
    let error = asked.try_rows("SELECT sum(quantity) FROM purchase_lines").await.unwrap_err();
    let error = super::super::engine::fault(error, "statement");
    assert_eq!(error.state().code(), "XX001");
    assert!(error.message().contains("/lines/b.parquet\" does not fit table \"purchase_lines\""), "{error}");
    assert_eq!(
        error.detail(),
        Some("It has column \"quantity\" as text. Needed is bigint, as in the files seen at start.")
    );
}

#[tokio::test]
async fn files_of_different_types_at_start_are_read_as_one_type() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    write_lines(&at("lines/a.parquet"), &[1], vec![("amount", Arc::new(Float64Array::from(vec![0.125])))]);
    write_lines(
        &at("lines/b.parquet"),
        &[2],
        vec![
            ("product_id", Arc::new(StringArray::from(vec!["007"]))),
            ("counter", Arc::new(UInt64Array::from(vec![9]))),
        ],
    );
    let asked = Asked::open(CONFIG, folder.path()).await.unwrap();
    assert_eq!(
        asked.rows("SELECT product_id, amount, counter FROM purchase_lines ORDER BY purchase_id").await,
        ["1|0.13|", "007|2.00|9"]
    );
    assert!(asked.columns("purchase_lines").contains(&"counter bigint".to_owned()));
}

#[tokio::test]
async fn a_statement_that_reads_a_table_twice_sees_the_same_files() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    write_lines(&at("lines/a.parquet"), &[1], vec![]);
    let session = SessionConfig::new().with_extension(Arc::new(StatementFiles::default()));
    let config = Config::parse(CONFIG, folder.path().to_owned()).unwrap();
    let asked = Asked::with_session(&config, session).await.unwrap();
    assert_eq!(asked.rows("SELECT count(*) FROM purchase_lines").await, ["1"]);
    write_lines(&at("lines/b.parquet"), &[2], vec![]);
    assert_eq!(asked.rows("SELECT count(*) FROM purchase_lines").await, ["1"]);
}

#[tokio::test]
async fn stores_are_read_again_when_their_files_change() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let write_store = |zone: &str| {
        write(
            &at("stores.parquet"),
            vec![("store_id", numbers(&[7])), ("time_zone", Arc::new(StringArray::from(vec![zone])))],
        );
    };
    write_store("Asia/Tokyo");
    write_lines(&at("lines/a.parquet"), &[1], vec![("store_id", numbers(&[7]))]);
    let config = format!("{CONFIG}\n[history.stores]\npath = \"stores.parquet\"");
    let asked = Asked::open(&config, folder.path()).await.unwrap();
    assert_eq!(asked.rows("SELECT local_time FROM purchases").await, ["21:00:00"]);
    write_store("America/New_York");
    assert_eq!(asked.rows("SELECT local_time FROM purchases").await, ["08:00:00"]);
}

#[tokio::test]
async fn object_stores_and_the_users_own_tables_are_read_like_files() {
    use object_store::ObjectStoreExt;
    let folder = tempfile::tempdir().unwrap();
    write_lines(&folder.path().join("a.parquet"), &[1, 2, 3], vec![]);
    let store = Arc::new(object_store::memory::InMemory::new());
    let bytes = std::fs::read(folder.path().join("a.parquet")).unwrap();
    store.put(&"shop/lines/a.parquet".into(), bytes.into()).await.unwrap();
    let runtime = Arc::new(datafusion::execution::runtime_env::RuntimeEnv::default());
    runtime.register_object_store(&"s3://bucket".try_into().unwrap(), store);
    let config = "[history.purchase_lines]\npath = \"s3://bucket/shop/lines\"\n[tables.vip]\npath = \"a.parquet\"\ncolumns = { id = \"purchase_id\" }";
    let config = Config::parse(config, folder.path().to_owned()).unwrap();
    let history = super::History::open(&config, &runtime).await.unwrap();
    let names: Vec<_> = history.relations().map(|relation| relation.name.as_str()).collect();
    assert_eq!(names, ["members", "stores", "products", "purchases", "purchase_lines", "vip"]);
    assert_eq!(history.relation("vip").unwrap().schema().field(0).name(), "id");
}
