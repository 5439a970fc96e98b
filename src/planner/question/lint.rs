//! `segment_lint`: what in a segment is likely to be a trap that costs money, and what to write instead.
//!
//! Looks at the syntax tree and at the types of the columns that it names; it never runs anything. A finding is a
//! likelihood, not an error: CREATE VIEW tells it as a NOTICE (`SET regulars.lint = off` silences it). Whether members may
//! repeat is decided in [`unique`].

mod columns;
mod unique;

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::array::{RecordBatch, StringViewArray};
use arrow::datatypes::SchemaRef;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, DataType, Expr, Function, JoinOperator, Query, Select, SetExpr, TableFactor, Value, Visit, Visitor,
};
use regulars_udfs::TimeWindow;

use self::columns::Columns;
pub use self::unique::may_repeat_members;
use super::segment::Segment;
use super::shape::{CLOCKS, column_of, conjuncts, last_name, without_parentheses};
use crate::error::{Notice, NoticeSeverity, Result, SqlState};
use crate::planner::Planner;
use crate::planner::fact::syntax::fact_of;
use crate::sql::argument::{arguments, named};

/// One thing that is likely to be a trap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub rule: &'static str,
    /// What it is about, as written.
    pub place: String,
    pub finding: String,
    pub advice: String,
}

impl Finding {
    pub fn notice(&self) -> Notice {
        Notice {
            severity: NoticeSeverity::Notice,
            state: SqlState::SuccessfulCompletion,
            message: format!("{}: {}", self.rule, self.finding),
            detail: Some(format!("It is about {}.", self.place)),
            hint: Some(self.advice.clone()),
        }
    }
}

/// Looks for traps in a segment's query.
pub fn lint(planner: &Planner, query: &Query) -> Result<Vec<Finding>> {
    let mut linter = Linter { planner, columns: Columns::of(planner.name_scope(), query), findings: Vec::new() };
    let _: ControlFlow<()> = query.visit(&mut linter);
    if may_repeat_members(planner.name_scope(), query) {
        linter.tell(
            "repeats-members",
            "the first column",
            "the segment may hold a member more than once".to_owned(),
            "Write SELECT DISTINCT member_id, or start from members with a fact or EXISTS.".to_owned(),
        );
    }
    Ok(linter.findings)
}

/// A row for each finding: rule, place, finding, advice.
pub async fn answer(planner: &Planner, segment: &Segment, schema: SchemaRef) -> Result<RecordBatch> {
    // A segment that cannot be planned has no findings but its error.
    segment.members(planner)?;
    let findings = lint(planner, &segment.definition)?;
    let texts = |pick: fn(&Finding) -> &str| -> StringViewArray { findings.iter().map(|f| Some(pick(f))).collect() };
    super::batch(
        schema,
        vec![
            Arc::new(texts(|f| f.rule)),
            Arc::new(texts(|f| &f.place)),
            Arc::new(texts(|f| &f.finding)),
            Arc::new(texts(|f| &f.advice)),
        ],
    )
}

struct Linter<'a> {
    planner: &'a Planner,
    columns: Columns,
    findings: Vec<Finding>,
}

impl Visitor for Linter<'_> {
    type Break = ();

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        if let Some(selection) = &select.selection {
            self.two_scopes(&conjuncts(selection));
        }
        if let Some(having) = &select.having {
            for condition in conjuncts(having) {
                self.at_most_of_inner_join(select, &condition);
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            Expr::Between { expr: value, .. } => self.between_instants(expr, value),
            Expr::BinaryOp { left, op, right } => {
                if *op == BinaryOperator::NotEq {
                    self.not_equal(expr, left, right);
                }
                self.sum_below(expr, left, op, right);
            }
            Expr::InList { expr: value, list, negated: true } => self.not_in_list(expr, value, list),
            Expr::InSubquery { expr: value, subquery, negated: true } => self.not_in_query(expr, value, subquery),
            Expr::Function(function) => self.function(expr, function),
            Expr::Cast { expr: value, data_type, .. } => self.float_money(expr, value, data_type),
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

impl Linter<'_> {
    fn tell(&mut self, rule: &'static str, place: impl ToString, finding: String, advice: String) {
        let finding = Finding { rule, place: place.to_string(), finding, advice };
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }

    fn between_instants(&mut self, expr: &Expr, value: &Expr) {
        if self.columns.is_instant(value) {
            let advice = match column_of(value).as_deref() {
                Some("purchased_at" | "local_at") => "Write business_date BETWEEN date '…' AND date '…'.".to_owned(),
                _ => format!("Write {value} >= … AND {value} < the day after the last."),
            };
            self.tell(
                "between-instants",
                expr,
                "BETWEEN on an instant leaves out all of the last day but its first moment".to_owned(),
                advice,
            );
        }
    }

    fn not_equal(&mut self, expr: &Expr, left: &Expr, right: &Expr) {
        let (column, other) = if column_of(left).is_some() { (left, right) } else { (right, left) };
        if self.columns.is_nullable(column) && !self.columns.is_column(other) {
            self.tell(
                "not-equal-null",
                expr,
                format!("members without {column} are left out: a comparison with NULL is not true"),
                format!("Write {column} IS DISTINCT FROM {other}."),
            );
        }
    }

    fn not_in_list(&mut self, expr: &Expr, value: &Expr, list: &[Expr]) {
        if !self.columns.is_nullable(value) {
            return;
        }
        let list: Vec<String> = list.iter().map(ToString::to_string).collect();
        self.tell(
            "not-equal-null",
            expr,
            format!("members without {value} are left out: a comparison with NULL is not true"),
            format!("Write ({value} IN ({})) IS NOT TRUE.", list.join(", ")),
        );
    }

    fn not_in_query(&mut self, expr: &Expr, value: &Expr, query: &Query) {
        if Columns::of(self.planner.name_scope(), query).first_may_be_null(query) {
            self.tell(
                "not-in-null",
                expr,
                format!(
                    "one row without a value, such as an anonymous receipt, makes {value} NOT IN (…) true for nobody"
                ),
                "Write NOT EXISTS (SELECT 1 FROM … WHERE … = …), or NOT bought(member_id, …).".to_owned(),
            );
        }
    }

    /// `sum(…) < x` is not true of a sum of nothing.
    fn sum_below(&mut self, expr: &Expr, left: &Expr, op: &BinaryOperator, right: &Expr) {
        let sum = match op {
            BinaryOperator::Lt | BinaryOperator::LtEq => left,
            BinaryOperator::Gt | BinaryOperator::GtEq => right,
            BinaryOperator::Eq if is_zero(right) => left,
            BinaryOperator::Eq if is_zero(left) => right,
            _ => return,
        };
        if is_bare_sum(sum) {
            self.tell(
                "sum-without-coalesce",
                expr,
                "a sum over no rows is NULL, so members without purchases are left out".to_owned(),
                "Write coalesce(sum(…), 0), or amount_spent(member_id, …), which is 0 then.".to_owned(),
            );
        }
    }

    fn function(&mut self, expr: &Expr, function: &Function) {
        let Some(name) = last_name(function) else { return };
        match name.as_str() {
            "ntile" => self.tell(
                "ntile",
                expr,
                "ntile puts members who are equal into different groups".to_owned(),
                "Write ceil(n * cume_dist() OVER (ORDER BY …)), which keeps equals together.".to_owned(),
            ),
            name if CLOCKS.contains(&name) => self.tell(
                "now-for-asof",
                expr,
                "the clock cannot be asked about another day, and its date is not the business date".to_owned(),
                "Write asof(), which follows SET regulars.as_of.".to_owned(),
            ),
            _ => {}
        }
        if fact_of(function).is_some() {
            self.weekday_with_night(expr, function);
        }
    }

    fn float_money(&mut self, expr: &Expr, value: &Expr, data_type: &DataType) {
        let is_float = matches!(
            data_type,
            DataType::Real
                | DataType::Float(_)
                | DataType::Float4
                | DataType::Float8
                | DataType::Double(_)
                | DataType::DoublePrecision
        );
        if is_float && self.columns.is_money(value) {
            self.tell(
                "float-money",
                expr,
                "money in floating point does not add up: 200 × 0.1 is 19.999999999999993".to_owned(),
                "Leave it numeric.".to_owned(),
            );
        }
    }

    /// A weekday is that of the business date: Friday's hours after the day start belong to Saturday.
    fn weekday_with_night(&mut self, expr: &Expr, function: &Function) {
        let (Some(_), Some(hours)) = (text_filter(function, "days"), text_filter(function, "hours")) else { return };
        let Ok(window) = TimeWindow::parse(&hours) else { return };
        let (from, to) = window.bounds_us();
        let day_starts = self.planner.history.head_office_day_starts_us();
        if from > to && to > day_starts {
            let start = regulars_udfs::time_of_day::to_text(day_starts);
            self.tell(
                "weekday-past-day-start",
                expr,
                format!("the hours after {start} belong to the next business day, so they are left out"),
                format!("End the window at {start}, or name the next day for the hours after it."),
            );
        }
    }

    /// `bought(m, product => 'x') AND bought(m, days => 'mon')` are two purchases, perhaps.
    fn two_scopes(&mut self, conditions: &[Expr]) {
        let scopes: Vec<(&Expr, BTreeSet<String>)> = conditions
            .iter()
            .filter_map(|condition| match without_parentheses(condition) {
                Expr::Function(function) => {
                    let (fact, _) = fact_of(function)?;
                    (fact.name() == "bought").then(|| (condition, filters(function)))
                }
                _ => None,
            })
            .collect();
        for (at, (one, filters)) in scopes.iter().enumerate() {
            for (other, others) in &scopes[at + 1..] {
                let differ = !filters.is_subset(others) && !others.is_subset(filters);
                let of_goods = |names: &BTreeSet<String>| {
                    names.iter().any(|name| matches!(name.as_str(), "product" | "all_products" | "category"))
                };
                if differ && of_goods(filters) != of_goods(others) {
                    self.tell(
                        "two-scopes",
                        format!("{one} AND {other}"),
                        "each condition may hold on another purchase".to_owned(),
                        "Write all filters into one bought(…) where they are meant of the same purchase.".to_owned(),
                    );
                }
            }
        }
        let exists: Vec<&Expr> = conditions.iter().filter(|condition| self.reads_purchases(condition)).collect();
        if exists.len() > 1 {
            let shown: Vec<String> = exists.iter().map(|one| shortened(one)).collect();
            self.tell(
                "two-scopes",
                shown.join(" AND "),
                "each EXISTS may be true of another purchase".to_owned(),
                "Write the conditions into one EXISTS, or one bought(…), where they are meant of the same purchase."
                    .to_owned(),
            );
        }
    }

    /// EXISTS over receipts or their lines.
    fn reads_purchases(&self, expr: &Expr) -> bool {
        let Expr::Exists { subquery, negated: false } = without_parentheses(expr) else { return false };
        let SetExpr::Select(select) = &*subquery.body else { return false };
        select.from.iter().any(|from| {
            let mut all = std::iter::once(&from.relation).chain(from.joins.iter().map(|join| &join.relation));
            all.any(|factor| self.is_receipts(factor))
        })
    }

    fn is_receipts(&self, factor: &TableFactor) -> bool {
        let table = self.planner.name_scope().table(factor);
        table.is_some_and(|table| matches!(table.name.as_str(), "purchases" | "purchase_lines"))
    }

    /// "At most n" over an inner join never sees the members with none.
    fn at_most_of_inner_join(&mut self, select: &Select, condition: &Expr) {
        let Expr::BinaryOp { left, op, right } = without_parentheses(condition) else { return };
        let is_at_most = match op {
            BinaryOperator::Lt | BinaryOperator::LtEq => is_count(left),
            BinaryOperator::Gt | BinaryOperator::GtEq => is_count(right),
            BinaryOperator::Eq => (is_count(left) && is_zero(right)) || (is_count(right) && is_zero(left)),
            _ => false,
        };
        if !is_at_most {
            return;
        }
        let receipts = |factor: &TableFactor| self.is_receipts(factor);
        let is_inner = select.from.iter().any(|from| {
            receipts(&from.relation)
                || from.joins.iter().any(|join| {
                    let inner = matches!(
                        join.join_operator,
                        JoinOperator::Join(_) | JoinOperator::Inner(_) | JoinOperator::CrossJoin(_)
                    );
                    inner && receipts(&join.relation)
                })
        });
        if is_inner {
            self.tell(
                "inner-join-at-most",
                condition,
                "members without any such purchase have no row to be counted, and are left out".to_owned(),
                "Write purchase_count(member_id, …) <= n FROM members, or start from members with LEFT JOIN."
                    .to_owned(),
            );
        }
    }
}

fn is_zero(expr: &Expr) -> bool {
    matches!(without_parentheses(expr), Expr::Value(value) if matches!(&value.value, Value::Number(number, _) if number == "0"))
}

fn called(expr: &Expr) -> Option<String> {
    let Expr::Function(function) = without_parentheses(expr) else { return None };
    last_name(function)
}

fn is_count(expr: &Expr) -> bool {
    called(expr).as_deref() == Some("count")
}

/// `sum(…)`, or a subquery that gives one.
fn is_bare_sum(expr: &Expr) -> bool {
    match without_parentheses(expr) {
        Expr::Subquery(query) => match &*query.body {
            SetExpr::Select(select) => select.projection.first().is_some_and(|item| match item {
                datafusion::sql::sqlparser::ast::SelectItem::UnnamedExpr(expr)
                | datafusion::sql::sqlparser::ast::SelectItem::ExprWithAlias { expr, .. } => is_bare_sum(expr),
                _ => false,
            }),
            _ => false,
        },
        other => called(other).as_deref() == Some("sum"),
    }
}

fn filters(function: &Function) -> BTreeSet<String> {
    arguments(function).iter().filter_map(named).map(|(name, _)| name).collect()
}

fn text_filter(function: &Function, wanted: &str) -> Option<String> {
    let (_, value) = arguments(function).iter().filter_map(named).find(|(name, _)| name == wanted)?;
    let Expr::Value(value) = value else { return None };
    match &value.value {
        Value::SingleQuotedString(text) => Some(text.clone()),
        _ => None,
    }
}

fn shortened(expr: &Expr) -> String {
    let text = expr.to_string();
    match text.char_indices().nth(60) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}
