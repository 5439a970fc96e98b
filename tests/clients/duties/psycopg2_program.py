"""psycopg2: simple queries with its values written into the text, named cursors, copy_expert."""

import datetime
import io
from decimal import Decimal

import psycopg2
import psycopg2.extras

import catalog_queries
from asking import duty, equal, once_it_runs, refused, report, skip
from duties import *  # noqa: F403 - the shared description


def connect(**more):
    return psycopg2.connect("", **more)


def ask(sql, parameters=None):
    connection = connect()
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return cursor.fetchall()
    finally:
        connection.close()


@duty("sign-in")
def sign_in():
    connection = connect()
    assert connection.info.ssl_in_use
    connection.close()
    equal(ask("SELECT current_user"), [("admin",)])


@duty("wrong-password")
def wrong_password():
    said = str(refused(lambda: connect(password="wrong")))
    assert 'password authentication failed for user "admin"' in said, said


@duty("simple")
def simple():
    connection = connect()
    with connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
        cursor.execute("SELECT 1 AS one, 'å' AS word")
        equal([dict(row) for row in cursor.fetchall()], [{"one": 1, "word": "å"}])
    connection.close()


@duty("parameters-text")
def parameters():
    values = ("it's \"å\" \\", 9007199254740993, datetime.date(2028, 2, 29))
    equal(ask("SELECT %s::text, %s::bigint, %s::date", values), [values])
    equal(ask("SELECT member_id FROM members WHERE loyalty_level = %s ORDER BY 1", ("gold",)), [(who,) for who in GOLD])
    connection = connect()
    with connection.cursor() as cursor:
        equal(psycopg2.extras.execute_values(cursor, "SELECT a + b FROM (VALUES %s) AS t(a, b)", [(1, 2), (3, 4)], fetch=True), [(3,), (7,)])
    connection.close()
    return "it writes them into the text as literals"


skip("psycopg2 knows text only", "parameters-binary")


@duty("null")
def null():
    equal(ask("SELECT NULL::bigint, NULL::text, coalesce(%s::text, 'none')", (None,)), [(None, None, "none")])


@duty("numeric")
def numeric():
    equal(ask(f"SELECT {NUMERIC}::numeric, %s", (Decimal(NUMERIC),)), [(Decimal(NUMERIC),) * 2])


@duty("timestamptz")
def timestamptz():
    instant = datetime.datetime(2026, 10, 25, 0, 30, 0, 123456, datetime.timezone.utc)
    equal(ask(f"SELECT timestamptz '{INSTANT}', %s", (instant,)), [(instant, instant)])


@duty("array")
def array():
    equal(ask("SELECT %s::text[], %s::bigint[]", (WORDS, NUMBERS)), [(WORDS, NUMBERS)])


@duty("error")
def error():
    connection = connect()
    connection.autocommit = True
    cursor = connection.cursor()
    told = refused(cursor.execute, DROP)
    equal((told.pgcode, told.diag.message_hint), ("2BP01", DROP_HINT))
    cursor.execute("SELECT 1")
    equal(cursor.fetchall(), [(1,)])
    connection.close()


@duty("cancel")
def cancel():
    connection = connect()
    acting = once_it_runs(ask, connection.cancel)
    equal(refused(connection.cursor().execute, LONG).pgcode, "57014")
    acting.result()
    connection.rollback()
    cursor = connection.cursor()
    cursor.execute("SELECT 1")
    equal(cursor.fetchall(), [(1,)])
    connection.close()


@duty("copy-out")
def copy_out():
    connection = connect()
    out = io.BytesIO()
    connection.cursor().copy_expert(COPY, out)
    equal(out.getvalue().decode(), COPIED)
    connection.close()


@duty("portions")
def portions():
    connection = connect()
    cursor = connection.cursor("portions")
    cursor.itersize = 1000
    cursor.execute(MANY)
    equal(sum(row[0] for row in cursor), MANY_ADDED_UP)
    connection.close()


@duty("cursor")
def cursor():
    connection = connect()
    named = connection.cursor("named")
    named.execute(CURSOR)
    equal(named.fetchmany(3), [(1,), (2,), (3,)])
    named.scroll(4)
    equal(named.fetchmany(2), [(8,), (9,)])
    named.close()
    connection.close()


@duty("failed-transaction")
def failed_transaction():
    connection = connect()
    cursor = connection.cursor()
    equal(refused(cursor.execute, "SELECT 1 / 0").pgcode, "22012")
    equal(refused(cursor.execute, "SELECT 1").pgcode, "25P02")
    connection.rollback()
    cursor.execute("SELECT 1")
    equal(cursor.fetchall(), [(1,)])
    connection.close()


@duty("notice")
def notice():
    connection = connect()
    connection.cursor().execute(DROP_NOTHING)
    equal(connection.notices, [f"NOTICE:  {NOTICE}\n"])
    connection.close()


catalog_queries.register(ask)


@duty("create-segment")
def create_segment():
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute(SEGMENT)
        equal(cursor.statusmessage, "CREATE VIEW")
    equal(ask("SELECT count(*) FROM rich"), ask("SELECT count(*) FROM members WHERE loyalty_points > 400"))
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute("DROP VIEW rich")
    equal(refused(ask, "SELECT 1 FROM rich").pgcode, "42P01")


@duty("refresh-audience")
def refresh_audience():
    (before, _), = ask(RUN)
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute(REFRESH)
    equal(ask(RUN), [(before + 1, 2)])


report(f"{psycopg2.__version__.split()[0]}, libpq {psycopg2.__libpq_version__}")
