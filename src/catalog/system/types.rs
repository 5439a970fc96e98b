//! Facts about types and functions that exist here, as PostgreSQL's `pg_type` and `pg_proc` have them.
//!
//! `facts/types.tsv` and `facts/functions.tsv` are whole rows, made by `facts/rows.sql`.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use arrow::datatypes::DataType;

use super::house::house_functions;
use super::value::Value;
use crate::catalog::object::PG_CATALOG_OID;
use crate::ident::quote;
use crate::pg_type::Oid;

pub(super) const TYPE_ROWS: &str = include_str!("facts/types.tsv");
pub(super) const FUNCTION_ROWS: &str = include_str!("facts/functions.tsv");

/// What other relations repeat of a type.
#[derive(Debug)]
pub(super) struct TypeFacts {
    pub oid: Oid,
    pub name: &'static str,
    pub length: i16,
    pub by_value: bool,
    pub category: char,
    pub element: Oid,
    pub align: &'static str,
    pub storage: &'static str,
    pub collation: Oid,
}

/// A function of `pg_proc`.
#[derive(Debug)]
pub(super) struct FunctionFacts {
    pub oid: Oid,
    pub name: &'static str,
    pub schema: Oid,
    pub result: Oid,
    pub returns_set: bool,
    pub arguments: Vec<Oid>,
}

/// The arguments of a function of PostgreSQL's with their names, modes and defaults, and then without defaults; where it
/// has any.
pub(super) fn written_arguments(oid: Oid) -> Option<(&'static str, &'static str)> {
    static WRITTEN: LazyLock<HashMap<Oid, (&'static str, &'static str)>> = LazyLock::new(|| {
        include_str!("facts/function_arguments.tsv")
            .lines()
            .filter_map(|line| {
                let mut cells = line.split('\t');
                Some((cells.next()?.parse().ok()?, (cells.next()?, cells.next()?)))
            })
            .collect()
    });
    WRITTEN.get(&oid).copied()
}

pub(super) fn type_of(oid: Oid) -> Option<&'static TypeFacts> {
    TYPES.iter().find(|facts| facts.oid == oid)
}

pub(super) fn named(name: &str) -> Option<&'static TypeFacts> {
    TYPES_BY_NAME.get(name).copied()
}

pub(super) fn function(oid: Oid) -> Option<&'static FunctionFacts> {
    FUNCTIONS.iter().find(|facts| facts.oid == oid)
}

/// How PostgreSQL shows a value of `regproc`: the function's name, with its schema where the name alone would not find it.
/// The number of one that is not there, and `-` for 0.
pub fn regproc_text(oid: Oid) -> Cow<'static, str> {
    static SHOWN: LazyLock<HashMap<Oid, String>> = LazyLock::new(|| {
        let mut overloads: HashMap<&str, usize> = HashMap::new();
        for facts in FUNCTIONS.iter() {
            *overloads.entry(facts.name).or_default() += 1;
        }
        let shown = |facts: &FunctionFacts| match (facts.schema, overloads.get(facts.name)) {
            (PG_CATALOG_OID, Some(1)) => quote(facts.name),
            (PG_CATALOG_OID, _) => format!("pg_catalog.{}", quote(facts.name)),
            _ => format!("regulars.{}", quote(facts.name)),
        };
        FUNCTIONS.iter().map(|facts| (facts.oid, shown(facts))).collect()
    });
    match (oid, SHOWN.get(&oid)) {
        (0, _) => "-".into(),
        (_, Some(name)) => name.as_str().into(),
        (oid, None) => oid.to_string().into(),
    }
}

/// All functions of this name; more than one when it is overloaded.
pub(super) fn functions_named(name: &str) -> impl Iterator<Item = &'static FunctionFacts> {
    FUNCTIONS.iter().filter(move |facts| facts.name == name)
}

static TYPES: LazyLock<Vec<TypeFacts>> = LazyLock::new(|| {
    TYPE_ROWS
        .lines()
        .filter_map(|line| {
            let cells: Vec<&'static str> = line.split('\t').collect();
            Some(TypeFacts {
                oid: cells.first()?.parse().ok()?,
                name: cells.get(1)?,
                length: cells.get(4)?.parse().ok()?,
                by_value: *cells.get(5)? == "t",
                category: cells.get(7)?.chars().next()?,
                element: cells.get(13)?.parse().ok()?,
                align: cells.get(22)?,
                storage: cells.get(23)?,
                collation: cells.get(28)?.parse().ok()?,
            })
        })
        .collect()
});

static TYPES_BY_NAME: LazyLock<HashMap<&'static str, &'static TypeFacts>> =
    LazyLock::new(|| TYPES.iter().map(|facts| (facts.name, facts)).collect());

static FUNCTIONS: LazyLock<Vec<FunctionFacts>> = LazyLock::new(|| {
    let ours = house_functions().iter().map(|function| FunctionFacts {
        oid: function.oid,
        name: function.name,
        schema: function.schema,
        returns_set: function.returns_set,
        result: function.result,
        arguments: function.arguments.iter().map(|argument| argument.type_oid).collect(),
    });
    FUNCTION_ROWS
        .lines()
        .filter_map(|line| {
            let cells: Vec<&'static str> = line.split('\t').collect();
            Some(FunctionFacts {
                oid: cells.first()?.parse().ok()?,
                name: cells.get(1)?,
                schema: PG_CATALOG_OID,
                returns_set: *cells.get(13)? == "t",
                result: cells.get(18)?.parse().ok()?,
                arguments: cells.get(19)?.split(' ').filter_map(|oid| oid.parse().ok()).collect(),
            })
        })
        .chain(ours)
        .collect()
});

/// A value from the text format of COPY; `{a,b}` and `1 2` are lists. The facts hold no escapes and no quotes.
pub(super) fn parse_cell(cell: &'static str, data_type: &DataType) -> Value {
    if cell == "\\N" {
        return Value::Null;
    }
    match data_type {
        DataType::Boolean => Value::Bool(cell == "t"),
        DataType::Int16 | DataType::Int32 | DataType::Int64 | DataType::UInt32 => {
            cell.parse().map_or(Value::Null, Value::Int)
        }
        DataType::Float32 | DataType::Float64 => cell.parse().map_or(Value::Null, Value::Float),
        DataType::List(item) => {
            let items = cell.trim_start_matches('{').trim_end_matches('}');
            let items = items.split([',', ' ']).filter(|part| !part.is_empty());
            Value::List(items.map(|part| parse_cell(part, item.data_type())).collect())
        }
        _ => Value::Text(cell.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_understood() {
        assert_eq!(TYPES.len(), TYPE_ROWS.lines().count());
        assert_eq!(FUNCTIONS.len(), FUNCTION_ROWS.lines().count() + house_functions().len());
        assert!(!TYPE_ROWS.contains("\\\\") && !FUNCTION_ROWS.contains("\\\\") && !FUNCTION_ROWS.contains('"'));
    }

    #[test]
    fn base_types_agree_with_those_that_columns_are_announced_as() {
        for info in crate::pg_type::TYPES {
            let facts = type_of(info.oid).unwrap_or_else(|| panic!("{} has no row", info.name));
            assert_eq!((facts.name, facts.length, facts.category), (info.name, info.length, info.category));
        }
    }
}
