//! A channel as the configuration describes it, understood and checked.

use std::path::Path;
use std::time::Duration;

use arrow::array::RecordBatch;
use datafusion::execution::runtime_env::RuntimeEnv;
use reqwest::Client;
use reqwest::header::HeaderValue;
use serde_json::Value;

use super::file::FileChannel;
use super::line::{self, Line};
use super::webhook::{self, Webhook};
use super::{http, payload};
use crate::config::{
    ChannelConfig, ConsentConfig, FileConfig, FileFormat, Identifier, LineConfig, Platform, WebhookConfig,
};
use crate::error::{Result, message};
use crate::storage::location::Location;

/// Ad platforms do not take shorter lists.
const AD_MINIMUM: u32 = 100;

/// The longest wait for an answer.
const TIMEOUT_MS_MAX: u64 = 600_000;

/// What channels stand on.
pub struct Ground<'a> {
    /// Relative paths count from here.
    pub base: &'a Path,
    pub runtime: &'a RuntimeEnv,
    /// For those on the web.
    pub client: Option<&'a Client>,
}

/// Where audiences may be delivered to.
#[derive(Debug)]
pub struct Channel {
    pub name: String,
    /// The channel as `consents` names it; `None` when none is needed.
    pub consent: Option<String>,
    /// Fewer recipients than this are not delivered.
    pub minimum: u32,
    /// What a member must have at least one of; empty when nothing is needed.
    pub identifiers: Vec<Identifier>,
    pub platform: Option<Platform>,
    /// A member needs a text of its own: the audience's column `text`.
    pub needs_text: bool,
    /// Members of a batch; `None` puts all into one.
    pub batch_members: Option<u32>,
    pub sender: Sender,
}

#[derive(Debug)]
pub enum Sender {
    File(FileChannel),
    Webhook(Webhook),
    Line(Line),
}

impl Channel {
    /// The start of what would be sent, to look at.
    pub fn shown(&self, first: &RecordBatch) -> String {
        match &self.sender {
            Sender::File(file) => file.shown(first),
            Sender::Webhook(_) | Sender::Line(_) => format!("{:#}", Value::Array(payload::objects(first))),
        }
    }

    /// Understands `[channels.NAME]` and reads its secrets.
    ///
    /// Errors: F0000 for what contradicts itself, a place that cannot be used, a secret that is not there.
    pub fn of(name: &str, config: &ChannelConfig, ground: &Ground<'_>) -> Result<Self> {
        match config {
            ChannelConfig::File(file) => Self::of_file(name, file, ground),
            ChannelConfig::Webhook(webhook) => Self::of_webhook(name, webhook, ground),
            ChannelConfig::Sms(webhook) if !webhook.identifiers.is_empty() => Err(message::channel_refused(
                name,
                "a text message goes to a telephone",
                "Take identifiers out: members are reached by phone.",
            )),
            ChannelConfig::Sms(webhook) => {
                let channel = Self::of_webhook(name, webhook, ground)?;
                Ok(Self { identifiers: vec![Identifier::Phone], needs_text: true, ..channel })
            }
            ChannelConfig::Line(line) => Self::of_line(name, line, ground),
        }
    }

    fn of_file(name: &str, config: &FileConfig, ground: &Ground<'_>) -> Result<Self> {
        let refused = |what: &str, hint: &str| Err(message::channel_refused(name, what, hint));
        if config.to.starts_with("http://") || config.to.starts_with("https://") {
            return refused("to is no folder", "Use kind = \"webhook\" to send to a web server.");
        }
        if config.hash.is_some() && config.format == FileFormat::Parquet {
            return refused("ad platforms take no Parquet", "Write format = \"csv\".");
        }
        if config.hash.is_some() && config.identifiers.is_empty() {
            return refused("there is nothing to hash", "Write identifiers = [\"email\", \"phone\"].");
        }
        if config.hash.is_some() && config.identifiers.contains(&Identifier::LineUserId) {
            return refused("ad platforms know no LINE users", "Write identifiers = [\"email\", \"phone\"].");
        }
        Ok(Self {
            name: name.to_owned(),
            consent: consent(name, config.consent.as_ref())?,
            minimum: config.minimum.unwrap_or(if config.hash.is_some() { AD_MINIMUM } else { 1 }).max(1),
            identifiers: distinct(name, &config.identifiers)?,
            platform: config.hash,
            needs_text: false,
            batch_members: None,
            sender: Sender::File(FileChannel {
                folder: Location::parse(&config.to, ground.base, ground.runtime)?,
                format: config.format,
                bom: config.bom,
                disarm: config.disarm && config.hash.is_none(),
            }),
        })
    }

    fn of_webhook(name: &str, config: &WebhookConfig, ground: &Ground<'_>) -> Result<Self> {
        let secret = config.secret.read(ground.base)?;
        let authorization = match &config.authorization {
            None => None,
            Some(secret) => {
                let secret = secret.read(ground.base)?;
                let mut value = HeaderValue::from_str(secret.reveal()).map_err(|_| {
                    let hint = "Write it in one line of plain characters, as in Bearer abc.";
                    message::channel_refused(name, "its authorization cannot be sent in a header", hint)
                })?;
                value.set_sensitive(true);
                Some(value)
            }
        };
        Ok(Self {
            name: name.to_owned(),
            consent: consent(name, config.consent.as_ref())?,
            minimum: config.minimum.unwrap_or(1).max(1),
            identifiers: distinct(name, &config.identifiers)?,
            platform: None,
            needs_text: false,
            batch_members: Some(batch_members(name, config.batch_members)?),
            sender: Sender::Webhook(Webhook {
                url: http::receiver(name, &config.url)?,
                client: ground.client()?,
                key: webhook::signing_key(name, &secret)?,
                authorization,
                timeout: timeout(name, config.timeout_ms)?,
                attempts: config.attempts.max(1),
                takes_once: config.takes_once,
            }),
        })
    }

    fn of_line(name: &str, config: &LineConfig, ground: &Ground<'_>) -> Result<Self> {
        Ok(Self {
            name: name.to_owned(),
            consent: consent(name, config.consent.as_ref())?,
            minimum: config.minimum.unwrap_or(line::MINIMUM).max(1),
            identifiers: vec![Identifier::LineUserId],
            platform: None,
            needs_text: false,
            batch_members: Some(batch_members(name, config.batch_members)?),
            sender: Sender::Line(Line {
                base: http::receiver(name, &config.url)?,
                client: ground.client()?,
                token: config.token.read(ground.base)?,
                timeout: timeout(name, config.timeout_ms)?,
                attempts: config.attempts.max(1),
            }),
        })
    }
}

impl Ground<'_> {
    fn client(&self) -> Result<Client> {
        self.client.cloned().ok_or_else(|| message::internal("a channel on the web has no client"))
    }
}

fn batch_members(name: &str, members: u32) -> Result<u32> {
    if (1..=line::BATCH_MEMBERS_MAX).contains(&members) {
        return Ok(members);
    }
    let what = format!("batch_members is not between 1 and {}", line::BATCH_MEMBERS_MAX);
    Err(message::channel_refused(name, &what, "Write batch_members = 1000."))
}

fn timeout(name: &str, milliseconds: u64) -> Result<Duration> {
    if (1..=TIMEOUT_MS_MAX).contains(&milliseconds) {
        return Ok(Duration::from_millis(milliseconds));
    }
    let what = format!("timeout_ms is not between 1 and {TIMEOUT_MS_MAX}");
    Err(message::channel_refused(name, &what, "Write timeout_ms = 30000."))
}

/// Unless the configuration says otherwise, `consents` names a channel as the configuration does.
fn consent(name: &str, config: Option<&ConsentConfig>) -> Result<Option<String>> {
    match config {
        None => Ok(Some(name.to_owned())),
        Some(ConsentConfig::Channel(channel)) if !channel.trim().is_empty() => Ok(Some(channel.clone())),
        Some(ConsentConfig::Needed(false)) => Ok(None),
        Some(ConsentConfig::Channel(_) | ConsentConfig::Needed(true)) => Err(message::channel_refused(
            name,
            "consent names no channel",
            "Write consent = \"sms\" after the channel in consents, or consent = false where none is needed.",
        )),
    }
}

fn distinct(name: &str, identifiers: &[Identifier]) -> Result<Vec<Identifier>> {
    let mut known: Vec<Identifier> = Vec::new();
    for identifier in identifiers {
        if known.contains(identifier) {
            let what = format!("identifiers names {} twice", identifier.column());
            return Err(message::channel_refused(name, &what, "Name it once."));
        }
        known.push(*identifier);
    }
    Ok(known)
}
