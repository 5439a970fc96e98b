//! Clients that do not read, vanish or want to stop: work ends, memory stays.

use super::*;

const FLOOD: [&str; 2] = ["simple", "extended"];

async fn start_flood(client: &mut Client<DuplexStream>, protocol: &str, text: &str) {
    client
        .send(match protocol {
            "simple" => query(text),
            _ => [parse("", text), bind("", ""), execute("", 0), sync()].concat(),
        })
        .await;
}

async fn cancel(house: &House) {
    let (mut client, _served) = house.connect();
    client.send([&[0, 0, 0, 16, 4, 210, 22, 46, 0, 0, 0, 1][..], &(-77_i32).to_be_bytes()].concat()).await;
    assert!(client.answer().await.is_none());
}

#[tokio::test]
async fn a_cancel_ends_a_send_to_a_client_that_does_not_read() {
    for protocol in FLOOD {
        let house = House::new();
        let (mut client, _served) = house.session().await;
        start_flood(&mut client, protocol, "flood").await;
        house.script.until_live(1).await;
        // Long enough for the pipe to fill: the server has nothing else to do.
        while client.buffer.len() < 64 << 10 {
            client.io.read_buf(&mut client.buffer).await.unwrap();
        }
        cancel(&house).await;
        // The plan is dropped although nobody reads.
        house.script.until_live(0).await;
        // Who reads on finds whole rows and then the error.
        let answer = shown(&client.answers().await);
        assert!(answer.ends_with("E:ERROR:57014 Z:I"), "{protocol}: {answer}");
        assert_eq!(client.ask(query("rows 1")).await, "T D*1 C:SELECT 1 Z:I");
    }
}

#[tokio::test]
async fn a_timeout_ends_planning_running_and_sending() {
    for text in ["hang", "hangrows 5", "hangrows 5000", "flood"] {
        for protocol in FLOOD {
            let house = House::with(LimitsConfig::default(), Some(Duration::from_millis(20)));
            let (mut client, _served) = house.session().await;
            start_flood(&mut client, protocol, text).await;
            let answer = shown(&client.answers().await);
            assert!(answer.ends_with("E:ERROR:57014 Z:I"), "{protocol} {text}: {answer}");
            house.script.until_live(0).await;
        }
    }
    let house = House::with(LimitsConfig::default(), Some(Duration::from_millis(20)));
    let (mut client, _served) = house.session().await;
    assert_eq!(client.ask([parse("", "hangparse"), sync()].concat()).await, "E:ERROR:57014 Z:I");
}

#[tokio::test]
async fn a_client_that_does_not_read_is_dropped() {
    for protocol in FLOOD {
        let limits = LimitsConfig { write_timeout_ms: 30, ..LimitsConfig::default() };
        let house = House::with(limits, None);
        let (mut client, served) = house.session().await;
        start_flood(&mut client, protocol, "flood").await;
        assert_eq!(served.await.unwrap(), Ending::Left);
        assert_eq!(*house.script.live.borrow(), 0);
    }
}

#[tokio::test]
async fn a_slow_reader_slows_the_plan() {
    let house = House::new();
    // What is on its way is bounded by the pipe and the send buffer, however many rows there are.
    let (mut client, _served) = house.connect_from(local(), 1 << 10);
    client.start().await;
    start_flood(&mut client, "extended", "rows 200000").await;
    let answers = client.answers().await;
    assert_eq!(shown(&answers), "1 2 D*200000 C:SELECT 200000 Z:I");
    let last = answers.iter().rfind(|(kind, _)| *kind == 'D').unwrap();
    assert_eq!(&last.1[..], b"\0\x01\0\0\0\x06200000");
}

#[tokio::test]
async fn work_is_dropped_when_the_client_vanishes() {
    for text in ["hang", "hangrows 5", "flood"] {
        for protocol in FLOOD {
            let house = House::new();
            let (mut client, served) = house.session().await;
            start_flood(&mut client, protocol, text).await;
            house.script.until_live(1).await;
            drop(client);
            house.script.until_live(0).await;
            assert_eq!(served.await.unwrap(), Ending::Left, "{protocol} {text}");
        }
    }
}

#[tokio::test]
async fn the_end_is_noticed_behind_messages_sent_ahead() {
    let house = House::new();
    let (mut client, served) = house.session().await;
    client.send([query("hang"), query("change a"), message(b'X', "")].concat()).await;
    house.script.until_live(1).await;
    drop(client);
    assert_eq!(served.await.unwrap(), Ending::Left);
    assert_eq!(house.script.logged(), ["hang"]);
}

#[tokio::test]
async fn the_server_stops_under_a_client_that_does_not_read() {
    for protocol in FLOOD {
        let house = House::new();
        let (mut client, served) = house.session().await;
        start_flood(&mut client, protocol, "flood").await;
        house.script.until_live(1).await;
        house.host.draining.cancel();
        house.host.stop.cancel();
        assert_eq!(served.await.unwrap(), Ending::Closed);
        assert_eq!(*house.script.live.borrow(), 0);
    }
}

#[tokio::test]
async fn the_server_stops_under_a_client_that_does_not_take_its_answer() {
    let house = House::new();
    let (mut client, served) = house.connect_from(local(), 64);
    client.start().await;
    // Too few rows for the buffer to be sent before the end of the statement.
    start_flood(&mut client, "simple", "rows 100").await;
    client.io.read_buf(&mut client.buffer).await.unwrap();
    house.host.draining.cancel();
    house.host.stop.cancel();
    assert_eq!(served.await.unwrap(), Ending::Closed);
}
