//! Stops a statement: its client's cancel request, or its timeout.
//!
//! One interrupt spans a statement's planning, running and sending. Dropping the stream of a running plan
//! (which the waiting side does when the interrupt fires) gives its memory and processors back.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::error::{Error, Result, message};

/// What can end one statement early.
#[derive(Debug, Clone)]
pub struct Interrupt {
    cancelled: CancellationToken,
    deadline: Option<(Instant, Duration)>,
}

impl Interrupt {
    /// `timeout` is counted from now; `None` is no timeout.
    pub fn new(cancelled: CancellationToken, timeout: Option<Duration>) -> Self {
        Self { cancelled, deadline: timeout.map(|timeout| (Instant::now() + timeout, timeout)) }
    }

    /// Resolves when the statement must end, with the error to report. Cancel-safe.
    pub async fn fired(&self) -> Error {
        let timeout = async {
            match self.deadline {
                Some((deadline, _)) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.cancelled.cancelled() => message::cancelled_by_user(),
            () = timeout => message::statement_timeout(self.deadline.map(|(_, timeout)| timeout).unwrap_or_default()),
        }
    }

    /// Runs `work` unless the interrupt fires first; then `work` is dropped.
    pub async fn guard<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            biased;
            error = self.fired() => Err(error),
            result = work => result,
        }
    }
}
