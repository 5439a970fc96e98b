//! Errors and notices as the protocol's fields.

use pgwire::messages::response::{ErrorResponse, NoticeResponse};

use crate::error::{Error, SqlState};
use crate::statement::outcome::{Notice, NoticeSeverity};

/// What an error means for the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Severity {
    /// The statement failed.
    Error,
    /// The connection is closed.
    Fatal,
}

/// Severity (twice: shown and for programs), state, message, and what else there is of detail, hint and position.
pub(super) fn error_response(error: &Error, severity: Severity) -> ErrorResponse {
    let word = match severity {
        Severity::Error => "ERROR",
        Severity::Fatal => "FATAL",
    };
    let mut fields = fields(word, error.state(), error.message(), error.detail(), error.hint());
    if let Some(position) = error.position() {
        fields.push((b'P', position.to_string()));
    }
    ErrorResponse::new(fields)
}

pub(super) fn notice_response(notice: &Notice) -> NoticeResponse {
    let word = match notice.severity {
        NoticeSeverity::Notice => "NOTICE",
        NoticeSeverity::Warning => "WARNING",
    };
    NoticeResponse::new(fields(word, notice.state, &notice.message, notice.detail.as_deref(), notice.hint.as_deref()))
}

/// Logs an error that a client was told: bugs of ours with their cause, the rest only for who looks closely.
pub(super) fn log(error: &Error) {
    match error.state() {
        SqlState::InternalError | SqlState::DataCorrupted => {
            tracing::error!(state = %error.state(), cause = std::error::Error::source(error), "{error}");
        }
        // A syntax error quotes what it met, which may be a password.
        SqlState::SyntaxError => tracing::debug!(state = %error.state(), "syntax error"),
        state => tracing::debug!(%state, "{error}"),
    }
}

fn fields(
    severity: &str,
    state: SqlState,
    message: &str,
    detail: Option<&str>,
    hint: Option<&str>,
) -> Vec<(u8, String)> {
    let mut fields = vec![
        (b'S', severity.to_owned()),
        (b'V', severity.to_owned()),
        (b'C', state.code().to_owned()),
        (b'M', without_zeros(message)),
    ];
    fields.extend(detail.map(|detail| (b'D', without_zeros(detail))));
    fields.extend(hint.map(|hint| (b'H', without_zeros(hint))));
    fields
}

/// A string of the protocol ends at its first zero byte, so none may stand within.
pub(super) fn without_zeros(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_stand_in_postgresqls_order() {
        let error = Error::new(SqlState::UndefinedColumn, "column \"naem\" does not exist")
            .with_detail("A\0B.")
            .with_hint("Perhaps \"name\".")
            .with_position(8);
        let response = error_response(&error, Severity::Error);
        let written: Vec<(char, &str)> =
            response.fields.iter().map(|(kind, text)| (char::from(*kind), text.as_str())).collect();
        assert_eq!(
            written,
            [
                ('S', "ERROR"),
                ('V', "ERROR"),
                ('C', "42703"),
                ('M', "column \"naem\" does not exist"),
                ('D', "A\u{fffd}B."),
                ('H', "Perhaps \"name\"."),
                ('P', "8"),
            ]
        );
    }
}
