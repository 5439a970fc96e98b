"""psqlODBC by pyodbc: parameters, SQLTables and SQLColumns, and the savepoint that the driver sets around each statement."""

import datetime
import os
from decimal import Decimal

import pyodbc

from asking import duty, equal, once_it_runs, refused, report, skip
from duties import *  # noqa: F403 - the shared description

pyodbc.pooling = False


def connect(autocommit=True, **more):
    said = {"Driver": "{PostgreSQL Unicode}", "Server": os.environ["PGHOST"], "Port": os.environ["PGPORT"],
            "Database": os.environ["PGDATABASE"], "UID": os.environ["PGUSER"], "PWD": "{" + os.environ["PGPASSWORD"] + "}",
            "SSLmode": os.environ["PGSSLMODE"], "pqopt": "{sslrootcert=" + os.environ["PGSSLROOTCERT"] + "}"} | more
    return pyodbc.connect(";".join(f"{name}={value}" for name, value in said.items()), autocommit=autocommit)


def ask(sql, *parameters):
    with connect() as connection:
        return [tuple(row) for row in connection.execute(sql, *parameters).fetchall()]


@duty("sign-in")
def sign_in():
    equal(ask("SELECT current_user"), [("admin",)])


@duty("wrong-password")
def wrong_password():
    said = str(refused(lambda: connect(PWD="wrong")))
    assert 'password authentication failed for user "admin"' in said, said


@duty("simple")
def simple():
    with connect() as connection:
        cursor = connection.execute("SELECT 1 AS one, 'å' AS word")
        equal([column[0] for column in cursor.description], ["one", "word"])
        equal([tuple(row) for row in cursor.fetchall()], [(1, "å")])


@duty("parameters-text")
def parameters():
    values = ("it's \"å\" \\", 9007199254740993, datetime.date(2028, 2, 29))
    equal(ask("SELECT ?::text, ?::bigint, ?::date", *values), [values])
    equal(ask("SELECT member_id FROM members WHERE loyalty_level = ? ORDER BY 1", "gold"), [(who,) for who in GOLD])


skip("psqlODBC sends its parameters as text", "parameters-binary")


@duty("null")
def null():
    equal(ask("SELECT NULL::bigint, NULL::text, coalesce(?::text, 'none')", None), [(None, None, "none")])


@duty("numeric")
def numeric():
    equal(ask(f"SELECT {NUMERIC}::numeric(29, 9), ?::numeric(29, 9)", Decimal(NUMERIC)), [(Decimal(NUMERIC),) * 2])
    return "with its digits declared: of a numeric without a scale the driver reports six decimals"


@duty("timestamptz")
def timestamptz():
    # The driver reads the session's local time; ODBC has no instants.
    equal(ask(f"SELECT timestamptz '{INSTANT}' AT TIME ZONE 'UTC'"), [(datetime.datetime(2026, 10, 25, 0, 30, 0, 123456),)])
    return "as local time: ODBC has no instants"


@duty("array")
def array():
    equal(ask("SELECT ARRAY['a', NULL, 'b\"c', 'd,e', 'å'], ARRAY[1, NULL, -9007199254740993]::bigint[]"),
          [('{a,NULL,"b\\"c","d,e",å}', "{1,NULL,-9007199254740993}")])
    return "as PostgreSQL's text: ODBC has no arrays"


@duty("error")
def error():
    with connect() as connection:
        told = refused(connection.execute, DROP)
        equal(told.args[0], "2BP01")
        assert DROP_HINT not in told.args[1], "the driver tells hints after all"
        equal(tuple(connection.execute("SELECT 1").fetchone()), (1,))
    return "without the hint, which the driver passes on to nobody"


@duty("cancel")
def cancel():
    with connect() as connection:
        cursor = connection.cursor()
        acting = once_it_runs(ask, cursor.cancel)
        told = refused(lambda: cursor.execute(LONG).fetchall())
        acting.result()
        assert told.args[0] in ("57014", "HY008"), told
        equal(tuple(connection.execute("SELECT 1").fetchone()), (1,))


skip("ODBC has no COPY", "copy-out")


@duty("portions")
def portions():
    with connect(UseDeclareFetch="1", Fetch="1000") as connection:
        cursor, total = connection.execute(MANY), 0
        while rows := cursor.fetchmany(1000):
            total += sum(row[0] for row in rows)
        equal(total, MANY_ADDED_UP)
    return "by DECLARE and FETCH of the driver (UseDeclareFetch=1)"


@duty("cursor")
def cursor():
    with connect(autocommit=False) as connection:
        connection.execute(f"DECLARE c CURSOR FOR {CURSOR}")
        equal([tuple(row) for row in connection.execute("FETCH 3 FROM c").fetchall()], [(1,), (2,), (3,)])
        connection.execute("MOVE 4 IN c")
        equal([tuple(row) for row in connection.execute("FETCH 2 FROM c").fetchall()], [(8,), (9,)])
        connection.execute("CLOSE c")


@duty("failed-transaction")
def failed_transaction():
    # Protocol=7.4-1: the transaction fails; 7.4-2: the driver sets a savepoint for each statement and goes back to it.
    with connect(autocommit=False, Protocol="7.4-1") as connection:
        equal(refused(lambda: connection.execute("SELECT 1 / 0").fetchall()).args[0], "22012")
        connection.rollback()
        equal(tuple(connection.execute("SELECT 1").fetchone()), (1,))
    with connect(autocommit=False, Protocol="7.4-2") as connection:
        connection.execute(SEGMENT)
        equal(refused(lambda: connection.execute("SELECT 1 / 0").fetchall()).args[0], "22012")
        equal(tuple(connection.execute("SELECT count(*) > 0 FROM rich").fetchone())[0] in (True, "1"), True)
        connection.rollback()
        equal(refused(lambda: connection.execute("SELECT 1 FROM rich").fetchall()).args[0], "42P01")
    return "rolled back by the driver; with a savepoint for each statement what came before it stays"


skip("pyodbc gives notices to nobody", "notice")


@duty("tables")
def tables():
    with connect() as connection:
        found = [row.table_name for row in connection.cursor().tables(schema="public", tableType="TABLE")]
        # Of PostgreSQL too it lists a materialized view as one of the tables.
        equal(sorted(found), sorted([*TABLES, "gold_list"]))
        column, = connection.cursor().columns(table="members", schema="public", column="loyalty_points").fetchall()
        equal((column.type_name, column.data_type), ("int8", pyodbc.SQL_BIGINT))
    return "SQLTables, SQLColumns"


@duty("segments")
def segments():
    with connect() as connection:
        equal([row.table_name for row in connection.cursor().tables(schema="public", tableType="VIEW")], ["gold"])
        found = [(row.column_name, row.type_name) for row in connection.cursor().columns(table="gold", schema="public")]
        equal(found, [("member_id", "text"), ("loyalty_points", "int8")])
    (definition,), = ask("SELECT pg_get_viewdef('gold'::regclass)")
    assert "loyalty_level = 'gold'" in definition, definition


@duty("audiences")
def audiences():
    with connect() as connection:
        found = [(row.table_name, row.table_type) for row in connection.cursor().tables(schema="public", table="gold_list")]
        equal(found, [("gold_list", "MATVIEW")])


@duty("create-segment")
def create_segment():
    with connect() as connection:
        connection.execute(SEGMENT)
        equal(ask("SELECT count(*) FROM rich"), ask("SELECT count(*) FROM members WHERE loyalty_points > 400"))
        connection.execute("DROP VIEW rich")
    equal(refused(ask, "SELECT 1 FROM rich").args[0], "42P01")


@duty("refresh-audience")
def refresh_audience():
    (before, _), = ask(RUN)
    with connect() as connection:
        connection.execute(REFRESH)
    equal(ask(RUN), [(before + 1, 2)])


with connect() as first:
    version = first.getinfo(pyodbc.SQL_DRIVER_VER)
report(f"{version}, pyodbc {pyodbc.version}")
