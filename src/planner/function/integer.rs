//! `int4pl` and its kin: integer addition, subtraction and multiplication that refuse to wrap (22003).
//!
//! What is written from left to right, `a + b - c`, is one call with several steps, not a nest of calls: a long sum
//! stays flat, and so costs little to plan.

use arrow::array::ArrayRef;
use arrow::compute::kernels::numeric::{add, mul, sub};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use datafusion::common::Result;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{ColumnarValue, Expr, ScalarFunctionArgs};
use datafusion::physical_expr_common::datum::apply;
use datafusion::scalar::ScalarValue;

use super::{Body, as_integer};
use crate::error::message;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IntegerOp {
    Add,
    Subtract,
    Multiply,
}

/// Bytes of an integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Width {
    Two,
    Four,
    Eight,
}

impl Width {
    pub fn data_type(self) -> DataType {
        match self {
            Width::Two => DataType::Int16,
            Width::Four => DataType::Int32,
            Width::Eight => DataType::Int64,
        }
    }
}

/// Integers of one width, taken together from left to right: one operator fewer than operands. Beyond the range of the
/// width at any step: 22003.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Integer {
    pub ops: Vec<IntegerOp>,
    pub width: Width,
}

/// `left op right`, both of that width already. Constants are computed at once where they fit.
pub fn integer(op: IntegerOp, width: Width, left: Expr, right: Expr) -> Expr {
    if let Some(value) = constant(op, width, &left, &right) {
        return Expr::Literal(value, None);
    }
    match left {
        Expr::ScalarFunction(ScalarFunction { func, mut args }) => match as_integer(&func) {
            Some(integer) if integer.width == width => {
                let mut integer = integer.clone();
                integer.ops.push(op);
                args.push(right);
                super::call(integer, args)
            }
            _ => {
                let left = Expr::ScalarFunction(ScalarFunction { func, args });
                super::call(Integer { ops: vec![op], width }, vec![left, right])
            }
        },
        left => super::call(Integer { ops: vec![op], width }, vec![left, right]),
    }
}

fn constant(op: IntegerOp, width: Width, left: &Expr, right: &Expr) -> Option<ScalarValue> {
    let number = |expr: &Expr| match expr {
        Expr::Literal(value, _) => match value.cast_to(&DataType::Int64).ok()? {
            ScalarValue::Int64(number) => number,
            _ => None,
        },
        _ => None,
    };
    let (left, right) = (number(left)?, number(right)?);
    let value = match op {
        IntegerOp::Add => left.checked_add(right),
        IntegerOp::Subtract => left.checked_sub(right),
        IntegerOp::Multiply => left.checked_mul(right),
    }?;
    Some(match width {
        Width::Two => ScalarValue::Int16(Some(i16::try_from(value).ok()?)),
        Width::Four => ScalarValue::Int32(Some(i32::try_from(value).ok()?)),
        Width::Eight => ScalarValue::Int64(Some(value)),
    })
}

impl Body for Integer {
    fn name(&self) -> &str {
        match (self.width, self.ops.as_slice()) {
            (Width::Two, [IntegerOp::Add]) => "int2pl",
            (Width::Two, [IntegerOp::Subtract]) => "int2mi",
            (Width::Two, [IntegerOp::Multiply]) => "int2mul",
            (Width::Four, [IntegerOp::Add]) => "int4pl",
            (Width::Four, [IntegerOp::Subtract]) => "int4mi",
            (Width::Four, [IntegerOp::Multiply]) => "int4mul",
            (Width::Eight, [IntegerOp::Add]) => "int8pl",
            (Width::Eight, [IntegerOp::Subtract]) => "int8mi",
            (Width::Eight, [IntegerOp::Multiply]) => "int8mul",
            (Width::Two, _) => "int2_steps",
            (Width::Four, _) => "int4_steps",
            (Width::Eight, _) => "int8_steps",
        }
    }

    fn gives(&self, _given: &[DataType], _literals: &[Option<&ScalarValue>]) -> Result<DataType> {
        Ok(self.width.data_type())
    }

    fn compute(&self, _args: &[ArrayRef], _gives: &DataType) -> Result<ArrayRef> {
        Err(message::internal("integers are computed with their constants in one piece").into())
    }

    fn compute_columnar(&self, call: &ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some((first, others)) = call.args.split_first() else {
            return Err(message::internal("an operator has operands").into());
        };
        let mut value = first.clone();
        for (op, operand) in self.ops.iter().zip(others) {
            value = apply(&value, operand, |left, right| {
                match op {
                    IntegerOp::Add => add(left, right),
                    IntegerOp::Subtract => sub(left, right),
                    IntegerOp::Multiply => mul(left, right),
                }
                .map_err(|error| self.refusal(error))
            })?;
        }
        Ok(value)
    }
}

impl Integer {
    fn refusal(&self, error: ArrowError) -> ArrowError {
        match error {
            ArrowError::ArithmeticOverflow(_) => {
                let type_name = match self.width {
                    Width::Two => "smallint",
                    Width::Four => "integer",
                    Width::Eight => "bigint",
                };
                ArrowError::ExternalError(Box::new(message::out_of_range_of_type(type_name)))
            }
            other => other,
        }
    }
}
