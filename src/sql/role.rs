//! Statements about roles, as they are written.

use std::fmt;
use std::ops::Range;

use super::statement::{Name, ObjectKind};

/// A role in a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoleName {
    Named(String),
    /// `CURRENT_USER`, `CURRENT_ROLE`.
    CurrentUser,
    SessionUser,
}

/// `CREATE ROLE`, `CREATE USER`, `CREATE GROUP`.
#[derive(Debug, Clone)]
pub struct CreateRole {
    pub name: String,
    pub options: RoleOptions,
    /// `IN ROLE`.
    pub of: Vec<RoleName>,
    /// `ROLE`.
    pub members: Vec<RoleName>,
    /// `ADMIN`.
    pub admins: Vec<RoleName>,
    /// `SYSID`, which says nothing any more.
    pub has_sysid: bool,
}

/// What is said of a role; `None` where nothing is.
#[derive(Debug, Clone, Default)]
pub struct RoleOptions {
    pub is_superuser: Option<bool>,
    pub inherits: Option<bool>,
    pub can_log_in: Option<bool>,
    /// -1 is no limit.
    pub connection_limit: Option<i64>,
    pub password: Option<PasswordClause>,
    pub valid_until: Option<String>,
}

/// `PASSWORD '…'`, or `PASSWORD NULL`.
#[derive(Debug, Clone)]
pub struct PasswordClause {
    pub password: Option<Password>,
    /// The bytes of the value in the query string, quotes included.
    pub range: Range<usize>,
}

/// A password as somebody typed it. It is never printed.
#[derive(Clone)]
pub struct Password(pub String);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password")
    }
}

#[derive(Debug, Clone)]
pub struct AlterRole {
    pub role: RoleName,
    pub options: RoleOptions,
}

#[derive(Debug, Clone)]
pub struct GrantRoles {
    pub roles: Vec<String>,
    pub members: Vec<RoleName>,
    /// `WITH ADMIN OPTION`, or `ADMIN OPTION FOR`.
    pub admin: bool,
}

/// GRANT and REVOKE of rights on objects.
#[derive(Debug, Clone)]
pub struct GrantPrivileges {
    /// As written, in small letters; empty for ALL.
    pub privileges: Vec<String>,
    pub on: GrantedObjects,
    pub grantees: Vec<Grantee>,
}

#[derive(Debug, Clone)]
pub enum GrantedObjects {
    Relations(Vec<Name>),
    /// `ALL TABLES IN SCHEMA`: views too, as in PostgreSQL.
    AllIn(Vec<String>),
    Schemas(Vec<String>),
    Databases(Vec<String>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grantee {
    Public,
    Role(RoleName),
}

/// `ALTER VIEW`, `ALTER TABLE` or `ALTER SCHEMA … OWNER TO`.
#[derive(Debug, Clone)]
pub struct SetOwner {
    pub of: Owned,
    pub owner: RoleName,
    pub if_exists: bool,
}

#[derive(Debug, Clone)]
pub enum Owned {
    /// `ALTER TABLE` may name a view, as in PostgreSQL.
    Relation {
        name: Name,
        of: ObjectKind,
    },
    Schema(String),
}
