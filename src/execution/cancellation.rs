//! Stops a statement: a cancel request, its timeout, or the end of its session.
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
    /// The session is ended.
    ended: Option<CancellationToken>,
    deadline: Option<(Instant, Duration)>,
}

impl Interrupt {
    /// `timeout` is counted from now; `None` is no timeout.
    pub fn new(cancelled: CancellationToken, timeout: Option<Duration>) -> Self {
        Self { cancelled, ended: None, deadline: timeout.map(|timeout| (Instant::now() + timeout, timeout)) }
    }

    /// The same for a statement of a session that may itself be ended.
    pub fn within(self, ended: CancellationToken) -> Self {
        Self { ended: Some(ended), ..self }
    }

    /// Resolves when the statement must end, with the error to report. Cancel-safe.
    pub async fn fired(&self) -> Error {
        let timeout = async {
            match self.deadline {
                Some((deadline, _)) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        let ended = async {
            match &self.ended {
                Some(ended) => ended.cancelled().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = ended => message::shutting_down(),
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
