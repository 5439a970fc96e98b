//! Cursors of SQL, by name: results that are read some rows at a time. Portals of the protocol share their names.
//!
//! A cursor ends with its transaction, unless it was declared WITH HOLD; then it ends with the session, should its
//! transaction be committed. Nothing is copied at COMMIT: files and catalog snapshot are pinned by the running plan.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::Mutex;

use crate::catalog::system::CursorRow;
use crate::error::{Result, message};
use crate::execution::scroll::Scroll;
use crate::statement::outcome::OutputColumn;

/// Cursors of one session; each holds a plan that waits.
const OPEN_MAX: usize = 100;

pub struct Cursor {
    pub columns: Arc<[OutputColumn]>,
    /// As `pg_cursors` shows it.
    pub shown: Arc<CursorRow>,
    /// Locked while its rows are on their way.
    pub rows: Arc<Mutex<Scroll>>,
    /// In the order of declaration.
    serial: u64,
    /// Its transaction was committed.
    is_settled: bool,
}

/// One session's cursors.
#[derive(Default)]
pub struct Cursors {
    by_name: BTreeMap<String, Cursor>,
    /// Portals that the protocol has opened, with their place in the order of declaration. What runs in them is the
    /// wire's; one whose name is gone from here is gone.
    portals: BTreeMap<String, u64>,
    next: u64,
}

impl Cursors {
    /// Errors: 42P03 for a name in use, 53400 for too many.
    pub fn check_free(&self, name: &str) -> Result<()> {
        if self.by_name.contains_key(name) || self.portals.contains_key(name) {
            return Err(message::cursor_exists(name));
        }
        if self.by_name.len() >= OPEN_MAX {
            return Err(message::too_many_cursors(OPEN_MAX));
        }
        Ok(())
    }

    pub fn open(&mut self, shown: CursorRow, columns: Arc<[OutputColumn]>, rows: Scroll) {
        let serial = self.next;
        self.next += 1;
        let rows = Arc::new(Mutex::new(rows));
        let name = shown.name.clone();
        self.by_name.insert(name, Cursor { columns, shown: Arc::new(shown), rows, serial, is_settled: false });
    }

    /// Errors: 34000; 0A000 for a portal of the protocol.
    pub fn named(&self, name: &str) -> Result<&Cursor> {
        self.by_name.get(name).ok_or_else(|| {
            if self.portals.contains_key(name) {
                message::unsupported("FETCH from a portal of the extended protocol")
            } else {
                message::cursor_missing(name)
            }
        })
    }

    pub fn get(&self, name: &str) -> Option<&Cursor> {
        self.by_name.get(name)
    }

    /// All of them, as `pg_cursors` shows them.
    pub fn shown(&self) -> Vec<Arc<CursorRow>> {
        self.by_name.values().map(|cursor| Arc::clone(&cursor.shown)).collect()
    }

    /// Takes a name for a portal of the protocol; the portal without a name is replaced. Errors: 42P03.
    pub fn open_portal(&mut self, name: &str) -> Result<()> {
        if !name.is_empty() && (self.by_name.contains_key(name) || self.portals.contains_key(name)) {
            return Err(message::cursor_exists(name));
        }
        self.portals.insert(name.to_owned(), self.next);
        self.next += 1;
        Ok(())
    }

    pub fn has_portal(&self, name: &str) -> bool {
        self.portals.contains_key(name)
    }

    /// Closes a cursor or a portal. Errors: 34000.
    pub fn close(&mut self, name: &str) -> Result<()> {
        if self.by_name.remove(name).is_some() || self.portals.remove(name).is_some() {
            return Ok(());
        }
        Err(message::cursor_missing(name))
    }

    pub fn close_all(&mut self) {
        self.by_name.clear();
        self.portals.clear();
    }

    /// What a savepoint remembers.
    pub fn mark(&self) -> u64 {
        self.next
    }

    /// Closes the cursors that were declared since a savepoint.
    pub fn close_since(&mut self, mark: u64) {
        self.by_name.retain(|_, cursor| cursor.serial < mark);
        self.portals.retain(|_, serial| *serial < mark);
    }

    pub fn committed(&mut self) {
        self.portals.clear();
        self.by_name.retain(|_, cursor| cursor.shown.is_holdable);
        for cursor in self.by_name.values_mut() {
            cursor.is_settled = true;
        }
    }

    pub fn rolled_back(&mut self) {
        self.portals.clear();
        self.by_name.retain(|_, cursor| cursor.is_settled);
    }
}
