//! The extended protocol. Answers are those of PostgreSQL 15 to the same messages, where it can be asked the same.

use super::*;

#[tokio::test]
async fn a_statement_is_parsed_bound_described_and_executed() {
    let house = House::new();
    let (mut client, _served) = house.session().await;
    let statement =
        [parse("s", "rows 3"), message(b'D', "Ss\0"), bind("", "s"), message(b'D', "P\0"), execute("", 0), sync()];
    assert_eq!(client.ask(statement.concat()).await, "1 t T 2 T D*3 C:SELECT 3 Z:I");
    // Again without parsing, then without rows.
    assert_eq!(client.ask([bind("", "s"), execute("", 0), sync()].concat()).await, "2 D*3 C:SELECT 3 Z:I");
    let change =
        [parse("", "change a"), message(b'D', "S\0"), bind("", ""), message(b'D', "P\0"), execute("", 0), sync()];
    assert_eq!(client.ask(change.concat()).await, "1 t n 2 n C:CREATE VIEW Z:I");
    let empty = [parse("", ""), bind("", ""), message(b'D', "P\0"), execute("", 0), sync()];
    assert_eq!(client.ask(empty.concat()).await, "1 2 n I Z:I");
    assert_eq!(
        client.ask([message(b'C', "Ss\0"), message(b'C', "Pnone\0"), bind("", "s"), sync()].concat()).await,
        "3 3 E:ERROR:26000 Z:I"
    );
}

#[tokio::test]
async fn flush_sends_what_there_is() {
    let house = House::new();
    let (mut client, _served) = house.session().await;
    client.send([parse("", "rows 1"), message(b'H', "")].concat()).await;
    assert_eq!(client.answer().await.unwrap().0, '1');
}

#[tokio::test]
async fn portals_are_suspended_and_go_on() {
    let house = House::new();
    let (mut client, _served) = house.session().await;
    let five =
        [parse("", "rows 5"), bind("", ""), execute("", 2), execute("", 2), execute("", 2), execute("", 2), sync()];
    assert_eq!(client.ask(five.concat()).await, "1 2 D*2 s D*2 s D*1 C:SELECT 1 C:SELECT 0 Z:I");
    let four = [parse("", "rows 4"), bind("", ""), execute("", 4), execute("", 4), execute("", -1), sync()];
    assert_eq!(client.ask(four.concat()).await, "1 2 D*4 s C:SELECT 0 C:SELECT 0 Z:I");
    // Over batches of a thousand.
    let many = [parse("", "rows 2500"), bind("", ""), execute("", 1_500), execute("", 0), sync()];
    assert_eq!(client.ask(many.concat()).await, "1 2 D*1500 s D*1000 C:SELECT 1000 Z:I");
    let twice = [parse("", "change a"), bind("", ""), execute("", 0), execute("", 0), sync()];
    assert_eq!(client.ask(twice.concat()).await, "1 2 C:CREATE VIEW E:ERROR:55000 Z:I");
}

#[tokio::test]
async fn no_number_of_rows_is_too_great() {
    let house = House::new();
    let (mut client, _served) = house.session().await;
    for rows in [i32::MAX, i32::MIN, -1, 0, 1_000_000_000] {
        let batch = [parse("", "rows 3"), bind("", ""), execute("", rows), sync()];
        assert_eq!(client.ask(batch.concat()).await, "1 2 D*3 C:SELECT 3 Z:I", "{rows}");
    }
}

#[tokio::test]
async fn names_are_unique_until_closed() {
    let house = House::new();
    let (mut client, _served) = house.session().await;
    assert_eq!(client.ask([parse("a", "rows 1"), parse("a", "rows 1"), sync()].concat()).await, "1 E:ERROR:42P05 Z:I");
    assert_eq!(client.ask([bind("c", "a"), bind("c", "a"), sync()].concat()).await, "2 E:ERROR:42P03 Z:I");
    assert_eq!(client.ask([message(b'C', "Sa\0"), parse("a", "rows 2"), sync()].concat()).await, "3 1 Z:I");
    for (bytes, state) in [
        (execute("none", 0), "34000"),
        (message(b'D', "Pnone\0"), "34000"),
        (message(b'D', "Snone\0"), "26000"),
        (bind("", "none"), "26000"),
        (bind("", ""), "26000"),
    ] {
        assert_eq!(client.ask([bytes, sync()].concat()).await, format!("E:ERROR:{state} Z:I"));
    }
    // A simple query ends the unnamed ones.
    client.ask([parse("", "rows 1"), sync()].concat()).await;
    client.ask(query("rows 1")).await;
    assert_eq!(client.ask([bind("", ""), sync()].concat()).await, "E:ERROR:26000 Z:I");
}

#[tokio::test]
async fn after_an_error_everything_is_skipped_until_sync() {
    let house = House::new();
    let (mut client, _served) = house.session().await;
    let batch = [
        parse("", "change a"),
        bind("", ""),
        execute("", 0),
        parse("", "fail"),
        bind("", ""),
        execute("", 0),
        parse("", "change b"),
        bind("", ""),
        execute("", 0),
        query("change c"),
        message(b'F', [0; 8]),
        message(b'H', ""),
        sync(),
        parse("", "change d"),
        bind("", ""),
        execute("", 0),
        sync(),
    ];
    client.send(batch.concat()).await;
    assert_eq!(shown(&client.answers().await), "1 2 C:CREATE VIEW 1 2 E:ERROR:22012 Z:I");
    assert_eq!(shown(&client.answers().await), "1 2 C:CREATE VIEW Z:I");
    assert_eq!(house.script.logged(), ["change a", "fail", "failed", "change d", "committed change d"]);
}

#[tokio::test]
async fn a_commit_that_fails_is_reported_at_sync() {
    let house = House::new();
    let (mut client, _served) = house.session().await;
    let batch = [parse("", "conflict"), bind("", ""), execute("", 0), sync(), sync()];
    client.send(batch.concat()).await;
    assert_eq!(shown(&client.answers().await), "1 2 C:CREATE VIEW E:ERROR:40001 Z:I");
    assert_eq!(shown(&client.answers().await), "Z:I");
    assert_eq!(house.script.logged(), ["conflict", "failed"]);
}

#[tokio::test]
async fn portals_live_as_long_as_their_transaction() {
    let house = House::new();
    let (mut client, _served) = house.session().await;
    // Outside a block until Sync: the plan behind it is dropped.
    client.ask([parse("s", "rows 5"), bind("c", "s"), execute("c", 2), sync()].concat()).await;
    assert_eq!(*house.script.live.borrow(), 0);
    assert_eq!(client.ask([execute("c", 2), sync()].concat()).await, "E:ERROR:34000 Z:I");
    // In a block beyond it.
    client.ask(query("begin")).await;
    assert_eq!(client.ask([bind("c", "s"), execute("c", 2), sync()].concat()).await, "2 D*2 s Z:T");
    assert_eq!(*house.script.live.borrow(), 1);
    assert_eq!(client.ask([execute("c", 2), sync()].concat()).await, "D*2 s Z:T");
    // A failed transaction is not read from, but another statement's error does not end the portal.
    assert_eq!(client.ask(query("fail")).await, "E:ERROR:22012 Z:E");
    assert_eq!(client.ask([execute("c", 2), sync()].concat()).await, "E:ERROR:25P02 Z:E");
    assert_eq!(client.ask(query("rollback; begin")).await, "C:ROLLBACK C:BEGIN Z:T");
    assert_eq!(client.ask([execute("c", 2), sync()].concat()).await, "E:ERROR:34000 Z:E");
    client.ask(query("rollback; begin")).await;
    client
        .ask([bind("c", "s"), execute("c", 2), parse("", "commit"), bind("", ""), execute("", 0), sync()].concat())
        .await;
    assert_eq!(*house.script.live.borrow(), 0);
    assert_eq!(client.ask([execute("c", 2), sync()].concat()).await, "E:ERROR:34000 Z:I");
}

/// Bind with parameters: (format, value) each; results in binary.
fn bind_values(parameters: &[(i16, Option<&[u8]>)]) -> Vec<u8> {
    let mut body = b"\0\0".to_vec();
    body.put_u16(parameters.len() as u16);
    parameters.iter().for_each(|(format, _)| body.put_i16(*format));
    body.put_u16(parameters.len() as u16);
    for (_, value) in parameters {
        match value {
            Some(value) => {
                body.put_i32(value.len() as i32);
                body.put_slice(value);
            }
            None => body.put_i32(-1),
        }
    }
    body.put_u16(1);
    body.put_i16(1);
    message(b'B', body)
}

#[tokio::test]
async fn parameters_go_in_and_come_back() {
    let house = House::new();
    let (mut client, _served) = house.session().await;
    let bind =
        bind_values(&[(0, Some(b"391")), (1, Some(&[0, 0, 0, 5])), (1, None), (0, Some(b"2026-10-25 00:30+00"))]);
    client
        .send(
            [parse("", "echo int8,int4,text,timestamptz"), message(b'D', "S\0"), bind, execute("", 0), sync()].concat(),
        )
        .await;
    let answers = client.answers().await;
    assert_eq!(shown(&answers), "1 t T 2 D*1 C:SELECT 1 Z:I");
    assert_eq!(&answers[1].1[..], [0, 4, 0, 0, 0, 20, 0, 0, 0, 23, 0, 0, 0, 25, 0, 0, 4, 160]);
    let mut expected =
        vec![0, 4, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 1, 135, 0, 0, 0, 4, 0, 0, 0, 5, 255, 255, 255, 255, 0, 0, 0, 8];
    expected.extend(846_203_400_000_000_i64.to_be_bytes());
    assert_eq!(answers[4].1, expected);
}

#[tokio::test]
async fn what_does_not_fit_the_statement_is_refused_at_bind() {
    let house = House::new();
    let (mut client, _served) = house.session().await;
    for (body, state) in [
        (&b"\0\0\0\0\0\0\0\0"[..], "08P01"),
        (b"\0\0\0\x02\0\0\0\0\0\x01\0\0\0\x011\0\0", "08P01"),
        (b"\0\0\0\0\0\x01\0\0\0\x011\0\x02\0\0\0\0", "08P01"),
        (b"\0\0\0\0\0\x01\0\0\0\x011\0\x01\0\x07", "22023"),
        (b"\0\0\0\x01\0\x07\0\x01\0\0\0\x011\0\0", "22023"),
        (b"\0\0\0\0\0\x01\0\0\0\x01x\0\0", "22P02"),
        (b"\0\0\0\x01\0\x01\0\x01\0\0\0\x01x\0\0", "22P03"),
        (b"\0\0\0\0\0\x01\0\0\0\x01\xff\0\0", "22021"),
    ] {
        let answer = client.ask([parse("", "echo int4"), message(b'B', body), execute("", 0), sync()].concat()).await;
        assert_eq!(answer, format!("1 E:ERROR:{state} Z:I"), "{body:?}");
    }
}

#[tokio::test]
async fn what_a_session_holds_is_bounded() {
    let house = House::with(LimitsConfig { message_bytes: 8 << 10, ..LimitsConfig::default() }, None);
    let (mut client, _served) = house.session().await;
    let mut answers = Vec::new();
    for name in ["a", "b", "c", "d", "e"] {
        answers.push(client.ask([parse(name, "rows 1"), sync()].concat()).await);
    }
    assert_eq!(answers, ["1 Z:I", "1 Z:I", "1 Z:I", "1 Z:I", "E:ERROR:53400 Z:I"]);
}

#[tokio::test]
async fn a_driver_of_others_is_content() {
    let house = House::new();
    let (client, _served) = house.connect();
    let (driver, connection) =
        tokio_postgres::Config::new().user("ada").connect_raw(client.io, tokio_postgres::NoTls).await.unwrap();
    let connection = tokio::spawn(connection);
    let statement = driver.prepare("echo int4,text,float8").await.unwrap();
    let rows = driver.query(&statement, &[&7_i32, &"kaffe", &0.5_f64]).await.unwrap();
    let row: (i32, &str, f64) = (rows[0].get(0), rows[0].get(1), rows[0].get(2));
    assert_eq!(row, (7, "kaffe", 0.5));
    let rows = driver.query("rows 10000", &[]).await.unwrap();
    assert_eq!(rows.iter().map(|row| i64::from(row.get::<_, i32>(0))).sum::<i64>(), 50_005_000);
    let error = driver.query("fail", &[]).await.unwrap_err();
    assert_eq!(error.code().unwrap().code(), "22012");
    assert_eq!(driver.execute("change a", &[]).await.unwrap(), 0);
    assert_eq!(driver.simple_query("rows 2").await.unwrap().len(), 4);
    drop((driver, statement));
    connection.await.unwrap().unwrap();
}
