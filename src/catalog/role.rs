//! Who is a member of whom, and what follows from it.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::object::{READER_ROLE_OID, Role};
use super::snapshot::Snapshot;
use crate::pg_type::Oid;
use crate::scram::Verifier;

/// What CREATE ROLE and ALTER ROLE say of a role; `None` where they say nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoleChange {
    pub is_superuser: Option<bool>,
    pub inherits: Option<bool>,
    pub can_log_in: Option<bool>,
    pub connection_limit: Option<Option<u32>>,
    pub password: Option<Option<Verifier>>,
    pub valid_until: Option<Option<DateTime<Utc>>>,
}

impl RoleChange {
    /// Whether a password is all that is said.
    pub(super) fn is_of_password_alone(&self) -> bool {
        self.password.is_some() && Self { password: None, ..self.clone() } == Self::default()
    }

    pub(super) fn applied_to(self, role: Role) -> Role {
        Role {
            is_superuser: self.is_superuser.unwrap_or(role.is_superuser),
            inherits: self.inherits.unwrap_or(role.inherits),
            can_log_in: self.can_log_in.unwrap_or(role.can_log_in),
            connection_limit: self.connection_limit.unwrap_or(role.connection_limit),
            password: self.password.unwrap_or(role.password),
            valid_until: self.valid_until.unwrap_or(role.valid_until),
            ..role
        }
    }
}

impl Snapshot {
    /// False for a role that does not exist.
    pub fn is_superuser(&self, role: Oid) -> bool {
        self.role(role).is_some_and(|role| role.is_superuser)
    }

    /// Whether it is that role, or directly or through others a member of it. That superusers may do everything does
    /// not count here.
    pub fn is_member(&self, role: Oid, group: Oid) -> bool {
        self.walk(role, |_| true).contains(&group)
    }

    /// Whether it may become that role: members may, and superusers.
    pub fn may_become(&self, role: Oid, other: Oid) -> bool {
        self.is_superuser(role) || self.is_member(role, other)
    }

    /// Whether it has the rights of that role without becoming it.
    pub fn has_rights_of(&self, role: Oid, other: Oid) -> bool {
        self.is_superuser(role) || self.inherited(role).contains(&other)
    }

    /// The roles whose rights it has, itself included.
    pub fn inherited(&self, role: Oid) -> BTreeSet<Oid> {
        self.walk(role, |role| role.inherits)
    }

    /// Whether it cannot change anything. A superuser always can; INHERIT does not matter, since this takes a right away.
    pub fn is_reader(&self, role: Oid) -> bool {
        !self.is_superuser(role) && self.is_member(role, READER_ROLE_OID)
    }

    /// Whether it may grant and revoke a role.
    pub fn may_administer(&self, role: Oid, group: Oid) -> bool {
        let groups = self.walk(role, |_| true);
        self.is_superuser(role)
            || groups
                .iter()
                .filter_map(|oid| self.role(*oid))
                .any(|member| member.member_of.get(&group).is_some_and(|membership| membership.is_admin))
    }

    /// Whether anybody could sign in with a password at `now` and change everything.
    pub fn has_superuser_with_password(&self, now: DateTime<Utc>) -> bool {
        self.roles().any(|role| role.is_superuser && role.can_log_in && role.valid_password(now).is_some())
    }

    /// Whether any role has a password, also one that is no longer valid.
    pub fn has_passwords(&self) -> bool {
        self.roles().any(|role| role.password.is_some())
    }

    /// A role and the roles that it is a member of, going on where `passes` says so. Ends also where there is a circle.
    fn walk(&self, role: Oid, passes: impl Fn(&Role) -> bool) -> BTreeSet<Oid> {
        let mut found = BTreeSet::from([role]);
        let mut open = vec![role];
        while let Some(role) = open.pop().and_then(|oid| self.role(oid)) {
            if passes(role) {
                open.extend(role.member_of.keys().copied().filter(|group| found.insert(*group)));
            }
        }
        found
    }
}
