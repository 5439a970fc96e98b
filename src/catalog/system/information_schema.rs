//! Rows of `information_schema`, the catalog as the SQL standard has it.

use super::name::type_name;
use super::relation::Rows;
use super::value::Value;
use super::{Build, SystemContext, relations, types};
use crate::catalog::object::{PG_CATALOG_OID, Relation};
use crate::catalog::privilege::PUBLIC;
use crate::error::Result;
use crate::pg_type::{Oid, PgType};

pub(super) const BUILDERS: &[(&str, Build)] = &[
    ("character_sets", character_sets),
    ("column_privileges", column_privileges),
    ("columns", columns),
    ("enabled_roles", enabled_roles),
    ("information_schema_catalog_name", information_schema_catalog_name),
    ("role_table_grants", role_table_grants),
    ("schemata", schemata),
    ("table_privileges", table_privileges),
    ("tables", tables),
    ("view_table_usage", view_table_usage),
    ("views", views),
];

fn information_schema_catalog_name(context: &SystemContext, rows: &mut Rows<'_>) -> Result<()> {
    rows.add([("catalog_name", (&context.database).into())]);
    Ok(())
}

fn enabled_roles(context: &SystemContext, rows: &mut Rows<'_>) -> Result<()> {
    for role in context.snapshot.roles() {
        if context.snapshot.has_rights_of(context.current_user, role.oid) {
            rows.add([("role_name", (&role.name).into())]);
        }
    }
    Ok(())
}

fn character_sets(context: &SystemContext, rows: &mut Rows<'_>) -> Result<()> {
    rows.add([
        ("character_set_name", "UTF8".into()),
        ("character_repertoire", "UCS".into()),
        ("form_of_use", "UTF8".into()),
        ("default_collate_catalog", (&context.database).into()),
        ("default_collate_schema", "pg_catalog".into()),
        ("default_collate_name", "default".into()),
    ]);
    Ok(())
}

fn schemata(context: &SystemContext, rows: &mut Rows<'_>) -> Result<()> {
    for schema in context.snapshot.schemas() {
        rows.add([
            ("catalog_name", (&context.database).into()),
            ("schema_name", (&schema.name).into()),
            ("schema_owner", context.role_name(schema.owner).into()),
        ]);
    }
    Ok(())
}

/// What was granted by or to a role that the session's role has the rights of; with `to_public` also what everybody was
/// granted by others. `add` gets the cells that all relations of rights have.
fn each_grant(
    context: &SystemContext,
    to_public: bool,
    mut add: impl FnMut(&Relation, &'static str, [(&'static str, Value); 7]),
) {
    let enabled = context.snapshot.inherited(context.current_user);
    let is_superuser = context.snapshot.is_superuser(context.current_user);
    let is_enabled = |role: Oid| role != PUBLIC && (is_superuser || enabled.contains(&role));
    // Materialized views are no part of the standard, and stand in none of its relations.
    for relation in context.user_relations().filter(|relation| relation.materialized().is_none()) {
        let Some(schema) = context.schema_name(relation.schema) else { continue };
        for (grantee, privileges) in relation.access_list().iter() {
            if !(is_enabled(grantee) || is_enabled(relation.owner) || (to_public && grantee == PUBLIC)) {
                continue;
            }
            let name = if grantee == PUBLIC { "PUBLIC".to_owned() } else { context.role_name(grantee) };
            for privilege in privileges.names() {
                let cells = [
                    ("grantor", context.role_name(relation.owner).into()),
                    ("grantee", name.clone().into()),
                    ("table_catalog", (&context.database).into()),
                    ("table_schema", schema.to_owned().into()),
                    ("table_name", (&relation.name).into()),
                    ("privilege_type", privilege.into()),
                    // The owner may pass on what it has; nobody else may.
                    ("is_grantable", if grantee == relation.owner { "YES" } else { "NO" }.into()),
                ];
                add(relation, privilege, cells);
            }
        }
    }
}

fn add_table_grants(context: &SystemContext, rows: &mut Rows<'_>, to_public: bool) {
    each_grant(context, to_public, |_, privilege, cells| {
        let with_hierarchy = if privilege == "SELECT" { "YES" } else { "NO" };
        rows.add(cells.into_iter().chain([("with_hierarchy", with_hierarchy.into())]));
    });
}

fn table_privileges(context: &SystemContext, rows: &mut Rows<'_>) -> Result<()> {
    add_table_grants(context, rows, true);
    Ok(())
}

fn role_table_grants(context: &SystemContext, rows: &mut Rows<'_>) -> Result<()> {
    add_table_grants(context, rows, false);
    Ok(())
}

/// There are no rights on columns: each has those of its relation.
fn column_privileges(context: &SystemContext, rows: &mut Rows<'_>) -> Result<()> {
    each_grant(context, true, |relation, privilege, cells| {
        if matches!(privilege, "INSERT" | "SELECT" | "UPDATE" | "REFERENCES") {
            for column in &relation.columns {
                rows.add(cells.clone().into_iter().chain([("column_name", (&column.name).into())]));
            }
        }
    });
    Ok(())
}

fn tables(context: &SystemContext, rows: &mut Rows<'_>) -> Result<()> {
    let mut add = |schema, name: &str, is_table: bool| {
        rows.add([
            ("table_catalog", (&context.database).into()),
            ("table_schema", context.schema_name(schema).unwrap_or_default().to_owned().into()),
            ("table_name", name.to_owned().into()),
            ("table_type", if is_table { "BASE TABLE" } else { "VIEW" }.into()),
            ("is_insertable_into", "NO".into()),
            ("is_typed", "NO".into()),
        ]);
    };
    for relation in relations() {
        add(relation.schema_oid(), relation.name(), relation.kind() == 'r');
    }
    // Materialized views are no part of the standard, and stand in none of its relations.
    for relation in context.user_relations().filter(|relation| relation.materialized().is_none()) {
        add(relation.schema, &relation.name, relation.is_table());
    }
    Ok(())
}

fn views(context: &SystemContext, rows: &mut Rows<'_>) -> Result<()> {
    let mut add = |schema, name: &str, definition: Option<String>| {
        rows.add([
            ("table_catalog", (&context.database).into()),
            ("table_schema", context.schema_name(schema).unwrap_or_default().to_owned().into()),
            ("table_name", name.to_owned().into()),
            ("view_definition", definition.into()),
            ("check_option", "NONE".into()),
            ("is_updatable", "NO".into()),
            ("is_insertable_into", "NO".into()),
            ("is_trigger_updatable", "NO".into()),
            ("is_trigger_deletable", "NO".into()),
            ("is_trigger_insertable_into", "NO".into()),
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

fn view_table_usage(context: &SystemContext, rows: &mut Rows<'_>) -> Result<()> {
    let schema_name = |oid| context.schema_name(oid).unwrap_or_default().to_owned();
    for view in context.user_relations().filter(|relation| relation.is_view()) {
        for read in view.reads().into_iter().filter_map(|oid| context.relation_name(oid)) {
            rows.add([
                ("view_catalog", (&context.database).into()),
                ("view_schema", schema_name(view.schema).into()),
                ("view_name", (&view.name).into()),
                ("table_catalog", (&context.database).into()),
                ("table_schema", schema_name(read.schema).into()),
                ("table_name", read.name.to_owned().into()),
            ]);
        }
    }
    Ok(())
}

fn columns(context: &SystemContext, rows: &mut Rows<'_>) -> Result<()> {
    for relation in relations() {
        for (number, column) in (1..).zip(relation.columns()) {
            let pg_type = PgType { oid: column.type_oid, typmod: -1 };
            let place = Place { schema: relation.schema_oid(), table: relation.name(), number };
            add_column(context, rows, place, column.name, pg_type, column.not_null);
        }
    }
    for relation in context.user_relations() {
        for (number, column) in (1..).zip(&relation.columns) {
            let place = Place { schema: relation.schema, table: &relation.name, number };
            add_column(context, rows, place, &column.name, column.pg_type, false);
        }
    }
    Ok(())
}

/// Where a column stands.
struct Place<'a> {
    schema: Oid,
    table: &'a str,
    number: i32,
}

fn add_column(
    context: &SystemContext,
    rows: &mut Rows<'_>,
    place: Place<'_>,
    name: &str,
    pg_type: PgType,
    not_null: bool,
) {
    let facts = types::type_of(pg_type.oid);
    let is_array = facts.is_some_and(|facts| facts.category == 'A' && facts.name.starts_with('_'));
    let data_type = if is_array { "ARRAY".to_owned() } else { type_name(pg_type.oid, None) };
    let (precision, radix, scale) = numeric_facts(pg_type);
    let length = match pg_type.oid {
        1042 | 1043 if pg_type.typmod >= 4 => Some(pg_type.typmod - 4),
        _ => None,
    };
    // Four bytes a character; without a limit, PostgreSQL's own one of 1 GiB.
    let octets = match pg_type.oid {
        25 | 1042 | 1043 => Some(length.map_or(1 << 30, |length| length * 4)),
        _ => None,
    };
    let instant_digits = match pg_type.oid {
        1082 => Some(0),
        1083 | 1114 | 1184 | 1186 => Some(if pg_type.typmod < 0 { 6 } else { pg_type.typmod }),
        _ => None,
    };
    let schema_name = |oid| -> Value { context.schema_name(oid).unwrap_or_default().to_owned().into() };
    rows.add([
        ("table_catalog", (&context.database).into()),
        ("table_schema", schema_name(place.schema)),
        ("table_name", place.table.to_owned().into()),
        ("column_name", name.to_owned().into()),
        ("ordinal_position", place.number.into()),
        ("is_nullable", if not_null { "NO" } else { "YES" }.into()),
        ("data_type", data_type.into()),
        ("character_maximum_length", length.into()),
        ("character_octet_length", octets.into()),
        ("numeric_precision", precision.into()),
        ("numeric_precision_radix", radix.into()),
        ("numeric_scale", scale.into()),
        ("datetime_precision", instant_digits.into()),
        ("udt_catalog", (&context.database).into()),
        ("udt_schema", schema_name(PG_CATALOG_OID)),
        ("udt_name", facts.map(|facts| facts.name).into()),
        ("dtd_identifier", place.number.to_string().into()),
        ("is_self_referencing", "NO".into()),
        ("is_identity", "NO".into()),
        ("identity_cycle", "NO".into()),
        ("is_generated", "NEVER".into()),
        ("is_updatable", "NO".into()),
    ]);
}

/// Precision, its radix and the scale of numbers.
fn numeric_facts(pg_type: PgType) -> (Option<i32>, Option<i32>, Option<i32>) {
    match pg_type.oid {
        21 => (Some(16), Some(2), Some(0)),
        23 => (Some(32), Some(2), Some(0)),
        20 => (Some(64), Some(2), Some(0)),
        700 => (Some(24), Some(2), None),
        701 => (Some(53), Some(2), None),
        1700 => match pg_type.numeric_parts() {
            Some((precision, scale)) => (Some(precision.into()), Some(10), Some(scale.into())),
            None => (None, Some(10), None),
        },
        _ => (None, None, None),
    }
}
