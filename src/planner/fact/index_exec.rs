//! `MemberIndexExec`: facts of members, added up from the member index.
//!
//! A partition is a range of members with its share of the receipts; it gives a batch for so many members at a time, so
//! that sums stay in the processor's cache and a statement that is given up ends soon. No row of a receipt leaves the
//! index.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, Date32Array, Decimal128Array, Int64Array, RecordBatch, RecordBatchOptions,
    StringViewArray,
};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, Statistics, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricBuilder, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties};
use futures::stream;
use regulars_index::{Tally, Use};

use crate::error::message;
use crate::history::index::Built;

/// What is asked of an index; shared by all partitions.
#[derive(Debug)]
pub struct Question {
    pub built: Arc<Built>,
    pub uses: Vec<Use>,
    /// The names of currencies, in the order of their numbers.
    pub currencies: Vec<String>,
}

/// A column of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexColumn {
    Member,
    /// Of the use at this place.
    Part(usize, Part),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Count,
    VisitDays,
    FirstDay,
    LastDay,
    Amount,
    Quantity,
    Least,
    Most,
}

/// Whose rows are given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// Every member in a range.
    Every(Range<u32>),
    /// Those in a range of whom there is something.
    Known(Range<u32>),
}

impl Asked {
    fn range(&self) -> &Range<u32> {
        match self {
            Self::Every(range) | Self::Known(range) => range,
        }
    }
}

/// Members in a batch.
const MEMBERS_AT_ONCE: u32 = 8192;

#[derive(Debug)]
pub struct MemberIndexExec {
    question: Arc<Question>,
    columns: Vec<IndexColumn>,
    schema: SchemaRef,
    asked: Asked,
    partitions: Vec<Range<u32>>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl MemberIndexExec {
    /// `schema`: a field for each column.
    pub fn new(
        question: Arc<Question>,
        columns: Vec<IndexColumn>,
        schema: SchemaRef,
        asked: Asked,
        partitions: usize,
    ) -> Self {
        let whole = asked.range().clone();
        let partitions: Vec<Range<u32>> = if whole.len() <= MEMBERS_AT_ONCE as usize {
            vec![whole]
        } else {
            let ranges = question.built.index.ranges(partitions).into_iter();
            ranges
                .map(|range| range.start.clamp(whole.start, whole.end)..range.end.clamp(whole.start, whole.end))
                .collect()
        };
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            Partitioning::UnknownPartitioning(partitions.len()),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self {
            question,
            columns,
            schema,
            asked,
            partitions,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }
}

impl DisplayAs for MemberIndexExec {
    fn fmt_as(&self, _type: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.schema.fields().iter().map(|field| field.name().as_str()).collect();
        write!(f, "MemberIndexExec: members={}, columns=[{}]", self.asked.range().len(), names.join(", "))
    }
}

impl ExecutionPlan for MemberIndexExec {
    fn name(&self) -> &str {
        "MemberIndexExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        if children.is_empty() { Ok(self) } else { internal_err!("the member index has no input") }
    }

    fn execute(&self, partition: usize, _context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let Some(range) = self.partitions.get(partition).cloned() else {
            return internal_err!("the member index has no partition {partition}");
        };
        let answering = Answering {
            question: Arc::clone(&self.question),
            columns: self.columns.clone(),
            schema: Arc::clone(&self.schema),
            only_known: matches!(self.asked, Asked::Known(_)),
            range,
            baseline: BaselineMetrics::new(&self.metrics, partition),
            receipts: MetricBuilder::new(&self.metrics).counter("receipts_read", partition),
        };
        let batches = stream::try_unfold(answering, |mut answering| async move {
            let batch = answering.next()?;
            // Between two batches others may have their turn.
            tokio::task::consume_budget().await;
            Ok(batch.map(|batch| (batch, answering)))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), batches)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn partition_statistics(&self, partition: Option<usize>) -> Result<Arc<Statistics>> {
        let rows = match partition {
            Some(partition) => self.partitions.get(partition).map_or(0, Range::len),
            None => self.asked.range().len(),
        };
        let rows = match self.asked {
            Asked::Every(_) => Precision::Exact(rows),
            Asked::Known(_) => Precision::Inexact(rows),
        };
        Ok(Arc::new(Statistics { num_rows: rows, ..Statistics::new_unknown(&self.schema) }))
    }
}

/// What a partition still has to give.
struct Answering {
    question: Arc<Question>,
    columns: Vec<IndexColumn>,
    schema: SchemaRef,
    only_known: bool,
    range: Range<u32>,
    baseline: BaselineMetrics,
    receipts: datafusion::physical_plan::metrics::Count,
}

impl Answering {
    fn next(&mut self) -> Result<Option<RecordBatch>> {
        let elapsed = self.baseline.elapsed_compute().clone();
        let _timer = elapsed.timer();
        while self.range.start < self.range.end {
            let end = self.range.start.saturating_add(MEMBERS_AT_ONCE).min(self.range.end);
            let members = self.range.start..end;
            self.range.start = end;
            let batch = self.answer(members)?;
            if batch.num_rows() > 0 {
                self.baseline.record_output(batch.num_rows());
                return Ok(Some(batch));
            }
        }
        Ok(None)
    }

    fn answer(&self, members: Range<u32>) -> Result<RecordBatch> {
        let index = &self.question.built.index;
        let is_asked =
            |at: usize| self.columns.iter().any(|column| matches!(column, IndexColumn::Part(of, _) if *of == at));
        let tallies: Vec<Tally> = self
            .question
            .uses
            .iter()
            .enumerate()
            .map(|(at, one)| {
                // What was only joined for the sake of another column is not added up.
                if !is_asked(at) {
                    return Tally::default();
                }
                let (tally, work) = index.tally(one, members.clone());
                self.receipts.add(work.receipts);
                tally
            })
            .collect();
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(self.columns.len());
        for (column, field) in self.columns.iter().zip(self.schema.fields()) {
            arrays.push(match column {
                IndexColumn::Member => index.member_ids().slice(members.start as usize, members.len()),
                IndexColumn::Part(at, part) => self.array(&tallies[*at], *part, field.data_type())?,
            });
        }
        let options = RecordBatchOptions::new().with_row_count(Some(members.len()));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)?;
        if !self.only_known {
            return Ok(batch);
        }
        let is_known = |row: usize| tallies.iter().any(|tally| is_known(tally, row));
        let known: BooleanArray = (0..members.len()).map(|row| Some(is_known(row))).collect();
        Ok(filter_record_batch(&batch, &known)?)
    }

    fn array(&self, tally: &Tally, part: Part, data_type: &DataType) -> Result<ArrayRef> {
        let days = |days: &[i32]| -> ArrayRef {
            Arc::new(days.iter().map(|day| (*day != Tally::NO_DAY).then_some(*day)).collect::<Date32Array>())
        };
        let numbers = |numbers: &[i64]| -> ArrayRef { Arc::new(Int64Array::from_iter_values(numbers.iter().copied())) };
        let currencies = |numbers: &[u16]| -> ArrayRef {
            let name = |number: &u16| self.question.currencies.get(usize::from(*number)).map(String::as_str);
            Arc::new(numbers.iter().map(name).collect::<StringViewArray>())
        };
        let sums = |sums: &[i128]| -> Result<ArrayRef> {
            match data_type {
                DataType::Decimal128(precision, scale) => {
                    let sums = Decimal128Array::from_iter_values(sums.iter().copied());
                    Ok(Arc::new(sums.with_precision_and_scale(*precision, *scale)?))
                }
                _ => {
                    let narrow = |sum: &i128| i64::try_from(*sum).map_err(|_| message::out_of_range("bigint"));
                    let sums = sums.iter().map(narrow).collect::<crate::error::Result<Vec<i64>>>()?;
                    Ok(Arc::new(Int64Array::from(sums)))
                }
            }
        };
        Ok(match part {
            Part::Count => numbers(&tally.count),
            Part::VisitDays => numbers(&tally.visit_days),
            Part::FirstDay => days(&tally.first_day),
            Part::LastDay => days(&tally.last_day),
            Part::Amount => sums(&tally.amount)?,
            Part::Quantity => sums(&tally.quantity)?,
            Part::Least => currencies(&tally.least),
            Part::Most => currencies(&tally.most),
        })
    }
}

/// Whether a member has anything of what was asked for.
fn is_known(tally: &Tally, row: usize) -> bool {
    let some = |numbers: &[i64]| numbers.get(row).is_some_and(|number| *number != 0);
    let sum = |sums: &[i128]| sums.get(row).is_some_and(|sum| *sum != 0);
    some(&tally.count)
        || some(&tally.visit_days)
        || tally.first_day.get(row).is_some_and(|day| *day != Tally::NO_DAY)
        || tally.last_day.get(row).is_some_and(|day| *day != Tally::NO_DAY)
        || sum(&tally.amount)
        || sum(&tally.quantity)
        || tally.most.get(row).is_some_and(|currency| *currency != Tally::NO_CURRENCY)
}
