//! Who a session is, and as whom it acts.

use crate::catalog::snapshot::Snapshot;
use crate::pg_type::Oid;

/// By OID, so that a role that is renamed stays who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// As whom the client signed in; nothing changes it.
    pub authenticated: Oid,
    /// `session_user`: another one after SET SESSION AUTHORIZATION.
    pub session: Oid,
    /// Of SET ROLE; `None` acts as the session's user.
    pub role: Option<Oid>,
}

impl Identity {
    pub fn new(authenticated: Oid) -> Self {
        Self { authenticated, session: authenticated, role: None }
    }

    /// `current_user`.
    pub fn current(&self) -> Oid {
        self.role.unwrap_or(self.session)
    }
}

/// A role's name as a person sees it, as `pg_get_userbyid` has it for one that is gone.
pub fn shown_name(snapshot: &Snapshot, role: Oid) -> String {
    snapshot.role(role).map_or_else(|| format!("unknown (OID={role})"), |role| role.name.clone())
}
