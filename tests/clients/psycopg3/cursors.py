"""psycopg 3: cursors of the server, COPY to the client, pipelines, binary results, what the session has prepared."""

import datetime
import struct
from decimal import Decimal

import psycopg
from psycopg import errors
from psycopg.rows import dict_row

from checking import check, equal, run

SERIES = "SELECT value FROM generate_series(1, 1000) AS s(value) ORDER BY 1"


def connect(**options):
    return psycopg.connect(autocommit=True, **options)


@check
def a_named_cursor_reads_some_rows_at_a_time():
    for binary in (False, True):
        with connect() as connection, connection.transaction():
            with connection.cursor("series", binary=binary) as cursor:
                cursor.itersize = 64
                cursor.execute(SERIES)
                equal(cursor.description[0].name, "value")
                equal(cursor.fetchone(), (1,))
                equal(cursor.fetchmany(3), [(2,), (3,), (4,)])
                equal(sum(value for (value,) in cursor), 500500 - 10)
                equal(cursor.fetchall(), [])
            equal(connection.execute("SELECT count(*) FROM pg_cursors WHERE name = 'series'").fetchone(), (0,))


@check
def a_named_cursor_has_parameters():
    with connect() as connection, connection.transaction():
        with connection.cursor("gold", row_factory=dict_row) as cursor:
            cursor.execute("SELECT member_id, loyalty_points FROM members WHERE loyalty_points > %s ORDER BY 2 DESC", [400])
            equal(cursor.fetchall(), [{"member_id": "regular", "loyalty_points": 1200}, {"member_id": "abroad", "loyalty_points": 410}])


@check
def a_cursor_scrolls():
    with connect() as connection, connection.transaction():
        with connection.cursor("scrolled", scrollable=True) as cursor:
            cursor.execute(SERIES)
            cursor.scroll(500)
            equal(cursor.fetchone(), (501,))
            cursor.scroll(-2)
            equal(cursor.fetchone(), (500,))
            cursor.scroll(10, mode="absolute")
            equal(cursor.fetchone(), (11,))
            equal(connection.execute("SELECT is_scrollable, is_holdable FROM pg_cursors WHERE name = 'scrolled'").fetchone(), (True, False))
        with connection.cursor("straight", scrollable=False) as cursor:
            cursor.execute(SERIES)
            equal(cursor.fetchmany(2), [(1,), (2,)])
            try:
                with connection.transaction():
                    cursor.scroll(-1)
            except errors.ObjectNotInPrerequisiteState:
                pass
            else:
                raise AssertionError("it went back")


@check
def a_cursor_outlives_its_transaction():
    with psycopg.connect() as connection:
        with connection.cursor("held", withhold=True) as held, connection.cursor("ended") as ended:
            held.execute(SERIES)
            ended.execute(SERIES)
            equal(held.fetchone(), (1,))
            connection.commit()
            equal(held.fetchmany(2), [(2,), (3,)])
            try:
                ended.fetchone()
            except errors.InvalidCursorName:
                connection.rollback()
            else:
                raise AssertionError("it outlived its transaction")


@check
def a_name_is_taken_once():
    with connect() as connection, connection.transaction():
        first = connection.cursor("twice")
        first.execute(SERIES)
        try:
            with connection.transaction():
                connection.cursor("twice").execute(SERIES)
        except errors.DuplicateCursor:
            pass
        else:
            raise AssertionError("two cursors of one name")
        equal(first.fetchone(), (1,))


@check
def copy_gives_rows():
    with connect() as connection, connection.cursor() as cursor:
        with cursor.copy("COPY (SELECT member_id, loyalty_points, phone FROM members WHERE loyalty_points > 300 ORDER BY 2) TO STDOUT") as copy:
            equal(list(copy.rows()), [("lunch", "320", "+46701740605"), ("abroad", "410", "+12125550100"), ("regular", "1200", "+46701740608")])
        equal(cursor.rowcount, 3)
        with cursor.copy("COPY (SELECT 1::int4, 'a'::text, NULL::date, 1.50::numeric(8,2)) TO STDOUT (FORMAT binary)") as copy:
            copy.set_types(["int4", "text", "date", "numeric"])
            equal(list(copy.rows()), [(1, "a", None, Decimal("1.50"))])
        with cursor.copy("COPY (SELECT E'tab\\there', NULL, '\\N') TO STDOUT") as copy:
            equal(bytes(b"".join(copy)), b"tab\\there\t\\N\t\\\\N\n")
        with cursor.copy("COPY stores (store_id, currency) TO STDOUT (FORMAT csv, HEADER, FORCE_QUOTE (currency))") as copy:
            lines = b"".join(copy).decode().splitlines()
        equal((lines[0], sorted(lines[1:])[0]), ("store_id,currency", 'bar,"SEK"'))


@check
def copy_binary_has_postgresqls_frame():
    with connect() as connection, connection.cursor() as cursor:
        with cursor.copy("COPY (SELECT 7::int8) TO STDOUT (FORMAT binary)") as copy:
            found = b"".join(copy)
    equal(found, b"PGCOPY\n\xff\r\n\0" + struct.pack("!iihiqh", 0, 0, 1, 8, 7, -1))


@check
def a_copy_that_fails_leaves_the_connection_whole():
    with connect() as connection:
        for sql, state in (("COPY (SELECT 1 / (value - 3) FROM generate_series(1, 5) AS s(value)) TO STDOUT", "22012"),
                           ("COPY nowhere TO STDOUT", "42P01"), ("COPY members FROM STDIN", "0A000")):
            try:
                with connection.cursor().copy(sql) as copy:
                    list(copy)
            except psycopg.Error as error:
                equal(error.sqlstate, state, sql)
            else:
                raise AssertionError(f"not refused: {sql}")
            equal(connection.execute("SELECT 1").fetchone(), (1,))


@check
def a_pipeline_of_many_kinds():
    with connect() as connection:
        with connection.pipeline() as pipeline:
            view = connection.execute("CREATE VIEW piped AS SELECT 1 AS one")
            rows = connection.execute("SELECT one FROM piped")
            pipeline.sync()
            shown = connection.execute("SHOW TimeZone")
            dropped = connection.execute("DROP VIEW piped")
            late = connection.execute("SELECT %s::date", [datetime.date(2026, 11, 26)])
        equal((view.statusmessage, rows.fetchall(), shown.fetchone(), dropped.statusmessage, late.fetchone()),
              ("CREATE VIEW", [(1,)], ("UTC",), "DROP VIEW", (datetime.date(2026, 11, 26),)))


@check
def binary_results_of_the_catalog():
    with connect() as connection, connection.cursor(binary=True) as cursor:
        cursor.execute("SELECT oid, relname, relkind, relnatts, relhasrules, reltuples FROM pg_class WHERE relname = 'pg_tables'")
        row = cursor.fetchone()
        equal(row[1:3] + row[4:], ("pg_tables", "v", True, -1.0))


@check
def what_is_prepared_is_shown():
    with connect() as connection:
        connection.execute("SELECT %s::bigint + 1", [1], prepare=True)
        found = connection.execute("SELECT statement, parameter_types::text, from_sql FROM pg_prepared_statements").fetchall()
        equal(found, [("SELECT $1::bigint + 1", "{smallint}", False)])
        connection.execute("DEALLOCATE ALL")
        equal(connection.execute("SELECT count(*) FROM pg_prepared_statements", prepare=False).fetchone(), (0,))


@check
def another_session_is_cancelled_and_ended():
    with connect() as connection, connect() as other:
        notices = []
        connection.add_notice_handler(lambda notice: notices.append((notice.severity_nonlocalized, notice.message_primary)))
        equal(connection.execute("SELECT pg_cancel_backend(%s)", [other.info.backend_pid]).fetchone(), (True,))
        equal(other.execute("SELECT 1").fetchone(), (1,), "nothing was running")
        equal(connection.execute("SELECT pg_terminate_backend(%s)", [other.info.backend_pid]).fetchone(), (True,))
        try:
            other.execute("SELECT 1")
        except psycopg.OperationalError:
            pass
        else:
            raise AssertionError("it lives on")
        equal(notices, [])
        equal(connection.execute("SELECT pg_terminate_backend(2147483647)").fetchone(), (False,))
        equal(notices, [("WARNING", "PID 2147483647 is not a PostgreSQL server process")])


run()
