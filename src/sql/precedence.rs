//! What binds how tightly, where sqlparser reads too far.
//!
//! It takes everything behind `a IS DISTINCT FROM` for one operand, so that `a IS DISTINCT FROM b AND c` would mean
//! `a IS DISTINCT FROM (b AND c)`. To PostgreSQL AND, OR and NOT bind less tightly than IS. Parentheses that somebody wrote
//! stand in the tree, so an AND or OR without them under IS DISTINCT FROM, an OR under AND, and either under NOT come from
//! that one mistake, and are turned back.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, Query, UnaryOperator, Value, VisitMut, VisitorMut};

/// Rewrites the query in place.
pub fn settle(query: &mut Query) {
    let _: ControlFlow<()> = VisitMut::visit(query, &mut Settler);
}

struct Settler;

impl VisitorMut for Settler {
    type Break = ();

    // From the inside out: what stands below is in order already.
    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        match expr {
            Expr::IsDistinctFrom(left, right) if is_joined(right, true) => {
                let (left, right) = (take(left), take(right));
                *expr = with_first(right, true, |first| Expr::IsDistinctFrom(Box::new(left), Box::new(first)));
            }
            Expr::IsNotDistinctFrom(left, right) if is_joined(right, true) => {
                let (left, right) = (take(left), take(right));
                *expr = with_first(right, true, |first| Expr::IsNotDistinctFrom(Box::new(left), Box::new(first)));
            }
            Expr::BinaryOp { left, op: BinaryOperator::And, right } if is_joined(right, false) => {
                let (left, right) = (take(left), take(right));
                *expr = with_first(right, false, |first| Expr::BinaryOp {
                    left: Box::new(left),
                    op: BinaryOperator::And,
                    right: Box::new(first),
                });
            }
            Expr::UnaryOp { op: UnaryOperator::Not, expr: inner } if is_joined(inner, true) => {
                let inner = take(inner);
                *expr =
                    with_first(inner, true, |first| Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(first) });
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// Whether an expression is an OR, or with `and` an AND, without parentheses.
fn is_joined(expr: &Expr, and: bool) -> bool {
    match expr {
        Expr::BinaryOp { op: BinaryOperator::Or, .. } => true,
        Expr::BinaryOp { op: BinaryOperator::And, .. } => and,
        _ => false,
    }
}

/// The same with its first operand in another place.
fn with_first(mut expr: Expr, and: bool, place: impl FnOnce(Expr) -> Expr) -> Expr {
    let mut first = &mut expr;
    while is_joined(first, and) {
        match first {
            Expr::BinaryOp { left, .. } => first = left,
            _ => break,
        }
    }
    *first = place(take(first));
    expr
}

fn take(expr: &mut Expr) -> Expr {
    std::mem::replace(expr, Expr::Value(Value::Null.into()))
}

#[cfg(test)]
mod tests {
    use crate::sql::parse_query;

    #[test]
    fn and_or_and_not_bind_less_tightly_than_is_distinct_from() {
        // As PostgreSQL 15 groups them: pg_get_viewdef of a view with this condition, without its outer parentheses.
        for (written, grouped) in [
            ("a IS DISTINCT FROM b AND c", "(a IS DISTINCT FROM b) AND c"),
            ("a IS DISTINCT FROM b OR c AND d", "(a IS DISTINCT FROM b) OR (c AND d)"),
            ("a AND b IS NOT DISTINCT FROM c OR d", "(a AND (b IS NOT DISTINCT FROM c)) OR d"),
            ("NOT a IS DISTINCT FROM b OR c", "(NOT (a IS DISTINCT FROM b)) OR c"),
            (
                "NOT a IS DISTINCT FROM b AND c IS DISTINCT FROM d OR e",
                "((NOT (a IS DISTINCT FROM b)) AND (c IS DISTINCT FROM d)) OR e",
            ),
            ("a IS DISTINCT FROM (b AND c)", "a IS DISTINCT FROM (b AND c)"),
            ("a AND (b OR c)", "a AND (b OR c)"),
        ] {
            // Parentheses that say what holds without them change nothing but the tree: the trees without them are compared.
            let tree = |condition: &str| {
                let query = parse_query(&format!("SELECT 1 WHERE {condition}")).unwrap();
                shape(&query)
            };
            assert_eq!(tree(written), tree(grouped), "{written}");
        }
    }

    /// The condition with a parenthesis around every operation.
    fn shape(query: &datafusion::sql::sqlparser::ast::Query) -> String {
        use datafusion::sql::sqlparser::ast::{Expr, SetExpr};
        fn of(expr: &Expr) -> String {
            match expr {
                Expr::Nested(inner) => of(inner),
                Expr::BinaryOp { left, op, right } => format!("({} {op} {})", of(left), of(right)),
                Expr::UnaryOp { op, expr } => format!("({op} {})", of(expr)),
                Expr::IsDistinctFrom(left, right) => format!("({} <> {})", of(left), of(right)),
                Expr::IsNotDistinctFrom(left, right) => format!("({} == {})", of(left), of(right)),
                other => other.to_string(),
            }
        }
        let SetExpr::Select(select) = &*query.body else { panic!() };
        of(select.selection.as_ref().unwrap())
    }
}
