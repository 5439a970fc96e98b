"""Good messages with something wrong in them, before and after sign-in: whatever comes, the server neither ends nor
panics (`run` looks for that), keeps no memory, and serves others afterwards.

`MESSAGES=` for more than 1,500 before and 1,500 after; `SEED=` plays them again. Every message is one that the server has
read: its answer, or the end of its connection, is waited for.
"""

import os
import random
import socket
import struct

from checking import check, equal, resident_kb, run
from protocol import FLUSH, SYNC, Wire, bind, close, describe, execute, message, packet, parse, query, startup, text

MESSAGES = int(os.environ.get("MESSAGES", 1500))
SEED = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 32)))
WARM_UP = 500
MEMORY_DRIFT_KB = 64 << 10
INTERESTING = [0, 1, 2, 3, 4, 5, 7, 8, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 1 << 20, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]

OPENINGS = [
    startup(user="ada", database="regulars"),
    startup(user="ada", database="regulars", application_name="x", TimeZone="Europe/Stockholm", DateStyle="German"),
    startup(user="ada", options="-c statement_timeout=5s --TimeZone=UTC -c search_path=public"),
    startup(0x30002, user="ada", **{"_pq_.magic": "1"}),
    startup(user="ada", replication="false"),
    packet(struct.pack("!i", 80877103)),
    packet(struct.pack("!i", 80877104)),
    packet(struct.pack("!iii", 80877102, 1, 2)),
    query("SELECT 1"),
    parse("SELECT 1"),
    message(b"p", text("secret")),
]
# None of them, nor what is likely to come of them, runs for long.
GOOD = [
    query("SELECT member_id, loyalty_points, joined_on FROM members WHERE joined_on > '2025-01-01' LIMIT 3"),
    query("SELECT 1; SELECT 'two', 3.50; SHOW TimeZone"),
    query("BEGIN; SAVEPOINT a; ROLLBACK TO a; COMMIT"),
    query("BEGIN; DECLARE c SCROLL CURSOR FOR VALUES (1), (2), (3); FETCH LAST c; MOVE PRIOR c; CLOSE c; ROLLBACK"),
    query("PREPARE p (int) AS SELECT $1; EXECUTE p (1); DEALLOCATE p"),
    query("COPY (VALUES (1, 'a'), (2, NULL)) TO STDOUT (FORMAT csv, HEADER, DELIMITER ';', FORCE_QUOTE *)"),
    query("SELECT '{1,2,NULL}'::int[], '\\x00ff'::bytea, '1 day'::interval, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid"),
    query("SELECT date '2026-11-20' + 1, extract(year FROM timestamptz '2026-11-20 12:00+01'), E'\\u00e5' || U&'\\00e5'"),
    query("SET DateStyle = 'German'; RESET ALL; DISCARD ALL"),
    query("EXPLAIN SELECT count(*) FROM purchases p JOIN members m USING (member_id)"),
    query("WITH a AS (SELECT 1 AS n) SELECT CASE WHEN n = 1 THEN ARRAY[n] END FROM a UNION ALL VALUES (ARRAY[2]) ORDER BY 1"),
    parse("SELECT $1::bigint, $2::text", "s") + bind("p", "s", (1, 0), [bytes(8), b"x"], (1,)) + execute("p", 1) + close(b"P", "p")
    + close(b"S", "s"),
    parse("SELECT $1, $2, $3, $4", types=[1700, 1186, 1016, 2950])
    + bind(formats=(1,), values=[struct.pack("!hhhhhh", 2, 0, 0, 2, 1, 5000), bytes(16),
                                 struct.pack("!iiiiiiq", 1, 0, 20, 1, 1, 8, 7), bytes(16)], results=(1,)) + execute(),
    parse("SELECT $1, $2, $3, $4", types=[1082, 1083, 1114, 1184])
    + bind(formats=(1,), values=[bytes(4), bytes(8), bytes(8), bytes(8)], results=(0,)) + execute(),
    parse("SELECT $1::date, $2::jsonb, $3::bytea", types=[1082, 3802, 17])
    + bind(values=[b"2026-11-20", b"{}", b"\\x00"], results=(0, 1, 0)) + describe() + execute(),
    parse("") + describe(b"S") + bind() + execute(),
    parse("FETCH ALL c") + describe(b"S"),
    describe(b"S", "nowhere"), describe(b"P", ""), close(b"P", ""), execute("", 2**31 - 1), FLUSH, SYNC,
    message(b"F", struct.pack("!ihhih", 1598, 1, 1, 4, 0)),
    message(b"d", b"1\ta\n"), message(b"c"), message(b"f", text("no")),
]


def mutated(data, source):
    """The bytes with one to four things wrong."""
    data = bytearray(data)
    for _ in range(source.randrange(1, 5)):
        at = source.randrange(len(data) + 1)
        chosen = source.randrange(8)
        if chosen == 0 and at < len(data):
            data[at] ^= 1 << source.randrange(8)
        elif chosen == 1 and at < len(data):
            data[at] = source.choice(INTERESTING) & 0xFF
        elif chosen == 2:
            data[at:at] = source.randbytes(source.randrange(1, 9))
        elif chosen == 3:
            del data[at : at + source.randrange(1, 9)]
        elif chosen == 4 and len(data) > at + 4:
            data[at : at + 4] = struct.pack("!I", source.choice(INTERESTING))
        elif chosen == 5 and len(data) > at + 2:
            data[at : at + 2] = struct.pack("!H", source.choice(INTERESTING) & 0xFFFF)
        elif chosen == 6 and len(data) < 10_000:
            data[at:at] = data[at // 2 : at]
        elif chosen == 7:
            del data[at:]
        if not data:
            data = bytearray(b"\0")
    return bytes(data)


def messages(data):
    """A string of messages, cut."""
    at = 0
    while at < len(data):
        length = 1 + struct.unpack_from("!i", data, at + 1)[0]
        yield data[at : at + length]
        at += length


def drained(wire):
    wire.socket.shutdown(socket.SHUT_WR)
    while wire.read() is not None:
        pass


def before(count, source):
    for _ in range(count):
        opening = mutated(source.choice(OPENINGS), source)
        if source.random() < 0.7 and len(opening) >= 4:
            opening = struct.pack("!i", len(opening)) + opening[4:]
        with Wire(log_in=False) as wire:
            wire.send(opening)
            drained(wire)


def signed_in():
    return Wire(options="-c statement_timeout=2s")


def after(count, source):
    """One mutated message at a time among good ones; most keep the length that they say they have."""
    wire = signed_in()
    sent = 0
    while sent < count:
        for good in messages(source.choice(GOOD)):
            if source.random() < 0.3:
                wire.send(good)
                continue
            sent += 1
            if source.random() < 0.85:
                wire.send(message(good[:1] if source.random() < 0.95 else source.randbytes(1), mutated(good[5:] or b"\0", source)))
                continue
            wire.send(mutated(good, source))
            drained(wire)
            wire.socket.close()
            wire = signed_in()
        # Every batch is answered in full, or its connection has ended.
        mark = f"mark {sent}".encode()
        wire.send(SYNC + query(f"ROLLBACK; SELECT '{mark.decode()}'"))
        while (got := wire.read()) is not None and not (got[0] == b"D" and got[1].endswith(mark)):
            pass
        if got is None or wire.read() is None or wire.read() is None:
            wire.socket.close()
            wire = signed_in()
    wire.socket.close()


def played(play, name):
    source = random.Random(f"{SEED} {name}")
    play(min(WARM_UP, MESSAGES), source)
    kept = resident_kb()
    play(MESSAGES, source)
    drift = resident_kb() - kept
    assert drift < MEMORY_DRIFT_KB, f"{drift} KiB more than before, SEED={SEED}"
    with Wire() as wire:
        equal(wire.rows("SELECT 40 + 2"), [["42"]], "a good client afterwards")
    return f"{MESSAGES} messages, memory {drift / 1024:+.1f} MiB, SEED={SEED}"


@check
def mutated_messages_before_sign_in():
    return played(before, "before")


@check
def mutated_messages_after_sign_in():
    return played(after, "after")


run()
