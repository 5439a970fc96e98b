//! Every query that psql sends for its backslash commands can be run, and says what is there.

use std::path::PathBuf;

use super::world::ask;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/slt/psql")
}

/// The queries of one command, in the order in which psql sends them.
fn queries(file: &str) -> Vec<String> {
    let text = std::fs::read_to_string(folder().join(file)).unwrap();
    let text = text.split_once('\n').unwrap().1;
    text.split("\n;\n").map(str::trim).filter(|query| !query.is_empty()).map(str::to_owned).collect()
}

#[tokio::test]
async fn every_query_of_psql_runs() {
    let mut files: Vec<_> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".sql"))
        .collect();
    files.sort();
    assert!(files.len() > 50, "only {} files", files.len());
    let mut failures = Vec::new();
    for file in files {
        for (number, query) in queries(&file).iter().enumerate() {
            if let Err(error) = ask(query).await {
                failures.push(format!("{file} query {}: {error}\n{query}", number + 1));
            }
        }
    }
    assert!(failures.is_empty(), "{} failures:\n\n{}", failures.len(), failures.join("\n\n"));
}

/// The rows of one query of a command, cells joined by `|`.
async fn lines(file: &str, query: usize) -> Vec<String> {
    let query = &queries(file)[query - 1];
    ask(query).await.unwrap_or_else(|error| panic!("{error}\n{query}")).lines()
}

#[tokio::test]
async fn relations_are_listed() {
    let all = ["public|lunch|view|anna", "public|members|table|anna", "public|purchases|table|anna"];
    assert_eq!(lines("d.sql", 1).await, all);
    assert_eq!(lines("dt.sql", 1).await, all[1..]);
    assert_eq!(lines("dv.sql", 1).await, all[..1]);
    assert_eq!(lines("dm.sql", 1).await, [""; 0]);
    assert_eq!(lines("dv_plus.sql", 1).await, ["public|lunch|view|anna|permanent|0 bytes|Lunch guests"]);
    assert_eq!(lines("dt_plus.sql", 1).await[0], "public|members|table|anna|permanent|heap|20 kB|∅");
    let system = lines("d_upper_s.sql", 1).await;
    assert!(system.contains(&"pg_catalog|pg_class|table|anna".to_owned()), "{system:?}");
    assert!(system.contains(&"pg_catalog|pg_tables|view|anna".to_owned()), "{system:?}");
}

#[tokio::test]
async fn a_table_is_described() {
    assert_eq!(lines("d_members.sql", 1).await, ["16384|public|members"]);
    // checks, kind, index, rules, triggers, row security twice, OIDs, partition, '', tablespace, type, …
    assert_eq!(lines("d_members.sql", 2).await, ["0|r|false|false|false|false|false|false|false||0||p|d|heap"]);
    assert_eq!(
        lines("d_members.sql", 3).await,
        [
            "member_id|bigint|∅|false|∅||",
            "name|text|∅|false|∅||",
            "birthday|date|∅|false|∅||",
            "balance|numeric(18,2)|∅|false|∅||",
            "joined|timestamp with time zone|∅|false|∅||",
        ]
    );
    for nothing in 4..=8 {
        assert_eq!(lines("d_members.sql", nothing).await, [""; 0], "query {nothing}");
    }
}

#[tokio::test]
async fn a_view_is_described_with_its_comments_and_definition() {
    assert_eq!(lines("d_plus_lunch.sql", 3).await, ["member_id|bigint|∅|false|∅|||p|who", "name|text|∅|false|∅|||x|∅"]);
    assert_eq!(
        lines("d_plus_lunch.sql", 4).await,
        ["SELECT m.member_id, m.name FROM members m JOIN purchases p ON p.member_id = m.member_id;"]
    );
    assert_eq!(lines("d_plus_lunch.sql", 5).await, [""; 0]);
    assert_eq!(lines("sv_lunch.sql", 1).await, ["16393"]);
    let shown = lines("sv_lunch.sql", 2).await;
    assert!(shown[0].starts_with("public|lunch|v|SELECT m.member_id"), "{shown:?}");
    // Outside of the search path, and the author's own semicolon is not doubled.
    assert_eq!(
        ask("SELECT pg_get_viewdef('crm.gold'::regclass), 'crm.gold'::regclass::text").await.unwrap().lines(),
        ["SELECT * FROM lunch;|crm.gold"]
    );
}

#[tokio::test]
async fn a_system_relation_is_described() {
    assert_eq!(lines("d_pg_class.sql", 1).await, ["1259|pg_catalog|pg_class"]);
    let columns = lines("d_pg_class.sql", 3).await;
    assert_eq!(columns.len(), 33);
    assert_eq!(columns[0], "oid|oid|∅|true|∅||");
    assert_eq!(columns[1], "relname|name|∅|true|∅||");
    assert_eq!(columns[30], "relacl|aclitem[]|∅|false|∅||");
}

#[tokio::test]
async fn schemas_databases_and_roles_are_listed() {
    assert_eq!(lines("dn.sql", 1).await, ["crm|anna", "public|anna", "regulars|anna"]);
    assert_eq!(
        lines("dn_plus.sql", 1).await,
        ["crm|anna|∅|∅", "public|anna|∅|standard public schema", "regulars|anna|∅|∅"]
    );
    assert_eq!(lines("l.sql", 1).await, ["regulars|anna|UTF8|C|C.UTF-8|∅|libc|∅"]);
    assert_eq!(lines("l_plus.sql", 1).await, ["regulars|anna|UTF8|C|C.UTF-8|∅|libc|∅|20 kB|pg_default|∅"]);
    assert_eq!(lines("du.sql", 1).await, ["anna|true|true|false|false|true|-1|∅|[]|false|false"]);
    assert_eq!(
        lines("dp.sql", 1).await,
        ["public|lunch|view|∅||", "public|members|table|∅||", "public|purchases|table|∅||"]
    );
}

#[tokio::test]
async fn functions_are_described() {
    assert_eq!(lines("df.sql", 1).await, [""; 0]);
    assert_eq!(
        lines("df_pg_get_viewdef.sql", 1).await,
        [
            "pg_catalog|pg_get_viewdef|text|oid|func",
            "pg_catalog|pg_get_viewdef|text|oid, boolean|func",
            "pg_catalog|pg_get_viewdef|text|oid, integer|func",
            "pg_catalog|pg_get_viewdef|text|text|func",
            "pg_catalog|pg_get_viewdef|text|text, boolean|func",
        ]
    );
}

#[tokio::test]
async fn names_are_completed() {
    assert_eq!(lines("tab_completion.sql", 1).await, ["members|∅"]);
    assert_eq!(lines("tab_completion.sql", 4).await, ["lunch|∅"]);
    let mut after_from = lines("tab_completion.sql", 3).await;
    after_from.sort();
    assert_eq!(
        after_from,
        ["lunch|∅", "members|∅", "purchases|∅", "∅|crm", "∅|information_schema", "∅|public", "∅|regulars"]
    );
}
