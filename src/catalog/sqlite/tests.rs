//! The SQLite store: what every store does, and what only a file can meet.

use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;

use super::{Home, SqliteStore};
use crate::catalog::Catalog;
use crate::catalog::fixture::{at, schema, view};
use crate::catalog::store::{Change, Store, conformance};
use crate::error::{Error, SqlState};

fn open(root: &Path) -> Result<SqliteStore, Error> {
    SqliteStore::open(Arc::new(Home::open(root)?))
}

/// A folder with a catalog that holds one schema and one view.
fn with_catalog() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let changes = [
        Change::PutSchema(schema(2200, "public")),
        Change::PutRelation(view(16_384, 2200, "a", &[])),
        Change::NextOid(16_385),
    ];
    open(folder.path()).expect("opens").commit(0, &changes).expect("commits");
    folder
}

fn on_file(folder: &tempfile::TempDir, sql: &str) {
    let connection = Connection::open(folder.path().join("catalog.sqlite")).expect("opens");
    connection.execute_batch(sql).expect("runs");
}

#[test]
fn keeps_what_every_store_keeps() {
    conformance::run(|| {
        let folder = tempfile::tempdir().expect("a folder");
        move || Box::new(open(folder.path()).expect("opens")) as Box<dyn Store>
    });
}

#[test]
fn a_commit_is_synced_before_it_returns() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).expect("opens");
    let pragma = |name: &str| -> String {
        let query = format!("SELECT CAST({name} AS TEXT) FROM pragma_{name}");
        store.connection.query_row(&query, [], |row| row.get(0)).expect("a pragma")
    };
    assert_eq!(pragma("journal_mode"), "wal");
    assert_eq!(pragma("synchronous"), "2", "FULL");
    assert_eq!(pragma("foreign_keys"), "1");
    assert_eq!(pragma("user_version"), "5");
}

#[cfg(unix)]
#[test]
fn all_files_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let folder = with_catalog();
    let store = open(folder.path()).expect("opens");
    let mut names = Vec::new();
    for entry in folder.path().read_dir().expect("a folder") {
        let entry = entry.expect("an entry");
        let mode = entry.metadata().expect("there").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.file_name());
        names.push(entry.file_name().into_string().expect("plain"));
    }
    names.sort();
    assert_eq!(names, ["catalog.sqlite", "catalog.sqlite-wal", "lock"]);
    drop(store);
}

#[test]
fn a_home_has_one_server() {
    let folder = with_catalog();
    let first = open(folder.path()).expect("opens");
    let refused = open(folder.path()).expect_err("held");
    assert_eq!(refused.state(), SqlState::ObjectInUse);
    assert!(refused.message().contains(&folder.path().display().to_string()), "{refused}");
    drop(first);
    open(folder.path()).expect("free again");
}

#[test]
fn a_newer_format_is_refused_and_left_alone() {
    let folder = with_catalog();
    on_file(&folder, "PRAGMA user_version = 99");
    let refused = open(folder.path()).expect_err("too new");
    assert_eq!(refused.state(), SqlState::ObjectNotInPrerequisiteState);
    assert_eq!(refused.detail(), Some("It has format 99; this version knows formats up to 5."));
    on_file(&folder, "PRAGMA user_version = 5");
    assert_eq!(open(folder.path()).expect("opens").load().expect("loads").relations.len(), 1);
}

#[test]
fn a_catalog_of_the_first_format_gets_roles_and_keeps_the_rest() {
    let folder = tempfile::tempdir().expect("a folder");
    on_file(&folder, include_str!("format_1.sql"));
    on_file(
        &folder,
        "INSERT INTO schema VALUES (11, 'pg_catalog', 10, NULL), (2200, 'public', 10, 'mine'),
                                   (13183, 'information_schema', 10, NULL), (13900, 'regulars', 10, NULL);
         UPDATE meta SET version = 1;
         PRAGMA application_id = 0x52474C53; PRAGMA user_version = 1;",
    );
    let catalog = Catalog::open_as("boss", Box::new(open(folder.path()).expect("opens")), &[], at(0)).expect("opens");
    let snapshot = catalog.snapshot();
    assert_eq!(snapshot.schema_named("public").expect("there").comment.as_deref(), Some("mine"));
    let roles: Vec<(u32, &str)> = snapshot.roles().map(|role| (role.oid, role.name.as_str())).collect();
    assert_eq!(roles, [(10, "boss"), (13_910, "reader")]);
    let secret = *catalog.secret();
    drop(catalog);
    // Later the configuration's name is not asked any more.
    let catalog = Catalog::open_as("other", Box::new(open(folder.path()).expect("opens")), &[], at(0)).expect("opens");
    assert!(catalog.snapshot().role_named("boss").is_some() && *catalog.secret() == secret);
}

#[test]
fn files_of_others_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    on_file(&folder, "CREATE TABLE theirs (x)");
    let refused = open(folder.path()).expect_err("not ours");
    assert!(refused.message().ends_with("is not a catalog of regulars"), "{refused}");

    std::fs::write(folder.path().join("catalog.sqlite"), "no database, and longer than a header of one ".repeat(50))
        .expect("writable");
    let refused = open(folder.path()).expect_err("not ours");
    assert!(refused.message().ends_with("is not a catalog of regulars"), "{refused}");
    assert_eq!(refused.state(), SqlState::ObjectNotInPrerequisiteState);
}

#[test]
fn impossible_values_are_called_damage() {
    for damage in [
        "UPDATE relation SET created_at_us = 9223372036854775807",
        "DELETE FROM definition",
        "UPDATE meta SET next_oid = -1",
        "DELETE FROM meta",
    ] {
        let folder = with_catalog();
        on_file(&folder, damage);
        let refused = open(folder.path()).expect("opens").load().expect_err(damage);
        assert_eq!(refused.state(), SqlState::DataCorrupted, "{damage}: {refused:?}");
    }
}

#[test]
fn a_commit_that_fails_midway_leaves_nothing() {
    let folder = with_catalog();
    let mut store = open(folder.path()).expect("opens");
    let before = store.load().expect("loads");
    let changes = [
        Change::PutRelation(view(16_385, 2200, "b", &[])),
        Change::RemoveRelation(16_384),
        Change::PutRelation(view(16_386, 2200, "b", &[])),
    ];
    let refused = store.commit(1, &changes).expect_err("a name twice");
    assert_eq!(refused.state(), SqlState::InternalError);
    assert_eq!(store.load().expect("loads"), before);
    drop(store);
    assert_eq!(open(folder.path()).expect("opens").load().expect("loads"), before);
}

#[test]
fn a_full_disk_is_53100_and_passes() {
    let folder = with_catalog();
    let mut store = open(folder.path()).expect("opens");
    let before = store.load().expect("loads");
    let limit = |store: &SqliteStore, pages: u32| {
        store.connection.execute_batch(&format!("PRAGMA max_page_count = {pages}")).expect("a pragma");
    };
    limit(&store, 1);
    let mut large = view(16_385, 2200, "large", &[]);
    Arc::make_mut(&mut large).comment = Some("x".repeat(100_000));
    let changes = [Change::PutRelation(large)];
    for _ in 0..100 {
        let refused = store.commit(1, &changes).expect_err("no space");
        assert_eq!(refused.state(), SqlState::DiskFull);
    }
    assert_eq!(store.load().expect("loads"), before);
    limit(&store, 1_000_000);
    assert_eq!(store.commit(1, &changes).expect("space again"), 2);
}

#[test]
fn the_next_oid_never_goes_back() {
    let folder = with_catalog();
    let mut store = open(folder.path()).expect("opens");
    store.commit(1, &[Change::NextOid(20_000)]).expect("commits");
    store.commit(2, &[Change::NextOid(17_000)]).expect("commits");
    assert_eq!(store.load().expect("loads").next_oid, 20_000);
}
