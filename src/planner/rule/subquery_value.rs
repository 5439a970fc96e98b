//! Subqueries that stand for a value and that DataFusion cannot turn into a join by itself.
//!
//! DataFusion joins a correlated scalar subquery only when it is an aggregate whose correlated conditions are
//! equalities, and plans no EXISTS in a select list. PostgreSQL takes any, and psql's own queries do. This rule takes
//! what DataFusion leaves:
//!
//! 1. The distinct combinations of outer values that the subquery asks for are made a relation, the *questions*.
//! 2. The subquery is rebuilt over them ([`Lift`]): below its first mention of an outer value the questions are
//!    joined, and above it they are carried along, so that every outer value is an ordinary column.
//! 3. A subquery that might give several rows for a question is put under `single_value`, which refuses a second row.
//! 4. The outer input is joined to the answers: no answer is NULL. The subquery becomes a column.
//!
//! What always holds: rows of the outer input are neither lost nor repeated (the answers are unique per question, and
//! NULL asks like a value); a subquery with a construct that is not known here is left as it was.
//!
//! Runs in the analyzer, after type coercion: before DataFusion checks that the subqueries can be planned.
//! Not here: window functions inside of a correlated subquery.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, NullEquality, Result};
use datafusion::config::ConfigOptions;
use datafusion::functions_aggregate::count::count_all;
use datafusion::logical_expr::expr::Exists;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::logical_plan::{
    Aggregate, Distinct, Filter, Join, JoinType, LogicalPlan, LogicalPlanBuilder, Projection, Subquery, SubqueryAlias,
};
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, Operator, binary_expr, lit, when};
use datafusion::optimizer::AnalyzerRule;

use self::recursion::Loop;
use super::single_value::single_value;

/// See the head of the file.
#[derive(Debug, Default)]
pub struct SubqueryValue;

impl AnalyzerRule for SubqueryValue {
    fn name(&self) -> &str {
        "subquery_value"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let mut names = Names::default();
        plan.transform_up_with_subqueries(|node| rewrite_node(node, &mut names)).map(|transformed| transformed.data)
    }
}

/// Names of the columns that the rule adds. They are hidden again above the node that needs them.
#[derive(Debug, Default)]
struct Names(usize);

impl Names {
    fn next(&mut self, what: &str) -> String {
        self.0 += 1;
        format!("__{what}_{}", self.0)
    }
}

fn rewrite_node(node: LogicalPlan, names: &mut Names) -> Result<Transformed<LogicalPlan>> {
    match node {
        LogicalPlan::Projection(projection) => {
            let (input, exprs) = answer_all(&projection.input, &projection.expr, Place::SelectList, names)?;
            let Some(exprs) = exprs else {
                return Ok(Transformed::no(LogicalPlan::Projection(projection)));
            };
            let projection = Projection::try_new(exprs, Arc::new(input))?;
            Ok(Transformed::yes(LogicalPlan::Projection(projection)))
        }
        LogicalPlan::Filter(filter) => {
            let predicate = std::slice::from_ref(&filter.predicate);
            let (input, exprs) = answer_all(&filter.input, predicate, Place::Condition, names)?;
            let Some(predicate) = exprs.and_then(|mut exprs| exprs.pop()) else {
                return Ok(Transformed::no(LogicalPlan::Filter(filter)));
            };
            // Without the columns that were added.
            let columns: Vec<Expr> = filter.input.schema().columns().into_iter().map(Expr::Column).collect();
            let plan = LogicalPlanBuilder::from(input).filter(predicate)?.project(columns)?.build()?;
            Ok(Transformed::yes(plan))
        }
        LogicalPlan::Aggregate(aggregate) => {
            let exprs: Vec<Expr> = aggregate.group_expr.iter().chain(&aggregate.aggr_expr).cloned().collect();
            let (input, exprs) = answer_all(&aggregate.input, &exprs, Place::Aggregate, names)?;
            let Some(mut groups) = exprs else {
                return Ok(Transformed::no(LogicalPlan::Aggregate(aggregate)));
            };
            let values = groups.split_off(aggregate.group_expr.len());
            Ok(Transformed::yes(LogicalPlan::Aggregate(Aggregate::try_new(Arc::new(input), groups, values)?)))
        }
        node => Ok(Transformed::no(node)),
    }
}

/// Where an expression stands, which decides what DataFusion can do by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// It joins simple scalar subqueries.
    SelectList,
    /// It joins simple scalar subqueries and EXISTS.
    Condition,
    /// Nothing.
    Aggregate,
}

/// Replaces the subqueries in some expressions over an input. Gives the input with the answers joined to it, and the
/// expressions under their old names; `None` when there was nothing to do.
fn answer_all(
    input: &Arc<LogicalPlan>,
    exprs: &[Expr],
    place: Place,
    names: &mut Names,
) -> Result<(LogicalPlan, Option<Vec<Expr>>)> {
    let mut joined = input.as_ref().clone();
    let mut changed = false;
    let preserver = NamePreserver::new_for_projection();
    let mut results = Vec::with_capacity(exprs.len());
    for expr in exprs {
        let name = preserver.save(expr);
        let replaced = expr.clone().transform_down(|expr| {
            let answer = match &expr {
                Expr::ScalarSubquery(subquery) if needs_help(subquery, place) => {
                    answer(subquery, &joined, false, names)?
                }
                Expr::Exists(exists) if place != Place::Condition => answer_exists(exists, &joined, names)?,
                _ => None,
            };
            Ok(match answer {
                Some((plan, value)) => {
                    joined = plan;
                    Transformed::new(value, true, TreeNodeRecursion::Jump)
                }
                None => Transformed::no(expr),
            })
        })?;
        changed |= replaced.transformed;
        results.push(if replaced.transformed && place != Place::Condition {
            name.restore(replaced.data)
        } else {
            replaced.data
        });
    }
    Ok((joined, changed.then_some(results)))
}

/// Whether DataFusion's own rule would leave this subquery: see the head of the file.
fn needs_help(subquery: &Subquery, place: Place) -> bool {
    if outer_columns(&subquery.subquery).is_empty() {
        return false;
    }
    if place == Place::Aggregate || !gives_one_row(&subquery.subquery) {
        return true;
    }
    let (mut plain, mut filters) = (true, 0);
    // A plan that cannot be walked is not one for us.
    let walked = subquery.subquery.apply(|node| {
        plain &= match node {
            LogicalPlan::Filter(filter) => {
                filters += usize::from(filter.predicate.contains_outer());
                split_conjunction(&filter.predicate)
                    .into_iter()
                    .all(|condition| !condition.contains_outer() || is_outer_equality(condition))
            }
            // A condition is pulled up through a relation's name only where the relation shows the columns it reads.
            LogicalPlan::SubqueryAlias(alias) => outer_columns(&alias.input).is_empty(),
            node => !mentions_outer(node),
        };
        Ok(TreeNodeRecursion::Continue)
    });
    // Several places that ask are on both sides of a join, where DataFusion pulls only one side's conditions up.
    walked.is_ok() && (!plain || filters > 1)
}

/// `inner column = outer column`.
fn is_outer_equality(condition: &Expr) -> bool {
    let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) = condition else { return false };
    matches!(
        (&**left, &**right),
        (Expr::Column(_), Expr::OuterReferenceColumn(..)) | (Expr::OuterReferenceColumn(..), Expr::Column(_))
    )
}

/// An aggregate without groups gives exactly one row.
pub(super) fn gives_one_row(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Projection(Projection { input, .. }) => gives_one_row(input),
        LogicalPlan::SubqueryAlias(SubqueryAlias { input, .. }) => gives_one_row(input),
        LogicalPlan::Aggregate(aggregate) => aggregate.group_expr.is_empty(),
        _ => false,
    }
}

/// Whether the node itself, without its inputs, mentions an outer value.
fn mentions_outer(node: &LogicalPlan) -> bool {
    let mut found = false;
    let walked = node.apply_expressions(|expr| {
        found |= expr.contains_outer();
        Ok(TreeNodeRecursion::Continue)
    });
    walked.is_err() || found
}

fn answer_exists(exists: &Exists, input: &LogicalPlan, names: &mut Names) -> Result<Option<(LogicalPlan, Expr)>> {
    if !outer_columns(&exists.subquery.subquery).is_empty() {
        let found = answer(&exists.subquery, input, true, names)?;
        return Ok(
            found.map(|(plan, value)| (plan, if exists.negated { value.is_null() } else { value.is_not_null() }))
        );
    }
    // Uncorrelated: whether the first row is there.
    let plan = LogicalPlanBuilder::from(exists.subquery.subquery.as_ref().clone())
        .limit(0, Some(1))?
        .aggregate(Vec::<Expr>::new(), vec![count_all()])?
        .build()?;
    let count = Expr::Column(plan.schema().columns().remove(0));
    let truth = if exists.negated { count.eq(lit(0_i64)) } else { count.gt(lit(0_i64)) };
    let plan = LogicalPlanBuilder::from(plan).project(vec![truth.alias(names.next("exists"))])?.build()?;
    let subquery =
        Subquery { subquery: Arc::new(plan), outer_ref_columns: Vec::new(), spans: exists.subquery.spans.clone() };
    Ok(Some((input.clone(), Expr::ScalarSubquery(subquery))))
}

/// Joins the answers of a correlated subquery to an input. `exists` asks only whether there are rows: the value is
/// then true or NULL. `None` when the subquery holds something that is not known here.
fn answer(
    subquery: &Subquery,
    input: &LogicalPlan,
    exists: bool,
    names: &mut Names,
) -> Result<Option<(LogicalPlan, Expr)>> {
    // Not the recorded list: a subquery inside of this one may be gone by now, and what it asked for with it.
    let mut outer = outer_columns(&subquery.subquery);
    outer.retain(|column| input.schema().has_column(column));
    if outer.is_empty() || is_volatile(input)? || nested_asks(&subquery.subquery, &outer)? {
        return Ok(None);
    }
    let asked: Vec<(Column, String)> = outer.iter().map(|column| (column.clone(), names.next("outer"))).collect();
    let questions = LogicalPlanBuilder::from(input.clone())
        .project(asked.iter().map(|(column, name)| Expr::Column(column.clone()).alias(name)))?
        .distinct()?
        .build()?;
    let mut lift = Lift { outer, questions, names, loops: Vec::new() };
    let Some(lifted) = lift.lift(&subquery.subquery)? else { return Ok(None) };
    let (value, keys) = (names.next("value"), asked.iter().map(|_| names.next("key")).collect::<Vec<_>>());
    let answers = one_row_each(&lifted, subquery, exists, &value, &keys)?;
    let left: Vec<Column> = asked.into_iter().map(|(column, _)| column).collect();
    let right: Vec<Column> = keys.iter().map(Column::new_unqualified).collect();
    let joined = LogicalPlanBuilder::from(input.clone())
        .join_detailed(answers, JoinType::Left, (left, right), None, NullEquality::NullEqualsNull)?
        .build()?;
    Ok(Some((joined, Expr::Column(Column::new_unqualified(value)))))
}

/// The answers as a relation of the value and the keys, with one row for each question that has an answer.
fn one_row_each(
    lifted: &Lifted,
    subquery: &Subquery,
    exists: bool,
    value: &str,
    keys: &[String],
) -> Result<LogicalPlan> {
    let key_exprs = || lifted.keys.iter().zip(keys).map(|(key, name)| Expr::Column(key.clone()).alias(name));
    let builder = LogicalPlanBuilder::from(lifted.plan.clone());
    if exists {
        return builder
            .project(key_exprs())?
            .distinct()?
            .project(keys.iter().map(|key| Expr::Column(Column::new_unqualified(key))).chain([lit(true).alias(value)]))?
            .build();
    }
    let first = Expr::Column(subquery.subquery.schema().columns().remove(0));
    let builder = builder.project(key_exprs().chain([first.alias(value)]))?;
    if gives_one_row(&subquery.subquery) {
        return builder.build();
    }
    let groups = keys.iter().map(|key| Expr::Column(Column::new_unqualified(key)));
    let only = single_value().call(vec![Expr::Column(Column::new_unqualified(value))]);
    let grouped = builder.aggregate(groups.clone(), vec![only])?.build()?;
    let only = Expr::Column(grouped.schema().columns().remove(keys.len()));
    LogicalPlanBuilder::from(grouped).project(groups.chain([only.alias(value)]))?.build()
}

/// The outer values that a plan asks for, without repetition.
pub(super) fn outer_columns(plan: &LogicalPlan) -> Vec<Column> {
    let columns = plan.all_out_ref_exprs().into_iter().filter_map(|expr| match expr {
        Expr::OuterReferenceColumn(_, column) => Some(column),
        _ => None,
    });
    columns.collect()
}

/// Whether a subquery that is still left inside of a plan asks for one of these outer values itself.
fn nested_asks(plan: &LogicalPlan, outer: &[Column]) -> Result<bool> {
    let mut found = false;
    plan.apply(|node| {
        node.apply_subqueries(|subquery| {
            found |= outer_columns(subquery).iter().any(|column| outer.contains(column));
            Ok(TreeNodeRecursion::Continue)
        })
    })?;
    Ok(found)
}

fn is_volatile(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply(|node| {
        node.apply_expressions(|expr| {
            found |= expr.is_volatile();
            Ok(TreeNodeRecursion::Continue)
        })
    })?;
    Ok(found)
}

/// Rebuilds a subquery over the questions.
struct Lift<'a> {
    /// The outer columns, in the order of the columns of `questions`.
    outer: Vec<Column>,
    questions: LogicalPlan,
    names: &'a mut Names,
    /// The recursive queries around the plan that is being rebuilt, the innermost last.
    loops: Vec<Loop>,
}

/// A plan with the old columns and those of the question to which each row belongs.
struct Lifted {
    plan: LogicalPlan,
    /// The columns of the question, in the order of [`Lift::outer`].
    keys: Vec<Column>,
}

impl Lift<'_> {
    /// `None` when a node is not known here.
    fn lift(&mut self, plan: &LogicalPlan) -> Result<Option<Lifted>> {
        if !self.asks(plan) && !self.reads_working_table(plan)? {
            return self.ask(plan.clone()).map(Some);
        }
        match plan {
            LogicalPlan::Filter(filter) => {
                let Some(below) = self.lift(&filter.input)? else { return Ok(None) };
                let predicate = self.without_outer(&filter.predicate, &below.keys)?;
                let plan = LogicalPlan::Filter(Filter::try_new(predicate, Arc::new(below.plan))?);
                Ok(Some(Lifted { plan, keys: below.keys }))
            }
            LogicalPlan::Projection(projection) => {
                let Some(below) = self.lift(&projection.input)? else { return Ok(None) };
                self.lift_select_list(projection, below).map(Some)
            }
            LogicalPlan::SubqueryAlias(alias) => {
                let Some(below) = self.lift(&alias.input)? else { return Ok(None) };
                let plan = SubqueryAlias::try_new(Arc::new(below.plan), alias.alias.clone())?;
                let requalify = |key: Column| Column::new(Some(alias.alias.clone()), key.name);
                let keys = below.keys.into_iter().map(requalify).collect();
                Ok(Some(Lifted { plan: LogicalPlan::SubqueryAlias(plan), keys }))
            }
            // The order of a value's rows means nothing unless rows are cut off.
            LogicalPlan::Sort(sort) if sort.fetch.is_none() => self.lift(&sort.input),
            LogicalPlan::Distinct(Distinct::All(input)) => Ok(self.lift(input)?.map(|below| Lifted {
                plan: LogicalPlan::Distinct(Distinct::All(Arc::new(below.plan))),
                keys: below.keys,
            })),
            LogicalPlan::Unnest(unnest) => {
                let Some(below) = self.lift(&unnest.input)? else { return Ok(None) };
                let plan = LogicalPlanBuilder::from(below.plan)
                    .unnest_columns_with_options(unnest.exec_columns.clone(), unnest.options.clone())?
                    .build()?;
                Ok(Some(Lifted { plan, keys: below.keys }))
            }
            LogicalPlan::Join(join) => self.lift_join(join),
            LogicalPlan::Limit(limit) => self.lift_limit(limit),
            LogicalPlan::Union(union) => self.lift_union(union),
            LogicalPlan::RecursiveQuery(query) => self.lift_recursion(query),
            LogicalPlan::TableScan(scan) => self.lift_working_table(scan),
            LogicalPlan::Aggregate(aggregate) => self.lift_aggregate(aggregate),
            // A subquery that was made a join before it was asked for outer values, as LATERAL does.
            LogicalPlan::Subquery(subquery) => self.lift(&subquery.subquery),
            _ => Ok(None),
        }
    }

    fn asks(&self, plan: &LogicalPlan) -> bool {
        outer_columns(plan).iter().any(|column| self.outer.contains(column))
    }

    /// Every row for every question: what stands above chooses.
    fn ask(&mut self, plan: LogicalPlan) -> Result<Lifted> {
        let mut keys = Vec::with_capacity(self.outer.len());
        let mut exprs = Vec::with_capacity(self.outer.len());
        for column in self.questions.schema().columns() {
            let name = self.names.next("asked");
            keys.push(Column::new_unqualified(&name));
            exprs.push(Expr::Column(column).alias(name));
        }
        let questions = LogicalPlanBuilder::from(self.questions.clone()).project(exprs)?.build()?;
        let plan = LogicalPlanBuilder::from(plan).cross_join(questions)?.build()?;
        Ok(Lifted { plan, keys })
    }

    /// One side carries the questions. If the other asks too, rows meet only within a question.
    fn lift_join(&mut self, join: &Join) -> Result<Option<Lifted>> {
        let left_asks = self.asks(&join.left) || self.reads_working_table(&join.left)?;
        let right_asks = self.asks(&join.right) || self.reads_working_table(&join.right)?;
        // The side that an outer join keeps must know to which question its rows belong.
        let on_right = match join.join_type {
            JoinType::Inner => right_asks && !left_asks,
            JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti => false,
            JoinType::Right | JoinType::RightSemi | JoinType::RightAnti => true,
            _ => return Ok(None),
        };
        let (carrier, other) = if on_right { (&join.right, &join.left) } else { (&join.left, &join.right) };
        let Some(Lifted { plan, keys }) = self.lift(carrier)? else { return Ok(None) };
        let mut filter = join.filter.as_ref().map(|filter| self.without_outer(filter, &keys)).transpose()?;
        let other_asks = if on_right { left_asks } else { right_asks };
        let other = if other_asks {
            let Some(lifted) = self.lift(other)? else { return Ok(None) };
            for (key, same) in keys.iter().zip(&lifted.keys) {
                let (key, same) = (Expr::Column(key.clone()), Expr::Column(same.clone()));
                let met = binary_expr(key, Operator::IsNotDistinctFrom, same);
                filter = Some(filter.map_or_else(|| met.clone(), |filter| filter.and(met.clone())));
            }
            Arc::new(lifted.plan)
        } else {
            Arc::clone(other)
        };
        let plan = Arc::new(plan);
        let (left, right) = if on_right { (other, plan) } else { (plan, other) };
        let on = join
            .on
            .iter()
            .map(|(l, r)| Ok((self.without_outer(l, &keys)?, self.without_outer(r, &keys)?)))
            .collect::<Result<Vec<_>>>()?;
        let (how, nulls) = (join.join_constraint, join.null_equality);
        let join = Join::try_new(left, right, on, filter, join.join_type, how, nulls, join.null_aware)?;
        Ok(Some(Lifted { plan: LogicalPlan::Join(join), keys }))
    }

    /// Groups by the question too. Without groups of its own, an aggregate answers every question, also those for
    /// which no row is left: `count` says 0.
    fn lift_aggregate(&mut self, aggregate: &Aggregate) -> Result<Option<Lifted>> {
        if aggregate.group_expr.iter().any(|expr| matches!(expr, Expr::GroupingSet(_))) {
            return Ok(None);
        }
        let Some(below) = self.lift(&aggregate.input)? else { return Ok(None) };
        let mut groups = self.all_without_outer(&aggregate.group_expr, &below.keys)?;
        groups.extend(below.keys.iter().cloned().map(Expr::Column));
        let values = self.all_without_outer(&aggregate.aggr_expr, &below.keys)?;
        let grouped = LogicalPlan::Aggregate(Aggregate::try_new(Arc::new(below.plan), groups, values)?);
        if !aggregate.group_expr.is_empty() {
            return Ok(Some(Lifted { plan: grouped, keys: below.keys }));
        }
        let all = self.ask(LogicalPlanBuilder::empty(true).build()?)?;
        let joined = LogicalPlanBuilder::from(all.plan)
            .join_detailed(grouped, JoinType::Left, (all.keys.clone(), below.keys), None, NullEquality::NullEqualsNull)?
            .build()?;
        let mut exprs = Vec::new();
        for (expr, column) in aggregate.aggr_expr.iter().zip(aggregate.schema.columns()) {
            exprs.push(or_default(expr, column, aggregate)?);
        }
        exprs.extend(all.keys.iter().cloned().map(Expr::Column));
        let plan = LogicalPlanBuilder::from(joined).project(exprs)?.build()?;
        Ok(Some(Lifted { plan, keys: all.keys }))
    }

    fn all_without_outer(&self, exprs: &[Expr], keys: &[Column]) -> Result<Vec<Expr>> {
        let preserver = NamePreserver::new_for_projection();
        exprs.iter().map(|expr| Ok(preserver.save(expr).restore(self.without_outer(expr, keys)?))).collect()
    }

    /// The expression with the columns of the question where the outer values stood.
    fn without_outer(&self, expr: &Expr, keys: &[Column]) -> Result<Expr> {
        let keys: HashMap<&Column, &Column> = self.outer.iter().zip(keys).collect();
        expr.clone()
            .transform(|expr| {
                Ok(match &expr {
                    Expr::OuterReferenceColumn(_, column) => match keys.get(column) {
                        Some(key) => Transformed::yes(Expr::Column((*key).clone())),
                        None => Transformed::no(expr),
                    },
                    _ => Transformed::no(expr),
                })
            })
            .map(|transformed| transformed.data)
    }
}

/// An aggregate's column, with what the aggregate says of no rows where there are none.
fn or_default(expr: &Expr, column: Column, aggregate: &Aggregate) -> Result<Expr> {
    let value = Expr::Column(column.clone());
    let Expr::AggregateFunction(function) = expr.clone().unalias_nested().data else { return Ok(value) };
    let default = function.func.default_value(&value.get_type(&aggregate.schema)?)?;
    if default.is_null() {
        return Ok(value);
    }
    Ok(when(value.clone().is_null(), lit(default)).otherwise(value)?.alias_qualified(column.relation, column.name))
}

mod limit;
mod recursion;
#[cfg(test)]
mod tests;
