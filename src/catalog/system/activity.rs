//! Rows of the views about the running server: its settings and its sessions.

use chrono::{Offset, TimeZone};
use chrono_tz::OffsetComponents;
use chrono_tz::OffsetName;

use super::name::type_name;
use super::relation::Rows;
use super::value::Value;
use super::{Build, DATABASE_OID, SettingKind, SettingRow, SystemContext};
use crate::error::Result;
use crate::pg_type::PgType;

pub(super) const BUILDERS: &[(&str, Build)] = &[
    ("pg_cursors", pg_cursors),
    ("pg_prepared_statements", pg_prepared_statements),
    ("pg_settings", pg_settings),
    ("pg_stat_activity", pg_stat_activity),
    ("pg_stat_database", pg_stat_database),
    ("pg_timezone_names", pg_timezone_names),
];

/// Abbreviation, offset and summer time are those of the statement's instant.
fn pg_timezone_names(context: &SystemContext, rows: &mut Rows<'_>) -> Result<()> {
    for zone in chrono_tz::TZ_VARIANTS {
        let offset = zone.offset_from_utc_datetime(&context.now.naive_utc());
        rows.add([
            ("name", zone.name().into()),
            ("abbrev", offset.abbreviation().map(str::to_owned).into()),
            ("utc_offset", Value::Seconds(offset.fix().local_minus_utc().into())),
            ("is_dst", (!offset.dst_offset().is_zero()).into()),
        ]);
    }
    Ok(())
}

fn pg_prepared_statements(context: &SystemContext, rows: &mut Rows<'_>) -> Result<()> {
    for prepared in context.surroundings.prepared_statements() {
        rows.add([
            ("name", prepared.name.into()),
            ("statement", prepared.statement.into()),
            ("prepare_time", prepared.prepared_at.into()),
            ("parameter_types", names(&prepared.parameters).into()),
            ("result_types", prepared.results.map(|types| names(&types)).into()),
            ("from_sql", prepared.from_sql.into()),
            // A statement is planned anew each time that it is executed.
            ("generic_plans", Value::Int(0)),
        ]);
    }
    Ok(())
}

/// Types as `regtype[]` writes them.
fn names(types: &[PgType]) -> Vec<String> {
    types.iter().map(|pg_type| type_name(pg_type.oid, None)).collect()
}

fn pg_cursors(context: &SystemContext, rows: &mut Rows<'_>) -> Result<()> {
    for cursor in context.surroundings.cursors() {
        rows.add([
            ("name", (&cursor.name).into()),
            ("statement", (&cursor.statement).into()),
            ("is_holdable", cursor.is_holdable.into()),
            ("is_binary", cursor.is_binary.into()),
            ("is_scrollable", cursor.is_scrollable.into()),
            ("creation_time", cursor.created_at.into()),
        ]);
    }
    Ok(())
}

/// Of the only database, how many sessions there are; nothing else is counted.
fn pg_stat_database(context: &SystemContext, rows: &mut Rows<'_>) -> Result<()> {
    rows.add([
        ("datid", DATABASE_OID.into()),
        ("datname", (&context.database).into()),
        ("numbackends", Value::Int(context.sessions().len() as i64)),
    ]);
    Ok(())
}

fn pg_settings(context: &SystemContext, rows: &mut Rows<'_>) -> Result<()> {
    for setting in context.settings() {
        let kind = match setting.kind {
            SettingKind::Bool => "bool",
            SettingKind::Integer => "integer",
            SettingKind::Real => "real",
            SettingKind::Text => "string",
            SettingKind::Choice => "enum",
        };
        rows.add([
            ("name", (&setting.name).into()),
            ("setting", (&setting.value).into()),
            ("unit", setting.unit.clone().into()),
            ("category", (&setting.category).into()),
            ("short_desc", (&setting.short_desc).into()),
            ("context", if setting.settable { "user" } else { "internal" }.into()),
            ("vartype", kind.into()),
            ("source", source(setting).into()),
            ("min_val", setting.bounds.map(|(least, _)| least.to_string()).into()),
            ("max_val", setting.bounds.map(|(_, most)| most.to_string()).into()),
            ("enumvals", setting.choices.map(|choices| choices.to_vec()).into()),
            ("boot_val", (&setting.default).into()),
            ("reset_val", (&setting.reset).into()),
            ("pending_restart", false.into()),
        ]);
    }
    Ok(())
}

/// Who gave a setting the value that it has.
fn source(setting: &SettingRow) -> &'static str {
    match () {
        () if !setting.settable || setting.value == setting.default => "default",
        () if setting.value == setting.reset => "client",
        () => "session",
    }
}

fn pg_stat_activity(context: &SystemContext, rows: &mut Rows<'_>) -> Result<()> {
    for session in context.sessions() {
        // What somebody else does is nobody's business but theirs and the superusers'.
        if !context.snapshot.has_rights_of(context.current_user, session.role) {
            rows.add([
                ("datid", DATABASE_OID.into()),
                ("datname", (&context.database).into()),
                ("pid", session.process_id.into()),
                ("usesysid", session.role.into()),
                ("usename", context.role_name(session.role).into()),
                ("application_name", (&session.application_name).into()),
                ("query", "<insufficient privilege>".into()),
            ]);
            continue;
        }
        rows.add([
            ("datid", DATABASE_OID.into()),
            ("datname", (&context.database).into()),
            ("pid", session.process_id.into()),
            ("usesysid", session.role.into()),
            ("usename", context.role_name(session.role).into()),
            ("application_name", (&session.application_name).into()),
            ("client_addr", session.client_address.clone().into()),
            ("client_port", session.client_port.into()),
            ("backend_start", session.started_at.into()),
            ("xact_start", session.transaction_started_at.into()),
            ("query_start", session.query_started_at.into()),
            ("state_change", session.state_changed_at.into()),
            ("state", session.state.into()),
            ("query", (&session.query).into()),
            ("backend_type", if session.is_clients { "client backend" } else { "background worker" }.into()),
        ]);
    }
    Ok(())
}
