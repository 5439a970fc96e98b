//! USING and NATURAL: the columns that a join merges, under one name, in PostgreSQL's order and with its values.
//!
//! The engine takes for such a column that of the side whose name comes first in the alphabet: NULL where that side is left out by
//! an outer join. So `*` is written out, and a merged column is the left one, the right one of RIGHT JOIN, or whichever is
//! there of FULL JOIN. Where the columns of a joined relation cannot be told the join stays as it is.

use std::collections::HashMap;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Ident, JoinConstraint, JoinOperator, OrderBy, OrderByKind, Query, Select, SelectItem, TableFactor,
    TableWithJoins, VisitMut, VisitorMut, WildcardAdditionalOptions,
};

use super::spelling::call;
use super::whole_row::{Common, columns_of_factor, name_of};
use crate::ident::folded;
use crate::planner::names::NameScope;

/// A column of a FROM clause.
#[derive(Debug, Clone)]
pub(super) struct Output {
    pub name: String,
    value: Expr,
    is_merged: bool,
}

/// Writes out `*` and the merged columns of a SELECT.
pub(super) fn rewrite_select(select: &mut Select, scope: NameScope<'_>, queries: &[Common]) {
    if !merges(&select.from) {
        return;
    }
    let Some(outputs) = outputs(&select.from, scope, queries) else { return };
    let items = std::mem::take(&mut select.projection);
    for item in items {
        match item {
            SelectItem::Wildcard(options) if is_plain(&options) => {
                select.projection.extend(outputs.iter().map(item_of));
            }
            // A column whose value is no column any more keeps its name.
            SelectItem::UnnamedExpr(Expr::Identifier(name)) => {
                let found = outputs.iter().find(|output| output.is_merged && output.name == folded(&name));
                select.projection.push(found.map_or(SelectItem::UnnamedExpr(Expr::Identifier(name)), item_of));
            }
            item => select.projection.push(item),
        }
    }
    let _: ControlFlow<()> = select.visit(&mut Rewriter { merged: merged(&outputs), depth: 0 });
}

/// The same for what the rows of a SELECT are ordered by.
pub(super) fn rewrite_order(select: &Select, order_by: &mut OrderBy, scope: NameScope<'_>, queries: &[Common]) {
    if !merges(&select.from) {
        return;
    }
    let Some(outputs) = outputs(&select.from, scope, queries) else { return };
    let mut merged = merged(&outputs);
    // A name that the SELECT list gives comes first.
    for item in &select.projection {
        match item {
            SelectItem::ExprWithAlias { alias, .. } => drop(merged.remove(&folded(alias))),
            SelectItem::UnnamedExpr(Expr::Identifier(name)) => drop(merged.remove(&folded(name))),
            SelectItem::Wildcard(_) => merged.clear(),
            _ => {}
        }
    }
    if let OrderByKind::Expressions(keys) = &mut order_by.kind {
        for key in keys {
            let _: ControlFlow<()> = key.expr.visit(&mut Rewriter { merged: merged.clone(), depth: 0 });
        }
    }
}

fn is_plain(options: &WildcardAdditionalOptions) -> bool {
    options.opt_ilike.is_none()
        && options.opt_exclude.is_none()
        && options.opt_except.is_none()
        && options.opt_replace.is_none()
        && options.opt_rename.is_none()
}

fn merged(outputs: &[Output]) -> HashMap<String, Expr> {
    outputs.iter().filter(|output| output.is_merged).map(|output| (output.name.clone(), output.value.clone())).collect()
}

fn item_of(output: &Output) -> SelectItem {
    match &output.value {
        Expr::CompoundIdentifier(_) => SelectItem::UnnamedExpr(output.value.clone()),
        value => SelectItem::ExprWithAlias { expr: value.clone(), alias: Ident::with_quote('"', &output.name) },
    }
}

fn merges(from: &[TableWithJoins]) -> bool {
    let mut joins = from.iter().flat_map(|from| &from.joins);
    joins
        .any(|join| matches!(constraint(&join.join_operator), Some(JoinConstraint::Using(_) | JoinConstraint::Natural)))
}

fn constraint(join: &JoinOperator) -> Option<&JoinConstraint> {
    match join {
        JoinOperator::Join(constraint)
        | JoinOperator::Inner(constraint)
        | JoinOperator::Left(constraint)
        | JoinOperator::LeftOuter(constraint)
        | JoinOperator::Right(constraint)
        | JoinOperator::RightOuter(constraint)
        | JoinOperator::FullOuter(constraint)
        | JoinOperator::CrossJoin(constraint) => Some(constraint),
        _ => None,
    }
}

/// The columns of a FROM clause in PostgreSQL's order; `None` where they cannot be told.
pub(super) fn outputs(from: &[TableWithJoins], scope: NameScope<'_>, queries: &[Common]) -> Option<Vec<Output>> {
    let mut all = Vec::new();
    for from in from {
        let mut left = of_factor(&from.relation, scope, queries)?;
        for join in &from.joins {
            let right = of_factor(&join.relation, scope, queries)?;
            let names: Vec<String> = match constraint(&join.join_operator)? {
                JoinConstraint::Using(names) => {
                    names.iter().map(|name| Some(folded(name.0.last()?.as_ident()?))).collect::<Option<_>>()?
                }
                JoinConstraint::Natural => {
                    let is_shared = |output: &&Output| right.iter().any(|other| other.name == output.name);
                    left.iter().filter(is_shared).map(|output| output.name.clone()).collect()
                }
                JoinConstraint::On(_) | JoinConstraint::None => Vec::new(),
            };
            let mut joined = Vec::new();
            for name in &names {
                let one = left.iter().find(|output| output.name == *name)?;
                let other = right.iter().find(|output| output.name == *name)?;
                let value = match join.join_operator {
                    JoinOperator::Right(_) | JoinOperator::RightOuter(_) => other.value.clone(),
                    JoinOperator::FullOuter(_) => call("coalesce", vec![one.value.clone(), other.value.clone()]),
                    _ => one.value.clone(),
                };
                joined.push(Output { name: name.clone(), value, is_merged: true });
            }
            joined.extend(left.into_iter().chain(right).filter(|output| !names.contains(&output.name)));
            left = joined;
        }
        all.extend(left);
    }
    Some(all)
}

fn of_factor(factor: &TableFactor, scope: NameScope<'_>, queries: &[Common]) -> Option<Vec<Output>> {
    let relation = name_of(factor)?;
    let columns = columns_of_factor(factor, scope, queries)?;
    let output = |name: String| {
        let value = Expr::CompoundIdentifier(vec![relation.clone(), Ident::with_quote('"', &name)]);
        Output { name, value, is_merged: false }
    };
    Some(columns.into_iter().map(output).collect())
}

/// Puts values in the place of merged columns, not inside of subqueries.
struct Rewriter {
    merged: HashMap<String, Expr>,
    depth: usize,
}

impl VisitorMut for Rewriter {
    type Break = ();

    fn pre_visit_query(&mut self, _query: &mut Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &mut Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Identifier(name) = &*expr
            && self.depth == 0
            && let Some(value) = self.merged.get(&folded(name))
        {
            *expr = value.clone();
        }
        ControlFlow::Continue(())
    }
}
