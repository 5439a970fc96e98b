//! Functions about the server and this session: version, names, settings, sizes.

use super::Takes::{Bool, Int, Object, Text};
use super::names::class;
use super::{Spec, lenient, strict};
use crate::catalog::system::value::Value;
use crate::catalog::system::{DATABASE_OID, SERVER_VERSION, SessionRow, SystemContext, relation_by_oid};
use crate::error::{Result, SqlState, message};
use crate::pg_type::Oid;

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
    lenient("set_config", &[&[Text, Text, Bool]], "text", set_config).acting(),
    strict("pg_cancel_backend", &[&[Int]], "bool", pg_cancel_backend).acting(),
    // How long to wait for its end is not waited here.
    strict("pg_terminate_backend", &[&[Int], &[Int, Int]], "bool", pg_terminate_backend).acting(),
    lenient("pg_backend_pid", &[&[]], "int4", |context, _| Ok(context.process_id.into())),
    lenient("pg_postmaster_start_time", &[&[]], "timestamptz", |context, _| Ok(context.server_started_at.into())),
    lenient("pg_conf_load_time", &[&[]], "timestamptz", |context, _| Ok(context.server_started_at.into())),
    lenient("pg_is_in_recovery", &[&[]], "bool", |_, _| Ok(false.into())),
    lenient("pg_is_wal_replay_paused", &[&[]], "bool", |_, _| Ok(Value::Null)),
    lenient("pg_last_xact_replay_timestamp", &[&[]], "timestamptz", |_, _| Ok(Value::Null)),
    lenient("pg_last_wal_receive_lsn", &[&[]], "text", |_, _| Ok(Value::Null)),
    lenient("pg_last_wal_replay_lsn", &[&[]], "text", |_, _| Ok(Value::Null)),
    // Nobody waits for a lock here.
    strict("pg_blocking_pids", &[&[Int]], "_int4", |_, _| Ok(Value::List(Vec::new()))),
    lenient("pg_trigger_depth", &[&[]], "int4", |_, _| Ok(Value::Int(0))),
    lenient("pg_jit_available", &[&[]], "bool", |_, _| Ok(false.into())),
    lenient("pg_current_logfile", &[&[], &[Text]], "text", |_, _| Ok(Value::Null)),
    lenient("current_query", &[&[]], "text", |context, _| {
        Ok(own_session(context).map(|session| session.query.clone()).into())
    }),
    lenient("pg_client_encoding", &[&[]], "text", |context, _| {
        context.surroundings.setting("client_encoding").map(Value::from)
    }),
    strict("pg_encoding_max_length", &[&[Int]], "int4", |_, args| {
        Ok((args[0] == Value::Int(6)).then_some(4_i32).into())
    }),
    // No session holds an advisory lock, so there is nothing to let go of. To take one would be a promise to others.
    lenient("pg_advisory_unlock_all", &[&[]], "text", |_, _| Ok("".into())),
    strict("pg_advisory_unlock", &[&[Int], &[Int, Int]], "bool", |_, _| Ok(false.into())),
    strict("pg_advisory_unlock_shared", &[&[Int], &[Int, Int]], "bool", |_, _| Ok(false.into())),
    strict("pg_advisory_lock", &[&[Int], &[Int, Int]], "text", refuse_lock),
    strict("pg_advisory_lock_shared", &[&[Int], &[Int, Int]], "text", refuse_lock),
    strict("pg_advisory_xact_lock", &[&[Int], &[Int, Int]], "text", refuse_lock),
    strict("pg_advisory_xact_lock_shared", &[&[Int], &[Int, Int]], "text", refuse_lock),
    strict("pg_try_advisory_lock", &[&[Int], &[Int, Int]], "bool", refuse_lock),
    strict("pg_try_advisory_lock_shared", &[&[Int], &[Int, Int]], "bool", refuse_lock),
    strict("pg_try_advisory_xact_lock", &[&[Int], &[Int, Int]], "bool", refuse_lock),
    strict("pg_try_advisory_xact_lock_shared", &[&[Int], &[Int, Int]], "bool", refuse_lock),
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
    strict("pg_database_size", &[&[Object]], "int8", pg_database_size),
    strict("pg_tablespace_size", &[&[Object]], "int8", |context, _| Ok(Value::Int(history_bytes(context)))),
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
    let is_optional = args.get(1).and_then(Value::bool) == Some(true);
    match context.surroundings.setting(args[0].text().unwrap_or_default()) {
        Err(error) if is_optional && error.state() == SqlState::UndefinedObject => Ok(Value::Null),
        value => value.map(Value::from),
    }
}

/// As SET, or SET LOCAL when the third argument is true; NULL resets. SQLSTATE 22004 without a name.
fn set_config(context: &SystemContext, args: &[Value]) -> Result<Value> {
    let name = args[0].text().ok_or_else(message::setting_name_missing)?;
    context.surroundings.set(name, args[1].text(), args[2].bool() == Some(true)).map(Value::from)
}

/// Whether there was such a session; a warning when not.
fn pg_cancel_backend(context: &SystemContext, args: &[Value]) -> Result<Value> {
    signal(context, args, |process_id| context.surroundings.cancel(process_id))
}

fn pg_terminate_backend(context: &SystemContext, args: &[Value]) -> Result<Value> {
    signal(context, args, |process_id| context.surroundings.terminate(process_id))
}

fn signal(context: &SystemContext, args: &[Value], end: impl Fn(i32) -> bool) -> Result<Value> {
    let asked = args[0].int().unwrap_or_default();
    let found = i32::try_from(asked).is_ok_and(end);
    if !found {
        context.surroundings.tell(message::no_such_process(asked));
    }
    Ok(found.into())
}

fn refuse_lock(_context: &SystemContext, _args: &[Value]) -> Result<Value> {
    Err(message::advisory_locks_unsupported())
}

fn inet_client_addr(context: &SystemContext, _args: &[Value]) -> Result<Value> {
    Ok(own_session(context).and_then(|session| session.client_address.clone()).into())
}

fn inet_client_port(context: &SystemContext, _args: &[Value]) -> Result<Value> {
    Ok(own_session(context).and_then(|session| session.client_port).into())
}

fn own_session(context: &SystemContext) -> Option<&SessionRow> {
    context.sessions().iter().find(|session| session.process_id == context.process_id)
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

/// Bytes of a table's files, 0 for what is computed, NULL for what does not exist. Of the forks of a file there is
/// only the main one; SQLSTATE 22023 for a name that is no fork.
fn relation_size(context: &SystemContext, args: &[Value]) -> Result<Value> {
    match args.get(1).and_then(Value::text) {
        None | Some("main") => {}
        Some("fsm" | "vm" | "init") => return Ok(Value::Int(0)),
        Some(other) => return Err(message::fork_unknown(other)),
    }
    let oid = class(context, &args[0])?;
    Ok(bytes_of(context, oid).into())
}

fn bytes_of(context: &SystemContext, oid: Oid) -> Option<i64> {
    if relation_by_oid(oid).is_some() {
        return Some(0);
    }
    let relation = context.snapshot.relation(oid)?;
    let bytes = match relation.materialized() {
        Some(list) => list.shown().map(|run| run.bytes),
        None => context.surroundings.table_bytes(&relation.name).filter(|_| relation.is_table()),
    };
    Some(bytes.map_or(0, |bytes| i64::try_from(bytes).unwrap_or(i64::MAX)))
}

/// Bytes of the files of all tables.
fn history_bytes(context: &SystemContext) -> i64 {
    context.user_relations().filter_map(|relation| bytes_of(context, relation.oid)).sum()
}

/// SQLSTATE 3D000 for another database's name; NULL for another's OID.
fn pg_database_size(context: &SystemContext, args: &[Value]) -> Result<Value> {
    match &args[0] {
        Value::Text(name) if *name != context.database && name.parse() != Ok(DATABASE_OID) => {
            Err(message::database_unknown(name))
        }
        Value::Int(oid) if *oid != i64::from(DATABASE_OID) => Ok(Value::Null),
        _ => Ok(Value::Int(history_bytes(context))),
    }
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
