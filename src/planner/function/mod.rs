//! Functions behind PostgreSQL's operators, casts and types, where the engine computes something else.
//!
//! Each is a [`Body`]: a name, a result type, a kernel over arrays, and where it pays a plainer expression that the
//! optimizer sees instead. NULL in, NULL out, unless the body says otherwise. Not here: functions of the purchase history (crate
//! `regulars-udfs`) and of the system catalog (`catalog/system/function`).

mod age;
mod among;
mod as_of;
mod avg;
mod bounded;
mod calendar;
mod cast;
mod datum;
mod domain;
mod acl_records;
mod expand_array;
mod extract;
mod float;
mod identifier;
mod integer;
mod interval;
mod json;
mod list;
mod local_time;
mod mathematics;
mod moment;
mod nullable;
mod numeric;
mod ordered;
mod overload;
mod pattern;
pub mod regex;
pub mod regex_syntax;
mod regproc;
mod round;
mod series;
mod sum;
mod text;
mod type_of;
mod unite;
mod unsupported;

use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::Result;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    AggregateUDF, ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use datafusion::scalar::ScalarValue;

pub use self::as_of::of_day;
pub use self::bounded::bounded;
pub use self::cast::{Cast, Target};
pub use self::float::Divide as FloatDivide;
pub use self::integer::{Integer, IntegerOp, Width, integer};
pub use self::interval::{PARTS as INTERVAL_PARTS, Scale, Span};
pub use self::json::Kind as JsonKind;
pub use self::local_time::{is_of_local_time, of_local_time};
pub use self::moment::{Combine, DateShift, Difference, Shift};
pub use self::numeric::{Divide, Multiply, quotient_of_literals};
pub use self::regproc::OfRegproc;
pub use self::unite::{SEARCHED, SIMPLE, meet_types};
use super::dialect::Session;
use crate::pg_type::told;
use crate::sql::compat::is_of_value;

/// What a function of the dialect is.
pub trait Body: Debug + Eq + Hash + Send + Sync + 'static {
    fn name(&self) -> &str;

    /// The type of the result; `literals` holds the arguments that are written out.
    ///
    /// Errors: 42883 for arguments that the function does not take, and what a written argument has wrong.
    fn gives(&self, given: &[DataType], literals: &[Option<&ScalarValue>]) -> Result<DataType>;

    /// PostgreSQL's name of the type of the result, where Arrow's does not tell it.
    fn told(&self) -> Option<&'static str> {
        None
    }

    /// One row for each row of the arguments, which are all of one length.
    fn compute(&self, args: &[ArrayRef], gives: &DataType) -> Result<ArrayRef>;

    /// The same with constants still in one piece, for kernels that make use of it.
    fn compute_columnar(&self, call: &ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_scalar = call.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if is_scalar { 1 } else { call.number_rows };
        let args = call.args.iter().map(|arg| arg.to_array(rows)).collect::<Result<Vec<_>>>()?;
        let values = self.compute(&args, call.return_type())?;
        if is_scalar {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&values, 0)?));
        }
        Ok(ColumnarValue::Array(values))
    }

    /// NULL for any NULL argument.
    fn is_strict(&self) -> bool {
        true
    }

    /// Whether an argument may stay uncomputed: then none is computed ahead of the call.
    fn short_circuits(&self) -> bool {
        false
    }

    /// A plainer expression of the same type that means the same.
    fn plainer(&self, _args: &[Expr], _context: &SimplifyContext) -> Result<Option<Expr>> {
        Ok(None)
    }
}

/// A body as the engine calls it.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Called<B: Body> {
    body: B,
    signature: Signature,
}

pub fn function(body: impl Body) -> Arc<ScalarUDF> {
    let signature = Signature::one_of(
        vec![datafusion::logical_expr::TypeSignature::VariadicAny, datafusion::logical_expr::TypeSignature::Nullary],
        Volatility::Immutable,
    );
    Arc::new(ScalarUDF::new_from_impl(Called { body, signature }))
}

/// The body of a function, if it is of that kind.
fn body<B: Body>(function: &ScalarUDF) -> Option<&B> {
    function.inner().downcast_ref::<Called<B>>().map(|called| &called.body)
}

/// The checked arithmetic that a function is.
pub fn as_integer(function: &ScalarUDF) -> Option<&Integer> {
    body(function)
}

/// What a cast makes, if a function is one.
pub fn as_cast(function: &ScalarUDF) -> Option<Target> {
    body::<Cast>(function).map(Cast::target)
}

/// `extract(field FROM moment)`, as the grammar spells it.
pub fn extract(session: Session) -> Arc<ScalarUDF> {
    function(extract::Extract { session, is_float: false })
}

/// The value, which may be NULL whatever it promises.
pub fn nullable(value: Expr) -> Expr {
    call(nullable::Nullable, vec![value])
}

/// Whether the value is among the items of the list, as IN asks.
pub fn among(value: Expr, list: Expr) -> Expr {
    call(among::Among, vec![value, list])
}

/// A call of a body.
pub fn call(body: impl Body, args: Vec<Expr>) -> Expr {
    function(body).call(args)
}

/// The functions that are computed row by row, by what they are about.
const FAMILIES: &[&[overload::Overloaded]] = &[
    age::FUNCTIONS,
    calendar::FUNCTIONS,
    identifier::FUNCTIONS,
    list::FUNCTIONS,
    mathematics::FUNCTIONS,
    ordered::FUNCTIONS,
    pattern::FUNCTIONS,
    regex::FUNCTIONS,
    series::FUNCTIONS,
    text::FUNCTIONS,
    json::FUNCTIONS[0],
    json::FUNCTIONS[1],
];

/// A call of a function that is computed row by row.
pub fn row_by_row(name: &str, session: Session, args: Vec<Expr>) -> Result<Expr> {
    let spec = FAMILIES.iter().copied().flatten().find(|spec| spec.name == name);
    let spec = spec.ok_or_else(|| crate::error::message::internal(format!("function {name} is missing")))?;
    Ok(overload::function(spec, session).call(args))
}

/// The functions that the engine has under the same name but with other answers, or not at all; and the casts that
/// `dialect/spelling` writes. `None` for all others.
pub fn scalar(name: &str, session: Session, state: &SessionState) -> Option<Arc<ScalarUDF>> {
    let engine = |name: &str| state.scalar_functions().get(name).cloned();
    if let Some(spec) = FAMILIES.iter().copied().flatten().find(|spec| spec.name == name) {
        return Some(overload::function(spec, session));
    }
    Some(match name {
        "avg_of" => function(avg::AvgOf),
        "ceil" | "ceiling" => function(round::Whole { up: true }),
        "floor" => function(round::Whole { up: false }),
        "round" => function(round::Round),
        "extract" => function(extract::Extract { session, is_float: false }),
        "date_part" | "datepart" => function(extract::Extract { session, is_float: true }),
        "case" | "case_of" | "coalesce" | "greatest" | "least" | "nullif" => {
            function(unite::Unite::named(name, session, engine)?)
        }
        // PostgreSQL takes or replaces all that are like it, the engine the first one.
        "array_remove" => return engine("array_remove_all"),
        "array_replace" => return engine("array_replace_all"),
        of_value if is_of_value(of_value) => function(list::OfValue { name: name.to_owned() }),
        "pg_typeof" => Arc::new(ScalarUDF::new_from_impl(type_of::TypeOf::new())),
        "acl_records" => function(acl_records::AclRecords),
        "array_or_empty" => function(list::OrEmpty),
        "expand_array" => function(expand_array::ExpandArray),
        "make_interval" => function(interval::Make),
        "ln" | "log10" | "log2" | "log" | "sqrt" | "exp" | "asin" | "acos" => {
            function(domain::Domain::of(name, engine(name)?)?)
        }
        "array_repeat" | "list_repeat" | "array_resize" | "list_resize" | "range" | "gen_series" | "date_format"
        | "to_time" | "to_local_time" | "to_unixtime" => function(unsupported::Unsupported { name: name.to_owned() }),
        _ => function(Cast::named(name, session)?),
    })
}

/// Aggregates that PostgreSQL gives another type than the engine does.
pub fn aggregate(name: &str, state: &SessionState) -> Option<Arc<AggregateUDF>> {
    match name {
        "sum" => state.aggregate_functions().get("sum").map(sum::checked),
        _ => None,
    }
}

impl<B: Body> ScalarUDFImpl for Called<B> {
    fn name(&self) -> &str {
        self.body.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, given: &[DataType]) -> Result<DataType> {
        self.body.gives(given, &vec![None; given.len()])
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let given: Vec<DataType> = args.arg_fields.iter().map(|field| field.data_type().clone()).collect();
        let gives = self.body.gives(&given, args.scalar_arguments)?;
        let field = Field::new(self.body.name(), gives, true);
        Ok(Arc::new(match self.body.told() {
            Some(name) => told(field, name),
            None => field,
        }))
    }

    fn is_strict(&self) -> bool {
        self.body.is_strict()
    }

    fn short_circuits(&self) -> bool {
        self.body.short_circuits()
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        self.body.compute_columnar(&call)
    }

    fn simplify(&self, args: Vec<Expr>, context: &SimplifyContext) -> Result<ExprSimplifyResult> {
        Ok(match self.body.plainer(&args, context)? {
            Some(plainer) => ExprSimplifyResult::Simplified(plainer),
            None => ExprSimplifyResult::Original(args),
        })
    }
}
