//! A fact as DataFusion plans it: a function with a type that is taken out of the plan before anything runs.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, LogicalPlan, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use datafusion::scalar::ScalarValue;

use super::filter::FilterName;
use super::syntax::PLACE_MARK;
use super::{Fact, Scope, Types};
use crate::history::History;

/// The filters of a call with their values, in the order written.
pub type Filters<'a> = Vec<(FilterName, &'a Expr)>;

/// The function behind one call.
#[derive(Debug)]
pub struct FactCall {
    pub fact: Fact,
    gives: DataType,
    /// With the place of the call, as the syntax tree has it.
    name: String,
    /// Where the call stands in the client's text, in characters from 1; unknown in the definition of a view.
    pub position: Option<usize>,
    /// Whether the client wrote it: then a word that nothing is named by is an error. In a view that was created
    /// earlier it is a warning.
    pub is_own: bool,
    /// What it looks at, where plain SQL said it and not filters.
    pub scope: Option<Arc<Scope>>,
    signature: Signature,
}

impl FactCall {
    /// Whether a plan asks for a fact anywhere.
    pub fn is_in(plan: &LogicalPlan) -> Result<bool> {
        let mut found = false;
        plan.apply_with_subqueries(|node| {
            node.apply_expressions(|expr| {
                found |= expr.exists(|expr| Ok(Self::of(expr).is_some()))?;
                Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
            })
        })?;
        Ok(found)
    }

    /// The function of a name from the syntax tree, if it is a fact.
    pub fn named(name: &str, history: &History, is_own: bool) -> Option<(Fact, Arc<ScalarUDF>)> {
        let (bare, position) = match name.split_once(PLACE_MARK) {
            Some((bare, position)) => (bare, Some(position.parse().ok()?)),
            None => (name, None),
        };
        let fact = Fact::named(bare)?;
        let call = Self {
            fact,
            gives: fact.data_type(&Types::of(history)),
            name: name.to_owned(),
            position,
            is_own,
            scope: None,
            signature: Signature::variadic_any(Volatility::Stable),
        };
        Some((fact, Arc::new(ScalarUDF::new_from_impl(call))))
    }

    /// A fact of a member that plain SQL says in other words.
    pub fn said(fact: Fact, member: Expr, scope: Arc<Scope>, types: &Types) -> Expr {
        let call = Self {
            fact,
            gives: fact.data_type(types),
            name: fact.name().to_owned(),
            position: None,
            is_own: false,
            scope: Some(scope),
            signature: Signature::variadic_any(Volatility::Stable),
        };
        Arc::new(ScalarUDF::new_from_impl(call)).call(vec![member])
    }

    /// The call that an expression is, with the member and the filters as they are written.
    pub fn of(expr: &Expr) -> Option<(&Self, &Expr, Filters<'_>)> {
        let Expr::ScalarFunction(ScalarFunction { func, args }) = expr else { return None };
        let call = func.inner().downcast_ref::<Self>()?;
        let (member, filters) = args.split_first()?;
        let filters = filters.chunks_exact(2).filter_map(|pair| match &pair[0] {
            Expr::Literal(ScalarValue::Utf8(Some(name)) | ScalarValue::Utf8View(Some(name)), _) => {
                Some((FilterName::named(name)?, &pair[1]))
            }
            _ => None,
        });
        Some((call, member, filters.collect()))
    }
}

/// Calls are the same wherever they stand.
impl PartialEq for FactCall {
    fn eq(&self, other: &Self) -> bool {
        self.fact == other.fact && self.gives == other.gives && self.scope == other.scope
    }
}

impl Eq for FactCall {}

impl Hash for FactCall {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.fact.hash(state);
    }
}

impl ScalarUDFImpl for FactCall {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _given: &[DataType]) -> Result<DataType> {
        Ok(self.gives.clone())
    }

    fn return_field_from_args(&self, _args: ReturnFieldArgs) -> Result<FieldRef> {
        Ok(Arc::new(Field::new(self.fact.name(), self.gives.clone(), true)))
    }

    fn invoke_with_args(&self, _args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        exec_err!("{} stands where no member fact can be computed", self.fact.name())
    }
}
