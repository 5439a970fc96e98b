//! The sample as a whole: the same bytes for the same seed, and the shape that the contract asks for.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Decimal128Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::*;

const SMALL: SampleOptions = SampleOptions {
    members: 900,
    purchases: 4000,
    seed: 42,
    until: NaiveDate::from_ymd_opt(2026, 11, 20).expect("a date"),
};

fn make(options: &SampleOptions) -> (tempfile::TempDir, PathBuf, Summary) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let dir = folder.path().join("demo");
    let summary = write(options, &dir, &mut |_, _| ()).expect("the sample is written");
    (folder, dir, summary)
}

/// Every file below `dir` by its relative path, in order.
fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![dir.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(dir).expect("below").display().to_string();
                found.insert(name, fs::read(&path).expect("a file"));
            }
        }
    }
    found
}

/// All rows of a table, a batch for each file, in the order of the file names.
fn read(dir: &Path, table: &str) -> Vec<RecordBatch> {
    let folder = dir.join(table);
    let mut paths: Vec<PathBuf> = if folder.is_dir() {
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect()
    } else {
        vec![dir.join(format!("{table}.parquet"))]
    };
    paths.sort();
    let batches = paths.iter().flat_map(|path| {
        let file = File::open(path).expect("a file");
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("a Parquet file");
        reader.with_batch_size(1 << 20).build().expect("a reader").map(|batch| batch.expect("a batch"))
    });
    batches.collect()
}

#[test]
fn the_same_options_give_the_same_bytes() {
    let (_one, one, summary) = make(&SMALL);
    let (_other, other, again) = make(&SMALL);
    let one = files(&one);
    assert_eq!(one, files(&other));
    assert_eq!(summary, again);
    assert_eq!(one.len(), 7 + 2 * 37);
    let (_third, third, _) = make(&SampleOptions { seed: 43, ..SMALL });
    assert_ne!(one["members.parquet"], files(&third)["members.parquet"]);
}

#[test]
fn a_folder_that_holds_something_is_left_alone() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("mine.txt"), "keep").expect("a file");
    let refused = write(&SMALL, folder.path(), &mut |_, _| ()).expect_err("the folder is taken");
    assert_eq!(refused.state().code(), "58030");
    assert_eq!(files(folder.path()).keys().collect::<Vec<_>>(), ["mine.txt"]);
}

#[test]
fn nothing_is_seen_until_all_is_written() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let dir = folder.path().join("demo");
    let mut told = Vec::new();
    write(&SMALL, &dir, &mut |done, total| {
        assert!(!dir.exists());
        told.push((done, total));
    })
    .expect("the sample is written");
    assert!(told.is_sorted());
    assert_eq!(told.last(), Some(&(4000, 4000)));
    let left: Vec<_> = fs::read_dir(folder.path()).expect("a folder").collect();
    assert_eq!(left.len(), 1, "only the finished folder is left");
}

#[test]
fn rows_are_counted_and_shown() {
    let (_folder, dir, summary) = make(&SMALL);
    for (table, count) in &summary.rows {
        let found: usize = read(&dir, table).iter().map(RecordBatch::num_rows).sum();
        assert_eq!(found as u64, *count, "{table}");
    }
    assert_eq!(summary.rows[0], ("members", 902));
    assert_eq!(summary.rows[3], ("purchases", 4000));
    let text = Summary { rows: vec![("members", 55_181), ("stores", 24)] }.to_string();
    assert_eq!(text, "members  55,181\nstores       24");
}

#[test]
fn columns_have_the_contracts_types() {
    let (_folder, dir, _) = make(&SMALL);
    let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let money = DataType::Decimal128(18, 2);
    for (table, column, expected) in [
        ("members", "member_id", &DataType::Int64),
        ("members", "verified_at", &utc),
        ("members", "birthday", &DataType::Date32),
        ("stores", "day_starts_at", &DataType::Time64(TimeUnit::Microsecond)),
        ("purchases", "purchased_at", &utc),
        ("purchases", "amount", &money),
        ("purchase_lines", "quantity", &DataType::Int32),
        ("purchase_lines", "amount", &money),
        ("loyalty_levels", "spend_from", &money),
        ("member_levels", "reached_at", &utc),
        ("consents", "changed_at", &utc),
    ] {
        let batch = &read(&dir, table)[0];
        assert_eq!(batch[column].data_type(), expected, "{table}.{column}");
    }
}

#[test]
fn receipts_hold_together() {
    let (_folder, dir, _) = make(&SampleOptions { purchases: 9000, ..SMALL });
    let mut amounts = BTreeMap::new();
    for batch in read(&dir, "purchases") {
        let ids = batch["purchase_id"].as_primitive::<Int64Type>();
        let times = batch["purchased_at"].as_primitive::<TimestampMicrosecondType>();
        assert!(times.values().is_sorted(), "a month is sorted by purchased_at");
        for row in 0..batch.num_rows() {
            let status = batch["status"].as_string::<i32>().value(row).to_owned();
            let amount = batch["amount"].as_primitive::<Decimal128Type>().value(row);
            let refund_of = batch["refund_of"].as_primitive::<Int64Type>();
            let refund_of = refund_of.is_valid(row).then(|| refund_of.value(row));
            let known = amounts.insert(ids.value(row), (status, amount, refund_of));
            assert!(known.is_none(), "purchase_id is unique");
        }
    }
    let mut sums: BTreeMap<i64, i128> = BTreeMap::new();
    for batch in read(&dir, "purchase_lines") {
        for row in 0..batch.num_rows() {
            let number = |name: &str| batch[name].as_primitive::<Decimal128Type>().value(row);
            let quantity = batch["quantity"].as_primitive::<Int32Type>().value(row);
            assert_eq!(number("amount"), i128::from(quantity) * number("unit_price") - number("discount"));
            *sums.entry(batch["purchase_id"].as_primitive::<Int64Type>().value(row)).or_default() += number("amount");
        }
    }
    for (id, sum) in sums {
        assert_eq!(amounts[&id].1, sum, "the amount of receipt {id} is that of its lines");
    }
    let linked: Vec<i64> = amounts.values().filter_map(|(_, _, refund_of)| *refund_of).collect();
    let known: Vec<&i64> = linked.iter().filter(|id| amounts.contains_key(id)).collect();
    assert!(known.iter().all(|id| amounts[id].0 == "completed"));
    assert_eq!(known.iter().collect::<BTreeSet<_>>().len(), known.len(), "nothing is given back twice");
    assert!(known.len() < linked.len(), "some refunds point nowhere");
    assert!(amounts.values().any(|(status, _, refund_of)| status == "refund" && refund_of.is_none()));
}

#[test]
fn a_chain_without_members_or_receipts_is_a_chain() {
    let (_folder, dir, summary) = make(&SampleOptions { members: 0, purchases: 0, ..SMALL });
    assert_eq!(summary.rows[0], ("members", 0));
    assert_eq!(read(&dir, "stores")[0].num_rows(), 24);
    let (_folder, dir, _) = make(&SampleOptions { members: 0, purchases: 500, ..SMALL });
    assert!(read(&dir, "purchases").iter().all(|batch| batch["member_id"].null_count() == batch.num_rows()));
}

#[test]
fn a_date_out_of_range_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let until = NaiveDate::from_ymd_opt(1066, 10, 14).expect("a date");
    let refused = write(&SampleOptions { until, ..SMALL }, &folder.path().join("demo"), &mut |_, _| ());
    assert_eq!(refused.expect_err("too early").state().code(), "22023");
}
