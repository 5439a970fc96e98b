//! `regulars check`: what is readable in a history, but would surprise.
//!
//! Every probe is a plan whose rows are the surprising things; they are counted and the first few shown. What is
//! looked for stands in [`super::probes`]. Nothing is changed.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use arrow::util::display::array_value_to_string;
use chrono::{DateTime, Utc};
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, lit};

use super::History;
use super::clocks::ClockSource;
use super::engine::fault;
use super::mapped::{Mapped, column};
use super::probes::{Probe, Severity, probes};
use crate::error::Result;

/// Examples shown of each finding, at most.
pub const EXAMPLES_MAX: usize = 5;

/// From here on, a check takes long enough to tell its progress.
const ROWS_WORTH_TELLING: i64 = 2_000_000;

/// The mapped tables, for probes that look below the relations.
#[derive(Debug)]
pub(super) struct Checked {
    pub tables: BTreeMap<String, Mapped>,
    pub clocks: Arc<ClockSource>,
}

/// What a check found.
#[derive(Debug, Clone)]
pub struct Report {
    /// Each relation with its number of rows, in the order of the contract.
    pub tables: Vec<(String, i64)>,
    /// In the order in which they are worth looking at; only those that found something.
    pub findings: Vec<Finding>,
    /// What reading the files gave to say.
    pub warnings: Vec<String>,
    /// How many things were looked for.
    pub probes: usize,
}

/// One kind of surprising thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is, in the plural.
    pub subject: String,
    pub count: i64,
    /// The first ones, least first; at most [`EXAMPLES_MAX`].
    pub examples: Vec<String>,
    /// What to do about it.
    pub next: String,
    /// It makes answers wrong, as opposed to being worth knowing.
    pub is_fault: bool,
}

impl Report {
    /// Whether anything was found that makes answers wrong.
    pub fn has_faults(&self) -> bool {
        self.findings.iter().any(|finding| finding.is_fault)
    }
}

/// Looks through the whole history. `now` tells which dates are in the future.
///
/// # Errors
/// XX001, 58030 or 53200 when the files cannot be read to the end.
pub async fn check(history: &History, now: DateTime<Utc>) -> Result<Report> {
    let mut tables = Vec::new();
    for relation in history.relations() {
        let what = format!("table \"{}\"", relation.name);
        let plan = super::probes::scan(history, &relation.name).and_then(|scan| counted(scan.build()?));
        let rows = history.0.engine.rows(&plan.map_err(|error| fault(error, &what))?, &what).await?;
        tables.push((relation.name.clone(), number(&rows)));
    }
    let probes = probes(history, now).map_err(|error| fault(error, "history"))?;
    let mut report = Report { tables, findings: Vec::new(), warnings: Vec::new(), probes: probes.len() };
    let is_long = report.tables.iter().map(|(_, rows)| rows).sum::<i64>() >= ROWS_WORTH_TELLING;
    for (done, probe) in probes.iter().enumerate() {
        if is_long {
            tracing::info!("{} of {}: looking for {}", done + 1, probes.len(), probe.subject);
        }
        report.findings.extend(find(history, probe).await?);
    }
    report.findings.sort_by_key(|finding| !finding.is_fault);
    report.warnings = history.warnings();
    Ok(report)
}

async fn find(history: &History, probe: &Probe) -> Result<Option<Finding>> {
    let engine = &history.0.engine;
    let plan = counted(probe.plan.clone()).map_err(|error| fault(error, &probe.subject))?;
    let count = number(&engine.rows(&plan, &probe.subject).await?);
    if count == 0 {
        return Ok(None);
    }
    let first =
        probe.plan.schema().fields().iter().map(|field| column(field.name()).sort(true, false)).collect::<Vec<_>>();
    let plan = LogicalPlanBuilder::from(probe.plan.clone())
        .sort_with_limit(first, Some(EXAMPLES_MAX))
        .and_then(LogicalPlanBuilder::build)
        .map_err(|error| fault(error, &probe.subject))?;
    let examples = engine.rows(&plan, &probe.subject).await?.iter().flat_map(shown_rows).collect();
    Ok(Some(Finding {
        subject: probe.subject.clone(),
        count,
        examples,
        next: probe.next.to_owned(),
        is_fault: probe.severity == Severity::Fault,
    }))
}

fn counted(plan: LogicalPlan) -> datafusion::common::Result<LogicalPlan> {
    LogicalPlanBuilder::from(plan).aggregate(Vec::<Expr>::new(), vec![count(lit(1_i64)).alias("rows")])?.build()
}

fn number(batches: &[RecordBatch]) -> i64 {
    let rows = batches.iter().find(|batch| batch.num_rows() > 0);
    rows.map_or(0, |batch| batch.column(0).as_primitive::<Int64Type>().value(0))
}

/// Rows as `purchase_id 12, store_id gone`.
fn shown_rows(batch: &RecordBatch) -> Vec<String> {
    let schema = batch.schema();
    let cell = |at: usize, row: usize| {
        let value = array_value_to_string(batch.column(at), row).unwrap_or_default();
        let value = if value.is_empty() { "(none)".to_owned() } else { value };
        format!("{} {value}", schema.field(at).name())
    };
    (0..batch.num_rows())
        .map(|row| (0..batch.num_columns()).map(|at| cell(at, row)).collect::<Vec<_>>().join(", "))
        .collect()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name_width = self.tables.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        let row_width = self.tables.iter().map(|(_, rows)| grouped(*rows).len()).max().unwrap_or(0);
        for (name, rows) in &self.tables {
            writeln!(f, "{name:name_width$}  {:>row_width$} rows", grouped(*rows))?;
        }
        let count_width = self.findings.iter().map(|finding| grouped(finding.count).len()).max().unwrap_or(0);
        for (title, faults) in [("Can make answers wrong", true), ("Worth knowing", false)] {
            let mut findings = self.findings.iter().filter(|finding| finding.is_fault == faults).peekable();
            if findings.peek().is_some() {
                writeln!(f, "\n{title}:")?;
            }
            findings.try_for_each(|finding| finding.write(f, count_width))?;
        }
        if !self.warnings.is_empty() {
            writeln!(f, "\nSaid while the files were read:")?;
        }
        for warning in &self.warnings {
            writeln!(f, "  {warning}")?;
        }
        let faults = self.findings.iter().filter(|finding| finding.is_fault).count();
        let others = self.findings.len() - faults;
        write!(f, "\nLooked for {} things: ", self.probes)?;
        match (faults, others) {
            (0, 0) => write!(f, "found none of them."),
            (faults, 0) => write!(f, "found {faults}, which can make answers wrong."),
            (0, others) => write!(f, "found {others}, none of which makes answers wrong."),
            (faults, others) => write!(f, "found {}, of which {faults} can make answers wrong.", faults + others),
        }
    }
}

impl Finding {
    /// The count, what it is, the examples below it, and what to do.
    fn write(&self, f: &mut fmt::Formatter<'_>, count_width: usize) -> fmt::Result {
        writeln!(f, "  {:>count_width$}  {}", grouped(self.count), self.subject)?;
        let indent = count_width + 6;
        for example in &self.examples {
            writeln!(f, "{:indent$}{example}", "")?;
        }
        let left = self.count - i64::try_from(self.examples.len()).unwrap_or(0);
        if left > 0 {
            writeln!(f, "{:indent$}… and {} more", "", grouped(left))?;
        }
        writeln!(f, "{:1$}→ {2}", "", count_width + 4, self.next)
    }
}

/// `1234567` as `1,234,567`.
fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if number < 0 { format!("-{text}") } else { text }
}
