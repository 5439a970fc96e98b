"""pandas over SQLAlchemy and psycopg 3: frames with their types, in chunks."""

import datetime
from decimal import Decimal

import pandas as pd
import sqlalchemy as sa

from asking import duty, equal, refused, report, skip
from duties import *  # noqa: F403 - the shared description

ENGINE = sa.create_engine("postgresql+psycopg://")


def ask(sql, parameters=None):
    return pd.read_sql_query(sa.text(sql.replace(":", "\\:") if parameters is None else sql), ENGINE, params=parameters)


@duty("sign-in")
def sign_in():
    equal(ask("SELECT current_user AS who")["who"].tolist(), ["admin"])


@duty("wrong-password")
def wrong_password():
    other = sa.create_engine("postgresql+psycopg://", connect_args={"password": "wrong"})
    said = str(refused(pd.read_sql_query, "SELECT 1", other))
    assert 'password authentication failed for user "admin"' in said, said


@duty("simple")
def simple():
    frame = ask("SELECT 1 AS one, 'å' AS word")
    equal(frame.to_dict("list"), {"one": [1], "word": ["å"]})


@duty("parameters-text")
def parameters():
    frame = ask("SELECT member_id FROM members WHERE loyalty_level = :level AND joined_on > :since ORDER BY 1",
                {"level": "gold", "since": datetime.date(1990, 1, 1)})
    equal(frame["member_id"].tolist(), GOLD)


skip("as psycopg 3 below it, which chooses the format", "parameters-binary")


@duty("null")
def null():
    frame = ask("SELECT g, CASE WHEN g = 2 THEN g END AS some FROM generate_series(1, 3) g ORDER BY g")
    equal(frame["some"].isna().tolist(), [True, False, True])


@duty("numeric")
def numeric():
    frame = pd.read_sql_query(sa.text(f"SELECT CAST({NUMERIC} AS numeric) AS n"), ENGINE, coerce_float=False)
    equal(frame["n"].tolist(), [Decimal(NUMERIC)])
    return "with coerce_float=False: else it makes floats of them, from PostgreSQL too"


@duty("timestamptz")
def timestamptz():
    frame = ask(f"SELECT timestamptz '{INSTANT}' AS at")
    equal(frame["at"].tolist(), [pd.Timestamp("2026-10-25 00:30:00.123456", tz="UTC")])
    assert isinstance(frame["at"].dtype, pd.DatetimeTZDtype), frame["at"].dtype


@duty("array")
def array():
    equal(ask("SELECT ARRAY['a', NULL, 'b\"c', 'd,e', 'å'] AS words")["words"].tolist(), [WORDS])


@duty("error")
def error():
    told = refused(ask, "SELECT nothing FROM members")
    # pandas 3 wraps what SQLAlchemy raises.
    equal(told.__cause__.orig.sqlstate, "42703")
    return "of a query: it sends nothing else"


skip("as its SQLAlchemy connection and psycopg 3 below it", "cancel", "copy-out", "cursor", "failed-transaction", "notice",
     "create-segment", "refresh-audience")


@duty("portions")
def portions():
    with ENGINE.connect().execution_options(stream_results=True, max_row_buffer=1000) as connection:
        frames = list(pd.read_sql_query(sa.text(MANY), connection, chunksize=1000))
    equal((len(frames), sum(int(frame["g"].sum()) for frame in frames)), (100, MANY_ADDED_UP))


@duty("tables")
def tables():
    frame = pd.read_sql_table("members", ENGINE, columns=["member_id", "loyalty_points"])
    equal((len(frame), str(frame["loyalty_points"].dtype.kind)), (18, "i") if not frame["loyalty_points"].isna().any() else (18, "f"))
    return "read_sql_table, which reflects by SQLAlchemy"


@duty("segments")
def segments():
    frame = pd.read_sql_table("gold", ENGINE).sort_values("member_id")
    equal(frame["member_id"].tolist(), GOLD)
    equal(list(frame.columns), ["member_id", "loyalty_points"])
    return "read_sql_table of a view"


@duty("audiences")
def audiences():
    equal(sorted(pd.read_sql_table("gold_list", ENGINE)["member_id"]), GOLD)
    return "read_sql_table of a materialized view"


report(pd.__version__)
