//! A stored query as a relation, planned where it is used; and what a new view's definition refers to.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::common::Column as EngineColumn;
use datafusion::datasource::ViewTable;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion::sql::sqlparser::ast;

use super::Planner;
use super::names::{Names, find_relation};
use crate::catalog::definition::spliced;
use crate::catalog::object::{Column, Definition, Reference, Relation};
use crate::catalog::snapshot::Snapshot;
use crate::catalog::system;
use crate::error::{Result, message};
use crate::ident;
use crate::pg_type::{Oid, PgType};
use crate::sql::{self, Places, reference, shown_name};

/// A view about to be created: what it reads and which columns it gives.
#[derive(Debug, Clone)]
pub struct ResolvedView {
    pub columns: Vec<Column>,
    pub definition: Definition,
}

/// Plans the query of a new view and records what it refers to.
///
/// `text` is the whole query string the client sent, `range` the bytes of the view's query in it; the stored
/// references count from the start of that range. `names` are the column names given in parentheses.
///
/// Errors: whatever planning refuses, with positions in `text`; 42701 for a repeated column; 42601 for more names
/// than columns; 42P02 for a parameter.
pub async fn resolve_view(
    planner: &Planner,
    query: &ast::Query,
    text: &str,
    range: std::ops::Range<usize>,
    names: &[String],
) -> Result<ResolvedView> {
    let plan = planner.plan(query, text, &[])?;
    if let Some(parameter) = plan.get_parameter_names()?.into_iter().min() {
        return Err(message::parameter_in_view(&parameter));
    }
    let columns = columns(&plan, names)?;
    // For what it refuses: the facts of a view are read anew whenever it is used.
    planner.lower(plan).await?;
    let places = Places::new(text);
    let references = reference::mentions(query, &places)
        .into_iter()
        .map(|mention| {
            let found = find_relation(
                &planner.snapshot,
                &planner.search_path,
                mention.name.schema.as_deref(),
                &mention.name.name,
            )?;
            Ok(Reference {
                start: mention.range.start - range.start,
                end: mention.range.end - range.start,
                relation: found.oid(),
                needs_alias: mention.needs_alias,
            })
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(ResolvedView { columns, definition: Definition { text: text[range].to_owned(), references } })
}

fn columns(plan: &LogicalPlan, names: &[String]) -> Result<Vec<Column>> {
    let fields = plan.schema().fields();
    if names.len() > fields.len() {
        return Err(message::more_names_than_columns());
    }
    let mut columns: Vec<Column> = Vec::with_capacity(fields.len());
    for (at, field) in fields.iter().enumerate() {
        let name = names.get(at).cloned().unwrap_or_else(|| shown_name(field.name()).to_owned());
        if columns.iter().any(|column| column.name == name) {
            return Err(message::column_named_twice(&name));
        }
        columns.push(Column { name, pg_type: PgType::of_field(field), comment: None });
    }
    Ok(columns)
}

/// Plans an existing view as a relation with the columns that were fixed when it was created.
pub(super) fn plan(planner: &Planner, names: &Names<'_>, relation: &Relation) -> Result<Arc<dyn TableProvider>> {
    let (plan, text) = plan_of_definition(planner, names, relation)?;
    Ok(Arc::new(ViewTable::new(plan, Some(text))))
}

/// The query of a view or a kept list as it is today, with the columns that were fixed when it was created.
fn plan_of_definition(planner: &Planner, names: &Names<'_>, relation: &Relation) -> Result<(LogicalPlan, String)> {
    let Some(definition) = relation.definition() else {
        return Err(message::internal("a view has no definition"));
    };
    let text = text_of_today(&planner.snapshot, definition);
    let query = sql::parse_query(&text)?;
    let plan = planner.plan_definition(*query, names).map_err(|error| message::in_view(&relation.name, error))?;
    Ok((with_fixed_columns(plan, relation)?, text))
}

/// The rows that a kept list would hold today, in the types in which it keeps them.
///
/// Errors: whatever planning refuses, without positions.
pub fn plan_of_list(planner: &Planner, list: &Relation) -> Result<LogicalPlan> {
    let planner = Planner { is_clients_text: false, ..planner.clone() };
    let names = Names::new(&planner);
    let (plan, _text) = names.within(list, || plan_of_definition(&planner, &names, list))?;
    let kept = kept_schema(&list.columns)?;
    let exprs: Vec<Expr> = plan
        .schema()
        .iter()
        .zip(kept.fields())
        .map(|((qualifier, field), kept)| {
            let column = Expr::Column(EngineColumn::new(qualifier.cloned(), field.name()));
            let column = if field.data_type() == kept.data_type() {
                column
            } else {
                datafusion::logical_expr::cast(column, kept.data_type().clone())
            };
            column.alias(kept.name())
        })
        .collect();
    Ok(LogicalPlanBuilder::from(plan).project(exprs)?.build()?)
}

/// The columns of a kept list as its files have them.
///
/// Errors: 0A000 for a type that cannot be kept.
pub fn kept_schema(columns: &[Column]) -> Result<SchemaRef> {
    let fields = columns.iter().map(|column| {
        let data_type = match column.pg_type.to_arrow() {
            // Files have no intervals of months, days and time.
            None | Some(DataType::Interval(_)) => {
                return Err(message::list_column_type(&column.name, &column.pg_type.sql_name()));
            }
            Some(DataType::Utf8) => DataType::Utf8View,
            Some(data_type) => data_type,
        };
        Ok(Field::new(&column.name, data_type, true))
    });
    Ok(Arc::new(Schema::new(fields.collect::<Result<Vec<_>>>()?)))
}

/// The texts behind a kept list: its own, and those of all views below it, each with its name.
pub fn texts_behind(snapshot: &Snapshot, list: &Relation) -> String {
    let mut texts = String::new();
    let mut seen = std::collections::BTreeSet::new();
    let mut open = vec![list.oid];
    while let Some(oid) = open.pop() {
        let Some(relation) = snapshot.relation(oid).filter(|_| seen.insert(oid)) else { continue };
        let Some(definition) = relation.definition() else { continue };
        if !texts.is_empty() {
            texts.push_str("\n\n");
        }
        texts.push_str(&format!("{} AS\n{}", qualified_name(snapshot, oid), text_of_today(snapshot, definition)));
        // What another list holds is no part of the question: its rows are.
        if relation.oid == list.oid || relation.materialized().is_none() {
            open.extend(relation.reads().into_iter().rev());
        }
    }
    texts
}

/// A definition with the names that its relations have today.
pub fn text_of_today(snapshot: &Snapshot, definition: &Definition) -> String {
    spliced(definition, |oid| qualified_name(snapshot, oid))
}

/// The name by which a relation is found today, whatever the search path.
pub(super) fn qualified_name(snapshot: &Snapshot, oid: Oid) -> String {
    if let Some(system) = system::relation_by_oid(oid) {
        let schema = snapshot.schema(system.schema_oid()).map_or("pg_catalog", |schema| schema.name.as_str());
        return format!("{schema}.{}", ident::quote(system.name()));
    }
    let schema_and_name = snapshot.relation(oid).and_then(|relation| {
        let schema = snapshot.schema(relation.schema)?;
        Some(format!("{}.{}", ident::quote(&schema.name), ident::quote(&relation.name)))
    });
    // A dangling reference cannot be committed; should one be met, the name says so in the error that follows.
    schema_and_name.unwrap_or_else(|| format!("\"oid {oid}\""))
}

/// Projects today's plan to the columns of the day the view was created: `SELECT *` does not grow.
fn with_fixed_columns(plan: LogicalPlan, relation: &Relation) -> Result<LogicalPlan> {
    let schema = Arc::clone(plan.schema());
    let same_length = schema.fields().len() == relation.columns.len();
    let mut exprs = Vec::with_capacity(relation.columns.len());
    for (at, column) in relation.columns.iter().enumerate() {
        let by_name = schema.iter().find(|(_, field)| shown_name(field.name()) == column.name);
        let found = if same_length { schema.iter().nth(at) } else { by_name };
        let Some((qualifier, field)) = found else {
            return Err(message::view_column_gone(&relation.name, &column.name));
        };
        let source = Expr::Column(EngineColumn::new(qualifier.cloned(), field.name()));
        exprs.push(if field.name() == &column.name { source } else { source.alias(&column.name) });
    }
    Ok(LogicalPlanBuilder::from(plan).project(exprs)?.build()?)
}
