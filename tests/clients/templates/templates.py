"""Every template of docs/segments.md asked three times: Regulars, PostgreSQL with compat/postgresql.sql, and PostgreSQL
in plain SQL (plain.sql), over a small demo history and over a grocer's year. All rows must be equal: those of Regulars
as of two days, those of compat as of the first.

Needs PostgreSQL's server programs; the grocer's year lies beside the repository, and is skipped where it is not.
"""

import contextlib
import datetime
import re
import subprocess
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from checking import add, equal, run
from history import REGULARS, ROOT, SHARED, copy_history, load_compat, missing_shared, serve
from postgres import Server

DOCS = ROOT / "docs/segments.md"
PLAIN = Path(__file__).with_name("plain.sql")
# Templates that ask for what the grocer did not export: accounts, countries, joining days, levels, discounts.
OF_THE_DEMO_ONLY = {
    "verified_members", "not_from_sweden", "staff_of_partners", "reachable_by_email", "new_without_purchase",
    "inactive_for_a_year", "discount_hunters", "gold", "silver_or_better", "reached_gold_lately", "level_at_risk",
    "birthday_within_a_week", "joined_anniversary",
}
# Not segments: several rows of a member, or none.
NO_SEGMENTS = {"visits", "affinity"}


@dataclass
class History:
    name: str
    days: list[str]
    # Words of the templates and what stands for them here, in order.
    words: dict[str, str] = field(default_factory=dict)
    # What plain.sql needs of the copy, such as a currency for stores that name none.
    mend: str = ""
    without: set[str] = field(default_factory=set)

    def put(self, text):
        for word, here in self.words.items():
            text = text.replace(word, here)
        return text


DEMO = History("demo", ["2026-11-20", "2026-09-20"])
GROCER = History(
    "grocer", ["2017-12-31", "2017-09-20"],
    words={
        "2026-": "2017-", "2025-": "2017-", ", currency => 'SEK'": "",
        "'Bryggkaffe'": "'GROUND COFFEE'", "'Kanelbulle'": "'BANANAS'", "'Original'": "'HAMBURGER BUNS'",
        "'coffee'": "'COFFEE'", "'drinks'": "'SOFT DRINKS'", "'dessert'": "'ICE CREAM/MILK/SHERBTS'",
        "'Stockholm Central'": "'367'", "'Uppsala Station'": "'406'",
        "1000": "100", "300": "30", ">= 200": ">= 10", "120": "10",
    },
    mend="UPDATE shown.stores SET name = store_id, currency = 'SEK'",
    without=OF_THE_DEMO_ONLY,
)


def templates():
    """Names and definitions of the views in the documentation, in order."""
    blocks = re.findall(r"^```sql\n(.*?)^```", DOCS.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return {re.match(r"CREATE VIEW (\w+) AS\n", block).group(1): block for block in blocks}


def plain_queries():
    """What comes before the queries, and the queries by name."""
    before, *rest = re.split(r"^-- name: (\w+)\n", PLAIN.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return before, dict(zip(rest[::2], rest[1::2], strict=True))


def comparable(value):
    """Equal for equal values of different types: 5, 5.0 and 5.00."""
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return str(Decimal(str(value)).normalize() + 0)
    if isinstance(value, datetime.datetime) and value.tzinfo:
        return value.astimezone(datetime.timezone.utc).isoformat()
    return str(value)


def rows(connection, query):
    return [tuple(map(comparable, row)) for row in connection.execute(query)]


def lay_out_plain(postgres, history, day):
    """A schema for a day, in which later receipts are not; the session goes on in it."""
    schema = f"plain_{day.replace('-', '_')}"
    postgres.execute(f"CREATE SCHEMA {schema}; SET search_path = {schema}, public")
    for relation in ("members", "stores", "products"):
        postgres.execute(f"CREATE VIEW {schema}.{relation} AS SELECT * FROM shown.{relation}")
    for relation in ("purchases", "purchase_lines"):
        postgres.execute(f"CREATE TABLE {schema}.{relation} AS"
                         f" SELECT * FROM shown.{relation} WHERE business_date <= '{day}';"
                         f"CREATE INDEX ON {schema}.{relation} (purchase_id); ANALYZE {schema}.{relation}")
    postgres.execute(plain_sql(history, plain_queries()[0], day))


def plain_sql(history, query, day):
    return history.put(query).replace(":asof", f"date '{day}'")


def check(history, connections, name, query):
    """The same rows from all three. Compat counts member by member: one day takes long enough."""
    regulars, compat, plain = connections

    def ask():
        found = []
        for day in history.days:
            expected = rows(plain[day], plain_sql(history, query, day))
            for side, connection in (("compat/postgresql.sql", compat), ("Regulars", regulars)):
                if connection is compat and day != history.days[0]:
                    continue
                connection.execute(f"SET regulars.as_of = '{day}'")
                answer = rows(connection, f"SELECT * FROM {name} ORDER BY 1")
                missing, excess = Counter(expected) - Counter(answer), Counter(answer) - Counter(expected)
                equal((list(missing)[:5], list(excess)[:5]), ([], []), f"missing and excess, {side} as of {day}")
            if name not in NO_SEGMENTS:
                equal(len({row[0] for row in expected}), len(expected), f"members as of {day}")
            found.append(str(len(expected)))
        return f"{' and '.join(found)} rows"

    return ask


def create(connection, history, side):
    """Makes the views, each in a check of its own, because one that fails takes others with it."""

    def attempt(definition):
        return lambda: connection.execute(history.put(definition)) and None

    for name, definition in templates().items():
        if name not in history.without:
            add(f"{history.name}: {side} takes {name}", attempt(definition))


def play(history, config, stack, postgres_server):
    connect = stack.enter_context(serve(config))
    with postgres_server.connect("postgres") as admin:
        admin.execute(f"CREATE DATABASE {history.name}")
    regulars, compat = stack.enter_context(connect()), stack.enter_context(postgres_server.connect(history.name))
    copy_history(regulars, compat)
    load_compat(compat)
    if history.mend:
        compat.execute(history.mend)
    plain = {day: stack.enter_context(postgres_server.connect(history.name)) for day in history.days}
    for day, connection in plain.items():
        lay_out_plain(connection, history, day)
    create(compat, history, "PostgreSQL")
    create(regulars, history, "Regulars")
    for name, query in plain_queries()[1].items():
        if name not in history.without:
            add(f"{history.name}: {name}", check(history, (regulars, compat, plain), name, query))


def every_template_has_its_question_in_plain_sql():
    equal(sorted(plain_queries()[1]), sorted(templates()))
    equal(OF_THE_DEMO_ONLY - templates().keys(), set())


def demo_config(folder):
    demo = [REGULARS, "demo", "--no-serve", "--dir", folder / "demo", "--members", "2000", "--purchases", "20000"]
    subprocess.run(demo, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return write_config(folder, f'[history]\npath = "{folder}/demo"\n')


def grocer_config(folder):
    text = (ROOT / "tests/slt/completejourney/regulars.toml").read_text(encoding="utf-8")
    text = re.sub(r"^home = .*$", "", text, flags=re.MULTILINE).replace("../../../../shared", str(SHARED))
    return write_config(folder, text)


def write_config(folder, text):
    (folder / "regulars.toml").write_text(f'home = "{folder}/home"\n{text}', encoding="utf-8")
    return folder / "regulars.toml"


def main():
    add("every template has its question in plain SQL", every_template_has_its_question_in_plain_sql)
    with contextlib.ExitStack() as stack:
        postgres = stack.enter_context(Server(any_version=True))

        def folder():
            return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="templates-")))

        play(DEMO, demo_config(folder()), stack, postgres)
        if not missing_shared(SHARED / "data/completejourney"):
            play(GROCER, grocer_config(folder()), stack, postgres)
        run()


if __name__ == "__main__":
    main()
