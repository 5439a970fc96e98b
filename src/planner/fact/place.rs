//! Takes the calls of facts out of expressions and puts [`MemberFacts`] nodes where their members come from.
//!
//! A call sinks through whatever only filters, orders, renames or joins rows, down to where its member's column arises:
//! so the facts in WHERE, SELECT, ORDER BY, and in a view below, meet in one node and share their reading. That is no
//! change of meaning, because a fact depends on its member only. What groups or combines rows is not passed.
//!
//! Columns that were added below are taken off again wherever columns count: at the top, in subqueries and set operations.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, Result};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{
    Expr, Filter, Join, JoinType, LogicalPlan, LogicalPlanBuilder, Projection, SubqueryAlias, Window, lit,
};

use super::filter::needs_dictionary;
use super::node::{MemberFacts, Wanted};
use super::{Fact, FactCall, Lowering, Scope};
use crate::error::message;

/// The plan without calls.
///
/// Errors: those of the filters; 0A000 for a fact of a member that only an outer join of both sides knows.
pub fn place(plan: LogicalPlan, lowering: &Lowering<'_>) -> Result<LogicalPlan> {
    Placer { lowering, columns: 0 }.settled(plan)
}

/// What is known of the calls in a plan before any is read.
#[derive(Debug, Default)]
pub struct Calls {
    /// Whether reading them takes the words of the history.
    pub need_dictionary: bool,
}

/// The calls in a plan; `None` when there are none.
pub fn calls(plan: &LogicalPlan) -> Result<Option<Calls>> {
    let mut found: Option<Calls> = None;
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                if let Some((call, _, filters)) = FactCall::of(expr) {
                    found.get_or_insert_default().need_dictionary |= needs_dictionary(call.fact, &filters);
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(found)
}

/// A fact that a node above asks for; the member is an expression over the columns that the node below gives.
#[derive(Debug, Clone, PartialEq)]
struct Request {
    fact: Fact,
    scope: Arc<Scope>,
    member: Expr,
}

/// What a node and those above it ask for, and which request each call of the node is.
#[derive(Debug, Default)]
struct Asked {
    requests: Vec<Request>,
    calls: HashMap<Expr, usize>,
}

impl Asked {
    fn above(requests: &[Request]) -> Self {
        Self { requests: requests.to_vec(), calls: HashMap::new() }
    }

    /// The expression with the columns of the facts where the calls stood; a column for each request.
    fn replaced(&self, expr: Expr, columns: &[Column]) -> Result<Transformed<Expr>> {
        expr.transform_down(|expr| {
            if FactCall::of(&expr).is_none() {
                return Ok(Transformed::no(expr));
            }
            let Some(column) = self.calls.get(&expr).and_then(|at| columns.get(*at)) else {
                return Err(message::internal("a fact was not placed").into());
            };
            Ok(Transformed::new(Expr::Column(column.clone()), true, TreeNodeRecursion::Jump))
        })
    }
}

struct Placer<'a> {
    lowering: &'a Lowering<'a>,
    columns: usize,
}

impl Placer<'_> {
    /// A plan with the columns that it had.
    fn settled(&mut self, plan: LogicalPlan) -> Result<LogicalPlan> {
        let columns = plan.schema().columns();
        let (plan, _) = self.rewrite(plan, &[])?;
        if plan.schema().fields().len() == columns.len() {
            return Ok(plan);
        }
        LogicalPlanBuilder::from(plan).project(columns.into_iter().map(Expr::Column))?.build()
    }

    /// The plan without calls, with the columns of the requests among its own; where they are in its output, in the
    /// order of the requests.
    fn rewrite(&mut self, plan: LogicalPlan, requests: &[Request]) -> Result<(LogicalPlan, Vec<Column>)> {
        let plan = plan.map_subqueries(|subquery| self.settled(subquery).map(Transformed::yes))?.data;
        match plan {
            LogicalPlan::Subquery(mut subquery) => {
                subquery.subquery = Arc::new(self.settled(Arc::unwrap_or_clone(subquery.subquery))?);
                self.put_above(LogicalPlan::Subquery(subquery), requests)
            }
            LogicalPlan::Filter(filter) => self.rewrite_filter(filter, requests),
            LogicalPlan::Projection(projection) => self.rewrite_projection(projection, requests),
            LogicalPlan::SubqueryAlias(alias) => self.rewrite_alias(alias, requests),
            LogicalPlan::Join(join) => self.rewrite_join(join, requests),
            LogicalPlan::Sort(_) | LogicalPlan::Limit(_) => self.rewrite_through(plan, requests),
            LogicalPlan::Window(_) => {
                let below = plan.inputs().first().map(|input| Arc::clone(input.schema()));
                let sinks = |request: &Request| below.as_ref().is_some_and(|schema| knows(schema, &request.member));
                if requests.iter().all(sinks) {
                    self.rewrite_through(plan, requests)
                } else {
                    let (plan, _) = self.rewrite_through(plan, &[])?;
                    self.put_above(plan, requests)
                }
            }
            _ if plan.inputs().len() == 1 && self.has_calls(&plan)? => {
                let (plan, _) = self.rewrite_through(plan, &[])?;
                self.put_above(plan, requests)
            }
            _ => {
                let plan = plan.map_children(|child| self.settled(child).map(Transformed::yes))?.data;
                self.put_above(plan, requests)
            }
        }
    }

    /// A node over one input whose rows it passes on with all their columns, or that needs none but its own.
    fn rewrite_through(&mut self, plan: LogicalPlan, requests: &[Request]) -> Result<(LogicalPlan, Vec<Column>)> {
        let mut all = Asked::above(requests);
        let preserver = NamePreserver::new_for_projection();
        let exprs = plan.expressions();
        let mut inputs: Vec<LogicalPlan> = plan.inputs().into_iter().cloned().collect();
        let Some(input) = inputs.pop() else { return self.put_above(plan, requests) };
        for expr in &exprs {
            self.collect(expr, input.schema(), &mut all)?;
        }
        let (input, columns) = self.rewrite(input, &all.requests)?;
        if let LogicalPlan::Window(window) = &plan {
            let plan = rewritten_window(window, input, &all, &columns)?;
            return Ok((plan, columns.into_iter().take(requests.len()).collect()));
        }
        let exprs = exprs
            .into_iter()
            .map(|expr| {
                let name = preserver.save(&expr);
                let replaced = all.replaced(expr, &columns)?;
                Ok(if replaced.transformed && !matches!(plan, LogicalPlan::Sort(_)) {
                    name.restore(replaced.data)
                } else {
                    replaced.data
                })
            })
            .collect::<Result<Vec<_>>>()?;
        let plan = plan.with_new_exprs(exprs, vec![input])?;
        Ok((plan, columns.into_iter().take(requests.len()).collect()))
    }

    fn rewrite_filter(&mut self, filter: Filter, requests: &[Request]) -> Result<(LogicalPlan, Vec<Column>)> {
        let mut all = Asked::above(requests);
        self.collect(&filter.predicate, filter.input.schema(), &mut all)?;
        let (input, columns) = self.rewrite(Arc::unwrap_or_clone(filter.input), &all.requests)?;
        let predicate = all.replaced(filter.predicate, &columns)?.data;
        let plan = LogicalPlan::Filter(Filter::try_new(predicate, Arc::new(input))?);
        Ok((plan, columns.into_iter().take(requests.len()).collect()))
    }

    fn rewrite_projection(
        &mut self,
        projection: Projection,
        requests: &[Request],
    ) -> Result<(LogicalPlan, Vec<Column>)> {
        let (mut all, mut above) = (Asked::default(), Vec::new());
        for request in requests {
            let member = behind(&request.member, &projection)?;
            // What a subquery or a volatile function gives must not be asked a second time.
            if member.is_volatile() || has_subquery(&member)? {
                above.push(request.clone());
            } else {
                all.requests.push(Request { member, ..request.clone() });
            }
        }
        let passed = all.requests.len();
        for expr in &projection.expr {
            self.collect(expr, projection.input.schema(), &mut all)?;
        }
        let (input, columns) = self.rewrite(Arc::unwrap_or_clone(projection.input), &all.requests)?;
        let preserver = NamePreserver::new_for_projection();
        let mut exprs = Vec::with_capacity(projection.expr.len() + passed);
        for expr in projection.expr {
            let name = preserver.save(&expr);
            let replaced = all.replaced(expr, &columns)?;
            exprs.push(if replaced.transformed { name.restore(replaced.data) } else { replaced.data });
        }
        for column in columns.iter().take(passed) {
            if !exprs.iter().any(|expr| matches!(expr, Expr::Column(known) if known == column)) {
                exprs.push(Expr::Column(column.clone()));
            }
        }
        let plan = LogicalPlan::Projection(Projection::try_new(exprs, Arc::new(input))?);
        if above.is_empty() {
            return Ok((plan, columns.into_iter().take(passed).collect()));
        }
        let (plan, put) = self.put_above(plan, &above)?;
        let (mut passed, mut put) = (columns.into_iter(), put.into_iter());
        let columns = requests.iter().filter_map(|request| {
            let is_above = above.iter().any(|other| other == request);
            if is_above { put.next() } else { passed.next() }
        });
        Ok((plan, columns.collect()))
    }

    fn rewrite_alias(&mut self, alias: SubqueryAlias, requests: &[Request]) -> Result<(LogicalPlan, Vec<Column>)> {
        let all = requests
            .iter()
            .map(|request| {
                let member = request.member.clone().transform(|expr| {
                    let Expr::Column(column) = &expr else { return Ok(Transformed::no(expr)) };
                    let at = alias.schema.index_of_column(column)?;
                    let below = Column::from(alias.input.schema().qualified_field(at));
                    Ok(Transformed::yes(Expr::Column(below)))
                })?;
                Ok(Request { member: member.data, ..request.clone() })
            })
            .collect::<Result<Vec<_>>>()?;
        let (input, columns) = self.rewrite(Arc::unwrap_or_clone(alias.input), &all)?;
        // Two inputs may have had a column of one name: the alias gives every column the same qualifier.
        let columns = columns.into_iter().map(|column| Column::new(Some(alias.alias.clone()), column.name)).collect();
        Ok((LogicalPlan::SubqueryAlias(SubqueryAlias::try_new(Arc::new(input), alias.alias)?), columns))
    }

    /// Facts go to the side that knows the member. Under an outer join, a row that was not matched has no member, and the
    /// fact of no member is not NULL: such facts are computed above the join.
    fn rewrite_join(&mut self, join: Join, requests: &[Request]) -> Result<(LogicalPlan, Vec<Column>)> {
        let (left_schema, right_schema) = (Arc::clone(join.left.schema()), Arc::clone(join.right.schema()));
        let keeps_left = matches!(
            join.join_type,
            JoinType::Inner | JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark
        );
        let keeps_right =
            matches!(join.join_type, JoinType::Inner | JoinType::Right | JoinType::RightSemi | JoinType::RightAnti);
        let (mut left, mut right, mut above) = (Vec::new(), Vec::new(), Vec::new());
        let mut places = Vec::new();
        for request in requests {
            if keeps_left && knows(&left_schema, &request.member) {
                places.push((0, left.len()));
                left.push(request.clone());
            } else if keeps_right && knows(&right_schema, &request.member) {
                places.push((1, right.len()));
                right.push(request.clone());
            } else {
                places.push((2, above.len()));
                above.push(request.clone());
            }
        }
        // In the condition of a join, each side is there as it is.
        let mut own = Asked::default();
        for (one, other) in &join.on {
            self.collect(one, &left_schema, &mut own)?;
            self.collect(other, &right_schema, &mut own)?;
        }
        if let Some(filter) = &join.filter {
            self.collect(filter, &join.schema, &mut own)?;
        }
        let mut own_places = Vec::new();
        for request in &own.requests {
            let (at, side) = if knows(&left_schema, &request.member) {
                (0, &mut left)
            } else if knows(&right_schema, &request.member) {
                (1, &mut right)
            } else {
                return Err(message::fact_across_join(request.fact.name()).into());
            };
            own_places.push((at, side.len()));
            side.push(request.clone());
        }
        let (left_plan, left_columns) = self.rewrite(Arc::unwrap_or_clone(join.left), &left)?;
        let (right_plan, right_columns) = self.rewrite(Arc::unwrap_or_clone(join.right), &right)?;
        let column = |(side, at): &(usize, usize), above: &[Column]| match side {
            0 => left_columns[*at].clone(),
            1 => right_columns[*at].clone(),
            _ => above[*at].clone(),
        };
        let own_columns: Vec<Column> = own_places.iter().map(|place| column(place, &[])).collect();
        let on = join
            .on
            .into_iter()
            .map(|(one, other)| Ok((own.replaced(one, &own_columns)?.data, own.replaced(other, &own_columns)?.data)))
            .collect::<Result<Vec<_>>>()?;
        let filter = join.filter.map(|filter| own.replaced(filter, &own_columns));
        let plan = LogicalPlan::Join(Join::try_new(
            Arc::new(left_plan),
            Arc::new(right_plan),
            on,
            filter.transpose()?.map(|filter| filter.data),
            join.join_type,
            join.join_constraint,
            join.null_equality,
            join.null_aware,
        )?);
        let (plan, put) = self.put_above(plan, &above)?;
        let columns = places.iter().map(|place| column(place, &put)).collect();
        Ok((plan, columns))
    }

    /// Computes the requested facts over a plan.
    fn put_above(&mut self, plan: LogicalPlan, requests: &[Request]) -> Result<(LogicalPlan, Vec<Column>)> {
        let mut plan = plan;
        let mut columns: Vec<Option<Column>> = vec![None; requests.len()];
        for at in 0..requests.len() {
            if columns[at].is_some() {
                continue;
            }
            let member = &requests[at].member;
            let mut facts: Vec<Wanted> = Vec::new();
            for (request, column) in requests.iter().zip(&mut columns).filter(|(request, _)| request.member == *member)
            {
                let known = facts.iter().find(|wanted| wanted.fact == request.fact && wanted.scope == request.scope);
                let name = match known {
                    Some(wanted) => wanted.column.clone(),
                    None => {
                        self.columns += 1;
                        let name = format!("__fact_{}", self.columns);
                        let (fact, scope) = (request.fact, Arc::clone(&request.scope));
                        facts.push(Wanted { fact, scope, column: name.clone() });
                        name
                    }
                };
                *column = Some(Column::new_unqualified(name));
            }
            let node = MemberFacts::new(Arc::new(plan), member.clone(), facts, self.lowering.types)?;
            plan = node.into_plan();
        }
        Ok((plan, columns.into_iter().flatten().collect()))
    }

    /// Adds what an expression asks for; its columns are those of `schema`.
    fn collect(&self, expr: &Expr, schema: &DFSchema, asked: &mut Asked) -> Result<()> {
        expr.apply(|expr| {
            let Some((call, member, filters)) = FactCall::of(expr) else { return Ok(TreeNodeRecursion::Continue) };
            if !asked.calls.contains_key(expr) {
                let scope = self.lowering.scope(call, &filters)?;
                let member = self.lowering.member(call, member.clone(), schema)?;
                let request = Request { fact: call.fact, scope, member };
                let at = asked.requests.iter().position(|known| *known == request).unwrap_or(asked.requests.len());
                if at == asked.requests.len() {
                    asked.requests.push(request);
                }
                asked.calls.insert(expr.clone(), at);
            }
            Ok(TreeNodeRecursion::Jump)
        })?;
        Ok(())
    }

    fn has_calls(&self, plan: &LogicalPlan) -> Result<bool> {
        let mut found = false;
        plan.apply_expressions(|expr| {
            found |= expr.exists(|expr| Ok(FactCall::of(expr).is_some()))?;
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(found)
    }
}

/// A window's functions give columns of their own names, which change with what they are computed from: the old names
/// are given back above.
fn rewritten_window(window: &Window, input: LogicalPlan, asked: &Asked, columns: &[Column]) -> Result<LogicalPlan> {
    let mut shown: Vec<Expr> = input.schema().columns().into_iter().map(Expr::Column).collect();
    let mut exprs: Vec<Expr> = Vec::with_capacity(window.window_expr.len());
    for expr in &window.window_expr {
        let replaced = asked.replaced(expr.clone(), columns)?.data;
        let new = Expr::Column(Column::new_unqualified(replaced.schema_name().to_string()));
        shown.push(new.alias(expr.schema_name().to_string()));
        exprs.push(replaced);
    }
    LogicalPlanBuilder::from(input).window(exprs)?.project(shown)?.build()
}

/// Whether all columns of an expression are in a schema. One without columns belongs nowhere in particular: anywhere.
fn knows(schema: &DFSchema, expr: &Expr) -> bool {
    expr.column_refs().into_iter().all(|column| schema.has_column(column))
}

/// An expression over the columns of a projection as one over those of its input.
fn behind(expr: &Expr, projection: &Projection) -> Result<Expr> {
    let behind = expr.clone().transform_down(|expr| {
        let Expr::Column(column) = &expr else { return Ok(Transformed::no(expr)) };
        let at = projection.schema.index_of_column(column)?;
        let below = projection.expr.get(at).cloned().unwrap_or_else(|| lit(true));
        Ok(Transformed::new(below.unalias_nested().data, true, TreeNodeRecursion::Jump))
    })?;
    Ok(behind.data)
}

fn has_subquery(expr: &Expr) -> Result<bool> {
    expr.exists(|expr| Ok(matches!(expr, Expr::ScalarSubquery(_) | Expr::InSubquery(_) | Expr::Exists(_))))
}
