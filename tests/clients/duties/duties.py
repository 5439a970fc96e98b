"""What a client must be able to do: one description that the program of every client follows.

A duty is asked of the client by its own means (its parameters, its cursor, its reflection), and what comes back is
compared with what stands here. Programs in other languages repeat the statements; this file says what they mean.
"""

# The statements, and what they give. Written down by hand, or as PostgreSQL 15 answers them.
NUMERIC = "12345678901234567890.123456789"
INSTANT = "2026-10-25 00:30:00.123456+00"  # 02:30 in Stockholm, the first time that night
WORDS = ["a", None, 'b"c', "d,e", "å"]
NUMBERS = [1, None, -9007199254740993]
LONG = "SELECT count(*) FROM generate_series(1, 3000000) a, generate_series(1, 3000000) b WHERE a <> b"
MANY = "SELECT g FROM generate_series(1, 100000) g"
MANY_ADDED_UP = 5000050000
CURSOR = "SELECT g FROM generate_series(1, 10) g"  # three are fetched, two of the others after a move over four
DROP = "DROP VIEW gold"
DROP_HINT = "Use DROP ... CASCADE to drop the dependent objects too."
DROP_NOTHING = "DROP VIEW IF EXISTS nothing"
NOTICE = 'view "nothing" does not exist, skipping'
COPIED = "a,b,c\n1,\"x,y\",\n2,å,\"\"\n"
COPY = ("COPY (SELECT * FROM (VALUES (1, 'x,y', NULL), (2, 'å', '')) AS t(a, b, c) ORDER BY a) TO STDOUT (FORMAT csv, HEADER)")
TABLES = ["business_customers", "consents", "loyalty_levels", "member_levels", "members", "products", "purchase_lines",
          "purchases", "stores"]
SEGMENT = "CREATE VIEW rich AS SELECT member_id FROM members WHERE loyalty_points > 400"
REFRESH = "REFRESH MATERIALIZED VIEW gold_list"
RUN = "SELECT run, members FROM regulars.audiences WHERE name = 'gold_list'"
GOLD = ["abroad", "lunch"]  # whoever has the level gold in data/small

# Before each client: a segment with a comment, and an audience of it.
PREPARED = [
    "CREATE VIEW gold AS SELECT member_id, loyalty_points FROM members WHERE loyalty_level = 'gold'",
    "COMMENT ON VIEW gold IS 'Gold members'",
    "COMMENT ON COLUMN gold.member_id IS 'who'",
    "CREATE MATERIALIZED VIEW gold_list AS SELECT member_id FROM gold",
]

DUTIES = {
    "sign-in": "signs in with SCRAM-SHA-256 over TLS, verifies the certificate and the name in it, is `admin`",
    "wrong-password": "is refused with 28P01 and the words of PostgreSQL",
    "simple": "a query without parameters gives its rows, in their order, with the names of their columns",
    "parameters-text": "text and numbers as parameters in text format; quotes and `å` arrive as they were sent",
    "parameters-binary": "the same in binary format",
    "null": "NULL comes out as the client's own NULL and goes in as a parameter",
    "numeric": f"`{NUMERIC}` comes out with every digit",
    "timestamptz": f"`{INSTANT}` comes out as that instant, to the microsecond",
    "array": "arrays of text and bigint, with NULL, quotes and commas in them",
    "error": "`DROP VIEW` of what is depended on: 2BP01 and PostgreSQL's hint; the connection goes on",
    "cancel": "a query that would run for hours is ended by the client's cancel: 57014; the connection goes on",
    "copy-out": "`COPY (SELECT …) TO STDOUT` gives the bytes that PostgreSQL gives",
    "portions": "100,000 rows are read in portions, not at once, and add up to 5,000,050,000",
    "cursor": "`DECLARE`, `FETCH`, `MOVE` and `CLOSE` in a transaction",
    "failed-transaction": "after 22012 in a transaction everything is refused with 25P02 until `ROLLBACK`",
    "notice": "the notice of `DROP VIEW IF EXISTS nothing` arrives",
    "tables": "finds the nine tables, and that `members.loyalty_points` is a bigint",
    "segments": "finds the segment `gold` as a view, its columns with their types and its definition",
    "audiences": "finds the audience `gold_list` as a materialized view, or as what the client takes one for",
    "create-segment": "`CREATE VIEW`, asks it, `DROP VIEW`; the segment is gone",
    "refresh-audience": "`REFRESH MATERIALIZED VIEW`: the run in `regulars.audiences` is one higher, with two members",
}
