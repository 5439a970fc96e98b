"""asyncpg: types it asks the catalog for, prepared statements, cursors, COPY to the client, its pool, cancel."""

import asyncio
import datetime
import io
import uuid
from decimal import Decimal

import asyncpg

from checking import add, check, equal, pending, run

UTC = datetime.timezone.utc
# SQL type, values; what comes out must be what went in. asyncpg sends and receives binary only.
VALUES = {
    "boolean": [True, False],
    "smallint": [0, -32768, 32767],
    "integer": [0, -(2**31), 2**31 - 1],
    "bigint": [0, -(2**63), 2**63 - 1],
    "real": [0.0, 1.5, -2.25],
    "double precision": [0.0, 0.1 + 0.2, 5e-324],
    "numeric(18,2)": [Decimal("0.00"), Decimal("-0.01"), Decimal("9999999999999999.99")],
    "text": ["", "å 東京", "it's"],
    "varchar": ["", "abc"],
    "bytea": [b"", b"\x00\xff"],
    "date": [datetime.date(1, 1, 1), datetime.date(2028, 2, 29)],
    "time": [datetime.time(0, 0), datetime.time(23, 59, 59, 999999)],
    "timestamp": [datetime.datetime(1900, 1, 1), datetime.datetime(2026, 3, 29, 2, 30, 0, 1)],
    "timestamptz": [datetime.datetime(2026, 10, 25, 1, 30, 0, 123456, UTC)],
    "interval": [datetime.timedelta(0), datetime.timedelta(days=3, seconds=5, microseconds=7), datetime.timedelta(days=-1)],
    "text[]": [[], ["a", None, 'b"c', "d,e"]],
    "bigint[]": [[], [1, None, -(2**63)]],
    "numeric(18,2)[]": [[Decimal("1.50"), None]],
    "date[]": [[datetime.date(2026, 1, 2), None]],
    "timestamptz[]": [[datetime.datetime(2026, 1, 2, tzinfo=UTC)]],
    "boolean[]": [[True, None, False]],
}


async def connect(**options):
    return await asyncpg.connect(**options)


def asynchronous(function):
    """A check whose function gets a connection of its own and awaits."""

    async def with_connection():
        connection = await connect()
        try:
            return await function(connection)
        finally:
            await connection.close()

    def attempt():
        return asyncio.run(with_connection())

    attempt.pending = getattr(function, "pending", None)
    add(function.__name__.replace("_", " "), attempt)
    return function


async def refused(awaitable):
    try:
        await awaitable
    except asyncpg.PostgresError as error:
        return error
    raise AssertionError("not refused")


def round_trip(sql_type):
    def attempt():
        async def inner():
            connection = await connect()
            try:
                for value in [*VALUES[sql_type], None]:
                    found = await connection.fetchval(f"SELECT $1::{sql_type}", value)
                    equal(found, value)
                    equal(type(found), type(value), repr(value))
            finally:
                await connection.close()

        asyncio.run(inner())
        return f"{len(VALUES[sql_type]) + 1} values"

    add(f"{sql_type} goes in and comes out", attempt)


for name in VALUES:
    round_trip(name)


@asynchronous
async def the_connection_tells_about_the_server(connection):
    equal(connection.get_server_version()[0], 16)
    settings = connection.get_settings()
    equal((settings.TimeZone, settings.client_encoding, settings.standard_conforming_strings), ("UTC", "UTF8", "on"))
    equal(connection.get_server_pid(), await connection.fetchval("SELECT pg_backend_pid()"))


@asynchronous
async def columns_of_the_catalog_have_types_that_are_found_there(connection):
    # asyncpg asks the catalog, in one recursive query, for each type that it does not know.
    for relation in ("pg_class", "pg_attribute", "pg_type", "pg_proc", "pg_stat_activity", "pg_settings", "pg_index"):
        statement = await connection.prepare(f"SELECT * FROM pg_catalog.{relation}")
        names = {attribute.type.name for attribute in statement.get_attributes()}
        assert names, relation
        await statement.fetch()


@asynchronous
async def types_are_introspected(connection):
    # The same recursive query, for types that a program names itself.
    for name, kind in (("text", "scalar"), ("int4", "scalar"), ("numeric", "scalar")):
        await connection.set_type_codec(name, schema="pg_catalog", encoder=str, decoder=lambda text: ("decoded", text), format="text")
        equal(await connection.fetchval(f"SELECT '12'::{name}"), ("decoded", "12"), kind)
        await connection.reset_type_codec(name, schema="pg_catalog")
    try:
        await connection.set_type_codec("nosuch", schema="public", encoder=str, decoder=str)
    except ValueError as error:
        assert "nosuch" in str(error), error
    else:
        raise AssertionError("a type that is not there was found")


@asynchronous
async def records_arrive_as_text(connection):
    equal(await connection.fetchval("SELECT ROW(1, 'a')"), "(1,a)")


@asynchronous
async def uuids(connection):
    known = uuid.UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")
    equal(await connection.fetchval("SELECT $1::uuid", known), known)


@asynchronous
async def json(connection):
    equal(await connection.fetchval("SELECT $1::json", '{"a": 1}'), '{"a": 1}')


@asynchronous
async def prepared_statements_say_what_they_take_and_give(connection):
    statement = await connection.prepare("SELECT member_id, loyalty_points FROM members WHERE loyalty_points > $1 ORDER BY 2 DESC")
    equal([parameter.name for parameter in statement.get_parameters()], ["int8"])
    equal([(attribute.name, attribute.type.name) for attribute in statement.get_attributes()],
          [("member_id", "text"), ("loyalty_points", "int8")])
    for least, expected in ((400, ["regular", "abroad"]), (1000, ["regular"]), (5000, [])):
        equal([row["member_id"] for row in await statement.fetch(least)], expected)
    equal((await statement.fetchrow(1000))["loyalty_points"], 1200)
    plan = await statement.explain(1000)
    assert isinstance(plan, list) and "Plan" in plan[0], plan
    measured = await statement.explain(1000, analyze=True)
    assert measured[0]["Plan"]["Node Type"] and measured[0]["Execution Time"] > 0, measured


@asynchronous
async def a_definition_replaced_is_seen_by_statements_kept(connection):
    await connection.execute("CREATE OR REPLACE VIEW kept AS SELECT member_id FROM members WHERE loyalty_level = 'gold'")
    statement = "SELECT count(*) FROM kept"
    equal(await connection.fetchval(statement), 2)
    await connection.execute("CREATE OR REPLACE VIEW kept AS SELECT member_id FROM members WHERE loyalty_level = 'platinum'")
    equal(await connection.fetchval(statement), 1)
    await connection.execute("DROP VIEW kept")


@asynchronous
async def cursors_read_some_rows_at_a_time(connection):
    async with connection.transaction():
        seen = [row["member_id"] async for row in connection.cursor("SELECT member_id FROM members ORDER BY 1", prefetch=5)]
        equal((len(seen), seen[0], seen[-1]), (18, "abroad", "voided"))
        cursor = await connection.cursor("SELECT value FROM generate_series(1, 1000) AS s(value) ORDER BY 1")
        equal([row["value"] for row in await cursor.fetch(3)], [1, 2, 3])
        equal((await cursor.fetchrow())["value"], 4)
        equal(len(await cursor.fetch(5000)), 996)
        equal(await cursor.fetchrow(), None)
    try:
        await connection.cursor("SELECT 1")
    except asyncpg.NoActiveSQLTransactionError:
        pass
    else:
        raise AssertionError("a cursor outside of a transaction")


@asynchronous
@pending("FETCH and MOVE do not see portals of the protocol")
async def cursors_pass_rows_over(connection):
    async with connection.transaction():
        cursor = await connection.cursor("SELECT value FROM generate_series(1, 1000) AS s(value) ORDER BY 1")
        await cursor.forward(100)
        equal((await cursor.fetchrow())["value"], 101)


@asynchronous
async def copy_gives_files(connection):
    for options, expected in (
        ({"format": "csv", "header": True}, b"member_id,loyalty_points\nregular,1200\nabroad,410\n"),
        ({"format": "text", "delimiter": "|"}, b"regular|1200\nabroad|410\n"),
    ):
        output = io.BytesIO()
        tag = await connection.copy_from_query(
            "SELECT member_id, loyalty_points FROM members WHERE loyalty_points > $1 ORDER BY 2 DESC", 400, output=output, **options)
        equal((tag, output.getvalue()), ("COPY 2", expected))
    output = io.BytesIO()
    await connection.copy_from_query("SELECT 1::int4 AS a, 'x'::text AS b", output=output, format="binary")
    equal(output.getvalue(), b"PGCOPY\n\xff\r\n\0" + bytes(8) + b"\0\2\0\0\0\4\0\0\0\1\0\0\0\1x\xff\xff")
    output = io.BytesIO()
    await connection.copy_from_table("stores", columns=["store_id", "currency"], output=output, format="csv")
    equal(sorted(output.getvalue().decode().split()), ["bar,SEK", "kathmandu,NPR", "newyork,USD", "sthlm,SEK", "taipei,TWD"])


@asynchronous
async def copy_to_the_server_is_refused(connection):
    error = await refused(connection.copy_records_to_table("members", records=[("x",)], columns=["member_id"]))
    equal(error.sqlstate, "0A000")
    equal(await connection.fetchval("SELECT 1"), 1)


@asynchronous
async def executemany_runs_for_each(connection):
    await connection.executemany("SELECT $1::bigint", [(number,) for number in range(1000)])
    found = await connection.fetchmany("SELECT member_id FROM members WHERE member_id = $1", [("lunch",), ("nobody",), ("night",)])
    equal([row["member_id"] for row in found], ["lunch", "night"])


@asynchronous
async def transactions_and_savepoints(connection):
    async with connection.transaction():
        await connection.execute("CREATE VIEW outer_view AS SELECT 1 AS one")
        try:
            async with connection.transaction():
                await connection.execute("CREATE VIEW inner_view AS SELECT 1 AS one")
                await connection.execute("SELECT 1 / 0")
        except asyncpg.DivisionByZeroError:
            pass
        equal(await connection.fetchval("SELECT string_agg(relname, ',') FROM pg_class WHERE relname LIKE '%er_view'"), "outer_view")
    async with connection.transaction(isolation="serializable", readonly=True):
        equal((await refused(connection.execute("CREATE VIEW never AS SELECT 1 AS one"))).sqlstate, "25006")
    await connection.execute("DROP VIEW outer_view")


@asynchronous
async def errors_have_their_classes(connection):
    error = await refused(connection.fetch("SELECT * FROM nowhere"))
    assert isinstance(error, asyncpg.UndefinedTableError), error
    equal((error.position, error.severity), ("15", "ERROR"))
    assert isinstance(await refused(connection.fetch("SELEC 1")), asyncpg.PostgresSyntaxError)
    assert isinstance(await refused(connection.fetch("SELECT $1::bigint + 9223372036854775807", 1)), asyncpg.NumericValueOutOfRangeError)


@asynchronous
async def a_timeout_cancels_the_statement(connection):
    endless = "SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b"
    try:
        await connection.fetchval(endless, timeout=0.3)
    except asyncio.TimeoutError:
        pass
    else:
        raise AssertionError("it ended")
    equal(await connection.fetchval("SELECT 'goes on'"), "goes on")
    await connection.execute("SET statement_timeout = 200")
    error = await refused(connection.fetchval(endless))
    assert isinstance(error, asyncpg.QueryCanceledError), error


@asynchronous
async def another_session_cancels_and_ends_it(connection):
    other = await connect()
    endless = asyncio.ensure_future(
        other.fetchval("SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b"))
    pid = other.get_server_pid()
    while await connection.fetchval("SELECT state FROM pg_stat_activity WHERE pid = $1", pid) != "active":
        await asyncio.sleep(0)
    equal(await connection.fetchval("SELECT pg_cancel_backend($1)", pid), True)
    assert isinstance(await refused(endless), asyncpg.QueryCanceledError)
    equal(await other.fetchval("SELECT 1"), 1)
    equal(await connection.fetchval("SELECT pg_terminate_backend($1)", pid), True)
    while await connection.fetchval("SELECT count(*) FROM pg_stat_activity WHERE pid = $1", pid):
        await asyncio.sleep(0)
    try:
        await other.fetchval("SELECT 1")
    except (asyncpg.AdminShutdownError, asyncpg.ConnectionDoesNotExistError, asyncpg.InterfaceError):
        pass
    else:
        raise AssertionError("it lives on")
    equal(await connection.fetchval("SELECT pg_cancel_backend($1)", pid), False)
    other.terminate()


@asynchronous
async def settings_begin_with_the_connection(_connection):
    connection = await connect(server_settings={"application_name": "checks", "search_path": "crm, public", "timezone": "Asia/Taipei"})
    equal(await connection.fetchval("SELECT current_setting('application_name')"), "checks")
    equal(await connection.fetchval("SHOW search_path"), "crm, public")
    await connection.execute("SET TIME ZONE 'UTC'")
    await connection.reset()
    equal(await connection.fetchval("SHOW timezone"), "Asia/Taipei")
    await connection.close()


@check
def a_pool_gives_sessions_back_as_new():
    async def inner():
        async with asyncpg.create_pool(min_size=2, max_size=4) as pool:
            reset = []
            async with pool.acquire() as connection:
                reset.append(connection.get_reset_query())
                await connection.execute("SET statement_timeout = 1234; SET TimeZone = 'Asia/Taipei'")
                await connection.execute("BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT 1; COMMIT; LISTEN audience")
            for word in ("pg_advisory_unlock_all()", "CLOSE ALL", "UNLISTEN *", "RESET ALL"):
                assert word in reset[0], reset[0]
            async with pool.acquire() as connection:
                equal(await connection.fetchrow("SELECT current_setting('statement_timeout'), current_setting('timezone')"), ("5min", "UTC"))
                equal(await connection.fetchval("SELECT count(*) FROM pg_cursors"), 0)
            counted = await asyncio.gather(*[pool.fetchval("SELECT count(*) + $1::bigint FROM members", number) for number in range(40)])
            equal(counted, [18 + number for number in range(40)])
            listed = await pool.fetchval("SELECT count(*) FROM pg_stat_activity WHERE usename = current_user")
            assert 2 <= listed <= 4, listed

    asyncio.run(inner())


run()
