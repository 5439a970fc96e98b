//! `why`: each condition of a segment true or false for one member, the receipts that decided, and the miss.
//!
//! The first row is the segment itself; then the conditions in the order written, those inside of OR and NOT below the one that
//! holds them (`2.1`). The member is in the segment when all conditions of the top hold. A member has one row of members, so
//! each condition stands for itself; of other rows, a condition holds when one of the member's has it together with all the
//! conditions above. What a condition written with a fact compares is told in the words of the fact ([`super::evidence`]);
//! on days to come it is looked at where nothing but the conditions depends on the day.

use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray, ListBuilder, RecordBatch, StringViewArray, StringViewBuilder};
use arrow::datatypes::{DataType, Field, SchemaRef};
use chrono::NaiveDate;
use datafusion::logical_expr::{LogicalPlanBuilder, lit};
use datafusion::scalar::ScalarValue;
use datafusion::sql::sqlparser::ast::{BinaryOperator, CastKind, DataType as SqlType, Expr, Value};

use super::evidence::{Evidence, HORIZON_DAYS};
use super::segment::Segment;
use super::shape::{Conditions, Shape, depends_on_day, has_subquery, inner_conditions, without_parentheses};
use super::steps::planned;
use crate::error::{Result, message};
use crate::planner::Planner;
use crate::planner::fact::lower::column;

/// A row of the answer.
#[derive(Debug, Default)]
struct Row {
    step: String,
    condition: String,
    holds: bool,
    value: Option<String>,
    receipts: Option<Vec<String>>,
    miss: Option<String>,
}

/// Errors: 22004 for no member; whatever planning the segment refuses.
pub async fn answer(
    planner: &Planner,
    segment: &Segment,
    member: &ScalarValue,
    schema: SchemaRef,
) -> Result<RecordBatch> {
    if member.is_null() {
        return Err(message::fact_filter_null("member_id"));
    }
    let members = segment.members(planner)?;
    let id = planner.member_literal(member, members.schema().field(0).data_type())?;
    let found = LogicalPlanBuilder::from(members).filter(column("member_id").eq(lit(id.clone())))?.build()?;
    let is_member = planner.count(found).await? > 0;
    let universe = LogicalPlanBuilder::from(planner.universe()?).filter(column("member_id").eq(lit(id.clone())))?;
    let is_known = planner.count(universe.build()?).await? > 0;
    let mut rows = vec![Row {
        step: "0".to_owned(),
        condition: segment.name.clone(),
        holds: is_member,
        miss: (!is_known).then(|| "nobody has this member_id".to_owned()),
        ..Row::default()
    }];
    let asked = segment.planner(planner);
    match Shape::of(planner.name_scope(), &segment.definition) {
        Shape::Select(select) => {
            let mut asking = Asking { planner: &asked, select: &select, id, rows: Vec::new(), tree: Vec::new() };
            asking.conditions().await?;
            if is_known && select.from.is_none() && select.limit.is_none() && select.on_groups.is_empty() {
                rows[0].miss = asking.forecast(is_member);
            }
            rows.extend(asking.rows);
        }
        Shape::Sets(parts) => {
            for (at, (how, part)) in parts.iter().enumerate() {
                let text = part.to_string();
                let query = super::shape::combined(&segment.definition, &[(None, part.clone())]);
                let plan = planned(&asked, &query.ok_or_else(|| message::internal("a part has no query"))?)?;
                let name = plan.schema().field(0).name().clone();
                let found = LogicalPlanBuilder::from(plan).filter(column(&name).eq(lit(id.clone())))?.build()?;
                rows.push(Row {
                    step: (at + 1).to_string(),
                    condition: how.map_or_else(|| text.clone(), |how| format!("{how} {text}")),
                    holds: asked.count(found).await? > 0,
                    ..Row::default()
                });
            }
        }
        Shape::Whole => {}
    }
    answer_of(rows, schema)
}

fn answer_of(rows: Vec<Row>, schema: SchemaRef) -> Result<RecordBatch> {
    let texts = |pick: fn(&Row) -> Option<&str>| -> StringViewArray { rows.iter().map(pick).collect() };
    let item = Field::new("item", DataType::Utf8View, true);
    let mut receipts = ListBuilder::new(StringViewBuilder::new()).with_field(Arc::new(item));
    for row in &rows {
        receipts.append_option(row.receipts.as_ref().map(|receipts| receipts.iter().map(Some)));
    }
    super::batch(
        schema,
        vec![
            Arc::new(texts(|row| Some(&row.step))),
            Arc::new(texts(|row| Some(&row.condition))),
            Arc::new(BooleanArray::from(rows.iter().map(|row| row.holds).collect::<Vec<_>>())),
            Arc::new(texts(|row| row.value.as_deref())),
            Arc::new(receipts.finish()),
            Arc::new(texts(|row| row.miss.as_deref())),
        ],
    )
}

/// A condition and those inside of it.
struct Condition {
    path: String,
    expr: Expr,
    inner: Vec<Condition>,
    holds: bool,
    evidence: Option<Evidence>,
}

impl Condition {
    fn new(path: String, expr: &Expr) -> Self {
        let inner = inner_conditions(expr)
            .iter()
            .zip(1..)
            .map(|(inner, number)| Self::new(format!("{path}.{number}"), inner))
            .collect();
        Self { path, expr: expr.clone(), inner, holds: false, evidence: None }
    }

    /// Whether it will hold so many days from now, if nothing happens; `None` where nothing says so.
    fn holds_in(&self, days: usize) -> Option<bool> {
        let inner = self.inner.iter().map(|inner| inner.holds_in(days)).collect::<Option<Vec<_>>>()?;
        match without_parentheses(&self.expr) {
            Expr::BinaryOp { op: BinaryOperator::Or, .. } => Some(inner.contains(&true)),
            Expr::BinaryOp { op: BinaryOperator::And, .. } => Some(!inner.contains(&false)),
            // NOT of what is unknown is unknown, so only what is known to differ from NULL is turned around.
            Expr::UnaryOp { .. } if !inner.is_empty() => {
                let leaf = self.inner.first().and_then(|inner| inner.evidence.as_ref());
                leaf.is_some_and(|leaf| leaf.is_never_null()).then(|| !inner[0])
            }
            _ => match &self.evidence {
                Some(evidence) => Some(evidence.holds_in(days)),
                None if depends_on_day(&self.expr) => None,
                None => Some(self.holds),
            },
        }
    }
}

struct Asking<'a> {
    planner: &'a Planner,
    select: &'a Conditions,
    id: ScalarValue,
    rows: Vec<Row>,
    tree: Vec<Condition>,
}

impl Asking<'_> {
    async fn conditions(&mut self) -> Result<()> {
        let select = self.select;
        let mut number = 0;
        if let Some(from) = &select.from {
            number += 1;
            let holds = self.has_row(&[]).await?;
            self.rows.push(Row {
                step: number.to_string(),
                condition: format!("FROM {from}"),
                holds,
                ..Row::default()
            });
        }
        for at in 0..select.on_rows.len() {
            number += 1;
            let mut condition = Condition::new(number.to_string(), &select.on_rows[at]);
            // A member has one row of members, so each condition stands for itself.
            let above = if select.from.is_some() { &select.on_rows[..at] } else { &[] };
            self.ask(&mut condition, above).await?;
            self.tree.push(condition);
        }
        for at in 0..select.on_groups.len() {
            number += 1;
            let before: Vec<Expr> = select.on_rows.iter().cloned().chain([self.is_member()]).collect();
            let query = select.groups(vec![select.member.clone()], &before, &select.on_groups[..=at]);
            let holds = self.planner.count(planned(self.planner, &query)?).await? > 0;
            let condition = select.on_groups[at].to_string();
            self.rows.push(Row { step: number.to_string(), condition, holds, ..Row::default() });
        }
        Ok(())
    }

    /// The condition that a row is one of the member's.
    fn is_member(&self) -> Expr {
        let id = Value::SingleQuotedString(self.id.to_string());
        let member = Expr::Nested(Box::new(self.select.member.clone()));
        Expr::BinaryOp { left: Box::new(member), op: BinaryOperator::Eq, right: Box::new(Expr::Value(id.into())) }
    }

    /// Whether the member has a row for which these conditions hold.
    async fn has_row(&self, conditions: &[Expr]) -> Result<bool> {
        let all: Vec<Expr> = std::iter::once(self.is_member()).chain(conditions.iter().cloned()).collect();
        let plan = planned(self.planner, &self.select.rows(vec![self.select.member.clone()], &all))?;
        let first = LogicalPlanBuilder::from(plan).limit(0, Some(1))?.build()?;
        Ok(self.planner.count(first).await? > 0)
    }

    /// Tells of a condition and of those inside of it; `above` are those that have to hold on the same row.
    async fn ask(&mut self, condition: &mut Condition, above: &[Expr]) -> Result<()> {
        let with_it: Vec<Expr> = above.iter().cloned().chain([condition.expr.clone()]).collect();
        condition.holds = self.has_row(&with_it).await?;
        let mut row = Row {
            step: condition.path.clone(),
            condition: condition.expr.to_string(),
            holds: condition.holds,
            ..Row::default()
        };
        if condition.inner.is_empty() {
            condition.evidence = Evidence::of(self.planner, self.select, &condition.expr, &self.id).await?;
            match &condition.evidence {
                Some(evidence) => {
                    row.value = evidence.value_on(self.planner, self.planner.day)?;
                    row.receipts = Some(evidence.receipts(self.planner)?);
                    row.miss = evidence.miss(self.planner)?;
                    let is_top = self.select.from.is_none() && !condition.path.contains('.');
                    if let Some(when) = self.first_change(condition).filter(|_| is_top) {
                        let when = change(condition.holds, when);
                        row.miss = Some(row.miss.map_or_else(|| when.clone(), |miss| format!("{miss}; {when}")));
                    }
                }
                None => row.value = self.value(&condition.expr, above).await?,
            }
        }
        self.rows.push(row);
        for inner in &mut condition.inner {
            Box::pin(self.ask(inner, above)).await?;
        }
        Ok(())
    }

    /// What a plain comparison compares, as text, on the first row of the member for which the conditions above hold.
    async fn value(&self, condition: &Expr, above: &[Expr]) -> Result<Option<String>> {
        let compared = match without_parentheses(condition) {
            Expr::BinaryOp { left, right, .. } => {
                if matches!(**left, Expr::Value(_)) {
                    right
                } else {
                    left
                }
            }
            Expr::Between { expr, .. }
            | Expr::InList { expr, .. }
            | Expr::IsNull(expr)
            | Expr::IsNotNull(expr)
            | Expr::IsDistinctFrom(expr, _)
            | Expr::IsNotDistinctFrom(expr, _)
            | Expr::Like { expr, .. }
            | Expr::ILike { expr, .. } => expr,
            _ => return Ok(None),
        };
        if has_subquery(compared) {
            return Ok(None);
        }
        let text = Expr::Cast {
            kind: CastKind::DoubleColon,
            expr: Box::new(Expr::Nested(compared.clone())),
            data_type: SqlType::Text,
            array: false,
            format: None,
        };
        let all: Vec<Expr> = std::iter::once(self.is_member()).chain(above.iter().cloned()).collect();
        let plan = planned(self.planner, &self.select.rows(vec![text], &all))?;
        let batches = self.planner.collect(LogicalPlanBuilder::from(plan).limit(0, Some(1))?.build()?).await?;
        let Some(batch) = batches.iter().find(|batch| batch.num_rows() > 0) else { return Ok(None) };
        let texts = arrow::compute::cast(batch.column(0), &DataType::Utf8View)?;
        let texts = texts.as_string_view();
        Ok(texts.is_valid(0).then(|| texts.value(0).to_owned()))
    }

    /// The first day to come on which a condition is not what it is now.
    fn first_change(&self, condition: &Condition) -> Option<NaiveDate> {
        for (days, day) in self.days_to_come() {
            if condition.holds_in(days)? != condition.holds {
                return Some(day);
            }
        }
        None
    }

    fn days_to_come(&self) -> impl Iterator<Item = (usize, NaiveDate)> {
        let today = self.planner.day;
        (1..).zip((1..=HORIZON_DAYS).map_while(move |days| today.checked_add_days(chrono::Days::new(days))))
    }

    /// What time alone will change for the member, when the conditions tell.
    fn forecast(&self, is_member: bool) -> Option<String> {
        for (days, day) in self.days_to_come() {
            let mut all = true;
            for condition in &self.tree {
                all &= condition.holds_in(days)?;
            }
            if all != is_member {
                return Some(change(is_member, day));
            }
        }
        None
    }
}

fn change(holds: bool, day: NaiveDate) -> String {
    if holds { format!("leaves on {day} if nothing happens") } else { format!("enters on {day} if nothing happens") }
}
