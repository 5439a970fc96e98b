//! What a function answers when it will not: a sentence for the user with its SQLSTATE.

use std::fmt;

use datafusion::error::DataFusionError;

/// A refusal that a client may read. Travels as `DataFusionError::External`, so that a server can take it out whole.
///
/// The message is one lower-case fragment without a full stop; the detail states facts in sentences; the hint is one
/// thing to do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Five characters, one of PostgreSQL's conditions.
    pub sqlstate: &'static str,
    pub message: String,
    pub detail: Option<String>,
    pub hint: Option<String>,
}

impl Refusal {
    /// 22023 `invalid_parameter_value`.
    pub(crate) fn parameter(message: impl Into<String>) -> Self {
        Self::new("22023", message)
    }

    pub(crate) fn new(sqlstate: &'static str, message: impl Into<String>) -> Self {
        Self { sqlstate, message: message.into(), detail: None, hint: None }
    }

    pub(crate) fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(detail) = &self.detail {
            write!(f, "\ndetail: {detail}")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\nhint: {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Refusal {}

impl From<Refusal> for DataFusionError {
    fn from(refusal: Refusal) -> Self {
        DataFusionError::External(Box::new(refusal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_through_datafusion_whole() {
        let refusal = Refusal::parameter("no").with_detail("Not today.").with_hint("Come back.");
        let error = DataFusionError::from(refusal.clone()).context("while planning");
        let DataFusionError::External(inner) = error.find_root() else { panic!("{error:?}") };
        assert_eq!(inner.downcast_ref::<Refusal>(), Some(&refusal));
        assert_eq!(refusal.to_string(), "no\ndetail: Not today.\nhint: Come back.");
    }
}
