//! `[channels.NAME]` and `[delivery]`: where audiences may be delivered to.
//!
//! Secrets never stand in the file: it names a variable of the environment, or a file that only its owner may read.

use serde::Deserialize;

use super::SecretConfig;

/// `[delivery]`: what holds for all channels.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DeliveryConfig {
    /// Segments whose members are never delivered, whatever else holds.
    pub suppress: Vec<String>,
}

/// `[channels.NAME]`, by its `kind`.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum ChannelConfig {
    File(FileConfig),
    Webhook(WebhookConfig),
    /// A webhook of a gateway for text messages.
    Sms(WebhookConfig),
    Line(LineConfig),
}

/// A file for people, or for the upload page of an ad platform.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileConfig {
    /// A folder, or the URL of one in an object store.
    pub to: String,
    #[serde(default)]
    pub format: FileFormat,
    #[serde(default)]
    pub identifiers: Vec<Identifier>,
    /// Write identifiers as SHA-256, after the rules of this platform, and nothing else.
    pub hash: Option<Platform>,
    /// A byte order mark at the start, for spreadsheets that take UTF-8 for something else without it.
    #[serde(default)]
    pub bom: bool,
    /// Disarm text cells that a spreadsheet would run as a formula.
    #[serde(default = "yes")]
    pub disarm: bool,
    pub consent: Option<ConsentConfig>,
    pub minimum: Option<u32>,
}

/// JSON batches that are posted to a web server.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookConfig {
    pub url: String,
    /// Signs what is sent.
    pub secret: SecretConfig,
    /// Sent as it is in the header Authorization.
    pub authorization: Option<SecretConfig>,
    #[serde(default)]
    pub identifiers: Vec<Identifier>,
    #[serde(default = "webhook_batch_members")]
    pub batch_members: u32,
    #[serde(default = "request_timeout_ms")]
    pub timeout_ms: u64,
    #[serde(default = "attempts")]
    pub attempts: u32,
    /// The receiver takes a batch once, however often it comes.
    #[serde(default = "yes")]
    pub takes_once: bool,
    pub consent: Option<ConsentConfig>,
    pub minimum: Option<u32>,
}

/// A LINE Official Account.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LineConfig {
    /// Channel access token.
    pub token: SecretConfig,
    #[serde(default = "line_url")]
    pub url: String,
    #[serde(default = "line_batch_members")]
    pub batch_members: u32,
    #[serde(default = "request_timeout_ms")]
    pub timeout_ms: u64,
    #[serde(default = "attempts")]
    pub attempts: u32,
    pub consent: Option<ConsentConfig>,
    pub minimum: Option<u32>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileFormat {
    #[default]
    Csv,
    Parquet,
}

/// What a member can be reached by; each is a column of `members`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Identifier {
    Email,
    Phone,
    LineUserId,
}

/// Whose rules identifiers are hashed after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Platform {
    Meta,
    Google,
}

/// Which consent a member must have given.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum ConsentConfig {
    /// The channel as `consents` names it.
    Channel(String),
    /// `false`: none is needed.
    Needed(bool),
}

fn yes() -> bool {
    true
}

fn webhook_batch_members() -> u32 {
    1_000
}

fn line_batch_members() -> u32 {
    10_000
}

fn request_timeout_ms() -> u64 {
    30_000
}

fn attempts() -> u32 {
    5
}

fn line_url() -> String {
    "https://api.line.me".to_owned()
}
