"""What is bounded is refused with the bound's value, and the session goes on where it can: rows that a cursor keeps,
messages, prepared statements and portals, cursors, connections, time, depth. Against a server with small limits.
"""

import contextlib
import struct

import protocol
from checking import check, equal, run
from own_server import own_server
from protocol import SYNC, Wire, bind, fields, parse, query

MESSAGE_BYTES = 1 << 20
CURSOR_BYTES = 100_000
CONNECTIONS = 4
# Every statement here has it: so much that only the endless one needs it, on a busy machine too.
TIMEOUT_MS = 10_000


def small_server():
    return own_server(f"message_bytes = {MESSAGE_BYTES}\ncursor_bytes = {CURSOR_BYTES}\nconnections = {CONNECTIONS}\n"
                      f"statement_timeout_ms = {TIMEOUT_MS}\n")


def refusal(wire, data):
    """State, and message with detail, of the one error up to ReadyForQuery; None when there is none."""
    wire.send(data)
    errors = [fields(body) for kind, body in wire.until(b"Z") if kind == b"E"]
    assert len(errors) <= 1, errors
    return (errors[0]["C"], f"{errors[0]['M']} {errors[0].get('D', '')}") if errors else None


def names(found, state, *parts):
    assert found, "not refused"
    equal(found[0], state)
    for part in parts:
        assert str(part) in found[1], f"{part!r} is not told: {found[1]}"


@check
def rows_that_a_scroll_cursor_keeps():
    with Wire() as wire:
        equal(refusal(wire, query("BEGIN; DECLARE c SCROLL CURSOR FOR SELECT * FROM generate_series(1, 1000000)")), None)
        names(refusal(wire, query("FETCH ALL c")), "53400", CURSOR_BYTES, "limits.cursor_bytes")
        equal(refusal(wire, query("ROLLBACK")), None)
        equal(refusal(wire, query("BEGIN; DECLARE c NO SCROLL CURSOR FOR SELECT * FROM generate_series(1, 100000); MOVE ALL c")),
              None)
        equal(wire.rows("ROLLBACK; SELECT 'goes on'"), [["goes on"]])


@check
def cursors_at_once():
    with Wire() as wire:
        declare = "".join(f"DECLARE c{at} CURSOR FOR SELECT 1;" for at in range(100))
        equal(refusal(wire, query(f"BEGIN; {declare}")), None)
        names(refusal(wire, query("DECLARE one_more CURSOR FOR SELECT 1")), "53400", 100)
        equal(wire.rows("ROLLBACK; SELECT 'goes on'"), [["goes on"]])


@check
def the_length_of_a_message():
    with Wire() as wire:
        equal(refusal(wire, query("SELECT 1 /* " + "x" * (MESSAGE_BYTES - 100) + " */")), None)
        names(refusal(wire, query("SELECT 1 /* " + "x" * MESSAGE_BYTES + " */")), "54000", MESSAGE_BYTES)


def fills(wire, one):
    """What refuses at last, when this goes on and on."""
    for at in range(10_000):
        if found := refusal(wire, one(at)):
            return found
    return None


@check
def prepared_statements_of_the_protocol():
    with Wire() as wire:
        names(fills(wire, lambda at: parse("SELECT 1", f"s{at}") + SYNC), "53400", 2 * MESSAGE_BYTES)
        equal(wire.rows("DEALLOCATE ALL; SELECT 'goes on'"), [["goes on"]])
        equal(refusal(wire, parse("SELECT 1", "s") + SYNC), None)


@check
def prepared_statements_of_sql():
    with Wire() as wire:
        names(fills(wire, lambda at: query(f"PREPARE s{at} AS SELECT 1")), "53400", 2 * MESSAGE_BYTES)
        equal(wire.rows("DISCARD ALL"), [])
        equal(refusal(wire, query("PREPARE s AS SELECT 1")), None)


@check
def portals():
    with Wire() as wire:
        equal(refusal(wire, query("BEGIN") + b""), None)
        equal(refusal(wire, parse("SELECT 1", "s") + SYNC), None)
        names(fills(wire, lambda at: bind(f"p{at}", "s") + SYNC), "53400", 2 * MESSAGE_BYTES)
        equal(wire.rows("ROLLBACK; SELECT 'goes on'"), [["goes on"]])


@check
def connections():
    with contextlib.ExitStack() as stack:
        for _ in range(CONNECTIONS):
            stack.enter_context(Wire())
        with Wire(log_in=False) as wire:
            names(refusal(wire, protocol.startup(user="ada", database="regulars")), "53300", CONNECTIONS)


@check
def time():
    with Wire() as wire:
        endless = "SELECT count(*) FROM generate_series(1, 10000000) AS a, generate_series(1, 10000000) AS b"
        names(refusal(wire, query(endless)), "57014", TIMEOUT_MS)
        equal(wire.rows("SHOW statement_timeout"), [[f"{TIMEOUT_MS // 1000}s"]])


@check
def depth():
    with Wire() as wire:
        for sql, limit in (("SELECT " + "(" * 1001 + "1" + ")" * 1001, 1000), ("SELECT 1" + " + 1" * 600, 500),
                           ("SELECT true" + " OR true" * 2100, 2000), ("SELECT NULL" + " IS NULL" * 2100, 2000),
                           ("SELECT 1 FROM members" + ", members" * 500, 500)):
            names(refusal(wire, query(sql)), "54001", limit)
        names(refusal(wire, query("SELECT " + ", ".join(["1"] * 1665))), "54011", 1664)
        equal(wire.rows("SELECT 'goes on'"), [["goes on"]])


@check
def before_sign_in_a_packet_has_10000_bytes():
    with Wire(log_in=False) as wire:
        names(refusal(wire, struct.pack("!ii", 10_001, 0x30000)), "08P01")


with small_server():
    run()
