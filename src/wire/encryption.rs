//! Before the first packet of the start-up: is the connection encrypted?
//!
//! A client asks for TLS with a packet in the clear (`SSLRequest`), or begins the handshake at once and names the protocol
//! in it (ALPN). Whatever came behind the request before our answer was sent in the clear, perhaps by somebody else, and
//! would be taken for protected: it ends the connection (the class of CVE-2021-23214).

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::Failure;
use super::frame::UNAUTHENTICATED_BYTES;
use crate::error::message;
use crate::tls::{ALPN, Loaded, Tls};

const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
const GSS_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 48];
/// The first byte of a TLS handshake, which no packet of the start-up begins with.
const HANDSHAKE: u8 = 22;

/// A connection of which it is settled whether it is encrypted.
pub(super) struct Settled<IO> {
    pub io: Transport<IO>,
    /// What has come of the first packet.
    pub buffer: BytesMut,
    /// How many bytes may still come before the client is authenticated.
    pub budget: usize,
    pub protection: Protection,
}

#[derive(Clone)]
pub(super) enum Protection {
    None,
    /// With the certificate that was shown.
    Tls(Arc<Loaded>),
}

impl Protection {
    pub fn is_encrypted(&self) -> bool {
        matches!(self, Self::Tls(_))
    }

    /// To what a proof of a password is bound.
    pub fn end_point(&self) -> Option<&[u8]> {
        match self {
            Self::None => None,
            Self::Tls(loaded) => loaded.end_point.as_deref(),
        }
    }
}

/// What became of the first bytes. A refusal comes with the connection, so that the client can be told.
pub(super) struct Outcome<IO> {
    pub settled: Settled<IO>,
    pub refused: Option<Failure>,
}

/// Answers requests for encryption until something else comes. `None`: the client is gone, or the handshake failed.
pub(super) async fn settle<IO>(io: IO, tls: Option<&Arc<Tls>>) -> Option<Outcome<IO>>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let mut opening = Opening { io, buffer: BytesMut::new(), budget: UNAUTHENTICATED_BYTES };
    // Each kind of encryption may be asked for once.
    let (mut ssl_declined, mut gss_declined) = (false, false);
    loop {
        match (opening.first_bytes().await?, tls) {
            (First::Handshake, Some(tls)) => return opening.shake_hands(tls, true).await,
            (First::SslRequest, Some(tls)) => {
                opening.buffer.advance(SSL_REQUEST.len());
                if !opening.buffer.is_empty() {
                    return Some(opening.in_the_clear(Some(message::unencrypted_leftover())));
                }
                opening.answer(b'S').await?;
                return opening.shake_hands(tls, false).await;
            }
            (First::SslRequest, None) if !ssl_declined => ssl_declined = true,
            (First::GssRequest, _) if !gss_declined => gss_declined = true,
            _ => return Some(opening.in_the_clear(None)),
        }
        opening.buffer.advance(SSL_REQUEST.len());
        opening.answer(b'N').await?;
    }
}

enum First {
    SslRequest,
    GssRequest,
    Handshake,
    Other,
}

struct Opening<IO> {
    io: IO,
    buffer: BytesMut,
    budget: usize,
}

impl<IO: AsyncRead + AsyncWrite + Unpin> Opening<IO> {
    /// Reads as much as tells what the client wants, and no more than has come. `None` when the client is gone.
    async fn first_bytes(&mut self) -> Option<First> {
        loop {
            match self.buffer.as_ref() {
                [HANDSHAKE, ..] => return Some(First::Handshake),
                begun if begun.len() >= 8 => {
                    return Some(match begun.first_chunk::<8>() {
                        Some(&SSL_REQUEST) => First::SslRequest,
                        Some(&GSS_REQUEST) => First::GssRequest,
                        _ => First::Other,
                    });
                }
                // A length that is not that of a request is for who reads packets to judge.
                begun if begun.len() >= 4 && !SSL_REQUEST.starts_with(&begun[..4]) => return Some(First::Other),
                _ => {}
            }
            self.buffer.reserve(256);
            let count = self.io.read_buf(&mut self.buffer).await.ok()?;
            self.budget = self.budget.saturating_sub(count);
            if count == 0 {
                return if self.buffer.is_empty() { None } else { Some(First::Other) };
            }
        }
    }

    async fn answer(&mut self, letter: u8) -> Option<()> {
        self.io.write_all(&[letter]).await.ok()?;
        self.io.flush().await.ok()
    }

    fn in_the_clear(self, refused: Option<crate::error::Error>) -> Outcome<IO> {
        let Self { io, buffer, budget } = self;
        let settled = Settled { io: Transport::Plain(io), buffer, budget, protection: Protection::None };
        Outcome { settled, refused: refused.map(Failure::Fatal) }
    }

    /// `is_direct`: the client began by itself, and must have named the protocol.
    async fn shake_hands(self, tls: &Tls, is_direct: bool) -> Option<Outcome<IO>> {
        let loaded = tls.current();
        let begun = Begun { begun: self.buffer.freeze(), io: self.io };
        let stream = match TlsAcceptor::from(Arc::clone(&loaded.config)).accept(begun).await {
            Ok(stream) => stream,
            Err(error) => {
                // TLS has told the client in its own way.
                tracing::debug!(%error, "TLS handshake failed");
                return None;
            }
        };
        let is_named = stream.get_ref().1.alpn_protocol() == Some(ALPN);
        let refused = (is_direct && !is_named).then(|| Failure::Fatal(message::tls_without_alpn()));
        let settled = Settled {
            io: Transport::Tls(Box::new(stream)),
            buffer: BytesMut::new(),
            budget: self.budget,
            protection: Protection::Tls(loaded),
        };
        Some(Outcome { settled, refused })
    }
}

/// Bytes that were read already, then the rest.
pub(super) struct Begun<IO> {
    begun: Bytes,
    io: IO,
}

impl<IO: AsyncRead + Unpin> AsyncRead for Begun<IO> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.begun.is_empty() {
            return Pin::new(&mut self.io).poll_read(context, into);
        }
        let count = self.begun.len().min(into.remaining());
        into.put_slice(&self.begun.split_to(count));
        Poll::Ready(Ok(()))
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Begun<IO> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}

/// A connection in the clear or encrypted.
pub(super) enum Transport<IO> {
    Plain(IO),
    Tls(Box<TlsStream<Begun<IO>>>),
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncRead for Transport<IO> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_read(context, into),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, into),
        }
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Transport<IO> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
