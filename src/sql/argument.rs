//! Arguments that are written by their name: `days => 'fri'`.

use datafusion::sql::sqlparser::ast::{Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments};

use crate::ident::folded;

/// The name, folded as PostgreSQL folds it, and the value; `None` for an argument without a name.
pub fn named(arg: &FunctionArg) -> Option<(String, &Expr)> {
    match arg {
        FunctionArg::Named { name, arg: FunctionArgExpr::Expr(value), .. } => Some((folded(name), value)),
        FunctionArg::ExprNamed { name: Expr::Identifier(name), arg: FunctionArgExpr::Expr(value), .. } => {
            Some((folded(name), value))
        }
        _ => None,
    }
}

/// The arguments of a call, in order.
pub fn arguments(function: &Function) -> &[FunctionArg] {
    match &function.args {
        FunctionArguments::List(list) => &list.args,
        _ => &[],
    }
}

/// The name of a function that is not qualified, folded as PostgreSQL folds it.
pub fn function_name(function: &Function) -> Option<String> {
    let [name] = function.name.0.as_slice() else { return None };
    name.as_ident().map(folded)
}
