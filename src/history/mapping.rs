//! From the columns of a user's files to the columns of the contract: names, types, values.
//!
//! First the names are settled ([`Draft`]), then, when the identifiers of all tables are known, the types
//! ([`Draft::finish`]). What is left to do for each row is a [`Rule`] for each column; most are "as the reader gives it",
//! because the reader itself casts what can be cast without loss.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, TimeUnit};

use super::contract::{ContractTable, Entity, Kind};
use super::mapped::{Mapped, MappedColumn, Rule};
use crate::config::{Instants, TableConfig};
use crate::error::Result;
use crate::error::message::{self, MappedTable};
use crate::storage::footer::{Footer, ParquetFiles};
use crate::storage::parquet_table::{readable_as, type_name};

/// One table's files and what the configuration says of them.
#[derive(Debug)]
pub struct Source {
    pub name: String,
    /// The table in the configuration file, such as `history.products`; for hints.
    pub section: String,
    pub config: TableConfig,
    pub files: Arc<ParquetFiles>,
    pub footers: Vec<Arc<Footer>>,
}

impl Source {
    fn for_messages<'a>(&'a self, files: &'a str) -> MappedTable<'a> {
        MappedTable { name: &self.name, section: &self.section, files }
    }

    /// The files as the subject of a sentence.
    fn described_files(&self) -> String {
        let first = self.footers.first().map(|footer| self.files.location().file_name(&footer.meta.location));
        let first = first.unwrap_or_else(|| self.files.location().written().to_owned());
        match self.footers.len() {
            0 | 1 => format!("File \"{first}\""),
            files => format!("File \"{first}\", of {files},"),
        }
    }
}

/// A table whose names are settled.
#[derive(Debug)]
pub struct Draft {
    pub source: Source,
    columns: Vec<DraftColumn>,
}

#[derive(Debug)]
struct DraftColumn {
    name: String,
    /// `None` for a column that passes through.
    kind: Option<Kind>,
    /// The column in the files; `None` when they have none and it is shown all the same.
    raw: Option<String>,
    /// Each type in which files have it, with the first such file.
    found: Vec<(DataType, String)>,
}

/// How the contract's types depend on the whole history.
#[derive(Debug)]
pub struct TypeChoices {
    /// `bigint` or text; what is not here is text.
    pub ids: BTreeMap<Entity, DataType>,
    pub amount_scale: i8,
}

/// Digits after the point of quantities that arrive as floats.
const QUANTITY_SCALE: i8 = 3;

impl TypeChoices {
    fn id(&self, entity: Entity) -> DataType {
        self.ids.get(&entity).cloned().unwrap_or(DataType::Utf8View)
    }
}

impl Draft {
    /// Settles the names. `always`: optional columns that the relation shows even when no file has them.
    /// `taken`: names of columns that the relation derives; columns of the files with these names are not shown.
    ///
    /// # Errors
    /// F0000 when a required column is missing or a mapped name is in none of the files.
    pub fn new(source: Source, contract: Option<&ContractTable>, always: &[&str], taken: &[&str]) -> Result<Self> {
        let raw = raw_columns(&source);
        let files = source.described_files();
        for (name, file_name) in &source.config.columns {
            if !raw.iter().any(|(raw, _)| raw == file_name) {
                return Err(message::mapped_column_missing(source.for_messages(&files), name, file_name, &names(&raw)));
            }
        }
        let claimed = |name: &str| source.config.columns.values().any(|raw| raw == name);
        let mut columns = Vec::new();
        for column in contract.iter().flat_map(|contract| contract.columns) {
            let mapped = source.config.columns.get(column.name).cloned();
            let by_name = || raw.iter().map(|(raw, _)| raw).find(|raw| *raw == column.name && !claimed(raw)).cloned();
            let found = mapped.or_else(by_name);
            match found {
                None if column.required => {
                    return Err(message::required_column_missing(
                        source.for_messages(&files),
                        column.name,
                        column.kind.needed(),
                        &names(&raw),
                    ));
                }
                None if !always.contains(&column.name) => {}
                found => columns.push(DraftColumn::new(column.name, Some(column.kind), found, &raw)),
            }
        }
        let used: Vec<String> = columns.iter().filter_map(|column| column.raw.clone()).collect();
        for (raw_name, _) in &raw {
            let renamed = source.config.columns.iter().find(|(name, file_name)| {
                *file_name == raw_name && contract.is_none_or(|contract| contract.column(name).is_none())
            });
            let name = match renamed {
                Some((name, _)) => name,
                None if used.contains(raw_name) => continue,
                None => raw_name,
            };
            let is_taken = taken.contains(&name.as_str()) || columns.iter().any(|column| column.name == *name);
            if !is_taken {
                columns.push(DraftColumn::new(name, None, Some(raw_name.clone()), &raw));
            }
        }
        for name in source.config.values.keys() {
            let is_text = |column: &DraftColumn| column.name == *name && matches!(column.kind, None | Some(Kind::Text));
            if !columns.iter().any(|column| is_text(column) && column.raw.is_some()) {
                return Err(message::values_of_unusable_column(source.for_messages(&files), name));
            }
        }
        Ok(Self { source, columns })
    }

    /// Adds what this table's identifiers are to `ids`: text wins over numbers. Those of `follows` are only checked.
    ///
    /// # Errors
    /// F0000 when an identifier has another type.
    pub fn collect_ids(&self, ids: &mut BTreeMap<Entity, DataType>, follows: Option<Entity>) -> Result<()> {
        for column in &self.columns {
            let Some(Kind::Id(entity)) = column.kind else { continue };
            for (found, file) in &column.found {
                let id = id_type(found).ok_or_else(|| self.unusable(column, found, file))?;
                match ids.get(&entity) {
                    Some(DataType::Utf8View) => {}
                    _ if *found == DataType::Null || follows == Some(entity) => {}
                    _ => drop(ids.insert(entity, id)),
                }
            }
        }
        Ok(())
    }

    /// Settles the types.
    ///
    /// # Errors
    /// F0000 when a column of the contract has a type that cannot be used.
    pub fn finish(self, choices: &TypeChoices, key: Option<&'static str>) -> Result<Mapped> {
        let mut fields: Vec<Field> = Vec::new();
        let mut columns = Vec::new();
        for column in &self.columns {
            let rule = match &column.raw {
                None => Rule::Null(null_type(column.kind, choices)),
                Some(raw) => {
                    let (read_as, rule) = self.rule(column, raw, choices)?;
                    match fields.iter().find(|field| field.name() == raw) {
                        None => fields.push(Field::new(raw, read_as, true)),
                        Some(field) if *field.data_type() == read_as => {}
                        Some(_) => {
                            return Err(message::column_mapped_twice(self.source.for_messages(""), raw, &column.name));
                        }
                    }
                    rule
                }
            };
            columns.push(MappedColumn {
                name: column.name.clone(),
                rule,
                is_extra: column.kind.is_none(),
                default: None,
            });
        }
        let Source { name, files, .. } = self.source;
        Ok(Mapped::new(name, files, Arc::new(Schema::new(fields)), columns, key))
    }

    /// The type in which the reader gives a column, and what is left to do.
    fn rule(&self, column: &DraftColumn, raw: &str, choices: &TypeChoices) -> Result<(DataType, Rule)> {
        let raw = raw.to_owned();
        if let Some(pairs) = self.source.config.values.get(&column.name) {
            self.check(column, &DataType::Utf8View)?;
            let pairs = pairs.iter().map(|(from, to)| (from.clone(), to.clone())).collect();
            return Ok((DataType::Utf8View, Rule::Values { raw, pairs }));
        }
        let Some(kind) = column.kind else { return Ok((extra_type(&column.found), Rule::Read { raw })) };
        let read_as = match kind {
            Kind::Id(entity) => {
                let id = choices.id(entity);
                let is_text = |(found, _): &(DataType, String)| id_type(found) == Some(DataType::Utf8View);
                if id == DataType::Int64 && column.found.iter().any(is_text) {
                    return Ok((DataType::Utf8View, Rule::NumberText { raw }));
                }
                id
            }
            Kind::Instant => {
                let has_zone = |(found, _): &(DataType, String)| matches!(found, DataType::Timestamp(_, Some(_)));
                if self.source.config.instants == Instants::Local && !column.found.iter().any(has_zone) {
                    let wall_clock = DataType::Timestamp(TimeUnit::Microsecond, None);
                    self.check(column, &wall_clock)?;
                    return Ok((wall_clock, Rule::WallClock { raw }));
                }
                DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
            }
            Kind::Date => DataType::Date32,
            Kind::Time if column.found.iter().any(|(found, _)| is_string(found)) => {
                self.check(column, &DataType::Utf8View)?;
                return Ok((DataType::Utf8View, Rule::TimeText { raw }));
            }
            Kind::Time => DataType::Time64(TimeUnit::Microsecond),
            Kind::Integer => DataType::Int64,
            Kind::Text => DataType::Utf8View,
            Kind::Amount | Kind::Quantity => {
                let scale = if kind == Kind::Amount { choices.amount_scale } else { QUANTITY_SCALE };
                if column.found.iter().any(|(found, _)| found.is_floating()) {
                    self.check(column, &DataType::Float64)?;
                    return Ok((DataType::Float64, Rule::Float { raw, scale }));
                }
                let all_integer = column.found.iter().all(|(found, _)| found.is_integer() || found.is_null());
                if kind == Kind::Quantity && all_integer { DataType::Int64 } else { decimal_type(&column.found) }
            }
        };
        self.check(column, &read_as)?;
        Ok((read_as, Rule::Read { raw }))
    }

    fn check(&self, column: &DraftColumn, read_as: &DataType) -> Result<()> {
        match column.found.iter().find(|(found, _)| !readable_as(found, read_as)) {
            None => Ok(()),
            Some((found, file)) => Err(self.unusable(column, found, file)),
        }
    }

    fn unusable(&self, column: &DraftColumn, found: &DataType, file: &str) -> crate::error::Error {
        let needed = column.kind.map_or("text", Kind::needed);
        let raw = column.raw.as_deref().unwrap_or_default();
        message::unusable_column_type(
            self.source.for_messages(""),
            &column.name,
            (raw, file, &type_name(found)),
            needed,
        )
    }
}

impl DraftColumn {
    fn new(name: &str, kind: Option<Kind>, raw: Option<String>, all: &[RawColumn]) -> Self {
        let found = raw
            .iter()
            .flat_map(|raw| all.iter().filter(move |(name, _)| name == raw))
            .flat_map(|(_, found)| found.clone());
        Self { name: name.to_owned(), kind, found: found.collect(), raw }
    }
}

/// A column of the files: its name, and each type it has with the first file that has it so.
type RawColumn = (String, Vec<(DataType, String)>);

fn raw_columns(source: &Source) -> Vec<RawColumn> {
    let mut columns: Vec<RawColumn> = Vec::new();
    for footer in &source.footers {
        let file = source.files.location().file_name(&footer.meta.location);
        for field in footer.schema.fields() {
            let at = columns.iter().position(|(name, _)| name == field.name()).unwrap_or_else(|| {
                columns.push((field.name().clone(), Vec::new()));
                columns.len() - 1
            });
            let found = &mut columns[at].1;
            if !found.iter().any(|(known, _)| known == field.data_type()) {
                found.push((field.data_type().clone(), file.clone()));
            }
        }
    }
    columns
}

fn names(columns: &[RawColumn]) -> Vec<&str> {
    columns.iter().map(|(name, _)| name.as_str()).collect()
}

fn is_string(found: &DataType) -> bool {
    match found {
        DataType::Dictionary(_, value) => is_string(value),
        other => other.is_string() || other.is_binary() && !matches!(other, DataType::FixedSizeBinary(_)),
    }
}

/// `bigint` or text, if the type serves as an identifier.
fn id_type(found: &DataType) -> Option<DataType> {
    if is_string(found) {
        return Some(DataType::Utf8View);
    }
    readable_as(found, &DataType::Int64).then_some(DataType::Int64)
}

fn null_type(kind: Option<Kind>, choices: &TypeChoices) -> DataType {
    match kind {
        Some(Kind::Id(entity)) => choices.id(entity),
        Some(Kind::Time) => DataType::Time64(TimeUnit::Microsecond),
        _ => DataType::Utf8View,
    }
}

/// A `numeric` that holds all of the types exactly.
fn decimal_type(found: &[(DataType, String)]) -> DataType {
    let (mut whole, mut fraction) = (1, 0);
    for (found, _) in found {
        let (precision, scale) = match found {
            DataType::Int8 | DataType::UInt8 => (3, 0),
            DataType::Int16 | DataType::UInt16 => (5, 0),
            DataType::Int32 | DataType::UInt32 => (10, 0),
            DataType::Int64 => (19, 0),
            DataType::UInt64 => (20, 0),
            DataType::Decimal32(p, s)
            | DataType::Decimal64(p, s)
            | DataType::Decimal128(p, s)
            | DataType::Decimal256(p, s) => (i16::from(*p), i16::from(*s)),
            _ => (1, 0),
        };
        whole = whole.max(precision - scale);
        fraction = fraction.max(scale);
    }
    let precision = u8::try_from((whole + fraction).clamp(1, 38)).unwrap_or(38);
    DataType::Decimal128(precision, i8::try_from(fraction.clamp(0, 38)).unwrap_or(0))
}

/// The type of a column that passes through: as it is, but for unsigned integers and text, of which PostgreSQL has one
/// kind; where files differ, one that holds all if there is one, else that of the first file (the others are refused
/// when they are read).
fn extra_type(found: &[(DataType, String)]) -> DataType {
    let plain: Vec<DataType> = found.iter().map(|(found, _)| plain_type(found)).collect();
    let Some(first) = plain.iter().find(|found| !found.is_null()).cloned() else { return DataType::Utf8View };
    let all = |test: fn(&DataType) -> bool| plain.iter().all(|found| found.is_null() || test(found));
    if all(|found| *found == DataType::Null) || plain.iter().all(|found| *found == first || found.is_null()) {
        return first;
    }
    if all(DataType::is_integer) {
        return DataType::Int64;
    }
    if all(|found| found.is_integer() || found.is_decimal()) {
        return decimal_type(found);
    }
    if all(DataType::is_numeric) {
        return DataType::Float64;
    }
    match first {
        DataType::Timestamp(_, zone) => DataType::Timestamp(TimeUnit::Microsecond, zone.map(|_| "UTC".into())),
        other => other,
    }
}

fn plain_type(found: &DataType) -> DataType {
    match found {
        DataType::Dictionary(_, value) => plain_type(value),
        DataType::RunEndEncoded(_, value) => plain_type(value.data_type()),
        DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64 => DataType::Int64,
        DataType::Utf8 | DataType::LargeUtf8 => DataType::Utf8View,
        DataType::Binary | DataType::LargeBinary => DataType::BinaryView,
        other => other.clone(),
    }
}
