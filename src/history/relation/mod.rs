//! Relations of the history as the engine reads them.
//!
//! A scan builds a small logical plan over the raw files with only what the projection and the filters need, puts the
//! filters on top (from where the optimizer pushes them down to the files), and plans it physically, so that EXPLAIN
//! shows everything. What differs between relations is their [`Shape`].

mod bounds;
mod derived;
mod receipts;

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DataFusionError, Result, ScalarValue};
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, TableProviderFilterPushDown, TableType, lit};
use datafusion::physical_plan::ExecutionPlan;

pub use self::bounds::implied_bounds;
pub use self::derived::{DerivedMembers, DerivedProducts, DerivedStores, UnitedMembers};
pub use self::receipts::{GroupedPurchases, JoinedLines, LinesAlone, Purchases, ReceiptRows};
use super::clocks::ClockSource;
use super::contract::LOCAL_COLUMNS;
use super::local_time::StoreClocks;
use super::mapped::{Mapped, Needed, column};
use crate::storage::parquet_table::StatementFiles;

/// A session's as-of day. Put into its configuration as an extension; receipts with a later business date then do not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AsOf {
    /// Receipts of later business dates do not exist.
    pub day: NaiveDate,
    /// Nor do later ones of that day.
    pub until: Option<DateTime<Utc>>,
}

/// What a scan asks of a shape.
#[derive(Debug)]
pub struct Ask<'a> {
    pub needed: &'a Needed,
    /// What rows have to satisfy; a shape may use them to read less, the scan applies them in any case.
    pub filters: &'a [Expr],
    pub clocks: &'a Arc<StoreClocks>,
}

/// How a relation comes from the files.
pub trait Shape: fmt::Debug + Send + Sync + 'static {
    /// The columns of the relation, in its order.
    fn columns(&self) -> Vec<String>;

    /// Whether reading any of `needed` takes the clocks of the stores.
    fn needs_clocks(&self, needed: &Needed) -> bool;

    /// Whether the rows are receipts or their lines, which an as-of day cuts off.
    fn is_dated(&self) -> bool {
        false
    }

    /// A plan that gives at least the needed columns, by their plain names.
    fn plan(&self, ask: &Ask<'_>) -> Result<LogicalPlan>;
}

/// A relation of the history.
#[derive(Debug)]
pub struct HistoryTable {
    shape: Arc<dyn Shape>,
    schema: SchemaRef,
    clocks: Arc<ClockSource>,
    /// Whether an as-of day cuts it off.
    is_dated: bool,
}

impl HistoryTable {
    /// The same rows without the cut of an as-of day.
    pub fn undated(&self) -> Self {
        Self {
            shape: Arc::clone(&self.shape),
            schema: Arc::clone(&self.schema),
            clocks: Arc::clone(&self.clocks),
            is_dated: false,
        }
    }

    /// The types are those that `session` plans for all columns.
    pub async fn new(shape: Arc<dyn Shape>, clocks: Arc<ClockSource>, session: &dyn Session) -> Result<Self> {
        let names = shape.columns();
        let needed: Needed = names.iter().cloned().collect();
        let own = clocks.own();
        let plan = shape.plan(&Ask { needed: &needed, filters: &[], clocks: &own })?;
        let plan = LogicalPlanBuilder::from(plan).project(names.iter().map(column))?.build()?;
        let plan = session.optimize(&plan)?;
        let fields: Vec<Field> = plan
            .schema()
            .fields()
            .iter()
            .zip(&names)
            .map(|(field, name)| Field::new(name, field.data_type().clone(), true))
            .collect();
        let is_dated = shape.is_dated();
        Ok(Self { shape, schema: Arc::new(Schema::new(fields)), clocks, is_dated })
    }

    pub fn shape(&self) -> &Arc<dyn Shape> {
        &self.shape
    }
}

#[async_trait]
impl TableProvider for HistoryTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(filters
            .iter()
            .map(|filter| match is_applicable(filter) {
                true => TableProviderFilterPushDown::Exact,
                false => TableProviderFilterPushDown::Unsupported,
            })
            .collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let names: Vec<String> = match projection {
            Some(projection) => projection.iter().map(|at| self.schema.field(*at).name().clone()).collect(),
            None => self.schema.fields().iter().map(|field| field.name().clone()).collect(),
        };
        let mut filters = filters.iter().map(plain_columns).collect::<Result<Vec<_>>>()?;
        if let Some(as_of) = state.config().get_extension::<AsOf>().filter(|_| self.is_dated) {
            filters.push(column("business_date").lt_eq(lit(date(as_of.day))));
            if let Some(until) = as_of.until {
                let until = ScalarValue::TimestampMicrosecond(Some(until.timestamp_micros()), Some("UTC".into()));
                filters.push(column("purchased_at").lt_eq(lit(until)));
            }
        }
        let mut needed: Needed = names.iter().cloned().collect();
        for filter in &filters {
            needed.extend(filter.column_refs().into_iter().map(|column| column.name.clone()));
        }
        let clocks = if self.shape.needs_clocks(&needed) {
            let files = StatementFiles::of(state);
            self.clocks.of_statement(&files).await.map_err(|error| DataFusionError::External(Box::new(error)))?
        } else {
            self.clocks.own()
        };
        let plan = self.shape.plan(&Ask { needed: &needed, filters: &filters, clocks: &clocks })?;
        let mut plan = LogicalPlanBuilder::from(plan);
        if let Some(filter) = conjunction(filters) {
            plan = plan.filter(filter)?;
        }
        plan = plan.project(names.iter().map(column))?;
        if limit.is_some() {
            plan = plan.limit(0, limit)?;
        }
        inner_plan(state, &plan.build()?).await
    }
}

/// The plan of a relation, to stand inside the plan of a statement.
///
/// The engine's physical rules run once, over the whole: a join that they have finished (its sides chosen, its filters
/// pushed down) must not be met by them again.
pub async fn inner_plan(state: &dyn Session, plan: &LogicalPlan) -> Result<Arc<dyn ExecutionPlan>> {
    match state.as_any().downcast_ref::<SessionState>() {
        Some(state) => {
            let unruled =
                SessionStateBuilder::new_from_existing(state.clone()).with_physical_optimizer_rules(Vec::new());
            unruled.build().create_physical_plan(plan).await
        }
        None => state.create_physical_plan(plan).await,
    }
}

/// A table shown as it is mapped: no receipts, nothing hidden but members who are erased.
#[derive(Debug)]
pub struct Plain(pub Mapped);

impl Shape for Plain {
    fn columns(&self) -> Vec<String> {
        self.0.columns.iter().map(|column| column.name.clone()).collect()
    }

    fn needs_clocks(&self, needed: &Needed) -> bool {
        self.0.needs_clocks(needed)
    }

    fn plan(&self, ask: &Ask<'_>) -> Result<LogicalPlan> {
        self.0.plan(ask.needed, ask.clocks, None)
    }
}

/// Members as their own table has them, without those who are erased.
#[derive(Debug)]
pub struct Members(pub Mapped);

impl Shape for Members {
    fn columns(&self) -> Vec<String> {
        Plain(self.0.clone()).columns()
    }

    fn needs_clocks(&self, needed: &Needed) -> bool {
        self.0.needs_clocks(needed)
    }

    fn plan(&self, ask: &Ask<'_>) -> Result<LogicalPlan> {
        if !self.0.has(ERASED_AT) {
            return self.0.plan(ask.needed, ask.clocks, None);
        }
        let needed = with(ask.needed, [ERASED_AT]);
        LogicalPlanBuilder::from(self.0.plan(&needed, ask.clocks, None)?).filter(column(ERASED_AT).is_null())?.build()
    }
}

const ERASED_AT: &str = "erased_at";

fn with<'a>(needed: &Needed, more: impl IntoIterator<Item = &'a str>) -> Needed {
    needed.iter().cloned().chain(more.into_iter().map(str::to_owned)).collect()
}

fn needs_local(needed: &Needed) -> bool {
    LOCAL_COLUMNS.iter().any(|name| needed.contains(*name))
}

fn date(date: NaiveDate) -> ScalarValue {
    ScalarValue::Date32(Some(arrow::datatypes::Date32Type::from_naive_date(date)))
}

/// Filters of the plan inside name columns plainly.
pub fn plain_columns(filter: &Expr) -> Result<Expr> {
    let plain = filter.clone().transform(|expression| match expression {
        Expr::Column(column) if column.relation.is_some() => {
            Ok(Transformed::yes(Expr::Column(Column::new_unqualified(column.name))))
        }
        other => Ok(Transformed::no(other)),
    })?;
    Ok(plain.data)
}

/// Filters that ask another table or give another answer each time stay with the plan outside.
fn is_applicable(filter: &Expr) -> bool {
    let mut applicable = !filter.is_volatile();
    let walked = filter.apply(|expression| {
        use datafusion::common::tree_node::TreeNodeRecursion::{Continue, Stop};
        let elsewhere = matches!(
            expression,
            Expr::ScalarSubquery(_)
                | Expr::InSubquery(_)
                | Expr::Exists(_)
                | Expr::SetComparison(_)
                | Expr::OuterReferenceColumn(..)
                | Expr::Placeholder(_)
        );
        if elsewhere {
            applicable = false;
            return Ok(Stop);
        }
        Ok(Continue)
    });
    walked.is_ok() && applicable
}

/// The same rows without the cut of an as-of day.
pub fn undated(relation: Arc<dyn TableProvider>) -> Arc<dyn TableProvider> {
    match as_history_table(relation.as_ref()) {
        Some(table) => Arc::new(table.undated()),
        None => relation,
    }
}

/// The table behind a provider, when it is one of ours.
pub fn as_history_table(provider: &dyn TableProvider) -> Option<&HistoryTable> {
    (provider as &dyn Any).downcast_ref()
}
