//! What an operand is to PostgreSQL: its kind, and whether it is a constant that may take another's type.

use arrow::datatypes::{DataType, IntervalUnit, TimeUnit};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::{Expr, ExprSchemable, Operator};
use datafusion::scalar::ScalarValue;

use super::{Session, instant_type, is_text, time_type, timestamp_type};
use crate::error::{Error, message};
use crate::planner::function::{self, Cast, Target, Width};

/// Kinds of types between which operators are defined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A quoted literal, or NULL: it has no type of its own.
    Unknown,
    Bool,
    Int(Width),
    Numeric,
    Float,
    Text,
    Date,
    Time,
    Timestamp,
    Instant,
    Interval,
    /// What is left to the engine: object identifiers, lists, bytes.
    Other,
}

impl Kind {
    pub fn of(data_type: &DataType) -> Self {
        match data_type {
            DataType::Null => Kind::Unknown,
            DataType::Boolean => Kind::Bool,
            DataType::Int8 | DataType::Int16 => Kind::Int(Width::Two),
            DataType::Int32 => Kind::Int(Width::Four),
            DataType::Int64 => Kind::Int(Width::Eight),
            DataType::Decimal128(..) => Kind::Numeric,
            DataType::Float32 | DataType::Float64 => Kind::Float,
            DataType::Date32 => Kind::Date,
            DataType::Time64(_) | DataType::Time32(_) => Kind::Time,
            DataType::Timestamp(_, None) => Kind::Timestamp,
            DataType::Timestamp(_, Some(_)) => Kind::Instant,
            DataType::Interval(_) => Kind::Interval,
            other if is_text(other) => Kind::Text,
            _ => Kind::Other,
        }
    }

    pub fn is_number(self) -> bool {
        matches!(self, Kind::Int(_) | Kind::Numeric | Kind::Float)
    }

    /// Whether values of both can be held by one column: PostgreSQL's type categories.
    pub fn unites_with(self, other: Self) -> bool {
        let is_moment = |kind| matches!(kind, Kind::Date | Kind::Timestamp | Kind::Instant);
        let is_open = |kind| matches!(kind, Kind::Unknown | Kind::Other);
        is_open(self)
            || is_open(other)
            || self == other
            || (self.is_number() && other.is_number())
            || (is_moment(self) && is_moment(other))
    }
}

/// An operand with what is known of it.
pub struct Operand {
    pub expr: Expr,
    pub data_type: DataType,
    pub kind: Kind,
}

impl Operand {
    /// `None` when the type is not known yet: a parameter without one, or something that only the engine can tell.
    pub fn of(expr: Expr, schema: &DFSchema) -> Result<Result<Self, Expr>> {
        if let Expr::Placeholder(placeholder) = &expr
            && placeholder.field.is_none()
        {
            return Ok(Err(expr));
        }
        let data_type = match quick_type(&expr) {
            Some(data_type) => data_type,
            None => expr.get_type(schema)?,
        };
        let kind = match &expr {
            Expr::Literal(ScalarValue::Utf8(_), _) => Kind::Unknown,
            _ => Kind::of(&data_type),
        };
        Ok(Ok(Self { expr, data_type, kind }.normalized()))
    }

    /// Other resolutions and zone names (`now()` has nanoseconds) become the ones that are computed with.
    fn normalized(self) -> Self {
        let wanted = match (&self.data_type, self.kind) {
            (DataType::Timestamp(TimeUnit::Microsecond, None), Kind::Timestamp) => return self,
            (_, Kind::Timestamp) => timestamp_type(),
            (data_type, Kind::Instant) if *data_type == instant_type() => return self,
            (_, Kind::Instant) => instant_type(),
            (data_type, Kind::Time) if *data_type == time_type() => return self,
            (_, Kind::Time) => time_type(),
            (DataType::Interval(IntervalUnit::MonthDayNano), Kind::Interval) => return self,
            (_, Kind::Interval) => DataType::Interval(IntervalUnit::MonthDayNano),
            _ => return self,
        };
        self.cast(wanted)
    }

    /// The engine's cast; constants are cast at once.
    pub fn cast(self, to: DataType) -> Self {
        if self.data_type == to {
            return self;
        }
        let kind = Kind::of(&to);
        if let Expr::Literal(value, metadata) = &self.expr
            && let Ok(value) = value.cast_to(&to)
        {
            return Self { expr: Expr::Literal(value, metadata.clone()), data_type: to, kind };
        }
        let expr = Expr::Cast(datafusion::logical_expr::Cast::new(Box::new(self.expr), to.clone()));
        Self { expr, data_type: to, kind }
    }

    pub fn constant(&self) -> Option<&ScalarValue> {
        match &self.expr {
            Expr::Literal(value, _) => Some(value),
            _ => None,
        }
    }

    /// A literal without a type, read as a value of another operand's type. Errors: 22P02, 22007, 22008.
    pub fn read_as(self, other: &Operand, session: Session) -> Result<Self, Error> {
        let Some(ScalarValue::Utf8(Some(text))) = self.constant() else {
            return Ok(self);
        };
        let Some(target) = target_of(other.kind, &other.data_type) else {
            return Ok(self);
        };
        let value = Cast::read(target, text, session)?;
        let value = match other.kind {
            Kind::Int(_) => value.cast_to(&other.data_type).unwrap_or(value),
            _ => value,
        };
        Ok(Self { data_type: value.data_type(), kind: Kind::of(&value.data_type()), expr: Expr::Literal(value, None) })
    }

    /// A whole number that is written out, in the narrowest of `integer` and `bigint`, as PostgreSQL types it.
    pub fn typed_as_written(self) -> Self {
        match self.constant() {
            Some(ScalarValue::Int64(Some(number))) if i32::try_from(*number).is_ok() => self.cast(DataType::Int32),
            Some(ScalarValue::UInt64(Some(_))) => self.cast(DataType::Decimal128(20, 0)),
            _ => self,
        }
    }

    /// PostgreSQL's name of the type.
    pub fn type_name(&self) -> String {
        if self.kind == Kind::Unknown { "unknown".to_owned() } else { message::type_name(&self.data_type) }
    }
}

pub fn target_of(kind: Kind, data_type: &DataType) -> Option<Target> {
    Some(match kind {
        Kind::Bool => Target::Bool,
        Kind::Int(Width::Two) => Target::Int2,
        Kind::Int(Width::Four) => Target::Int4,
        Kind::Int(Width::Eight) => Target::Int8,
        Kind::Numeric => Target::Numeric(None),
        Kind::Float if *data_type == DataType::Float32 => Target::Float4,
        Kind::Float => Target::Float8,
        Kind::Date => Target::Date,
        Kind::Time => Target::Time,
        Kind::Timestamp => Target::Timestamp,
        Kind::Instant => Target::Timestamptz,
        Kind::Interval => Target::Interval,
        Kind::Unknown | Kind::Text | Kind::Other => return None,
    })
}

/// The type of an expression that tells it without being descended into: long chains stay cheap.
fn quick_type(expr: &Expr) -> Option<DataType> {
    match expr {
        Expr::Literal(value, _) => Some(value.data_type()),
        Expr::Cast(cast) => Some(cast.field.data_type().clone()),
        Expr::BinaryExpr(binary) if is_comparison(binary.op) => Some(DataType::Boolean),
        Expr::BinaryExpr(binary) if matches!(binary.op, Operator::And | Operator::Or) => Some(DataType::Boolean),
        Expr::IsNull(_) | Expr::IsNotNull(_) | Expr::InList(_) | Expr::Between(_) | Expr::Exists(_) => {
            Some(DataType::Boolean)
        }
        Expr::ScalarFunction(call) => function::as_integer(&call.func).map(|integer| integer.width.data_type()),
        _ => None,
    }
}

fn is_comparison(op: Operator) -> bool {
    matches!(op, Operator::Eq | Operator::NotEq | Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq)
}
