//! ALTER VIEW … RENAME TO. Views that read it go on reading it: they hold its OID, not its name.

use super::context::Context;
use super::outcome::Outcome;
use crate::catalog::{MustBe, RelationName};
use crate::error::{Result, message};
use crate::sql::statement::{ObjectKind, Rename};

/// Errors: 42P01, 42809, 42P07 for a name in use, 0A000 for a table of the history.
pub fn run(context: &mut Context<'_>, rename: &Rename) -> Result<Outcome> {
    let (command, must_be) = match rename.of {
        ObjectKind::Table => ("ALTER TABLE", MustBe::AnyRelation),
        ObjectKind::View => ("ALTER VIEW", MustBe::View),
        ObjectKind::MaterializedView => ("ALTER MATERIALIZED VIEW", MustBe::MaterializedView),
    };
    let draft = context.draft(command)?;
    let found = draft.find(&RelationName::from(&rename.name)).map(|relation| relation.oid);
    let notices = match found {
        Some(oid) => draft.rename_relation(oid, &rename.new_name, must_be)?,
        None if rename.if_exists => {
            context.notice(message::missing_skipping("relation", &rename.name.to_string()));
            Vec::new()
        }
        None => {
            return Err(
                message::relation_missing("relation", &rename.name.to_string()).with_position(rename.name.position)
            );
        }
    };
    context.notices.extend(notices);
    Ok(Outcome::Done(command.to_owned()))
}
