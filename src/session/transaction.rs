//! Where a session's transaction stands: idle, open, failed; its working copy of the catalog; its savepoints.
//!
//! A transaction works on a draft: the snapshot it began with and its own changes. A savepoint is a copy of the
//! draft. COMMIT is one compare-and-swap on the catalog. Outside a block every batch has an implicit transaction.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::settings::Settings;
use crate::catalog::{Catalog, Draft, Snapshot};
use crate::error::{Result, message};

/// The byte of ReadyForQuery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionStatus {
    Idle,
    Open,
    Failed,
}

pub struct Transaction {
    state: State,
}

enum State {
    Idle,
    /// Lasts until the end of the query string, or Sync.
    Implicit(Box<Open>),
    Block(Box<Open>),
    Failed(Box<Open>),
}

struct Open {
    draft: Draft,
    started_at: DateTime<Utc>,
    settings_before: Settings,
    savepoints: Vec<Savepoint>,
}

struct Savepoint {
    name: String,
    draft: Draft,
    settings: Settings,
    /// Cursors that were declared later end with it.
    cursors: u64,
}

/// What is left to do when a transaction ends well.
pub struct Finished {
    /// To be committed; `None` when nothing changed.
    pub draft: Option<Draft>,
    /// The block had failed: it was rolled back instead.
    pub rolled_back: bool,
}

impl Transaction {
    pub fn idle() -> Self {
        Self { state: State::Idle }
    }

    pub fn status(&self) -> TransactionStatus {
        match self.state {
            State::Idle | State::Implicit(_) => TransactionStatus::Idle,
            State::Block(_) => TransactionStatus::Open,
            State::Failed(_) => TransactionStatus::Failed,
        }
    }

    /// When the transaction began: what `now()` says in it. `None` when idle.
    pub fn started_at(&self) -> Option<DateTime<Utc>> {
        self.open().map(|open| open.started_at)
    }

    /// The catalog as statements of this transaction see it.
    pub fn snapshot(&self, catalog: &Catalog) -> Arc<Snapshot> {
        match self.open() {
            Some(open) => Arc::clone(open.draft.snapshot()),
            None => catalog.snapshot(),
        }
    }

    /// The draft to change, beginning an implicit transaction when idle.
    ///
    /// Errors: 25006 in a read-only transaction.
    pub fn draft(
        &mut self,
        catalog: &Catalog,
        settings: &Settings,
        now: DateTime<Utc>,
        command: &str,
    ) -> Result<&mut Draft> {
        self.begin_implicit(catalog, settings, now);
        match &mut self.state {
            State::Implicit(_) | State::Block(_) if settings.is_read_only() => {
                Err(message::read_only_transaction(command))
            }
            State::Implicit(open) | State::Block(open) => Ok(&mut open.draft),
            State::Failed(_) => Err(message::transaction_is_aborted()),
            State::Idle => Err(message::internal("a transaction was begun and is not there")),
        }
    }

    /// Begins an implicit transaction when idle: what follows is undone when the query string, or the batch, fails.
    pub fn begin_implicit(&mut self, catalog: &Catalog, settings: &Settings, now: DateTime<Utc>) {
        if matches!(self.state, State::Idle) {
            self.state = State::Implicit(Box::new(Open::new(catalog, settings, now)));
        }
    }

    /// BEGIN. False when a block is open already, which then goes on.
    pub fn begin(&mut self, catalog: &Catalog, settings: &Settings, now: DateTime<Utc>) -> bool {
        match std::mem::replace(&mut self.state, State::Idle) {
            State::Idle => self.state = State::Block(Box::new(Open::new(catalog, settings, now))),
            // What the query string did before its BEGIN becomes part of the block.
            State::Implicit(open) => self.state = State::Block(open),
            state @ (State::Block(_) | State::Failed(_)) => {
                self.state = state;
                return false;
            }
        }
        true
    }

    /// COMMIT of a block; `None` when there is none.
    pub fn finish(&mut self, settings: &mut Settings) -> Option<Finished> {
        match std::mem::replace(&mut self.state, State::Idle) {
            State::Block(open) => {
                settings.end_local();
                Some(Finished { draft: open.draft.is_changed().then_some(open.draft), rolled_back: false })
            }
            State::Failed(open) => {
                *settings = open.settings_before;
                Some(Finished { draft: None, rolled_back: true })
            }
            state @ (State::Idle | State::Implicit(_)) => {
                self.state = state;
                None
            }
        }
    }

    /// Ends an implicit transaction, giving the draft to commit if it changed anything.
    pub fn finish_implicit(&mut self, settings: &mut Settings) -> Option<Draft> {
        match std::mem::replace(&mut self.state, State::Idle) {
            State::Implicit(open) => {
                settings.end_local();
                open.draft.is_changed().then_some(open.draft)
            }
            State::Idle => {
                settings.end_local();
                None
            }
            state @ (State::Block(_) | State::Failed(_)) => {
                self.state = state;
                None
            }
        }
    }

    /// ROLLBACK. False when there is no block.
    pub fn roll_back(&mut self, settings: &mut Settings) -> bool {
        match std::mem::replace(&mut self.state, State::Idle) {
            State::Block(open) | State::Failed(open) => {
                *settings = open.settings_before;
                true
            }
            State::Implicit(open) => {
                *settings = open.settings_before;
                false
            }
            State::Idle => false,
        }
    }

    /// A statement failed: an implicit transaction is undone, a block is failed.
    pub fn fail(&mut self, settings: &mut Settings) {
        match std::mem::replace(&mut self.state, State::Idle) {
            State::Idle => {}
            State::Implicit(open) => *settings = open.settings_before,
            State::Block(open) | State::Failed(open) => self.state = State::Failed(open),
        }
    }

    /// Errors: 25P01 outside a block.
    pub fn savepoint(&mut self, name: String, settings: &Settings, cursors: u64) -> Result<()> {
        let State::Block(open) = &mut self.state else {
            return Err(message::needs_transaction_block("SAVEPOINT"));
        };
        open.savepoints.push(Savepoint { name, draft: open.draft.clone(), settings: settings.clone(), cursors });
        Ok(())
    }

    /// Errors: 25P01 outside a block, 3B001 for an unknown name.
    pub fn release(&mut self, name: &str) -> Result<()> {
        let State::Block(open) = &mut self.state else {
            return Err(message::needs_transaction_block("RELEASE SAVEPOINT"));
        };
        let at = open.savepoint_at(name)?;
        open.savepoints.truncate(at);
        Ok(())
    }

    /// Goes back to a savepoint, which stays; a failed block is open again. Gives what the savepoint knows of cursors.
    ///
    /// Errors: 25P01 outside a block, 3B001 for an unknown name.
    pub fn roll_back_to(&mut self, name: &str, settings: &mut Settings) -> Result<u64> {
        let (State::Block(open) | State::Failed(open)) = &mut self.state else {
            return Err(message::needs_transaction_block("ROLLBACK TO SAVEPOINT"));
        };
        let at = open.savepoint_at(name)?;
        open.savepoints.truncate(at + 1);
        let savepoint = &open.savepoints[at];
        open.draft = savepoint.draft.clone();
        *settings = savepoint.settings.clone();
        let cursors = savepoint.cursors;
        self.state = match std::mem::replace(&mut self.state, State::Idle) {
            State::Failed(open) => State::Block(open),
            state => state,
        };
        Ok(cursors)
    }

    fn open(&self) -> Option<&Open> {
        match &self.state {
            State::Idle => None,
            State::Implicit(open) | State::Block(open) | State::Failed(open) => Some(open),
        }
    }
}

impl Open {
    fn new(catalog: &Catalog, settings: &Settings, now: DateTime<Utc>) -> Self {
        Self { draft: catalog.begin(), started_at: now, settings_before: settings.clone(), savepoints: Vec::new() }
    }

    /// The newest savepoint of that name.
    fn savepoint_at(&self, name: &str) -> Result<usize> {
        self.savepoints
            .iter()
            .rposition(|savepoint| savepoint.name == name)
            .ok_or_else(|| message::savepoint_missing(name))
    }
}
