//! Rows of the views that PostgreSQL lays over its catalogs (`pg_tables`, `pg_roles`, …).

use super::catalog::{connection_limit, kind_of};
use super::relation::Rows;
use super::value::Value;
use super::{Build, SystemContext, relations};
use crate::catalog::object::{BOOTSTRAP_ROLE_OID, Role};
use crate::error::{Result, message};
use crate::pg_type::Oid;

pub(super) const BUILDERS: &[(&str, Build)] = &[
    ("pg_group", pg_group),
    ("pg_matviews", pg_matviews),
    ("pg_roles", pg_roles),
    ("pg_shadow", pg_shadow),
    ("pg_stat_all_tables", pg_stat_all_tables),
    ("pg_stat_sys_tables", pg_stat_sys_tables),
    ("pg_stat_user_tables", pg_stat_user_tables),
    ("pg_tables", pg_tables),
    ("pg_user", pg_user),
    ("pg_views", pg_views),
];

fn pg_roles(context: &SystemContext, rows: &mut Rows<'_>) -> Result<()> {
    for role in context.snapshot.roles() {
        rows.add([
            ("oid", role.oid.into()),
            ("rolname", (&role.name).into()),
            ("rolsuper", role.is_superuser.into()),
            ("rolinherit", role.inherits.into()),
            ("rolcreaterole", false.into()),
            ("rolcreatedb", false.into()),
            ("rolcanlogin", role.can_log_in.into()),
            ("rolreplication", false.into()),
            ("rolconnlimit", connection_limit(role)),
            ("rolpassword", HIDDEN.into()),
            ("rolvaliduntil", role.valid_until.into()),
            ("rolbypassrls", false.into()),
        ]);
    }
    Ok(())
}

/// In place of a password, whether there is one or not.
const HIDDEN: &str = "********";

fn pg_user(context: &SystemContext, rows: &mut Rows<'_>) -> Result<()> {
    add_users(context, rows, |_role| HIDDEN.into());
    Ok(())
}

/// `pg_user` with the verifiers, for superusers alone. SQLSTATE 42501 for others.
fn pg_shadow(context: &SystemContext, rows: &mut Rows<'_>) -> Result<()> {
    if !context.is_superuser() {
        return Err(message::permission_denied_for_relation("view", "pg_shadow"));
    }
    add_users(context, rows, |role| role.password.as_ref().map(|password| password.to_text()).into());
    Ok(())
}

fn add_users(context: &SystemContext, rows: &mut Rows<'_>, password: impl Fn(&Role) -> Value) {
    for role in context.snapshot.roles().filter(|role| role.can_log_in) {
        rows.add([
            ("usename", (&role.name).into()),
            ("usesysid", role.oid.into()),
            ("usecreatedb", false.into()),
            ("usesuper", role.is_superuser.into()),
            ("userepl", false.into()),
            ("usebypassrls", false.into()),
            ("passwd", password(role)),
            ("valuntil", role.valid_until.into()),
        ]);
    }
}

/// The roles that do not sign in, and their members.
fn pg_group(context: &SystemContext, rows: &mut Rows<'_>) -> Result<()> {
    for group in context.snapshot.roles().filter(|role| !role.can_log_in) {
        let members = context.snapshot.roles().filter(|role| role.member_of.contains_key(&group.oid));
        let members: Vec<u32> = members.map(|role| role.oid).collect();
        rows.add([("groname", (&group.name).into()), ("grosysid", group.oid.into()), ("grolist", members.into())]);
    }
    Ok(())
}

/// A relation's schema, name, kind and owner.
fn all_relations(context: &SystemContext) -> impl Iterator<Item = (String, String, char, Oid)> {
    let schema_name = |oid| context.schema_name(oid).unwrap_or_default().to_owned();
    let system = relations()
        .iter()
        .map(move |r| (schema_name(r.schema_oid()), r.name().to_owned(), r.kind(), BOOTSTRAP_ROLE_OID));
    let users =
        context.user_relations().map(move |r| (schema_name(r.schema), r.name.clone(), kind_of(&r.kind), r.owner));
    system.chain(users)
}

fn pg_tables(context: &SystemContext, rows: &mut Rows<'_>) -> Result<()> {
    for (schema, name, kind, owner) in all_relations(context) {
        if kind == 'r' {
            rows.add([
                ("schemaname", schema.into()),
                ("tablename", name.into()),
                ("tableowner", context.role_name(owner).into()),
                ("hasindexes", false.into()),
                ("hasrules", false.into()),
                ("hastriggers", false.into()),
                ("rowsecurity", false.into()),
            ]);
        }
    }
    Ok(())
}

/// The definition of a system view is NULL: it is computed, not written in SQL.
fn pg_views(context: &SystemContext, rows: &mut Rows<'_>) -> Result<()> {
    let mut add = |schema, name: &str, owner, definition: Option<String>| {
        rows.add([
            ("schemaname", context.schema_name(schema).unwrap_or_default().to_owned().into()),
            ("viewname", name.to_owned().into()),
            ("viewowner", context.role_name(owner).into()),
            ("definition", definition.into()),
        ]);
    };
    for relation in relations().iter().filter(|relation| relation.kind() == 'v') {
        add(relation.schema_oid(), relation.name(), BOOTSTRAP_ROLE_OID, None);
    }
    for relation in context.user_relations().filter(|relation| relation.is_view()) {
        add(relation.schema, &relation.name, relation.owner, context.view_text(relation));
    }
    Ok(())
}

fn pg_matviews(context: &SystemContext, rows: &mut Rows<'_>) -> Result<()> {
    for relation in context.user_relations() {
        let Some(list) = relation.materialized() else { continue };
        rows.add([
            ("schemaname", context.schema_name(relation.schema).unwrap_or_default().to_owned().into()),
            ("matviewname", (&relation.name).into()),
            ("matviewowner", context.role_name(relation.owner).into()),
            ("hasindexes", false.into()),
            ("ispopulated", list.is_populated.into()),
            ("definition", context.view_text(relation).into()),
        ]);
    }
    Ok(())
}

fn pg_stat_all_tables(context: &SystemContext, rows: &mut Rows<'_>) -> Result<()> {
    pg_stat_sys_tables(context, rows)?;
    pg_stat_user_tables(context, rows)
}

/// Nothing is counted, so every counter is NULL.
fn pg_stat_user_tables(context: &SystemContext, rows: &mut Rows<'_>) -> Result<()> {
    for relation in context.user_relations().filter(|relation| relation.is_table()) {
        rows.add([
            ("relid", relation.oid.into()),
            ("schemaname", context.schema_name(relation.schema).unwrap_or_default().to_owned().into()),
            ("relname", (&relation.name).into()),
        ]);
    }
    Ok(())
}

fn pg_stat_sys_tables(context: &SystemContext, rows: &mut Rows<'_>) -> Result<()> {
    for relation in relations().iter().filter(|relation| relation.kind() == 'r') {
        rows.add([
            ("relid", relation.oid().into()),
            ("schemaname", context.schema_name(relation.schema_oid()).unwrap_or_default().to_owned().into()),
            ("relname", relation.name().into()),
        ]);
    }
    Ok(())
}
