//! The sessions alive now: opens them, counts them, carries a cancel request to the one it names.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use rand::Rng;
use tokio_util::sync::CancellationToken;

use crate::catalog::object::Role;
use crate::error::{Result, message};
use crate::pg_type::Oid;

/// All sessions of a server.
#[derive(Debug, Default)]
pub struct Registry {
    sessions: Mutex<Sessions>,
}

#[derive(Debug, Default)]
struct Sessions {
    last_process_id: i32,
    alive: BTreeMap<i32, Entry>,
}

#[derive(Debug)]
struct Entry {
    secret: i32,
    /// Ends the session.
    session: CancellationToken,
    /// Ends the statement that is running now.
    statement: CancellationToken,
    activity: Activity,
}

/// What `pg_stat_activity` shows of a session.
#[derive(Debug, Clone)]
pub struct Activity {
    pub process_id: i32,
    /// As whom the client signed in.
    pub role: Oid,
    pub application_name: String,
    /// Somebody signed in; otherwise the server works as this role by itself.
    pub is_clients: bool,
    /// Where the client is; `None` when it is in this process.
    pub client: Option<SocketAddr>,
    pub started_at: DateTime<Utc>,
    /// `active`, `idle`, `idle in transaction`, `idle in transaction (aborted)`.
    pub state: &'static str,
    pub query: String,
    pub transaction_started_at: Option<DateTime<Utc>>,
    pub query_started_at: Option<DateTime<Utc>>,
    pub state_changed_at: Option<DateTime<Utc>>,
}

impl Registry {
    /// Enters a client's session; it leaves when the registration is dropped. Errors: 53300 when the role has as many as
    /// it may.
    pub fn enter(
        self: &Arc<Self>,
        role: &Role,
        client: Option<SocketAddr>,
        started_at: DateTime<Utc>,
    ) -> Result<Registration> {
        let mut sessions = self.sessions.lock();
        // As in PostgreSQL superusers are not counted, nor is what the server does by itself.
        if let Some(limit) = role.connection_limit.filter(|_| !role.is_superuser) {
            let of_role = |entry: &&Entry| entry.activity.is_clients && entry.activity.role == role.oid;
            if sessions.alive.values().filter(of_role).count() >= limit as usize {
                return Err(message::too_many_connections_of_role(&role.name));
            }
        }
        Ok(self.admit(&mut sessions, role.oid, true, client, started_at))
    }

    /// Enters a session of the server's own, which works as this role; no limit holds it back.
    pub fn enter_unattended(self: &Arc<Self>, role: Oid, started_at: DateTime<Utc>) -> Registration {
        self.admit(&mut self.sessions.lock(), role, false, None, started_at)
    }

    fn admit(
        self: &Arc<Self>,
        sessions: &mut Sessions,
        role: Oid,
        is_clients: bool,
        client: Option<SocketAddr>,
        started_at: DateTime<Utc>,
    ) -> Registration {
        // Wraps within the positive numbers; a number in use is passed over.
        let mut process_id = sessions.last_process_id;
        loop {
            process_id = if process_id == i32::MAX { 1 } else { process_id + 1 };
            if !sessions.alive.contains_key(&process_id) {
                break;
            }
        }
        sessions.last_process_id = process_id;
        let secret = rand::rng().random();
        let activity = Activity {
            process_id,
            role,
            application_name: String::new(),
            is_clients,
            client,
            started_at,
            state: "idle",
            query: String::new(),
            transaction_started_at: None,
            query_started_at: None,
            state_changed_at: Some(started_at),
        };
        let session = CancellationToken::new();
        sessions.alive.insert(process_id, Entry { secret, session, statement: CancellationToken::new(), activity });
        Registration { registry: Arc::clone(self), process_id, secret }
    }

    /// Cancels what the session runs, if the secret is right; says nothing about whether it was.
    pub fn cancel(&self, process_id: i32, secret: i32) {
        let sessions = self.sessions.lock();
        if let Some(entry) = sessions.alive.get(&process_id)
            && entry.secret == secret
        {
            entry.statement.cancel();
        }
    }

    /// Cancels what a session does now. False when there is no such session.
    pub fn cancel_statement(&self, process_id: i32) -> bool {
        let sessions = self.sessions.lock();
        let entry = sessions.alive.get(&process_id);
        entry.inspect(|entry| entry.statement.cancel()).is_some()
    }

    /// Ends a session, and what it does now. False when there is no such session.
    pub fn terminate(&self, process_id: i32) -> bool {
        let sessions = self.sessions.lock();
        let entry = sessions.alive.get(&process_id);
        entry.inspect(|entry| entry.session.cancel()).is_some()
    }

    pub fn activities(&self) -> Vec<Activity> {
        self.sessions.lock().alive.values().map(|entry| entry.activity.clone()).collect()
    }
}

/// A session's place in the registry.
#[derive(Debug)]
pub struct Registration {
    registry: Arc<Registry>,
    pub process_id: i32,
    pub secret: i32,
}

impl Registration {
    /// A statement begins: a cancel request that came too late for the one before does not touch it.
    pub fn begin_statement(&self) -> CancellationToken {
        let token = CancellationToken::new();
        if let Some(entry) = self.registry.sessions.lock().alive.get_mut(&self.process_id) {
            entry.statement = token.clone();
        }
        token
    }

    /// Cancelled when somebody ends the session.
    pub fn ended(&self) -> CancellationToken {
        let sessions = self.registry.sessions.lock();
        sessions.alive.get(&self.process_id).map(|entry| entry.session.clone()).unwrap_or_default()
    }

    pub fn note(&self, change: impl FnOnce(&mut Activity)) {
        if let Some(entry) = self.registry.sessions.lock().alive.get_mut(&self.process_id) {
            change(&mut entry.activity);
        }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.registry.sessions.lock().alive.remove(&self.process_id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cancel_request_needs_the_secret_and_reaches_only_the_running_statement() {
        let registry = Arc::new(Registry::default());
        let session = registry.enter(&Role::new(16_384, "me"), None, DateTime::UNIX_EPOCH).unwrap();
        let first = session.begin_statement();
        registry.cancel(session.process_id, session.secret.wrapping_add(1));
        assert!(!first.is_cancelled());
        registry.cancel(session.process_id, session.secret);
        assert!(first.is_cancelled());
        assert!(!session.begin_statement().is_cancelled());
        let last = session.begin_statement();
        assert!(registry.cancel_statement(session.process_id) && last.is_cancelled());
        assert!(!session.ended().is_cancelled());
        assert!(registry.terminate(session.process_id) && session.ended().is_cancelled());
        assert!(!registry.terminate(session.process_id + 1));
        drop(session);
        assert!(registry.activities().is_empty());
    }

    #[test]
    fn a_role_has_as_many_sessions_as_it_may() {
        let registry = Arc::new(Registry::default());
        let role = Role { connection_limit: Some(1), ..Role::new(16_384, "app") };
        let other = Role { connection_limit: Some(0), ..Role::new(16_385, "other") };
        let superuser = Role { is_superuser: true, ..other.clone() };
        let first = registry.enter(&role, None, DateTime::UNIX_EPOCH).unwrap();
        assert_eq!(registry.enter(&role, None, DateTime::UNIX_EPOCH).unwrap_err().state().code(), "53300");
        assert_eq!(registry.enter(&other, None, DateTime::UNIX_EPOCH).unwrap_err().state().code(), "53300");
        assert!(registry.enter(&superuser, None, DateTime::UNIX_EPOCH).is_ok());
        let unattended = registry.enter_unattended(role.oid, DateTime::UNIX_EPOCH);
        drop(first);
        let again = registry.enter(&role, None, DateTime::UNIX_EPOCH);
        assert!(again.is_ok(), "what the server does by itself is not counted");
        drop((unattended, again));
        assert!(registry.enter(&role, None, DateTime::UNIX_EPOCH).is_ok());
    }
}
