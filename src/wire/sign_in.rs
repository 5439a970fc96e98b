//! The messages that carry a SCRAM exchange: the mechanisms we offer, the client's two answers, ours.

use bytes::Bytes;
use pgwire::messages::startup::Authentication;
use tokio::io::{AsyncRead, AsyncWrite};

use super::Failure;
use super::frame::Reader;
use super::writer::Writer;
use crate::error::{Error, Result, message};
use crate::scram::{Exchange, Mechanism, Verdict, Verifier, own_nonce};

/// Asks for the password behind a verifier; returns when the client has proven that it knows it.
///
/// `certificate`: the hash of our certificate over TLS, to which the proof is bound by clients that can.
///
/// Errors: 28P01 for a wrong password, 08P01 and others for what does not follow the protocol. All are fatal.
pub(super) async fn prove<R, W>(
    user: &str,
    verifier: Verifier,
    certificate: Option<&[u8]>,
    reader: &mut Reader<R>,
    writer: &mut Writer<W>,
) -> Result<(), Failure>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let offered: &[Mechanism] =
        if certificate.is_some() { &[Mechanism::Plus, Mechanism::Plain] } else { &[Mechanism::Plain] };
    let names = offered.iter().map(|mechanism| mechanism.name().to_owned()).collect();
    send(writer, &Authentication::SASL(names)).await?;
    let first = answer(reader).await?;
    let (mechanism, first) = initial_response(&first).map_err(Failure::Fatal)?;
    let mechanism = offered.iter().copied().find(|offered| offered.name() == mechanism);
    let mechanism = mechanism.ok_or_else(|| Failure::Fatal(message::sasl_mechanism_unknown()))?;
    let own_nonce = own_nonce().map_err(Failure::Fatal)?;
    let (exchange, challenge) =
        Exchange::begin(verifier, mechanism, certificate, text(first)?, &own_nonce).map_err(Failure::Fatal)?;
    send(writer, &Authentication::SASLContinue(challenge.into())).await?;
    let last = answer(reader).await?;
    match exchange.finish(text(&last)?).map_err(Failure::Fatal)? {
        Verdict::Proven(signature) => {
            writer.push(&Authentication::SASLFinal(signature.into()));
            Ok(())
        }
        Verdict::Wrong => Err(Failure::Fatal(message::password_wrong(user))),
    }
}

async fn send<W: AsyncWrite + Unpin>(writer: &mut Writer<W>, asked: &Authentication) -> Result<(), Failure> {
    writer.push(asked);
    writer.flush().await
}

async fn answer<R: AsyncRead + Unpin>(reader: &mut Reader<R>) -> Result<Bytes, Failure> {
    // A client that has no password to give leaves here.
    reader.sasl_response().await?.ok_or(Failure::Gone)
}

/// The mechanism's name and the client's first message.
fn initial_response(body: &[u8]) -> Result<(&str, &[u8])> {
    let malformed = || message::malformed_message('p');
    let end = body.iter().position(|byte| *byte == 0).ok_or_else(malformed)?;
    let name = std::str::from_utf8(&body[..end]).map_err(|_| malformed())?;
    let (length, first) = body[end + 1..].split_first_chunk::<4>().ok_or_else(malformed)?;
    // -1 is no first message, which SCRAM does not know.
    let length = usize::try_from(i32::from_be_bytes(*length)).map_err(|_| malformed())?;
    if length == first.len() { Ok((name, first)) } else { Err(malformed()) }
}

fn text(bytes: &[u8]) -> Result<&str, Failure> {
    let malformed = || -> Error { message::scram_malformed("It is not text.") };
    std::str::from_utf8(bytes).map_err(|_| Failure::Fatal(malformed()))
}
