//! BEGIN, COMMIT, ROLLBACK, SAVEPOINT and their kin.

use std::sync::Arc;

use super::context::Context;
use super::outcome::Outcome;
use crate::catalog::Draft;
use crate::engine::Engine;
use crate::error::{Result, SqlState, message};
use crate::session::transaction::TransactionStatus;
use crate::sql::statement::{SetValue, TransactionMode};

pub fn begin(context: &mut Context<'_>, modes: &[TransactionMode]) -> Result<Outcome> {
    let now = context.now;
    if !context.transaction.begin(&context.engine.catalog, context.settings, now) {
        context.warning(SqlState::ActiveSqlTransaction, "there is already a transaction in progress");
    }
    apply(context, modes, "")?;
    Ok(Outcome::Done("BEGIN".to_owned()))
}

/// COMMIT: durable when it returns. A failed transaction is rolled back and says so in its tag.
///
/// Errors: 40001 when another session changed the same object meanwhile; 53100, 58030 from the store.
pub async fn end(context: &mut Context<'_>, chain: bool) -> Result<Outcome> {
    refuse_chain(chain)?;
    let Some(finished) = context.transaction.finish(context.settings) else {
        context.warning(SqlState::NoActiveSqlTransaction, "there is no transaction in progress");
        return Ok(Outcome::Done("COMMIT".to_owned()));
    };
    if let Some(draft) = finished.draft
        && let Err(error) = commit(context.engine, draft).await
    {
        context.cursors.rolled_back();
        return Err(error);
    }
    if finished.rolled_back {
        context.cursors.rolled_back()
    } else {
        context.cursors.committed()
    }
    Ok(Outcome::Done(if finished.rolled_back { "ROLLBACK" } else { "COMMIT" }.to_owned()))
}

pub fn roll_back(context: &mut Context<'_>, chain: bool) -> Result<Outcome> {
    refuse_chain(chain)?;
    if context.transaction.roll_back(context.settings) {
        context.cursors.rolled_back();
    } else {
        context.warning(SqlState::NoActiveSqlTransaction, "there is no transaction in progress");
    }
    Ok(Outcome::Done("ROLLBACK".to_owned()))
}

pub fn savepoint(context: &mut Context<'_>, name: &str) -> Result<Outcome> {
    context.transaction.savepoint(name.to_owned(), context.settings, context.cursors.mark())?;
    Ok(Outcome::Done("SAVEPOINT".to_owned()))
}

pub fn release(context: &mut Context<'_>, name: &str) -> Result<Outcome> {
    context.transaction.release(name)?;
    Ok(Outcome::Done("RELEASE".to_owned()))
}

pub fn roll_back_to(context: &mut Context<'_>, name: &str) -> Result<Outcome> {
    let mark = context.transaction.roll_back_to(name, context.settings)?;
    context.cursors.close_since(mark);
    Ok(Outcome::Done("ROLLBACK".to_owned()))
}

/// SET TRANSACTION, SET SESSION CHARACTERISTICS.
pub fn set(context: &mut Context<'_>, modes: &[TransactionMode], session: bool) -> Result<Outcome> {
    if session {
        apply(context, modes, "default_")?;
    } else if context.transaction.status() == TransactionStatus::Idle {
        context.warning(SqlState::NoActiveSqlTransaction, "SET TRANSACTION can only be used in transaction blocks");
    } else {
        apply(context, modes, "")?;
    }
    Ok(Outcome::Done("SET".to_owned()))
}

/// Publishes a draft; durable when it returns. Cancel-safe: once handed over, it is committed or it is not.
pub async fn commit(engine: &Arc<Engine>, draft: Draft) -> Result<()> {
    let catalog = Arc::clone(&engine.catalog);
    let now = engine.clock.now();
    let committed = tokio::task::spawn_blocking(move || catalog.commit(draft, now)).await;
    match committed {
        Ok(result) => result.map(|_snapshot| ()),
        Err(error) => Err(message::internal("the commit failed because of a bug").with_cause(error)),
    }
}

/// `scope` is `default_` for all transactions of the session, empty for this one.
fn apply(context: &mut Context<'_>, modes: &[TransactionMode], scope: &str) -> Result<()> {
    for mode in modes {
        let (name, value) = match mode {
            TransactionMode::ReadOnly => ("transaction_read_only", "on"),
            TransactionMode::ReadWrite => ("transaction_read_only", "off"),
            TransactionMode::Isolation(level) => ("transaction_isolation", *level),
            TransactionMode::Deferrable(true) => ("transaction_deferrable", "on"),
            TransactionMode::Deferrable(false) => ("transaction_deferrable", "off"),
        };
        let value = SetValue::Values(vec![value.to_owned()]);
        context.settings.set(&format!("{scope}{name}"), &value, scope.is_empty())?;
    }
    Ok(())
}

fn refuse_chain(chain: bool) -> Result<()> {
    if chain { Err(message::unsupported("AND CHAIN")) } else { Ok(()) }
}
