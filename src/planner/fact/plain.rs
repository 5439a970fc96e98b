//! Plain SQL that asks for members by their receipts, as facts that the member index tells.
//!
//! | written | becomes |
//! |---|---|
//! | `WHERE EXISTS (SELECT … FROM purchases p WHERE p.member_id = m.member_id AND …)`, with or without NOT | a fact of `m.member_id` |
//! | `WHERE m.member_id IN (SELECT member_id FROM purchases WHERE …)`, with or without NOT | a fact of `m.member_id` |
//! | `SELECT member_id, count(*), … FROM purchases WHERE … GROUP BY member_id` | a row of the index for each member |
//! | `SELECT DISTINCT member_id FROM purchases WHERE …` | the same |
//! | `SELECT count(DISTINCT member_id) FROM purchases WHERE …` | a count of those |
//!
//! and the same of `purchase_lines` with a condition on the product. It has to mean the same, and so not everything fits: the index
//! has completed receipts of members, so the conditions must leave no others (`status = 'completed'`, unless there are only such),
//! and nobody's receipts must not matter. Conditions are on business date, weekday, local time in whole seconds, store, channel and
//! product, each with a constant. Whatever else there is stays as it is, and reads the files.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use arrow::datatypes::DataType;
use chrono::{Datelike, NaiveDate};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, Result, ScalarValue};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::expr::{AggregateFunction, AggregateFunctionParams, Exists, InSubquery};
use datafusion::logical_expr::utils::{conjunction, split_conjunction};
use datafusion::logical_expr::{
    Aggregate, BinaryExpr, Distinct, Expr, ExprSchemable, Filter, LogicalPlan, LogicalPlanBuilder, Operator, TableScan,
    cast, lit,
};
use regulars_udfs::{TimeWindow, WeekdaySet};

use super::filter::days_of;
use super::lower::{column, part_name};
use super::receipt::Use;
use super::{Fact, FactCall, Lowering, Scope};
use crate::history::History;
use crate::history::id::Id;
use crate::planner::{constant, is_text};

/// The plan with whatever the index can tell said in facts.
pub fn rewrite(plan: LogicalPlan, lowering: &Lowering<'_>) -> Result<LogicalPlan> {
    let Some(built) = &lowering.index else { return Ok(plan) };
    let plain = Plain { lowering, only_completed: built.index.has_only_completed() };
    let rewritten = plan.transform_down_with_subqueries(|plan| match plan {
        LogicalPlan::Filter(filter) => plain.filter(filter),
        LogicalPlan::Aggregate(aggregate) => plain.aggregate(aggregate),
        LogicalPlan::Distinct(Distinct::All(input)) => plain.distinct(input),
        other => Ok(Transformed::no(other)),
    })?;
    Ok(rewritten.data)
}

/// Whether a plan reads receipts or their lines itself, so that it is worth looking.
pub fn reads_receipts(plan: &LogicalPlan, history: &History) -> Result<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|plan| {
        if let LogicalPlan::TableScan(scan) = plan {
            found |= table_of(scan, history).is_some();
        }
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Table {
    Purchases,
    Lines,
}

/// Rows of one table and what holds of them.
struct Rows<'a> {
    table: Table,
    conditions: Vec<&'a Expr>,
}

/// What conditions say of receipts.
#[derive(Default)]
struct Said {
    scope: Scope,
    is_completed: bool,
    /// No row is nobody's.
    has_member: bool,
    /// Conditions on the member alone.
    of_member: Vec<Expr>,
    /// The member of a row outside that the rows belong to.
    of_outer: Option<Column>,
    from_us: Option<i64>,
    to_us: Option<i64>,
    stores_are_texts: bool,
    products_are_texts: bool,
}

struct Plain<'a> {
    lowering: &'a Lowering<'a>,
    /// No receipt is anything but completed.
    only_completed: bool,
}

impl Plain<'_> {
    fn filter(&self, filter: Filter) -> Result<Transformed<LogicalPlan>> {
        let mut changed = false;
        let mut conditions = Vec::new();
        for condition in split_conjunction(&filter.predicate) {
            let among = match condition {
                Expr::InSubquery(among) => self.among(among, &filter.input)?,
                _ => None,
            };
            let said = match among {
                Some(said) => Transformed::yes(said),
                // EXISTS is never NULL, wherever it stands.
                None => condition.clone().transform_down(|expr| match &expr {
                    Expr::Exists(exists) => match self.exists(exists, &filter.input)? {
                        Some(said) => Ok(Transformed::new(said, true, TreeNodeRecursion::Jump)),
                        None => Ok(Transformed::no(expr)),
                    },
                    _ => Ok(Transformed::no(expr)),
                })?,
            };
            changed |= said.transformed;
            conditions.push(said.data);
        }
        match conjunction(conditions).filter(|_| changed) {
            Some(predicate) => Ok(Transformed::yes(LogicalPlan::Filter(Filter::try_new(predicate, filter.input)?))),
            None => Ok(Transformed::no(LogicalPlan::Filter(filter))),
        }
    }

    fn exists(&self, exists: &Exists, input: &LogicalPlan) -> Result<Option<Expr>> {
        let mut plan = exists.subquery.subquery.as_ref();
        // Whatever is selected, and in which order.
        while let LogicalPlan::Projection(_) | LogicalPlan::Distinct(Distinct::All(_)) | LogicalPlan::Sort(_) = plan {
            let [input] = plan.inputs()[..] else { return Ok(None) };
            plan = input;
        }
        let Some(rows) = self.rows(plan) else { return Ok(None) };
        let Some(said) = self.said(&rows)? else { return Ok(None) };
        // A row further out is not at hand here.
        let of_row = |member: &Column| said.of_member.is_empty() && input.schema().has_column(member);
        let Some(member) = said.of_outer.clone().filter(of_row).map(Expr::Column) else { return Ok(None) };
        Ok(self
            .count_of(member, said)
            .map(|count| if exists.negated { count.eq(lit(0_i64)) } else { count.gt(lit(0_i64)) }))
    }

    /// IN of a condition that must hold.
    fn among(&self, among: &InSubquery, input: &LogicalPlan) -> Result<Option<Expr>> {
        let mut plan = among.subquery.subquery.as_ref();
        if let LogicalPlan::Distinct(Distinct::All(input)) = plan {
            plan = input;
        }
        let Some(rows) = self.members(plan) else { return Ok(None) };
        let Some(said) = self.said(&rows)? else { return Ok(None) };
        if said.of_outer.is_some() || !said.of_member.is_empty() {
            return Ok(None);
        }
        let member = among.expr.as_ref().clone();
        if !among.negated {
            return Ok(self.count_of(member, said).map(|count| count.gt(lit(0_i64))));
        }
        // NOT IN is NULL for NULL on either side.
        if !said.has_member || !self.is_of_members(&member, input) {
            return Ok(None);
        }
        Ok(self.count_of(member, said).map(|count| count.eq(lit(0_i64))))
    }

    fn aggregate(&self, aggregate: Aggregate) -> Result<Transformed<LogicalPlan>> {
        let same = |aggregate| Ok(Transformed::no(LogicalPlan::Aggregate(aggregate)));
        let replaced = match aggregate.group_expr.as_slice() {
            [] if !aggregate.aggr_expr.is_empty() && aggregate.aggr_expr.iter().all(counts_members) => {
                return match self.counted(&aggregate)? {
                    Some(plan) => Ok(Transformed::new(plan, true, TreeNodeRecursion::Jump)),
                    None => same(aggregate),
                };
            }
            [Expr::Column(member)] if member.name == "member_id" => self.grouped(&aggregate)?,
            _ => None,
        };
        match replaced {
            Some(plan) => Ok(Transformed::new(plan, true, TreeNodeRecursion::Jump)),
            None => same(aggregate),
        }
    }

    fn grouped(&self, aggregate: &Aggregate) -> Result<Option<LogicalPlan>> {
        let Some(rows) = self.rows(&aggregate.input) else { return Ok(None) };
        let Some(facts) =
            aggregate.aggr_expr.iter().map(|expr| fact_of(expr, rows.table)).collect::<Option<Vec<Fact>>>()
        else {
            return Ok(None);
        };
        let Some(said) = self.said(&rows)?.filter(|said| said.has_member && said.of_outer.is_none()) else {
            return Ok(None);
        };
        self.relation(said, &facts, &aggregate.schema)
    }

    fn distinct(&self, input: Arc<LogicalPlan>) -> Result<Transformed<LogicalPlan>> {
        let plan = match self.members(&input) {
            Some(rows) => match self.said(&rows)? {
                Some(said) if said.has_member && said.of_outer.is_none() => self.relation(said, &[], input.schema())?,
                _ => None,
            },
            None => None,
        };
        Ok(match plan {
            Some(plan) => Transformed::new(plan, true, TreeNodeRecursion::Jump),
            None => Transformed::no(LogicalPlan::Distinct(Distinct::All(input))),
        })
    }

    /// Counts of distinct members, over one row for each; who is nobody is not counted anyway.
    fn counted(&self, aggregate: &Aggregate) -> Result<Option<LogicalPlan>> {
        let Some(rows) = self.rows(&aggregate.input) else { return Ok(None) };
        let Some(said) = self.said(&rows)?.filter(|said| said.of_outer.is_none()) else { return Ok(None) };
        let Some(Expr::AggregateFunction(AggregateFunction { params, .. })) = aggregate.aggr_expr.first() else {
            return Ok(None);
        };
        let Some(Expr::Column(member)) = params.args.first() else { return Ok(None) };
        let at = aggregate.input.schema().index_of_column(member)?;
        let (qualifier, field) = aggregate.input.schema().qualified_field(at);
        let schema = DFSchema::new_with_metadata(vec![(qualifier.cloned(), Arc::clone(field))], HashMap::new())?;
        let Some(members) = self.relation(said, &[], &schema)? else { return Ok(None) };
        let counted = Aggregate::try_new_with_schema(
            Arc::new(members),
            Vec::new(),
            aggregate.aggr_expr.clone(),
            Arc::clone(&aggregate.schema),
        )?;
        Ok(Some(LogicalPlan::Aggregate(counted)))
    }

    /// One row for each member with such receipts: the member and these facts, under the names of a schema.
    fn relation(&self, said: Said, facts: &[Fact], schema: &DFSchema) -> Result<Option<LogicalPlan>> {
        let of_member = conjunction(said.of_member.iter().cloned());
        let Some(scope) = self.scope(said) else { return Ok(None) };
        let one = Use { scope, counts: true, amount: false, quantity: false };
        let mut parts: Vec<(Fact, usize)> = vec![(Fact::PurchaseCount, 0)];
        for fact in facts {
            if !parts.contains(&(*fact, 0)) {
                parts.push((*fact, 0));
            }
        }
        let Some(indexed) = self.lowering.indexed(&[one], &parts, &[false], &[]) else { return Ok(None) };
        let mut plan = LogicalPlanBuilder::from(indexed.into_plan()?);
        if let Some(condition) = of_member {
            let plain = condition.transform_up(|expr| {
                Ok(match expr {
                    Expr::Column(of) => Transformed::yes(column(&of.name)),
                    other => Transformed::no(other),
                })
            })?;
            plan = plan.filter(plain.data)?;
        }
        let columns = std::iter::once(column("member_id")).chain(facts.iter().map(|fact| column(&part_name(*fact, 0))));
        let mut exprs = Vec::with_capacity(facts.len() + 1);
        for (expr, (qualifier, field)) in columns.zip(schema.iter()) {
            let is_of_type = expr.get_type(plan.schema())? == *field.data_type();
            let expr = if is_of_type { expr } else { cast(expr, field.data_type().clone()) };
            exprs.push(expr.alias_qualified(qualifier.cloned(), field.name()));
        }
        plan.project(exprs)?.build().map(Some)
    }

    /// The number of such receipts of a member; `None` where the index cannot tell it.
    fn count_of(&self, member: Expr, said: Said) -> Option<Expr> {
        let scope = self.scope(said)?;
        let one = Use { scope: Arc::clone(&scope), counts: true, amount: false, quantity: false };
        self.lowering.indexed(&[one], &[(Fact::PurchaseCount, 0)], &[false], &[])?;
        Some(FactCall::said(Fact::PurchaseCount, member, scope, self.lowering.types))
    }

    fn scope(&self, said: Said) -> Option<Arc<Scope>> {
        if !said.is_completed && !self.only_completed {
            return None;
        }
        let mut scope = Scope { as_rows: true, ..said.scope };
        if said.from_us.is_some() || said.to_us.is_some() {
            let (from, to) = (said.from_us.unwrap_or(0), said.to_us.unwrap_or(DAY_US));
            scope.hours = Some(TimeWindow::new(from, to).ok().filter(|_| from < to)?);
        }
        Some(Arc::new(scope))
    }

    /// The rows that a subquery or an aggregate goes through.
    fn rows<'p>(&self, plan: &'p LogicalPlan) -> Option<Rows<'p>> {
        match plan {
            LogicalPlan::Filter(filter) => {
                let mut rows = self.rows(&filter.input)?;
                rows.conditions.extend(split_conjunction(&filter.predicate));
                Some(rows)
            }
            LogicalPlan::SubqueryAlias(alias) => self.rows(&alias.input),
            // A view that shows columns as they are.
            LogicalPlan::Projection(projection)
                if projection.expr.iter().all(|expr| matches!(expr, Expr::Column(_))) =>
            {
                self.rows(&projection.input)
            }
            LogicalPlan::TableScan(scan) => {
                Some(Rows { table: table_of(scan, self.lowering.history)?, conditions: Vec::new() })
            }
            _ => None,
        }
    }

    /// The same of a plan that gives their members and nothing else.
    fn members<'p>(&self, plan: &'p LogicalPlan) -> Option<Rows<'p>> {
        let LogicalPlan::Projection(projection) = plan else { return None };
        let [member] = projection.expr.as_slice() else { return None };
        let mut member = member;
        while let Expr::Alias(alias) = member {
            member = &alias.expr;
        }
        matches!(member, Expr::Column(column) if column.name == "member_id").then_some(())?;
        self.rows(&projection.input)
    }

    /// Whether a column of a plan is the identifier of a row of `members`, which is never NULL.
    fn is_of_members(&self, member: &Expr, plan: &LogicalPlan) -> bool {
        let Expr::Column(column) = member else { return false };
        match plan {
            LogicalPlan::TableScan(scan) => {
                let members = self.lowering.history.relation("members");
                column.name == "member_id"
                    && members.is_some_and(|members| {
                        source_as_provider(&scan.source).is_ok_and(|found| Arc::ptr_eq(&found, &members))
                    })
            }
            LogicalPlan::Filter(filter) => self.is_of_members(member, &filter.input),
            LogicalPlan::SubqueryAlias(alias) => {
                let Ok(at) = alias.schema.index_of_column(column) else { return false };
                let below = Column::from(alias.input.schema().qualified_field(at));
                self.is_of_members(&Expr::Column(below), &alias.input)
            }
            _ => false,
        }
    }

    /// What conditions say; `None` where they say something that the index does not know.
    fn said(&self, rows: &Rows<'_>) -> Result<Option<Said>> {
        let mut said = Said {
            stores_are_texts: self.is_text("purchases", "store_id"),
            products_are_texts: self.is_text("purchase_lines", "product_id"),
            ..Said::default()
        };
        for condition in &rows.conditions {
            if self.read(condition, rows.table, &mut said)?.is_none() {
                return Ok(None);
            }
        }
        // Receipts without lines have no row there.
        Ok(Some(said).filter(|said| rows.table == Table::Purchases || said.scope.products.is_some()))
    }

    fn read(&self, condition: &Expr, table: Table, said: &mut Said) -> Result<Option<()>> {
        match condition {
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
                let (of, op, to) = match (left.as_ref(), right.as_ref()) {
                    (Expr::Column(of), to) => (of, *op, to),
                    (to, Expr::Column(of)) => match op.swap() {
                        Some(op) => (of, op, to),
                        None => return Ok(None),
                    },
                    _ => return Ok(None),
                };
                if of.name == "member_id"
                    && op == Operator::Eq
                    && said.of_outer.is_none()
                    && let Expr::OuterReferenceColumn(_, outer) = to
                {
                    said.of_outer = Some(outer.clone());
                    said.has_member = true;
                    return Ok(Some(()));
                }
                let Some(value) = self.value(to) else { return Ok(None) };
                Ok(if of.name == "member_id" && op == Operator::Eq {
                    said.of_member.push(condition.clone());
                    said.has_member = true;
                    Some(())
                } else {
                    said.compared(&of.name, op, &value, table)
                })
            }
            Expr::InList(list) if !list.negated => {
                let Expr::Column(of) = list.expr.as_ref() else { return Ok(None) };
                let values = list.list.iter().map(|value| self.value(value)).collect::<Option<Vec<_>>>();
                Ok(values.and_then(|values| said.among(&of.name, &values, table)))
            }
            Expr::Between(between) if !between.negated => {
                let Expr::Column(of) = between.expr.as_ref() else { return Ok(None) };
                let (Some(low), Some(high)) = (self.value(&between.low), self.value(&between.high)) else {
                    return Ok(None);
                };
                let low = said.compared(&of.name, Operator::GtEq, &low, table);
                Ok(low.and_then(|()| said.compared(&of.name, Operator::LtEq, &high, table)))
            }
            Expr::IsNotNull(of) => Ok(match of.as_ref() {
                Expr::Column(of) if of.name == "member_id" => {
                    said.has_member = true;
                    Some(())
                }
                _ => None,
            }),
            _ => Ok(None),
        }
    }

    /// The value of a constant that is not NULL.
    fn value(&self, expr: &Expr) -> Option<ScalarValue> {
        if let Expr::Literal(value, _) = expr {
            return Some(value.clone()).filter(|value| !value.is_null());
        }
        // What cannot be computed is told when the statement runs; and only a literal text may be of another type.
        let value = constant::value(&self.lowering.simplify, expr).ok().flatten()?;
        Some(value).filter(|value| !value.is_null() && value.try_as_str().is_none())
    }

    fn is_text(&self, table: &str, name: &str) -> bool {
        let relation = self.lowering.history.relations().find(|relation| relation.name == table);
        relation
            .is_some_and(|relation| relation.schema.field_with_name(name).is_ok_and(|field| is_text(field.data_type())))
    }
}

const SECOND_US: i64 = 1_000_000;
const DAY_US: i64 = 86_400 * SECOND_US;

impl Said {
    fn compared(&mut self, name: &str, op: Operator, value: &ScalarValue, table: Table) -> Option<()> {
        match (name, op) {
            ("business_date", op) => {
                let day = day(value)?;
                let (from, to) = match op {
                    Operator::Eq => (Some(day), Some(day)),
                    Operator::GtEq => (Some(day), None),
                    Operator::Gt => (Some(day.checked_add(1)?), None),
                    Operator::LtEq => (None, Some(day)),
                    Operator::Lt => (None, Some(day.checked_sub(1)?)),
                    _ => return None,
                };
                let scope = &mut self.scope;
                scope.from_day = scope.from_day.max(from);
                scope.to_day = [scope.to_day, to].into_iter().flatten().min();
                Some(())
            }
            ("local_time", Operator::GtEq | Operator::Lt) => {
                let time = time_us(value)?;
                if op == Operator::GtEq {
                    self.from_us = self.from_us.max(Some(time));
                } else {
                    self.to_us = Some(self.to_us.map_or(time, |to| to.min(time)));
                }
                Some(())
            }
            (name, Operator::Eq) => self.among(name, std::slice::from_ref(value), table),
            _ => None,
        }
    }

    fn among(&mut self, name: &str, values: &[ScalarValue], table: Table) -> Option<()> {
        let scope = &mut self.scope;
        match name {
            "status" => {
                let is_completed = |value: &ScalarValue| value.try_as_str().flatten() == Some("completed");
                self.is_completed = true;
                values.iter().all(is_completed).then_some(())
            }
            "weekday" if scope.weekdays.is_none() => {
                let days = values.iter().map(|day| u8::try_from(number(day)?).ok());
                scope.weekdays = Some(WeekdaySet::of(days.collect::<Option<Vec<u8>>>()?)?);
                Some(())
            }
            "channel" if scope.channels.is_none() => {
                let names = values.iter().map(|name| Some(name.try_as_str().flatten()?.to_owned()));
                scope.channels = Some(Arc::new(names.collect::<Option<BTreeSet<String>>>()?));
                Some(())
            }
            "store_id" if scope.stores.is_none() => {
                scope.stores = Some(Arc::new(ids(values, self.stores_are_texts)?));
                Some(())
            }
            "product_id" if table == Table::Lines && scope.products.is_none() => {
                scope.products = Some(Arc::new(ids(values, self.products_are_texts)?));
                Some(())
            }
            _ => None,
        }
    }
}

/// The table of receipts, or that of lines which borrow what they say of their receipt, where all of it is read.
fn table_of(scan: &TableScan, history: &History) -> Option<Table> {
    if scan.projection.is_some() || !scan.filters.is_empty() || scan.fetch.is_some() {
        return None;
    }
    let found = source_as_provider(&scan.source).ok()?;
    let is = |name: &str| history.relation(name).is_some_and(|relation| Arc::ptr_eq(&found, &relation));
    if is("purchases") {
        Some(Table::Purchases)
    } else if is("purchase_lines") && history.has_receipts_of_their_own() {
        Some(Table::Lines)
    } else {
        None
    }
}

/// The fact that an aggregate over a member's receipts is.
fn fact_of(expr: &Expr, table: Table) -> Option<Fact> {
    let mut expr = expr;
    while let Expr::Alias(alias) = expr {
        expr = &alias.expr;
    }
    let Expr::AggregateFunction(AggregateFunction { func, params }) = expr else { return None };
    let AggregateFunctionParams { args, distinct, filter, order_by, null_treatment, .. } = params;
    if filter.is_some() || !order_by.is_empty() || null_treatment.is_some() {
        return None;
    }
    let of = match args.as_slice() {
        [Expr::Column(of)] => Some(of.name.as_str()),
        [Expr::Literal(value, _)] if !value.is_null() && !distinct => None,
        _ => return None,
    };
    match (func.name(), of, table) {
        // A receipt is a row.
        ("count", None | Some("purchase_id" | "member_id"), Table::Purchases) if !distinct => Some(Fact::PurchaseCount),
        ("count", Some("purchase_id"), _) if *distinct => Some(Fact::PurchaseCount),
        ("count", Some("business_date"), _) if *distinct => Some(Fact::VisitDays),
        ("min", Some("business_date"), _) => Some(Fact::FirstPurchase),
        ("max", Some("business_date"), _) => Some(Fact::LastPurchase),
        _ => None,
    }
}

/// `count(DISTINCT member_id)`
fn counts_members(expr: &Expr) -> bool {
    let Expr::AggregateFunction(AggregateFunction { func, params }) = expr else { return false };
    let AggregateFunctionParams { args, distinct, filter, order_by, null_treatment, .. } = params;
    func.name() == "count"
        && *distinct
        && filter.is_none()
        && order_by.is_empty()
        && null_treatment.is_none()
        && matches!(args.as_slice(), [Expr::Column(of)] if of.name == "member_id")
}

/// A date, or the text of one that is written in full.
fn day(value: &ScalarValue) -> Option<i32> {
    if let ScalarValue::Date32(day) = value {
        return *day;
    }
    let text = value.try_as_str().flatten()?;
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    (text.len() == 10 && date.year() > 0).then(|| days_of(date))
}

/// A time of day in whole seconds, in microseconds.
fn time_us(value: &ScalarValue) -> Option<i64> {
    match value {
        ScalarValue::Time64Microsecond(Some(time)) if time % SECOND_US == 0 => Some(*time),
        _ => None,
    }
}

fn number(value: &ScalarValue) -> Option<i64> {
    if !value.data_type().is_integer() {
        return None;
    }
    match value.cast_to(&DataType::Int64).ok()? {
        ScalarValue::Int64(number) => number,
        _ => None,
    }
}

/// Identifiers that are written as what they are.
fn ids(values: &[ScalarValue], are_texts: bool) -> Option<BTreeSet<Id>> {
    let id = |value: &ScalarValue| match value.try_as_str() {
        Some(text) => text.filter(|_| are_texts).map(|text| Id::Text(text.to_owned())),
        None => number(value).filter(|_| !are_texts).map(Id::Number),
    };
    values.iter().map(id).collect()
}
