//! Functions that give rows, as functions that give lists: `FROM generate_series(1, 3) g` → `FROM unnest(<list>) g`.
//!
//! The engine unnests lists, also beside other tables and in a SELECT list; what it lacks are the functions. Those that
//! give the lists are ours (`planner/function/series.rs` and its neighbours), under names that say which function
//! and which of its columns they stand for; [`column_of`] reads them back.

use datafusion::sql::sqlparser::ast::{Expr, FunctionArg, FunctionArgExpr, ObjectName, TableFactor};

use super::{RegResolver, argument, call, catalog_name};

const PREFIX: &str = "list:";

/// Functions that give rows of one column, and what the column is called when it has a name of its own.
const OF_ONE_COLUMN: &[(&str, Option<&str>)] = &[
    ("generate_series", None),
    ("generate_subscripts", None),
    ("regexp_matches", None),
    ("regexp_split_to_table", None),
    ("string_to_table", None),
    ("json_array_elements", Some("value")),
    ("jsonb_array_elements", Some("value")),
    ("json_array_elements_text", Some("value")),
    ("jsonb_array_elements_text", Some("value")),
    ("json_object_keys", None),
    ("jsonb_object_keys", None),
];

const KEY_AND_VALUE: &[&str] = &["key", "value"];

/// What `aclexplode` tells of each privilege in an access list.
pub(super) const OF_ACL: &[&str] = &["grantor", "grantee", "privilege_type", "is_grantable"];

/// Functions that give rows of several columns, and the names of these.
const OF_COLUMNS: &[(&str, &[&str])] = &[
    ("aclexplode", OF_ACL),
    ("json_each", KEY_AND_VALUE),
    ("jsonb_each", KEY_AND_VALUE),
    ("json_each_text", KEY_AND_VALUE),
    ("jsonb_each_text", KEY_AND_VALUE),
];

/// What a name means among the functions that give rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetReturning {
    /// Rows of one column: the function that gives them as a list.
    Column,
    /// Rows of several columns: their names.
    Columns(&'static [&'static str]),
}

/// `name` in lower case, without a schema.
pub fn set_returning(name: &str) -> Option<SetReturning> {
    if OF_ONE_COLUMN.iter().any(|(known, _)| *known == name) {
        return Some(SetReturning::Column);
    }
    OF_COLUMNS.iter().find(|(known, _)| *known == name).map(|(_, columns)| SetReturning::Columns(columns))
}

/// The function that gives as a list what this one gives as rows.
pub fn list_function(name: &str) -> String {
    format!("{PREFIX}{name}")
}

/// The function that gives one column of several.
pub(super) fn list_of_column(name: &str, column: &str) -> String {
    format!("{PREFIX}{name}:{column}")
}

/// Whether a list is that of the one value that a function gives: `FROM upper('a') u` has one row.
pub fn is_of_value(name: &str) -> bool {
    name.strip_prefix(PREFIX).and_then(|name| name.split_once(':')).is_some_and(|(function, column)| function == column)
}

/// The column that a list stands for, by the expression that gives it; `unnest` for a list that a user wrote.
pub fn column_of(list: &Expr) -> String {
    let Expr::Function(function) = list else { return "unnest".to_owned() };
    let name = function.name.0.last().and_then(|part| part.as_ident()).map_or("", |ident| ident.value.as_str());
    let Some(name) = name.strip_prefix(PREFIX) else { return "unnest".to_owned() };
    if let Some((_, column)) = name.split_once(':') {
        return column.to_owned();
    }
    let known = OF_ONE_COLUMN.iter().find(|(known, _)| *known == name);
    known.and_then(|(_, column)| *column).unwrap_or(name).to_owned()
}

/// The type of the column, where Arrow's does not tell it.
pub fn type_of(list: &Expr) -> Option<&'static str> {
    let Expr::Function(function) = list else { return None };
    match function.name.0.last()?.as_ident()?.value.strip_prefix(PREFIX)? {
        "json_array_elements" | "json_each:value" => Some("json"),
        "jsonb_array_elements" | "jsonb_each:value" => Some("jsonb"),
        _ => None,
    }
}

/// The function that gave the lists of an item of FROM, which the item is called by when it has no other name.
pub fn function_of(lists: &[Expr]) -> String {
    let Some(Expr::Function(function)) = lists.first() else { return "unnest".to_owned() };
    let name = function.name.0.last().and_then(|part| part.as_ident()).map_or("", |ident| ident.value.as_str());
    let name = name.strip_prefix(PREFIX).unwrap_or("unnest");
    name.split(':').next().unwrap_or(name).to_owned()
}

/// An item of FROM that calls such a function → the unnesting of its list.
pub(super) fn unnest_factor(factor: &mut TableFactor, resolve: &dyn RegResolver) {
    let found = match factor {
        TableFactor::Table { name, alias, args: Some(args), with_ordinality, .. } => {
            lists(name, &args.args, resolve).map(|lists| (lists, alias.take(), *with_ordinality))
        }
        TableFactor::Function { name, args, with_ordinality, alias, .. } => {
            lists(name, args, resolve).map(|lists| (lists, alias.take(), *with_ordinality))
        }
        _ => None,
    };
    if let Some((array_exprs, alias, with_ordinality)) = found {
        *factor =
            TableFactor::UNNEST { alias, array_exprs, with_offset: false, with_offset_alias: None, with_ordinality };
    }
}

fn lists(name: &ObjectName, args: &[FunctionArg], resolve: &dyn RegResolver) -> Option<Vec<Expr>> {
    let name = catalog_name(name)?;
    let is_expr = |arg: &FunctionArg| matches!(arg, FunctionArg::Unnamed(FunctionArgExpr::Expr(_)));
    if !args.iter().all(is_expr) {
        return None;
    }
    let args: Vec<Expr> = args.iter().filter_map(argument).collect();
    if name == "unnest" {
        return Some(args);
    }
    let Some(rows) = set_returning(&name) else {
        let value = || vec![call(&list_of_column(&name, &name), vec![call(&name, args)])];
        return resolve.gives_a_value(&name).then(value);
    };
    Some(match rows {
        SetReturning::Column => vec![call(&list_function(&name), args)],
        SetReturning::Columns(columns) => {
            columns.iter().map(|column| call(&list_of_column(&name, column), args.clone())).collect()
        }
    })
}
