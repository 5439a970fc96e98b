//! What decided a condition written with one fact: the member's receipts, the value on any day, and the miss.
//!
//! The receipts are those of `fact::receipt`, read once without the bounds of the window; what a day changes are the bounds
//! and `asof()`, so that days to come are told without asking again. Conditions of another form have no evidence.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use arrow::datatypes::{DataType, Date32Type, TimeUnit};
use chrono::{Days, NaiveDate};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::{BinaryExpr, Expr, LogicalPlan, LogicalPlanBuilder, Operator, lit};
use datafusion::scalar::ScalarValue;
use datafusion::sql::sqlparser::ast;

use super::shape::{Conditions, has_subquery};
use crate::error::{Result, message};
use crate::history::Dictionary;
use crate::planner::Planner;
use crate::planner::fact::filter::{FilterName, Scope, days_of};
use crate::planner::fact::lower::column;
use crate::planner::fact::receipt::{Receipts, Use};
use crate::planner::fact::{Fact, FactCall, Types};

/// Days to come that are looked at.
pub const HORIZON_DAYS: u64 = 400;

/// Receipts that are named.
const RECEIPTS_MAX: usize = 20;

pub struct Evidence {
    fact: Fact,
    /// The function as it was planned, with its filters.
    call: Expr,
    /// What the value is compared with; none for a fact that is true or false by itself.
    comparison: Option<(Operator, Expr)>,
    receipts: Vec<Receipt>,
    dictionary: Arc<Dictionary>,
    types: Types,
    /// Whether it holds on the day asked about and on each of the days to come; one entry when time changes nothing.
    holds: Vec<bool>,
}

/// A row of `fact::receipt` that satisfies everything but the window.
struct Receipt {
    id: String,
    day: i32,
    is_counted: bool,
    is_summed: bool,
    amount: ScalarValue,
    quantity: ScalarValue,
}

impl Evidence {
    /// The evidence for one member; `None` when the condition is not a comparison of one fact of the segment's member.
    pub async fn of(
        planner: &Planner,
        select: &Conditions,
        condition: &ast::Expr,
        member: &ScalarValue,
    ) -> Result<Option<Self>> {
        if has_subquery(condition) {
            return Ok(None);
        }
        let plan = planner.plan(&select.rows(vec![condition.clone()], &[]), "", &[]);
        let plan = plan.map_err(|error| error.without_position())?;
        let LogicalPlan::Projection(projection) = &plan else { return Ok(None) };
        let Some(planned) = projection.expr.first().map(|expr| expr.clone().unalias_nested().data) else {
            return Ok(None);
        };
        let Some((call, comparison)) = compared(&planned) else { return Ok(None) };
        let Some((fact, _, filters)) = FactCall::of(&call) else { return Ok(None) };
        let fact = fact.fact;
        if fact.parts() != [fact] && fact != Fact::Bought {
            return Ok(None);
        }
        let dictionary = planner.dictionary_for(fact, &filters).await?;
        let types = Types::of(&planner.history);
        let rows = {
            let lowering = planner.lowering(&types, &dictionary);
            let Some((call, _, filters)) = FactCall::of(&call) else { return Ok(None) };
            let scope = lowering.scope(call, &filters)?;
            let open = Arc::new(Scope { from_day: None, to_day: None, ..scope.as_ref().clone() });
            let one = Use { scope: open, counts: true, amount: true, quantity: true };
            let uses = [one];
            let receipts = Receipts::new(&lowering, &uses, false);
            let [one] = &uses;
            LogicalPlanBuilder::from(receipts.rows()?)
                .filter(column("member_id").eq(lit(member.clone())))?
                .project([
                    column("purchase_id"),
                    column("business_date"),
                    receipts.is_counted(one).alias("is_counted"),
                    receipts.is_summed(one).alias("is_summed"),
                    receipts.amount(&one.scope).alias("amount"),
                    receipts.quantity(&one.scope).alias("quantity"),
                ])?
                .build()?
        };
        let mut receipts = Vec::new();
        for batch in planner.collect(rows).await? {
            for row in 0..batch.num_rows() {
                receipts.extend(Receipt::of(batch.columns(), row)?);
            }
        }
        receipts.sort_by(|one, other| other.day.cmp(&one.day).then_with(|| one.id.cmp(&other.id)));
        let mut evidence = Self { fact, call, comparison, receipts, dictionary, types, holds: Vec::new() };
        let days = if evidence.depends_on_day() { HORIZON_DAYS } else { 0 };
        for day in (0..=days).map_while(|days| planner.day.checked_add_days(Days::new(days))) {
            let holds = evidence.holds_on(planner, day)?;
            evidence.holds.push(holds);
        }
        Ok(Some(evidence))
    }

    /// Whether it holds so many days from the day asked about, if nothing happens.
    pub fn holds_in(&self, days: usize) -> bool {
        self.holds.get(days).or(self.holds.first()).copied().unwrap_or(false)
    }

    /// Whether another day makes another window or another bound.
    fn depends_on_day(&self) -> bool {
        let names_day = |expr: &Expr| {
            expr.exists(|expr| Ok(matches!(expr, Expr::ScalarFunction(call) if call.func.name() == "asof")))
                .unwrap_or(true)
        };
        let has_window = FactCall::of(&self.call)
            .is_some_and(|(_, _, filters)| filters.iter().any(|(filter, _)| *filter == FilterName::Last));
        has_window || names_day(&self.call) || self.comparison.as_ref().is_some_and(|(_, bound)| names_day(bound))
    }

    /// Counts, sums and truths are always there; a first and a last purchase may be missing.
    pub fn is_never_null(&self) -> bool {
        !matches!(self.fact, Fact::FirstPurchase | Fact::LastPurchase)
    }

    /// The window on a day: the first and the last business date in it.
    fn window(&self, planner: &Planner, day: NaiveDate) -> Result<(Option<i32>, Option<i32>)> {
        let on_day = Planner { day, ..planner.clone() };
        let lowering = on_day.lowering(&self.types, &self.dictionary);
        let call = at_day(&self.call, day)?;
        let Some((call, _, filters)) = FactCall::of(&call) else {
            return Err(message::internal("evidence has no fact"));
        };
        // Only the bounds of dates depend on the day.
        let dated: Vec<(FilterName, &Expr)> = filters
            .into_iter()
            .filter(|(filter, _)| matches!(filter, FilterName::Last | FilterName::FromDate | FilterName::ToDate))
            .collect();
        let scope = lowering.scope(call, &dated)?;
        Ok((scope.from_day, scope.to_day))
    }

    fn in_window(&self, planner: &Planner, day: NaiveDate) -> Result<impl Iterator<Item = &Receipt>> {
        let (from, to) = self.window(planner, day)?;
        Ok(self.receipts.iter().filter(move |receipt| {
            from.is_none_or(|from| receipt.day >= from) && to.is_none_or(|to| receipt.day <= to)
        }))
    }

    fn value(&self, planner: &Planner, day: NaiveDate) -> Result<ScalarValue> {
        let mut counted = self.in_window(planner, day)?.filter(|receipt| receipt.is_counted);
        let whole = |count: usize| ScalarValue::Int64(i64::try_from(count).ok());
        Ok(match self.fact {
            Fact::PurchaseCount => whole(counted.count()),
            Fact::VisitDays => whole(counted.map(|receipt| receipt.day).collect::<BTreeSet<_>>().len()),
            Fact::Bought => ScalarValue::Boolean(Some(counted.next().is_some())),
            Fact::FirstPurchase => ScalarValue::Date32(counted.map(|receipt| receipt.day).min()),
            Fact::LastPurchase => ScalarValue::Date32(counted.map(|receipt| receipt.day).max()),
            fact => {
                let mut sum = ScalarValue::new_zero(&fact.data_type(&self.types))?;
                let summed = self.in_window(planner, day)?.filter(|receipt| receipt.is_summed);
                for receipt in summed {
                    let value = if fact == Fact::AmountSpent { &receipt.amount } else { &receipt.quantity };
                    if !value.is_null() {
                        sum = sum.add_checked(value.cast_to(&sum.data_type())?)?;
                    }
                }
                sum
            }
        })
    }

    fn bound(&self, planner: &Planner, day: NaiveDate) -> Result<Option<(Operator, ScalarValue)>> {
        let Some((operator, bound)) = &self.comparison else { return Ok(None) };
        let bound = planner.constant(&at_day(bound, day)?)?;
        let bound = bound.ok_or_else(|| message::internal("a bound is no constant"))?;
        Ok(Some((*operator, bound)))
    }

    fn holds_on(&self, planner: &Planner, day: NaiveDate) -> Result<bool> {
        let value = self.value(planner, day)?;
        let Some((operator, bound)) = self.bound(planner, day)? else {
            return Ok(value == ScalarValue::Boolean(Some(true)));
        };
        let Some(order) = order(&value, &bound)? else { return Ok(false) };
        Ok(match operator {
            Operator::Eq => order == Ordering::Equal,
            Operator::NotEq => order != Ordering::Equal,
            Operator::Lt => order == Ordering::Less,
            Operator::LtEq => order != Ordering::Greater,
            Operator::Gt => order == Ordering::Greater,
            _ => order != Ordering::Less,
        })
    }

    /// As text; `None` for NULL.
    pub fn value_on(&self, planner: &Planner, day: NaiveDate) -> Result<Option<String>> {
        shown(&self.value(planner, day)?)
    }

    /// The receipts that the value is made of, newest first.
    pub fn receipts(&self, planner: &Planner) -> Result<Vec<String>> {
        let is_sum = self.fact.is_sum();
        let mut ids: Vec<String> = Vec::new();
        for receipt in self.in_window(planner, planner.day)? {
            let decides = if is_sum { receipt.is_summed } else { receipt.is_counted };
            if decides && !ids.contains(&receipt.id) && ids.len() < RECEIPTS_MAX {
                ids.push(receipt.id.clone());
            }
        }
        Ok(ids)
    }

    /// How near the condition is, when it does not hold.
    pub fn miss(&self, planner: &Planner) -> Result<Option<String>> {
        if self.holds_in(0) {
            return Ok(None);
        }
        let value = self.value(planner, planner.day)?;
        let Some((operator, bound)) = self.bound(planner, planner.day)? else {
            return Ok(Some("no such purchase".to_owned()));
        };
        if value.is_null() {
            return Ok(Some("no such purchase".to_owned()));
        }
        if bound.is_null() {
            return Ok(None);
        }
        let is_strict = matches!(operator, Operator::Gt | Operator::Lt);
        if let (ScalarValue::Date32(Some(day)), Some(bound)) = (&value, day_of(&bound)?) {
            let days = i64::from((day - bound).abs()) + i64::from(is_strict);
            let early = *day < bound || (*day == bound && operator == Operator::Gt);
            let unit = if days == 1 { "day" } else { "days" };
            return Ok(match operator {
                Operator::NotEq => None,
                _ => Some(format!("{days} {unit} too {}", if early { "early" } else { "late" })),
            });
        }
        let (Some(have), Some(needed)) = (number(&value)?, number(&bound)?) else { return Ok(None) };
        let (one, several) = match self.fact {
            Fact::PurchaseCount => (" purchase", " purchases"),
            Fact::VisitDays => (" day", " days"),
            Fact::QuantityBought => (" piece", " pieces"),
            _ => ("", ""),
        };
        // The next value that would do: of whole things one more, of money more than nothing.
        let is_whole = matches!(self.fact, Fact::PurchaseCount | Fact::VisitDays) || value.data_type().is_integer();
        let mut gap = if have < needed { needed - have } else { have - needed };
        if is_whole {
            gap = match operator {
                Operator::Gt => needed.div_euclid(UNIT) * UNIT + UNIT - have,
                Operator::GtEq => (needed + UNIT - 1).div_euclid(UNIT) * UNIT - have,
                Operator::Lt => have - ((needed + UNIT - 1).div_euclid(UNIT) * UNIT - UNIT),
                Operator::LtEq => have - needed.div_euclid(UNIT) * UNIT,
                _ => gap,
            };
        }
        let unit = if gap == UNIT { one } else { several };
        let is_more_needed = match operator {
            Operator::Gt | Operator::GtEq => true,
            Operator::Lt | Operator::LtEq => false,
            Operator::Eq => have < needed,
            _ => return Ok(None),
        };
        let more_than = if is_strict && !is_whole { "more than " } else { "" };
        let gap = plain(gap);
        Ok(Some(if is_more_needed {
            format!("{more_than}{gap}{unit} short")
        } else {
            format!("{more_than}{gap}{unit} too many")
        }))
    }
}

impl Receipt {
    /// `None` for a row without a date, which is in no window.
    fn of(columns: &[ArrayRef], row: usize) -> Result<Option<Self>> {
        let [id, day, counted, summed, amount, quantity] = columns else {
            return Err(message::internal("evidence has other columns"));
        };
        let days = day.as_primitive::<Date32Type>();
        if days.is_null(row) {
            return Ok(None);
        }
        let truth = |truths: &ArrayRef| {
            let truths: &BooleanArray = truths.as_boolean();
            truths.is_valid(row) && truths.value(row)
        };
        Ok(Some(Self {
            id: shown(&ScalarValue::try_from_array(id, row)?)?.unwrap_or_default(),
            day: days.value(row),
            is_counted: truth(counted),
            is_summed: truth(summed),
            amount: ScalarValue::try_from_array(amount, row)?,
            quantity: ScalarValue::try_from_array(quantity, row)?,
        }))
    }
}

/// The one fact in a condition, and what it is compared with, which is on the right then.
fn compared(condition: &Expr) -> Option<(Expr, Option<(Operator, Expr)>)> {
    match condition {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let is_comparison = matches!(
                op,
                Operator::Eq | Operator::NotEq | Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq
            );
            let is_constant = |expr: &Expr| expr.column_refs().is_empty() && !has_call(expr);
            if !is_comparison {
                return None;
            }
            match (fact_in(left), fact_in(right)) {
                (Some(call), None) if is_constant(right) => Some((call.clone(), Some((*op, right.as_ref().clone())))),
                (None, Some(call)) if is_constant(left) => {
                    Some((call.clone(), Some((op.swap()?, left.as_ref().clone()))))
                }
                _ => None,
            }
        }
        other => fact_in(other).map(|call| (call.clone(), None)),
    }
}

/// The fact that an expression is, perhaps in another type.
fn fact_in(expr: &Expr) -> Option<&Expr> {
    match expr {
        Expr::Cast(cast) => fact_in(&cast.expr),
        Expr::Alias(alias) => fact_in(&alias.expr),
        other => FactCall::of(other).map(|_| other),
    }
}

fn has_call(expr: &Expr) -> bool {
    expr.exists(|expr| Ok(FactCall::of(expr).is_some())).unwrap_or(true)
}

/// The expression with another day where `asof()` stands.
fn at_day(expr: &Expr, day: NaiveDate) -> Result<Expr> {
    let replaced = expr.clone().transform(|expr| {
        Ok(match &expr {
            Expr::ScalarFunction(call) if call.func.name() == "asof" => {
                Transformed::yes(lit(ScalarValue::Date32(Some(days_of(day)))))
            }
            _ => Transformed::no(expr),
        })
    })?;
    Ok(replaced.data)
}

/// `None` when one of them is NULL.
fn order(value: &ScalarValue, bound: &ScalarValue) -> Result<Option<Ordering>> {
    if value.is_null() || bound.is_null() {
        return Ok(None);
    }
    if let ScalarValue::Date32(_) = value {
        let moment = DataType::Timestamp(TimeUnit::Microsecond, None);
        return Ok(value.cast_to(&moment)?.partial_cmp(&bound.cast_to(&moment)?));
    }
    if let ScalarValue::Boolean(_) = value {
        return Ok(value.partial_cmp(bound));
    }
    Ok(number(value)?.partial_cmp(&number(bound)?))
}

fn day_of(bound: &ScalarValue) -> Result<Option<i32>> {
    if !bound.data_type().is_temporal() {
        return Ok(None);
    }
    match bound.cast_to(&DataType::Date32)? {
        ScalarValue::Date32(day) => Ok(day),
        _ => Ok(None),
    }
}

/// Digits behind the point with which values are compared.
const SCALE: i8 = 6;
const UNIT: i128 = 1_000_000;

fn number(value: &ScalarValue) -> Result<Option<i128>> {
    if !value.data_type().is_numeric() {
        return Ok(None);
    }
    match value.cast_to(&DataType::Decimal128(38, SCALE))? {
        ScalarValue::Decimal128(number, ..) => Ok(number),
        _ => Ok(None),
    }
}

/// Without zeros at the end.
fn plain(number: i128) -> String {
    let (whole, rest) = (number / UNIT, (number % UNIT).abs());
    if rest == 0 {
        return whole.to_string();
    }
    let digits = format!("{rest:06}");
    let digits = digits.trim_end_matches('0');
    // Money is shown with two digits.
    format!("{whole}.{digits:0<2}")
}

fn shown(value: &ScalarValue) -> Result<Option<String>> {
    if value.is_null() {
        return Ok(None);
    }
    let text = arrow::compute::cast(&value.to_array()?, &DataType::Utf8View)?;
    Ok(Some(text.as_string_view().value(0).to_owned()))
}
