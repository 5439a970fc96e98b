//! LIMIT, OFFSET and DISTINCT ON: row counts as PostgreSQL reads them, and keys that are written as positions.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Distinct, Expr, LimitClause, OrderByKind, Query, Select, SelectItem, SetExpr, UnaryOperator, Value, Visit,
    VisitMut, Visitor, VisitorMut,
};

use super::spelling::take;
use crate::error::{Error, Result, message};
use crate::ident::folded;

/// Rewrites in place.
///
/// Errors: 2201W, 2201X for a negative number of rows, 22P02 for a text that is no number, 42P10 for one that mentions columns;
/// 42P10 for keys of DISTINCT ON that are no items of the list, or not those that the rows are ordered by first.
pub fn settle(query: &mut Query) -> Result<()> {
    match query.visit(&mut Counts) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

struct Counts;

impl VisitorMut for Counts {
    type Break = Error;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Error> {
        match settle_query(query) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }
}

fn settle_query(query: &mut Query) -> Result<()> {
    if let Some(LimitClause::LimitOffset { limit, offset, .. }) = &mut query.limit_clause {
        if let Some(limit) = limit {
            settle_count("LIMIT", limit)?;
        }
        if let Some(offset) = offset {
            settle_count("OFFSET", &mut offset.value)?;
        }
    }
    let SetExpr::Select(select) = &mut *query.body else { return Ok(()) };
    let Select { distinct: Some(Distinct::On(keys)), projection, .. } = &mut **select else { return Ok(()) };
    for key in keys.iter_mut() {
        if let Some(digits) = number(key) {
            *key = item(projection, digits).ok_or_else(|| message::distinct_on_position(digits))?;
        }
    }
    let Some(order_by) = &mut query.order_by else { return Ok(()) };
    let OrderByKind::Expressions(order) = &mut order_by.kind else { return Ok(()) };
    for key in order.iter_mut() {
        if let Some(written) = number(&key.expr).and_then(|digits| item(projection, digits)) {
            key.expr = written;
        }
    }
    // PostgreSQL takes the keys in any order; the engine in the order of ORDER BY.
    let written = |expr: &Expr| match expr {
        Expr::Identifier(name) => named(projection, &folded(name)).unwrap_or_else(|| expr.clone()),
        expr => expr.clone(),
    };
    let mut rest: Vec<Expr> = keys.iter().map(written).collect();
    let mut sorted = Vec::with_capacity(keys.len());
    for key in order.iter() {
        if rest.is_empty() {
            break;
        }
        let key = written(&key.expr);
        match rest.iter().position(|other| *other == key) {
            Some(at) => {
                rest.remove(at);
                sorted.push(key);
            }
            None if sorted.contains(&key) => {}
            None => return Err(message::distinct_on_order()),
        }
    }
    sorted.extend(rest);
    *keys = sorted;
    Ok(())
}

fn settle_count(clause: &str, count: &mut Expr) -> Result<()> {
    if Visit::visit(&*count, &mut Columns { depth: 0 }).is_break() {
        return Err(message::row_count_not_constant(clause));
    }
    if matches!(count, Expr::Subquery(_)) {
        return Err(message::unsupported(&format!("a subquery in {clause}")));
    }
    let (sign, value) = match &mut *count {
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => (-1, &**expr),
        expr => (1, &*expr),
    };
    let Expr::Value(value) = value else { return Ok(()) };
    let written = match &value.value {
        Value::Number(digits, _) => digits.clone(),
        Value::SingleQuotedString(text) => {
            let number: i64 = text.trim().parse().map_err(|_| message::unreadable_value("bigint", text))?;
            number.to_string()
        }
        _ => return Ok(()),
    };
    // A fraction is rounded as a cast to bigint rounds it.
    let rounded = match written.parse::<i64>() {
        Ok(_) => written,
        Err(_) => match written.parse::<f64>() {
            Ok(number) if number.abs() < 9e15 => format!("{}", number.round()),
            _ => return Ok(()),
        },
    };
    if (sign < 0 || rounded.starts_with('-')) && rounded.trim_start_matches('-') != "0" {
        return Err(message::row_count_negative(clause));
    }
    let _ = take(count);
    *count = Expr::Value(Value::Number(rounded.trim_start_matches('-').to_owned(), false).into());
    Ok(())
}

fn number(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::Number(digits, _) => Some(digits),
            _ => None,
        },
        _ => None,
    }
}

fn item(items: &[SelectItem], digits: &str) -> Option<Expr> {
    match items.get(digits.parse::<usize>().ok()?.checked_sub(1)?)? {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(expr.clone()),
        _ => None,
    }
}

/// What the list gives that name to.
fn named(items: &[SelectItem], name: &str) -> Option<Expr> {
    items.iter().find_map(|item| match item {
        SelectItem::ExprWithAlias { expr, alias } if folded(alias) == name => Some(expr.clone()),
        _ => None,
    })
}

/// Whether an expression mentions a column, outside of its subqueries.
struct Columns {
    depth: usize,
}

impl Visitor for Columns {
    type Break = ();

    fn pre_visit_query(&mut self, _query: &Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            Expr::Identifier(_) | Expr::CompoundIdentifier(_) if self.depth == 0 => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    }
}
