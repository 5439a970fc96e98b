//! The only place that knows what time it is.
//!
//! Everything else is given an instant, so that tests move time instead of waiting for it.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::FutureExt;
use futures::future::BoxFuture;
use parking_lot::Mutex;

pub trait Clock: Debug + Send + Sync {
    fn now(&self) -> DateTime<Utc>;

    /// Waits until so much time has gone by.
    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()>;
}

/// The machine's clock.
#[derive(Debug)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        tokio::time::sleep(time).boxed()
    }
}

/// A clock that stands still until it is moved. Who sleeps moves it on, and waits for nothing.
#[derive(Debug, Clone)]
pub struct SetClock(Arc<Mutex<DateTime<Utc>>>);

impl SetClock {
    pub fn new(now: DateTime<Utc>) -> Self {
        Self(Arc::new(Mutex::new(now)))
    }

    pub fn set(&self, now: DateTime<Utc>) {
        *self.0.lock() = now;
    }
}

impl Clock for SetClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock()
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        *self.0.lock() += time;
        // Others have their turn, as they would.
        tokio::task::yield_now().boxed()
    }
}
