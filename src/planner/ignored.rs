//! Refuses what the engine would parse and then silently ignore: a wrong answer is worse than none.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Query, Select, SelectItem, SetExpr, SetOperator, SetQuantifier, TableFactor, Visit, Visitor,
};

use crate::error::{Error, Result, message};

/// Errors: 0A000, naming the clause.
pub fn refuse(query: &Query) -> Result<()> {
    match Visit::visit(query, &mut Finder) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

struct Finder;

impl Visitor for Finder {
    type Break = Error;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Error> {
        if !query.locks.is_empty() {
            return refused("SELECT … FOR UPDATE");
        }
        if query.fetch.as_ref().is_some_and(|fetch| fetch.with_ties || fetch.percent) {
            return ControlFlow::Break(message::fetch_with_ties(query.order_by.is_some()));
        }
        match &*query.body {
            SetExpr::SetOperation {
                op: op @ (SetOperator::Except | SetOperator::Intersect),
                set_quantifier: SetQuantifier::All,
                ..
            } => ControlFlow::Break(message::set_operation_all(&op.to_string())),
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
                refused("a statement that changes data")
            }
            _ => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Error> {
        if select.into.is_some() {
            return refused("SELECT INTO");
        }
        for item in &select.projection {
            if let SelectItem::Wildcard(options) | SelectItem::QualifiedWildcard(_, options) = item
                && let Some(alias) = &options.opt_alias
            {
                // `SELECT * FORM t`: what stands behind a star is nearly always a mistyped FROM.
                return ControlFlow::Break(message::syntax_error(&alias.value));
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Error> {
        match factor {
            TableFactor::Table { sample: Some(_), .. } => ControlFlow::Break(message::table_sample()),
            TableFactor::Table { with_hints, version, partitions, .. }
                if !with_hints.is_empty() || version.is_some() || !partitions.is_empty() =>
            {
                refused("a hint or version of a table")
            }
            _ => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Error> {
        match expr {
            Expr::Collate { collation, .. } => {
                // Text is compared by its bytes, which is what these two promise.
                let name = collation.0.last().and_then(|part| part.as_ident()).map(|ident| ident.value.as_str());
                if matches!(name, Some("C" | "default" | "POSIX" | "ucs_basic")) {
                    ControlFlow::Continue(())
                } else {
                    refused(&format!("COLLATE {collation}"))
                }
            }
            _ => ControlFlow::Continue(()),
        }
    }
}

fn refused(what: &str) -> ControlFlow<Error> {
    ControlFlow::Break(message::unsupported(what))
}
