//! The channels of a server, and which deliveries somebody is at: no delivery is sent by two at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::execution::runtime_env::RuntimeEnv;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::Channel;
use super::channel::Ground;
use super::http::client;
use crate::config::{ChannelConfig, Config};
use crate::error::{Result, message};
use crate::storage::member_file::MemberFolder;

#[derive(Debug)]
pub struct Desk {
    channels: BTreeMap<String, Arc<Channel>>,
    /// Segments whose members are never delivered.
    pub suppress: Vec<String>,
    /// Where recipients are kept.
    pub folder: MemberFolder,
    in_hand: Arc<InHand>,
}

#[derive(Debug, Default)]
struct InHand {
    deliveries: Mutex<BTreeSet<String>>,
    /// One was let go.
    let_go: Notify,
}

/// That a delivery is in hand; dropped, it is let go.
#[derive(Debug)]
pub struct Held {
    id: String,
    in_hand: Arc<InHand>,
}

impl Desk {
    /// Errors: F0000 for a channel that the configuration describes wrongly.
    pub fn open(config: &Config, runtime: &RuntimeEnv, folder: MemberFolder) -> Result<Self> {
        let is_on_the_web = |channel: &ChannelConfig| !matches!(channel, ChannelConfig::File(_));
        let client = config.channels.values().any(is_on_the_web).then(client).transpose()?;
        let ground = Ground { base: &config.base, runtime, client: client.as_ref() };
        let channels = config
            .channels
            .iter()
            .map(|(name, channel)| Ok((name.clone(), Arc::new(Channel::of(name, channel, &ground)?))));
        Ok(Self {
            channels: channels.collect::<Result<_>>()?,
            suppress: config.delivery.suppress.clone(),
            folder,
            in_hand: Arc::default(),
        })
    }

    /// Errors: 42704 for one that the configuration does not have.
    pub fn channel(&self, name: &str) -> Result<Arc<Channel>> {
        let known = || self.channels.keys().map(String::as_str).collect::<Vec<_>>();
        self.channels.get(name).cloned().ok_or_else(|| message::channel_missing(name, &known()))
    }

    /// Takes a delivery in hand; `None` when somebody else is at it.
    pub fn hold(&self, id: &str) -> Option<Held> {
        let is_free = self.in_hand.deliveries.lock().insert(id.to_owned());
        is_free.then(|| Held { id: id.to_owned(), in_hand: Arc::clone(&self.in_hand) })
    }

    /// Waits until nobody is at a delivery.
    pub async fn let_go(&self, id: &str) {
        loop {
            let mut let_go = std::pin::pin!(self.in_hand.let_go.notified());
            let_go.as_mut().enable();
            if !self.in_hand.deliveries.lock().contains(id) {
                return;
            }
            let_go.await;
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.in_hand.deliveries.lock().remove(&self.id);
        self.in_hand.let_go.notify_waiters();
    }
}
