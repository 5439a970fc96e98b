//! Arrays of every kind as DataRow; expectations are PostgreSQL 15's bytes for the same values, see also the
//! decoder's tests, which go through some 1,500 values of `fixtures/postgres_values.tsv` in both directions.

use std::sync::Arc;

use arrow::array::*;
use arrow::buffer::OffsetBuffer;
use arrow::compute::cast;
use arrow::datatypes::*;
use chrono_tz::Tz;

use super::testing::{binary_value, row};
use super::*;
use crate::pg_type::PgType;

const UTC: TextFormat = TextFormat::UTC;

fn texts(array: &dyn Array) -> Vec<Option<String>> {
    (0..array.len()).map(|row| text_value(array, row, &UTC)).collect()
}

fn all(array: &dyn Array) -> String {
    texts(array).into_iter().map(|text| text.unwrap_or_else(|| "NULL".into())).collect::<Vec<_>>().join("|")
}

fn hexadecimal(array: ArrayRef) -> String {
    let bytes = binary_value(&array, PgType::of_arrow(array.data_type()), &UTC);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_row_is_one_message() {
    let columns =
        [("n", PgType::INT4, Format::Binary), ("t", PgType::TEXT, Format::Text), ("x", PgType::TEXT, Format::Text)];
    let announced: Arc<[OutputColumn]> = columns
        .iter()
        .map(|(name, pg_type, _)| OutputColumn { name: (*name).into(), pg_type: *pg_type, relation: 0, number: 0 })
        .collect();
    let arrays: Vec<(&str, ArrayRef)> = vec![
        ("n", Arc::new(Int32Array::from(vec![1, 391]))),
        ("t", Arc::new(StringViewArray::from(vec!["", "å"]))),
        ("x", Arc::new(StringArray::from(vec![None::<&str>, None]))),
    ];
    let batch = RecordBatch::try_from_iter_with_nullable(arrays.into_iter().map(|(n, a)| (n, a, true))).unwrap();
    let formats: Vec<Format> = columns.iter().map(|column| column.2).collect();
    let encoder = RowEncoder::new(announced, &formats, UTC).unwrap();
    let mut out = BytesMut::new();
    encoder.batch(&batch).unwrap().row(1, &mut out).unwrap();
    assert_eq!(
        &out[..],
        b"D\x00\x00\x00\x18\x00\x03\x00\x00\x00\x04\x00\x00\x01\x87\x00\x00\x00\x02\xc3\xa5\xff\xff\xff\xff"
    );
    assert!(encoder.batch(&batch.project(&[0]).unwrap()).is_err());
}

#[test]
fn result_formats_are_spread_over_the_columns() {
    use Format::{Binary, Text};
    assert_eq!(expand_formats(&[], 2).unwrap(), [Text, Text]);
    assert_eq!(expand_formats(&[Binary], 2).unwrap(), [Binary, Binary]);
    assert_eq!(expand_formats(&[Binary, Text], 2).unwrap(), [Binary, Text]);
    assert_eq!(expand_formats(&[Binary, Text, Text], 2).unwrap_err().state().code(), "08P01");
    assert_eq!(Format::of_code(7).unwrap_err().state().code(), "22023");
}

#[test]
fn integers_of_every_width_fit_their_announced_type() {
    assert_eq!(all(&Int8Array::from(vec![-128, 127])), "-128|127");
    assert_eq!(all(&UInt8Array::from(vec![255])), "255");
    assert_eq!(all(&UInt64Array::from(vec![u64::MAX])), "18446744073709551615");
    assert_eq!(hexadecimal(Arc::new(UInt8Array::from(vec![255]))), "00ff");
    assert_eq!(hexadecimal(Arc::new(UInt16Array::from(vec![65_535]))), "0000ffff");
    assert_eq!(hexadecimal(Arc::new(UInt32Array::from(vec![u32::MAX]))), "ffffffff");
    assert_eq!(hexadecimal(Arc::new(UInt64Array::from(vec![7]))), "0000000000000007");
    let narrow: ArrayRef = Arc::new(Int32Array::from(vec![5]));
    assert_eq!(binary_value(&narrow, PgType::INT8, &UTC), 5_i64.to_be_bytes());
    let too_wide: ArrayRef = Arc::new(UInt64Array::from(vec![u64::MAX]));
    let error = row(&too_wide, PgType::INT8, Format::Binary, &UTC, 0, &mut BytesMut::new()).unwrap_err();
    assert_eq!(error.state().code(), "22003");
}

#[test]
fn decimals_of_every_width() {
    // SELECT …::numeric(18,2) and its numeric_send.
    let wide = "12345678901234567890123456789012345678901234567890.12";
    let wide = i256::from_string(&wide.replace('.', "")).unwrap();
    let arrays: Vec<(ArrayRef, &str, &str)> = vec![
        (
            Arc::new(Decimal32Array::from(vec![-5]).with_precision_and_scale(9, 2).unwrap()),
            "-0.05",
            "0001ffff4000000201f4",
        ),
        (
            Arc::new(Decimal64Array::from(vec![500_010]).with_precision_and_scale(18, 2).unwrap()),
            "5000.10",
            "0002000000000002138803e8",
        ),
        (
            Arc::new(Decimal256Array::from(vec![wide]).with_precision_and_scale(76, 2).unwrap()),
            "12345678901234567890123456789012345678901234567890.12",
            "000e000c00000002000c0d801ed204d2162e23340d801ed204d2162e23340d801ed204b0",
        ),
        // A scale below zero is written out: 12 × 10².
        (
            Arc::new(Decimal128Array::from(vec![12]).with_precision_and_scale(5, -2).unwrap()),
            "1200",
            "000100000000000004b0",
        ),
        (Arc::new(Decimal128Array::from(vec![0]).with_precision_and_scale(5, -2).unwrap()), "0", "0000000000000000"),
    ];
    for (array, text, binary) in arrays {
        assert_eq!(all(&array), text);
        assert_eq!(hexadecimal(array), binary, "{text}");
    }
}

#[test]
fn strings_and_bytes_of_every_encoding() {
    let plain: ArrayRef = Arc::new(StringArray::from(vec![Some("kaffe"), None, Some("")]));
    for data_type in [
        DataType::Utf8,
        DataType::LargeUtf8,
        DataType::Utf8View,
        DataType::Dictionary(DataType::Int8.into(), DataType::Utf8.into()),
        DataType::Dictionary(DataType::UInt32.into(), DataType::LargeUtf8.into()),
    ] {
        let array = cast(&plain, &data_type).unwrap();
        assert_eq!(texts(&array), [Some("kaffe".to_owned()), None, Some(String::new())], "{data_type}");
        assert_eq!(hexadecimal(array), "6b61666665", "{data_type}");
    }
    for data_type in [DataType::Binary, DataType::LargeBinary, DataType::BinaryView] {
        let array = cast(&plain, &data_type).unwrap();
        assert_eq!(all(&array), "\\x6b61666665|NULL|\\x", "{data_type}");
        assert_eq!(hexadecimal(array), "6b61666665", "{data_type}");
    }
    let fixed: ArrayRef = Arc::new(FixedSizeBinaryArray::try_from_iter([[0xab_u8; 16]].into_iter()).unwrap());
    assert_eq!(all(&fixed), format!("\\x{}", "ab".repeat(16)));
    let mut out = BytesMut::new();
    let uuid = PgType { oid: 2950, typmod: -1 };
    row(&fixed, uuid, Format::Text, &UTC, 0, &mut out).unwrap();
    assert_eq!(&out[11..], b"abababab-abab-abab-abab-abababababab");
    assert_eq!(binary_value(&fixed, uuid, &UTC), [0xab; 16]);
}

#[test]
fn null_values_behind_keys_and_runs_are_null() {
    let keys = Int32Array::from(vec![Some(0), Some(1), None]);
    let dictionary = DictionaryArray::new(keys, Arc::new(Int64Array::from(vec![Some(7), None])));
    assert_eq!(all(&dictionary), "7|NULL|NULL");
    let none = DictionaryArray::<Int8Type>::from_iter([None::<&str>, None]);
    assert_eq!(all(&none), "NULL|NULL");
    let runs =
        RunArray::try_new(&Int32Array::from(vec![2, 3, 5]), &StringArray::from(vec![Some("a"), None, Some("b")]))
            .unwrap();
    assert_eq!(all(&runs), "a|a|NULL|b|b");
    assert_eq!(all(&runs.slice(1, 3)), "a|NULL|b");
    assert_eq!(all(&NullArray::new(2)), "NULL|NULL");
}

#[test]
fn instants_of_every_unit_round_to_microseconds() {
    // 2026-10-25 00:30:00.5 UTC.
    let seconds = 1_792_888_200_i64;
    assert_eq!(all(&TimestampSecondArray::from(vec![seconds])), "2026-10-25 00:30:00");
    assert_eq!(all(&TimestampMillisecondArray::from(vec![seconds * 1_000 + 500])), "2026-10-25 00:30:00.5");
    let nanos = seconds * 1_000_000_000;
    // As PostgreSQL reads .1234565, .1234575 and .123456499: a half goes to the even neighbour.
    let array = TimestampNanosecondArray::from(vec![nanos + 123_456_500, nanos + 123_457_500, nanos + 123_456_499]);
    assert_eq!(all(&array), "2026-10-25 00:30:00.123456|2026-10-25 00:30:00.123458|2026-10-25 00:30:00.123456");
    assert_eq!(all(&TimestampNanosecondArray::from(vec![-1_500])), "1969-12-31 23:59:59.999998");
    assert_eq!(all(&TimestampSecondArray::from(vec![i64::MAX, i64::MIN])), "infinity|-infinity");
    let zoned =
        TimestampMicrosecondArray::from(vec![seconds * 1_000_000, (seconds + 3_600) * 1_000_000]).with_timezone("UTC");
    for (zone, expected) in [
        (Tz::UTC, "2026-10-25 00:30:00+00|2026-10-25 01:30:00+00"),
        (Tz::Europe__Stockholm, "2026-10-25 02:30:00+02|2026-10-25 02:30:00+01"),
        (Tz::Asia__Kolkata, "2026-10-25 06:00:00+05:30|2026-10-25 07:00:00+05:30"),
        (Tz::America__St_Johns, "2026-10-24 22:00:00-02:30|2026-10-24 23:00:00-02:30"),
    ] {
        let shown: Vec<String> = (0..2).filter_map(|row| text_value(&zoned, row, &TextFormat::in_zone(zone))).collect();
        assert_eq!(shown.join("|"), expected);
    }
}

#[test]
fn dates_times_and_intervals_of_every_unit() {
    assert_eq!(all(&Date64Array::from(vec![-1, 1_792_888_200_000])), "1969-12-31|2026-10-25");
    assert_eq!(hexadecimal(Arc::new(Date64Array::from(vec![946_684_800_000]))), "00000000");
    assert_eq!(all(&Date32Array::from(vec![i32::MAX, i32::MIN])), "infinity|-infinity");
    assert_eq!(all(&Time32SecondArray::from(vec![86_400, 50_400])), "24:00:00|14:00:00");
    assert_eq!(all(&Time32MillisecondArray::from(vec![1])), "00:00:00.001");
    assert_eq!(all(&Time64NanosecondArray::from(vec![1_500])), "00:00:00.000002");
    assert_eq!(all(&IntervalYearMonthArray::from(vec![14, -1])), "1 year 2 mons|-1 mons");
    assert_eq!(all(&IntervalDayTimeArray::from(vec![IntervalDayTime::new(3, -1_500)])), "3 days -00:00:01.5");
    let null = IntervalMonthDayNanoArray::from(vec![None, Some(IntervalMonthDayNano::new(0, 0, 0))]);
    assert_eq!(all(&null), "NULL|00:00:00");
    assert_eq!(all(&DurationMicrosecondArray::from(vec![42])), "42");
}

#[test]
fn lists_of_every_kind() {
    let list = ListArray::from_iter_primitive::<Int32Type, _, _>([
        Some(vec![Some(1), Some(2), None, Some(-4)]),
        None,
        Some(vec![]),
    ]);
    assert_eq!(all(&list), "{1,2,NULL,-4}|NULL|{}");
    let large: ArrayRef = Arc::new(LargeListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![
        Some(1),
        Some(2),
        None,
        Some(-4),
    ])]));
    assert!(
        include_str!("../fixtures/postgres_values.tsv").contains(&format!("{{1,2,NULL,-4}}\t{}", hexadecimal(large)))
    );
    let fixed = FixedSizeListArray::from_iter_primitive::<Int32Type, _, _>(
        [Some(vec![Some(1), Some(2)]), Some(vec![Some(3), None])],
        2,
    );
    assert_eq!(all(&fixed), "{1,2}|{3,NULL}");
    assert_eq!(all(&fixed.slice(1, 1)), "{3,NULL}");
    let strings = [
        Some("a"),
        Some("b c"),
        Some(""),
        None,
        Some("NULL"),
        Some("q\"uote"),
        Some("back\\slash"),
        Some("com,ma"),
        Some("{b}"),
    ];
    let mut builder = ListBuilder::new(StringBuilder::new());
    strings.iter().for_each(|text| builder.values().append_option(*text));
    builder.append(true);
    assert_eq!(all(&builder.finish()), r#"{a,"b c","",NULL,"NULL","q\"uote","back\\slash","com,ma","{b}"}"#);
}

#[test]
fn lists_of_lists_are_arrays_of_more_dimensions() {
    let inner = ListArray::from_iter_primitive::<Int32Type, _, _>([
        Some(vec![Some(1), Some(2)]),
        Some(vec![Some(3), Some(4)]),
        Some(vec![Some(5)]),
    ]);
    let field = Arc::new(Field::new("item", inner.data_type().clone(), true));
    let outer = |lengths: [usize; 2]| -> ArrayRef {
        Arc::new(ListArray::new(Arc::clone(&field), OffsetBuffer::from_lengths(lengths), Arc::new(inner.clone()), None))
    };
    let square = outer([2, 1]);
    assert_eq!(all(&square), "{{1,2},{3,4}}|{{5}}");
    let expected =
        include_str!("../fixtures/postgres_values.tsv").lines().find(|line| line.contains("{{1,2},{3,4}}")).unwrap();
    assert!(expected.ends_with(&hexadecimal(square)), "{expected}");
    let ragged = outer([1, 2]);
    assert_eq!(all(&ragged), "{{1,2}}|{{3,4},{5}}");
    let int4_array = PgType::of_arrow(ragged.data_type());
    let error = row(&ragged, int4_array, Format::Binary, &UTC, 1, &mut BytesMut::new()).unwrap_err();
    assert_eq!(error.state().code(), "0A000");
}

#[test]
fn what_postgresql_has_no_type_for_is_printed() {
    let pair = StructArray::from(vec![
        (Arc::new(Field::new("n", DataType::Int32, true)), Arc::new(Int32Array::from(vec![Some(1), None])) as ArrayRef),
        (Arc::new(Field::new("t", DataType::Utf8, true)), Arc::new(StringArray::from(vec!["a", "b"]))),
    ]);
    assert_eq!(all(&pair), "(1,a)|(,b)");
    let array: ArrayRef = Arc::new(pair);
    assert_eq!(PgType::of_arrow(array.data_type()), PgType::TEXT);
    assert_eq!(binary_value(&array, PgType::TEXT, &UTC), b"(1,a)");
    let mut map = MapBuilder::new(None, StringBuilder::new(), Int32Builder::new());
    map.keys().append_value("k");
    map.values().append_value(1);
    map.append(true).unwrap();
    assert_eq!(all(&map.finish()), "{k: 1}");
}

#[test]
fn floats_read_back_and_are_shortest() {
    use rand::{Rng, SeedableRng};
    let seed = 7_u64;
    println!("seed {seed}");
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    for _ in 0..50_000 {
        let value = f64::from_bits(random.random());
        let text = text_value(&Float64Array::from(vec![value]), 0, &UTC).unwrap();
        let again: f64 = text.parse().unwrap();
        assert!(again == value || value.is_nan(), "{value:e} was written {text}");
        let value = f32::from_bits(random.random());
        let text = text_value(&Float32Array::from(vec![value]), 0, &UTC).unwrap();
        let again: f32 = text.parse().unwrap();
        assert!(again == value || value.is_nan(), "{value:e} was written {text}");
    }
}
