"""COPY … TO STDOUT."""

from conversations import script
from protocol import SYNC, bind, describe, execute, message, parse, query

ROWS = "(SELECT n::int, CASE WHEN n <> 2 THEN 'w' || n END AS word FROM generate_series(1, 3) AS t(n) ORDER BY n)"
FAILING = "(SELECT 6 / (3 - n::int) AS q FROM generate_series(1, 5) AS t(n) ORDER BY n)"

script("COPY in text", query(f"COPY {ROWS} TO STDOUT"))
script("COPY in csv", query(f"COPY {ROWS} TO STDOUT (FORMAT csv, HEADER)"))
script("COPY in binary", query(f"COPY {ROWS} TO STDOUT (FORMAT binary)"))
script("COPY of no rows", query("COPY (SELECT 1 WHERE false) TO STDOUT"),
       query("COPY (SELECT 1 AS one WHERE false) TO STDOUT (FORMAT csv, HEADER)"),
       query("COPY (SELECT 1 WHERE false) TO STDOUT (FORMAT binary)"))
script("COPY among other statements", query(f"SELECT 1; COPY {ROWS} TO STDOUT; COPY {ROWS} TO STDOUT; SELECT 2"))
script("COPY in the extended protocol", parse(f"COPY {ROWS} TO STDOUT") + describe(b"S") + bind() + describe()
       + execute() + SYNC)
script("COPY with a limit of rows", parse(f"COPY {ROWS} TO STDOUT") + bind() + execute(max_rows=1) + execute(max_rows=1)
       + SYNC)
script("COPY with formats in Bind", parse(f"COPY {ROWS} TO STDOUT") + bind(results=(1,)) + execute() + SYNC)
script("COPY fails in the middle", query(f"COPY {FAILING} TO STDOUT"), query("SELECT 1"))
script("COPY fails in the middle of a string", query(f"SELECT 1; COPY {FAILING} TO STDOUT; SELECT 2"))
script("COPY fails in the middle of a block", query("BEGIN"), query(f"COPY {FAILING} TO STDOUT"), query("SELECT 1"),
       query("ROLLBACK"))
script("COPY fails in the middle of a batch", parse(f"COPY {FAILING} TO STDOUT") + bind() + execute()
       + parse("SELECT 1") + bind() + execute() + SYNC)
script("COPY fails at once", query("COPY (SELECT a) TO STDOUT"), query("COPY nowhere TO STDOUT"),
       query("COPY (SELECT 1) TO STDOUT (FORMAT xml)"), query("COPY (SELECT 1) TO STDOUT (DELIMITER 'ab')"))
script("COPY of a view", query("CREATE VIEW copied AS SELECT 1 AS one"), query("COPY copied TO STDOUT"),
       query("COPY (SELECT * FROM copied) TO STDOUT"), query("DROP VIEW copied"))
script("COPY in a failed block", query("BEGIN; SELECT 1 / 0"), query(f"COPY {ROWS} TO STDOUT"), query("ROLLBACK"))
script("COPY messages that nobody asked for", query(f"COPY {ROWS} TO STDOUT") + message(b"d", b"x\n") + message(b"c"),
       query("SELECT 1"))
