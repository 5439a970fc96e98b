//! What every store must do, told once; each kind of store runs it on itself.

use std::sync::Arc;

use super::{Change, Loaded, SavedDefinition, Store};
use crate::catalog::delivery::{Batch, Counts, Delivery, DeliveryState, RecordedDelivery};
use crate::catalog::fixture::{at, column, schema, view};
use crate::catalog::object::{FIRST_USER_OID, Membership, Relation, RelationKind, Role, Schema};
use crate::catalog::privilege::AccessList;
use crate::error::SqlState;
use crate::pg_type::PgType;
use crate::scram::Verifier;

type Open<'a> = &'a dyn Fn() -> Box<dyn Store>;

/// `place` makes a new empty place for a store; what it gives opens that place, again and again.
pub fn run<O: Fn() -> Box<dyn Store> + 'static>(place: impl Fn() -> O) {
    let laws: [fn(Open); 10] = [
        a_new_store_is_empty,
        what_is_committed_is_there_when_opened_again,
        a_stale_commit_changes_nothing,
        names_may_be_swapped_in_one_commit,
        a_new_state_replaces_the_old_one_wholly,
        a_schema_changes_under_its_relations,
        definitions_are_kept_for_ever,
        roles_are_kept_with_their_memberships,
        the_secret_is_the_stores_own_and_lasts,
        deliveries_are_kept_with_their_batches,
    ];
    for law in laws {
        law(&place());
    }
}

fn put(relation: &Arc<Relation>) -> Change {
    Change::PutRelation(Arc::clone(relation))
}

fn put_schema(schema: &Arc<Schema>) -> Change {
    Change::PutSchema(Arc::clone(schema))
}

fn loaded(open: Open) -> Loaded {
    open().load().expect("loads")
}

fn changed(relation: &Arc<Relation>, change: impl FnOnce(&mut Relation)) -> Arc<Relation> {
    let mut relation = Relation::clone(relation);
    change(&mut relation);
    Arc::new(relation)
}

fn saved(text: &str, second: i64) -> SavedDefinition {
    SavedDefinition {
        view: 16_385,
        schema: "public".into(),
        name: "å".into(),
        text: text.into(),
        qualified: format!("{text} -- qualified"),
        saved_at: at(second),
        saved_by: "ada".into(),
    }
}

fn a_new_store_is_empty(open: Open) {
    assert_eq!(loaded(open), Loaded::default());
    assert_eq!(Loaded::default().next_oid, FIRST_USER_OID);
}

fn what_is_committed_is_there_when_opened_again(open: Open) {
    let public = changed_schema("public", Some("it's \"public\"; -- \u{1F600}"));
    let table = Arc::new(Relation {
        kind: RelationKind::Table { present: false },
        columns: vec![
            column("z", PgType::numeric(18, 2)),
            column("", PgType::TEXT),
            crate::catalog::object::Column { comment: Some("c".into()), ..column("a", PgType::TIMESTAMPTZ) },
        ],
        comment: Some(String::new()),
        access: AccessList::parse("0=r,10=arwdDxt,16390=r"),
        ..Relation::clone(&view(16_384, 2200, "members", &[]))
    });
    let reader = changed(&view(16_385, 2200, "Läsare", &[16_384, 1259, 16_384]), |view| {
        view.replaced_at = Some(at(77));
        view.access = Some(AccessList::default());
        if let RelationKind::View(definition) = &mut view.kind {
            definition.references[1].needs_alias = false;
        }
    });
    let wide = view(u32::MAX - 1, 2200, "wide", &[u32::MAX - 2]);
    {
        let mut store = open();
        let version = store.commit(0, &[put(&reader), put(&table), put_schema(&public), Change::NextOid(16_386)]);
        assert_eq!(version.expect("commits"), 1);
        let version = store.commit(1, &[put(&wide), Change::NextOid(u32::MAX)]).expect("commits");
        assert_eq!(version, 2);
    }
    let expected = Loaded {
        version: 2,
        next_oid: u32::MAX,
        roles: vec![],
        schemas: vec![public],
        relations: vec![table, reader, wide],
    };
    assert_eq!(loaded(open), expected);
}

fn changed_schema(name: &str, comment: Option<&str>) -> Arc<Schema> {
    Arc::new(Schema { comment: comment.map(str::to_owned), ..Schema::clone(&schema(2200, name)) })
}

fn a_stale_commit_changes_nothing(open: Open) {
    let mut store = open();
    store.commit(0, &[put_schema(&schema(2200, "public")), Change::NextOid(16_400)]).expect("commits");
    let before = store.load().expect("loads");
    for stale in [0, 2] {
        let refused = store.commit(stale, &[put(&view(16_384, 2200, "a", &[]))]).expect_err("stale");
        assert_eq!(refused.state(), SqlState::SerializationFailure);
    }
    assert_eq!(store.load().expect("loads"), before);
    assert_eq!(store.commit(1, &[]).expect("the right version still commits"), 2);
}

fn names_may_be_swapped_in_one_commit(open: Open) {
    let (a, b) = (view(16_384, 2200, "a", &[]), view(16_385, 2200, "b", &[16_384]));
    let (s, t) = (schema(16_386, "s"), schema(16_387, "t"));
    let mut store = open();
    let first = [put_schema(&schema(2200, "public")), put_schema(&s), put_schema(&t), put(&a), put(&b)];
    store.commit(0, &first).expect("commits");
    let (a, b) = (changed(&a, |view| view.name = "b".into()), changed(&b, |view| view.name = "a".into()));
    let (s, t) = (schema(16_386, "t"), schema(16_387, "s"));
    store.commit(1, &[put(&a), put(&b), put_schema(&s), put_schema(&t)]).expect("swaps");
    drop(store);
    let loaded = loaded(open);
    assert_eq!(loaded.relations, [a, b]);
    assert_eq!(loaded.schemas[1..], [s, t]);
}

fn a_new_state_replaces_the_old_one_wholly(open: Open) {
    let wide = changed(&view(16_384, 2200, "a", &[1259, 1247]), |view| {
        view.columns.push(column("extra", PgType::TEXT));
        view.comment = Some("long".into());
    });
    let narrow = view(16_384, 2200, "a", &[1249]);
    let mut store = open();
    store.commit(0, &[put_schema(&schema(2200, "public")), put(&wide)]).expect("commits");
    store.commit(1, &[put(&narrow)]).expect("commits");
    assert_eq!(store.load().expect("loads").relations, [narrow]);
    store.commit(2, &[Change::RemoveRelation(16_384)]).expect("commits");
    drop(store);
    assert_eq!(loaded(open).relations, []);
}

fn a_schema_changes_under_its_relations(open: Open) {
    let inside = view(16_385, 16_384, "inside", &[]);
    let commented = Arc::new(Schema { comment: Some("new".into()), ..Schema::clone(&schema(16_384, "s")) });
    let mut store = open();
    store.commit(0, &[put(&inside), put_schema(&schema(16_384, "s"))]).expect("commits");
    store.commit(1, &[put_schema(&commented)]).expect("commits");
    let loaded = store.load().expect("loads");
    assert_eq!((loaded.schemas, loaded.relations), (vec![commented], vec![inside]));
    store.commit(2, &[Change::RemoveSchema(16_384), Change::RemoveRelation(16_385)]).expect("commits");
    assert_eq!(store.load().expect("loads").schemas, []);
}

fn definitions_are_kept_for_ever(open: Open) {
    let definition = view(16_385, 2200, "å", &[]);
    let mut store = open();
    let first = [put_schema(&schema(2200, "public")), put(&definition), Change::SaveDefinition(saved("one", 1))];
    store.commit(0, &first).expect("commits");
    store.commit(1, &[Change::SaveDefinition(saved("two", 2))]).expect("commits");
    store.commit(2, &[Change::RemoveRelation(16_385)]).expect("commits");
    drop(store);
    let mut store = open();
    assert_eq!(store.saved_definitions(Some(16_385)).expect("reads"), [saved("one", 1), saved("two", 2)]);
    assert_eq!(store.saved_definitions(Some(16_384)).expect("reads"), []);
}

fn roles_are_kept_with_their_memberships(open: Open) {
    let verifier = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";
    let group = Arc::new(Role { inherits: false, ..Role::new(16_390, "Läsare") });
    let member = Arc::new(Role {
        is_superuser: true,
        can_log_in: true,
        connection_limit: Some(u32::MAX),
        password: Some(Verifier::parse(verifier).expect("a verifier")),
        valid_until: Some(at(5)),
        member_of: [(16_390, Membership { oid: 16_391, grantor: 10, is_admin: true })].into(),
        ..Role::new(16_384, "ada")
    });
    let put = |role: &Arc<Role>| Change::PutRole(Arc::clone(role));
    let mut store = open();
    store.commit(0, &[put(&member), put(&group)]).expect("commits");
    drop(store);
    assert_eq!(loaded(open).roles, [Arc::clone(&member), Arc::clone(&group)]);
    // Names are swapped, and the group is written again under its member.
    let renamed = |role: &Role, name: &str| Arc::new(Role { name: name.to_owned(), ..Role::clone(role) });
    let (member, group) = (renamed(&member, "Läsare"), renamed(&group, "ada"));
    open().commit(1, &[put(&group), put(&member)]).expect("swaps");
    assert_eq!(loaded(open).roles, [Arc::clone(&member), Arc::clone(&group)]);
    open().commit(2, &[put(&group)]).expect("commits");
    assert_eq!(loaded(open).roles, [Arc::clone(&member), group]);
    let alone = Arc::new(Role { member_of: Default::default(), password: None, ..Role::clone(&member) });
    open().commit(3, &[Change::RemoveRole(16_390), put(&alone)]).expect("commits");
    assert_eq!(loaded(open).roles, [alone]);
}

fn the_secret_is_the_stores_own_and_lasts(open: Open) {
    let secret = open().secret().expect("reads");
    assert_eq!(open().secret().expect("reads"), secret);
    assert_ne!(secret, [0; 32]);
}

fn deliveries_are_kept_with_their_batches(open: Open) {
    let counts = Counts {
        matched: 11,
        gone: 1,
        suppressed: 1,
        withdrawn: 1,
        no_consent: 1,
        no_identifier: 1,
        invalid_identifier: 1,
        shared_identifier: 1,
        no_text: 1,
        held_out: 1,
        deliverable: 2,
    };
    let begun = Delivery {
        id: "00ff".into(),
        audience: 16_385,
        schema: "public".into(),
        name: "\u{e5}".into(),
        run: 7,
        channel: "line".into(),
        state: DeliveryState::Sending,
        error: None,
        counts,
        batches: 2,
        recipients: Some("16385/7-1.parquet".into()),
        reference: None,
        manifest: None,
        started_at: at(1),
        finished_at: None,
        by: "ada".into(),
    };
    let batch = |number, state, finished| Batch {
        number,
        members: 1,
        dropped: 2,
        state,
        accepted: 3,
        sha256: "ab".into(),
        bytes: 4,
        attempts: 5,
        sent_at: at(2),
        finished_at: finished,
        error: Some("cut".into()),
    };
    let put = |delivery: &Delivery| Change::PutDelivery(Box::new(delivery.clone()));
    let put_batch = |batch: &Batch| Change::PutBatch { delivery: "00ff".into(), batch: batch.clone() };
    let mut store = open();
    let [second, first] = [2, 1].map(|number| batch(number, DeliveryState::Sending, None));
    store.commit(0, &[put(&begun), put_batch(&second), put_batch(&first)]).expect("commits");
    drop(store);
    let mut store = open();
    let known = RecordedDelivery { delivery: begun.clone(), batches: vec![first, second.clone()] };
    assert_eq!(store.deliveries().expect("reads"), [known]);
    // What a delivery becomes leaves its batches alone, and the other way round.
    let done = Delivery {
        state: DeliveryState::Failed,
        error: Some("refused".into()),
        reference: Some("42".into()),
        manifest: Some("{}".into()),
        finished_at: Some(at(9)),
        ..begun
    };
    let taken = batch(1, DeliveryState::Delivered, Some(at(8)));
    store.commit(1, &[put(&done)]).expect("commits");
    store.commit(2, &[put_batch(&taken)]).expect("commits");
    let known = RecordedDelivery { delivery: done, batches: vec![taken, second] };
    assert_eq!(store.deliveries().expect("reads"), [known]);
}
