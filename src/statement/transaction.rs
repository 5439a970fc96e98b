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
    apply(context, modes)?;
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
        for mode in modes {
            match mode {
                TransactionMode::Isolation(level) => {
                    let value = SetValue::Values(vec![(*level).to_owned()]);
                    context.settings.set("default_transaction_isolation", &value, false)?;
                }
                TransactionMode::ReadOnly | TransactionMode::ReadWrite => {
                    let on = matches!(mode, TransactionMode::ReadOnly);
                    let value = SetValue::Values(vec![if on { "on" } else { "off" }.to_owned()]);
                    context.settings.set("default_transaction_read_only", &value, false)?;
                }
                TransactionMode::Deferrable(_) => {}
            }
        }
    } else if context.transaction.status() == TransactionStatus::Idle {
        context.warning(SqlState::NoActiveSqlTransaction, "SET TRANSACTION can only be used in transaction blocks");
    } else {
        apply(context, modes)?;
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

fn apply(context: &mut Context<'_>, modes: &[TransactionMode]) -> Result<()> {
    for mode in modes {
        match mode {
            TransactionMode::ReadOnly => context.transaction.set_read_only(true),
            TransactionMode::ReadWrite => context.transaction.set_read_only(false),
            TransactionMode::Isolation(level) => {
                let value = SetValue::Values(vec![(*level).to_owned()]);
                context.settings.set("transaction_isolation", &value, true)?;
            }
            TransactionMode::Deferrable(_) => {}
        }
    }
    Ok(())
}

fn refuse_chain(chain: bool) -> Result<()> {
    if chain { Err(message::unsupported("AND CHAIN")) } else { Ok(()) }
}
