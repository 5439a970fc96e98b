//! Regulars: customer segments as saved SQL views over purchase history.
//!
//! The rooms, in the order in which a statement passes through them; ARCHITECTURE.md tells its life.

pub mod cli;
pub mod suite;

pub mod server;

pub mod wire;

pub mod session;

pub mod statement;

pub mod engine;

pub mod delivery;

pub mod audience;

pub mod planner;

pub mod execution;

pub mod catalog;

pub mod history;

pub mod sample;

pub mod storage;

pub mod sql;

pub mod scram;
pub mod tls;

pub mod config;
pub mod ident;
pub mod pg_type;

pub mod error;

pub mod clock;
