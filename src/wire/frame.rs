//! Bytes from the client, cut into messages and checked before anything is decoded.
//!
//! A message's type and length are looked at as soon as they have come: an unknown type or an impossible length is
//! refused without waiting for the rest, and nothing is allocated by the client's word. The shape of a body is checked
//! before pgwire decodes it, because its decoders panic on truncated bodies and replace bytes that are not UTF-8.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use pgwire::messages::{DecodeContext, PgWireFrontendMessage};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::startup::Authenticated;
use super::{Failure, decode};
use crate::error::{Result, message};

/// All that a client may send before it is authenticated.
pub(super) const UNAUTHENTICATED_BYTES: usize = 64 << 10;
/// The longest start-up packet, as in PostgreSQL.
const STARTUP_PACKET_BYTES: usize = 10_000;
/// The longest message of a SASL exchange, as in PostgreSQL.
const SASL_MESSAGE_BYTES: usize = 1_024;
/// The longest message of a kind that only carries names and numbers, as in PostgreSQL.
const SMALL_MESSAGE_BYTES: usize = 10_000;
/// How much is read at once, and how much is read ahead while a statement runs.
const READ_BYTES: usize = 8 << 10;
const READ_AHEAD_BYTES: usize = 64 << 10;
/// What a closed connection may still send before it is cut off.
const DRAIN_BYTES: usize = 1 << 20;
/// A buffer that has grown beyond this is given back once it is empty.
const KEPT_BYTES: usize = 1 << 20;

/// Reads from one client.
pub(super) struct Reader<R> {
    io: R,
    buffer: BytesMut,
    /// Bytes that may still come before authentication; `None` behind it.
    budget: Option<usize>,
    ended: bool,
}

/// A whole message of a known type, its body not yet checked.
pub(super) struct Frame {
    pub kind: u8,
    /// With type and length.
    bytes: BytesMut,
}

impl<R: AsyncRead + Unpin> Reader<R> {
    /// `buffer`: what was read already; `budget`: how many bytes may still come before the client is authenticated.
    pub fn new(io: R, buffer: BytesMut, budget: usize) -> Self {
        Self { io, buffer, budget: Some(budget), ended: false }
    }

    /// Lifts the bound on what may come before authentication.
    pub fn trust(&mut self, _proof: &Authenticated) {
        self.budget = None;
    }

    /// A packet of the start-up phase, without its length. `None` at the end of the stream. Cancel-safe.
    pub async fn startup_packet(&mut self) -> Result<Option<Bytes>, Failure> {
        loop {
            if let Some(head) = self.buffer.first_chunk::<4>() {
                let claimed = i32::from_be_bytes(*head);
                let length = usize::try_from(claimed).ok().filter(|length| (8..=STARTUP_PACKET_BYTES).contains(length));
                let length =
                    length.ok_or_else(|| Failure::Fatal(message::invalid_startup_packet("impossible length")))?;
                if self.buffer.len() >= length {
                    let mut packet = self.buffer.split_to(length);
                    packet.advance(4);
                    return Ok(Some(packet.freeze()));
                }
            }
            if !self.fill().await? {
                return Ok(None);
            }
        }
    }

    /// The body of a message of a SASL exchange: nothing else may come before a client has signed in. `None` at the end of
    /// the stream. Cancel-safe.
    pub async fn sasl_response(&mut self) -> Result<Option<Bytes>, Failure> {
        loop {
            if let Some(kind) = self.buffer.first().copied().filter(|kind| *kind != b'p') {
                return Err(Failure::Fatal(message::sasl_response_expected(kind)));
            }
            if let Some(head) = self.buffer.first_chunk::<5>() {
                let claimed = i32::from_be_bytes([head[1], head[2], head[3], head[4]]);
                let length = usize::try_from(claimed).ok().filter(|length| (4..=SASL_MESSAGE_BYTES).contains(length));
                let length = length.ok_or_else(|| Failure::Fatal(message::invalid_message_length(claimed)))?;
                if self.buffer.len() > length {
                    let mut body = self.buffer.split_to(1 + length);
                    body.advance(5);
                    return Ok(Some(body.freeze()));
                }
            }
            if !self.fill().await? {
                return Ok(None);
            }
        }
    }

    /// The next message; `None` when the client has left between two. Cancel-safe.
    pub async fn frame(&mut self, message_bytes: usize) -> Result<Option<Frame>, Failure> {
        loop {
            if let Some(frame) = self.buffered_frame(message_bytes)? {
                return Ok(Some(frame));
            }
            if !self.fill().await? {
                return if self.buffer.is_empty() { Ok(None) } else { Err(Failure::Gone) };
            }
        }
    }

    /// The next message if all of it has come.
    pub fn buffered_frame(&mut self, message_bytes: usize) -> Result<Option<Frame>, Failure> {
        let Some(kind) = self.buffer.first().copied() else { return Ok(None) };
        let limit = longest(kind, message_bytes).ok_or_else(|| Failure::Fatal(message::unknown_message_type(kind)))?;
        let Some(length) = self.buffer[1..].first_chunk::<4>() else { return Ok(None) };
        let claimed = i32::from_be_bytes(*length);
        let length = usize::try_from(claimed)
            .ok()
            .filter(|length| *length >= 4)
            .ok_or_else(|| Failure::Fatal(message::invalid_message_length(claimed)))?;
        if length > limit {
            return Err(Failure::Fatal(message::message_too_long(length, limit)));
        }
        if self.buffer.len() <= length {
            return Ok(None);
        }
        let bytes = self.buffer.split_to(1 + length);
        if self.buffer.is_empty() && bytes.len() > KEPT_BYTES {
            self.buffer = BytesMut::new();
        }
        Ok(Some(Frame { kind, bytes }))
    }

    /// Resolves when the client has closed its side. Reads ahead a little meanwhile, so that what is sent behind a
    /// running statement does not hide the end. Cancel-safe.
    pub async fn vanished(&mut self) {
        while !self.ended && self.buffer.len() < READ_AHEAD_BYTES {
            if !matches!(self.fill().await, Ok(true)) {
                self.ended = true;
            }
        }
        if !self.ended {
            std::future::pending().await
        }
    }

    /// Reads and forgets, so that the client can finish sending and see why it is turned away.
    pub async fn drain(&mut self) {
        let mut drained = 0;
        while drained < DRAIN_BYTES {
            self.buffer.clear();
            self.buffer.reserve(READ_BYTES);
            match self.io.read_buf(&mut self.buffer).await {
                Ok(0) | Err(_) => return,
                Ok(count) => drained += count,
            }
        }
    }

    /// Reads some bytes; `false` at the end of the stream.
    async fn fill(&mut self) -> Result<bool, Failure> {
        if self.ended {
            return Ok(false);
        }
        let room = match self.budget {
            Some(0) => return Err(Failure::Fatal(message::too_much_before_authentication(UNAUTHENTICATED_BYTES))),
            Some(budget) => budget.min(READ_BYTES),
            None => READ_BYTES,
        };
        if self.buffer.capacity() - self.buffer.len() < room {
            self.buffer.reserve(room);
        }
        // What else the buffer has room for is filled too, once the client is known.
        let room = if self.budget.is_some() { room } else { usize::MAX };
        let count =
            self.io.read_buf(&mut (&mut self.buffer).limit(room)).await.map_err(|_disconnected| Failure::Gone)?;
        if let Some(budget) = &mut self.budget {
            *budget = budget.saturating_sub(count);
        }
        self.ended = count == 0;
        Ok(count > 0)
    }
}

impl Frame {
    /// Checks the body and decodes it. A body that does not follow the protocol is fatal (08P01), a string that is
    /// not UTF-8 is refused (22021).
    pub fn decode(mut self) -> Result<PgWireFrontendMessage, Failure> {
        let malformed = || Failure::Fatal(message::malformed_message(char::from(self.kind)));
        check_body(self.kind, &self.bytes[5..])?.ok_or_else(malformed)?;
        let mut context = DecodeContext::default();
        context.awaiting_frontend_ssl = false;
        context.awaiting_frontend_startup = false;
        match PgWireFrontendMessage::decode(&mut self.bytes, &context) {
            Ok(Some(decoded)) => Ok(decoded),
            Ok(None) | Err(_) => Err(malformed()),
        }
    }

    /// Bytes of the message, its type and length included.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }
}

/// The longest message of a type in bytes, its length field included; `None` for a type no client sends.
fn longest(kind: u8, message_bytes: usize) -> Option<usize> {
    match kind {
        b'Q' | b'P' | b'B' | b'F' | b'd' => Some(message_bytes),
        b'D' | b'C' | b'E' | b'H' | b'S' | b'X' | b'c' | b'f' => Some(SMALL_MESSAGE_BYTES),
        _ => None,
    }
}

/// Walks over a body; `Ok(None)` when it does not follow the protocol.
fn check_body(kind: u8, body: &[u8]) -> Result<Option<()>, Failure> {
    let mut body = Body(body);
    let followed = match kind {
        b'Q' => body.string()?,
        b'P' => both(body.string()?, body.string()?).and_then(|()| body.array(4)),
        b'B' => both(body.string()?, body.string()?).and_then(|()| {
            body.array(2)?;
            for _ in 0..body.count()? {
                body.value()?;
            }
            body.array(2)
        }),
        b'D' | b'C' => match body.take(1) {
            Some(b"S" | b"P") => body.string()?,
            _ => None,
        },
        b'E' => body.string()?.and_then(|()| body.take(4)).map(|_| ()),
        _ => Some(()),
    };
    Ok(followed.filter(|()| body.0.is_empty() || kind == b'X'))
}

fn both(one: Option<()>, other: Option<()>) -> Option<()> {
    one.and(other)
}

/// What is left of a body.
struct Body<'a>(&'a [u8]);

impl<'a> Body<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    /// A string and the zero byte behind it.
    fn string(&mut self) -> Result<Option<()>, Failure> {
        let Some(end) = self.0.iter().position(|byte| *byte == 0) else { return Ok(None) };
        decode::utf8(&self.0[..end])?;
        self.0 = &self.0[end + 1..];
        Ok(Some(()))
    }

    fn count(&mut self) -> Option<usize> {
        let bytes = self.take(2)?;
        Some(usize::from(u16::from_be_bytes([bytes[0], bytes[1]])))
    }

    /// A count and as many items of `size` bytes.
    fn array(&mut self, size: usize) -> Option<()> {
        let count = self.count()?;
        self.take(count * size).map(|_| ())
    }

    /// A length and as many bytes; −1 is NULL.
    fn value(&mut self) -> Option<()> {
        let bytes = self.take(4)?;
        match i32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) {
            -1 => Some(()),
            length => self.take(usize::try_from(length).ok()?).map(|_| ()),
        }
    }
}
