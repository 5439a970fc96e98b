"""postgres_fdw of PostgreSQL 15: IMPORT FOREIGN SCHEMA, its cursors and its REPEATABLE READ transactions.

The client is a PostgreSQL of the program's own; what is asked there is asked of the server under test by the wrapper.
Without use_remote_estimate, which reads costs in the text of EXPLAIN: plans here have none.
"""

import datetime
import os
import pathlib
import shutil
from decimal import Decimal

import psycopg

from asking import duty, equal, once_it_runs, refused, report, skip
from duties import *  # noqa: F403 - the shared description
from postgres import Server


FETCHING = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND application_name = 'postgres_fdw' AND query LIKE 'FETCH%'"


def options(**values):
    return ", ".join(f"{name} '{value}'" for name, value in values.items())


def create_server(name, password=None):
    password = password or os.environ["PGPASSWORD"]
    LOCAL.execute(f"CREATE SERVER {name} FOREIGN DATA WRAPPER postgres_fdw OPTIONS ("
                  + options(host=os.environ["PGHOST"], port=os.environ["PGPORT"], dbname=os.environ["PGDATABASE"],
                            sslmode="verify-full", sslrootcert=CERTIFICATE, sslcert="/nonexistent", fetch_size="1000")
                  + ")")
    LOCAL.execute(f"CREATE USER MAPPING FOR CURRENT_USER SERVER {name} OPTIONS (user 'admin', password '{password}')")


def ask(sql, parameters=None):
    return LOCAL.execute(sql, parameters).fetchall()


def remote(sql):
    with psycopg.connect(autocommit=True) as connection:
        return connection.execute(sql).fetchall()


def foreign(name, columns, query):
    """A segment there with this query, and a foreign table here."""
    with psycopg.connect(autocommit=True) as connection:
        connection.execute(f"CREATE VIEW {name} AS {query}")
    LOCAL.execute(f"CREATE FOREIGN TABLE {name} ({columns}) SERVER regulars OPTIONS (schema_name 'public')")


@duty("sign-in")
def sign_in():
    create_server("regulars")
    LOCAL.execute("CREATE SCHEMA shop; IMPORT FOREIGN SCHEMA public FROM SERVER regulars INTO shop")
    equal(ask("SELECT count(*) FROM shop.members"), [(18,)])
    equal(remote("SELECT usename::text FROM pg_stat_activity WHERE application_name = 'postgres_fdw'"), [("admin",)])


@duty("wrong-password")
def wrong_password():
    create_server("wrong", password="wrong")
    LOCAL.execute("CREATE FOREIGN TABLE unseen (member_id text) SERVER wrong OPTIONS (schema_name 'public', table_name 'members')")
    said = str(refused(ask, "SELECT * FROM unseen"))
    assert 'password authentication failed for user "admin"' in said, said


@duty("simple")
def simple():
    equal(ask("SELECT member_id FROM shop.gold ORDER BY member_id"), [(who,) for who in GOLD])
    (plan,), = ask("EXPLAIN (VERBOSE, FORMAT json) SELECT member_id FROM shop.gold WHERE loyalty_points > 0 ORDER BY member_id")
    assert "Remote SQL" in str(plan) and "loyalty_points > 0" in str(plan), plan
    return "a segment; the condition goes along"


@duty("parameters-text")
def parameters():
    LOCAL.execute("SET plan_cache_mode = force_generic_plan")
    LOCAL.execute("PREPARE of_level(text) AS SELECT member_id FROM shop.members WHERE loyalty_level = $1 ORDER BY 1")
    equal(ask("EXECUTE of_level('gold')"), [(who,) for who in GOLD])
    LOCAL.execute("RESET plan_cache_mode")


skip("postgres_fdw sends and receives text only", "parameters-binary")


@duty("null")
def null():
    equal(ask("SELECT count(*), count(member_id) FROM shop.purchases"), remote("SELECT count(*), count(member_id) FROM purchases"))
    equal(ask("SELECT count(*) FROM shop.purchases WHERE member_id IS NULL"), remote("SELECT count(*) FROM purchases WHERE member_id IS NULL"))


@duty("numeric")
def numeric():
    foreign("digits", "member_id text, n numeric", f"SELECT member_id, {NUMERIC}::numeric AS n FROM members LIMIT 1")
    equal(ask("SELECT n FROM digits"), [(Decimal(NUMERIC),)])


@duty("timestamptz")
def timestamptz():
    foreign("moments", "member_id text, at timestamptz", f"SELECT member_id, timestamptz '{INSTANT}' AS at FROM members LIMIT 1")
    equal(ask("SELECT at FROM moments"), [(datetime.datetime(2026, 10, 25, 0, 30, 0, 123456, datetime.timezone.utc),)])


@duty("array")
def array():
    foreign("lists", "member_id text, words text[], numbers bigint[]",
            "SELECT member_id, ARRAY['a', NULL, 'b\"c', 'd,e', 'å'] AS words, ARRAY[1, NULL, -9007199254740993]::bigint[] AS numbers"
            " FROM members LIMIT 1")
    equal(ask("SELECT words, numbers FROM lists"), [(WORDS, NUMBERS)])


@duty("error")
def error():
    LOCAL.execute("CREATE FOREIGN TABLE gone (member_id text) SERVER regulars OPTIONS (schema_name 'public', table_name 'gone')")
    told = refused(ask, "SELECT * FROM gone")
    equal(told.sqlstate, "42P01")
    equal(ask("SELECT count(*) FROM shop.gold"), [(2,)])
    return "of a query: it sends nothing else"


@duty("cancel")
def cancel():
    foreign("endless", "n bigint", LONG.replace("count(*)", "count(*) AS n"))
    acting = once_it_runs(lambda _: remote(FETCHING), LOCAL.cancel_safe)
    equal(refused(ask, "SELECT n FROM endless").sqlstate, "57014")
    acting.result()
    equal(ask("SELECT count(*) FROM shop.gold"), [(2,)])


skip("postgres_fdw reads by cursors", "copy-out")


@duty("portions")
def portions():
    foreign("many", "g bigint", MANY)
    equal(ask("SELECT sum(g)::bigint FROM (SELECT g FROM many OFFSET 0) g"), [(MANY_ADDED_UP,)])
    return "FETCH 1000 from its cursor"


@duty("cursor")
def cursor():
    with LOCAL.transaction():
        LOCAL.execute("DECLARE c CURSOR FOR SELECT member_id FROM shop.members ORDER BY member_id")
        first = ask("FETCH 3 FROM c")
        LOCAL.execute("MOVE 4 IN c")
        found = first + ask("FETCH 2 FROM c")
        LOCAL.execute("CLOSE c")
    rows = remote("SELECT member_id FROM members ORDER BY member_id COLLATE \"C\"")
    equal(found, rows[:3] + rows[7:9])


@duty("failed-transaction")
def failed_transaction():
    foreign("divided", "n bigint", "SELECT 1 / (loyalty_points - loyalty_points) AS n FROM members")
    LOCAL.execute("BEGIN")
    try:
        equal(ask("SELECT count(*) FROM shop.gold"), [(2,)])
        LOCAL.execute("SAVEPOINT s")
        equal(refused(ask, "SELECT * FROM divided").sqlstate, "22012")
        LOCAL.execute("ROLLBACK TO s")
        equal(ask("SELECT count(*) FROM shop.gold"), [(2,)])
    finally:
        LOCAL.execute("ROLLBACK")
    return "in its REPEATABLE READ transaction, by a savepoint there too"


skip("postgres_fdw gives notices to nobody", "notice")


@duty("tables")
def tables():
    found = ask("SELECT c.relname::text FROM pg_foreign_table f JOIN pg_class c ON c.oid = f.ftrelid"
                " WHERE c.relnamespace = 'shop'::regnamespace ORDER BY 1")
    equal([name for name, in found], sorted([*TABLES, "gold", "gold_list"]))
    equal(ask("SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'shop.members'::regclass"
              " AND attname = 'loyalty_points'"), [("bigint",)])


@duty("segments")
def segments():
    equal(ask("SELECT attname::text, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'shop.gold'::regclass"
              " AND attnum > 0 ORDER BY attnum"), [("member_id", "text"), ("loyalty_points", "bigint")])
    return "without the definition, which it does not import"


@duty("audiences")
def audiences():
    equal(ask("SELECT member_id FROM shop.gold_list ORDER BY 1"), [(who,) for who in GOLD])


skip("postgres_fdw sends no DDL", "create-segment", "refresh-audience")

with Server(any_version=True) as local:
    CERTIFICATE = f"{local.folder.name}/authority.crt"
    shutil.copy(os.environ["PGSSLROOTCERT"], CERTIFICATE)
    pathlib.Path(CERTIFICATE).chmod(0o644)
    # Of the environment nothing is meant for this connection.
    LOCAL = psycopg.connect(host=local.folder.name, port=5432, user="oracle", dbname="postgres", password="", sslmode="disable",
                            sslrootcert="", autocommit=True, options="-c timezone=UTC")
    LOCAL.execute("CREATE EXTENSION postgres_fdw")
    (number,), = LOCAL.execute("SHOW server_version").fetchall()
    report(number.split()[0])
