//! Correlated subqueries over the catalog that no join can stand for: answered row by row.
//!
//! Drivers ask the catalog with recursive queries inside of `CASE`, whose branch is hardly ever taken. What
//! [`subquery_value`](super::subquery_value) and the engine leave of them becomes a function of the outer values, which
//! plans and runs the subquery for each combination of them that it meets.
//!
//! Only over system relations: they are small, so a statement that is cancelled meanwhile ends soon. A subquery over
//! the history stays as it is, and is refused when it is planned.

use std::collections::HashMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchemaRef, Result};
use datafusion::datasource::cte_worktable::CteWorkTable;
use datafusion::datasource::source_as_provider;
use datafusion::execution::SessionState;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{
    ColumnarValue, Expr, LogicalPlan, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Subquery, Volatility,
};
use datafusion::physical_plan::collect;
use datafusion::scalar::ScalarValue;

use arrow::datatypes::DataType;

use super::subquery_value::outer_columns;
use crate::error::message;
use crate::planner::names::SystemTable;

/// Optimizes a plan, and replaces what is left of correlated subqueries over the catalog.
pub fn optimized(plan: &LogicalPlan, state: &SessionState) -> Result<LogicalPlan> {
    let plan = state.optimize(plan)?;
    let replaced = plan.transform_up(|node| {
        let names = NamePreserver::new(&node);
        let inputs: Vec<DFSchemaRef> = node.inputs().into_iter().map(|input| Arc::clone(input.schema())).collect();
        let replaced = node.map_expressions(|expr| {
            let name = names.save(&expr);
            let replaced = expr.transform_up(|expr| {
                Ok(match expr {
                    Expr::ScalarSubquery(subquery) => match function_of(&subquery, &inputs, state) {
                        Some(call) => Transformed::yes(call),
                        None => Transformed::no(Expr::ScalarSubquery(subquery)),
                    },
                    expr => Transformed::no(expr),
                })
            })?;
            Ok(replaced.update_data(|expr| name.restore(expr)))
        })?;
        if !replaced.transformed {
            return Ok(replaced);
        }
        replaced.map_data(LogicalPlan::recompute_schema)
    })?;
    Ok(replaced.data)
}

/// Whether a subquery reads nothing but system relations and itself.
pub(super) fn reads_catalog_alone(plan: &LogicalPlan) -> bool {
    let mut alone = true;
    let walked = plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            alone &= source_as_provider(&scan.source).is_ok_and(|provider| {
                provider.downcast_ref::<SystemTable>().is_some() || provider.downcast_ref::<CteWorkTable>().is_some()
            });
        }
        Ok(TreeNodeRecursion::Continue)
    });
    walked.is_ok() && alone
}

/// The call that answers a subquery over these inputs; `None` when it is not one for us.
fn function_of(subquery: &Subquery, inputs: &[DFSchemaRef], state: &SessionState) -> Option<Expr> {
    let mut outer = outer_columns(&subquery.subquery);
    // Others are asked for by subqueries inside of this one, of this one.
    outer.retain(|column| inputs.iter().any(|input| input.has_column(column)));
    if outer.is_empty() || !reads_catalog_alone(&subquery.subquery) {
        return None;
    }
    let args = outer.iter().cloned().map(Expr::Column).collect();
    let answer = Answer {
        gives: subquery.subquery.schema().field(0).data_type().clone(),
        plan: Arc::clone(&subquery.subquery),
        outer,
        state: Arc::new(state.clone()),
        signature: Signature::variadic_any(Volatility::Stable),
    };
    Some(ScalarUDF::new_from_impl(answer).call(args))
}

/// A subquery as a function of the outer values that it mentions.
struct Answer {
    plan: Arc<LogicalPlan>,
    /// In the order of the arguments.
    outer: Vec<Column>,
    gives: DataType,
    state: Arc<SessionState>,
    signature: Signature,
}

impl Answer {
    /// The subquery's only value for these outer values; NULL when it has no row. SQLSTATE 21000 for several.
    fn for_values(&self, values: &[ScalarValue]) -> Result<ScalarValue> {
        let plan = self.plan.as_ref().clone().transform_down_with_subqueries(|node| {
            node.map_expressions(|expr| {
                expr.transform_up(|expr| {
                    Ok(match &expr {
                        Expr::OuterReferenceColumn(_, column) => {
                            match self.outer.iter().position(|outer| outer == column) {
                                Some(place) => Transformed::yes(Expr::Literal(values[place].clone(), None)),
                                None => Transformed::no(expr),
                            }
                        }
                        _ => Transformed::no(expr),
                    })
                })
            })
        })?;
        let plan = plan.data;
        let state = Arc::clone(&self.state);
        let run = async move {
            let plan = optimized(&plan, &state)?;
            let plan = state.query_planner().create_physical_plan(&plan, state.as_ref()).await?;
            collect(plan, state.task_ctx()).await
        };
        let batches = tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(run))?;
        let mut found = batches.iter().filter(|batch| batch.num_rows() > 0);
        match (found.next(), found.next()) {
            (None, _) => ScalarValue::try_from(&self.gives),
            (Some(batch), None) if batch.num_rows() == 1 => {
                ScalarValue::try_from_array(batch.column(0), 0)?.cast_to(&self.gives)
            }
            _ => Err(message::subquery_gives_several_rows().into()),
        }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("outer", &self.outer).finish_non_exhaustive()
    }
}

impl PartialEq for Answer {
    fn eq(&self, other: &Self) -> bool {
        self.plan == other.plan && self.outer == other.outer
    }
}

impl Eq for Answer {}

impl Hash for Answer {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.outer.hash(state);
    }
}

impl ScalarUDFImpl for Answer {
    fn name(&self) -> &str {
        "answer_of_subquery"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _given: &[DataType]) -> Result<DataType> {
        Ok(self.gives.clone())
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = call.args.iter().map(|arg| arg.to_array(call.number_rows)).collect::<Result<Vec<_>>>()?;
        let mut known: HashMap<Vec<ScalarValue>, ScalarValue> = HashMap::new();
        let mut answers = Vec::with_capacity(call.number_rows);
        for row in 0..call.number_rows {
            let values =
                arrays.iter().map(|array| ScalarValue::try_from_array(array, row)).collect::<Result<Vec<_>>>()?;
            let answer = match known.get(&values) {
                Some(answer) => answer.clone(),
                None => {
                    let answer = self.for_values(&values)?;
                    known.insert(values, answer.clone());
                    answer
                }
            };
            answers.push(answer);
        }
        if answers.is_empty() {
            return Ok(ColumnarValue::Array(arrow::array::new_empty_array(&self.gives)));
        }
        Ok(ColumnarValue::Array(ScalarValue::iter_to_array(answers)?))
    }
}
