//! PostgreSQL's spellings that DataFusion does not plan, rewritten into ones that it does.
//!
//! How it works: the statement is walked from the top; each expression, table factor and SELECT is offered to small
//! functions that know one construct each. Whatever none of them knows stays as it is, with its spans, so ordinary
//! SQL comes out as it went in. No rewrite changes what a query means.
//!
//! The names used here are functions that others provide: `timezone` (crate `regulars-udfs`); `regclass_in`,
//! `regclass_name` and their kin, `array_or_empty` and `array_text` (`catalog/system/function`).
//!
//! Not here: correlated subqueries and EXISTS as values, which need types and scopes (`planner/rule/subquery_value.rs`).

mod array;
mod order;
mod pattern;
mod reg;
mod set_returning;
mod types;
mod value_query;

use std::collections::HashMap;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    AccessExpr, BinaryOperator, CastKind, DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList,
    FunctionArguments, Ident, ObjectName, ObjectNamePart, Query, Select, SelectItem, Statement, TableAlias,
    TableFactor, Value, VisitMut, VisitorMut,
};

pub use self::array::list_items;
use self::array::{array_comparison, array_literal, array_of_query, set_of_array, subscript_series};
use self::reg::{name_reg_outputs, reg_array_cast, reg_cast, reg_cast_to_text, reg_joined_to_text};
pub use self::set_returning::{
    SetReturning, column_of, function_of, is_of_value, list_function, set_returning, type_of,
};
use self::types::{cast_function, cast_type};
use crate::error::{Error, Result};
use crate::ident::folded;
use crate::pg_type::Oid;

/// Who knows the OIDs of names that are written as literals.
pub trait RegResolver {
    /// A relation. SQLSTATE 42P01 when there is none of that name.
    fn class(&self, name: &str) -> Result<Oid>;
    /// A type. SQLSTATE 42704.
    fn type_(&self, name: &str) -> Result<Oid>;
    /// A schema. SQLSTATE 3F000.
    fn namespace(&self, name: &str) -> Result<Oid>;
    /// A role. SQLSTATE 42704.
    fn role(&self, name: &str) -> Result<Oid>;
    /// Whether there is a function of this name that gives one value.
    fn gives_a_value(&self, _function: &str) -> bool {
        false
    }
}

/// Rewrites a statement in place. Fails only where a literal names an object that does not exist.
pub fn rewrite(statement: &mut Statement, resolve: &dyn RegResolver) -> Result<()> {
    if let Statement::Query(query) = statement {
        name_reg_outputs(&mut query.body);
    }
    match statement.visit(&mut Rewriter { resolve }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

struct Rewriter<'a> {
    resolve: &'a dyn RegResolver,
}

impl VisitorMut for Rewriter<'_> {
    type Break = Error;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Error> {
        match order::sort_by_hidden(query) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        // What a rewrite leaves at this place may be one of the others' constructs.
        loop {
            match self.rewrite_once(expr) {
                Ok(true) => {}
                Ok(false) => return ControlFlow::Continue(()),
                Err(error) => return ControlFlow::Break(error),
            }
        }
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Error> {
        columns_of_system(select, self.resolve)?;
        subscript_series(select);
        distinguish_repeated_items(select);
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Error> {
        table_function(factor, self.resolve);
        ControlFlow::Continue(())
    }
}

impl Rewriter<'_> {
    /// Applies the first rewrite that knows the expression; whether there was one.
    fn rewrite_once(&self, expr: &mut Expr) -> Result<bool> {
        Ok(qualified_operator(expr)
            || byte_collation(expr)
            || pattern::escape(expr)
            || at_time_zone(expr)
            || reg_joined_to_text(expr)
            || reg_cast_to_text(expr)
            || reg_cast(expr, self.resolve)?
            || reg_array_cast(expr)
            || array_literal(expr)
            || array_comparison(expr)
            || cast_type(expr)
            || cast_function(expr)
            || set_of_array(expr)
            || value_query::value_of_query(expr)
            || field_of_record(expr)
            || bare_function(expr)
            || qualified_function(expr)
            || array_of_query(expr)?)
    }
}

/// `a OPERATOR(pg_catalog.~) b` → `a ~ b`, also before ANY and ALL. Drivers qualify operators to be safe from the
/// search path; here there is only one of each.
fn qualified_operator(expr: &mut Expr) -> bool {
    let op = match expr {
        Expr::BinaryOp { op, .. } => op,
        Expr::AnyOp { compare_op, .. } | Expr::AllOp { compare_op, .. } => compare_op,
        _ => return false,
    };
    let BinaryOperator::PGCustomBinaryOperator(parts) = op else { return false };
    let symbol = match parts.as_slice() {
        [symbol] => symbol,
        [schema, symbol] if schema.eq_ignore_ascii_case("pg_catalog") => symbol,
        _ => return false,
    };
    let Some(plain) = operator(symbol) else { return false };
    *op = plain;
    true
}

fn operator(symbol: &str) -> Option<BinaryOperator> {
    Some(match symbol {
        "=" => BinaryOperator::Eq,
        "<>" | "!=" => BinaryOperator::NotEq,
        "<" => BinaryOperator::Lt,
        "<=" => BinaryOperator::LtEq,
        ">" => BinaryOperator::Gt,
        ">=" => BinaryOperator::GtEq,
        "+" => BinaryOperator::Plus,
        "-" => BinaryOperator::Minus,
        "*" => BinaryOperator::Multiply,
        "/" => BinaryOperator::Divide,
        "%" => BinaryOperator::Modulo,
        "||" => BinaryOperator::StringConcat,
        "~" => BinaryOperator::PGRegexMatch,
        "~*" => BinaryOperator::PGRegexIMatch,
        "!~" => BinaryOperator::PGRegexNotMatch,
        "!~*" => BinaryOperator::PGRegexNotIMatch,
        "~~" => BinaryOperator::PGLikeMatch,
        "~~*" => BinaryOperator::PGILikeMatch,
        "!~~" => BinaryOperator::PGNotLikeMatch,
        "!~~*" => BinaryOperator::PGNotILikeMatch,
        "@>" => BinaryOperator::AtArrow,
        "<@" => BinaryOperator::ArrowAt,
        _ => return None,
    })
}

/// `x COLLATE pg_catalog.default` → `x`: text is compared by its bytes, which is what these collations say.
/// Others stay, and are refused when planned.
fn byte_collation(expr: &mut Expr) -> bool {
    let Expr::Collate { expr: inner, collation } = expr else { return false };
    let parts: Vec<&str> = collation.0.iter().filter_map(|part| Some(part.as_ident()?.value.as_str())).collect();
    match parts.as_slice() {
        ["default" | "C" | "POSIX"] | ["pg_catalog", "default" | "C" | "POSIX"] => {
            *expr = take(inner);
            true
        }
        _ => false,
    }
}

/// `x AT TIME ZONE z` → `timezone(z, x)`, as PostgreSQL itself does; DataFusion takes only literals, as a cast.
fn at_time_zone(expr: &mut Expr) -> bool {
    let Expr::AtTimeZone { timestamp, time_zone } = expr else { return false };
    *expr = call("timezone", vec![take(time_zone), take(timestamp)]);
    true
}

/// `(record).field` → `get_field(record, 'field')`: DataFusion takes what follows a dot for a name in quotes.
fn field_of_record(expr: &mut Expr) -> bool {
    let Expr::CompoundFieldAccess { root, access_chain } = expr else { return false };
    let fields: Option<Vec<Ident>> = access_chain
        .iter()
        .map(|access| match access {
            AccessExpr::Dot(Expr::Identifier(field)) => Some(field.clone()),
            _ => None,
        })
        .collect();
    let Some(fields) = fields else { return false };
    *expr = fields.iter().fold(take(root), |record, field| {
        let name = Expr::Value(Value::SingleQuotedString(folded(field)).into());
        call("get_field", vec![record, name])
    });
    true
}

/// `current_schema`, `current_role` without parentheses → calls. The parser takes these reserved words for columns;
/// `current_user` and the others it knows.
fn bare_function(expr: &mut Expr) -> bool {
    let Expr::Identifier(name) = expr else { return false };
    let word = name.value.to_ascii_lowercase();
    if name.quote_style.is_some() || !matches!(word.as_str(), "current_schema" | "current_role" | "current_catalog") {
        return false;
    }
    *expr = call_spanned(Ident::with_span(name.span, word), Vec::new());
    true
}

/// `pg_catalog.format_type(…)` → `format_type(…)`: functions have no schemas in DataFusion.
fn qualified_function(expr: &mut Expr) -> bool {
    let Expr::Function(function) = expr else { return false };
    unqualify(&mut function.name)
}

/// `pg_timezone_names()` and its like → the relation that has the same rows; functions without schemas; functions that
/// give rows as lists that are unnested, those that give a value as lists of one.
fn table_function(factor: &mut TableFactor, resolve: &dyn RegResolver) {
    set_returning::unnest_factor(factor, resolve);
    if let TableFactor::Table { name, alias, args: args @ Some(_), .. } = factor {
        unqualify(name);
        match catalog_name(name).as_deref() {
            Some("pg_timezone_names") => *args = None,
            // Of what is only a function, the rows are kept under a name that nobody writes.
            Some(keywords @ "pg_get_keywords") => {
                *args = None;
                alias.get_or_insert_with(|| alias_named(keywords));
                *name = ObjectName::from(Ident::with_quote('"', "pg_get_keywords()"));
            }
            Some("pg_show_all_settings") => {
                *args = None;
                *name = ObjectName::from(Ident::new("pg_settings"));
                alias.get_or_insert_with(|| alias_named("pg_show_all_settings"));
            }
            _ => {}
        }
    }
}

fn alias_named(name: &str) -> TableAlias {
    TableAlias { explicit: true, name: Ident::new(name), columns: Vec::new(), at: None }
}

/// `t.tableoid` → the OID of the table that `t` is an alias of, and `t.xmin` → the transaction that every other one sees
/// as done. There are no system columns here, and these are the ones that queries over catalogs need.
fn columns_of_system(select: &mut Select, resolve: &dyn RegResolver) -> ControlFlow<Error> {
    let mut tables = HashMap::new();
    for from in &select.from {
        for factor in std::iter::once(&from.relation).chain(from.joins.iter().map(|join| &join.relation)) {
            if let TableFactor::Table { name, alias: Some(alias), args: None, .. } = factor {
                tables.insert(alias.name.value.clone(), name.to_string());
            }
        }
    }
    let system = SystemColumns { tables, resolve };
    for item in &mut select.projection {
        if let SelectItem::UnnamedExpr(expr) = item
            && let Some((_, column)) = system.column(expr)
        {
            let alias = Ident::new(column);
            *item = SelectItem::ExprWithAlias { expr: take(expr), alias };
        }
    }
    select.visit(&mut { system })
}

struct SystemColumns<'a> {
    /// Names of tables by alias.
    tables: HashMap<String, String>,
    resolve: &'a dyn RegResolver,
}

impl SystemColumns<'_> {
    /// The table and the name of a system column.
    fn column(&self, expr: &Expr) -> Option<(&str, &'static str)> {
        let Expr::CompoundIdentifier(parts) = expr else { return None };
        let [alias, column] = parts.as_slice() else { return None };
        let column = match column.value.as_str() {
            "tableoid" => "tableoid",
            "xmin" => "xmin",
            _ => return None,
        };
        Some((self.tables.get(&alias.value)?, column))
    }
}

/// PostgreSQL's number for a transaction that is older than all.
const FROZEN_TRANSACTION: Oid = 2;

impl VisitorMut for SystemColumns<'_> {
    type Break = Error;

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        *expr = match self.column(expr) {
            Some((table, "tableoid")) => match self.resolve.class(table) {
                Ok(oid) => oid_literal(oid),
                Err(error) => return ControlFlow::Break(error),
            },
            Some(_) => oid_literal(FROZEN_TRANSACTION),
            None => return ControlFlow::Continue(()),
        };
        ControlFlow::Continue(())
    }
}

/// `SELECT x, NULL, NULL` → the second NULL gets a name of its own: DataFusion refuses two columns of one name.
/// Only literals are renamed; their column is called `?column?` in PostgreSQL, which the wire says.
fn distinguish_repeated_items(select: &mut Select) {
    let mut seen: Vec<String> = Vec::new();
    for (place, item) in select.projection.iter_mut().enumerate() {
        let SelectItem::UnnamedExpr(expr @ Expr::Value(_)) = item else { continue };
        let text = expr.to_string();
        if seen.contains(&text) {
            let alias = Ident::with_quote('"', format!("?column?:{}", place + 1));
            *item = SelectItem::ExprWithAlias { expr: take(expr), alias };
        } else {
            seen.push(text);
        }
    }
}

/// The last word of a name that is bare or in `pg_catalog`, in lower case.
pub(super) fn catalog_name(name: &ObjectName) -> Option<String> {
    let word = |part: &ObjectNamePart| part.as_ident().map(|ident| ident.value.to_ascii_lowercase());
    match name.0.as_slice() {
        [last] => word(last),
        [schema, last] if word(schema)? == "pg_catalog" => word(last),
        _ => None,
    }
}

/// Drops `pg_catalog.`; whether it was there.
fn unqualify(name: &mut ObjectName) -> bool {
    let is_qualified = name.0.len() == 2 && catalog_name(name).is_some();
    if is_qualified {
        name.0.remove(0);
    }
    is_qualified
}

fn argument(argument: &FunctionArg) -> Option<Expr> {
    match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
        _ => None,
    }
}

fn unnested(expr: &mut Expr) -> &mut Expr {
    match expr {
        Expr::Nested(inner) => unnested(inner),
        expr => expr,
    }
}

fn literal_text(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) | Value::EscapedStringLiteral(text) => Some(text),
            _ => None,
        },
        Expr::Nested(inner) => literal_text(inner),
        _ => None,
    }
}

/// Neither a number nor `-`, which stand for OIDs.
fn is_name(text: &str) -> bool {
    text != "-" && (text.is_empty() || text.bytes().any(|byte| !byte.is_ascii_digit()))
}

/// A parameter has the type of the name that it gives.
fn text_if_parameter(expr: Expr) -> Expr {
    match &expr {
        Expr::Value(value) if matches!(value.value, Value::Placeholder(_)) => cast(expr, DataType::Text),
        _ => expr,
    }
}

fn take(expr: &mut Expr) -> Expr {
    std::mem::replace(expr, Expr::Value(Value::Null.into()))
}

fn oid_literal(oid: Oid) -> Expr {
    cast(Expr::Value(Value::Number(oid.to_string(), false).into()), DataType::IntUnsigned(None))
}

fn cast(expr: Expr, data_type: DataType) -> Expr {
    Expr::Cast { kind: CastKind::Cast, expr: Box::new(expr), data_type, array: false, format: None }
}

fn call(name: &str, args: Vec<Expr>) -> Expr {
    call_spanned(Ident::new(name), args)
}

fn call_spanned(name: Ident, args: Vec<Expr>) -> Expr {
    let args = args.into_iter().map(|arg| FunctionArg::Unnamed(FunctionArgExpr::Expr(arg))).collect();
    Expr::Function(Function {
        name: ObjectName::from(name),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList { duplicate_treatment: None, args, clauses: Vec::new() }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

#[cfg(test)]
mod tests;
