//! Names → relations → plans: plans one query against one catalog snapshot.
//!
//! A query arrives as the syntax tree of the user's text. It is checked for what the engine would silently ignore,
//! made plannable where PostgreSQL's spelling differs (`sql::compat`), its columns are named as PostgreSQL names
//! them, and DataFusion plans it, asking [`names`] for every relation and function.
//!
//! A statement sees one snapshot from start to end. Nothing here changes the catalog.

mod at_once;
mod constant;
pub mod dialect;
pub mod fact;
pub mod function;
mod ignored;
mod lateral;
mod names;
pub mod parameter;
pub mod question;
pub mod recipients;
pub mod reusable;
pub mod rows;
pub mod rule;
pub mod size;
pub mod state;
mod told;
mod unpopulated;
mod view;

use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef};
use chrono::NaiveDate;
use datafusion::execution::context::SQLOptions;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::scalar::ScalarValue;
use datafusion::sql::planner::{NullOrdering, ParserOptions, PlannerContext, SqlToRel};
use datafusion::sql::sqlparser::ast;

pub use self::names::{Found, NameScope, SystemTable, check_readable, find_relation};
pub use self::told::Told;
pub use self::view::{ResolvedView, kept_schema, plan_of_list, resolve_view, text_of_today, texts_behind};
use crate::catalog::snapshot::Snapshot;
use crate::catalog::system::SystemContext;
use crate::error::{self, Error, Result, message};
use crate::execution::plan_cache::PlanScope;
use crate::history::index::Built;
use crate::history::{Dictionary, History};
use crate::pg_type::PgType;
use crate::session::TextFormat;
use crate::sql::{self, Places};
use crate::storage::parquet_table::StatementFiles;

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
    /// `asof()`.
    pub day: NaiveDate,
    /// How values are read and written as text.
    pub text_format: TextFormat,
    /// What planning has to tell the client beside the result.
    pub told: Told,
    /// Whether facts may come from the member index.
    pub uses_index: bool,
    /// Whether what is planned is the client's own text: then a word that nothing is named by is an error. In a segment
    /// that was saved earlier it is a warning.
    pub is_clients_text: bool,
    /// Plans that were kept of what is planned again and again; `None` where none may be used.
    pub kept: Option<PlanScope>,
}

impl Planner {
    /// Plans a query that stands in `text`, the client's own words: errors carry positions in it.
    ///
    /// `parameters` are the types the client gave to `$1`, `$2`, …; `None` where it gave none.
    pub fn plan(&self, query: &ast::Query, text: &str, parameters: &[Option<PgType>]) -> Result<LogicalPlan> {
        let names = names::Names::new(self);
        let places = Places::new(text);
        self.plan_named(query.clone(), &names, parameters, Some(&places)).map_err(|failure| match failure {
            Failure::Ours(error) => error,
            Failure::Engine(error) => {
                let position = error::datafusion::location(&error).map(|at| places.position(at));
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
        self.plan_named(query, names, &[], None).map_err(|failure| match failure {
            Failure::Ours(error) => error.without_position(),
            Failure::Engine(error) => Error::from(error).without_position(),
        })
    }

    /// Makes relations of the member facts in a plan whose parameters are bound.
    ///
    /// Errors: those of the facts' filters, with positions in the client's text.
    pub async fn lower(&self, plan: LogicalPlan) -> Result<LogicalPlan> {
        let mut plan = question::lower(plan, self)?;
        let reads_receipts = self.uses_index && fact::plain::reads_receipts(&plan, &self.history)?;
        let mut index = if reads_receipts { self.index().await? } else { None };
        if index.is_some() {
            let (types, dictionary) = (fact::Types::of(&self.history), Arc::default());
            let mut lowering = self.lowering(&types, &dictionary);
            lowering.index.clone_from(&index);
            plan = fact::plain::rewrite(plan, &lowering)?;
        }
        let Some(calls) = fact::place::calls(&plan)? else { return Ok(plan) };
        let dictionary = if calls.need_dictionary { self.dictionary().await? } else { Arc::default() };
        let types = fact::Types::of(&self.history);
        if self.uses_index && !reads_receipts {
            index = self.index().await?;
        }
        let mut lowering = self.lowering(&types, &dictionary);
        lowering.index = index;
        let plan = fact::place::place(plan, &lowering)?;
        Ok(fact::lower::lower(plan, &lowering)?)
    }

    /// The member index, if it holds the files that this statement sees.
    async fn index(&self) -> Result<Option<Arc<Built>>> {
        self.history.index(&StatementFiles::of(self.state.as_ref())).await
    }

    /// What the words of the history mean, as its files are seen by this statement.
    async fn dictionary(&self) -> Result<Arc<Dictionary>> {
        self.history.dictionary(&StatementFiles::of(self.state.as_ref())).await
    }

    /// Where names are looked up.
    fn name_scope(&self) -> names::NameScope<'_> {
        names::NameScope { snapshot: &self.snapshot, search_path: &self.search_path }
    }

    /// The dictionary if a fact needs it, else an empty one.
    async fn dictionary_for(
        &self,
        fact: fact::Fact,
        filters: &[(fact::filter::FilterName, &Expr)],
    ) -> Result<Arc<Dictionary>> {
        if fact::filter::needs_dictionary(fact, filters) { self.dictionary().await } else { Ok(Arc::default()) }
    }

    fn lowering<'a>(&'a self, types: &'a fact::Types, dictionary: &'a Dictionary) -> fact::Lowering<'a> {
        fact::Lowering {
            history: &self.history,
            state: &self.state,
            types,
            dictionary,
            day: self.day,
            session: self.session(),
            simplify: self.simplify_context(),
            told: &self.told,
            index: None,
        }
    }

    /// The value of an expression without columns; `None` when it is not a constant of the statement.
    fn constant(&self, expr: &Expr) -> Result<Option<ScalarValue>> {
        constant::value(&self.simplify_context(), expr)
    }

    /// An identifier that a question was given, in the type that members have.
    ///
    /// Errors: 22P02 for a text that is no number where members are numbers; 42804 for what is no identifier.
    fn member_literal(&self, member: &ScalarValue, wanted: &DataType) -> Result<ScalarValue> {
        let text = member.try_as_str().flatten();
        match (text, wanted) {
            (Some(text), DataType::Int64) => crate::wire::text_value(text, PgType::INT8, &self.session().text_format()),
            (None, DataType::Int64) if !member.data_type().is_integer() && !member.is_null() => {
                Err(message::fact_filter_type("member_id", "of that type", "Write a member_id."))
            }
            (None, wanted) if is_text(wanted) && !member.is_null() => Ok(member.to_string().into()),
            _ => Ok(member.cast_to(wanted)?),
        }
    }

    /// What folding a constant of the statement may depend on.
    fn simplify_context(&self) -> SimplifyContext {
        SimplifyContext::builder()
            .with_config_options(Arc::clone(self.state.config_options()))
            .with_query_execution_start_time(self.state.execution_props().query_execution_start_time)
            .build()
    }

    /// What of the session gives values their meaning.
    fn session(&self) -> dialect::Session {
        dialect::Session { text: self.text_format }
    }

    fn plan_named(
        &self,
        mut query: ast::Query,
        names: &names::Names<'_>,
        parameters: &[Option<PgType>],
        places: Option<&Places<'_>>,
    ) -> Result<LogicalPlan, Failure> {
        ignored::refuse(&query)?;
        dialect::clause::check(&query, &|name| {
            self.state.aggregate_functions().contains_key(name) || dialect::is_spelled(name)
        })?;
        let session = names.session();
        // Before any rewriting: a column is named after what its author wrote.
        sql::name_columns(&mut query);
        fact::syntax::rewrite(&mut query, places)?;
        let mut statement = ast::Statement::Query(Box::new(query));
        sql::compat::rewrite(&mut statement, names)?;
        if let ast::Statement::Query(query) = &mut statement {
            dialect::clause::qualify_having(query);
            dialect::count::settle(query)?;
            dialect::row::rewrite(query, self.name_scope())?;
            dialect::spelling::rewrite(query, session, parameters, &|name| names.own_name(name))?;
        }
        let fields = parameters.iter().map(|parameter| parameter.and_then(parameter_field)).collect();
        let mut context = PlannerContext::new().with_prepare_param_data_types(fields);
        let plan = SqlToRel::new_with_options(names, parser_options())
            .sql_statement_to_plan_with_context(statement, &mut context)
            .and_then(lateral::plan_upon)
            .and_then(|plan| dialect::settle::settle(plan, session))
            .map_err(Failure::Engine)?;
        if let Some(denied) = names.take_denied() {
            return Err(Failure::Ours(denied));
        }
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
    Some(Arc::new(parameter.field("parameter", parameter.to_arrow()?)))
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
