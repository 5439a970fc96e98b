//! What is kept of a password: enough to check a proof, not enough to sign in with.

use std::borrow::Cow;
use std::fmt;
use std::num::NonZeroU32;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::pbkdf2;
use ring::rand::{SecureRandom, SystemRandom};

use super::{KEY_BYTES, Key, fixed, hmac_sha_256, sha_256};
use crate::error::{Result, message};

/// As many rounds as PostgreSQL takes, so that a sign-in takes clients no longer here than there.
pub(super) const ITERATIONS: NonZeroU32 = NonZeroU32::new(4096).unwrap();
pub(super) const SALT_BYTES: usize = 16;
/// Bytes of the secret from which salts for unknown names are made.
pub const SECRET_BYTES: usize = 32;
const PREFIX: &str = "SCRAM-SHA-256$";

/// A SCRAM-SHA-256 verifier. Its text form is PostgreSQL's (`SCRAM-SHA-256$4096:salt$stored:server`), so that one
/// server's verifiers are good for the other.
#[derive(Clone, PartialEq, Eq)]
pub struct Verifier {
    pub(super) iterations: NonZeroU32,
    pub(super) salt: Vec<u8>,
    pub(super) stored_key: Key,
    pub(super) server_key: Key,
}

impl Verifier {
    /// Of a password with a salt of its own. Errors: XX000 when the operating system has no random bytes.
    pub fn of_password(password: &str) -> Result<Self> {
        let mut salt = [0; SALT_BYTES];
        random(&mut salt)?;
        Ok(Self::salted(password, &salt, ITERATIONS))
    }

    pub(super) fn salted(password: &str, salt: &[u8], iterations: NonZeroU32) -> Self {
        // What SASLprep does not allow is taken as it is, as PostgreSQL and its clients do.
        let prepared = stringprep::saslprep(password).unwrap_or(Cow::Borrowed(password));
        let mut salted = [0; KEY_BYTES];
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, iterations, salt, prepared.as_bytes(), &mut salted);
        Self {
            iterations,
            salt: salt.to_vec(),
            stored_key: sha_256(&hmac_sha_256(&salted, b"Client Key")),
            server_key: hmac_sha_256(&salted, b"Server Key"),
        }
    }

    /// For a name without a password: always the same salt for the same name, and keys that fit no password.
    pub fn mock(user: &str, secret: &[u8; SECRET_BYTES]) -> Self {
        let salt = hmac_sha_256(secret, user.as_bytes())[..SALT_BYTES].to_vec();
        Self { iterations: ITERATIONS, salt, stored_key: [0; KEY_BYTES], server_key: [0; KEY_BYTES] }
    }

    /// Reads the text form; `None` when it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let (head, keys) = text.strip_prefix(PREFIX)?.split_once('$')?;
        let (iterations, salt) = head.split_once(':')?;
        let (stored, server) = keys.split_once(':')?;
        let key = |text: &str| Some(STANDARD.decode(text).ok()?).filter(|key| key.len() == KEY_BYTES);
        Some(Self {
            iterations: iterations.parse().ok()?,
            salt: STANDARD.decode(salt).ok().filter(|salt| !salt.is_empty())?,
            stored_key: fixed(&key(stored)?),
            server_key: fixed(&key(server)?),
        })
    }

    /// The text form, for the store and for superusers.
    pub fn to_text(&self) -> String {
        let base64 = |bytes: &[u8]| STANDARD.encode(bytes);
        let (salt, stored, server) = (base64(&self.salt), base64(&self.stored_key), base64(&self.server_key));
        format!("{PREFIX}{}:{salt}${stored}:{server}", self.iterations)
    }
}

/// Whether a text is a password as PostgreSQL once kept it, hashed with MD5.
pub fn is_md5(text: &str) -> bool {
    text.strip_prefix("md5")
        .is_some_and(|hash| hash.len() == 32 && hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')))
}

pub(super) fn random(bytes: &mut [u8]) -> Result<()> {
    SystemRandom::new().fill(bytes).map_err(|_unspecified| message::internal("no random bytes can be had"))
}

/// Says nothing: what is kept must not reach a log.
impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").finish_non_exhaustive()
    }
}
