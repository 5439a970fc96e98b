//! Rows of the views about the running server: its settings and its sessions.

use super::relation::Rows;
use super::{Build, DATABASE_OID, SettingKind, SystemContext};
use crate::error::Result;

pub(super) const BUILDERS: &[(&str, Build)] =
    &[("pg_settings", pg_settings), ("pg_stat_activity", pg_stat_activity), ("pg_timezone_names", pg_timezone_names)];

/// The names alone: offsets and abbreviations are those of an instant.
fn pg_timezone_names(_context: &SystemContext, rows: &mut Rows<'_>) -> Result<()> {
    for zone in chrono_tz::TZ_VARIANTS {
        rows.add([("name", zone.name().into())]);
    }
    Ok(())
}

fn pg_settings(context: &SystemContext, rows: &mut Rows<'_>) -> Result<()> {
    for setting in &context.settings {
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
            ("source", if setting.value == setting.default { "default" } else { "session" }.into()),
            ("boot_val", (&setting.default).into()),
            ("reset_val", (&setting.default).into()),
            ("pending_restart", false.into()),
        ]);
    }
    Ok(())
}

fn pg_stat_activity(context: &SystemContext, rows: &mut Rows<'_>) -> Result<()> {
    for session in &context.sessions {
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
            ("backend_type", "client backend".into()),
        ]);
    }
    Ok(())
}
