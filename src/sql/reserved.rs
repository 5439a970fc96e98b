//! Words that PostgreSQL reserves: unquoted they name no table and no column (42601).
//!
//! The parser below is lenient, so that `SELECT FROM WHERE` would look for a table called `where`.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Expr, Ident, Query, TableFactor, Visit, Visitor};

/// PostgreSQL's fully reserved words, without those that stand for values (`current_date`, `user`, `true`, …).
const RESERVED: &[&str] = &[
    "all",
    "analyse",
    "analyze",
    "and",
    "any",
    "as",
    "asc",
    "asymmetric",
    "both",
    "case",
    "cast",
    "check",
    "collate",
    "column",
    "constraint",
    "create",
    "default",
    "deferrable",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "fetch",
    "for",
    "foreign",
    "from",
    "grant",
    "group",
    "having",
    "in",
    "initially",
    "intersect",
    "into",
    "lateral",
    "leading",
    "limit",
    "not",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "placing",
    "primary",
    "references",
    "returning",
    "select",
    "some",
    "symmetric",
    "table",
    "then",
    "to",
    "trailing",
    "union",
    "unique",
    "using",
    "variadic",
    "when",
    "where",
    "window",
    "with",
];

/// The first reserved word that stands where only a name can.
pub(super) fn misused(query: &Query) -> Option<Ident> {
    match query.visit(&mut Finder) {
        ControlFlow::Continue(()) => None,
        ControlFlow::Break(found) => Some(found),
    }
}

struct Finder;

impl Visitor for Finder {
    type Break = Ident;

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Ident> {
        let TableFactor::Table { name, .. } = factor else { return ControlFlow::Continue(()) };
        match name.0.first().and_then(|part| part.as_ident()) {
            Some(first) if is_reserved(first) => ControlFlow::Break(first.clone()),
            _ => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Ident> {
        let first = match expr {
            Expr::Identifier(name) => Some(name),
            Expr::CompoundIdentifier(parts) => parts.first(),
            _ => None,
        };
        match first {
            Some(first) if is_reserved(first) => ControlFlow::Break(first.clone()),
            _ => ControlFlow::Continue(()),
        }
    }
}

fn is_reserved(name: &Ident) -> bool {
    name.quote_style.is_none() && RESERVED.binary_search(&name.value.to_ascii_lowercase().as_str()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_in_order() {
        assert!(RESERVED.is_sorted());
    }
}
