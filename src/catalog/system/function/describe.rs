//! Functions that describe an object: its definition, its comment, its type in words.

use super::Takes::{Bool, Int, Object, Text};
use super::names::class;
use super::{Spec, lenient, strict};
use crate::catalog::system::catalog::comments;
use crate::catalog::system::name::type_name;
use crate::catalog::system::value::Value;
use crate::catalog::system::{SystemContext, house_functions, relation_by_oid, types};
use crate::error::Result;
use crate::ident::quote;
use crate::pg_type::Oid;

pub(super) const FUNCTIONS: &[Spec] = &[
    lenient("format_type", &[&[Object, Int]], "text", format_type),
    // The second argument asks for pretty printing or a line width: the author's text stays as it is.
    strict("pg_get_viewdef", &[&[Object], &[Object, Bool]], "text", pg_get_viewdef),
    strict("pg_get_ruledef", &[&[Object], &[Object, Bool]], "text", pg_get_ruledef),
    strict("pg_get_function_arguments", &[&[Object]], "text", pg_get_function_arguments),
    strict("pg_get_function_identity_arguments", &[&[Object]], "text", pg_get_function_identity_arguments),
    strict("pg_get_function_result", &[&[Object]], "text", pg_get_function_result),
    // Of what these describe there is nothing.
    strict("pg_get_expr", &[&[Text, Object], &[Text, Object, Bool]], "text", nothing),
    strict("pg_get_constraintdef", &[&[Object], &[Object, Bool]], "text", nothing),
    strict("pg_get_indexdef", &[&[Object], &[Object, Int, Bool]], "text", nothing),
    strict("pg_get_triggerdef", &[&[Object], &[Object, Bool]], "text", nothing),
    strict("pg_get_partkeydef", &[&[Object]], "text", nothing),
    strict("pg_get_functiondef", &[&[Object]], "text", pg_get_functiondef),
    strict("pg_get_function_sqlbody", &[&[Object]], "text", nothing),
    strict("pg_get_statisticsobjdef", &[&[Object]], "text", nothing),
    strict("pg_get_statisticsobjdef_columns", &[&[Object]], "text", nothing),
    strict("pg_get_serial_sequence", &[&[Text, Text]], "text", nothing),
    strict("obj_description", &[&[Object], &[Object, Text]], "text", obj_description),
    strict("col_description", &[&[Object, Int]], "text", col_description),
    strict("shobj_description", &[&[Object, Text]], "text", nothing),
    strict("pg_relation_is_publishable", &[&[Object]], "bool", pg_relation_is_publishable),
    strict("pg_tablespace_location", &[&[Object]], "text", |_, _| Ok("".into())),
];

fn nothing(_context: &SystemContext, _args: &[Value]) -> Result<Value> {
    Ok(Value::Null)
}

fn oid(value: &Value) -> Oid {
    match value {
        Value::Int(number) => Oid::try_from(*number).unwrap_or_default(),
        Value::Text(text) => text.parse().unwrap_or_default(),
        _ => 0,
    }
}

/// NULL for a NULL type; a NULL modifier prints the name without one.
fn format_type(_context: &SystemContext, args: &[Value]) -> Result<Value> {
    if args[0].is_null() {
        return Ok(Value::Null);
    }
    let modifier = args[1].int().and_then(|modifier| i32::try_from(modifier).ok());
    Ok(type_name(oid(&args[0]), modifier).into())
}

/// NULL for what is no view of a user: views of the system are computed, not written.
fn pg_get_viewdef(context: &SystemContext, args: &[Value]) -> Result<Value> {
    let view = class(context, &args[0])?;
    Ok(context.snapshot.relation(view).and_then(|relation| context.view_text(relation)).into())
}

fn pg_get_ruledef(context: &SystemContext, args: &[Value]) -> Result<Value> {
    let rule = oid(&args[0]);
    let text = context.snapshot.relation(rule).and_then(|relation| context.view_text(relation));
    let name = context.relation_name(rule).map(|name| context.qualified_name(name));
    Ok(text
        .zip(name)
        .map(|(text, name)| format!("CREATE RULE \"_RETURN\" AS\n    ON SELECT TO {name} DO INSTEAD {text}"))
        .into())
}

fn pg_get_function_arguments(_context: &SystemContext, args: &[Value]) -> Result<Value> {
    Ok(arguments_of(oid(&args[0]), true).into())
}

/// Without defaults.
fn pg_get_function_identity_arguments(_context: &SystemContext, args: &[Value]) -> Result<Value> {
    Ok(arguments_of(oid(&args[0]), false).into())
}

fn arguments_of(function: Oid, with_defaults: bool) -> Option<String> {
    if let Some((whole, identity)) = types::written_arguments(function) {
        return Some(if with_defaults { whole } else { identity }.to_owned());
    }
    if let Some(ours) = house_functions().iter().find(|ours| ours.oid == function) {
        let arguments = ours.arguments.iter().map(|argument| {
            let type_name = type_name(argument.type_oid, None);
            let mode = if argument.is_variadic { "VARIADIC " } else { "" };
            let default = match with_defaults && argument.is_optional {
                true => format!(" DEFAULT NULL::{type_name}"),
                false => String::new(),
            };
            format!("{mode}{} {type_name}{default}", quote(argument.name))
        });
        return Some(arguments.collect::<Vec<_>>().join(", "));
    }
    let types = &types::function(function)?.arguments;
    Some(types.iter().map(|oid| type_name(*oid, None)).collect::<Vec<_>>().join(", "))
}

/// Of a function of the house, whose body is its name as of one that is built in; NULL for PostgreSQL's own.
fn pg_get_functiondef(context: &SystemContext, args: &[Value]) -> Result<Value> {
    let asked = oid(&args[0]);
    let Some(function) = house_functions().iter().find(|function| function.oid == asked) else {
        return Ok(Value::Null);
    };
    let arguments = arguments_of(function.oid, true).unwrap_or_default();
    let schema = context.schema_name(function.schema).unwrap_or("pg_catalog");
    if function.is_procedure {
        let text = format!(
            "CREATE OR REPLACE PROCEDURE {}.{}({arguments})\n LANGUAGE internal\nAS $procedure${}$procedure$\n",
            quote(schema),
            quote(function.name),
            function.name
        );
        return Ok(text.into());
    }
    let set = if function.returns_set { "SETOF " } else { "" };
    let result = type_name(function.result, None);
    let name = quote(function.name);
    let text = format!(
        "CREATE OR REPLACE FUNCTION {}.{name}({arguments})\n RETURNS {set}{result}\n LANGUAGE internal\n STABLE PARALLEL SAFE\nAS $function${}$function$\n",
        quote(schema),
        function.name
    );
    Ok(text.into())
}

fn pg_get_function_result(_context: &SystemContext, args: &[Value]) -> Result<Value> {
    let asked = oid(&args[0]);
    // A procedure has none, as in PostgreSQL.
    let is_procedure = house_functions().iter().any(|function| function.oid == asked && function.is_procedure);
    let result = types::function(asked).filter(|_| !is_procedure).map(|function| {
        let name = type_name(function.result, None);
        if function.returns_set { format!("SETOF {name}") } else { name }
    });
    Ok(result.into())
}

/// Without a catalog's name, whichever object of that OID has a comment.
fn obj_description(context: &SystemContext, args: &[Value]) -> Result<Value> {
    let object = oid(&args[0]);
    let class_oid = match args.get(1) {
        None => None,
        Some(name) => match context.find_relation(name.text().unwrap_or_default())? {
            Some(class_oid) => Some(class_oid),
            None => return Ok(Value::Null),
        },
    };
    let is_meant = |class| class_oid.is_none_or(|wanted| wanted == class);
    let comment = comments(context)
        .into_iter()
        .find(|comment| comment.object == object && comment.column == 0 && is_meant(comment.class));
    Ok(comment.map(|comment| comment.text).into())
}

fn col_description(context: &SystemContext, args: &[Value]) -> Result<Value> {
    let column = args[1].int().and_then(|number| usize::try_from(number).ok()).and_then(|n| n.checked_sub(1));
    let relation = context.snapshot.relation(oid(&args[0]));
    let comment = relation.zip(column).and_then(|(relation, column)| relation.columns.get(column)?.comment.clone());
    Ok(comment.into())
}

/// Nothing is published here; NULL for what does not exist.
fn pg_relation_is_publishable(context: &SystemContext, args: &[Value]) -> Result<Value> {
    let oid = class(context, &args[0])?;
    let exists = relation_by_oid(oid).is_some() || context.relation_name(oid).is_some();
    Ok(exists.then_some(false).into())
}
