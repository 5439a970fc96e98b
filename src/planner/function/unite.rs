//! CASE, `coalesce`, `greatest`, `least` and `nullif`: values that one column must hold, brought to one type as
//! PostgreSQL chooses it.
//!
//! The type must be known while the query is planned, as what stands around it is planned by it; the engine would
//! settle it later. When simplified, each becomes the engine's own form over operands that have the type.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType};
use datafusion::common::Result;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{Case, Expr, ScalarUDF, bitwise_and, lit};
use datafusion::scalar::ScalarValue;

use super::{Body, Cast, Target, Width, call};
use crate::error::{Error, message};
use crate::planner::dialect::{Kind, Session, target_of};
use crate::planner::size;

/// Which of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// `(condition, value)…, [value]`.
    Searched,
    /// `operand, (match, value)…, [value]`.
    Simple,
    Coalesce,
    Greatest,
    Least,
    Nullif,
}

#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Unite {
    pub form: Form,
    pub session: Session,
    /// The engine's function, of what is not computed as a CASE.
    pub inner: Option<Arc<ScalarUDF>>,
}

/// The name under which `dialect/spelling` writes a CASE without, and with an operand.
pub const SEARCHED: &str = "case";
pub const SIMPLE: &str = "case_of";

impl Body for Unite {
    fn name(&self) -> &str {
        match self.form {
            Form::Searched => SEARCHED,
            Form::Simple => SIMPLE,
            Form::Coalesce => "coalesce",
            Form::Greatest => "greatest",
            Form::Least => "least",
            Form::Nullif => "nullif",
        }
    }

    fn is_strict(&self) -> bool {
        false
    }

    fn short_circuits(&self) -> bool {
        true
    }

    fn gives(&self, given: &[DataType], literals: &[Option<&ScalarValue>]) -> Result<DataType> {
        let parts = self.parts(given.len());
        let shown = |at: usize| (&given[at], literals.get(at).copied().flatten());
        for at in &parts.conditions {
            let (data_type, literal) = shown(*at);
            if !matches!(kind(data_type, literal), Kind::Bool | Kind::Unknown) {
                return Err(message::argument_must_be_boolean("CASE/WHEN", &message::type_name(data_type)).into());
            }
        }
        if !parts.matches.is_empty() {
            let operands: Vec<_> = parts.matches.iter().map(|at| shown(*at)).collect();
            united(&operands).map_err(|(one, other)| message::operator_missing(&format!("{one} = {other}")))?;
        }
        let values: Vec<_> = parts.values.iter().map(|at| shown(*at)).collect();
        let together = united(&values).map_err(|(one, other)| match self.form {
            Form::Nullif => message::operator_missing(&format!("{one} = {other}")),
            _ => message::types_do_not_match(self.word(), &one, &other),
        })?;
        if matches!(self.form, Form::Greatest | Form::Least) && Kind::of(&together) == Kind::Interval {
            return Err(message::interval_order(self.name()).into());
        }
        if self.form == Form::Nullif {
            // The result has the type of the first argument.
            let first = values.first().filter(|(data_type, literal)| kind(data_type, *literal) != Kind::Unknown);
            return Ok(first.map_or(together, |(data_type, _)| (*data_type).clone()));
        }
        Ok(together)
    }

    fn compute(&self, _args: &[ArrayRef], _gives: &DataType) -> Result<ArrayRef> {
        Err(message::internal(format!("{} is computed as a condition", self.name())).into())
    }

    fn plainer(&self, args: &[Expr], context: &SimplifyContext) -> Result<Option<Expr>> {
        let given = args.iter().map(|arg| context.get_data_type(arg)).collect::<Result<Vec<_>>>()?;
        let literals: Vec<Option<&ScalarValue>> = args.iter().map(literal).collect();
        let gives = self.gives(&given, &literals)?;
        let parts = self.parts(args.len());
        let as_type = |at: usize, to: &DataType| self.cast(args[at].clone(), &given[at], to);
        let values = |to: &DataType| parts.values.iter().map(|at| as_type(*at, to)).collect::<Result<Vec<_>>>();
        Ok(Some(match self.form {
            Form::Searched | Form::Simple => {
                let matched: Vec<_> = parts.matches.iter().map(|at| (&given[*at], literals[*at])).collect();
                let key = if matched.is_empty() { None } else { united(&matched).ok() };
                let of_key = |at: usize| match &key {
                    Some(key) => as_type(at, key),
                    None => as_type(at, &DataType::Boolean),
                };
                let whens = if key.is_some() { &parts.matches[1..] } else { &parts.conditions[..] };
                let mut values = values(&gives)?;
                let otherwise = (values.len() > whens.len()).then(|| values.pop()).flatten();
                let pairs = whens
                    .iter()
                    .zip(values)
                    .map(|(when, value)| Ok((Box::new(of_key(*when)?), Box::new(value))))
                    .collect::<Result<Vec<_>>>()?;
                let operand = if key.is_some() { Some(Box::new(of_key(0)?)) } else { None };
                Expr::Case(Case::new(operand, pairs, otherwise.map(Box::new)))
            }
            Form::Nullif => {
                let compared: Vec<_> = parts.values.iter().map(|at| (&given[*at], literals[*at])).collect();
                let Ok(together) = united(&compared) else { return Ok(None) };
                refuse_to_double(&args[..1])?;
                let [left, right] = [as_type(0, &together)?, as_type(1, &together)?];
                let kept = self.cast(args[0].clone(), &given[0], &gives)?;
                let null = Expr::Literal(ScalarValue::try_from(&gives)?, None);
                Expr::Case(Case::new(None, vec![(Box::new(left.eq(right)), Box::new(null))], Some(Box::new(kept))))
            }
            Form::Coalesce => {
                refuse_to_double(&args[..args.len().saturating_sub(1)])?;
                let mut values = values(&gives)?;
                let Some(last) = values.pop() else { return Ok(None) };
                if values.is_empty() {
                    return Ok(Some(last));
                }
                let pairs = values.into_iter().map(|value| (Box::new(value.clone().is_not_null()), Box::new(value)));
                Expr::Case(Case::new(None, pairs.collect(), Some(Box::new(last))))
            }
            Form::Greatest | Form::Least => match &self.inner {
                Some(inner) => inner.call(values(&gives)?),
                None => return Ok(None),
            },
        }))
    }
}

/// An argument that is asked for NULL, or compared, and then given stands twice in the plainer expression; inside one
/// another they double at each level. Errors: 54001.
fn refuse_to_double(args: &[Expr]) -> Result<()> {
    args.iter().try_for_each(|arg| Ok(size::refuse_to_repeat(arg, 2)?))
}

/// Where among the arguments the conditions, the operand with its matches, and the values are.
#[derive(Default)]
struct Parts {
    conditions: Vec<usize>,
    matches: Vec<usize>,
    values: Vec<usize>,
}

impl Unite {
    pub fn named(name: &str, session: Session, engine: impl Fn(&str) -> Option<Arc<ScalarUDF>>) -> Option<Self> {
        let (form, inner) = match name {
            SEARCHED => (Form::Searched, None),
            SIMPLE => (Form::Simple, None),
            "coalesce" => (Form::Coalesce, None),
            "greatest" => (Form::Greatest, Some(engine(name)?)),
            "least" => (Form::Least, Some(engine(name)?)),
            "nullif" => (Form::Nullif, None),
            _ => return None,
        };
        Some(Self { form, session, inner })
    }

    fn word(&self) -> &'static str {
        match self.form {
            Form::Searched | Form::Simple => "CASE",
            Form::Coalesce => "COALESCE",
            Form::Greatest => "GREATEST",
            Form::Least => "LEAST",
            Form::Nullif => "NULLIF",
        }
    }

    fn parts(&self, count: usize) -> Parts {
        let mut parts = Parts::default();
        let first = match self.form {
            Form::Searched => 0,
            Form::Simple => {
                parts.matches.push(0);
                1
            }
            _ => return Parts { values: (0..count).collect(), ..parts },
        };
        let mut at = first;
        while at < count {
            if at + 1 == count {
                parts.values.push(at);
            } else {
                match self.form {
                    Form::Simple => parts.matches.push(at),
                    _ => parts.conditions.push(at),
                }
                parts.values.push(at + 1);
            }
            at += 2;
        }
        parts
    }

    fn cast(&self, expr: Expr, from: &DataType, to: &DataType) -> Result<Expr> {
        if let Some(ScalarValue::Utf8(Some(text))) = literal(&expr)
            && let Some(target) = target_of(Kind::of(to), to)
        {
            let value = Cast::read(target, text, self.session)?;
            let value = if value.data_type() == *to { value } else { value.cast_to(to)? };
            return Ok(Expr::Literal(value, None));
        }
        if from == to {
            return Ok(expr);
        }
        if matches!(Kind::of(from), Kind::Date | Kind::Timestamp) && Kind::of(to) == Kind::Instant {
            return Ok(call(Cast::to(Target::Timestamptz, self.session), vec![expr]));
        }
        let as_type = |expr, to: &DataType| Expr::Cast(datafusion::logical_expr::Cast::new(Box::new(expr), to.clone()));
        if *to == DataType::UInt32 && matches!(Kind::of(from), Kind::Int(_)) {
            // PostgreSQL takes the bits of a negative one.
            let bits = bitwise_and(as_type(expr, &DataType::Int64), lit(i64::from(u32::MAX)));
            return Ok(as_type(bits, to));
        }
        Ok(as_type(expr, to))
    }
}

fn literal(expr: &Expr) -> Option<&ScalarValue> {
    match expr {
        Expr::Literal(value, _) => Some(value),
        _ => None,
    }
}

fn kind(data_type: &DataType, literal: Option<&ScalarValue>) -> Kind {
    match literal {
        Some(ScalarValue::Utf8(_) | ScalarValue::Null) => Kind::Unknown,
        _ => Kind::of(data_type),
    }
}

/// The type in which values meet; the names of the first two that do not.
pub fn united(values: &[(&DataType, Option<&ScalarValue>)]) -> Result<DataType, (String, String)> {
    let mut together: Option<DataType> = None;
    for (data_type, literal) in values {
        if kind(data_type, *literal) == Kind::Unknown {
            continue;
        }
        together = Some(match together {
            // One layout of text for all: constants may come to another one when they are computed.
            None if Kind::of(data_type) == Kind::Text => DataType::Utf8View,
            None => (*data_type).clone(),
            Some(one) => {
                meet(&one, data_type).ok_or_else(|| (message::type_name(&one), message::type_name(data_type)))?
            }
        });
    }
    let is_text = values.iter().any(|(data_type, _)| **data_type != DataType::Null);
    Ok(together.unwrap_or(if is_text { DataType::Utf8View } else { DataType::Null }))
}

fn meet(one: &DataType, other: &DataType) -> Option<DataType> {
    if one == other {
        return Some(one.clone());
    }
    let (a, b) = (Kind::of(one), Kind::of(other));
    if !a.unites_with(b) {
        return None;
    }
    Some(match (a, b) {
        (Kind::Int(a), Kind::Int(b)) => a.max(b).data_type(),
        (Kind::Float, _) | (_, Kind::Float) => DataType::Float64,
        (a, b) if a.is_number() && b.is_number() => {
            let ((p1, s1), (p2, s2)) = (digits(one), digits(other));
            let scale = s1.max(s2);
            let whole = (i16::from(p1) - i16::from(s1)).max(i16::from(p2) - i16::from(s2));
            let precision = u8::try_from(whole + i16::from(scale)).unwrap_or(DECIMAL128_MAX_PRECISION);
            DataType::Decimal128(precision.min(DECIMAL128_MAX_PRECISION), scale)
        }
        (Kind::Text, Kind::Text) => DataType::Utf8View,
        // An object identifier takes a smaller integer in.
        (Kind::Int(Width::Two | Width::Four), _) if *other == DataType::UInt32 => DataType::UInt32,
        (_, Kind::Int(Width::Two | Width::Four)) if *one == DataType::UInt32 => DataType::UInt32,
        (Kind::Instant, _) | (_, Kind::Instant) => crate::planner::dialect::instant_type(),
        (Kind::Timestamp, _) | (_, Kind::Timestamp) => crate::planner::dialect::timestamp_type(),
        // Lists and the like: the engine says whether they meet.
        _ => datafusion::logical_expr_common::type_coercion::binary::type_union_coercion(one, other)?,
    })
}

fn digits(data_type: &DataType) -> (u8, i8) {
    match data_type {
        DataType::Decimal128(precision, scale) => (*precision, *scale),
        other => match Kind::of(other) {
            Kind::Int(Width::Two) => (5, 0),
            Kind::Int(Width::Four) => (10, 0),
            _ => (19, 0),
        },
    }
}

/// Brings a type of a name that is not decided by values: what `UNION` asks.
pub fn meet_types(one: &DataType, other: &DataType) -> Result<DataType, Error> {
    meet(one, other)
        .ok_or_else(|| message::types_do_not_match("UNION", &message::type_name(one), &message::type_name(other)))
}
