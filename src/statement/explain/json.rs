//! A plan in the shape of PostgreSQL's `EXPLAIN (FORMAT JSON)`, for the tools that draw it.
//!
//! What the engine does not reckon, such as costs, is left out rather than made up: PostgreSQL leaves it out too when it is
//! asked to. Of what was measured, rows and loops have PostgreSQL's names; a node's own share of the processors has not
//! its meaning of time, and so has a name of its own.

use std::sync::Arc;
use std::time::Duration;

use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::display::DisplayableExecutionPlan;
use serde::Serialize;

use crate::error::{Result, message};

/// How long planning and running took; `None` when the plan was not run.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    pub planning: Duration,
    pub execution: Duration,
}

#[derive(Debug, Serialize)]
struct Explained {
    #[serde(rename = "Plan")]
    plan: Node,
    #[serde(rename = "Planning Time", skip_serializing_if = "Option::is_none")]
    planning_ms: Option<f64>,
    #[serde(rename = "Triggers", skip_serializing_if = "Option::is_none")]
    triggers: Option<[(); 0]>,
    #[serde(rename = "Execution Time", skip_serializing_if = "Option::is_none")]
    execution_ms: Option<f64>,
}

#[derive(Debug, Serialize)]
struct Node {
    #[serde(rename = "Node Type")]
    node_type: String,
    #[serde(rename = "Parent Relationship", skip_serializing_if = "Option::is_none")]
    relationship: Option<&'static str>,
    #[serde(rename = "Parallel Aware")]
    is_parallel: bool,
    /// The engine's own words for the node.
    #[serde(rename = "Detail")]
    detail: String,
    /// Only with VERBOSE, as in PostgreSQL.
    #[serde(rename = "Output", skip_serializing_if = "Option::is_none")]
    output: Option<Vec<String>>,
    #[serde(rename = "Actual Rows", skip_serializing_if = "Option::is_none")]
    rows: Option<usize>,
    #[serde(rename = "Actual Loops", skip_serializing_if = "Option::is_none")]
    loops: Option<usize>,
    /// Milliseconds of this node alone, of all processors together.
    #[serde(rename = "Compute Time", skip_serializing_if = "Option::is_none")]
    compute_ms: Option<f64>,
    #[serde(rename = "Plans", skip_serializing_if = "Vec::is_empty")]
    plans: Vec<Node>,
}

/// The plan as one text.
pub fn explained(plan: &Arc<dyn ExecutionPlan>, verbose: bool, measured: Option<Measured>) -> Result<String> {
    let explained = Explained {
        plan: node(plan, None, verbose, measured.is_some()),
        planning_ms: measured.map(|measured| milliseconds(measured.planning)),
        triggers: measured.map(|_| []),
        execution_ms: measured.map(|measured| milliseconds(measured.execution)),
    };
    serde_json::to_string_pretty(&[explained])
        .map_err(|error| message::internal("the plan cannot be shown").with_cause(error))
}

fn node(plan: &Arc<dyn ExecutionPlan>, relationship: Option<&'static str>, verbose: bool, analyze: bool) -> Node {
    let metrics = plan.metrics().filter(|_| analyze).map(|metrics| metrics.aggregate_by_name());
    let columns = plan.schema();
    let nanoseconds = metrics.as_ref().and_then(|metrics| metrics.elapsed_compute());
    let children = plan.children();
    // PostgreSQL's words: the left input of a join is the outer one.
    let places: &[&'static str] = if children.len() == 2 { &["Outer", "Inner"] } else { &["Outer"] };
    Node {
        node_type: node_type(plan.name()),
        relationship,
        is_parallel: plan.properties().output_partitioning().partition_count() > 1,
        detail: DisplayableExecutionPlan::new(plan.as_ref()).one_line().to_string().trim_end().to_owned(),
        output: verbose.then(|| columns.fields().iter().map(|field| field.name().clone()).collect()),
        rows: metrics.as_ref().and_then(|metrics| metrics.output_rows()),
        loops: analyze.then_some(1),
        compute_ms: nanoseconds.map(|nanoseconds| milliseconds(Duration::from_nanos(nanoseconds as u64))),
        plans: children
            .into_iter()
            .enumerate()
            .map(|(place, child)| node(child, Some(places.get(place).copied().unwrap_or("Member")), verbose, analyze))
            .collect(),
    }
}

/// PostgreSQL's name for a node where the two do the same, else the engine's in words: `RepartitionExec` is
/// `Repartition`.
fn node_type(name: &str) -> String {
    let known = match name {
        "AggregateExec" => "Aggregate",
        "CrossJoinExec" | "NestedLoopJoinExec" => "Nested Loop",
        "HashJoinExec" | "SymmetricHashJoinExec" => "Hash Join",
        "SortMergeJoinExec" => "Merge Join",
        "SortExec" => "Sort",
        "SortPreservingMergeExec" => "Gather Merge",
        "CoalescePartitionsExec" => "Gather",
        "GlobalLimitExec" | "LocalLimitExec" => "Limit",
        "UnionExec" | "InterleaveExec" => "Append",
        "BoundedWindowAggExec" | "WindowAggExec" => "WindowAgg",
        "RecursiveQueryExec" => "Recursive Union",
        "WorkTableExec" => "WorkTable Scan",
        "ProjectionExec" | "PlaceholderRowExec" | "EmptyExec" => "Result",
        "DataSourceExec" => "Seq Scan",
        other => {
            let plain = other.strip_suffix("Exec").unwrap_or(other);
            let mut words = String::with_capacity(plain.len() + 4);
            for (place, letter) in plain.char_indices() {
                if place > 0 && letter.is_uppercase() {
                    words.push(' ');
                }
                words.push(letter);
            }
            return words;
        }
    };
    known.to_owned()
}

/// With the three digits that PostgreSQL gives.
fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}
