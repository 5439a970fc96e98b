//! Aggregates that the engine lacks, spelled with `array_agg` and a function of its list.
//!
//! `mode() WITHIN GROUP (ORDER BY x)` is `"mode:of"(array_agg(x ORDER BY x))`: the list has PostgreSQL's order, FILTER
//! and OVER stay with it, and what is left is a function of one row.

use datafusion::sql::sqlparser::ast::{
    DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArguments, Ident,
    ObjectName, OrderByExpr,
};

use super::spelling::call;
use crate::error::{Result, message};

/// Names of aggregates that only this rewrite knows.
const NAMES: &[&str] = &[
    "every",
    "variance",
    "json_agg",
    "jsonb_agg",
    "json_object_agg",
    "jsonb_object_agg",
    "mode",
    "percentile_disc",
    "percentile_cont",
];

/// Whether a name, in lower case, is that of an aggregate which is spelled out here.
pub fn is_spelled(name: &str) -> bool {
    NAMES.contains(&name)
}

/// The call spelled out, where it is one that the engine lacks.
///
/// Errors: 0A000 for hypothetical-set aggregates, 42883 for arguments that an aggregate does not have.
pub fn rewritten(function: &Function, name: &str) -> Result<Option<Expr>> {
    let FunctionArguments::List(list) = &function.args else { return Ok(None) };
    let args: Vec<&Expr> = list
        .args
        .iter()
        .filter_map(|arg| match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
            _ => None,
        })
        .collect();
    let missing = || message::function_missing(name);
    Ok(Some(match name {
        "every" => renamed(function, "bool_and"),
        "variance" => renamed(function, "var_samp"),
        "rank" | "dense_rank" | "percent_rank" | "cume_dist" if !function.within_group.is_empty() => {
            return Err(message::hypothetical_set(name));
        }
        "json_agg" | "jsonb_agg" => {
            let [item] = args[..] else { return Err(missing()) };
            let kind = kind_of(name);
            let is_row = matches!(item, Expr::Function(function) if is_named(function, "named_struct"));
            let gathered = collected(function, call(&format!("{kind}:item"), vec![item.clone()]));
            let join = if is_row && kind == "json" { "json:rows".to_owned() } else { format!("{kind}:array") };
            call(&join, vec![gathered])
        }
        "json_object_agg" | "jsonb_object_agg" => {
            let [key, value] = args[..] else { return Err(missing()) };
            let kind = kind_of(name);
            let keys = collected(function, call("json:key", vec![key.clone()]));
            let values = collected(function, call(&format!("{kind}:item"), vec![value.clone()]));
            call(&format!("{kind}:object"), vec![keys, values])
        }
        "mode" => {
            let [key] = function.within_group.as_slice() else { return Err(missing()) };
            call("mode:of", vec![ordered(function, key)])
        }
        "percentile_disc" | "percentile_cont" => {
            let ([fraction], [key]) = (&args[..], function.within_group.as_slice()) else { return Err(missing()) };
            call(&format!("{name}:of"), vec![ordered(function, key), (*fraction).clone()])
        }
        // A separator of its own for each row.
        "string_agg" if args.len() == 2 && !matches!(args[1], Expr::Value(_)) => {
            let texts = collected(function, args[0].clone());
            let separators = collected(function, args[1].clone());
            call("string_agg:of", vec![texts, separators])
        }
        // PostgreSQL finds what is distinct by sorting.
        "string_agg" | "array_agg" if is_distinct(function) && !has_order(function) => {
            let Some(first) = args.first() else { return Ok(None) };
            let mut sorted = function.clone();
            if let FunctionArguments::List(list) = &mut sorted.args {
                list.clauses.push(FunctionArgumentClause::OrderBy(vec![by((*first).clone())]));
            }
            Expr::Function(sorted)
        }
        _ => return Ok(None),
    }))
}

fn kind_of(name: &str) -> &'static str {
    if name.starts_with("jsonb") { "jsonb" } else { "json" }
}

fn is_named(function: &Function, name: &str) -> bool {
    function.name.0.last().and_then(|part| part.as_ident()).is_some_and(|ident| ident.value == name)
}

fn renamed(function: &Function, name: &str) -> Expr {
    let mut renamed = function.clone();
    renamed.name = ObjectName::from(Ident::new(name));
    Expr::Function(renamed)
}

/// `array_agg` of a value, with the order, FILTER and OVER of another aggregate.
fn collected(function: &Function, value: Expr) -> Expr {
    let mut collected = function.clone();
    collected.name = ObjectName::from(Ident::new("array_agg"));
    if let FunctionArguments::List(list) = &mut collected.args {
        list.args = vec![FunctionArg::Unnamed(FunctionArgExpr::Expr(value.clone()))];
        let is_distinct = list.duplicate_treatment == Some(DuplicateTreatment::Distinct);
        let has_order = list.clauses.iter().any(|clause| matches!(clause, FunctionArgumentClause::OrderBy(_)));
        if is_distinct && !has_order {
            list.clauses.push(FunctionArgumentClause::OrderBy(vec![by(value)]));
        }
    }
    Expr::Function(collected)
}

/// `array_agg` of the key of WITHIN GROUP, in its order.
fn ordered(function: &Function, key: &OrderByExpr) -> Expr {
    let mut ordered = function.clone();
    ordered.name = ObjectName::from(Ident::new("array_agg"));
    ordered.within_group = Vec::new();
    if let FunctionArguments::List(list) = &mut ordered.args {
        list.args = vec![FunctionArg::Unnamed(FunctionArgExpr::Expr(key.expr.clone()))];
        list.clauses = vec![FunctionArgumentClause::OrderBy(vec![key.clone()])];
    }
    Expr::Function(ordered)
}

fn by(expr: Expr) -> OrderByExpr {
    OrderByExpr { expr, options: Default::default(), with_fill: None }
}

fn is_distinct(function: &Function) -> bool {
    matches!(&function.args, FunctionArguments::List(list)
        if list.duplicate_treatment == Some(DuplicateTreatment::Distinct))
}

fn has_order(function: &Function) -> bool {
    matches!(&function.args, FunctionArguments::List(list)
        if list.clauses.iter().any(|clause| matches!(clause, FunctionArgumentClause::OrderBy(_))))
}
