//! What the lint knows of the columns that a query names: type, and whether a value may be missing.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Expr, Query, SelectItem, SetExpr, TableFactor, Visit, Visitor};

use crate::history::contract::{Kind, TABLES};
use crate::pg_type::PgType;
use crate::planner::names::{Found, NameScope};
use crate::planner::question::shape::column_of;

/// The columns of all relations that a query reads, by name.
#[derive(Debug, Default)]
pub struct Columns {
    by_name: BTreeMap<String, Vec<Known>>,
}

#[derive(Debug, Clone)]
struct Known {
    relation: String,
    pg_type: PgType,
}

/// Columns that always hold a value, though no file promises it: keys, what receipts need, what is computed from it.
const NEVER_NULL: [(&str, &[&str]); 3] = [
    (
        "purchases",
        &["purchase_id", "store_id", "purchased_at", "status", "local_at", "business_date", "local_time", "weekday"],
    ),
    (
        "purchase_lines",
        &[
            "purchase_id",
            "product_id",
            "quantity",
            "amount",
            "store_id",
            "purchased_at",
            "status",
            "local_at",
            "business_date",
            "local_time",
            "weekday",
        ],
    ),
    ("stores", &["store_id", "time_zone", "day_starts_at"]),
];

impl Columns {
    pub fn of(scope: NameScope<'_>, query: &Query) -> Self {
        let mut finder = Finder { scope, columns: Self::default() };
        let _: ControlFlow<()> = query.visit(&mut finder);
        finder.columns
    }

    fn named(&self, expr: &Expr) -> &[Known] {
        column_of(expr).and_then(|name| self.by_name.get(&name)).map_or(&[], Vec::as_slice)
    }

    pub fn is_column(&self, expr: &Expr) -> bool {
        !self.named(expr).is_empty()
    }

    pub fn is_instant(&self, expr: &Expr) -> bool {
        let instants = [PgType::TIMESTAMPTZ.oid, PgType::TIMESTAMP.oid];
        self.named(expr).iter().any(|known| instants.contains(&known.pg_type.oid))
    }

    /// Whether a column may hold no value in one of the relations that have it.
    pub fn is_nullable(&self, expr: &Expr) -> bool {
        let Some(name) = column_of(expr) else { return false };
        self.named(expr).iter().any(|known| !is_never_null(&known.relation, &name))
    }

    /// Whether money is in an expression.
    pub fn is_money(&self, expr: &Expr) -> bool {
        struct Money<'a>(&'a Columns);
        impl Visitor for Money<'_> {
            type Break = ();
            fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
                let Some(name) = column_of(expr) else { return ControlFlow::Continue(()) };
                let is_money = self.0.named(expr).iter().any(|known| {
                    let contract = TABLES.iter().find(|table| table.name == known.relation);
                    let column = contract.and_then(|table| table.column(&name));
                    column.is_some_and(|column| column.kind == Kind::Amount)
                });
                if is_money { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            }
        }
        expr.visit(&mut Money(self)).is_break()
    }

    /// Whether the first column that a query gives may hold no value, as far as its text tells.
    pub fn first_may_be_null(&self, query: &Query) -> bool {
        let SetExpr::Select(select) = &*query.body else { return false };
        let first = match select.projection.first() {
            Some(SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }) => expr,
            _ => return false,
        };
        let is_excluded = select
            .selection
            .as_ref()
            .is_some_and(|selection| selection.to_string().to_lowercase().contains("is not null"));
        !is_excluded && self.is_nullable(first)
    }
}

fn is_never_null(relation: &str, column: &str) -> bool {
    let is_key = TABLES.iter().any(|table| table.name == relation && table.key == Some(column));
    is_key || NEVER_NULL.iter().any(|(name, columns)| *name == relation && columns.contains(&column))
}

struct Finder<'a> {
    scope: NameScope<'a>,
    columns: Columns,
}

impl Visitor for Finder<'_> {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { name, args: None, .. } = factor
            && let Some(Found::Relation(relation)) = self.scope.relation(name)
        {
            for column in &relation.columns {
                let known = Known { relation: relation.name.clone(), pg_type: column.pg_type };
                self.columns.by_name.entry(column.name.clone()).or_default().push(known);
            }
        }
        ControlFlow::Continue(())
    }
}
