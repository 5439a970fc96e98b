//! Parameters whose values come when a plan runs, so that one plan serves every value.
//!
//! A plan is optimized with its parameters unknown; then each becomes a call of a function that gives what the plan's
//! [`Slots`] hold. The call is volatile to the engine, so that nothing computes it ahead.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::expr::{Placeholder, ScalarFunction};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{
    Cast, ColumnarValue, Expr, LogicalPlan, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use crate::error::message;
use crate::execution::slots::Slots;

/// The plan with calls in place of its parameters.
///
/// Errors: for a parameter that has no slot.
pub fn in_slots(plan: LogicalPlan, slots: &Arc<Slots>) -> Result<LogicalPlan> {
    let replaced = plan.transform_up_with_subqueries(|plan| {
        let names = NamePreserver::new(&plan);
        let replaced = plan.map_expressions(|expr| {
            let name = names.save(&expr);
            Ok(with_calls(expr, slots)?.update_data(|expr| name.restore(expr)))
        })?;
        if !replaced.transformed {
            return Ok(replaced);
        }
        replaced.map_data(LogicalPlan::recompute_schema)
    })?;
    Ok(replaced.data)
}

fn with_calls(expr: Expr, slots: &Arc<Slots>) -> Result<Transformed<Expr>> {
    expr.transform_up(|expr| {
        let Expr::Placeholder(Placeholder { id, .. }) = &expr else { return Ok(Transformed::no(expr)) };
        let at = id.strip_prefix('$').and_then(|number| number.parse::<usize>().ok()).and_then(|n| n.checked_sub(1));
        let at = at.filter(|at| *at < slots.fields().len()).ok_or_else(|| message::parameter_missing(id))?;
        let value = Parameter { slots: Arc::clone(slots), at, signature: Signature::nullary(Volatility::Volatile) };
        Ok(Transformed::yes(ScalarUDF::new_from_impl(value).call(Vec::new())))
    })
}

/// Whether an expression is a parameter, perhaps in another type.
pub fn is_parameter(expr: &Expr) -> bool {
    match expr {
        Expr::Placeholder(_) => true,
        Expr::Cast(Cast { expr, .. }) => is_parameter(expr),
        Expr::ScalarFunction(ScalarFunction { func, args }) => {
            args.is_empty() && func.inner().downcast_ref::<Parameter>().is_some()
        }
        _ => false,
    }
}

/// The function that gives the value of a slot.
#[derive(Debug)]
struct Parameter {
    slots: Arc<Slots>,
    at: usize,
    signature: Signature,
}

impl PartialEq for Parameter {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at && Arc::ptr_eq(&self.slots, &other.slots)
    }
}

impl Eq for Parameter {}

impl Hash for Parameter {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.at.hash(state);
        Arc::as_ptr(&self.slots).hash(state);
    }
}

impl ScalarUDFImpl for Parameter {
    fn name(&self) -> &str {
        "parameter"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _given: &[DataType]) -> Result<DataType> {
        Ok(self.slots.fields()[self.at].data_type().clone())
    }

    fn return_field_from_args(&self, _args: ReturnFieldArgs) -> Result<FieldRef> {
        Ok(Arc::clone(&self.slots.fields()[self.at]))
    }

    fn invoke_with_args(&self, _args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let value = self.slots.value(self.at);
        Ok(ColumnarValue::Scalar(value.ok_or_else(|| message::internal("a parameter has no value"))?))
    }
}
