//! Sentences about the server and its commands.

use crate::error::{Error, SqlState};

fn listens_unguarded(address: std::net::SocketAddr) -> Error {
    Error::new(SqlState::ConfigFileError, format!("address {address} can be reached from other machines"))
}

pub fn listens_without_tls(address: std::net::SocketAddr) -> Error {
    listens_unguarded(address)
        .with_detail("Off loopback the server needs TLS, and the configuration names no certificate.")
        .with_hint("Run: regulars init --config FILE --self-signed HOST, which makes one and says what to configure.")
}

pub fn listens_without_password(address: std::net::SocketAddr) -> Error {
    listens_unguarded(address)
        .with_detail("Off loopback the server needs a superuser with a password, and there is none.")
        .with_hint("Run: regulars init --config FILE.")
}

pub fn tls_file_unusable(path: &std::path::Path, why: &dyn std::fmt::Display) -> Error {
    Error::new(SqlState::ConfigFileError, format!("TLS file \"{}\" cannot be used", path.display()))
        .with_detail(why.to_string())
}

pub fn tls_key_exposed(path: &std::path::Path) -> Error {
    Error::new(SqlState::ConfigFileError, format!("private key file \"{}\" has group or world access", path.display()))
        .with_hint(format!("Run: chmod 600 {}", path.display()))
}

pub fn password_missing() -> Error {
    Error::new(SqlState::InvalidPassword, "no password was given")
        .with_hint("Type one, pipe one in, or let --generate-password make one up.")
}

pub fn passwords_differ() -> Error {
    Error::new(SqlState::InvalidPassword, "the two passwords differ")
}

pub fn certificate_not_made(why: &dyn std::fmt::Display) -> Error {
    Error::new(SqlState::InvalidParameterValue, "the certificate cannot be made").with_detail(why.to_string())
}

pub fn cannot_listen(address: std::net::SocketAddr, error: &std::io::Error) -> Error {
    Error::new(SqlState::ConfigFileError, format!("cannot listen on {address}"))
        .with_detail(error.to_string())
        .with_hint("Another program may hold the port; --listen 127.0.0.1:PORT takes another.")
}
