//! From the first packet to ReadyForQuery: cancel requests, who the client is, may they come in.
//!
//! Every refusal here is fatal: no path leads from an error to a session. Only [`authenticate`] makes an
//! [`Authenticated`], and nothing behind start-up can be built without one. Off loopback
//! nobody comes in who is not encrypted. Whether a connection is encrypted was settled before (`encryption`).

use bytes::{Bytes, BytesMut};
use pgwire::messages::Message;
use pgwire::messages::response::ReadyForQuery;
use pgwire::messages::startup::{
    Authentication, BackendKeyData, NegotiateProtocolVersion, ParameterStatus, SecretKey, Startup,
};
use tokio::io::{AsyncRead, AsyncWrite};

use super::conversation::{Conversation, SessionSource};
use super::frame::Reader;
use super::places::Place;
use super::writer::Writer;
use super::{Failure, Host, Peer, connection, decode, report, sign_in};
use crate::error::{Error, message};
use crate::pg_type::Oid;
use crate::session::StartupParameters;
use crate::session::sign_in::{Claim, Proof};

const CANCEL_REQUEST: u32 = 80_877_102;
/// Protocol 3.0, the one we speak.
const PROTOCOL: i32 = 3 << 16;
/// A parameter value beyond this cannot be reported; PostgreSQL's own are shorter.
const REPORT_BYTES: usize = 20_000;

/// Proof that a client was let in. Cannot be made, copied or defaulted elsewhere.
#[derive(Debug)]
pub(super) struct Authenticated {
    user: String,
    role: Oid,
}

impl Authenticated {
    /// The name the client was let in with.
    pub fn user(&self) -> &str {
        &self.user
    }
}

/// A client with its session and its place among the connections.
pub(super) struct Admitted<C> {
    pub authenticated: Authenticated,
    pub session: C,
    pub place: Place,
}

/// Plays through the start-up. `None`: it was a cancel request, or the client left.
pub(super) async fn admit<S, R, W>(
    host: &Host<S>,
    reader: &mut Reader<R>,
    writer: &mut Writer<W>,
    peer: &Peer,
) -> Result<Option<Admitted<S::Conversation>>, Failure>
where
    S: SessionSource,
    R: AsyncRead + Unpin + Send,
    W: AsyncWrite + Unpin + Send,
{
    let greeting = match greet(reader).await? {
        Some(Opening::Greeting(greeting)) => greeting,
        Some(Opening::Cancel { pid, secret }) => {
            host.source.cancel(pid, secret);
            return Ok(None);
        }
        None => return Ok(None),
    };
    // From here on every error is made fatal by `serve`, whatever its state.
    if host.draining.is_cancelled() {
        return Err(Failure::Fatal(message::refusing_new_connections()));
    }
    let is_local = peer.is_local();
    if !peer.protection.is_encrypted() && (!is_local || host.encryption.is_required_on_loopback) {
        return Err(Failure::Fatal(message::encryption_required()));
    }
    let claim = host.source.claim(&greeting.parameters.user, is_local).map_err(Failure::Fatal)?;
    let is_superuser = claim.is_superuser;
    let authenticated = authenticate(&greeting.parameters.user, claim, peer, reader, writer).await?;
    reader.trust(&authenticated);
    let place = host.places.take(is_superuser).map_err(Failure::Fatal)?;
    let parameters = StartupParameters { client: Some(peer.address), ..greeting.parameters };
    let mut session = host.source.open(parameters, authenticated.role).map_err(Failure::Fatal)?;
    tracing::debug!(user = authenticated.user(), peer = %peer.address, "client let in");
    if let Some(negotiation) = &greeting.negotiation {
        writer.push(negotiation);
    }
    writer.push(&Authentication::Ok);
    let (pid, secret) = session.cancel_key();
    report_settings(&mut session, writer);
    writer.push(&BackendKeyData::new(pid, SecretKey::I32(secret)));
    for notice in session.take_notices() {
        writer.push(&report::notice_response(&notice));
    }
    writer.push(&ReadyForQuery::new(connection::status(&session)));
    writer.flush().await?;
    Ok(Some(Admitted { authenticated, session, place }))
}

/// Sends the settings that have changed since they were last sent.
pub(super) fn report_settings<C: Conversation, W: AsyncWrite + Unpin>(session: &mut C, writer: &mut Writer<W>) {
    for (name, value) in session.take_reports() {
        let mut value = report::without_zeros(&value);
        value.truncate(value.floor_char_boundary(REPORT_BYTES));
        writer.push(&ParameterStatus::new(name.to_owned(), value));
    }
}

/// Has the client show what its claim needs. Nothing else makes an [`Authenticated`].
async fn authenticate<R, W>(
    user: &str,
    claim: Claim,
    peer: &Peer,
    reader: &mut Reader<R>,
    writer: &mut Writer<W>,
) -> Result<Authenticated, Failure>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    match claim.proof {
        Proof::Password(verifier) => {
            sign_in::prove(user, verifier, peer.protection.end_point(), reader, writer).await.inspect_err(
                |failure| {
                    if let Failure::Fatal(error) = failure {
                        tracing::info!(?user, peer = %peer.address, state = %error.state(), "sign-in refused");
                    }
                },
            )?;
        }
        Proof::Nothing if peer.is_local() => {}
        Proof::Nothing => return Err(Failure::Fatal(message::not_a_local_connection())),
    }
    // Whoever is nobody was refused like a wrong password, whatever was shown.
    let role = claim.role.ok_or_else(|| Failure::Fatal(message::password_wrong(user)))?;
    Ok(Authenticated { user: user.to_owned(), role })
}

/// What a connection is opened for.
enum Opening {
    Greeting(Greeting),
    Cancel { pid: i32, secret: i32 },
}

struct Greeting {
    parameters: StartupParameters,
    /// The client asked for more than we know.
    negotiation: Option<NegotiateProtocolVersion>,
}

/// Reads the packet that says what the connection is for.
async fn greet<R: AsyncRead + Unpin>(reader: &mut Reader<R>) -> Result<Option<Opening>, Failure> {
    let Some(packet) = reader.startup_packet().await? else { return Ok(None) };
    match packet.first_chunk::<4>().map(|code| u32::from_be_bytes(*code)) {
        Some(CANCEL_REQUEST) => cancel_request(&packet).map(Some),
        Some(_) => greeting(packet).map(Opening::Greeting).map(Some),
        None => Ok(None),
    }
}

fn cancel_request(packet: &[u8]) -> Result<Opening, Failure> {
    let [_, _, _, _, p0, p1, p2, p3, s0, s1, s2, s3] = packet else {
        return Err(Failure::Fatal(message::invalid_startup_packet("impossible cancel request")));
    };
    let pid = i32::from_be_bytes([*p0, *p1, *p2, *p3]);
    Ok(Opening::Cancel { pid, secret: i32::from_be_bytes([*s0, *s1, *s2, *s3]) })
}

/// Reads the start-up packet proper, its length already taken off.
fn greeting(packet: Bytes) -> Result<Greeting, Failure> {
    let (version, pairs) = packet.split_at(4);
    let (major, minor) = (u16::from_be_bytes([version[0], version[1]]), u16::from_be_bytes([version[2], version[3]]));
    if major != 3 {
        return Err(Failure::Fatal(message::unsupported_protocol(major, minor)));
    }
    check_pairs(pairs).map_err(Failure::Fatal)?;
    let body_length = packet.len() + 4;
    let decoded = Startup::decode_body(&mut BytesMut::from(packet), body_length, &Default::default())
        .map_err(|_undecodable| Failure::Fatal(message::invalid_startup_packet("impossible parameters")))?;
    let mut parameters = StartupParameters::default();
    let mut unknown_options = Vec::new();
    let mut named = Vec::new();
    for (name, value) in decoded.parameters {
        match name.as_str() {
            "user" => parameters.user = value,
            "database" => parameters.database = Some(value).filter(|name| !name.is_empty()),
            // Settings by name win over those of the command line.
            "options" => parameters.settings = command_line(&value).map_err(Failure::Fatal)?,
            "replication" if !matches!(value.as_str(), "false" | "off" | "no" | "0") => {
                return Err(Failure::Fatal(message::replication_unsupported()));
            }
            "replication" => {}
            _ if name.starts_with("_pq_.") => unknown_options.push(name),
            _ => named.push((name, value)),
        }
    }
    parameters.settings.extend(named);
    if parameters.user.is_empty() {
        return Err(Failure::Fatal(message::no_user_name()));
    }
    let negotiation =
        (minor > 0 || !unknown_options.is_empty()).then(|| NegotiateProtocolVersion::new(PROTOCOL, unknown_options));
    Ok(Greeting { parameters, negotiation })
}

/// Names and values, each ended by a zero byte, and a zero byte behind them all.
fn check_pairs(pairs: &[u8]) -> Result<(), Error> {
    let layout = || message::invalid_startup_packet("expected terminator as last byte");
    let mut rest = pairs;
    let string = |rest: &mut &[u8]| -> Result<usize, Error> {
        let end = rest.iter().position(|byte| *byte == 0).ok_or_else(layout)?;
        decode::utf8(&rest[..end])?;
        *rest = &rest[end + 1..];
        Ok(end)
    };
    while string(&mut rest)? > 0 {
        string(&mut rest)?;
    }
    if rest.is_empty() { Ok(()) } else { Err(layout()) }
}

/// Settings of a command line: `-c name=value`, `-cname=value`, `--name=value`. A backslash takes the next character
/// as it is; hyphens in a name after `--` stand for underscores.
fn command_line(options: &str) -> Result<Vec<(String, String)>, Error> {
    let mut settings = Vec::new();
    let mut arguments = split_arguments(options).into_iter();
    while let Some(argument) = arguments.next() {
        let refused = || message::invalid_startup_option(&argument);
        let (setting, long) = match argument.strip_prefix("--") {
            Some(setting) => (setting.to_owned(), true),
            None => match argument.strip_prefix("-c") {
                Some("") => (arguments.next().ok_or_else(refused)?, false),
                Some(setting) => (setting.to_owned(), false),
                None => return Err(refused()),
            },
        };
        let (name, value) = setting.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(refused)?;
        let name = if long { name.replace('-', "_") } else { name.to_owned() };
        settings.push((name, value.to_owned()));
    }
    Ok(settings)
}

fn split_arguments(options: &str) -> Vec<String> {
    let mut arguments = Vec::new();
    let mut current: Option<String> = None;
    let mut characters = options.chars();
    while let Some(character) = characters.next() {
        if character.is_ascii_whitespace() {
            arguments.extend(current.take());
            continue;
        }
        let taken = if character == '\\' { characters.next() } else { Some(character) };
        current.get_or_insert_default().extend(taken);
    }
    arguments.extend(current);
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(options: &str) -> Vec<(String, String)> {
        command_line(options).unwrap()
    }

    #[test]
    fn options_are_split_as_postgresql_splits_them() {
        let expected = [("TimeZone", "Europe/Stockholm"), ("work_mem", "1MB"), ("statement_timeout", "5min")];
        let expected: Vec<_> = expected.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        assert_eq!(settings("-c TimeZone=Europe/Stockholm -cwork_mem=1MB  --statement-timeout=5min"), expected);
        assert_eq!(settings(r"-c application_name=a\ b\\c")[0].1, r"a b\c");
        assert_eq!(settings("-c search_path=")[0].1, "");
        for refused in ["-x", "-c geqo", "-c", "word", "--=1"] {
            assert_eq!(command_line(refused).unwrap_err().state().code(), "42601", "{refused}");
        }
    }
}
