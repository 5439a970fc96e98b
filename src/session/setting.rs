//! The variables that a session has, in one table: name, default, what it accepts, one line of help.

use chrono::NaiveDate;
use chrono_tz::Tz;

use crate::catalog::system::{SERVER_VERSION, SettingKind};
use crate::error::{Result, message};

/// One variable.
pub struct Setting {
    /// As SHOW prints it.
    pub name: &'static str,
    pub default: &'static str,
    pub help: &'static str,
    pub unit: Option<&'static str>,
    /// Told to the client whenever it changes (ParameterStatus).
    pub reported: bool,
    pub(super) accepts: Accepts,
}

/// What a variable accepts, and how it is written down.
pub(super) enum Accepts {
    Any,
    /// One of these, in any case.
    OneOf(&'static [&'static str]),
    Boolean,
    /// What is always so here: setting it to that is accepted, anything else is refused.
    Only(bool),
    /// A whole number within bounds.
    Integer(i64, i64),
    /// Milliseconds, with PostgreSQL's units; 0 is none.
    Duration,
    TimeZone,
    /// A list of names.
    Names,
    /// A date, or nothing.
    DateOrNone,
    /// A zone, or nothing.
    ZoneOrNone,
    /// A style of output, and an order of day and month.
    DateStyle,
    /// An encoding of text that needs no conversion.
    Encoding,
    /// Fixed by the server.
    Nothing,
}

const fn setting(name: &'static str, default: &'static str, accepts: Accepts, help: &'static str) -> Setting {
    Setting { name, default, help, unit: None, reported: false, accepts }
}

impl Setting {
    const fn reported(mut self) -> Self {
        self.reported = true;
        self
    }

    const fn unit(mut self, unit: &'static str) -> Self {
        self.unit = Some(unit);
        self
    }
}

impl Setting {
    pub fn kind(&self) -> SettingKind {
        match self.accepts {
            Accepts::Boolean | Accepts::Only(_) => SettingKind::Bool,
            Accepts::Integer(..) | Accepts::Duration => SettingKind::Integer,
            Accepts::OneOf(_) => SettingKind::Choice,
            Accepts::Any
            | Accepts::TimeZone
            | Accepts::Names
            | Accepts::DateOrNone
            | Accepts::ZoneOrNone
            | Accepts::DateStyle
            | Accepts::Encoding => SettingKind::Text,
            Accepts::Nothing => match self.default {
                "on" | "off" => SettingKind::Bool,
                number if number.parse::<i64>().is_ok() => SettingKind::Integer,
                _ => SettingKind::Text,
            },
        }
    }

    pub fn is_settable(&self) -> bool {
        !matches!(self.accepts, Accepts::Nothing)
    }

    /// The least and the greatest value of a number, in its unit.
    pub fn bounds(&self) -> Option<(i64, i64)> {
        match self.accepts {
            Accepts::Integer(least, most) => Some((least, most)),
            Accepts::Duration => Some((0, i32::MAX.into())),
            Accepts::Nothing => self.default.parse().ok().map(|number| (number, number)),
            _ => None,
        }
    }

    /// The words that a choice is between.
    pub fn choices(&self) -> Option<&'static [&'static str]> {
        match self.accepts {
            Accepts::OneOf(choices) => Some(choices),
            _ => None,
        }
    }

    /// `pg_settings.category`.
    pub fn category(&self) -> &'static str {
        match self.name {
            name if name.starts_with("regulars.") => "Customized Options",
            "application_name" => "Reporting and Logging / What to Log",
            "max_connections" => "Connections and Authentication / Connection Settings",
            "search_path" | "client_min_messages" | "bytea_output" | "row_security" | "check_function_bodies" => {
                "Client Connection Defaults / Statement Behavior"
            }
            name if name.contains("transaction_") || name.contains("_timeout") || name.starts_with("default_") => {
                "Client Connection Defaults / Statement Behavior"
            }
            "TimeZone" | "DateStyle" | "IntervalStyle" | "client_encoding" | "extra_float_digits" => {
                "Client Connection Defaults / Locale and Formatting"
            }
            name if name.starts_with("lc_") && self.is_settable() => {
                "Client Connection Defaults / Locale and Formatting"
            }
            "jit" => "Query Tuning / Other Planner Options",
            "synchronous_commit" => "Write-Ahead Log / Settings",
            "transform_null_equals" => "Version and Platform Compatibility / Other Platforms and Clients",
            "array_nulls" | "quote_all_identifiers" | "standard_conforming_strings" | "synchronize_seqscans" => {
                "Version and Platform Compatibility / Previous PostgreSQL Versions"
            }
            _ => "Preset Options",
        }
    }

    /// Whether its value belongs to the transaction it is set in.
    pub(super) fn is_of_transaction(&self) -> bool {
        self.name.starts_with("transaction_")
    }
}

/// All variables, in the order of SHOW ALL.
pub static SETTINGS: &[Setting] = &[
    setting("application_name", "", Accepts::Any, "Sets the application name to be reported in statistics and logs.")
        .reported(),
    setting("array_nulls", "on", Accepts::Only(true), "Enables input of NULL elements in arrays."),
    setting("block_size", "8192", Accepts::Nothing, "Shows the size of a disk block."),
    setting("bytea_output", "hex", Accepts::OneOf(&["escape", "hex"]), "Sets the output format for bytea."),
    setting(
        "check_function_bodies",
        "on",
        Accepts::Boolean,
        "Checks routine bodies during CREATE FUNCTION; there are none here to be checked.",
    ),
    setting("client_encoding", "UTF8", Accepts::Encoding, "Sets the client's character set encoding.").reported(),
    setting(
        "client_min_messages",
        "notice",
        Accepts::OneOf(&["debug5", "debug4", "debug3", "debug2", "debug1", "log", "notice", "warning", "error"]),
        "Sets the message levels that are sent to the client.",
    ),
    setting("DateStyle", "ISO, MDY", Accepts::DateStyle, "Sets the display format for date and time values.")
        .reported(),
    setting(
        "default_table_access_method",
        "heap",
        Accepts::OneOf(&["heap"]),
        "Sets the default table access method for new tables.",
    ),
    setting(
        "default_tablespace",
        "",
        Accepts::OneOf(&["", "pg_default"]),
        "Sets the default tablespace to create tables and indexes in; there is one here.",
    ),
    setting(
        "default_transaction_deferrable",
        "off",
        Accepts::Boolean,
        "Sets the default deferrable status of new transactions; none here ever waits.",
    ),
    setting(
        "default_transaction_isolation",
        "read committed",
        Accepts::OneOf(&["serializable", "repeatable read", "read committed", "read uncommitted"]),
        "Sets the transaction isolation level of each new transaction.",
    ),
    setting(
        "default_transaction_read_only",
        "off",
        Accepts::Boolean,
        "Sets the default read-only status of new transactions.",
    )
    .reported(),
    setting(
        "extra_float_digits",
        "1",
        Accepts::Integer(-15, 3),
        "Sets the number of digits displayed for floating-point values.",
    ),
    setting(
        "idle_in_transaction_session_timeout",
        "600000",
        Accepts::Duration,
        "Sets the maximum allowed idle time between queries, when in a transaction.",
    )
    .unit("ms"),
    setting(
        "idle_session_timeout",
        "0",
        Accepts::Duration,
        "Sets the maximum allowed idle time between queries, when not in a transaction.",
    )
    .unit("ms"),
    setting("in_hot_standby", "off", Accepts::Nothing, "Shows whether hot standby is currently active.").reported(),
    setting("integer_datetimes", "on", Accepts::Nothing, "Shows whether datetimes are integer based.").reported(),
    setting(
        "IntervalStyle",
        "postgres",
        Accepts::OneOf(&["postgres", "postgres_verbose", "sql_standard", "iso_8601"]),
        "Sets the display format for interval values.",
    )
    .reported(),
    setting("is_superuser", "off", Accepts::Nothing, "Shows whether the current user is a superuser.").reported(),
    setting("jit", "off", Accepts::Only(false), "Allow JIT compilation; there is none here."),
    setting("lc_collate", "C", Accepts::Nothing, "Shows the collation order locale."),
    setting("lc_ctype", "C.UTF-8", Accepts::Nothing, "Shows the character classification and case conversion locale."),
    setting("lc_messages", "C", Accepts::OneOf(LOCALES), "Sets the language in which messages are displayed."),
    setting("lc_monetary", "C", Accepts::OneOf(LOCALES), "Sets the locale for formatting monetary amounts."),
    setting("lc_numeric", "C", Accepts::OneOf(LOCALES), "Sets the locale for formatting numbers."),
    setting("lc_time", "C", Accepts::OneOf(LOCALES), "Sets the locale for formatting date and time values."),
    setting(
        "lock_timeout",
        "0",
        Accepts::Duration,
        "Sets the maximum allowed duration of any wait for a lock; nothing here waits for one.",
    )
    .unit("ms"),
    setting("max_connections", "200", Accepts::Nothing, "Sets the maximum number of concurrent connections."),
    setting("max_function_args", "100", Accepts::Nothing, "Shows the maximum number of function arguments."),
    setting("max_identifier_length", "63", Accepts::Nothing, "Shows the maximum identifier length."),
    setting("max_index_keys", "32", Accepts::Nothing, "Shows the maximum number of index keys."),
    setting(
        "max_prepared_transactions",
        "0",
        Accepts::Nothing,
        "Sets the maximum number of simultaneously prepared transactions.",
    ),
    setting(
        "quote_all_identifiers",
        "off",
        Accepts::Only(false),
        "When generating SQL fragments, quote all identifiers.",
    ),
    setting(
        "password_encryption",
        "scram-sha-256",
        Accepts::OneOf(&["scram-sha-256"]),
        "Chooses the algorithm for encrypting passwords.",
    ),
    setting(
        "regulars.as_of",
        "",
        Accepts::DateOrNone,
        "Sets the day that asof() gives; receipts of later business dates do not exist then. Empty: today.",
    ),
    setting("regulars.lint", "on", Accepts::Boolean, "Tells at CREATE VIEW what in a segment is likely to be a trap."),
    setting(
        "regulars.member_index",
        "on",
        Accepts::Boolean,
        "Answers facts of members from the index where it is fresh; off reads the files, with the same answers.",
    ),
    setting(
        "regulars.time_zone",
        "",
        Accepts::ZoneOrNone,
        "Sets the time zone whose business date is today. Empty: that of the history.",
    ),
    setting("row_security", "on", Accepts::Boolean, "Enables row security; no relation here has policies."),
    setting("role", "none", Accepts::Nothing, "Sets the current role."),
    setting(
        "search_path",
        "\"$user\", public",
        Accepts::Names,
        "Sets the schema search order for names that are not schema-qualified.",
    ),
    setting("server_encoding", "UTF8", Accepts::Nothing, "Shows the server (database) character set encoding.")
        .reported(),
    setting("server_version", SERVER_VERSION, Accepts::Nothing, "Shows the server version.").reported(),
    setting("server_version_num", "160000", Accepts::Nothing, "Shows the server version as an integer."),
    setting("session_authorization", "", Accepts::Nothing, "Shows the session user name.").reported(),
    setting(
        "standard_conforming_strings",
        "on",
        Accepts::OneOf(&["on"]),
        "Causes '...' strings to treat backslashes literally.",
    )
    .reported(),
    setting("statement_timeout", "300000", Accepts::Duration, "Sets the maximum allowed duration of any statement.")
        .unit("ms"),
    setting(
        "synchronize_seqscans",
        "on",
        Accepts::Boolean,
        "Enables synchronized sequential scans; the order of rows is never promised here.",
    ),
    setting(
        "synchronous_commit",
        "on",
        Accepts::OneOf(&["local", "remote_write", "remote_apply", "on", "off"]),
        "Sets the current transaction's synchronization level; here COMMIT returns when it is on disk, whatever is set.",
    ),
    setting(
        "superuser_reserved_connections",
        "3",
        Accepts::Nothing,
        "Sets the number of connection slots reserved for superusers.",
    ),
    setting("TimeZone", "UTC", Accepts::TimeZone, "Sets the time zone for displaying and interpreting time stamps.")
        .reported(),
    setting(
        "transaction_deferrable",
        "off",
        Accepts::Boolean,
        "Whether to defer a read-only serializable transaction; none here ever waits.",
    ),
    setting(
        "transaction_isolation",
        "read committed",
        Accepts::OneOf(&["serializable", "repeatable read", "read committed", "read uncommitted"]),
        "Shows the current transaction's isolation level.",
    ),
    setting("transaction_read_only", "off", Accepts::Boolean, "Shows the current transaction's read-only status."),
    setting(
        "transform_null_equals",
        "off",
        Accepts::Only(false),
        "Treats \"expr=NULL\" as \"expr IS NULL\"; here it never is.",
    ),
];

/// The locales that compare and write like ours.
const LOCALES: &[&str] = &["C", "POSIX", "C.UTF-8", "en_US.UTF-8"];

pub(super) fn find(name: &str) -> Result<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name.eq_ignore_ascii_case(name)).ok_or_else(|| {
        let near = message::nearest(name, SETTINGS.iter().map(|setting| setting.name));
        message::setting_unknown(name, near)
    })
}

pub(super) fn accepted(setting: &Setting, current: &str, values: &[String]) -> Result<String> {
    let refused = || message::setting_value_refused(setting.name, &values.join(", "));
    if matches!(setting.accepts, Accepts::Names) {
        let names: Vec<String> = values.iter().flat_map(|value| split_names(value)).collect();
        return Ok(names.iter().map(|name| crate::ident::quote(name)).collect::<Vec<_>>().join(", "));
    }
    if matches!(setting.accepts, Accepts::DateStyle) {
        return date_style(current, values).ok_or_else(refused);
    }
    let [value] = values else {
        return Err(refused());
    };
    match &setting.accepts {
        Accepts::Any => Ok(value.clone()),
        Accepts::OneOf(known) => known
            .iter()
            .find(|known| known.eq_ignore_ascii_case(value))
            .map(|known| (*known).to_owned())
            .ok_or_else(|| refused().with_hint(format!("Available values: {}.", known.join(", ")))),
        Accepts::Boolean => {
            let truth = boolean(value).ok_or_else(|| message::setting_not_boolean(setting.name))?;
            Ok(if truth { "on" } else { "off" }.to_owned())
        }
        Accepts::Only(always) => match boolean(value) {
            Some(truth) if truth == *always => Ok(setting.default.to_owned()),
            Some(_) => Err(message::setting_is_always(setting.name, setting.default)),
            None => Err(message::setting_not_boolean(setting.name)),
        },
        Accepts::Integer(least, most) => {
            let number: i64 = value.parse().map_err(|_| refused())?;
            if !(*least..=*most).contains(&number) {
                return Err(message::setting_out_of_range(setting.name, number, *least, *most));
            }
            Ok(number.to_string())
        }
        Accepts::Duration => milliseconds(value).map(|ms| ms.to_string()).ok_or_else(refused),
        Accepts::TimeZone => time_zone(value).map(|zone| zone.name().to_owned()).ok_or_else(refused),
        Accepts::DateOrNone if value.is_empty() => Ok(String::new()),
        Accepts::DateOrNone => value.parse::<NaiveDate>().map(|date| date.to_string()).map_err(|_| {
            refused()
                .with_hint("Write a date, as in SET regulars.as_of = '2026-11-20', or RESET regulars.as_of for today.")
        }),
        Accepts::ZoneOrNone if value.is_empty() => Ok(String::new()),
        Accepts::ZoneOrNone => {
            regulars_udfs::zone::parse(value).map(|zone| zone.name().to_owned()).map_err(|_| refused())
        }
        Accepts::Encoding => encoding(value).map(str::to_owned).ok_or_else(refused),
        Accepts::Names | Accepts::DateStyle => Err(refused()),
        Accepts::Nothing => Err(message::setting_is_fixed(setting.name)),
    }
}

fn boolean(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "on" | "true" | "yes" | "1" | "t" | "y" => Some(true),
        "off" | "false" | "no" | "0" | "f" | "n" => Some(false),
        _ => None,
    }
}

/// Only letters and digits of an encoding's name count: drivers send `utf-8`, in quotes too.
fn encoding(name: &str) -> Option<&'static str> {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    match plain.to_ascii_lowercase().as_str() {
        "utf8" | "unicode" => Some("UTF8"),
        "sqlascii" => Some("SQL_ASCII"),
        _ => None,
    }
}

/// An IANA name in any case.
fn time_zone(name: &str) -> Option<Tz> {
    let name = name.trim();
    match name.to_ascii_lowercase().as_str() {
        "z" => Some(Tz::UTC),
        _ => chrono_tz::TZ_VARIANTS.iter().copied().find(|zone| zone.name().eq_ignore_ascii_case(name)),
    }
}

/// The style of output and the order of day and month, in any order of words; what is not named stays.
fn date_style(current: &str, values: &[String]) -> Option<String> {
    let (mut style, mut order) = current.split_once(", ")?;
    for word in values.iter().flat_map(|value| value.split(',')).map(str::trim) {
        match word.to_ascii_uppercase().as_str() {
            "ISO" => style = "ISO",
            "SQL" => style = "SQL",
            "POSTGRES" => style = "Postgres",
            "GERMAN" => {
                style = "German";
                order = "DMY";
            }
            "MDY" | "US" | "NONEURO" | "NONEUROPEAN" => order = "MDY",
            "DMY" | "EURO" | "EUROPEAN" => order = "DMY",
            "YMD" => order = "YMD",
            _ => return None,
        }
    }
    Some(format!("{style}, {order}"))
}

/// `5000`, `5s`, `10min`, `1h`, `250ms`, `1d`.
fn milliseconds(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..digits].parse().ok()?;
    let factor = match text[digits..].trim() {
        "" | "ms" => 1,
        "s" => 1_000,
        "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(factor).filter(|ms| *ms <= i32::MAX as u64)
}

/// PostgreSQL shows a duration in the largest unit that divides it.
pub(super) fn shown_duration(milliseconds: &str) -> String {
    let Ok(number) = milliseconds.parse::<u64>() else {
        return milliseconds.to_owned();
    };
    for (factor, unit) in [(86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s")] {
        if number > 0 && number % factor == 0 {
            return format!("{}{unit}", number / factor);
        }
    }
    if number == 0 { "0".to_owned() } else { format!("{number}ms") }
}

/// `a, "B c"` → a, B c.
pub(super) fn split_names(text: &str) -> Vec<String> {
    text.split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(|name| match name.strip_prefix('"').and_then(|name| name.strip_suffix('"')) {
            Some(quoted) => quoted.replace("\"\"", "\""),
            None => name.to_lowercase(),
        })
        .collect()
}
