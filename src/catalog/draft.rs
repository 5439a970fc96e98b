//! What a transaction has changed and not yet committed.
//!
//! A draft is a base snapshot and a working one. Its own statements see the working one; nobody else sees it until
//! [`Catalog::commit`](super::Catalog::commit). Cloning is cheap: that is a SAVEPOINT, and putting the clone back is
//! ROLLBACK TO. Dropping it is ROLLBACK.
//!
//! Every method either does the whole of what it says or refuses, in PostgreSQL's words, and changes nothing.
//! Dropping is in `draft/removal.rs`, roles are in `draft/roles.rs`.
//!
//! A draft acts as a role ([`Draft::act_as`]): what it makes is that role's, and what is another's it refuses to change.

mod access;
mod audience;
mod removal;
mod roles;

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, SubsecRound, Utc};

pub use self::roles::NewMemberships;
use super::dependency::Doomed;
use super::invariant;
use super::object::{
    BOOTSTRAP_ROLE_OID, Column, Definition, FIRST_USER_OID, INFORMATION_SCHEMA_OID, PG_CATALOG_OID, PUBLIC_OID,
    READER_ROLE, REGULARS_OID, Relation, RelationKind, Role, Schema,
};
use super::oid::Issuer;
use super::snapshot::Snapshot;
use crate::error::{Error, Result, SqlState, message};
use crate::error::{Notice, NoticeSeverity};
use crate::ident::{self, NAME_BYTES_MAX};
use crate::pg_type::Oid;
use crate::sql::statement::Name;

#[derive(Debug, Clone)]
pub struct Draft {
    base: Arc<Snapshot>,
    working: Arc<Snapshot>,
    /// Everything that was ever written in this draft, perhaps back to what it was.
    touched: BTreeSet<Oid>,
    /// Dropped by CASCADE alone.
    taken_along: BTreeSet<Oid>,
    search_path: Vec<Oid>,
    /// Who changes things.
    actor: Oid,
    /// As whom they signed in.
    session_user: Oid,
    issuer: Arc<Issuer>,
}

/// A view as CREATE VIEW describes it; the names in the definition are already resolved.
#[derive(Debug, Clone)]
pub struct NewView {
    pub schema: Oid,
    pub name: String,
    /// Their comments are ignored: a new view has none, and a replaced one keeps its own.
    pub columns: Vec<Column>,
    pub definition: Definition,
}

/// A name in a statement, perhaps with a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelationName {
    pub schema: Option<String>,
    pub name: String,
}

/// What kind of relation a statement is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MustBe {
    /// `ALTER TABLE x RENAME` may name a view, as in PostgreSQL.
    AnyRelation,
    Table,
    View,
    MaterializedView,
}

impl MustBe {
    /// As messages call it.
    fn kind(self) -> &'static str {
        match self {
            MustBe::AnyRelation => "relation",
            MustBe::Table => "table",
            MustBe::View => "view",
            MustBe::MaterializedView => "materialized view",
        }
    }

    fn fits(self, kind: &RelationKind) -> bool {
        match self {
            MustBe::AnyRelation => true,
            MustBe::Table => matches!(kind, RelationKind::Table { .. }),
            MustBe::View => matches!(kind, RelationKind::View(_)),
            MustBe::MaterializedView => matches!(kind, RelationKind::MaterializedView(_)),
        }
    }
}

impl Draft {
    pub(super) fn new(base: Arc<Snapshot>, issuer: Arc<Issuer>) -> Self {
        Self {
            working: Arc::clone(&base),
            base,
            touched: BTreeSet::new(),
            taken_along: BTreeSet::new(),
            search_path: vec![PG_CATALOG_OID, PUBLIC_OID],
            actor: BOOTSTRAP_ROLE_OID,
            session_user: BOOTSTRAP_ROLE_OID,
            issuer,
        }
    }

    /// What the transaction's statements see: the catalog as it was at BEGIN, with the transaction's own changes.
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.working
    }

    /// Whether a commit would change anything.
    pub fn is_changed(&self) -> bool {
        self.changed().next().is_some()
    }

    /// The schemas in which bare names are looked up, first ones first; messages name what is found there bare.
    /// Until it is said: `pg_catalog`, `public`.
    pub fn set_search_path(&mut self, schemas: Vec<Oid>) {
        self.search_path = schemas;
    }

    /// The role that does what comes next; until it is said, the bootstrap superuser.
    ///
    /// 42501 for a reader: neither the role nor the session's user may be one, so that SET ROLE is no way around it.
    pub fn act_as(&mut self, role: Oid, session_user: Oid) -> Result<()> {
        if let Some(reader) = [role, session_user].into_iter().find(|oid| self.working.is_reader(*oid)) {
            let name = self.working.role(reader).map_or("", |role| role.name.as_str());
            return Err(message::reader_cannot_change(name, READER_ROLE));
        }
        if self.working.role(role).is_none() {
            return Err(message::role_is_gone(role));
        }
        (self.actor, self.session_user) = (role, session_user);
        Ok(())
    }

    /// The name of whoever changes things, for what is remembered of definitions.
    pub(super) fn author(&self) -> &str {
        self.working.role(self.actor).map_or("", |role| role.name.as_str())
    }

    /// The table or view of this name, along the search path unless it is qualified. System relations are not found.
    pub fn find(&self, name: &RelationName) -> Option<&Arc<Relation>> {
        let bare = fitted(&name.name);
        match &name.schema {
            Some(schema) => {
                let schema = self.working.schema_named(fitted(schema))?.oid;
                self.working.relation_named(schema, bare)
            }
            None => self.search_path.iter().find_map(|schema| self.working.relation_named(*schema, bare)),
        }
    }

    /// Refuses a relation of the wrong kind: 42809; an unknown OID: 42P01.
    pub fn require(&self, oid: Oid, must_be: MustBe) -> Result<&Arc<Relation>> {
        let relation = self.working.relation(oid).ok_or_else(|| message::relation_oid_missing(oid))?;
        if must_be.fits(&relation.kind) {
            Ok(relation)
        } else {
            Err(message::wrong_kind(&relation.name, must_be.kind()))
        }
    }

    /// [`Self::require`], and 42501 for a relation that is another role's.
    pub fn require_own(&self, oid: Oid, must_be: MustBe) -> Result<&Arc<Relation>> {
        let relation = self.require(oid, must_be)?;
        self.refuse_anothers(relation)?;
        Ok(relation)
    }

    /// CREATE SCHEMA. 42P06 when it exists, a notice with IF NOT EXISTS; 42939 for `pg_…`.
    pub fn create_schema(&mut self, name: &str, if_not_exists: bool) -> Result<Vec<Notice>> {
        let (name, mut notices) = new_name(name)?;
        if name.starts_with("pg_") {
            return Err(message::schema_name_reserved(&name));
        }
        if self.working.schema_named(&name).is_some() {
            if !if_not_exists {
                return Err(message::schema_exists(&name));
            }
            notices.push(notice(SqlState::DuplicateSchema, message::schema_exists_skipping(&name)));
            return Ok(notices);
        }
        let oid = self.issuer.take_oid()?;
        self.put_schema(Schema { oid, name, owner: self.actor, comment: None });
        Ok(notices)
    }

    /// CREATE [OR REPLACE] VIEW; gives the view's OID, which a replaced one keeps, as it keeps its comments and
    /// `created_at`.
    ///
    /// 42P07 when the name is taken, 42809 when a table would be replaced, 42701 for a repeated column, 42P16 when
    /// the columns of a replaced view do not go on as they were, 42P17 when the view would read itself, 42501 in a
    /// system schema. `now` is kept to the microsecond, as PostgreSQL keeps instants.
    pub fn create_view(&mut self, view: NewView, or_replace: bool, now: DateTime<Utc>) -> Result<(Oid, Vec<Notice>)> {
        let (name, notices) = new_name(&view.name)?;
        let NewView { schema, columns, definition, .. } = view;
        self.refuse_system_schema(schema, &name)?;
        self.refuse_unsound(&definition)?;
        let now = now.trunc_subsecs(6);
        let existing = self.working.relation_named(schema, &name).map(Arc::clone);
        let relation = match existing {
            Some(existing) if or_replace => {
                self.require(existing.oid, MustBe::View)?;
                self.refuse_anothers(&existing)?;
                let columns = replaced_columns(&existing, columns)?;
                self.refuse_circle(&existing, &definition)?;
                let kind = RelationKind::View(definition);
                Relation { columns, kind, replaced_at: Some(now), ..Relation::clone(&existing) }
            }
            Some(_) => return Err(message::relation_exists(&name)),
            None => Relation {
                oid: self.issuer.take_oid()?,
                schema,
                name,
                owner: self.actor,
                kind: RelationKind::View(definition),
                columns: new_columns(columns)?,
                comment: None,
                created_at: now,
                replaced_at: None,
                access: None,
            },
        };
        let oid = relation.oid;
        self.put_relation(relation);
        Ok((oid, notices))
    }

    /// ALTER VIEW … RENAME TO. 42P07 when the name is taken (also by itself), 42809 for the wrong kind, 0A000 for a
    /// table of the history.
    pub fn rename_relation(&mut self, oid: Oid, to: &str, must_be: MustBe) -> Result<Vec<Notice>> {
        let (name, notices) = new_name(to)?;
        let relation = self.require(oid, must_be)?;
        self.refuse_anothers(relation)?;
        if let RelationKind::Table { .. } = relation.kind {
            return Err(message::table_cannot_be_renamed(&relation.name));
        }
        if self.working.relation_named(relation.schema, &name).is_some() {
            return Err(message::relation_exists(&name));
        }
        let renamed = Relation { name, ..Relation::clone(relation) };
        self.put_relation(renamed);
        Ok(notices)
    }

    /// COMMENT ON TABLE or VIEW; an empty comment is none, as in PostgreSQL. 42P01 for an unknown OID.
    pub fn comment_on(&mut self, oid: Oid, comment: Option<String>) -> Result<()> {
        let relation = self.require(oid, MustBe::AnyRelation)?;
        self.refuse_anothers(relation)?;
        let comment = comment.filter(|comment| !comment.is_empty());
        let commented = Relation { comment, ..Relation::clone(relation) };
        self.put_relation(commented);
        Ok(())
    }

    /// COMMENT ON SCHEMA, built-in ones too. 3F000 when there is none of that name.
    pub fn comment_on_schema(&mut self, name: &str, comment: Option<String>) -> Result<()> {
        let name = fitted(name);
        let schema = self.working.schema_named(name).ok_or_else(|| message::schema_missing(name))?;
        self.refuse_anothers_schema(schema)?;
        let comment = comment.filter(|comment| !comment.is_empty());
        let commented = Schema { comment, ..Schema::clone(schema) };
        self.put_schema(commented);
        Ok(())
    }

    /// COMMENT ON COLUMN. 42703 when the relation has no such column.
    pub fn set_column_comment(&mut self, oid: Oid, column: &str, comment: Option<String>) -> Result<()> {
        let mut relation = Relation::clone(self.require(oid, MustBe::AnyRelation)?);
        if !self.may_act_for(relation.owner) {
            return Err(message::must_be_owner("relation", &relation.name));
        }
        let Some(commented) = relation.columns.iter_mut().find(|known| known.name == column) else {
            return Err(message::column_missing(column, &relation.name));
        };
        commented.comment = comment.filter(|comment| !comment.is_empty());
        self.put_relation(relation);
        Ok(())
    }

    /// Kind and name as messages and details write it: `view lunch`, `view s."Odd one"`, `schema s`.
    pub fn describe(&self, oid: Oid) -> String {
        describe(&[&self.working, &self.base], &self.search_path, oid)
    }

    pub(super) fn base(&self) -> &Arc<Snapshot> {
        &self.base
    }

    pub(super) fn search_path(&self) -> &[Oid] {
        &self.search_path
    }

    /// The objects that are other than in the base.
    pub(super) fn changed(&self) -> impl Iterator<Item = Oid> {
        self.touched().filter(|oid| {
            self.base.role(*oid) != self.working.role(*oid)
                || self.base.schema(*oid) != self.working.schema(*oid)
                || self.base.relation(*oid) != self.working.relation(*oid)
        })
    }

    /// The objects that were written, perhaps back to what they were, perhaps made and removed again.
    pub(super) fn touched(&self) -> impl Iterator<Item = Oid> {
        self.touched.iter().copied()
    }

    pub(super) fn issuer(&self) -> &Arc<Issuer> {
        &self.issuer
    }

    pub(super) fn put_role(&mut self, role: Role) {
        self.edit(role.oid).put_role(Arc::new(role));
    }

    pub(super) fn put_schema(&mut self, schema: Schema) {
        self.edit(schema.oid).put_schema(Arc::new(schema));
    }

    pub(super) fn put_relation(&mut self, relation: Relation) {
        self.edit(relation.oid).put_relation(Arc::new(relation));
    }

    /// Removes a role, schema or relation without asking what depends on it.
    pub(super) fn remove(&mut self, oid: Oid) {
        let working = self.edit(oid);
        working.remove_role(oid);
        working.remove_schema(oid);
        working.remove_relation(oid);
    }

    /// Whether it went because of something else that was dropped, unnamed: then it does not matter who else drops it.
    pub(super) fn took_along(&self, oid: Oid) -> bool {
        self.taken_along.contains(&oid)
    }

    fn edit(&mut self, oid: Oid) -> &mut Snapshot {
        self.touched.insert(oid);
        let working = Arc::make_mut(&mut self.working);
        working.set_version(self.issuer.take_draft_version());
        working
    }

    fn may_act_for(&self, owner: Oid) -> bool {
        self.working.has_rights_of(self.actor, owner)
    }

    /// 42501 for a relation whose owner is another.
    fn refuse_anothers(&self, relation: &Relation) -> Result<()> {
        if self.may_act_for(relation.owner) {
            return Ok(());
        }
        Err(message::must_be_owner(relation.kind_name(), &relation.name))
    }

    fn refuse_anothers_schema(&self, schema: &Schema) -> Result<()> {
        if self.may_act_for(schema.owner) { Ok(()) } else { Err(message::must_be_owner("schema", &schema.name)) }
    }

    fn refuse_system_schema(&self, schema: Oid, name: &str) -> Result<()> {
        match schema {
            PG_CATALOG_OID => Err(message::system_catalog_is_fixed("pg_catalog", name)),
            INFORMATION_SCHEMA_OID => Err(message::permission_denied_for_schema("information_schema")),
            REGULARS_OID => Err(message::permission_denied_for_schema("regulars")),
            oid if self.working.schema(oid).is_none() => Err(message::schema_missing(&format!("OID {oid}"))),
            _ => Ok(()),
        }
    }

    /// What planning hands over must fit this draft; otherwise it was planned against another snapshot.
    fn refuse_unsound(&self, definition: &Definition) -> Result<()> {
        if !invariant::definition_is_sound(definition) {
            return Err(message::internal("places of names in a view definition are out of order"));
        }
        let missing = definition
            .references
            .iter()
            .map(|reference| reference.relation)
            .find(|relation| *relation >= FIRST_USER_OID && self.working.relation(*relation).is_none());
        match missing {
            Some(oid) => Err(message::relation_oid_missing(oid)),
            None => Ok(()),
        }
    }

    fn refuse_circle(&self, view: &Relation, definition: &Definition) -> Result<()> {
        let reads = definition.references.iter().map(|reference| reference.relation).collect();
        match invariant::circle_through(&self.working, view.oid, &reads) {
            Some(circle) => {
                let sentence = invariant::circle_sentence(&circle, |oid| self.describe(oid));
                Err(message::view_reads_itself(&view.name, sentence))
            }
            None => Ok(()),
        }
    }
}

impl From<&Name> for RelationName {
    fn from(name: &Name) -> Self {
        Self { schema: name.schema.clone(), name: name.name.clone() }
    }
}

impl RelationName {
    pub fn bare(name: impl Into<String>) -> Self {
        Self { schema: None, name: name.into() }
    }

    pub fn qualified(schema: impl Into<String>, name: impl Into<String>) -> Self {
        Self { schema: Some(schema.into()), name: name.into() }
    }
}

/// Kind and name of an object, from the first of these snapshots that holds it.
pub(super) fn describe(snapshots: &[&Snapshot], search_path: &[Oid], oid: Oid) -> String {
    for snapshot in snapshots {
        if let Some(role) = snapshot.role(oid) {
            return format!("role {}", ident::quote(&role.name));
        }
        if let Some(schema) = snapshot.schema(oid) {
            return format!("schema {}", ident::quote(&schema.name));
        }
        let Some(relation) = snapshot.relation(oid) else { continue };
        let name = ident::quote(&relation.name);
        let first = search_path.iter().find_map(|schema| snapshot.relation_named(*schema, &relation.name));
        let visible = first.is_some_and(|first| first.oid == oid);
        // A relation may be left over in a merged state whose schema is gone; then an earlier one knows its name.
        let schema = snapshots.iter().find_map(|snapshot| snapshot.schema(relation.schema));
        return match schema {
            Some(schema) if !visible => format!("{} {}.{name}", relation.kind_name(), ident::quote(&schema.name)),
            _ => format!("{} {name}", relation.kind_name()),
        };
    }
    format!("an object with OID {oid}")
}

/// The columns of a view that replaces another: the old ones first, unchanged, then perhaps new ones.
fn replaced_columns(existing: &Relation, columns: Vec<Column>) -> Result<Vec<Column>> {
    if columns.len() < existing.columns.len() {
        return Err(message::view_columns_dropped());
    }
    for (old, new) in existing.columns.iter().zip(&columns) {
        if old.name != new.name {
            return Err(message::view_column_renamed(&old.name, &new.name));
        }
        if old.pg_type != new.pg_type {
            let (from, to) = (old.pg_type.sql_name(), new.pg_type.sql_name());
            return Err(message::view_column_retyped(&old.name, &from, &to));
        }
    }
    let mut replaced = existing.columns.clone();
    for column in columns.into_iter().skip(existing.columns.len()) {
        if replaced.iter().any(|known| known.name == column.name) {
            return Err(message::column_exists(&column.name, &existing.name));
        }
        replaced.push(Column { comment: None, ..column });
    }
    Ok(replaced)
}

fn new_columns(columns: Vec<Column>) -> Result<Vec<Column>> {
    let mut seen = BTreeSet::new();
    if let Some(repeated) = columns.iter().find(|column| !seen.insert(column.name.as_str())) {
        return Err(message::column_repeated(&repeated.name));
    }
    Ok(columns.into_iter().map(|column| Column { comment: None, ..column }).collect())
}

/// A name as it will be stored: cut to what a name can hold, with PostgreSQL's notice when that changes it.
fn new_name(name: &str) -> Result<(String, Vec<Notice>)> {
    if name.is_empty() {
        return Err(message::name_empty());
    }
    let fitted = fitted(name);
    let notices = if fitted.len() < name.len() {
        vec![notice(SqlState::NameTooLong, message::name_truncated(name, fitted))]
    } else {
        Vec::new()
    };
    Ok((fitted.to_owned(), notices))
}

/// The part of a name that PostgreSQL keeps: at most 63 bytes, whole characters.
fn fitted(name: &str) -> &str {
    &name[..name.floor_char_boundary(NAME_BYTES_MAX)]
}

fn notice(state: SqlState, message: String) -> Notice {
    Notice { severity: NoticeSeverity::Notice, state, message, detail: None, hint: None }
}

#[cfg(test)]
mod tests;
