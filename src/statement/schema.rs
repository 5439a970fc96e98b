//! CREATE SCHEMA, DROP SCHEMA.

use super::context::Context;
use super::outcome::Outcome;
use crate::error::Result;

/// Errors: 42P06 for a name in use, 42939 for `pg_…`.
pub fn create(context: &mut Context<'_>, name: &str, if_not_exists: bool) -> Result<Outcome> {
    let notices = context.draft("CREATE SCHEMA")?.create_schema(name, if_not_exists)?;
    context.notices.extend(notices);
    Ok(Outcome::Done("CREATE SCHEMA".to_owned()))
}

/// Errors: 3F000; 2BP01 with what is in them or reads from them, unless CASCADE.
pub fn drop(context: &mut Context<'_>, names: &[String], if_exists: bool, cascade: bool) -> Result<Outcome> {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let notices = context.draft("DROP SCHEMA")?.drop_schemas(&names, if_exists, cascade)?;
    context.notices.extend(notices);
    Ok(Outcome::Done("DROP SCHEMA".to_owned()))
}
