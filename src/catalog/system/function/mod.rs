//! Catalog functions: what each takes, gives and does with NULL, and how it runs over arrays.
//!
//! A function is a row of a table: its forms, its result and a body that answers for one row. So all behave alike:
//! a scalar gives what an array of it gives; NULL in, NULL out, unless the function says otherwise.
//! They are bound to one statement's context, and the planner may fold them.

mod acl;
mod describe;
mod names;
mod privilege;
mod server;
mod text;

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion::common::{DataFusionError, plan_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use datafusion::scalar::ScalarValue;

use super::SystemContext;
use super::value::{Value, array_of, arrow_type};
use crate::error::Result;
use crate::pg_type::PgType;

/// A catalog function.
pub(super) struct Spec {
    name: &'static str,
    /// The argument lists that it accepts; they differ in length.
    forms: &'static [&'static [Takes]],
    /// What it gives, by PostgreSQL's type name; `""` is the type of the first argument.
    gives: &'static str,
    /// NULL for any NULL argument, without asking the body.
    strict: bool,
    /// It changes something, so it is called once for each row and never ahead of it.
    acts: bool,
    body: Body,
}

impl Spec {
    const fn acting(mut self) -> Self {
        self.acts = true;
        self
    }
}

type Body = fn(&SystemContext, &[Value]) -> Result<Value>;

/// What an argument may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    Text,
    Int,
    Bool,
    /// A number that identifies an object, or text that names it.
    Object,
    /// A list of any type, as it is.
    List,
    /// Anything, as it is when it is a list or text, as text otherwise.
    Any,
}

/// NULL for any NULL argument.
const fn strict(name: &'static str, forms: &'static [&'static [Takes]], gives: &'static str, body: Body) -> Spec {
    Spec { name, forms, gives, strict: true, acts: false, body }
}

/// The body is asked about NULL too.
const fn lenient(name: &'static str, forms: &'static [&'static [Takes]], gives: &'static str, body: Body) -> Spec {
    Spec { name, forms, gives, strict: false, acts: false, body }
}

fn specs() -> impl Iterator<Item = &'static Spec> {
    [acl::FUNCTIONS, describe::FUNCTIONS, names::FUNCTIONS, privilege::FUNCTIONS, server::FUNCTIONS, text::FUNCTIONS]
        .into_iter()
        .flatten()
}

/// The names of all catalog functions, for a planner that lists what there is.
pub fn function_names() -> impl Iterator<Item = &'static str> {
    specs().map(|spec| spec.name)
}

/// The type of a parameter that is an argument of a catalog function, where the function wants one type alone.
pub fn parameter_type(name: &str, place: usize, count: usize) -> Option<PgType> {
    let spec = specs().find(|spec| spec.name == name)?;
    match spec.forms.iter().find(|form| form.len() == count)?[place] {
        Takes::Text => Some(PgType::TEXT),
        Takes::Int => Some(PgType::INT8),
        Takes::Bool => Some(PgType::BOOL),
        Takes::Object | Takes::List | Takes::Any => None,
    }
}

/// The catalog function of this name (without `pg_catalog.`, in lower case), bound to a context.
pub fn function(name: &str, context: &Arc<SystemContext>) -> Option<Arc<ScalarUDF>> {
    let spec = specs().find(|spec| spec.name == name)?;
    let volatility = if spec.acts { Volatility::Volatile } else { Volatility::Stable };
    let bound = Bound { spec, context: Arc::clone(context), signature: Signature::user_defined(volatility) };
    Some(Arc::new(ScalarUDF::new_from_impl(bound)))
}

/// A function with the context that it answers from.
struct Bound {
    spec: &'static Spec,
    context: Arc<SystemContext>,
    signature: Signature,
}

/// The name alone: plans are printed, and the context is the whole catalog.
impl std::fmt::Debug for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.spec.name)
    }
}

impl PartialEq for Bound {
    fn eq(&self, other: &Self) -> bool {
        self.spec.name == other.spec.name && Arc::ptr_eq(&self.context, &other.context)
    }
}

impl Eq for Bound {}

impl Hash for Bound {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.spec.name.hash(state);
    }
}

impl ScalarUDFImpl for Bound {
    fn name(&self) -> &str {
        self.spec.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> datafusion::common::Result<Vec<DataType>> {
        let Some(form) = self.spec.forms.iter().find(|form| form.len() == given.len()) else {
            return plan_err!("function {} does not take {} arguments", self.spec.name, given.len());
        };
        form.iter().zip(given).map(|(takes, given)| self.coerced(*takes, given)).collect()
    }

    fn return_type(&self, given: &[DataType]) -> datafusion::common::Result<DataType> {
        match (self.spec.gives, given.first()) {
            ("", Some(first)) => Ok(first.clone()),
            (gives, _) => Ok(arrow_type(gives)),
        }
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> datafusion::common::Result<ColumnarValue> {
        // What no row asks for is not looked up, nor refused: the condition beside it may have asked whether it is there.
        let is_scalar = call.number_rows > 0 && call.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if is_scalar { 1 } else { call.number_rows };
        let arrays = call.args.iter().map(|arg| arg.to_array(rows)).collect::<Result<Vec<ArrayRef>, _>>()?;
        let mut results = Vec::with_capacity(rows);
        for row in 0..rows {
            let values: Vec<Value> = arrays.iter().map(|array| Value::of_row(array, row)).collect();
            let unknown = self.spec.strict && values.iter().any(Value::is_null);
            results.push(if unknown {
                Value::Null
            } else {
                (self.spec.body)(&self.context, &values).map_err(external)?
            });
        }
        let results = array_of(&results, call.return_field.data_type()).map_err(external)?;
        if is_scalar {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&results, 0)?));
        }
        Ok(ColumnarValue::Array(results))
    }
}

impl Bound {
    fn coerced(&self, takes: Takes, given: &DataType) -> datafusion::common::Result<DataType> {
        let is_text = matches!(given, DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8);
        let is_list = matches!(given, DataType::List(_));
        Ok(match takes {
            Takes::Object if is_text => DataType::Utf8,
            Takes::Object | Takes::Int if given.is_numeric() || given.is_null() || is_text => DataType::Int64,
            Takes::Text if !is_list => DataType::Utf8,
            Takes::Bool if *given == DataType::Boolean || given.is_null() || is_text => DataType::Boolean,
            Takes::List | Takes::Any if is_list => given.clone(),
            Takes::List if given.is_null() => arrow_type("_text"),
            Takes::Any => DataType::Utf8,
            _ => return plan_err!("function {} does not take an argument of type {given}", self.spec.name),
        })
    }
}

fn external(error: crate::error::Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::system::types;

    #[test]
    fn names_are_distinct_and_those_of_postgresql_are_in_pg_proc() {
        let mut seen = std::collections::BTreeSet::new();
        for spec in specs() {
            assert!(seen.insert(spec.name), "{} is defined twice", spec.name);
        }
        for name in include_str!("../facts/function_names.txt").lines() {
            // A relation to us, and a function of the planner.
            let is_elsewhere = ["pg_get_keywords", "format"].contains(&name);
            assert!(seen.contains(name) || is_elsewhere, "{name} is in the facts, and not defined");
            assert!(types::functions_named(name).next().is_some(), "{name} is not in pg_proc");
        }
    }

    #[test]
    fn forms_differ_in_length() {
        for spec in specs() {
            let lengths: std::collections::BTreeSet<_> = spec.forms.iter().map(|form| form.len()).collect();
            assert_eq!(lengths.len(), spec.forms.len(), "{}", spec.name);
        }
    }
}
