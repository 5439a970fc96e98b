//! Calls of facts in the syntax tree: the filters' names are checked, and the arguments made positional.
//!
//! `purchase_count(m, days => 'fri')` becomes `"purchase_count@8"(m, 'days', 'fri')`: DataFusion takes no named argument
//! while an optional one before it is left out, and so a filter that is not given can be told from one that is NULL. The
//! number is the place of the call in the client's text, for errors that are found later. A call that is written twice in
//! the same words has none: DataFusion finds the one in GROUP BY in the SELECT list by its name.

use std::collections::HashMap;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName, Query, Value, Visit, VisitMut,
    Visitor, VisitorMut,
};
use datafusion::sql::sqlparser::tokenizer::Location;

use super::Fact;
use super::filter::FilterName;
use crate::error::{Error, Result, message};
use crate::pg_type::PgType;
use crate::sql::Places;
use crate::sql::argument::{function_name, named};

/// Stands between the name of a fact and the place of its call.
pub const PLACE_MARK: char = '@';

/// Rewrites the calls in place. `places` are those of the client's text; `None` in the definition of a view.
///
/// Errors: 42883 for a filter that does not exist or stands without a name, 42601 for one that is given twice.
pub fn rewrite(query: &mut Query, places: Option<&Places<'_>>) -> Result<()> {
    let mut calls = Calls::default();
    let _: ControlFlow<()> = Visit::visit(query, &mut calls);
    if calls.0.is_empty() {
        return Ok(());
    }
    match VisitMut::visit(query, &mut Rewriter { places, calls }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

/// The fact that a call names, if it is one.
pub fn fact_of(function: &Function) -> Option<(Fact, Location)> {
    let fact = Fact::named(&function_name(function)?)?;
    Some((fact, function.name.0.first()?.as_ident()?.span.start))
}

/// The type of a filter's value, for a parameter of which nothing else tells.
pub fn parameter_type(function: &str, argument: &str) -> Option<PgType> {
    Fact::named(function).filter(|fact| fact.has_filters())?;
    Some(FilterName::named(argument)?.parameter_type())
}

/// How often each call is written.
#[derive(Default)]
struct Calls(HashMap<String, usize>);

impl Visitor for Calls {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if let Expr::Function(function) = expr
            && fact_of(function).is_some()
        {
            *self.0.entry(expr.to_string()).or_default() += 1;
        }
        ControlFlow::Continue(())
    }
}

struct Rewriter<'a> {
    places: Option<&'a Places<'a>>,
    calls: Calls,
}

impl VisitorMut for Rewriter<'_> {
    type Break = Error;

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        let is_only = matches!(expr, Expr::Function(function) if fact_of(function).is_some())
            && self.calls.0.get(&expr.to_string()) == Some(&1);
        let Expr::Function(function) = expr else { return ControlFlow::Continue(()) };
        let Some((fact, start)) = fact_of(function) else { return ControlFlow::Continue(()) };
        let position = self.places.filter(|_| start.line > 0).map(|places| places.position(start));
        match positional(fact, &function.args) {
            Ok(args) => {
                let name = match position.filter(|_| is_only) {
                    Some(position) => format!("{}{PLACE_MARK}{position}", fact.name()),
                    None => fact.name().to_owned(),
                };
                function.name = ObjectName::from(Ident::with_quote('"', name));
                if let FunctionArguments::List(list) = &mut function.args {
                    list.args = args;
                }
                ControlFlow::Continue(())
            }
            Err(error) => ControlFlow::Break(match position {
                Some(position) => error.with_position(position),
                None => error,
            }),
        }
    }
}

fn positional(fact: Fact, args: &FunctionArguments) -> Result<Vec<FunctionArg>> {
    let FunctionArguments::List(list) = args else { return Err(message::fact_without_member(fact.name())) };
    if list.duplicate_treatment.is_some() || !list.clauses.is_empty() {
        return Err(message::fact_is_no_aggregate(fact.name()));
    }
    let mut args = list.args.iter();
    let member = match args.next() {
        Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(member))) => member.clone(),
        Some(arg) => match named(arg) {
            Some((name, member)) if name == "member_id" => member.clone(),
            _ => return Err(message::fact_without_member(fact.name())),
        },
        None => return Err(message::fact_without_member(fact.name())),
    };
    let mut result = vec![FunctionArg::Unnamed(FunctionArgExpr::Expr(member))];
    let mut seen = Vec::new();
    for arg in args {
        let Some((word, value)) = named(arg) else {
            return Err(message::fact_filter_without_name(fact.name(), fact.has_filters()));
        };
        let filter = FilterName::named(&word).filter(|_| fact.has_filters()).ok_or_else(|| {
            let known = if fact.has_filters() { FilterName::ALL.as_slice() } else { &[] };
            message::fact_filter_unknown(fact.name(), &word, known.iter().map(|filter| filter.name()))
        })?;
        if seen.contains(&filter) {
            return Err(message::fact_filter_twice(filter.name()));
        }
        seen.push(filter);
        let name = Expr::Value(Value::SingleQuotedString(filter.name().to_owned()).into());
        result.push(FunctionArg::Unnamed(FunctionArgExpr::Expr(name)));
        result.push(FunctionArg::Unnamed(FunctionArgExpr::Expr(value.clone())));
    }
    Ok(result)
}
