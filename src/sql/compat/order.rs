//! ORDER BY a column of FROM that a column of the result shares its name with.

use datafusion::sql::sqlparser::ast::{
    ExcludeSelectItem, Expr, Ident, ObjectName, OrderBy, OrderByKind, Query, Select, SelectItem, SetExpr, Statement,
    TableFactor, Value,
};
use datafusion::sql::sqlparser::parser::Parser;

use crate::error::{Result, message};
use crate::ident::folded;
use crate::sql::dialect::Dialect;

/// What nobody types: the names of the wrapped query and of the values that it is sorted by.
const WRAPPED: &str = "\u{1f}sorted";

/// `SELECT upper(m.name) AS name FROM m ORDER BY m.name` →
/// `SELECT * EXCLUDE (key) FROM (SELECT upper(m.name) AS name, m.name AS key FROM m) ORDER BY key`: DataFusion computes
/// what is sorted by beside the result, and then takes one `name` for the other.
pub(super) fn sort_by_hidden(query: &mut Query) -> Result<()> {
    let Query { order_by: Some(OrderBy { kind: OrderByKind::Expressions(keys), .. }), body, .. } = query else {
        return Ok(());
    };
    let SetExpr::Select(select) = &mut **body else { return Ok(()) };
    let is_named = |item: &SelectItem| matches!(item, SelectItem::ExprWithAlias { .. } | SelectItem::UnnamedExpr(_));
    let (plain, named) = (select.distinct.is_none(), select.projection.iter().all(is_named));
    if !plain || !named || !keys.iter().any(|key| is_taken(&key.expr, select)) {
        return Ok(());
    }
    let mut hidden = Vec::new();
    for (place, key) in keys.iter_mut().enumerate() {
        if is_of_result(&key.expr, select) {
            continue;
        }
        let alias = Ident::with_quote('"', format!("{WRAPPED}:{place}"));
        let expr = std::mem::replace(&mut key.expr, Expr::Identifier(alias.clone()));
        hidden.push(SelectItem::ExprWithAlias { expr, alias });
    }
    let names = hidden.iter().filter_map(|item| match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(ObjectName::from(alias.clone())),
        _ => None,
    });
    let names: Vec<ObjectName> = names.collect();
    select.projection.extend(hidden);
    wrap(query, names)
}

/// Whether the expression holds a qualified column whose name the result gives to something that is computed.
fn is_taken(expr: &Expr, select: &Select) -> bool {
    let Expr::CompoundIdentifier(parts) = expr else { return false };
    let Some(name) = parts.last().map(folded) else { return false };
    select.projection.iter().any(|item| match item {
        SelectItem::ExprWithAlias { expr, alias } => {
            folded(alias) == name && !matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_))
        }
        _ => false,
    })
}

/// The number or the name of a column of the result.
fn is_of_result(key: &Expr, select: &Select) -> bool {
    match key {
        Expr::Value(value) => matches!(value.value, Value::Number(..)),
        Expr::Identifier(name) => select.projection.iter().any(|item| match item {
            SelectItem::ExprWithAlias { alias, .. } => folded(alias) == folded(name),
            SelectItem::UnnamedExpr(Expr::Identifier(column)) => folded(column) == folded(name),
            SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts)) => {
                parts.last().is_some_and(|column| folded(column) == folded(name))
            }
            _ => false,
        }),
        _ => false,
    }
}

/// The query's WITH and body go inside; its order, limit and the rest stay outside.
fn wrap(query: &mut Query, hidden: Vec<ObjectName>) -> Result<()> {
    let broken = || message::internal("the frame of a sorted query cannot be made");
    let frame = format!("SELECT * FROM (SELECT 1) AS \"{WRAPPED}\"");
    let parse = || Parser::parse_sql(&Dialect, &frame).ok().and_then(|mut parsed| parsed.pop()).ok_or_else(broken);
    let (Statement::Query(mut outer), Statement::Query(mut inner)) = (parse()?, parse()?) else { return Err(broken()) };
    let SetExpr::Select(select) = &mut *outer.body else { return Err(broken()) };
    if let Some(SelectItem::Wildcard(options)) = select.projection.first_mut() {
        options.opt_exclude = Some(ExcludeSelectItem::Multiple(hidden));
    }
    inner.with = query.with.take();
    std::mem::swap(&mut inner.body, &mut query.body);
    let Some(TableFactor::Derived { subquery, .. }) = select.from.first_mut().map(|from| &mut from.relation) else {
        return Err(broken());
    };
    *subquery = inner;
    query.body = outer.body;
    Ok(())
}
