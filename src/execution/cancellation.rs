//! Stops a statement: a cancel request, its timeout, or the end of its session.
//!
//! One interrupt spans a statement's planning, running and sending. Dropping the stream of a running plan
//! (which the waiting side does when the interrupt fires) gives its memory and processors back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::error::{Error, Result, message};

tokio::task_local! {
    static ABANDONED: Arc<AtomicBool>;
}

/// Whether anybody still waits for a piece of work. Planning computes without ever waiting, so dropping its future does
/// not end it; it asks at every step.
#[derive(Debug, Clone, Default)]
pub struct Abandonment(Arc<AtomicBool>);

impl Abandonment {
    pub fn declare(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// The work, which can [`checkpoint`] from now on.
    pub fn over<T, F: Future<Output = T>>(&self, work: F) -> impl Future<Output = T> + use<T, F> {
        ABANDONED.scope(Arc::clone(&self.0), work)
    }
}

/// Errors: 57014 when nobody waits for what is being computed, so that nobody reads it.
pub fn checkpoint() -> Result<()> {
    match ABANDONED.try_with(|abandoned| abandoned.load(Ordering::Relaxed)) {
        Ok(true) => Err(message::cancelled_by_user()),
        // Outside of any such work nothing is abandoned.
        Ok(false) | Err(_) => Ok(()),
    }
}

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
