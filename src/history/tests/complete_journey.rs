//! A real export: lines only, foreign names, wall-clock time, no table of members or stores. The answers are those of a
//! second implementation, kept beside the data; skipped where the data is not.

use std::path::{Path, PathBuf};

use super::Asked;

const CONFIG: &str = r#"
[history]
time_zone = "America/New_York"

[history.purchase_lines]
path = "transactions.parquet"
instants = "local"
columns = { purchase_id = "basket_id", member_id = "household_id", quantity = "quantity", amount = "sales_value", purchased_at = "transaction_timestamp" }

[history.products]
path = "products.parquet"
columns = { name = "product_type", category = "product_category" }

[history.members]
path = "demographics.parquet"
columns = { member_id = "household_id" }
"#;

fn data() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|up| up.join("shared/data/completejourney"));
    let found = folder.into_iter().find(|folder| folder.join("transactions.parquet").exists());
    if found.is_none() {
        println!("skipped: shared/data/completejourney is not here");
    }
    found
}

fn expected(folder: &Path, segment: &str) -> String {
    let all = std::fs::read_to_string(folder.join("expected.csv")).unwrap();
    let line = all.lines().find_map(|line| line.strip_prefix(&format!("{segment},"))).unwrap();
    line.trim().to_owned()
}

#[tokio::test]
async fn segments_have_the_sizes_of_the_second_implementation() {
    let Some(folder) = data() else { return };
    let asked = Asked::open(CONFIG, &folder).await.unwrap();
    // A receipt counts when it has a line of positive quantity.
    let counts = "purchase_id IN (SELECT purchase_id FROM purchase_lines WHERE quantity > 0)";
    let lines = "purchase_lines l JOIN products p USING (product_id)";
    for (segment, sql) in [
        ("everyone", "SELECT member_id FROM members".to_owned()),
        (
            "coffee_weekday_lunch",
            format!(
                "SELECT DISTINCT member_id FROM {lines} WHERE p.category = 'COFFEE' AND quantity > 0
                 AND weekday BETWEEN 1 AND 4 AND local_time >= arrow_cast('11:00', 'Time64(Microsecond)') AND local_time < arrow_cast('14:00', 'Time64(Microsecond)')"
            ),
        ),
        (
            "soft_drinks_friday_saturday_night",
            format!(
                "SELECT DISTINCT member_id FROM {lines} WHERE p.category = 'SOFT DRINKS' AND quantity > 0
                 AND weekday IN (5, 6) AND (local_time >= arrow_cast('22:00', 'Time64(Microsecond)') OR local_time < arrow_cast('02:00', 'Time64(Microsecond)'))"
            ),
        ),
        (
            "no_purchase_in_september",
            format!(
                "SELECT member_id FROM members WHERE member_id NOT IN (SELECT member_id FROM purchases WHERE {counts}
                 AND business_date BETWEEN DATE '2017-09-01' AND DATE '2017-09-30')"
            ),
        ),
        (
            "at_most_one_purchase_in_december",
            format!(
                "SELECT m.member_id FROM members m LEFT JOIN (SELECT * FROM purchases WHERE {counts}) p
                 ON p.member_id = m.member_id AND p.business_date BETWEEN DATE '2017-12-01' AND DATE '2017-12-31'
                 GROUP BY m.member_id HAVING count(p.purchase_id) <= 1"
            ),
        ),
        (
            "spent_over_100_in_365_days",
            "SELECT member_id FROM purchases WHERE business_date > DATE '2016-12-31' AND business_date <= DATE '2017-12-31'
             GROUP BY member_id HAVING sum(amount) > 100"
                .to_owned(),
        ),
        (
            "lapsed_60_days",
            format!(
                "SELECT member_id FROM purchases WHERE {counts} GROUP BY member_id
                 HAVING max(business_date) < DATE '2017-11-01'"
            ),
        ),
        (
            "ten_purchases_in_90_days",
            format!(
                "SELECT member_id FROM purchases WHERE {counts} AND business_date > DATE '2017-10-02'
                 GROUP BY member_id HAVING count(*) >= 10"
            ),
        ),
        (
            "milk_180_days_never_coffee",
            format!(
                "SELECT member_id FROM {lines} WHERE p.category = 'FLUID MILK PRODUCTS' AND business_date > DATE '2017-07-04'
                 GROUP BY member_id HAVING sum(quantity) > 0
                 EXCEPT SELECT member_id FROM {lines} WHERE p.category = 'COFFEE' GROUP BY member_id HAVING sum(quantity) > 0"
            ),
        ),
    ] {
        let count = asked.rows(&format!("SELECT count(*) FROM ({sql})")).await;
        assert_eq!(count, [expected(&folder, segment)], "{segment}");
    }
}

#[tokio::test]
async fn tables_that_are_not_there_are_derived() {
    let Some(folder) = data() else { return };
    let asked = Asked::open(CONFIG, &folder).await.unwrap();
    // Computed with DuckDB over the same files.
    assert_eq!(asked.rows("SELECT count(*), sum(amount) FROM purchases").await, ["47243|233935.24"]);
    assert_eq!(
        asked.rows("SELECT min(local_at), max(local_at) FROM purchase_lines").await,
        ["2017-01-01T12:30:27|2018-01-01T03:47:38"]
    );
    assert_eq!(asked.rows("SELECT count(*) FROM stores").await, ["293"]);
    assert_eq!(asked.rows("SELECT count(*), count(age) FROM members").await, ["2377|801"]);
    assert_eq!(asked.rows("SELECT DISTINCT time_zone, day_starts_at FROM stores").await, ["America/New_York|04:00:00"]);
    let names: Vec<_> = asked.history.relations().map(|relation| relation.name.clone()).collect();
    assert_eq!(names, ["members", "stores", "products", "purchases", "purchase_lines"]);
    assert_eq!(
        asked.columns("purchases")[..8],
        [
            "purchase_id text",
            "member_id text",
            "store_id text",
            "purchased_at timestamp with time zone",
            "channel text",
            "status text",
            "amount numeric(28,2)",
            "local_at timestamp without time zone",
        ]
    );
    assert_eq!(
        asked.columns("purchase_lines"),
        [
            "purchase_id text",
            "product_id text",
            "quantity numeric(18,3)",
            "amount numeric(18,2)",
            "member_id text",
            "store_id text",
            "channel text",
            "purchased_at timestamp with time zone",
            "status text",
            "local_at timestamp without time zone",
            "business_date date",
            "local_time time without time zone",
            "weekday smallint",
            "retail_disc double precision",
            "coupon_disc double precision",
            "coupon_match_disc double precision",
            "week integer",
        ]
    );
}
