//! Arrays: literals in braces, constructors over queries, and lookups by subscript.

use datafusion::sql::sqlparser::ast::{
    AccessExpr, Array, ArrayElemTypeDef, BinaryOperator, CastKind, DataType, Expr, Function, FunctionArgumentClause,
    FunctionArguments, GroupByExpr, Ident, ObjectName, OrderByExpr, OrderByKind, Query, Select, SelectItem, SetExpr,
    Statement, Subscript, TableFactor, Value,
};
use datafusion::sql::sqlparser::parser::Parser;

use super::set_returning::{OF_ACL, list_of_column};
use super::{argument, call, catalog_name, literal_text, take};
use crate::error::{Result, message};
use crate::sql::dialect::Dialect;

/// `'{a,b}'::date[]` → `ARRAY['a'::date, 'b'::date]::date[]`, and `= ANY ('{a,b}')` likewise without a type: DataFusion
/// casts no text to lists.
pub(super) fn array_literal(expr: &mut Expr) -> bool {
    let (literal, item_type) = match expr {
        Expr::Cast { expr: inner, data_type: DataType::Array(item), .. } => {
            let item_type = match item {
                ArrayElemTypeDef::SquareBracket(item, _)
                | ArrayElemTypeDef::AngleBracket(item)
                | ArrayElemTypeDef::Parenthesis(item) => Some(item.as_ref().clone()),
                ArrayElemTypeDef::None => None,
            };
            (inner, item_type)
        }
        Expr::AnyOp { right, .. } | Expr::AllOp { right, .. } => (right, None),
        _ => return false,
    };
    let Some(items) = literal_text(literal).and_then(list_items) else { return false };
    let elem = items
        .into_iter()
        .map(|item| {
            let value = Expr::Value(item.map_or(Value::Null, Value::SingleQuotedString).into());
            match &item_type {
                Some(item_type) => cast_to(value, item_type.clone()),
                None => value,
            }
        })
        .collect();
    **literal = Expr::Array(Array { elem, named: true });
    true
}

fn cast_to(value: Expr, data_type: DataType) -> Expr {
    Expr::Cast { kind: CastKind::DoubleColon, expr: Box::new(value), data_type, array: false, format: None }
}

/// The items of `{a,"b c",NULL}`; `None` when the text is no list of one dimension.
pub fn list_items(text: &str) -> Option<Vec<Option<String>>> {
    let inner = text.trim().strip_prefix('{')?.strip_suffix('}')?;
    let mut items = Vec::new();
    let mut rest = inner.trim();
    while !rest.is_empty() {
        let item;
        (item, rest) = match rest.strip_prefix('"') {
            Some(quoted) => quoted_item(quoted)?,
            None => {
                let end = rest.find(',').unwrap_or(rest.len());
                let word = rest[..end].trim();
                if word.is_empty() || word.contains(['{', '}', '"', '\\']) {
                    return None;
                }
                ((!word.eq_ignore_ascii_case("null")).then(|| word.to_owned()), &rest[end..])
            }
        };
        items.push(item);
        rest = rest.trim_start();
        if let Some(more) = rest.strip_prefix(',') {
            rest = more.trim_start();
            if rest.is_empty() {
                return None;
            }
        } else if !rest.is_empty() {
            return None;
        }
    }
    Some(items)
}

/// The item up to its closing quote, and what stands behind that.
fn quoted_item(text: &str) -> Option<(Option<String>, &str)> {
    let mut item = String::new();
    let mut chars = text.char_indices();
    while let Some((place, c)) = chars.next() {
        match c {
            '"' => return Some((Some(item), &text[place + 1..])),
            '\\' => item.push(chars.next()?.1),
            c => item.push(c),
        }
    }
    None
}

/// `polroles = '{0}'` → `array_text(polroles) = '{0}'`, which leaves text as it is: only the type of the other side
/// tells whether braces are a list, and it is not known here.
pub(super) fn array_comparison(expr: &mut Expr) -> bool {
    let Expr::BinaryOp { left, op: BinaryOperator::Eq | BinaryOperator::NotEq, right } = expr else { return false };
    let is_braced = |side: &Expr| literal_text(side).is_some_and(|text| list_items(text).is_some());
    let is_column = |side: &Expr| matches!(side, Expr::Identifier(_) | Expr::CompoundIdentifier(_));
    if !is_column(left) || !is_braced(right) {
        return false;
    }
    **left = call("array_text", vec![take(left)]);
    true
}

/// `ARRAY(SELECT x …)` → `array_or_empty((SELECT array_agg(x) …))`: DataFusion has no array constructor over queries.
pub(super) fn array_of_query(expr: &mut Expr) -> Result<bool> {
    let Expr::Function(Function { name, args: FunctionArguments::Subquery(query), .. }) = expr else {
        return Ok(false);
    };
    if catalog_name(name).as_deref() != Some("array") {
        return Ok(false);
    }
    let mut query = query.clone();
    if !aggregate_in_place(&mut query) {
        query = aggregate_around(query)?;
    }
    *expr = call("array_or_empty", vec![Expr::Subquery(query)]);
    Ok(true)
}

/// `SELECT x FROM … ORDER BY 1` → `SELECT array_agg(x ORDER BY x) FROM …`; whether the query was so simple.
fn aggregate_in_place(query: &mut Query) -> bool {
    if query.with.is_some() || query.limit_clause.is_some() || query.fetch.is_some() {
        return false;
    }
    let SetExpr::Select(select) = &mut *query.body else { return false };
    let ungrouped = matches!(&select.group_by, GroupByExpr::Expressions(by, _) if by.is_empty());
    if select.distinct.is_some() || !ungrouped || select.having.is_some() {
        return false;
    }
    let [SelectItem::UnnamedExpr(item) | SelectItem::ExprWithAlias { expr: item, .. }] =
        select.projection.as_mut_slice()
    else {
        return false;
    };
    let item = take(item);
    let order = query.order_by.take().map(|order| order.kind);
    select.projection = vec![SelectItem::UnnamedExpr(array_agg(item, order))];
    true
}

/// `SELECT array_agg(item) FROM (query) AS list (item)`, for queries with DISTINCT, LIMIT, UNION and so on.
fn aggregate_around(query: Box<Query>) -> Result<Box<Query>> {
    let order = query.order_by.as_ref().map(|order| order.kind.clone());
    let broken = || message::internal("the frame of ARRAY(SELECT …) cannot be made");
    let frame = "SELECT list.item FROM (SELECT 1) AS list (item)";
    let mut parsed = Parser::parse_sql(&Dialect, frame).map_err(|_| broken())?;
    let Some(Statement::Query(mut outer)) = parsed.pop() else { return Err(broken()) };
    let SetExpr::Select(select) = &mut *outer.body else { return Err(broken()) };
    let [SelectItem::UnnamedExpr(item)] = select.projection.as_mut_slice() else { return Err(broken()) };
    // Only an order by the item itself can be said outside of the query.
    let order = order.filter(|kind| matches!(kind, OrderByKind::Expressions(by) if by.iter().all(is_first_item)));
    *item = array_agg(take(item), order);
    let Some(TableFactor::Derived { subquery, .. }) = select.from.first_mut().map(|from| &mut from.relation) else {
        return Err(broken());
    };
    *subquery = query;
    Ok(outer)
}

/// `array_agg(item ORDER BY …)`, in which the number 1 stands for the item.
fn array_agg(item: Expr, order: Option<OrderByKind>) -> Expr {
    let clauses = match order {
        Some(OrderByKind::Expressions(mut by)) => {
            for key in by.iter_mut().filter(|key| is_first_item(key)) {
                key.expr = item.clone();
            }
            vec![FunctionArgumentClause::OrderBy(by)]
        }
        _ => Vec::new(),
    };
    let mut aggregate = call("array_agg", vec![item]);
    if let Expr::Function(Function { args: FunctionArguments::List(list), .. }) = &mut aggregate {
        list.clauses = clauses;
    }
    aggregate
}

fn is_first_item(key: &OrderByExpr) -> bool {
    matches!(&key.expr, Expr::Value(value) if matches!(&value.value, Value::Number(number, _) if number == "1"))
}

/// `generate_subscripts(list, 1)` → `unnest(array_subscripts(list, 1))`, and
/// `information_schema._pg_expandarray(list)` → `unnest(expand_array(list))`: of functions that give a set of rows,
/// DataFusion has `unnest` alone. `aclexplode(list)` likewise, whose records are put together from their columns.
pub(super) fn set_of_array(expr: &mut Expr) -> bool {
    let Expr::Function(function) = expr else { return false };
    let words: Vec<String> =
        function.name.0.iter().filter_map(|part| Some(part.as_ident()?.value.to_ascii_lowercase())).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let plain = match words.as_slice() {
        ["generate_subscripts"] | ["pg_catalog", "generate_subscripts"] => "array_subscripts",
        ["_pg_expandarray"] | ["information_schema", "_pg_expandarray"] => "expand_array",
        ["aclexplode"] | ["pg_catalog", "aclexplode"] => {
            let Expr::Function(Function { args: FunctionArguments::List(list), .. }) = take(expr) else { return false };
            let args: Vec<Expr> = list.args.iter().filter_map(argument).collect();
            let columns = OF_ACL.iter().map(|column| call(&list_of_column("aclexplode", column), args.clone()));
            *expr = call("unnest", vec![call("acl_records", columns.collect())]);
            return true;
        }
        _ => return false,
    };
    function.name = ObjectName::from(Ident::new(plain));
    let list = take(expr);
    *expr = call("unnest", vec![list]);
    true
}

/// `FROM generate_series(0, array_upper(list, 1)) s, r WHERE r.x = list[s]` → `FROM r WHERE r.x = ANY (list)`:
/// how psql looks up the columns of a list of numbers. DataFusion's series needs literal bounds.
pub(super) fn subscript_series(select: &mut Select) {
    let found = select.from.iter().enumerate().find_map(|(place, from)| {
        let (list, name) = subscripts_of(&from.relation).filter(|_| from.joins.is_empty())?;
        Some((place, list, name))
    });
    let Some((place, list, name)) = found.filter(|_| select.from.len() > 1) else { return };
    let Some(selection) = &mut select.selection else { return };
    if subscript_to_any(selection, &list, &name) {
        select.from.remove(place);
    }
}

/// The list and the name of the subscript in `generate_series(0, array_upper(list, 1)) name`.
fn subscripts_of(factor: &TableFactor) -> Option<(Expr, String)> {
    let TableFactor::Table { name, alias: Some(alias), args: Some(args), .. } = factor else { return None };
    let (Some("generate_series"), [_, last]) = (catalog_name(name).as_deref(), args.args.as_slice()) else {
        return None;
    };
    let Expr::Function(Function { name, args: FunctionArguments::List(bounds), .. }) = argument(last)? else {
        return None;
    };
    let list = bounds.args.first().filter(|_| catalog_name(&name).as_deref() == Some("array_upper"))?;
    let mut list = argument(list)?;
    while let Expr::Cast { expr, .. } = list {
        list = *expr;
    }
    Some((list, alias.name.value.clone()))
}

/// Replaces `x = list[name]` among the conditions joined by AND; whether it stood there.
fn subscript_to_any(condition: &mut Expr, list: &Expr, name: &str) -> bool {
    match condition {
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            subscript_to_any(left, list, name) || subscript_to_any(right, list, name)
        }
        Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => {
            let Expr::CompoundFieldAccess { access_chain, .. } = &**right else { return false };
            let [AccessExpr::Subscript(Subscript::Index { index: Expr::Identifier(index) })] = access_chain.as_slice()
            else {
                return false;
            };
            if index.value != name {
                return false;
            }
            *condition = Expr::AnyOp {
                left: Box::new(take(left)),
                compare_op: BinaryOperator::Eq,
                right: Box::new(list.clone()),
                is_some: false,
            };
            true
        }
        _ => false,
    }
}
