//! Functions of the engine whose results are as long as their arguments together, refused where that is too long: a chain of them
//! doubles at each step, and the engine asks for the memory at once.

use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};

use crate::error::message;

/// Bytes that the arguments of one call over a batch of rows may have.
const BYTES_MAX: usize = 256 << 20;
/// The functions, by the name that they call themselves.
const NAMES: &[&str] = &["array_concat"];

/// The function, bounded; `None` for one that needs no bound, or has it.
pub fn bounded(function: &Arc<ScalarUDF>) -> Option<Arc<ScalarUDF>> {
    let is_bare = NAMES.contains(&function.name()) && function.inner().downcast_ref::<Bounded>().is_none();
    is_bare.then(|| Arc::new(ScalarUDF::new_from_impl(Bounded(Arc::clone(function)))))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Bounded(Arc<ScalarUDF>);

impl ScalarUDFImpl for Bounded {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn signature(&self) -> &Signature {
        self.0.signature()
    }

    fn return_type(&self, given: &[DataType]) -> Result<DataType> {
        self.0.return_type(given)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        self.0.return_field_from_args(args)
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        self.0.coerce_types(given)
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_scalar = call.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if is_scalar { 1 } else { call.number_rows };
        let size = |arg: &ColumnarValue| match arg {
            ColumnarValue::Array(array) => array.get_array_memory_size(),
            ColumnarValue::Scalar(value) => value.size().saturating_mul(rows),
        };
        let bytes = call.args.iter().map(size).fold(0, usize::saturating_add);
        if bytes > BYTES_MAX {
            return Err(message::array_too_long(BYTES_MAX).into());
        }
        self.0.invoke_with_args(call)
    }
}
