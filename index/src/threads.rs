//! Work that is shared among the processors.

use std::sync::{Mutex, PoisonError};

/// What each gives, in any order; as many at a time as the machine has processors.
pub fn on_all_threads<T: Send, U: Send>(of: Vec<T>, work: impl Fn(T) -> U + Sync) -> Vec<U> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(of.len());
    let (waiting, done) = (Mutex::new(of), Mutex::new(Vec::new()));
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).pop();
    let one_after_the_other = || {
        while let Some(one) = next() {
            let result = work(one);
            done.lock().unwrap_or_else(PoisonError::into_inner).push(result);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(one_after_the_other);
        }
        one_after_the_other();
    });
    done.into_inner().unwrap_or_else(PoisonError::into_inner)
}
