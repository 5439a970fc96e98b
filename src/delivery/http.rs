//! Outgoing requests: to the one host that a channel names, with what came back told apart.

use std::time::Duration;

use reqwest::header::RETRY_AFTER;
use reqwest::{Client, RequestBuilder, StatusCode};
use url::{Host, Url};

use crate::error::{Result, message};

/// What is read of an answer; the rest is nothing to us.
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// What of an answer is told in an error.
const ANSWER_SHOWN_MAX: usize = 200;

/// What came of a request.
#[derive(Debug)]
pub enum Reply {
    /// 2xx, with the body.
    Accepted(Vec<u8>),
    /// The receiver says no, for good: another 4xx, or a redirection, which is not followed.
    Refused { status: StatusCode, told: String },
    /// It surely was not taken; it may be later.
    NotNow { told: String, after: Option<Duration> },
    /// It was sent, and nobody knows what became of it.
    Unknown { told: String },
}

/// A client that follows no redirection, so that nothing goes to a host that the configuration does not name.
///
/// Errors: F0000 when the machine has no certificates to trust.
pub fn client() -> Result<Client> {
    Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("regulars/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| message::http_unavailable(&error))
}

/// The address of a receiver. Without TLS only one on this machine: what is sent are personal data.
///
/// Errors: F0000.
pub fn receiver(channel: &str, written: &str) -> Result<Url> {
    let refused = |what: &str| message::channel_refused(channel, what, "Write it as in https://example.com/path.");
    let url = Url::parse(written).map_err(|error| refused(&format!("its address cannot be read ({error})")))?;
    let is_here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_here => Ok(url),
        "http" => Err(refused("it would be sent without encryption")),
        _ => Err(refused("its address is no URL of the web")),
    }
}

/// Sends a request once and waits for the answer, `timeout` at most.
pub async fn once(request: RequestBuilder, timeout: Duration) -> Reply {
    let answer = match request.timeout(timeout).send().await {
        Ok(answer) => answer,
        Err(error) => {
            let told = cause(&error);
            // Nothing was sent before there was a connection.
            let is_unsent = error.is_connect() || error.is_builder();
            return if is_unsent { Reply::NotNow { told, after: None } } else { Reply::Unknown { told } };
        }
    };
    let status = answer.status();
    let after = answer
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.trim().parse().ok())
        .map(Duration::from_secs);
    let body = match body(answer).await {
        Ok(body) => body,
        // Who answers so has it, or does not, even if the answer is cut short.
        Err(error) => {
            tracing::debug!("an answer was cut short: {}", cause(&error));
            Vec::new()
        }
    };
    let told = || format!("HTTP {}{}", status.as_u16(), shown(&body));
    match status.as_u16() {
        200..=299 => Reply::Accepted(body),
        429 | 503 => Reply::NotNow { told: told(), after },
        408 | 500..=599 => Reply::Unknown { told: told() },
        _ => Reply::Refused { status, told: told() },
    }
}

async fn body(mut answer: reqwest::Response) -> reqwest::Result<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(part) = answer.chunk().await? {
        let left = ANSWER_BYTES_MAX.saturating_sub(body.len());
        body.extend_from_slice(&part[..part.len().min(left)]);
        if left <= part.len() {
            break;
        }
    }
    Ok(body)
}

fn shown(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let text: String =
        text.trim().chars().take(ANSWER_SHOWN_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.is_empty() { String::new() } else { format!(": {text}") }
}

/// What went wrong, without the address: there may be a key in it.
fn cause(error: &reqwest::Error) -> String {
    let kind = if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "no connection"
    } else {
        "the connection was cut"
    };
    let mut source = std::error::Error::source(error);
    let mut told = kind.to_owned();
    while let Some(error) = source {
        if error.source().is_none() {
            told.push_str(&format!(" ({error})"));
        }
        source = error.source();
    }
    told
}
