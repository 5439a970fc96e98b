//! Questions about a segment or an audience: table functions of the schema `regulars`, such as `regulars.segment_size('lunch')`.
//!
//! How it works: [`QuestionPlanner`] makes a [`Question`] node of the call, whose arguments may be parameters. When they are bound,
//! [`lower`] turns the node into a scan of a relation that is computed when it is read: the question plans the segment
//! (and variations of it) with the same planner, against the same snapshot and files, and runs it.
//!
//! A segment is named, or given as the text of a query that is not saved yet. Its members are the distinct values of its
//! first column. Each question is a file; what they share is in [`segment`] and [`shape`].
//!
//! Not here: what a segment means (`planner::fact` and the planner itself).

mod changes;
mod delivered;
mod evidence;
mod history;
mod interval;
mod lint;
mod membership;
mod overlap;
mod segment;
mod shape;
mod size;
mod steps;
mod why;

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::catalog::streaming::StreamingTable;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, DFSchemaRef, Result as EngineResult};
use datafusion::datasource::provider_as_source;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::planner::{PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning};
use datafusion::logical_expr::{
    Expr, Extension, LogicalPlan, LogicalPlanBuilder, SubqueryAlias, UserDefinedLogicalNodeCore,
};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use datafusion::scalar::ScalarValue;
use datafusion::sql::sqlparser::ast::{FunctionArg, FunctionArgExpr, TableFactor};
use futures::stream;
use sha2::{Digest, Sha256};

pub use self::lint::{Finding, lint, may_repeat_members};
use super::Planner;
use crate::error::{Error, Result, message};
use crate::history::History;
use crate::planner::fact::Types;
use crate::sql::argument::named;

/// The schema of the questions.
const SCHEMA: &str = "regulars";

/// What may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    SegmentSize,
    SegmentSteps,
    Why,
    SegmentHistory,
    SegmentOverlap,
    SegmentsOf,
    SegmentLint,
    AudienceMembers,
    AudienceChanges,
    DeliveryMembers,
    Lift,
}

/// A parameter's name, and whether it may be left out.
type Parameter = (&'static str, bool);

impl Kind {
    pub const ALL: [Kind; 11] = [
        Kind::SegmentSize,
        Kind::SegmentSteps,
        Kind::Why,
        Kind::SegmentHistory,
        Kind::SegmentOverlap,
        Kind::SegmentsOf,
        Kind::SegmentLint,
        Kind::AudienceMembers,
        Kind::AudienceChanges,
        Kind::DeliveryMembers,
        Kind::Lift,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Kind::SegmentSize => "segment_size",
            Kind::SegmentSteps => "segment_steps",
            Kind::Why => "why",
            Kind::SegmentHistory => "segment_history",
            Kind::SegmentOverlap => "segment_overlap",
            Kind::SegmentsOf => "segments_of",
            Kind::SegmentLint => "segment_lint",
            Kind::AudienceMembers => "audience_members",
            Kind::AudienceChanges => "audience_changes",
            Kind::DeliveryMembers => "delivery_members",
            Kind::Lift => "lift",
        }
    }

    fn parameters(self) -> &'static [Parameter] {
        match self {
            Kind::SegmentSize | Kind::SegmentSteps | Kind::SegmentLint => &[("segment", false)],
            Kind::Why => &[("segment", false), ("member_id", false)],
            Kind::SegmentHistory => &[("segment", false), ("from_date", false), ("to_date", false), ("step", true)],
            // Any number of segments.
            Kind::SegmentOverlap => &[],
            Kind::SegmentsOf => &[("member_id", false)],
            Kind::AudienceMembers => &[("audience", false), ("run", true)],
            Kind::AudienceChanges => &[("audience", false), ("from_run", true), ("to_run", true)],
            Kind::DeliveryMembers => &[("audience", false), ("run", true), ("channel", true)],
            Kind::Lift => &[("audience", false), ("run", true), ("days", true), ("channel", true), ("currency", true)],
        }
    }

    /// How it is called, for messages and for `regulars.functions`.
    pub fn signature(self) -> &'static str {
        match self {
            Kind::SegmentSize => "regulars.segment_size(segment)",
            Kind::SegmentSteps => "regulars.segment_steps(segment)",
            Kind::Why => "regulars.why(segment, member_id)",
            Kind::SegmentHistory => "regulars.segment_history(segment, from_date, to_date [, step])",
            Kind::SegmentOverlap => "regulars.segment_overlap(segment, segment, …)",
            Kind::SegmentsOf => "regulars.segments_of(member_id)",
            Kind::SegmentLint => "regulars.segment_lint(segment)",
            Kind::AudienceMembers => "regulars.audience_members(audience [, run])",
            Kind::AudienceChanges => "regulars.audience_changes(audience [, from_run, to_run])",
            Kind::DeliveryMembers => "regulars.delivery_members(audience [, run] [, channel => …])",
            Kind::Lift => "regulars.lift(audience [, run] [, days => 14] [, channel => …] [, currency => …])",
        }
    }

    /// What it answers, in one line.
    pub fn description(self) -> &'static str {
        match self {
            Kind::SegmentSize => "How many members a segment has, out of how many",
            Kind::SegmentSteps => "How many members are left after each condition, in the order written",
            Kind::Why => "Each condition true or false for one member, the receipts that decided, and the miss",
            Kind::SegmentHistory => {
                "The size of a segment on past days, and what time alone will change in days to come"
            }
            Kind::SegmentOverlap => "How many members each pair of segments shares",
            Kind::SegmentsOf => "Every segment and audience that a member is in",
            Kind::AudienceMembers => "The members of an audience as an earlier run found them",
            Kind::AudienceChanges => "Who entered and left an audience from one run to another, and why",
            Kind::DeliveryMembers => "Who got an audience when it was delivered, and who was held out",
            Kind::Lift => "What recipients bought since beside those who were held out, with 95 % confidence intervals",
            Kind::SegmentLint => "What in a segment is likely to be a trap, and what to write instead",
        }
    }

    pub fn example(self) -> &'static str {
        match self {
            Kind::SegmentSize => "SELECT * FROM regulars.segment_size('lunch_coffee')",
            Kind::SegmentSteps => "SELECT * FROM regulars.segment_steps('lunch_coffee')",
            Kind::Why => "SELECT * FROM regulars.why('lunch_coffee', 4711)",
            Kind::SegmentHistory => {
                "SELECT * FROM regulars.segment_history('lunch_coffee', asof() - 28, asof() + 28, '7 days')"
            }
            Kind::SegmentOverlap => "SELECT * FROM regulars.segment_overlap('lunch_coffee', 'good_regulars')",
            Kind::SegmentsOf => "SELECT * FROM regulars.segments_of(4711)",
            Kind::SegmentLint => "SELECT * FROM regulars.segment_lint('lunch_coffee')",
            Kind::AudienceMembers => "SELECT * FROM regulars.audience_members('gold_regulars', 3)",
            Kind::AudienceChanges => {
                "SELECT change, cause, count(*) FROM regulars.audience_changes('gold_regulars') GROUP BY 1, 2"
            }
            Kind::DeliveryMembers => "SELECT * FROM regulars.delivery_members('gold_regulars', 3)",
            Kind::Lift => "SELECT * FROM regulars.lift('gold_regulars', 3, days => 14)",
        }
    }

    /// The columns of the answer; `member` is the type of the history's members.
    fn columns(self, member: impl FnOnce() -> DataType) -> Vec<Field> {
        let field = |name: &str, data_type: DataType| Field::new(name, data_type, true);
        let text = |name: &str| field(name, DataType::Utf8View);
        let count = |name: &str| field(name, DataType::Int64);
        let share = |name: &str| field(name, size::SHARE);
        match self {
            Kind::SegmentSize => vec![count("members"), count("universe"), share("share")],
            Kind::SegmentSteps => {
                vec![field("step", DataType::Int32), text("condition"), count("members"), count("dropped")]
            }
            Kind::Why => vec![
                text("step"),
                text("condition"),
                field("holds", DataType::Boolean),
                text("value"),
                field("receipts", DataType::new_list(DataType::Utf8View, true)),
                text("miss"),
            ],
            Kind::SegmentHistory => {
                vec![field("as_of", DataType::Date32), count("members"), field("is_forecast", DataType::Boolean)]
            }
            Kind::SegmentOverlap => vec![
                text("segment"),
                text("other"),
                count("members"),
                count("other_members"),
                count("shared"),
                share("share_of_segment"),
                share("share_of_other"),
            ],
            Kind::SegmentsOf => vec![text("schema"), text("segment"), text("kind")],
            Kind::SegmentLint => vec![text("rule"), text("place"), text("finding"), text("advice")],
            Kind::AudienceMembers => vec![field("member_id", member())],
            Kind::AudienceChanges => vec![field("member_id", member()), text("change"), text("cause")],
            Kind::DeliveryMembers => vec![
                field("member_id", member()),
                field("batch", DataType::Int32),
                field("is_held_out", DataType::Boolean),
                field("sent_at", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))),
            ],
            Kind::Lift => {
                let number = |name: &str| field(name, DataType::Float64);
                vec![
                    text("measure"),
                    count("recipients"),
                    count("held_out"),
                    number("recipients_mean"),
                    number("held_out_mean"),
                    number("difference"),
                    number("low"),
                    number("high"),
                ]
            }
        }
    }
}

/// A call of a question in a plan, until its parameters are bound.
#[derive(Debug, Clone)]
struct Question {
    kind: Kind,
    args: Vec<Expr>,
    schema: DFSchemaRef,
}

impl PartialEq for Question {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind && self.args == other.args
    }
}

impl Eq for Question {}

impl Hash for Question {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.kind.hash(state);
        self.args.hash(state);
    }
}

/// Plans are compared, never ordered.
impl PartialOrd for Question {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self == other).then_some(Ordering::Equal)
    }
}

impl UserDefinedLogicalNodeCore for Question {
    fn name(&self) -> &str {
        "Question"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        Vec::new()
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        self.args.clone()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Question: {}", self.kind.name())
    }

    fn with_exprs_and_inputs(&self, args: Vec<Expr>, _inputs: Vec<LogicalPlan>) -> EngineResult<Self> {
        Ok(Self { args, ..self.clone() })
    }
}

/// Plans the calls of questions in a FROM clause.
#[derive(Debug)]
pub struct QuestionPlanner {
    pub history: Arc<History>,
}

impl RelationPlanner for QuestionPlanner {
    fn plan_relation(
        &self,
        relation: TableFactor,
        context: &mut dyn RelationPlannerContext,
    ) -> EngineResult<RelationPlanning> {
        let TableFactor::Table { name, args: Some(args), alias, .. } = &relation else {
            return Ok(RelationPlanning::Original(Box::new(relation)));
        };
        let reference = context.object_name_to_table_reference(name.clone())?;
        let kind = Kind::ALL.into_iter().find(|kind| kind.name() == reference.table());
        let Some(kind) = kind.filter(|_| reference.schema() == Some(SCHEMA)) else {
            if reference.schema() == Some(SCHEMA) {
                return Err(message::question_unknown(reference.table(), Kind::ALL.map(Kind::name)).into());
            }
            return Ok(RelationPlanning::Original(Box::new(relation)));
        };
        let mut given: Vec<(Option<String>, Expr)> = Vec::new();
        for arg in &args.args {
            let (name, expr) = match (arg, named(arg)) {
                (_, Some((name, expr))) => (Some(name), expr),
                (FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)), None) => (None, expr),
                _ => return Err(message::question_arguments(kind.signature()).into()),
            };
            given.push((name, context.sql_to_expr(expr.clone(), &DFSchema::empty())?));
        }
        let args = in_order(kind, given)?;
        let schema = Schema::new(kind.columns(|| Types::of(&self.history).member));
        let node = Question { kind, args, schema: Arc::new(DFSchema::try_from(schema)?) };
        let plan = LogicalPlan::Extension(Extension { node: Arc::new(node) });
        let plan = LogicalPlan::SubqueryAlias(SubqueryAlias::try_new(Arc::new(plan), kind.name())?);
        Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(plan, alias.clone()))))
    }
}

/// The arguments in the order of the parameters; one that is left out is a NULL at the end.
fn in_order(kind: Kind, given: Vec<(Option<String>, Expr)>) -> Result<Vec<Expr>> {
    let refused = || message::question_arguments(kind.signature());
    if kind == Kind::SegmentOverlap {
        if given.len() < 2 || given.iter().any(|(name, _)| name.is_some()) {
            return Err(refused());
        }
        return Ok(given.into_iter().map(|(_, expr)| expr).collect());
    }
    let parameters = kind.parameters();
    let mut args: Vec<Option<Expr>> = vec![None; parameters.len()];
    for (at, (name, expr)) in given.into_iter().enumerate() {
        let at = match &name {
            None => at,
            Some(name) => parameters.iter().position(|(known, _)| known == name).ok_or_else(refused)?,
        };
        match args.get_mut(at) {
            Some(slot @ None) => *slot = Some(expr),
            _ => return Err(refused()),
        }
    }
    let args = args.into_iter().zip(parameters).map(|(arg, (_, is_optional))| match arg {
        Some(arg) => Ok(arg),
        None if *is_optional => Ok(Expr::Literal(ScalarValue::Null, None)),
        None => Err(refused()),
    });
    args.collect()
}

/// Turns the questions in a plan whose parameters are bound into relations.
///
/// Errors: 42P10 for an argument that is no constant of the statement.
pub fn lower(plan: LogicalPlan, planner: &Planner) -> Result<LogicalPlan> {
    let lowered = plan.transform_up_with_subqueries(|plan| {
        let LogicalPlan::Extension(extension) = &plan else { return Ok(Transformed::no(plan)) };
        let Some(question) = extension.node.as_any().downcast_ref::<Question>() else {
            return Ok(Transformed::no(plan));
        };
        let args = question
            .args
            .iter()
            .map(|arg| planner.constant(arg)?.ok_or_else(|| message::question_not_constant(question.kind.signature())))
            .collect::<Result<Vec<_>>>()?;
        let schema = Arc::clone(question.schema.inner());
        if question.kind == Kind::AudienceMembers {
            let name = text(question.kind, args.first().unwrap_or(&ScalarValue::Null))?;
            let audience = changes::Audience::of(planner, &name)?;
            let run = args.get(1).unwrap_or(&ScalarValue::Null);
            return Ok(Transformed::yes(audience.members(run, schema.field(0).data_type())?));
        }
        if question.kind == Kind::DeliveryMembers {
            let [name, run, channel] = [0, 1, 2].map(|at| args.get(at).unwrap_or(&ScalarValue::Null));
            let delivered = delivered::Delivered::of(planner, &text(question.kind, name)?, run, channel)?;
            return Ok(Transformed::yes(delivered.members(planner, &schema)?));
        }
        if question.kind == Kind::Lift {
            let [name, run, days, channel] = [0, 1, 2, 3].map(|at| args.get(at).unwrap_or(&ScalarValue::Null));
            delivered::announce(planner, &text(question.kind, name)?, [run, days, channel])?;
        }
        let asked = Asked { kind: question.kind, args, planner: planner.clone(), schema: Arc::clone(&schema) };
        let table = StreamingTable::try_new(schema, vec![Arc::new(asked)])?;
        let scan = LogicalPlanBuilder::scan(question.kind.name(), provider_as_source(Arc::new(table)), None)?;
        // Under the plain names that the node had.
        let names = question.schema.fields().iter().map(|field| {
            let column = datafusion::common::Column::new(Some(question.kind.name()), field.name());
            Expr::Column(column).alias(field.name())
        });
        Ok(Transformed::yes(scan.project(names.collect::<Vec<_>>())?.build()?))
    })?;
    Ok(lowered.data)
}

/// A question with its arguments, to be answered when it is read.
struct Asked {
    kind: Kind,
    args: Vec<ScalarValue>,
    planner: Planner,
    schema: SchemaRef,
}

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asked").field("kind", &self.kind).field("args", &self.args).finish_non_exhaustive()
    }
}

impl PartitionStream for Asked {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (kind, args, planner) = (self.kind, self.args.clone(), self.planner.clone());
        let schema = Arc::clone(&self.schema);
        let answer = async move { answer(kind, &args, &planner, schema).await.map_err(Into::into) };
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), stream::once(answer)))
    }
}

async fn answer(kind: Kind, args: &[ScalarValue], planner: &Planner, schema: SchemaRef) -> Result<RecordBatch> {
    let arg = |at: usize| args.get(at).unwrap_or(&ScalarValue::Null);
    let segment = |at: usize| segment::Segment::of(planner, &text(kind, arg(at))?);
    match kind {
        Kind::SegmentSize => size::answer(planner, &segment(0)?, schema).await,
        Kind::SegmentSteps => steps::answer(planner, &segment(0)?, schema).await,
        Kind::Why => why::answer(planner, &segment(0)?, arg(1), schema).await,
        Kind::SegmentHistory => history::answer(planner, &segment(0)?, [arg(1), arg(2), arg(3)], schema).await,
        Kind::SegmentOverlap => {
            let segments = (0..args.len()).map(segment).collect::<Result<Vec<_>>>()?;
            overlap::answer(planner, &segments, schema).await
        }
        Kind::SegmentsOf => membership::answer(planner, arg(0), schema).await,
        Kind::SegmentLint => lint::answer(planner, &segment(0)?, schema).await,
        Kind::AudienceMembers | Kind::DeliveryMembers => {
            Err(message::internal("the members of an audience are a plan of their own"))
        }
        Kind::Lift => {
            let audience = text(kind, arg(0))?;
            Box::pin(delivered::lift(planner, &audience, [arg(1), arg(2), arg(3), arg(4)], schema)).await
        }
        Kind::AudienceChanges => {
            let audience = changes::Audience::of(planner, &text(kind, arg(0))?)?;
            changes::answer(planner, &audience, [arg(1), arg(2)], schema).await
        }
    }
}

fn text(kind: Kind, value: &ScalarValue) -> Result<String> {
    let text = value.try_as_str().flatten().ok_or_else(|| message::question_arguments(kind.signature()))?;
    Ok(text.to_owned())
}

/// SHA-256 in hexadecimal: what tells one definition from another.
pub fn hash(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Rows of an answer, column by column.
fn batch(schema: SchemaRef, columns: Vec<arrow::array::ArrayRef>) -> Result<RecordBatch> {
    RecordBatch::try_new(schema, columns).map_err(Error::from)
}
