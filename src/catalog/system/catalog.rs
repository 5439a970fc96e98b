//! Rows of PostgreSQL's own catalogs (`pg_class`, `pg_attribute`, …), made from ours.

use super::house;
use super::relation::Rows;
use super::value::Value;
use super::{Build, DATABASE_OID, DEFAULT_TABLESPACE_OID, ENCODING_UTF8, HEAP_OID, SystemContext, relations, types};
use crate::catalog::object::{BOOTSTRAP_ROLE_OID, FIRST_USER_OID, PG_CATALOG_OID, RelationKind, Role};
use crate::catalog::privilege::{AccessList, PUBLIC};
use crate::error::{Result, message};
use crate::ident::quote;
use crate::pg_type::{Oid, PgType};

pub(super) const BUILDERS: &[(&str, Build)] = &[
    ("pg_aggregate", pg_aggregate),
    ("pg_am", pg_am),
    ("pg_attribute", pg_attribute),
    ("pg_auth_members", pg_auth_members),
    ("pg_authid", pg_authid),
    ("pg_cast", pg_cast),
    ("pg_class", pg_class),
    ("pg_collation", pg_collation),
    ("pg_database", pg_database),
    ("pg_depend", pg_depend),
    ("pg_description", pg_description),
    ("pg_language", pg_language),
    ("pg_get_keywords()", pg_get_keywords),
    ("pg_namespace", pg_namespace),
    ("pg_operator", pg_operator),
    ("pg_proc", pg_proc),
    ("pg_rewrite", pg_rewrite),
    ("pg_tablespace", pg_tablespace),
    ("pg_type", pg_type),
];

/// OIDs of the catalogs that others refer to by `classid`.
const PG_CLASS: Oid = 1259;
const PG_NAMESPACE: Oid = 2615;
const PG_REWRITE: Oid = 2618;

/// What sizes are shown in; the setting `block_size`.
const PAGE_BYTES: u64 = 8192;

fn pg_namespace(context: &SystemContext, rows: &mut Rows<'_>) -> Result<()> {
    for schema in context.snapshot.schemas() {
        rows.add([("oid", schema.oid.into()), ("nspname", (&schema.name).into()), ("nspowner", schema.owner.into())]);
    }
    Ok(())
}

/// One row of `pg_class`; the rest is the same for all relations here.
struct ClassRow<'a> {
    oid: Oid,
    name: &'a str,
    schema: Oid,
    owner: Oid,
    kind: char,
    columns: usize,
    is_populated: bool,
    /// Of the files of a table of the history, as far as they are known.
    bytes: u64,
    rows: Option<u64>,
    /// NULL for the default.
    access: Value,
}

impl ClassRow<'_> {
    fn add_to(self, rows: &mut Rows<'_>) {
        let is_table = self.kind == 'r';
        // What the rows of are kept here: a table, and a materialized view.
        let has_storage = is_table || self.kind == 'm';
        rows.add([
            ("oid", self.oid.into()),
            ("relname", self.name.to_owned().into()),
            ("relnamespace", self.schema.into()),
            ("relowner", self.owner.into()),
            ("relam", if has_storage { HEAP_OID } else { 0 }.into()),
            ("relfilenode", if has_storage { self.oid } else { 0 }.into()),
            ("relpages", Value::Int(i32::try_from(self.bytes.div_ceil(PAGE_BYTES)).unwrap_or(i32::MAX).into())),
            // Unknown, as for a table that was never analyzed.
            ("reltuples", Value::Float(self.rows.map_or(-1.0, |rows| rows as f64))),
            ("relpersistence", "p".into()),
            ("relkind", self.kind.to_string().into()),
            ("relnatts", Value::Int(self.columns as i64)),
            ("relhasrules", (!is_table).into()),
            ("relispopulated", self.is_populated.into()),
            ("relacl", self.access),
            ("relreplident", if has_storage && self.oid >= FIRST_USER_OID { "d" } else { "n" }.into()),
        ]);
    }
}

fn pg_class(context: &SystemContext, rows: &mut Rows<'_>) -> Result<()> {
    for relation in relations() {
        ClassRow {
            oid: relation.oid(),
            name: relation.name(),
            schema: relation.schema_oid(),
            owner: BOOTSTRAP_ROLE_OID,
            kind: relation.kind(),
            columns: relation.columns().len(),
            is_populated: true,
            bytes: 0,
            rows: None,
            access: Value::Null,
        }
        .add_to(rows);
    }
    for relation in context.user_relations() {
        let table = relation.definition().is_none().then_some(relation.name.as_str());
        ClassRow {
            oid: relation.oid,
            name: &relation.name,
            schema: relation.schema,
            owner: relation.owner,
            kind: kind_of(&relation.kind),
            columns: relation.columns.len(),
            is_populated: relation.materialized().is_none_or(|list| list.is_populated),
            bytes: table.and_then(|name| context.surroundings.table_bytes(name)).unwrap_or_default(),
            rows: table.and_then(|name| context.surroundings.table_rows(name)),
            access: relation.access.as_ref().map_or(Value::Null, |access| acl_of(context, relation.owner, access)),
        }
        .add_to(rows);
    }
    Ok(())
}

/// An access list as PostgreSQL writes it: the owner first, then PUBLIC, then the others.
fn acl_of(context: &SystemContext, owner: Oid, access: &AccessList) -> Value {
    let name = |oid: Oid| if oid == PUBLIC { String::new() } else { quote(&context.role_name(oid)) };
    let mut grantees: Vec<_> = access.iter().collect();
    grantees.sort_by_key(|(grantee, _)| *grantee != owner);
    let grantor = name(owner);
    let items = grantees
        .into_iter()
        .map(|(oid, privileges)| format!("{}={}/{grantor}", name(oid), privileges.letters()).into());
    Value::List(items.collect())
}

/// `pg_class.relkind`.
pub(super) fn kind_of(kind: &RelationKind) -> char {
    match kind {
        RelationKind::Table { .. } => 'r',
        RelationKind::View(_) => 'v',
        RelationKind::MaterializedView(_) => 'm',
    }
}

fn pg_attribute(context: &SystemContext, rows: &mut Rows<'_>) -> Result<()> {
    for relation in relations() {
        for (number, column) in (1..).zip(relation.columns()) {
            let pg_type = PgType { oid: column.type_oid, typmod: -1 };
            add_attribute(rows, relation.oid(), number, column.name, pg_type, column.not_null);
        }
    }
    for relation in context.user_relations() {
        for (number, column) in (1..).zip(&relation.columns) {
            add_attribute(rows, relation.oid, number, &column.name, column.pg_type, false);
        }
    }
    Ok(())
}

fn add_attribute(rows: &mut Rows<'_>, relation: Oid, number: i16, name: &str, pg_type: PgType, not_null: bool) {
    let facts = types::type_of(pg_type.oid);
    rows.add([
        ("attrelid", relation.into()),
        ("attname", name.to_owned().into()),
        ("atttypid", pg_type.oid.into()),
        ("attstattarget", Value::Int(-1)),
        ("attlen", facts.map_or(-1, |facts| facts.length).into()),
        ("attnum", number.into()),
        ("attndims", i32::from(facts.is_some_and(|facts| facts.category == 'A')).into()),
        ("attcacheoff", Value::Int(-1)),
        ("atttypmod", pg_type.typmod.into()),
        ("attbyval", facts.is_some_and(|facts| facts.by_value).into()),
        ("attalign", facts.map_or("i", |facts| facts.align).into()),
        ("attstorage", facts.map_or("p", |facts| facts.storage).into()),
        ("attnotnull", not_null.into()),
        ("attislocal", true.into()),
        ("attcollation", facts.map_or(0, |facts| facts.collation).into()),
    ]);
}

fn pg_type(_context: &SystemContext, rows: &mut Rows<'_>) -> Result<()> {
    rows.add_copied(types::TYPE_ROWS);
    Ok(())
}

fn pg_proc(_context: &SystemContext, rows: &mut Rows<'_>) -> Result<()> {
    rows.add_copied(types::FUNCTION_ROWS);
    house::add_rows(rows);
    Ok(())
}

fn pg_aggregate(_context: &SystemContext, rows: &mut Rows<'_>) -> Result<()> {
    rows.add_copied(include_str!("facts/aggregates.tsv"));
    Ok(())
}

fn pg_operator(_context: &SystemContext, rows: &mut Rows<'_>) -> Result<()> {
    rows.add_copied(include_str!("facts/operators.tsv"));
    Ok(())
}

fn pg_cast(_context: &SystemContext, rows: &mut Rows<'_>) -> Result<()> {
    rows.add_copied(include_str!("facts/casts.tsv"));
    Ok(())
}

/// The words of PostgreSQL's grammar, which is the one that we follow.
fn pg_get_keywords(_context: &SystemContext, rows: &mut Rows<'_>) -> Result<()> {
    rows.add_copied(include_str!("facts/keywords.tsv"));
    Ok(())
}

/// The rule `_RETURN` of every view; its OID is the view's.
fn pg_rewrite(context: &SystemContext, rows: &mut Rows<'_>) -> Result<()> {
    let system = relations().iter().filter(|relation| relation.kind() == 'v').map(|relation| relation.oid());
    let views = context.user_relations().filter(|relation| relation.definition().is_some());
    for view in system.chain(views.map(|relation| relation.oid)) {
        rows.add([
            ("oid", view.into()),
            ("rulename", "_RETURN".into()),
            ("ev_class", view.into()),
            ("ev_type", "1".into()),
            ("ev_enabled", "O".into()),
            ("is_instead", true.into()),
            ("ev_qual", "<>".into()),
            ("ev_action", "<>".into()),
        ]);
    }
    Ok(())
}

/// As PostgreSQL records it: a relation needs its schema; a view's rule belongs to the view and needs what it reads.
fn pg_depend(context: &SystemContext, rows: &mut Rows<'_>) -> Result<()> {
    let mut add = |class: Oid, object: Oid, needed_class: Oid, needed: Oid, how: &'static str| {
        rows.add([
            ("classid", class.into()),
            ("objid", object.into()),
            ("refclassid", needed_class.into()),
            ("refobjid", needed.into()),
            ("deptype", how.into()),
        ]);
    };
    for relation in context.user_relations() {
        add(PG_CLASS, relation.oid, PG_NAMESPACE, relation.schema, "n");
        if relation.definition().is_none() {
            continue;
        }
        let rule = relation.oid;
        add(PG_REWRITE, rule, PG_CLASS, relation.oid, "i");
        add(PG_REWRITE, rule, PG_CLASS, relation.oid, "n");
        for read in relation.reads() {
            if context.relation_name(read).is_some() {
                add(PG_REWRITE, rule, PG_CLASS, read, "n");
            }
        }
    }
    Ok(())
}

/// A comment and whose it is.
#[derive(Debug)]
pub(super) struct Comment {
    pub object: Oid,
    /// The catalog that the object is a row of.
    pub class: Oid,
    /// Column number; 0 for the object itself.
    pub column: i32,
    pub text: String,
}

pub(super) fn comments(context: &SystemContext) -> Vec<Comment> {
    let mut comments = Vec::new();
    let mut add = |object, class, column, text: &Option<String>| {
        if let Some(text) = text {
            comments.push(Comment { object, class, column, text: text.clone() });
        }
    };
    for schema in context.snapshot.schemas() {
        add(schema.oid, PG_NAMESPACE, 0, &schema.comment);
    }
    for relation in context.user_relations() {
        add(relation.oid, PG_CLASS, 0, &relation.comment);
        for (number, column) in (1..).zip(&relation.columns) {
            add(relation.oid, PG_CLASS, number, &column.comment);
        }
    }
    comments
}

fn pg_description(context: &SystemContext, rows: &mut Rows<'_>) -> Result<()> {
    for comment in comments(context) {
        rows.add([
            ("objoid", comment.object.into()),
            ("classoid", comment.class.into()),
            ("objsubid", comment.column.into()),
            ("description", comment.text.into()),
        ]);
    }
    Ok(())
}

fn pg_database(context: &SystemContext, rows: &mut Rows<'_>) -> Result<()> {
    rows.add([
        ("oid", DATABASE_OID.into()),
        ("datname", (&context.database).into()),
        ("datdba", BOOTSTRAP_ROLE_OID.into()),
        ("encoding", ENCODING_UTF8.into()),
        ("datlocprovider", "c".into()),
        ("datallowconn", true.into()),
        ("datconnlimit", Value::Int(-1)),
        ("dattablespace", DEFAULT_TABLESPACE_OID.into()),
        // Text is compared by its bytes.
        ("datcollate", "C".into()),
        ("datctype", "C.UTF-8".into()),
    ]);
    Ok(())
}

/// For superusers alone: the verifiers stand in it. SQLSTATE 42501 for others.
fn pg_authid(context: &SystemContext, rows: &mut Rows<'_>) -> Result<()> {
    if !context.is_superuser() {
        return Err(message::permission_denied_for_relation("table", "pg_authid"));
    }
    for role in context.snapshot.roles() {
        rows.add([
            ("oid", role.oid.into()),
            ("rolname", (&role.name).into()),
            ("rolsuper", role.is_superuser.into()),
            ("rolinherit", role.inherits.into()),
            ("rolcreaterole", false.into()),
            ("rolcreatedb", false.into()),
            ("rolcanlogin", role.can_log_in.into()),
            ("rolconnlimit", connection_limit(role)),
            ("rolpassword", role.password.as_ref().map(|password| password.to_text()).into()),
            ("rolvaliduntil", role.valid_until.into()),
        ]);
    }
    Ok(())
}

/// As PostgreSQL writes it: -1 for none.
pub(super) fn connection_limit(role: &Role) -> Value {
    Value::Int(role.connection_limit.map_or(-1, i64::from))
}

fn pg_auth_members(context: &SystemContext, rows: &mut Rows<'_>) -> Result<()> {
    for role in context.snapshot.roles() {
        for (group, membership) in &role.member_of {
            rows.add([
                ("oid", membership.oid.into()),
                ("roleid", (*group).into()),
                ("member", role.oid.into()),
                ("grantor", membership.grantor.into()),
                ("admin_option", membership.is_admin.into()),
                ("inherit_option", role.inherits.into()),
                ("set_option", true.into()),
            ]);
        }
    }
    Ok(())
}

fn pg_tablespace(_context: &SystemContext, rows: &mut Rows<'_>) -> Result<()> {
    rows.add([
        ("oid", DEFAULT_TABLESPACE_OID.into()),
        ("spcname", "pg_default".into()),
        ("spcowner", BOOTSTRAP_ROLE_OID.into()),
    ]);
    Ok(())
}

/// What `relam` of tables points to.
fn pg_am(_context: &SystemContext, rows: &mut Rows<'_>) -> Result<()> {
    rows.add([("oid", HEAP_OID.into()), ("amname", "heap".into()), ("amtype", "t".into())]);
    Ok(())
}

/// What `prolang` of functions points to.
fn pg_language(_context: &SystemContext, rows: &mut Rows<'_>) -> Result<()> {
    for (oid, name) in [(12, "internal"), (14, "sql")] {
        rows.add([
            ("oid", Value::Int(oid)),
            ("lanname", name.into()),
            ("lanowner", BOOTSTRAP_ROLE_OID.into()),
            ("lanpltrusted", (oid == 14).into()),
        ]);
    }
    Ok(())
}

/// The collations that all compare bytes.
fn pg_collation(_context: &SystemContext, rows: &mut Rows<'_>) -> Result<()> {
    for (oid, name, provider, locale) in
        [(100_u32, "default", "d", None), (950, "C", "c", Some("C")), (951, "POSIX", "c", Some("POSIX"))]
    {
        rows.add([
            ("oid", oid.into()),
            ("collname", name.into()),
            ("collnamespace", PG_CATALOG_OID.into()),
            ("collowner", BOOTSTRAP_ROLE_OID.into()),
            ("collprovider", provider.into()),
            ("collisdeterministic", true.into()),
            ("collencoding", Value::Int(-1)),
            ("collcollate", locale.into()),
            ("collctype", locale.into()),
        ]);
    }
    Ok(())
}
