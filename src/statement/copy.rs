//! COPY … TO STDOUT.

use std::sync::Arc;

use super::context::Context;
use super::outcome::{CopyOut, Outcome};
use super::query::{self, Bound};
use crate::catalog::object::RelationKind;
use crate::error::{Result, message};
use crate::ident::quote;
use crate::planner::{Found, find_relation};
use crate::sql;
use crate::sql::statement::{Copy, CopySource, ForceQuote, Name};

/// Errors: 42P01, 42703 for names that are not there; 42809 for a view; 42P10 for a quoted column that is not copied.
pub async fn run(context: &mut Context<'_>, copy: &Copy, text: &Arc<str>) -> Result<Outcome> {
    let outcome = match &copy.what {
        CopySource::Query(query) => query::run(context, query, text, Bound::nothing()).await?,
        CopySource::Relation { name, columns } => {
            let asked = of_relation(context, name, columns)?;
            let query = sql::parse_query(&asked)?;
            let outcome = query::run(context, &query, &asked.into(), Bound::nothing()).await;
            outcome.map_err(|error| error.without_position())?
        }
    };
    let Outcome::Rows(rows) = outcome else {
        return Err(message::internal("a query gave no rows"));
    };
    if let ForceQuote::Columns(forced) = &copy.options.force_quote {
        let is_copied = |name: &&String| rows.columns.iter().any(|column| column.name == **name);
        if let Some(unknown) = forced.iter().find(|name| !is_copied(name)) {
            return Err(match &copy.what {
                CopySource::Query(_) => message::unknown_column(None, unknown, &[]),
                CopySource::Relation { .. } => message::copy_force_quote_unknown(unknown),
            });
        }
    }
    Ok(Outcome::CopyOut(Box::new(CopyOut { rows, options: copy.options.clone() })))
}

/// The query that gives a table's columns.
fn of_relation(context: &Context<'_>, name: &Name, columns: &[String]) -> Result<String> {
    let (snapshot, path) = (context.snapshot(), context.search_path());
    let found = find_relation(&snapshot, &path, name.schema.as_deref(), &name.name)?;
    let (schema, known): (String, Option<Vec<String>>) = match &found {
        Found::System(relation) => (snapshot_schema(&snapshot, relation.schema_oid()), None),
        Found::Relation(relation) => {
            if matches!(relation.kind, RelationKind::View(_)) {
                return Err(message::copy_of_view(&relation.name));
            }
            let known = relation.columns.iter().map(|column| column.name.clone()).collect();
            (snapshot_schema(&snapshot, relation.schema), Some(known))
        }
    };
    if let Some(unknown) = known.and_then(|known| columns.iter().find(|column| !known.contains(column)).cloned()) {
        return Err(message::column_missing(&unknown, &name.name));
    }
    let listed = match columns {
        [] => "*".to_owned(),
        columns => columns.iter().map(|column| quote(column)).collect::<Vec<_>>().join(", "),
    };
    Ok(format!("SELECT {listed} FROM {}.{}", quote(&schema), quote(&name.name)))
}

fn snapshot_schema(snapshot: &crate::catalog::snapshot::Snapshot, oid: crate::pg_type::Oid) -> String {
    snapshot.schema(oid).map_or_else(String::new, |schema| schema.name.clone())
}
