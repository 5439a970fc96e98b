//! The protocol played against a scripted session: no engine, no clock, every answer known.

mod encryption;
mod extended;
mod fuzz;
mod pressure;
mod sign_in;
mod simple;
mod start;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, Int32Array, RecordBatch, StringArray};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use datafusion::scalar::ScalarValue;
use futures::{StreamExt, stream};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::error::Result;
use crate::execution::cancellation::Interrupt;
use crate::pg_type::{Oid, PgType};
use crate::scram::Verifier;
use crate::session::sign_in::{Claim, Proof};
use crate::session::{StartupParameters, TextFormat, TransactionStatus};
use crate::statement::outcome::{Notice, NoticeSeverity, Outcome, OutputColumn, Rows};

/// As whom scripted clients are let in.
pub(crate) const ROLE: Oid = 10;

/// Opens scripted sessions and sees what becomes of them.
pub(crate) struct Script {
    /// What was run, committed and undone, in order.
    pub log: Mutex<Vec<String>>,
    pub started: Mutex<Vec<StartupParameters>>,
    /// As whom clients were let in.
    pub roles: Mutex<Vec<Oid>>,
    /// What is asked of names; of the others nothing on this machine, and more than they have elsewhere.
    pub claims: Mutex<HashMap<String, Result<Claim, SqlState>>>,
    pub idle_timeout: Mutex<Option<Duration>>,
    /// Running statements and the streams they left behind.
    pub live: watch::Sender<usize>,
    tokens: Mutex<HashMap<(i32, i32), CancellationToken>>,
    pub timeout: Option<Duration>,
}

impl Script {
    pub fn new() -> Self {
        Self {
            log: Mutex::default(),
            started: Mutex::default(),
            roles: Mutex::default(),
            claims: Mutex::default(),
            idle_timeout: Mutex::default(),
            live: watch::Sender::new(0),
            tokens: Mutex::default(),
            timeout: None,
        }
    }

    /// Waits until so many statements or streams live.
    pub async fn until_live(&self, count: usize) {
        self.live.subscribe().wait_for(|live| *live == count).await.unwrap();
    }

    pub fn logged(&self) -> Vec<String> {
        std::mem::take(&mut self.log.lock())
    }
}

pub(crate) struct Source(pub Arc<Script>);

impl SessionSource for Source {
    type Conversation = Scripted;

    fn claim(&self, user: &str, is_local: bool) -> Result<Claim> {
        if let Some(claim) = self.0.claims.lock().get(user) {
            return claim.clone().map_err(|state| Error::new(state, "store failed"));
        }
        let proof = if is_local { Proof::Nothing } else { Proof::Password(Verifier::mock(user, &[0; 32])) };
        Ok(Claim { role: is_local.then_some(ROLE), is_superuser: true, proof })
    }

    fn open(&self, startup: StartupParameters, role: Oid) -> Result<Scripted> {
        self.0.roles.lock().push(role);
        let mut started = self.0.started.lock();
        if startup.database.as_deref() == Some("nowhere") {
            return Err(Error::new(SqlState::InvalidCatalogName, "database \"nowhere\" does not exist"));
        }
        started.push(startup);
        let key = (started.len() as i32, -77);
        Ok(Scripted {
            script: Arc::clone(&self.0),
            key,
            status: TransactionStatus::Idle,
            reports: vec![("server_version", "16.0".to_owned()), ("client_encoding", "UTF8".to_owned())],
            notices: Vec::new(),
            changed: Vec::new(),
            statements: HashMap::new(),
            portals: HashSet::new(),
        })
    }

    fn cancel(&self, pid: i32, secret: i32) {
        if let Some(token) = self.0.tokens.lock().get(&(pid, secret)) {
            token.cancel();
        }
    }
}

/// Counts itself among what lives.
struct Alive(Arc<Script>);

impl Alive {
    fn new(script: &Arc<Script>) -> Self {
        script.live.send_modify(|live| *live += 1);
        Self(Arc::clone(script))
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.live.send_modify(|live| *live -= 1);
    }
}

/// Understands statements of a verb and perhaps a word; see [`Scripted::run`].
pub(crate) struct Scripted {
    script: Arc<Script>,
    key: (i32, i32),
    status: TransactionStatus,
    reports: Vec<(&'static str, String)>,
    notices: Vec<Notice>,
    /// By the implicit transaction.
    changed: Vec<String>,
    statements: HashMap<String, Arc<ScriptedStatement>>,
    portals: HashSet<String>,
}

pub(crate) struct ScriptedStatement {
    text: String,
    parameters: Vec<PgType>,
    columns: Option<Arc<[OutputColumn]>>,
}

impl Described for ScriptedStatement {
    fn parameters(&self) -> &[PgType] {
        &self.parameters
    }

    fn columns(&self) -> Option<&Arc<[OutputColumn]>> {
        self.columns.as_ref()
    }

    fn bytes(&self) -> usize {
        self.text.len().max(4 << 10)
    }
}

fn columns(types: &[PgType]) -> Arc<[OutputColumn]> {
    let names = ["n", "second", "third", "fourth", "fifth", "sixth"];
    types
        .iter()
        .zip(names)
        .map(|(pg_type, name)| OutputColumn { name: name.into(), pg_type: *pg_type, relation: 0, number: 0 })
        .collect()
}

fn batch(arrays: Vec<ArrayRef>) -> RecordBatch {
    let names = ["n", "second", "third", "fourth", "fifth", "sixth"];
    RecordBatch::try_from_iter_with_nullable(arrays.into_iter().zip(names).map(|(array, name)| (name, array, true)))
        .unwrap()
}

impl Scripted {
    fn note(&self, what: impl Into<String>) {
        self.script.log.lock().push(what.into());
    }

    fn rows(
        &self,
        types: &[PgType],
        batches: impl futures::Stream<Item = Result<RecordBatch>> + Send + 'static,
    ) -> Outcome {
        let alive = Alive::new(&self.script);
        let batches = batches.inspect(move |_| {
            let _alive = &alive;
        });
        Outcome::Rows(Rows { columns: columns(types), tag: "SELECT", batches: batches.boxed(), is_binary: false })
    }

    fn numbers(&self, count: i32) -> impl futures::Stream<Item = Result<RecordBatch>> + Send + 'static {
        const BATCH: i32 = 1_000;
        stream::iter((0..count).step_by(BATCH as usize)).map(move |first| {
            let numbers = first + 1..=(first + BATCH).min(count);
            Ok(batch(vec![Arc::new(Int32Array::from_iter_values(numbers))]))
        })
    }

    async fn run(&mut self, text: &str, parameters: Vec<ScalarValue>) -> Result<Outcome> {
        self.note(text);
        let (verb, word) = text.split_once(' ').unwrap_or((text, ""));
        if self.status == TransactionStatus::Failed && verb != "rollback" {
            return Err(message::portal_in_failed_transaction());
        }
        let count = || word.parse().unwrap_or(1);
        Ok(match verb {
            "rows" => self.rows(&[PgType::INT4], self.numbers(count())),
            // Rows of 200 bytes, for ever.
            "flood" => {
                let text = "x".repeat(200);
                let rows = batch(vec![Arc::new(StringArray::from_iter_values(vec![text; 1_000]))]);
                self.rows(&[PgType::TEXT], stream::repeat_with(move || Ok(rows.clone())))
            }
            "failrows" => {
                let failure = stream::once(async { Err(Error::new(SqlState::DivisionByZero, "division by zero")) });
                self.rows(&[PgType::INT4], self.numbers(count()).chain(failure))
            }
            "hangrows" => self.rows(&[PgType::INT4], self.numbers(count()).chain(stream::pending())),
            "panicrows" => {
                let panic = stream::once(async { panic!("scripted panic in a stream") });
                self.rows(&[PgType::INT4], self.numbers(count()).chain(panic))
            }
            "echo" => {
                let arrays = parameters.iter().map(|value| value.to_array().unwrap()).collect();
                self.rows(&echo_types(word), stream::iter([Ok(batch(arrays))]))
            }
            "hang" => {
                let _alive = Alive::new(&self.script);
                std::future::pending().await
            }
            "panic" => panic!("scripted panic"),
            "fail" => return Err(Error::new(SqlState::DivisionByZero, "division by zero").with_position(3)),
            "begin" => {
                self.status = TransactionStatus::Open;
                Outcome::Done("BEGIN".into())
            }
            "commit" | "rollback" => {
                self.status = TransactionStatus::Idle;
                self.portals.clear();
                Outcome::Done(verb.to_uppercase())
            }
            "change" | "conflict" => {
                if self.status == TransactionStatus::Idle {
                    self.changed.push(text.to_owned());
                }
                Outcome::Done("CREATE VIEW".into())
            }
            "notice" => {
                self.notices.push(Notice {
                    severity: NoticeSeverity::Notice,
                    state: SqlState::DuplicateTable,
                    message: "as you wish".into(),
                    detail: None,
                    hint: None,
                });
                Outcome::Done("DO".into())
            }
            "set" => {
                self.reports.push(("TimeZone", word.to_owned()));
                Outcome::Done("SET".into())
            }
            "" => Outcome::Empty,
            _ => return Err(Error::new(SqlState::SyntaxError, format!("syntax error at or near \"{verb}\""))),
        })
    }
}

fn echo_types(word: &str) -> Vec<PgType> {
    let type_of = |name: &str| crate::pg_type::TYPES.iter().find(|info| info.name == name).map(|info| info.oid);
    word.split(',').filter_map(type_of).map(|oid| PgType { oid, typmod: -1 }).collect()
}

impl Conversation for Scripted {
    type Statement = String;
    type Prepared = ScriptedStatement;

    fn cancel_key(&self) -> (i32, i32) {
        self.key
    }

    fn transaction_status(&self) -> TransactionStatus {
        self.status
    }

    fn idle_timeout(&self) -> Option<Duration> {
        *self.script.idle_timeout.lock()
    }

    fn text_format(&self) -> TextFormat {
        TextFormat::UTC
    }

    fn take_reports(&mut self) -> Vec<(&'static str, String)> {
        std::mem::take(&mut self.reports)
    }

    fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    fn interrupt(&mut self) -> Interrupt {
        let token = CancellationToken::new();
        self.script.tokens.lock().insert(self.key, token.clone());
        Interrupt::new(token, self.script.timeout)
    }

    fn parse(&self, text: &str) -> Result<Vec<String>> {
        if text.contains("unparsable") {
            return Err(Error::new(SqlState::SyntaxError, "syntax error").with_position(1));
        }
        Ok(text.split(';').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect())
    }

    async fn execute(&mut self, statement: &String, _is_alone: bool) -> Result<Outcome> {
        self.run(statement, Vec::new()).await
    }

    async fn prepare(&mut self, text: &str, _types: &[Oid]) -> Result<ScriptedStatement> {
        let (verb, word) = text.split_once(' ').unwrap_or((text, ""));
        let mut parameters = Vec::new();
        let columns = match verb {
            "rows" | "failrows" | "hangrows" | "panicrows" => Some(columns(&[PgType::INT4])),
            "flood" => Some(columns(&[PgType::TEXT])),
            "echo" => {
                parameters = echo_types(word);
                Some(columns(&parameters))
            }
            "unparsable" => return Err(Error::new(SqlState::SyntaxError, "syntax error").with_position(1)),
            "hangparse" => std::future::pending().await,
            _ => None,
        };
        Ok(ScriptedStatement { text: text.to_owned(), parameters, columns })
    }

    async fn execute_prepared(
        &mut self,
        prepared: &ScriptedStatement,
        parameters: Vec<ScalarValue>,
    ) -> Result<Outcome> {
        self.run(&prepared.text, parameters).await
    }

    async fn commit_implicit(&mut self) -> Result<()> {
        self.portals.clear();
        let changed = std::mem::take(&mut self.changed);
        if changed.iter().any(|change| change == "conflict") {
            return Err(Error::new(SqlState::SerializationFailure, "could not serialize access"));
        }
        if !changed.is_empty() {
            self.note(format!("committed {}", changed.join(", ")));
        }
        Ok(())
    }

    fn statement(&self, name: &str) -> Option<&Arc<ScriptedStatement>> {
        self.statements.get(name)
    }

    fn keep_statement(&mut self, name: String, prepared: Arc<ScriptedStatement>) {
        self.statements.insert(name, prepared);
    }

    fn forget_statement(&mut self, name: &str) {
        self.statements.remove(name);
    }

    fn held_bytes(&self) -> usize {
        self.statements.values().map(|statement| statement.bytes()).sum()
    }

    fn check_bindable(&self, _prepared: &ScriptedStatement) -> Result<()> {
        Ok(())
    }

    fn open_portal(&mut self, name: &str) -> Result<()> {
        if !name.is_empty() && !self.portals.insert(name.to_owned()) {
            return Err(Error::new(SqlState::DuplicateCursor, "in use"));
        }
        Ok(())
    }

    fn has_portal(&self, name: &str) -> bool {
        name.is_empty() || self.portals.contains(name)
    }

    fn close_portal(&mut self, name: &str) {
        self.portals.remove(name);
    }

    fn cursor_columns(&self, _name: &str) -> Option<(&Arc<[OutputColumn]>, bool)> {
        None
    }

    async fn execute_cursor(&mut self, _name: &str, _limit: Option<u64>) -> Result<Outcome> {
        Ok(Outcome::Empty)
    }

    fn fail(&mut self) {
        self.note("failed");
        self.changed.clear();
        match self.status {
            TransactionStatus::Open => self.status = TransactionStatus::Failed,
            TransactionStatus::Idle => self.portals.clear(),
            TransactionStatus::Failed => {}
        }
    }
}

/// A client that speaks bytes.
pub(crate) struct Client<IO> {
    pub io: IO,
    buffer: BytesMut,
}

/// A message of the server: type and body.
pub(crate) type Answer = (char, Bytes);

impl<IO: AsyncRead + AsyncWrite + Unpin> Client<IO> {
    pub fn new(io: IO) -> Self {
        Self { io, buffer: BytesMut::new() }
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        // The server may have closed already; what it said then is what counts.
        let _ = self.io.write_all(bytes.as_ref()).await;
    }

    /// The next message; `None` at the end.
    pub async fn answer(&mut self) -> Option<Answer> {
        loop {
            if self.buffer.len() >= 5 {
                let length = (&self.buffer[1..5]).get_i32() as usize;
                if self.buffer.len() > length {
                    let mut message = self.buffer.split_to(1 + length);
                    let kind = char::from(message.get_u8());
                    message.advance(4);
                    return Some((kind, message.freeze()));
                }
            }
            if self.io.read_buf(&mut self.buffer).await.unwrap_or(0) == 0 {
                assert!(self.buffer.is_empty(), "the server closed in the middle of a message: {:?}", self.buffer);
                return None;
            }
        }
    }

    /// Messages up to and with ReadyForQuery, or up to the end.
    pub async fn answers(&mut self) -> Vec<Answer> {
        let mut answers = Vec::new();
        while let Some(answer) = self.answer().await {
            let ready = answer.0 == 'Z';
            answers.push(answer);
            if ready {
                break;
            }
        }
        answers
    }

    /// Everything up to the end of the connection, which is then closed from this side too.
    pub async fn rest(&mut self) -> Vec<Answer> {
        let mut answers = Vec::new();
        while let Some(answer) = self.answer().await {
            answers.push(answer);
        }
        let _ = self.io.shutdown().await;
        answers
    }

    pub async fn ask(&mut self, bytes: impl AsRef<[u8]>) -> String {
        self.send(bytes).await;
        shown(&self.answers().await)
    }

    pub async fn start(&mut self) -> Vec<Answer> {
        self.send(startup(3 << 16, &[("user", "ada"), ("database", "regulars")])).await;
        self.answers().await
    }
}

/// Messages in short: type, and for those that say something, what. Rows of a result are counted.
pub(crate) fn shown(answers: &[Answer]) -> String {
    let mut shown: Vec<String> = Vec::new();
    let mut rows = 0;
    for (kind, body) in answers {
        if *kind == 'D' {
            rows += 1;
            continue;
        }
        if rows > 0 {
            shown.push(format!("D*{rows}"));
            rows = 0;
        }
        shown.push(match kind {
            'C' => format!("C:{}", String::from_utf8_lossy(&body[..body.len() - 1])),
            'Z' => format!("Z:{}", char::from(body[0])),
            'E' => format!("E:{}:{}", field(body, 'S'), field(body, 'C')),
            'N' => format!("N:{}", field(body, 'M')),
            'S' => format!("S:{}", String::from_utf8_lossy(body).split('\0').next().unwrap()),
            _ => kind.to_string(),
        });
    }
    if rows > 0 {
        shown.push(format!("D*{rows}"));
    }
    shown.join(" ")
}

/// A field of an error or notice; empty when it is not there.
pub(crate) fn field(body: &Bytes, wanted: char) -> String {
    body.split(|byte| *byte == 0)
        .find(|part| part.first() == Some(&(wanted as u8)))
        .map(|part| String::from_utf8_lossy(&part[1..]).into_owned())
        .unwrap_or_default()
}

pub(crate) fn startup(version: i32, parameters: &[(&str, &str)]) -> Vec<u8> {
    let mut packet = Vec::new();
    packet.put_i32(0);
    packet.put_i32(version);
    for (name, value) in parameters {
        packet.put_slice(name.as_bytes());
        packet.put_u8(0);
        packet.put_slice(value.as_bytes());
        packet.put_u8(0);
    }
    packet.put_u8(0);
    let length = packet.len() as i32;
    packet[..4].copy_from_slice(&length.to_be_bytes());
    packet
}

pub(crate) fn message(kind: u8, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut message = vec![kind];
    message.put_i32(body.len() as i32 + 4);
    message.put_slice(body);
    message
}

pub(crate) fn query(text: &str) -> Vec<u8> {
    message(b'Q', format!("{text}\0"))
}

fn parse(name: &str, text: &str) -> Vec<u8> {
    message(b'P', format!("{name}\0{text}\0\0\0"))
}

/// Without parameters, all results as text.
fn bind(portal: &str, statement: &str) -> Vec<u8> {
    message(b'B', format!("{portal}\0{statement}\0\0\0\0\0\0\0"))
}

fn execute(portal: &str, rows: i32) -> Vec<u8> {
    let mut body = format!("{portal}\0").into_bytes();
    body.put_i32(rows);
    message(b'E', body)
}

fn sync() -> Vec<u8> {
    message(b'S', "")
}

pub(crate) fn local() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 50_000))
}

type Served = JoinHandle<Ending>;

/// A server of one connection in memory, whose pipe holds `pipe` bytes.
struct House {
    script: Arc<Script>,
    host: Arc<Host<Source>>,
}

impl House {
    fn new() -> Self {
        Self::with(LimitsConfig::default(), None)
    }

    fn with(limits: LimitsConfig, timeout: Option<Duration>) -> Self {
        let script = Arc::new(Script { timeout, ..Script::new() });
        Self { host: Arc::new(Host::new(Arc::new(Source(Arc::clone(&script))), limits, Encryption::default())), script }
    }

    /// With a certificate, a proof of a password for each of these names.
    fn encrypted(encryption: Encryption, claims: &[(&str, Result<Claim, SqlState>)]) -> Self {
        let script = Arc::new(Script::new());
        *script.claims.lock() = claims.iter().map(|(user, claim)| ((*user).to_owned(), claim.clone())).collect();
        let source = Arc::new(Source(Arc::clone(&script)));
        Self { host: Arc::new(Host::new(source, LimitsConfig::default(), encryption)), script }
    }

    /// A connection before its first byte.
    fn connect_from(&self, peer: SocketAddr, pipe: usize) -> (Client<DuplexStream>, Served) {
        let (near, far) = tokio::io::duplex(pipe);
        let host = Arc::clone(&self.host);
        let served = tokio::spawn(async move { serve(&host, far, peer).await });
        (Client::new(near), served)
    }

    fn connect(&self) -> (Client<DuplexStream>, Served) {
        self.connect_from(local(), 256 << 10)
    }

    /// A connection behind start-up.
    async fn session(&self) -> (Client<DuplexStream>, Served) {
        let (mut client, served) = self.connect();
        assert_eq!(shown(&client.start().await), "R S:server_version S:client_encoding K Z:I");
        (client, served)
    }
}
