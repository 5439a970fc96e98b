//! What catalog relations and functions learn of the session and the server, and what they change of them.
//!
//! A statement runs on threads that do not have the session. So it is given copies, which cost nothing until they are
//! changed, and what it changes is written down and taken over by the session when the statement is done.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::catalog::system::{CursorRow, IndexRow, PieceRow, PreparedRow, SessionRow, SettingRow, Surroundings};
use crate::error::{Notice, Result};
use crate::history::History;
use crate::pg_type::PgType;
use crate::session::prepared::Prepared;
use crate::session::registry::Registry;
use crate::session::setting::SETTINGS;
use crate::session::settings::Settings;
use crate::sql::statement::SetValue;

/// What functions of running statements want of their session.
#[derive(Debug, Clone, Default)]
pub struct Wishes(Arc<Mutex<Wished>>);

#[derive(Debug, Default)]
pub struct Wished {
    pub settings: Vec<WishedSetting>,
    pub notices: Vec<Notice>,
}

#[derive(Debug)]
pub struct WishedSetting {
    pub name: String,
    pub value: SetValue,
    pub is_local: bool,
}

impl Wishes {
    pub fn take(&self) -> Wished {
        std::mem::take(&mut *self.0.lock())
    }
}

/// For one statement.
#[derive(Debug)]
pub struct StatementSurroundings {
    /// As this statement sees them; it sees what it sets itself.
    pub settings: Mutex<Settings>,
    pub wishes: Wishes,
    pub registry: Arc<Registry>,
    pub prepared: Arc<BTreeMap<String, Arc<Prepared>>>,
    pub cursors: Vec<Arc<CursorRow>>,
    pub history: Arc<History>,
}

impl Surroundings for StatementSurroundings {
    fn settings(&self) -> Vec<SettingRow> {
        let settings = self.settings.lock();
        SETTINGS
            .iter()
            .map(|setting| SettingRow {
                name: setting.name.to_owned(),
                value: settings.value(setting).to_owned(),
                default: setting.default.to_owned(),
                reset: settings.initial_value(setting).to_owned(),
                unit: setting.unit.map(str::to_owned),
                category: setting.category().to_owned(),
                short_desc: setting.help.to_owned(),
                kind: setting.kind(),
                bounds: setting.bounds(),
                choices: setting.choices(),
                settable: setting.is_settable(),
            })
            .collect()
    }

    fn setting(&self, name: &str) -> Result<String> {
        self.settings.lock().show(name).map(|(_, value)| value)
    }

    fn set(&self, name: &str, value: Option<&str>, is_local: bool) -> Result<String> {
        let value = value.map_or(SetValue::Default, |value| SetValue::Values(vec![value.to_owned()]));
        let mut settings = self.settings.lock();
        settings.set(name, &value, is_local)?;
        let (_, shown) = settings.show(name)?;
        self.wishes.0.lock().settings.push(WishedSetting { name: name.to_owned(), value, is_local });
        Ok(shown)
    }

    fn sessions(&self) -> Vec<SessionRow> {
        let activities = self.registry.activities();
        activities
            .into_iter()
            .map(|activity| SessionRow {
                process_id: activity.process_id,
                role: activity.role,
                application_name: activity.application_name,
                state: activity.state,
                is_clients: activity.is_clients,
                query: activity.query,
                client_address: activity.client.map(|client| client.ip().to_canonical().to_string()),
                client_port: activity.client.map(|client| client.port().into()),
                started_at: activity.started_at,
                transaction_started_at: activity.transaction_started_at,
                query_started_at: activity.query_started_at,
                state_changed_at: activity.state_changed_at,
            })
            .collect()
    }

    fn prepared_statements(&self) -> Vec<PreparedRow> {
        let types = |columns: &[crate::statement::outcome::OutputColumn]| -> Vec<PgType> {
            columns.iter().map(|column| column.pg_type).collect()
        };
        self.prepared
            .iter()
            .map(|(name, prepared)| PreparedRow {
                name: name.clone(),
                statement: prepared.shown_text().to_owned(),
                prepared_at: prepared.prepared_at,
                parameters: prepared.parameters.to_vec(),
                results: prepared.columns.as_deref().map(types),
                from_sql: prepared.from_sql,
            })
            .collect()
    }

    fn cursors(&self) -> Vec<Arc<CursorRow>> {
        self.cursors.clone()
    }

    fn cancel(&self, process_id: i32) -> bool {
        self.registry.cancel_statement(process_id)
    }

    fn terminate(&self, process_id: i32) -> bool {
        self.registry.terminate(process_id)
    }

    fn tell(&self, notice: Notice) {
        self.wishes.0.lock().notices.push(notice);
    }

    fn table_bytes(&self, table: &str) -> Option<u64> {
        self.history.size(table).map(|size| size.bytes)
    }

    fn member_index(&self) -> Option<IndexRow> {
        let status = self.history.index_status()?;
        let wide = |number: usize| number as u64;
        Some(IndexRow {
            state: status.state.name(),
            members: status.members.map(u64::from),
            rows: status.rows.map(wide),
            bytes: status.bytes.map(wide),
            built_at: status.built_at,
            build_ms: status.took.map(|took| took.num_milliseconds()),
            problem: status.problem,
            pieces: status
                .pieces
                .into_iter()
                .map(|piece| PieceRow {
                    name: piece.name,
                    rows: piece.rows.map(wide),
                    bytes: wide(piece.bytes),
                    built_at: piece.built_at,
                    build_ms: piece.took.num_milliseconds(),
                })
                .collect(),
        })
    }

    fn table_rows(&self, table: &str) -> Option<u64> {
        self.history.size(table).map(|size| size.rows)
    }
}
