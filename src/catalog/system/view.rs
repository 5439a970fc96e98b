//! Rows of the views that PostgreSQL lays over its catalogs (`pg_tables`, `pg_roles`, …).

use super::catalog::kind_of;
use super::relation::Rows;
use super::value::Value;
use super::{Build, SystemContext, relations};
use crate::catalog::object::BOOTSTRAP_ROLE_OID;
use crate::error::Result;

pub(super) const BUILDERS: &[(&str, Build)] = &[
    ("pg_matviews", pg_matviews),
    ("pg_roles", pg_roles),
    ("pg_shadow", pg_user),
    ("pg_stat_all_tables", pg_stat_all_tables),
    ("pg_stat_sys_tables", pg_stat_sys_tables),
    ("pg_stat_user_tables", pg_stat_user_tables),
    ("pg_tables", pg_tables),
    ("pg_user", pg_user),
    ("pg_views", pg_views),
];

fn pg_roles(context: &SystemContext, rows: &mut Rows<'_>) -> Result<()> {
    rows.add([
        ("oid", BOOTSTRAP_ROLE_OID.into()),
        ("rolname", (&context.user).into()),
        ("rolsuper", true.into()),
        ("rolinherit", true.into()),
        ("rolcreaterole", false.into()),
        ("rolcreatedb", false.into()),
        ("rolcanlogin", true.into()),
        ("rolreplication", false.into()),
        ("rolconnlimit", Value::Int(-1)),
        ("rolpassword", "********".into()),
        ("rolbypassrls", false.into()),
    ]);
    Ok(())
}

/// `pg_user` and `pg_shadow` have the same columns here, and no password in either.
fn pg_user(context: &SystemContext, rows: &mut Rows<'_>) -> Result<()> {
    rows.add([
        ("usename", (&context.user).into()),
        ("usesysid", BOOTSTRAP_ROLE_OID.into()),
        ("usecreatedb", false.into()),
        ("usesuper", true.into()),
        ("userepl", false.into()),
        ("usebypassrls", false.into()),
    ]);
    Ok(())
}

/// A relation's schema, name and whether it is a table.
fn all_relations(context: &SystemContext) -> impl Iterator<Item = (String, String, char)> {
    let schema_name = |oid| context.schema_name(oid).unwrap_or_default().to_owned();
    let system = relations().iter().map(move |r| (schema_name(r.schema_oid()), r.name().to_owned(), r.kind()));
    let users = context.user_relations().map(move |r| (schema_name(r.schema), r.name.clone(), kind_of(&r.kind)));
    system.chain(users)
}

fn pg_tables(context: &SystemContext, rows: &mut Rows<'_>) -> Result<()> {
    for (schema, name, kind) in all_relations(context) {
        if kind == 'r' {
            rows.add([
                ("schemaname", schema.into()),
                ("tablename", name.into()),
                ("tableowner", (&context.user).into()),
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
    let mut add = |schema, name: &str, definition: Option<String>| {
        rows.add([
            ("schemaname", context.schema_name(schema).unwrap_or_default().to_owned().into()),
            ("viewname", name.to_owned().into()),
            ("viewowner", (&context.user).into()),
            ("definition", definition.into()),
        ]);
    };
    for relation in relations().iter().filter(|relation| relation.kind() == 'v') {
        add(relation.schema_oid(), relation.name(), None);
    }
    for relation in context.user_relations().filter(|relation| relation.is_view()) {
        add(relation.schema, &relation.name, context.view_text(relation));
    }
    Ok(())
}

fn pg_matviews(context: &SystemContext, rows: &mut Rows<'_>) -> Result<()> {
    for relation in context.user_relations() {
        let Some(list) = relation.materialized() else { continue };
        rows.add([
            ("schemaname", context.schema_name(relation.schema).unwrap_or_default().to_owned().into()),
            ("matviewname", (&relation.name).into()),
            ("matviewowner", (&context.user).into()),
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
