"""Query strings."""

from conversations import script, talk
from protocol import query

script("one row", query("SELECT 1 AS one, 'two' AS two, NULL AS three, 4.50 AS four, true AS five"))
script("no rows", query("SELECT 1 AS one WHERE false"))
script("rows of VALUES", query("VALUES (1, 'a'), (2, NULL), (3, '')"))
script("no columns", query("SELECT"), query("SELECT FROM generate_series(1, 3)"),
       pending_because="the parser does not know a SELECT of nothing")
script("nothing", query(""))
script("nothing but semicolons and comments", query(" ; ;; -- nothing\n /* nothing */ ;"))
script("several statements", query("SELECT 1; SELECT 2 WHERE false; SHOW TimeZone; SELECT 3;"))
script("an error in the middle ends the string", query("SELECT 1; SELECT 1 / 0; SELECT 3"), query("SELECT 4"))
script("a syntax error anywhere runs nothing", query("SELECT 1; SELEC 2"), query("SELECT 3"))
script("an unknown column", query("SELECT a FROM (VALUES (1)) AS t(b)"))
script("an unknown relation", query("SELECT * FROM nowhere"))
script("a bad literal", query("SELECT 'x'::int"), query("SELECT int 'x'"), query("SELECT 1 = 'x'"),
       pending_because="a literal that is refused while types are settled has no position")
script("an error after rows were sent", query("SELECT 6 / (3 - n::int) FROM generate_series(1, 5) AS t(n) ORDER BY n"))
script("overflow", query("SELECT 2147483645 + n::int FROM generate_series(1, 3) AS t(n)"),
       query("SELECT 9223372036854775805 + n FROM generate_series(1, 3) AS t(n)"))
script("a block", query("BEGIN"), query("SELECT 1"), query("COMMIT"))
script("a block in one string", query("BEGIN; SELECT 1; COMMIT; SELECT 2"))
script("a block that stays open", query("SELECT 1; BEGIN; SELECT 2"), query("ROLLBACK"))
script("a string is one transaction", query("CREATE VIEW together AS SELECT 1 AS one; SELECT 1 / 0"),
       query("SELECT * FROM together"))
script("COMMIT in a string keeps what was before it",
       query("BEGIN; CREATE VIEW kept_part AS SELECT 1 AS one; COMMIT; SELECT 1 / 0"),
       query("SELECT * FROM kept_part"), query("DROP VIEW kept_part"))
script("BEGIN after changes in the same string takes them along",
       query("CREATE VIEW taken AS SELECT 1 AS one; BEGIN; SELECT 2"), query("ROLLBACK"), query("SELECT * FROM taken"))
script("a failed block refuses until its end", query("BEGIN"), query("SELECT 1 / 0"), query("SELECT 1"),
       query("SHOW TimeZone"), query("SELEC 1"), query(""), query("SAVEPOINT s"), query("ROLLBACK"), query("SELECT 1"))
script("COMMIT of a failed block rolls back", query("BEGIN; SELECT 1 / 0"), query("COMMIT"), query("SELECT 1"))
script("a failed block in one string", query("BEGIN; SELECT 1 / 0; COMMIT"), query("COMMIT"))
script("savepoints", query("BEGIN; SAVEPOINT a; SELECT 1 / 0"), query("ROLLBACK TO a"), query("SELECT 1"),
       query("RELEASE a"), query("ROLLBACK TO a"), query("COMMIT"))
script("savepoints of one name", query("BEGIN; SAVEPOINT a; SAVEPOINT a"), query("RELEASE a; RELEASE a"),
       query("RELEASE a"), query("ROLLBACK"))
script("savepoints outside a block", query("SAVEPOINT a"), query("ROLLBACK TO a"), query("RELEASE a"))
script("ends without a beginning", query("COMMIT"), query("ROLLBACK"), query("END; ABORT"))
script("BEGIN twice", query("BEGIN"), query("BEGIN"), query("COMMIT"))
script("a read-only block", query("BEGIN READ ONLY"), query("CREATE VIEW no AS SELECT 1"), query("ROLLBACK"))
script("definitions and their tags", query("CREATE SCHEMA wire_scripts"),
       query("CREATE VIEW wire_scripts.v AS SELECT 1 AS one"),
       query("CREATE OR REPLACE VIEW wire_scripts.v AS SELECT 2 AS one"),
       query("COMMENT ON VIEW wire_scripts.v IS 'x'"), query("ALTER VIEW wire_scripts.v RENAME TO w"),
       query("CREATE SCHEMA IF NOT EXISTS wire_scripts"), query("DROP VIEW IF EXISTS nowhere"),
       query("CREATE VIEW wire_scripts.w AS SELECT 1 AS one"), query("DROP SCHEMA wire_scripts"),
       query("DROP VIEW wire_scripts.w; DROP SCHEMA wire_scripts"))
script("settings", query("SET application_name = 'one'"), query("SHOW application_name"),
       query("SET nothing_like_this = 1"), query("SET TimeZone = 'Mars'"), query("SHOW nothing_like_this"),
       query("RESET application_name"))
script("a setting that is reported", query("SET TimeZone = 'Asia/Tokyo'"), query("SET DateStyle = 'German'"),
       query("SET IntervalStyle = 'sql_standard'"), query("SET client_encoding = 'utf8'"), query("RESET ALL"))
script("a report at ROLLBACK", query("BEGIN"), query("SET TimeZone = 'Asia/Tokyo'"), query("ROLLBACK"),
       query("SHOW TimeZone"))
script("a report at the end of SET LOCAL", query("BEGIN"), query("SET LOCAL DateStyle = 'SQL'"), query("COMMIT"),
       query("SHOW DateStyle"))
script("a report at ROLLBACK TO", query("BEGIN; SET TimeZone = 'Asia/Tokyo'; SAVEPOINT a"),
       query("SET TimeZone = 'Europe/Oslo'"), query("ROLLBACK TO a"), query("COMMIT"), query("SHOW TimeZone"))
script("a report of set_config", query("SELECT set_config('TimeZone', 'Asia/Tokyo', false)"),
       query("SELECT current_setting('TimeZone')"),
       pending_because="set_config is missing")
script("a failed string takes settings back", query("SET TimeZone = 'Asia/Tokyo'; SELECT 1 / 0"),
       query("SHOW TimeZone"))
script("SET LOCAL outside a block", query("SET LOCAL TimeZone = 'Asia/Tokyo'"), query("SHOW TimeZone"))
script("SET LOCAL in a string", query("SET LOCAL TimeZone = 'Asia/Tokyo'; SHOW TimeZone"), query("SHOW TimeZone"))
script("EXECUTE of PREPARE", query("PREPARE p (int, text) AS SELECT $1 + 1 AS next, $2 AS word"),
       query("EXECUTE p (1, 'a')"), query("EXECUTE p (1)"), query("EXECUTE p ('x', 'a')"), query("EXECUTE q"),
       query("PREPARE p AS SELECT 1"), query("DEALLOCATE p"), query("DEALLOCATE p"), query("DEALLOCATE ALL"))
script("PREPARE survives ROLLBACK", query("BEGIN; PREPARE p AS SELECT 1 AS one; ROLLBACK"), query("EXECUTE p"))
script("a parameter in a query string", query("SELECT $1"))
script("EXPLAIN", query("EXPLAIN SELECT 1 WHERE nowhere"))
script("DISCARD of less", query("DISCARD PLANS"), query("DISCARD SEQUENCES"), query("DISCARD TEMP"), query("DISCARD NOTHING"))
script("LISTEN and NOTIFY", query("LISTEN news"), query("UNLISTEN news"), query("NOTIFY news"),
       query("NOTIFY news, 'payload'"), query("UNLISTEN *"))
script("DISCARD ALL", query("PREPARE p AS SELECT 1"), query("SET TimeZone = 'Asia/Tokyo'"), query("DISCARD ALL"),
       query("EXECUTE p"), query("SHOW TimeZone"), query("BEGIN"), query("DISCARD ALL"), query("ROLLBACK"))
script("DISCARD ALL among others", query("SELECT 1; DISCARD ALL"))


@talk
def sessions_do_not_see_each_other(connection):
    one, other = connection().open(), connection().open()
    one.ask(query("SET TimeZone = 'Asia/Tokyo'"))
    other.ask(query("SHOW TimeZone"))
    one.ask(query("BEGIN; CREATE VIEW unseen AS SELECT 1 AS one"))
    other.ask(query("SELECT * FROM unseen"))
    one.ask(query("COMMIT"))
    other.ask(query("SELECT * FROM unseen"))
    other.ask(query("DROP VIEW unseen"))
    one.ask(query("SELECT * FROM unseen"))
