//! CREATE [OR REPLACE] VIEW: planned once to check it, kept as text with what it reads.

use std::sync::Arc;

use super::context::Context;
use super::outcome::Outcome;
use crate::catalog::NewView;
use crate::catalog::object::are_of_segment;
use crate::error::{Result, message};
use crate::planner::{question, resolve_view};
use crate::sql::statement::CreateView;

/// Errors: whatever planning refuses, with its position; 42P07 for a name in use; 42P16 for a replacement that
/// takes columns away; 42P17 for a circle; 3F000 for a schema.
pub async fn run(context: &mut Context<'_>, create: &CreateView, text: &Arc<str>) -> Result<Outcome> {
    if create.if_not_exists {
        return Err(message::view_if_not_exists(&create.name.to_string()));
    }
    let schema = context.creation_schema(create.name.schema.as_deref())?;
    let planner = context.planner();
    let told = planner.told.clone();
    let lints = context.settings.lint();
    let (create, text) = (create.clone(), Arc::clone(text));
    let name = create.name.name.clone();
    let or_replace = create.or_replace;
    let view = context
        .engine
        .queries
        .run(async move {
            let view = resolve_view(&planner, &create.query, &text, create.query_range, &create.columns).await?;
            if lints && are_of_segment(&view.columns) {
                for finding in question::lint(&planner, &create.query)? {
                    planner.told.tell(finding.notice());
                }
            }
            Ok(view)
        })
        .await?;
    context.notices.extend(told.take());
    let now = context.now;
    let new = NewView { schema: schema.oid, name, columns: view.columns, definition: view.definition };
    let (_oid, notices) = context.draft("CREATE VIEW")?.create_view(new, or_replace, now)?;
    context.notices.extend(notices);
    Ok(Outcome::Done("CREATE VIEW".to_owned()))
}
