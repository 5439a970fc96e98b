//! What the catalog holds: roles, schemas and relations, each with a stored OID.

use std::collections::BTreeMap;

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};

use super::privilege::AccessList;
use crate::pg_type::{Oid, PgType};
use crate::scram::Verifier;
use crate::storage::member_file::MemberFile;

/// The superuser that is always there, owner of what nobody made; PostgreSQL's has this OID.
pub const BOOTSTRAP_ROLE_OID: Oid = 10;
/// The role `reader`: it and its members cannot change anything.
pub const READER_ROLE_OID: Oid = 13_910;
pub const READER_ROLE: &str = "reader";
/// Objects of users start here, as in PostgreSQL; below are the fixed ones.
pub const FIRST_USER_OID: Oid = 16_384;

pub const PG_CATALOG_OID: Oid = 11;
pub const PUBLIC_OID: Oid = 2200;
pub const INFORMATION_SCHEMA_OID: Oid = 13_183;
/// The schema `regulars`: our own relations and questions.
pub const REGULARS_OID: Oid = 13_900;

/// Somebody who may sign in, or a group of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    pub oid: Oid,
    pub name: String,
    pub is_superuser: bool,
    /// Has the rights of the roles it is a member of without SET ROLE.
    pub inherits: bool,
    pub can_log_in: bool,
    /// Sessions at once; `None` is no limit.
    pub connection_limit: Option<u32>,
    /// `None`: no password is right.
    pub password: Option<Verifier>,
    /// The password is right before this instant; `None` is for ever.
    pub valid_until: Option<DateTime<Utc>>,
    /// The roles that it is directly a member of.
    pub member_of: BTreeMap<Oid, Membership>,
}

/// That a role is a member of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Membership {
    pub oid: Oid,
    pub grantor: Oid,
    /// The member may grant and revoke the role.
    pub is_admin: bool,
}

impl Role {
    /// A role as CREATE ROLE makes it when nothing else is said.
    pub fn new(oid: Oid, name: impl Into<String>) -> Self {
        Self {
            oid,
            name: name.into(),
            is_superuser: false,
            inherits: true,
            can_log_in: false,
            connection_limit: None,
            password: None,
            valid_until: None,
            member_of: BTreeMap::new(),
        }
    }

    /// The password, while it is valid.
    pub fn valid_password(&self, now: DateTime<Utc>) -> Option<&Verifier> {
        self.password.as_ref().filter(|_| self.valid_until.is_none_or(|until| now < until))
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    pub oid: Oid,
    pub name: String,
    pub owner: Oid,
    pub comment: Option<String>,
}

/// A table of the purchase history, a view, or a kept list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    pub oid: Oid,
    pub schema: Oid,
    pub name: String,
    pub owner: Oid,
    pub kind: RelationKind,
    pub columns: Vec<Column>,
    pub comment: Option<String>,
    pub created_at: DateTime<Utc>,
    /// When CREATE OR REPLACE last changed the definition.
    pub replaced_at: Option<DateTime<Utc>>,
    /// Who may do what with it; `None` until somebody grants or revokes something: [`Relation::access_list`].
    pub access: Option<AccessList>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RelationKind {
    /// Read from the user's own files. `present` is false while the configuration no longer names it.
    Table {
        present: bool,
    },
    View(Definition),
    MaterializedView(Materialized),
}

/// A kept list: the rows of a query as they were when it was last refreshed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Materialized {
    pub definition: Definition,
    pub options: AudienceOptions,
    /// The runs whose rows are kept, newest first.
    pub runs: Vec<Arc<Run>>,
    /// The number of the newest run ever, kept or not; 0 before the first.
    pub last_run: u32,
    /// Whether the newest run's rows are shown; otherwise it cannot be read until it is refreshed.
    pub is_populated: bool,
}

/// What WITH (…) says of an audience.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudienceOptions {
    /// Where it is delivered to, unless the delivery says otherwise.
    pub channel: Option<String>,
    /// When it is refreshed by itself, as written: `daily 06:00`.
    pub refresh: Option<String>,
    /// How many runs' rows are kept, the newest included.
    pub keep: u32,
    /// Fewer members than this are not delivered.
    pub minimum: Option<u32>,
}

impl Default for AudienceOptions {
    fn default() -> Self {
        Self { channel: None, refresh: None, keep: 30, minimum: None }
    }
}

/// One refresh that succeeded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// From 1 in each list.
    pub number: u32,
    pub file: Arc<MemberFile>,
    pub rows: u64,
    /// Of the file.
    pub bytes: u64,
    /// Members there were at that time.
    pub universe: u64,
    /// `asof()` of the refresh.
    pub as_of: NaiveDate,
    pub started_at: DateTime<Utc>,
    pub finished_at: DateTime<Utc>,
    /// Who refreshed it.
    pub by: String,
    /// The query and those of all segments below it, as they were.
    pub definition: String,
    /// SHA-256 of the definition, in hexadecimal.
    pub definition_hash: String,
    /// SHA-256, in hexadecimal, of [`History::files_seen`](crate::history::History::files_seen). `None` of runs from before
    /// this was kept.
    pub data_version: Option<String>,
}

impl Materialized {
    /// The run whose rows are shown.
    pub fn shown(&self) -> Option<&Arc<Run>> {
        self.runs.first().filter(|_| self.is_populated)
    }

    pub fn run(&self, number: u32) -> Option<&Arc<Run>> {
        self.runs.iter().find(|run| run.number == number)
    }
}

/// A view's query as its author wrote it, with the places of the relation names in it.
///
/// Never a plan: it is planned when used, so a view on a view follows a replaced definition; and the names are
/// looked up by OID, so it follows a rename.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    pub text: String,
    /// In the order of the text, not overlapping.
    pub references: Vec<Reference>,
}

/// A relation's name inside a definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reference {
    /// Byte offset of the first byte of the (perhaps qualified) name.
    pub start: usize,
    /// Byte offset behind its last byte.
    pub end: usize,
    pub relation: Oid,
    /// The name stands where an alias would otherwise be implied (`FROM members`): if the relation is renamed,
    /// columns qualified by the old name must go on working.
    pub needs_alias: bool,
}

/// A column as announced: for a view the list fixed at creation, so that `SELECT *` does not grow later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    pub pg_type: PgType,
    pub comment: Option<String>,
}

/// Whether a view of these columns is a segment: it names members first.
pub fn are_of_segment(columns: &[Column]) -> bool {
    columns.first().is_some_and(|column| column.name == "member_id")
}

impl Relation {
    pub fn is_view(&self) -> bool {
        matches!(self.kind, RelationKind::View(_))
    }

    pub fn is_table(&self) -> bool {
        matches!(self.kind, RelationKind::Table { .. })
    }

    /// Whether it is a view whose first column is `member_id`.
    pub fn is_segment(&self) -> bool {
        self.is_view() && are_of_segment(&self.columns)
    }

    /// Whether it is a materialized view whose first column is `member_id`.
    pub fn is_audience(&self) -> bool {
        self.materialized().is_some() && are_of_segment(&self.columns)
    }

    pub fn materialized(&self) -> Option<&Materialized> {
        match &self.kind {
            RelationKind::MaterializedView(materialized) => Some(materialized),
            RelationKind::Table { .. } | RelationKind::View(_) => None,
        }
    }

    pub fn definition(&self) -> Option<&Definition> {
        match &self.kind {
            RelationKind::View(definition) => Some(definition),
            RelationKind::MaterializedView(materialized) => Some(&materialized.definition),
            RelationKind::Table { .. } => None,
        }
    }

    /// The relations that this one reads directly, without repetition, in order of OID.
    pub fn reads(&self) -> std::collections::BTreeSet<Oid> {
        self.definition()
            .map(|definition| definition.references.iter().map(|reference| reference.relation).collect())
            .unwrap_or_default()
    }

    /// As messages call it.
    pub fn kind_name(&self) -> &'static str {
        match self.kind {
            RelationKind::Table { .. } => "table",
            RelationKind::View(_) => "view",
            RelationKind::MaterializedView(_) => "materialized view",
        }
    }
}
