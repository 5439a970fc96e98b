//! `pg_typeof`: the name of a value's type, as `format_type` prints it.

use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};
use datafusion::scalar::ScalarValue;

use crate::error::message;
use crate::pg_type::{PgType, name_told};

/// Of one argument, whichever it is: a field tells more of its type than an array does.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct TypeOf {
    signature: Signature,
}

impl TypeOf {
    pub fn new() -> Self {
        Self { signature: Signature::new(TypeSignature::Any(1), Volatility::Stable) }
    }
}

impl ScalarUDFImpl for TypeOf {
    fn name(&self) -> &str {
        "pg_typeof"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _given: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8View)
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let (Some(arg), Some(field)) = (call.args.first(), call.arg_fields.first()) else {
            return Err(message::internal("pg_typeof has one argument").into());
        };
        let name = match arg {
            ColumnarValue::Scalar(ScalarValue::Utf8(_) | ScalarValue::Null) => "unknown".to_owned(),
            ColumnarValue::Scalar(ScalarValue::Int64(Some(value)))
                if i32::try_from(*value).is_ok() && name_told(field).is_none() =>
            {
                "integer".to_owned()
            }
            // Without the modifier that a column may have.
            _ => PgType { typmod: -1, ..PgType::of_field(field) }.sql_name(),
        };
        Ok(ColumnarValue::Scalar(ScalarValue::Utf8View(Some(name))))
    }
}
