//! What each statement does, one file each: here only the match from statement to handler.

pub mod audience;
pub mod call;
pub mod comment;
pub mod context;
pub mod copy;
pub mod create_view;
pub mod cursor;
pub mod deliver;
pub mod drop_view;
pub mod explain;
pub mod grant;
mod lore;
pub mod outcome;
pub mod prepared;
pub mod query;
pub mod rename;
pub mod role;
pub mod schema;
pub mod set;
pub mod surroundings;
pub mod transaction;

use std::sync::Arc;

use datafusion::scalar::ScalarValue;

use self::context::Context;
use self::outcome::{Outcome, OutputColumn};
use self::query::Bound;
use crate::error::{Result, message};
use crate::pg_type::PgType;
use crate::session::Prepared;
use crate::sql::statement::{Statement, StatementKind};

/// Runs a statement without parameters.
pub async fn run(context: &mut Context<'_>, statement: &Statement) -> Result<Outcome> {
    run_bound(context, statement, Bound::nothing()).await
}

/// Runs a prepared statement with its parameters. Rows have the columns that were announced when it was prepared.
pub async fn run_prepared(
    context: &mut Context<'_>,
    statement: &Statement,
    prepared: &Prepared,
    values: Vec<ScalarValue>,
) -> Result<Outcome> {
    let bound = Bound { types: Arc::clone(&prepared.parameters), values };
    match &statement.kind {
        StatementKind::Query(query) => {
            query::run_announced(context, query, &statement.text, bound, prepared.columns.as_ref()).await
        }
        _ => run_bound(context, statement, bound).await,
    }
}

async fn run_bound(context: &mut Context<'_>, statement: &Statement, bound: Bound) -> Result<Outcome> {
    match &statement.kind {
        StatementKind::Query(query) => query::run(context, query, &statement.text, bound).await,
        StatementKind::Explain(explain) => explain::run(context, explain, &statement.text, bound).await,
        StatementKind::CreateView(create) => create_view::run(context, create, &statement.text).await,
        StatementKind::CreateAudience(create) => audience::create(context, create, &statement.text).await,
        StatementKind::RefreshAudience(refresh) => audience::refresh(context, refresh).await,
        StatementKind::SetAudience { name, if_exists, options } => audience::set(context, name, *if_exists, options),
        StatementKind::Call(asked) => call::run(context, asked, &statement.text, bound).await,
        StatementKind::DropViews { names, materialized, if_exists, cascade } => {
            drop_view::run(context, names, *materialized, *if_exists, *cascade)
        }
        StatementKind::DropTables { names, if_exists } => drop_view::refuse_tables(context, names, *if_exists),
        StatementKind::Rename(rename) => rename::run(context, rename),
        StatementKind::Comment { on, comment } => comment::run(context, on, comment.as_deref()),
        StatementKind::CreateSchema { name, if_not_exists } => schema::create(context, name, *if_not_exists),
        StatementKind::DropSchemas { names, if_exists, cascade } => schema::drop(context, names, *if_exists, *cascade),
        StatementKind::CreateRole(create) => role::create(context, create),
        StatementKind::AlterRole(alter) => role::alter(context, alter),
        StatementKind::RenameRole { name, to } => role::rename(context, name, to),
        StatementKind::DropRoles { names, if_exists } => role::drop(context, names, *if_exists),
        StatementKind::GrantRoles(grant) => role::grant(context, grant),
        StatementKind::RevokeRoles(revoke) => role::revoke(context, revoke),
        StatementKind::GrantPrivileges(grant) => grant::grant(context, grant),
        StatementKind::RevokePrivileges(revoke) => grant::revoke(context, revoke),
        StatementKind::ReassignOwned { from, to } => role::reassign_owned(context, from, to),
        StatementKind::SetOwner(owner) => role::set_owner(context, owner),
        StatementKind::Begin { modes } => transaction::begin(context, modes),
        StatementKind::Commit { chain } => transaction::end(context, *chain).await,
        StatementKind::Rollback { chain } => transaction::roll_back(context, *chain),
        StatementKind::Savepoint(name) => transaction::savepoint(context, name),
        StatementKind::Release(name) => transaction::release(context, name),
        StatementKind::RollbackTo(name) => transaction::roll_back_to(context, name),
        StatementKind::SetTransaction { modes, session } => transaction::set(context, modes, *session),
        StatementKind::Set { scope, name, value } => set::set(context, *scope, name, value),
        StatementKind::Reset(name) => set::reset(context, name.as_deref()),
        StatementKind::Show(name) => set::show(context, name.as_deref()),
        StatementKind::DiscardAll => set::discard_all(context),
        StatementKind::Prepare(prepare) => prepared::prepare(context, prepare).await,
        StatementKind::Execute { name, arguments } => {
            prepared::execute(context, name, arguments, &statement.text).await
        }
        StatementKind::Deallocate(name) => prepared::deallocate(context, name.as_deref()),
        StatementKind::Declare(declare) => cursor::declare(context, declare, &statement.text, bound).await,
        StatementKind::Fetch(fetch) => cursor::fetch(context, fetch).await,
        StatementKind::CloseCursor(name) => cursor::close(context, name.as_deref()),
        StatementKind::Copy(copy) => copy::run(context, copy, &statement.text).await,
        StatementKind::Listen { verb } => Ok(Outcome::Done((*verb).to_owned())),
        StatementKind::Unsupported(what) => Err(message::unsupported_statement(what)),
    }
}

/// Types of the parameters and columns of the rows, without running anything.
///
/// `given` are the parameter types the client named; the rest is inferred, and is text where nothing tells.
pub async fn describe(
    context: &mut Context<'_>,
    statement: &Statement,
    given: Vec<Option<PgType>>,
) -> Result<(Arc<[PgType]>, Option<Arc<[OutputColumn]>>)> {
    match &statement.kind {
        StatementKind::Query(query) => query::describe(context, query, &statement.text, given).await,
        StatementKind::Explain(explain) => {
            let (parameters, _) = query::describe(context, &explain.query, &statement.text, given).await?;
            Ok((parameters, Some(explain::columns(explain.format))))
        }
        StatementKind::Call(asked) => Ok((call::parameters(asked, &given)?, Some(deliver::columns()))),
        StatementKind::Declare(declare) => {
            Ok((query::describe(context, &declare.query, &statement.text, given).await?.0, None))
        }
        // What is not there yet may be when the statement runs, as in PostgreSQL.
        StatementKind::Execute { name, .. } => {
            Ok(([].into(), context.prepared.get(name).and_then(|prepared| prepared.columns.clone())))
        }
        StatementKind::Fetch(fetch) => Ok(([].into(), cursor::columns(context, fetch))),
        StatementKind::Show(name) => Ok(([].into(), Some(set::show_columns(context, name.as_deref())?))),
        _ => Ok(([].into(), None)),
    }
}
