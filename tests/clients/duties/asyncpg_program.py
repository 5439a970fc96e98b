"""asyncpg: binary only; its own cursors, COPY, notices and cancel."""

import asyncio
import datetime
import io
import os
import ssl
from decimal import Decimal

import asyncpg

import catalog_queries
from asking import duty, equal, report, skip
from duties import *  # noqa: F403 - the shared description

TLS = ssl.create_default_context(cafile=os.environ["PGSSLROOTCERT"])


async def connect(**more):
    return await asyncpg.connect(**({"ssl": TLS} | more))


def asynchronous(name):
    """A duty that gets a connection of its own."""

    def register(function):
        async def attempt():
            connection = await connect()
            try:
                return await function(connection)
            finally:
                await connection.close()

        duty(name)(lambda: asyncio.run(attempt()))

    return register


def ask(sql):
    async def attempt():
        connection = await connect()
        try:
            return [tuple(row) for row in await connection.fetch(sql)]
        finally:
            await connection.close()

    return asyncio.run(attempt())


async def refused(awaitable):
    try:
        await awaitable
    except asyncpg.PostgresError as error:
        return error
    raise AssertionError("not refused")


@asynchronous("sign-in")
async def sign_in(connection):
    assert connection._transport.get_extra_info("ssl_object") is not None
    equal(await connection.fetchval("SELECT current_user"), "admin")


@duty("wrong-password")
def wrong_password():
    told = asyncio.run(refused(connect(password="wrong")))
    equal((told.sqlstate, str(told)), ("28P01", 'password authentication failed for user "admin"'))


@asynchronous("simple")
async def simple(connection):
    equal(dict(await connection.fetchrow("SELECT 1 AS one, 'å' AS word")), {"one": 1, "word": "å"})
    equal(await connection.execute("SELECT 1; SELECT 2"), "SELECT 1")


skip("asyncpg sends and receives binary only", "parameters-text")


@asynchronous("parameters-binary")
async def parameters_binary(connection):
    values = ["it's \"å\"", 9007199254740993, datetime.date(2028, 2, 29)]
    equal(list(await connection.fetchrow("SELECT $1::text, $2::bigint, $3::date", *values)), values)
    found = await connection.fetch("SELECT member_id FROM members WHERE loyalty_level = $1 ORDER BY 1", "gold")
    equal([row[0] for row in found], GOLD)


@asynchronous("null")
async def null(connection):
    equal(list(await connection.fetchrow("SELECT NULL::bigint, NULL::text, coalesce($1::text, 'none')", None)), [None, None, "none"])


@asynchronous("numeric")
async def numeric(connection):
    equal(list(await connection.fetchrow(f"SELECT {NUMERIC}::numeric, $1::numeric", Decimal(NUMERIC))), [Decimal(NUMERIC)] * 2)


@asynchronous("timestamptz")
async def timestamptz(connection):
    instant = datetime.datetime(2026, 10, 25, 0, 30, 0, 123456, datetime.timezone.utc)
    equal(list(await connection.fetchrow(f"SELECT timestamptz '{INSTANT}', $1::timestamptz", instant)), [instant] * 2)


@asynchronous("array")
async def array(connection):
    equal(list(await connection.fetchrow("SELECT $1::text[], $2::bigint[]", WORDS, NUMBERS)), [WORDS, NUMBERS])


@asynchronous("error")
async def error(connection):
    told = await refused(connection.execute(DROP))
    equal((told.sqlstate, told.hint), ("2BP01", DROP_HINT))
    equal(await connection.fetchval("SELECT 1"), 1)


@asynchronous("cancel")
async def cancel(connection):
    try:
        await connection.fetchval(LONG, timeout=0.3)
    except asyncio.TimeoutError:
        pass
    else:
        raise AssertionError("not ended")
    equal(await connection.fetchval("SELECT 1"), 1)
    running = await connection.fetchval("SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid()")
    equal(running, 0)
    return "its timeout sends the cancel request"


@asynchronous("copy-out")
async def copy_out(connection):
    out = io.BytesIO()
    query = COPY.removeprefix("COPY (").split(") TO STDOUT")[0]
    await connection.copy_from_query(query, output=out, format="csv", header=True)
    equal(out.getvalue().decode(), COPIED)


@asynchronous("portions")
async def portions(connection):
    async with connection.transaction():
        equal(sum([row[0] async for row in connection.cursor(MANY, prefetch=1000)]), MANY_ADDED_UP)


@asynchronous("cursor")
async def cursor(connection):
    async with connection.transaction():
        opened = await connection.cursor(CURSOR)
        equal([row[0] for row in await opened.fetch(3)], [1, 2, 3])
        equal([row[0] for row in await opened.fetch(6)][4:], [8, 9])
        equal((await refused(opened.forward(1))).sqlstate, "0A000")
    return "without `Cursor.forward()`: MOVE in a portal of the protocol is refused, 0A000"


@asynchronous("failed-transaction")
async def failed_transaction(connection):
    transaction = connection.transaction()
    await transaction.start()
    equal((await refused(connection.fetch("SELECT 1 / 0"))).sqlstate, "22012")
    equal((await refused(connection.fetch("SELECT 1"))).sqlstate, "25P02")
    await transaction.rollback()
    equal(await connection.fetchval("SELECT 1"), 1)


@asynchronous("notice")
async def notice(connection):
    told = []
    connection.add_log_listener(lambda _, message: told.append((message.severity, message.message)))
    await connection.execute(DROP_NOTHING)
    await asyncio.sleep(0)  # its listeners are called by the loop, after the answer
    equal(told, [("NOTICE", NOTICE)])


catalog_queries.register(ask)


@asynchronous("create-segment")
async def create_segment(connection):
    equal(await connection.execute(SEGMENT), "CREATE VIEW")
    equal(await connection.fetchval("SELECT count(*) FROM rich"),
          await connection.fetchval("SELECT count(*) FROM members WHERE loyalty_points > 400"))
    await connection.execute("DROP VIEW rich")
    equal((await refused(connection.fetch("SELECT 1 FROM rich"))).sqlstate, "42P01")


@asynchronous("refresh-audience")
async def refresh_audience(connection):
    before = await connection.fetchval(RUN)
    equal(await connection.execute(REFRESH), "REFRESH MATERIALIZED VIEW")
    equal(tuple(await connection.fetchrow(RUN)), (before + 1, 2))


report(asyncpg.__version__)
