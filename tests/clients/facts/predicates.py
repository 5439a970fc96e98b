"""predicates_pg15.sql beside the repository (skipped where it is not): its rows loaded, its questions asked word for word.

The file's own names stand in a schema of views over the contract's tables; local time and business date are Regulars'.
"""

import re

from checking import add, check, equal, run
from postgres import Server
from serving import BIGINT, DATE, INSTANT, MONEY, ORACLE, TEXT, TIME, Regulars, arrow_table

PREDICATES = ORACLE.with_name("predicates_pg15.sql")
TABLES = ORACLE.with_name("semantics_pg15.sql")

# Where the file computes by hand what is a function here.
OWN = {
    "split deterministic": "SELECT count(*) FILTER (WHERE holdout(member_id, 'exp1', 10)) AS holdout, count(*) FROM members",
}

VIEWS = """
CREATE VIEW o.members AS
    SELECT member_id, joined_on, birth_date, loyalty_level AS level, country FROM public.members;
CREATE VIEW o.purchases AS SELECT purchase_id, member_id, store_id, purchased_at, status FROM public.purchases;
CREATE VIEW o.lines AS
    SELECT purchase_id, line_no, product_id, quantity AS qty, amount AS net FROM public.purchase_lines;
CREATE VIEW o.p AS
    SELECT purchase_id, member_id, store_id, purchased_at, status, local_at AS local_ts, local_time AS local_tod, business_date
    FROM public.purchases"""


def parts():
    """The file in two: what sets up, and the questions by name."""
    setting_up, *questions = re.split(r"^\\echo ", PREDICATES.read_text(encoding="utf-8"), flags=re.MULTILINE)
    named = dict(question.split("\n", 1) for question in questions)
    return setting_up, {name.strip(): text.strip().rstrip(";") for name, text in named.items()}


def history(postgres):
    """The rows as the contract has them."""
    def rows(question, types):
        cursor = postgres.execute(question)
        names = [column.name for column in cursor.description]
        return arrow_table(types, [dict(zip(names, row, strict=True)) for row in cursor])

    return {
        "stores": rows("SELECT store_id, tz AS time_zone, day_start AS day_starts_at FROM stores",
                       {"store_id": BIGINT, "time_zone": TEXT, "day_starts_at": TIME}),
        "members": rows("SELECT member_id, joined_on, birth_date, level AS loyalty_level, country FROM members",
                        {"member_id": BIGINT, "joined_on": DATE, "birth_date": DATE, "loyalty_level": TEXT,
                         "country": TEXT}),
        "purchases": rows("SELECT purchase_id, member_id, store_id, purchased_at, status FROM purchases",
                          {"purchase_id": BIGINT, "member_id": BIGINT, "store_id": BIGINT, "purchased_at": INSTANT,
                           "status": TEXT}),
        "purchase_lines": rows("SELECT purchase_id, line_no, product_id, qty::bigint AS quantity, net AS amount FROM lines",
                               {"purchase_id": BIGINT, "line_no": BIGINT, "product_id": TEXT, "quantity": BIGINT,
                                "amount": MONEY}),
    }


def ask(postgres, regulars, name, question):
    expected = postgres.execute(question).fetchall()
    found = regulars.execute(OWN.get(name, question)).fetchall()
    equal(found, expected)
    return f"{len(found)} rows"


if not PREDICATES.exists():

    @check
    def skipped():
        return f"{PREDICATES} is not there"

    run()

setting_up, questions = parts()
with Server(any_version=True) as server, server.connect("postgres") as postgres:
    tables = re.findall(r"^CREATE TABLE .*?;$", TABLES.read_text(encoding="utf-8"), flags=re.MULTILINE)
    stores = re.search(r"^INSERT INTO stores .*?;$", TABLES.read_text(encoding="utf-8"), flags=re.MULTILINE).group()
    setting_up = setting_up.replace("DROP VIEW p;", "DROP VIEW IF EXISTS p;")
    postgres.execute("".join(tables) + stores + setting_up)
    with Regulars(history(postgres)) as served, served.connect() as regulars:
        served.wait_for_index()
        regulars.execute("SET regulars.lint = off")
        regulars.execute("CREATE SCHEMA o")
        for statement in VIEWS.split(";"):
            regulars.execute(statement)
        regulars.execute("SET search_path = o, public")
        for view in re.findall(r"^CREATE VIEW (?:visits|asof) AS .*?;$", setting_up, flags=re.MULTILINE):
            regulars.execute(view)
        for name, question in questions.items():
            add(f"predicate {name}", lambda name=name, question=question: ask(postgres, regulars, name, question))
        run()
