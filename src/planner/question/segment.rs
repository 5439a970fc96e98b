//! A segment as a question names it, and its members as a plan.

use std::sync::Arc;

use arrow::array::RecordBatch;
use chrono::NaiveDate;
use datafusion::common::Column;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion::physical_plan::collect;
use datafusion::sql::sqlparser::ast;

use crate::catalog::object::Relation;
use crate::error::{Result, SqlState, message};
use crate::planner::fact::lower::column;
use crate::planner::names::{Found, find_relation};
use crate::planner::{Planner, state, view};
use crate::{ident, sql};

/// A saved segment, or a draft.
#[derive(Debug, Clone)]
pub struct Segment {
    /// As the question names it; "the query" for a draft.
    pub name: String,
    /// What it is defined as, with today's names.
    pub definition: Box<ast::Query>,
    pub text: String,
    /// The query that gives its rows.
    rows: Box<ast::Query>,
    rows_text: String,
    /// Of a saved segment: words that name nothing are no errors.
    is_saved: bool,
}

impl Segment {
    /// Finds a segment by its (perhaps qualified) name, or parses the text of a query.
    ///
    /// Errors: 42P01 for a name that is not there, 42601 for a text that is neither, 42809 for a relation that is no view.
    pub fn of(planner: &Planner, given: &str) -> Result<Self> {
        match name_of(given) {
            Some((schema, name)) => {
                match find_relation(&planner.snapshot, &planner.search_path, schema.as_deref(), &name)? {
                    Found::Relation(relation) => Self::of_relation(planner, &relation, given.trim()),
                    Found::System(_) => Err(message::not_a_segment(given.trim())),
                }
            }
            None => {
                let query = sql::parse_draft(given).map_err(|error| error.without_position())?;
                Ok(Self {
                    name: "the query".to_owned(),
                    definition: query.clone(),
                    text: given.to_owned(),
                    rows: query,
                    rows_text: given.to_owned(),
                    is_saved: false,
                })
            }
        }
    }

    pub fn of_relation(planner: &Planner, relation: &Arc<Relation>, name: &str) -> Result<Self> {
        let rows_text = format!("SELECT * FROM {}", view::qualified_name(&planner.snapshot, relation.oid));
        let rows = sql::parse_query(&rows_text)?;
        let text = match relation.definition() {
            Some(definition) => view::text_of_today(&planner.snapshot, definition),
            None => rows_text.clone(),
        };
        let definition = sql::parse_query(&text)?;
        Ok(Self { name: name.to_owned(), definition, text, rows, rows_text, is_saved: true })
    }

    /// A planner for this segment's text.
    pub fn planner(&self, planner: &Planner) -> Planner {
        Planner { is_clients_text: !self.is_saved, ..planner.clone() }
    }

    /// Its distinct members, one column `member_id`; errors have no position, because the client did not send the text.
    ///
    /// Errors: 42809 when the first column is not called `member_id`, and whatever planning refuses.
    pub fn members(&self, planner: &Planner) -> Result<LogicalPlan> {
        let planner = self.planner(planner);
        let plan = planner.plan(&self.rows, &self.rows_text, &[]).map_err(|error| error.without_position())?;
        let first = sql::shown_name(plan.schema().field(0).name());
        if first != "member_id" {
            return Err(message::segment_without_member(&self.name, first));
        }
        distinct_members(plan)
    }
}

impl Planner {
    /// Runs a plan whose result is small.
    pub async fn collect(&self, plan: LogicalPlan) -> Result<Vec<RecordBatch>> {
        let plan = self.lower(plan).await?;
        let physical = self.state.create_physical_plan(&plan).await?;
        Ok(collect(physical, self.state.task_ctx()).await?)
    }

    /// The one number that a plan gives.
    pub async fn count(&self, plan: LogicalPlan) -> Result<i64> {
        let count = LogicalPlanBuilder::from(plan)
            .aggregate(Vec::<Expr>::new(), vec![datafusion::functions_aggregate::count::count_all()])?
            .build()?;
        let batches = self.collect(count).await?;
        let value = batches
            .iter()
            .find(|batch| batch.num_rows() > 0)
            .map(|batch| datafusion::scalar::ScalarValue::try_from_array(batch.column(0), 0));
        match value.transpose()? {
            Some(datafusion::scalar::ScalarValue::Int64(Some(count))) => Ok(count),
            _ => Err(message::internal("a count gave no number")),
        }
    }

    /// The members that a share is measured against.
    pub fn universe(&self) -> Result<LogicalPlan> {
        let members = self.history.relation("members").ok_or_else(|| message::table_not_configured("members"))?;
        let source = datafusion::datasource::provider_as_source(members);
        let member = Expr::Column(Column::new(Some("members"), "member_id"));
        Ok(LogicalPlanBuilder::scan("members", source, None)?.project([member.alias("member_id")])?.build()?)
    }

    /// The same statement asked about another day. Days to come know no receipts that are not there on the day asked
    /// about: only time goes on.
    pub(super) fn on(&self, day: NaiveDate) -> Self {
        if day > self.day {
            return Self { day, kept: None, ..self.clone() };
        }
        Self { day, state: state::asked_about(&self.state, day, None), kept: None, ..self.clone() }
    }
}

/// The distinct members in a plan's first column, as `member_id`.
pub fn distinct_members(plan: LogicalPlan) -> Result<LogicalPlan> {
    let member = Expr::Column(Column::from(plan.schema().qualified_field(0)));
    Ok(LogicalPlanBuilder::from(plan)
        .project([member.alias("member_id")])?
        .filter(column("member_id").is_not_null())?
        .distinct()?
        .build()?)
}

/// The schema and the name that a text is; `None` for a text that is more than a name.
fn name_of(text: &str) -> Option<(Option<String>, String)> {
    let mut parts = ident::split(text).ok()?;
    let name = parts.pop()?;
    let schema = parts.pop();
    parts.is_empty().then_some((schema, name))
}

/// Whether a segment cannot be read today because something of it is gone, so that a list of segments goes on without it.
pub fn is_broken(error: &crate::error::Error) -> bool {
    !matches!(
        error.state(),
        SqlState::InternalError | SqlState::QueryCanceled | SqlState::OutOfMemory | SqlState::IoError
    )
}
