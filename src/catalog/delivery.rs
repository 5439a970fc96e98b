//! What is remembered of deliveries: to whom a list was to go, what became of each batch.
//!
//! A delivery is no object that statements name: it is a record, written beside the objects and kept for ever, also when
//! its list is gone. It is put down before anything leaves the house, so that one that is cut short is known as such.

use chrono::{DateTime, Utc};

use crate::pg_type::Oid;

/// An audience handed to a channel. There is one for each run and channel: the same id is sent once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// 32 hexadecimal digits, made of the home, the audience, the run and the channel.
    pub id: String,
    pub audience: Oid,
    /// The list's schema and name at that time.
    pub schema: String,
    pub name: String,
    pub run: u32,
    pub channel: String,
    pub state: DeliveryState,
    /// Why it is not delivered.
    pub error: Option<String>,
    pub counts: Counts,
    /// How many batches the recipients were put into.
    pub batches: u32,
    /// The file of the recipients, within the folder of deliveries; none of one that was refused.
    pub recipients: Option<String>,
    /// What the receiver calls it: a file, an audience of LINE.
    pub reference: Option<String>,
    /// Definition, counts and checksums as JSON, once nothing is left to send.
    pub manifest: Option<String>,
    pub started_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
    /// Who asked for it.
    pub by: String,
}

/// How a delivery, or a batch of it, stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    /// Nothing left the house: too few recipients.
    Refused,
    /// On its way; after a crash it goes on at the next start.
    Sending,
    /// All of it was accepted.
    Delivered,
    /// Something was refused, or could not be sent; what was accepted before stays so.
    Failed,
    /// Whether the receiver has it cannot be known, and it is not sent again by itself.
    InDoubt,
}

impl DeliveryState {
    pub const ALL: [Self; 5] = [Self::Refused, Self::Sending, Self::Delivered, Self::Failed, Self::InDoubt];

    pub fn name(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Sending => "sending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::InDoubt => "in doubt",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// Members: how many there were, and how many were dropped for which reason. Each member is counted once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// In the run.
    pub matched: u64,
    /// No longer in `members`.
    pub gone: u64,
    pub suppressed: u64,
    /// The newest word on the channel is not a yes.
    pub withdrawn: u64,
    /// Nothing was ever said about the channel.
    pub no_consent: u64,
    /// Nothing to reach them by.
    pub no_identifier: u64,
    /// Something that cannot be right.
    pub invalid_identifier: u64,
    /// Reached already as another member.
    pub shared_identifier: u64,
    /// A text message without a text.
    pub no_text: u64,
    /// Left out on purpose, to compare with.
    pub held_out: u64,
    pub deliverable: u64,
}

impl Counts {
    pub fn consented(&self) -> u64 {
        self.matched
            .saturating_sub(self.gone)
            .saturating_sub(self.suppressed)
            .saturating_sub(self.withdrawn)
            .saturating_sub(self.no_consent)
    }
}

/// A part of a delivery that is sent as one. There is a record of it from just before it is first sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// From 1.
    pub number: u32,
    /// Members in what was sent.
    pub members: u64,
    /// Recipients who were left out because they may no longer be written to.
    pub dropped: u64,
    pub state: DeliveryState,
    /// Members that the receiver took.
    pub accepted: u64,
    /// Of what was sent, in hexadecimal.
    pub sha256: String,
    pub bytes: u64,
    /// How often it was begun; the repetitions of one attempt are not counted.
    pub attempts: u32,
    pub sent_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
    pub error: Option<String>,
}

/// A delivery with its batches in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedDelivery {
    pub delivery: Delivery,
    pub batches: Vec<Batch>,
}

impl RecordedDelivery {
    /// A new batch, or a new state of one.
    pub fn put_batch(&mut self, batch: Batch) {
        self.batches.retain(|known| known.number != batch.number);
        let at = self.batches.partition_point(|known| known.number < batch.number);
        self.batches.insert(at, batch);
    }

    pub fn batch(&self, number: u32) -> Option<&Batch> {
        self.batches.iter().find(|batch| batch.number == number)
    }

    /// Members in batches that left the house, accepted or not.
    pub fn sent(&self) -> u64 {
        self.batches.iter().map(|batch| batch.members).sum()
    }

    pub fn accepted(&self) -> u64 {
        self.batches.iter().map(|batch| batch.accepted).sum()
    }

    /// Recipients who were dropped after the delivery began.
    pub fn dropped(&self) -> u64 {
        self.batches.iter().map(|batch| batch.dropped).sum()
    }
}
