"""Cancel requests and timeouts at random moments: while sorting, joining, aggregating, planning, sending to a client that
reads slowly, inside COPY and FETCH. Each ends its statement with 57014, or came too late; the connection goes on; the
processors are idle afterwards.

`MOMENTS=` for more than 30 of each kind of stop; `SEED=` plays them again. Printed are the times from the request to
ReadyForQuery: how long they are is not asserted.
"""

import os
import random
import socket
import struct
import threading
import time

from checking import check, equal, run
from protocol import Wire, bind, execute, fields, packet, parse, query, SYNC

MOMENTS = int(os.environ.get("MOMENTS", 30))
SEED = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 32)))
IDLE_DEADLINE_S = 20
LATEST_S = 1.0

SERIES = "generate_series(1, 3000000) AS {}(n)"
PLANNED_LONG = "SELECT count(*) FROM members AS m WHERE " + " AND ".join(
    f"EXISTS (SELECT 1 FROM purchases AS p WHERE p.member_id = m.member_id AND p.amount > {at})" for at in range(60))
WORK = {
    "sorting": f"SELECT a.n FROM {SERIES.format('a')} ORDER BY md5(a.n::text), a.n DESC LIMIT 5 OFFSET 2999990",
    "joining": f"SELECT count(*) FROM {SERIES.format('a')} JOIN {SERIES.format('b')} ON a.n % 1000 = b.n % 1000",
    "crossing": f"SELECT count(*) FROM {SERIES.format('a')}, {SERIES.format('b')}",
    "aggregating": f"SELECT count(*) FROM (SELECT a.n % 900001 AS k, count(*), max(a.n) FROM {SERIES.format('a')}, generate_series(1, 9) AS b(n) GROUP BY 1) AS g",
    "windows": f"SELECT max(r) FROM (SELECT row_number() OVER (ORDER BY a.n % 1000, a.n) AS r FROM {SERIES.format('a')}) AS w",
    "planning": PLANNED_LONG,
    "sending": f"SELECT a.n, repeat('x', 200) FROM {SERIES.format('a')}, {SERIES.format('b')}",
    "copying": f"COPY (SELECT a.n, repeat('x', 200) FROM {SERIES.format('a')}, {SERIES.format('b')}) TO STDOUT",
    "fetching": "FETCH ALL FROM held",
}


def processor_seconds():
    """Of all threads of the server, since it began."""
    with open(f"/proc/{os.environ['REGULARS_PID']}/stat", encoding="ascii") as stat:
        parts = stat.read().rsplit(")", 1)[1].split()
    return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")


def idle():
    """Waits until a window passes in which the server's threads use next to nothing."""
    deadline = time.monotonic() + IDLE_DEADLINE_S
    quiet = 0
    before, at = processor_seconds(), time.monotonic()
    while quiet < 3:
        now = time.monotonic()
        assert now < deadline, f"the server still computes {IDLE_DEADLINE_S} s afterwards"
        if now - at < 0.1:
            os.sched_yield()
            continue
        used = processor_seconds()
        quiet = quiet + 1 if used - before <= 0.02 else 0
        before, at = used, now


def cancel(key):
    with Wire(log_in=False) as other:
        other.send(packet(struct.pack("!iii", 80877102, *key)))
        other.read()


def drained(wire, slow):
    """Reads to ReadyForQuery; the SQLSTATE, if there was an error."""
    state = None
    read = 0
    while (got := wire.read()) is not None:
        kind, body = got
        if kind == b"E":
            state = fields(body)["C"]
        if kind == b"Z":
            return state
        read += 1
        if slow and read < 50:
            threading.Event().wait(0.002)
    raise AssertionError("the connection was closed")


def made_ready(wire, kind):
    """What the statement needs, and what may not be stopped in its place."""
    if kind == "fetching":
        wire.send(query(f"BEGIN; DECLARE held CURSOR FOR {WORK['sending']}"))
        wire.until(b"Z")


def begun(wire, kind, source):
    """Sends the statement, in one of the protocols."""
    sql = WORK[kind]
    if source.random() < 0.5:
        wire.send(query(sql))
    else:
        wire.send(parse(sql) + bind() + execute() + SYNC)


def attempt(kind, source, stop):
    """One statement, stopped: the seconds from the request to ReadyForQuery, and how it ended."""
    with Wire() as wire:
        wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        delay = source.random() ** 2 * LATEST_S
        made_ready(wire, kind)
        if stop == "timeout":
            wire.send(query(f"SET statement_timeout = {max(1, int(delay * 1000))}"))
            wire.until(b"Z")
            began = time.monotonic() + delay
            begun(wire, kind, source)
        else:
            begun(wire, kind, source)
            threading.Event().wait(delay)
            began = time.monotonic()
            cancel(wire.key)
        state = drained(wire, slow=kind in ("sending", "copying", "fetching"))
        took = time.monotonic() - began
        # Even this may take longer than the shortest of timeouts.
        while True:
            wire.send(query("ROLLBACK; SET statement_timeout = 0"))
            if drained(wire, slow=False) is None:
                break
        equal(wire.rows("SELECT 40 + 2"), [["42"]], "afterwards")
    return took, state


def moments(stop):
    source = random.Random(f"{SEED} {stop}")
    kinds = list(WORK)
    times, ended = [], {}
    slowest = (0, None)
    for at in range(MOMENTS):
        kind = kinds[at % len(kinds)]
        took, state = attempt(kind, source, stop)
        assert state in ("57014", None), f"{kind}: SQLSTATE {state}, SEED={SEED}"
        ended[state] = ended.get(state, 0) + 1
        if state == "57014":
            times.append(took)
            slowest = max(slowest, (took, kind))
    idle()
    times.sort()
    assert times, "nothing was stopped"
    at = lambda share: times[min(len(times) - 1, int(share * len(times)))] * 1000  # noqa: E731
    return (f"{ended.get('57014', 0)} of {MOMENTS} stopped, p50 {at(0.5):.0f} ms, p99 {at(0.99):.0f} ms, "
            f"longest {slowest[0] * 1000:.0f} ms while {slowest[1]}; SEED={SEED}")


@check
def cancel_requests_at_random_moments():
    return moments("cancel")


@check
def timeouts_at_random_moments():
    return moments("timeout")


@check
def connections_that_are_dropped_at_random_moments_leave_nothing_running():
    source = random.Random(f"{SEED} drop")
    for at in range(MOMENTS):
        with Wire() as wire:
            made_ready(wire, list(WORK)[at % len(WORK)])
            begun(wire, list(WORK)[at % len(WORK)], source)
            threading.Event().wait(source.random() ** 2 * LATEST_S)
    idle()
    with Wire() as wire:
        equal(wire.rows("SELECT count(*) FROM pg_stat_activity"), [["1"]], "sessions")
    return f"SEED={SEED}"


@check
def a_cancel_request_is_answered_while_many_compute():
    """The wire has threads of its own: others are served while the processors are busy."""
    busy = [Wire() for _ in range(8)]
    for wire in busy:
        wire.send(query(WORK["crossing"]))
    with Wire() as wire:
        equal(wire.rows("SELECT 40 + 2"), [["42"]])
    for wire in busy:
        cancel(wire.key)
        equal(drained(wire, slow=False), "57014")
        wire.socket.close()
    idle()


run()
