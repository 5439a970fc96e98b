//! Binary operators: which one PostgreSQL would choose for its operands, and the expression that computes it.
//!
//! Errors: 42883 where PostgreSQL has no such operator, 42804 for AND and OR over anything but booleans, and what a
//! literal has wrong. What is not decided here (lists, object identifiers, parameters without a type) is left to the
//! engine.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::{DFSchema, Result};
use datafusion::functions::string::starts_with;
use datafusion::logical_expr::planner::{PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, Operator, ScalarUDF};
use datafusion::scalar::ScalarValue;
use datafusion::sql::sqlparser::ast::BinaryOperator;

use super::kind::{Kind, Operand};
use super::{Session, instant_type, timestamp_type};
use crate::error::{Error, message};
use crate::pg_type::name_told;
use crate::planner::function::JsonKind;
use crate::planner::function::regex_syntax::{Flags, translated};
use crate::planner::function::{
    self, Cast, Combine, DateShift, Difference, Divide, FloatDivide, IntegerOp, Multiply, Scale, Shift, Span, Target,
    Width,
};

/// Digits behind the point up to which a product is exact.
const EXACT_PRODUCT_SCALE: i16 = 24;

pub fn plan(session: Session, raw: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
    let RawBinaryExpr { op, left, right } = raw;
    let Some(known) = known_operator(&op) else {
        if matches!(op, BinaryOperator::AtArrow | BinaryOperator::ArrowAt) {
            return contained(session, op, left, right, schema);
        }
        return Ok(PlannerResult::Original(RawBinaryExpr { op, left, right }));
    };
    let left = match Operand::of(left, schema)? {
        Ok(left) => left,
        Err(left) => return Ok(PlannerResult::Original(RawBinaryExpr { op, left, right })),
    };
    let right = match Operand::of(right, schema)? {
        Ok(right) => right,
        Err(right) => return Ok(PlannerResult::Original(RawBinaryExpr { op, left: left.expr, right })),
    };
    // Lists are appended to each other by another planner of the engine.
    if matches!(known, Known::Concat) && (left.kind == Kind::Other || right.kind == Kind::Other) {
        return Ok(PlannerResult::Original(RawBinaryExpr { op, left: left.expr, right: right.expr }));
    }
    let symbol = op.to_string();
    if let Some(planned) = json(session, &op, &left, &right, schema)? {
        return Ok(PlannerResult::Planned(planned));
    }
    let planned = match known {
        Known::Json => return Err(missing(&symbol, &left, &right).into()),
        Known::Logic(known) => logic(known, left, right)?,
        Known::Comparison(known) => compare(session, known, left, right)?,
        Known::Pattern(known) => pattern(session, known, &symbol, left, right)?,
        Known::StartsWith => binary_function(starts_with(), left, right),
        Known::Concat => concat(session, left, right)?,
        Known::Arithmetic(known) => arithmetic(session, known, &symbol, left, right)?,
    };
    Ok(PlannerResult::Planned(planned))
}

/// `@>` and `<@` of `jsonb`; of lists they are the engine's.
fn contained(
    session: Session,
    op: BinaryOperator,
    left: Expr,
    right: Expr,
    schema: &DFSchema,
) -> Result<PlannerResult<RawBinaryExpr>> {
    let left = match Operand::of(left, schema)? {
        Ok(left) => left,
        Err(left) => return Ok(PlannerResult::Original(RawBinaryExpr { op, left, right })),
    };
    let right = match Operand::of(right, schema)? {
        Ok(right) => right,
        Err(right) => return Ok(PlannerResult::Original(RawBinaryExpr { op, left: left.expr, right })),
    };
    Ok(match json(session, &op, &left, &right, schema)? {
        Some(planned) => PlannerResult::Planned(planned),
        None => PlannerResult::Original(RawBinaryExpr { op, left: left.expr, right: right.expr }),
    })
}

/// Operators of `json` and `jsonb`, by the type of the left side. `None` for all others.
fn json(
    session: Session,
    op: &BinaryOperator,
    left: &Operand,
    right: &Operand,
    schema: &DFSchema,
) -> Result<Option<Expr>> {
    let is_textual = |operand: &Operand| matches!(operand.kind, Kind::Text | Kind::Unknown);
    if !is_textual(left) || !(is_textual(right) || matches!(right.kind, Kind::Int(_) | Kind::Other)) {
        return Ok(None);
    }
    let kind = |operand: &Operand| -> Result<Option<JsonKind>> {
        let (_, field) = operand.expr.to_field(schema)?;
        Ok(JsonKind::named(name_told(&field)))
    };
    let (name, is_turned) = match (op, kind(left)?, kind(right)?) {
        (BinaryOperator::Arrow, Some(JsonKind::Json), _) => ("json:->", false),
        (BinaryOperator::Arrow, Some(JsonKind::Jsonb), _) => ("jsonb:->", false),
        (BinaryOperator::LongArrow, Some(_), _) => ("json:->>", false),
        (BinaryOperator::HashArrow, Some(JsonKind::Json), _) => ("json:#>", false),
        (BinaryOperator::HashArrow, Some(JsonKind::Jsonb), _) => ("jsonb:#>", false),
        (BinaryOperator::HashLongArrow, Some(_), _) => ("json:#>>", false),
        (BinaryOperator::AtArrow, Some(JsonKind::Jsonb), _) => ("jsonb:@>", false),
        (BinaryOperator::ArrowAt, _, Some(JsonKind::Jsonb)) => ("jsonb:@>", true),
        (BinaryOperator::ArrowAt, Some(JsonKind::Jsonb), _) => ("jsonb:@>", true),
        (BinaryOperator::Question, Some(JsonKind::Jsonb), _) => ("jsonb:?", false),
        (BinaryOperator::StringConcat, Some(JsonKind::Jsonb), _) => ("jsonb:||", false),
        (BinaryOperator::Minus, Some(JsonKind::Jsonb), _) => ("jsonb:-", false),
        (op, Some(kind), _) if is_of_json(op) => {
            return Err(message::unsupported(&format!("operator {op} of {}", kind.name())).into());
        }
        _ => return Ok(None),
    };
    let (first, second) = if is_turned { (right, left) } else { (left, right) };
    function::row_by_row(name, session, vec![first.expr.clone(), second.expr.clone()]).map(Some)
}

/// Operators that only JSON has.
fn is_of_json(op: &BinaryOperator) -> bool {
    matches!(
        op,
        BinaryOperator::HashMinus
            | BinaryOperator::QuestionAnd
            | BinaryOperator::QuestionPipe
            | BinaryOperator::Question
            | BinaryOperator::AtQuestion
            | BinaryOperator::AtAt
    )
}

enum Known {
    Logic(Operator),
    Comparison(Operator),
    Pattern(Operator),
    StartsWith,
    Json,
    Concat,
    Arithmetic(Operator),
}

fn known_operator(op: &BinaryOperator) -> Option<Known> {
    Some(match op {
        BinaryOperator::And => Known::Logic(Operator::And),
        BinaryOperator::Or => Known::Logic(Operator::Or),
        BinaryOperator::Eq => Known::Comparison(Operator::Eq),
        BinaryOperator::NotEq => Known::Comparison(Operator::NotEq),
        BinaryOperator::Lt => Known::Comparison(Operator::Lt),
        BinaryOperator::LtEq => Known::Comparison(Operator::LtEq),
        BinaryOperator::Gt => Known::Comparison(Operator::Gt),
        BinaryOperator::GtEq => Known::Comparison(Operator::GtEq),
        BinaryOperator::PGRegexMatch => Known::Pattern(Operator::RegexMatch),
        BinaryOperator::PGRegexIMatch => Known::Pattern(Operator::RegexIMatch),
        BinaryOperator::PGRegexNotMatch => Known::Pattern(Operator::RegexNotMatch),
        BinaryOperator::PGRegexNotIMatch => Known::Pattern(Operator::RegexNotIMatch),
        BinaryOperator::PGLikeMatch => Known::Pattern(Operator::LikeMatch),
        BinaryOperator::PGILikeMatch => Known::Pattern(Operator::ILikeMatch),
        BinaryOperator::PGNotLikeMatch => Known::Pattern(Operator::NotLikeMatch),
        BinaryOperator::PGNotILikeMatch => Known::Pattern(Operator::NotILikeMatch),
        BinaryOperator::PGStartsWith => Known::StartsWith,
        BinaryOperator::Arrow
        | BinaryOperator::LongArrow
        | BinaryOperator::HashArrow
        | BinaryOperator::HashLongArrow => Known::Json,
        op if is_of_json(op) => Known::Json,
        BinaryOperator::StringConcat => Known::Concat,
        BinaryOperator::Plus => Known::Arithmetic(Operator::Plus),
        BinaryOperator::Minus => Known::Arithmetic(Operator::Minus),
        BinaryOperator::Multiply => Known::Arithmetic(Operator::Multiply),
        BinaryOperator::Divide => Known::Arithmetic(Operator::Divide),
        BinaryOperator::Modulo => Known::Arithmetic(Operator::Modulo),
        _ => return None,
    })
}

fn binary(op: Operator, left: Expr, right: Expr) -> Expr {
    Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right)))
}

fn logic(op: Operator, left: Operand, right: Operand) -> Result<Expr> {
    for operand in [&left, &right] {
        if !matches!(operand.kind, Kind::Bool | Kind::Unknown) {
            let word = if op == Operator::And { "AND" } else { "OR" };
            return Err(message::argument_must_be_boolean(word, &operand.type_name()).into());
        }
    }
    Ok(binary(op, left.expr, right.expr))
}

fn pattern(session: Session, op: Operator, symbol: &str, left: Operand, right: Operand) -> Result<Expr> {
    let is_textual = |kind| matches!(kind, Kind::Text | Kind::Unknown | Kind::Other);
    if !is_textual(left.kind) || !is_textual(right.kind) {
        return Err(missing(symbol, &left, &right).into());
    }
    match op {
        Operator::RegexMatch => regex(session, op, left, right, false),
        Operator::RegexIMatch => regex(session, op, left, right, false),
        Operator::RegexNotMatch => regex(session, op, left, right, true),
        Operator::RegexNotIMatch => regex(session, op, left, right, true),
        _ => Ok(binary(op, left.expr, right.expr)),
    }
}

/// A pattern that is written out is translated for the engine, which finds what can be read off it; others are
/// translated row by row.
fn regex(session: Session, op: Operator, left: Operand, right: Operand, is_negated: bool) -> Result<Expr> {
    let is_case_blind = matches!(op, Operator::RegexIMatch | Operator::RegexNotIMatch);
    let pattern = right.constant().and_then(|pattern| pattern.try_as_str().flatten().map(str::to_owned));
    if let Some(pattern) = pattern {
        let translated = translated(&pattern, Flags { is_case_blind, ..Flags::default() })?;
        // What stands in the pattern itself counts more than the operator.
        let op = match (translated.is_case_blind, is_negated) {
            (true, false) => Operator::RegexIMatch,
            (true, true) => Operator::RegexNotIMatch,
            (false, false) => Operator::RegexMatch,
            (false, true) => Operator::RegexNotMatch,
        };
        let literal = Expr::Literal(ScalarValue::Utf8(Some(translated.text)), None);
        return Ok(binary(op, left.expr, literal));
    }
    let flags = Expr::Literal(ScalarValue::Utf8(Some(if is_case_blind { "i" } else { "" }.to_owned())), None);
    let is_match = function::row_by_row("regexp_like", session, vec![left.expr, right.expr, flags])?;
    Ok(if is_negated { Expr::Not(Box::new(is_match)) } else { is_match })
}

fn binary_function(function: Arc<ScalarUDF>, left: Operand, right: Operand) -> Expr {
    function.call(vec![left.expr, right.expr])
}

/// `||` takes text on one side and shows the other as text.
fn concat(session: Session, left: Operand, right: Operand) -> Result<Expr> {
    let is_textual = |operand: &Operand| matches!(operand.kind, Kind::Text | Kind::Unknown);
    if !is_textual(&left) && !is_textual(&right) {
        return Err(missing("||", &left, &right).into());
    }
    let shown = |operand: Operand| {
        if is_textual(&operand) {
            operand.expr
        } else {
            function::call(Cast::to(Target::Text(None), session), vec![operand.typed_as_written().expr])
        }
    };
    Ok(binary(Operator::StringConcat, shown(left), shown(right)))
}

/// A comparison, with its operands brought to one type.
pub fn compare(session: Session, op: Operator, left: Operand, right: Operand) -> Result<Expr> {
    let (left, right) = (left.read_as_literal(&right, session)?, right);
    let right = right.read_as_literal(&left, session)?;
    let (left, right) = match (left.kind, right.kind) {
        (Kind::Unknown | Kind::Other, _) | (_, Kind::Unknown | Kind::Other) => (left, right),
        (a, b) if a == b && a != Kind::Interval && a != Kind::Numeric => (left, right),
        (a, b) if a.is_number() && b.is_number() => numbers(left, right),
        (Kind::Interval, Kind::Interval) => (span(left), span(right)),
        (Kind::Date, Kind::Timestamp) => (left.cast(timestamp_type()), right),
        (Kind::Timestamp, Kind::Date) => (left, right.cast(timestamp_type())),
        (Kind::Instant, Kind::Date | Kind::Timestamp) => (left, instant(right, session)),
        (Kind::Date | Kind::Timestamp, Kind::Instant) => (instant(left, session), right),
        _ => return Err(missing(&op.to_string(), &left, &right).into()),
    };
    Ok(binary(op, left.expr, right.expr))
}

impl Operand {
    /// An untyped literal takes the type of the other side, unless that is text or untyped too.
    fn read_as_literal(self, other: &Operand, session: Session) -> Result<Self, Error> {
        if self.kind == Kind::Unknown { self.read_as(other, session) } else { Ok(self) }
    }
}

/// Numbers of different types. A constant moves to the other's type if that keeps its value; else the engine widens.
fn numbers(left: Operand, right: Operand) -> (Operand, Operand) {
    if left.kind == Kind::Float || right.kind == Kind::Float {
        return (left.cast(DataType::Float64), right.cast(DataType::Float64));
    }
    match (left.constant().is_some(), right.constant().is_some()) {
        (false, true) => {
            let right = kept_in(right, &left.data_type);
            (left, right)
        }
        (true, false) => {
            let left = kept_in(left, &right.data_type);
            (left, right)
        }
        _ => (left, right),
    }
}

fn kept_in(constant: Operand, to: &DataType) -> Operand {
    let Some(value) = constant.constant() else { return constant };
    let narrowed = value.cast_to(to).ok().filter(|narrowed| {
        !narrowed.is_null() && narrowed.cast_to(&constant.data_type).is_ok_and(|back| back == *value)
    });
    match narrowed {
        Some(narrowed) => Operand { expr: Expr::Literal(narrowed, None), data_type: to.clone(), kind: Kind::of(to) },
        None => constant,
    }
}

fn span(operand: Operand) -> Operand {
    let expr = function::call(Span, vec![operand.expr]);
    Operand { expr, data_type: DataType::Decimal128(38, 0), kind: Kind::Numeric }
}

/// A date or timestamp as the instant that it is in the session's zone.
fn instant(operand: Operand, session: Session) -> Operand {
    let expr = function::call(Cast::to(Target::Timestamptz, session), vec![operand.expr]);
    Operand { expr, data_type: instant_type(), kind: Kind::Instant }
}

pub fn arithmetic(session: Session, op: Operator, symbol: &str, left: Operand, right: Operand) -> Result<Expr> {
    let (left, right) = (left.typed_as_written(), right.typed_as_written());
    let (left, right) = untyped(session, op, left, right)?;
    if left.kind.is_number() && right.kind.is_number() {
        return number_arithmetic(op, left, right);
    }
    match (left.kind, right.kind) {
        (Kind::Unknown | Kind::Other, _) | (_, Kind::Unknown | Kind::Other) => Ok(binary(op, left.expr, right.expr)),
        _ => moment_arithmetic(session, op, symbol, left, right),
    }
}

/// A literal without a type beside a typed operand: for `timestamp + '1 day'` an interval, else the other's type.
fn untyped(session: Session, op: Operator, left: Operand, right: Operand) -> Result<(Operand, Operand), Error> {
    let as_interval = |operand: Operand| -> Result<Operand, Error> {
        let Some(text) = operand.constant().and_then(|value| value.try_as_str().flatten().map(str::to_owned)) else {
            return Ok(operand);
        };
        let value = Cast::read(Target::Interval, &text, session)?;
        Ok(Operand { data_type: value.data_type(), kind: Kind::Interval, expr: Expr::Literal(value, None) })
    };
    let takes_interval = |kind| matches!(kind, Kind::Timestamp | Kind::Instant | Kind::Time | Kind::Date);
    Ok(match (left.kind, right.kind) {
        (Kind::Unknown, Kind::Unknown) => (left, right),
        (Kind::Unknown, kind) if op == Operator::Plus && takes_interval(kind) => (as_interval(left)?, right),
        (kind, Kind::Unknown) if op == Operator::Plus && takes_interval(kind) => {
            let right = as_interval(right)?;
            (left, right)
        }
        (Kind::Unknown, _) => (left.read_as(&right, session)?, right),
        (_, Kind::Unknown) => {
            let right = right.read_as(&left, session)?;
            (left, right)
        }
        _ => (left, right),
    })
}

fn number_arithmetic(op: Operator, left: Operand, right: Operand) -> Result<Expr> {
    if let (Kind::Int(a), Kind::Int(b)) = (left.kind, right.kind) {
        let width = a.max(b);
        let (left, right) = (left.cast(width.data_type()).expr, right.cast(width.data_type()).expr);
        return Ok(match op {
            Operator::Plus => function::integer(IntegerOp::Add, width, left, right),
            Operator::Minus => function::integer(IntegerOp::Subtract, width, left, right),
            Operator::Multiply => function::integer(IntegerOp::Multiply, width, left, right),
            // These two never wrap in the engine.
            _ => binary(op, left, right),
        });
    }
    if left.kind == Kind::Float || right.kind == Kind::Float {
        let (left, right) = (left.cast(DataType::Float64).expr, right.cast(DataType::Float64).expr);
        return match op {
            Operator::Divide => Ok(function::call(FloatDivide, vec![left, right])),
            Operator::Modulo => Err(message::operator_missing("double precision % double precision").into()),
            _ => Ok(binary(op, left, right)),
        };
    }
    let (left, right) = (as_numeric(left), as_numeric(right));
    Ok(match op {
        Operator::Divide => match (left.constant(), right.constant()) {
            (Some(dividend), Some(divisor)) => match function::quotient_of_literals(dividend, divisor) {
                Some(quotient) => Expr::Literal(quotient?, None),
                None => function::call(Divide, vec![left.expr, right.expr]),
            },
            _ => function::call(Divide, vec![left.expr, right.expr]),
        },
        Operator::Multiply if scale(&left) + scale(&right) > EXACT_PRODUCT_SCALE => {
            function::call(Multiply, vec![left.expr, right.expr])
        }
        _ => binary(op, left.expr, right.expr),
    })
}

fn scale(operand: &Operand) -> i16 {
    match operand.data_type {
        DataType::Decimal128(_, scale) => scale.into(),
        _ => 0,
    }
}

fn as_numeric(operand: Operand) -> Operand {
    let digits = match (operand.kind, operand.constant()) {
        // A constant needs no more digits than it has, which leaves room for the result's.
        (Kind::Int(_), Some(value)) => u8::try_from(value.to_string().trim_start_matches('-').len()).unwrap_or(19),
        (Kind::Int(Width::Two), None) => 5,
        (Kind::Int(Width::Four), None) => 10,
        (Kind::Int(Width::Eight), None) => 19,
        _ => return operand,
    };
    operand.cast(DataType::Decimal128(digits, 0))
}

/// Arithmetic of dates, times and intervals.
fn moment_arithmetic(session: Session, op: Operator, symbol: &str, left: Operand, right: Operand) -> Result<Expr> {
    use Operator::{Divide, Minus, Multiply, Plus};
    let is_small = |kind| matches!(kind, Kind::Int(Width::Two | Width::Four));
    let back = op == Minus;
    let day_shift = |date: Operand, days: Operand| {
        function::call(DateShift { back }, vec![date.expr, days.cast(DataType::Int32).expr])
    };
    let shifted = |moment: Operand, interval: Operand| match moment.kind {
        Kind::Date => binary(op, moment.cast(timestamp_type()).expr, interval.expr),
        Kind::Instant if session.is_utc() => binary(op, moment.expr, interval.expr),
        Kind::Instant | Kind::Time => function::call(Shift { session, back }, vec![moment.expr, interval.expr]),
        _ => binary(op, moment.expr, interval.expr),
    };
    let is_moment = |kind| matches!(kind, Kind::Date | Kind::Timestamp | Kind::Instant);
    Ok(match (left.kind, op, right.kind) {
        (Kind::Date, Plus | Minus, days) if is_small(days) => day_shift(left, right),
        (days, Plus, Kind::Date) if is_small(days) => day_shift(right, left),
        (Kind::Date, Minus, Kind::Date) => {
            let (later, earlier) = (left.cast(DataType::Int32).expr, right.cast(DataType::Int32).expr);
            function::integer(IntegerOp::Subtract, Width::Four, later, earlier)
        }
        (Kind::Date, Plus, Kind::Time) => function::call(Combine, vec![left.expr, right.expr]),
        (Kind::Time, Plus, Kind::Date) => function::call(Combine, vec![right.expr, left.expr]),
        (moment, Plus | Minus, Kind::Interval) if is_moment(moment) || moment == Kind::Time => shifted(left, right),
        (Kind::Interval, Plus, moment) if is_moment(moment) || moment == Kind::Time => shifted(right, left),
        (Kind::Time, Minus, Kind::Time) => function::call(Difference, vec![left.expr, right.expr]),
        (a, Minus, b) if is_moment(a) && is_moment(b) => {
            let both = |operand: Operand| match operand.kind {
                Kind::Date => operand.cast(timestamp_type()),
                _ => operand,
            };
            let (left, right) = match (a, b) {
                (Kind::Instant, Kind::Instant) => (left, right),
                (Kind::Instant, _) => (left, instant(right, session)),
                (_, Kind::Instant) => (instant(left, session), right),
                _ => (both(left), both(right)),
            };
            function::call(Difference, vec![left.expr, right.expr])
        }
        (Kind::Interval, Plus | Minus, Kind::Interval) => binary(op, left.expr, right.expr),
        (Kind::Interval, Multiply | Divide, number) if number.is_number() => {
            let args = vec![left.expr, right.cast(DataType::Float64).expr];
            function::call(Scale { divides: op == Divide }, args)
        }
        (number, Multiply, Kind::Interval) if number.is_number() => {
            let args = vec![right.expr, left.cast(DataType::Float64).expr];
            function::call(Scale { divides: false }, args)
        }
        _ => return Err(missing(symbol, &left, &right).into()),
    })
}

fn missing(symbol: &str, left: &Operand, right: &Operand) -> Error {
    message::operator_missing(&format!("{} {symbol} {}", left.type_name(), right.type_name()))
}
