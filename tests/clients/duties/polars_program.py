"""polars: read_database over ADBC (Arrow, by binary COPY) and read_database_uri over ConnectorX (its own Rust driver)."""

import datetime
import os
from decimal import Decimal
from urllib.parse import quote

import adbc_driver_postgresql.dbapi
import polars as pl

from asking import duty, equal, refused, report, skip
from duties import *  # noqa: F403 - the shared description


def connect(password=None):
    # libpq reads the rest in the environment.
    return adbc_driver_postgresql.dbapi.connect(f"postgresql://localhost{'?password=' + quote(password) if password else ''}")


def ask(sql, **how):
    with connect() as connection:
        return pl.read_database(sql, connection, **how)


@duty("sign-in")
def sign_in():
    equal(ask("SELECT current_user::text AS who")["who"].to_list(), ["admin"])


@duty("wrong-password")
def wrong_password():
    said = str(refused(connect, "wrong"))
    assert 'password authentication failed for user "admin"' in said, said


@duty("simple")
def simple():
    equal(ask("SELECT 1 AS one, 'å' AS word").to_dict(as_series=False), {"one": [1], "word": ["å"]})


skip("ADBC sends binary only", "parameters-text")


@duty("parameters-binary")
def parameters():
    frame = ask("SELECT member_id FROM members WHERE loyalty_level = $1 ORDER BY 1", execute_options={"parameters": ["gold"]})
    equal(frame["member_id"].to_list(), GOLD)


@duty("null")
def null():
    frame = ask("SELECT g, CASE WHEN g = 2 THEN g END AS some FROM generate_series(1, 3) g ORDER BY g")
    equal((frame["some"].to_list(), frame.schema["some"].is_integer()), ([None, 2, None], True))


@duty("numeric")
def numeric():
    equal(ask(f"SELECT {NUMERIC}::numeric AS n")["n"].to_list(), [NUMERIC])
    return "as text: ADBC gives a numeric so, to lose no digit"


@duty("timestamptz")
def timestamptz():
    frame = ask(f"SELECT timestamptz '{INSTANT}' AS at")
    equal(frame["at"].to_list(), [datetime.datetime(2026, 10, 25, 0, 30, 0, 123456, datetime.timezone.utc)])


@duty("array")
def array():
    frame = ask("SELECT ARRAY['a', NULL, 'b\"c', 'd,e', 'å'] AS words, ARRAY[1, NULL, -9007199254740993]::bigint[] AS numbers")
    equal((frame["words"].to_list(), frame["numbers"].to_list()), ([WORDS], [NUMBERS]))


@duty("error")
def error():
    said = str(refused(ask, "SELECT nothing FROM members"))
    assert 'column "nothing" does not exist' in said and "42703" in said, said
    return "of a query: it sends nothing else"


skip("as ADBC below it", "cancel", "cursor", "failed-transaction", "notice", "create-segment", "refresh-audience")


@duty("copy-out")
def copy_out():
    frame = ask("SELECT * FROM (VALUES (1, 'x,y', NULL), (2, 'å', '')) AS t(a, b, c) ORDER BY a")
    equal(frame.rows(), [(1, "x,y", None), (2, "å", "")])
    return "every query is one: ADBC reads by COPY in binary"


@duty("portions")
def portions():
    with connect() as connection, connection.cursor() as cursor:
        # How large a portion is, only the driver decides.
        cursor.adbc_statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": "65536"})
        frames = list(pl.read_database(MANY, cursor, iter_batches=True, batch_size=1000))
    # polars adds up 32-bit integers in 32 bits.
    equal(sum(frame["g"].cast(pl.Int64).sum() for frame in frames), MANY_ADDED_UP)
    assert len(frames) > 1, len(frames)


skip("polars has no reflection", "tables", "segments", "audiences")

report(f"{pl.__version__} over ADBC {adbc_driver_postgresql.__version__}")
