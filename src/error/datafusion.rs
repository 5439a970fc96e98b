//! The engine's faults as PostgreSQL's conditions: one map, and the only one.
//!
//! Our own errors come through whole (they travel as `DataFusionError::External`). Typed faults are mapped by type.
//! What arrives as bare text goes through a short list of recognisers, each pinned by a suite under `tests/slt/error`;
//! text that none of them knows keeps its class (a statement that cannot be planned, data that cannot be computed).
//! Only the engine's *internal* errors are `XX000`.

use arrow::error::ArrowError;
use datafusion::common::{Column, SchemaError};
use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::tokenizer::Location;
use parquet::errors::ParquetError;
use regex::Regex;

use super::{Error, SqlState, message};

impl From<DataFusionError> for Error {
    fn from(error: DataFusionError) -> Self {
        of_engine(error)
    }
}

impl From<ArrowError> for Error {
    fn from(error: ArrowError) -> Self {
        of_engine(error.into())
    }
}

impl From<Error> for DataFusionError {
    fn from(error: Error) -> Self {
        DataFusionError::External(Box::new(error))
    }
}

/// Where the engine says a fault lies in the statement's text, if it says so.
pub fn location(error: &DataFusionError) -> Option<Location> {
    match error {
        DataFusionError::Diagnostic(diagnostic, inner) => diagnostic
            .span
            .map(|span| Location { line: span.start.line, column: span.start.column })
            .or_else(|| location(inner)),
        DataFusionError::Context(_, inner) => location(inner),
        DataFusionError::Shared(inner) => location(inner),
        DataFusionError::Collection(errors) => errors.first().and_then(location),
        _ => None,
    }
}

/// Our own error out of the engine's wrapping, whole; else the engine's error as it was.
pub fn own_error(error: DataFusionError) -> Result<Error, DataFusionError> {
    match error {
        DataFusionError::External(inner) => match inner.downcast::<Error>() {
            Ok(own) => Ok(*own),
            Err(inner) => match inner.downcast::<DataFusionError>() {
                Ok(nested) => own_error(*nested),
                Err(inner) => Err(DataFusionError::External(inner)),
            },
        },
        DataFusionError::Context(context, inner) => {
            own_error(*inner).map_err(|inner| DataFusionError::Context(context, Box::new(inner)))
        }
        DataFusionError::Diagnostic(diagnostic, inner) => {
            own_error(*inner).map_err(|inner| DataFusionError::Diagnostic(diagnostic, Box::new(inner)))
        }
        other => find_own(&other).map(Error::to_shared).ok_or(other),
    }
}

/// Our own error in an error that cannot be taken apart, because several parts of a plan share it or Arrow holds it.
fn find_own<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(own) = error.downcast_ref::<Error>() {
            return Some(own);
        }
        next = match error.downcast_ref::<DataFusionError>() {
            Some(DataFusionError::External(inner)) => Some(inner.as_ref()),
            Some(DataFusionError::Shared(inner)) => Some(inner.as_ref()),
            Some(DataFusionError::Collection(errors)) => errors.first().map(|first| first as _),
            _ => match error.downcast_ref::<ArrowError>() {
                Some(ArrowError::ExternalError(inner)) => Some(inner.as_ref()),
                _ => error.source(),
            },
        };
    }
    None
}

fn of_engine(error: DataFusionError) -> Error {
    match own_error(error) {
        Ok(own) => own,
        Err(error) => of_fault(&error).with_cause(error),
    }
}

fn of_fault(error: &DataFusionError) -> Error {
    match error {
        DataFusionError::External(inner) => of_foreign(inner.as_ref()),
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => of_fault(inner),
        DataFusionError::Shared(inner) => of_fault(inner),
        DataFusionError::Collection(errors) => match errors.first() {
            Some(first) => of_fault(first),
            None => message::internal("the engine reported no error as one"),
        },
        DataFusionError::ArrowError(inner, _) => of_arrow(inner),
        DataFusionError::SchemaError(inner, _) => of_schema(inner),
        DataFusionError::SQL(..) => Error::new(SqlState::SyntaxError, "syntax error"),
        DataFusionError::ResourcesExhausted(text) => message::out_of_memory(first_line(text)),
        DataFusionError::NotImplemented(text) => message::not_supported_by_engine(first_line(text)),
        DataFusionError::Plan(text) | DataFusionError::Configuration(text) => of_plan_text(text),
        DataFusionError::Execution(text) => of_execution_text(text),
        DataFusionError::ExecutionJoin(_) => message::internal("a task of the engine ended without a result"),
        DataFusionError::ObjectStore(inner) => of_store(inner),
        DataFusionError::ParquetError(inner) => of_parquet(inner),
        DataFusionError::IoError(inner) => message::io_failed(inner),
        DataFusionError::Internal(text) => message::internal(first_line(text)),
        DataFusionError::Substrait(text) | DataFusionError::Ffi(text) => message::internal(first_line(text)),
    }
}

/// An error that travels in another's: of the engine's own kinds, a refusal of our functions, or of any other library.
fn of_foreign(error: &(dyn std::error::Error + Send + Sync + 'static)) -> Error {
    if let Some(own) = error.downcast_ref::<Error>() {
        return own.to_shared();
    }
    if let Some(engine) = error.downcast_ref() {
        return of_fault(engine);
    }
    if let Some(arrow) = error.downcast_ref() {
        return of_arrow(arrow);
    }
    if let Some(parquet) = error.downcast_ref() {
        return of_parquet(parquet);
    }
    if let Some(store) = error.downcast_ref() {
        return of_store(store);
    }
    if let Some(refusal) = error.downcast_ref() {
        return of_refusal(refusal);
    }
    of_execution_text(&error.to_string())
}

fn of_store(error: &object_store::Error) -> Error {
    match error {
        object_store::Error::NotFound { path, .. } => message::file_vanished(path),
        other => message::storage_failed(&other.to_string()),
    }
}

/// A function of ours refuses its arguments.
fn of_refusal(refusal: &regulars_udfs::Refusal) -> Error {
    let state = SqlState::ALL
        .iter()
        .copied()
        .find(|state| state.code() == refusal.sqlstate)
        .unwrap_or(SqlState::InvalidParameterValue);
    let mut error = Error::new(state, refusal.message.clone());
    if let Some(detail) = &refusal.detail {
        error = error.with_detail(detail.clone());
    }
    if let Some(hint) = &refusal.hint {
        error = error.with_hint(hint.clone());
    }
    error
}

fn of_arrow(error: &ArrowError) -> Error {
    match error {
        ArrowError::ExternalError(inner) => of_foreign(inner.as_ref()),
        ArrowError::IoError(_, inner) => message::io_failed(inner),
        ArrowError::ParquetError(text) => message::data_corrupted(first_line(text)),
        other => of_arrow_text(other),
    }
}

fn of_arrow_text(error: &ArrowError) -> Error {
    match error {
        ArrowError::DivideByZero => message::division_by_zero(),
        ArrowError::ArithmeticOverflow(text) => message::out_of_range(first_line(text)),
        ArrowError::CastError(text) | ArrowError::ParseError(text) => of_cast_text(text),
        ArrowError::NotYetImplemented(text) => message::not_supported_by_engine(first_line(text)),
        ArrowError::MemoryError(text) => message::out_of_memory(first_line(text)),
        ArrowError::DictionaryKeyOverflowError
        | ArrowError::RunEndIndexOverflowError
        | ArrowError::OffsetOverflowError(_) => message::out_of_range("more distinct values than an array can hold"),
        ArrowError::InvalidArgumentError(text) | ArrowError::ComputeError(text) => of_execution_text(text),
        other => of_execution_text(&other.to_string()),
    }
}

fn of_schema(error: &SchemaError) -> Error {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => column_missing(field, valid_fields),
        SchemaError::AmbiguousReference { field } => message::column_ambiguous(&field.name),
        SchemaError::DuplicateQualifiedField { name, .. } | SchemaError::DuplicateUnqualifiedField { name } => {
            message::column_named_twice(name)
        }
    }
}

fn column_missing(field: &Column, valid: &[Column]) -> Error {
    let relations: Vec<&str> =
        valid.iter().filter_map(|column| column.relation.as_ref().map(|relation| relation.table())).collect();
    match &field.relation {
        Some(relation) if !relations.is_empty() && !relations.contains(&relation.table()) => {
            message::from_clause_entry_missing(relation.table())
        }
        relation => {
            let written = relation.as_ref().map(|relation| relation.table());
            let names: Vec<&str> = valid.iter().map(|column| column.name.as_str()).collect();
            message::unknown_column(written, &field.name, &names)
        }
    }
}

fn of_parquet(error: &ParquetError) -> Error {
    match error {
        ParquetError::External(inner) => of_foreign(inner.as_ref()),
        other => message::data_corrupted(&other.to_string()),
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or(text)
}

/// Recognisers for text: what the engine says, and what it means. First match wins.
fn of_plan_text(text: &str) -> Error {
    let line = first_line(text);
    if let Some(found) = capture(r"^Invalid function '([^']*)'", line) {
        return message::function_missing(&found);
    }
    if let Some(found) = capture(r"^table function '([^']*)' not found", line) {
        return message::function_missing(&found);
    }
    if let Some(found) = capture(r"^Cannot create filter with non-boolean predicate .* returning (\S+)", line) {
        return message::argument_must_be_boolean("WHERE", &sql_name(&found));
    }
    if let Some(found) = capture(r"^Unary operator 'NOT' requires a boolean expression, got (\S+)", line) {
        return message::argument_must_be_boolean("NOT", &sql_name(&found));
    }
    if let Some((function, types)) = capture_two(r"'(coalesce|greatest|least|nullif)\(([^']*)\)'", text) {
        let names: Vec<String> = types.split(", ").map(sql_name).collect();
        let other = names.iter().find(|name| Some(*name) != names.first());
        return message::types_do_not_match(
            &function.to_ascii_uppercase(),
            names.first().map_or("unknown", String::as_str),
            other.map_or("unknown", String::as_str),
        );
    }
    if line.starts_with("Too many columns! The subquery should only return one column") {
        return message::subquery_columns();
    }
    if let Some(clause) = capture(r"^(LIMIT|OFFSET) must be >= ?0", line) {
        return message::row_count_negative(&clause);
    }
    if let Some((available, given)) =
        capture_two(r"^Source table contains (\d+) columns but only (\d+) names given", line)
    {
        return message::names_of_columns(&available, &given);
    }
    if line.starts_with("SELECT DISTINCT ON expressions must match") {
        return message::distinct_on_order();
    }
    if line.starts_with("Invalid window frame: frame offsets") {
        return Error::new(
            SqlState::InvalidPrecedingOrFollowingSize,
            "frame starting or ending offset must not be negative",
        );
    }
    if let Some(what) = capture(r"^Invalid window frame: (.*)", line) {
        return Error::new(SqlState::WindowingError, what);
    }
    if let Some(window) = capture(r"^The window (\S+) is not defined", line) {
        return Error::new(SqlState::UndefinedObject, format!("window \"{window}\" does not exist"));
    }
    if line.starts_with("Aggregate function calls cannot contain window function calls") {
        return Error::new(SqlState::GroupingError, "aggregate function calls cannot contain window function calls");
    }
    if line.starts_with("For SELECT DISTINCT, ORDER BY expressions") {
        return message::distinct_order();
    }
    if line.contains("must be in GROUP BY clause") || line.contains("must appear in the GROUP BY clause") {
        let column = capture(r#"(?:expression|column|Column) "?([^"]*?)"? (?:must|is)"#, line);
        return message::not_grouped(column.as_deref());
    }
    if line.contains("Projections require unique expression names") {
        return message::column_named_twice(&capture(r#"expression "([^"]*)" at"#, line).unwrap_or_default());
    }
    if line.contains("Cannot coerce arithmetic expression")
        || line.contains("Cannot infer common argument type for comparison")
    {
        let types = capture(r"(?:expression|operation) (.*?)(?: to valid types|$)", line);
        return message::operator_missing(types.as_deref().unwrap_or(line));
    }
    if line.contains("does not support") && line.contains("signature")
        || line.contains("No function matches")
        || line.contains("coercion from")
        || line.contains("Candidate functions")
        || line.contains("failed to match any signature")
        || line.contains("Function '")
    {
        return message::function_arguments(line);
    }
    if line.contains("number of columns") || line.contains("same number of columns") {
        return message::set_operation_columns(line);
    }
    if line.contains("Placeholder type") || line.contains("Can't find type for parameter") {
        return message::parameter_type_unknown(line);
    }
    message::cannot_be_planned(line)
}

fn of_execution_text(text: &str) -> Error {
    let line = first_line(text);
    let lower = line.to_ascii_lowercase();
    if lower.contains("divide by zero") || lower.contains("division by zero") {
        return message::division_by_zero();
    }
    if lower.contains("store in a decimal") {
        return message::numeric_overflow();
    }
    if lower.contains("overflow") || lower.contains("out of range") {
        return message::out_of_range(line);
    }
    if lower.contains("more than one row") || lower.contains("returned more than one") {
        return message::subquery_too_many_rows();
    }
    if lower.contains("regex") || lower.contains("regular expression") {
        return message::invalid_regular_expression(line);
    }
    if lower.contains("parse") || lower.contains("cast") {
        return of_cast_text(line);
    }
    message::cannot_be_computed(line)
}

/// "Cannot cast string 'x' to value of Int64 type", "Error parsing timestamp from 'x': …", and their kin.
fn of_cast_text(text: &str) -> Error {
    let line = first_line(text);
    if let Some((value, to)) = capture_two(r"Cannot cast string '(.*?)' to value of (\w+)", line) {
        return message::unreadable_value(arrow_name(&to), &value);
    }
    if let Some((value, to)) = capture_two(r"Cannot cast '(.*?)' to (\w+)", line) {
        return message::unreadable_value(arrow_name(&to), &value);
    }
    if let Some(to) = capture(r"^Can't cast value \S+ to type (\w+)", line) {
        return message::out_of_range_of_type(arrow_name(&to));
    }
    if line.contains("to store in a Decimal") {
        return message::numeric_overflow();
    }
    if let Some(value) = capture(r"(?:parsing timestamp from|parse string) '(.*?)'", line) {
        return message::unreadable_value("timestamp", &value);
    }
    if line.to_ascii_lowercase().contains("out of range") || line.contains("too large") || line.contains("overflow") {
        return message::out_of_range(line);
    }
    message::cannot_be_computed(line)
}

/// PostgreSQL's name of an Arrow type that the engine names in a message.
fn arrow_name(arrow: &str) -> &'static str {
    match arrow {
        "Int8" | "Int16" => "smallint",
        "Int32" | "UInt16" => "integer",
        "Int64" | "UInt64" | "UInt32" => "bigint",
        "Float32" => "real",
        "Float64" => "double precision",
        "Boolean" => "boolean",
        "Date32" | "Date64" => "date",
        "Time32" | "Time64" => "time",
        "Timestamp" => "timestamp",
        "Interval" => "interval",
        _ => "numeric",
    }
}

/// The same for types with their parameters, text included.
fn sql_name(arrow: &str) -> String {
    match arrow {
        _ if arrow.starts_with("Utf8") || arrow.starts_with("LargeUtf8") => "text".to_owned(),
        _ if arrow.starts_with("Timestamp") && arrow.contains("UTC") => "timestamp with time zone".to_owned(),
        _ => arrow_name(arrow.split('(').next().unwrap_or(arrow)).to_owned(),
    }
}

fn capture(pattern: &str, text: &str) -> Option<String> {
    Regex::new(pattern).ok()?.captures(text)?.get(1).map(|found| found.as_str().to_owned())
}

fn capture_two(pattern: &str, text: &str) -> Option<(String, String)> {
    let pattern = Regex::new(pattern).ok()?;
    let found = pattern.captures(text)?;
    Some((found.get(1)?.as_str().to_owned(), found.get(2)?.as_str().to_owned()))
}
