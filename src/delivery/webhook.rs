//! Delivery over HTTP: JSON batches, signed as Standard Webhooks (standardwebhooks.com) lays down, each under a key of its own
//! by which a receiver takes it once however often it comes.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, Utc};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, StatusCode};
use ring::hmac;
use serde::Serialize;
use serde_json::Value;
use url::Url;

use super::http::{Reply, once};
use crate::catalog::delivery::Delivery;
use crate::config::Secret;
use crate::error::{Result, message};

/// Of a signing secret: fewer are guessed.
const SECRET_BYTES_MIN: usize = 24;
/// Before a secret that is written in base64.
const SECRET_PREFIX: &str = "whsec_";

/// Where batches are posted to.
#[derive(Debug)]
pub struct Webhook {
    pub url: Url,
    pub client: Client,
    /// Signs what is sent.
    pub key: hmac::Key,
    /// Sent as it is in the header Authorization.
    pub authorization: Option<HeaderValue>,
    pub timeout: Duration,
    /// How often a batch is tried before the delivery fails.
    pub attempts: u32,
    /// The receiver takes a batch once, however often it comes.
    pub takes_once: bool,
}

/// A batch, as it is posted.
#[derive(Debug, Serialize)]
pub struct Posted<'a> {
    pub delivery_id: &'a str,
    pub audience: &'a str,
    pub run: u32,
    pub batch: u32,
    /// No batch comes behind it.
    pub last: bool,
    pub members: Vec<Value>,
}

impl<'a> Posted<'a> {
    pub fn of(delivery: &'a Delivery, batch: u32, members: Vec<Value>) -> Self {
        Self {
            delivery_id: &delivery.id,
            audience: &delivery.name,
            run: delivery.run,
            batch,
            last: batch == delivery.batches,
            members,
        }
    }

    pub fn body(&self) -> Result<Vec<u8>> {
        serde_json::to_vec(self).map_err(|error| message::internal(format!("a batch cannot be written: {error}")))
    }
}

/// The key of a secret: the bytes behind `whsec_` in base64, or those of the text itself.
///
/// Errors: F0000 for one that is too short.
pub fn signing_key(channel: &str, secret: &Secret) -> Result<hmac::Key> {
    let text = secret.reveal();
    let bytes = match text.strip_prefix(SECRET_PREFIX) {
        Some(coded) => BASE64.decode(coded).map_err(|_| {
            message::channel_refused(channel, "its secret is not in base64", "Write base64 behind whsec_.")
        })?,
        None => text.as_bytes().to_vec(),
    };
    if bytes.len() < SECRET_BYTES_MIN {
        let what = format!("its secret is shorter than {SECRET_BYTES_MIN} bytes");
        return Err(message::channel_refused(channel, &what, "Make one with openssl rand -base64 32."));
    }
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &bytes))
}

/// `v1,` and the HMAC-SHA-256 in base64 of identifier, seconds since 1970 and body, with points between.
pub fn signature(key: &hmac::Key, id: &str, seconds: i64, body: &[u8]) -> String {
    let mut context = hmac::Context::with_key(key);
    context.update(format!("{id}.{seconds}.").as_bytes());
    context.update(body);
    format!("v1,{}", BASE64.encode(context.sign()))
}

impl Webhook {
    /// The key of a batch: the same whenever it is sent.
    pub fn id(delivery: &Delivery, batch: u32) -> String {
        format!("{}-{batch}", delivery.id)
    }

    /// Posts a batch once. 409 says that the receiver has it already.
    pub async fn post(&self, id: &str, body: &[u8], now: DateTime<Utc>) -> Reply {
        let seconds = now.timestamp();
        let mut request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("idempotency-key", id)
            .header("webhook-id", id)
            .header("webhook-timestamp", seconds)
            .header("webhook-signature", signature(&self.key, id, seconds, body))
            .body(body.to_vec());
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        match once(request, self.timeout).await {
            Reply::Refused { status: StatusCode::CONFLICT, .. } => Reply::Accepted(Vec::new()),
            reply => reply,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example that the reference libraries of Standard Webhooks are tested with.
    #[test]
    fn signatures_are_those_of_standard_webhooks() {
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let key = signing_key("x", &secret).unwrap();
        assert_eq!(
            signature(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn short_secrets_are_refused() {
        for secret in ["short", "whsec_AAAA", "whsec_*"] {
            assert!(signing_key("x", &Secret::new(secret)).is_err(), "{secret}");
        }
    }
}
