//! Constants of a statement: expressions whose value does not depend on a row.

use datafusion::common::DFSchema;
use datafusion::error::Result as EngineResult;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::scalar::ScalarValue;

use crate::error::Result;

/// The expression with its types settled and what is constant computed.
pub fn folded(context: &SimplifyContext, expr: Expr) -> EngineResult<Expr> {
    let simplifier = ExprSimplifier::new(context.clone());
    simplifier.simplify(simplifier.coerce(expr, &DFSchema::empty())?)
}

/// The value of an expression; `None` when it is not a constant of the statement.
pub fn value(context: &SimplifyContext, expr: &Expr) -> Result<Option<ScalarValue>> {
    if !expr.column_refs().is_empty() || expr.contains_outer() {
        return Ok(None);
    }
    Ok(match folded(context, expr.clone())?.unalias() {
        Expr::Literal(value, _) => Some(value),
        _ => None,
    })
}
