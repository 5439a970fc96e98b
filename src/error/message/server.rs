//! Sentences about the server and its commands.

use crate::error::{Error, SqlState};

pub fn listens_beyond_loopback(address: std::net::SocketAddr) -> Error {
    Error::new(SqlState::ConfigFileError, format!("address {address} is not this machine's own"))
        .with_detail("Off loopback the server needs TLS and passwords, which this version does not have.")
        .with_hint("Listen on 127.0.0.1, and reach it through an SSH tunnel: ssh -L 5433:127.0.0.1:5433 HOST.")
}

pub fn cannot_listen(address: std::net::SocketAddr, error: &std::io::Error) -> Error {
    Error::new(SqlState::ConfigFileError, format!("cannot listen on {address}"))
        .with_detail(error.to_string())
        .with_hint("Another program may hold the port; --listen 127.0.0.1:PORT takes another.")
}
