//! CREATE, ALTER and DROP ROLE, GRANT and REVOKE of roles, REASSIGN OWNED, OWNER TO.

use datafusion::scalar::ScalarValue;

use super::context::Context;
use super::outcome::{Notice, NoticeSeverity, Outcome};
use crate::catalog::object::BOOTSTRAP_ROLE_OID;
use crate::catalog::snapshot::Snapshot;
use crate::catalog::{Draft, MustBe, NewMemberships, RelationName, RoleChange};
use crate::error::{Result, SqlState, message};
use crate::pg_type::{Oid, PgType};
use crate::scram::{self, Verifier};
use crate::sql::role::{AlterRole, CreateRole, GrantRoles, Owned, PasswordClause, RoleName, RoleOptions, SetOwner};
use crate::sql::statement::ObjectKind;
use crate::wire;

/// Errors: 42710, 42939, 42501; 42704 for a role that it would be a member of.
pub fn create(context: &mut Context<'_>, create: &CreateRole) -> Result<Outcome> {
    if create.has_sysid {
        context.notice(message::sysid_ignored());
    }
    let change = change(context, &create.options)?;
    let memberships = NewMemberships {
        of: oids(context, &create.of)?,
        members: oids(context, &create.members)?,
        admins: oids(context, &create.admins)?,
    };
    let sets_password = matches!(change.password, Some(Some(_)));
    let notices = context.draft("CREATE ROLE")?.create_role(&create.name, change, &memberships)?;
    context.notices.extend(notices);
    warn_of_lock_out(context, sets_password);
    Ok(Outcome::Done("CREATE ROLE".to_owned()))
}

/// Errors: 42704, 42501; 0A000 for what a built-in role must stay.
pub fn alter(context: &mut Context<'_>, alter: &AlterRole) -> Result<Outcome> {
    let change = change(context, &alter.options)?;
    let role = oid(context, &alter.role)?;
    let sets_password = matches!(change.password, Some(Some(_)));
    context.draft("ALTER ROLE")?.alter_role(role, change)?;
    warn_of_lock_out(context, sets_password);
    Ok(Outcome::Done("ALTER ROLE".to_owned()))
}

/// Errors: 42704, 42710, 42501; 0A000 for the session's own role.
pub fn rename(context: &mut Context<'_>, name: &str, to: &str) -> Result<Outcome> {
    let role = named(&context.snapshot(), name)?;
    let notices = context.draft("ALTER ROLE")?.rename_role(role, to)?;
    context.notices.extend(notices);
    Ok(Outcome::Done("ALTER ROLE".to_owned()))
}

/// Errors: 42704, 42501, 55006; 2BP01 for a role that owns something.
pub fn drop(context: &mut Context<'_>, names: &[String], if_exists: bool) -> Result<Outcome> {
    let notices = context.draft("DROP ROLE")?.drop_roles(names, if_exists)?;
    context.notices.extend(notices);
    Ok(Outcome::Done("DROP ROLE".to_owned()))
}

/// Errors: 42704, 42501; 0LP01 for a circle.
pub fn grant(context: &mut Context<'_>, grant: &GrantRoles) -> Result<Outcome> {
    each(context, grant, "GRANT ROLE", |draft, group, member| draft.grant_role(group, member, grant.admin))
}

/// Errors: 42704, 42501.
pub fn revoke(context: &mut Context<'_>, revoke: &GrantRoles) -> Result<Outcome> {
    each(context, revoke, "REVOKE ROLE", |draft, group, member| draft.revoke_role(group, member, revoke.admin))
}

/// Errors: 42704, 42501, 2BP01.
pub fn reassign_owned(context: &mut Context<'_>, from: &[RoleName], to: &RoleName) -> Result<Outcome> {
    let (from, to) = (oids(context, from)?, oid(context, to)?);
    context.draft("REASSIGN OWNED")?.reassign_owned(&from, to)?;
    Ok(Outcome::Done("REASSIGN OWNED".to_owned()))
}

/// Errors: 42P01, 42809, 3F000, 42704, 42501.
pub fn set_owner(context: &mut Context<'_>, set: &SetOwner) -> Result<Outcome> {
    let owner = oid(context, &set.owner)?;
    let command = match &set.of {
        Owned::Schema(_) => "ALTER SCHEMA",
        Owned::Relation { of: ObjectKind::View, .. } => "ALTER VIEW",
        Owned::Relation { of: ObjectKind::MaterializedView, .. } => "ALTER MATERIALIZED VIEW",
        Owned::Relation { of: ObjectKind::Table, .. } => "ALTER TABLE",
    };
    let draft = context.draft(command)?;
    match &set.of {
        Owned::Schema(name) => draft.set_schema_owner(name, owner)?,
        Owned::Relation { name, of } => {
            let must_be = match of {
                ObjectKind::Table => MustBe::AnyRelation,
                ObjectKind::View => MustBe::View,
                ObjectKind::MaterializedView => MustBe::MaterializedView,
            };
            match draft.find(&RelationName::from(name)).map(|relation| relation.oid) {
                Some(oid) => draft.set_owner(oid, must_be, owner)?,
                None if set.if_exists => context.notice(message::missing_skipping("relation", &name.to_string())),
                None => {
                    let missing = message::relation_missing("relation", &name.to_string());
                    return Err(missing.with_position(name.position));
                }
            }
        }
    }
    Ok(Outcome::Done(command.to_owned()))
}

/// Does something for each role and each member, all or nothing.
fn each(
    context: &mut Context<'_>,
    grant: &GrantRoles,
    command: &str,
    mut act: impl FnMut(&mut Draft, Oid, Oid) -> Result<Option<Notice>>,
) -> Result<Outcome> {
    let snapshot = context.snapshot();
    let roles = grant.roles.iter().map(|name| named(&snapshot, name)).collect::<Result<Vec<_>>>()?;
    let members = oids(context, &grant.members)?;
    let draft = context.draft(command)?;
    let mut notices = Vec::new();
    for role in &roles {
        for member in &members {
            notices.extend(act(draft, *role, *member)?);
        }
    }
    context.notices.extend(notices);
    Ok(Outcome::Done(command.to_owned()))
}

fn named(snapshot: &Snapshot, name: &str) -> Result<Oid> {
    snapshot.role_named(name).map(|role| role.oid).ok_or_else(|| message::role_missing(name))
}

pub(super) fn oid(context: &Context<'_>, role: &RoleName) -> Result<Oid> {
    match role {
        RoleName::Named(name) => named(&context.snapshot(), name),
        RoleName::CurrentUser => Ok(context.settings.identity().current()),
        RoleName::SessionUser => Ok(context.settings.identity().session),
    }
}

fn oids(context: &Context<'_>, roles: &[RoleName]) -> Result<Vec<Oid>> {
    roles.iter().map(|role| oid(context, role)).collect()
}

/// What the options say, a password made into its verifier.
fn change(context: &mut Context<'_>, options: &RoleOptions) -> Result<RoleChange> {
    let connection_limit = match options.connection_limit {
        None => None,
        Some(-1) => Some(None),
        Some(limit) => Some(Some(u32::try_from(limit).map_err(|_| message::connection_limit_invalid(limit))?)),
    };
    let valid_until = options.valid_until.as_deref().map(|text| instant(context, text)).transpose()?;
    let password = options.password.as_ref().map(|clause| verifier(context, clause)).transpose()?;
    Ok(RoleChange {
        is_superuser: options.is_superuser,
        inherits: options.inherits,
        can_log_in: options.can_log_in,
        connection_limit,
        password,
        valid_until,
    })
}

/// `None` for no end.
fn instant(context: &Context<'_>, text: &str) -> Result<Option<chrono::DateTime<chrono::Utc>>> {
    if text.trim().eq_ignore_ascii_case("infinity") {
        return Ok(None);
    }
    let value = wire::text_value(text, PgType::TIMESTAMPTZ, &context.settings.text_format())?;
    let micros = match value {
        ScalarValue::TimestampMicrosecond(Some(micros), _) => micros,
        _ => return Err(message::internal("timestamp with time zone is read as something else")),
    };
    let instant = chrono::DateTime::from_timestamp_micros(micros);
    instant.map(Some).ok_or_else(|| message::datetime_field_out_of_range(text))
}

fn verifier(context: &mut Context<'_>, clause: &PasswordClause) -> Result<Option<Verifier>> {
    let Some(password) = &clause.password else { return Ok(None) };
    if password.0.is_empty() {
        context.notice(message::password_empty());
        return Ok(None);
    }
    if scram::is_md5(&password.0) {
        return Err(message::password_of_md5());
    }
    match Verifier::parse(&password.0) {
        Some(verifier) => Ok(Some(verifier)),
        None => Verifier::of_password(&password.0).map(Some),
    }
}

/// The first password ends that whoever is on this machine comes in without one: somebody must be able to administer.
fn warn_of_lock_out(context: &mut Context<'_>, sets_password: bool) {
    let snapshot = context.snapshot();
    if !sets_password || snapshot.has_superuser_with_password(context.now) {
        return;
    }
    let superuser = snapshot.role(BOOTSTRAP_ROLE_OID).map_or("", |role| role.name.as_str());
    context.notices.push(Notice {
        severity: NoticeSeverity::Warning,
        state: SqlState::Warning,
        message: message::nobody_can_administer().to_owned(),
        detail: None,
        hint: Some(message::nobody_can_administer_hint(superuser)),
    });
}
