//! Delivering audiences: who of a run may be reached by a channel, in which form, and how it leaves the house.
//!
//! How it works: [`selection`] joins a run to what is known of its members today (consent, suppression, identifiers) and
//! tells each apart, deliverable or dropped for one reason; [`recipients`] keeps those that are to be sent to, in numbered
//! batches; just before a batch goes its members are told apart once more. A [`channel`] gives it a form ([`payload`]) and
//! sends it.
//!
//! Over the network a request ends in one of four ways ([`http::Reply`]); who may come twice is told apart from who may not.
//!
//! What always holds: nothing leaves before the catalog has it as being sent; the identifiers of members are read when
//! they are sent, and never kept.
//!
//! Not here: the order of these steps and their record (`statement::deliver`).

pub mod channel;
pub mod desk;
pub mod file;
pub mod http;
pub mod identifier;
pub mod line;
pub mod manifest;
pub mod payload;
pub mod recipients;
pub mod selection;
pub mod webhook;

pub use self::channel::Channel;
pub use self::desk::Desk;
pub use self::selection::{Judge, Verdict};
