//! The simple protocol, and what is the same for both: malformed messages, panics, shutdown.

use super::*;

#[tokio::test]
async fn results_and_tags() {
    let house = House::new();
    let (mut client, _served) = house.session().await;
    client.send(query("rows 3")).await;
    let answers = client.answers().await;
    assert_eq!(shown(&answers), "T D*3 C:SELECT 3 Z:I");
    assert_eq!(&answers[0].1[..], b"\0\x01n\0\0\0\0\0\0\0\0\0\0\x17\0\x04\xff\xff\xff\xff\0\0");
    assert_eq!(&answers[3].1[..], b"\0\x01\0\0\0\x013");
    for (text, answer) in [
        ("rows 0", "T C:SELECT 0 Z:I"),
        ("", "I Z:I"),
        (" ; ", "I Z:I"),
        ("rows 1; rows 2", "T D*1 C:SELECT 1 T D*2 C:SELECT 2 Z:I"),
        ("change a", "C:CREATE VIEW Z:I"),
        ("notice", "N:as you wish C:DO Z:I"),
        ("set Europe/Stockholm", "C:SET S:TimeZone Z:I"),
        ("begin", "C:BEGIN Z:T"),
        ("fail", "E:ERROR:22012 Z:E"),
        ("rows 1", "E:ERROR:25P02 Z:E"),
        ("rollback", "C:ROLLBACK Z:I"),
        ("unparsable", "E:ERROR:42601 Z:I"),
        ("gibberish", "E:ERROR:42601 Z:I"),
        ("rows 1; fail; rows 2", "T D*1 C:SELECT 1 E:ERROR:22012 Z:I"),
        ("failrows 2", "T D*2 E:ERROR:22012 Z:I"),
    ] {
        assert_eq!(client.ask(query(text)).await, answer, "{text}");
    }
}

#[tokio::test]
async fn a_string_is_one_implicit_transaction() {
    let house = House::new();
    let (mut client, _served) = house.session().await;
    client.ask(query("change a; change b")).await;
    assert_eq!(house.script.logged(), ["change a", "change b", "committed change a, change b"]);
    client.ask(query("change a; fail; change b")).await;
    assert_eq!(house.script.logged(), ["change a", "fail", "failed"]);
    // The tag is not sent before the commit is certain.
    assert_eq!(client.ask(query("change a; conflict")).await, "C:CREATE VIEW E:ERROR:40001 Z:I");
    assert_eq!(house.script.logged(), ["change a", "conflict", "failed"]);
}

#[tokio::test]
async fn pipelined_queries_are_answered_in_order() {
    let house = House::new();
    let (mut client, _served) = house.session().await;
    client.send([query("rows 1"), query("fail"), query("rows 2"), message(b'X', "")].concat()).await;
    assert_eq!(shown(&client.rest().await), "T D*1 C:SELECT 1 Z:I E:ERROR:22012 Z:I T D*2 C:SELECT 2 Z:I");
}

#[tokio::test]
async fn errors_carry_their_position() {
    let house = House::new();
    let (mut client, _served) = house.session().await;
    client.send(query("fail")).await;
    let answers = client.answers().await;
    assert_eq!(field(&answers[0].1, 'M'), "division by zero");
    assert_eq!(field(&answers[0].1, 'P'), "3");
}

#[tokio::test]
async fn malformed_messages_close_the_connection_and_nothing_else() {
    let house = House::new();
    let (mut bystander, _served) = house.session().await;
    let mut impossible_length = query("rows 1");
    impossible_length[1..5].copy_from_slice(&3_i32.to_be_bytes());
    let mut negative_length = query("rows 1");
    negative_length[1..5].copy_from_slice(&(-1_i32).to_be_bytes());
    let mut too_long = query("rows 1");
    too_long[1..5].copy_from_slice(&(65_i32 << 20).to_be_bytes());
    let mut too_long_close = message(b'C', "S\0");
    too_long_close[1..5].copy_from_slice(&20_000_i32.to_be_bytes());
    for (bytes, state) in [
        (message(b'!', ""), "08P01"),
        (message(b'p', "password\0"), "08P01"),
        (impossible_length, "08P01"),
        (negative_length, "08P01"),
        (too_long, "54000"),
        (too_long_close, "54000"),
        (message(b'P', "x"), "08P01"),
        (message(b'P', ""), "08P01"),
        (message(b'P', "\0\0"), "08P01"),
        (message(b'P', "\0\0\0\x01\0\0"), "08P01"),
        (message(b'P', b"\0\0\xff\xff"), "08P01"),
        (message(b'B', ""), "08P01"),
        (message(b'B', "\0\0\0"), "08P01"),
        (message(b'B', b"\0\0\xff\xff\0\0\0\0"), "08P01"),
        (message(b'B', b"\0\0\0\0\xff\xff\0\0"), "08P01"),
        (message(b'B', b"\0\0\0\0\0\0\xff\xff"), "08P01"),
        (message(b'B', b"\0\0\0\0\0\x01\x7f\xff\xff\xff\0\0"), "08P01"),
        (message(b'B', b"\0\0\0\0\0\x01\xff\xff\xff\xfe\0\0"), "08P01"),
        (message(b'D', ""), "08P01"),
        (message(b'D', "X\0"), "08P01"),
        (message(b'C', "P"), "08P01"),
        (message(b'E', "\0"), "08P01"),
        (message(b'E', "\0\0\0\0\0\0"), "08P01"),
        (message(b'S', "x"), "08P01"),
        (message(b'H', "x"), "08P01"),
        (message(b'Q', "rows 1"), "08P01"),
        (message(b'Q', "rows 1\0rows 2\0"), "08P01"),
    ] {
        let (mut client, served) = house.session().await;
        client.send([bytes.clone(), query("change a"), sync()].concat()).await;
        assert_eq!(shown(&client.rest().await), format!("E:FATAL:{state}"), "{bytes:?}");
        assert_eq!(served.await.unwrap(), Ending::Closed, "{bytes:?}");
    }
    assert!(house.script.logged().is_empty());
    assert_eq!(bystander.ask(query("rows 1")).await, "T D*1 C:SELECT 1 Z:I");
}

#[tokio::test]
async fn what_is_not_text_is_refused_but_not_fatal() {
    let house = House::new();
    let (mut client, _served) = house.session().await;
    assert_eq!(client.ask(message(b'Q', b"rows \xff\0")).await, "E:ERROR:22021 Z:I");
    let bytes = [message(b'P', b"\0rows \xff\0\0\0"), bind("", ""), sync()].concat();
    assert_eq!(client.ask(bytes).await, "E:ERROR:22021 Z:I");
    // Function calls and COPY messages outside of a COPY, as PostgreSQL treats them.
    assert_eq!(client.ask(message(b'F', [0; 8])).await, "E:ERROR:0A000 Z:I");
    let copy = [message(b'c', ""), message(b'd', "rows"), message(b'f', "why\0")].concat();
    assert_eq!(client.ask([copy, query("rows 1")].concat()).await, "T D*1 C:SELECT 1 Z:I");
}

#[tokio::test]
async fn a_panic_ends_one_connection() {
    let house = House::new();
    let (mut bystander, _served) = house.session().await;
    for text in ["panic", "panicrows 5"] {
        let (mut client, served) = house.session().await;
        client.send(query(text)).await;
        let answer = shown(&client.rest().await);
        assert!(answer.ends_with("E:FATAL:XX000"), "{answer}");
        assert_eq!(served.await.unwrap(), Ending::Panicked);
    }
    assert_eq!(bystander.ask(query("rows 1")).await, "T D*1 C:SELECT 1 Z:I");
}

#[tokio::test]
async fn idle_clients_are_sent_away_when_the_server_stops() {
    let house = House::new();
    let (mut idle, idle_served) = house.session().await;
    let (mut busy, busy_served) = house.session().await;
    let (mut starting, starting_served) = house.connect();
    busy.send(query("hang; rows 1")).await;
    house.script.until_live(1).await;
    house.host.draining.cancel();
    assert_eq!(shown(&idle.rest().await), "E:FATAL:57P01");
    assert_eq!(idle_served.await.unwrap(), Ending::Closed);
    assert_eq!(shown(&starting.start().await), "E:FATAL:57P03");
    assert_eq!(starting_served.await.unwrap(), Ending::Closed);
    assert_eq!(*house.script.live.borrow(), 1, "the busy one goes on");
    house.host.stop.cancel();
    assert_eq!(shown(&busy.rest().await), "E:FATAL:57P01");
    assert_eq!(busy_served.await.unwrap(), Ending::Closed);
    assert_eq!(*house.script.live.borrow(), 0);
}

#[tokio::test]
async fn a_busy_client_gets_its_answer_before_it_is_sent_away() {
    let house = House::new();
    let (mut client, served) = house.session().await;
    house.host.draining.cancel();
    client.send([query("rows 2"), query("rows 1")].concat()).await;
    let answer = shown(&client.rest().await);
    // Either it was idle when the server stopped, or it was answered in full.
    let possible = ["E:FATAL:57P01", "T D*2 C:SELECT 2 Z:I T D*1 C:SELECT 1 Z:I E:FATAL:57P01"];
    assert!(possible.contains(&answer.as_str()), "{answer}");
    assert_eq!(served.await.unwrap(), Ending::Closed);
}
