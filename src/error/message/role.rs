//! Sentences about roles and who may change what; about signing in and what SCRAM refuses. PostgreSQL 15's words.

use super::protocol_violation;
use crate::error::{Error, SqlState};

fn denied(what: impl Into<String>) -> Error {
    Error::new(SqlState::InsufficientPrivilege, what)
}

/// `kind`: `view`, `table`, `schema`, or `relation` for its columns.
pub fn must_be_owner(kind: &str, name: &str) -> Error {
    denied(format!("must be owner of {kind} {name}"))
}

pub fn must_be_member(role: &str) -> Error {
    denied(format!("must be member of role \"{role}\""))
}

pub fn reader_cannot_change(role: &str, reader: &str) -> Error {
    let error = denied("permission denied to change anything");
    if role == reader {
        error.with_detail(format!("Role \"{role}\" can only read."))
    } else {
        error.with_detail(format!("Role \"{role}\" is a member of role \"{reader}\", whose members can only read."))
    }
}

pub fn role_is_gone(oid: u32) -> Error {
    denied("the role that this session acts as no longer exists").with_detail(format!("Its OID was {oid}."))
}

pub fn permission_denied() -> Error {
    denied("permission denied")
}

pub fn permission_denied_for_relation(kind: &str, name: &str) -> Error {
    denied(format!("permission denied for {kind} {name}"))
}

/// `name` as its owner would write it.
pub fn may_not_read(kind: &str, name: &str) -> Error {
    permission_denied_for_relation(kind, name).with_hint(format!(
        "Its owner can let a role read it: GRANT SELECT ON {} TO the role.",
        crate::ident::quote(name)
    ))
}

pub fn privilege_unknown_here(word: &str) -> Error {
    Error::new(SqlState::SyntaxError, format!("unrecognized privilege type \"{word}\""))
}

pub fn privilege_invalid(word: &str, of: &str) -> Error {
    Error::new(SqlState::InvalidGrantOperation, format!("invalid privilege type {word} for {of}"))
}

/// What GRANT on a schema or a database comes to.
pub fn everybody_has(privileges: &str, of: &str) -> String {
    format!("every role has {privileges} on {of} already")
}

pub fn grant_option_unsupported() -> Error {
    super::unsupported("GRANT … WITH GRANT OPTION").with_hint("Only the owner of a relation and superusers grant.")
}

pub fn schema_privilege_unsupported(what: &str) -> Error {
    super::unsupported(what)
        .with_detail("Every role may use every schema, and every role but readers may create in it.")
        .with_hint("Grant and revoke SELECT on the relations, or GRANT reader to the role.")
}

pub fn may_not_create_role() -> Error {
    denied("permission denied to create role")
}

pub fn must_create_superusers() -> Error {
    denied("must be superuser to create superusers")
}

pub fn must_alter_superusers() -> Error {
    denied("must be superuser to alter superuser roles or change superuser attribute")
}

pub fn must_administer_superusers() -> Error {
    denied("must be superuser to alter superusers")
}

pub fn may_not_grant(role: &str) -> Error {
    denied(format!("must have admin option on role \"{role}\""))
}

pub fn may_not_rename_role() -> Error {
    denied("permission denied to rename role")
}

pub fn must_rename_superusers() -> Error {
    denied("must be superuser to rename superusers")
}

pub fn may_not_drop_role() -> Error {
    denied("permission denied to drop role")
}

pub fn may_not_reassign() -> Error {
    denied("permission denied to reassign objects")
}

pub fn may_not_set_role(role: &str) -> Error {
    denied(format!("permission denied to set role \"{role}\""))
}

pub fn may_not_set_session_authorization() -> Error {
    denied("permission denied to set session authorization")
}

/// Of a value for the parameters `role` and `session_authorization`.
pub fn role_value_missing(role: &str) -> Error {
    Error::new(SqlState::InvalidParameterValue, format!("role \"{role}\" does not exist"))
}

pub fn role_exists(name: &str) -> Error {
    Error::new(SqlState::DuplicateObject, format!("role \"{name}\" already exists"))
}

pub fn role_name_reserved(name: &str) -> Error {
    Error::new(SqlState::ReservedName, format!("role name \"{name}\" is reserved"))
}

/// `word`: `CURRENT_USER` and its kin.
pub fn role_word_is_no_name(word: &str) -> Error {
    Error::new(SqlState::ReservedName, format!("{word} cannot be used as a role name here"))
}

pub fn special_role_dropped() -> Error {
    Error::new(SqlState::InvalidParameterValue, "cannot use special role specifier in DROP ROLE")
}

/// `who`: `session user` or `current user`.
pub fn session_user_keeps_name(who: &str) -> Error {
    Error::new(SqlState::FeatureNotSupported, format!("{who} cannot be renamed"))
}

pub fn user_in_use(who: &str) -> Error {
    Error::new(SqlState::ObjectInUse, format!("{who} cannot be dropped"))
}

pub fn role_required(quoted: &str) -> Error {
    Error::new(
        SqlState::DependentObjectsStillExist,
        format!("cannot drop role {quoted} because it is required by the database system"),
    )
}

pub fn role_owns(name: &str, owned: String) -> Error {
    Error::new(
        SqlState::DependentObjectsStillExist,
        format!("role \"{name}\" cannot be dropped because some objects depend on it"),
    )
    .with_detail(owned)
    .with_hint(format!(
        "REASSIGN OWNED BY {} TO another role, and REVOKE what it was granted.",
        crate::ident::quote(name)
    ))
}

pub fn owner_is_required(name: &str) -> Error {
    Error::new(
        SqlState::DependentObjectsStillExist,
        format!(
            "cannot reassign ownership of objects owned by role {} because they are required by the database system",
            crate::ident::quote(name)
        ),
    )
}

pub fn table_owner_is_fixed(name: &str) -> Error {
    Error::new(SqlState::FeatureNotSupported, format!("owner of table \"{name}\" cannot be changed"))
        .with_detail("Tables of the purchase history belong to the first superuser.")
}

pub fn first_superuser_must_stay() -> Error {
    Error::new(SqlState::FeatureNotSupported, "permission denied to alter role")
        .with_detail("The bootstrap user must have the SUPERUSER attribute.")
}

pub fn reader_stays_reader(name: &str) -> Error {
    Error::new(SqlState::FeatureNotSupported, "permission denied to alter role")
        .with_detail(format!("Role \"{name}\" cannot have the SUPERUSER attribute."))
}

pub fn role_circle(group: &str, member: &str) -> Error {
    Error::new(SqlState::InvalidGrantOperation, format!("role \"{group}\" is a member of role \"{member}\""))
}

/// A notice.
pub fn already_member(member: &str, group: &str) -> String {
    format!("role \"{member}\" is already a member of role \"{group}\"")
}

/// A warning.
pub fn not_member(member: &str, group: &str) -> String {
    format!("role \"{member}\" is not a member of role \"{group}\"")
}

pub fn role_options_conflict() -> Error {
    Error::new(SqlState::SyntaxError, "conflicting or redundant options")
}

pub fn role_option_unknown(option: &str) -> Error {
    Error::new(SqlState::SyntaxError, format!("unrecognized role option \"{option}\""))
}

/// An attribute that would promise a right that does not exist here.
pub fn role_attribute_unsupported(attribute: &str) -> Error {
    Error::new(SqlState::FeatureNotSupported, format!("role attribute {attribute} is not supported"))
        .with_detail("Roles are SUPERUSER or not; nothing in between exists here.")
}

pub fn password_unencrypted() -> Error {
    Error::new(SqlState::FeatureNotSupported, "UNENCRYPTED PASSWORD is no longer supported")
        .with_hint("Remove UNENCRYPTED to store the password in encrypted form instead.")
}

pub fn password_of_md5() -> Error {
    Error::new(SqlState::FeatureNotSupported, "passwords hashed with MD5 are not supported")
        .with_hint("Give the password itself, or a SCRAM-SHA-256 verifier.")
}

/// A notice.
pub fn password_empty() -> &'static str {
    "empty string is not a valid password, clearing password"
}

/// A notice.
pub fn sysid_ignored() -> &'static str {
    "SYSID can no longer be specified"
}

/// A warning: a password was given to a role, and no superuser has one.
pub fn nobody_can_administer() -> &'static str {
    "from now on every sign-in needs a password, and no superuser has one"
}

pub fn nobody_can_administer_hint(superuser: &str) -> String {
    format!("ALTER ROLE {} PASSWORD '…' before this session ends.", crate::ident::quote(superuser))
}

pub fn connection_limit_invalid(limit: i64) -> Error {
    Error::new(SqlState::InvalidParameterValue, format!("invalid connection limit: {limit}"))
}

pub fn password_wrong(user: &str) -> Error {
    Error::new(SqlState::InvalidPassword, format!("password authentication failed for user \"{user}\""))
}

pub fn sign_in_role_missing(user: &str) -> Error {
    Error::new(SqlState::InvalidAuthorizationSpecification, format!("role \"{user}\" does not exist"))
}

pub fn may_not_log_in(user: &str) -> Error {
    Error::new(SqlState::InvalidAuthorizationSpecification, format!("role \"{user}\" is not permitted to log in"))
}

pub fn too_many_connections_of_role(user: &str) -> Error {
    Error::new(SqlState::TooManyConnections, format!("too many connections for role \"{user}\""))
}

pub fn connections_are_reserved(reserved: usize) -> Error {
    Error::new(
        SqlState::TooManyConnections,
        "remaining connection slots are reserved for roles with the SUPERUSER attribute",
    )
    .with_detail(format!("{reserved} connections are reserved."))
}

pub fn sasl_mechanism_unknown() -> Error {
    protocol_violation("client selected an invalid SASL authentication mechanism")
}

pub fn sasl_response_expected(kind: u8) -> Error {
    protocol_violation(format!("expected SASL response, got message type {kind}"))
}

pub fn scram_malformed(detail: impl Into<String>) -> Error {
    protocol_violation("malformed SCRAM message").with_detail(detail)
}

pub fn scram_identity_unsupported() -> Error {
    Error::new(SqlState::FeatureNotSupported, "client uses authorization identity, but it is not supported")
}

pub fn scram_extension_unsupported() -> Error {
    Error::new(SqlState::FeatureNotSupported, "client requires an unsupported SCRAM extension")
}

pub fn scram_nonce_unprintable() -> Error {
    protocol_violation("non-printable characters in SCRAM nonce")
}

pub fn scram_nonce_wrong() -> Error {
    protocol_violation("invalid SCRAM response").with_detail("Nonce does not match.")
}

pub fn scram_downgraded() -> Error {
    Error::new(SqlState::InvalidAuthorizationSpecification, "SCRAM channel binding negotiation error").with_detail(
        "The client supports SCRAM channel binding but thinks the server does not. However, this server does support \
         channel binding.",
    )
}

pub fn scram_binding_unsupported(kind: &str) -> Error {
    protocol_violation(format!("unsupported SCRAM channel-binding type \"{kind}\""))
}

pub fn scram_binding_unexpected() -> Error {
    protocol_violation("unexpected SCRAM channel-binding attribute in client-final-message")
}

pub fn scram_binding_wrong() -> Error {
    Error::new(SqlState::InvalidAuthorizationSpecification, "SCRAM channel binding check failed")
}
