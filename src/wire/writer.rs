//! Bytes to the client: whole messages in a buffer, sent when it is full or somebody waits for them.

use std::time::Duration;

use bytes::BytesMut;
use pgwire::messages::Message;
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::encode::BatchEncoder;
use super::{Failure, report};
use crate::error::{Error, Result};

/// Rows are sent once so many bytes have gathered.
const FLUSH_BYTES: usize = 64 << 10;
/// A buffer that has grown beyond this (by one long row) is given back once it is empty.
const KEPT_BYTES: usize = 1 << 20;

/// Writes to one client.
pub(super) struct Writer<W> {
    io: W,
    buffer: BytesMut,
    /// Up to here the buffer holds whole messages; what lies behind was begun and given up.
    sealed: usize,
    /// How long the client may take to read anything at all.
    timeout: Duration,
}

impl<W: AsyncWrite + Unpin> Writer<W> {
    pub fn new(io: W, timeout: Duration) -> Self {
        Self { io, buffer: BytesMut::new(), sealed: 0, timeout }
    }

    /// Appends a message. One that cannot be written (a tag or setting beyond the protocol's bounds) is left out.
    pub fn push(&mut self, message: &impl Message) {
        self.buffer.truncate(self.sealed);
        match message.encode(&mut self.buffer) {
            Ok(()) => self.sealed = self.buffer.len(),
            Err(error) => {
                tracing::error!(%error, "message cannot be encoded");
                self.buffer.truncate(self.sealed);
            }
        }
    }

    /// Appends a row; nothing of it when it is refused.
    pub fn push_row(&mut self, batch: &BatchEncoder<'_>, row: usize) -> Result<()> {
        self.push_with(|buffer| batch.row(row, buffer))
    }

    /// Appends whole messages; nothing of them when they are refused.
    pub fn push_with(&mut self, write: impl FnOnce(&mut BytesMut) -> Result<()>) -> Result<()> {
        self.buffer.truncate(self.sealed);
        match write(&mut self.buffer) {
            Ok(()) => {
                self.sealed = self.buffer.len();
                Ok(())
            }
            Err(error) => {
                self.buffer.truncate(self.sealed);
                Err(error)
            }
        }
    }

    pub fn is_full(&self) -> bool {
        self.sealed >= FLUSH_BYTES
    }

    /// Sends what has gathered. Fails when the client is gone or takes nothing for the write timeout. Cancel-safe:
    /// what was taken leaves the buffer, so that later messages follow whole ones.
    pub async fn flush(&mut self) -> Result<(), Failure> {
        self.buffer.truncate(self.sealed);
        while self.sealed > 0 {
            let written = tokio::time::timeout(self.timeout, self.io.write_buf(&mut self.buffer)).await;
            let count = match written {
                Ok(Ok(count)) if count > 0 => count,
                Ok(_disconnected) => return Err(Failure::Gone),
                Err(_elapsed) => {
                    tracing::debug!("client reads nothing, dropped at the write timeout");
                    return Err(Failure::Gone);
                }
            };
            self.sealed -= count;
        }
        if self.buffer.capacity() > KEPT_BYTES {
            self.buffer = BytesMut::new();
        }
        self.io.flush().await.map_err(|_disconnected| Failure::Gone)
    }

    /// The last message: why the connection is closed.
    pub async fn farewell(&mut self, error: &Error) {
        self.push(&report::error_response(error, report::Severity::Fatal));
        if self.flush().await.is_ok() {
            self.close().await;
        }
    }

    /// Nothing more comes. A client that is gone does not mind.
    pub async fn close(&mut self) {
        let _ = self.io.shutdown().await;
    }
}
