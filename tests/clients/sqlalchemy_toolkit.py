"""SQLAlchemy 2 over psycopg 3 and over asyncpg: what its inspector finds, Core selects of many types, isolation, streams."""

import asyncio
import datetime
import os
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.dialects import postgresql

from checking import PGHOST, PGPORT, check, equal, pending, run

ADDRESS = f"{os.environ['PGUSER']}@{PGHOST}:{PGPORT}/{os.environ['PGDATABASE']}"
ENGINE = sa.create_engine(f"postgresql+psycopg://{ADDRESS}")
TABLES = ["business_customers", "consents", "loyalty_levels", "member_levels", "members", "products", "purchase_lines", "purchases",
          "stores"]
VIEWS = {
    "gold": "SELECT member_id, loyalty_points FROM members WHERE loyalty_level = 'gold'",
    "everything": "SELECT member_id, joined_on, verified_at, loyalty_points, 1.50::numeric(8,2) AS price, 1::int2 AS small,"
                  " 2::int4 AS whole, 0.5::float8 AS share, true AS yes, '08:00'::time AS at, ARRAY['a'] AS words,"
                  " '3 days'::interval AS span FROM members",
}


def prepare():
    with ENGINE.begin() as connection:
        connection.execute(sa.text("CREATE SCHEMA crm"))
        for name, query in VIEWS.items():
            connection.execute(sa.text(f"CREATE VIEW {name} AS {query}".replace(":", "\\:")))
        connection.execute(sa.text("CREATE VIEW crm.best AS SELECT * FROM gold WHERE loyalty_points > 400"))
        connection.execute(sa.text("COMMENT ON VIEW gold IS 'Gold members'"))
        connection.execute(sa.text("COMMENT ON COLUMN gold.member_id IS 'who'"))
        connection.execute(sa.text("COMMENT ON SCHEMA crm IS 'campaigns'"))


prepare()


@check
def names_are_listed():
    found = sa.inspect(ENGINE)
    equal(found.default_schema_name, "public")
    equal(sorted(found.get_schema_names()), ["crm", "information_schema", "public", "regulars"])
    equal(sorted(found.get_table_names()), TABLES)
    equal(sorted(found.get_view_names()), ["everything", "gold"])
    equal(found.get_view_names("crm"), ["best"])
    equal(found.get_table_names("crm"), [])
    equal(found.get_materialized_view_names(), [])
    equal(found.get_temp_table_names(), [])
    equal(found.get_sequence_names(), [])
    equal(found.get_foreign_table_names(), [])
    equal(found.get_enums(), [])
    equal(found.get_domains(), [])
    for name, there in (("members", True), ("gold", True), ("nosuch", False)):
        equal(found.has_table(name), there, name)
    equal((found.has_table("best", schema="crm"), found.has_schema("crm"), found.has_schema("no")), (True, True, False))


@check
def columns_have_types_comments_and_defaults():
    columns = sa.inspect(ENGINE).get_columns("everything")
    equal([(column["name"], str(column["type"].compile(dialect=postgresql.dialect()))) for column in columns], [
        ("member_id", "TEXT"), ("joined_on", "DATE"), ("verified_at", "TIMESTAMP WITH TIME ZONE"), ("loyalty_points", "BIGINT"),
        ("price", "NUMERIC(8, 2)"), ("small", "SMALLINT"), ("whole", "INTEGER"), ("share", "DOUBLE PRECISION"), ("yes", "BOOLEAN"),
        ("at", "TIME WITHOUT TIME ZONE"), ("words", "TEXT[]"), ("span", "INTERVAL"),
    ])
    for column in columns:
        equal((column["nullable"], column["default"], column["autoincrement"], column["comment"]), (True, None, False, None))
    equal([column["comment"] for column in sa.inspect(ENGINE).get_columns("gold")], ["who", None])


@check
def keys_indexes_and_constraints_are_none_where_none_are_kept():
    found = sa.inspect(ENGINE)
    for name in ("members", "gold"):
        equal(found.get_pk_constraint(name)["constrained_columns"], [], name)
        equal(found.get_foreign_keys(name), [], name)
        equal(found.get_indexes(name), [], name)
        equal(found.get_unique_constraints(name), [], name)
        equal(found.get_check_constraints(name), [], name)
    for multi in (found.get_multi_columns(), found.get_multi_pk_constraint(), found.get_multi_foreign_keys(), found.get_multi_indexes(),
                  found.get_multi_unique_constraints(), found.get_multi_check_constraints(), found.get_multi_table_comment()):
        equal(sorted(name for _, name in multi), TABLES)


@check
def comments_and_definitions():
    found = sa.inspect(ENGINE)
    equal(found.get_table_comment("gold"), {"text": "Gold members"})
    equal(found.get_view_definition("gold").strip().rstrip(";"), VIEWS["gold"])
    equal(found.get_view_definition("best", schema="crm").strip().rstrip(";"), "SELECT * FROM gold WHERE loyalty_points > 400")
    try:
        found.get_columns("nosuch")
    except sa.exc.NoSuchTableError:
        pass
    else:
        raise AssertionError("columns of a table that is not there")


@check
def metadata_is_reflected():
    metadata = sa.MetaData()
    metadata.reflect(ENGINE, views=True)
    equal(sorted(metadata.tables), sorted([*TABLES, "everything", "gold"]))
    equal(metadata.tables["gold"].comment, "Gold members")
    crm = sa.MetaData()
    crm.reflect(ENGINE, schema="crm", views=True)
    equal(list(crm.tables), ["crm.best"])
    gold = metadata.tables["gold"]
    with ENGINE.connect() as connection:
        rows = connection.execute(sa.select(gold.c.member_id).order_by(gold.c.loyalty_points.desc())).scalars().all()
    equal(rows, ["abroad", "lunch"])


@check
def a_select_of_many_types():
    table = sa.Table("everything", sa.MetaData(), autoload_with=ENGINE)
    with ENGINE.connect() as connection:
        row = connection.execute(sa.select(table).where(table.c.member_id == "lunch")).one()
    equal(tuple(row), ("lunch", datetime.date(2025, 1, 10), datetime.datetime(2025, 1, 10, 9, tzinfo=datetime.timezone.utc), 320,
                       Decimal("1.50"), 1, 2, 0.5, True, datetime.time(8), ["a"], datetime.timedelta(days=3)))


@check
def expressions_of_core():
    members = sa.Table("members", sa.MetaData(), autoload_with=ENGINE)
    purchases = sa.Table("purchases", sa.MetaData(), autoload_with=ENGINE)
    joined = sa.select(members.c.member_id, sa.func.count(purchases.c.purchase_id).label("visits")).join_from(
        members, purchases, members.c.member_id == purchases.c.member_id).group_by(members.c.member_id).subquery()
    with ENGINE.connect() as connection:
        ordered = connection.execute(sa.select(joined).order_by(joined.c.visits.desc(), joined.c.member_id).limit(3)).all()
        plain = connection.execute(sa.text("SELECT member_id, count(*) FROM purchases WHERE member_id IN (SELECT member_id FROM members)"
                                           " GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 3")).all()
        equal(ordered, plain)
        equal(connection.scalar(sa.select(sa.func.count()).select_from(members).where(members.c.loyalty_level.in_(["gold", "silver"]))), 4)
        equal(connection.scalar(sa.select(sa.exists().where(members.c.member_id == "lunch"))), True)
        equal(connection.scalar(sa.select(sa.case((members.c.loyalty_points > 300, "many"), else_="few")).where(members.c.member_id == "lunch")), "many")
        equal(connection.scalar(sa.select(sa.cast(members.c.loyalty_points, sa.Numeric(10, 1))).where(members.c.member_id == "lunch")), Decimal("320.0"))
        equal(connection.scalar(sa.select(sa.func.coalesce(members.c.phone, "none")).where(members.c.member_id == "split")), "none")
        equal(connection.scalar(sa.select(sa.extract("year", members.c.joined_on)).where(members.c.member_id == "lunch")), 2025)
        equal(connection.scalar(sa.select(sa.func.array_agg(sa.literal_column("member_id"))).select_from(sa.text("gold")).where(sa.text("member_id = 'lunch'"))), ["lunch"])


@check
def isolation_levels():
    with ENGINE.connect() as connection:
        equal(connection.get_isolation_level(), "READ COMMITTED")
        equal(connection.default_isolation_level, "READ COMMITTED")
    for level in ("SERIALIZABLE", "REPEATABLE READ", "AUTOCOMMIT"):
        with ENGINE.connect().execution_options(isolation_level=level) as connection:
            equal(connection.scalar(sa.text("SELECT count(*) FROM members")), 18)
            equal(connection.get_isolation_level(), "READ COMMITTED" if level == "AUTOCOMMIT" else level, level)
    with ENGINE.connect().execution_options(postgresql_readonly=True) as connection:
        try:
            connection.execute(sa.text("CREATE VIEW never AS SELECT 1 AS one"))
        except sa.exc.DBAPIError as error:
            equal(error.orig.sqlstate, "25006")
        else:
            raise AssertionError("not refused")


@check
def rows_are_streamed_from_a_cursor_of_the_server():
    with ENGINE.connect() as connection:
        result = connection.execution_options(stream_results=True, max_row_buffer=100).execute(
            sa.text("SELECT value FROM generate_series(1, 5000) AS s(value)"))
        equal(connection.scalar(sa.text("SELECT count(*) FROM pg_cursors")), 1)
        total = 0
        for part in result.scalars().partitions(500):
            total += sum(part)
        equal(total, 12502500)


@check
def savepoints_and_rollback():
    with ENGINE.begin() as connection:
        connection.execute(sa.text("CREATE VIEW kept AS SELECT 1 AS one"))
        nested = connection.begin_nested()
        connection.execute(sa.text("CREATE VIEW dropped AS SELECT 1 AS one"))
        nested.rollback()
    equal(sorted(sa.inspect(ENGINE).get_view_names()), ["everything", "gold", "kept"])
    with ENGINE.begin() as connection:
        connection.execute(sa.text("DROP VIEW kept"))


@check
def a_connection_that_was_ended_is_replaced():
    engine = sa.create_engine(f"postgresql+psycopg://{ADDRESS}", pool_size=1, pool_pre_ping=True)
    with engine.connect() as connection:
        pid = connection.scalar(sa.text("SELECT pg_backend_pid()"))
    with ENGINE.connect() as connection:
        equal(connection.scalar(sa.text("SELECT pg_terminate_backend(:pid)"), {"pid": pid}), True)
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT pg_backend_pid()")) != pid
    engine.dispose()


@check
def over_asyncpg():
    async def inner():
        engine = create_async_engine(f"postgresql+asyncpg://{ADDRESS}")
        async with engine.connect() as connection:
            equal(sorted(await connection.run_sync(lambda sync: sa.inspect(sync).get_table_names())), TABLES)
            metadata = sa.MetaData()
            await connection.run_sync(lambda sync: metadata.reflect(sync, views=True))
            equal(sorted(metadata.tables), sorted([*TABLES, "everything", "gold"]))
            gold = metadata.tables["gold"]
            found = await connection.execute(sa.select(gold.c.loyalty_points).where(gold.c.member_id == "lunch"))
            equal(found.scalar_one(), 320)
            total = 0
            async for row in await connection.stream(sa.text("SELECT value FROM generate_series(1, 1000) AS s(value)")):
                total += row.value
            equal(total, 500500)
        await engine.dispose()

    asyncio.run(inner())


run()
