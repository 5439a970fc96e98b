//! GRANT and REVOKE of rights on a relation.

use super::{Draft, Result, message};
use crate::catalog::object::Relation;
use crate::catalog::privilege::{AccessList, Privileges};
use crate::pg_type::Oid;

impl Draft {
    /// Gives a role, or [`PUBLIC`](crate::catalog::privilege::PUBLIC), rights on a relation. 42501 for another's.
    pub fn grant(&mut self, relation: Oid, grantee: Oid, privileges: Privileges) -> Result<()> {
        self.change_access(relation, |access| access.grant(grantee, privileges))
    }

    /// Takes rights away; what was not granted is none. 42501 for another's relation.
    pub fn revoke(&mut self, relation: Oid, grantee: Oid, privileges: Privileges) -> Result<()> {
        self.change_access(relation, |access| access.revoke(grantee, privileges))
    }

    fn change_access(&mut self, oid: Oid, change: impl FnOnce(&mut AccessList)) -> Result<()> {
        let Some(relation) = self.working.relation(oid).map(|relation| Relation::clone(relation)) else {
            return Err(message::internal(format!("no relation has OID {oid}")));
        };
        if !self.may_act_for(relation.owner) {
            return Err(message::permission_denied_for_relation(relation.kind_name(), &relation.name));
        }
        let mut access = relation.access_list();
        change(&mut access);
        self.put_relation(Relation { access: Some(access), ..relation });
        Ok(())
    }
}
