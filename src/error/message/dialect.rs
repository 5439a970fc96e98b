//! Sentences about operators, types and clauses as PostgreSQL has them.

use crate::error::{Error, SqlState};

/// PostgreSQL's name of a type that the engine computes with.
pub fn type_name(data_type: &arrow::datatypes::DataType) -> String {
    let known = crate::pg_type::PgType::of_arrow(data_type).info();
    known.map_or_else(|| "unknown".to_owned(), |info| info.sql_name.to_owned())
}

/// `argument`: types of the call's arguments.
pub fn function_missing_for(function: &str, arguments: &[arrow::datatypes::DataType]) -> Error {
    let types: Vec<String> = arguments.iter().map(type_name).collect();
    Error::new(SqlState::UndefinedFunction, format!("function {function}({}) does not exist", types.join(", ")))
        .with_hint("No function matches the given name and argument types. You might need to add explicit type casts.")
}

/// The same for types that are known by name.
pub fn function_missing_named(function: &str, types: impl Iterator<Item = String>) -> Error {
    let types: Vec<String> = types.collect();
    Error::new(SqlState::UndefinedFunction, format!("function {function}({}) does not exist", types.join(", ")))
        .with_hint("No function matches the given name and argument types. You might need to add explicit type casts.")
}

/// `word`: `AND`, `OR`, `NOT`, `WHERE`, …
pub fn argument_must_be_boolean(word: &str, type_name: &str) -> Error {
    Error::new(SqlState::DatatypeMismatch, format!("argument of {word} must be type boolean, not type {type_name}"))
}

/// `word`: `CASE`, `COALESCE`, `UNION`, …
pub fn types_do_not_match(word: &str, one: &str, other: &str) -> Error {
    Error::new(SqlState::DatatypeMismatch, format!("{word} types {one} and {other} cannot be matched"))
}

pub fn cannot_cast(from: &arrow::datatypes::DataType, to: crate::pg_type::PgType) -> Error {
    let to = to.info().map_or("unknown", |info| info.sql_name);
    Error::new(SqlState::CannotCoerce, format!("cannot cast type {} to {to}", type_name(from)))
}

pub fn numeric_overflow() -> Error {
    Error::new(SqlState::NumericValueOutOfRange, "value overflows numeric format")
        .with_detail("A numeric has at most 38 digits here.")
}

pub fn numeric_field_overflow(precision: u8, scale: i8) -> Error {
    Error::new(SqlState::NumericValueOutOfRange, "numeric field overflow").with_detail(format!(
        "A field with precision {precision}, scale {scale} must round to an absolute value less than 10^{}.",
        i16::from(precision) - i16::from(scale)
    ))
}

pub fn logarithm_of_zero() -> Error {
    Error::new(SqlState::InvalidArgumentForLogarithm, "cannot take logarithm of zero")
}

pub fn logarithm_of_negative() -> Error {
    Error::new(SqlState::InvalidArgumentForLogarithm, "cannot take logarithm of a negative number")
}

pub fn root_of_negative() -> Error {
    Error::new(SqlState::InvalidArgumentForPowerFunction, "cannot take square root of a negative number")
}

/// An aggregate, a window, a position or a name where it cannot stand; `text` says which and where.
pub fn misplaced(state: SqlState, text: String) -> Error {
    Error::new(state, text)
}

pub fn subquery_columns() -> Error {
    Error::new(SqlState::SyntaxError, "subquery must return only one column")
}

pub fn distinct_order() -> Error {
    Error::new(SqlState::InvalidColumnReference, "for SELECT DISTINCT, ORDER BY expressions must appear in select list")
}

pub fn unit_of_type_unknown(unit: &str, type_name: &str) -> Error {
    Error::new(SqlState::InvalidParameterValue, format!("unit \"{unit}\" not recognized for type {type_name}"))
}

pub fn unit_of_type_unsupported(unit: &str, type_name: &str) -> Error {
    Error::new(SqlState::FeatureNotSupported, format!("unit \"{unit}\" not supported for type {type_name}"))
}

pub fn unit_of_interval(unit: &str) -> Error {
    unit_of_type_unsupported(unit, "interval").with_detail("Months usually have fractional weeks.")
}

/// `kind`: `date` or `time`.
pub fn field_out_of_range(kind: &str, value: &str) -> Error {
    Error::new(SqlState::DatetimeFieldOverflow, format!("{kind} field value out of range: {value}"))
}

pub fn bins_of_months() -> Error {
    Error::new(SqlState::FeatureNotSupported, "timestamps cannot be binned into intervals containing months or years")
        .with_hint("Use date_trunc for months and years.")
}

pub fn stride_not_positive() -> Error {
    Error::new(SqlState::DatetimeFieldOverflow, "stride must be greater than zero")
}

pub fn time_zone_unknown(name: &str) -> Error {
    Error::new(SqlState::InvalidParameterValue, format!("time zone \"{name}\" not recognized"))
}

pub fn pattern_not_of_interval() -> Error {
    Error::new(SqlState::InvalidDatetimeFormat, "invalid format specification for an interval value")
        .with_hint("Intervals are not tied to specific calendar dates.")
}

/// `text`: what is wrong with a pattern of numbers.
pub fn number_pattern(text: &str) -> Error {
    Error::new(SqlState::SyntaxError, text)
}

pub fn moment_out_of_range(text: &str) -> Error {
    Error::new(SqlState::DatetimeFieldOverflow, format!("date/time field value out of range: \"{text}\""))
}

pub fn hour_of_twelve(hour: i64) -> Error {
    Error::new(SqlState::InvalidDatetimeFormat, format!("hour \"{hour}\" is invalid for the 12-hour clock"))
        .with_hint("Use the 24-hour clock, or give an hour between 1 and 12.")
}

pub fn pattern_wants_number(text: &str, field: &str) -> Error {
    Error::new(SqlState::InvalidDatetimeFormat, format!("invalid value \"{text}\" for \"{field}\""))
        .with_detail("Value must be an integer.")
}

pub fn pattern_wants_name(text: &str, field: &str) -> Error {
    Error::new(SqlState::InvalidDatetimeFormat, format!("invalid value \"{text}\" for \"{field}\""))
        .with_detail("The given value did not match any of the allowed values for this field.")
}

pub fn step_zero() -> Error {
    Error::new(SqlState::InvalidParameterValue, "step size cannot equal zero")
}

pub fn series_too_long(most: usize) -> Error {
    Error::new(SqlState::ProgramLimitExceeded, "generate_series has too many values")
        .with_detail(format!("A series has at most {most} values here."))
        .with_hint("Take a greater step, or bounds that are nearer to each other.")
}

pub fn alias_columns(table: &str, has: usize, given: usize) -> Error {
    Error::new(
        SqlState::InvalidColumnReference,
        format!("table \"{table}\" has {has} columns available but {given} columns specified"),
    )
}

pub fn rows_of_pairs_in_list(function: &str) -> Error {
    Error::new(SqlState::FeatureNotSupported, format!("{function} in a SELECT list is not supported"))
        .with_hint(format!("Write it in FROM: SELECT key, value FROM t, {function}(t.x)."))
}

pub fn field_position_zero() -> Error {
    Error::new(SqlState::InvalidParameterValue, "field position must not be zero")
}

pub fn negative_substring_length() -> Error {
    Error::new(SqlState::SubstringError, "negative substring length not allowed")
}

pub fn format_argument_zero() -> Error {
    Error::new(SqlState::InvalidParameterValue, "format specifies argument 0, but arguments are numbered from 1")
}

pub fn encoding_unknown(name: &str) -> Error {
    Error::new(SqlState::InvalidParameterValue, format!("unrecognized encoding: \"{name}\""))
}

pub fn hex_digit_invalid(digit: char) -> Error {
    Error::new(SqlState::InvalidParameterValue, format!("invalid hexadecimal digit: \"{digit}\""))
}

pub fn hex_digits_odd() -> Error {
    Error::new(SqlState::InvalidParameterValue, "invalid hexadecimal data: odd number of digits")
}

pub fn base64_symbol_invalid(symbol: char) -> Error {
    Error::new(
        SqlState::InvalidParameterValue,
        format!("invalid symbol \"{symbol}\" found while decoding base64 sequence"),
    )
}

pub fn base64_end_invalid() -> Error {
    Error::new(SqlState::InvalidParameterValue, "invalid base64 end sequence")
        .with_hint("Input data is missing padding, is truncated, or is otherwise corrupted.")
}

/// Where PostgreSQL does not show the text.
pub fn invalid_text_plain(type_name: &str) -> Error {
    Error::new(SqlState::InvalidTextRepresentation, format!("invalid input syntax for type {type_name}"))
}

pub fn regex_invalid(what: &str) -> Error {
    Error::new(SqlState::InvalidRegularExpression, format!("invalid regular expression: {what}"))
}

pub fn regex_too_big(what: &str) -> Error {
    Error::new(SqlState::InvalidRegularExpression, "invalid regular expression: it is too complex")
        .with_detail(super::query::sentence(what.lines().next().unwrap_or(what)))
}

pub fn regex_option_invalid(letter: char) -> Error {
    Error::new(SqlState::InvalidParameterValue, format!("invalid regular expression option: \"{letter}\""))
}

/// Digits stand where flags are: the start was meant, and is written without quotes.
pub fn regex_option_number(letters: &str) -> Error {
    Error::new(
        SqlState::InvalidParameterValue,
        format!("invalid regular expression option: \"{}\"", letters.chars().next().unwrap_or_default()),
    )
    .with_hint(
        "If you meant to use regexp_replace() with a start parameter, cast the fourth argument to integer explicitly.",
    )
}

pub fn regex_global_unsupported(function: &str) -> Error {
    Error::new(SqlState::InvalidParameterValue, format!("{function}() does not support the \"global\" option"))
}

/// A parameter of a function that must be greater than zero.
pub fn parameter_value(name: &str, value: i64) -> Error {
    Error::new(SqlState::InvalidParameterValue, format!("invalid value for parameter \"{name}\": {value}"))
}

pub fn similar_separators() -> Error {
    Error::new(
        SqlState::InvalidUseOfEscapeCharacter,
        "SQL regular expression may not contain more than two escape-double-quote separators",
    )
}

pub fn escape_invalid() -> Error {
    Error::new(SqlState::InvalidEscapeSequence, "invalid escape string")
        .with_hint("Escape string must be empty or one character.")
}

pub fn like_ends_with_escape() -> Error {
    Error::new(SqlState::InvalidEscapeSequence, "LIKE pattern must not end with escape character")
}

pub fn factorial_of_negative() -> Error {
    Error::new(SqlState::NumericValueOutOfRange, "factorial of a negative number is undefined")
}

pub fn power_of_zero() -> Error {
    Error::new(SqlState::InvalidArgumentForPowerFunction, "zero raised to a negative power is undefined")
}

pub fn power_complex() -> Error {
    Error::new(
        SqlState::InvalidArgumentForPowerFunction,
        "a negative number raised to a non-integer power yields a complex result",
    )
}

pub fn out_of_range_overflow() -> Error {
    Error::new(SqlState::NumericValueOutOfRange, "value out of range: overflow")
}

pub fn bucket_count() -> Error {
    Error::new(SqlState::InvalidArgumentForWidthBucketFunction, "count must be greater than zero")
}

pub fn bucket_bounds_equal() -> Error {
    Error::new(SqlState::InvalidArgumentForWidthBucketFunction, "lower bound cannot equal upper bound")
}

pub fn bucket_bounds_not_finite() -> Error {
    Error::new(SqlState::InvalidArgumentForWidthBucketFunction, "operand, lower bound, and upper bound cannot be NaN")
}

pub fn bucket_bounds_null() -> Error {
    Error::new(SqlState::NullValueNotAllowed, "thresholds array must not contain NULLs")
}

pub fn trim_out_of_range(length: usize) -> Error {
    Error::new(SqlState::ArraySubscriptError, format!("number of elements to trim must be between 0 and {length}"))
}

/// `found`: the word or sign that cannot stand where it does.
pub fn json_invalid(found: &str) -> Error {
    let detail = match found {
        "" => "The input string ended unexpectedly.".to_owned(),
        found => format!("Token \"{found}\" is invalid."),
    };
    Error::new(SqlState::InvalidTextRepresentation, "invalid input syntax for type json").with_detail(detail)
}

pub fn json_control(char: char) -> Error {
    Error::new(SqlState::InvalidTextRepresentation, "invalid input syntax for type json")
        .with_detail(format!("Character with value 0x{:02x} must be escaped.", u32::from(char)))
}

pub fn json_escape(char: Option<char>) -> Error {
    let shown = char.map(String::from).unwrap_or_default();
    Error::new(SqlState::InvalidTextRepresentation, "invalid input syntax for type json")
        .with_detail(format!("Escape sequence \"\\{shown}\" is invalid."))
}

/// `kind`: `json` or `jsonb`.
pub fn json_arguments_odd(kind: &str) -> Error {
    Error::new(SqlState::InvalidParameterValue, "argument list must have even number of elements")
        .with_hint(format!("The arguments of {kind}_build_object() must consist of alternating keys and values."))
}

pub fn json_key_null(argument: usize) -> Error {
    Error::new(SqlState::InvalidParameterValue, format!("argument {argument} cannot be null"))
        .with_hint("Object keys should be text.")
}

pub fn json_key_null_of_aggregate() -> Error {
    Error::new(SqlState::InvalidParameterValue, "field name must not be null")
}

/// `what`: `get array length of` or `extract elements from`.
pub fn json_not_array(what: &str, found: &str) -> Error {
    Error::new(SqlState::InvalidParameterValue, format!("cannot {what} {found}"))
}

pub fn json_not_object() -> Error {
    Error::new(SqlState::InvalidParameterValue, "cannot take the members of what is no JSON object")
}

pub fn json_delete_from_scalar() -> Error {
    Error::new(SqlState::InvalidParameterValue, "cannot delete from scalar")
}

pub fn json_delete_by_place() -> Error {
    Error::new(SqlState::InvalidParameterValue, "cannot delete from object using integer index")
}

pub fn array_malformed(text: &str) -> Error {
    Error::new(SqlState::InvalidTextRepresentation, format!("malformed array literal: \"{text}\""))
}

pub fn cannot_cast_named(from: &arrow::datatypes::DataType, to: &str) -> Error {
    Error::new(SqlState::CannotCoerce, format!("cannot cast type {} to {to}", type_name(from)))
}

pub fn hypothetical_set(function: &str) -> Error {
    Error::new(SqlState::FeatureNotSupported, format!("{function} as a hypothetical-set aggregate is not supported"))
        .with_hint("Count the rows that come before the value: count(*) FILTER (WHERE x < value) + 1.")
}

pub fn percentile_out_of_range(fraction: f64) -> Error {
    Error::new(SqlState::NumericValueOutOfRange, format!("percentile value {fraction} is not between 0 and 1"))
}

pub fn percentile_of_moments() -> Error {
    Error::new(SqlState::FeatureNotSupported, "percentile_cont of values that are no numbers is not supported")
        .with_hint("Use percentile_disc, which gives one of the values, or extract(epoch from x).")
}

pub fn like_any_of_column() -> Error {
    Error::new(SqlState::FeatureNotSupported, "LIKE ANY over a computed array is not supported")
        .with_hint("Write the patterns out, as in x LIKE ANY (ARRAY['a%', 'b%']).")
}

pub fn overlaps_arguments() -> Error {
    Error::new(SqlState::SyntaxError, "wrong number of parameters on OVERLAPS expression")
}

/// `op`: `EXCEPT` or `INTERSECT`.
pub fn set_operation_all(op: &str) -> Error {
    Error::new(SqlState::FeatureNotSupported, format!("{op} ALL is not supported"))
        .with_hint(format!("Number equal rows on both sides with row_number() OVER (PARTITION BY …), and use {op}."))
}

pub fn fetch_with_ties(is_ordered: bool) -> Error {
    if !is_ordered {
        return Error::new(SqlState::SyntaxError, "WITH TIES cannot be specified without ORDER BY clause");
    }
    Error::new(SqlState::FeatureNotSupported, "FETCH FIRST … WITH TIES is not supported")
        .with_hint("Number the rows with rank() OVER (ORDER BY …) in a subquery, and keep those up to the count.")
}

pub fn table_sample() -> Error {
    Error::new(SqlState::FeatureNotSupported, "TABLESAMPLE is not supported")
        .with_hint("Take a share of the rows with WHERE random() < 0.1.")
}

pub fn frame_exclusion() -> Error {
    Error::new(SqlState::FeatureNotSupported, "EXCLUDE in a window frame is not supported")
        .with_hint("Take what is left out away from the value over the whole frame, as in sum(x) OVER w - x.")
}

pub fn row_lengths_differ() -> Error {
    Error::new(SqlState::SyntaxError, "unequal number of entries in row expressions")
}

pub fn row_beside_subquery() -> Error {
    Error::new(SqlState::FeatureNotSupported, "a row that is compared with a subquery is not supported here")
        .with_hint("Use EXISTS (SELECT … WHERE …), or (a, b) IN (SELECT …) as a condition of WHERE.")
}

pub fn row_left_out(relation: &str) -> Error {
    let what = format!("the whole row of \"{relation}\", which an outer join may leave out, is not supported");
    Error::new(SqlState::FeatureNotSupported, what).with_hint("Name its columns, as in jsonb_build_object('a', t.a).")
}

pub fn row_count_not_constant(clause: &str) -> Error {
    Error::new(SqlState::InvalidColumnReference, format!("argument of {clause} must not contain variables"))
}

/// `clause`: `LIMIT` or `OFFSET`.
pub fn row_count_negative(clause: &str) -> Error {
    let state = match clause {
        "LIMIT" => SqlState::InvalidRowCountInLimitClause,
        _ => SqlState::InvalidRowCountInResultOffsetClause,
    };
    Error::new(state, format!("{clause} must not be negative"))
}

pub fn distinct_on_position(position: &str) -> Error {
    let what = format!("SELECT DISTINCT ON position {position} is not in select list");
    Error::new(SqlState::InvalidColumnReference, what)
}

pub fn distinct_on_order() -> Error {
    let what = "SELECT DISTINCT ON expressions must match initial ORDER BY expressions";
    Error::new(SqlState::InvalidColumnReference, what)
}

pub fn interval_order(function: &str) -> Error {
    Error::new(SqlState::FeatureNotSupported, format!("{function} of intervals is not supported"))
        .with_hint("Compare their length, as in max(extract(epoch from x)).")
}

/// `bytes`: what texts of one batch of rows may have together.
pub fn text_too_long(bytes: usize) -> Error {
    let limit = format!("What one function makes may have {} MiB in a batch of rows.", bytes >> 20);
    Error::new(SqlState::ProgramLimitExceeded, "requested length too large").with_detail(limit)
}

/// `bytes`: what the arguments of one call may have.
pub fn array_too_long(bytes: usize) -> Error {
    let limit = format!("Arrays that are joined may have {} MiB in a batch of rows.", bytes >> 20);
    Error::new(SqlState::ProgramLimitExceeded, "array size exceeds the maximum allowed").with_detail(limit)
}

pub fn names_of_columns(available: &str, given: &str) -> Error {
    let count = |text: &str| text.parse::<usize>().unwrap_or_default();
    if count(given) > count(available) {
        let what = format!("table has {available} columns available but {given} columns specified");
        return Error::new(SqlState::InvalidColumnReference, what);
    }
    Error::new(
        SqlState::FeatureNotSupported,
        "a list of column names that is shorter than the columns is not supported",
    )
    .with_hint(format!("Name all {available} columns."))
}

pub fn input_out_of_range() -> Error {
    Error::new(SqlState::NumericValueOutOfRange, "input is out of range")
}
