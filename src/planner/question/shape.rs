//! How a segment's query is built: its conditions one by one, in the order written, or the queries that it combines.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Function, GroupByExpr, Ident, LimitClause, Query, Select, SelectItem, SetExpr, SetOperator,
    SetQuantifier, TableWithJoins, UnaryOperator, Visit, Visitor,
};
use std::ops::ControlFlow;

use crate::ident::folded;
use crate::planner::fact::Fact;
use crate::planner::names::NameScope;

/// A query taken apart at the top.
#[derive(Debug, Clone)]
pub enum Shape {
    Select(Box<Conditions>),
    /// `a INTERSECT b EXCEPT c`: the first, then each with what combines it.
    Sets(Vec<(Option<&'static str>, SetExpr)>),
    /// Anything else has no parts that could be told.
    Whole,
}

/// A SELECT with its conditions.
#[derive(Debug, Clone)]
pub struct Conditions {
    query: Query,
    select: Select,
    /// What the first column is made of.
    pub member: Expr,
    /// Of WHERE.
    pub on_rows: Vec<Expr>,
    /// Of HAVING.
    pub on_groups: Vec<Expr>,
    pub is_grouped: bool,
    /// What stands behind FROM, when it is more than the members themselves: those have one row each.
    pub from: Option<String>,
    /// What is cut off at the end, as written.
    pub limit: Option<String>,
}

impl Shape {
    pub fn of(scope: NameScope<'_>, query: &Query) -> Self {
        match &*query.body {
            SetExpr::Select(select) => Self::of_select(scope, query, select),
            SetExpr::SetOperation { .. } if query.limit_clause.is_none() && query.fetch.is_none() => {
                let mut parts = Vec::new();
                flatten(&query.body, None, &mut parts);
                Self::Sets(parts)
            }
            SetExpr::Query(inner) if query.with.is_none() && query.limit_clause.is_none() && query.fetch.is_none() => {
                Self::of(scope, inner)
            }
            _ => Self::Whole,
        }
    }

    fn of_select(scope: NameScope<'_>, query: &Query, select: &Select) -> Self {
        let member = match select.projection.first() {
            Some(SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }) => expr.clone(),
            Some(SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..)) => {
                Expr::Identifier(Ident::new("member_id"))
            }
            _ => return Self::Whole,
        };
        let is_grouped = match &select.group_by {
            GroupByExpr::Expressions(exprs, modifiers) => !exprs.is_empty() || !modifiers.is_empty(),
            GroupByExpr::All(_) => return Self::Whole,
        };
        if select.from.is_empty() || select.qualify.is_some() || select.top.is_some() {
            return Self::Whole;
        }
        if let Some(datafusion::sql::sqlparser::ast::Distinct::On(_)) = &select.distinct {
            return Self::Whole;
        }
        let from = (!is_members(scope, query, select, &member)).then(|| {
            let from: Vec<String> = select.from.iter().map(ToString::to_string).collect();
            from.join(", ")
        });
        Self::Select(Box::new(Conditions {
            query: query.clone(),
            select: select.clone(),
            member,
            on_rows: select.selection.as_ref().map(conjuncts).unwrap_or_default(),
            on_groups: select.having.as_ref().map(conjuncts).unwrap_or_default(),
            is_grouped: is_grouped || select.having.is_some(),
            from,
            limit: limit_of(query),
        }))
    }
}

impl Conditions {
    /// The rows that these conditions leave, with other columns; not grouped.
    pub fn rows(&self, columns: Vec<Expr>, conditions: &[Expr]) -> Query {
        let mut select = self.select.clone();
        select.distinct = None;
        select.group_by = GroupByExpr::Expressions(Vec::new(), Vec::new());
        select.having = None;
        select.selection = joined(conditions);
        self.with(select, columns)
    }

    /// The groups that these conditions on rows leave, with other columns.
    pub fn groups(&self, columns: Vec<Expr>, on_rows: &[Expr], on_groups: &[Expr]) -> Query {
        let mut select = self.select.clone();
        select.distinct = None;
        select.selection = joined(on_rows);
        select.having = joined(on_groups);
        self.with(select, columns)
    }

    fn with(&self, mut select: Select, columns: Vec<Expr>) -> Query {
        let name = |at: usize| Ident::with_quote('"', column_name(at));
        select.projection = columns
            .into_iter()
            .enumerate()
            .map(|(at, expr)| SelectItem::ExprWithAlias { expr, alias: name(at) })
            .collect();
        Query {
            body: Box::new(SetExpr::Select(Box::new(select))),
            order_by: None,
            limit_clause: None,
            fetch: None,
            ..self.query.clone()
        }
    }
}

/// Whether a SELECT reads the members and nothing else, and gives their `member_id`.
fn is_members(scope: NameScope<'_>, query: &Query, select: &Select, member: &Expr) -> bool {
    let [TableWithJoins { relation, joins }] = select.from.as_slice() else { return false };
    // A query of WITH may stand before the table of its name.
    query.with.is_none()
        && joins.is_empty()
        && column_of(member).is_some_and(|name| name == "member_id")
        && scope.table(relation).is_some_and(|table| table.name == "members")
}

/// The name of a column that a variation of a segment gives.
pub fn column_name(at: usize) -> String {
    format!("c{at}")
}

/// The query that combines the first parts of a set operation.
pub fn combined(query: &Query, parts: &[(Option<&'static str>, SetExpr)]) -> Option<Query> {
    let mut parts = parts.iter();
    let (_, first) = parts.next()?;
    let mut body = first.clone();
    for (how, part) in parts {
        let (op, quantifier) = match (*how)? {
            "UNION ALL" => (SetOperator::Union, SetQuantifier::All),
            "UNION" => (SetOperator::Union, SetQuantifier::None),
            "INTERSECT" => (SetOperator::Intersect, SetQuantifier::None),
            "INTERSECT ALL" => (SetOperator::Intersect, SetQuantifier::All),
            "EXCEPT ALL" => (SetOperator::Except, SetQuantifier::All),
            _ => (SetOperator::Except, SetQuantifier::None),
        };
        body = SetExpr::SetOperation {
            op,
            set_quantifier: quantifier,
            left: Box::new(body),
            right: Box::new(part.clone()),
        };
    }
    Some(Query { body: Box::new(body), order_by: None, ..query.clone() })
}

fn flatten(body: &SetExpr, how: Option<&'static str>, parts: &mut Vec<(Option<&'static str>, SetExpr)>) {
    match body {
        SetExpr::SetOperation { op, set_quantifier, left, right } => {
            flatten(left, how, parts);
            let all = matches!(set_quantifier, SetQuantifier::All);
            let how = match (op, all) {
                (SetOperator::Union, true) => "UNION ALL",
                (SetOperator::Union, false) => "UNION",
                (SetOperator::Intersect, false) => "INTERSECT",
                (SetOperator::Intersect, true) => "INTERSECT ALL",
                (_, true) => "EXCEPT ALL",
                (_, false) => "EXCEPT",
            };
            // What stands right belongs together.
            parts.push((Some(how), right.as_ref().clone()));
        }
        other => parts.push((how, other.clone())),
    }
}

/// Conditions that all have to hold, in the order written.
pub fn conjuncts(expr: &Expr) -> Vec<Expr> {
    match expr {
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            let mut all = conjuncts(left);
            all.extend(conjuncts(right));
            all
        }
        Expr::Nested(inner) if matches!(**inner, Expr::BinaryOp { op: BinaryOperator::And, .. }) => conjuncts(inner),
        other => vec![other.clone()],
    }
}

/// The conditions inside of one that is not a conjunction: of OR, and of NOT.
pub fn inner_conditions(expr: &Expr) -> Vec<Expr> {
    match expr {
        Expr::Nested(inner) => inner_conditions(inner),
        Expr::BinaryOp { op: BinaryOperator::Or, .. } => disjuncts(expr),
        Expr::BinaryOp { op: BinaryOperator::And, .. } => conjuncts(expr),
        Expr::UnaryOp { op: UnaryOperator::Not, expr } => {
            let inner = without_parentheses(expr);
            vec![inner.clone()]
        }
        _ => Vec::new(),
    }
}

fn disjuncts(expr: &Expr) -> Vec<Expr> {
    match expr {
        Expr::BinaryOp { left, op: BinaryOperator::Or, right } => {
            let mut all = disjuncts(left);
            all.extend(disjuncts(right));
            all
        }
        Expr::Nested(inner) if matches!(**inner, Expr::BinaryOp { op: BinaryOperator::Or, .. }) => disjuncts(inner),
        other => vec![without_parentheses(other).clone()],
    }
}

pub fn without_parentheses(expr: &Expr) -> &Expr {
    match expr {
        Expr::Nested(inner) => without_parentheses(inner),
        other => other,
    }
}

/// The name of a column that an expression is, without its qualifier.
pub fn column_of(expr: &Expr) -> Option<String> {
    match without_parentheses(expr) {
        Expr::Identifier(ident) => Some(folded(ident)),
        Expr::CompoundIdentifier(parts) => parts.last().map(folded),
        _ => None,
    }
}

fn joined(conditions: &[Expr]) -> Option<Expr> {
    conditions.iter().cloned().map(|condition| Expr::Nested(Box::new(condition))).reduce(|left, right| Expr::BinaryOp {
        left: Box::new(left),
        op: BinaryOperator::And,
        right: Box::new(right),
    })
}

/// All of these as one condition; true of none.
pub fn all_of(conditions: &[Expr]) -> Expr {
    joined(conditions).unwrap_or_else(|| Expr::Value(datafusion::sql::sqlparser::ast::Value::Boolean(true).into()))
}

/// Whether a query stands inside of an expression.
pub fn has_subquery(expr: &Expr) -> bool {
    struct Finder;
    impl Visitor for Finder {
        type Break = ();
        fn pre_visit_query(&mut self, _query: &Query) -> ControlFlow<()> {
            ControlFlow::Break(())
        }
    }
    expr.visit(&mut Finder).is_break()
}

/// Functions that read the clock.
pub const CLOCKS: [&str; 10] = [
    "now",
    "current_date",
    "current_time",
    "current_timestamp",
    "localtime",
    "localtimestamp",
    "clock_timestamp",
    "statement_timestamp",
    "transaction_timestamp",
    "timeofday",
];

/// The name of a function without its schema.
pub fn last_name(function: &Function) -> Option<String> {
    function.name.0.last()?.as_ident().map(folded)
}

/// Whether another day may make another value of an expression, or nothing in it says that none does.
pub fn depends_on_day(expr: &Expr) -> bool {
    struct Finder;
    impl Visitor for Finder {
        type Break = ();
        fn pre_visit_query(&mut self, _query: &Query) -> ControlFlow<()> {
            ControlFlow::Break(())
        }
        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            let Expr::Function(function) = expr else { return ControlFlow::Continue(()) };
            let Some(name) = last_name(function) else { return ControlFlow::Break(()) };
            // Of one argument, `age` counts from today.
            let reads_clock = CLOCKS.contains(&name.as_str()) || matches!(name.as_str(), "asof" | "age");
            if reads_clock || Fact::named(&name).is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }
    }
    expr.visit(&mut Finder).is_break()
}

fn limit_of(query: &Query) -> Option<String> {
    match (&query.limit_clause, &query.fetch) {
        (Some(LimitClause::LimitOffset { limit: None, offset: None, .. }), None) | (None, None) => None,
        (Some(clause), _) => Some(clause.to_string().trim().to_owned()),
        (None, Some(fetch)) => Some(fetch.to_string()),
    }
}
