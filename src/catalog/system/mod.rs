//! What `pg_catalog`, `information_schema` and our own schema `regulars` show: relations and functions computed from our own catalog.
//!
//! Everything is derived from one [`SystemContext`], so a statement sees one consistent world and the relations join:
//! stored OIDs stand in all of them. What PostgreSQL has and we have not is an empty relation of the right shape,
//! never a made-up row.
//!
//! How it works: [`relation`] gives a shape with PostgreSQL's OIDs and columns and the rows of a context;
//! [`function`] gives a scalar function bound to a context.
//!
//! Not here: the syntax that makes PostgreSQL's own queries planable (`sql/compat.rs`). What functions such as
//! `set_config` and `pg_cancel_backend` change is changed by [`Surroundings`].
//!
//! Where we differ from PostgreSQL, on purpose:
//! - relations have no row types (`reltype` is 0) and no system columns such as `ctid`;
//! - a view's `pg_depend` rows name whole relations (`refobjsubid` 0), as we record dependencies;
//! - a view's rule has the view's own OID (OIDs are unique in each catalog, not over all of them);
//! - the domains of `information_schema` stand as their base types.

mod activity;
mod catalog;
mod function;
mod house;
mod information_schema;
mod name;
mod regulars;
mod relation;
mod surroundings;
mod types;
mod value;
mod view;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use chrono::{DateTime, Utc};

use self::relation::Rows;
use super::object::{INFORMATION_SCHEMA_OID, PG_CATALOG_OID, REGULARS_OID};
use super::snapshot::Snapshot;
use crate::error::Result;
use crate::pg_type::Oid;

pub use self::function::{function, function_names, parameter_type};
pub use self::house::{Argument, HouseFunction, house_functions};
pub use self::regulars::{FunctionRow, Lore, Standing};
pub use self::relation::{SystemColumn, SystemRelation, relation, relation_by_oid, relations};
pub use self::surroundings::{
    CursorRow, Gathered, IndexRow, PieceRow, PreparedRow, SessionRow, SettingKind, SettingRow, Surroundings,
};
pub use self::types::regproc_text;

/// The version of PostgreSQL whose protocol and catalog we speak.
pub const SERVER_VERSION: &str = "16.0";
pub const SERVER_VERSION_NUM: i32 = 160_000;

/// OID of the only database: the first that PostgreSQL gives to a user's database. pgAdmin hides those below, as the
/// system's. It stands in `pg_database` alone, so that the relation with the same number is no other's.
const DATABASE_OID: Oid = 16384;
const DEFAULT_TABLESPACE_OID: Oid = 1663;
const HEAP_OID: Oid = 2;
const ENCODING_UTF8: i32 = 6;

/// What system relations and catalog functions are computed from: one statement's view of the world.
#[derive(Debug)]
pub struct SystemContext {
    pub snapshot: Arc<Snapshot>,
    pub database: String,
    pub session_user: Oid,
    pub current_user: Oid,
    /// As set, in order; `"$user"` stands for the schema of the user's name.
    pub search_path: Vec<String>,
    pub server_started_at: DateTime<Utc>,
    /// The statement's instant.
    pub now: DateTime<Utc>,
    /// This session's, as in its cancel key.
    pub process_id: i32,
    /// What is not the catalog's own knowledge.
    pub lore: Arc<dyn Lore>,
    pub surroundings: Arc<dyn Surroundings>,
    /// What of the surroundings was asked for already.
    pub gathered: Gathered,
}

impl SystemContext {
    pub(super) fn settings(&self) -> &[SettingRow] {
        self.gathered.settings.get_or_init(|| self.surroundings.settings())
    }

    pub(super) fn sessions(&self) -> &[SessionRow] {
        self.gathered.sessions.get_or_init(|| self.surroundings.sessions())
    }
}

/// Puts the rows of a context into a relation.
type Build = fn(&SystemContext, &mut Rows<'_>) -> Result<()>;

/// Who fills a relation; `None` for those that are empty here.
fn builder_of(relation: &SystemRelation) -> Option<Build> {
    BUILDERS.get(&(relation.schema_oid(), relation.name())).copied()
}

/// By schema and name.
static BUILDERS: LazyLock<HashMap<(Oid, &'static str), Build>> = LazyLock::new(|| {
    let catalog = catalog::BUILDERS.iter().chain(view::BUILDERS).chain(activity::BUILDERS);
    let catalog = catalog.map(|(name, build)| ((PG_CATALOG_OID, *name), *build));
    let standard = information_schema::BUILDERS.iter();
    let standard = standard.map(|(name, build)| ((INFORMATION_SCHEMA_OID, *name), *build));
    let ours = regulars::BUILDERS.iter().map(|(name, build)| ((REGULARS_OID, *name), *build));
    catalog.chain(standard).chain(ours).collect()
});
