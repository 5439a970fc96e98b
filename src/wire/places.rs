//! The places for sessions: so many, some of them kept for superusers.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::config::LimitsConfig;
use crate::error::{Result, message};

#[derive(Debug)]
pub(crate) struct Places {
    limit: usize,
    /// Of these, the last are for superusers.
    reserved: usize,
    taken: Mutex<usize>,
}

/// A session's place, free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Place(Arc<Places>);

impl Places {
    pub fn new(limits: &LimitsConfig) -> Arc<Self> {
        Arc::new(Self { limit: limits.connections, reserved: limits.reserved_connections, taken: Mutex::new(0) })
    }

    /// Errors: 53300 when all are taken, or all but those that are kept for others.
    pub fn take(self: &Arc<Self>, is_superuser: bool) -> Result<Place> {
        let mut taken = self.taken.lock();
        if *taken >= self.limit {
            return Err(message::too_many_connections(self.limit));
        }
        if !is_superuser && *taken + self.reserved >= self.limit {
            return Err(message::connections_are_reserved(self.reserved));
        }
        *taken += 1;
        Ok(Place(Arc::clone(self)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        *self.0.taken.lock() -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_places_are_for_superusers() {
        let limits = LimitsConfig { connections: 3, reserved_connections: 1, ..LimitsConfig::default() };
        let places = Places::new(&limits);
        let first = places.take(false).unwrap();
        let _second = places.take(false).unwrap();
        let refused = places.take(false).unwrap_err();
        assert_eq!(refused.state().code(), "53300");
        assert_eq!(refused.message(), "remaining connection slots are reserved for roles with the SUPERUSER attribute");
        let _third = places.take(true).unwrap();
        assert_eq!(places.take(true).unwrap_err().message(), "sorry, too many clients already");
        drop(first);
        assert!(places.take(true).is_ok());
    }
}
