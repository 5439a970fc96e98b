"""Cancel requests and timeouts: what is said, and what goes on afterwards."""

import struct

from conversations import talk
from protocol import SYNC, bind, execute, packet, parse, query

ENDLESS = "SELECT count(*) FROM generate_series(1, 10000000) AS a, generate_series(1, 10000000) AS b"
# Long enough for whatever must be answered within it on a machine that is busy with other things.
TIMEOUT_MS = 2000
STREAM = "SELECT a.n FROM generate_series(1, 1000000) AS a(n), generate_series(1, 1000000) AS b(n)"


def cancel(one, connection):
    other = connection()
    other.knock(packet(struct.pack("!iii", 80877102, *one.wire.key)))


def started(one, connection):
    """Waits until the statement is being worked at."""
    watcher = connection().open()
    seen = f"SELECT count(*) FROM pg_stat_activity WHERE pid = {one.wire.key[0]} AND state = 'active'"
    while watcher.wire.rows(seen) != [["1"]]:
        pass


@talk
def cancel_of_a_query(connection):
    one = connection().open()
    one.wire.send(query(ENDLESS))
    started(one, connection)
    cancel(one, connection)
    one.hear(b"Z")
    one.ask(query("SELECT 1"))


@talk
def cancel_in_a_block(connection):
    one = connection().open()
    one.ask(query("BEGIN"))
    one.wire.send(query(ENDLESS))
    started(one, connection)
    cancel(one, connection)
    one.hear(b"Z")
    one.ask(query("SELECT 1"))
    one.ask(query("ROLLBACK"))


@talk
def cancel_in_a_batch(connection):
    one = connection().open()
    one.wire.send(parse(STREAM) + bind() + execute() + parse("SELECT 1") + bind() + execute() + SYNC)
    while one.wire.read()[0] != b"D":
        pass
    cancel(one, connection)
    skip_to_error(one)
    one.ask(parse("SELECT 2 AS b") + bind() + execute() + SYNC)


@talk
def cancel_while_rows_are_sent(connection):
    """How many rows come before it is not the same twice."""
    one = connection().open()
    one.wire.send(query(STREAM))
    while one.wire.read()[0] != b"D":
        pass
    cancel(one, connection)
    skip_to_error(one)
    one.ask(query("SELECT 1"))


@talk
def cancel_while_copy_sends(connection):
    one = connection().open()
    one.wire.send(query(f"COPY ({STREAM}) TO STDOUT"))
    while one.wire.read()[0] != b"d":
        pass
    cancel(one, connection)
    skip_to_error(one)
    one.ask(query("SELECT 1"))


@talk
def cancel_in_fetch(connection):
    one = connection().open()
    one.ask(query(f"BEGIN; DECLARE c CURSOR FOR {ENDLESS}"))
    one.wire.send(query("FETCH c"))
    started(one, connection)
    cancel(one, connection)
    one.hear(b"Z")
    one.ask(query("FETCH c"))
    one.ask(query("ROLLBACK"))


@talk
def cancel_when_nothing_runs(connection):
    one = connection().open()
    one.ask(query("SELECT 1"))
    cancel(one, connection)
    one.ask(query("SELECT 2"))


@talk
def the_timeout_of_a_query(connection):
    one = connection().open()
    one.ask(query(f"SET statement_timeout = '{TIMEOUT_MS}ms'"))
    one.ask(query(ENDLESS))
    one.ask(query("RESET statement_timeout"))
    one.ask(query("SELECT 1"))


@talk
def the_timeout_in_a_block(connection):
    one = connection().open()
    one.ask(query(f"BEGIN; SET LOCAL statement_timeout = {TIMEOUT_MS}"))
    one.ask(query(ENDLESS))
    one.ask(query("SELECT 1"))
    one.ask(query("ROLLBACK"))
    one.ask(query("SELECT 2"))


@talk
def the_timeout_in_a_batch(connection):
    one = connection().open()
    one.ask(query(f"SET statement_timeout = '{TIMEOUT_MS}ms'"))
    one.ask(parse(ENDLESS) + bind() + execute() + parse("SELECT 1") + bind() + execute() + SYNC)
    one.ask(query("RESET statement_timeout"))
    one.ask(parse("SELECT 1") + bind() + execute() + SYNC)


@talk
def the_timeout_while_rows_are_sent(connection):
    one = connection().open()
    one.ask(query(f"SET statement_timeout = '{TIMEOUT_MS}ms'"))
    one.wire.send(query(STREAM))
    skip_to_error(one)
    one.ask(query("RESET statement_timeout"))
    one.ask(query("SELECT 1"))


def skip_to_error(one):
    """Hears from the error on."""
    while (got := one.wire.read())[0] != b"E":
        pass
    one.record(*got)
    one.hear(b"Z")
