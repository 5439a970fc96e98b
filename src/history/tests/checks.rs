//! What a check finds in histories with known faults.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray};
use chrono::{DateTime, Utc};
use datafusion::execution::runtime_env::RuntimeEnv;

use super::super::History;
use super::super::check::{Finding, Report, check};
use super::{instants, write};
use crate::config::Config;

fn numbers(values: &[i64]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

fn maybe(values: &[Option<i64>]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

fn words(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

async fn report(config: &Config) -> Report {
    let history = History::open_to_check(config, &Arc::new(RuntimeEnv::default())).await.unwrap();
    let now: DateTime<Utc> = "2026-06-10T00:00:00Z".parse().unwrap();
    check(&history, now).await.unwrap()
}

#[tokio::test]
async fn every_fault_is_counted_with_examples() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    write(
        &at("stores.parquet"),
        vec![
            ("store_id", numbers(&[1, 2])),
            ("time_zone", words(&["UTC", "Asia/Taipei"])),
            ("currency", words(&["SEK", "TWD"])),
        ],
    );
    write(&at("members.parquet"), vec![("member_id", numbers(&[1, 2, 3, 3]))]);
    write(&at("products.parquet"), vec![("product_id", numbers(&[5]))]);
    write(
        &at("purchases.parquet"),
        vec![
            ("purchase_id", numbers(&[1, 2, 3, 4, 5, 6])),
            ("member_id", maybe(&[Some(1), Some(1), Some(9), None, Some(1), Some(1)])),
            ("store_id", numbers(&[1, 8, 2, 1, 1, 1])),
            (
                "purchased_at",
                instants(&[
                    "2026-06-01 12:00",
                    "2026-06-02 12:00",
                    "1970-01-01 00:00",
                    "2026-06-10 23:59",
                    "2026-06-11 00:01",
                    "2026-06-01 12:00",
                ]),
            ),
            ("status", words(&["completed", "refund", "refund", "completed", "odd", "refund"])),
            ("refund_of", maybe(&[None, Some(77), Some(1), None, None, None])),
        ],
    );
    write(
        &at("purchase_lines.parquet"),
        vec![
            ("purchase_id", numbers(&[1, 1, 2, 3, 5, 6, 99])),
            ("line_no", numbers(&[1, 1, 1, 1, 1, 1, 1])),
            ("product_id", numbers(&[5, 5, 5, 6, 5, 5, 5])),
            ("quantity", numbers(&[1, -1, -1, 1, 1, 1, 1])),
            ("amount", numbers(&[1, 1, 1, 1, 1, 1, 1])),
        ],
    );
    let report = report(&Config::of_folder(folder.path())).await;
    let found: Vec<String> = report
        .findings
        .iter()
        .map(|finding| format!("{} {}: {}", finding.count, finding.subject, finding.examples.join("; ")))
        .collect();
    assert_eq!(
        found,
        [
            "1 values of member_id that repeat in members: member_id 3, rows 2",
            "1 line numbers that repeat within a receipt: purchase_id 1, line_no 1, rows 2",
            "1 stores that receipts name and table stores does not have: store_id 8",
            "1 products that lines name and table products does not have: product_id 6",
            "1 receipts that lines name and table purchases does not have: purchase_id 99",
            "1 refunds of a receipt that is not there or not completed: purchase_id 2, refund_of 77",
            "2 receipts before 1990 or more than a day after now: purchase_id 3, purchased_at 1970-01-01T00:00:00Z; purchase_id 5, purchased_at 2026-06-11T00:01:00Z",
            "1 statuses that are not completed, voided or refund: status odd, receipts 1",
            "1 receipts without lines: purchase_id 4",
            "1 members that receipts name and table members does not have: member_id 9",
            "1 lines of negative quantity on completed receipts: purchase_id 1, product_id 5, quantity -1",
            "2 members without purchases: member_id 2; member_id 3",
            "2 currencies beside each other: currency SEK, stores 1; currency TWD, stores 1",
        ]
    );
    assert!(report.has_faults());
    let text = report.to_string();
    assert!(text.starts_with("members         4 rows\nstores          2 rows\n"), "{text}");
    assert!(text.contains("\n  1  products that lines name and table products does not have\n       product_id 6\n     → Add the products"), "{text}");
    assert!(text.ends_with("things: found 13, of which 8 can make answers wrong."), "{text}");
}

#[tokio::test]
async fn lines_that_disagree_about_their_receipt_are_found_and_a_sound_history_has_no_findings() {
    let folder = tempfile::tempdir().unwrap();
    let write_lines = |members: &[i64]| {
        write(
            &folder.path().join("lines.parquet"),
            vec![
                ("purchase_id", numbers(&[1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6])),
                ("member_id", numbers(members)),
                ("product_id", numbers(&[5; 12])),
                ("quantity", numbers(&[1; 12])),
                ("amount", numbers(&[1; 12])),
                ("purchased_at", instants(&["2026-06-01 12:00"; 12])),
            ],
        );
    };
    let config = Config::parse("[history.purchase_lines]\npath = \"lines.parquet\"", folder.path().to_owned()).unwrap();
    write_lines(&[1; 12]);
    let sound = report(&config).await;
    assert_eq!(sound.findings, []);
    assert!(sound.to_string().ends_with("found none of them."), "{sound}");
    write_lines(&[1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2]);
    let report = report(&config).await;
    let finding = report.findings.first().unwrap();
    assert_eq!((finding.count, finding.examples.len(), finding.examples[0].as_str()), (6, 5, "purchase_id 1"));
    assert!(report.to_string().contains("… and 1 more"), "{report}");
}

#[test]
fn a_report_is_read_from_what_matters_most_to_what_was_looked_for() {
    let finding = |count, subject: &str, examples: &[&str], next: &str, is_fault| Finding {
        subject: subject.to_owned(),
        count,
        examples: examples.iter().map(|example| (*example).to_owned()).collect(),
        next: next.to_owned(),
        is_fault,
    };
    let mut report = Report {
        tables: vec![("members".to_owned(), 55_044), ("purchase_lines".to_owned(), 1_234_567)],
        findings: vec![
            finding(1_209, "receipts without a time", &["purchase_id 7", "purchase_id 9"], "Look at the export.", true),
            finding(2, "members without purchases", &["member_id 1", "member_id 2"], "Nothing to do.", false),
        ],
        warnings: vec!["file \"b.parquet\" is left out until its Parquet footer is whole (3 bytes now)".to_owned()],
        probes: 26,
    };
    assert_eq!(
        report.to_string(),
        "\
members            55,044 rows
purchase_lines  1,234,567 rows

Can make answers wrong:
  1,209  receipts without a time
           purchase_id 7
           purchase_id 9
           … and 1,207 more
         → Look at the export.

Worth knowing:
      2  members without purchases
           member_id 1
           member_id 2
         → Nothing to do.

Said while the files were read:
  file \"b.parquet\" is left out until its Parquet footer is whole (3 bytes now)

Looked for 26 things: found 2, of which 1 can make answers wrong."
    );
    let other = report.findings.pop().unwrap();
    assert!(report.to_string().ends_with("Looked for 26 things: found 1, which can make answers wrong."));
    report.findings = vec![other];
    assert!(report.to_string().ends_with("Looked for 26 things: found 1, none of which makes answers wrong."));
    report.findings.clear();
    report.warnings.clear();
    assert!(report.to_string().ends_with(" rows\n\nLooked for 26 things: found none of them."), "{report}");
}

#[tokio::test]
async fn members_who_are_erased_are_not_missed() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let erased = arrow::array::TimestampMicrosecondArray::from(vec![None, Some(0)]).with_timezone("UTC");
    write(&at("members.parquet"), vec![("member_id", numbers(&[1, 2])), ("erased_at", Arc::new(erased))]);
    write(
        &at("purchases.parquet"),
        vec![
            ("purchase_id", numbers(&[1, 2, 3])),
            ("member_id", numbers(&[1, 2, 3])),
            ("store_id", numbers(&[1, 1, 1])),
            ("purchased_at", instants(&["2026-06-01 12:00"; 3])),
        ],
    );
    let report = report(&Config::of_folder(folder.path())).await;
    let found: Vec<_> = report.findings.iter().map(|finding| finding.examples.join("; ")).collect();
    assert_eq!(found, ["member_id 3"]);
}
