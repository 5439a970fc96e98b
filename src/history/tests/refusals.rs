//! What stops a start, word for word.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int64Array, StringArray};

use super::{Asked, instants, write};

fn numbers(values: &[i64]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

fn words(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn write_lines(folder: &Path) {
    write(
        &folder.join("lines.parquet"),
        vec![
            ("purchase_id", numbers(&[1, 2])),
            ("member_id", numbers(&[10, 11])),
            ("product_id", numbers(&[5, 5])),
            ("quantity", numbers(&[1, 1])),
            ("amount", numbers(&[3, 4])),
            ("purchased_at", instants(&["2026-06-01 12:00", "2026-06-02 12:00"])),
            ("till", words(&["a", "b"])),
            ("open", Arc::new(BooleanArray::from(vec![true, false]))),
        ],
    );
}

/// State, then message, detail and hint on a line each; the folder's own path is left out.
async fn refusal(config: &str, folder: &Path) -> String {
    let error = Asked::open(config, folder).await.err().unwrap_or_else(|| panic!("accepted: {config}"));
    let text = format!("{} {error}", error.state().code());
    text.replace(&folder.canonicalize().unwrap().display().to_string(), "…").replace(&folder.display().to_string(), "…")
}

const COLUMNS: &str = "purchase_id, member_id, product_id, quantity, amount, purchased_at, till, open";

#[tokio::test]
async fn columns_that_are_missing_or_unusable() {
    let folder = tempfile::tempdir().unwrap();
    write_lines(folder.path());
    let lines = "[history.purchase_lines]\npath = \"lines.parquet\"";
    assert_eq!(
        refusal(&format!("{lines}\ncolumns = {{ purchase_id = \"basket_id\" }}"), folder.path()).await,
        format!(
            "F0000 column \"basket_id\" of table \"purchase_lines\" is not in its files\n\
             detail: File \"…/lines.parquet\" has the columns: {COLUMNS}.\n\
             hint: [history.purchase_lines] columns = {{ purchase_id = \"NAME IN THE FILE\" }}"
        )
    );
    assert_eq!(
        refusal(&format!("{lines}\n[history.purchases]\npath = \"lines.parquet\""), folder.path()).await,
        format!(
            "F0000 table \"purchases\" has no column \"store_id\"\n\
             detail: File \"…/lines.parquet\" has the columns: {COLUMNS}. Needed is store_id, an identifier: integer or text.\n\
             hint: [history.purchases] columns = {{ store_id = \"NAME IN THE FILE\" }}"
        )
    );
    assert_eq!(
        refusal(&format!("{lines}\ncolumns = {{ amount = \"till\" }}"), folder.path()).await,
        "F0000 column \"amount\" of table \"purchase_lines\" has a type that cannot be used\n\
         detail: File \"…/lines.parquet\" has column \"till\" as text. Needed is an amount of money: numeric, integer or floating point.\n\
         hint: [history.purchase_lines] columns = { amount = \"NAME IN THE FILE\" }"
    );
    assert_eq!(
        refusal(&format!("{lines}\ncolumns = {{ member_id = \"open\" }}"), folder.path()).await,
        "F0000 column \"member_id\" of table \"purchase_lines\" has a type that cannot be used\n\
         detail: File \"…/lines.parquet\" has column \"open\" as boolean. Needed is an identifier: integer or text.\n\
         hint: [history.purchase_lines] columns = { member_id = \"NAME IN THE FILE\" }"
    );
    assert_eq!(
        refusal(&format!("{lines}\nvalues = {{ amount = {{ a = \"b\" }} }}"), folder.path()).await,
        "F0000 values of column \"amount\" of table \"purchase_lines\" cannot be mapped\n\
         detail: Values are mapped for text columns that the files have.\n\
         hint: [history.purchase_lines] values = { status = { SALE = \"completed\" } }"
    );
}

#[tokio::test]
async fn paths_and_settings() {
    let folder = tempfile::tempdir().unwrap();
    write_lines(folder.path());
    std::fs::create_dir(folder.path().join("empty")).unwrap();
    let lines = "[history.purchase_lines]\npath = \"lines.parquet\"";
    for (config, refused) in [
        (
            "[history.purchase_lines]\npath = \"gone.parquet\"".to_owned(),
            "58P01 path \"gone.parquet\" does not exist\n\
             detail: Looked for \"…/gone.parquet\"; relative paths count from the configuration file.\n\
             hint: [history.purchase_lines] path = \"…\" names a file, a folder, a glob or a URL.",
        ),
        (
            "[history.purchase_lines]\npath = \"empty\"".to_owned(),
            "58P01 path \"empty\" of table \"purchase_lines\" holds no whole Parquet file\n\
             detail: Folders are read with all files below them that end in .parquet; names that begin with . or _ are left out.\n\
             hint: [history.purchase_lines] path = \"…\" names a file, a folder, a glob or a URL.",
        ),
        (
            "[history]\npath = \"empty\"".to_owned(),
            "F0000 history has no purchases\n\
             detail: \"empty\" holds neither purchases nor purchase_lines, as NAME.parquet or a folder NAME.\n\
             hint: [history.purchase_lines] path = \"…\" names the files with the lines of receipts.",
        ),
        (
            format!("[history]\ntime_zone = \"Europe/Stokholm\"\n{lines}"),
            "F0000 time zone \"Europe/Stokholm\" is not known\n\
             detail: It stands in [history] time_zone.\n\
             hint: Write an IANA name, such as 'Europe/Stockholm' or 'America/New_York'.",
        ),
        (
            format!("[history]\ntime_zone = \"stockholm\"\n{lines}"),
            "F0000 time zone \"stockholm\" is not known\n\
             detail: It stands in [history] time_zone.\n\
             hint: Write 'Europe/Stockholm'.",
        ),
        (
            format!("[history]\nday_starts_at = \"four\"\n{lines}"),
            "F0000 start of the business day \"four\" cannot be understood\n\
             hint: [history] day_starts_at = \"04:00\" is a time of day.",
        ),
        (
            format!("{lines}\n[tables.members]\npath = \"lines.parquet\""),
            "F0000 table \"members\" cannot be one of the user's own\n\
             detail: The name belongs to the contract of the history.\n\
             hint: Write [history.members] instead of [tables.members].",
        ),
        (
            "[history.purchase_lines]\npath = \"nowhere://bucket/lines\"".to_owned(),
            "F0000 path \"nowhere://bucket/lines\" cannot be used",
        ),
    ] {
        let refusal = refusal(&config, folder.path()).await;
        assert!(refusal.starts_with(refused), "{refusal}\ninstead of\n{refused}");
    }
}

#[tokio::test]
async fn keys_that_repeat_unless_the_first_is_wanted() {
    let folder = tempfile::tempdir().unwrap();
    write_lines(folder.path());
    for (file, names) in [("b", ["late", "other"]), ("a", ["early", "third"])] {
        write(
            &folder.path().join(format!("members/{file}.parquet")),
            vec![("member_id", words(&["10", if file == "a" { "12" } else { "13" }])), ("nick", words(&names))],
        );
    }
    let config = "[history]\nduplicates = \"error\"\n[history.purchase_lines]\npath = \"lines.parquet\"\n[history.members]\npath = \"members\"";
    assert_eq!(
        refusal(config, folder.path()).await,
        "23505 table \"members\" repeats a key\n\
         detail: Key (member_id)=(10) is duplicated: 2 rows have it.\n\
         hint: [history] duplicates = \"first\" keeps the first row of each key."
    );
    let asked = Asked::open(&config.replace("error", "first"), folder.path()).await.unwrap();
    // Text in the file of members, numbers in the receipts, which decide.
    assert_eq!(
        asked.rows("SELECT member_id, nick FROM members ORDER BY 1").await,
        ["10|early", "11|", "12|third", "13|other"]
    );
    assert_eq!(
        asked.history.warnings(),
        ["table \"members\": 1 rows repeat a member_id and are not shown (duplicates = \"first\")"]
    );
}

/// Whole numbers near each other, far from each other, and text are told apart in different ways.
#[tokio::test]
async fn keys_of_all_kinds_are_told_apart() {
    let far = 1_000_000_000_000;
    let kinds: [(&str, ArrayRef, Option<&str>); 6] = [
        ("near", numbers(&[-3, 70, 1, 2, 64, 65]), None),
        ("near and repeated", numbers(&[-3, 64, 1, 2, 64, -3]), Some("(member_id)=(-3)")),
        ("far", numbers(&[far, -far, 0, 1, 2, 3]), None),
        ("far and repeated", numbers(&[far, -far, 0, 1, far, 3]), Some("(member_id)=(1000000000000)")),
        ("the whole range", numbers(&[i64::MAX, i64::MIN, 0, 1, 2, 3]), None),
        ("text", words(&["a", "b", "c", "d", "e", "a"]), Some("(member_id)=(a)")),
    ];
    for (kind, keys, repeated) in kinds {
        let folder = tempfile::tempdir().unwrap();
        write(&folder.path().join("members.parquet"), vec![("member_id", Arc::clone(&keys))]);
        let receipts = vec![
            ("purchase_id", numbers(&[1, 2, 3, 4, 5, 6])),
            ("member_id", keys),
            ("store_id", numbers(&[1; 6])),
            ("purchased_at", super::instants(&["2026-06-01 12:00"; 6])),
        ];
        write(&folder.path().join("purchases.parquet"), receipts);
        match repeated {
            None => drop(Asked::open("[history]\npath = \".\"", folder.path()).await.unwrap()),
            Some(key) => {
                let refusal = refusal("[history]\npath = \".\"", folder.path()).await;
                assert!(refusal.starts_with("23505 ") && refusal.contains(key), "{kind}: {refusal}");
            }
        }
    }
}

#[tokio::test]
async fn stores_in_a_zone_that_does_not_exist() {
    let folder = tempfile::tempdir().unwrap();
    write_lines(folder.path());
    write(
        &folder.path().join("stores.parquet"),
        vec![("store_id", numbers(&[1])), ("time_zone", words(&["Mars/Olympus"]))],
    );
    let config = "[history.purchase_lines]\npath = \"lines.parquet\"\n[history.stores]\npath = \"stores.parquet\"";
    assert_eq!(
        refusal(config, folder.path()).await,
        "XX001 time zone \"Mars/Olympus\" of store \"1\" is not known\n\
         detail: Column time_zone of table \"stores\" holds names of the IANA time zone database.\n\
         hint: Write an IANA name, such as 'Europe/Stockholm' or 'America/New_York'."
    );
}

#[tokio::test]
async fn levels_and_parts_of_the_day_that_contradict_each_other() {
    let folder = tempfile::tempdir().unwrap();
    write_lines(folder.path());
    let at = |name: &str| folder.path().join(name);
    write(&at("levels.parquet"), vec![("level", words(&["gold", "silver"])), ("rank", numbers(&[2, 2]))]);
    let lines = "[history.purchase_lines]\npath = \"lines.parquet\"";
    let config = format!("{lines}\n[history.loyalty_levels]\npath = \"levels.parquet\"");
    assert_eq!(
        refusal(&config, folder.path()).await,
        "22023 loyalty levels \"gold\" and \"silver\" have the same rank\nhint: Give each level a rank of its own."
    );

    let parts = |name: &str, columns: [&str; 3], times: [&[&str]; 2]| {
        let names = words(&["day", "night"]);
        write(&at(name), columns.into_iter().zip([names, words(times[0]), words(times[1])]).collect());
        format!("{lines}\n[tables.day_parts]\npath = \"{name}\"")
    };
    let columns = ["day_part", "from_time", "to_time"];
    let config = parts("gap.parquet", columns, [&["06:00", "21:00"], &["20:00", "06:00"]]);
    assert_eq!(
        refusal(&config, folder.path()).await,
        "22023 day parts \"day\" and \"night\" do not meet\n\
         detail: \"day\" ends at 20:00, \"night\" begins at 21:00.\n\
         hint: Let each part begin where the one before it ends, around the whole day."
    );
    let config = parts("names.parquet", ["name", "from_time", "to_time"], [&["06:00", "20:00"], &["20:00", "06:00"]]);
    assert!(
        refusal(&config, folder.path())
            .await
            .starts_with("XX001 table \"day_parts\" lacks a usable column \"day_part\"")
    );

    let config = parts("sound.parquet", columns, [&["00:00", "20:00"], &["20:00", "24:00"]]);
    let asked = Asked::open(&config, folder.path()).await.unwrap();
    let parts: Vec<_> = asked.history.tables().day_parts.iter().map(|part| part.name.clone()).collect();
    assert_eq!(parts, ["day", "night"]);
}
