//! The whole server over TCP, with the scripted session of the wire's tests.

use std::net::SocketAddr;

use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::*;
use crate::wire::tests::{Client, Script, Source, query, shown};

struct Running {
    script: Arc<Script>,
    address: SocketAddr,
    shutdown: oneshot::Sender<()>,
    server: JoinHandle<()>,
}

async fn start(limits: LimitsConfig) -> Running {
    let script = Arc::new(Script::new());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (shutdown, asked) = oneshot::channel();
    let source = Arc::new(Source(Arc::clone(&script)));
    let server = tokio::spawn(run(source, listener, limits, Encryption::default(), async {
        let _ = asked.await;
    }));
    Running { script, address, shutdown, server }
}

impl Running {
    async fn connect(&self) -> Client<TcpStream> {
        Client::new(TcpStream::connect(self.address).await.unwrap())
    }

    async fn session(&self) -> Client<TcpStream> {
        let mut client = self.connect().await;
        assert_eq!(shown(&client.start().await), "R S:server_version S:client_encoding K Z:I");
        client
    }
}

#[tokio::test]
async fn many_clients_are_served_and_the_excess_is_told() {
    let running = start(LimitsConfig { connections: 20, reserved_connections: 0, ..LimitsConfig::default() }).await;
    let mut clients = Vec::new();
    for _ in 0..20 {
        clients.push(running.session().await);
    }
    for _ in 0..30 {
        let mut client = running.connect().await;
        assert_eq!(shown(&client.start().await), "E:FATAL:53300");
    }
    for client in &mut clients {
        assert_eq!(client.ask(query("rows 2")).await, "T D*2 C:SELECT 2 Z:I");
    }
}

#[tokio::test]
async fn silent_clients_do_not_keep_others_out() {
    let running = start(LimitsConfig { connections: 1, reserved_connections: 0, ..LimitsConfig::default() }).await;
    let mut silent = Vec::new();
    for _ in 0..50 {
        silent.push(running.connect().await);
    }
    let mut client = running.session().await;
    assert_eq!(client.ask(query("rows 1")).await, "T D*1 C:SELECT 1 Z:I");
}

#[tokio::test]
async fn a_panic_does_not_reach_others() {
    let running = start(LimitsConfig::default()).await;
    let mut bystander = running.session().await;
    let mut client = running.session().await;
    assert_eq!(client.ask(query("panic")).await, "E:FATAL:XX000");
    assert_eq!(bystander.ask(query("rows 1")).await, "T D*1 C:SELECT 1 Z:I");
}

#[tokio::test]
async fn the_server_stops_in_order() {
    let running = start(LimitsConfig { shutdown_timeout_ms: 3_600_000, ..LimitsConfig::default() }).await;
    let mut idle = running.session().await;
    let mut busy = running.session().await;
    busy.send(query("hang")).await;
    running.script.until_live(1).await;
    running.shutdown.send(()).unwrap();
    assert_eq!(shown(&idle.rest().await), "E:FATAL:57P01");
    // While the busy one may finish, whoever comes is told.
    let mut late = Client::new(TcpStream::connect(running.address).await.unwrap());
    assert_eq!(shown(&late.start().await), "E:FATAL:57P03");
    Source(Arc::clone(&running.script)).cancel(2, -77);
    assert_eq!(shown(&busy.rest().await), "E:ERROR:57014 Z:I E:FATAL:57P01");
    running.server.await.unwrap();
    assert!(TcpStream::connect(running.address).await.is_err());
}

#[tokio::test]
async fn the_busy_are_interrupted_after_the_shutdown_timeout() {
    let running = start(LimitsConfig { shutdown_timeout_ms: 30, ..LimitsConfig::default() }).await;
    let mut busy = running.session().await;
    busy.send(query("hang")).await;
    running.script.until_live(1).await;
    running.shutdown.send(()).unwrap();
    assert_eq!(shown(&busy.rest().await), "E:FATAL:57P01");
    running.server.await.unwrap();
    assert_eq!(*running.script.live.borrow(), 0);
}

#[tokio::test]
async fn an_idle_server_stops_at_once() {
    let running = start(LimitsConfig { shutdown_timeout_ms: 3_600_000, ..LimitsConfig::default() }).await;
    let silent = running.connect().await;
    let mut idle = running.session().await;
    running.shutdown.send(()).unwrap();
    assert_eq!(shown(&idle.rest().await), "E:FATAL:57P01");
    running.server.await.unwrap();
    drop(silent);
}
