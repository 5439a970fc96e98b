//! Functions between names and OIDs: visibility, `to_regclass`, and what casts to `regclass` and its kin become.

use super::Takes::{List, Object, Text};
use super::{Spec, lenient, strict};
use crate::catalog::object::{PG_CATALOG_OID, REGULARS_OID};
use crate::catalog::system::name::{find_type, type_name};
use crate::catalog::system::value::Value;
use crate::catalog::system::{SystemContext, types};
use crate::error::{Result, message};
use crate::ident::{quote, split};
use crate::pg_type::Oid;
use crate::sql::compat::RegResolver;

pub(super) const FUNCTIONS: &[Spec] = &[
    strict("pg_get_userbyid", &[&[Object]], "text", pg_get_userbyid),
    strict("pg_table_is_visible", &[&[Object]], "bool", pg_table_is_visible),
    strict("pg_type_is_visible", &[&[Object]], "bool", pg_type_is_visible),
    strict("pg_function_is_visible", &[&[Object]], "bool", pg_function_is_visible),
    // None of these exist here, so each answer is about an object that does not.
    strict("pg_operator_is_visible", &[&[Object]], "bool", unknown),
    strict("pg_opclass_is_visible", &[&[Object]], "bool", unknown),
    strict("pg_opfamily_is_visible", &[&[Object]], "bool", unknown),
    strict("pg_conversion_is_visible", &[&[Object]], "bool", unknown),
    strict("pg_statistics_obj_is_visible", &[&[Object]], "bool", unknown),
    strict("pg_ts_config_is_visible", &[&[Object]], "bool", unknown),
    strict("pg_ts_dict_is_visible", &[&[Object]], "bool", unknown),
    strict("pg_ts_parser_is_visible", &[&[Object]], "bool", unknown),
    strict("pg_ts_template_is_visible", &[&[Object]], "bool", unknown),
    strict("pg_collation_is_visible", &[&[Object]], "bool", pg_collation_is_visible),
    strict("to_regclass", &[&[Text]], "oid", |context, args| optional(class(context, &args[0]))),
    strict("to_regtype", &[&[Text]], "oid", |_, args| optional(type_(&args[0]))),
    strict("to_regproc", &[&[Text]], "oid", |_, args| optional(proc_(&args[0]))),
    strict("to_regnamespace", &[&[Text]], "oid", |context, args| optional(namespace(context, &args[0]))),
    strict("to_regrole", &[&[Text]], "oid", |context, args| optional(role(context, &args[0]))),
    strict("regclass_in", &[&[Object]], "oid", |context, args| class(context, &args[0]).map(Value::from)),
    strict("regtype_in", &[&[Object]], "oid", |_, args| type_(&args[0]).map(Value::from)),
    strict("regproc_in", &[&[Object]], "oid", |_, args| proc_(&args[0]).map(Value::from)),
    strict("regnamespace_in", &[&[Object]], "oid", |context, args| namespace(context, &args[0]).map(Value::from)),
    strict("regrole_in", &[&[Object]], "oid", |context, args| role(context, &args[0]).map(Value::from)),
    strict("regclass_name", &[&[Object]], "text", regclass_name),
    strict("regtype_name", &[&[Object]], "text", regtype_name),
    // `x::regtype[]`, by name as it is written.
    strict("regtype_names", &[&[List]], "_text", regtype_names),
    strict("regproc_name", &[&[Object]], "text", regproc_name),
    strict("regnamespace_name", &[&[Object]], "text", regnamespace_name),
    strict("regrole_name", &[&[Object]], "text", regrole_name),
    strict("pg_is_other_temp_schema", &[&[Object]], "bool", |_, _| Ok(false.into())),
    lenient("pg_my_temp_schema", &[&[]], "oid", |_, _| Ok(Value::Int(0))),
];

/// What an argument says when it is a number, or text of digits: the OID itself; `-` is 0.
fn number(value: &Value) -> Option<Oid> {
    match value {
        Value::Int(number) => Oid::try_from(*number).ok(),
        Value::Text(text) if text == "-" => Some(0),
        Value::Text(text) => text.parse().ok(),
        _ => None,
    }
}

/// The OID that an argument gives or names. SQLSTATE 42P01 when there is no such relation.
pub(super) fn class(context: &SystemContext, value: &Value) -> Result<Oid> {
    number(value).map_or_else(|| context.class(value.text().unwrap_or_default()), Ok)
}

pub(super) fn type_(value: &Value) -> Result<Oid> {
    let name = value.text().unwrap_or_default();
    number(value).or_else(|| find_type(name)).ok_or_else(|| message::type_unknown(name))
}

pub(super) fn namespace(context: &SystemContext, value: &Value) -> Result<Oid> {
    number(value).map_or_else(|| context.namespace(value.text().unwrap_or_default()), Ok)
}

pub(super) fn role(context: &SystemContext, value: &Value) -> Result<Oid> {
    number(value).map_or_else(|| context.role(value.text().unwrap_or_default()), Ok)
}

fn proc_(value: &Value) -> Result<Oid> {
    if let Some(oid) = number(value) {
        return Ok(oid);
    }
    let name = value.text().unwrap_or_default();
    let parts = split(name)?;
    let (schema, bare) = match parts.as_slice() {
        [bare] => (PG_CATALOG_OID, bare),
        [schema, bare] if schema == "pg_catalog" => (PG_CATALOG_OID, bare),
        [schema, bare] if schema == "regulars" => (REGULARS_OID, bare),
        _ => return Err(message::function_unknown(name)),
    };
    let mut found = types::functions_named(bare).filter(|function| function.schema == schema);
    match (found.next(), found.next()) {
        (Some(function), None) => Ok(function.oid),
        (Some(_), Some(_)) => Err(message::function_ambiguous(name)),
        _ => Err(message::function_unknown(name)),
    }
}

/// NULL instead of "does not exist" and of a name that is none.
fn optional(found: Result<Oid>) -> Result<Value> {
    Ok(found.ok().into())
}

fn unknown(_context: &SystemContext, _args: &[Value]) -> Result<Value> {
    Ok(Value::Null)
}

fn pg_get_userbyid(context: &SystemContext, args: &[Value]) -> Result<Value> {
    Ok(context.role_name(number(&args[0]).unwrap_or_default()).into())
}

fn pg_table_is_visible(context: &SystemContext, args: &[Value]) -> Result<Value> {
    Ok(context.is_visible(class(context, &args[0])?).into())
}

fn pg_type_is_visible(_context: &SystemContext, args: &[Value]) -> Result<Value> {
    Ok(types::type_of(type_(&args[0])?).map(|_| true).into())
}

fn pg_function_is_visible(context: &SystemContext, args: &[Value]) -> Result<Value> {
    let function = number(&args[0]).and_then(types::function);
    Ok(function.map(|function| context.schemas_searched().contains(&function.schema)).into())
}

fn pg_collation_is_visible(_context: &SystemContext, args: &[Value]) -> Result<Value> {
    Ok(matches!(number(&args[0]), Some(100 | 950 | 951)).then_some(true).into())
}

/// The name of an object; the number when there is none, and `-` for 0, as PostgreSQL prints it.
fn name_or_number(oid: Oid, name: Option<String>) -> Result<Value> {
    Ok(match (oid, name) {
        (0, _) => "-".into(),
        (_, Some(name)) => name.into(),
        (oid, None) => oid.to_string().into(),
    })
}

fn regclass_name(context: &SystemContext, args: &[Value]) -> Result<Value> {
    let oid = class(context, &args[0])?;
    name_or_number(oid, context.visible_name(oid))
}

fn regtype_name(_context: &SystemContext, args: &[Value]) -> Result<Value> {
    let oid = type_(&args[0])?;
    name_or_number(oid, types::type_of(oid).map(|_| type_name(oid, None)))
}

fn regtype_names(context: &SystemContext, args: &[Value]) -> Result<Value> {
    let Value::List(items) = &args[0] else { return Ok(Value::Null) };
    let name =
        |item: &Value| if item.is_null() { Ok(Value::Null) } else { regtype_name(context, std::slice::from_ref(item)) };
    Ok(Value::List(items.iter().map(name).collect::<Result<_>>()?))
}

fn regproc_name(_context: &SystemContext, args: &[Value]) -> Result<Value> {
    Ok(types::regproc_text(proc_(&args[0])?).into_owned().into())
}

fn regnamespace_name(context: &SystemContext, args: &[Value]) -> Result<Value> {
    let oid = namespace(context, &args[0])?;
    let name = context.schema_name(oid).or((oid == PG_CATALOG_OID).then_some("pg_catalog"));
    name_or_number(oid, name.map(quote))
}

fn regrole_name(context: &SystemContext, args: &[Value]) -> Result<Value> {
    let oid = role(context, &args[0])?;
    name_or_number(oid, context.snapshot.role(oid).map(|role| quote(&role.name)))
}
