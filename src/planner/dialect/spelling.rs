//! Rewrites of the syntax tree for PostgreSQL's types: casts, literals with a type, whole numbers, means.
//!
//! Runs after the columns are named, as what is written here would give them other names.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    self, ArrayElemTypeDef, BinaryOperator, CastKind, DataType, DateTimeField, ExactNumberInfo, Expr, Function,
    FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident, LimitClause, ObjectName, Query,
    Select, SelectItem, SetExpr, TimezoneInfo, UnaryOperator, Value, VisitMut, VisitorMut,
};

use super::{Session, aggregate, matching, values};
use crate::error::{Error, Result, message};
use crate::ident::folded;
use crate::pg_type::PgType;
use crate::planner::function::{INTERVAL_PARTS, SEARCHED, SIMPLE, Target};
use crate::sql::compat::{SetReturning, list_function, set_returning};
use crate::sql::parameter::{self, of_sql};
use crate::wire::text_value;

/// `parameters` are the types of `$1`, `$2`, …, where they are known; `own_name` gives the name of a function that is called
/// by another one.
///
/// Errors: 22007 for an interval that cannot be read, 42883 for `make_interval` with arguments that it does not have,
/// 22P02 and 0A000 for an array that cannot be read.
pub fn rewrite(
    query: &mut Query,
    session: Session,
    parameters: &[Option<PgType>],
    own_name: &dyn Fn(&str) -> Option<String>,
) -> Result<()> {
    match query.visit(&mut Speller { session, parameters, own_name }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

struct Speller<'a> {
    session: Session,
    parameters: &'a [Option<PgType>],
    own_name: &'a dyn Fn(&str) -> Option<String>,
}

impl VisitorMut for Speller<'_> {
    type Break = Error;

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        match self.rewrite(expr) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<Error> {
        for item in &mut select.projection {
            if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item {
                type_number(expr);
            }
        }
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<Error> {
        fetch_as_limit(query);
        if let SetExpr::Values(values) = &mut *query.body {
            for row in &mut values.rows {
                for expr in &mut row.content {
                    type_number(expr);
                }
            }
            values::settle(values);
        }
        ControlFlow::Continue(())
    }
}

impl Speller<'_> {
    fn rewrite(&self, expr: &mut Expr) -> Result<()> {
        if matching::rewrite(expr)? || special_moment(expr) {
            return Ok(());
        }
        match expr {
            Expr::Cast { kind: CastKind::Cast | CastKind::DoubleColon, expr: inner, data_type, .. }
                if cast_function(data_type).is_some()
                    && (parameter::number(inner).is_none() || !matches!(data_type, DataType::Bytea)) =>
            {
                let name = cast_function(data_type).unwrap_or_default();
                *expr = call(name, vec![take(inner)]);
            }
            Expr::UnaryOp { op, expr: inner } if unary_function(*op).is_some() => {
                let name = unary_function(*op).unwrap_or_default();
                *expr = call(name, vec![take(inner)]);
            }
            // A number beside a list has the type of a value, as in a column.
            Expr::BinaryOp { left, op: BinaryOperator::StringConcat, right } => {
                type_number(left);
                type_number(right);
            }
            Expr::Cast { kind: CastKind::Cast | CastKind::DoubleColon, expr: inner, data_type, .. } => {
                if let Some(number) = parameter::number(inner) {
                    match (self.known(number), target(data_type)) {
                        // A cast to its own type keeps the digits that a numeric was given with.
                        (Some(known), Some(target)) if target.is_plain(known) => *expr = take(inner),
                        (Some(known), None) if of_sql(data_type) == Some(known) => *expr = take(inner),
                        (Some(_), Some(target)) => *expr = call(&target.function(), vec![take(inner)]),
                        // The engine learns from the cast what the parameter is.
                        (None, _) | (_, None) => {}
                    }
                    return Ok(());
                }
                if let Some(target) = target(data_type) {
                    if matches!(target, Target::Float4 | Target::Float8) {
                        number_as_text(inner);
                    }
                    *expr = call(&target.function(), vec![take(inner)]);
                } else if is_numeric_array(data_type)
                    && matches!(&**inner, Expr::Array(array) if !array.elem.is_empty())
                {
                    // Its items are numeric by now, with digits of their own.
                    *expr = take(inner);
                } else if let (DataType::Array(_), Some(text)) = (&*data_type, literal_text(inner)) {
                    // One that can be read is written out by now.
                    if text.trim_start().strip_prefix('{').is_some_and(|items| items.trim_start().starts_with('{')) {
                        return Err(message::unsupported("a literal of an array of several dimensions"));
                    }
                    if let Some(array) = of_sql(data_type) {
                        text_value(text, array, &self.session.text_format())?;
                    }
                }
            }
            Expr::TypedString(typed) => {
                if let Some(target) = target(&typed.data_type) {
                    let literal = Expr::Value(typed.value.clone());
                    *expr = call(&target.function(), vec![literal]);
                }
            }
            Expr::Interval(interval) => self.interval(interval)?,
            Expr::Value(value) => {
                if let Value::UnicodeStringLiteral(text) = &mut value.value {
                    value.value = Value::SingleQuotedString(std::mem::take(text));
                }
                // Text until it is read: what is no json is refused, and jsonb has its own form.
                match parameter::number(expr).and_then(|number| self.known(number)) {
                    Some(PgType::JSON) => *expr = call("cast:json", vec![take(expr)]),
                    Some(PgType::JSONB) => *expr = call("cast:jsonb", vec![take(expr)]),
                    _ => {}
                }
            }
            // The engine would put the sign before the text, where it counts for the first part only.
            Expr::UnaryOp { op: UnaryOperator::Minus, expr: inner } if matches!(**inner, Expr::Interval(_)) => {
                **inner = Expr::Nested(Box::new(take(inner)));
            }
            Expr::Case { operand, conditions, else_result, .. } => {
                let name = if operand.is_some() { SIMPLE } else { SEARCHED };
                let mut args: Vec<Expr> = operand.take().into_iter().map(|operand| *operand).collect();
                for when in conditions {
                    type_number(&mut when.result);
                    args.extend([take(&mut when.condition), take(&mut when.result)]);
                }
                if let Some(otherwise) = else_result {
                    type_number(otherwise);
                    args.push(take(otherwise));
                }
                *expr = call(name, args);
            }
            // The items of a list have types as the values of a column have.
            Expr::Array(array) => array.elem.iter_mut().for_each(type_number),
            Expr::Function(function) => {
                if let Some(rewritten) = rewritten_call(function)? {
                    *expr = rewritten;
                } else {
                    self.call_by_own_name(function);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The type of `$n`, where it is known.
    fn known(&self, number: usize) -> Option<PgType> {
        number.checked_sub(1).and_then(|at| self.parameters.get(at)).copied().flatten()
    }

    /// The engine gives a call by another name that name as an alias, and looks at what stands under an alias twice: calls
    /// inside one another would take twice the time for each. Columns have their names by now.
    fn call_by_own_name(&self, function: &mut Function) {
        let [part] = function.name.0.as_slice() else { return };
        let Some(name) = part.as_ident().map(folded) else { return };
        if let Some(own) = (self.own_name)(&name) {
            function.name = ObjectName::from(Ident::with_quote('"', own));
        }
    }

    /// Reads the text as PostgreSQL does, and writes it so that the engine reads the same.
    fn interval(&self, interval: &mut ast::Interval) -> Result<()> {
        let Expr::Value(value) = &*interval.value else { return Ok(()) };
        let Value::SingleQuotedString(text) = &value.value else { return Ok(()) };
        let text = match (&interval.leading_field, &interval.last_field) {
            (None, None) => text.clone(),
            // Of a fraction only whole ones of the field count, but of seconds.
            (Some(field), None) => match text.trim().parse::<f64>() {
                Ok(number) if *field != DateTimeField::Second => format!("{} {}", number.trunc(), unit(field)),
                Ok(_) => format!("{text} {}", unit(field)),
                Err(_) => return Err(message::unsupported("an interval with fields")),
            },
            // What is written says the same fields as the words behind it.
            (Some(_), Some(_)) => text.clone(),
            _ => return Err(message::unsupported("an interval with fields")),
        };
        let read = text_value(&text, PgType::INTERVAL, &self.session.text_format())?;
        let datafusion::scalar::ScalarValue::IntervalMonthDayNano(Some(span)) = read else { return Ok(()) };
        let micros = span.nanoseconds / 1_000;
        let sign = if micros < 0 { "-" } else { "" };
        let (seconds, rest) = (micros.unsigned_abs() / 1_000_000, micros.unsigned_abs() % 1_000_000);
        let written = format!("{} months {} days {sign}{seconds}.{rest:06} seconds", span.months, span.days);
        *interval = ast::Interval {
            value: Box::new(Expr::Value(Value::SingleQuotedString(written).into())),
            leading_field: None,
            leading_precision: None,
            last_field: None,
            fractional_seconds_precision: None,
        };
        Ok(())
    }
}

/// FETCH FIRST n ROWS ONLY is LIMIT n.
fn fetch_as_limit(query: &mut Query) {
    let Some(fetch) = query.fetch.take_if(|fetch| !fetch.with_ties && !fetch.percent) else { return };
    let count = fetch.quantity.unwrap_or(Expr::Value(Value::Number("1".to_owned(), false).into()));
    match &mut query.limit_clause {
        Some(LimitClause::LimitOffset { limit, .. }) => *limit = Some(count),
        clause => *clause = Some(LimitClause::LimitOffset { limit: Some(count), offset: None, limit_by: Vec::new() }),
    }
}

/// Types whose casts are functions by themselves.
fn cast_function(data_type: &DataType) -> Option<&'static str> {
    match data_type {
        DataType::JSON => Some("cast:json"),
        DataType::JSONB => Some("cast:jsonb"),
        DataType::Bytea => Some("cast:bytea"),
        _ => None,
    }
}

/// Operators that are functions to the engine.
fn unary_function(op: UnaryOperator) -> Option<&'static str> {
    match op {
        UnaryOperator::PGAbs => Some("abs"),
        UnaryOperator::PGSquareRoot => Some("sqrt"),
        UnaryOperator::PGCubeRoot => Some("cbrt"),
        UnaryOperator::BitwiseNot => Some("bit_not"),
        _ => None,
    }
}

/// `'today'::date`, `timestamp 'now'` and their kin, by the statement's clock.
fn special_moment(expr: &mut Expr) -> bool {
    let (word, data_type) = match expr {
        Expr::Cast { kind: CastKind::Cast | CastKind::DoubleColon, expr: inner, data_type, .. } => match &**inner {
            Expr::Value(value) => (value, &*data_type),
            _ => return false,
        },
        Expr::TypedString(typed) => (&typed.value, &typed.data_type),
        _ => return false,
    };
    let Value::SingleQuotedString(word) = &word.value else { return false };
    let days = match word.trim().to_ascii_lowercase().as_str() {
        "now" => None,
        "today" => Some(0),
        "tomorrow" => Some(1),
        "yesterday" => Some(-1),
        _ => return false,
    };
    let Some(target @ (Target::Date | Target::Timestamp | Target::Timestamptz)) = target(data_type) else {
        return false;
    };
    let today = call(&Target::Date.function(), vec![call("now", Vec::new())]);
    let moment = match days {
        None => call("now", Vec::new()),
        Some(days) => Expr::Nested(Box::new(Expr::BinaryOp {
            left: Box::new(today),
            op: BinaryOperator::Plus,
            right: Box::new(Expr::Value(Value::Number(days.to_string(), false).into())),
        })),
    };
    *expr = call(&target.function(), vec![moment]);
    true
}

/// A number with an exponent is no numeric that has to hold all its digits, where it is to be a float.
fn number_as_text(expr: &mut Expr) {
    if let Some(digits) = digits(expr).filter(|digits| digits.contains(['e', 'E'])) {
        *expr = Expr::Value(Value::SingleQuotedString(digits.to_owned()).into());
    }
}

fn unit(field: &DateTimeField) -> String {
    field.to_string().to_lowercase()
}

/// The types whose casts are ours. Lists and object identifiers are left to the engine.
fn target(data_type: &DataType) -> Option<Target> {
    Some(match data_type {
        DataType::SmallInt(_) | DataType::Int2(_) => Target::Int2,
        DataType::Integer(_) | DataType::Int(_) | DataType::Int4(_) => Target::Int4,
        DataType::BigInt(_) | DataType::Int8(_) => Target::Int8,
        DataType::Real | DataType::Float4 => Target::Float4,
        DataType::DoublePrecision | DataType::Double(_) | DataType::Float8 | DataType::Float(_) => Target::Float8,
        DataType::Numeric(info) | DataType::Decimal(info) | DataType::Dec(info) => Target::Numeric(match info {
            ExactNumberInfo::None => None,
            ExactNumberInfo::Precision(precision) => Some((u8::try_from(*precision).ok().filter(|p| *p <= 38)?, 0)),
            ExactNumberInfo::PrecisionAndScale(precision, scale) => {
                Some((u8::try_from(*precision).ok().filter(|p| *p <= 38)?, i8::try_from(*scale).ok()?))
            }
        }),
        DataType::Boolean | DataType::Bool => Target::Bool,
        DataType::Date => Target::Date,
        DataType::Time(_, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => Target::Time,
        DataType::Timestamp(_, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => Target::Timestamp,
        DataType::Timestamp(..) => Target::Timestamptz,
        DataType::Interval { fields: None, .. } => Target::Interval,
        DataType::Bytea => Target::Bytea,
        DataType::Uuid => Target::Uuid,
        DataType::Text | DataType::Varchar(None) | DataType::CharacterVarying(None) => Target::Text(None),
        DataType::Varchar(Some(length)) | DataType::CharacterVarying(Some(length)) => match length {
            ast::CharacterLength::IntegerLength { length, .. } => Target::Text(usize::try_from(*length).ok()),
            ast::CharacterLength::Max => return None,
        },
        _ => return None,
    })
}

/// A whole number that fits `integer` is one: `CASE … THEN 1` counts in integers, and `sum` of it in `bigint`.
fn type_number(expr: &mut Expr) {
    let digits = match &*expr {
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => digits(expr),
        expr => digits(expr),
    };
    if digits.is_some_and(|digits| digits.parse::<i32>().is_ok()) {
        *expr = Expr::Cast {
            kind: CastKind::Cast,
            expr: Box::new(take(expr)),
            data_type: DataType::Integer(None),
            array: false,
            format: None,
        };
    }
}

fn digits(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::Number(digits, _) => Some(digits),
            _ => None,
        },
        _ => None,
    }
}

/// Calls that are spelled out, or whose arguments get types.
fn rewritten_call(function: &mut Function) -> Result<Option<Expr>> {
    let [part] = function.name.0.as_slice() else { return Ok(None) };
    let Some(name) = part.as_ident().map(|ident| ident.value.to_ascii_lowercase()) else { return Ok(None) };
    match (name.as_str(), &function.args) {
        ("localtimestamp", FunctionArguments::None) => {
            return Ok(Some(call(&Target::Timestamp.function(), vec![call("now", Vec::new())])));
        }
        ("localtime", FunctionArguments::None) => {
            return Ok(Some(call(&Target::Time.function(), vec![call("now", Vec::new())])));
        }
        _ => {}
    }
    if let Some(spelled) = aggregate::rewritten(function, &name)? {
        return Ok(Some(spelled));
    }
    let FunctionArguments::List(list) = &mut function.args else { return Ok(None) };
    match name.as_str() {
        "ntile" if function.over.is_some() => {
            Ok(Some(call(&Target::Int4.function(), vec![Expr::Function(function.clone())])))
        }
        // From today's midnight.
        "age" if list.args.len() == 1 => {
            let today = call(&Target::Date.function(), vec![call("now", Vec::new())]);
            list.args.insert(0, FunctionArg::Unnamed(FunctionArgExpr::Expr(today)));
            Ok(None)
        }
        "transaction_timestamp" | "statement_timestamp" if list.args.is_empty() => {
            function.name = ObjectName::from(Ident::new("now"));
            Ok(None)
        }
        "array_append" | "array_prepend" | "array_remove" | "array_replace" => {
            for argument in &mut list.args {
                if let FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) = argument {
                    type_number(expr);
                }
            }
            Ok(None)
        }
        "coalesce" | "nullif" | "greatest" | "least" | "sum" | "min" | "max" => {
            for argument in &mut list.args {
                if let FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) = argument {
                    type_number(expr);
                }
            }
            Ok(None)
        }
        // The mean of integers is numeric, and has more digits than the engine's.
        "avg" if list.args.len() == 1 => {
            let renamed = |name: &str| {
                let mut part = function.clone();
                part.name = ObjectName::from(Ident::new(name));
                Expr::Function(part)
            };
            Ok(Some(call("avg_of", vec![renamed("sum"), renamed("count")])))
        }
        // PostgreSQL gives the items of all dimensions, the engine those of the first.
        "unnest" if is_nested_array(&list.args) => {
            Err(message::unsupported("unnest of an array of several dimensions"))
        }
        name if set_returning(name).is_some() => {
            if let Some(SetReturning::Columns(_)) = set_returning(name) {
                return Err(message::rows_of_pairs_in_list(name));
            }
            let mut list = function.clone();
            list.name = ObjectName::from(Ident::with_quote('"', list_function(name)));
            Ok(Some(call("unnest", vec![Expr::Function(list)])))
        }
        "make_interval" => {
            list.args = interval_parts(std::mem::take(&mut list.args))?;
            Ok(None)
        }
        _ => Ok(None),
    }
}

fn is_nested_array(args: &[FunctionArg]) -> bool {
    let [FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Array(array)))] = args else { return false };
    array.elem.iter().any(|item| matches!(item, Expr::Array(_)))
}

/// `days => 10` to its place among the parts; those left out before it are zero.
fn interval_parts(args: Vec<FunctionArg>) -> Result<Vec<FunctionArg>> {
    let mut parts: Vec<Expr> = Vec::new();
    for (place, arg) in args.into_iter().enumerate() {
        let (place, value) = match arg {
            FunctionArg::Named { name, arg: FunctionArgExpr::Expr(value), .. } => (part_named(&name)?, value),
            FunctionArg::ExprNamed { name: Expr::Identifier(name), arg: FunctionArgExpr::Expr(value), .. } => {
                (part_named(&name)?, value)
            }
            FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => (place, value),
            _ => return Err(message::function_missing("make_interval")),
        };
        while parts.len() <= place {
            parts.push(Expr::Value(Value::Number("0".to_owned(), false).into()));
        }
        parts[place] = value;
    }
    if parts.is_empty() {
        parts.push(Expr::Value(Value::Number("0".to_owned(), false).into()));
    }
    Ok(parts.into_iter().map(|part| FunctionArg::Unnamed(FunctionArgExpr::Expr(part))).collect())
}

fn part_named(name: &Ident) -> Result<usize> {
    let wanted = name.value.to_ascii_lowercase();
    INTERVAL_PARTS.iter().position(|part| *part == wanted).ok_or_else(|| message::function_missing("make_interval"))
}

fn is_numeric_array(data_type: &DataType) -> bool {
    let plain = |item: &DataType| target(item) == Some(Target::Numeric(None));
    matches!(data_type, DataType::Array(ArrayElemTypeDef::SquareBracket(item, _)) if plain(item))
}

fn literal_text(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) | Value::EscapedStringLiteral(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

pub(super) fn take(expr: &mut Expr) -> Expr {
    std::mem::replace(expr, Expr::Value(Value::Null.into()))
}

pub(super) fn call(name: &str, args: Vec<Expr>) -> Expr {
    let args = args.into_iter().map(|arg| FunctionArg::Unnamed(FunctionArgExpr::Expr(arg))).collect();
    Expr::Function(Function {
        name: ObjectName::from(Ident::with_quote('"', name)),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList { duplicate_treatment: None, args, clauses: Vec::new() }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}
