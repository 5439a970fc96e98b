//! A relation's name where a value is wanted stands for its row: `row_to_json(t)`. Written out as a struct of its columns.
//!
//! Which columns a relation has is told from the syntax tree and the catalog; a column of that name comes first, so nothing is
//! rewritten beside a relation whose columns cannot be told.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Distinct, Expr, GroupByExpr, Ident, JoinOperator, Query, Select, SelectItem,
    SelectItemQualifiedWildcardKind, SetExpr, TableAlias, TableFactor, TableWithJoins, Value, Visit, VisitMut, Visitor,
    VisitorMut,
};

use super::merged;
use super::row::NAMED_STRUCT;
use super::spelling::call;
use crate::error::{Error, Result, message};
use crate::ident::folded;
use crate::planner::names::{Found, NameScope};
use crate::sql::{self, shown_name};

/// The common tables of one query, each with its columns where they can be told.
pub(super) type Common = HashMap<String, Option<Vec<String>>>;

pub(super) fn common_tables(query: &Query, scope: NameScope<'_>, outer: &[Common]) -> Common {
    let mut around = outer.to_vec();
    around.push(Common::new());
    for table in query.with.iter().flat_map(|with| &with.cte_tables) {
        let columns = columns_of_query(&table.query, scope, &around);
        let columns = renamed(columns, &table.alias);
        if let Some(own) = around.last_mut() {
            own.insert(folded(&table.alias.name), columns);
        }
    }
    around.pop().unwrap_or_default()
}

/// Errors: 0A000 for a row that an outer join may leave out: it would have to be NULL, not a row of NULLs.
pub(super) fn rewrite_select(select: &mut Select, scope: NameScope<'_>, queries: &[Common]) -> Result<()> {
    let names: Vec<Ident> = factors(&select.from).filter_map(name_of).collect();
    let mut mention = Mention { names: names.iter().map(folded).collect(), depth: 0 };
    if names.is_empty() || !Visit::visit(&*select, &mut mention).is_break() {
        return Ok(());
    }
    let columns: Option<Vec<Vec<String>>> =
        factors(&select.from).map(|factor| columns_of_factor(factor, scope, queries)).collect();
    let Some(columns) = columns else { return Ok(()) };
    let is_column = |name: &str| columns.iter().flatten().any(|column| column == name);
    let left_out = may_be_left_out(&select.from);
    let rows = factors(&select.from).zip(&columns).zip(left_out).filter_map(|((factor, columns), is_left_out)| {
        let ident = name_of(factor)?;
        let name = folded(&ident);
        if is_column(&name) {
            return None;
        }
        let fields = columns.iter().flat_map(|column| {
            let key = Expr::Value(Value::SingleQuotedString(shown_name(column).to_owned()).into());
            [key, Expr::CompoundIdentifier(vec![ident.clone(), Ident::with_quote('"', column)])]
        });
        Some((name, (!is_left_out).then(|| call(NAMED_STRUCT, fields.collect()))))
    });
    let mut rewriter = Rewriter { rows: rows.collect(), depth: 0 };
    match rewriter.rewrite(select) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

/// `EXISTS (SELECT … FROM (subquery) WHERE its columns are those of the row)`.
pub(super) fn exists(row: Vec<Expr>, subquery: Query) -> Result<Expr> {
    let names: Vec<String> = (1..=row.len()).map(|at| format!("\"row.{at}\"")).collect();
    let text = format!("SELECT 1 FROM (SELECT 1) AS \"row.\" ({}) WHERE true", names.join(", "));
    let mut query = sql::parse_query(&text)?;
    if let SetExpr::Select(select) = &mut *query.body {
        if let Some(TableWithJoins { relation: TableFactor::Derived { subquery: inner, .. }, .. }) =
            select.from.first_mut()
        {
            **inner = subquery;
        }
        let equal = row.into_iter().enumerate().map(|(at, field)| Expr::BinaryOp {
            left: Box::new(Expr::Nested(Box::new(field))),
            op: BinaryOperator::Eq,
            right: Box::new(Expr::Identifier(Ident::with_quote('"', format!("row.{}", at + 1)))),
        });
        select.selection = equal.reduce(|all, one| Expr::BinaryOp {
            left: Box::new(all),
            op: BinaryOperator::And,
            right: Box::new(one),
        });
    }
    Ok(Expr::Exists { subquery: query, negated: false })
}

fn factors(from: &[TableWithJoins]) -> impl Iterator<Item = &TableFactor> {
    from.iter().flat_map(|from| std::iter::once(&from.relation).chain(from.joins.iter().map(|join| &join.relation)))
}

/// For each of [`factors`], whether rows of others stand without one of its own.
fn may_be_left_out(from: &[TableWithJoins]) -> Vec<bool> {
    let mut all = Vec::new();
    for from in from {
        let first = all.len();
        all.push(false);
        for join in &from.joins {
            let (before, own) = match &join.join_operator {
                JoinOperator::Left(_) | JoinOperator::LeftOuter(_) => (false, true),
                JoinOperator::Right(_) | JoinOperator::RightOuter(_) => (true, false),
                JoinOperator::FullOuter(_) => (true, true),
                _ => (false, false),
            };
            all.iter_mut().skip(first).for_each(|is_left_out| *is_left_out |= before);
            all.push(own);
        }
    }
    all
}

fn alias_of(factor: &TableFactor) -> Option<&TableAlias> {
    match factor {
        TableFactor::Table { alias, .. }
        | TableFactor::Derived { alias, .. }
        | TableFactor::UNNEST { alias, .. }
        | TableFactor::Function { alias, .. } => alias.as_ref(),
        _ => None,
    }
}

pub(super) fn name_of(factor: &TableFactor) -> Option<Ident> {
    match (alias_of(factor), factor) {
        (Some(alias), _) => Some(alias.name.clone()),
        (None, TableFactor::Table { name, args: None, .. }) => name.0.last()?.as_ident().cloned(),
        _ => None,
    }
}

/// Columns under the names that an alias gives to the first of them.
fn renamed(columns: Option<Vec<String>>, alias: &TableAlias) -> Option<Vec<String>> {
    let mut columns = columns?;
    for (column, given) in columns.iter_mut().zip(&alias.columns) {
        *column = folded(&given.name);
    }
    Some(columns)
}

pub(super) fn columns_of_factor(factor: &TableFactor, scope: NameScope<'_>, queries: &[Common]) -> Option<Vec<String>> {
    let columns = match factor {
        TableFactor::Table { name, args: None, .. } => {
            let common = match name.0.as_slice() {
                [name] => {
                    let name = folded(name.as_ident()?);
                    queries.iter().rev().find_map(|common| common.get(&name))
                }
                _ => None,
            };
            match common {
                Some(columns) => columns.clone(),
                None => Some(match scope.relation(name)? {
                    Found::Relation(relation) => relation.columns.iter().map(|column| column.name.clone()).collect(),
                    Found::System(relation) => relation.columns().iter().map(|column| column.name.to_owned()).collect(),
                }),
            }
        }
        TableFactor::Derived { subquery, .. } => columns_of_query(subquery, scope, queries),
        // A function of one column, which has the name of its alias.
        TableFactor::Table { .. } | TableFactor::Function { .. } | TableFactor::UNNEST { .. } => {
            let alias = alias_of(factor)?;
            return Some(match alias.columns.as_slice() {
                [] => vec![folded(&alias.name)],
                columns => columns.iter().map(|column| folded(&column.name)).collect(),
            });
        }
        _ => None,
    };
    match alias_of(factor) {
        Some(alias) => renamed(columns, alias),
        None => columns,
    }
}

fn columns_of_query(query: &Query, scope: NameScope<'_>, queries: &[Common]) -> Option<Vec<String>> {
    let mut around = queries.to_vec();
    around.push(common_tables(query, scope, queries));
    columns_of_body(&query.body, scope, &around)
}

fn columns_of_body(body: &SetExpr, scope: NameScope<'_>, queries: &[Common]) -> Option<Vec<String>> {
    match body {
        SetExpr::Select(select) => columns_of_select(select, scope, queries),
        SetExpr::Query(query) => columns_of_query(query, scope, queries),
        SetExpr::SetOperation { left, .. } => columns_of_body(left, scope, queries),
        SetExpr::Values(values) => {
            let width = values.rows.first()?.content.len();
            Some((1..=width).map(|at| format!("column{at}")).collect())
        }
        _ => None,
    }
}

fn columns_of_select(select: &Select, scope: NameScope<'_>, queries: &[Common]) -> Option<Vec<String>> {
    let mut columns = Vec::new();
    for item in &select.projection {
        match item {
            SelectItem::UnnamedExpr(Expr::Identifier(name)) => columns.push(folded(name)),
            SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts)) => columns.push(folded(parts.last()?)),
            SelectItem::ExprWithAlias { alias, .. } => columns.push(folded(alias)),
            SelectItem::Wildcard(_) => {
                columns.extend(merged::outputs(&select.from, scope, queries)?.into_iter().map(|output| output.name));
            }
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
                let name = folded(name.0.last()?.as_ident()?);
                let factor =
                    factors(&select.from).find(|factor| name_of(factor).is_some_and(|ident| folded(&ident) == name))?;
                columns.extend(columns_of_factor(factor, scope, queries)?);
            }
            _ => return None,
        }
    }
    Some(columns)
}

/// Whether an expression of a SELECT, outside of its subqueries, mentions one of these names alone.
struct Mention {
    names: Vec<String>,
    depth: usize,
}

impl Visitor for Mention {
    type Break = ();

    fn pre_visit_query(&mut self, _query: &Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            Expr::Identifier(name) if self.depth == 0 && self.names.contains(&folded(name)) => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    }
}

struct Rewriter {
    /// By name; `None` for one that an outer join may leave out.
    rows: HashMap<String, Option<Expr>>,
    depth: usize,
}

impl Rewriter {
    /// The keys of GROUP BY and DISTINCT ON by themselves: there the name of an output comes before that of a relation.
    fn rewrite(&mut self, select: &mut Select) -> ControlFlow<Error> {
        let outputs: HashSet<String> = select
            .projection
            .iter()
            .filter_map(|item| match item {
                SelectItem::ExprWithAlias { alias, .. } => Some(folded(alias)),
                _ => None,
            })
            .collect();
        let mut group_by = std::mem::replace(&mut select.group_by, GroupByExpr::Expressions(Vec::new(), Vec::new()));
        let mut distinct = select.distinct.take();
        if let GroupByExpr::Expressions(keys, _) = &mut group_by {
            self.rewrite_keys(keys, &outputs)?;
        }
        if let Some(Distinct::On(keys)) = &mut distinct {
            self.rewrite_keys(keys, &outputs)?;
        }
        select.visit(self)?;
        select.group_by = group_by;
        select.distinct = distinct;
        ControlFlow::Continue(())
    }

    fn rewrite_keys(&mut self, keys: &mut [Expr], outputs: &HashSet<String>) -> ControlFlow<Error> {
        for key in keys {
            match key {
                Expr::Rollup(sets) | Expr::Cube(sets) | Expr::GroupingSets(sets) => {
                    for set in sets {
                        self.rewrite_keys(set, outputs)?;
                    }
                }
                _ if is_output(key, outputs) => {}
                _ => key.visit(self)?,
            }
        }
        ControlFlow::Continue(())
    }
}

fn is_output(mut key: &Expr, outputs: &HashSet<String>) -> bool {
    while let Expr::Nested(inner) = key {
        key = inner;
    }
    matches!(key, Expr::Identifier(name) if outputs.contains(&folded(name)))
}

impl VisitorMut for Rewriter {
    type Break = Error;

    fn pre_visit_query(&mut self, _query: &mut Query) -> ControlFlow<Error> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &mut Query) -> ControlFlow<Error> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        let Expr::Identifier(name) = &*expr else { return ControlFlow::Continue(()) };
        if self.depth > 0 {
            return ControlFlow::Continue(());
        }
        match self.rows.get(&folded(name)) {
            Some(Some(row)) => *expr = row.clone(),
            Some(None) => return ControlFlow::Break(message::row_left_out(&folded(name))),
            None => {}
        }
        ControlFlow::Continue(())
    }
}
