//! TLS: asked for or begun at once, what is refused, and what a proof of a password is bound to.

use rcgen::{PKCS_ECDSA_P256_SHA256, PKCS_ED25519};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};

use super::sign_in::{Scram, asks_for};
use super::*;
use crate::tls::tests::{opened, self_signed};

const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
const STARTED: &str = "R S:server_version S:client_encoding K Z:I";

struct Guarded {
    house: House,
    pair: (String, String),
    encryption: Encryption,
}

impl Guarded {
    fn new(is_required_on_loopback: bool, claims: &[(&str, Result<Claim, SqlState>)]) -> Self {
        Self::with(self_signed(&PKCS_ECDSA_P256_SHA256), is_required_on_loopback, claims)
    }

    fn with(pair: (String, String), is_required_on_loopback: bool, claims: &[(&str, Result<Claim, SqlState>)]) -> Self {
        let encryption = Encryption { tls: Some(opened(&pair)), is_required_on_loopback };
        Self { house: House::encrypted(encryption.clone(), claims), pair, encryption }
    }

    /// A client that trusts our certificate.
    fn connector(&self, version: &'static SupportedProtocolVersion, alpn: &[&str]) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.pair.0.as_bytes()).unwrap()).unwrap();
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        TlsConnector::from(Arc::new(config))
    }

    async fn secured(
        &self,
        mut client: Client<DuplexStream>,
        asks: bool,
        alpn: &[&str],
    ) -> Client<TlsStream<DuplexStream>> {
        if asks {
            client.send(SSL_REQUEST).await;
            assert_eq!(client.io.read_u8().await.unwrap(), b'S');
        }
        let name = ServerName::try_from("localhost").unwrap();
        Client::new(self.connector(&TLS13, alpn).connect(name, client.io).await.unwrap())
    }

    fn end_point(&self) -> Option<Vec<u8>> {
        self.encryption.tls.as_ref().unwrap().current().end_point.clone()
    }
}

#[tokio::test]
async fn both_versions_of_tls_are_spoken() {
    for version in [&TLS12, &TLS13] {
        let guarded = Guarded::new(true, &[]);
        let (mut client, _served) = guarded.house.connect();
        client.send(SSL_REQUEST).await;
        assert_eq!(client.io.read_u8().await.unwrap(), b'S');
        let name = ServerName::try_from("localhost").unwrap();
        let stream = guarded.connector(version, &[]).connect(name, client.io).await.unwrap();
        let mut client = Client::new(stream);
        assert_eq!(shown(&client.start().await), STARTED);
        assert_eq!(client.ask(query("rows 2")).await, "T D*2 C:SELECT 2 Z:I");
    }
}

#[tokio::test]
async fn a_handshake_may_come_at_once_if_it_names_the_protocol() {
    let guarded = Guarded::new(true, &[]);
    let (client, _served) = guarded.house.connect();
    let mut client = guarded.secured(client, false, &["postgresql"]).await;
    assert_eq!(shown(&client.start().await), STARTED);
    let (client, served) = guarded.house.connect();
    let mut client = guarded.secured(client, false, &[]).await;
    client.send(startup(3 << 16, &[("user", "ada")])).await;
    client.send(query("change a")).await;
    assert_eq!(shown(&client.rest().await), "E:FATAL:08P01");
    assert_eq!(served.await.unwrap(), Ending::Closed);
    assert!(guarded.house.script.logged().is_empty());
}

#[tokio::test]
async fn what_came_before_the_handshake_is_refused() {
    for stuffed in [vec![0], startup(3 << 16, &[("user", "ada")]), query("change a")] {
        let guarded = Guarded::new(false, &[]);
        let (mut client, served) = guarded.house.connect();
        client.send([SSL_REQUEST.to_vec(), stuffed].concat()).await;
        let answers = client.rest().await;
        assert_eq!(shown(&answers), "E:FATAL:08P01");
        assert_eq!(field(&answers[0].1, 'M'), "received unencrypted data after SSL request");
        assert_eq!(served.await.unwrap(), Ending::Closed);
        assert!(guarded.house.script.logged().is_empty() && guarded.house.script.started.lock().is_empty());
    }
}

#[tokio::test]
async fn in_the_clear_nobody_comes_in_where_tls_is_required() {
    let remote: SocketAddr = "192.0.2.7:5".parse().unwrap();
    for (is_required_on_loopback, peer, expected) in
        [(false, local(), STARTED), (true, local(), "E:FATAL:28000"), (false, remote, "E:FATAL:28000")]
    {
        let guarded = Guarded::new(is_required_on_loopback, &[]);
        let (mut client, _served) = guarded.house.connect_from(peer, 64 << 10);
        assert_eq!(shown(&client.start().await), expected);
    }
}

#[tokio::test]
async fn from_elsewhere_a_password_is_needed_over_tls_too() {
    let guarded = Guarded::new(false, &[("ada", Ok(asks_for("x")))]);
    let remote = "192.0.2.7:5".parse().unwrap();
    for (user, password, expected) in [
        ("ada", "x", "R R S:server_version S:client_encoding K Z:I C:CREATE VIEW Z:I"),
        ("ada", "y", "E:FATAL:28P01"),
        ("bo", "x", "E:FATAL:28P01"),
    ] {
        let (client, _served) = guarded.house.connect_from(remote, 64 << 10);
        let mut client = guarded.secured(client, true, &[]).await;
        assert_eq!(Scram::new(password).play(&mut client, user).await.0, expected);
    }
}

#[tokio::test]
async fn a_proof_is_bound_to_the_certificate_and_a_downgrade_is_seen() {
    let guarded = Guarded::new(false, &[("ada", Ok(asks_for("x")))]);
    let plus = |binding: Vec<u8>| Scram {
        mechanism: "SCRAM-SHA-256-PLUS",
        flag: "p=tls-server-end-point",
        binding,
        ..Scram::new("x")
    };
    let ours = guarded.end_point().unwrap();
    let let_in = "R R S:server_version S:client_encoding K Z:I C:CREATE VIEW Z:I";
    for (scram, expected) in [
        (plus(ours), let_in),
        (plus(vec![7; 32]), "E:FATAL:28000"),
        // A client that cannot bind.
        (Scram::new("x"), let_in),
        // One that can, and was told that we cannot.
        (Scram { flag: "y", ..Scram::new("x") }, "E:FATAL:28000"),
    ] {
        let (client, _served) = guarded.house.connect();
        let mut client = guarded.secured(client, true, &[]).await;
        assert_eq!(scram.play(&mut client, "ada").await.0, expected);
    }
}

#[tokio::test]
async fn a_certificate_to_which_nothing_can_be_bound_offers_no_binding() {
    let guarded = Guarded::with(self_signed(&PKCS_ED25519), false, &[("ada", Ok(asks_for("x")))]);
    assert_eq!(guarded.end_point(), None);
    let (client, _served) = guarded.house.connect();
    let mut client = guarded.secured(client, true, &[]).await;
    client.send(startup(3 << 16, &[("user", "ada")])).await;
    assert_eq!(&client.answer().await.unwrap().1[..], b"\0\0\0\x0aSCRAM-SHA-256\0\0");
}

#[tokio::test]
async fn what_is_no_handshake_ends_the_connection() {
    for bytes in [&b"\x16\x03\x01\x00\x05hello"[..], b"\x16\xff\xff\xff\xff\xff"] {
        let guarded = Guarded::new(false, &[]);
        let (mut client, served) = guarded.house.connect();
        client.send(bytes).await;
        let mut said = Vec::new();
        let _ = client.io.read_to_end(&mut said).await;
        // An alert of TLS, in the clear.
        assert!(said.first().is_none_or(|kind| *kind == 21), "{said:?}");
        assert_eq!(served.await.unwrap(), Ending::Left);
    }
}

#[tokio::test]
async fn a_handshake_that_is_not_gone_on_with_is_dropped() {
    let limits = LimitsConfig { authentication_timeout_ms: 30, ..LimitsConfig::default() };
    for begun in [SSL_REQUEST[..3].to_vec(), SSL_REQUEST.to_vec(), vec![22, 3, 1]] {
        let script = Arc::new(Script::new());
        let host =
            Host::new(Arc::new(Source(Arc::clone(&script))), limits.clone(), Guarded::new(false, &[]).encryption);
        let house = House { script, host: Arc::new(host) };
        let (mut client, served) = house.connect();
        client.send(&begun).await;
        assert_eq!(served.await.unwrap(), Ending::Left, "{begun:?}");
    }
}

#[tokio::test]
async fn who_waits_longest_makes_way_for_who_comes() {
    let limits = LimitsConfig { starting_connections: 2, ..LimitsConfig::default() };
    let house = House::with(limits, None);
    let (mut silent, served) = house.connect();
    let (mut slow, _served) = house.connect();
    slow.send(&startup(3 << 16, &[("user", "ada")])[..9]).await;
    tokio::task::yield_now().await;
    let (mut good, _served) = house.session().await;
    assert!(silent.answer().await.is_none());
    assert_eq!(served.await.unwrap(), Ending::Left);
    // A session is no newcomer.
    let _others: Vec<_> = (0..5).map(|_| house.connect()).collect();
    assert_eq!(good.ask(query("rows 1")).await, "T D*1 C:SELECT 1 Z:I");
}
