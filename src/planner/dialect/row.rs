//! Rows of values: compared and tested as PostgreSQL does, field by field. On the way, what [`merged`] and [`whole_row`] do.
//!
//! The engine has rows as structs, but compares them as wholes, NULLs included: what is compared or tested is written out.
//! What stays of a row is a struct.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    AccessExpr, BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Query, Select,
    SetExpr, UnaryOperator, VisitMut, VisitorMut,
};

use super::spelling::call;
use super::{merged, whole_row};
use crate::error::{Error, Result, message};
use crate::planner::names::NameScope;

/// The engine's function of values that stand beside one another.
const STRUCT: &str = "struct";
/// The same with a name for each.
pub(super) const NAMED_STRUCT: &str = "named_struct";

/// Rewrites in place.
///
/// Errors: 42601 for rows of different lengths; 0A000 for a row beside a subquery, and for the row of a relation whose columns
/// cannot be told, or that an outer join may leave out.
pub fn rewrite(query: &mut Query, scope: NameScope<'_>) -> Result<()> {
    let mut rows = Rows { scope, queries: Vec::new() };
    match query.visit(&mut rows) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

struct Rows<'a> {
    scope: NameScope<'a>,
    /// The queries around the present place, outermost first: their common tables are in sight.
    queries: Vec<whole_row::Common>,
}

impl VisitorMut for Rows<'_> {
    type Break = Error;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Error> {
        self.queries.push(whole_row::common_tables(query, self.scope, &self.queries));
        if let (SetExpr::Select(select), Some(order_by)) = (&*query.body, &mut query.order_by) {
            merged::rewrite_order(select, order_by, self.scope, &self.queries);
        }
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &mut Query) -> ControlFlow<Error> {
        self.queries.pop();
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Error> {
        if let Some(condition) = &mut select.selection {
            broken(in_subquery(condition))?;
        }
        let _: ControlFlow<()> = select.visit(&mut Qualified);
        merged::rewrite_select(select, self.scope, &self.queries);
        broken(whole_row::rewrite_select(select, self.scope, &self.queries))
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        broken(written_out(expr))
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        if let Expr::Tuple(fields) = expr {
            *expr = call(STRUCT, std::mem::take(fields));
        }
        ControlFlow::Continue(())
    }
}

/// `t.list[1]`, which the parser takes for the first item of the field of a row, becomes that of a column of `t`.
struct Qualified;

impl VisitorMut for Qualified {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::CompoundFieldAccess { root, access_chain } = expr
            && let Expr::Identifier(relation) = &**root
            && let Some(AccessExpr::Dot(Expr::Identifier(column))) = access_chain.first()
        {
            **root = Expr::CompoundIdentifier(vec![relation.clone(), column.clone()]);
            access_chain.remove(0);
        }
        ControlFlow::Continue(())
    }
}

fn broken(result: Result<()>) -> ControlFlow<Error> {
    match result {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => ControlFlow::Break(error),
    }
}

/// The fields of a row that is written as one.
fn fields(expr: &Expr) -> Option<Vec<Expr>> {
    match expr {
        Expr::Tuple(fields) => Some(fields.clone()),
        Expr::Nested(inner) => fields(inner),
        Expr::Function(function) => {
            let [name] = function.name.0.as_slice() else { return None };
            let name = name.as_ident()?.value.to_ascii_lowercase();
            let args = arguments(function)?;
            match name.as_str() {
                "row" | STRUCT => Some(args),
                // Names and values by turns.
                NAMED_STRUCT => Some(args.into_iter().skip(1).step_by(2).collect()),
                _ => None,
            }
        }
        _ => None,
    }
}

fn arguments(function: &Function) -> Option<Vec<Expr>> {
    let FunctionArguments::List(list) = &function.args else { return None };
    let args = list.args.iter().map(|arg| match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
        _ => None,
    });
    args.collect()
}

/// Writes out a comparison or a test of rows.
fn written_out(expr: &mut Expr) -> Result<()> {
    match expr {
        Expr::BinaryOp { left, op, right } if is_comparison(op) => {
            let is_subquery = |side: &Expr| matches!(unnested(side), Expr::Subquery(_));
            if fields(left).is_some() && is_subquery(right) || is_subquery(left) && fields(right).is_some() {
                return Err(message::row_beside_subquery());
            }
            if let (Some(left), Some(right)) = (fields(left), fields(right)) {
                *expr = compared(op.clone(), left, right)?;
            }
        }
        Expr::BinaryOp { left, op: BinaryOperator::Overlaps, right } => {
            let (Some(left), Some(right)) = (fields(left), fields(right)) else {
                return Err(message::overlaps_arguments());
            };
            if left.len() != 2 || right.len() != 2 {
                return Err(message::overlaps_arguments());
            }
            *expr = call("overlaps", left.into_iter().chain(right).collect());
        }
        Expr::IsDistinctFrom(left, right) | Expr::IsNotDistinctFrom(left, right) => {
            if let (Some(left), Some(right)) = (fields(left), fields(right)) {
                let is_distinct = matches!(expr, Expr::IsDistinctFrom(..));
                let pairs = pairs(left, right)?.into_iter().map(|(left, right)| match is_distinct {
                    true => Expr::IsDistinctFrom(Box::new(left), Box::new(right)),
                    false => Expr::IsNotDistinctFrom(Box::new(left), Box::new(right)),
                });
                let op = if is_distinct { BinaryOperator::Or } else { BinaryOperator::And };
                *expr = joined(op, pairs);
            }
        }
        Expr::IsNull(row) | Expr::IsNotNull(row) => {
            if let Some(fields) = fields(row).filter(|fields| !fields.is_empty()) {
                let is_null = matches!(expr, Expr::IsNull(_));
                let tests = fields.into_iter().map(|field| match is_null {
                    true => Expr::IsNull(Box::new(field)),
                    false => Expr::IsNotNull(Box::new(field)),
                });
                *expr = joined(BinaryOperator::And, tests);
            }
        }
        Expr::InList { expr: row, list, negated } => {
            if let Some(row) = fields(row) {
                let equal = list
                    .iter()
                    .map(|item| match fields(item) {
                        Some(item) => compared(BinaryOperator::Eq, row.clone(), item),
                        None => Err(message::row_lengths_differ()),
                    })
                    .collect::<Result<Vec<_>>>()?;
                let any = joined(BinaryOperator::Or, equal.into_iter());
                *expr = if *negated { Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(any) } } else { any };
            }
        }
        Expr::InSubquery { expr: row, .. } | Expr::AnyOp { left: row, .. } | Expr::AllOp { left: row, .. }
            if fields(row).is_some() =>
        {
            return Err(message::row_beside_subquery());
        }
        _ => {}
    }
    Ok(())
}

fn is_comparison(op: &BinaryOperator) -> bool {
    use BinaryOperator::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
    matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq)
}

fn unnested(expr: &Expr) -> &Expr {
    match expr {
        Expr::Nested(inner) => unnested(inner),
        expr => expr,
    }
}

/// As PostgreSQL compares rows: all pairs are equal, some pair is not, or the first pair that is not equal decides.
fn compared(op: BinaryOperator, left: Vec<Expr>, right: Vec<Expr>) -> Result<Expr> {
    let pairs = pairs(left, right)?;
    let each = |op: &BinaryOperator, (left, right): (Expr, Expr)| binary(left, op.clone(), right);
    Ok(match op {
        BinaryOperator::Eq => joined(BinaryOperator::And, pairs.into_iter().map(|pair| each(&op, pair))),
        BinaryOperator::NotEq => joined(BinaryOperator::Or, pairs.into_iter().map(|pair| each(&op, pair))),
        _ => {
            let strictly = match op {
                BinaryOperator::LtEq => BinaryOperator::Lt,
                BinaryOperator::GtEq => BinaryOperator::Gt,
                ref op => op.clone(),
            };
            let mut pairs = pairs.into_iter().rev();
            let Some(last) = pairs.next() else { return Err(message::row_lengths_differ()) };
            pairs.fold(each(&op, last), |rest, pair| {
                let equal = binary(each(&BinaryOperator::Eq, pair.clone()), BinaryOperator::And, rest);
                binary(each(&strictly, pair), BinaryOperator::Or, equal)
            })
        }
    })
}

fn pairs(left: Vec<Expr>, right: Vec<Expr>) -> Result<Vec<(Expr, Expr)>> {
    if left.len() != right.len() || left.is_empty() {
        return Err(message::row_lengths_differ());
    }
    Ok(left.into_iter().zip(right).collect())
}

fn binary(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    let nested = |expr: Expr| Box::new(Expr::Nested(Box::new(expr)));
    Expr::Nested(Box::new(Expr::BinaryOp { left: nested(left), op, right: nested(right) }))
}

fn joined(op: BinaryOperator, parts: impl Iterator<Item = Expr>) -> Expr {
    let all = parts.reduce(|all, part| binary(all, op.clone(), part));
    all.unwrap_or_else(|| Expr::Value(datafusion::sql::sqlparser::ast::Value::Null.into()))
}

/// `(a, b) IN (SELECT …)` where only rows for which it is true count: as EXISTS, which cannot tell false from NULL.
fn in_subquery(condition: &mut Expr) -> Result<()> {
    match condition {
        Expr::Nested(inner) => in_subquery(inner),
        Expr::BinaryOp { left, op: BinaryOperator::And | BinaryOperator::Or, right } => {
            in_subquery(left)?;
            in_subquery(right)
        }
        Expr::InSubquery { expr: row, subquery, negated: false } => {
            if let Some(row) = fields(row) {
                *condition = whole_row::exists(row, (**subquery).clone())?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}
