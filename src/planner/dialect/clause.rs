//! Where aggregates, windows, positions and aliases may stand, checked before planning.
//!
//! The engine would refuse some of these late, with words about its plans, and lets others through.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArguments, GroupByExpr, Ident, JoinConstraint, JoinOperator, ObjectName, OrderByKind,
    Query, Select, SelectItem, SetExpr, TableFactor, Value, Visit, VisitMut, Visitor, VisitorMut,
};

use crate::error::{Error, Result, SqlState, message};
use crate::ident::folded;

/// Checks a query and all in it. `is_aggregate` tells of a function's name in lower case.
///
/// Errors: 42803 for an aggregate where none can stand, 42P20 for a window, 42P10 for a position beyond the list,
/// 42712 for a name that a FROM clause gives twice.
pub fn check(query: &Query, is_aggregate: &dyn Fn(&str) -> bool) -> Result<()> {
    broken(query.visit(&mut Clauses { is_aggregate }))
}

/// HAVING sees the columns of FROM, never the names that the SELECT list gives: a name that could be both is qualified.
pub fn qualify_having(query: &mut Query) {
    let _: ControlFlow<()> = query.visit(&mut Having);
}

struct Clauses<'a> {
    is_aggregate: &'a dyn Fn(&str) -> bool,
}

impl Visitor for Clauses<'_> {
    type Break = Error;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Error> {
        let Some(order_by) = &query.order_by else { return ControlFlow::Continue(()) };
        let (Some(columns), OrderByKind::Expressions(keys)) = (column_count(&query.body), &order_by.kind) else {
            return ControlFlow::Continue(());
        };
        for key in keys {
            check_position("ORDER BY", &key.expr, columns)?;
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Error> {
        self.check_from(select)?;
        if let Some(condition) = &select.selection {
            self.refuse_in("WHERE", condition, true)?;
        }
        if let GroupByExpr::Expressions(keys, _) = &select.group_by {
            let columns = listed(&select.projection);
            for key in keys {
                self.refuse_in("GROUP BY", key, true)?;
                if let Some(columns) = columns {
                    check_position("GROUP BY", key, columns)?;
                }
            }
        }
        if let Some(condition) = &select.having {
            self.refuse_in("HAVING", condition, false)?;
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Error> {
        if let Expr::Function(function) = expr
            && function.over.is_none()
            && self.is_aggregate(function)
            && let FunctionArguments::List(list) = &function.args
            && list.args.visit(&mut Inside { clauses: self, aggregates: true, windows: false, depth: 0 }).is_break()
        {
            return refused(SqlState::GroupingError, "aggregate function calls cannot be nested".to_owned());
        }
        ControlFlow::Continue(())
    }
}

impl Clauses<'_> {
    fn is_aggregate(&self, function: &Function) -> bool {
        last_name(&function.name).is_some_and(|name| (self.is_aggregate)(&name))
    }

    fn refuse_in(&self, clause: &str, expr: &Expr, aggregates: bool) -> ControlFlow<Error> {
        match expr.visit(&mut Inside { clauses: self, aggregates, windows: true, depth: 0 }) {
            ControlFlow::Continue(()) => ControlFlow::Continue(()),
            ControlFlow::Break(Found::Aggregate) => {
                refused(SqlState::GroupingError, format!("aggregate functions are not allowed in {clause}"))
            }
            ControlFlow::Break(Found::Window) => {
                refused(SqlState::WindowingError, format!("window functions are not allowed in {clause}"))
            }
        }
    }

    fn check_from(&self, select: &Select) -> ControlFlow<Error> {
        let mut names: Vec<String> = Vec::new();
        let factors = select
            .from
            .iter()
            .flat_map(|from| std::iter::once(&from.relation).chain(from.joins.iter().map(|join| &join.relation)));
        for name in factors.filter_map(relation_name) {
            if names.contains(&name) {
                return refused(SqlState::DuplicateAlias, format!("table name \"{name}\" specified more than once"));
            }
            names.push(name);
        }
        for join in select.from.iter().flat_map(|from| &from.joins) {
            if let JoinOperator::Join(constraint)
            | JoinOperator::Inner(constraint)
            | JoinOperator::Left(constraint)
            | JoinOperator::LeftOuter(constraint)
            | JoinOperator::Right(constraint)
            | JoinOperator::RightOuter(constraint)
            | JoinOperator::FullOuter(constraint) = &join.join_operator
                && let JoinConstraint::On(condition) = constraint
            {
                self.refuse_in("JOIN conditions", condition, true)?;
            }
        }
        ControlFlow::Continue(())
    }
}

/// Looks for the first aggregate or window of an expression, not inside of its subqueries.
struct Inside<'a, 'b> {
    clauses: &'a Clauses<'b>,
    aggregates: bool,
    windows: bool,
    /// Subqueries around the present place: they have clauses of their own.
    depth: usize,
}

enum Found {
    Aggregate,
    Window,
}

impl Visitor for Inside<'_, '_> {
    type Break = Found;

    fn pre_visit_query(&mut self, _query: &Query) -> ControlFlow<Found> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &Query) -> ControlFlow<Found> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Found> {
        let Expr::Function(function) = expr else { return ControlFlow::Continue(()) };
        if self.depth > 0 {
            return ControlFlow::Continue(());
        }
        match (&function.over, self.clauses.is_aggregate(function)) {
            (Some(_), _) if self.windows => ControlFlow::Break(Found::Window),
            (None, true) if self.aggregates => ControlFlow::Break(Found::Aggregate),
            _ => ControlFlow::Continue(()),
        }
    }
}

fn relation_name(factor: &TableFactor) -> Option<String> {
    match factor {
        TableFactor::Table { name, alias, .. } => match alias {
            Some(alias) => Some(folded(&alias.name)),
            // `a.t` and `b.t` may stand side by side.
            None if name.0.len() == 1 => name.0.last()?.as_ident().map(folded),
            None => None,
        },
        TableFactor::Derived { alias: Some(alias), .. } => Some(folded(&alias.name)),
        _ => None,
    }
}

/// Columns of a query, where no star hides their number.
fn column_count(body: &SetExpr) -> Option<usize> {
    match body {
        SetExpr::Select(select) => listed(&select.projection),
        SetExpr::Query(query) => column_count(&query.body),
        SetExpr::SetOperation { left, .. } => column_count(left),
        SetExpr::Values(values) => values.rows.first().map(|row| row.content.len()),
        _ => None,
    }
}

fn listed(items: &[SelectItem]) -> Option<usize> {
    let is_one = |item: &SelectItem| matches!(item, SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. });
    items.iter().all(is_one).then_some(items.len())
}

fn check_position(clause: &str, key: &Expr, columns: usize) -> ControlFlow<Error> {
    if let Expr::Value(value) = key
        && let Value::Number(digits, _) = &value.value
        && !digits.parse().is_ok_and(|position: usize| (1..=columns).contains(&position))
    {
        let message = format!("{clause} position {digits} is not in select list");
        return refused(SqlState::InvalidColumnReference, message);
    }
    ControlFlow::Continue(())
}

struct Having;

impl VisitorMut for Having {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        let [from] = select.from.as_slice() else { return ControlFlow::Continue(()) };
        let qualifier = match &from.relation {
            TableFactor::Table { alias: Some(alias), .. } | TableFactor::Derived { alias: Some(alias), .. } => {
                alias.name.clone()
            }
            TableFactor::Table { name, alias: None, .. } => match name.0.last().and_then(|part| part.as_ident()) {
                Some(name) => name.clone(),
                None => return ControlFlow::Continue(()),
            },
            _ => return ControlFlow::Continue(()),
        };
        let given: Vec<String> = select
            .projection
            .iter()
            .filter_map(|item| match item {
                SelectItem::ExprWithAlias { alias, .. } => Some(folded(alias)),
                _ => None,
            })
            .collect();
        if let Some(having) = select.having.as_mut().filter(|_| from.joins.is_empty() && !given.is_empty()) {
            return having.visit(&mut Qualified { qualifier, given, depth: 0 });
        }
        ControlFlow::Continue(())
    }
}

struct Qualified {
    qualifier: Ident,
    given: Vec<String>,
    depth: usize,
}

impl VisitorMut for Qualified {
    type Break = ();

    fn pre_visit_query(&mut self, _query: &mut Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &mut Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Identifier(name) = expr
            && self.depth == 0
            && self.given.contains(&folded(name))
        {
            *expr = Expr::CompoundIdentifier(vec![self.qualifier.clone(), name.clone()]);
        }
        ControlFlow::Continue(())
    }
}

fn last_name(name: &ObjectName) -> Option<String> {
    name.0.last()?.as_ident().map(folded)
}

fn refused(state: SqlState, text: String) -> ControlFlow<Error> {
    ControlFlow::Break(message::misplaced(state, text))
}

fn broken(flow: ControlFlow<Error>) -> Result<()> {
    match flow {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}
