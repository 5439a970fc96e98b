"""Ctrl-C in psql, typed at a terminal: it ends a long query within a second, while it computes and while its rows are
coming, and psql goes on.

That the query runs, and that rows have come, is asked for, never guessed.
"""

import fcntl
import os
import pty
import select
import subprocess
import termios
import time

from checking import add, run
from protocol import Wire

WITHIN_S = 1.0
GIVE_UP_S = 60
ROUNDS = 5
COMPUTING = "SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b"
ROWS = "SELECT a.a, b.b FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b"
MESSAGE = "canceling statement due to user request"


class Terminal:
    """psql as at a person's terminal."""

    def __init__(self, name):
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(
            ["psql", "-XnqAt"], stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0), env=os.environ | {"PGAPPNAME": name, "TERM": "dumb"})
        os.close(slave)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self.master)

    def type(self, text):
        os.write(self.master, text.encode())

    def read_until(self, wanted):
        shown = ""
        give_up = time.monotonic() + GIVE_UP_S
        while wanted not in shown:
            ready, _, _ = select.select([self.master], [], [], GIVE_UP_S)
            assert ready and time.monotonic() < give_up, f"{wanted!r} does not come: {shown[-500:]!r}"
            shown += os.read(self.master, 1 << 12).decode(errors="replace")
        return shown


def resident_bytes(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def once(name, sql, until):
    """Types Ctrl-C when `until` says so of psql's process; returns the seconds up to psql's message."""
    with Wire() as wire, Terminal(name) as terminal:
        terminal.type("\\o /dev/null\n" + sql + ";\n")
        active = f"SELECT count(*) FROM pg_stat_activity WHERE application_name = '{name}' AND state = 'active'"
        while wire.rows(active) != [["1"]] or not until(terminal.process.pid):
            assert terminal.process.poll() is None, "psql has ended"
        start = time.monotonic()
        terminal.type("\x03")
        terminal.read_until(MESSAGE)
        seconds = time.monotonic() - start
        terminal.type("\\o\nSELECT 'still ' || 'here';\n")
        terminal.read_until("still here")
        while wire.rows(active) != [["0"]]:
            pass
        return seconds


def rounds(name, sql, until=lambda pid: True):
    def attempt():
        worst = max(once(f"{name} {number}", sql, until) for number in range(ROUNDS))
        assert worst < WITHIN_S, f"took {worst:.3f} s"
        return f"{ROUNDS} rounds, at most {worst * 1000:.0f} ms"

    add(f"Ctrl-C {name}", attempt)


rounds("while a query computes", COMPUTING)
rounds("while a sort gathers rows", f"{ROWS} ORDER BY 1, 2")
rounds("while rows are coming", ROWS, until=lambda pid: resident_bytes(pid) > 64 << 20)
run()
