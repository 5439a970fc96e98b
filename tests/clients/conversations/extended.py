"""Parse, Bind, Describe, Execute, Close, Flush, Sync: statements, errors in a batch, descriptions, portals."""

import struct

from conversations import script, talk
from protocol import FLUSH, SYNC, bind, close, describe, execute, message, parse, query

INT2, INT4, INT8, TEXT, NUMERIC, TIMESTAMPTZ = 21, 23, 20, 25, 1700, 1184
FAIL = "SELECT 1 / (n::int - 1) AS q FROM generate_series(1, 3) AS t(n)"
SERIES = "SELECT n::int FROM generate_series(1, 5) AS t(n) ORDER BY n"

script("a statement from end to end",
       parse("SELECT 1 AS one") + bind() + describe() + execute() + SYNC)
script("nothing between Syncs", (SYNC * 3, 3))
script("an empty statement", parse("") + describe(b"S") + bind() + describe() + execute() + SYNC)
script("parameters in text", parse("SELECT $1::int + 1 AS next, $2::text AS word") + describe(b"S")
       + bind(values=[b"41", None]) + describe() + execute() + SYNC)
script("parameters in binary", parse("SELECT $1::int8 AS a, $2::text AS b", types=[INT8, TEXT]) + describe(b"S")
       + bind(formats=(1,), values=[struct.pack("!q", -5), b"x"], results=(1,)) + describe() + execute() + SYNC)
script("formats one by one", parse("SELECT $1::int4 AS a, $2::int4 AS b")
       + bind(formats=(0, 1), values=[b"7", struct.pack("!i", 8)], results=(1, 0)) + describe() + execute() + SYNC)
script("types that are inferred", parse("SELECT $1 = 1::int, $2 || 'x', $3 + 1.5, $4 > now()") + describe(b"S") + SYNC)
script("types half given", parse("SELECT $1, $2::text", types=[INT2]) + describe(b"S") + SYNC)
script("a parameter nobody knows the type of", parse("SELECT $1") + describe(b"S") + bind(values=[b"x"]) + describe()
       + execute() + SYNC)
script("a named statement bound twice", parse("SELECT $1::int AS one", "s") + bind("a", "s", values=[b"1"])
       + bind("b", "s", values=[b"2"]) + execute("b") + execute("a") + SYNC, bind("", "s", values=[b"3"]) + execute()
       + SYNC)
script("a named statement outlives a failed transaction", query("BEGIN"), parse("SELECT 1 AS one", "s") + SYNC,
       query("SELECT 1 / 0"), query("ROLLBACK"), bind("", "s") + execute() + SYNC)
script("the unnamed statement outlives Sync", parse("SELECT 1 AS one") + SYNC, bind() + execute() + SYNC,
       query("SELECT 2"), bind() + execute() + SYNC)
script("a failed Parse takes the unnamed statement away", parse("SELECT 1 AS one") + SYNC, parse("SELEC") + SYNC,
       bind() + SYNC)
script("a name in use", parse("SELECT 1", "s") + SYNC, parse("SELECT 2", "s") + SYNC,
       close(b"S", "s") + parse("SELECT 3", "s") + bind("", "s") + execute() + SYNC)
script("names shared with SQL", parse("SELECT $1::int + 1 AS next", "wire") + SYNC, query("EXECUTE wire (4)"),
       query("PREPARE sql (int) AS SELECT $1 * 2 AS twice"), describe(b"S", "sql") + bind("", "sql", values=[b"4"])
       + execute() + SYNC, query("DEALLOCATE wire"), bind("", "wire", values=[b"1"]) + SYNC,
       close(b"S", "sql") + SYNC, query("EXECUTE sql (1)"))
script("DEALLOCATE in the extended protocol", parse("SELECT 1", "s") + parse("DEALLOCATE s") + bind() + execute()
       + bind("", "s") + SYNC)
script("Close of what is not there", close(b"S", "no") + close(b"P", "no") + SYNC)

script("several statements in one batch", parse("SELECT 1 AS a") + bind() + execute() + parse("SELECT 2 AS b") + bind()
       + execute() + SYNC)
script("batches sent ahead", ((parse("SELECT 1 AS a") + bind() + execute() + SYNC) * 4, 4))
script("a query between batches", (parse("SELECT 1 AS a") + bind() + execute() + SYNC + query("SELECT 2")
       + parse("SELECT 3 AS c") + bind() + execute() + SYNC, 3))
script("an error at Parse skips to Sync", parse("SELEC") + bind() + describe() + execute() + close() + SYNC,
       parse("SELECT 1") + bind() + execute() + SYNC)
script("an error at Bind skips to Sync", parse("SELECT $1::int") + bind(values=[b"x"]) + execute()
       + parse("SELECT 2") + bind() + execute() + SYNC)
script("an error at Execute skips to Sync", parse("SELECT 1 / (n::int - $1::int) AS q FROM generate_series(1, 3) AS t(n)") + bind(values=[b"1"]) + execute()
       + parse("SELECT 2") + bind() + execute() + SYNC)
script("an error at Describe skips to Sync", describe(b"S", "no") + parse("SELECT 2") + bind() + execute() + SYNC)
script("an error in one batch leaves the next alone", (parse(FAIL) + bind() + execute() + SYNC
       + parse("SELECT 2 AS b") + bind() + execute() + SYNC, 2))
script("a query is skipped after an error, too", parse("SELEC") + query("SELECT 1") + SYNC)
script("a batch is one transaction",
       parse("CREATE VIEW one_batch AS SELECT 1 AS one") + bind() + execute() + parse(FAIL) + bind()
       + execute() + SYNC, query("SELECT * FROM one_batch"))
script("a block in a batch", parse("BEGIN") + bind() + execute() + parse("SELECT 1 AS a") + bind() + execute()
       + parse("COMMIT") + bind() + execute() + SYNC)
script("a failed block in batches", parse("BEGIN") + bind() + execute() + SYNC, parse(FAIL) + bind()
       + execute() + SYNC, parse("SELECT 1") + SYNC, bind() + SYNC, parse("ROLLBACK") + bind() + execute() + SYNC)
script("a statement prepared before the block failed", parse("SELECT 1 AS a", "s") + parse("ROLLBACK", "back") + SYNC,
       query("BEGIN; SELECT 1 / 0"), bind("", "s") + execute() + SYNC, describe(b"S", "s") + SYNC,
       describe(b"S", "back") + SYNC, bind("", "back") + execute() + SYNC)
script("Flush without Sync", (parse("SELECT 1 AS a", "s") + FLUSH, b"1"), (describe(b"S", "s") + FLUSH, b"T"),
       (bind("", "s") + FLUSH, b"2"), (execute() + FLUSH, b"C"), SYNC)
script("Flush after an error", (parse("SELEC") + FLUSH, b"E"), bind() + FLUSH + SYNC)
script("an error is told without Sync or Flush", (parse("SELEC"), b"E"), SYNC)
script("several statements in a Parse", parse("SELECT 1; SELECT 2") + SYNC)
script("the wrong number of values", parse("SELECT $1::int, $2::int") + bind(values=[b"1"]) + SYNC,
       parse("SELECT $1::int", "s") + bind("", "s", values=[b"1", b"2"]) + SYNC)
script("the wrong number of formats", parse("SELECT $1::int") + bind(formats=(0, 1), values=[b"1"]) + SYNC,
       parse("SELECT 1, 2, 3") + bind(results=(0, 1)) + execute() + SYNC)
script("a bad value", parse("SELECT $1::int") + bind(values=[b"1x"]) + SYNC,
       parse("SELECT $1::int8") + bind(values=[b"99999999999999999999"]) + SYNC,
       parse("SELECT $1::date") + bind(values=[b"2026-02-30"]) + SYNC,
       parse("SELECT $1::uuid") + bind(values=[b"x"]) + SYNC)
script("a parameter left out", parse("SELECT $2::int") + describe(b"S") + SYNC)

for what in ("SELECT 1 AS a, 'b' AS b, 1.5 AS c, now() AS d", "VALUES (1, 'a')", "SHOW TimeZone", "BEGIN", "ROLLBACK",
             "SET TimeZone = 'UTC'", "CREATE VIEW described AS SELECT 1 AS one", "DROP VIEW described",
             "EXPLAIN SELECT 1", "COPY (SELECT 1) TO STDOUT", "PREPARE described AS SELECT 1", "DEALLOCATE ALL",
             "DECLARE described CURSOR FOR SELECT 1", "CLOSE ALL", "LISTEN news", "DISCARD ALL", "SAVEPOINT a", ""):
    script(f"description of {what or 'nothing'}", parse(what) + describe(b"S") + bind() + describe() + SYNC)
script("description of EXECUTE", query("PREPARE p (int) AS SELECT $1 AS one, 'x' AS two"),
       parse("EXECUTE p (1)") + describe(b"S") + bind(results=(1, 0)) + describe() + execute() + SYNC)
script("description of FETCH and MOVE", query("BEGIN; DECLARE c SCROLL CURSOR FOR SELECT 1 AS one, 'x' AS two"),
       parse("FETCH c") + describe(b"S") + bind(results=(1, 0)) + describe() + execute() + SYNC,
       parse("MOVE BACKWARD ALL IN c") + describe(b"S") + bind() + describe() + execute() + SYNC,
       parse("FETCH nowhere") + describe(b"S") + SYNC)
script("description with formats", parse("SELECT 1 AS a, 'b' AS b") + bind(results=(1,)) + describe() + execute() + SYNC)
script("a column of a view is not told as a table's",
       query("CREATE VIEW told AS SELECT 1 AS one"), parse("SELECT one FROM told") + describe(b"S") + SYNC,
       query("DROP VIEW told"))

script("a portal in pieces", parse(SERIES) + bind() + execute(max_rows=2) + execute(max_rows=2) + execute(max_rows=2)
       + execute(max_rows=2) + SYNC)
script("a portal in pieces that fit", parse(SERIES) + bind() + execute(max_rows=5) + execute(max_rows=5)
       + execute(max_rows=5) + SYNC)
script("a portal to its end", parse(SERIES) + bind() + execute(max_rows=2) + execute() + execute() + SYNC)
script("more rows than there are", parse(SERIES) + bind() + execute(max_rows=2**31 - 1) + SYNC)
script("a negative number of rows", parse(SERIES) + bind() + execute(max_rows=-1) + SYNC)
script("a portal ends at Sync", parse(SERIES) + bind("p") + execute("p", 2) + SYNC, execute("p", 2) + SYNC)
script("a portal across Sync in a block", query("BEGIN"), parse(SERIES) + bind("p") + execute("p", 2) + SYNC,
       execute("p", 2) + SYNC, describe(b"P", "p") + execute("p", 2) + SYNC, query("COMMIT"), execute("p") + SYNC)
script("the unnamed portal across Sync in a block", query("BEGIN"), parse(SERIES) + bind() + execute(max_rows=2) + SYNC,
       execute(max_rows=2) + SYNC, query("SELECT 1"), execute(max_rows=2) + SYNC, query("COMMIT"))
script("a portal that is closed", query("BEGIN"), parse(SERIES) + bind("p") + execute("p", 2) + close(b"P", "p")
       + execute("p", 2) + SYNC, query("ROLLBACK"))
script("two portals in turn", query("BEGIN"), parse(SERIES, "s") + bind("a", "s") + bind("b", "s") + execute("a", 2)
       + execute("b", 3) + execute("a", 2) + execute("b", 3) + execute("a", 2) + SYNC, query("COMMIT"))
script("a portal's name in use", query("BEGIN"), parse(SERIES) + bind("p") + bind("p") + SYNC, query("ROLLBACK"))
script("a portal ends with its savepoint", query("BEGIN; SAVEPOINT a"), parse(SERIES) + bind("p") + execute("p", 1)
       + SYNC, query("ROLLBACK TO a"), execute("p", 1) + SYNC, query("ROLLBACK"))
script("a portal from before the savepoint goes on", query("BEGIN"), parse(SERIES) + bind("p") + execute("p", 1) + SYNC,
       query("SAVEPOINT a"), query("ROLLBACK TO a"), execute("p", 1) + SYNC, query("ROLLBACK"))
script("a portal in a failed block", query("BEGIN"), parse(SERIES) + bind("p") + execute("p", 1) + SYNC,
       query("SELECT 1 / 0"), execute("p", 1) + SYNC, query("ROLLBACK"))
script("a portal that fails", query("BEGIN"), parse("SELECT 6 / (3 - n::int) FROM generate_series(1, 5) AS t(n) ORDER BY n")
       + bind("p") + execute("p", 1) + execute("p", 5) + execute("p", 1) + SYNC, query("ROLLBACK"))
script("a portal whose statement was closed", query("BEGIN"), parse(SERIES, "s") + bind("p", "s") + close(b"S", "s")
       + execute("p", 2) + SYNC, query("COMMIT"))
script("a portal executed again after its end", parse("SET TimeZone = 'UTC'") + bind() + execute() + execute() + SYNC)
script("EXECUTE in pieces", query("PREPARE p AS SELECT n FROM generate_series(1, 5) AS t(n) ORDER BY n"),
       parse("EXECUTE p") + bind() + execute(max_rows=2) + execute(max_rows=9) + SYNC)
script("SHOW in pieces", parse("SHOW TimeZone") + bind() + execute(max_rows=1) + execute(max_rows=1) + SYNC)
script("COMMIT ends portals", query("BEGIN"), parse(SERIES) + bind("p") + parse("COMMIT") + bind() + execute()
       + execute("p") + SYNC)
script("COPY data outside of COPY is passed over", message(b"d", b"x\n") + message(b"c") + SYNC)


@talk
def a_report_within_a_batch(connection):
    one = connection().open()
    one.ask(parse("SET TimeZone = 'Asia/Tokyo'") + bind() + execute() + parse("SHOW TimeZone") + bind() + execute() + SYNC)


script("SET LOCAL in a batch", parse("SET LOCAL TimeZone = 'Asia/Tokyo'") + bind() + execute() + parse("SHOW TimeZone")
       + bind() + execute() + SYNC, query("SHOW TimeZone"))
script("DECLARE in a batch", parse("SELECT 1 AS one") + bind() + execute() + parse("DECLARE c CURSOR FOR SELECT 1 AS one")
       + bind() + execute() + parse("FETCH c") + bind() + execute() + SYNC)
script("EXPLAIN with parameters", parse("EXPLAIN SELECT $1::int AS one") + describe(b"S") + bind(values=[b"1"])
       + describe() + SYNC)
script("SHOW of what is not there", parse("SHOW nothing_like_this") + describe(b"S") + SYNC)
script("EXECUTE of what is not there", parse("EXECUTE nothing") + describe(b"S") + bind() + describe() + execute() + SYNC)
