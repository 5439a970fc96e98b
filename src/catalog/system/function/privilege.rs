//! Functions that ask what a role may do.

use super::Takes::{Object, Text};
use super::names::{class, namespace, role, type_};
use super::{Spec, strict};
use crate::catalog::object::{BOOTSTRAP_ROLE_OID, INFORMATION_SCHEMA_OID, PG_CATALOG_OID, REGULARS_OID};
use crate::catalog::privilege::Privileges;
use crate::catalog::system::value::Value;
use crate::catalog::system::{DATABASE_OID, SystemContext, types};
use crate::error::{Result, message};
use crate::pg_type::Oid;

pub(super) const FUNCTIONS: &[Spec] = &[
    strict("has_table_privilege", &[&[Object, Text], &[Object, Object, Text]], "bool", has_table_privilege),
    strict("has_any_column_privilege", &[&[Object, Text], &[Object, Object, Text]], "bool", has_table_privilege),
    strict(
        "has_column_privilege",
        &[&[Object, Object, Text], &[Object, Object, Object, Text]],
        "bool",
        has_column_privilege,
    ),
    strict("has_schema_privilege", &[&[Object, Text], &[Object, Object, Text]], "bool", has_schema_privilege),
    strict("has_database_privilege", &[&[Object, Text], &[Object, Object, Text]], "bool", has_database_privilege),
    strict("has_type_privilege", &[&[Object, Text], &[Object, Object, Text]], "bool", has_type_privilege),
    strict("has_function_privilege", &[&[Object, Text], &[Object, Object, Text]], "bool", has_function_privilege),
    strict("has_sequence_privilege", &[&[Object, Text], &[Object, Object, Text]], "bool", |_, _| Ok(Value::Null)),
    strict("has_tablespace_privilege", &[&[Object, Text], &[Object, Object, Text]], "bool", |_, args| {
        check(args, &["create"]).map(|_| true.into())
    }),
    strict("pg_has_role", &[&[Object, Text], &[Object, Object, Text]], "bool", pg_has_role),
];

const ON_TABLE: &[&str] = &["select", "insert", "update", "delete", "truncate", "references", "trigger"];

/// The last argument: privileges with commas between, each perhaps `WITH GRANT OPTION`. SQLSTATE 22023 otherwise.
fn check(args: &[Value], known: &[&str]) -> Result<()> {
    let asked = args.last().and_then(Value::text).unwrap_or_default();
    for privilege in asked.split(',') {
        let word = privilege.trim().to_lowercase();
        let word = [" with grant option", " with admin option"]
            .iter()
            .find_map(|suffix| word.strip_suffix(suffix))
            .unwrap_or(&word)
            .trim();
        if !known.contains(&word) {
            return Err(message::privilege_unknown(privilege.trim()));
        }
    }
    Ok(())
}

/// Whose rights are asked about: the first argument where it is given, else `current_user`. `others`: arguments but that.
fn asked(context: &SystemContext, args: &[Value], others: usize) -> Result<Oid> {
    if args.len() == others { Ok(context.current_user) } else { role(context, &args[0]) }
}

fn says(args: &[Value], words: &[&str]) -> bool {
    let asked = args.last().and_then(Value::text).unwrap_or_default().to_lowercase();
    asked.split(',').any(|one| words.iter().any(|word| one.trim().starts_with(word)))
}

fn has_table_privilege(context: &SystemContext, args: &[Value]) -> Result<Value> {
    check(args, ON_TABLE)?;
    on_relation(context, args, 2)
}

fn has_column_privilege(context: &SystemContext, args: &[Value]) -> Result<Value> {
    check(args, &["select", "insert", "update", "references"])?;
    on_relation(context, args, 3)
}

fn on_relation(context: &SystemContext, args: &[Value], others: usize) -> Result<Value> {
    let who = asked(context, args, others)?;
    let oid = class(context, &args[args.len() - others])?;
    if context.relation_name(oid).is_none() {
        return Ok(Value::Null);
    }
    let Some(relation) = context.snapshot.relation(oid) else {
        // Everybody may read the system's relations.
        return Ok((says(args, &["select"]) || may_change(context, who, BOOTSTRAP_ROLE_OID)).into());
    };
    let asked = args.last().and_then(Value::text).unwrap_or_default();
    // One of them is enough, as in PostgreSQL. Whoever owns it may pass rights on.
    let has = asked.split(',').any(|one| {
        let mut words = one.split_whitespace();
        let privilege = words.next().and_then(Privileges::named).unwrap_or_default();
        let may_pass_on = words.next().is_none() || context.snapshot.has_rights_of(who, relation.owner);
        may_pass_on && context.snapshot.has_privileges(who, relation, privilege)
    });
    Ok(has.into())
}

fn may_change(context: &SystemContext, who: Oid, owner: Oid) -> bool {
    context.snapshot.has_rights_of(who, owner) && !context.snapshot.is_reader(who)
}

/// Everybody but readers may create in schemas that are not the system's.
fn has_schema_privilege(context: &SystemContext, args: &[Value]) -> Result<Value> {
    check(args, &["create", "usage"])?;
    let who = asked(context, args, 2)?;
    let schema = namespace(context, &args[args.len() - 2])?;
    let exists = context.schema_name(schema).is_some();
    let is_fixed = matches!(schema, PG_CATALOG_OID | INFORMATION_SCHEMA_OID | REGULARS_OID);
    let may_create = !context.snapshot.is_reader(who) && (!is_fixed || context.snapshot.is_superuser(who));
    Ok(exists.then_some(says(args, &["usage"]) || may_create).into())
}

fn has_database_privilege(context: &SystemContext, args: &[Value]) -> Result<Value> {
    check(args, &["create", "connect", "temporary", "temp"])?;
    let who = asked(context, args, 2)?;
    let exists = match &args[args.len() - 2] {
        Value::Text(name) if *name == context.database || name.parse() == Ok(DATABASE_OID) => true,
        Value::Text(name) => return Err(message::database_unknown(name)),
        value => value.int() == Some(DATABASE_OID.into()),
    };
    Ok(exists.then_some(says(args, &["connect", "temp"]) || !context.snapshot.is_reader(who)).into())
}

/// NULL when a number means no object.
fn exists(found: bool) -> Result<Value> {
    Ok(found.then_some(true).into())
}

fn has_type_privilege(context: &SystemContext, args: &[Value]) -> Result<Value> {
    check(args, &["usage"])?;
    asked(context, args, 2)?;
    exists(types::type_of(type_(&args[args.len() - 2])?).is_some())
}

fn has_function_privilege(context: &SystemContext, args: &[Value]) -> Result<Value> {
    check(args, &["execute"])?;
    asked(context, args, 2)?;
    let oid = args[args.len() - 2].int().and_then(|number| u32::try_from(number).ok());
    exists(oid.is_some_and(|oid| types::function(oid).is_some()))
}

/// `USAGE`: has the rights without SET ROLE; `MEMBER`, `SET`: may become it; with the admin option, may grant it.
fn pg_has_role(context: &SystemContext, args: &[Value]) -> Result<Value> {
    check(args, &["usage", "member", "set"])?;
    let who = asked(context, args, 2)?;
    let group = role(context, &args[args.len() - 2])?;
    let word = args.last().and_then(Value::text).unwrap_or_default().to_lowercase();
    let snapshot = &context.snapshot;
    let may = |one: &str| match one {
        one if one.ends_with("option") => snapshot.may_administer(who, group),
        "usage" => snapshot.has_rights_of(who, group),
        _ => snapshot.may_become(who, group),
    };
    Ok(word.split(',').any(|one| may(one.trim())).into())
}
