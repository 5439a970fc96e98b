//! DROP VIEW and DROP MATERIALIZED VIEW, refused while something reads it; DROP TABLE, refused for the purchase history.

use super::context::Context;
use super::outcome::Outcome;
use crate::catalog::RelationName;
use crate::error::Result;
use crate::sql::statement::Name;

/// Several names go together. Errors: 42P01, 42809; 2BP01 with what depends on them, unless CASCADE.
pub fn run(
    context: &mut Context<'_>,
    names: &[Name],
    materialized: bool,
    if_exists: bool,
    cascade: bool,
) -> Result<Outcome> {
    let names: Vec<RelationName> = names.iter().map(RelationName::from).collect();
    let command = if materialized { "DROP MATERIALIZED VIEW" } else { "DROP VIEW" };
    let draft = context.draft(command)?;
    let notices = if materialized {
        draft.drop_materialized_views(&names, if_exists, cascade)?
    } else {
        draft.drop_views(&names, if_exists, cascade)?
    };
    context.notices.extend(notices);
    Ok(Outcome::Done(command.to_owned()))
}

/// The tables are the user's own files: they go when the configuration no longer names them.
///
/// Errors: 42P01, 42809, 0A000.
pub fn refuse_tables(context: &mut Context<'_>, names: &[Name], if_exists: bool) -> Result<Outcome> {
    let names: Vec<RelationName> = names.iter().map(RelationName::from).collect();
    let notices = context.draft("DROP TABLE")?.drop_tables(&names, if_exists)?;
    context.notices.extend(notices);
    Ok(Outcome::Done("DROP TABLE".to_owned()))
}
