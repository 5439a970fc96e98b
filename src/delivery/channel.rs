//! A channel as the configuration describes it, understood and checked.

use std::path::Path;

use arrow::array::RecordBatch;
use datafusion::execution::runtime_env::RuntimeEnv;

use super::file::FileChannel;
use crate::config::{ChannelConfig, ConsentConfig, FileConfig, FileFormat, Identifier, Platform};
use crate::error::{Result, message};
use crate::storage::location::Location;

/// Ad platforms do not take shorter lists.
const AD_MINIMUM: u32 = 100;

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
}

impl Sender {
    /// As `regulars.deliveries` shows it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::File(_) => "file",
        }
    }
}

impl Channel {
    /// The start of what would be sent, to look at.
    pub fn shown(&self, first: &RecordBatch) -> String {
        match &self.sender {
            Sender::File(file) => file.shown(first),
        }
    }

    /// Understands `[channels.NAME]`; relative paths count from `base`.
    ///
    /// Errors: F0000 for what contradicts itself, or a place that cannot be used.
    pub fn of(name: &str, config: &ChannelConfig, base: &Path, runtime: &RuntimeEnv) -> Result<Self> {
        match config {
            ChannelConfig::File(file) => Self::of_file(name, file, base, runtime),
        }
    }

    fn of_file(name: &str, config: &FileConfig, base: &Path, runtime: &RuntimeEnv) -> Result<Self> {
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
                folder: Location::parse(&config.to, base, runtime)?,
                format: config.format,
                bom: config.bom,
                disarm: config.disarm && config.hash.is_none(),
            }),
        })
    }
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
