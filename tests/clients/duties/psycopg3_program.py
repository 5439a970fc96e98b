"""psycopg 3: the duties by its own parameters, server cursor, COPY and notices; it has no reflection of its own."""

import datetime
from decimal import Decimal

import psycopg

from asking import duty, equal, once_it_runs, refused, report
from duties import *  # noqa: F403 - the shared description
import catalog_queries


def connect(**more):
    return psycopg.connect(autocommit=True, **more)


def ask(sql, parameters=None, **how):
    with connect() as connection:
        return connection.execute(sql, parameters, **how).fetchall()


@duty("sign-in")
def sign_in():
    with connect(channel_binding="require") as connection:
        assert connection.pgconn.ssl_in_use
        equal(connection.execute("SELECT current_user").fetchall(), [("admin",)])


@duty("wrong-password")
def wrong_password():
    said = str(refused(lambda: connect(password="wrong")))
    assert 'password authentication failed for user "admin"' in said, said


@duty("simple")
def simple():
    with connect() as connection:
        cursor = connection.execute("SELECT 1 AS one, 'å' AS word; SELECT 2 AS two")
        equal([column.name for column in cursor.description], ["one", "word"])
        equal(cursor.fetchall(), [(1, "å")])
        assert cursor.nextset()
        equal(cursor.fetchall(), [(2,)])


def parameters(form):
    found = ask(f"SELECT %{form}::text, %{form}::bigint, %{form}::date", ["it's \"å\"", 9007199254740993, datetime.date(2028, 2, 29)])
    equal(found, [("it's \"å\"", 9007199254740993, datetime.date(2028, 2, 29))])
    equal(ask(f"SELECT member_id FROM members WHERE loyalty_level = %{form} ORDER BY 1", ["gold"]), [(who,) for who in GOLD])


duty("parameters-text")(lambda: parameters("t"))
duty("parameters-binary")(lambda: parameters("b"))


@duty("null")
def null():
    for binary in (False, True):
        equal(ask("SELECT NULL::bigint, NULL::text, coalesce(%s::text, 'none')", [None], binary=binary), [(None, None, "none")])


@duty("numeric")
def numeric():
    for binary in (False, True):
        equal(ask(f"SELECT {NUMERIC}::numeric, %s::numeric", [Decimal(NUMERIC)], binary=binary), [(Decimal(NUMERIC),) * 2])


@duty("timestamptz")
def timestamptz():
    instant = datetime.datetime(2026, 10, 25, 0, 30, 0, 123456, datetime.timezone.utc)
    for binary in (False, True):
        equal(ask(f"SELECT timestamptz '{INSTANT}', %s::timestamptz", [instant], binary=binary), [(instant, instant)])


@duty("array")
def array():
    for binary in (False, True):
        equal(ask("SELECT %s::text[], %s::bigint[]", [WORDS, NUMBERS], binary=binary), [(WORDS, NUMBERS)])


@duty("error")
def error():
    with connect() as connection:
        told = refused(connection.execute, DROP)
        equal((told.sqlstate, told.diag.message_hint), ("2BP01", DROP_HINT))
        equal(connection.execute("SELECT 1").fetchall(), [(1,)])


@duty("cancel")
def cancel():
    with connect() as connection:
        acting = once_it_runs(ask, connection.cancel_safe)
        equal(refused(connection.execute, LONG).sqlstate, "57014")
        acting.result()
        equal(connection.execute("SELECT 1").fetchall(), [(1,)])


@duty("copy-out")
def copy_out():
    with connect() as connection, connection.cursor().copy(COPY) as copy:
        equal(b"".join(copy).decode(), COPIED)


@duty("portions")
def portions():
    with psycopg.connect() as connection, connection.cursor("portions") as cursor:
        cursor.itersize = 1000
        equal(sum(row[0] for row in cursor.execute(MANY)), MANY_ADDED_UP)
    with connect() as connection, connection.cursor() as cursor:
        equal(sum(row[0] for row in cursor.stream(MANY)), MANY_ADDED_UP)


@duty("cursor")
def cursor():
    with psycopg.connect() as connection, connection.cursor("named") as named:
        named.execute(CURSOR)
        equal(named.fetchmany(3), [(1,), (2,), (3,)])
        named.scroll(4)
        equal(named.fetchmany(2), [(8,), (9,)])


@duty("failed-transaction")
def failed_transaction():
    with psycopg.connect() as connection:
        equal(refused(connection.execute, "SELECT 1 / 0").sqlstate, "22012")
        equal(refused(connection.execute, "SELECT 1").sqlstate, "25P02")
        connection.rollback()
        equal(connection.execute("SELECT 1").fetchall(), [(1,)])


@duty("notice")
def notice():
    told = []
    with connect() as connection:
        connection.add_notice_handler(lambda diagnostic: told.append((diagnostic.severity, diagnostic.message_primary)))
        connection.execute(DROP_NOTHING)
    equal(told, [("NOTICE", NOTICE)])


catalog_queries.register(ask)


@duty("create-segment")
def create_segment():
    with connect() as connection:
        equal(connection.execute(SEGMENT).statusmessage, "CREATE VIEW")
        equal(connection.execute("SELECT count(*) FROM rich").fetchall(),
              connection.execute("SELECT count(*) FROM members WHERE loyalty_points > 400").fetchall())
        connection.execute("DROP VIEW rich")
        equal(refused(connection.execute, "SELECT 1 FROM rich").sqlstate, "42P01")


@duty("refresh-audience")
def refresh_audience():
    (before, _), = ask(RUN)
    with connect() as connection:
        connection.execute(REFRESH)
    equal(ask(RUN), [(before + 1, 2)])


report(f"{psycopg.__version__}, libpq {psycopg.pq.version()}")
