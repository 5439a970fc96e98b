//! SELECT, VALUES, WITH: planned against the statement's snapshot, streamed as they are computed.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::common::ParamValues;
use datafusion::common::metadata::{FieldMetadata, ScalarAndMetadata};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::scalar::ScalarValue;
use datafusion::sql::sqlparser::ast;
use futures::StreamExt;
use futures::stream::{self, BoxStream};

use super::context::Context;
use super::outcome::{Outcome, OutputColumn, Rows};
use crate::catalog::{Snapshot, system};
use crate::error::{Error, Result, message};
use crate::execution::plan_cache::{Borrowed, Found, PlanPlace};
use crate::pg_type::PgType;
use crate::planner::reusable::{self, physical};
use crate::planner::{Planner, fact};
use crate::sql::{Places, parameter, shown_name};

/// Values for the parameters of a query, and their types.
pub struct Bound {
    pub types: Arc<[PgType]>,
    pub values: Vec<ScalarValue>,
}

impl Bound {
    pub fn nothing() -> Self {
        Self { types: [].into(), values: Vec::new() }
    }

    /// Plans a query and puts the values in. Errors: 42P02 for a parameter without one.
    pub fn plan(self, planner: &Planner, query: &ast::Query, text: &str) -> Result<LogicalPlan> {
        let plan = self.unbound(planner, query, text)?;
        bind(plan, self.values, &self.types)
    }

    /// Plans and makes executable; for all values if that can be and there is a place to keep the plan.
    async fn planned(
        self,
        planner: &Planner,
        query: &ast::Query,
        text: &str,
        place: Option<PlanPlace>,
    ) -> Result<Planned> {
        let plan = self.unbound(planner, query, text)?;
        if let Some(place) = place
            && let Some(borrowed) = reusable::lent(planner, place, plan.clone(), &self.types, &self.values).await
        {
            return Ok(Planned::ForAll(borrowed, self.values));
        }
        let plan = bind(plan, self.values, &self.types)?;
        physical(&planner.state, &planner.lower(plan).await?).await.map(Planned::Once)
    }

    /// The plan with its parameters as they stand.
    fn unbound(&self, planner: &Planner, query: &ast::Query, text: &str) -> Result<LogicalPlan> {
        let given: Vec<Option<PgType>> = self.types.iter().copied().map(Some).collect();
        let plan = planner.plan(query, text, &given)?;
        if self.values.is_empty()
            && let Some(parameter) = plan.get_parameter_names()?.into_iter().min()
        {
            let error = message::parameter_missing(&parameter);
            return Err(match parameter::place(query, &parameter) {
                Some(place) => error.with_position(Places::new(text).position(place)),
                None => error,
            });
        }
        Ok(plan)
    }
}

/// Runs a query.
pub async fn run(context: &mut Context<'_>, query: &ast::Query, text: &Arc<str>, bound: Bound) -> Result<Outcome> {
    run_announced(context, query, text, bound, None).await
}

/// Runs a query. Its rows have the columns that were announced when it was prepared, if it was.
pub async fn run_announced(
    context: &mut Context<'_>,
    query: &ast::Query,
    text: &Arc<str>,
    bound: Bound,
    announced: Option<&Arc<[OutputColumn]>>,
) -> Result<Outcome> {
    // Statements of one string share a text.
    let kept = if context.is_alone { context.kept_plans() } else { None };
    let mut place = kept.as_ref().and_then(|kept| kept.place(text, &bound.types));
    match place.as_ref().map(PlanPlace::borrow) {
        Some(Found::Plan(borrowed)) if borrowed.fits(&bound.values) => {
            let (schema, snapshot) = (borrowed.schema(), context.snapshot());
            let batches = borrowed.run(&context.engine.queries, bound.values).await?;
            return rows(&schema, batches, snapshot, announced);
        }
        Some(Found::Plan(borrowed)) => {
            borrowed.give_back();
            place = None;
        }
        Some(Found::Unfit) => place = None,
        Some(Found::Nothing) | None => {}
    }
    let planner = context.planner();
    // Somebody may have changed the catalog since.
    place = place.filter(|_| kept.is_some_and(|kept| kept.is_of(&planner.snapshot)));
    let (query, text) = (query.clone(), Arc::clone(text));
    let task = planner.state.task_ctx();
    let told = planner.told.clone();
    let snapshot = Arc::clone(&planner.snapshot);
    let planned =
        context.engine.queries.run(async move { bound.planned(&planner, &query, &text, place).await }).await?;
    context.notices.extend(told.take());
    let queries = &context.engine.queries;
    match planned {
        Planned::ForAll(borrowed, values) => {
            let schema = borrowed.schema();
            rows(&schema, borrowed.run(queries, values).await?, snapshot, announced)
        }
        Planned::Once(plan) => rows(&plan.schema(), queries.stream(plan, task), snapshot, announced),
    }
}

/// How a query is run.
enum Planned {
    /// By a plan for all values of its parameters, with these.
    ForAll(Borrowed, Vec<ScalarValue>),
    Once(Arc<dyn ExecutionPlan>),
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
            let plan = bind(plan, nulls, &types)?;
            let plan = state.analyzer().execute_and_check(plan, state.config_options(), |_, _| {})?;
            let mut columns = columns(plan.schema().as_arrow());
            // How many digits a numeric has that is given later, and what is computed from it, nobody knows yet.
            let numeric = [PgType::NUMERIC.oid, PgType::NUMERIC.array_oid()];
            if types.iter().any(|pg_type| pg_type.typmod == -1 && numeric.contains(&pg_type.oid)) {
                columns = columns.iter().cloned().map(OutputColumn::without_digits).collect();
            }
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
            pg_type: PgType::of_field(field),
            relation: 0,
            number: 0,
        })
        .collect()
}

fn rows(
    schema: &SchemaRef,
    batches: BoxStream<'static, Result<RecordBatch>>,
    snapshot: Arc<Snapshot>,
    announced: Option<&Arc<[OutputColumn]>>,
) -> Result<Outcome> {
    // The files of kept lists that the plan reads live as long as somebody holds what names them.
    let batches = batches
        .inspect(move |_| {
            let _held = &snapshot;
        })
        .boxed();
    let (columns, batches) = match announced {
        Some(announced) => (Arc::clone(announced), as_announced(batches, announced, schema)?),
        None => (columns(schema), batches),
    };
    Ok(Outcome::Rows(Rows { columns, tag: "SELECT", batches, is_binary: false }))
}

/// Parameter values may lead to another type than was announced (`SELECT $1`): what was announced is given.
fn as_announced(
    batches: BoxStream<'static, Result<RecordBatch>>,
    announced: &Arc<[OutputColumn]>,
    schema: &SchemaRef,
) -> Result<BoxStream<'static, Result<RecordBatch>>> {
    if announced.len() != schema.fields().len() {
        return Err(message::result_type_changed());
    }
    let mut pairs = announced.iter().zip(schema.fields());
    if pairs.all(|(column, field)| is_given_as(column.pg_type, PgType::of_field(field))) {
        return Ok(batches);
    }
    let types: Vec<DataType> = announced
        .iter()
        .zip(schema.fields())
        .map(|(column, field)| {
            if is_given_as(column.pg_type, PgType::of_field(field)) {
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

/// Whether values of one type are sent as the other that was announced: of a modifier more may be known by now.
fn is_given_as(announced: PgType, given: PgType) -> bool {
    given == announced || (announced.typmod == -1 && announced.oid == given.oid)
}

/// A result that is at hand already, such as SHOW's.
pub fn rows_at_hand(batch: RecordBatch, tag: &'static str) -> Outcome {
    let columns = columns(&batch.schema());
    Outcome::Rows(Rows { columns, tag, batches: stream::iter([Ok(batch)]).boxed(), is_binary: false })
}

fn bind(plan: LogicalPlan, parameters: Vec<ScalarValue>, types: &[PgType]) -> Result<LogicalPlan> {
    if parameters.is_empty() {
        return Ok(plan);
    }
    let values = parameters.into_iter().zip(types).map(|(value, pg_type)| told(value, *pg_type)).collect();
    Ok(plan.replace_params_with_values(&ParamValues::List(values))?)
}

/// A value that goes on being of its type where Arrow's does not tell.
fn told(value: ScalarValue, pg_type: PgType) -> ScalarAndMetadata {
    let field = pg_type.field("parameter", value.data_type());
    let metadata = Some(FieldMetadata::new_from_field(&field)).filter(|metadata| !metadata.is_empty());
    ScalarAndMetadata::new(value, metadata)
}

/// The parameters' types in order: what the client gave, else what the plan tells, else text.
fn parameter_types(plan: &LogicalPlan, given: &[Option<PgType>]) -> Result<Vec<PgType>> {
    let inferred = plan.get_parameter_types()?;
    let is_known = |number: usize| {
        given.get(number - 1).is_some_and(Option::is_some) || inferred.contains_key(&format!("${number}"))
    };
    let mut types: Vec<PgType> = given.iter().map(|given| given.unwrap_or(PgType::TEXT)).collect();
    for (name, data_type) in &inferred {
        let number: usize = name
            .strip_prefix('$')
            .and_then(|number| number.parse().ok())
            .filter(|number| (1..=usize::from(u16::MAX)).contains(number))
            .ok_or_else(|| message::parameter_missing(name))?;
        if types.len() < number {
            types.resize(number, PgType::TEXT);
        }
        if given.get(number - 1).copied().flatten().is_some() {
            continue;
        }
        if let Some(data_type) = data_type {
            types[number - 1] = PgType::of_arrow(data_type);
        }
    }
    // One that is left out has no type that anything could tell.
    if let Some(unknown) = (1..=types.len()).find(|number| !is_known(*number)) {
        return Err(message::parameter_left_out(unknown));
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
