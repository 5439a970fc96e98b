//! The server's side of one exchange: two messages of the client, two answers.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use subtle::ConstantTimeEq;

use super::verifier::random;
use super::{KEY_BYTES, Verifier, hmac_sha_256, sha_256};
use crate::error::{Result, message};

/// Random bytes in a nonce; as many as PostgreSQL takes.
const NONCE_BYTES: usize = 18;
/// The kind of channel binding that PostgreSQL's clients know (RFC 5929).
const END_POINT: &str = "tls-server-end-point";

/// A SASL mechanism, by its registered name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    Plain,
    /// Bound to the server's certificate.
    Plus,
}

impl Mechanism {
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "SCRAM-SHA-256",
            Self::Plus => "SCRAM-SHA-256-PLUS",
        }
    }
}

/// How the client's proof turned out.
#[derive(PartialEq, Eq)]
pub enum Verdict {
    /// The last message to the client, by which the server proves that it knows the verifier.
    Proven(String),
    Wrong,
}

/// An exchange that waits for the client's last message.
pub struct Exchange {
    verifier: Verifier,
    /// What the client must send back of channel binding, as base64.
    expected_binding: Binding,
    /// The client's first message without its header, and our answer.
    said: String,
    nonce: String,
}

enum Binding {
    /// The header alone: there is none.
    Header(&'static str),
    /// The header and the certificate's hash.
    Certificate(String),
}

/// A nonce of ours. Errors: XX000 when the operating system has no random bytes.
pub fn own_nonce() -> Result<String> {
    let mut bytes = [0; NONCE_BYTES];
    random(&mut bytes)?;
    Ok(STANDARD.encode(bytes))
}

impl Exchange {
    /// Reads the client's first message; gives the exchange and the answer.
    ///
    /// `certificate`: the hash of the server's certificate where [`Mechanism::Plus`] was offered, that is over TLS.
    ///
    /// Errors: 08P01 for what does not follow the RFC, 0A000 for extensions, 28000 when the client was made to believe
    /// that channel binding is not offered.
    pub fn begin(
        verifier: Verifier,
        mechanism: Mechanism,
        certificate: Option<&[u8]>,
        client_first: &str,
        own_nonce: &str,
    ) -> Result<(Self, String)> {
        let malformed = || message::scram_malformed("Comma expected in the first message.");
        let (flag, rest) = client_first.split_once(',').ok_or_else(malformed)?;
        let expected_binding = expected_binding(flag, mechanism, certificate)?;
        let (identity, bare) = rest.split_once(',').ok_or_else(malformed)?;
        if !identity.is_empty() {
            return Err(message::scram_identity_unsupported());
        }
        let mut attributes = bare.split(',');
        let mut next = |name: char| {
            let attribute = attributes.next().unwrap_or_default();
            attribute.strip_prefix(name).and_then(|rest| rest.strip_prefix('=')).ok_or_else(|| {
                match attribute.starts_with("m=") {
                    true => message::scram_extension_unsupported(),
                    false => message::scram_malformed(format!("Attribute \"{name}\" expected.")),
                }
            })
        };
        // The name is that of the start-up packet; the one here is empty or the same, and ignored.
        next('n')?;
        let client_nonce = next('r')?;
        if client_nonce.is_empty() || !client_nonce.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(message::scram_nonce_unprintable());
        }
        let nonce = format!("{client_nonce}{own_nonce}");
        let answer = format!("r={nonce},s={},i={}", STANDARD.encode(&verifier.salt), verifier.iterations);
        let said = format!("{bare},{answer}");
        Ok((Self { verifier, expected_binding, said, nonce }, answer))
    }

    /// Reads the client's last message and judges its proof, in time that does not depend on where it is wrong.
    ///
    /// Errors: 08P01 for what does not follow the RFC, 28000 for a proof that is bound to another certificate.
    pub fn finish(self, client_final: &str) -> Result<Verdict> {
        let malformed = |detail: &str| message::scram_malformed(detail);
        let (unproven, proof) =
            client_final.rsplit_once(",p=").ok_or_else(|| malformed("Attribute \"p\" expected."))?;
        let mut attributes = unproven.split(',');
        let binding = attributes.next().and_then(|attribute| attribute.strip_prefix("c="));
        let binding = binding.ok_or_else(|| malformed("Attribute \"c\" expected."))?;
        let nonce = attributes.next().and_then(|attribute| attribute.strip_prefix("r="));
        let nonce = nonce.ok_or_else(|| malformed("Attribute \"r\" expected."))?;
        match &self.expected_binding {
            Binding::Header(expected) if binding != *expected => return Err(message::scram_binding_unexpected()),
            Binding::Certificate(expected) if binding != expected => return Err(message::scram_binding_wrong()),
            Binding::Header(_) | Binding::Certificate(_) => {}
        }
        if nonce != self.nonce {
            return Err(message::scram_nonce_wrong());
        }
        let proof = STANDARD.decode(proof).ok().filter(|proof| proof.len() == KEY_BYTES);
        let mut client_key = proof.ok_or_else(|| malformed("Malformed proof in the last message."))?;
        let said = format!("{},{unproven}", self.said);
        let signature = hmac_sha_256(&self.verifier.stored_key, said.as_bytes());
        for (byte, mask) in client_key.iter_mut().zip(signature) {
            *byte ^= mask;
        }
        let answer = format!("v={}", STANDARD.encode(hmac_sha_256(&self.verifier.server_key, said.as_bytes())));
        let is_proven = bool::from(sha_256(&client_key).ct_eq(&self.verifier.stored_key));
        Ok(if is_proven { Verdict::Proven(answer) } else { Verdict::Wrong })
    }
}

fn expected_binding(flag: &str, mechanism: Mechanism, certificate: Option<&[u8]>) -> Result<Binding> {
    match (flag, mechanism, certificate) {
        ("n", Mechanism::Plain, _) => Ok(Binding::Header("biws")),
        // The client could bind and thinks that we cannot: over TLS somebody has taken our offer away.
        ("y", Mechanism::Plain, Some(_)) => Err(message::scram_downgraded()),
        ("y", Mechanism::Plain, None) => Ok(Binding::Header("eSws")),
        ("n" | "y", Mechanism::Plus, _) => Err(message::scram_malformed(
            "The client selected SCRAM-SHA-256-PLUS, but the SCRAM message does not include channel binding data.",
        )),
        (flag, mechanism, certificate) => {
            let kind = flag
                .strip_prefix("p=")
                .ok_or_else(|| message::scram_malformed(format!("Unexpected channel-binding flag \"{flag}\".")))?;
            let certificate = match (mechanism, certificate) {
                (Mechanism::Plus, Some(certificate)) => certificate,
                _ => {
                    return Err(message::scram_malformed(
                        "The client selected SCRAM-SHA-256 without channel binding, but the SCRAM message includes \
                         channel binding data.",
                    ));
                }
            };
            if kind != END_POINT {
                return Err(message::scram_binding_unsupported(kind));
            }
            let input = [format!("p={END_POINT},,").as_bytes(), certificate].concat();
            Ok(Binding::Certificate(STANDARD.encode(input)))
        }
    }
}

/// Says nothing: what was said in an exchange helps to guess the password.
impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").finish_non_exhaustive()
    }
}
