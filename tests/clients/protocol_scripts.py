"""Scripts of messages, played to us and to PostgreSQL 15, which must answer alike, message by message: types,
SQLSTATEs, wording and positions of errors, tags, transaction status, formats, and rows to the byte.

`CHECKS=word` plays some of them; `SHOW=1` prints both transcripts of those that differ.
"""

import os
import pathlib
import struct

from checking import add, check, equal, run
from conversations import SCRIPTS, copying, cursors, extended, simple, starting, stopping  # noqa: F401 - they register
from postgres import Server
from protocol import SYNC, Wire, bind, execute, fields, message, parse, query
from transcript import transcript


def compared(name, play, theirs):
    def attempt():
        expected, found = transcript(theirs, play), transcript(None, play)
        if expected == found:
            return
        if "SHOW" in os.environ:
            print("\n".join(["PostgreSQL", *expected, "", "ours", *found, ""]))
        pairs = enumerate(zip(expected, found))
        at = next((at for at, (one, other) in pairs if one != other), min(len(expected), len(found)))
        equal(found[at : at + 1], expected[at : at + 1], f"message {at + 1}")

    attempt.pending = getattr(play, "pending", None)
    add(name, attempt)


def main():
    with Server() as server:
        with server.connect("postgres") as connection:
            connection.execute("CREATE ROLE ada SUPERUSER LOGIN")
            connection.execute("CREATE DATABASE regulars OWNER ada")
            connection.execute("ALTER DATABASE regulars SET timezone = 'UTC'")
        theirs = str(pathlib.Path(server.folder.name) / ".s.PGSQL.5432")
        for name, play in SCRIPTS:
            compared(name, play, theirs)
        run()


@check
def ours_alone_loading_is_refused_by_name():
    with Wire() as wire:
        wire.send(query("COPY members FROM STDIN"))
        kinds = wire.until(b"Z")
        equal([kind for kind, _ in kinds], [b"E", b"Z"])
        equal(fields(kinds[0][1])["C"], "0A000")


@check
def ours_alone_a_function_call_is_refused_by_name():
    with Wire() as wire:
        wire.send(message(b"F", struct.pack("!ihhh", 1, 0, 0, 0)))
        kinds = wire.until(b"Z")
        equal([kind for kind, _ in kinds], [b"E", b"Z"])
        equal(fields(kinds[0][1])["C"], "0A000")
        wire.send(parse("SELECT 1") + SYNC)
        equal([kind for kind, _ in wire.until(b"Z")], [b"1", b"Z"])


def states(wire, *data):
    """The SQLSTATE of each error, and the tag of each statement, up to ReadyForQuery."""
    wire.send(b"".join(data))
    return [fields(body)["C"] if kind == b"E" else body[:-1].decode()
            for kind, body in wire.until(b"Z") if kind in (b"E", b"C")]


@check
def ours_alone_fetch_of_a_portal_of_the_protocol_is_refused_by_name():
    with Wire() as wire:
        equal(states(wire, query("BEGIN")), ["BEGIN"])
        equal(states(wire, parse("SELECT 1") + bind("p") + SYNC), [])
        equal(states(wire, query("FETCH p")), ["0A000"])


@check
def ours_alone_a_cursor_is_in_use_while_its_rows_are_on_their_way():
    """PostgreSQL fetches everything before it sends the first row; ours goes on fetching."""
    with Wire() as wire:
        equal(states(wire, query("BEGIN; DECLARE c CURSOR FOR SELECT * FROM generate_series(1, 5)"))[-1], "DECLARE CURSOR")
        equal(states(wire, parse("FETCH 4 c") + bind("p") + execute("p", 2) + SYNC), [])
        equal(states(wire, query("SAVEPOINT a")), ["SAVEPOINT"])
        equal(states(wire, query("FETCH c")), ["55006"])
        equal(states(wire, query("ROLLBACK TO a")), ["ROLLBACK"])
        equal(states(wire, execute("p") + SYNC), ["FETCH 2"])
        equal(states(wire, query("FETCH c")), ["FETCH 1"])


main()
