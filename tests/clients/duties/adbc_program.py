"""ADBC for PostgreSQL: queries by binary COPY into Arrow, its own GetObjects, statements and transactions."""

import datetime
from urllib.parse import quote

import adbc_driver_manager
import adbc_driver_postgresql
import adbc_driver_postgresql.dbapi
import pyarrow as pa

from asking import duty, equal, once_it_runs, refused, report, skip
from duties import *  # noqa: F403 - the shared description


def connect(password=None, **more):
    return adbc_driver_postgresql.dbapi.connect(f"postgresql://localhost{'?password=' + quote(password) if password else ''}", **more)


def ask(sql, parameters=None):
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()


@duty("sign-in")
def sign_in():
    equal(ask("SELECT current_user::text"), [("admin",)])


@duty("wrong-password")
def wrong_password():
    said = str(refused(connect, "wrong"))
    assert 'password authentication failed for user "admin"' in said, said


@duty("simple")
def simple():
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1 AS one, 'å' AS word")
        equal(cursor.fetch_arrow_table().to_pylist(), [{"one": 1, "word": "å"}])


skip("ADBC sends and receives binary only", "parameters-text")


@duty("parameters-binary")
def parameters():
    values = ("it's \"å\"", 9007199254740993, datetime.date(2028, 2, 29))
    equal(ask("SELECT $1::text, $2::bigint, $3::date", values), [values])
    equal(ask("SELECT member_id FROM members WHERE loyalty_level = $1 ORDER BY 1", ("gold",)), [(who,) for who in GOLD])


@duty("null")
def null():
    equal(ask("SELECT NULL::bigint, NULL::text, coalesce($1::text, 'none')", (None,)), [(None, None, "none")])


@duty("numeric")
def numeric():
    equal(ask(f"SELECT {NUMERIC}::numeric"), [(NUMERIC,)])
    # A numeric here is a decimal of 38 digits, which has no NaN: it is refused, never made something else.
    equal(refused(ask, "SELECT 'NaN'::numeric").sqlstate, "22003")
    return "as text, as it gives every numeric; NaN is refused, 22003"


@duty("timestamptz")
def timestamptz():
    instant = datetime.datetime(2026, 10, 25, 0, 30, 0, 123456, datetime.timezone.utc)
    equal(ask(f"SELECT timestamptz '{INSTANT}', $1::timestamptz", (instant,)), [(instant, instant)])


@duty("array")
def array():
    equal(ask("SELECT ARRAY['a', NULL, 'b\"c', 'd,e', 'å'], ARRAY[1, NULL, -9007199254740993]::bigint[]"), [(WORDS, NUMBERS)])


@duty("error")
def error():
    with connect(autocommit=True) as connection, connection.cursor() as cursor:
        told = refused(cursor.execute, DROP)
        equal(told.sqlstate, "2BP01")
        details = dict(told.details)
        equal(details.get(b"PG_DIAG_MESSAGE_HINT"), DROP_HINT.encode())
        cursor.execute("SELECT 1")
        equal(cursor.fetchall(), [(1,)])


@duty("cancel")
def cancel():
    with connect(autocommit=True) as connection, connection.cursor() as cursor:
        acting = once_it_runs(ask, cursor.adbc_cancel)
        told = refused(lambda: (cursor.execute(LONG), cursor.fetchall()))
        acting.result()
        assert "57014" in str(told) or "cancel" in str(told).lower(), told
        with connection.cursor() as other:
            other.execute("SELECT 1")
            equal(other.fetchall(), [(1,)])


@duty("copy-out")
def copy_out():
    equal(ask("SELECT * FROM (VALUES (1, 'x,y', NULL), (2, 'å', '')) AS t(a, b, c) ORDER BY a"), [(1, "x,y", None), (2, "å", "")])
    return "every query is one: it reads by COPY in binary"


@duty("portions")
def portions():
    with connect() as connection, connection.cursor() as cursor:
        cursor.adbc_statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": "65536"})
        cursor.execute(MANY)
        batches = list(cursor.fetch_record_batch())
        equal(sum(sum(batch.column(0).to_pylist()) for batch in batches), MANY_ADDED_UP)
        assert len(batches) > 1, len(batches)


@duty("cursor")
def cursor():
    with connect() as connection, connection.cursor() as cursor:
        cursor.adbc_statement.set_options(**{"adbc.postgresql.use_copy": "false"})
        cursor.execute(f"DECLARE c CURSOR FOR {CURSOR}")
        cursor.execute("FETCH 3 FROM c")
        equal(cursor.fetchall(), [(1,), (2,), (3,)])
        cursor.execute("MOVE 4 IN c")
        cursor.execute("FETCH 2 FROM c")
        equal(cursor.fetchall(), [(8,), (9,)])
        cursor.execute("CLOSE c")


@duty("failed-transaction")
def failed_transaction():
    with connect() as connection, connection.cursor() as cursor:
        equal(refused(lambda: (cursor.execute("SELECT 1 / 0"), cursor.fetchall())).sqlstate, "22012")
        said = str(refused(lambda: (cursor.execute("SELECT 1"), cursor.fetchall())))
        assert "the connection is in an error state; first rollback" in said, said
        connection.rollback()
        cursor.execute("SELECT 1")
        equal(cursor.fetchall(), [(1,)])
    return "the driver itself refuses until the rollback, as with PostgreSQL"


skip("ADBC gives notices to nobody", "notice")


def objects(kind):
    with connect() as connection:
        catalog, = connection.adbc_get_objects(depth="all", catalog_filter="regulars", db_schema_filter="public",
                                               table_types_filter=[kind]).read_all().to_pylist()
        schema, = catalog["catalog_db_schemas"]
        return {table["table_name"]: [column["column_name"] for column in sorted(table["table_columns"], key=lambda column: column["ordinal_position"])] for table in schema["db_schema_tables"]}


@duty("tables")
def tables():
    equal(sorted(objects("table")), TABLES)
    with connect() as connection:
        schema = connection.adbc_get_table_schema("members")
        equal(schema.field("loyalty_points").type, pa.int64())


@duty("segments")
def segments():
    equal(objects("view"), {"gold": ["member_id", "loyalty_points"]})
    with connect() as connection:
        equal([(field.name, field.type) for field in connection.adbc_get_table_schema("gold")],
              [("member_id", pa.string()), ("loyalty_points", pa.int64())])
    return "without the definition, for which it has no call"


@duty("audiences")
def audiences():
    equal(objects("materialized_view"), {"gold_list": ["member_id"]})


@duty("create-segment")
def create_segment():
    with connect(autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(SEGMENT)
        equal(ask("SELECT count(*) FROM rich"), ask("SELECT count(*) FROM members WHERE loyalty_points > 400"))
        cursor.execute("DROP VIEW rich")
        equal(refused(ask, "SELECT 1 FROM rich").sqlstate, "42P01")


@duty("refresh-audience")
def refresh_audience():
    (before, _), = ask(RUN)
    with connect(autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(REFRESH)
    equal(ask(RUN), [(before + 1, 2)])


report(adbc_driver_postgresql.__version__)
