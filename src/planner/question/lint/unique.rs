//! Whether a segment may hold a member more than once, as far as its text tells.
//!
//! It cannot when its rows are made distinct or grouped by the member alone; or when they are those of `members`, or of
//! a segment of which the same is known, joined only to what has at most one row for each.

use datafusion::sql::sqlparser::ast::{
    Distinct, Expr, GroupByExpr, JoinConstraint, JoinOperator, Query, Select, SelectItem, SetExpr, SetOperator,
    SetQuantifier, TableFactor,
};

use crate::catalog::object::RelationKind;
use crate::history::contract::TABLES;
use crate::planner::names::{Found, NameScope};
use crate::planner::question::shape::{column_of, conjuncts};
use crate::planner::view;
use crate::sql;

/// Segments that are looked into below one another.
const DEPTH_MAX: usize = 20;

pub fn may_repeat_members(scope: NameScope<'_>, query: &Query) -> bool {
    !is_unique(scope, query, DEPTH_MAX)
}

fn is_unique(scope: NameScope<'_>, query: &Query, depth: usize) -> bool {
    body_is_unique(scope, &query.body, depth)
}

fn body_is_unique(scope: NameScope<'_>, body: &SetExpr, depth: usize) -> bool {
    match body {
        SetExpr::Select(select) => select_is_unique(scope, select, depth),
        SetExpr::Query(query) => is_unique(scope, query, depth),
        SetExpr::SetOperation { op, set_quantifier, left, right } => {
            let all = matches!(set_quantifier, SetQuantifier::All);
            match op {
                SetOperator::Union => !all && width(left) == Some(1),
                SetOperator::Intersect => {
                    (!all && width(left) == Some(1))
                        || body_is_unique(scope, left, depth)
                        || body_is_unique(scope, right, depth)
                }
                _ => (!all && width(left) == Some(1)) || body_is_unique(scope, left, depth),
            }
        }
        _ => false,
    }
}

/// How many columns a query gives, if its text tells.
fn width(body: &SetExpr) -> Option<usize> {
    match body {
        SetExpr::Select(select) => {
            let stars = |item: &SelectItem| matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..));
            (!select.projection.iter().any(stars)).then_some(select.projection.len())
        }
        SetExpr::Query(query) => width(&query.body),
        SetExpr::SetOperation { left, .. } => width(left),
        _ => None,
    }
}

fn select_is_unique(scope: NameScope<'_>, select: &Select, depth: usize) -> bool {
    match &select.distinct {
        Some(Distinct::Distinct) if select.projection.len() == 1 => return true,
        Some(Distinct::On(exprs)) if exprs.len() == 1 => return true,
        _ => {}
    }
    if let GroupByExpr::Expressions(exprs, _) = &select.group_by
        && !exprs.is_empty()
    {
        // Grouped by the first column alone, by its name or its place.
        let first = match select.projection.first() {
            Some(SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }) => column_of(expr),
            _ => None,
        };
        let is_first = |expr: &Expr| column_of(expr).is_some_and(|name| Some(name) == first) || expr.to_string() == "1";
        return exprs.len() == 1 && exprs.iter().all(is_first);
    }
    let [from] = select.from.as_slice() else { return false };
    factor_is_unique(scope, &from.relation, depth)
        && from.joins.iter().all(|join| join_keeps(scope, &join.relation, &join.join_operator, depth))
}

/// Whether a relation has at most one row for each member.
fn factor_is_unique(scope: NameScope<'_>, factor: &TableFactor, depth: usize) -> bool {
    match factor {
        TableFactor::Derived { subquery, .. } => is_unique(scope, subquery, depth),
        TableFactor::Table { name, args: None, .. } => match scope.relation(name) {
            Some(Found::Relation(relation)) => match &relation.kind {
                RelationKind::Table { .. } => relation.name == "members",
                RelationKind::MaterializedView(_) => relation.is_audience(),
                RelationKind::View(definition) => {
                    let text = view::text_of_today(scope.snapshot, definition);
                    depth > 0 && sql::parse_query(&text).is_ok_and(|query| is_unique(scope, &query, depth - 1))
                }
            },
            _ => false,
        },
        _ => false,
    }
}

/// Whether a join leaves at most one row for each that was there.
fn join_keeps(scope: NameScope<'_>, factor: &TableFactor, how: &JoinOperator, depth: usize) -> bool {
    let constraint = match how {
        JoinOperator::LeftSemi(_) | JoinOperator::LeftAnti(_) | JoinOperator::Semi(_) | JoinOperator::Anti(_) => {
            return true;
        }
        JoinOperator::Join(constraint)
        | JoinOperator::Inner(constraint)
        | JoinOperator::Left(constraint)
        | JoinOperator::LeftOuter(constraint) => constraint,
        _ => return false,
    };
    let key = match factor {
        TableFactor::Table { name, args: None, .. } => match scope.relation(name) {
            Some(Found::Relation(relation)) => match relation.kind {
                RelationKind::Table { .. } => {
                    TABLES.iter().find(|table| table.name == relation.name).and_then(|table| table.key)
                }
                RelationKind::View(_) | RelationKind::MaterializedView(_) => {
                    factor_is_unique(scope, factor, depth).then_some("member_id")
                }
            },
            _ => None,
        },
        _ => factor_is_unique(scope, factor, depth).then_some("member_id"),
    };
    let Some(key) = key else { return false };
    match constraint {
        JoinConstraint::Using(names) => names.iter().any(|name| {
            name.0.last().and_then(|part| part.as_ident()).is_some_and(|ident| ident.value.eq_ignore_ascii_case(key))
        }),
        JoinConstraint::On(condition) => conjuncts(condition).iter().any(|condition| match condition {
            Expr::BinaryOp { left, op: datafusion::sql::sqlparser::ast::BinaryOperator::Eq, right } => {
                [left, right].into_iter().any(|side| column_of(side).as_deref() == Some(key))
            }
            _ => false,
        }),
        _ => false,
    }
}
