//! Opening, committing and losing: the catalog as its sessions and its restarts see it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};

use super::fixture::{at, column, columns, new_view, table};
use super::object::{Column, FIRST_USER_OID, PUBLIC_OID, Relation, RelationKind};
use super::privilege::{PUBLIC, Privileges};
use super::store::{Change, Loaded};
use super::*;
use crate::error::{Error, SqlState};
use crate::pg_type::PgType;

fn opened(store: &MemoryStore, tables: &[TableDescription]) -> Catalog {
    Catalog::open(Box::new(store.clone()), tables, at(0)).expect("opens")
}

fn catalog() -> Catalog {
    opened(&MemoryStore::default(), &[table("members", &["member_id"])])
}

fn named(snapshot: &Snapshot, name: &str) -> Arc<Relation> {
    snapshot.relation_named(PUBLIC_OID, name).unwrap_or_else(|| panic!("{name} exists")).clone()
}

/// Adds a view of schema public to a draft.
fn view(draft: &mut Draft, name: &str, reads: &[Oid]) {
    add(draft, name, reads);
}

/// The same; gives its OID.
fn add(draft: &mut Draft, name: &str, reads: &[Oid]) -> Oid {
    draft.create_view(new_view(name, reads), false, at(1)).expect("created").0
}

fn replace(draft: &mut Draft, name: &str, reads: &[Oid]) {
    draft.create_view(new_view(name, reads), true, at(2)).expect("replaced");
}

/// Commits a new view.
fn added(catalog: &Catalog, name: &str, reads: &[Oid]) -> Oid {
    let mut draft = catalog.begin();
    let oid = add(&mut draft, name, reads);
    catalog.commit(draft, at(1)).expect("commits");
    oid
}

/// Lets two drafts begin together, commits the first and gives the answer to the second.
fn raced(catalog: &Catalog, first: impl FnOnce(&mut Draft), second: impl FnOnce(&mut Draft)) -> Result<Arc<Snapshot>> {
    let (mut winner, mut loser) = (catalog.begin(), catalog.begin());
    first(&mut winner);
    second(&mut loser);
    catalog.commit(winner, at(3)).expect("the first commits");
    catalog.commit(loser, at(4))
}

fn lost(result: Result<Arc<Snapshot>>) -> String {
    let error = result.expect_err("a conflict");
    assert_eq!(error.state(), SqlState::SerializationFailure);
    assert_eq!(error.message(), "could not serialize access due to concurrent update");
    error.detail().expect("the object").to_owned()
}

#[test]
fn built_in_schemas_and_tables_are_there_from_the_start() {
    let store = MemoryStore::default();
    let snapshot = opened(&store, &[table("members", &["member_id"])]).snapshot();
    let schemas: Vec<_> = snapshot.schemas().map(|schema| (schema.oid, schema.name.as_str())).collect();
    assert_eq!(schemas, [(11, "pg_catalog"), (2200, "public"), (13_183, "information_schema"), (13_900, "regulars")]);
    assert_eq!(snapshot.schema(2200).expect("there").comment.as_deref(), Some("standard public schema"));
    assert_eq!(named(&snapshot, "members").oid, FIRST_USER_OID);
    assert_eq!(snapshot.version(), 1);
    let again = opened(&store, &[table("members", &["member_id"])]).snapshot();
    assert_eq!((again.version(), &again), (1, &snapshot), "a restart without news commits nothing");
}

#[test]
fn tables_follow_the_configuration() {
    let store = MemoryStore::default();
    let described = |name: &str| Column { comment: Some(format!("described {name}")), ..column(name, PgType::TEXT) };
    let stores =
        TableDescription { name: "stores".into(), columns: vec![described("a")], comment: Some("shops".into()) };
    let catalog = opened(&store, &[stores.clone(), table("products", &["x"])]);
    let snapshot = catalog.snapshot();
    let (stores_oid, products_oid) = (named(&snapshot, "stores").oid, named(&snapshot, "products").oid);
    let mut draft = catalog.begin();
    add(&mut draft, "reader", &[stores_oid]);
    draft.comment_on(stores_oid, Some("our shops".into())).expect("commented");
    draft.set_column_comment(stores_oid, "a", None).expect("commented");
    catalog.commit(draft, at(1)).expect("commits");

    let catalog = opened(&store, &[]);
    let snapshot = catalog.snapshot();
    assert_eq!(named(&snapshot, "stores").kind, RelationKind::Table { present: false }, "a view reads it");
    assert!(snapshot.relation(products_oid).is_none(), "nothing reads it");

    let mut wider = stores;
    wider.columns = vec![described("b"), described("a")];
    let snapshot = opened(&store, &[wider, table("products", &["x"])]).snapshot();
    let stores = named(&snapshot, "stores");
    assert_eq!((stores.oid, &stores.kind), (stores_oid, &RelationKind::Table { present: true }));
    assert_eq!(stores.comment.as_deref(), Some("our shops"), "COMMENT ON outlives the description");
    assert_eq!(stores.columns, [described("b"), column("a", PgType::TEXT)]);
    assert_ne!(named(&snapshot, "products").oid, products_oid, "a table that went and came is another one");
}

#[test]
fn a_table_may_not_take_the_name_of_a_view() {
    let store = MemoryStore::default();
    added(&opened(&store, &[]), "vip", &[]);
    let refused = Catalog::open(Box::new(store), &[table("vip", &["x"])], at(1)).expect_err("taken");
    assert_eq!(refused.state(), SqlState::DuplicateTable);
    let twice = [table("a", &[]), table("a", &[])];
    let refused = Catalog::open(Box::new(MemoryStore::default()), &twice, at(1)).expect_err("twice");
    assert_eq!(refused.state(), SqlState::ConfigFileError);
}

#[test]
fn nobody_sees_a_draft_before_its_commit() {
    let catalog = catalog();
    let before = catalog.snapshot();
    let mut draft = catalog.begin();
    let oid = add(&mut draft, "v", &[]);
    assert!(draft.snapshot().relation(oid).is_some());
    assert!(catalog.snapshot().relation(oid).is_none());
    assert!(catalog.begin().snapshot().relation(oid).is_none());
    let committed = catalog.commit(draft, at(2)).expect("commits");
    assert!(committed.relation(oid).is_some());
    assert_eq!(committed.version(), before.version() + 1);
    assert!(before.relation(oid).is_none(), "a statement keeps what it began with");
}

#[test]
fn a_draft_without_changes_commits_nothing() {
    let catalog = catalog();
    let version = catalog.snapshot().version();
    let mut draft = catalog.begin();
    add(&mut draft, "v", &[]);
    draft.drop_views(&[RelationName::bare("v")], false, false).expect("dropped");
    assert_eq!(catalog.commit(draft, at(2)).expect("commits").version(), version);
}

#[test]
fn independent_changes_are_kept_together() {
    let catalog = catalog();
    let (a, b) = (added(&catalog, "a", &[]), added(&catalog, "b", &[]));
    let both = raced(
        &catalog,
        |draft| {
            draft.rename_relation(a, "a2", MustBe::View).expect("renamed");
            draft.create_schema("s", false).expect("created");
        },
        |draft| {
            add(draft, "reads_a", &[a, b]);
            draft.comment_on(b, Some("comment".into())).expect("commented");
            draft.create_schema("t", false).expect("created");
        },
    )
    .expect("both commit");
    assert_eq!(both.relation(a).expect("there").name, "a2");
    assert_eq!(both.relation(b).expect("there").comment.as_deref(), Some("comment"));
    assert_eq!(both.readers(a).len(), 1, "what reads it follows the rename");
    assert!(both.schema_named("s").is_some() && both.schema_named("t").is_some());
    assert_eq!(*both, *catalog.snapshot());
}

#[test]
fn the_second_to_change_an_object_loses() {
    let catalog = catalog();
    let a = added(&catalog, "a", &[]);
    let rename = |draft: &mut Draft, name: &str| drop(draft.rename_relation(a, name, MustBe::View).expect("renamed"));
    let comment = |draft: &mut Draft| draft.comment_on(a, Some("x".into())).expect("commented");
    let drop_it =
        |draft: &mut Draft| drop(draft.drop_views(&[RelationName::bare("b")], false, false).expect("dropped"));
    assert_eq!(
        lost(raced(&catalog, |draft| rename(draft, "b"), comment)),
        "View a was changed by another transaction."
    );
    assert_eq!(
        lost(raced(&catalog, drop_it, |draft| rename(draft, "c"))),
        "View b was dropped by another transaction."
    );
    assert!(catalog.snapshot().relation(a).is_none());
}

#[test]
fn the_second_to_take_a_name_loses() {
    let catalog = catalog();
    let a = added(&catalog, "a", &[]);
    assert_eq!(
        lost(raced(&catalog, |draft| view(draft, "v", &[]), |draft| view(draft, "v", &[]))),
        "Schema public already holds \"v\"."
    );
    assert_eq!(
        lost(raced(
            &catalog,
            |draft| view(draft, "w", &[]),
            |draft| drop(draft.rename_relation(a, "w", MustBe::View).expect("renamed")),
        )),
        "Schema public already holds \"w\"."
    );
    let create = |draft: &mut Draft| drop(draft.create_schema("s", false).expect("created"));
    assert_eq!(lost(raced(&catalog, create, create)), "Schema \"s\" exists already.");
}

#[test]
fn what_a_change_needs_may_not_be_dropped_underneath() {
    let catalog = catalog();
    let a = added(&catalog, "a", &[]);
    let drop_a = |draft: &mut Draft| drop(draft.drop_views(&[RelationName::bare("a")], false, false).expect("dropped"));
    let read_a = |draft: &mut Draft| view(draft, "reader", &[a]);
    assert_eq!(lost(raced(&catalog, drop_a, read_a)), "View reader reads view a, which no longer exists.");
    let a = added(&catalog, "a", &[]);
    let read_a = |draft: &mut Draft| view(draft, "reader", &[a]);
    assert_eq!(lost(raced(&catalog, read_a, drop_a)), "View reader reads view a, which no longer exists.");

    let mut draft = catalog.begin();
    draft.create_schema("s", false).expect("created");
    let s = draft.snapshot().schema_named("s").expect("there").oid;
    catalog.commit(draft, at(5)).expect("commits");
    let drop_s = |draft: &mut Draft| drop(draft.drop_schema("s", false, true).expect("dropped"));
    let put_in_s = |draft: &mut Draft| {
        let view = NewView { schema: s, ..new_view("inside", &[]) };
        draft.create_view(view, false, at(6)).expect("created");
    };
    assert_eq!(lost(raced(&catalog, put_in_s, drop_s)), "View s.inside is in schema s, which no longer exists.");
    let put_another_in_s = |draft: &mut Draft| {
        let view = NewView { schema: s, ..new_view("other", &[]) };
        draft.create_view(view, false, at(6)).expect("created");
    };
    assert_eq!(lost(raced(&catalog, drop_s, put_another_in_s)), "View s.other is in schema s, which no longer exists.");
}

#[test]
fn two_replacements_may_not_close_a_circle() {
    let catalog = catalog();
    let (a, b) = (added(&catalog, "a", &[]), added(&catalog, "b", &[]));
    let detail = lost(raced(&catalog, |draft| replace(draft, "a", &[b]), |draft| replace(draft, "b", &[a])));
    assert_eq!(detail, "View a reads view b, which reads view a.");
    assert_eq!(catalog.snapshot().readers(a).len(), 0);
}

#[test]
fn every_definition_is_kept() {
    let catalog = catalog();
    let members = named(&catalog.snapshot(), "members").oid;
    let a = added(&catalog, "a", &[members]);
    let mut draft = catalog.begin();
    replace(&mut draft, "a", &[]);
    replace(&mut draft, "a", &[members, members]);
    draft.rename_relation(a, "A b", MustBe::View).expect("renamed");
    catalog.commit(draft, at(8)).expect("commits");
    let mut draft = catalog.begin();
    draft.comment_on(a, Some("x".into())).expect("commented");
    catalog.commit(draft, at(9)).expect("commits");
    let mut draft = catalog.begin();
    draft.drop_views(&[RelationName::bare("A b")], false, false).expect("dropped");
    catalog.commit(draft, at(10)).expect("commits");

    let saved = catalog.saved_definitions(Some(a)).expect("reads");
    let told: Vec<_> =
        saved.iter().map(|saved| (saved.name.as_str(), saved.qualified.as_str(), saved.saved_at)).collect();
    assert_eq!(
        told,
        [
            ("a", "SELECT member_id FROM public.members AS r16384", at(1)),
            ("A b", "SELECT member_id FROM public.members AS r16384, public.members AS r16384", at(8)),
        ]
    );
    assert_eq!(saved[0].text, "SELECT member_id FROM r16384");
}

#[test]
fn an_oid_is_never_given_again() {
    let store = MemoryStore::default();
    let catalog = opened(&store, &[]);
    let dropped = added(&catalog, "a", &[]);
    let mut draft = catalog.begin();
    draft.drop_views(&[RelationName::bare("a")], false, false).expect("dropped");
    catalog.commit(draft, at(2)).expect("commits");
    assert_eq!(added(&opened(&store, &[]), "a", &[]), dropped + 1);
}

#[test]
fn oids_can_run_out_but_not_wrap() {
    let mut store = MemoryStore::default();
    opened(&store, &[]);
    store.commit(1, &[Change::NextOid(Oid::MAX)]).expect("commits");
    let refused = opened(&store, &[]).begin().create_schema("s", false).expect_err("none left");
    assert_eq!(refused.state(), SqlState::ProgramLimitExceeded);
}

#[test]
fn a_damaged_store_is_not_opened() {
    let mut store = MemoryStore::default();
    opened(&store, &[]);
    store.commit(1, &[Change::RemoveSchema(PUBLIC_OID)]).expect("commits");
    let refused = Catalog::open(Box::new(store), &[], at(0)).expect_err("damaged");
    assert_eq!(refused.state(), SqlState::DataCorrupted);
    assert_eq!(refused.detail(), Some("Schema public is missing."));
}

/// A store whose disk can be full.
struct FullDisk {
    store: MemoryStore,
    full: Arc<AtomicBool>,
}

impl Store for FullDisk {
    fn load(&mut self) -> Result<Loaded> {
        self.store.load()
    }

    fn commit(&mut self, base_version: u64, changes: &[Change]) -> Result<u64> {
        match self.full.load(Ordering::SeqCst) {
            true => Err(Error::new(SqlState::DiskFull, "no space")),
            false => self.store.commit(base_version, changes),
        }
    }

    fn secret(&mut self) -> Result<[u8; SECRET_BYTES]> {
        self.store.secret()
    }

    fn saved_definitions(&mut self, view: Option<Oid>) -> Result<Vec<SavedDefinition>> {
        self.store.saved_definitions(view)
    }

    fn runs(&mut self) -> Result<Vec<RecordedRun>> {
        self.store.runs()
    }

    fn deliveries(&mut self) -> Result<Vec<RecordedDelivery>> {
        self.store.deliveries()
    }
}

#[test]
fn a_commit_that_cannot_be_stored_changes_nothing() {
    let full = Arc::new(AtomicBool::new(false));
    let store = FullDisk { store: MemoryStore::default(), full: Arc::clone(&full) };
    let catalog = Catalog::open(Box::new(store), &[], at(0)).expect("opens");
    let mut draft = catalog.begin();
    add(&mut draft, "v", &[]);
    let before = catalog.snapshot();
    full.store(true, Ordering::SeqCst);
    let refused = catalog.commit(draft.clone(), at(1)).expect_err("full");
    assert_eq!(refused.state(), SqlState::DiskFull);
    assert!(Arc::ptr_eq(&before, &catalog.snapshot()));
    full.store(false, Ordering::SeqCst);
    assert_eq!(*catalog.commit(draft.clone(), at(1)).expect("space again"), **draft.snapshot());
}

fn role(draft: &mut Draft, name: &str) -> Oid {
    draft.create_role(name, RoleChange::default(), &NewMemberships::default()).expect("created");
    draft.snapshot().role_named(name).expect("there").oid
}

#[test]
fn a_role_that_is_dropped_takes_nothing_of_another_transaction_along() {
    let catalog = catalog();
    let mut first = catalog.begin();
    let (owner, group, member) = (role(&mut first, "owner"), role(&mut first, "team"), role(&mut first, "kim"));
    catalog.commit(first, at(1)).expect("commits");

    let mut creates = catalog.begin();
    creates.act_as(owner, owner).expect("exists");
    let view = add(&mut creates, "theirs", &[]);
    assert_eq!(creates.snapshot().relation(view).expect("there").owner, owner);
    let mut grants = catalog.begin();
    assert_eq!(grants.grant_role(group, member, false).expect("granted"), None);
    let mut drops = catalog.begin();
    drops.drop_roles(&["owner".to_owned(), "team".to_owned()], false).expect("dropped");
    catalog.commit(drops, at(2)).expect("commits");

    for (late, detail) in [
        (creates, "View theirs belongs to role owner, which no longer exists."),
        (grants, "Role kim is a member of role team, which no longer exists."),
    ] {
        let refused = catalog.commit(late, at(3)).expect_err("lost");
        assert_eq!(refused.state(), SqlState::SerializationFailure);
        assert_eq!(refused.detail(), Some(detail));
    }
    assert!(catalog.begin().act_as(owner, owner).is_err(), "nobody acts as a role that is gone");
}

#[test]
fn two_changes_of_one_role_are_not_merged() {
    let catalog = catalog();
    let mut first = catalog.begin();
    let kim = role(&mut first, "kim");
    catalog.commit(first, at(1)).expect("commits");
    let (mut raises, mut bounds) = (catalog.begin(), catalog.begin());
    raises.alter_role(kim, RoleChange { is_superuser: Some(true), ..RoleChange::default() }).expect("altered");
    bounds.alter_role(kim, RoleChange { connection_limit: Some(Some(1)), ..RoleChange::default() }).expect("altered");
    catalog.commit(raises, at(2)).expect("commits");
    let refused = catalog.commit(bounds, at(3)).expect_err("lost");
    assert_eq!(refused.detail(), Some("Role kim was changed by another transaction."));
    assert!(catalog.snapshot().is_superuser(kim));
}

#[test]
fn readers_beside_writers_never_see_half() {
    const ROUNDS: usize = 300;
    let catalog = Arc::new(catalog());
    let done = Arc::new(AtomicBool::new(false));
    let start = Arc::new(Barrier::new(3));
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let (catalog, done, start) = (Arc::clone(&catalog), Arc::clone(&done), Arc::clone(&start));
            std::thread::spawn(move || {
                start.wait();
                let mut last = 0;
                while !done.load(Ordering::SeqCst) {
                    let snapshot = catalog.snapshot();
                    assert!(snapshot.version() >= last, "time runs forward");
                    last = snapshot.version();
                    let pair = ["left", "right"].map(|name| snapshot.relation_named(PUBLIC_OID, name).is_some());
                    assert_eq!(pair[0], pair[1], "version {last} shows half a commit");
                }
            })
        })
        .collect();
    start.wait();
    for _ in 0..ROUNDS {
        let mut draft = catalog.begin();
        let left = add(&mut draft, "left", &[]);
        add(&mut draft, "right", &[left]);
        catalog.commit(draft, at(1)).expect("commits");
        let mut draft = catalog.begin();
        draft.drop_views(&[RelationName::bare("left")], false, true).expect("dropped");
        catalog.commit(draft, at(1)).expect("commits");
    }
    done.store(true, Ordering::SeqCst);
    for reader in readers {
        reader.join().expect("no half seen");
    }
}

#[test]
fn writers_at_once_lose_nothing() {
    const WRITERS: usize = 4;
    const ROUNDS: usize = 50;
    let catalog = Arc::new(catalog());
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let catalog = Arc::clone(&catalog);
            std::thread::spawn(move || {
                for round in 0..ROUNDS {
                    added(&catalog, &format!("v_{writer}_{round}"), &[]);
                }
            })
        })
        .collect();
    for writer in writers {
        writer.join().expect("commits");
    }
    assert_eq!(catalog.snapshot().relations().count(), 1 + WRITERS * ROUNDS);
    assert_eq!(columns(&["member_id"]), named(&catalog.snapshot(), "v_3_49").columns);
}

#[test]
fn what_goes_with_another_view_may_have_gone_already() {
    let catalog = catalog();
    let mut first = catalog.begin();
    let (a, b) = (add(&mut first, "a", &[]), add(&mut first, "b", &[]));
    add(&mut first, "of_both", &[a, b]);
    catalog.commit(first, at(1)).expect("commits");

    let drop = |draft: &mut Draft, name: &str| {
        draft.drop_views(&[RelationName::qualified("public", name)], false, true).expect("dropped");
    };
    let (mut one, mut other, mut named) = (catalog.begin(), catalog.begin(), catalog.begin());
    drop(&mut one, "a");
    drop(&mut other, "b");
    drop(&mut named, "of_both");
    catalog.commit(one, at(2)).expect("commits");
    catalog.commit(other, at(3)).expect("what CASCADE takes along is gone, as wished");
    assert_eq!(catalog.snapshot().relations().filter(|relation| relation.is_view()).count(), 0);
    let refused = catalog.commit(named, at(4)).expect_err("lost");
    assert_eq!(refused.state(), SqlState::SerializationFailure);
}

#[test]
fn a_role_that_was_granted_something_stays_until_it_is_revoked() {
    let catalog = catalog();
    let mut first = catalog.begin();
    let (owner, kim, tess) = (role(&mut first, "owner"), role(&mut first, "kim"), role(&mut first, "tess"));
    first.act_as(owner, owner).expect("exists");
    let view = add(&mut first, "theirs", &[]);
    catalog.commit(first, at(1)).expect("commits");
    let may_read = |role| catalog.snapshot().may_read(role, catalog.snapshot().relation(view).expect("there"));
    assert!(may_read(kim) && may_read(tess), "everybody reads by default");

    let mut grants = catalog.begin();
    grants.act_as(kim, kim).expect("exists");
    assert_eq!(
        grants.grant(view, kim, Privileges::SELECT).expect_err("not kim's").state(),
        SqlState::InsufficientPrivilege
    );
    grants.act_as(owner, owner).expect("exists");
    grants.revoke(view, PUBLIC, Privileges::ALL).expect("revoked");
    grants.grant(view, kim, Privileges::SELECT).expect("granted");
    let mut drops = catalog.begin();
    drops.drop_roles(&["kim".to_owned()], false).expect("nothing was granted yet");
    catalog.commit(grants, at(2)).expect("commits");
    assert!(may_read(kim) && may_read(owner) && !may_read(tess));

    let refused = catalog.commit(drops, at(3)).expect_err("lost");
    assert_eq!(refused.state(), SqlState::SerializationFailure);
    let mut drops = catalog.begin();
    let refused = drops.drop_roles(&["kim".to_owned()], false).expect_err("still granted");
    assert_eq!(refused.detail(), Some("privileges for view theirs"));
    drops.revoke(view, kim, Privileges::SELECT).expect("revoked");
    drops.drop_roles(&["kim".to_owned()], false).expect("dropped");
    drops.set_owner(view, MustBe::View, tess).expect("changed");
    catalog.commit(drops, at(4)).expect("commits");
    assert!(may_read(tess) && !may_read(owner));
}
