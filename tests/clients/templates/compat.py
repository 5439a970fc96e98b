"""compat/postgresql.sql against what defines it: the facts written as PostgreSQL functions (facts_pg15.sql beside the
repository, skipped where it is not), the examples of docs/functions.md, and rules of its own.

The random questions print their seed; `SEED=` plays it again.
"""

import contextlib
import csv
import datetime
import functools
import hashlib
import itertools
import os
import random
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg

from checking import check, equal, run
from history import COMPAT, REGULARS, ROOT, SHARED, load_compat, missing_shared, serve, tables_sql
from postgres import Server

sys.path.append(str(COMPAT))
from check_rfm_groups import group_of, read  # noqa: E402 - found by the line above

FACTS = SHARED / "oracle/facts_pg15.sql"
SEED = int(os.environ.get("SEED", random.randrange(10**6)))
TEXT_IDS = dict.fromkeys(["member_id", "purchase_id", "store_id", "product_id", "business_customer_id"], "text")

PURCHASE_COLUMNS = "purchase_id, member_id, store_id, purchased_at, channel, status, refund_of, amount"
LINE_COLUMNS = "purchase_id, line_no, product_id, quantity, amount"

stack = contextlib.ExitStack()


@functools.cache
def server():
    return stack.enter_context(Server(any_version=True))


def database(name, *scripts):
    """A new database with the scripts run in it."""
    with server().connect("postgres") as admin:
        admin.execute(f"CREATE DATABASE {name}")
    connection = stack.enter_context(server().connect(name))
    for script in scripts:
        connection.execute(script)
    return connection


def psql(name, script):
    """What psql prints, errors included."""
    with tempfile.NamedTemporaryFile("w", suffix=".sql", encoding="utf-8") as file:
        file.write(script)
        file.flush()
        command = ["psql", "-X", "-q", "-h", server().folder.name, "-p", "5432", "-U", "oracle", "-d", name,
                   "-f", file.name]
        environment = os.environ | {"PGOPTIONS": "-c timezone=UTC"}
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment,
                              check=False).stdout


def facts_parts():
    """facts_pg15.sql in three: tables, views and functions; rows; questions."""
    text = re.sub(r"^\\set.*\n", "", FACTS.read_text(encoding="utf-8"), flags=re.MULTILINE)
    functions, rest = text.split("-- edges, one a member\n")
    rows, questions = rest.split("set regulars.as_of", 1)
    return functions, rows, "set regulars.as_of" + questions


def fill_compat(connection, source):
    """Fills the tables of compat from a schema with the tables of facts_pg15.sql."""
    for table, columns in {
        "stores": "store_id, time_zone, day_starts_at",
        "products": "product_id, sku, name, category",
        "history.members": "member_id, joined_on",
        "history.purchases": PURCHASE_COLUMNS,
        "history.purchase_lines": LINE_COLUMNS,
    }.items():
        connection.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {source}.{table.split('.')[-1]}")


def small(name):
    connection = database(name, (ROOT / "data/small/load.sql").read_text(encoding="utf-8"))
    load_compat(connection)
    connection.execute("SET regulars.as_of = '2026-11-20'")
    return connection


@functools.cache
def history():
    """The small history as of 2026-11-20; checks leave it as it is."""
    return small("small")


def ask(question, connection=None):
    """The only row of the answer."""
    return (connection or history()).execute(question).fetchone()


def one(question, connection=None):
    return ask(question, connection)[0]


def members(condition, connection=None):
    found = (connection or history()).execute(f"SELECT member_id FROM members WHERE {condition} ORDER BY 1")
    return [member_id for (member_id,) in found]


def refused(question, state, *words):
    try:
        history().execute(question)
    except psycopg.Error as error:
        equal(error.sqlstate, state, question)
        told = " ".join(filter(None, (error.diag.message_primary, error.diag.message_detail, error.diag.message_hint)))
        for word in words:
            assert word in told, f"{question}: {word!r} is not in {told!r}"
        return
    raise AssertionError(f"{question} was not refused")


# The facts, where they are defined ------------------------------------------------------------------------------------

if not missing_shared(FACTS):

    @check
    def the_questions_of_the_definition_have_its_answers():
        _, rows, questions = facts_parts()
        copied("answers", lambda connection: connection.execute(rows))
        found = psql("answers", questions)
        expected = FACTS.with_name("facts_expected.txt").read_text(encoding="utf-8")
        equal(found.split("-- unknown product")[0], expected.split("-- unknown product")[0])
        assert "-- unknown product" in found and "ERROR" in found.split("-- unknown product")[1], found[-300:]

    def copied(name, rows_of):
        """A database with compat, and in it the rows that `rows_of` puts into the tables of the definition."""
        tables = re.findall(r"^create table [^;]*;\n", facts_parts()[0], flags=re.MULTILINE)
        connection = database(name, "CREATE SCHEMA facts; SET search_path = facts", "".join(tables))
        rows_of(connection)
        connection.execute("RESET search_path")
        connection.execute(tables_sql(TEXT_IDS))
        fill_compat(connection, "facts")
        load_compat(connection)
        return connection

    def defined(name, rows_of):
        """A database with the functions of the definition; `rows_of` fills its tables."""
        functions, _, _ = facts_parts()
        connection = database(name, functions)
        rows_of(connection)
        connection.execute("CREATE INDEX ON purchases (member_id); CREATE INDEX ON purchases (refund_of);"
                           "CREATE INDEX ON purchase_lines (purchase_id); ANALYZE")
        return connection

    def rows_of_small(connection):
        connection.execute("CREATE SCHEMA small; SET search_path = small")
        connection.execute((ROOT / "data/small/load.sql").read_text(encoding="utf-8"))
        connection.execute(f"""
            SET search_path = public;
            INSERT INTO stores SELECT store_id, time_zone, coalesce(day_starts_at, '04:00') FROM small.stores;
            INSERT INTO products SELECT product_id, sku, name, category FROM small.products;
            INSERT INTO members SELECT member_id, joined_on FROM small.members;
            INSERT INTO purchases ({PURCHASE_COLUMNS}) SELECT {PURCHASE_COLUMNS} FROM history.purchases;
            INSERT INTO purchase_lines ({LINE_COLUMNS}) SELECT {LINE_COLUMNS} FROM history.purchase_lines""")

    FILTERS = {
        "product": ["{p1}", "{Bryggkaffe}", "{Bun}", "{Original,Lager}", "{COF-GO,p4}"],
        "all_products": ["{Bryggkaffe,BAK-1}", "{p4}", "{p1,p2}"],
        "category": ["{coffee}", "{bakery,burger}"],
        "store": ["{sthlm}", "{bar,taipei}"],
        "channel": ["{app}", "{tpos,mpos}"],
        "days": ["mon-thu", "fri-mon", "weekend", "tue"],
        "hours": ["11:00-14:00", "22:00-02:00", "04:00-11:00", "24:00-12:00"],
        "from_date": ["2026-09-01", "2026-10-01"],
        "to_date": ["2026-09-30", "2026-11-14"],
        "last": ["60 days", "3 months", "1 year"],
        "min_amount": ["30", "60", "0"],
        "gross": ["true", "false"],
    }
    ALL_FACTS = ["purchase_count", "visit_days", "bought", "first_purchase", "last_purchase", "amount_spent",
                 "quantity_bought"]

    def agree(chance, definition, compat, times):
        """Random facts with random filters as of random days, of every member."""
        for _ in range(times):
            day = chance.choice(["2026-11-20", "2026-10-08", "2026-09-30", "2026-09-08"])
            names = [name for name in FILTERS if chance.random() < 0.22]
            filters = "".join(f", {name} => '{chance.choice(FILTERS[name])}'" for name in names)
            question = (f"SELECT member_id, {', '.join(f'{fact}(member_id{filters})' for fact in ALL_FACTS)}"
                        " FROM members WHERE member_id <> 'abroad' ORDER BY 1")
            answers = []
            for connection in (definition, compat):
                connection.execute(f"SET regulars.as_of = '{day}'")
                answers.append(connection.execute(question).fetchall())
            differing = [pair for pair in zip(*answers, strict=True) if pair[0] != pair[1]]
            equal(differing[:2], [], f"seed {SEED}, as of {day}: {question}")
        return f"seed {SEED}"

    @check
    def random_questions_about_the_small_history():
        # One of its members buys in two currencies, which the definition does not know.
        return agree(random.Random(SEED), defined("small_facts", rows_of_small), small("small_asked"), 80)

    def odd_receipts(chance, count=400):
        """Receipts that refund each other in every way, right and wrong; with their lines."""
        statuses = ["completed"] * 6 + ["refund"] * 4 + ["voided"]
        who = ["ada", "bo", "cy", None]
        purchases, lines = [], []
        for n in range(count):
            status = chance.choice(statuses)
            is_linked = chance.random() < (0.8 if status == "refund" else 0.05)
            refund_of = f"r{chance.randrange(count)}" if is_linked else None
            at = datetime.datetime(2026, 9, 1) + datetime.timedelta(minutes=chance.randrange(60 * 24 * 75))
            purchases.append((f"r{n}", chance.choice(who), chance.choice(["sthlm", "bar", "taipei"]), f"{at}+00",
                              chance.choice(["app", "mpos", None]), status, refund_of,
                              chance.choice([None, 30, -25, "99.50"])))
            for line_no in range(chance.choice([0, 1, 1, 2, 3])):
                lines.append((f"r{n}", line_no, chance.choice(["p1", "p2", "p3", "p4", "p9"]),
                              chance.choice([1, 1, 2, 0, -1]), chance.choice([30, "25.50", 0, -10])))
        return purchases, lines

    @check
    def random_questions_about_receipts_that_refund_each_other():
        chance = random.Random(SEED)
        purchases, lines = odd_receipts(chance)

        def rows_of_odd(connection):
            connection.execute("""
                INSERT INTO stores VALUES ('sthlm', 'Europe/Stockholm', '04:00'), ('bar', 'Europe/Stockholm', '06:00'),
                                          ('taipei', 'Asia/Taipei', '05:00');
                INSERT INTO products VALUES ('p1', 'COF-HOT', 'Bryggkaffe', 'coffee'),
                                            ('p2', 'COF-GO', 'Bryggkaffe', 'coffee'),
                                            ('p3', 'BUR-1', 'Original', 'burger'), ('p4', 'BAK-1', 'Bun', 'bakery'),
                                            ('p6', 'BEE-1', 'Lager', NULL);
                INSERT INTO members VALUES ('ada'), ('bo'), ('cy'), ('di')""")
            with connection.cursor() as cursor:
                cursor.executemany(f"INSERT INTO purchases ({PURCHASE_COLUMNS})"
                                   " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)", purchases)
                cursor.executemany(f"INSERT INTO purchase_lines ({LINE_COLUMNS}) VALUES (%s, %s, %s, %s, %s)", lines)

        return agree(chance, defined("odd_facts", rows_of_odd), copied("odd", rows_of_odd), 80)


# Filters --------------------------------------------------------------------------------------------------------------


@check
def one_word_and_an_array_of_it_are_the_same():
    expected = members("bought(member_id, product => 'Bryggkaffe', channel => 'app')")
    equal(expected, ["late", "lunch", "regular"])
    for words in ("'{Bryggkaffe}'", "ARRAY['Bryggkaffe']", "'Bryggkaffe'::text", "ARRAY['Bryggkaffe', 'p1']",
                  "'{p1,p2}'"):
        equal(members(f"bought(member_id, product => {words}, channel => ARRAY['app'])"), expected, words)


@check
def stores_by_id_and_name_and_currencies():
    equal(members("bought(member_id, store => 'Stockholm Bar')"), ["clock", "night"])
    equal(members("bought(member_id, store => ARRAY['bar', 'Taipei'])"), ["clock", "late", "night"])
    equal(members("bought(member_id, currency => ARRAY['USD', 'TWD'])"), ["abroad", "late"])
    equal(members("bought(member_id, currency => 'USD', store => 'sthlm')"), [])
    equal(one("SELECT amount_spent('abroad', currency => 'USD')"), one("SELECT 18.25"))
    equal(one("SELECT amount_spent('abroad', currency => 'SEK', gross => true)"), 30)


@check
def currencies_are_not_added_up():
    refused("SELECT member_id FROM members WHERE amount_spent(member_id) > 100", "22023", "SEK", "USD", "currency =>")
    equal(one("SELECT purchase_count('abroad')"), 3)
    equal(one("SELECT amount_spent('late')"), 355)


@check
def unknown_words_are_refused():
    for filters, *words in [
        ("product => 'Brygkaffe'", '"Brygkaffe"'),
        ("product => ARRAY['Bun', 'Bunn']", '"Bunn"'),
        ("all_products => 'Brygkaffe'", '"Brygkaffe"'),
        ("category => 'cofee'", '"cofee"'),
        ("store => 'Sthlm'", '"Sthlm"'),
        ("currency => 'SKE'", '"SKE"', "'SEK'"),
        ("days => 'mon-thuu'", "mon-thuu", "weekend"),
        ("days => ''", "day"),
        ("hours => '11-14'", "11-14"),
        ("hours => '11:00-25:00'", "11:00-25:00"),
        ("product => '{}'", "product"),
        ("store => ARRAY[]::text[]", "store"),
    ]:
        # Of a member without any receipt too.
        refused(f"SELECT bought('never', {filters})", "22023", *words)
        refused(f"SELECT amount_spent('never', {filters})", "22023", *words)


@check
def null_is_never_any():
    for name, kind in [("product", "text"), ("all_products", "text[]"), ("category", "text"), ("store", "text[]"),
                       ("channel", "text"), ("currency", "text"), ("days", "text"), ("hours", "text"),
                       ("from_date", "date"), ("to_date", "date"), ("last", "interval"), ("min_amount", "numeric"),
                       ("gross", "boolean")]:
        refused(f"SELECT bought('lunch', {name} => NULL)", "22004", f'"{name}"')
        refused(f"SELECT bought('lunch', {name} => NULL::{kind})", "22004", f'"{name}"')
    refused("SELECT bought('lunch', product => ARRAY['Bun', NULL])", "22004", '"product"')


@check
def without_purchases():
    facts = ["purchase_count", "visit_days", "amount_spent", "quantity_bought", "bought", "first_purchase",
             "last_purchase", "rfm_recency", "rfm_group"]
    for member in ("NULL", "'never'", "'nobody'"):
        found = ask(f"SELECT {', '.join(f'{fact}({member})' for fact in facts)}")
        equal(found, (0, 0, 0, 0, False, None, None, None, "prospect"), member)


# Local time, loyalty, groups ------------------------------------------------------------------------------------------


@check
def the_examples_of_the_reference():
    text = (ROOT / "docs/functions.md").read_text(encoding="utf-8")
    sections = re.split(r"^### (\w+)\n", text, flags=re.MULTILINE)[1:]
    wanted = {"business_date", "timezone", "weekday", "weekday_in", "in_time_window", "day_part", "next_anniversary",
              "loyalty_level", "level_rank", "level_at_least"}
    connection = database("examples", tables_sql({}))
    load_compat(connection)
    connection.execute("INSERT INTO loyalty_levels VALUES ('gold', 3, 2000), ('silver', 2, 500), ('bronze', 1, 0)")
    equal(wanted - set(sections[::2]), set())
    for name, section in zip(sections[::2], sections[1::2], strict=True):
        if name not in wanted:
            continue
        example = re.findall(r"^```(?:\w+)?\n(.*?)^```", section, flags=re.MULTILINE | re.DOTALL)[-1]
        questions = re.findall(r"^SELECT.*?;$", example, flags=re.MULTILINE | re.DOTALL)
        answers = [line.rstrip() for line in psql("examples", "\n".join(questions)).splitlines() if line.strip()]
        expected = re.sub(r"^SELECT.*?;\n", "", example, flags=re.MULTILINE | re.DOTALL)
        equal(answers, [line.rstrip() for line in expected.splitlines() if line.strip()], name)


@check
def windows_and_weekdays_at_their_edges():
    for window, inside, outside in [
        ("11:00-14:00", ["11:00", "13:59:59.999999"], ["10:59:59", "14:00"]),
        ("22:00-02:00", ["22:00", "00:00", "01:59"], ["02:00", "21:59"]),
        ("22:00-24:00", ["23:59:59.999999"], ["00:00", "21:59"]),
        ("24:00-02:00", ["00:00", "01:00"], ["02:00", "12:00", "23:00"]),
        ("24:00-00:00", ["00:00", "12:00", "23:59"], []),
        ("24:00-24:00", ["00:00", "23:59"], []),
        (" 9:05 - 9:05 ", ["00:00", "09:05", "23:59"], []),
    ]:
        for time, expected in [(time, True) for time in inside] + [(time, False) for time in outside]:
            equal(one(f"SELECT in_time_window(time '{time}', '{window}')"), expected, f"{time} in {window}")
            opens, closes = window.split("-")
            found = one(f"SELECT in_time_window(time '{time}', time '{opens}', '{closes}')")
            equal(found, expected, f"{time} in {window}")
    for days, expected in [("mon-thu,sat", [1, 2, 3, 4, 6]), ("fri-mon", [1, 5, 6, 7]), ("Weekend,wed", [3, 6, 7]),
                           (" TUE , Wednesday - FRI ", [2, 3, 4, 5]), ("tue-mon", [1, 2, 3, 4, 5, 6, 7]),
                           ("wed-wed", [3])]:
        found = [n for n in range(1, 8) if one(f"SELECT weekday_in(date '2026-11-15' + {n}, '{days}')")]
        equal(found, expected, days)
    for days in ("", " ", "mon,", ",mon", "m", "tues", "mon-", "-mon", "mon-tue-wed", "1", "everyday"):
        refused(f"SELECT weekday_in(date '2026-11-15', '{days}')", "22023", f'"{days}"')
    equal(ask("SELECT weekday_in(NULL::date, 'mon'), in_time_window(NULL::time, '11:00-14:00'),"
              " in_time_window(time '11:00', NULL)"), (None, None, None))


@check
def levels_as_of_the_day():
    expected = {"lunch": "gold", "split": "silver", "never": "bronze", "regular": "platinum", "night": None}
    found = dict(history().execute("SELECT member_id, member_level(member_id) FROM members").fetchall())
    equal({member: found[member] for member in expected}, expected)
    with history().transaction():
        history().execute("SET LOCAL regulars.as_of = '2025-12-24'")
        equal(ask("SELECT member_level('lunch'), member_level('split'), member_level('never')"),
              ("silver", "gold", "bronze"))
        history().execute("SET LOCAL regulars.as_of = '2024-01-01'")
        equal(ask("SELECT member_level('lunch'), member_level('regular')"), (None, "platinum"))
    equal(members("level_at_least(member_level(member_id), 'gold')"), ["abroad", "lunch", "regular"])
    refused("SELECT level_at_least('gold', 'platinium')", "22023", "platinium",
            "'bronze', 'silver', 'gold', 'platinum'")
    equal(ask("SELECT level_rank('unheard of'), level_at_least('unheard of', 'gold')"), (None, None))


@check
def today_and_another_day():
    with server().connect("small") as fresh:
        for zone in ("UTC", "Asia/Taipei", "America/New_York"):
            if zone != "UTC":
                fresh.execute(f"SET regulars.time_zone = '{zone}'")
            equal(one(f"SELECT asof() = ((now() AT TIME ZONE '{zone}') - interval '4 hours')::date", fresh), True, zone)
        fresh.execute("SET regulars.as_of = '2026-09-30'")
        question = "SELECT asof(), max(p.business_date), max(l.business_date) FROM purchases p, purchase_lines l"
        equal(ask(question, fresh), (datetime.date(2026, 9, 30),) * 3)


@check
def every_cell_has_the_name_of_the_table():
    rows = history().execute("SELECT * FROM regulars.rfm_groups ORDER BY position").fetchall()
    with open(COMPAT.parent / "udfs/src/rfm_groups.csv", encoding="utf-8", newline="") as file:
        equal([tuple(map(str, row)) for row in rows], [tuple(row) for row in list(csv.reader(file))[1:]])
    groups = read()
    names = [group_of(groups, cell) for cell in itertools.product(range(1, 6), repeat=3)]
    equal(set(names), {name for name, _ in groups})


@check
def ranks_of_recency_frequency_and_money():
    found = history().execute("""
        SELECT member_id, rfm_recency(member_id, currency => 'SEK'), rfm_frequency(member_id, currency => 'SEK'),
               rfm_monetary(member_id, currency => 'SEK')
        FROM members ORDER BY 1""").fetchall()
    ranked = """
        SELECT m.member_id, ceil(5 * cume_dist() OVER (ORDER BY m.recent)),
               ceil(5 * cume_dist() OVER (ORDER BY m.times)), ceil(5 * cume_dist() OVER (ORDER BY m.spent))
        FROM (SELECT member_id, last_purchase(member_id, currency => 'SEK') AS recent,
                     purchase_count(member_id, currency => 'SEK') AS times,
                     amount_spent(member_id, currency => 'SEK') AS spent FROM members) AS m
        WHERE times > 0 ORDER BY 1"""
    expected = [tuple([row[0], *map(int, row[1:])]) for row in history().execute(ranked)]
    equal([row for row in found if row[1] is not None], expected)
    assert len(expected) > 10, expected


@check
def ranks_follow_what_is_bought_since():
    connection = small("changing")
    connection.autocommit = False
    question = "SELECT rfm_frequency('split', currency => 'SEK')"
    before = one(question, connection)
    connection.execute("""
        INSERT INTO history.purchases
        SELECT 'more-' || n, 'split', 'sthlm', '2026-11-10 12:00+00', 'app', 'completed', 10, 'SEK'
        FROM generate_series(1, 50) AS n""")
    equal((before, one(question, connection)), (4, 5))
    connection.rollback()
    equal(one(question, connection), 4)
    # Of another day in the same message too: `night` had bought nothing by then.
    cursor = connection.execute(question.replace("split", "night") + "; SET regulars.as_of = '2026-09-30'; "
                                + question.replace("split", "night"))
    found = [cursor.fetchone()]
    while cursor.nextset():
        found += cursor.fetchall() if cursor.description else []
    equal(found, [(5,), (None,)])


@check
def holdouts_are_the_digest_they_are_said_to_be():
    for member in ("lunch", "night", "åäö"):
        digest = hashlib.sha256(f"spring:{member}".encode()).digest()
        bucket = int.from_bytes(digest[:4], "big") % 100
        shares = [bucket, bucket + 1, 0, 100]
        found = [one(f"SELECT holdout('{member}', 'spring', {percent})") for percent in shares]
        equal(found, [False, True, False, True], member)


# Loading --------------------------------------------------------------------------------------------------------------


@check
def it_may_be_loaded_again():
    connection = small("again")
    connection.execute("CREATE VIEW segment AS"
                       " SELECT member_id FROM members WHERE bought(member_id, product => 'Original')")
    before = connection.execute("SELECT * FROM segment ORDER BY 1").fetchall()
    load_compat(connection)
    equal(connection.execute("SELECT * FROM segment ORDER BY 1").fetchall(), before)


SEGMENTS = {
    "lunch": "SELECT member_id FROM members WHERE bought(member_id, hours => '11:00-14:00')",
    '"Of ""two"" words"': "SELECT member_id, purchase_count(member_id, last => '90 days') FROM lunch -- as a comment",
    "crm.kept": "SELECT l.member_id FROM lunch l JOIN members m USING (member_id) WHERE m.country IS DISTINCT FROM 'NO'",
    "crm.few": "SELECT * FROM crm.kept EXCEPT SELECT member_id FROM members WHERE visit_days(member_id) > 2",
}


@check
def definitions_that_are_exported_are_the_same_segments():
    answers = {}
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "regulars.toml"
        config.write_text(f'home = "{folder}/home"\n[history]\npath = "{ROOT}/data/small"\n', encoding="utf-8")
        with serve(config) as connect, connect() as regulars:
            regulars.execute("SET regulars.as_of = '2026-11-20'")
            regulars.execute("CREATE SCHEMA crm")
            for name, text in SEGMENTS.items():
                regulars.execute(f"CREATE VIEW {name} AS {text}")
                answers[name] = regulars.execute(f"SELECT * FROM {name} ORDER BY 1").fetchall()
            regulars.execute("COMMENT ON VIEW lunch IS 'who lunches, as O''Hara says'")
            # The script goes by today's name.
            regulars.execute("ALTER VIEW lunch RENAME TO lunches")
        answers["lunches"] = answers.pop("lunch")
        command = [REGULARS, "export-definitions", "--config", config]
        script = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    postgres = small("exported")
    equal(psql("exported", script), "")
    for name, rows in answers.items():
        assert rows, name
        equal(postgres.execute(f"SELECT * FROM {name} ORDER BY 1").fetchall(), rows, name)
    (comment,), = postgres.execute("SELECT obj_description('lunches'::regclass)").fetchall()
    equal(comment, "who lunches, as O'Hara says")


@check
def somebody_who_is_no_superuser_can_load_it():
    with server().connect("postgres") as admin:
        admin.execute("CREATE ROLE shop LOGIN")
        admin.execute("CREATE DATABASE shop OWNER shop")
    address = {"host": server().folder.name, "port": 5432, "user": "shop", "dbname": "shop"}
    with psycopg.connect(**address, autocommit=True) as connection:
        connection.execute((ROOT / "data/small/load.sql").read_text(encoding="utf-8"))
        load_compat(connection)
        connection.execute("SET regulars.as_of = '2026-11-20'")
        expected = members("bought(member_id, product => 'Bryggkaffe', channel => ARRAY['app', 'epos'])")
        for words in ("'{app,epos}'", "'{app,epos}'::text"):
            found = members(f"bought(member_id, product => 'Bryggkaffe', channel => {words})", connection)
            equal(found, expected, words)
        question = "SELECT rfm_group('regular', currency => 'SEK')"
        equal(one(question, connection), one(question))


if __name__ == "__main__":
    try:
        run()
    finally:
        stack.close()
