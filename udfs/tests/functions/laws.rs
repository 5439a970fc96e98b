//! What must hold for every function there is, over random arguments: NULL, constants, slices, pieces, encodings, types.
//!
//! A function cannot be added without its laws: [`inputs::calls`](crate::inputs::calls) must know it.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, new_null_array};
use arrow::compute::{cast, concat};
use arrow::datatypes::{DataType, Field, FieldRef, TimeUnit};
use datafusion::common::ScalarValue;
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::{ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, Volatility};

use crate::{functions, inputs};

const ROWS: usize = 96;

/// Runs a law over every function and every way to call it, with arguments of its own.
fn for_all(law: impl Fn(&ScalarUDF, &[ArrayRef])) {
    let mut random = inputs::generator();
    for function in functions() {
        let calls = inputs::calls(function.name())
            .unwrap_or_else(|| panic!("{} has no laws: add its arguments to inputs.rs", function.name()));
        for call in calls {
            let arguments: Vec<ArrayRef> = call.iter().map(|make| make(&mut random, ROWS)).collect();
            law(&function, &arguments);
        }
    }
}

/// Coerces, plans and evaluates as DataFusion does.
fn evaluate(function: &ScalarUDF, args: Vec<ColumnarValue>, rows: usize) -> ColumnarValue {
    let given: Vec<DataType> = args.iter().map(ColumnarValue::data_type).collect();
    let read_as = function.coerce_types(&given).unwrap();
    assert_eq!(function.coerce_types(&read_as).unwrap(), read_as, "{}: coercing twice", function.name());
    let args: Vec<ColumnarValue> =
        args.iter().zip(&read_as).map(|(arg, read_as)| arg.cast_to(read_as, None).unwrap()).collect();
    let arg_fields: Vec<FieldRef> =
        read_as.iter().map(|read_as| Arc::new(Field::new("x", read_as.clone(), true))).collect();
    let scalar_arguments = vec![None; args.len()];
    let planned = ReturnFieldArgs { arg_fields: &arg_fields, scalar_arguments: &scalar_arguments };
    let return_field = function.return_field_from_args(planned).unwrap();
    let call = ScalarFunctionArgs {
        args,
        arg_fields,
        number_rows: rows,
        return_field: Arc::clone(&return_field),
        config_options: Arc::new(ConfigOptions::default()),
    };
    let answer = function.invoke_with_args(call).unwrap();
    assert_eq!(&answer.data_type(), return_field.data_type(), "{}: type planned and returned", function.name());
    assert!(return_field.is_nullable(), "{}", function.name());
    answer
}

fn over_arrays(function: &ScalarUDF, arguments: &[ArrayRef]) -> ArrayRef {
    let rows = arguments[0].len();
    let args = arguments.iter().map(|array| ColumnarValue::Array(Arc::clone(array))).collect();
    match evaluate(function, args, rows) {
        ColumnarValue::Array(array) => {
            assert_eq!(array.len(), rows, "{}: one value a row", function.name());
            array
        }
        ColumnarValue::Scalar(value) => panic!("{} made a constant {value} of columns", function.name()),
    }
}

fn slices(arguments: &[ArrayRef], offset: usize, length: usize) -> Vec<ArrayRef> {
    arguments.iter().map(|array| array.slice(offset, length)).collect()
}

#[test]
fn null_in_null_out() {
    for_all(|function, arguments| {
        assert!(function.is_strict(), "{}", function.name());
        for at in 0..arguments.len() {
            let mut with_null = arguments.to_vec();
            with_null[at] = new_null_array(arguments[at].data_type(), ROWS);
            let answer = over_arrays(function, &with_null);
            assert_eq!(answer.null_count(), ROWS, "{}: argument {at} is NULL", function.name());
            with_null[at] = new_null_array(&DataType::Null, ROWS);
            let answer = over_arrays(function, &with_null);
            assert_eq!(answer.logical_null_count(), ROWS, "{}: argument {at} is an untyped NULL", function.name());
        }
    });
}

#[test]
fn something_in_something_out() {
    for_all(|function, arguments| {
        let answer = over_arrays(function, arguments);
        assert!(answer.null_count() < ROWS, "{}: the laws would hold of nothing but NULL", function.name());
    });
}

#[test]
fn constants_are_columns_of_one_value() {
    for_all(|function, arguments| {
        let expected = over_arrays(function, arguments);
        for row in 0..16 {
            let constants: Vec<ColumnarValue> = arguments
                .iter()
                .map(|array| ColumnarValue::Scalar(ScalarValue::try_from_array(array, row).unwrap()))
                .collect();
            let ColumnarValue::Scalar(answer) = evaluate(function, constants.clone(), ROWS) else {
                panic!("{}: constants in, no constant out", function.name());
            };
            assert_eq!(answer, ScalarValue::try_from_array(&expected, row).unwrap(), "{} row {row}", function.name());

            // Each single argument constant, the others columns.
            for at in 0..arguments.len() {
                let mut mixed: Vec<ColumnarValue> = arguments.iter().cloned().map(ColumnarValue::Array).collect();
                let mut columns = arguments.to_vec();
                columns[at] = constants[at].to_array(ROWS).unwrap();
                mixed[at] = constants[at].clone();
                let answer = evaluate(function, mixed, ROWS).into_array(ROWS).unwrap();
                assert_eq!(&answer, &over_arrays(function, &columns), "{} argument {at}", function.name());
            }
        }
    });
}

#[test]
fn a_slice_of_the_input_gives_the_slice_of_the_output() {
    for_all(|function, arguments| {
        let whole = over_arrays(function, arguments);
        for (offset, length) in [(0, ROWS), (1, 7), (13, 50), (ROWS - 1, 1), (40, 0)] {
            let part = over_arrays(function, &slices(arguments, offset, length));
            assert_eq!(&part, &whole.slice(offset, length), "{} from {offset}", function.name());
        }
    });
}

#[test]
fn pieces_together_give_the_whole() {
    for_all(|function, arguments| {
        let whole = over_arrays(function, arguments);
        let pieces: Vec<ArrayRef> = (0..ROWS)
            .step_by(11)
            .map(|from| over_arrays(function, &slices(arguments, from, 11.min(ROWS - from))))
            .collect();
        let pieces: Vec<&dyn Array> = pieces.iter().map(AsRef::as_ref).collect();
        assert_eq!(&concat(&pieces).unwrap(), &whole, "{}", function.name());
    });
}

#[test]
fn the_encoding_of_an_argument_does_not_matter() {
    for_all(|function, arguments| {
        let expected = over_arrays(function, arguments);
        for at in 0..arguments.len() {
            for encoding in encodings(arguments[at].data_type()) {
                let mut encoded = arguments.to_vec();
                encoded[at] = cast(&arguments[at], &encoding).unwrap();
                if arguments[at].data_type() == &DataType::Int64 && refuses(function, &encoded) {
                    // An identifier or a score is a whole number: of another kind it is refused, never rounded.
                    assert!(!encoding.is_integer(), "{} argument {at} as {encoding}", function.name());
                    continue;
                }
                let answer = over_arrays(function, &encoded);
                assert_eq!(&answer, &expected, "{} argument {at} as {encoding}", function.name());
            }
        }
    });
}

/// Whether arguments of these types are refused when the call is planned.
fn refuses(function: &ScalarUDF, arguments: &[ArrayRef]) -> bool {
    let given: Vec<DataType> = arguments.iter().map(|array| array.data_type().clone()).collect();
    let fields = |types: Vec<DataType>| -> Vec<FieldRef> {
        types.into_iter().map(|data_type| Arc::new(Field::new("x", data_type, true)) as FieldRef).collect()
    };
    let scalar_arguments = vec![None; given.len()];
    let arg_fields = fields(function.coerce_types(&given).unwrap());
    let planned = ReturnFieldArgs { arg_fields: &arg_fields, scalar_arguments: &scalar_arguments };
    function.return_field_from_args(planned).is_err()
}

/// Other types that hold the same values.
fn encodings(data_type: &DataType) -> Vec<DataType> {
    match data_type {
        DataType::Utf8 => vec![
            DataType::LargeUtf8,
            DataType::Utf8View,
            DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
        ],
        DataType::Timestamp(TimeUnit::Microsecond, None) => vec![DataType::Timestamp(TimeUnit::Nanosecond, None)],
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => vec![
            DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())),
            DataType::Timestamp(TimeUnit::Microsecond, Some("Europe/Stockholm".into())),
        ],
        DataType::Date32 => vec![DataType::Date64, DataType::Utf8],
        DataType::Time64(TimeUnit::Microsecond) => vec![DataType::Time64(TimeUnit::Nanosecond), DataType::Utf8],
        DataType::Int64 => vec![DataType::Int32, DataType::Float64, DataType::Decimal128(20, 3)],
        DataType::Decimal128(18, 2) => vec![DataType::Decimal64(18, 2), DataType::Decimal256(40, 4)],
        _ => vec![],
    }
}

#[test]
fn every_function_is_immutable_and_named_once() {
    let mut names = std::collections::BTreeSet::new();
    for function in functions() {
        assert_eq!(function.signature().volatility, Volatility::Immutable, "{}", function.name());
        assert!(names.insert(function.name().to_owned()), "{} is listed twice", function.name());
        assert!(function.aliases().is_empty(), "one word, one meaning: {}", function.name());
    }
}
