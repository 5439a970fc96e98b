//! The values of a session's variables, which are in the table of [`super::setting`].
//!
//! Nothing a client sets is visible to another. `SET` takes part in transactions: ROLLBACK takes it back, and
//! `SET LOCAL` ends with the transaction.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDate;
use chrono_tz::Tz;

use super::setting::{Accepts, SETTINGS, Setting, accepted, find, shown_duration, split_names};
use crate::catalog::snapshot::Snapshot;
use crate::config::LimitsConfig;
use crate::error::{Result, message};
use crate::session::identity::{Identity, shown_name};
use crate::session::text_format::{ByteaOutput, DateOrder, DateStyle, IntervalStyle, TextFormat};
use crate::sql::statement::SetValue;

/// The values of one session. A clone shares them until either changes, so each statement may have its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// What each variable goes back to at RESET: the server's default, or what the client asked for at start-up.
    initial: Arc<Values>,
    session: Arc<Values>,
    /// `SET LOCAL`, until the transaction ends.
    local: Arc<Values>,
    identity: Identity,
    /// What the identity goes back to when the transaction ends.
    identity_outside: Option<Identity>,
    effective: Arc<Effective>,
}

/// What every statement asks of the values, read from their texts when one of them changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Effective {
    pub text_format: TextFormat,
    /// `None` when statements may run for ever.
    pub statement_timeout: Option<Duration>,
    /// How long the client may be silent outside of a transaction block; `None` for ever.
    pub idle_timeout: Option<Duration>,
    pub idle_in_transaction_timeout: Option<Duration>,
    /// The schemas to search, as they were set.
    pub search_path: Arc<str>,
    /// The day that the session asks about; `None` for today.
    pub as_of: Option<NaiveDate>,
    /// Whether facts may come from the member index.
    pub uses_index: bool,
    /// Those that the client is told when they change, by name.
    pub reported: Vec<(&'static str, String)>,
}

/// By name: those of [`SETTINGS`], and those with a dot that clients make up for themselves.
type Values = BTreeMap<Cow<'static, str>, String>;

/// What follows from who the session is: no SET or RESET of these by name reaches them.
const OF_IDENTITY: [&str; 3] = ["role", "session_authorization", "is_superuser"];

impl Settings {
    pub fn new(identity: Identity, snapshot: &Snapshot, limits: &LimitsConfig) -> Self {
        let mut initial = Values::new();
        initial.insert("statement_timeout".into(), limits.statement_timeout_ms.to_string());
        initial.insert("max_connections".into(), limits.connections.to_string());
        initial.insert("superuser_reserved_connections".into(), limits.reserved_connections.to_string());
        let (session, local) = (Arc::default(), Arc::default());
        let effective = Arc::default();
        let mut settings =
            Self { initial: Arc::new(initial), session, local, identity, identity_outside: None, effective };
        settings.become_identity(identity, snapshot, false);
        settings
    }

    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// SET ROLE, SET SESSION AUTHORIZATION; whether it may be done has been asked. The settings that tell of it follow.
    pub fn become_identity(&mut self, identity: Identity, snapshot: &Snapshot, local: bool) {
        let role = identity.role.map_or_else(|| "none".to_owned(), |role| shown_name(snapshot, role));
        let is_superuser = if snapshot.is_superuser(identity.current()) { "on" } else { "off" };
        let session = shown_name(snapshot, identity.session);
        for (name, value) in OF_IDENTITY.into_iter().zip([role, session, is_superuser.to_owned()]) {
            self.put(name.into(), value, local);
        }
        let outside = std::mem::replace(&mut self.identity, identity);
        self.identity_outside = if local { self.identity_outside.or(Some(outside)) } else { None };
    }

    /// A value that the client gave while connecting; it is what RESET goes back to.
    ///
    /// Errors: 42704 for an unknown name, 22023 for a value that is not accepted.
    pub fn set_initial(&mut self, name: &str, value: &str) -> Result<()> {
        let setting = match find(name) {
            Ok(setting) => setting,
            Err(_) if is_made_up(name) => {
                Arc::make_mut(&mut self.initial).insert(name.to_lowercase().into(), value.to_owned());
                self.changed();
                return Ok(());
            }
            Err(unknown) => return Err(unknown),
        };
        if !setting.is_settable() {
            return Err(message::setting_is_fixed(setting.name));
        }
        let value = accepted(setting, self.value(setting), &[value.to_owned()])?;
        Arc::make_mut(&mut self.initial).insert(setting.name.into(), value);
        self.changed();
        Ok(())
    }

    /// Errors: 42704 for an unknown name, 22023 for a value that is not accepted, 55P02 for a fixed variable.
    pub fn set(&mut self, name: &str, value: &SetValue, local: bool) -> Result<()> {
        let setting = match find(name) {
            Ok(setting) => setting,
            Err(_) if is_made_up(name) => {
                self.set_made_up(name, value, local);
                return Ok(());
            }
            Err(unknown) => return Err(unknown),
        };
        if matches!(setting.accepts, Accepts::Nothing) {
            return Err(message::setting_is_fixed(setting.name));
        }
        let value = match value {
            SetValue::Default => self.initial_value(setting).to_owned(),
            SetValue::Values(values) => accepted(setting, self.value(setting), values)?,
        };
        self.put(setting.name.into(), value, local || setting.is_of_transaction());
        Ok(())
    }

    /// A variable of the client's own, such as `app.user`: any text, empty once it is reset.
    fn set_made_up(&mut self, name: &str, value: &SetValue, local: bool) {
        let name: Cow<'static, str> = name.to_lowercase().into();
        let value = match value {
            SetValue::Default => self.initial.get(&name).cloned().unwrap_or_default(),
            SetValue::Values(values) => values.join(", "),
        };
        if local && !self.session.contains_key(&name) {
            Arc::make_mut(&mut self.session).insert(name.clone(), String::new());
        }
        self.put(name, value, local);
    }

    fn put(&mut self, name: Cow<'static, str>, value: String, local: bool) {
        if local {
            Arc::make_mut(&mut self.local).insert(name, value);
        } else {
            if self.local.contains_key(&name) {
                Arc::make_mut(&mut self.local).remove(&name);
            }
            Arc::make_mut(&mut self.session).insert(name, value);
        }
        self.changed();
    }

    /// To be called behind every change of a value.
    fn changed(&mut self) {
        self.effective = Arc::new(self.read());
    }

    /// Of the values as they are now; the very same until one of them changes.
    pub fn effective(&self) -> &Arc<Effective> {
        &self.effective
    }

    /// `RESET name`, or all.
    pub fn reset(&mut self, name: Option<&str>) -> Result<()> {
        match name {
            Some(name) => self.set(name, &SetValue::Default, false),
            None => {
                Arc::make_mut(&mut self.session).retain(|name, value| {
                    if OF_IDENTITY.contains(&name.as_ref()) {
                        return true;
                    }
                    value.clear();
                    is_made_up(name)
                });
                Arc::make_mut(&mut self.local).retain(|name, _| OF_IDENTITY.contains(&name.as_ref()));
                self.changed();
                Ok(())
            }
        }
    }

    /// The transaction is over: what was set for it alone ends.
    pub fn end_local(&mut self) {
        if !self.local.is_empty() {
            self.local = Arc::default();
            self.changed();
        }
        if let Some(outside) = self.identity_outside.take() {
            self.identity = outside;
        }
    }

    /// The variable's name and its value as SHOW prints it. Errors: 42704 for an unknown name.
    pub fn show(&self, name: &str) -> Result<(Cow<'static, str>, String)> {
        let setting = match find(name) {
            Ok(setting) => setting,
            Err(unknown) => {
                let name: Cow<'static, str> = name.to_lowercase().into();
                let value =
                    self.local.get(&name).or_else(|| self.session.get(&name)).or_else(|| self.initial.get(&name));
                return value.map(|value| (name.clone(), value.clone())).ok_or(unknown);
            }
        };
        Ok((setting.name.into(), self.shown(setting)))
    }

    /// A value in the units in which people read it.
    pub fn shown(&self, setting: &Setting) -> String {
        match setting.accepts {
            Accepts::Duration => shown_duration(self.value(setting)),
            _ => self.value(setting).to_owned(),
        }
    }

    pub fn value<'a>(&'a self, setting: &'a Setting) -> &'a str {
        if let Some(value) = self.local.get(setting.name).or_else(|| self.session.get(setting.name)) {
            return value;
        }
        match setting.name {
            // What the transaction was not told is as for all of the session's.
            "transaction_isolation" => self.named("default_transaction_isolation"),
            "transaction_read_only" => self.named("default_transaction_read_only"),
            "transaction_deferrable" => self.named("default_transaction_deferrable"),
            _ => self.initial_value(setting),
        }
    }

    /// What RESET goes back to.
    pub fn initial_value<'a>(&'a self, setting: &'a Setting) -> &'a str {
        self.initial.get(setting.name).map_or(setting.default, String::as_str)
    }

    fn named(&self, name: &str) -> &str {
        SETTINGS.iter().find(|setting| setting.name == name).map_or("", |setting| self.value(setting))
    }

    pub fn time_zone(&self) -> Tz {
        self.named("TimeZone").parse().unwrap_or(Tz::UTC)
    }

    pub fn text_format(&self) -> TextFormat {
        self.effective.text_format
    }

    fn read(&self) -> Effective {
        let timeout = |name| {
            let milliseconds: u64 = self.named(name).parse().unwrap_or(0);
            (milliseconds > 0).then(|| Duration::from_millis(milliseconds))
        };
        let reported = SETTINGS.iter().filter(|setting| setting.reported);
        Effective {
            text_format: self.read_text_format(),
            statement_timeout: timeout("statement_timeout"),
            idle_timeout: timeout("idle_session_timeout"),
            idle_in_transaction_timeout: timeout("idle_in_transaction_session_timeout"),
            search_path: self.named("search_path").into(),
            as_of: self.named("regulars.as_of").parse().ok(),
            uses_index: self.named("regulars.member_index") == "on",
            reported: reported.map(|setting| (setting.name, self.value(setting).to_owned())).collect(),
        }
    }

    fn read_text_format(&self) -> TextFormat {
        let (style, order) = self.named("DateStyle").split_once(", ").unwrap_or(("ISO", "MDY"));
        TextFormat {
            time_zone: self.time_zone(),
            date_style: match style {
                "SQL" => DateStyle::Sql,
                "Postgres" => DateStyle::Postgres,
                "German" => DateStyle::German,
                _ => DateStyle::Iso,
            },
            date_order: match order {
                "DMY" => DateOrder::DayMonthYear,
                "YMD" => DateOrder::YearMonthDay,
                _ => DateOrder::MonthDayYear,
            },
            interval_style: match self.named("IntervalStyle") {
                "postgres_verbose" => IntervalStyle::PostgresVerbose,
                "sql_standard" => IntervalStyle::SqlStandard,
                "iso_8601" => IntervalStyle::Iso8601,
                _ => IntervalStyle::Postgres,
            },
            bytea_output: if self.named("bytea_output") == "escape" { ByteaOutput::Escape } else { ByteaOutput::Hex },
            extra_float_digits: self.named("extra_float_digits").parse().unwrap_or(1),
        }
    }

    /// How long the client may be silent, in a transaction block or outside of one; `None` for ever.
    pub fn idle_timeout(&self, in_transaction: bool) -> Option<Duration> {
        if in_transaction { self.effective.idle_in_transaction_timeout } else { self.effective.idle_timeout }
    }

    /// The schemas to search, in order; `"$user"` is the user's own, should it exist.
    pub fn search_path(&self, user: &str) -> Vec<String> {
        split_names(self.named("search_path"))
            .into_iter()
            .map(|name| if name == "$user" { user.to_owned() } else { name })
            .collect()
    }

    /// The zone whose business date is today; `None` for the history's own.
    pub fn head_office_zone(&self) -> Option<&str> {
        Some(self.named("regulars.time_zone")).filter(|zone| !zone.is_empty())
    }

    /// Whether CREATE VIEW tells what the lint finds.
    pub fn lint(&self) -> bool {
        self.named("regulars.lint") == "on"
    }

    /// Whether the transaction may change nothing.
    pub fn is_read_only(&self) -> bool {
        self.named("transaction_read_only") == "on"
    }

    pub fn application_name(&self) -> &str {
        self.named("application_name")
    }
}

/// Whether a client may use a name that we do not know: words with a dot between, not of our own prefix.
fn is_made_up(name: &str) -> bool {
    let is_word = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || !c.is_ascii())
            && word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '$') || !c.is_ascii())
    };
    name.contains('.') && name.split('.').all(is_word) && !name.to_lowercase().starts_with("regulars.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::SqlState;

    fn settings() -> Settings {
        Settings::new(Identity::new(16_384), &Snapshot::default(), &LimitsConfig::default())
    }

    fn set(settings: &mut Settings, name: &str, value: &str) -> Result<()> {
        settings.set(name, &SetValue::Values(vec![value.to_owned()]), false)
    }

    #[test]
    fn shows_values_as_postgresql_does() {
        let mut settings = settings();
        // SET statement_timeout = …; SHOW statement_timeout on PostgreSQL 15.
        for (given, shown) in [("90000", "90s"), ("10min", "10min"), ("1500", "1500ms"), ("0", "0"), ("2d", "2d")] {
            set(&mut settings, "statement_timeout", given).unwrap();
            assert_eq!(settings.show("statement_timeout").unwrap().1, shown, "{given}");
        }
        set(&mut settings, "timezone", "europe/stockholm").unwrap();
        assert_eq!(settings.show("TIMEZONE").unwrap(), ("TimeZone".into(), "Europe/Stockholm".to_owned()));
        set(&mut settings, "search_path", "Sales, \"Public\"").unwrap();
        assert_eq!(settings.show("search_path").unwrap().1, "sales, \"Public\"");
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        let mut settings = settings();
        assert_eq!(set(&mut settings, "statement_timeuot", "1").unwrap_err().state(), SqlState::UndefinedObject);
        assert_eq!(set(&mut settings, "timezone", "Mars").unwrap_err().state(), SqlState::InvalidParameterValue);
        assert_eq!(set(&mut settings, "server_version", "9").unwrap_err().state(), SqlState::CantChangeRuntimeParam);
    }

    #[test]
    fn names_of_clients_own_are_kept_and_empty_once_reset() {
        // SET app.user = 'ada'; SHOW app.user; RESET ALL; SHOW app.user on PostgreSQL 15.
        let mut settings = settings();
        set(&mut settings, "App.User", "ada").unwrap();
        assert_eq!(settings.show("app.user").unwrap().1, "ada");
        settings.reset(None).unwrap();
        assert_eq!(settings.show("app.user").unwrap().1, "");
        assert_eq!(settings.show("app.other").unwrap_err().state(), SqlState::UndefinedObject);
        for name in ["regulars.no_such", "1.a", "a..b", "no_such"] {
            assert_eq!(set(&mut settings, name, "x").unwrap_err().state(), SqlState::UndefinedObject, "{name}");
        }
    }

    #[test]
    fn a_transaction_is_as_the_session_says_until_it_says_otherwise() {
        let mut settings = settings();
        set(&mut settings, "default_transaction_isolation", "serializable").unwrap();
        set(&mut settings, "default_transaction_read_only", "on").unwrap();
        assert_eq!(settings.show("transaction_isolation").unwrap().1, "serializable");
        assert!(settings.is_read_only());
        set(&mut settings, "transaction_read_only", "off").unwrap();
        assert!(!settings.is_read_only());
        settings.end_local();
        assert!(settings.is_read_only());
    }

    #[test]
    fn encodings_are_named_loosely() {
        let mut settings = settings();
        // SET client_encoding = …; SHOW client_encoding on PostgreSQL 15.
        for (given, shown) in [("'utf-8'", "UTF8"), ("Unicode", "UTF8"), ("sql_ascii", "SQL_ASCII")] {
            set(&mut settings, "client_encoding", given).unwrap();
            assert_eq!(settings.show("client_encoding").unwrap().1, shown, "{given}");
        }
        assert_eq!(set(&mut settings, "client_encoding", "x").unwrap_err().state(), SqlState::InvalidParameterValue);
    }

    #[test]
    fn local_values_end_with_the_transaction() {
        let mut settings = settings();
        settings.set("application_name", &SetValue::Values(vec!["b".to_owned()]), true).unwrap();
        assert_eq!(settings.application_name(), "b");
        settings.end_local();
        assert_eq!(settings.application_name(), "");
    }
}
