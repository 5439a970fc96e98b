//! Functions about the server and this session: version, names, settings, sizes.

use super::Takes::{Bool, Int, Object, Text};
use super::names::class;
use super::{Spec, lenient, strict};
use crate::catalog::system::value::Value;
use crate::catalog::system::{SERVER_VERSION, SystemContext};
use crate::error::{Result, message};

pub(super) const FUNCTIONS: &[Spec] = &[
    lenient("version", &[&[]], "text", version),
    lenient("current_database", &[&[]], "text", |context, _| Ok((&context.database).into())),
    lenient("current_catalog", &[&[]], "text", |context, _| Ok((&context.database).into())),
    lenient("current_schema", &[&[]], "text", current_schema),
    strict("current_schemas", &[&[Bool]], "_text", current_schemas),
    lenient("current_user", &[&[]], "text", |context, _| Ok(context.user().into())),
    lenient("current_role", &[&[]], "text", |context, _| Ok(context.user().into())),
    lenient("session_user", &[&[]], "text", |context, _| Ok(context.role_name(context.session_user).into())),
    lenient("user", &[&[]], "text", |context, _| Ok(context.user().into())),
    strict("current_setting", &[&[Text], &[Text, Bool]], "text", current_setting),
    lenient("pg_backend_pid", &[&[]], "int4", |context, _| Ok(context.process_id.into())),
    lenient("pg_postmaster_start_time", &[&[]], "timestamptz", |context, _| Ok(context.server_started_at.into())),
    lenient("pg_conf_load_time", &[&[]], "timestamptz", |context, _| Ok(context.server_started_at.into())),
    lenient("pg_is_in_recovery", &[&[]], "bool", |_, _| Ok(false.into())),
    // The address that a client reached is known to the wire alone.
    lenient("inet_server_addr", &[&[]], "text", |_, _| Ok(Value::Null)),
    lenient("inet_server_port", &[&[]], "int4", |_, _| Ok(Value::Null)),
    lenient("inet_client_addr", &[&[]], "text", inet_client_addr),
    lenient("inet_client_port", &[&[]], "int4", inet_client_port),
    lenient("getdatabaseencoding", &[&[]], "text", |_, _| Ok("UTF8".into())),
    strict("pg_encoding_to_char", &[&[Int]], "text", pg_encoding_to_char),
    strict("pg_char_to_encoding", &[&[Text]], "int4", pg_char_to_encoding),
    strict("pg_relation_size", &[&[Object], &[Object, Text]], "int8", relation_size),
    strict("pg_table_size", &[&[Object]], "int8", relation_size),
    strict("pg_total_relation_size", &[&[Object]], "int8", relation_size),
    strict("pg_indexes_size", &[&[Object]], "int8", |_, _| Ok(Value::Int(0))),
    strict("pg_database_size", &[&[Object]], "int8", |_, _| Ok(Value::Null)),
    strict("pg_tablespace_size", &[&[Object]], "int8", |_, _| Ok(Value::Null)),
    strict("pg_size_pretty", &[&[Int]], "text", |_, args| Ok(args[0].int().map(size_pretty).into())),
];

fn version(_context: &SystemContext, _args: &[Value]) -> Result<Value> {
    let ours = env!("CARGO_PKG_VERSION");
    let (machine, system) = (std::env::consts::ARCH, std::env::consts::OS);
    Ok(format!("PostgreSQL {SERVER_VERSION} (Regulars {ours}) on {machine}-{system}, 64-bit").into())
}

/// The first schema of the search path that exists; NULL when none does.
fn current_schema(context: &SystemContext, _args: &[Value]) -> Result<Value> {
    let first = context.schemas_named().first().and_then(|oid| context.schema_name(*oid));
    Ok(first.map(str::to_owned).into())
}

/// With true, `pg_catalog` too, which is searched first unless it is named.
fn current_schemas(context: &SystemContext, args: &[Value]) -> Result<Value> {
    let all = args[0].bool() == Some(true);
    let path = if all { context.schemas_searched() } else { context.schemas_named() };
    let names: Vec<String> = path.iter().filter_map(|oid| context.schema_name(*oid)).map(str::to_owned).collect();
    Ok(names.into())
}

/// SQLSTATE 42704 for an unknown name, unless the second argument is true.
fn current_setting(context: &SystemContext, args: &[Value]) -> Result<Value> {
    let name = args[0].text().unwrap_or_default();
    match context.settings.iter().find(|setting| setting.name.eq_ignore_ascii_case(name)) {
        Some(setting) => Ok((&setting.value).into()),
        None if args.get(1).and_then(Value::bool) == Some(true) => Ok(Value::Null),
        None => Err(message::setting_unknown(name, None)),
    }
}

fn inet_client_addr(context: &SystemContext, _args: &[Value]) -> Result<Value> {
    Ok(own_session(context).and_then(|session| session.client_address.clone()).into())
}

fn inet_client_port(context: &SystemContext, _args: &[Value]) -> Result<Value> {
    Ok(own_session(context).and_then(|session| session.client_port).into())
}

fn own_session(context: &SystemContext) -> Option<&crate::catalog::system::SessionRow> {
    context.sessions.iter().find(|session| session.process_id == context.process_id)
}

/// The encodings that can be met here, by PostgreSQL's numbers.
const ENCODINGS: &[(i64, &str)] = &[(0, "SQL_ASCII"), (6, "UTF8"), (8, "LATIN1")];

/// The empty text for a number that is no encoding.
fn pg_encoding_to_char(_context: &SystemContext, args: &[Value]) -> Result<Value> {
    let found = ENCODINGS.iter().find(|(number, _)| Some(*number) == args[0].int());
    Ok(found.map_or("", |(_, name)| name).into())
}

/// -1 for a name that is no encoding.
fn pg_char_to_encoding(_context: &SystemContext, args: &[Value]) -> Result<Value> {
    let plain = |name: &str| name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
    let asked = plain(args[0].text().unwrap_or_default());
    let found = ENCODINGS.iter().find(|(_, name)| plain(name) == asked);
    Ok(found.map_or(-1, |(number, _)| *number).into())
}

/// 0 for what is computed; NULL for tables, whose files are not ours, and for what does not exist.
fn relation_size(context: &SystemContext, args: &[Value]) -> Result<Value> {
    let oid = class(context, &args[0])?;
    if crate::catalog::system::relation_by_oid(oid).is_some() {
        return Ok(Value::Int(0));
    }
    let is_view = context.snapshot.relation(oid).is_some_and(|relation| relation.definition().is_some());
    Ok(is_view.then_some(0_i64).into())
}

/// Bytes in words: the smallest unit in which the number stays below 10,240 (20,480 halves), rounded half away from 0.
fn size_pretty(bytes: i64) -> String {
    if bytes.unsigned_abs() < 10 * 1024 {
        return format!("{bytes} bytes");
    }
    let mut halves = bytes / 512;
    for unit in ["kB", "MB", "GB", "TB"] {
        if halves.unsigned_abs() < 20 * 1024 - 1 {
            return format!("{} {unit}", rounded_half(halves));
        }
        halves /= 1024;
    }
    format!("{} PB", rounded_half(halves))
}

fn rounded_half(halves: i64) -> i64 {
    (halves + halves.signum()) / 2
}

#[cfg(test)]
mod tests {
    use super::size_pretty;

    #[test]
    fn sizes_are_those_of_pg_size_pretty() {
        // SELECT pg_size_pretty(n::bigint) on PostgreSQL 15.
        for (bytes, text) in [
            (0, "0 bytes"),
            (10_239, "10239 bytes"),
            (10_240, "10 kB"),
            (10_485_247, "10239 kB"),
            (10_485_248, "10 MB"),
            (-10_485_248, "-10 MB"),
            (1_000_000_000, "954 MB"),
            (10_736_893_951, "10239 MB"),
            (10_736_893_952, "10 GB"),
            (i64::MAX, "8192 PB"),
        ] {
            assert_eq!(size_pretty(bytes), text, "{bytes}");
        }
    }
}
