//! The system relations: their shapes, as facts from PostgreSQL, and the rows that are put into them.
//!
//! `facts/relations.txt` holds every relation of `pg_catalog` and `information_schema` with OID, kind and columns,
//! made by `facts/relations.sql`; `facts/regulars.txt` holds our own, of schema `regulars`; `facts/set_functions.txt`
//! those that are only functions in FROM. A relation whose rows nobody builds is an empty relation of the right shape.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema as ArrowSchema, SchemaRef};

use super::value::{Value, array_of, arrow_type};
use super::{SystemContext, builder_of, types};
use crate::catalog::object::{INFORMATION_SCHEMA_OID, PG_CATALOG_OID, REGULARS_OID};
use crate::error::{Error, Result, message};
use crate::pg_type::{Oid, told};

/// A relation of `pg_catalog`, `information_schema` or `regulars`.
#[derive(Debug)]
pub struct SystemRelation {
    oid: Oid,
    schema_oid: Oid,
    name: &'static str,
    kind: char,
    columns: Vec<SystemColumn>,
    arrow: SchemaRef,
}

/// A column as `pg_attribute` shows it.
#[derive(Debug)]
pub struct SystemColumn {
    pub name: &'static str,
    /// PostgreSQL's own type. The Arrow type may be plainer: `name` is sent as text.
    pub type_oid: Oid,
    pub not_null: bool,
}

impl SystemRelation {
    pub fn oid(&self) -> Oid {
        self.oid
    }

    pub fn schema_oid(&self) -> Oid {
        self.schema_oid
    }

    pub fn name(&self) -> &'static str {
        self.name
    }

    /// 'r' or 'v', as PostgreSQL has it.
    pub fn kind(&self) -> char {
        self.kind
    }

    pub fn columns(&self) -> &[SystemColumn] {
        &self.columns
    }

    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.arrow)
    }

    /// All rows as this statement sees them, in one batch.
    pub fn rows(&self, context: &SystemContext) -> Result<RecordBatch> {
        let mut rows = Rows::new(self);
        if let Some(build) = builder_of(self) {
            build(context, &mut rows)?;
        }
        rows.finish()
    }
}

/// All of them, in the order of `facts/relations.txt`, then ours.
pub fn relations() -> &'static [SystemRelation] {
    &RELATIONS
}

/// The relation of this name in `pg_catalog`, `information_schema` or `regulars`.
pub fn relation(schema: &str, name: &str) -> Option<&'static SystemRelation> {
    BY_NAME.get(&(schema_oid(schema)?, name)).copied()
}

fn schema_oid(schema: &str) -> Option<Oid> {
    match schema {
        "pg_catalog" => Some(PG_CATALOG_OID),
        "information_schema" => Some(INFORMATION_SCHEMA_OID),
        "regulars" => Some(REGULARS_OID),
        _ => None,
    }
}

pub fn relation_by_oid(oid: Oid) -> Option<&'static SystemRelation> {
    BY_OID.get(&oid).copied()
}

static RELATIONS: LazyLock<Vec<SystemRelation>> = LazyLock::new(|| {
    let mut relations = parse(include_str!("facts/relations.txt"));
    relations.extend(parse(include_str!("facts/regulars.txt")));
    relations
});

/// What only functions in FROM give; the parentheses are part of the name.
static FUNCTIONS: LazyLock<Vec<SystemRelation>> = LazyLock::new(|| parse(include_str!("facts/set_functions.txt")));

static BY_NAME: LazyLock<HashMap<(Oid, &'static str), &'static SystemRelation>> = LazyLock::new(|| {
    RELATIONS.iter().chain(&*FUNCTIONS).map(|relation| ((relation.schema_oid, relation.name), relation)).collect()
});

static BY_OID: LazyLock<HashMap<Oid, &'static SystemRelation>> =
    LazyLock::new(|| RELATIONS.iter().map(|relation| (relation.oid, relation)).collect());

/// Reads `schema.name oid kind`, then ` column type [!]`. A line that is neither is left out; a test counts them.
fn parse(facts: &'static str) -> Vec<SystemRelation> {
    let mut relations = Vec::new();
    let mut lines = facts.lines().peekable();
    while let Some(line) = lines.next() {
        let mut words = line.split(' ');
        let (Some((schema_oid, name)), Some(oid), Some(kind)) = (
            words
                .next()
                .and_then(|name| name.split_once('.'))
                .and_then(|(schema, name)| Some((schema_oid(schema)?, name))),
            words.next().and_then(|oid| oid.parse().ok()),
            words.next().and_then(|kind| kind.chars().next()),
        ) else {
            continue;
        };
        let mut columns = Vec::new();
        let mut fields = Vec::new();
        while let Some(line) = lines.next_if(|line| line.starts_with(' ')) {
            let mut words = line.trim_start().split(' ');
            let (Some(name), Some(type_name)) = (words.next(), words.next()) else { continue };
            let not_null = words.next().is_some();
            let type_oid = types::named(type_name).map_or(0, |facts| facts.oid);
            columns.push(SystemColumn { name, type_oid, not_null });
            let field = Field::new(name, arrow_type(type_name), !not_null);
            // Of the numbers that are announced as `oid` these are shown as names, of the arrays these without braces.
            let is_told = matches!(type_name, "regproc" | "oidvector" | "int2vector");
            fields.push(if is_told { told(field, type_name) } else { field });
        }
        relations.push(SystemRelation {
            oid,
            schema_oid,
            name,
            kind,
            columns,
            arrow: Arc::new(ArrowSchema::new(fields)),
        });
    }
    relations
}

/// Rows in the making. What a row does not say is NULL, or 0, false or empty where the column is never NULL.
pub(super) struct Rows<'a> {
    relation: &'a SystemRelation,
    columns: Vec<Vec<Value>>,
    fault: Option<Error>,
}

impl<'a> Rows<'a> {
    fn new(relation: &'a SystemRelation) -> Self {
        Self { relation, columns: vec![Vec::new(); relation.columns.len()], fault: None }
    }

    /// Adds a row. A name that is no column of the relation is a bug, told by [`Self::finish`].
    pub(super) fn add<'n>(&mut self, cells: impl IntoIterator<Item = (&'n str, Value)>) {
        for (column, field) in self.columns.iter_mut().zip(self.relation.arrow.fields()) {
            column.push(if field.is_nullable() { Value::Null } else { Value::zero(field.data_type()) });
        }
        for (name, value) in cells {
            match self.relation.columns.iter().position(|column| column.name == name) {
                Some(position) => {
                    if let Some(cell) = self.columns[position].last_mut() {
                        *cell = value;
                    }
                }
                None => {
                    let what = format!("system relation \"{}\" has no column \"{name}\"", self.relation.name);
                    self.fault = Some(message::internal(what));
                }
            }
        }
    }

    /// Adds rows from the text format of COPY, in the order of the columns.
    pub(super) fn add_copied(&mut self, text: &'static str) {
        for line in text.lines() {
            for ((column, field), cell) in
                self.columns.iter_mut().zip(self.relation.arrow.fields()).zip(line.split('\t'))
            {
                column.push(types::parse_cell(cell, field.data_type()));
            }
        }
    }

    fn finish(self) -> Result<RecordBatch> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let schema = &self.relation.arrow;
        let arrays = self
            .columns
            .iter()
            .zip(schema.fields())
            .map(|(values, field)| array_of(values, field.data_type()))
            .collect::<Result<Vec<_>>>()?;
        RecordBatch::try_new(Arc::clone(schema), arrays).map_err(|error| {
            message::internal(format!("rows of system relation \"{}\" do not fit: {error}", self.relation.name))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_facts_is_understood() {
        let facts = concat!(include_str!("facts/relations.txt"), include_str!("facts/regulars.txt"));
        let columns: usize = relations().iter().map(|relation| relation.columns.len()).sum();
        assert_eq!(relations().len() + columns, facts.lines().count());
        for relation in relations() {
            for column in &relation.columns {
                assert_ne!(column.type_oid, 0, "{}.{}", relation.name, column.name);
            }
        }
    }

    #[test]
    fn oids_are_postgresqls() {
        // SELECT 'pg_class'::regclass::oid, … on PostgreSQL 15.
        for (name, oid) in [("pg_class", 1259), ("pg_attribute", 1249), ("pg_type", 1247), ("pg_namespace", 2615)] {
            assert_eq!(relation("pg_catalog", name).unwrap().oid(), oid);
            assert_eq!(relation_by_oid(oid).unwrap().name(), name);
        }
    }
}
