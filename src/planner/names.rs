//! What the engine asks while it plans: which relation, which function is meant by a name.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use arrow::datatypes::{DataType, SchemaRef};
use datafusion::catalog::{TableFunctionArgs, TableProvider};
use datafusion::common::TableReference;
use datafusion::config::ConfigOptions;
use datafusion::datasource::cte_worktable::CteWorkTable;
use datafusion::datasource::provider_as_source;
use datafusion::error::{DataFusionError, Result as EngineResult};
use datafusion::logical_expr::planner::{ContextProvider, ExprPlanner, RelationPlanner, TypePlanner};
use datafusion::logical_expr::{AggregateUDF, Expr, HigherOrderUDF, ScalarUDF, TableSource, WindowUDF};
use datafusion::sql::sqlparser::ast::{ObjectName, TableFactor};

use super::dialect::{Dialect, Session};
use super::question::QuestionPlanner;
use super::rows::RowsPlanner;
use super::unpopulated::Unpopulated;
use super::{Planner, constant, fact, function, view};
use crate::catalog::object::{PUBLIC_OID, Relation, RelationKind};
use crate::catalog::snapshot::Snapshot;
use crate::catalog::system::{self, SystemContext, SystemRelation};
use crate::error::{Error, Result, SqlState, message};
use crate::execution::cancellation::checkpoint;
use crate::ident::{DATABASE, folded};
use crate::pg_type::Oid;
use crate::sql::compat::RegResolver;
use crate::storage::member_table::MemberTable;

/// Views that may stand on one another.
const VIEW_DEPTH_MAX: usize = 100;
/// Relations that a statement may read, those of its views included: views that read one another twice double at each
/// step.
const RELATIONS_MAX: usize = 1_000;

/// A relation that a name means.
#[derive(Debug, Clone)]
pub enum Found {
    /// A table of the purchase history, or a view.
    Relation(Arc<Relation>),
    /// A relation of `pg_catalog`, `information_schema` or `regulars`.
    System(&'static SystemRelation),
}

impl Found {
    pub fn oid(&self) -> Oid {
        match self {
            Found::Relation(relation) => relation.oid,
            Found::System(relation) => relation.oid(),
        }
    }
}

/// Looks a perhaps qualified name up, as PostgreSQL does along its search path.
///
/// Errors: 3F000 for a schema, 42P01 for a relation that is not there.
pub fn find_relation(snapshot: &Snapshot, search_path: &[String], schema: Option<&str>, name: &str) -> Result<Found> {
    let in_schema = |schema: &str| {
        system::relation(schema, name).map(Found::System).or_else(|| {
            let schema = snapshot.schema_named(schema)?;
            snapshot.relation_named(schema.oid, name).cloned().map(Found::Relation)
        })
    };
    if let Some(schema) = schema {
        if snapshot.schema_named(schema).is_none() {
            return Err(message::schema_missing(schema));
        }
        return in_schema(schema).ok_or_else(|| message::unknown_relation(&format!("{schema}.{name}"), None));
    }
    // pg_catalog is searched first unless the path names it elsewhere.
    let implicit = (!search_path.iter().any(|schema| schema == "pg_catalog")).then_some("pg_catalog");
    implicit.into_iter().chain(search_path.iter().map(String::as_str)).find_map(in_schema).ok_or_else(|| {
        let near = message::nearest(name, snapshot.relations().map(|relation| relation.name.as_str()));
        message::unknown_relation(name, near)
    })
}

/// Where names are looked up.
#[derive(Debug, Clone, Copy)]
pub struct NameScope<'a> {
    pub snapshot: &'a Snapshot,
    pub search_path: &'a [String],
}

impl NameScope<'_> {
    /// The relation that a name means, if it is there.
    pub fn relation(self, name: &ObjectName) -> Option<Found> {
        let parts: Vec<String> = name.0.iter().filter_map(|part| part.as_ident()).map(folded).collect();
        let (schema, name) = match parts.as_slice() {
            [name] => (None, name),
            [.., schema, name] => (Some(schema.as_str()), name),
            [] => return None,
        };
        find_relation(self.snapshot, self.search_path, schema, name).ok()
    }

    /// The table of the purchase history that an item of FROM is.
    pub fn table(self, factor: &TableFactor) -> Option<Arc<Relation>> {
        let TableFactor::Table { name, args: None, .. } = factor else { return None };
        match self.relation(name)? {
            Found::Relation(relation) if matches!(relation.kind, RelationKind::Table { .. }) => Some(relation),
            _ => None,
        }
    }
}

/// 42501 for a relation that this role has no right to read.
pub fn check_readable(snapshot: &Snapshot, role: Oid, relation: &Relation) -> Result<()> {
    if snapshot.may_read(role, relation) {
        Ok(())
    } else {
        Err(message::may_not_read(relation.kind_name(), &relation.name))
    }
}

#[derive(Debug, Clone, Copy)]
struct OpenView {
    oid: Oid,
    owner: Oid,
}

/// The engine's view of names while it plans one statement.
pub(super) struct Names<'a> {
    planner: &'a Planner,
    /// The views being planned, outermost first.
    open_views: RefCell<Vec<OpenView>>,
    denied: RefCell<Option<Error>>,
    /// Relations that were looked up so far, in the statement and in its views.
    relations: Cell<usize>,
    session: Session,
    dialect: Arc<Dialect>,
    /// Ours first: what it does not plan is left to the engine's.
    expr_planners: Vec<Arc<dyn ExprPlanner>>,
    relation_planners: Vec<Arc<dyn RelationPlanner>>,
}

impl<'a> Names<'a> {
    pub(super) fn new(planner: &'a Planner) -> Self {
        let session = planner.session();
        let dialect = Arc::new(Dialect { session });
        let ours: Arc<dyn ExprPlanner> = Arc::clone(&dialect) as Arc<dyn ExprPlanner>;
        let expr_planners = std::iter::once(ours).chain(planner.state.expr_planners().iter().cloned()).collect();
        let questions: Arc<dyn RelationPlanner> = Arc::new(QuestionPlanner { history: Arc::clone(&planner.history) });
        let relation_planners = [questions, Arc::new(RowsPlanner) as Arc<dyn RelationPlanner>]
            .into_iter()
            .chain(planner.state.relation_planners().iter().cloned())
            .collect();
        Self {
            planner,
            open_views: RefCell::new(Vec::new()),
            denied: RefCell::new(None),
            relations: Cell::new(0),
            session,
            dialect,
            expr_planners,
            relation_planners,
        }
    }

    /// What of the session gives values their meaning.
    pub(super) fn session(&self) -> Session {
        self.session
    }

    /// The name that a function calls itself by, where it is called by another one.
    pub(super) fn own_name(&self, name: &str) -> Option<String> {
        let function = self.get_function_meta(name)?;
        let own = Some(function.name()).filter(|own| *own != name)?;
        let is_found = self.get_function_meta(own).is_some_and(|found| found.name() == own);
        is_found.then(|| own.to_owned())
    }

    fn source(&self, found: &Found) -> Result<Arc<dyn TableSource>> {
        let provider: Arc<dyn TableProvider> = match found {
            Found::System(relation) => Arc::new(SystemTable { relation, context: Arc::clone(&self.planner.system) }),
            Found::Relation(relation) => match &relation.kind {
                RelationKind::Table { .. } => self
                    .planner
                    .history
                    .relation(&relation.name)
                    .ok_or_else(|| message::table_not_configured(&relation.name))?,
                RelationKind::View(_) => self.view(relation)?,
                RelationKind::MaterializedView(list) => {
                    let schema = view::kept_schema(&relation.columns)?;
                    match list.shown() {
                        Some(run) => Arc::new(MemberTable::new(Arc::clone(&run.file), run.bytes, schema)),
                        None => Arc::new(Unpopulated { name: relation.name.clone(), schema }),
                    }
                }
            },
        };
        Ok(provider_as_source(provider))
    }

    fn fact(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        let is_own = self.planner.is_clients_text && self.open_views.borrow().is_empty();
        let (fact, call) = fact::FactCall::named(name, &self.planner.history, is_own)?;
        self.check_fact(fact);
        Some(call)
    }

    fn view(&self, relation: &Arc<Relation>) -> Result<Arc<dyn TableProvider>> {
        self.within(relation, || view::plan(self.planner, self, relation))
    }

    /// Plans what stands in a view's definition: what it reads is read as its owner.
    pub(super) fn within<T>(&self, relation: &Relation, plan: impl FnOnce() -> Result<T>) -> Result<T> {
        {
            let mut open = self.open_views.borrow_mut();
            if open.iter().any(|view| view.oid == relation.oid) {
                return Err(message::view_recursion(&relation.name));
            }
            if open.len() >= VIEW_DEPTH_MAX {
                return Err(message::too_deep("nested views", VIEW_DEPTH_MAX));
            }
            open.push(OpenView { oid: relation.oid, owner: relation.owner });
        }
        let planned = plan();
        self.open_views.borrow_mut().pop();
        planned
    }

    /// As whom what stands here is read: the owner of the view in which it stands, else the session's role.
    fn reader(&self) -> Oid {
        self.open_views.borrow().last().map_or(self.planner.system.current_user, |view| view.owner)
    }

    /// 42501 for a relation that the reader has no right to read. The system's relations are for everybody.
    fn check_readable(&self, found: &Found) -> Result<()> {
        match found {
            Found::Relation(relation) => check_readable(&self.planner.snapshot, self.reader(), relation),
            Found::System(_) => Ok(()),
        }
    }

    /// The facts read the history without naming it: who asks for one must be allowed to read what it reads.
    fn check_fact(&self, fact: fact::Fact) {
        let snapshot = &self.planner.snapshot;
        let denied = fact.tables().iter().find_map(|table| {
            let relation = snapshot.relation_named(PUBLIC_OID, table)?;
            check_readable(snapshot, self.reader(), relation).err()
        });
        if let Some(denied) = denied {
            self.denied.borrow_mut().get_or_insert(denied);
        }
    }

    /// What was refused where a refusal could not be said; to be asked when planning has ended.
    pub(super) fn take_denied(&self) -> Option<Error> {
        self.denied.borrow_mut().take()
    }
}

impl ContextProvider for Names<'_> {
    fn get_table_source(&self, name: TableReference) -> EngineResult<Arc<dyn TableSource>> {
        checkpoint()?;
        self.relations.set(self.relations.get() + 1);
        if self.relations.get() > RELATIONS_MAX {
            return Err(message::too_deep("relations read, views included", RELATIONS_MAX).into());
        }
        if let Some(database) = name.catalog()
            && database != DATABASE
        {
            return Err(message::cross_database_reference(&name.to_string()).into());
        }
        let found = find_relation(&self.planner.snapshot, &self.planner.search_path, name.schema(), name.table())
            .map_err(|error| match error.state() {
                // A query that reads from nowhere misses the relation, as PostgreSQL says it.
                SqlState::InvalidSchemaName => message::unknown_relation(&name.to_string(), None),
                _ => error,
            })?;
        self.check_readable(&found)?;
        Ok(self.source(&found)?)
    }

    fn get_table_function_source(&self, name: &str, args: Vec<Expr>) -> EngineResult<Arc<dyn TableSource>> {
        let state = &self.planner.state;
        let Some(function) = state.table_functions().get(name) else {
            return Err(message::function_missing(name).into());
        };
        let context = self.planner.simplify_context();
        let args = args
            .into_iter()
            .map(|arg| constant::folded(&context, arg).map(whole_number))
            .collect::<EngineResult<Vec<_>>>()?;
        let provider = function.create_table_provider_with_args(TableFunctionArgs::new(&args, state.as_ref()))?;
        Ok(provider_as_source(provider))
    }

    fn create_cte_work_table(&self, name: &str, schema: SchemaRef) -> EngineResult<Arc<dyn TableSource>> {
        Ok(provider_as_source(Arc::new(CteWorkTable::new(name, schema))))
    }

    fn get_expr_planners(&self) -> &[Arc<dyn ExprPlanner>] {
        &self.expr_planners
    }

    fn get_type_planner(&self) -> Option<Arc<dyn TypePlanner>> {
        Some(Arc::clone(&self.dialect) as Arc<dyn TypePlanner>)
    }

    fn get_relation_planners(&self) -> &[Arc<dyn RelationPlanner>] {
        &self.relation_planners
    }

    fn get_function_meta(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        // Ours first: the engine has a `version()` too, and it is not the one clients ask for.
        function::scalar(name, self.session, &self.planner.state)
            .or_else(|| system::function(name, &self.planner.system))
            .or_else(|| self.fact(name))
            .or_else(|| function::of_day(name, self.planner.day))
            .or_else(|| self.planner.state.scalar_functions().get(name).cloned())
    }

    fn get_higher_order_meta(&self, name: &str) -> Option<Arc<HigherOrderUDF>> {
        self.planner.state.higher_order_functions().get(name).cloned()
    }

    fn get_aggregate_meta(&self, name: &str) -> Option<Arc<AggregateUDF>> {
        function::aggregate(name, &self.planner.state)
            .or_else(|| self.planner.state.aggregate_functions().get(name).cloned())
    }

    fn get_window_meta(&self, name: &str) -> Option<Arc<WindowUDF>> {
        self.planner.state.window_functions().get(name).cloned()
    }

    fn get_variable_type(&self, _variable_names: &[String]) -> Option<DataType> {
        None
    }

    fn options(&self) -> &ConfigOptions {
        self.planner.state.config_options()
    }

    // Asked only to guess what a mistyped function was meant to be.
    fn udf_names(&self) -> Vec<String> {
        let facts = fact::Fact::ALL.into_iter().map(|fact| fact.name().to_owned());
        facts.chain(self.planner.state.scalar_functions().keys().cloned()).collect()
    }

    fn higher_order_function_names(&self) -> Vec<String> {
        self.planner.state.higher_order_functions().keys().cloned().collect()
    }

    fn udaf_names(&self) -> Vec<String> {
        self.planner.state.aggregate_functions().keys().cloned().collect()
    }

    fn udwf_names(&self) -> Vec<String> {
        self.planner.state.window_functions().keys().cloned().collect()
    }
}

/// The engine's functions in FROM know one width of whole numbers.
fn whole_number(arg: Expr) -> Expr {
    match &arg {
        Expr::Literal(value, _) if value.data_type().is_integer() => match value.cast_to(&DataType::Int64) {
            Ok(value) => Expr::Literal(value, None),
            Err(_) => arg,
        },
        _ => arg,
    }
}

impl RegResolver for Names<'_> {
    fn class(&self, name: &str) -> Result<Oid> {
        let (schema, name) = match name.split_once('.') {
            Some((schema, name)) => (Some(schema), name),
            None => (None, name),
        };
        Ok(find_relation(&self.planner.snapshot, &self.planner.search_path, schema, name)?.oid())
    }

    fn type_(&self, name: &str) -> Result<Oid> {
        self.planner.system.type_(name)
    }

    fn role(&self, name: &str) -> Result<Oid> {
        let role = self.planner.snapshot.role_named(name).ok_or_else(|| message::role_missing(name))?;
        Ok(role.oid)
    }

    fn gives_a_value(&self, function: &str) -> bool {
        let state = &self.planner.state;
        !state.table_functions().contains_key(function)
            && (function::scalar(function, self.session, state).is_some()
                || system::function(function, &self.planner.system).is_some()
                || state.scalar_functions().contains_key(function))
    }

    fn namespace(&self, name: &str) -> Result<Oid> {
        let schema = self.planner.snapshot.schema_named(name).ok_or_else(|| message::schema_missing(name))?;
        Ok(schema.oid)
    }
}

/// A relation of the system catalog as the engine reads it: its rows are made when the scan is planned.
#[derive(Debug)]
pub struct SystemTable {
    relation: &'static SystemRelation,
    context: Arc<SystemContext>,
}

#[async_trait::async_trait]
impl TableProvider for SystemTable {
    fn schema(&self) -> SchemaRef {
        self.relation.schema()
    }

    fn table_type(&self) -> datafusion::logical_expr::TableType {
        datafusion::logical_expr::TableType::View
    }

    async fn scan(
        &self,
        _state: &dyn datafusion::catalog::Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> EngineResult<Arc<dyn datafusion::physical_plan::ExecutionPlan>> {
        let rows = self.relation.rows(&self.context).map_err(Error::into_engine)?;
        let schema = self.relation.schema();
        let exec = datafusion::datasource::memory::MemorySourceConfig::try_new_exec(
            &[vec![rows]],
            schema,
            projection.cloned(),
        )?;
        Ok(exec)
    }
}

impl Error {
    fn into_engine(self) -> DataFusionError {
        self.into()
    }
}
