//! What went wrong, as a client of PostgreSQL expects to be told.
//!
//! One outward type: SQLSTATE, message, detail, hint, position, cause. The sentences that a client may read
//! stand in [`message`]; faults of the engine are mapped in [`datafusion`]. `XX000` means a bug of ours.
//! Whoever *handles* an error logs it, once; nothing here logs.

pub mod datafusion;
pub mod message;
mod notice;
mod sqlstate;

use std::fmt;

pub use self::notice::{Notice, NoticeSeverity};
pub use self::sqlstate::SqlState;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A refusal or a fault, ready for the wire.
///
/// Boxed, so that a `Result` stays one word wide on the path where nothing goes wrong.
#[derive(Debug)]
pub struct Error(Box<Fault>);

#[derive(Debug)]
struct Fault {
    state: SqlState,
    message: String,
    detail: Option<String>,
    hint: Option<String>,
    position: Option<usize>,
    cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// `message`: one lower-case fragment without a full stop; the object's kind and its quoted name.
    pub fn new(state: SqlState, message: impl Into<String>) -> Self {
        Self(Box::new(Fault { state, message: message.into(), detail: None, hint: None, position: None, cause: None }))
    }

    /// Facts, in whole sentences.
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// One thing to do now, typed as the user would type it; none rather than a guess.
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Where in the statement, counted in characters from 1 as the protocol counts.
    pub fn with_position(mut self, position: usize) -> Self {
        self.0.position = Some(position);
        self
    }

    /// Forgets the position: the error rose from text that the client did not send, such as a view's definition.
    pub fn without_position(mut self) -> Self {
        self.0.position = None;
        self
    }

    pub fn with_cause(mut self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.cause = Some(cause.into());
        self
    }

    /// A copy without its cause, for an error that several parts of a plan share.
    pub fn to_shared(&self) -> Self {
        let fault = &self.0;
        Self(Box::new(Fault {
            state: fault.state,
            message: fault.message.clone(),
            detail: fault.detail.clone(),
            hint: fault.hint.clone(),
            position: fault.position,
            cause: None,
        }))
    }

    pub fn state(&self) -> SqlState {
        self.0.state
    }

    pub fn message(&self) -> &str {
        &self.0.message
    }

    pub fn detail(&self) -> Option<&str> {
        self.0.detail.as_deref()
    }

    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    pub fn position(&self) -> Option<usize> {
        self.0.position
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.message)?;
        if let Some(detail) = &self.0.detail {
            write!(f, "\ndetail: {detail}")?;
        }
        if let Some(hint) = &self.0.hint {
            write!(f, "\nhint: {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.cause.as_ref().map(|cause| &**cause as &(dyn std::error::Error + 'static))
    }
}
