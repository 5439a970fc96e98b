//! GRANT and REVOKE of rights on relations. On schemas and databases everybody has what can be granted.

use super::context::Context;
use super::outcome::Outcome;
use crate::catalog::privilege::{PUBLIC, Privileges};
use crate::catalog::{Draft, RelationName};
use crate::error::{Result, message};
use crate::ident::DATABASE;
use crate::pg_type::Oid;
use crate::planner::{Found, find_relation};
use crate::sql::role::{GrantPrivileges, GrantedObjects, Grantee};
use crate::sql::statement::Name;

/// Errors: 42P01, 3F000, 42704, 42601 and 0LP01 for a right that there is none of, 42501 for who is not the owner.
pub fn grant(context: &mut Context<'_>, grant: &GrantPrivileges) -> Result<Outcome> {
    change(context, grant, false)
}

/// Errors: those of GRANT; 0A000 for a schema or a database.
pub fn revoke(context: &mut Context<'_>, revoke: &GrantPrivileges) -> Result<Outcome> {
    change(context, revoke, true)
}

fn change(context: &mut Context<'_>, grant: &GrantPrivileges, revokes: bool) -> Result<Outcome> {
    let command = if revokes { "REVOKE" } else { "GRANT" };
    let grantees = grant
        .grantees
        .iter()
        .map(|grantee| match grantee {
            Grantee::Public => Ok(PUBLIC),
            Grantee::Role(role) => super::role::oid(context, role),
        })
        .collect::<Result<Vec<_>>>()?;
    match &grant.on {
        GrantedObjects::Relations(names) => {
            let privileges = on_relations(&grant.privileges)?;
            let draft = context.draft(command)?;
            for name in names {
                let relation = relation(draft, name)?;
                change_one(draft, relation, &grantees, privileges, revokes)?;
            }
        }
        GrantedObjects::AllIn(schemas) => {
            let privileges = on_relations(&grant.privileges)?;
            let draft = context.draft(command)?;
            for name in schemas {
                let snapshot = std::sync::Arc::clone(draft.snapshot());
                let schema = snapshot.schema_named(name).ok_or_else(|| message::schema_missing(name))?;
                for relation in snapshot.relations_of(schema.oid) {
                    change_one(draft, relation.oid, &grantees, privileges, revokes)?;
                }
            }
        }
        GrantedObjects::Schemas(names) => {
            let snapshot = context.snapshot();
            for name in names {
                snapshot.schema_named(name).ok_or_else(|| message::schema_missing(name))?;
            }
            everybody_has(context, grant, revokes, "schema", names, &["usage", "create"])?;
        }
        GrantedObjects::Databases(names) => {
            if let Some(unknown) = names.iter().find(|name| *name != DATABASE) {
                return Err(message::database_unknown(unknown));
            }
            everybody_has(context, grant, revokes, "database", names, &["connect", "create", "temporary", "temp"])?;
        }
    }
    Ok(Outcome::Done(command.to_owned()))
}

fn on_relations(words: &[String]) -> Result<Privileges> {
    if words.is_empty() {
        return Ok(Privileges::ALL);
    }
    words.iter().try_fold(Privileges::NONE, |set, word| match Privileges::named(word) {
        Some(privilege) => Ok(set.and(privilege)),
        None if ["usage", "create", "connect", "temporary", "temp", "execute", "set"].contains(&word.as_str()) => {
            Err(message::privilege_invalid(&word.to_uppercase(), "relation"))
        }
        None => Err(message::privilege_unknown_here(word)),
    })
}

fn relation(draft: &Draft, name: &Name) -> Result<Oid> {
    if let Some(relation) = draft.find(&RelationName::from(name)) {
        return Ok(relation.oid);
    }
    let path = ["pg_catalog".to_owned()];
    match find_relation(draft.snapshot(), &path, name.schema.as_deref(), &name.name) {
        Ok(Found::System(_)) => Err(message::unsupported("GRANT and REVOKE on the system's relations")),
        _ => Err(message::relation_unknown(&name.to_string()).with_position(name.position)),
    }
}

fn change_one(draft: &mut Draft, relation: Oid, grantees: &[Oid], privileges: Privileges, revokes: bool) -> Result<()> {
    grantees.iter().try_for_each(|grantee| {
        if revokes { draft.revoke(relation, *grantee, privileges) } else { draft.grant(relation, *grantee, privileges) }
    })
}

/// What is granted is so already, and says so; what is revoked would stay.
fn everybody_has(
    context: &mut Context<'_>,
    grant: &GrantPrivileges,
    revokes: bool,
    of: &str,
    names: &[String],
    known: &[&str],
) -> Result<()> {
    for word in &grant.privileges {
        if !known.contains(&word.as_str()) {
            return Err(match Privileges::named(word) {
                Some(_) => message::privilege_invalid(&word.to_uppercase(), of),
                None => message::privilege_unknown_here(word),
            });
        }
    }
    if revokes {
        return Err(message::schema_privilege_unsupported(&format!("REVOKE ON {}", of.to_uppercase())));
    }
    let privileges = match grant.privileges.as_slice() {
        [] => "all privileges".to_owned(),
        words => words.join(", ").to_uppercase(),
    };
    // That it is allowed at all is asked as for every change.
    context.draft("GRANT")?;
    for name in names {
        context.notice(message::everybody_has(&privileges, &format!("{of} {}", crate::ident::quote(name))));
    }
    Ok(())
}
