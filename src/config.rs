//! The configuration file: where the purchase history lies, how its names map to the contract, where we listen.
//!
//! Read once at start; relative paths count from the file. Unknown keys are refused, so that a typing mistake is
//! not silently without effect.

mod channel;
mod secret;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

pub use self::channel::{
    ChannelConfig, ConsentConfig, DeliveryConfig, FileConfig, FileFormat, Identifier, LineConfig, Platform,
    WebhookConfig,
};
pub use self::secret::{Secret, SecretConfig};
use crate::error::{Error, Result, SqlState};
use crate::ident::{FIRST_SUPERUSER, NAME_BYTES_MAX};

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    #[serde(default = "default_listen")]
    pub listen: SocketAddr,
    /// Catalog, audiences, index: ours, created at first start.
    #[serde(default = "default_home")]
    pub home: PathBuf,
    pub history: HistoryConfig,
    /// Further tables of the user's own, `[tables.NAME]`.
    #[serde(default)]
    pub tables: BTreeMap<String, TableConfig>,
    /// Where audiences may be delivered to, `[channels.NAME]`.
    #[serde(default)]
    pub channels: BTreeMap<String, ChannelConfig>,
    #[serde(default)]
    pub delivery: DeliveryConfig,
    /// TLS; without it the server listens on loopback alone.
    pub tls: Option<TlsConfig>,
    #[serde(default)]
    pub sign_in: SignInConfig,
    #[serde(default)]
    pub limits: LimitsConfig,
    /// Folder of the configuration file; relative paths count from here.
    #[serde(skip)]
    pub base: PathBuf,
}

/// `[history]`: either `path` of a folder that follows the contract, or a table for each file that is mapped.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HistoryConfig {
    /// Folder or URL that holds `members.parquet`, `purchases/`, …
    pub path: Option<String>,
    /// IANA zone of stores that name none, and of the head office (`asof()`).
    pub time_zone: Option<String>,
    /// Local time at which a business day starts, for stores that name none.
    pub day_starts_at: Option<String>,
    /// What to do about a repeated key: an error (default) or keep the first.
    #[serde(default)]
    pub duplicates: Duplicates,
    /// Digits after the point of amounts that arrive as floats.
    #[serde(default = "default_amount_scale")]
    pub amount_scale: i8,
    pub members: Option<TableConfig>,
    pub stores: Option<TableConfig>,
    pub products: Option<TableConfig>,
    pub purchases: Option<TableConfig>,
    pub purchase_lines: Option<TableConfig>,
    pub loyalty_levels: Option<TableConfig>,
    pub member_levels: Option<TableConfig>,
    pub consents: Option<TableConfig>,
    pub business_customers: Option<TableConfig>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Duplicates {
    #[default]
    Error,
    First,
}

/// One mapped table.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableConfig {
    /// File, folder, glob or object-store URL.
    pub path: String,
    /// Whether instants without a zone are UTC or wall-clock time of the store.
    #[serde(default)]
    pub instants: Instants,
    /// Contract name → name in the file.
    #[serde(default)]
    pub columns: BTreeMap<String, String>,
    /// Column (contract name) → value in the file → value of the contract.
    #[serde(default)]
    pub values: BTreeMap<String, BTreeMap<String, String>>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Instants {
    #[default]
    Utc,
    Local,
}

/// `[tls]`: the certificate by which clients know this server.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    /// PEM: the server's certificate, then those that lead to its root.
    pub certificate: PathBuf,
    /// PEM, readable by its owner alone.
    pub key: PathBuf,
    /// Refuse connections in the clear from this machine too.
    #[serde(default)]
    pub required_on_loopback: bool,
}

/// `[sign_in]`: who must show what.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SignInConfig {
    pub loopback: Loopback,
    /// The first superuser's name in a new home; later ALTER ROLE … RENAME TO changes it.
    pub superuser: String,
}

impl Default for SignInConfig {
    fn default() -> Self {
        Self { loopback: Loopback::default(), superuser: FIRST_SUPERUSER.to_owned() }
    }
}

/// What whoever connects from this machine must show.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Loopback {
    /// Nothing, as long as no role has a password; then a password. So a first start and a demo need none, and nobody
    /// forgets to close the door behind the first password.
    #[default]
    TrustUntilPassword,
    /// Nothing: every program on this machine comes in as any role. The way back in when the password is lost.
    Trust,
    /// A password, from the first start on.
    Scram,
}

/// `[limits]`: every bound has a unit, and its refusal tells its value.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// Sessions at once.
    pub connections: usize,
    /// Of these, how many are kept for superusers.
    pub reserved_connections: usize,
    /// Connections at once that have not signed in yet; when another comes, the one that has waited longest goes.
    pub starting_connections: usize,
    /// Memory of all running statements together.
    pub memory_mib: Option<usize>,
    pub authentication_timeout_ms: u64,
    pub statement_timeout_ms: u64,
    pub write_timeout_ms: u64,
    pub shutdown_timeout_ms: u64,
    /// Bytes of one message from a client that has signed in.
    pub message_bytes: usize,
    /// Bytes of rows that a cursor declared SCROLL keeps to go back to.
    pub cursor_bytes: usize,
}

impl LimitsConfig {
    /// What a session's prepared statements and portals may hold together, in bytes.
    pub fn held_bytes(&self) -> usize {
        self.message_bytes.saturating_mul(2)
    }
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            connections: 200,
            reserved_connections: 3,
            starting_connections: 500,
            memory_mib: None,
            authentication_timeout_ms: 10_000,
            statement_timeout_ms: 300_000,
            write_timeout_ms: 60_000,
            shutdown_timeout_ms: 30_000,
            message_bytes: 64 << 20,
            cursor_bytes: 256 << 20,
        }
    }
}

fn default_listen() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 5433))
}

fn default_home() -> PathBuf {
    PathBuf::from("regulars-home")
}

fn default_amount_scale() -> i8 {
    2
}

impl Config {
    /// Reads and checks a configuration file.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            Error::new(SqlState::ConfigFileError, format!("configuration file \"{}\" cannot be read", path.display()))
                .with_detail(error.to_string())
        })?;
        let base = path.parent().map(Path::to_path_buf).unwrap_or_default();
        Self::parse(&text, base).map_err(|error| match error.detail() {
            Some(_) => error,
            None => error.with_detail(format!("In \"{}\".", path.display())),
        })
    }

    /// Reads a configuration from text; `base` is where its relative paths count from.
    pub fn parse(text: &str, base: PathBuf) -> Result<Self> {
        let mut config: Config = toml::from_str(text).map_err(|error| {
            Error::new(SqlState::ConfigFileError, "configuration file cannot be understood")
                .with_detail(error.to_string().trim_end().to_owned())
        })?;
        if config.limits.reserved_connections >= config.limits.connections {
            return Err(Error::new(SqlState::ConfigFileError, "reserved_connections leaves no connection to others")
                .with_detail(format!(
                    "Under [limits], reserved_connections is {} and connections is {}.",
                    config.limits.reserved_connections, config.limits.connections
                )));
        }
        let superuser = config.sign_in.superuser.as_str();
        let is_reserved = superuser.starts_with("pg_") || ["public", "none", "reader"].contains(&superuser);
        if is_reserved || superuser.is_empty() || superuser.len() > NAME_BYTES_MAX {
            return Err(Error::new(SqlState::ConfigFileError, "the superuser's name cannot be used").with_detail(format!(
                "Under [sign_in], superuser has 1 to {NAME_BYTES_MAX} bytes and is no reserved name; it is \"{superuser}\"."
            )));
        }
        config.home = base.join(&config.home);
        config.base = base;
        Ok(config)
    }

    /// The configuration of a folder that follows the contract.
    pub fn of_folder(path: &Path) -> Self {
        Self {
            listen: default_listen(),
            home: path.join(default_home()),
            history: HistoryConfig {
                path: Some(path.display().to_string()),
                amount_scale: default_amount_scale(),
                ..HistoryConfig::default()
            },
            tables: BTreeMap::new(),
            channels: BTreeMap::new(),
            delivery: DeliveryConfig::default(),
            tls: None,
            sign_in: SignInConfig::default(),
            limits: LimitsConfig::default(),
            base: PathBuf::new(),
        }
    }
}

impl HistoryConfig {
    /// The mapped tables by contract name, in the order of the contract.
    pub fn mapped(&self) -> impl Iterator<Item = (&'static str, &TableConfig)> {
        [
            ("members", &self.members),
            ("stores", &self.stores),
            ("products", &self.products),
            ("purchases", &self.purchases),
            ("purchase_lines", &self.purchase_lines),
            ("loyalty_levels", &self.loyalty_levels),
            ("member_levels", &self.member_levels),
            ("consents", &self.consents),
            ("business_customers", &self.business_customers),
        ]
        .into_iter()
        .filter_map(|(name, table)| table.as_ref().map(|table| (name, table)))
    }
}
