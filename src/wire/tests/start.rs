//! Start-up: who is let in, who is not, and that nothing runs before.

use super::*;

const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
const GSS_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 48];

#[tokio::test]
async fn a_client_is_let_in() {
    let house = House::new();
    let (mut client, served) = house.connect();
    client
        .send(startup(
            3 << 16,
            &[
                ("user", "ada"),
                ("database", "regulars"),
                ("options", "-c statement_timeout=5s --search-path=public"),
                ("application_name", "psql"),
            ],
        ))
        .await;
    let answers = client.answers().await;
    assert_eq!(shown(&answers), "R S:server_version S:client_encoding K Z:I");
    assert_eq!(&answers[0].1[..], [0, 0, 0, 0]);
    assert_eq!(&answers[3].1[..], [0, 0, 0, 1, 255, 255, 255, 179]);
    let started = house.script.started.lock()[0].clone();
    assert_eq!((started.user.as_str(), started.database.as_deref()), ("ada", Some("regulars")));
    let settings: Vec<_> = started.settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(settings, [("statement_timeout", "5s"), ("search_path", "public"), ("application_name", "psql")]);
    client.send(message(b'X', "")).await;
    assert!(client.answer().await.is_none());
    assert_eq!(served.await.unwrap(), Ending::Left);
}

#[tokio::test]
async fn encryption_is_declined_once_each() {
    let house = House::new();
    let (mut client, _served) = house.connect();
    for request in [GSS_REQUEST, SSL_REQUEST] {
        client.send(request).await;
        assert_eq!(client.io.read_u8().await.unwrap(), b'N');
    }
    assert_eq!(shown(&client.start().await), "R S:server_version S:client_encoding K Z:I");

    let (mut client, _served) = house.connect();
    client.send([SSL_REQUEST, SSL_REQUEST].concat()).await;
    assert_eq!(client.io.read_u8().await.unwrap(), b'N');
    assert_eq!(shown(&client.rest().await), "E:FATAL:0A000");

    // What was sent ahead of our answer is read like anything in the clear.
    let (mut client, _served) = house.connect();
    client.send([SSL_REQUEST.to_vec(), startup(3 << 16, &[("user", "ada")])].concat()).await;
    assert_eq!(client.io.read_u8().await.unwrap(), b'N');
    assert_eq!(shown(&client.answers().await), "R S:server_version S:client_encoding K Z:I");
}

#[tokio::test]
async fn newer_minor_versions_are_negotiated_down() {
    let house = House::new();
    let (mut client, _served) = house.connect();
    client.send(startup((3 << 16) + 2, &[("user", "ada"), ("_pq_.foo", "1")])).await;
    let answers = client.answers().await;
    assert_eq!(shown(&answers), "v R S:server_version S:client_encoding K Z:I");
    // As PostgreSQL 15 answers the same packet.
    assert_eq!(&answers[0].1[..], b"\x00\x03\x00\x00\x00\x00\x00\x01_pq_.foo\x00");
}

#[tokio::test]
async fn bad_start_up_packets_are_fatal() {
    let mut unterminated = startup(3 << 16, &[("user", "ada")]);
    *unterminated.last_mut().unwrap() = b'x';
    let not_utf8 = b"\0\0\0\x11\0\x03\0\0user\0\xff\xfe\0\0".to_vec();
    for (packet, state) in [
        (startup(3 << 16, &[]), "28000"),
        (startup(3 << 16, &[("database", "x")]), "28000"),
        (startup(2 << 16, &[("user", "ada")]), "0A000"),
        (startup(3 << 16, &[("user", "ada"), ("replication", "database")]), "0A000"),
        (startup(3 << 16, &[("user", "ada"), ("options", "-x")]), "42601"),
        (startup(3 << 16, &[("user", "ada"), ("database", "nowhere")]), "3D000"),
        (unterminated, "08P01"),
        (not_utf8, "22021"),
        (vec![0, 0, 0, 7, 0, 0, 0], "08P01"),
        (vec![0xff; 8], "08P01"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(), "08P01"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(), "08P01"),
        // A cancel request of the wrong length.
        (vec![0, 0, 0, 12, 4, 210, 22, 46, 0, 0, 0, 1], "08P01"),
    ] {
        let house = House::new();
        let (mut client, served) = house.connect();
        // SQL behind a refusal must not be run.
        client
            .send(
                [packet.clone(), query("change a"), parse("", "change b"), bind("", ""), execute("", 0), sync()]
                    .concat(),
            )
            .await;
        assert_eq!(shown(&client.rest().await), format!("E:FATAL:{state}"), "{packet:?}");
        assert_eq!(served.await.unwrap(), Ending::Closed);
        assert!(house.script.logged().is_empty());
    }
}

#[tokio::test]
async fn nothing_is_run_before_authentication() {
    for first in [message(b'P', "x"), query("change a"), parse("", "change a"), message(b'p', "secret\0")] {
        let house = House::new();
        let (mut client, served) = house.connect();
        client.send(&first).await;
        assert_eq!(shown(&client.rest().await), "E:FATAL:08P01");
        assert_eq!(served.await.unwrap(), Ending::Closed);
        assert!(house.script.logged().is_empty());
    }
}

#[tokio::test]
async fn other_machines_are_refused_in_the_clear() {
    let house = House::new();
    let (mut client, served) = house.connect_from("192.0.2.7:5".parse().unwrap(), 64 << 10);
    client.send([startup(3 << 16, &[("user", "ada")]), query("change a")].concat()).await;
    assert_eq!(shown(&client.rest().await), "E:FATAL:28000");
    assert_eq!(served.await.unwrap(), Ending::Closed);
    assert!(house.script.logged().is_empty() && house.script.started.lock().is_empty());
}

#[tokio::test]
async fn long_messages_before_authentication_are_not_buffered() {
    let house = House::new();
    // The pipe is small: had the server read on, it would have taken all of it.
    let (mut client, served) = house.connect_from(local(), 4 << 10);
    let mut packet = startup(3 << 16, &[("user", "ada")]);
    packet[..4].copy_from_slice(&(300_i32 << 20).to_be_bytes());
    client.send(&packet).await;
    assert_eq!(shown(&client.rest().await), "E:FATAL:08P01");
    assert_eq!(served.await.unwrap(), Ending::Closed);
}

#[tokio::test]
async fn a_cancel_request_is_passed_on_without_an_answer() {
    let house = House::new();
    let (mut victim, _served) = house.session().await;
    victim.send(query("hang")).await;
    house.script.until_live(1).await;
    let (mut client, served) = house.connect();
    client.send([&[0, 0, 0, 16, 4, 210, 22, 46, 0, 0, 0, 1][..], &(-78_i32).to_be_bytes()].concat()).await;
    assert!(client.answer().await.is_none());
    assert_eq!(served.await.unwrap(), Ending::Left);
    assert_eq!(*house.script.live.borrow(), 1, "a wrong secret cancels nothing");
    let (mut client, _served) = house.connect();
    client.send([&[0, 0, 0, 16, 4, 210, 22, 46, 0, 0, 0, 1][..], &(-77_i32).to_be_bytes()].concat()).await;
    assert!(client.answer().await.is_none());
    assert_eq!(shown(&victim.answers().await), "E:ERROR:57014 Z:I");
}

#[tokio::test]
async fn silent_and_slow_clients_are_dropped() {
    let limits = LimitsConfig { authentication_timeout_ms: 30, ..LimitsConfig::default() };
    let house = House::with(limits, None);
    let (mut silent, served) = house.connect();
    assert!(silent.answer().await.is_none());
    assert_eq!(served.await.unwrap(), Ending::Left);
    // Some bytes do not extend it.
    let (mut slow, served) = house.connect();
    slow.send(&startup(3 << 16, &[("user", "ada")])[..9]).await;
    assert!(slow.answer().await.is_none());
    assert_eq!(served.await.unwrap(), Ending::Left);
}

#[tokio::test]
async fn connections_beyond_the_limit_are_told() {
    let house = House::with(LimitsConfig { connections: 2, reserved_connections: 0, ..LimitsConfig::default() }, None);
    let (mut first, served) = house.session().await;
    let (_second, _served) = house.session().await;
    let (mut third, third_served) = house.connect();
    let answers = third.start().await;
    assert_eq!(shown(&answers), "E:FATAL:53300");
    assert_eq!(field(&answers[0].1, 'D'), "The limit is 2 connections.");
    drop(third);
    assert_eq!(third_served.await.unwrap(), Ending::Closed);
    first.send(message(b'X', "")).await;
    served.await.unwrap();
    house.session().await;
}
