//! What the functions refuse, as a client would be told: SQLSTATE, message, detail, hint; and when, planning or running.

use datafusion::error::DataFusionError;
use regulars_udfs::Refusal;

use crate::session;

/// When a statement is refused.
#[derive(Debug, PartialEq)]
enum When {
    Planning,
    Running,
}

/// The refusal that a statement meets.
async fn refusal_of(sql: &str) -> (When, Refusal) {
    let session = session();
    let (when, error) = match session.sql(sql).await {
        Err(error) => (When::Planning, error),
        Ok(frame) => match frame.collect().await {
            Err(error) => (When::Running, error),
            Ok(_) => panic!("not refused: {sql}"),
        },
    };
    let DataFusionError::External(inner) = error.find_root() else {
        panic!("{sql}: arrived as text: {error}");
    };
    let refusal = inner.downcast_ref::<Refusal>().unwrap_or_else(|| panic!("{sql}: not a refusal: {inner}"));
    (when, refusal.clone())
}

#[tokio::test]
async fn faulty_constants_are_refused_while_planning_though_no_row_is_read() {
    for (call, state, message) in [
        ("weekday_in(d, 'mon-thirsday')", "22023", "weekday set \"mon-thirsday\" is not valid"),
        ("weekday_in(d, '')", "22023", "weekday set \"\" is not valid"),
        ("in_time_window(t, '11:00-25:00')", "22023", "time window \"11:00-25:00\" is not valid"),
        ("in_time_window(t, '11:00', '25:00')", "22008", "date/time field value out of range: \"25:00\""),
        ("in_time_window(t, 'noon', '14:00')", "22007", "invalid input syntax for type time: \"noon\""),
        ("day_part('25:00')", "22008", "date/time field value out of range: \"25:00\""),
        ("business_date(i, 'Stockholm', '04:00')", "22023", "time zone \"Stockholm\" not recognized"),
        ("business_date(i, 'UTC', 'four')", "22007", "invalid input syntax for type time: \"four\""),
        ("timezone('+02:00', i)", "22023", "time zone \"+02:00\" not recognized"),
        ("level_at_least(l, 'platinum')", "22023", "loyalty level \"platinum\" does not exist"),
        ("level_rank('Gold')", "22023", "loyalty level \"Gold\" does not exist"),
    ] {
        let nothing = "SELECT DATE '2026-11-13' AS d, TIME '11:00:00' AS t, TIMESTAMPTZ '2026-11-13 00:00:00Z' AS i, \
                       'gold' AS l WHERE false";
        let (when, refusal) = refusal_of(&format!("SELECT {call} FROM ({nothing})")).await;
        assert_eq!((refusal.sqlstate, refusal.message.as_str()), (state, message), "{call}");
        assert_eq!(when, When::Planning, "{call}");
        assert!(refusal.hint.is_some(), "{call}: {refusal:?}");
    }
}

#[tokio::test]
async fn calls_that_would_forget_the_zone_are_refused_with_a_way_out() {
    let instant = "TIMESTAMPTZ '2026-11-14 00:00:00Z'";
    for (call, message) in [
        (format!("weekday({instant})"), "function weekday(timestamp with time zone) does not exist"),
        (format!("weekday_in({instant}, 'mon')"), "function weekday_in(timestamp with time zone, text) does not exist"),
        (format!("day_part({instant})"), "function day_part(timestamp with time zone) does not exist"),
    ] {
        let (when, refusal) = refusal_of(&format!("SELECT {call}")).await;
        assert_eq!((when, refusal.sqlstate, refusal.message.as_str()), (When::Planning, "42883", message));
        assert_eq!(
            refusal.hint.as_deref(),
            Some("Read the instant in the zone of its store first: purchased_at AT TIME ZONE stores.time_zone.")
        );
    }
    let (_, refusal) = refusal_of("SELECT business_date(TIMESTAMP '2026-11-14 00:00:00', 'UTC', '04:00')").await;
    assert_eq!(refusal.message, "function business_date(timestamp without time zone, text, text) does not exist");
    assert_eq!(refusal.hint.as_deref(), Some("Say in which zone this local time is: local_at AT TIME ZONE 'UTC'."));
}

#[tokio::test]
async fn calls_of_another_shape_are_refused_with_the_right_one() {
    for (call, message, detail) in [
        ("weekday()", "function weekday() does not exist", "It is called as weekday(date date)."),
        (
            "in_time_window(TIME '11:00:00')",
            "function in_time_window(time without time zone) does not exist",
            "It is called as in_time_window(time time, window text) or in_time_window(time time, from time, to time).",
        ),
        (
            "loyalty_level('many')",
            "function loyalty_level(text) does not exist",
            "It is called as loyalty_level(points numeric).",
        ),
    ] {
        let (when, refusal) = refusal_of(&format!("SELECT {call}")).await;
        assert_eq!((when, refusal.sqlstate, refusal.message.as_str()), (When::Planning, "42883", message));
        assert_eq!(refusal.detail.as_deref(), Some(detail));
    }
}

#[tokio::test]
async fn faulty_values_in_a_column_are_refused_when_they_are_met() {
    for (call, message) in [
        ("timezone(x, TIMESTAMP '2026-11-13 00:00:00')", "time zone \"here\" not recognized"),
        ("weekday_in(DATE '2026-11-13', x)", "weekday set \"here\" is not valid"),
        ("in_time_window(TIME '11:00:00', x)", "time window \"here\" is not valid"),
        ("day_part(x)", "invalid input syntax for type time: \"here\""),
    ] {
        let (when, refusal) = refusal_of(&format!("SELECT {call} FROM (VALUES ('here'), ('there')) AS v(x)")).await;
        assert_eq!((when, refusal.message.as_str()), (When::Running, message), "{call}");
    }
}

#[tokio::test]
async fn unknown_levels_in_the_data_are_null() {
    let sql = "SELECT count(*) AS rows, count(level_rank(x)) AS ranked, count(level_at_least(x, 'silver')) AS compared \
               FROM (VALUES ('gold'), ('platinum'), (NULL)) AS v(x)";
    let batches = session().sql(sql).await.unwrap().collect().await.unwrap();
    assert_eq!(
        crate::psql::table(&batches),
        " rows | ranked | compared\n------+--------+----------\n    3 |      1 |        1\n(1 row)\n"
    );
}

#[tokio::test]
async fn constants_may_be_nulls_and_expressions() {
    let sql = "SELECT weekday(NULL) IS NULL AS a, level_at_least(NULL, 'silver') IS NULL AS b, \
               business_date(NULL, 'UTC', '04:00') IS NULL AS c, loyalty_level(1000 + 1000) AS d, \
               business_date('2026-11-14 00:00:00Z', concat('Europe', '/', 'Stockholm'), TIME '04:00:00') AS e";
    let batches = session().sql(sql).await.unwrap().collect().await.unwrap();
    assert_eq!(
        crate::psql::table(&batches),
        " a | b | c |  d   |     e\n---+---+---+------+------------\n t | t | t | gold | 2026-11-13\n(1 row)\n"
    );
}
