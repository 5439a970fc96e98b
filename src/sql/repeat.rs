//! Which parts of an expression are planned more than once: the engine has no form of its own for some of PostgreSQL's, and
//! writes an operand out wherever it is compared or given. Inside one another they double at each level.

use datafusion::sql::sqlparser::ast::{Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments};

/// A list that is not longer becomes comparisons joined by OR.
const LIST_WRITTEN_OUT_MAX: usize = 3;

/// The parts that are repeated, and how often.
pub(super) fn repeated(expr: &Expr) -> impl Iterator<Item = (&Expr, usize)> {
    let parts: Vec<(&Expr, usize)> = match expr {
        Expr::Between { expr, .. } => vec![(expr, 2)],
        Expr::InList { expr, list, .. } => of_list(expr, list.len()),
        Expr::AnyOp { left, right, .. } | Expr::AllOp { left, right, .. } => of_list(left, items(right)),
        Expr::Like { any: true, expr, pattern, .. } | Expr::ILike { any: true, expr, pattern, .. } => {
            vec![(expr, items(pattern))]
        }
        // Whether a branch may give NULL is found out by asking its condition again.
        Expr::Case { conditions, .. } => conditions.iter().map(|when| (&when.condition, 2)).collect(),
        Expr::Tuple(fields) => fields.iter().map(|field| (field, 2)).collect(),
        Expr::Function(function) => of_function(function),
        _ => Vec::new(),
    };
    parts.into_iter().filter(|(_, times)| *times > 1)
}

fn of_list(expr: &Expr, items: usize) -> Vec<(&Expr, usize)> {
    if items <= LIST_WRITTEN_OUT_MAX { vec![(expr, items)] } else { Vec::new() }
}

fn of_function(function: &Function) -> Vec<(&Expr, usize)> {
    let FunctionArguments::List(list) = &function.args else { return Vec::new() };
    let Some(name) = function.name.0.last().and_then(|part| part.as_ident()) else { return Vec::new() };
    let mut args: Vec<&Expr> = list
        .args
        .iter()
        .filter_map(|arg| match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
            _ => None,
        })
        .collect();
    match name.value.to_ascii_lowercase().as_str() {
        // The text of a row inside another has its quotes doubled.
        "nullif" | "row" => {}
        // The last one is only given.
        "coalesce" | "nvl" | "ifnull" => {
            args.pop();
        }
        _ => return Vec::new(),
    }
    args.into_iter().map(|arg| (arg, 2)).collect()
}

fn items(list: &Expr) -> usize {
    match list {
        Expr::Array(array) => array.elem.len(),
        Expr::Nested(inner) => items(inner),
        _ => 1,
    }
}
