//! SCRAM-SHA-256 (RFC 5802, RFC 7677) as PostgreSQL speaks it: what is kept of a password, and the server's side of the
//! exchange. Pure: bytes in, bytes out.
//!
//! How it works: a [`Verifier`] is made of a password, which is then forgotten. [`Exchange::begin`] answers the client's
//! first message, [`Exchange::finish`] its last, which proves the password without showing it. Over TLS the proof may be
//! bound to the server's certificate, so that it is worthless to whoever stands between.
//!
//! A name that is no role, or has no password, gets an exchange too, with a verifier that nothing satisfies
//! ([`Verifier::mock`]): messages and work are the same, so that names cannot be found out.
//!
//! Why it is ours: the primitives (PBKDF2, HMAC, SHA-256, random bytes) are ring's, SASLprep is stringprep's; what is left
//! is the text of four messages. pgwire's own needs its handlers and a second parser of certificates, and does not refuse
//! a client that was made to believe that there is no channel binding.
//!
//! Not here: the messages of the wire that carry these texts (`wire/sign_in.rs`), who may come in (`session/sign_in.rs`).

mod exchange;
mod verifier;

pub use self::exchange::{Exchange, Mechanism, Verdict, own_nonce};
pub use self::verifier::{SECRET_BYTES, Verifier, is_md5};

use ring::{digest, hmac};

/// Bytes of SHA-256, and so of every key here.
const KEY_BYTES: usize = 32;

type Key = [u8; KEY_BYTES];

fn hmac_sha_256(key: &[u8], message: &[u8]) -> Key {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message);
    fixed(tag.as_ref())
}

fn sha_256(message: &[u8]) -> Key {
    fixed(digest::digest(&digest::SHA256, message).as_ref())
}

fn fixed(bytes: &[u8]) -> Key {
    let mut key = [0; KEY_BYTES];
    key.copy_from_slice(bytes);
    key
}

#[cfg(test)]
mod tests;
