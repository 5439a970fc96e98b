//! `int4pl` and its kin: integer addition, subtraction and multiplication that refuse to wrap (22003).

use arrow::array::ArrayRef;
use arrow::compute::kernels::numeric::{add, mul, sub};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use datafusion::common::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs};
use datafusion::physical_expr_common::datum::apply;
use datafusion::scalar::ScalarValue;

use super::Body;
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

/// Two integers of one width, giving a third; beyond its range: 22003.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Integer {
    pub op: IntegerOp,
    pub width: Width,
}

impl Body for Integer {
    fn name(&self) -> &str {
        match (self.width, self.op) {
            (Width::Two, IntegerOp::Add) => "int2pl",
            (Width::Two, IntegerOp::Subtract) => "int2mi",
            (Width::Two, IntegerOp::Multiply) => "int2mul",
            (Width::Four, IntegerOp::Add) => "int4pl",
            (Width::Four, IntegerOp::Subtract) => "int4mi",
            (Width::Four, IntegerOp::Multiply) => "int4mul",
            (Width::Eight, IntegerOp::Add) => "int8pl",
            (Width::Eight, IntegerOp::Subtract) => "int8mi",
            (Width::Eight, IntegerOp::Multiply) => "int8mul",
        }
    }

    fn gives(&self, _given: &[DataType], _literals: &[Option<&ScalarValue>]) -> Result<DataType> {
        Ok(self.width.data_type())
    }

    fn compute(&self, args: &[ArrayRef], _gives: &DataType) -> Result<ArrayRef> {
        let [left, right] = args else {
            return Err(message::internal("an operator has two operands").into());
        };
        let result = match self.op {
            IntegerOp::Add => add(left, right),
            IntegerOp::Subtract => sub(left, right),
            IntegerOp::Multiply => mul(left, right),
        };
        Ok(result.map_err(|error| self.refusal(error))?)
    }

    fn compute_columnar(&self, call: &ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [left, right] = call.args.as_slice() else {
            return Err(message::internal("an operator has two operands").into());
        };
        apply(left, right, |left, right| {
            match self.op {
                IntegerOp::Add => add(left, right),
                IntegerOp::Subtract => sub(left, right),
                IntegerOp::Multiply => mul(left, right),
            }
            .map_err(|error| self.refusal(error))
        })
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
