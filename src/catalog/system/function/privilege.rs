//! Functions that ask what a role may do. Until roles exist, everybody may do everything that exists.

use super::Takes::{Object, Text};
use super::names::{class, namespace, role, type_};
use super::{Spec, strict};
use crate::catalog::system::value::Value;
use crate::catalog::system::{DATABASE_OID, SystemContext, types};
use crate::error::{Result, message};

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
        let word = word.strip_suffix(" with grant option").unwrap_or(&word).trim();
        if !known.contains(&word) {
            return Err(message::privilege_unknown(privilege.trim()));
        }
    }
    Ok(())
}

/// The object asked about stands before the privilege; NULL when a number means no object.
fn exists(found: bool) -> Result<Value> {
    Ok(found.then_some(true).into())
}

fn has_table_privilege(context: &SystemContext, args: &[Value]) -> Result<Value> {
    check(args, ON_TABLE)?;
    let relation = class(context, &args[args.len() - 2])?;
    exists(context.relation_name(relation).is_some())
}

fn has_column_privilege(context: &SystemContext, args: &[Value]) -> Result<Value> {
    check(args, &["select", "insert", "update", "references"])?;
    let relation = class(context, &args[args.len() - 3])?;
    exists(context.relation_name(relation).is_some())
}

fn has_schema_privilege(context: &SystemContext, args: &[Value]) -> Result<Value> {
    check(args, &["create", "usage"])?;
    let schema = namespace(context, &args[args.len() - 2])?;
    exists(context.schema_name(schema).is_some())
}

fn has_database_privilege(context: &SystemContext, args: &[Value]) -> Result<Value> {
    check(args, &["create", "connect", "temporary", "temp"])?;
    match &args[args.len() - 2] {
        Value::Text(name) if *name == context.database || name.parse() == Ok(DATABASE_OID) => exists(true),
        Value::Text(name) => Err(message::database_unknown(name)),
        value => exists(value.int() == Some(DATABASE_OID.into())),
    }
}

fn has_type_privilege(_context: &SystemContext, args: &[Value]) -> Result<Value> {
    check(args, &["usage"])?;
    exists(types::type_of(type_(&args[args.len() - 2])?).is_some())
}

fn has_function_privilege(_context: &SystemContext, args: &[Value]) -> Result<Value> {
    check(args, &["execute"])?;
    let oid = args[args.len() - 2].int().and_then(|number| u32::try_from(number).ok());
    exists(oid.is_some_and(|oid| types::function(oid).is_some()))
}

fn pg_has_role(context: &SystemContext, args: &[Value]) -> Result<Value> {
    check(args, &["usage", "member", "set", "usage with admin option", "member with admin option"])?;
    let asked = role(context, &args[args.len() - 2])?;
    Ok((asked == crate::catalog::object::BOOTSTRAP_ROLE_OID).into())
}
