"""3,000,000 rows of 200 bytes for a client that reads slowly: the server waits and keeps next to nothing.

The client stops reading until the server has been looked at some hundred times, then reads to the end, and the server
is looked at all the while. Every row is counted and its content compared.
"""

import os
import time

from checking import add, equal, resident_kb, run
from protocol import SYNC, TIMEOUT_S, Wire, bind, describe, execute, fields, parse, query

ROWS = int(os.environ.get("ROWS", 3_000_000))
WIDTH = 200
GROWTH_MAX_KB = 64_000_000 // 1024
LOOKS = 300
# DataRow: type, length, one value, its length, its bytes.
ROW = b"D" + (4 + 2 + 4 + WIDTH).to_bytes(4, "big") + b"\0\1" + WIDTH.to_bytes(4, "big") + b"x" * WIDTH
LOOK_EVERY_BYTES = 2 << 20


def statement(rows):
    return f"SELECT repeat('x', {WIDTH}) FROM generate_series(1, {rows})"


def simple(rows):
    return query(statement(rows))


def extended(rows):
    return parse(statement(rows)) + bind() + describe() + execute(max_rows=0) + SYNC


def head(wire):
    """Reads up to the first row, which stays in the buffer."""
    while True:
        while len(wire.buffer) < 1:
            received = wire.socket.recv(1 << 10)
            assert received, "connection closed"
            wire.buffer += received
        if wire.buffer[:1] == b"D":
            return
        kind, body = wire.read()
        assert kind != b"E", fields(body)


def drain(wire, look):
    """Reads all rows, each compared with what it must be; returns how many."""
    count = unseen = 0
    while True:
        whole = len(wire.buffer) // len(ROW)
        same = wire.buffer.startswith(ROW * whole)
        if not same:
            break
        if whole:
            count += whole
            del wire.buffer[: whole * len(ROW)]
        if wire.buffer and not ROW.startswith(wire.buffer):
            break
        received = wire.socket.recv(1 << 18)
        assert received, "connection closed"
        wire.buffer += received
        unseen += len(received)
        if unseen > LOOK_EVERY_BYTES:
            unseen = 0
            look()
    while wire.buffer.startswith(ROW):
        count += 1
        del wire.buffer[: len(ROW)]
    return count


def slowly(request):
    with Wire() as wire:
        wire.socket.settimeout(TIMEOUT_S * 5)
        wire.send(request(1000))
        equal(wire.until(b"Z")[-2:], [(b"C", b"SELECT 1000\0"), (b"Z", b"I")])
        before = peak = resident_kb()
        looks = 0

        def look():
            nonlocal looks, peak
            looks += 1
            peak = max(peak, resident_kb())

        start = time.monotonic()
        wire.send(request(ROWS))
        head(wire)
        # The server would now fill its memory if it did not wait; looking takes longer than filling the socket.
        while looks < LOOKS:
            look()
            time.sleep(0.01)
        count = drain(wire, look)
        equal(count, ROWS, "rows")
        equal(wire.until(b"Z"), [(b"C", f"SELECT {ROWS}\0".encode()), (b"Z", b"I")])
        grown = peak - before
        assert grown < GROWTH_MAX_KB, f"memory grew by {grown} KiB"
        seconds = time.monotonic() - start
        return f"{count} rows, {count * WIDTH} bytes; memory grew by {grown / 1024:.1f} MiB; {looks} looks, {seconds:.0f} s"


add("slow reader, extended protocol", lambda: slowly(extended))
add("slow reader, simple protocol", lambda: slowly(simple))
run()
