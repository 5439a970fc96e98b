"""SQLAlchemy 2 over psycopg 3: core, ORM and its inspector."""

import datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.dialects.postgresql import ARRAY

from asking import duty, equal, once_it_runs, refused, report, skip
from duties import *  # noqa: F403 - the shared description

ENGINE = sa.create_engine("postgresql+psycopg://")  # libpq reads the rest in the environment


def ask(sql, parameters=None):
    with ENGINE.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(sql), parameters or {})]


@duty("sign-in")
def sign_in():
    with ENGINE.connect() as connection:
        assert connection.connection.driver_connection.pgconn.ssl_in_use
        equal(connection.scalar(sa.select(sa.func.current_user())), "admin")


@duty("wrong-password")
def wrong_password():
    told = refused(sa.create_engine("postgresql+psycopg://", connect_args={"password": "wrong"}).connect)
    assert isinstance(told, sa.exc.OperationalError), told
    assert 'password authentication failed for user "admin"' in str(told), told


@duty("simple")
def simple():
    with ENGINE.connect() as connection:
        row, = connection.execute(sa.text("SELECT 1 AS one, 'å' AS word")).mappings()
        equal(dict(row), {"one": 1, "word": "å"})


skip("as psycopg 3 below it, which chooses the format", "parameters-binary")


@duty("parameters-text")
def parameters():
    values = {"a": "it's \"å\"", "b": 9007199254740993, "c": datetime.date(2028, 2, 29)}
    equal(ask("SELECT cast(:a AS text), cast(:b AS bigint), cast(:c AS date)", values), [tuple(values.values())])

    class Base(orm.DeclarativeBase):
        pass

    class Member(Base):
        __tablename__ = "members"
        member_id: orm.Mapped[str] = orm.mapped_column(primary_key=True)
        loyalty_level: orm.Mapped[str]

    with orm.Session(ENGINE) as session:
        found = session.scalars(sa.select(Member).where(Member.loyalty_level == "gold").order_by(Member.member_id)).all()
        equal([member.member_id for member in found], GOLD)
        equal(session.get(Member, "lunch").loyalty_level, "gold")
    return "core and ORM"


@duty("null")
def null():
    equal(ask("SELECT cast(NULL AS bigint), coalesce(cast(:a AS text), 'none')", {"a": None}), [(None, "none")])


@duty("numeric")
def numeric():
    equal(ask("SELECT cast(:a AS numeric)", {"a": Decimal(NUMERIC)}), [(Decimal(NUMERIC),)])


@duty("timestamptz")
def timestamptz():
    instant = datetime.datetime(2026, 10, 25, 0, 30, 0, 123456, datetime.timezone.utc)
    equal(ask(f"SELECT timestamptz '{INSTANT.replace(':', chr(92) + ':')}', cast(:a AS timestamptz)", {"a": instant}), [(instant, instant)])


@duty("array")
def array():
    with ENGINE.connect() as connection:
        words = sa.literal(WORDS, ARRAY(sa.Text))
        numbers = sa.literal(NUMBERS, ARRAY(sa.BigInteger))
        row = connection.execute(sa.select(words, numbers)).one()
        equal(tuple(row), (WORDS, NUMBERS))


@duty("error")
def error():
    with ENGINE.connect() as connection:
        told = refused(connection.execute, sa.text(DROP))
        equal((told.orig.sqlstate, told.orig.diag.message_hint), ("2BP01", DROP_HINT))
        connection.rollback()
        equal(connection.scalar(sa.text("SELECT 1")), 1)


@duty("cancel")
def cancel():
    with ENGINE.connect() as connection:
        acting = once_it_runs(ask, connection.connection.driver_connection.cancel_safe)
        equal(refused(connection.execute, sa.text(LONG)).orig.sqlstate, "57014")
        acting.result()
        connection.rollback()
        equal(connection.scalar(sa.text("SELECT 1")), 1)
    return "by its driver's connection"


skip("COPY is its driver's: see psycopg 3", "copy-out")
skip("its streams are cursors of the server: see `portions`", "cursor")


@duty("portions")
def portions():
    with ENGINE.connect().execution_options(yield_per=1000) as connection:
        equal(sum(connection.execute(sa.text(MANY)).scalars()), MANY_ADDED_UP)


@duty("failed-transaction")
def failed_transaction():
    with ENGINE.connect() as connection:
        equal(refused(connection.execute, sa.text("SELECT 1 / 0")).orig.sqlstate, "22012")
        equal(refused(connection.execute, sa.text("SELECT 1")).orig.sqlstate, "25P02")
        connection.rollback()
        with connection.begin():
            equal(refused(lambda: nested(connection)).orig.sqlstate, "22012")
            equal(connection.scalar(sa.text("SELECT 1")), 1, "after its savepoint")


def nested(connection):
    with connection.begin_nested():
        connection.execute(sa.text("SELECT 1 / 0"))


@duty("notice")
def notice():
    told = []
    with ENGINE.connect() as connection:
        connection.connection.driver_connection.add_notice_handler(lambda diagnostic: told.append(diagnostic.message_primary))
        connection.execute(sa.text(DROP_NOTHING))
    equal(told, [NOTICE])


@duty("tables")
def tables():
    found = sa.inspect(ENGINE)
    equal(sorted(found.get_table_names()), TABLES)
    types = {column["name"]: column["type"] for column in found.get_columns("members")}
    assert isinstance(types["loyalty_points"], sa.BIGINT), types
    equal(found.get_pk_constraint("members")["constrained_columns"], [])


@duty("segments")
def segments():
    found = sa.inspect(ENGINE)
    equal(found.get_view_names(), ["gold"])
    equal([(column["name"], str(column["type"]), column["comment"]) for column in found.get_columns("gold")],
          [("member_id", "TEXT", "who"), ("loyalty_points", "BIGINT", None)])
    assert "loyalty_level = 'gold'" in found.get_view_definition("gold")
    equal(found.get_table_comment("gold"), {"text": "Gold members"})
    gold = sa.Table("gold", sa.MetaData(), autoload_with=ENGINE)
    with ENGINE.connect() as connection:
        equal(connection.scalars(sa.select(gold.c.member_id).order_by(gold.c.member_id)).all(), GOLD)


@duty("audiences")
def audiences():
    found = sa.inspect(ENGINE)
    equal(found.get_materialized_view_names(), ["gold_list"])
    equal([column["name"] for column in found.get_columns("gold_list")], ["member_id"])


@duty("create-segment")
def create_segment():
    with ENGINE.begin() as connection:
        connection.execute(sa.text(SEGMENT))
    equal(ask("SELECT count(*) FROM rich"), ask("SELECT count(*) FROM members WHERE loyalty_points > 400"))
    with ENGINE.begin() as connection:
        connection.execute(sa.text("DROP VIEW rich"))
    equal(sa.inspect(ENGINE).has_table("rich"), False)


@duty("refresh-audience")
def refresh_audience():
    (before, _), = ask(RUN)
    with ENGINE.begin() as connection:
        connection.execute(sa.text(REFRESH))
    equal(ask(RUN), [(before + 1, 2)])


report(sa.__version__)
