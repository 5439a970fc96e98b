//! What a draft does and refuses. Messages, details, hints and codes were read off PostgreSQL 15.

use super::*;
use crate::catalog::fixture::{at, column, columns, definition, new_view, table};
use crate::catalog::{Catalog, MemoryStore};
use crate::pg_type::PgType;

/// A draft on a catalog with the table `members`.
fn draft() -> Draft {
    let store = Box::new(MemoryStore::default());
    Catalog::open(store, &[table("members", &["member_id", "city"])], at(0)).expect("opens").begin()
}

fn oid(draft: &Draft, name: &str) -> Oid {
    draft.find(&named(name)).unwrap_or_else(|| panic!("{name} exists")).oid
}

/// A name as one types it, with at most one point.
fn named(name: &str) -> RelationName {
    match name.split_once('.') {
        Some((schema, name)) => RelationName::qualified(schema, name),
        None => RelationName::bare(name),
    }
}

fn names(names: &[&str]) -> Vec<RelationName> {
    names.iter().map(|name| named(name)).collect()
}

/// Creates a view, perhaps in a schema, that reads those named.
fn create(draft: &mut Draft, name: &str, reads: &[&str]) -> Oid {
    let reads: Vec<Oid> = reads.iter().map(|name| oid(draft, name)).collect();
    let RelationName { schema, name } = named(name);
    let schema = draft.snapshot().schema_named(schema.as_deref().unwrap_or("public")).expect("a schema").oid;
    let (oid, notices) =
        draft.create_view(NewView { schema, ..new_view(&name, &reads) }, false, at(1)).expect("created");
    assert_eq!(notices, []);
    oid
}

/// Code, message, detail and hint as psql prints them.
fn told<T: std::fmt::Debug>(result: Result<T>) -> String {
    let error = result.expect_err("a refusal");
    let mut told = format!("{}: {}", error.state(), error.message());
    if let Some(detail) = error.detail() {
        told.push_str(&format!("\nDETAIL:  {detail}"));
    }
    if let Some(hint) = error.hint() {
        told.push_str(&format!("\nHINT:  {hint}"));
    }
    told
}

fn noticed(notices: Result<Vec<Notice>>) -> String {
    let lines = notices.expect("no refusal").into_iter().map(|notice| {
        let detail = notice.detail.map(|detail| format!("\nDETAIL:  {detail}")).unwrap_or_default();
        format!("{}: {}{detail}", notice.state, notice.message)
    });
    lines.collect::<Vec<_>>().join("\n")
}

const LONG: &str = "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggggggggg";
const LONG_NOTICE: &str = "42622: identifier \"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggggggggg\" \
    will be truncated to \"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggg\"";

#[test]
fn create_schema() {
    let mut draft = draft();
    assert_eq!(noticed(draft.create_schema("s", false)), "");
    assert_eq!(told(draft.create_schema("s", false)), "42P06: schema \"s\" already exists");
    assert_eq!(noticed(draft.create_schema("s", true)), "42P06: schema \"s\" already exists, skipping");
    assert_eq!(told(draft.create_schema("public", false)), "42P06: schema \"public\" already exists");
    assert_eq!(
        told(draft.create_schema("pg_foo", false)),
        "42939: unacceptable schema name \"pg_foo\"\nDETAIL:  The prefix \"pg_\" is reserved for system schemas."
    );
    assert_eq!(noticed(draft.create_schema(LONG, false)), LONG_NOTICE);
    assert_eq!(draft.snapshot().schema_named(&LONG[..63]).expect("cut").oid, FIRST_USER_OID + 2);
    assert_eq!(told(draft.create_schema("", false)), "42601: zero-length delimited identifier");
}

#[test]
fn drop_schema() {
    let mut draft = draft();
    assert_eq!(told(draft.drop_schema("nope", false, false)), "3F000: schema \"nope\" does not exist");
    assert_eq!(
        noticed(draft.drop_schemas(&["nope", "nope2"], true, false)),
        "00000: schema \"nope\" does not exist, skipping\n00000: schema \"nope2\" does not exist, skipping"
    );
    assert_eq!(
        told(draft.drop_schema("pg_catalog", true, true)),
        "2BP01: cannot drop schema pg_catalog because it is required by the database system"
    );
    for name in ["public", "information_schema", "regulars"] {
        assert!(told(draft.drop_schema(name, false, true)).starts_with("2BP01: "));
    }
    draft.create_schema("s", false).expect("created");
    assert_eq!(noticed(draft.drop_schema("s", false, false)), "");
    assert!(draft.snapshot().schema_named("s").is_none());
    draft.create_schema("s9", false).expect("created");
    assert_eq!(noticed(draft.drop_schemas(&["s9", "s9"], false, false)), "");
}

#[test]
fn drop_schema_with_content() {
    let mut draft = draft();
    create(&mut draft, "v", &["members"]);
    draft.create_schema("s", false).expect("created");
    create(&mut draft, "s.x", &["v"]);
    create(&mut draft, "s.y", &["s.x"]);
    create(&mut draft, "z", &["s.x"]);
    assert_eq!(
        told(draft.drop_schema("s", false, false)),
        "2BP01: cannot drop schema s because other objects depend on it\n\
         DETAIL:  view s.x depends on schema s\n\
         view z depends on view s.x\n\
         view s.y depends on schema s\n\
         HINT:  Use DROP ... CASCADE to drop the dependent objects too."
    );
    let savepoint = draft.clone();
    assert_eq!(
        noticed(draft.drop_schema("s", false, true)),
        "00000: drop cascades to 3 other objects\n\
         DETAIL:  drop cascades to view s.x\n\
         drop cascades to view z\n\
         drop cascades to view s.y"
    );
    assert!(draft.find(&named("z")).is_none());
    assert!(draft.find(&named("v")).is_some());
    assert!(savepoint.find(&named("z")).is_some(), "a savepoint keeps what it saw");
}

#[test]
fn drop_schemas_together() {
    let mut draft = draft();
    draft.create_schema("s1", false).expect("created");
    draft.create_schema("s2", false).expect("created");
    create(&mut draft, "s1.a", &[]);
    create(&mut draft, "s2.b", &["s1.a"]);
    create(&mut draft, "s2.c", &["s1.a"]);
    create(&mut draft, "d", &["s2.b"]);
    let refused = |lines: &str| {
        format!(
            "2BP01: cannot drop desired object(s) because other objects depend on them\nDETAIL:  {lines}\n\
             HINT:  Use DROP ... CASCADE to drop the dependent objects too."
        )
    };
    assert_eq!(
        told(draft.drop_schemas(&["s1", "s2"], false, false)),
        refused(
            "view s1.a depends on schema s1\nview s2.b depends on view s1.a\nview d depends on view s2.b\nview s2.c depends on view s1.a"
        )
    );
    assert_eq!(
        told(draft.drop_schemas(&["s2", "s1"], false, false)),
        refused(
            "view s1.a depends on schema s1\nview s2.b depends on schema s2\nview d depends on view s2.b\nview s2.c depends on schema s2"
        )
    );
    assert_eq!(
        told(draft.drop_views(&names(&["s2.b", "s1.a"]), false, false)),
        refused("view s2.c depends on view s1.a\nview d depends on view s2.b")
    );
    assert_eq!(
        told(draft.drop_views(&names(&["s1.a", "s2.b"]), false, false)),
        refused("view d depends on view s2.b\nview s2.c depends on view s1.a")
    );
    assert_eq!(
        told(draft.drop_views(&names(&["s1.a", "s1.a"]), false, false)),
        refused("view s2.b depends on view s1.a\nview d depends on view s2.b\nview s2.c depends on view s1.a")
    );
    assert_eq!(told(draft.drop_schemas(&["s1", "nope"], false, false)), "3F000: schema \"nope\" does not exist");

    draft.set_search_path(vec![draft.snapshot().schema_named("s2").expect("there").oid]);
    assert_eq!(
        told(draft.drop_views(&names(&["s1.a"]), false, false)),
        "2BP01: cannot drop view s1.a because other objects depend on it\n\
         DETAIL:  view b depends on view s1.a\n\
         view public.d depends on view b\n\
         view c depends on view s1.a\n\
         HINT:  Use DROP ... CASCADE to drop the dependent objects too."
    );
}

/// The views of the session that was run on PostgreSQL: v ← v2 ← v3, v ← "V four", v ← s.x ← s.y, s.x ← z.
fn family() -> Draft {
    let mut draft = draft();
    create(&mut draft, "v", &["members"]);
    create(&mut draft, "v2", &["v"]);
    create(&mut draft, "v3", &["v2"]);
    create(&mut draft, "V four", &["v"]);
    draft.create_schema("s", false).expect("created");
    create(&mut draft, "s.x", &["v"]);
    create(&mut draft, "s.y", &["s.x"]);
    create(&mut draft, "z", &["s.x"]);
    draft
}

#[test]
fn drop_view_that_is_read() {
    let mut draft = family();
    assert_eq!(
        told(draft.drop_views(&names(&["v"]), false, false)),
        "2BP01: cannot drop view v because other objects depend on it\n\
         DETAIL:  view v2 depends on view v\n\
         view v3 depends on view v2\n\
         view \"V four\" depends on view v\n\
         view s.x depends on view v\n\
         view s.y depends on view s.x\n\
         view z depends on view s.x\n\
         HINT:  Use DROP ... CASCADE to drop the dependent objects too."
    );
    assert_eq!(
        told(draft.drop_views(&names(&["v", "v2"]), false, false)),
        "2BP01: cannot drop desired object(s) because other objects depend on them\n\
         DETAIL:  view v3 depends on view v2\n\
         view \"V four\" depends on view v\n\
         view s.x depends on view v\n\
         view s.y depends on view s.x\n\
         view z depends on view s.x\n\
         HINT:  Use DROP ... CASCADE to drop the dependent objects too."
    );
    let before = draft.snapshot().clone();
    assert_eq!(told(draft.drop_views(&names(&["v3", "nope"]), false, false)), "42P01: view \"nope\" does not exist");
    assert_eq!(*draft.snapshot(), before, "a refusal changes nothing");

    let mut cascade = draft.clone();
    assert_eq!(
        noticed(cascade.drop_views(&names(&["v"]), false, true)),
        "00000: drop cascades to 6 other objects\n\
         DETAIL:  drop cascades to view v2\n\
         drop cascades to view v3\n\
         drop cascades to view \"V four\"\n\
         drop cascades to view s.x\n\
         drop cascades to view s.y\n\
         drop cascades to view z"
    );
    assert_eq!(cascade.snapshot().relations().count(), 1);
    let mut one = draft.clone();
    assert_eq!(noticed(one.drop_views(&names(&["v2"]), false, true)), "00000: drop cascades to view v3");
    assert_eq!(noticed(draft.drop_views(&names(&["v3"]), false, true)), "");
}

#[test]
fn drop_view_together_with_its_readers_needs_no_cascade() {
    let mut draft = family();
    assert_eq!(noticed(draft.drop_views(&names(&["v2", "v3"]), false, false)), "");
    assert!(draft.find(&named("v2")).is_none());
}

#[test]
fn drop_view_that_is_missing_or_none() {
    let mut draft = family();
    assert_eq!(told(draft.drop_views(&names(&["nope"]), false, false)), "42P01: view \"nope\" does not exist");
    assert_eq!(told(draft.drop_views(&names(&["nope.x"]), false, false)), "3F000: schema \"nope\" does not exist");
    assert_eq!(
        noticed(draft.drop_views(&names(&["nope", "nope.x", "s.nope"]), true, false)),
        "00000: view \"nope\" does not exist, skipping\n\
         00000: schema \"nope\" does not exist, skipping\n\
         00000: view \"nope\" does not exist, skipping"
    );
    assert_eq!(told(draft.drop_views(&names(&["members"]), true, true)), "42809: \"members\" is not a view");
}

#[test]
fn only_a_hundred_dependents_are_listed() {
    let mut draft = draft();
    create(&mut draft, "many", &[]);
    for number in 1..=103 {
        create(&mut draft, &format!("many{number}"), &["many"]);
    }
    let refused = draft.clone().drop_views(&names(&["many"]), false, false).expect_err("read");
    let detail = refused.detail().expect("a detail");
    assert_eq!(detail.lines().count(), 101);
    assert!(detail.ends_with("view many100 depends on view many\nand 3 other objects"), "{detail}");
    let notices = draft.drop_views(&names(&["many"]), false, true).expect("dropped");
    assert_eq!(notices[0].message, "drop cascades to 103 other objects");
}

#[test]
fn tables_cannot_be_dropped() {
    let mut draft = family();
    assert_eq!(told(draft.drop_tables(&names(&["nosuch"]), false)), "42P01: table \"nosuch\" does not exist");
    assert_eq!(
        noticed(draft.drop_tables(&names(&["nosuch"]), true)),
        "00000: table \"nosuch\" does not exist, skipping"
    );
    assert_eq!(
        told(draft.drop_tables(&names(&["v"]), false)),
        "42809: \"v\" is not a table\nHINT:  Use DROP VIEW to remove a view."
    );
    assert!(
        told(draft.drop_tables(&names(&["members"]), false)).starts_with("0A000: table \"members\" cannot be dropped")
    );
    let members = oid(&draft, "members");
    let refused = told(draft.rename_relation(members, "clients", MustBe::AnyRelation));
    assert!(refused.starts_with("0A000: table \"members\" cannot be renamed"), "{refused}");
}

#[test]
fn create_view() {
    let mut draft = draft();
    create(&mut draft, "v", &["members"]);
    let again = |draft: &mut Draft, name: &str| draft.create_view(new_view(name, &[]), false, at(2));
    assert_eq!(told(again(&mut draft, "v")), "42P07: relation \"v\" already exists");
    assert_eq!(told(again(&mut draft, "members")), "42P07: relation \"members\" already exists");
    create(&mut draft, "Quo\"te", &[]);
    assert_eq!(told(again(&mut draft, "Quo\"te")), "42P07: relation \"Quo\"te\" already exists");
    assert_eq!(told(draft.create_view(new_view("members", &[]), true, at(2))), "42809: \"members\" is not a view");
    let twice = NewView { columns: columns(&["a", "a"]), ..new_view("dup", &[]) };
    assert_eq!(told(draft.create_view(twice, false, at(2))), "42701: column \"a\" specified more than once");
    let (_, notices) = draft.create_view(new_view(LONG, &[]), false, at(2)).expect("created");
    assert_eq!(noticed(Ok(notices)), LONG_NOTICE);
    // Whole characters only: the second byte of the last one would be the 64th.
    let letters = format!("{}å", "x".repeat(62));
    draft.create_view(new_view(&letters, &[]), false, at(2)).expect("created");
    assert!(draft.find(&RelationName::bare("x".repeat(62))).is_some());

    let foreign = |schema| NewView { schema, ..new_view("foo", &[]) };
    assert_eq!(
        told(draft.create_view(foreign(PG_CATALOG_OID), false, at(2))),
        "42501: permission denied to create \"pg_catalog.foo\"\nDETAIL:  System catalog modifications are currently disallowed."
    );
    assert_eq!(
        told(draft.create_view(foreign(INFORMATION_SCHEMA_OID), false, at(2))),
        "42501: permission denied for schema information_schema"
    );
    assert_eq!(
        told(draft.create_view(foreign(REGULARS_OID), false, at(2))),
        "42501: permission denied for schema regulars"
    );
}

#[test]
fn replace_view_keeps_what_others_rely_on() {
    let mut draft = draft();
    let mixed =
        |names: &[(&str, PgType)]| names.iter().map(|(name, pg_type)| column(name, *pg_type)).collect::<Vec<_>>();
    let replaced = |draft: &mut Draft, columns: Vec<Column>| {
        draft.create_view(NewView { columns, ..new_view("v", &[]) }, true, at(9)).map(|(oid, _)| oid)
    };
    let oid = replaced(&mut draft, mixed(&[("a", PgType::INT4), ("b", PgType::TEXT)])).expect("created");
    assert_eq!(told(replaced(&mut draft, mixed(&[("a", PgType::INT4)]))), "42P16: cannot drop columns from view");
    assert_eq!(
        told(replaced(&mut draft, mixed(&[("q", PgType::INT4), ("b", PgType::TEXT)]))),
        "42P16: cannot change name of view column \"a\" to \"q\"\n\
         HINT:  Use ALTER VIEW ... RENAME COLUMN ... to change name of view column instead."
    );
    assert_eq!(
        told(replaced(&mut draft, mixed(&[("a", PgType::TEXT), ("b", PgType::TEXT)]))),
        "42P16: cannot change data type of view column \"a\" from integer to text"
    );
    let varchar = PgType { oid: 1043, typmod: 14 };
    assert_eq!(
        told(replaced(&mut draft, mixed(&[("a", PgType::INT4), ("b", varchar)]))),
        "42P16: cannot change data type of view column \"b\" from text to character varying(10)"
    );
    assert_eq!(
        told(replaced(&mut draft, mixed(&[("a", PgType::INT4), ("b", PgType::TEXT), ("a", PgType::INT4)]))),
        "42701: column \"a\" of relation \"v\" already exists"
    );
    draft.comment_on(oid, Some("of the view".into())).expect("commented");
    draft.set_column_comment(oid, "a", Some("of a".into())).expect("commented");
    let more = mixed(&[("a", PgType::INT4), ("b", PgType::TEXT), ("c", PgType::numeric(10, 2))]);
    assert_eq!(replaced(&mut draft, more).expect("replaced"), oid);
    let view = draft.snapshot().relation(oid).expect("there");
    assert_eq!(view.comment.as_deref(), Some("of the view"));
    assert_eq!(view.columns[0].comment.as_deref(), Some("of a"));
    assert_eq!(view.columns.len(), 3);
    assert_eq!((view.created_at, view.replaced_at), (at(9), Some(at(9))));
    assert_eq!(
        told(replaced(&mut draft, mixed(&[("a", PgType::INT4), ("b", PgType::TEXT), ("c", PgType::NUMERIC)]))),
        "42P16: cannot change data type of view column \"c\" from numeric(10,2) to numeric"
    );
}

#[test]
fn a_view_may_not_come_to_read_itself() {
    let mut draft = family();
    let replace = |draft: &mut Draft, reads: &[&str]| {
        let reads: Vec<Oid> = reads.iter().map(|name| oid(draft, name)).collect();
        draft.create_view(new_view("v", &reads), true, at(9))
    };
    assert_eq!(
        told(replace(&mut draft, &["members", "v3"])),
        "42P17: infinite recursion detected in rules for relation \"v\"\n\
         DETAIL:  View v reads view v3, which reads view v2, which reads view v."
    );
    assert_eq!(
        told(replace(&mut draft, &["v"])),
        "42P17: infinite recursion detected in rules for relation \"v\"\nDETAIL:  View v reads view v."
    );
    replace(&mut draft, &["members"]).expect("no circle");
}

#[test]
fn rename() {
    let mut draft = family();
    let (v, members) = (oid(&draft, "v"), oid(&draft, "members"));
    let told_of = |draft: &mut Draft, oid, name| told(draft.rename_relation(oid, name, MustBe::View));
    assert_eq!(told_of(&mut draft, v, "v2"), "42P07: relation \"v2\" already exists");
    assert_eq!(told_of(&mut draft, v, "v"), "42P07: relation \"v\" already exists");
    assert_eq!(told_of(&mut draft, members, "m2"), "42809: \"members\" is not a view");
    assert_eq!(noticed(draft.rename_relation(v, LONG, MustBe::AnyRelation)), LONG_NOTICE);
    assert_eq!(oid(&draft, &LONG[..63]), v);
    assert_eq!(oid(&draft, LONG), v, "a long name is found as it was cut");
    assert!(draft.find(&named("v")).is_none());
    assert_eq!(draft.snapshot().readers(v).len(), 3);
    create(&mut draft, "v", &[]);
}

#[test]
fn comments() {
    let mut draft = family();
    let v = oid(&draft, "v");
    let comment = |draft: &Draft| draft.snapshot().relation(v).expect("there").comment.clone();
    draft.comment_on(v, Some("Ö".into())).expect("commented");
    assert_eq!(comment(&draft).as_deref(), Some("Ö"));
    draft.comment_on(v, Some(String::new())).expect("commented");
    assert_eq!(comment(&draft), None);
    assert_eq!(
        told(draft.set_column_comment(v, "nope", None)),
        "42703: column \"nope\" of relation \"v\" does not exist"
    );
    assert_eq!(told(draft.comment_on_schema("nope", None)), "3F000: schema \"nope\" does not exist");
    draft.comment_on_schema("pg_catalog", Some("x".into())).expect("commented");
    assert_eq!(told(draft.require(v, MustBe::Table).map(drop)), "42809: \"v\" is not a table");
    assert_eq!(told(draft.require(99, MustBe::Table).map(drop)), "42P01: relation with OID 99 does not exist");
}

#[test]
fn a_draft_that_came_back_to_its_base_has_not_changed() {
    let mut draft = draft();
    assert!(!draft.is_changed());
    let version = draft.snapshot().version();
    draft.create_schema("s", false).expect("created");
    assert!(draft.is_changed());
    assert_ne!(draft.snapshot().version(), version);
    draft.drop_schema("s", false, false).expect("dropped");
    assert!(!draft.is_changed());
    assert_ne!(draft.snapshot().version(), version, "never the number of other content");
}

#[test]
fn names_planned_against_another_snapshot_are_refused() {
    let mut draft = draft();
    let stale = NewView { definition: definition(&[16_999]), ..new_view("v", &[]) };
    assert_eq!(told(draft.create_view(stale, false, at(1))), "42P01: relation with OID 16999 does not exist");
    let system = NewView { definition: definition(&[1259]), ..new_view("v", &[]) };
    draft.create_view(system, false, at(1)).expect("system relations may be read");
}
