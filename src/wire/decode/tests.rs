//! Values and refusals beside PostgreSQL's own: `fixtures/postgres_values.tsv` and `postgres_refusals.tsv`.

use arrow::array::{Array, ListArray};
use bytes::BytesMut;
use chrono_tz::Tz;

use super::*;
use crate::wire::encode::{self, text_value};

const VALUES: &str = include_str!("../fixtures/postgres_values.tsv");
const REFUSALS: &str = include_str!("../fixtures/postgres_refusals.tsv");

fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        out.push(match character {
            '\\' => match characters.next() {
                Some('t') => '\t',
                Some('n') => '\n',
                other => other.unwrap(),
            },
            other => other,
        });
    }
    out
}

fn from_hexadecimal(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn pg_type(name: &str) -> PgType {
    let info = |name: &str| crate::pg_type::TYPES.iter().find(|info| info.sql_name == name || info.name == name);
    let oid = match name.strip_suffix("[]") {
        Some(item) => info(item).unwrap().array_oid,
        None => info(name).unwrap().oid,
    };
    PgType { oid, typmod: -1 }
}

fn read(pg_type: PgType, format: Format, bytes: &[u8], zone: &str) -> Result<ScalarValue> {
    parameter(pg_type, format, Some(bytes), 1, &TextFormat::in_zone(zone.parse().unwrap()))
}

/// The one value of a column as text and as binary.
fn written(pg_type: PgType, value: &ScalarValue, zone: &str) -> (String, Vec<u8>) {
    let array = value.to_array().unwrap();
    let text = TextFormat::in_zone(zone.parse().unwrap());
    let binary = encode::testing::binary_value(&array, pg_type, &text);
    // A UUID is bound as text.
    (text_value(&array, 0, &text).unwrap(), binary)
}

#[test]
fn values_are_read_and_written_as_postgresql_does() {
    let mut count = 0;
    for line in VALUES.lines() {
        let [type_name, zone, literal, text, binary] = line.split('\t').collect::<Vec<_>>().try_into().unwrap();
        let pg_type = pg_type(type_name);
        let (literal, text, binary) = (unescape(literal), unescape(text), from_hexadecimal(binary));
        if literal.starts_with("{{") {
            // Arrays of arrays are written (see the encoder's tests) but not read.
            assert_eq!(read(pg_type, Format::Text, literal.as_bytes(), zone).unwrap_err().state().code(), "0A000");
            assert_eq!(read(pg_type, Format::Binary, &binary, zone).unwrap_err().state().code(), "0A000");
            continue;
        }
        for (format, bytes) in
            [(Format::Text, literal.as_bytes()), (Format::Binary, &binary), (Format::Text, text.as_bytes())]
        {
            let value =
                read(pg_type, format, bytes, zone).unwrap_or_else(|error| panic!("{line}\n{format:?}: {error}"));
            let (text_again, binary_again) = written(pg_type, &value, zone);
            assert_eq!(text_again, text, "{line}\n{format:?} read as {value:?}");
            assert_eq!(binary_again, binary, "{line}\n{format:?} read as {value:?}");
        }
        count += 1;
    }
    assert!(count > 1_400, "only {count} values were compared");
}

#[test]
fn refusals_are_postgresqls() {
    for line in REFUSALS.lines() {
        let [type_name, literal, state, message] = line.split('\t').collect::<Vec<_>>().try_into().unwrap();
        let literal = unescape(literal);
        let error = match read(pg_type(type_name), Format::Text, literal.as_bytes(), "UTC") {
            Err(error) => error,
            Ok(value) => panic!("{line}\nread as {value:?}"),
        };
        assert_eq!((error.state().code(), error.message()), (state, unescape(message).as_str()), "{line}");
    }
}

#[test]
fn types_are_those_the_statement_was_planned_with() {
    for (name, literal) in [
        ("boolean", "t"),
        ("smallint", "1"),
        ("integer", "1"),
        ("bigint", "1"),
        ("oid", "1"),
        ("real", "1"),
        ("double precision", "1"),
        ("text", "x"),
        ("bytea", "x"),
        ("date", "2026-01-01"),
        ("time", "12:00"),
        ("timestamp", "2026-01-01"),
        ("timestamptz", "2026-01-01"),
        ("interval", "1 day"),
        ("uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        ("json", "{}"),
        ("bigint[]", "{1}"),
        ("text[]", "{}"),
        ("timestamptz[]", "{2026-01-01}"),
    ] {
        let pg_type = pg_type(name);
        let planned = pg_type.to_arrow().unwrap();
        assert_eq!(read(pg_type, Format::Text, literal.as_bytes(), "UTC").unwrap().data_type(), planned, "{name}");
        let null = parameter(pg_type, Format::Binary, None, 1, &TextFormat::UTC).unwrap();
        assert!(null.is_null());
        assert_eq!(null.data_type(), planned, "{name}");
    }
    let unknown = read(PgType::UNKNOWN, Format::Text, b"x", "UTC").unwrap();
    assert_eq!(unknown, ScalarValue::from("x"));
}

#[test]
fn numeric_has_just_the_precision_of_the_value() {
    let numeric = |text: &str| read(PgType::NUMERIC, Format::Text, text.as_bytes(), "UTC");
    assert_eq!(numeric("5000.10").unwrap(), ScalarValue::Decimal128(Some(500_010), 6, 2));
    assert_eq!(numeric("0.001").unwrap(), ScalarValue::Decimal128(Some(1), 3, 3));
    assert_eq!(numeric(" 1.5e3 ").unwrap(), ScalarValue::Decimal128(Some(1_500), 4, 0));
    assert_eq!(numeric("-0").unwrap(), ScalarValue::Decimal128(Some(0), 1, 0));
    for beyond in ["NaN", "Infinity", "1e38", "0.000000000000000000000000000000000000001", "1e999999999999", "9e99999"]
    {
        assert_eq!(numeric(beyond).unwrap_err().state().code(), "22003", "{beyond}");
    }
    let list = read(pg_type("numeric[]"), Format::Text, b"{1.50,20000,NULL}", "UTC").unwrap();
    let ScalarValue::List(list) = list else { panic!("{list:?}") };
    let list: &ListArray = &list;
    assert_eq!(list.values().data_type(), &DataType::Decimal128(7, 2));
}

#[test]
fn bad_bytes_are_refused() {
    let state = |name: &str, bytes: &[u8]| {
        read(pg_type(name), Format::Binary, bytes, "UTC").map(|value| format!("{value:?}")).unwrap_err().state().code()
    };
    for (name, bytes) in [
        ("boolean", &[][..]),
        ("integer", &[1, 2, 3]),
        ("integer", &[1, 2, 3, 4, 5]),
        ("bigint", &[0; 7]),
        ("uuid", &[0; 15]),
        ("jsonb", &[]),
        ("jsonb", b"\x02{}"),
        ("interval", &[0; 12]),
        ("numeric", &[0, 1]),
        ("numeric", &[0, 1, 0, 0, 0, 0, 0, 0]),
        ("numeric", &[0, 1, 0, 0, 0, 0, 0, 0, 0x27, 0x10]),
        ("numeric", &[0, 0, 0, 0, 0x12, 0x34, 0, 0]),
        ("integer[]", &[0, 0, 0, 1]),
        ("integer[]", &[0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 23, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 1]),
        ("integer[]", &[0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 25, 0, 0, 0, 0, 0, 0, 0, 1]),
        ("integer[]", &[0xff, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 23]),
    ] {
        assert_eq!(state(name, bytes), "22P03", "{name} {bytes:?}");
    }
    assert_eq!(state("text", b"a\xff"), "22021");
    assert_eq!(state("text", b"a\0b"), "22021");
    assert_eq!(state("time", &(-1_i64).to_be_bytes()), "22008");
    assert_eq!(state("date", &(i32::MAX - 1).to_be_bytes()), "22008");
    assert_eq!(state("timestamp", &(i64::MAX - 1).to_be_bytes()), "22008");
    assert_eq!(utf8(b"ab\xe2\x98").unwrap_err().message(), "invalid byte sequence for encoding \"UTF8\": 0xe2 0x98");
    // A numeric that would need a number of digits only an attacker asks for.
    assert_eq!(state("numeric", &[0, 1, 0x7f, 0xff, 0, 0, 0xff, 0xff, 0, 1]), "22003");
}

#[test]
fn arbitrary_bytes_never_panic() {
    use rand::{Rng, SeedableRng};
    let seed = 20_261_122_u64;
    println!("seed {seed}");
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    let words: Vec<&str> = VALUES.lines().chain(REFUSALS.lines()).flat_map(|line| line.split('\t')).collect();
    let zone = TextFormat::in_zone(Tz::Europe__Stockholm);
    for _ in 0..60_000 {
        let info = &crate::pg_type::TYPES[random.random_range(0..crate::pg_type::TYPES.len())];
        let pg_type = PgType { oid: if random.random() { info.oid } else { info.array_oid }, typmod: -1 };
        let mut bytes = words[random.random_range(0..words.len())].as_bytes().to_vec();
        for _ in 0..random.random_range(0..4) {
            let at = random.random_range(0..=bytes.len());
            match random.random_range(0..3) {
                0 => bytes.insert(at, random.random()),
                1 => bytes.truncate(at),
                _ => bytes.extend_from_within(at / 2..at),
            }
        }
        for format in [Format::Text, Format::Binary] {
            if let Ok(value) = parameter(pg_type, format, Some(&bytes), 1, &zone) {
                let _ = text_value(&value.to_array().unwrap(), 0, &zone);
                let mut out = BytesMut::new();
                encode::testing::row(&value.to_array().unwrap(), pg_type, Format::Binary, &zone, 0, &mut out).ok();
            }
        }
    }
}
