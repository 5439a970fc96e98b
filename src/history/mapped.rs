//! A mapped table: the raw scan of its files and a rule for each column, as a logical plan.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, SchemaRef, TimeUnit};
use datafusion::common::{Column, Result, ScalarValue};
use datafusion::datasource::provider_as_source;
use datafusion::functions::expr_fn::coalesce;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, TableSource, cast, lit, when};

use super::local_time::{StoreClocks, instant_of};
use super::numeric::numeric_of;
use crate::storage::footer::ParquetFiles;
use crate::storage::parquet_table::{FILE_POSITION, ParquetTable, ROW_POSITION};

/// Names of the columns that a plan has to give.
pub type Needed = BTreeSet<String>;

/// What makes a column of the contract from a column of the files.
#[derive(Debug, Clone)]
pub enum Rule {
    /// As the reader gives it.
    Read { raw: String },
    /// Floating point to `numeric`.
    Float { raw: String, scale: i8 },
    /// Text that is a number: an identifier which other tables have as `bigint`.
    NumberText { raw: String },
    /// Wall-clock time to an instant, in the zone of the row's store.
    WallClock { raw: String },
    /// Text to time of day.
    TimeText { raw: String },
    /// Text with other values.
    Values { raw: String, pairs: Vec<(String, String)> },
    /// No file has it.
    Null(DataType),
}

#[derive(Debug, Clone)]
pub struct MappedColumn {
    pub name: String,
    pub rule: Rule,
    /// Not a column of the contract.
    pub is_extra: bool,
    /// Shown where the file has nothing.
    pub default: Option<ScalarValue>,
}

#[derive(Clone)]
pub struct Mapped {
    pub name: String,
    pub files: Arc<ParquetFiles>,
    pub columns: Vec<MappedColumn>,
    /// The column whose values must not repeat.
    pub key: Option<&'static str>,
    /// Of rows that repeat a key, show only the first.
    pub first_only: bool,
    raw: SchemaRef,
    source: Arc<dyn TableSource>,
    positioned: Arc<dyn TableSource>,
}

impl std::fmt::Debug for Mapped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mapped").field("name", &self.name).field("columns", &self.columns).finish_non_exhaustive()
    }
}

impl Mapped {
    pub fn new(
        name: String,
        files: Arc<ParquetFiles>,
        raw: SchemaRef,
        columns: Vec<MappedColumn>,
        key: Option<&'static str>,
    ) -> Self {
        let table = ParquetTable::new(&name, Arc::clone(&files), &raw);
        let positioned = provider_as_source(Arc::new(table.with_positions()));
        let source = provider_as_source(Arc::new(table));
        Self { name, files, columns, key, first_only: false, raw, source, positioned }
    }

    pub fn column(&self, name: &str) -> Option<&MappedColumn> {
        self.columns.iter().find(|column| column.name == name)
    }

    pub fn has(&self, name: &str) -> bool {
        self.column(name).is_some()
    }

    /// Shows `value` where column `name` is missing or NULL.
    pub fn with_default(mut self, name: &str, value: ScalarValue) -> Self {
        if let Some(column) = self.columns.iter_mut().find(|column| column.name == name) {
            column.default = Some(value);
        }
        self
    }

    /// Whether reading any of `needed` takes the clocks of the stores.
    pub fn needs_clocks(&self, needed: &Needed) -> bool {
        self.columns.iter().any(|column| needed.contains(&column.name) && matches!(column.rule, Rule::WallClock { .. }))
    }

    /// The raw column that holds column `name`'s instant, with its type, if it does so directly.
    pub fn raw_time(&self, name: &str) -> Option<(Expr, DataType)> {
        match &self.column(name)?.rule {
            Rule::Read { raw } | Rule::WallClock { raw } => {
                let data_type = self.raw.field_with_name(raw).ok()?.data_type().clone();
                matches!(data_type, DataType::Timestamp(_, _)).then(|| (raw_column(raw), data_type))
            }
            _ => None,
        }
    }

    /// A plan whose columns are those of `needed` that this table has, in its order. `raw_filter` is over columns of the files.
    pub fn plan(&self, needed: &Needed, clocks: &Arc<StoreClocks>, raw_filter: Option<Expr>) -> Result<LogicalPlan> {
        let shown: Vec<&MappedColumn> = self.columns.iter().filter(|column| needed.contains(&column.name)).collect();
        let mut plan = match self.key.filter(|_| self.first_only).and_then(|key| self.column(key)) {
            Some(key) => self.first_rows(key, &shown)?,
            None => LogicalPlanBuilder::scan(self.name.as_str(), Arc::clone(&self.source), None)?,
        };
        if let Some(filter) = raw_filter {
            plan = plan.filter(filter)?;
        }
        let store = self
            .column("store_id")
            .filter(|_| !clocks.is_uniform())
            .map(|column| self.expression(column, clocks, None));
        let store = store.transpose()?;
        let expressions = shown
            .into_iter()
            .map(|column| Ok(self.expression(column, clocks, store.clone())?.alias(&column.name)))
            .collect::<Result<Vec<_>>>()?;
        plan.project(expressions)?.build()
    }

    /// Of each key the first row, by the name of the file and the place in it.
    fn first_rows(&self, key: &MappedColumn, shown: &[&MappedColumn]) -> Result<LogicalPlanBuilder> {
        let scan = LogicalPlanBuilder::scan(self.name.as_str(), Arc::clone(&self.positioned), None)?;
        let Some(key) = key.rule.raw().map(raw_column) else { return Ok(scan) };
        let mut columns: Vec<Expr> = Vec::new();
        // The store may be needed for the clock, the time for a filter.
        let extra = ["store_id", "purchased_at"].iter().filter_map(|name| self.column(name));
        for column in shown.iter().copied().chain(extra) {
            if let Some(raw) = column.rule.raw().map(raw_column)
                && !columns.contains(&raw)
            {
                columns.push(raw);
            }
        }
        if !columns.contains(&key) {
            columns.push(key.clone());
        }
        let order =
            [key.clone(), raw_column(FILE_POSITION), raw_column(ROW_POSITION)].map(|by| by.sort(true, false)).to_vec();
        scan.distinct_on(vec![key], columns, Some(order))
    }

    fn expression(&self, column: &MappedColumn, clocks: &Arc<StoreClocks>, store: Option<Expr>) -> Result<Expr> {
        let value = match &column.rule {
            Rule::Read { raw } => raw_column(raw),
            Rule::Float { raw, scale } => {
                numeric_of(raw_column(raw), *scale, &format!("{}.{}", self.name, column.name))
            }
            Rule::NumberText { raw } => cast(raw_column(raw), DataType::Int64),
            Rule::WallClock { raw } => instant_of(clocks, raw_column(raw), store),
            Rule::TimeText { raw } => cast(raw_column(raw), DataType::Time64(TimeUnit::Microsecond)),
            Rule::Values { raw, pairs } => translated(raw_column(raw), pairs)?,
            Rule::Null(data_type) => lit(ScalarValue::try_from(data_type)?),
        };
        Ok(match (&column.default, &column.rule) {
            (None, _) => value,
            (Some(default), Rule::Null(_)) => lit(default.clone()),
            (Some(default), _) => coalesce(vec![value, lit(default.clone())]),
        })
    }
}

impl Rule {
    fn raw(&self) -> Option<&str> {
        match self {
            Self::Read { raw }
            | Self::Float { raw, .. }
            | Self::NumberText { raw }
            | Self::WallClock { raw }
            | Self::TimeText { raw }
            | Self::Values { raw, .. } => Some(raw),
            Self::Null(_) => None,
        }
    }
}

/// A column by its exact name.
pub fn column(name: impl Into<String>) -> Expr {
    Expr::Column(Column::new_unqualified(name))
}

/// A text constant in the one kind of text that relations have.
pub fn text(value: impl Into<String>) -> ScalarValue {
    ScalarValue::Utf8View(Some(value.into()))
}

fn raw_column(name: &str) -> Expr {
    column(name)
}

fn translated(value: Expr, pairs: &[(String, String)]) -> Result<Expr> {
    let mut pairs = pairs.iter();
    let Some((from, to)) = pairs.next() else { return Ok(value) };
    let mut case = when(value.clone().eq(lit(text(from))), lit(text(to)));
    for (from, to) in pairs {
        case = case.when(value.clone().eq(lit(text(from))), lit(text(to)));
    }
    case.otherwise(value)
}
