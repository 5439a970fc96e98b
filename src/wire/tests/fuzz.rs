//! Mutated messages: whatever comes, no connection panics and the next client is served.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::sign_in::{Scram, asks_for};
use super::*;
use crate::tls::tests::{opened, self_signed};

/// Well-formed messages to start from; none of them runs for ever.
fn corpus() -> Vec<Vec<u8>> {
    vec![
        query("rows 3"),
        query("change a; rows 2; fail"),
        query("begin"),
        query("rollback"),
        parse("", "rows 2000"),
        parse("s", "echo int4,text"),
        message(b'P', b"\0echo int8,numeric\0\0\x02\0\0\0\x14\0\0\x06\xa4"),
        bind("", ""),
        bind("c", "s"),
        message(b'B', b"\0s\0\0\x01\0\x01\0\x02\0\0\0\x04\0\0\0\x07\0\0\0\x05kaffe\0\x02\0\x01\0\0"),
        message(b'B', b"\0\0\0\0\0\x02\0\0\0\x03391\0\0\0\x0412.5\0\0"),
        message(b'D', "S\0"),
        message(b'D', "Pc\0"),
        message(b'C', "Ss\0"),
        execute("", 0),
        execute("c", 7),
        execute("", i32::MAX),
        message(b'H', ""),
        sync(),
        message(b'F', [0; 12]),
        message(b'd', "data"),
        message(b'c', ""),
        message(b'f', "no\0"),
        message(b'X', ""),
    ]
}

fn mutate(bytes: &mut Vec<u8>, random: &mut ChaCha8Rng) {
    for _ in 0..random.random_range(0..4) {
        let at = random.random_range(0..=bytes.len());
        match random.random_range(0..6) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.random_range(0..8),
            1 if at < bytes.len() => bytes[at] = random.random(),
            2 => bytes.insert(at, random.random()),
            3 => bytes.truncate(at),
            4 if bytes.len() >= 5 => {
                let length: i32 = [0, 3, 4, 5, 70, 9_999, 1 << 20, i32::MAX, -1][random.random_range(0..9)];
                bytes[1..5].copy_from_slice(&length.to_be_bytes());
            }
            _ if bytes.len() < 10_000 => bytes.extend_from_within(at / 2..at),
            _ => {}
        }
    }
}

/// Sends everything, reads everything, and expects the connection to end without a panic.
async fn play(house: &House, bytes: Vec<u8>, started: bool) {
    let (mut client, served) = house.connect();
    if started {
        client.start().await;
    }
    let (mut read, mut write) = tokio::io::split(client.io);
    let sending = async {
        let _ = write.write_all(&bytes).await;
        // Half-closed: the server sees the end behind the last message.
        let _ = write.shutdown().await;
    };
    let mut sink = tokio::io::sink();
    let reading = tokio::io::copy(&mut read, &mut sink);
    let _ = tokio::join!(sending, reading);
    let ending = served.await.unwrap();
    assert_ne!(ending, Ending::Panicked, "{}", bytes.escape_ascii());
}

#[tokio::test]
async fn mutated_messages_do_no_harm() {
    let seed = 20_261_122;
    println!("seed {seed}");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let house = House::with(LimitsConfig { message_bytes: 1 << 20, ..LimitsConfig::default() }, None);
    let corpus = corpus();
    for round in 0..4_000 {
        let mut bytes = Vec::new();
        for _ in 0..random.random_range(1..12) {
            let mut one = corpus[random.random_range(0..corpus.len())].clone();
            // Half of the messages stay whole, so that states behind them are reached.
            if random.random() {
                mutate(&mut one, &mut random);
            }
            bytes.extend(one);
        }
        play(&house, bytes, true).await;
        if round % 500 == 0 {
            let (mut client, _served) = house.session().await;
            assert_eq!(client.ask(query("rows 1")).await, "T D*1 C:SELECT 1 Z:I");
        }
    }
}

#[tokio::test]
async fn mutated_start_ups_do_no_harm() {
    let seed = 4_711;
    println!("seed {seed}");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let house = House::new();
    let corpus = [
        startup(3 << 16, &[("user", "ada"), ("database", "regulars"), ("options", "-c a=b --c-d=e")]),
        startup((3 << 16) + 2, &[("user", "ada"), ("_pq_.x", "1")]),
        vec![0, 0, 0, 8, 4, 210, 22, 47],
        vec![0, 0, 0, 8, 4, 210, 22, 48],
        vec![0, 0, 0, 16, 4, 210, 22, 46, 0, 0, 0, 1, 255, 255, 255, 179],
        message(b'p', "secret\0"),
        message(b'P', "x"),
    ];
    for _ in 0..10_000 {
        let mut bytes = Vec::new();
        for _ in 0..random.random_range(1..4) {
            let mut one = corpus[random.random_range(0..corpus.len())].clone();
            mutate(&mut one, &mut random);
            bytes.extend(one);
        }
        play(&house, bytes, false).await;
    }
    let (mut client, _served) = house.session().await;
    assert_eq!(client.ask(query("rows 1")).await, "T D*1 C:SELECT 1 Z:I");
}

#[tokio::test]
async fn mutated_sign_ins_let_nobody_in() {
    let seed = 7_677;
    println!("seed {seed}");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let tls = opened(&self_signed(&rcgen::PKCS_ECDSA_P256_SHA256));
    let encryption = Encryption { tls: Some(tls), is_required_on_loopback: false };
    let house = House::encrypted(encryption, &[("ada", Ok(asks_for("x")))]);
    let scram = Scram::new("x");
    let plus = Scram { mechanism: "SCRAM-SHA-256-PLUS", flag: "p=tls-server-end-point", ..Scram::new("x") };
    let corpus = [
        scram.first(),
        plus.first(),
        Scram { flag: "y", ..Scram::new("x") }.first(),
        // Right but for the nonce, which no one knows who has not read it.
        scram.last("r=fyko+d2lbbFgONRv9qkxdawL,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=1"),
        message(b'p', "secret\0"),
        query("change a"),
        b"\x16\x03\x01\x00\x05hello".to_vec(),
        vec![0, 0, 0, 8, 4, 210, 22, 47],
    ];
    for _ in 0..5_000 {
        let mut bytes = if random.random_range(0..4) > 0 { startup(3 << 16, &[("user", "ada")]) } else { Vec::new() };
        for _ in 0..random.random_range(1..5) {
            let mut one = corpus[random.random_range(0..corpus.len())].clone();
            if random.random() {
                mutate(&mut one, &mut random);
            }
            bytes.extend(one);
        }
        play(&house, bytes, false).await;
    }
    assert!(house.script.started.lock().is_empty() && house.script.logged().is_empty());
}
