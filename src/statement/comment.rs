//! COMMENT ON VIEW, TABLE, COLUMN, SCHEMA: a line that `\d+` and every BI tool shows.

use super::context::Context;
use super::outcome::Outcome;
use crate::catalog::{MustBe, RelationName};
use crate::error::{Result, message};
use crate::pg_type::Oid;
use crate::sql::statement::{CommentTarget, Name, ObjectKind};

/// Errors: 42P01, 42703, 3F000; 42809 for a table named as a view and the other way round.
pub fn run(context: &mut Context<'_>, on: &CommentTarget, comment: Option<&str>) -> Result<Outcome> {
    let comment = comment.map(str::to_owned);
    let draft = context.draft("COMMENT")?;
    match on {
        CommentTarget::Relation { name, of } => {
            let oid = oid_of(draft, name)?;
            let must_be = match of {
                ObjectKind::Table => MustBe::Table,
                ObjectKind::View => MustBe::View,
                ObjectKind::MaterializedView => MustBe::MaterializedView,
            };
            draft.require(oid, must_be)?;
            draft.comment_on(oid, comment)?;
        }
        CommentTarget::Column { relation, column } => {
            let oid = oid_of(draft, relation)?;
            draft.set_column_comment(oid, column, comment)?;
        }
        CommentTarget::Schema(name) => draft.comment_on_schema(name, comment)?,
    }
    Ok(Outcome::Done("COMMENT".to_owned()))
}

fn oid_of(draft: &crate::catalog::Draft, name: &Name) -> Result<Oid> {
    let found = RelationName::from(name);
    draft
        .find(&found)
        .map(|relation| relation.oid)
        .ok_or_else(|| message::relation_missing("relation", &name.to_string()).with_position(name.position))
}
