//! `MemberIndexExec`: facts of members, added up from the member index.
//!
//! A partition is a range of members with its share of the receipts; it gives a batch for so many members at a time, so
//! that sums stay in the processor's cache and a statement that is given up ends soon. No row of a receipt leaves the
//! index.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Int16Array, Int64Array, RecordBatch, RecordBatchOptions,
    StringViewArray, new_empty_array,
};
use arrow::compute::FilterBuilder;
use arrow::datatypes::{DataType, Date32Type, Decimal128Type, DecimalType, Schema, SchemaRef};
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, ScalarValue, Statistics, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricBuilder, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties};
use futures::stream;
use regulars_index::{Comparison, Condition, Part, Scores, Tally, Use, Work};

use crate::error::message;
use crate::history::index::Built;

/// What is asked of an index; shared by all partitions.
#[derive(Debug)]
pub struct Question {
    pub built: Arc<Built>,
    pub uses: Vec<Use>,
    /// The names of currencies, in the order of their numbers.
    pub currencies: Vec<String>,
    /// What was found out of all members for the sake of scores, by use and what they are scored by.
    pub scores: Vec<(usize, Part, OnceLock<Scores>)>,
}

/// A column of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexColumn {
    Member,
    /// Of the use at this place.
    Part(usize, Part),
    /// From 1 to 5, by a part of the use at this place.
    Score(usize, Part),
}

impl Question {
    /// The members from 0 to before `members` that have this identifier: one or none.
    pub fn range_of(&self, id: &ScalarValue, members: u32) -> Range<u32> {
        let index = &self.built.index;
        let number = match id {
            ScalarValue::Int64(Some(id)) => index.member_of_number(*id),
            other => other.try_as_str().flatten().and_then(|id| index.member_of_text(id)),
        };
        match number.filter(|number| *number < members) {
            Some(number) => number..number + 1,
            None => 0..0,
        }
    }
}

impl Question {
    /// The scores by a part of a use; of all members, so that they are found out once.
    fn scores(&self, at: usize, by: Part) -> Result<&Scores> {
        match self.scores.iter().find(|(of, part, _)| (*of, *part) == (at, by)) {
            Some((_, _, scores)) => Ok(scores.get_or_init(|| self.built.index.scores(&self.uses[at], by))),
            None => internal_err!("there are no scores of this"),
        }
    }

    /// The same for what these expressions, which have no columns, give now.
    fn range_of_all(&self, ids: &[Arc<dyn PhysicalExpr>], members: u32) -> Result<Range<u32>> {
        let options = RecordBatchOptions::new().with_row_count(Some(1));
        let row = RecordBatch::try_new_with_options(Arc::new(Schema::empty()), Vec::new(), &options)?;
        let mut range = 0..members;
        for id in ids {
            let one = match id.evaluate(&row)? {
                ColumnarValue::Scalar(id) => self.range_of(&id, members),
                ColumnarValue::Array(ids) => self.range_of(&ScalarValue::try_from_array(&ids, 0)?, members),
            };
            range = range.start.max(one.start)..range.end.min(one.end);
        }
        Ok(range)
    }
}

/// Whose rows are given.
#[derive(Debug, Clone)]
pub struct Asked {
    pub members: Members,
    /// Only those of whom there is something.
    pub only_bought: bool,
    /// Only those that the relation of members has.
    pub only_known: bool,
}

#[derive(Debug, Clone)]
pub enum Members {
    All(Range<u32>),
    /// The one that has all these identifiers, if it is among the first so many; expressions without columns, whose
    /// values come when the plan runs.
    OneOf {
        ids: Vec<Arc<dyn PhysicalExpr>>,
        members: u32,
    },
}

impl Members {
    /// How many there are at most.
    fn count(&self) -> usize {
        match self {
            Self::All(range) => range.len(),
            Self::OneOf { .. } => 1,
        }
    }
}

/// Members in a batch: so many that a month has enough receipts of them to be worth looking for, so few that their sums
/// stay near the processor.
const MEMBERS_AT_ONCE: u32 = 32_768;

#[derive(Debug)]
pub struct MemberIndexExec {
    asks: Arc<Asks>,
    partitions: Vec<Range<u32>>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

/// What all partitions answer.
#[derive(Debug)]
pub struct Asks {
    question: Arc<Question>,
    columns: Vec<IndexColumn>,
    schema: SchemaRef,
    asked: Asked,
    /// Only rows of which it holds are given.
    condition: Option<Condition>,
}

impl MemberIndexExec {
    /// `schema`: a field for each column.
    pub fn new(
        question: Arc<Question>,
        columns: Vec<IndexColumn>,
        schema: SchemaRef,
        asked: Asked,
        condition: Option<Condition>,
        partitions: usize,
    ) -> Self {
        let partitions: Vec<Range<u32>> = match &asked.members {
            // Found out when it runs.
            Members::OneOf { .. } => vec![Range::default()],
            Members::All(whole) if whole.len() <= MEMBERS_AT_ONCE as usize => vec![whole.clone()],
            Members::All(whole) => {
                let ranges = question.built.index.ranges(partitions).into_iter();
                ranges
                    .map(|range| range.start.clamp(whole.start, whole.end)..range.end.clamp(whole.start, whole.end))
                    .collect()
            }
        };
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            Partitioning::UnknownPartitioning(partitions.len()),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self {
            asks: Arc::new(Asks { question, columns, schema, asked, condition }),
            partitions,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }
}

impl MemberIndexExec {
    /// Whether a plan reads the index anywhere.
    pub fn is_in(plan: &Arc<dyn ExecutionPlan>) -> bool {
        plan.downcast_ref::<Self>().is_some() || plan.children().into_iter().any(Self::is_in)
    }

    /// Whether it looks at one member at most.
    pub fn reads_one_member(&self) -> bool {
        self.asks.asked.members.count() <= 1
    }

    /// What gives all rows where they are asked for; `None` if they are more than one batch.
    pub fn in_one_batch(&self) -> Option<Arc<Asks>> {
        (self.asks.asked.members.count() <= MEMBERS_AT_ONCE as usize).then(|| Arc::clone(&self.asks))
    }

    /// A condition in the names of its parts.
    fn told(&self, condition: &Condition) -> String {
        let all = |of: &[Condition], word: &str| of.iter().map(|one| self.told(one)).collect::<Vec<_>>().join(word);
        match condition {
            Condition::All(of) => all(of, " AND "),
            Condition::Any(of) => format!("({})", all(of, " OR ")),
            Condition::Compare { of, part, is, to } => {
                let scale = if *part == Part::Amount { self.asks.question.built.index.amount_scale() } else { 0 };
                let to = match part {
                    Part::FirstDay | Part::LastDay => {
                        let day = i32::try_from(*to).ok().and_then(Date32Type::to_naive_date_opt);
                        day.map_or_else(|| to.to_string(), |day| day.to_string())
                    }
                    _ => Decimal128Type::format_decimal(*to, 38, scale),
                };
                format!("{}_{of} {} {to}", part_word(*part), comparison_word(*is))
            }
            Condition::IsKnown { of, part, known } => {
                format!("{}_{of} IS {}NULL", part_word(*part), if *known { "NOT " } else { "" })
            }
        }
    }
}

fn part_word(part: Part) -> &'static str {
    match part {
        Part::Count => "purchase_count",
        Part::VisitDays => "visit_days",
        Part::FirstDay => "first_purchase",
        Part::LastDay => "last_purchase",
        Part::Amount => "amount_spent",
        Part::Quantity => "quantity_bought",
        Part::Least => "least_currency",
        Part::Most => "most_currency",
    }
}

fn comparison_word(is: Comparison) -> &'static str {
    match is {
        Comparison::Equal => "=",
        Comparison::NotEqual => "<>",
        Comparison::Less => "<",
        Comparison::LessOrEqual => "<=",
        Comparison::Greater => ">",
        Comparison::GreaterOrEqual => ">=",
    }
}

impl DisplayAs for MemberIndexExec {
    fn fmt_as(&self, _type: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.asks.schema.fields().iter().map(|field| field.name().as_str()).collect();
        write!(f, "MemberIndexExec: members={}, columns=[{}]", self.asks.asked.members.count(), names.join(", "))?;
        match &self.asks.condition {
            Some(condition) => write!(f, ", where={}", self.told(condition)),
            None => Ok(()),
        }
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
        let range = match &self.asks.asked.members {
            Members::All(_) => range,
            Members::OneOf { ids, members } => self.asks.question.range_of_all(ids, *members)?,
        };
        let answering = Answering {
            asks: Arc::clone(&self.asks),
            range,
            baseline: BaselineMetrics::new(&self.metrics, partition),
            receipts: MetricBuilder::new(&self.metrics).counter("receipts_read", partition),
            bytes: MetricBuilder::new(&self.metrics).counter("bytes_read", partition),
        };
        let batches = stream::try_unfold(answering, |mut answering| async move {
            let batch = answering.next()?;
            // Between two batches others may have their turn.
            tokio::task::consume_budget().await;
            Ok(batch.map(|batch| (batch, answering)))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.asks.schema), batches)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn partition_statistics(&self, partition: Option<usize>) -> Result<Arc<Statistics>> {
        let Asks { asked, condition, schema, .. } = self.asks.as_ref();
        let is_exact =
            matches!(asked.members, Members::All(_)) && !asked.only_bought && !asked.only_known && condition.is_none();
        let rows = match (&asked.members, partition) {
            (Members::All(_), Some(partition)) => self.partitions.get(partition).map_or(0, Range::len),
            (members, _) => members.count(),
        };
        let rows = if is_exact { Precision::Exact(rows) } else { Precision::Inexact(rows) };
        Ok(Arc::new(Statistics { num_rows: rows, ..Statistics::new_unknown(schema) }))
    }
}

/// What a partition still has to give.
struct Answering {
    asks: Arc<Asks>,
    range: Range<u32>,
    baseline: BaselineMetrics,
    receipts: datafusion::physical_plan::metrics::Count,
    bytes: datafusion::physical_plan::metrics::Count,
}

impl Answering {
    fn next(&mut self) -> Result<Option<RecordBatch>> {
        let elapsed = self.baseline.elapsed_compute().clone();
        let _timer = elapsed.timer();
        while self.range.start < self.range.end {
            let end = self.range.start.saturating_add(MEMBERS_AT_ONCE).min(self.range.end);
            let members = self.range.start..end;
            self.range.start = end;
            let (batch, work) = self.asks.answer(members)?;
            self.receipts.add(work.receipts);
            self.bytes.add(work.bytes);
            if batch.num_rows() > 0 {
                self.baseline.record_output(batch.num_rows());
                return Ok(Some(batch));
            }
        }
        Ok(None)
    }
}

impl Asks {
    /// All rows. Nothing is measured.
    pub fn rows(&self) -> Result<RecordBatch> {
        let range = match &self.asked.members {
            Members::All(range) => range.clone(),
            Members::OneOf { ids, members } => self.question.range_of_all(ids, *members)?,
        };
        self.answer(range).map(|(batch, _)| batch)
    }

    /// The rows of some members, and how much was looked at for them.
    fn answer(&self, members: Range<u32>) -> Result<(RecordBatch, Work)> {
        let mut looked_at = Work::default();
        let index = &self.question.built.index;
        let conditions = self.condition.as_ref().map(Condition::uses).unwrap_or_default();
        let is_asked = |at: usize| {
            self.asked.only_bought
                || conditions.contains(&at)
                || self.columns.iter().any(|column| match column {
                    IndexColumn::Part(of, _) | IndexColumn::Score(of, _) => *of == at,
                    IndexColumn::Member => false,
                })
        };
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
                looked_at.receipts += work.receipts;
                looked_at.bytes += work.bytes;
                tally
            })
            .collect();
        let mut rows = self.condition.as_ref().map(|condition| condition.holds(&tallies, members.len()));
        let mut keep = |is_one: &dyn Fn(usize) -> bool| {
            let rows = rows.get_or_insert_with(|| vec![true; members.len()]);
            rows.iter_mut().enumerate().for_each(|(row, keep)| *keep &= is_one(row));
        };
        if self.asked.only_bought {
            keep(&|row| tallies.iter().any(|tally| has_any(tally, row)));
        }
        if self.asked.only_known {
            keep(&|row| index.is_known(members.start + row as u32));
        }
        let count = rows.as_ref().map_or(members.len(), |rows| rows.iter().filter(|row| **row).count());
        let options = RecordBatchOptions::new().with_row_count(Some(count));
        if self.columns.is_empty() || count == 0 {
            let none = self.schema.fields().iter().map(|field| new_empty_array(field.data_type())).collect();
            let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), none, &options)?;
            return Ok((batch, looked_at));
        }
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(self.columns.len());
        for (column, field) in self.columns.iter().zip(self.schema.fields()) {
            arrays.push(match column {
                IndexColumn::Member => index.member_ids().slice(members.start as usize, members.len()),
                IndexColumn::Part(at, part) => self.array(&tallies[*at], *part, field.data_type())?,
                IndexColumn::Score(at, by) => {
                    let scored = index.scored(self.question.scores(*at, *by)?, &tallies[*at], members.start);
                    Arc::new(Int16Array::from(scored))
                }
            });
        }
        if let Some(rows) = rows.filter(|_| count < members.len()) {
            let rows = FilterBuilder::new(&BooleanArray::from(rows)).optimize().build();
            arrays = arrays.iter().map(|array| rows.filter(array)).collect::<Result<_, _>>()?;
        }
        Ok((RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)?, looked_at))
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
fn has_any(tally: &Tally, row: usize) -> bool {
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
