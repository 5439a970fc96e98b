//! Names → relations → plans: plans one query against one catalog snapshot.
//!
//! A query arrives as the syntax tree of the user's text. It is checked for what the engine would silently ignore,
//! made plannable where PostgreSQL's spelling differs (`sql::compat`), its columns are named as PostgreSQL names
//! them, and DataFusion plans it, asking [`names`] for every relation and function.
//!
//! A statement sees one snapshot from start to end. Nothing here changes the catalog.

pub mod dialect;
mod function;
mod ignored;
mod names;
pub mod rule;
pub mod state;
mod view;

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::execution::context::SQLOptions;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::planner::{NullOrdering, ParserOptions, PlannerContext, SqlToRel};
use datafusion::sql::sqlparser::ast;

pub use self::names::{Found, find_relation};
pub use self::view::{ResolvedView, resolve_view};
use crate::catalog::snapshot::Snapshot;
use crate::catalog::system::SystemContext;
use crate::error::{self, Error, Result};
use crate::history::History;
use crate::pg_type::PgType;
use crate::sql::{self, Places};

/// Everything that gives names their meaning for one statement.
#[derive(Clone)]
pub struct Planner {
    /// Functions, settings and rules of the engine, as this session and this statement have them.
    pub state: Arc<SessionState>,
    pub history: Arc<History>,
    pub snapshot: Arc<Snapshot>,
    pub system: Arc<SystemContext>,
    /// Schemas in which unqualified names are looked up, in order; `pg_catalog` comes before them.
    pub search_path: Vec<String>,
}

impl Planner {
    /// Plans a query that stands in `text`, the client's own words: errors carry positions in it.
    ///
    /// `parameters` are the types the client gave to `$1`, `$2`, …; `None` where it gave none.
    pub fn plan(&self, query: &ast::Query, text: &str, parameters: &[Option<PgType>]) -> Result<LogicalPlan> {
        let names = names::Names::new(self);
        self.plan_named(query.clone(), &names, parameters).map_err(|failure| match failure {
            Failure::Ours(error) => error,
            Failure::Engine(error) => {
                let position = error::datafusion::location(&error).map(|at| Places::new(text).position(at));
                let error = Error::from(error);
                match (position, error.position()) {
                    (Some(position), None) => error.with_position(position),
                    _ => error,
                }
            }
        })
    }

    /// Plans a query without knowing its text: the definition of a view, whose errors have no position for the client.
    fn plan_definition(&self, query: ast::Query, names: &names::Names<'_>) -> Result<LogicalPlan> {
        self.plan_named(query, names, &[]).map_err(|failure| match failure {
            Failure::Ours(error) => error.without_position(),
            Failure::Engine(error) => Error::from(error).without_position(),
        })
    }

    fn plan_named(
        &self,
        mut query: ast::Query,
        names: &names::Names<'_>,
        parameters: &[Option<PgType>],
    ) -> Result<LogicalPlan, Failure> {
        ignored::refuse(&query)?;
        dialect::clause::check(&query, &|name| self.state.aggregate_functions().contains_key(name))?;
        let session = names.session();
        // Before any rewriting: a column is named after what its author wrote.
        sql::name_columns(&mut query);
        let mut statement = ast::Statement::Query(Box::new(query));
        sql::compat::rewrite(&mut statement, names)?;
        if let ast::Statement::Query(query) = &mut statement {
            dialect::clause::qualify_having(query);
            dialect::spelling::rewrite(query, session)?;
        }
        let fields = parameters.iter().map(|parameter| parameter.and_then(parameter_field)).collect();
        let mut context = PlannerContext::new().with_prepare_param_data_types(fields);
        let plan = SqlToRel::new_with_options(names, parser_options())
            .sql_statement_to_plan_with_context(statement, &mut context)
            .and_then(|plan| dialect::settle::settle(plan, session))
            .map_err(Failure::Engine)?;
        // The grammar lets only queries through; this is the second lock on the same door.
        SQLOptions::new()
            .with_allow_ddl(false)
            .with_allow_dml(false)
            .with_allow_statements(false)
            .verify_plan(&plan)
            .map_err(Failure::Engine)?;
        Ok(plan)
    }
}

/// Our own refusals already know their position; the engine's know a line and a column.
enum Failure {
    Ours(Error),
    Engine(datafusion::error::DataFusionError),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Ours(error)
    }
}

fn parameter_field(parameter: PgType) -> Option<FieldRef> {
    Some(Arc::new(Field::new("parameter", parameter.to_arrow()?, true)))
}

/// PostgreSQL's reading of literals, names and order.
fn parser_options() -> ParserOptions {
    ParserOptions {
        // 5000.10 is numeric, not double precision.
        parse_float_as_decimal: true,
        enable_ident_normalization: true,
        support_varchar_with_length: true,
        enable_options_value_normalization: false,
        collect_spans: true,
        map_string_types_to_utf8view: true,
        default_null_ordering: NullOrdering::NullsMax,
    }
}

/// Whether a type is text to the engine, in whichever layout.
pub fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}
