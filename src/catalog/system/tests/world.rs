//! A small catalog, and a DataFusion session that sees it and nothing else.

use std::sync::Arc;

use arrow::util::display::{ArrayFormatter, FormatOptions};
use async_trait::async_trait;
use chrono::{TimeZone, Utc};
use datafusion::catalog::{CatalogProvider, MemoryCatalogProvider, SchemaProvider, TableProvider};
use datafusion::datasource::MemTable;
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;

use crate::catalog::object::{
    BOOTSTRAP_ROLE_OID, Column, Definition, INFORMATION_SCHEMA_OID, PG_CATALOG_OID, PUBLIC_OID, REGULARS_OID,
    Reference, Relation, RelationKind, Role, Schema,
};
use crate::catalog::snapshot::Snapshot;
use crate::catalog::system::{
    CursorRow, Gathered, PreparedRow, SessionRow, SettingKind, SettingRow, Surroundings, SystemContext, function,
    function_names, relation, relations,
};
use crate::error::{Notice, Result, message};
use crate::pg_type::{Oid, PgType};
use crate::planner::dialect::Session;
use crate::planner::function::scalar;
use crate::planner::rows::RowsPlanner;
use crate::planner::rule::subquery_value::SubqueryValue;
use crate::session::TextFormat;
use crate::sql::compat::rewrite;

pub(super) const MEMBERS: Oid = 16_384;
pub(super) const LUNCH: Oid = 16_393;
pub(super) const GOLD: Oid = 16_397;
const PURCHASES: Oid = 16_389;
const CRM: Oid = 16_392;

fn schema(oid: Oid, name: &str, comment: Option<&str>) -> Schema {
    Schema { oid, name: name.to_owned(), owner: BOOTSTRAP_ROLE_OID, comment: comment.map(str::to_owned) }
}

fn relation_of(oid: Oid, schema: Oid, name: &str, kind: RelationKind, columns: &[(&str, PgType)]) -> Relation {
    Relation {
        oid,
        schema,
        name: name.to_owned(),
        owner: BOOTSTRAP_ROLE_OID,
        kind,
        columns: columns
            .iter()
            .map(|(name, pg_type)| Column { name: (*name).to_owned(), pg_type: *pg_type, comment: None })
            .collect(),
        comment: None,
        created_at: Utc.timestamp_opt(1_750_000_000, 0).unwrap(),
        replaced_at: None,
        access: None,
    }
}

/// A definition whose references are the given names, wherever they stand first.
fn definition(text: &str, reads: &[(&str, Oid)]) -> RelationKind {
    let references = reads
        .iter()
        .map(|(name, relation)| {
            let start = text.find(name).unwrap();
            Reference { start, end: start + name.len(), relation: *relation, needs_alias: false }
        })
        .collect();
    RelationKind::View(Definition { text: text.to_owned(), references })
}

pub(super) fn snapshot() -> Snapshot {
    let members = relation_of(
        MEMBERS,
        PUBLIC_OID,
        "members",
        RelationKind::Table { present: true },
        &[
            ("member_id", PgType::INT8),
            ("name", PgType::TEXT),
            ("birthday", PgType::DATE),
            ("balance", PgType::numeric(18, 2)),
            ("joined", PgType::TIMESTAMPTZ),
        ],
    );
    let purchases = relation_of(
        PURCHASES,
        PUBLIC_OID,
        "purchases",
        RelationKind::Table { present: true },
        &[("purchase_id", PgType::INT8), ("member_id", PgType::INT8), ("purchased_at", PgType::TIMESTAMPTZ)],
    );
    let text = "SELECT m.member_id, m.name FROM old_members m JOIN purchases p ON p.member_id = m.member_id";
    let reads = [("old_members", MEMBERS), ("purchases", PURCHASES)];
    let mut lunch = relation_of(
        LUNCH,
        PUBLIC_OID,
        "lunch",
        definition(text, &reads),
        &[("member_id", PgType::INT8), ("name", PgType::TEXT)],
    );
    lunch.comment = Some("Lunch guests".to_owned());
    lunch.columns[0].comment = Some("who".to_owned());
    let gold = definition("SELECT * FROM lunch;", &[("lunch", LUNCH)]);
    let gold = relation_of(GOLD, CRM, "gold", gold, &[("member_id", PgType::INT8), ("name", PgType::TEXT)]);
    let gone = relation_of(16_400, PUBLIC_OID, "gone", RelationKind::Table { present: false }, &[]);
    let schemas = [
        schema(PG_CATALOG_OID, "pg_catalog", None),
        schema(PUBLIC_OID, "public", Some("standard public schema")),
        schema(INFORMATION_SCHEMA_OID, "information_schema", None),
        schema(REGULARS_OID, "regulars", None),
        schema(CRM, "crm", None),
    ];
    Snapshot::of(7, schemas.map(Arc::new), [members, purchases, lunch, gold, gone].map(Arc::new))
        .with_roles([Arc::new(Role { is_superuser: true, can_log_in: true, ..Role::new(BOOTSTRAP_ROLE_OID, "anna") })])
}

pub(super) fn system() -> Arc<SystemContext> {
    let started_at = Utc.timestamp_opt(1_750_000_000, 0).unwrap();
    Arc::new(SystemContext {
        snapshot: Arc::new(snapshot()),
        database: "regulars".to_owned(),
        session_user: BOOTSTRAP_ROLE_OID,
        current_user: BOOTSTRAP_ROLE_OID,
        search_path: vec!["$user".to_owned(), "public".to_owned()],
        server_started_at: started_at,
        now: started_at,
        process_id: 4711,
        lore: Arc::new(NoLore),
        surroundings: Arc::new(Alone),
        gathered: Gathered::default(),
    })
}

/// A world without functions of the house.
#[derive(Debug)]
struct NoLore;

impl crate::catalog::system::Lore for NoLore {
    fn may_repeat_members(&self, _segment: &Relation) -> bool {
        false
    }

    fn functions(&self) -> Vec<crate::catalog::system::FunctionRow> {
        Vec::new()
    }

    fn standing(&self, _list: &Relation) -> crate::catalog::system::Standing {
        crate::catalog::system::Standing { due: None, is_overdue: false, definition_changed: false }
    }

    fn runs(&self) -> crate::error::Result<Vec<crate::catalog::RecordedRun>> {
        Ok(Vec::new())
    }

    fn deliveries(&self) -> crate::error::Result<Vec<crate::catalog::delivery::RecordedDelivery>> {
        Ok(Vec::new())
    }

    fn recipients(&self, name: &str) -> std::sync::Arc<crate::storage::member_file::MemberFile> {
        crate::storage::member_file::MemberFolder::new(std::path::PathBuf::new()).published(name)
    }

    fn saved_definitions(&self) -> crate::error::Result<Vec<crate::catalog::SavedDefinition>> {
        Ok(Vec::new())
    }
}

/// A server with one session, whose search path is all that can be set.
#[derive(Debug)]
struct Alone;

impl Surroundings for Alone {
    fn settings(&self) -> Vec<SettingRow> {
        let path = "\"$user\", public".to_owned();
        vec![SettingRow {
            name: "search_path".to_owned(),
            value: path.clone(),
            default: path.clone(),
            reset: path,
            unit: None,
            category: "Client".to_owned(),
            short_desc: "Schemas in which names are looked up.".to_owned(),
            kind: SettingKind::Text,
            bounds: None,
            choices: None,
            settable: true,
        }]
    }

    fn setting(&self, name: &str) -> Result<String> {
        let found = self.settings().into_iter().find(|setting| setting.name == name);
        found.map(|setting| setting.value).ok_or_else(|| message::setting_unknown(name, None))
    }

    fn set(&self, name: &str, value: Option<&str>, _is_local: bool) -> Result<String> {
        self.setting(name).map(|before| value.map_or(before, str::to_owned))
    }

    fn sessions(&self) -> Vec<SessionRow> {
        let started_at = Utc.timestamp_opt(1_750_000_000, 0).unwrap();
        vec![SessionRow {
            process_id: 4711,
            role: BOOTSTRAP_ROLE_OID,
            application_name: "psql".to_owned(),
            state: "active",
            query: "SELECT 1".to_owned(),
            client_address: Some("127.0.0.1".to_owned()),
            client_port: Some(50_000),
            started_at,
            transaction_started_at: None,
            query_started_at: Some(started_at),
            is_clients: true,
            state_changed_at: None,
        }]
    }

    fn prepared_statements(&self) -> Vec<PreparedRow> {
        Vec::new()
    }

    fn cursors(&self) -> Vec<Arc<CursorRow>> {
        Vec::new()
    }

    fn cancel(&self, process_id: i32) -> bool {
        process_id == 4711
    }

    fn terminate(&self, process_id: i32) -> bool {
        process_id == 4711
    }

    fn tell(&self, _notice: Notice) {}

    fn table_bytes(&self, table: &str) -> Option<u64> {
        (table == "members").then_some(20_000)
    }

    fn member_index(&self) -> Option<crate::catalog::system::IndexRow> {
        None
    }

    fn table_rows(&self, table: &str) -> Option<u64> {
        (table == "members").then_some(19)
    }
}

/// One of the system's schemas; as the default schema it stands in for the search path.
#[derive(Debug)]
struct SystemSchema {
    name: &'static str,
    context: Arc<SystemContext>,
}

#[async_trait]
impl SchemaProvider for SystemSchema {
    fn table_names(&self) -> Vec<String> {
        relations().iter().map(|relation| relation.name().to_owned()).collect()
    }

    async fn table(&self, name: &str) -> datafusion::common::Result<Option<Arc<dyn TableProvider>>> {
        let Some(relation) = relation(self.name, name) else { return Ok(None) };
        let rows = relation.rows(&self.context).unwrap();
        Ok(Some(Arc::new(MemTable::try_new(relation.schema(), vec![vec![rows]])?)))
    }

    fn table_exist(&self, name: &str) -> bool {
        relation(self.name, name).is_some()
    }
}

fn session(context: &Arc<SystemContext>) -> SessionState {
    let catalog = MemoryCatalogProvider::new();
    for name in ["pg_catalog", "information_schema"] {
        catalog.register_schema(name, Arc::new(SystemSchema { name, context: Arc::clone(context) })).unwrap();
    }
    let config = SessionConfig::new()
        .with_default_catalog_and_schema("regulars", "pg_catalog")
        .with_create_default_catalog_and_schema(false);
    let mut state = SessionStateBuilder::new()
        .with_config(config)
        .with_default_features()
        .with_analyzer_rule(Arc::new(SubqueryValue))
        .with_relation_planners(vec![Arc::new(RowsPlanner)])
        .build();
    state.config_mut().options_mut().sql_parser.map_string_types_to_utf8view = false;
    state.catalog_list().register_catalog("regulars".to_owned(), Arc::new(catalog));
    let format = scalar("format", Session { text: TextFormat::UTC }, &state).unwrap();
    let functions = function_names().map(|name| function(name, context).unwrap()).chain([format]);
    let session = SessionContext::new_with_state(state);
    functions.for_each(|function| session.register_udf(function.as_ref().clone()));
    session.state()
}

/// The rows of a result; NULL is `∅`.
#[derive(Debug)]
pub(super) struct Answer {
    rows: Vec<Vec<String>>,
}

impl Answer {
    pub(super) fn lines(&self) -> Vec<String> {
        self.rows.iter().map(|row| row.join("|")).collect()
    }
}

/// Parses, rewrites, plans and runs one statement over the small catalog.
pub(super) async fn ask(sql: &str) -> std::result::Result<Answer, String> {
    let context = system();
    let mut statement = Parser::parse_sql(&PostgreSqlDialect {}, sql).map_err(|error| error.to_string())?.remove(0);
    rewrite(&mut statement, &*context).map_err(|error| error.to_string())?;
    let state = session(&context);
    let plan =
        state.statement_to_plan(Statement::Statement(Box::new(statement))).await.map_err(|error| error.to_string())?;
    let session = SessionContext::new_with_state(state);
    let frame = session.execute_logical_plan(plan).await.map_err(|error| error.to_string())?;
    let batches = frame.collect().await.map_err(|error| error.to_string())?;
    let options = FormatOptions::default().with_null("∅");
    let mut rows = Vec::new();
    for batch in &batches {
        let cells: Vec<_> =
            batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options).unwrap()).collect();
        rows.extend((0..batch.num_rows()).map(|row| cells.iter().map(|cell| cell.value(row).to_string()).collect()));
    }
    Ok(Answer { rows })
}
