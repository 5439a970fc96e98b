//! DECLARE, FETCH, MOVE, CLOSE.

use std::sync::Arc;

use datafusion::scalar::ScalarValue;
use futures::StreamExt;

use super::context::Context;
use super::outcome::{Outcome, OutputColumn, Rows};
use super::query;
use crate::catalog::system::CursorRow;
use crate::error::{Result, message};
use crate::execution::scroll::Scroll;
use crate::pg_type::PgType;
use crate::session::transaction::TransactionStatus;
use crate::sql::statement::{Declare, Fetch};

/// Errors: 25P01 outside a transaction block, unless WITH HOLD; 42P03 for a name in use; whatever planning refuses.
pub async fn declare(
    context: &mut Context<'_>,
    declare: &Declare,
    text: &Arc<str>,
    types: &Arc<[PgType]>,
    parameters: Vec<ScalarValue>,
) -> Result<Outcome> {
    if !declare.holds && context.transaction.status() == TransactionStatus::Idle {
        return Err(message::cursor_needs_transaction());
    }
    context.cursors.check_free(&declare.name)?;
    let Outcome::Rows(rows) = query::run_with(context, &declare.query, text, types, parameters).await? else {
        return Err(message::internal("a query gave no rows"));
    };
    let scroll = Scroll::new(rows.batches, declare.scrolls, context.engine.limits.cursor_bytes);
    let shown = CursorRow {
        name: declare.name.clone(),
        statement: text.to_string(),
        is_holdable: declare.holds,
        is_binary: declare.is_binary,
        is_scrollable: declare.scrolls,
        created_at: context.now,
    };
    context.cursors.open(shown, rows.columns, scroll);
    Ok(Outcome::Done("DECLARE CURSOR".to_owned()))
}

/// FETCH, or MOVE, which only counts. Errors: 34000 for an unknown cursor, 55006 for one whose rows are on their way,
/// 55000 for going back where that was not asked for.
pub async fn fetch(context: &mut Context<'_>, fetch: &Fetch) -> Result<Outcome> {
    let cursor = context.cursors.named(&fetch.name)?;
    let columns = Arc::clone(&cursor.columns);
    let is_binary = cursor.shown.is_binary;
    let rows = Arc::clone(&cursor.rows).try_lock_owned().map_err(|_busy| message::cursor_in_use(&fetch.name))?;
    let mut batches = Scroll::fetch(rows, fetch.direction).await?;
    if !fetch.moves {
        return Ok(Outcome::Rows(Rows { columns, tag: "FETCH", batches, is_binary }));
    }
    let mut passed = 0;
    while let Some(batch) = batches.next().await {
        passed += batch?.num_rows();
    }
    Ok(Outcome::Done(format!("MOVE {passed}")))
}

/// The columns of what FETCH gives; MOVE gives none. Errors: 34000.
pub fn columns(context: &Context<'_>, fetch: &Fetch) -> Result<Option<Arc<[OutputColumn]>>> {
    let cursor = context.cursors.named(&fetch.name)?;
    Ok((!fetch.moves).then(|| Arc::clone(&cursor.columns)))
}

/// `CLOSE name`, or all. Errors: 34000.
pub fn close(context: &mut Context<'_>, name: Option<&str>) -> Result<Outcome> {
    match name {
        Some(name) => {
            context.cursors.close(name)?;
            Ok(Outcome::Done("CLOSE CURSOR".to_owned()))
        }
        None => {
            context.cursors.close_all();
            Ok(Outcome::Done("CLOSE CURSOR ALL".to_owned()))
        }
    }
}
