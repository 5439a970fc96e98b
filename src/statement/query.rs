//! SELECT, VALUES, WITH: planned against the statement's snapshot, streamed as they are computed.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::common::ParamValues;
use datafusion::common::metadata::ScalarAndMetadata;
use datafusion::execution::TaskContext;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::scalar::ScalarValue;
use datafusion::sql::sqlparser::ast;
use futures::StreamExt;
use futures::stream::{self, BoxStream};

use super::context::Context;
use super::outcome::{Outcome, OutputColumn, Rows};
use crate::catalog::system;
use crate::error::{Error, Result, message};
use crate::pg_type::PgType;
use crate::planner::rule::subquery_rows;
use crate::planner::{Planner, fact};
use crate::sql::statement::{Statement, StatementKind};
use crate::sql::{parameter, shown_name};

/// Runs a query without parameters.
pub async fn run(context: &mut Context<'_>, query: &ast::Query, text: &Arc<str>) -> Result<Outcome> {
    run_with(context, query, text, &[].into(), Vec::new()).await
}

/// Runs a query with the values of its parameters, whatever columns it turns out to have.
pub async fn run_with(
    context: &mut Context<'_>,
    query: &ast::Query,
    text: &Arc<str>,
    types: &Arc<[PgType]>,
    parameters: Vec<ScalarValue>,
) -> Result<Outcome> {
    let planner = context.planner();
    let (query, text, types) = (query.clone(), Arc::clone(text), Arc::clone(types));
    let state = Arc::clone(&planner.state);
    let task = state.task_ctx();
    let told = planner.told.clone();
    let plan = context
        .engine
        .queries
        .run(async move {
            let plan = bound(&planner, &query, &text, &types, parameters)?;
            physical(&state, &planner.lower(plan).await?).await
        })
        .await?;
    context.notices.extend(told.take());
    rows(context, plan, task, None)
}

/// Runs a prepared query. The rows have the columns that were announced when it was prepared.
pub async fn run_prepared(
    context: &mut Context<'_>,
    statement: &Arc<Statement>,
    types: &Arc<[PgType]>,
    parameters: Vec<ScalarValue>,
    announced: &Option<Arc<[OutputColumn]>>,
) -> Result<Outcome> {
    let planner = context.planner();
    let state = Arc::clone(&planner.state);
    let task = state.task_ctx();
    let told = planner.told.clone();
    let (statement, types) = (Arc::clone(statement), Arc::clone(types));
    let plan = context
        .engine
        .queries
        .run(async move {
            let StatementKind::Query(query) = &statement.kind else {
                return Err(message::internal("a prepared query is not a query"));
            };
            let plan = bound(&planner, query, &statement.text, &types, parameters)?;
            physical(&state, &planner.lower(plan).await?).await
        })
        .await?;
    context.notices.extend(told.take());
    rows(context, plan, task, announced.as_ref())
}

/// Plans a query and puts in the values of its parameters. Errors: 42P02 for a parameter without a value.
pub fn bound(
    planner: &Planner,
    query: &ast::Query,
    text: &str,
    types: &[PgType],
    parameters: Vec<ScalarValue>,
) -> Result<LogicalPlan> {
    let given: Vec<Option<PgType>> = types.iter().copied().map(Some).collect();
    let plan = bind(planner.plan(query, text, &given)?, parameters)?;
    match plan.get_parameter_names()?.into_iter().min() {
        Some(parameter) => Err(message::parameter_missing(&parameter)),
        None => Ok(plan),
    }
}

/// What a query needs and gives, without running it.
pub async fn describe(
    context: &mut Context<'_>,
    query: &ast::Query,
    text: &Arc<str>,
    given: Vec<Option<PgType>>,
) -> Result<(Arc<[PgType]>, Option<Arc<[OutputColumn]>>)> {
    let planner = context.planner();
    let (query, text) = (query.clone(), Arc::clone(text));
    let state = Arc::clone(&planner.state);
    context
        .engine
        .queries
        .run(async move {
            let given = with_types_of_text(given, &query);
            let plan = planner.plan(&query, &text, &given)?;
            let types = parameter_types(&plan, &given)?;
            // A statement without a FROM clause may announce other types than it gives until the analyzer has seen it.
            let nulls = types.iter().map(|pg_type| null_of(*pg_type)).collect::<Result<Vec<_>>>()?;
            let plan = bind(plan, nulls)?;
            let plan = state.analyzer().execute_and_check(plan, state.config_options(), |_, _| {})?;
            let columns = columns(plan.schema().as_arrow());
            Ok((types.into(), Some(columns)))
        })
        .await
}

/// The columns of a result, as RowDescription announces them.
pub fn columns(schema: &Schema) -> Arc<[OutputColumn]> {
    schema
        .fields()
        .iter()
        .map(|field| OutputColumn {
            name: shown_name(field.name()).to_owned(),
            pg_type: PgType::of_arrow(field.data_type()),
            relation: 0,
            number: 0,
        })
        .collect()
}

/// Optimizes and makes executable.
pub async fn physical(state: &SessionState, plan: &LogicalPlan) -> Result<Arc<dyn ExecutionPlan>> {
    let plan = subquery_rows::optimized(plan, state)?;
    Ok(state.query_planner().create_physical_plan(&plan, state).await?)
}

fn rows(
    context: &Context<'_>,
    plan: Arc<dyn ExecutionPlan>,
    task: Arc<TaskContext>,
    announced: Option<&Arc<[OutputColumn]>>,
) -> Result<Outcome> {
    let schema = plan.schema();
    let given = columns(&schema);
    let batches = context.engine.queries.stream(plan, task);
    let (columns, batches) = match announced {
        Some(announced) if **announced != *given => {
            (Arc::clone(announced), as_announced(batches, Arc::clone(announced), &schema)?)
        }
        Some(announced) => (Arc::clone(announced), batches),
        None => (given, batches),
    };
    Ok(Outcome::Rows(Rows { columns, tag: "SELECT", batches, is_binary: false }))
}

/// Parameter values may lead to another type than was announced (`SELECT $1`): what was announced is given.
fn as_announced(
    batches: BoxStream<'static, Result<RecordBatch>>,
    announced: Arc<[OutputColumn]>,
    schema: &SchemaRef,
) -> Result<BoxStream<'static, Result<RecordBatch>>> {
    if announced.len() != schema.fields().len() {
        return Err(message::result_type_changed());
    }
    let types: Vec<DataType> = announced
        .iter()
        .zip(schema.fields())
        .map(|(column, field)| {
            if PgType::of_arrow(field.data_type()) == column.pg_type {
                Ok(field.data_type().clone())
            } else {
                column.pg_type.to_arrow().ok_or_else(message::result_type_changed)
            }
        })
        .collect::<Result<_>>()?;
    Ok(batches
        .map(move |batch| {
            let batch = batch?;
            let columns = batch
                .columns()
                .iter()
                .zip(&types)
                .map(|(column, data_type)| cast(column, data_type).map_err(Error::from))
                .collect::<Result<Vec<_>>>()?;
            let fields: Vec<_> = batch
                .schema()
                .fields()
                .iter()
                .zip(&types)
                .map(|(field, data_type)| field.as_ref().clone().with_data_type(data_type.clone()))
                .collect();
            Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
        })
        .boxed())
}

/// A result that is at hand already, such as SHOW's.
pub fn rows_at_hand(batch: RecordBatch, tag: &'static str) -> Outcome {
    let columns = columns(&batch.schema());
    Outcome::Rows(Rows { columns, tag, batches: stream::iter([Ok(batch)]).boxed(), is_binary: false })
}

fn bind(plan: LogicalPlan, parameters: Vec<ScalarValue>) -> Result<LogicalPlan> {
    if parameters.is_empty() {
        return Ok(plan);
    }
    let values = parameters.into_iter().map(ScalarAndMetadata::from).collect();
    Ok(plan.replace_params_with_values(&ParamValues::List(values))?)
}

/// The parameters' types in order: what the client gave, else what the plan tells, else text.
fn parameter_types(plan: &LogicalPlan, given: &[Option<PgType>]) -> Result<Vec<PgType>> {
    let inferred = plan.get_parameter_types()?;
    let mut types: Vec<PgType> = given.iter().map(|given| given.unwrap_or(PgType::TEXT)).collect();
    for (name, data_type) in inferred {
        let number: usize = name
            .strip_prefix('$')
            .and_then(|number| number.parse().ok())
            .filter(|number| (1..=usize::from(u16::MAX)).contains(number))
            .ok_or_else(|| message::parameter_missing(&name))?;
        if types.len() < number {
            types.resize(number, PgType::TEXT);
        }
        if given.get(number - 1).copied().flatten().is_some() {
            continue;
        }
        if let Some(data_type) = data_type {
            types[number - 1] = PgType::of_arrow(&data_type);
        }
    }
    Ok(types)
}

/// Where the client gave no type, the one that the text says.
fn with_types_of_text(mut given: Vec<Option<PgType>>, query: &ast::Query) -> Vec<Option<PgType>> {
    let types = parameter::types(query, fact::syntax::parameter_type, system::parameter_type);
    for (number, pg_type) in types {
        if given.len() < number && number <= usize::from(u16::MAX) {
            given.resize(number, None);
        }
        if let Some(slot @ None) = given.get_mut(number - 1) {
            *slot = Some(pg_type);
        }
    }
    given
}

fn null_of(pg_type: PgType) -> Result<ScalarValue> {
    let data_type = pg_type.to_arrow().ok_or_else(|| message::unknown_type(pg_type.oid))?;
    Ok(ScalarValue::try_from(&data_type)?)
}
