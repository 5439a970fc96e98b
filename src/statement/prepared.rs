//! PREPARE, EXECUTE, DEALLOCATE.

use std::sync::Arc;

use arrow::compute::{CastOptions, cast_with_options};
use datafusion::physical_plan::collect;
use datafusion::scalar::ScalarValue;
use datafusion::sql::sqlparser::ast::{self, SelectItem, SetExpr, Value};

use super::context::Context;
use super::outcome::Outcome;
use super::query;
use crate::error::{Result, message};
use crate::pg_type::PgType;
use crate::planner::reusable;
use crate::session::prepared::Prepared;
use crate::sql::statement::{Prepare, StatementKind};
use crate::sql::{self, Places};
use crate::wire::text_value;

/// Errors: 42P05 for a name in use, 53400 for too much that is held; whatever planning refuses.
pub async fn prepare(context: &mut Context<'_>, prepare: &Prepare) -> Result<Outcome> {
    let StatementKind::Query(query) = &prepare.query.kind else {
        return Err(message::unsupported("PREPARE of a statement other than a query"));
    };
    context.prepared.check_free(&prepare.name)?;
    let given = prepare.types.iter().copied().map(Some).collect();
    let (parameters, columns) = query::describe(context, query, &prepare.query.text, given).await?;
    let statement = Some(Arc::new(prepare.query.clone()));
    let prepared = Prepared { parameters, columns, statement, prepared_at: context.now, from_sql: true };
    let limit = context.engine.limits.held_bytes();
    if context.prepared.bytes() + prepared.bytes() > limit {
        return Err(message::too_much_prepared(limit));
    }
    context.prepared.put(prepare.name.clone(), Arc::new(prepared));
    Ok(Outcome::Done("PREPARE".to_owned()))
}

/// Errors: 26000 for an unknown name, 42601 for another number of arguments, and whatever the statement refuses.
pub async fn execute(
    context: &mut Context<'_>,
    name: &str,
    arguments: &[ast::Expr],
    text: &Arc<str>,
) -> Result<Outcome> {
    let prepared = Arc::clone(context.prepared.named(name)?);
    let needed = prepared.parameters.len();
    if arguments.len() != needed {
        return Err(message::wrong_argument_count(name, arguments.len(), needed));
    }
    let mut values = Vec::with_capacity(needed);
    for (argument, pg_type) in arguments.iter().zip(prepared.parameters.iter()) {
        values.push(value(context, argument, *pg_type, text).await?);
    }
    match &prepared.statement {
        None => Ok(Outcome::Empty),
        // Boxed: it may be any statement that the protocol has named.
        Some(statement) => Box::pin(super::run_prepared(context, statement, &prepared, values)).await,
    }
}

/// `DEALLOCATE name`, or all. Errors: 26000.
pub fn deallocate(context: &mut Context<'_>, name: Option<&str>) -> Result<Outcome> {
    match name {
        Some(name) if context.prepared.remove(name) => Ok(Outcome::Done("DEALLOCATE".to_owned())),
        Some(name) => Err(message::no_such_prepared_statement(name)),
        None => {
            context.prepared.clear();
            Ok(Outcome::Done("DEALLOCATE ALL".to_owned()))
        }
    }
}

/// An argument in its parameter's type: a literal is read as such, anything else is computed.
pub(super) async fn value(
    context: &Context<'_>,
    argument: &ast::Expr,
    pg_type: PgType,
    text: &Arc<str>,
) -> Result<ScalarValue> {
    let data_type = pg_type.to_arrow().ok_or_else(|| message::unknown_type(pg_type.oid))?;
    if let ast::Expr::Value(literal) = argument {
        match &literal.value {
            Value::Null => return Ok(ScalarValue::try_from(&data_type)?),
            Value::SingleQuotedString(word) | Value::EscapedStringLiteral(word) => {
                let format = context.settings.text_format();
                let position = Places::new(text).position(literal.span.start);
                return text_value(word, pg_type, &format).map_err(|error| error.with_position(position));
            }
            _ => {}
        }
    }
    let mut asked = sql::parse_query(&format!("SELECT CAST(NULL AS {})", pg_type.sql_name()))?;
    if let SetExpr::Select(select) = asked.body.as_mut()
        && let Some(SelectItem::UnnamedExpr(ast::Expr::Cast { expr, .. })) = select.projection.first_mut()
    {
        **expr = argument.clone();
    }
    let planner = context.planner();
    let (text, task) = (Arc::clone(text), planner.state.task_ctx());
    let batches = context
        .engine
        .queries
        .run(async move {
            let plan = planner.plan(&asked, &text, &[])?;
            let plan = planner.lower(plan).await?;
            let plan = reusable::physical(&planner.state, &plan).await?;
            Ok(collect(plan, task).await?)
        })
        .await?;
    let found = batches.iter().find(|batch| batch.num_rows() > 0);
    let found = found.ok_or_else(|| message::internal("an argument has no value"))?.column(0);
    let options = CastOptions { safe: false, ..CastOptions::default() };
    Ok(ScalarValue::try_from_array(&cast_with_options(found, &data_type, &options)?, 0)?)
}
