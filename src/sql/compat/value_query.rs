//! `(SELECT e)` without FROM → `(e)`.
//!
//! Tools wrap a value so, with a subquery of the row outside inside: two levels down, where DataFusion finds no column of
//! it any more.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Expr, GroupByExpr, Query, Select, SelectItem, SetExpr, visit_expressions};

use super::set_returning::set_returning;
use super::{catalog_name, take};

/// Functions that a query without FROM calls for one row, or that give it several.
const NOT_OF_A_VALUE: &[&str] = &[
    "array_agg",
    "avg",
    "bool_and",
    "bool_or",
    "count",
    "every",
    "json_agg",
    "json_object_agg",
    "jsonb_agg",
    "jsonb_object_agg",
    "max",
    "min",
    "mode",
    "percentile_cont",
    "percentile_disc",
    "string_agg",
    "sum",
    "unnest",
];

pub(super) fn value_of_query(expr: &mut Expr) -> bool {
    let Expr::Subquery(query) = expr else { return false };
    let Some(value) = only_value(query) else { return false };
    *expr = Expr::Nested(Box::new(take(value)));
    true
}

/// The value, when the query does nothing but compute it and holds a subquery itself.
fn only_value(query: &mut Query) -> Option<&mut Expr> {
    let is_bare = query.with.is_none() && query.order_by.is_none() && query.limit_clause.is_none();
    if !is_bare || query.fetch.is_some() {
        return None;
    }
    let SetExpr::Select(select) = &mut *query.body else { return None };
    if !is_plain(select) {
        return None;
    }
    let [SelectItem::UnnamedExpr(value) | SelectItem::ExprWithAlias { expr: value, .. }] =
        select.projection.as_mut_slice()
    else {
        return None;
    };
    (holds_query(value) && is_one_value(value)).then_some(value)
}

fn is_plain(select: &Select) -> bool {
    let ungrouped = matches!(&select.group_by, GroupByExpr::Expressions(by, _) if by.is_empty());
    let unfiltered = select.selection.is_none() && select.having.is_none() && select.qualify.is_none();
    select.from.is_empty() && select.distinct.is_none() && ungrouped && unfiltered
}

fn holds_query(value: &Expr) -> bool {
    let mut found = false;
    let _: ControlFlow<()> = visit_expressions(value, |expr| {
        found |= match expr {
            Expr::Subquery(_) | Expr::Exists { .. } | Expr::InSubquery { .. } => true,
            Expr::Function(function) => catalog_name(&function.name).as_deref() == Some("array"),
            _ => false,
        };
        ControlFlow::Continue(())
    });
    found
}

fn is_one_value(value: &Expr) -> bool {
    let mut plain = true;
    let _: ControlFlow<()> = visit_expressions(value, |expr| {
        if let Expr::Function(function) = expr {
            let name = catalog_name(&function.name).unwrap_or_default();
            plain &= function.over.is_none();
            plain &= set_returning(&name).is_none() && !NOT_OF_A_VALUE.contains(&name.as_str());
        }
        ControlFlow::Continue(())
    });
    plain
}
