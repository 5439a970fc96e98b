//! Sentences about files of the purchase history and their mapping.

use chrono::NaiveDate;
use std::path::Path;

use crate::error::{Error, SqlState};

pub fn sample_folder_taken(folder: &Path) -> Error {
    Error::new(SqlState::IoError, format!("folder \"{}\" already holds something", folder.display()))
        .with_detail("The sample is only written to a folder that is absent or empty.")
        .with_hint("Name another folder, or remove this one.")
}

pub fn sample_folder_unnamed(folder: &Path) -> Error {
    Error::new(SqlState::InvalidParameterValue, format!("folder \"{}\" has no name of its own", folder.display()))
        .with_hint("Give a path that ends in the name of the folder to make, such as data/demo.")
}

pub fn sample_not_written(path: &Path, cause: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(SqlState::IoError, format!("file \"{}\" cannot be written", path.display()))
        .with_detail(format!("The cause: {cause}."))
        .with_cause(cause)
}

pub fn sample_date_out_of_range(until: NaiveDate) -> Error {
    Error::new(SqlState::InvalidParameterValue, format!("date {until} is no last day of a sample history"))
        .with_detail("The last business date lies in the years 1980 to 2200.")
}

pub fn unusable_url(written: &str, detail: &str) -> Error {
    Error::new(SqlState::ConfigFileError, format!("path \"{written}\" cannot be used"))
        .with_detail(detail)
        .with_hint("Paths are files, folders, globs, or URLs that begin with s3://, gs://, az://, http:// or https://.")
}

/// `looked_at`: the absolute path, when the written one is relative.
pub fn missing_path(written: &str, looked_at: Option<&str>) -> Error {
    let error = Error::new(SqlState::UndefinedFile, format!("path \"{written}\" does not exist"));
    match looked_at.filter(|path| *path != written) {
        Some(path) => {
            error.with_detail(format!("Looked for \"{path}\"; relative paths count from the configuration file."))
        }
        None => error,
    }
}

pub fn unreadable_path(name: &str, detail: impl Into<String>) -> Error {
    Error::new(SqlState::IoError, format!("\"{name}\" cannot be read")).with_detail(detail)
}

/// `what`: a table or column, with its kind.
pub fn unreadable_data(what: &str, detail: impl Into<String>) -> Error {
    Error::new(SqlState::DataCorrupted, format!("{what} cannot be read")).with_detail(detail)
}

pub fn no_parquet_files(table: &str, section: &str, written: &str) -> Error {
    Error::new(SqlState::UndefinedFile, format!("path \"{written}\" of table \"{table}\" holds no whole Parquet file"))
        .with_detail("Folders are read with all files below them that end in .parquet; names that begin with . or _ are left out.")
        .with_hint(format!("[{section}] path = \"…\" names a file, a folder, a glob or a URL."))
}

pub fn history_without_purchases(path: Option<&str>) -> Error {
    let detail = match path {
        Some(path) => {
            format!("\"{path}\" holds neither purchases nor purchase_lines, as NAME.parquet or a folder NAME.")
        }
        None => "Neither [history.purchases] nor [history.purchase_lines] is configured.".to_owned(),
    };
    Error::new(SqlState::ConfigFileError, "history has no purchases")
        .with_detail(detail)
        .with_hint("[history.purchase_lines] path = \"…\" names the files with the lines of receipts.")
}

pub fn table_named_like_contract(name: &str) -> Error {
    Error::new(SqlState::ConfigFileError, format!("table \"{name}\" cannot be one of the user's own"))
        .with_detail("The name belongs to the contract of the history.")
        .with_hint(format!("Write [history.{name}] instead of [tables.{name}]."))
}

pub fn unknown_configured_zone(zone: &str, refusal: &regulars_udfs::Refusal) -> Error {
    Error::new(SqlState::ConfigFileError, format!("time zone \"{zone}\" is not known"))
        .with_detail("It stands in [history] time_zone.")
        .with_hint(zone_hint(refusal))
}

pub fn unknown_store_zone(store: &str, zone: &str, refusal: &regulars_udfs::Refusal) -> Error {
    Error::new(SqlState::DataCorrupted, format!("time zone \"{zone}\" of store \"{store}\" is not known"))
        .with_detail("Column time_zone of table \"stores\" holds names of the IANA time zone database.")
        .with_hint(zone_hint(refusal))
}

/// What was probably meant, if that can be told.
fn zone_hint(refusal: &regulars_udfs::Refusal) -> String {
    refusal.hint.clone().unwrap_or_else(|| "Write an IANA name, such as 'Europe/Stockholm'.".to_owned())
}

pub fn unreadable_day_start(text: &str) -> Error {
    Error::new(SqlState::ConfigFileError, format!("start of the business day \"{text}\" cannot be understood"))
        .with_hint("[history] day_starts_at = \"04:00\" is a time of day.")
}

pub fn impossible_amount_scale(scale: i8) -> Error {
    Error::new(SqlState::ConfigFileError, format!("amount_scale {scale} is not possible"))
        .with_detail("Amounts that arrive as floating point become numeric(18, amount_scale).")
        .with_hint("[history] amount_scale = 2 is between 0 and 18.")
}

/// A table of the configuration, for messages about its columns.
#[derive(Debug, Clone, Copy)]
pub struct MappedTable<'a> {
    pub name: &'a str,
    /// In the configuration file, such as `history.products`.
    pub section: &'a str,
    /// Its files, as the subject of a sentence.
    pub files: &'a str,
}

impl MappedTable<'_> {
    fn columns_hint(&self, name: &str) -> String {
        format!("[{}] columns = {{ {name} = \"NAME IN THE FILE\" }}", self.section)
    }
}

pub fn mapped_column_missing(table: MappedTable<'_>, name: &str, written: &str, present: &[&str]) -> Error {
    let message = format!("column \"{written}\" of table \"{}\" is not in its files", table.name);
    Error::new(SqlState::ConfigFileError, message)
        .with_detail(format!("{} has the columns: {}.", table.files, present.join(", ")))
        .with_hint(table.columns_hint(name))
}

pub fn required_column_missing(table: MappedTable<'_>, name: &str, needed: &str, present: &[&str]) -> Error {
    let columns = present.join(", ");
    Error::new(SqlState::ConfigFileError, format!("table \"{}\" has no column \"{name}\"", table.name))
        .with_detail(format!("{} has the columns: {columns}. Needed is {name}, {needed}.", table.files))
        .with_hint(table.columns_hint(name))
}

/// `found`: the column's name in the file, the file, the type it has there.
pub fn unusable_column_type(table: MappedTable<'_>, name: &str, found: (&str, &str, &str), needed: &str) -> Error {
    let (raw, file, type_name) = found;
    let message = format!("column \"{name}\" of table \"{}\" has a type that cannot be used", table.name);
    Error::new(SqlState::ConfigFileError, message)
        .with_detail(format!("File \"{file}\" has column \"{raw}\" as {type_name}. Needed is {needed}."))
        .with_hint(table.columns_hint(name))
}

pub fn column_mapped_twice(table: MappedTable<'_>, raw: &str, name: &str) -> Error {
    Error::new(SqlState::ConfigFileError, format!("column \"{raw}\" of table \"{}\" is mapped twice", table.name))
        .with_detail(format!("It cannot also be \"{name}\", which has another type."))
        .with_hint(table.columns_hint(name))
}

pub fn values_of_unusable_column(table: MappedTable<'_>, name: &str) -> Error {
    let message = format!("values of column \"{name}\" of table \"{}\" cannot be mapped", table.name);
    Error::new(SqlState::ConfigFileError, message)
        .with_detail("Values are mapped for text columns that the files have.")
        .with_hint(format!("[{}] values = {{ status = {{ SALE = \"completed\" }} }}", table.section))
}

/// `found`, `needed`: names of types.
pub fn file_of_other_type(file: &str, table: &str, column: &str, found: &str, needed: &str) -> Error {
    Error::new(SqlState::DataCorrupted, format!("file \"{file}\" does not fit table \"{table}\"")).with_detail(format!(
        "It has column \"{column}\" as {found}. Needed is {needed}, as in the files seen at start."
    ))
}

pub fn number_too_large(column: &str, value: f64, precision: u8, scale: i8) -> Error {
    Error::new(
        SqlState::NumericValueOutOfRange,
        format!("column \"{column}\" holds a number that does not fit numeric({precision},{scale})"),
    )
    .with_detail(format!("The number is {value:e}."))
}

pub fn repeated_key(table: &str, key: &str, value: &str, rows: i64) -> Error {
    Error::new(SqlState::UniqueViolation, format!("table \"{table}\" repeats a key"))
        .with_detail(format!("Key ({key})=({value}) is duplicated: {rows} rows have it."))
        .with_hint("[history] duplicates = \"first\" keeps the first row of each key.")
}

pub fn empty_cell(table: &str, column: &str) -> Error {
    Error::new(SqlState::DataCorrupted, format!("column \"{column}\" of table \"{table}\" holds a null"))
        .with_detail("Functions read this table as a constant and need every value.")
}

pub fn day_parts_lack_column(column: &str) -> Error {
    Error::new(SqlState::DataCorrupted, format!("table \"day_parts\" lacks a usable column \"{column}\""))
        .with_detail(
            "Function day_part reads it: columns day_part (text), from_time and to_time (time, or text such as 24:00).",
        )
        .with_hint("Name the table otherwise if it is about something else: [tables.NAME]")
}

pub fn rfm_groups_lack_column(column: &str) -> Error {
    Error::new(SqlState::DataCorrupted, format!("table \"rfm_groups\" lacks a usable column \"{column}\""))
        .with_detail(
            "Function rfm_group reads it: columns position (integer), name (text), and recency_from, recency_to, \
             frequency_from, frequency_to, monetary_from, monetary_to (integer, 1 to 5).",
        )
        .with_hint("Name the table otherwise if it is about something else: [tables.NAME]")
}

pub fn equal_ranks(first: &str, second: &str, rank: i64) -> Error {
    Error::new(SqlState::DataCorrupted, "table \"loyalty_levels\" has two levels of the same rank")
        .with_detail(format!("Levels \"{first}\" and \"{second}\" both have rank {rank}."))
}

pub fn files_gone(table: &str, written: &str) -> Error {
    Error::new(SqlState::UndefinedFile, format!("table \"{table}\" has no files"))
        .with_detail(format!(
            "Path \"{written}\" held whole Parquet files when the server started, and holds none now."
        ))
        .with_hint("Put the files back: the next statement sees them.")
}

pub fn index_unfit(reason: &dyn std::fmt::Display) -> Error {
    Error::new(SqlState::FeatureNotSupported, "the member index cannot hold this purchase history")
        .with_detail(format!("{reason}."))
        .with_hint("Nothing needs to be done: facts are computed from the files, more slowly.")
}
