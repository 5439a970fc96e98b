//! CREATE, REFRESH and ALTER MATERIALIZED VIEW … SET: kept lists.

use std::sync::Arc;

use super::context::Context;
use super::outcome::Outcome;
use crate::audience::failure::Failure;
use crate::audience::options;
use crate::audience::refresh::Refresh;
use crate::catalog::object::{AudienceOptions, are_of_segment};
use crate::catalog::{MustBe, NewView, RelationName};
use crate::error::{Result, message};
use crate::history::index::CaughtUp;
use crate::pg_type::Oid;
use crate::planner::{kept_schema, question, resolve_view};
use crate::sql::statement::{CreateAudience, Name, RefreshAudience};

const REFRESH: &str = "REFRESH MATERIALIZED VIEW";

/// Errors: whatever planning refuses, with its position; 42P07 for a name in use; 22023 for an option; 42809 for one that
/// needs members; with data, those of a refresh.
pub async fn create(context: &mut Context<'_>, create: &CreateAudience, text: &Arc<str>) -> Result<Outcome> {
    let given = options::with(AudienceOptions::default(), &create.options)?;
    let schema = context.creation_schema(create.view.name.schema.as_deref())?;
    let planner = context.planner();
    let told = planner.told.clone();
    let lints = context.settings.lint();
    let (view, text) = (create.view.clone(), Arc::clone(text));
    let resolved = context
        .engine
        .queries
        .run(async move {
            let resolved = resolve_view(&planner, &view.query, &text, view.query_range, &view.columns).await?;
            kept_schema(&resolved.columns)?;
            if lints && are_of_segment(&resolved.columns) {
                for finding in question::lint(&planner, &view.query)? {
                    planner.told.tell(finding.notice());
                }
            }
            Ok(resolved)
        })
        .await?;
    context.notices.extend(told.take());
    let name = create.view.name.name.clone();
    let needs_members = given.channel.is_some() || given.minimum.is_some();
    if needs_members && !are_of_segment(&resolved.columns) {
        return Err(message::options_without_member(&name));
    }
    let new = NewView { schema: schema.oid, name, columns: resolved.columns, definition: resolved.definition };
    let now = context.now;
    let draft = context.draft("CREATE MATERIALIZED VIEW")?;
    let (created, notices) = draft.create_materialized_view(new, given, create.view.if_not_exists, now)?;
    context.notices.extend(notices);
    match created {
        Some(oid) if create.with_data => Ok(Outcome::Done(format!("SELECT {}", filled(context, oid).await?))),
        _ => Ok(Outcome::Done("CREATE MATERIALIZED VIEW".to_owned())),
    }
}

/// The new rows are seen by this transaction at once, by others when it is committed.
///
/// Errors: 42P01, 42809 for the name; 42501 for another's list; 0A000 for CONCURRENTLY of what holds nothing; 23505 for a repeated member; whatever
/// the query refuses. After an error the list holds what it held.
pub async fn refresh(context: &mut Context<'_>, refresh: &RefreshAudience) -> Result<Outcome> {
    let oid = list(context, &refresh.name)?;
    let is_populated = context
        .snapshot()
        .relation(oid)
        .and_then(|relation| relation.materialized().map(|list| list.is_populated))
        .unwrap_or(false);
    if refresh.concurrently && !is_populated {
        return Err(message::not_populated_concurrently(&refresh.name.to_string()));
    }
    if refresh.concurrently && !refresh.with_data {
        return Err(message::refresh_options_contradict());
    }
    if !refresh.with_data {
        context.draft(REFRESH)?.unpopulate(oid)?;
        return Ok(Outcome::Done(REFRESH.to_owned()));
    }
    match filled(context, oid).await {
        Ok(_rows) => Ok(Outcome::Done(REFRESH.to_owned())),
        Err(error) => {
            let by = context.user_name();
            let (started_at, finished_at) = (context.now, context.engine.clock.now());
            let failure = Failure { list: oid, error: &error, by, started_at, finished_at };
            failure.record(&context.engine.catalog).await;
            Err(error)
        }
    }
}

/// ALTER MATERIALIZED VIEW … SET, RESET. Errors: 42P01, 42809 for the name; 22023 for an option.
pub fn set(
    context: &mut Context<'_>,
    name: &Name,
    if_exists: bool,
    given: &[(String, Option<String>)],
) -> Result<Outcome> {
    const COMMAND: &str = "ALTER MATERIALIZED VIEW";
    let draft = context.draft(COMMAND)?;
    let Some(oid) = draft.find(&RelationName::from(name)).map(|relation| relation.oid) else {
        if if_exists {
            context.notice(message::missing_skipping("relation", &name.to_string()));
            return Ok(Outcome::Done(COMMAND.to_owned()));
        }
        return Err(message::relation_missing("relation", &name.to_string()).with_position(name.position));
    };
    let relation = draft.require(oid, MustBe::MaterializedView)?;
    let current = relation.materialized().map(|list| list.options.clone()).unwrap_or_default();
    let options = options::with(current, given)?;
    if (options.channel.is_some() || options.minimum.is_some()) && !relation.is_audience() {
        return Err(message::options_without_member(&relation.name));
    }
    draft.set_options(oid, options)?;
    Ok(Outcome::Done(COMMAND.to_owned()))
}

/// Refreshes a list in the open transaction; gives the number of its rows.
async fn filled(context: &mut Context<'_>, oid: Oid) -> Result<u64> {
    // Before the work: a transaction that may not write is told at once.
    context.draft(REFRESH)?;
    catch_up(context).await;
    let planner = context.planner();
    let told = planner.told.clone();
    let list = planner.snapshot.relation(oid).cloned().ok_or_else(|| message::relation_oid_missing(oid))?;
    let engine = context.engine;
    let refresh =
        Refresh { list, folder: engine.lists.clone(), by: context.user_name(), clock: Arc::clone(&engine.clock) };
    let run = engine.queries.run(async move { refresh.run(&planner).await }).await?;
    context.notices.extend(told.take());
    let rows = run.rows;
    context.draft(REFRESH)?.put_run(oid, run)?;
    Ok(rows)
}

/// Takes what is new into the member index, so that a refresh costs what is new and not the whole history.
async fn catch_up(context: &Context<'_>) {
    if !context.settings.effective().uses_index {
        return;
    }
    let engine = context.engine;
    let (history, clock) = (Arc::clone(&engine.history), Arc::clone(&engine.clock));
    match engine.queries.run(async move { history.catch_up_index(clock.as_ref()).await }).await {
        // They hold the index before this one.
        Ok(CaughtUp::Now) => engine.plans.clear(),
        Ok(CaughtUp::Already | CaughtUp::No) => {}
        // Whether the files can be read is for the refresh itself to find out.
        Err(error) => tracing::warn!("the member index cannot take in new files, the list is filled from all: {error}"),
    }
}

/// The list of this name, which is the role's own to refresh.
fn list(context: &mut Context<'_>, name: &Name) -> Result<Oid> {
    let draft = context.draft(REFRESH)?;
    let found = draft.find(&RelationName::from(name)).map(|relation| relation.oid);
    let oid =
        found.ok_or_else(|| message::relation_missing("relation", &name.to_string()).with_position(name.position))?;
    draft.require_own(oid, MustBe::MaterializedView)?;
    Ok(oid)
}
