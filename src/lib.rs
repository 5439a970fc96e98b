//! Regulars: customer segments as saved SQL views over purchase history.
//!
//! The rooms, in the order in which a statement passes through them.

pub mod wire;

pub mod session;

pub mod statement;

pub mod execution;

pub mod catalog;

pub mod history;

pub mod storage;

pub mod error;

pub mod clock;
pub mod config;
pub mod ident;
pub mod pg_type;
