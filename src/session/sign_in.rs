//! Who may come in, and what they must show for it.
//!
//! Whoever connects from this machine comes in without a password as long as nobody has one: that is the first start,
//! and a demo. Then every name is good, and those that are no role act as the first superuser. From the first password
//! on everybody needs one. `[sign_in] loopback` in the configuration says otherwise. From another machine a password is
//! needed always.
//!
//! What is answered does not tell whether a name is a role: one that is none, has no password, or had one until
//! yesterday, is asked like any other and then refused like a wrong password.

use crate::catalog::Catalog;
use crate::catalog::object::BOOTSTRAP_ROLE_OID;
use crate::config::Loopback;
use crate::error::{Result, message};
use crate::pg_type::Oid;
use crate::scram::Verifier;
use chrono::{DateTime, Utc};

/// What a client must show to be let in.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Who the client will be; `None` is nobody, whatever it shows.
    pub role: Option<Oid>,
    /// May take the places that are kept for superusers.
    pub is_superuser: bool,
    pub proof: Proof,
}

#[derive(Debug, Clone)]
pub enum Proof {
    /// Where it connects from is enough.
    Nothing,
    Password(Verifier),
}

/// What a client of this name must show. `is_local`: it connects from this machine.
///
/// Errors: 28000 for a local name that is no role, once there are passwords and none is asked for.
pub fn claim(catalog: &Catalog, loopback: Loopback, user: &str, is_local: bool, now: DateTime<Utc>) -> Result<Claim> {
    let snapshot = catalog.snapshot();
    let role = snapshot.role_named(user);
    let has_passwords = snapshot.has_passwords();
    let trusts = match loopback {
        Loopback::TrustUntilPassword => is_local && !has_passwords,
        Loopback::Trust => is_local,
        Loopback::Scram => false,
    };
    if trusts {
        let oid = match role {
            Some(role) => role.oid,
            None if !has_passwords => BOOTSTRAP_ROLE_OID,
            None => return Err(message::sign_in_role_missing(user)),
        };
        return Ok(Claim { role: Some(oid), is_superuser: snapshot.is_superuser(oid), proof: Proof::Nothing });
    }
    let known = role.and_then(|role| Some((role, role.valid_password(now)?.clone())));
    Ok(match known {
        Some((role, password)) => {
            Claim { role: Some(role.oid), is_superuser: role.is_superuser, proof: Proof::Password(password) }
        }
        None => {
            let mock = Verifier::mock(user, catalog.secret());
            Claim { role: None, is_superuser: false, proof: Proof::Password(mock) }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{MemoryStore, NewMemberships, RoleChange};

    fn now() -> DateTime<Utc> {
        DateTime::UNIX_EPOCH
    }

    fn catalog(roles: &[(&str, RoleChange)]) -> Catalog {
        let catalog = Catalog::open(Box::new(MemoryStore::default()), &[], now()).unwrap();
        let mut draft = catalog.begin();
        for (name, change) in roles {
            draft.create_role(name, change.clone(), &NewMemberships::default()).unwrap();
        }
        catalog.commit(draft, now()).unwrap();
        catalog
    }

    fn with_password() -> RoleChange {
        RoleChange { password: Some(Some(Verifier::of_password("x").unwrap())), ..RoleChange::default() }
    }

    /// `open` when nothing is asked, `password`, `nobody` when no password can be right, else the SQLSTATE.
    fn asked(catalog: &Catalog, loopback: Loopback, user: &str, is_local: bool) -> &'static str {
        match claim(catalog, loopback, user, is_local, now()) {
            Err(error) => error.state().code(),
            Ok(Claim { proof: Proof::Nothing, .. }) => "open",
            Ok(Claim { role: Some(_), .. }) => "password",
            Ok(Claim { role: None, .. }) => "nobody",
        }
    }

    #[test]
    fn this_machine_is_trusted_until_there_is_a_password() {
        let fresh = catalog(&[("ada", RoleChange::default())]);
        for user in ["ada", "whoever"] {
            assert_eq!(asked(&fresh, Loopback::TrustUntilPassword, user, true), "open");
            assert_eq!(asked(&fresh, Loopback::Trust, user, true), "open");
            assert_eq!(asked(&fresh, Loopback::Scram, user, true), "nobody");
            assert_eq!(asked(&fresh, Loopback::Trust, user, false), "nobody");
        }
        let who = |user| claim(&fresh, Loopback::Trust, user, true, now()).unwrap();
        assert_eq!((who("whoever").role, who("whoever").is_superuser), (Some(BOOTSTRAP_ROLE_OID), true));
        assert!(!who("ada").is_superuser);
        let guarded = catalog(&[("ada", RoleChange::default()), ("bo", with_password())]);
        for (loopback, user, expected) in [
            (Loopback::TrustUntilPassword, "bo", "password"),
            (Loopback::TrustUntilPassword, "ada", "nobody"),
            (Loopback::TrustUntilPassword, "whoever", "nobody"),
            (Loopback::Trust, "ada", "open"),
            (Loopback::Trust, "whoever", "28000"),
            (Loopback::Scram, "bo", "password"),
        ] {
            assert_eq!(asked(&guarded, loopback, user, true), expected, "{loopback:?} {user}");
        }
    }

    #[test]
    fn a_password_ends() {
        let until = |seconds| RoleChange { valid_until: Some(DateTime::from_timestamp(seconds, 0)), ..with_password() };
        let catalog = catalog(&[("past", until(0)), ("future", until(1))]);
        assert_eq!(asked(&catalog, Loopback::Scram, "past", false), "nobody");
        assert_eq!(asked(&catalog, Loopback::Scram, "future", false), "password");
    }
}
