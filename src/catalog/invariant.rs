//! What is true of every snapshot that was ever published, each law a plain function with the reason for it.
//!
//! [`check`] runs them all: at every commit before anything is written, and when the stored catalog is loaded. A
//! draft cannot break a law by itself (its methods refuse), but two drafts together can: one drops what the
//! other's new view reads. So after a rebase a broken law means a lost race, otherwise a bug or a damaged file.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::object::{
    BOOTSTRAP_ROLE_OID, Definition, FIRST_USER_OID, INFORMATION_SCHEMA_OID, PG_CATALOG_OID, PUBLIC_OID, READER_ROLE,
    READER_ROLE_OID, REGULARS_OID, RelationKind,
};
use super::privilege::{self, AccessList};
use super::snapshot::Snapshot;
use crate::ident::NAME_BYTES_MAX;
use crate::pg_type::Oid;

/// The schemas that are always there; they hold the OIDs and names that clients know by heart.
pub const BUILT_IN_SCHEMAS: [(Oid, &str); 4] = [
    (PG_CATALOG_OID, "pg_catalog"),
    (PUBLIC_OID, "public"),
    (INFORMATION_SCHEMA_OID, "information_schema"),
    (REGULARS_OID, "regulars"),
];

/// A broken law, by the objects that break it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Violation {
    BuiltInSchemaMissing(&'static str),
    BuiltInRoleUnsound(&'static str),
    RoleNameTwice(String),
    OwnerGone {
        object: Oid,
        owner: Oid,
    },
    GranteeGone {
        relation: Oid,
        grantee: Oid,
    },
    GroupGone {
        member: Oid,
        group: Oid,
    },
    /// A role that is a member of itself, perhaps through others.
    MemberOfItself(Oid),
    SchemaNameTwice(String),
    RelationNameTwice {
        schema: Oid,
        name: String,
    },
    NameUnusable(String),
    OidUnusable(Oid),
    SchemaGone {
        relation: Oid,
        schema: Oid,
    },
    TableOutsidePublic(Oid),
    ColumnTwice {
        relation: Oid,
        column: String,
    },
    ReferencesUnsound {
        view: Oid,
    },
    ReadRelationGone {
        view: Oid,
        relation: Oid,
    },
    /// Each reads the next, the last reads the first.
    Circle(Vec<Oid>),
}

/// Checks every law; the first one broken is returned.
///
/// `next_oid`: the OID that will be given next.
pub fn check(snapshot: &Snapshot, next_oid: Oid) -> Result<(), Violation> {
    built_in_schemas_are_there(snapshot)?;
    built_in_roles_are_there(snapshot)?;
    role_names_are_unique(snapshot)?;
    owners_exist(snapshot)?;
    grantees_exist(snapshot)?;
    no_role_is_its_own_member(snapshot)?;
    names_are_usable(snapshot)?;
    schema_names_are_unique(snapshot)?;
    relation_names_are_unique(snapshot)?;
    oids_are_given_once(snapshot, next_oid)?;
    relations_lie_in_schemas(snapshot)?;
    tables_lie_in_public(snapshot)?;
    column_names_are_unique(snapshot)?;
    references_are_sound(snapshot)?;
    what_is_read_exists(snapshot)?;
    no_view_reads_itself(snapshot)
}

/// The built-in schemas are there, each under its own OID: system relations hang on them though they are not stored.
fn built_in_schemas_are_there(snapshot: &Snapshot) -> Result<(), Violation> {
    for (oid, name) in BUILT_IN_SCHEMAS {
        if snapshot.schema(oid).is_none_or(|schema| schema.name != name) {
            return Err(Violation::BuiltInSchemaMissing(name));
        }
    }
    Ok(())
}

/// Somebody can always change everything, and `reader` means the same everywhere.
fn built_in_roles_are_there(snapshot: &Snapshot) -> Result<(), Violation> {
    if !snapshot.role(BOOTSTRAP_ROLE_OID).is_some_and(|role| role.is_superuser) {
        return Err(Violation::BuiltInRoleUnsound("of the first superuser"));
    }
    if !snapshot.role(READER_ROLE_OID).is_some_and(|role| role.name == READER_ROLE && !role.is_superuser) {
        return Err(Violation::BuiltInRoleUnsound(READER_ROLE));
    }
    Ok(())
}

fn role_names_are_unique(snapshot: &Snapshot) -> Result<(), Violation> {
    let mut seen = BTreeSet::new();
    for role in snapshot.roles() {
        if !seen.insert(role.name.as_str()) {
            return Err(Violation::RoleNameTwice(role.name.clone()));
        }
    }
    Ok(())
}

/// What has an owner has one that exists; else nobody could be asked about it, and a later role must not inherit it.
fn owners_exist(snapshot: &Snapshot) -> Result<(), Violation> {
    let schemas = snapshot.schemas().map(|schema| (schema.oid, schema.owner));
    let relations = snapshot.relations().map(|relation| (relation.oid, relation.owner));
    for (object, owner) in schemas.chain(relations) {
        if snapshot.role(owner).is_none() {
            return Err(Violation::OwnerGone { object, owner });
        }
    }
    Ok(())
}

/// Whoever was granted something exists: a later role must not inherit it.
fn grantees_exist(snapshot: &Snapshot) -> Result<(), Violation> {
    for relation in snapshot.relations() {
        for (grantee, _) in relation.access.iter().flat_map(AccessList::iter) {
            if grantee != privilege::PUBLIC && snapshot.role(grantee).is_none() {
                return Err(Violation::GranteeGone { relation: relation.oid, grantee });
            }
        }
    }
    Ok(())
}

/// Roles are members of roles that exist, and never of themselves: whoever asks what a role may do walks along these.
fn no_role_is_its_own_member(snapshot: &Snapshot) -> Result<(), Violation> {
    for role in snapshot.roles() {
        for group in role.member_of.keys() {
            if snapshot.role(*group).is_none() {
                return Err(Violation::GroupGone { member: role.oid, group: *group });
            }
            if *group == role.oid || snapshot.is_member(*group, role.oid) {
                return Err(Violation::MemberOfItself(role.oid));
            }
        }
    }
    Ok(())
}

/// Names of roles, schemas and relations have 1 to 63 bytes: clients read them into columns of type `name`, and a longer
/// one could never be typed again. Columns come from files and may be longer.
fn names_are_usable(snapshot: &Snapshot) -> Result<(), Violation> {
    let roles = snapshot.roles().map(|role| &role.name);
    let schemas = snapshot.schemas().map(|schema| &schema.name);
    let relations = snapshot.relations().map(|relation| &relation.name);
    for name in roles.chain(schemas).chain(relations) {
        if name.is_empty() || name.len() > NAME_BYTES_MAX || name.contains('\0') {
            return Err(Violation::NameUnusable(name.clone()));
        }
    }
    Ok(())
}

fn schema_names_are_unique(snapshot: &Snapshot) -> Result<(), Violation> {
    let mut seen = BTreeSet::new();
    for schema in snapshot.schemas() {
        if !seen.insert(schema.name.as_str()) {
            return Err(Violation::SchemaNameTwice(schema.name.clone()));
        }
    }
    Ok(())
}

/// One name, one meaning. Asked of the objects themselves: the index by name could not show it.
fn relation_names_are_unique(snapshot: &Snapshot) -> Result<(), Violation> {
    let mut seen = BTreeSet::new();
    for relation in snapshot.relations() {
        if !seen.insert((relation.schema, relation.name.as_str())) {
            return Err(Violation::RelationNameTwice { schema: relation.schema, name: relation.name.clone() });
        }
    }
    Ok(())
}

/// An OID means one object for ever: definitions hold OIDs, clients cache them, and comments and dependencies of
/// schemas and relations share one numbering. So those of users lie between the fixed ones and the next to be given.
fn oids_are_given_once(snapshot: &Snapshot, next_oid: Oid) -> Result<(), Violation> {
    let built_in = |oid: Oid| BUILT_IN_SCHEMAS.iter().any(|(fixed, _)| *fixed == oid);
    let built_in_role = |oid: Oid| matches!(oid, BOOTSTRAP_ROLE_OID | READER_ROLE_OID);
    let roles = snapshot.roles().map(|role| role.oid).filter(|oid| !built_in_role(*oid));
    let memberships = snapshot.roles().flat_map(|role| role.member_of.values().map(|membership| membership.oid));
    let schemas = snapshot.schemas().map(|schema| schema.oid).filter(|oid| !built_in(*oid));
    let relations = snapshot.relations().map(|relation| relation.oid);
    let mut seen = BTreeSet::new();
    for oid in roles.chain(memberships).chain(schemas).chain(relations) {
        if oid < FIRST_USER_OID || oid >= next_oid || !seen.insert(oid) {
            return Err(Violation::OidUnusable(oid));
        }
    }
    Ok(())
}

fn relations_lie_in_schemas(snapshot: &Snapshot) -> Result<(), Violation> {
    for relation in snapshot.relations() {
        if snapshot.schema(relation.schema).is_none() {
            return Err(Violation::SchemaGone { relation: relation.oid, schema: relation.schema });
        }
    }
    Ok(())
}

/// The purchase history is in `public`, where the contract has it; so DROP SCHEMA never meets a table.
fn tables_lie_in_public(snapshot: &Snapshot) -> Result<(), Violation> {
    for relation in snapshot.relations() {
        if matches!(relation.kind, RelationKind::Table { .. }) && relation.schema != PUBLIC_OID {
            return Err(Violation::TableOutsidePublic(relation.oid));
        }
    }
    Ok(())
}

fn column_names_are_unique(snapshot: &Snapshot) -> Result<(), Violation> {
    for relation in snapshot.relations() {
        let mut seen = BTreeSet::new();
        for column in &relation.columns {
            if !seen.insert(column.name.as_str()) {
                return Err(Violation::ColumnTwice { relation: relation.oid, column: column.name.clone() });
            }
        }
    }
    Ok(())
}

fn references_are_sound(snapshot: &Snapshot) -> Result<(), Violation> {
    for relation in snapshot.relations() {
        if relation.definition().is_some_and(|definition| !definition_is_sound(definition)) {
            return Err(Violation::ReferencesUnsound { view: relation.oid });
        }
    }
    Ok(())
}

/// The places of names lie inside the text, between characters, in order, not overlapping and not empty: only then
/// can today's names be put there.
pub fn definition_is_sound(definition: &Definition) -> bool {
    let mut behind = 0;
    definition.references.iter().all(|reference| {
        let sound = behind <= reference.start
            && reference.start < reference.end
            && definition.text.get(reference.start..reference.end).is_some();
        behind = reference.end;
        sound
    })
}

/// What a view reads exists: a table or view of ours, or a system relation, which is known by its low OID.
fn what_is_read_exists(snapshot: &Snapshot) -> Result<(), Violation> {
    for relation in snapshot.relations() {
        for read in relation.reads() {
            if read >= FIRST_USER_OID && snapshot.relation(read).is_none() {
                return Err(Violation::ReadRelationGone { view: relation.oid, relation: read });
            }
        }
    }
    Ok(())
}

/// No view reads itself, directly or through others: it is planned by planning what it reads, which must end.
///
/// Views that read nothing unsettled are settled, until none is left; what is left over is or reads a circle.
fn no_view_reads_itself(snapshot: &Snapshot) -> Result<(), Violation> {
    let mut unsettled: BTreeMap<Oid, usize> = BTreeMap::new();
    let mut settled: Vec<Oid> = Vec::new();
    for relation in snapshot.relations() {
        let open = relation.reads().into_iter().filter(|read| snapshot.relation(*read).is_some()).count();
        match open {
            0 => settled.push(relation.oid),
            _ => drop(unsettled.insert(relation.oid, open)),
        }
    }
    while let Some(oid) = settled.pop() {
        for reader in snapshot.readers(oid) {
            let Some(open) = unsettled.get_mut(&reader.oid) else { continue };
            *open -= 1;
            if *open == 0 {
                unsettled.remove(&reader.oid);
                settled.push(reader.oid);
            }
        }
    }
    let left = unsettled.keys().filter_map(|oid| snapshot.relation(*oid));
    match left.filter_map(|relation| circle_through(snapshot, relation.oid, &relation.reads())).next() {
        Some(circle) => Err(Violation::Circle(circle)),
        None => Ok(()),
    }
}

/// The shortest way from a relation back to itself: each reads the next, the last reads the first.
///
/// `reads`: what the relation reads, which may be more than its stored definition does.
pub(super) fn circle_through(snapshot: &Snapshot, start: Oid, reads: &BTreeSet<Oid>) -> Option<Vec<Oid>> {
    let mut came_from: BTreeMap<Oid, Oid> = BTreeMap::new();
    let mut queue = VecDeque::new();
    let mut at = start;
    let mut reads = reads.clone();
    loop {
        for read in reads {
            if read == start {
                return Some(way_back(at, &came_from));
            }
            if snapshot.relation(read).is_some() && !came_from.contains_key(&read) {
                came_from.insert(read, at);
                queue.push_back(read);
            }
        }
        at = queue.pop_front()?;
        reads = snapshot.relation(at)?.reads();
    }
}

/// The relations on the way to `last`, from where the search started.
fn way_back(last: Oid, came_from: &BTreeMap<Oid, Oid>) -> Vec<Oid> {
    let mut way = vec![last];
    while let Some(&previous) = way.last().and_then(|last| came_from.get(last)) {
        way.push(previous);
    }
    way.reverse();
    way
}

impl Violation {
    /// A sentence that names the objects; `name_of` gives an object's kind and name ("view s.x") by OID.
    pub fn sentence(&self, name_of: impl Fn(Oid) -> String) -> String {
        let sentence = match self {
            Self::BuiltInSchemaMissing(name) => format!("schema {name} is missing."),
            Self::BuiltInRoleUnsound(name) => format!("the role {name} is missing or is not what it must be."),
            Self::RoleNameTwice(name) => format!("role \"{name}\" exists already."),
            Self::OwnerGone { object, owner } => {
                format!("{} belongs to {}, which no longer exists.", name_of(*object), name_of(*owner))
            }
            Self::GranteeGone { relation, grantee } => {
                format!("{} was granted to {}, which no longer exists.", name_of(*relation), name_of(*grantee))
            }
            Self::GroupGone { member, group } => {
                format!("{} is a member of {}, which no longer exists.", name_of(*member), name_of(*group))
            }
            Self::MemberOfItself(oid) => format!("{} is a member of itself.", name_of(*oid)),
            Self::SchemaNameTwice(name) => format!("schema \"{name}\" exists already."),
            Self::RelationNameTwice { schema, name } => format!("{} already holds \"{name}\".", name_of(*schema)),
            Self::NameUnusable(name) => format!("the name \"{name}\" does not have 1 to {NAME_BYTES_MAX} bytes."),
            Self::OidUnusable(oid) => format!("object identifier {oid} is out of range or given twice."),
            Self::SchemaGone { relation, schema } => {
                format!("{} is in {}, which no longer exists.", name_of(*relation), name_of(*schema))
            }
            Self::TableOutsidePublic(oid) => format!("{} is not in schema public.", name_of(*oid)),
            Self::ColumnTwice { relation, column } => {
                format!("{} has the column \"{column}\" twice.", name_of(*relation))
            }
            Self::ReferencesUnsound { view } => {
                format!("the definition of {} has misplaced references.", name_of(*view))
            }
            Self::ReadRelationGone { view, relation } => {
                format!("{} reads {}, which no longer exists.", name_of(*view), name_of(*relation))
            }
            Self::Circle(circle) => circle_sentence(circle, name_of),
        };
        capitalised(sentence)
    }
}

/// `View a reads view b, which reads view a.`
pub(super) fn circle_sentence(circle: &[Oid], name_of: impl Fn(Oid) -> String) -> String {
    let first = circle.first().copied().unwrap_or_default();
    let mut sentence = name_of(first);
    for (number, oid) in circle.iter().skip(1).chain([&first]).enumerate() {
        sentence.push_str(if number == 0 { " reads " } else { ", which reads " });
        sentence.push_str(&name_of(*oid));
    }
    capitalised(sentence + ".")
}

pub(super) fn capitalised(mut sentence: String) -> String {
    if let Some(first) = sentence.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    sentence
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::catalog::fixture::{built_in_roles, schema, view};
    use crate::catalog::object::{Membership, Reference, Relation, Role};

    /// The built-in schemas and these relations.
    fn holding(relations: Vec<Arc<Relation>>) -> Snapshot {
        Snapshot::of(0, BUILT_IN_SCHEMAS.map(|(oid, name)| schema(oid, name)), relations).with_roles(built_in_roles())
    }

    fn changed(mut relation: Arc<Relation>, change: impl FnOnce(&mut Relation)) -> Arc<Relation> {
        change(Arc::make_mut(&mut relation));
        relation
    }

    fn broken(relations: Vec<Arc<Relation>>) -> Violation {
        check(&holding(relations), 20_000).expect_err("a broken law")
    }

    #[test]
    fn a_sound_catalog_passes() {
        let relations =
            vec![view(16_384, PUBLIC_OID, "a", &[]), view(16_385, PUBLIC_OID, "b", &[16_384, 16_384, 1259])];
        assert_eq!(check(&holding(relations), 16_386), Ok(()));
    }

    #[test]
    fn each_law_is_seen_broken() {
        let a = || view(16_384, PUBLIC_OID, "a", &[]);
        assert_eq!(check(&Snapshot::default(), 20_000), Err(Violation::BuiltInSchemaMissing("pg_catalog")));
        assert_eq!(
            broken(vec![a(), view(16_385, PUBLIC_OID, "a", &[])]),
            Violation::RelationNameTwice { schema: PUBLIC_OID, name: "a".into() }
        );
        assert_eq!(broken(vec![changed(a(), |view| view.name.clear())]), Violation::NameUnusable(String::new()));
        assert_eq!(broken(vec![view(100, PUBLIC_OID, "a", &[])]), Violation::OidUnusable(100));
        assert_eq!(broken(vec![view(20_000, PUBLIC_OID, "a", &[])]), Violation::OidUnusable(20_000));
        assert_eq!(
            broken(vec![view(16_384, 16_500, "a", &[])]),
            Violation::SchemaGone { relation: 16_384, schema: 16_500 }
        );
        assert_eq!(
            broken(vec![changed(view(16_384, REGULARS_OID, "a", &[]), |view| {
                view.kind = RelationKind::Table { present: true };
            })]),
            Violation::TableOutsidePublic(16_384)
        );
        assert_eq!(
            broken(vec![changed(a(), |view| view.columns.extend(view.columns.clone()))]),
            Violation::ColumnTwice { relation: 16_384, column: "member_id".into() }
        );
        assert_eq!(
            broken(vec![view(16_384, PUBLIC_OID, "a", &[16_999])]),
            Violation::ReadRelationGone { view: 16_384, relation: 16_999 }
        );
    }

    fn broken_roles(roles: Vec<Role>) -> Violation {
        let snapshot = holding(vec![]).with_roles(roles.into_iter().map(Arc::new));
        check(&snapshot, 20_000).expect_err("a broken law")
    }

    fn member(oid: Oid, name: &str, of: &[Oid]) -> Role {
        let membership = |group: &Oid| (*group, Membership { oid: 18_000 + oid % 100, grantor: 10, is_admin: false });
        Role { member_of: of.iter().map(membership).collect(), ..Role::new(oid, name) }
    }

    #[test]
    fn each_law_of_roles_is_seen_broken() {
        let first = Role::new(BOOTSTRAP_ROLE_OID, "admin");
        assert_eq!(broken_roles(vec![first]), Violation::BuiltInRoleUnsound("of the first superuser"));
        let reader = Role { is_superuser: true, ..Role::new(READER_ROLE_OID, READER_ROLE) };
        assert_eq!(broken_roles(vec![reader]), Violation::BuiltInRoleUnsound(READER_ROLE));
        let twice = vec![Role::new(16_384, "a"), Role::new(16_385, "a")];
        assert_eq!(broken_roles(twice), Violation::RoleNameTwice("a".into()));
        assert_eq!(broken_roles(vec![Role::new(16_384, "")]), Violation::NameUnusable(String::new()));
        assert_eq!(broken_roles(vec![Role::new(100, "a")]), Violation::OidUnusable(100));
        let gone = vec![member(16_384, "a", &[16_999])];
        assert_eq!(broken_roles(gone), Violation::GroupGone { member: 16_384, group: 16_999 });
        let circle = vec![member(16_384, "a", &[16_385]), member(16_385, "b", &[16_384])];
        assert_eq!(broken_roles(circle), Violation::MemberOfItself(16_384));
        let orphan = changed(view(16_384, PUBLIC_OID, "v", &[]), |view| view.owner = 16_999);
        assert_eq!(broken(vec![orphan]), Violation::OwnerGone { object: 16_384, owner: 16_999 });
        let sound = vec![member(16_384, "a", &[16_385, READER_ROLE_OID]), member(16_385, "b", &[])];
        let snapshot = holding(vec![]).with_roles(sound.into_iter().map(Arc::new));
        assert_eq!(check(&snapshot, 20_000), Err(Violation::OidUnusable(18_084)), "two memberships with one OID");
    }

    #[test]
    fn a_circle_is_named_without_what_only_leads_to_it() {
        let circle = broken(vec![
            view(16_384, PUBLIC_OID, "leads", &[16_385]),
            view(16_385, PUBLIC_OID, "a", &[16_386]),
            view(16_386, PUBLIC_OID, "b", &[16_385]),
        ]);
        assert_eq!(circle, Violation::Circle(vec![16_385, 16_386]));
        assert_eq!(
            circle.sentence(|oid| format!("view {oid}")),
            "View 16385 reads view 16386, which reads view 16385."
        );
        assert_eq!(broken(vec![view(16_384, PUBLIC_OID, "a", &[16_384])]), Violation::Circle(vec![16_384]));
    }

    #[test]
    fn a_chain_of_a_hundred_thousand_views_is_walked_without_recursion() {
        let first = FIRST_USER_OID;
        let chain: Vec<_> = (0..100_000)
            .map(|number| {
                let reads = if number == 0 { vec![] } else { vec![first + number - 1] };
                view(first + number, PUBLIC_OID, &format!("v{number}"), &reads)
            })
            .collect();
        assert_eq!(check(&holding(chain), first + 100_000), Ok(()));
    }

    #[test]
    fn misplaced_references_are_seen() {
        let at = |start, end| Reference { start, end, relation: 11, needs_alias: false };
        let sound =
            |references: Vec<Reference>| definition_is_sound(&Definition { text: "FROM å, b".into(), references });
        assert!(sound(vec![at(5, 7), at(9, 10)]));
        assert!(!sound(vec![at(9, 10), at(5, 7)]), "out of order");
        assert!(!sound(vec![at(5, 9), at(7, 10)]), "overlapping");
        assert!(!sound(vec![at(5, 6)]), "inside a character");
        assert!(!sound(vec![at(9, 11)]), "behind the end");
        assert!(!sound(vec![at(5, 5)]), "empty");
    }
}
