//! Sentences about messages of the protocol, limits of a connection, values of parameters.

use super::invalid_text;
use crate::error::{Error, SqlState};

/// A message whose bytes do not follow the protocol; `what` names the fault.
pub fn protocol_violation(what: impl Into<String>) -> Error {
    Error::new(SqlState::ProtocolViolation, what)
}

pub fn malformed_message(kind: char) -> Error {
    protocol_violation(format!("invalid format of message \"{kind}\""))
}

pub fn unknown_message_type(kind: u8) -> Error {
    protocol_violation(format!("invalid frontend message type {kind}"))
}

pub fn invalid_message_length(length: i32) -> Error {
    protocol_violation("invalid message length").with_detail(format!("The message claims {length} bytes."))
}

pub fn message_too_long(length: usize, limit: usize) -> Error {
    Error::new(SqlState::ProgramLimitExceeded, "message is too long")
        .with_detail(format!("It claims {length} bytes; the limit is {limit} bytes."))
}

pub fn too_much_before_authentication(limit: usize) -> Error {
    protocol_violation("too much data before authentication").with_detail(format!("The limit is {limit} bytes."))
}

pub fn invalid_startup_packet(what: &str) -> Error {
    protocol_violation(format!("invalid startup packet layout: {what}"))
}

pub fn unsupported_protocol(major: u16, minor: u16) -> Error {
    Error::new(
        SqlState::FeatureNotSupported,
        format!("unsupported frontend protocol {major}.{minor}: server supports 3.0 to 3.0"),
    )
}

pub fn no_user_name() -> Error {
    Error::new(SqlState::InvalidAuthorizationSpecification, "no PostgreSQL user name specified in startup packet")
}

pub fn encryption_required() -> Error {
    Error::new(SqlState::InvalidAuthorizationSpecification, "connection without encryption is not allowed")
        .with_hint("Connect with sslmode=verify-full, or sslmode=require where the certificate cannot be checked.")
}

pub fn unencrypted_leftover() -> Error {
    protocol_violation("received unencrypted data after SSL request")
        .with_detail("This could be either a client-software bug or evidence of an attempted man-in-the-middle attack.")
}

pub fn tls_without_alpn() -> Error {
    protocol_violation("received direct SSL connection request without ALPN protocol negotiation extension")
}

pub fn not_a_local_connection() -> Error {
    Error::new(SqlState::InvalidAuthorizationSpecification, "connection from another machine is not allowed")
        .with_detail("Connections without a password are accepted from the loopback interface only.")
}

pub fn replication_unsupported() -> Error {
    Error::new(SqlState::FeatureNotSupported, "replication connections are not supported")
}

pub fn invalid_startup_option(argument: &str) -> Error {
    Error::new(SqlState::SyntaxError, format!("invalid command-line argument for server process: {argument}"))
        .with_hint("Write settings in \"options\" as -c name=value or --name=value.")
}

pub fn too_many_connections(limit: usize) -> Error {
    Error::new(SqlState::TooManyConnections, "sorry, too many clients already")
        .with_detail(format!("The limit is {limit} connections."))
}

pub fn idle_too_long(in_transaction: bool) -> Error {
    if in_transaction {
        Error::new(
            SqlState::IdleInTransactionSessionTimeout,
            "terminating connection due to idle-in-transaction timeout",
        )
    } else {
        Error::new(SqlState::IdleSessionTimeout, "terminating connection due to idle-session timeout")
    }
}

pub fn refusing_new_connections() -> Error {
    Error::new(SqlState::CannotConnectNow, "the database system is shutting down")
}

pub fn function_call_unsupported() -> Error {
    Error::new(SqlState::FeatureNotSupported, "function call messages are not supported")
        .with_hint("Call the function with SELECT.")
}

pub fn prepared_statement_exists(name: &str) -> Error {
    Error::new(SqlState::DuplicatePreparedStatement, format!("prepared statement \"{name}\" already exists"))
}

/// `name` is empty for the unnamed statement.
pub fn no_such_prepared_statement(name: &str) -> Error {
    let message = match name {
        "" => "unnamed prepared statement does not exist".to_owned(),
        _ => format!("prepared statement \"{name}\" does not exist"),
    };
    Error::new(SqlState::InvalidSqlStatementName, message)
}

pub fn no_such_portal(name: &str) -> Error {
    Error::new(SqlState::InvalidCursorName, format!("portal \"{name}\" does not exist"))
}

pub fn portal_cannot_run(name: &str) -> Error {
    Error::new(SqlState::ObjectNotInPrerequisiteState, format!("portal \"{name}\" cannot be run"))
}

pub fn portal_in_failed_transaction() -> Error {
    Error::new(
        SqlState::InFailedSqlTransaction,
        "current transaction is aborted, commands ignored until end of transaction block",
    )
}

pub fn too_much_prepared(limit: usize) -> Error {
    Error::new(SqlState::ConfigurationLimitExceeded, "too many prepared statements and portals in this session")
        .with_detail(format!("Their messages may hold {limit} bytes together."))
        .with_hint("DISCARD ALL, or close statements that are no longer needed.")
}

pub fn wrong_parameter_count(given: usize, statement: &str, needed: usize) -> Error {
    protocol_violation(format!(
        "bind message supplies {given} parameters, but prepared statement \"{statement}\" requires {needed}"
    ))
}

pub fn wrong_parameter_format_count(formats: usize, parameters: usize) -> Error {
    protocol_violation(format!("bind message has {formats} parameter formats but {parameters} parameters"))
}

pub fn wrong_result_format_count(formats: usize, columns: usize) -> Error {
    protocol_violation(format!("bind message has {formats} result formats but query has {columns} columns"))
}

pub fn unsupported_format_code(code: i16) -> Error {
    Error::new(SqlState::InvalidParameterValue, format!("unsupported format code: {code}"))
}

/// `bytes`: from the first one that is not text, at most four are shown.
pub fn invalid_byte_sequence(bytes: &[u8]) -> Error {
    let shown: Vec<String> = bytes.iter().take(4).map(|byte| format!("0x{byte:02x}")).collect();
    Error::new(
        SqlState::CharacterNotInRepertoire,
        format!("invalid byte sequence for encoding \"UTF8\": {}", shown.join(" ")),
    )
}

pub fn too_many_columns(columns: usize) -> Error {
    Error::new(SqlState::ProgramLimitExceeded, "result has too many columns")
        .with_detail(format!("It has {columns}; the limit is {} columns.", i16::MAX))
}

pub fn row_too_long(bytes: usize, limit: usize) -> Error {
    Error::new(SqlState::ProgramLimitExceeded, "row is too long")
        .with_detail(format!("It takes {bytes} bytes; the limit is {limit} bytes."))
}

pub fn ragged_array() -> Error {
    Error::new(SqlState::FeatureNotSupported, "array whose sub-arrays differ in length has no binary form")
        .with_hint("Ask for the result as text.")
}

pub fn out_of_range_of_type(type_name: &str) -> Error {
    Error::new(SqlState::NumericValueOutOfRange, format!("{type_name} out of range"))
}

pub fn parameter_type_unsupported(type_name: &str) -> Error {
    Error::new(SqlState::FeatureNotSupported, format!("parameters of type {type_name} are not supported"))
}

pub fn invalid_bytea_text() -> Error {
    Error::new(SqlState::InvalidTextRepresentation, "invalid input syntax for type bytea")
}

pub fn invalid_hexadecimal_digit(digit: char) -> Error {
    Error::new(SqlState::InvalidParameterValue, format!("invalid hexadecimal digit: \"{digit}\""))
}

pub fn odd_hexadecimal_digits() -> Error {
    Error::new(SqlState::InvalidParameterValue, "invalid hexadecimal data: odd number of digits")
}

/// `number`: of the parameter, from 1.
pub fn invalid_binary(number: usize) -> Error {
    Error::new(
        SqlState::InvalidBinaryRepresentation,
        format!("incorrect binary data format in bind parameter {number}"),
    )
}

pub fn integer_text_out_of_range(type_name: &str, text: &str) -> Error {
    Error::new(SqlState::NumericValueOutOfRange, format!("value \"{text}\" is out of range for type {type_name}"))
}

pub fn float_text_out_of_range(type_name: &str, text: &str) -> Error {
    Error::new(SqlState::NumericValueOutOfRange, format!("\"{text}\" is out of range for type {type_name}"))
}

pub fn numeric_unrepresentable(limit: u8) -> Error {
    Error::new(SqlState::NumericValueOutOfRange, "value overflows numeric format")
        .with_detail(format!("Parameters hold finite numbers of up to {limit} digits."))
}

pub fn invalid_datetime_text(type_name: &str, text: &str) -> Error {
    Error::new(SqlState::InvalidDatetimeFormat, format!("invalid input syntax for type {type_name}: \"{text}\""))
}

pub fn time_zone_displacement_out_of_range(text: &str) -> Error {
    Error::new(SqlState::InvalidTimeZoneDisplacement, format!("time zone displacement out of range: \"{text}\""))
}

pub fn datetime_field_out_of_range(text: &str) -> Error {
    Error::new(SqlState::DatetimeFieldOverflow, format!("date/time field value out of range: \"{text}\""))
}

/// `kind`: `date` or `timestamp`.
pub fn datetime_out_of_range(kind: &str, text: &str) -> Error {
    Error::new(SqlState::DatetimeFieldOverflow, format!("{kind} out of range: \"{text}\""))
}

/// A binary value beyond its type; `kind`: `date`, `time`, `timestamp` or `interval`.
pub fn out_of_range_of_datetime(kind: &str) -> Error {
    Error::new(SqlState::DatetimeFieldOverflow, format!("{kind} out of range"))
}

pub fn interval_out_of_range(text: &str) -> Error {
    Error::new(SqlState::DatetimeFieldOverflow, format!("interval field value out of range: \"{text}\""))
}

pub fn unknown_time_zone(name: &str) -> Error {
    Error::new(SqlState::InvalidParameterValue, format!("time zone \"{name}\" not recognized"))
}

pub fn malformed_array(text: &str) -> Error {
    Error::new(SqlState::InvalidTextRepresentation, format!("malformed array literal: \"{text}\""))
}

pub fn nested_array_parameter() -> Error {
    Error::new(SqlState::FeatureNotSupported, "parameters that are arrays of more than one dimension are not supported")
}

/// A value as text that its type cannot be read from, with the condition that the engine's kind of value has.
pub fn unreadable_value(type_name: &str, value: &str) -> Error {
    match type_name {
        "date" | "time" | "timestamp" | "interval" => Error::new(
            SqlState::InvalidDatetimeFormat,
            format!("invalid input syntax for type {type_name}: \"{value}\""),
        ),
        _ => invalid_text(type_name, value),
    }
}
