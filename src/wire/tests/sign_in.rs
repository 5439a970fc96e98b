//! Signing in: bytes of a SCRAM exchange, what is asked, what is refused, and that nothing runs before.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::{digest, hmac, pbkdf2};

use super::*;
use crate::scram::Verifier;

/// Clients that know a password: all of SCRAM that they need, written down anew.
pub(super) struct Scram {
    pub password: &'static str,
    pub flag: &'static str,
    pub binding: Vec<u8>,
    pub mechanism: &'static str,
    /// Spoils the proof.
    pub is_wrong: bool,
}

impl Scram {
    pub fn new(password: &'static str) -> Self {
        Self { password, flag: "n", binding: Vec::new(), mechanism: "SCRAM-SHA-256", is_wrong: false }
    }

    pub fn first(&self) -> Vec<u8> {
        let first = format!("{},,n=,r=fyko+d2lbbFgONRv9qkxdawL", self.flag);
        let mut body = [self.mechanism.as_bytes(), b"\0"].concat();
        body.put_i32(first.len() as i32);
        body.put_slice(first.as_bytes());
        message(b'p', body)
    }

    pub fn last(&self, challenge: &str) -> Vec<u8> {
        let field = |name: &str| challenge.split(',').find_map(|part| part.strip_prefix(name)).unwrap().to_owned();
        let (salt, rounds) = (STANDARD.decode(field("s=")).unwrap(), field("i=").parse().unwrap());
        let mut salted = [0; 32];
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds, &salt, self.password.as_bytes(), &mut salted);
        let sign =
            |key: &[u8], text: &[u8]| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text).as_ref().to_vec();
        let client_key = sign(&salted, b"Client Key");
        let stored_key = digest::digest(&digest::SHA256, &client_key);
        let bound = STANDARD.encode([format!("{},,", self.flag).as_bytes(), &self.binding].concat());
        let unproven = format!("c={bound},r={}", field("r="));
        let said = format!("n=,r=fyko+d2lbbFgONRv9qkxdawL,{challenge},{unproven}");
        let signature = sign(stored_key.as_ref(), said.as_bytes());
        let mut proof: Vec<u8> = client_key.iter().zip(signature).map(|(key, mask)| key ^ mask).collect();
        proof[7] ^= u8::from(self.is_wrong);
        message(b'p', format!("{unproven},p={}", STANDARD.encode(proof)))
    }

    /// Plays to the end, SQL close behind; gives what was answered, and the challenge.
    pub async fn play<IO: AsyncRead + AsyncWrite + Unpin>(
        &self,
        client: &mut Client<IO>,
        user: &str,
    ) -> (String, String) {
        client.send(startup(3 << 16, &[("user", user)])).await;
        let asked = client.answer().await.unwrap();
        assert_eq!((asked.0, &asked.1[..4]), ('R', &[0, 0, 0, 10][..]));
        client.send(self.first()).await;
        let mut answers = Vec::new();
        let mut challenge = String::new();
        match client.answer().await {
            Some(('R', body)) => {
                challenge = String::from_utf8(body[4..].to_vec()).unwrap();
                client.send(self.last(&challenge)).await;
                client.send(query("change a")).await;
                client.send(message(b'X', "")).await;
            }
            refused => answers.extend(refused),
        }
        answers.extend(client.rest().await);
        (shown(&answers), challenge)
    }
}

pub(super) fn asks_for(password: &str) -> Claim {
    let verifier = Verifier::of_password(password).unwrap();
    Claim { role: Some(16_400), is_superuser: false, proof: Proof::Password(verifier) }
}

fn house(claims: &[(&str, Result<Claim, SqlState>)]) -> House {
    House::encrypted(Encryption::default(), claims)
}

fn nobody(user: &str) -> Claim {
    Claim { role: None, is_superuser: false, proof: Proof::Password(Verifier::mock(user, &[1; 32])) }
}

#[tokio::test]
async fn the_right_password_lets_in() {
    let house = house(&[("ada", Ok(asks_for("päss")))]);
    let (mut client, _served) = house.connect();
    let (answers, _) = Scram::new("päss").play(&mut client, "ada").await;
    assert_eq!(answers, "R R S:server_version S:client_encoding K Z:I C:CREATE VIEW Z:I");
    assert_eq!(house.script.logged()[0], "change a");
    assert_eq!(*house.script.roles.lock(), [16_400]);
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_name_are_answered_alike_and_nothing_runs() {
    let house = house(&[("ada", Ok(asks_for("right"))), ("nobody", Ok(nobody("nobody")))]);
    let mut challenges = Vec::new();
    for (user, scram) in [
        ("ada", Scram::new("wrong")),
        ("ada", Scram { is_wrong: true, ..Scram::new("right") }),
        ("nobody", Scram::new("right")),
        ("nobody", Scram::new("")),
    ] {
        let (mut client, served) = house.connect();
        let (answers, challenge) = scram.play(&mut client, user).await;
        assert_eq!(answers, "E:FATAL:28P01", "{user}");
        assert_eq!(served.await.unwrap(), Ending::Closed);
        let shape: Vec<(char, usize)> =
            challenge.split(',').map(|part| (part.chars().next().unwrap(), part.len())).collect();
        challenges.push(shape);
    }
    // The lengths of nonce, salt and number of rounds tell nothing either.
    assert!(challenges.windows(2).all(|pair| pair[0] == pair[1]), "{challenges:?}");
    assert!(house.script.logged().is_empty() && house.script.started.lock().is_empty());
}

#[tokio::test]
async fn a_failing_store_lets_nobody_in() {
    for state in [SqlState::IoError, SqlState::InternalError, SqlState::DataCorrupted] {
        let house = house(&[("ada", Err(state))]);
        let (mut client, served) = house.connect();
        client.send([startup(3 << 16, &[("user", "ada")]), query("change a")].concat()).await;
        assert_eq!(shown(&client.rest().await), format!("E:FATAL:{}", state.code()));
        assert_eq!(served.await.unwrap(), Ending::Closed);
        assert!(house.script.logged().is_empty() && house.script.started.lock().is_empty());
    }
}

#[tokio::test]
async fn only_answers_to_what_was_asked_are_read() {
    let first = Scram::new("x").first();
    let mut length_lies = first.clone();
    length_lies[22] = 99;
    for (sent, state) in [
        (query("change a"), "08P01"),
        (message(b'X', ""), "08P01"),
        (message(b'p', "secret\0"), "08P01"),
        (message(b'p', ""), "08P01"),
        (message(b'p', b"SCRAM-SHA-256\0\xff\xff\xff\xff"), "08P01"),
        (message(b'p', b"SCRAM-SHA-256\0\0\0\0\x04\xff\xfe,,"), "08P01"),
        (message(b'p', vec![b'x'; 2_000]), "08P01"),
        (length_lies, "08P01"),
        // What is offered over TLS alone.
        (Scram { mechanism: "SCRAM-SHA-256-PLUS", flag: "p=tls-server-end-point", ..Scram::new("x") }.first(), "08P01"),
        (Scram { mechanism: "PLAIN", ..Scram::new("x") }.first(), "08P01"),
        (Scram { flag: "p=tls-server-end-point", ..Scram::new("x") }.first(), "08P01"),
    ] {
        let house = house(&[("ada", Ok(asks_for("x")))]);
        let (mut client, served) = house.connect();
        client.send([startup(3 << 16, &[("user", "ada")]), sent, query("change a")].concat()).await;
        assert_eq!(shown(&client.rest().await), format!("R E:FATAL:{state}"));
        assert_eq!(served.await.unwrap(), Ending::Closed);
        assert!(house.script.logged().is_empty());
    }
}

#[tokio::test]
async fn without_tls_a_client_that_could_bind_is_let_in() {
    let house = house(&[("ada", Ok(asks_for("x")))]);
    let (mut client, _served) = house.connect();
    let (answers, _) = Scram { flag: "y", ..Scram::new("x") }.play(&mut client, "ada").await;
    assert_eq!(answers, "R R S:server_version S:client_encoding K Z:I C:CREATE VIEW Z:I");
}

#[tokio::test]
async fn idle_sessions_are_ended() {
    let house = House::new();
    *house.script.idle_timeout.lock() = Some(Duration::from_millis(20));
    let (mut client, served) = house.session().await;
    assert_eq!(shown(&client.rest().await), "E:FATAL:57P05");
    assert_eq!(served.await.unwrap(), Ending::Closed);
    // A batch that waits for its Sync is none: its client is heard when it is ready.
    let (mut client, _served) = house.connect();
    client.send(startup(3 << 16, &[("user", "ada")])).await;
    client.send([query("begin"), parse("", "rows 1"), message(b'H', "")].concat()).await;
    let answers = client.answers().await;
    assert_eq!(shown(&answers), "R S:server_version S:client_encoding K Z:I");
    assert_eq!(shown(&client.answers().await), "C:BEGIN Z:T");
    assert_eq!(client.answer().await.unwrap().0, '1');
    assert_eq!(client.ask(sync()).await, "Z:T");
    assert_eq!(shown(&client.rest().await), "E:FATAL:25P03");
}
