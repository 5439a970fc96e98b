//! Connections that have not signed in yet: so many at once. When another comes, the one that has waited longest goes, so
//! that however many sit there and say nothing, whoever signs in at once gets through.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

#[derive(Debug)]
pub(crate) struct Newcomers {
    most: usize,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    last: u64,
    /// In the order in which they came.
    places: BTreeMap<u64, CancellationToken>,
}

/// One that has not signed in yet; it stops being one when this is dropped.
#[derive(Debug)]
pub(crate) struct Newcomer {
    all: Arc<Newcomers>,
    number: u64,
    /// Cancelled when its place is another's.
    pub displaced: CancellationToken,
}

impl Newcomers {
    /// `most`: at least one.
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most: most.max(1), waiting: Mutex::default() })
    }

    pub fn enter(self: &Arc<Self>) -> Newcomer {
        let mut waiting = self.waiting.lock();
        if waiting.places.len() >= self.most
            && let Some((_, longest)) = waiting.places.pop_first()
        {
            longest.cancel();
        }
        waiting.last += 1;
        let (number, displaced) = (waiting.last, CancellationToken::new());
        waiting.places.insert(number, displaced.clone());
        Newcomer { all: Arc::clone(self), number, displaced }
    }
}

impl Drop for Newcomer {
    fn drop(&mut self) {
        self.all.waiting.lock().places.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_that_has_waited_longest_makes_way() {
        let all = Newcomers::new(2);
        let (first, second) = (all.enter(), all.enter());
        assert!(!first.displaced.is_cancelled());
        let third = all.enter();
        assert!(first.displaced.is_cancelled() && !second.displaced.is_cancelled());
        // Who has signed in is none any more, and no longer in the way.
        drop(second);
        let fourth = all.enter();
        assert!(!third.displaced.is_cancelled());
        drop(first);
        let _fifth = all.enter();
        assert!(third.displaced.is_cancelled() && !fourth.displaced.is_cancelled());
    }
}
