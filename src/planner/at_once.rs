//! Plans over so few members that all their rows are one batch, computed in one go, without streams.
//!
//! A stream for each operator, and a thread for each part, cost a look-up at the till more than its answer does, and a shop
//! with a few thousand members as much. A plan becomes [`AtOnce`] if each of its operators is one of those that are known
//! here; the steps compute what the operators would, with the engine's own expressions and accumulators. Any other plan
//! runs as ever.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, RecordBatchOptions};
use arrow::compute::filter_record_batch;
use arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::logical_expr::physical_planning_context::{ScalarSubqueryResults, SubqueryIndex};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::limit::{GlobalLimitExec, LocalLimitExec};
use datafusion::physical_plan::placeholder_row::PlaceholderRowExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::scalar_subquery::{ScalarSubqueryExec, ScalarSubqueryLink};
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use datafusion::scalar::ScalarValue;

use super::fact::{Asks, MemberIndexExec};
use crate::error::message;
use crate::execution::cancellation::checkpoint;
use crate::execution::plan_cache::ComputesAtOnce;

/// A step of a plan, with those before it.
#[derive(Debug)]
pub enum AtOnce {
    Rows(RecordBatch),
    /// Reads the member index.
    Index(Arc<Asks>),
    Projection {
        input: Box<Self>,
        exprs: Vec<Arc<dyn PhysicalExpr>>,
        schema: SchemaRef,
    },
    Filter {
        input: Box<Self>,
        predicate: Arc<dyn PhysicalExpr>,
        /// The columns that are given; `None` is all of them.
        columns: Option<Vec<usize>>,
    },
    Limit {
        input: Box<Self>,
        skip: usize,
        fetch: Option<usize>,
    },
    /// Of all rows: one row.
    Aggregate {
        input: Box<Self>,
        values: Vec<Aggregated>,
        schema: SchemaRef,
    },
    /// Values of subqueries, and what uses them.
    Subqueries {
        input: Box<Self>,
        subqueries: Vec<(Self, SubqueryIndex)>,
        results: ScalarSubqueryResults,
    },
}

/// An aggregate without DISTINCT and ORDER BY.
#[derive(Debug)]
pub struct Aggregated {
    function: Arc<AggregateFunctionExpr>,
    arguments: Vec<Arc<dyn PhysicalExpr>>,
    filter: Option<Arc<dyn PhysicalExpr>>,
}

impl AtOnce {
    /// The steps of a plan; `None` for a plan that has to run.
    pub fn of(plan: &Arc<dyn ExecutionPlan>) -> Option<Self> {
        if plan.children().is_empty() {
            return Self::of_leaf(plan);
        }
        if let Some(subqueries) = plan.downcast_ref::<ScalarSubqueryExec>() {
            let input = Self::boxed(subqueries.input())?;
            let results = subqueries.results().clone();
            let of = |link: &ScalarSubqueryLink| Some((Self::of(&link.plan)?, link.index));
            let subqueries = subqueries.subqueries().iter().map(of).collect::<Option<_>>()?;
            return Some(Self::Subqueries { input, subqueries, results });
        }
        if let Some(aggregate) = plan.downcast_ref::<AggregateExec>() {
            return Self::of_aggregate(aggregate, plan.schema());
        }
        let (is_spread, behind) = behind_exchanges(plan);
        if is_spread {
            return Self::of(behind);
        }
        let input = match plan.children().as_slice() {
            [input] => Self::boxed(input)?,
            _ => return None,
        };
        if let Some(projection) = plan.downcast_ref::<ProjectionExec>() {
            let exprs = projection.expr().iter().map(|one| Arc::clone(&one.expr)).collect();
            return Some(Self::Projection { input, exprs, schema: plan.schema() });
        }
        if let Some(filter) = plan.downcast_ref::<FilterExec>() {
            let columns = filter.projection().as_ref().map(|columns| columns.to_vec());
            let filtered = Self::Filter { input, predicate: Arc::clone(filter.predicate()), columns };
            return Some(filtered.limited(0, filter.fetch()));
        }
        if let Some(limit) = plan.downcast_ref::<GlobalLimitExec>() {
            return Some(input.limited(limit.skip(), limit.fetch()));
        }
        let limit = plan.downcast_ref::<LocalLimitExec>()?;
        Some(input.limited(0, Some(limit.fetch())))
    }

    fn of_leaf(plan: &Arc<dyn ExecutionPlan>) -> Option<Self> {
        if plan.output_partitioning().partition_count() != 1 {
            return None;
        }
        if let Some(index) = plan.downcast_ref::<MemberIndexExec>() {
            return index.in_one_batch().map(Self::Index);
        }
        if plan.downcast_ref::<PlaceholderRowExec>().is_some() {
            let one = RecordBatchOptions::new().with_row_count(Some(1));
            return RecordBatch::try_new_with_options(plan.schema(), Vec::new(), &one).ok().map(Self::Rows);
        }
        let is_nothing = plan.downcast_ref::<EmptyExec>().is_some();
        is_nothing.then(|| Self::Rows(RecordBatch::new_empty(plan.schema())))
    }

    /// Of an aggregate of all rows, in one step or in two.
    fn of_aggregate(aggregate: &AggregateExec, schema: SchemaRef) -> Option<Self> {
        let first = match aggregate.mode() {
            AggregateMode::Single | AggregateMode::SinglePartitioned => aggregate,
            AggregateMode::Final | AggregateMode::FinalPartitioned => {
                let (_, behind) = behind_exchanges(aggregate.input());
                behind.downcast_ref::<AggregateExec>().filter(|first| *first.mode() == AggregateMode::Partial)?
            }
            _ => return None,
        };
        let is_of_all =
            |step: &AggregateExec| step.group_expr().is_true_no_grouping() && step.limit_options().is_none();
        if !is_of_all(aggregate) || !is_of_all(first) {
            return None;
        }
        let values = first.aggr_expr().iter().zip(first.filter_expr());
        let values =
            values.map(|(function, filter)| Aggregated::of(function, filter.as_ref())).collect::<Option<_>>()?;
        Some(Self::Aggregate { input: Self::boxed(first.input())?, values, schema })
    }

    fn boxed(plan: &Arc<dyn ExecutionPlan>) -> Option<Box<Self>> {
        Self::of(plan).map(Box::new)
    }

    fn limited(self, skip: usize, fetch: Option<usize>) -> Self {
        if skip == 0 && fetch.is_none() { self } else { Self::Limit { input: Box::new(self), skip, fetch } }
    }

    fn computed(&self) -> Result<RecordBatch> {
        // Nothing in here waits, so that nothing else would end it.
        checkpoint()?;
        match self {
            Self::Rows(rows) => Ok(rows.clone()),
            Self::Index(asks) => asks.rows(),
            Self::Projection { input, exprs, schema } => {
                let rows = input.computed()?;
                if rows.num_rows() == 0 {
                    return Ok(RecordBatch::new_empty(Arc::clone(schema)));
                }
                let columns = arrays(exprs, &rows)?;
                batch(schema, columns, rows.num_rows())
            }
            Self::Filter { input, predicate, columns } => {
                let rows = filtered(input.computed()?, predicate)?;
                Ok(match columns {
                    Some(columns) => rows.project(columns)?,
                    None => rows,
                })
            }
            Self::Limit { input, skip, fetch } => {
                let rows = input.computed()?;
                let from = rows.num_rows().min(*skip);
                let count = (rows.num_rows() - from).min(fetch.unwrap_or(usize::MAX));
                Ok(rows.slice(from, count))
            }
            Self::Aggregate { input, values, schema } => {
                let rows = input.computed()?;
                let values = values.iter().map(|value| value.of_rows(&rows)?.to_array());
                batch(schema, values.collect::<Result<_>>()?, 1)
            }
            Self::Subqueries { input, subqueries, results } => {
                results.clear();
                for (subquery, at) in subqueries {
                    let rows = subquery.computed()?;
                    results.set(*at, single(&rows)?)?;
                }
                input.computed()
            }
        }
    }
}

impl ComputesAtOnce for AtOnce {
    fn rows(&self) -> crate::error::Result<RecordBatch> {
        Ok(self.computed()?)
    }
}

impl Aggregated {
    fn of(function: &Arc<AggregateFunctionExpr>, filter: Option<&Arc<dyn PhysicalExpr>>) -> Option<Self> {
        let is_plain = function.order_bys().is_empty() && !function.is_distinct();
        let arguments = function.expressions();
        is_plain.then(|| Self { function: Arc::clone(function), arguments, filter: filter.cloned() })
    }

    fn of_rows(&self, rows: &RecordBatch) -> Result<ScalarValue> {
        let mut accumulator = self.function.create_accumulator()?;
        let kept = match &self.filter {
            Some(filter) => filtered(rows.clone(), filter)?,
            None => rows.clone(),
        };
        if kept.num_rows() > 0 {
            accumulator.update_batch(&arrays(&self.arguments, &kept)?)?;
        }
        accumulator.evaluate()
    }
}

/// What stands behind operators that only spread rows among threads, or bring them together again; and whether there are any.
fn behind_exchanges(plan: &Arc<dyn ExecutionPlan>) -> (bool, &Arc<dyn ExecutionPlan>) {
    let is_exchange = plan.downcast_ref::<RepartitionExec>().is_some()
        || plan.downcast_ref::<CooperativeExec>().is_some()
        || (plan.downcast_ref::<CoalescePartitionsExec>().is_some() && plan.fetch().is_none());
    match plan.children().as_slice() {
        [input] if is_exchange => (true, behind_exchanges(input).1),
        _ => (false, plan),
    }
}

/// The rows of which a predicate is true. Of no rows nothing is evaluated: what fails of itself (`1 / 0`) fails for a row.
fn filtered(rows: RecordBatch, predicate: &Arc<dyn PhysicalExpr>) -> Result<RecordBatch> {
    if rows.num_rows() == 0 {
        return Ok(rows);
    }
    let kept = predicate.evaluate(&rows)?.into_array(rows.num_rows())?;
    Ok(filter_record_batch(&rows, kept.as_boolean())?)
}

/// The value of a subquery: NULL without a row.
fn single(rows: &RecordBatch) -> Result<ScalarValue> {
    match rows.num_rows() {
        0 => ScalarValue::try_from(rows.schema_ref().field(0).data_type()),
        1 => ScalarValue::try_from_array(rows.column(0), 0),
        _ => Err(message::subquery_gives_several_rows().into()),
    }
}

fn arrays(exprs: &[Arc<dyn PhysicalExpr>], rows: &RecordBatch) -> Result<Vec<ArrayRef>> {
    exprs.iter().map(|expr| expr.evaluate(rows)?.into_array(rows.num_rows())).collect()
}

fn batch(schema: &SchemaRef, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
}

#[cfg(test)]
mod tests {
    use datafusion::execution::TaskContext;
    use datafusion::functions_aggregate::count::count_udaf;
    use datafusion::functions_aggregate::sum::sum_udaf;
    use datafusion::logical_expr::Operator;
    use datafusion::physical_expr::aggregate::AggregateExprBuilder;
    use datafusion::physical_expr::expressions::{binary, col, lit};
    use datafusion::physical_plan::aggregates::PhysicalGroupBy;
    use datafusion::physical_plan::union::UnionExec;
    use datafusion::physical_plan::{Partitioning, collect};

    use super::*;
    use crate::execution::cancellation::Abandonment;

    /// One row: a = 7, b = NULL.
    fn row() -> Arc<dyn ExecutionPlan> {
        let nothing = Arc::new(PlaceholderRowExec::new(Arc::new(arrow::datatypes::Schema::empty())));
        let exprs = [(lit(7_i64), "a".to_owned()), (lit(ScalarValue::Int64(None)), "b".to_owned())];
        Arc::new(ProjectionExec::try_new(exprs, nothing).unwrap())
    }

    fn compared(input: &Arc<dyn ExecutionPlan>, name: &str, is: Operator, to: i64) -> Arc<dyn PhysicalExpr> {
        let schema = input.schema();
        binary(col(name, &schema).unwrap(), is, lit(to), &schema).unwrap()
    }

    fn filtered(input: Arc<dyn ExecutionPlan>, name: &str, is: Operator, to: i64) -> Arc<dyn ExecutionPlan> {
        let predicate = compared(&input, name, is, to);
        Arc::new(FilterExec::try_new(predicate, input).unwrap())
    }

    /// `count(*)`, `sum(b)`, and `sum(a)` of the rows of which `a = 7`.
    fn aggregated(input: Arc<dyn ExecutionPlan>, on_threads: bool) -> Arc<dyn ExecutionPlan> {
        let schema = input.schema();
        let value = |udaf, argument, name: &str| {
            let builder = AggregateExprBuilder::new(udaf, vec![argument]).schema(Arc::clone(&schema)).alias(name);
            Arc::new(builder.build().unwrap())
        };
        let of = |name: &str| col(name, &schema).unwrap();
        let values = vec![
            value(count_udaf(), lit(1_i64), "n"),
            value(sum_udaf(), of("b"), "b"),
            value(sum_udaf(), of("a"), "a"),
        ];
        let filters = vec![None, None, Some(compared(&input, "a", Operator::Eq, 7))];
        let step = |mode, filters, input| -> Arc<dyn ExecutionPlan> {
            let (by, schema) = (PhysicalGroupBy::new_single(Vec::new()), Arc::clone(&schema));
            Arc::new(AggregateExec::try_new(mode, by, values.clone(), filters, input, schema).unwrap())
        };
        if !on_threads {
            return step(AggregateMode::Single, filters, input);
        }
        let spread = RepartitionExec::try_new(input, Partitioning::RoundRobinBatch(2)).unwrap();
        let partial = step(AggregateMode::Partial, filters, Arc::new(spread));
        step(AggregateMode::Final, vec![None; 3], Arc::new(CoalescePartitionsExec::new(partial)))
    }

    #[tokio::test]
    async fn steps_give_what_the_operators_give() {
        let limited = |skip, fetch| -> Arc<dyn ExecutionPlan> { Arc::new(GlobalLimitExec::new(row(), skip, fetch)) };
        let plans = [
            (row(), 1),
            (filtered(row(), "a", Operator::Gt, 6), 1),
            (filtered(row(), "a", Operator::Gt, 7), 0),
            // NULL is not true.
            (filtered(row(), "b", Operator::Gt, 6), 0),
            (limited(0, Some(1)), 1),
            (limited(1, None), 0),
            (limited(0, Some(0)), 0),
            (aggregated(row(), false), 1),
            (aggregated(filtered(row(), "a", Operator::Gt, 7), false), 1),
            (aggregated(filtered(row(), "a", Operator::Lt, 8), true), 1),
            (aggregated(filtered(row(), "a", Operator::Gt, 7), true), 1),
            (Arc::new(EmptyExec::new(row().schema())), 0),
        ];
        for (plan, count) in plans {
            let steps = AtOnce::of(&plan).unwrap_or_else(|| panic!("{plan:?}"));
            let batches = collect(Arc::clone(&plan), Arc::new(TaskContext::default())).await.unwrap();
            let batches: Vec<_> = batches.into_iter().filter(|batch| batch.num_rows() > 0).collect();
            for _ in 0..2 {
                let rows = steps.rows().unwrap();
                assert_eq!(rows.num_rows(), count, "{plan:?}");
                assert_eq!(rows.schema(), plan.schema());
                assert_eq!(batches, if count == 0 { vec![] } else { vec![rows] }, "{plan:?}");
            }
        }
    }

    #[test]
    fn what_fails_for_a_row_does_not_fail_without_one() {
        let divided = |input: Arc<dyn ExecutionPlan>| -> Arc<dyn ExecutionPlan> {
            let value = binary(lit(1_i64), Operator::Divide, lit(0_i64), &input.schema()).unwrap();
            Arc::new(ProjectionExec::try_new([(value, "q".to_owned())], input).unwrap())
        };
        let error = AtOnce::of(&divided(row())).unwrap().rows().unwrap_err();
        assert_eq!(error.state().code(), "22012");
        let nobody = divided(filtered(row(), "a", Operator::Gt, 7));
        assert_eq!(AtOnce::of(&nobody).unwrap().rows().unwrap().num_rows(), 0);
        let kept_of_nobody = filtered(nobody, "q", Operator::Gt, 0);
        assert_eq!(AtOnce::of(&kept_of_nobody).unwrap().rows().unwrap().num_rows(), 0);
    }

    #[tokio::test]
    async fn nothing_is_computed_for_nobody() {
        let steps = AtOnce::of(&aggregated(row(), true)).unwrap();
        let abandonment = Abandonment::default();
        abandonment.declare();
        let error = abandonment.over(async { steps.rows() }).await.unwrap_err();
        assert_eq!(error.state().code(), "57014");
    }

    #[test]
    fn a_plan_with_an_operator_that_is_not_known_has_no_steps() {
        let both = UnionExec::try_new(vec![row(), row()]).unwrap();
        assert!(AtOnce::of(&both).is_none());
        let above: Arc<dyn ExecutionPlan> = Arc::new(GlobalLimitExec::new(both, 0, Some(1)));
        assert!(AtOnce::of(&above).is_none());
    }
}
