//! CREATE, ALTER and DROP ROLE, GRANT and REVOKE of roles, and whose an object is. Who may do what is PostgreSQL 15's,
//! without CREATEROLE: roles are managed by superusers, and by whoever has the admin option on one.

use super::{
    BOOTSTRAP_ROLE_OID, Draft, MustBe, Notice, READER_ROLE, Result, SqlState, fitted, message, new_name, notice,
};
use crate::catalog::object::{Membership, READER_ROLE_OID, Relation, RelationKind, Role, Schema};
use crate::catalog::role::RoleChange;
use crate::error::NoticeSeverity;
use crate::ident;
use crate::pg_type::Oid;

/// The memberships that CREATE ROLE makes.
#[derive(Debug, Clone, Default)]
pub struct NewMemberships {
    /// Roles that the new one becomes a member of.
    pub of: Vec<Oid>,
    pub members: Vec<Oid>,
    /// Members that may grant the new role.
    pub admins: Vec<Oid>,
}

impl Draft {
    /// CREATE ROLE. 42710 when it exists, 42939 for a reserved name, 42501 for who may not.
    pub fn create_role(&mut self, name: &str, change: RoleChange, memberships: &NewMemberships) -> Result<Vec<Notice>> {
        if !self.actor_is_superuser() {
            let wants_superuser = change.is_superuser == Some(true);
            return Err(if wants_superuser {
                message::must_create_superusers()
            } else {
                message::may_not_create_role()
            });
        }
        let (name, mut notices) = self.new_role_name(name)?;
        let oid = self.issuer.take_oid()?;
        self.put_role(change.applied_to(Role::new(oid, name)));
        for group in &memberships.of {
            notices.extend(self.grant_role(*group, oid, false)?);
        }
        let members = memberships.members.iter().map(|member| (member, false));
        for (member, is_admin) in members.chain(memberships.admins.iter().map(|admin| (admin, true))) {
            notices.extend(self.grant_role(oid, *member, is_admin)?);
        }
        Ok(notices)
    }

    /// ALTER ROLE with options. A role may change its own password; all else is for superusers (42501). 0A000 for taking
    /// away what a built-in role must be.
    pub fn alter_role(&mut self, oid: Oid, change: RoleChange) -> Result<()> {
        let role = self.required_role(oid)?;
        if !self.actor_is_superuser() {
            if role.is_superuser || change.is_superuser.is_some() {
                return Err(message::must_alter_superusers());
            }
            if oid != self.actor || !change.is_of_password_alone() {
                return Err(message::permission_denied());
            }
        }
        match (oid, change.is_superuser) {
            (BOOTSTRAP_ROLE_OID, Some(false)) => return Err(message::first_superuser_must_stay()),
            (READER_ROLE_OID, Some(true)) => return Err(message::reader_stays_reader(READER_ROLE)),
            _ => {}
        }
        self.put_role(change.applied_to(role));
        Ok(())
    }

    /// ALTER ROLE … RENAME TO. 42710 when the name is taken, also by itself; 0A000 for who is signed in as it.
    pub fn rename_role(&mut self, oid: Oid, to: &str) -> Result<Vec<Notice>> {
        let role = self.required_role(oid)?;
        if oid == self.session_user {
            return Err(message::session_user_keeps_name("session user"));
        }
        if oid == self.actor {
            return Err(message::session_user_keeps_name("current user"));
        }
        if oid == READER_ROLE_OID {
            return Err(message::role_name_reserved(READER_ROLE));
        }
        if self.working.role_named(fitted(to)).is_some() {
            return Err(message::role_exists(fitted(to)));
        }
        if !self.actor_is_superuser() {
            return Err(if role.is_superuser {
                message::must_rename_superusers()
            } else {
                message::may_not_rename_role()
            });
        }
        let (name, notices) = self.new_role_name(to)?;
        self.put_role(Role { name, ..role });
        Ok(notices)
    }

    /// DROP ROLE; several names go together, and memberships with them. 42704 when one is missing (a notice with IF
    /// EXISTS), 55006 for the role that asks, 2BP01 for built-in roles and owners.
    pub fn drop_roles(&mut self, names: &[String], if_exists: bool) -> Result<Vec<Notice>> {
        if !self.actor_is_superuser() {
            return Err(message::may_not_drop_role());
        }
        let mut notices = Vec::new();
        let mut going = Vec::new();
        for name in names {
            let name = fitted(name);
            match self.working.role_named(name) {
                Some(role) => going.push(role.oid),
                None if if_exists => {
                    notices.push(notice(SqlState::SuccessfulCompletion, message::missing_skipping("role", name)));
                }
                None => return Err(message::role_missing(name)),
            }
        }
        for oid in &going {
            self.refuse_needed_role(*oid)?;
        }
        let members: Vec<Role> = self
            .working
            .roles()
            .filter(|role| going.iter().any(|oid| role.member_of.contains_key(oid)))
            .map(|role| Role::clone(role))
            .collect();
        for mut member in members {
            member.member_of.retain(|group, _| !going.contains(group));
            self.put_role(member);
        }
        for oid in going {
            self.remove(oid);
        }
        Ok(notices)
    }

    /// GRANT role TO member. 0LP01 for a circle; a notice when it is a member already.
    pub fn grant_role(&mut self, group: Oid, member: Oid, is_admin: bool) -> Result<Option<Notice>> {
        let (granted, mut role) = (self.required_role(group)?, self.required_role(member)?);
        self.refuse_administration(&granted)?;
        if self.working.is_member(group, member) {
            return Err(message::role_circle(&granted.name, &role.name));
        }
        let known = role.member_of.get(&group).copied();
        if known.is_some_and(|known| known.is_admin || !is_admin) {
            let told = message::already_member(&role.name, &granted.name);
            return Ok(Some(notice(SqlState::SuccessfulCompletion, told)));
        }
        let membership = match known {
            Some(known) => Membership { is_admin, ..known },
            None => Membership { oid: self.issuer.take_oid()?, grantor: self.actor, is_admin },
        };
        role.member_of.insert(group, membership);
        self.put_role(role);
        Ok(None)
    }

    /// REVOKE role FROM member, or the admin option alone. A warning when it is no member.
    pub fn revoke_role(&mut self, group: Oid, member: Oid, admin_only: bool) -> Result<Option<Notice>> {
        let (granted, mut role) = (self.required_role(group)?, self.required_role(member)?);
        self.refuse_administration(&granted)?;
        let Some(known) = role.member_of.remove(&group) else {
            let told = message::not_member(&role.name, &granted.name);
            let notice = notice(SqlState::Warning, told);
            return Ok(Some(Notice { severity: NoticeSeverity::Warning, ..notice }));
        };
        if admin_only {
            role.member_of.insert(group, Membership { is_admin: false, ..known });
        }
        self.put_role(role);
        Ok(None)
    }

    /// REASSIGN OWNED. 42501 unless the actor has the rights of both; 2BP01 for what the first superuser has.
    pub fn reassign_owned(&mut self, from: &[Oid], to: Oid) -> Result<()> {
        for oid in from.iter().chain([&to]) {
            self.required_role(*oid)?;
            if !self.may_act_for(*oid) {
                return Err(message::may_not_reassign());
            }
        }
        if let Some(first) = self.working.role(BOOTSTRAP_ROLE_OID).filter(|first| from.contains(&first.oid)) {
            return Err(message::owner_is_required(&first.name));
        }
        let schemas: Vec<Schema> = self
            .working
            .schemas()
            .filter(|schema| from.contains(&schema.owner))
            .map(|schema| Schema { owner: to, ..Schema::clone(schema) })
            .collect();
        let relations: Vec<Relation> = self
            .working
            .relations()
            .filter(|relation| from.contains(&relation.owner))
            .map(|relation| Relation::clone(relation).owned_by(to))
            .collect();
        schemas.into_iter().for_each(|schema| self.put_schema(schema));
        relations.into_iter().for_each(|relation| self.put_relation(relation));
        Ok(())
    }

    /// ALTER VIEW … OWNER TO. 42501 for another's view, or an owner that the actor could not become; 0A000 for a table.
    pub fn set_owner(&mut self, oid: Oid, must_be: MustBe, owner: Oid) -> Result<()> {
        let relation = Relation::clone(self.require(oid, must_be)?);
        self.refuse_anothers(&relation)?;
        if let RelationKind::Table { .. } = relation.kind {
            return Err(message::table_owner_is_fixed(&relation.name));
        }
        self.refuse_owner(owner)?;
        self.put_relation(relation.owned_by(owner));
        Ok(())
    }

    /// ALTER SCHEMA … OWNER TO. 3F000 when there is none, 42501 as for views.
    pub fn set_schema_owner(&mut self, name: &str, owner: Oid) -> Result<()> {
        let name = fitted(name);
        let schema = self.working.schema_named(name).ok_or_else(|| message::schema_missing(name))?;
        let schema = Schema::clone(schema);
        self.refuse_anothers_schema(&schema)?;
        self.refuse_owner(owner)?;
        self.put_schema(Schema { owner, ..schema });
        Ok(())
    }

    fn actor_is_superuser(&self) -> bool {
        self.working.is_superuser(self.actor)
    }

    fn required_role(&self, oid: Oid) -> Result<Role> {
        self.working.role(oid).map(|role| Role::clone(role)).ok_or_else(|| message::role_is_gone(oid))
    }

    fn new_role_name(&self, name: &str) -> Result<(String, Vec<Notice>)> {
        let (name, notices) = new_name(name)?;
        if name.starts_with("pg_") {
            return Err(
                message::role_name_reserved(&name).with_detail("Role names starting with \"pg_\" are reserved.")
            );
        }
        match self.working.role_named(&name) {
            Some(_) => Err(message::role_exists(&name)),
            None => Ok((name, notices)),
        }
    }

    fn refuse_administration(&self, group: &Role) -> Result<()> {
        if self.working.may_administer(self.actor, group.oid) && (!group.is_superuser || self.actor_is_superuser()) {
            return Ok(());
        }
        Err(if group.is_superuser {
            message::must_administer_superusers()
        } else {
            message::may_not_grant(&group.name)
        })
    }

    fn refuse_owner(&self, owner: Oid) -> Result<()> {
        let role = self.required_role(owner)?;
        if self.working.may_become(self.actor, owner) { Ok(()) } else { Err(message::must_be_member(&role.name)) }
    }

    fn refuse_needed_role(&self, oid: Oid) -> Result<()> {
        let role = self.required_role(oid)?;
        if oid == self.actor {
            return Err(message::user_in_use("current user"));
        }
        if oid == self.session_user {
            return Err(message::user_in_use("session user"));
        }
        if matches!(oid, BOOTSTRAP_ROLE_OID | READER_ROLE_OID) {
            return Err(message::role_required(&ident::quote(&role.name)));
        }
        let schemas = self.working.schemas().filter(|schema| schema.owner == oid).map(|schema| schema.oid);
        let relations = self.working.relations().filter(|relation| relation.owner == oid).map(|relation| relation.oid);
        let granted = self
            .working
            .relations()
            .filter(|relation| relation.owner != oid)
            .filter(|relation| relation.access.as_ref().is_some_and(|access| !access.of(oid).is_empty()))
            .map(|relation| format!("privileges for {}", self.describe(relation.oid)));
        let owned: Vec<String> =
            schemas.chain(relations).map(|owned| format!("owner of {}", self.describe(owned))).chain(granted).collect();
        if owned.is_empty() {
            Ok(())
        } else {
            Err(message::role_owns(&role.name, super::removal::listed(owned.into_iter())))
        }
    }
}
