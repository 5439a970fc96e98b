"""DECLARE, FETCH, MOVE, CLOSE, in both protocols."""

from conversations import script
from protocol import SYNC, bind, close, describe, execute, parse, query

SERIES = "SELECT n::int, 'w' || n AS word FROM generate_series(1, 5) AS t(n) ORDER BY n"
SCROLL = query(f"BEGIN; DECLARE c SCROLL CURSOR FOR {SERIES}")
ROLLBACK = query("ROLLBACK")

script("FETCH forward", query("BEGIN"), query(f"DECLARE c CURSOR FOR {SERIES}"), query("FETCH c"), query("FETCH 2 FROM c"),
       query("FETCH NEXT IN c"), query("FETCH FORWARD 9 c"), query("FETCH c"), query("FETCH ALL c"), query("COMMIT"),
       query("FETCH c"))
script("FETCH in all directions", SCROLL, *(query(f"FETCH {direction} FROM c") for direction in (
    "FIRST", "LAST", "NEXT", "PRIOR", "ABSOLUTE 2", "ABSOLUTE -2", "ABSOLUTE 0", "RELATIVE 2", "RELATIVE -1", "RELATIVE 0",
    "FORWARD", "BACKWARD", "FORWARD 2", "BACKWARD 2", "FORWARD ALL", "BACKWARD ALL", "2", "-2", "0", "ALL", "FORWARD 0",
    "BACKWARD 0", "FORWARD -1", "BACKWARD -3", "ABSOLUTE 99", "PRIOR", "ABSOLUTE -99", "NEXT")), ROLLBACK)
script("MOVE in all directions", SCROLL, *(query(f"MOVE {direction} FROM c") for direction in (
    "NEXT", "2", "ALL", "BACKWARD 2", "BACKWARD ALL", "LAST", "FIRST", "ABSOLUTE 3", "RELATIVE 0", "RELATIVE 1", "0", "PRIOR",
    "ABSOLUTE 0", "ABSOLUTE 99", "FORWARD 1", "-1")), query("FETCH c"), ROLLBACK)
script("a cursor that does not scroll", query(f"BEGIN; DECLARE c NO SCROLL CURSOR FOR {SERIES}"), query("FETCH 3 c"),
       query("FETCH PRIOR c"), ROLLBACK)
script("ABSOLUTE and RELATIVE forward without scrolling", query(f"BEGIN; DECLARE c NO SCROLL CURSOR FOR {SERIES}"),
       query("FETCH ABSOLUTE 2 c"), query("FETCH RELATIVE 2 c"), query("MOVE RELATIVE 1 c"), query("FETCH c"), ROLLBACK)
script("going back without scrolling", query(f"BEGIN; DECLARE c NO SCROLL CURSOR FOR {SERIES}"), query("FETCH 2 c"),
       query("SAVEPOINT a"), query("FETCH ABSOLUTE 1 c"), query("ROLLBACK TO a"), query("FETCH LAST c"), ROLLBACK)
script("FETCH 0 without scrolling", query(f"BEGIN; DECLARE c NO SCROLL CURSOR FOR {SERIES}"), query("FETCH 0 c"),
       query("FETCH c"), query("FETCH 0 c"), ROLLBACK)
script("DECLARE outside a block", query(f"DECLARE c CURSOR FOR {SERIES}"))
script("DECLARE and FETCH in one string", query(f"DECLARE c CURSOR FOR {SERIES}; FETCH 2 c"), query("FETCH c"))
script("a cursor's name in use", query(f"BEGIN; DECLARE c CURSOR FOR {SERIES}"), query("DECLARE c CURSOR FOR SELECT 1"),
       ROLLBACK)
script("what is not there", query("FETCH c"), query("MOVE c"), query("CLOSE c"), query("CLOSE ALL"))
script("CLOSE", query(f"BEGIN; DECLARE c CURSOR FOR {SERIES}; CLOSE c"), query("FETCH c"), ROLLBACK)
script("CLOSE ALL", query("BEGIN; DECLARE a CURSOR FOR SELECT 1; DECLARE b CURSOR FOR SELECT 2; CLOSE ALL"),
       query("FETCH b"), ROLLBACK)
script("WITH HOLD outlives COMMIT", query(f"BEGIN; DECLARE c CURSOR WITH HOLD FOR {SERIES}"), query("FETCH c"),
       query("COMMIT"), query("FETCH 2 c"), query("BEGIN; FETCH c"), ROLLBACK, query("FETCH c"), query("CLOSE c"),
       query("FETCH c"))
script("WITH HOLD does not outlive its ROLLBACK", query(f"BEGIN; DECLARE c CURSOR WITH HOLD FOR {SERIES}"), ROLLBACK,
       query("FETCH c"))
script("WITH HOLD outside a block", query(f"DECLARE c SCROLL CURSOR WITH HOLD FOR {SERIES}"), query("FETCH LAST c"),
       query("FETCH PRIOR c"), query("CLOSE c"))
script("WITH HOLD in a string that fails", query(f"DECLARE c CURSOR WITH HOLD FOR {SERIES}; SELECT 1 / 0"),
       query("FETCH c"))
script("WITHOUT HOLD", query(f"BEGIN; DECLARE c CURSOR WITHOUT HOLD FOR {SERIES}"), query("COMMIT"), query("FETCH c"))
script("a cursor ends with its savepoint", query(f"BEGIN; SAVEPOINT a; DECLARE c CURSOR FOR {SERIES}"),
       query("ROLLBACK TO a"), query("FETCH c"), ROLLBACK)
script("a cursor from before the savepoint goes on", query(f"BEGIN; DECLARE c CURSOR FOR {SERIES}"), query("SAVEPOINT a"),
       query("FETCH 2 c"), query("ROLLBACK TO a"), query("FETCH c"), ROLLBACK)
script("CLOSE is not taken back", query(f"BEGIN; DECLARE c CURSOR FOR {SERIES}"), query("SAVEPOINT a"), query("CLOSE c"),
       query("ROLLBACK TO a"), query("FETCH c"), ROLLBACK)
script("a released savepoint keeps its cursors", query(f"BEGIN; SAVEPOINT a; DECLARE c CURSOR FOR {SERIES}; RELEASE a"),
       query("FETCH c"), ROLLBACK)
script("a cursor in a failed block", query(f"BEGIN; DECLARE c CURSOR FOR {SERIES}"), query("SELECT 1 / 0"),
       query("FETCH c"), query("CLOSE c"), ROLLBACK)
script("a cursor that fails", query("BEGIN; DECLARE c CURSOR FOR SELECT 6 / (3 - n::int) AS q FROM generate_series(1, 5) AS t(n)"),
       query("SAVEPOINT a"), query("FETCH ALL c"), query("ROLLBACK TO a"), query("FETCH c"), ROLLBACK)
script("a binary cursor", query("BEGIN; DECLARE c BINARY CURSOR FOR SELECT 1 AS a, 'b' AS b, 1.5 AS c"), query("FETCH c"),
       parse("FETCH PRIOR c") + bind() + describe() + SYNC, ROLLBACK)
script("a binary cursor in the extended protocol",
       query("BEGIN; DECLARE c BINARY CURSOR FOR SELECT n::int FROM generate_series(1, 3) AS t(n)"),
       parse("FETCH c") + describe(b"S") + bind() + describe() + execute() + SYNC,
       parse("FETCH c") + bind(results=(0,)) + describe() + execute() + SYNC,
       parse("FETCH c") + bind(results=(1,)) + describe() + execute() + SYNC, ROLLBACK)
script("DECLARE in the extended protocol",
       query("BEGIN"), parse(f"DECLARE c CURSOR FOR {SERIES}") + bind() + describe() + execute() + SYNC,
       parse("FETCH 2 FROM c") + bind() + describe() + execute() + SYNC, ROLLBACK)
script("a cursor executed as a portal", query(f"BEGIN; DECLARE c CURSOR FOR {SERIES}"), describe(b"P", "c") + SYNC,
       execute("c", 2) + SYNC, query("FETCH c"), execute("c", 0) + SYNC, execute("c", 0) + SYNC, ROLLBACK)
script("a cursor closed as a portal", query(f"BEGIN; DECLARE c CURSOR FOR {SERIES}"), close(b"P", "c") + SYNC,
       query("FETCH c"), ROLLBACK)
script("a portal closed as a cursor", query("BEGIN"), parse(SERIES) + bind("p") + execute("p", 1) + SYNC, query("CLOSE p"),
       execute("p") + SYNC, ROLLBACK)
script("a portal in the way of a cursor", query("BEGIN"), parse(SERIES) + bind("p") + SYNC,
       query("DECLARE p CURSOR FOR SELECT 1"), ROLLBACK)
script("a cursor in the way of a portal", query("BEGIN; DECLARE p CURSOR FOR SELECT 1"), parse(SERIES) + bind("p") + SYNC,
       ROLLBACK)
script("CLOSE ALL closes portals", query("BEGIN"), parse(SERIES) + bind("p") + SYNC, query("CLOSE ALL"),
       execute("p") + SYNC, ROLLBACK)
script("a cursor over parameters", query("BEGIN"), parse("DECLARE c CURSOR FOR SELECT $1::int AS one", types=[23])
       + describe(b"S") + bind(values=[b"7"]) + execute() + SYNC, query("FETCH c"), ROLLBACK)
script("words of FETCH that make no sense", query("BEGIN"), query("FETCH SIDEWAYS c"), ROLLBACK,
       query("FETCH ABSOLUTE c"), query("FETCH 1 2 c"), query("DECLARE c CURSOR FOR"), query("DECLARE c FOR SELECT 1"))
script("DECLARE of what gives no rows", query("BEGIN; DECLARE c CURSOR FOR SHOW TimeZone"), ROLLBACK)
script("a snapshot for the cursor's life", query("CREATE VIEW under AS SELECT 1 AS one"),
       query("BEGIN; DECLARE c CURSOR FOR SELECT * FROM under"), query("CREATE OR REPLACE VIEW under AS SELECT 2 AS one"),
       query("FETCH c"), ROLLBACK, query("DROP VIEW under"))
