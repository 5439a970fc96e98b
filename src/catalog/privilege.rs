//! Who may do what with a relation: PostgreSQL's access lists.
//!
//! A relation that nobody ever granted or revoked anything of has the default: its owner may do everything and everybody
//! may read. Superusers may do everything whatever a list says. Rights on columns and the right to pass rights on do not
//! exist; so whoever grants does it as the owner.

use std::collections::BTreeMap;

use super::object::Relation;
use super::snapshot::Snapshot;
use crate::pg_type::Oid;

/// The grantee that stands for every role.
pub const PUBLIC: Oid = 0;

/// A set of rights on a relation. Nobody can write to the history or to a view, so SELECT is the one that decides
/// anything; the others are kept for whoever asks what was granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Privileges(u8);

/// In the order in which PostgreSQL lists them, with its letters.
const KNOWN: [(&str, char); 7] = [
    ("INSERT", 'a'),
    ("SELECT", 'r'),
    ("UPDATE", 'w'),
    ("DELETE", 'd'),
    ("TRUNCATE", 'D'),
    ("REFERENCES", 'x'),
    ("TRIGGER", 't'),
];

impl Privileges {
    pub const NONE: Privileges = Privileges(0);
    pub const SELECT: Privileges = Privileges(1 << 1);
    pub const ALL: Privileges = Privileges((1 << KNOWN.len()) - 1);

    /// By its word, in any case; `None` for one that a relation does not have.
    pub fn named(word: &str) -> Option<Self> {
        KNOWN.iter().position(|(name, _)| name.eq_ignore_ascii_case(word)).map(|at| Self(1 << at))
    }

    /// From letters such as `arw`; `None` if one is unknown.
    pub fn from_letters(letters: &str) -> Option<Self> {
        letters.chars().try_fold(Self::NONE, |set, letter| {
            let at = KNOWN.iter().position(|(_, known)| *known == letter)?;
            Some(set.and(Self(1 << at)))
        })
    }

    pub fn letters(self) -> String {
        self.each().map(|(_, letter)| letter).collect()
    }

    pub fn names(self) -> impl Iterator<Item = &'static str> {
        self.each().map(|(name, _)| name)
    }

    #[must_use]
    pub fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    #[must_use]
    pub fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    /// Whether all of these are in it.
    pub fn has(self, others: Self) -> bool {
        others.without(self).is_empty()
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    fn each(self) -> impl Iterator<Item = (&'static str, char)> {
        KNOWN.into_iter().enumerate().filter(move |(at, _)| self.0 & (1 << at) != 0).map(|(_, known)| known)
    }
}

/// The rights of each grantee, [`PUBLIC`] among them; nobody stands there without a right.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AccessList(BTreeMap<Oid, Privileges>);

impl AccessList {
    /// Of a relation that nobody granted or revoked anything of.
    pub fn default_of(owner: Oid) -> Self {
        Self(BTreeMap::from([(PUBLIC, Privileges::SELECT), (owner, Privileges::ALL)]))
    }

    pub fn of(&self, grantee: Oid) -> Privileges {
        self.0.get(&grantee).copied().unwrap_or_default()
    }

    /// In order of OID, PUBLIC first.
    pub fn iter(&self) -> impl Iterator<Item = (Oid, Privileges)> {
        self.0.iter().map(|(grantee, privileges)| (*grantee, *privileges))
    }

    pub fn grant(&mut self, grantee: Oid, privileges: Privileges) {
        self.set(grantee, self.of(grantee).and(privileges));
    }

    pub fn revoke(&mut self, grantee: Oid, privileges: Privileges) {
        self.set(grantee, self.of(grantee).without(privileges));
    }

    /// What the old owner had as a grantee, the new one has in its place.
    #[must_use]
    pub fn with_owner(mut self, old: Oid, new: Oid) -> Self {
        if old != new {
            let of_old = self.0.remove(&old).unwrap_or_default();
            self.grant(new, of_old);
        }
        self
    }

    /// As it is stored: `0=r,16390=ar`, with OIDs for names.
    pub fn to_text(&self) -> String {
        let items: Vec<String> =
            self.iter().map(|(oid, privileges)| format!("{oid}={}", privileges.letters())).collect();
        items.join(",")
    }

    /// `None` for what [`to_text`](Self::to_text) does not write.
    pub fn parse(text: &str) -> Option<Self> {
        let mut list = Self::default();
        for item in text.split(',').filter(|item| !item.is_empty()) {
            let (oid, letters) = item.split_once('=')?;
            let privileges = Privileges::from_letters(letters).filter(|set| !set.is_empty())?;
            if list.0.insert(oid.parse().ok()?, privileges).is_some() {
                return None;
            }
        }
        Some(list)
    }

    fn set(&mut self, grantee: Oid, privileges: Privileges) {
        if privileges.is_empty() {
            self.0.remove(&grantee);
        } else {
            self.0.insert(grantee, privileges);
        }
    }
}

impl Relation {
    /// Who may do what with it, said or by default.
    pub fn access_list(&self) -> AccessList {
        self.access.clone().unwrap_or_else(|| AccessList::default_of(self.owner))
    }

    /// The same relation with another owner, who takes over what the old one was granted.
    #[must_use]
    pub fn owned_by(self, owner: Oid) -> Self {
        let access = self.access.map(|access| access.with_owner(self.owner, owner));
        Self { access, owner, ..self }
    }
}

impl Snapshot {
    /// Whether a role has these rights, its own or those of roles that it inherits from. A reader has SELECT at most.
    pub fn has_privileges(&self, role: Oid, relation: &Relation, privileges: Privileges) -> bool {
        if self.is_superuser(role) {
            return true;
        }
        let access = relation.access_list();
        let inherited = self.inherited(role).into_iter().chain([PUBLIC]);
        let has = inherited.fold(Privileges::NONE, |set, grantee| set.and(access.of(grantee)));
        let may_change = !self.is_reader(role);
        has.has(privileges) && (may_change || Privileges::SELECT.has(privileges))
    }

    pub fn may_read(&self, role: Oid, relation: &Relation) -> bool {
        self.has_privileges(role, relation, Privileges::SELECT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_access_list_is_stored_as_it_is() {
        let mut list = AccessList::default_of(10);
        assert_eq!(list.to_text(), "0=r,10=arwdDxt");
        list.grant(16_390, Privileges::SELECT.and(Privileges::from_letters("a").expect("a letter")));
        list.revoke(PUBLIC, Privileges::ALL);
        assert_eq!(list.to_text(), "10=arwdDxt,16390=ar");
        assert_eq!(AccessList::parse(&list.to_text()), Some(list.clone()));
        list.revoke(10, Privileges::ALL);
        list.revoke(16_390, Privileges::ALL);
        assert_eq!(list.to_text(), "");
        assert_eq!(AccessList::parse(""), Some(list));
        for damaged in ["10", "10=", "10=q", "x=r", "10=r,10=a"] {
            assert_eq!(AccessList::parse(damaged), None, "{damaged}");
        }
    }

    #[test]
    fn a_new_owner_takes_over_what_the_old_one_had() {
        let mut list = AccessList::default_of(10);
        list.grant(11, Privileges::SELECT);
        assert_eq!(list.clone().with_owner(10, 11).to_text(), "0=r,11=arwdDxt");
        assert_eq!(list.clone().with_owner(10, 10), list);
    }
}
