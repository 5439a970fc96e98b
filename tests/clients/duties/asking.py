"""The frame of a client program in Python: its duties are functions, each prints one line.

`client NAME VERSION`, then for each duty `ok DUTY`, `FAILED DUTY: …` or `skipped DUTY: reason`.
"""

import os
import sys
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

from checking import equal  # noqa: F401 - for the programs

RUNNING = ("SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid()"
           " AND query LIKE '%generate_series(1, 3000000)%'")

_duties = {}


class Skipped(Exception):
    """The client has no such thing; the reason is read in the grid."""


def duty(name):
    def register(function):
        assert name not in _duties, name
        _duties[name] = function
        return function

    return register


def skip(reason, *names):
    """These duties are none of the client's, for one reason."""
    for name in names:
        _duties[name] = reason


def report(version):
    print(f"client {version}", flush=True)
    failed = 0
    only = os.environ.get("CHECKS", "")
    for name, function in _duties.items():
        if only not in name:
            continue
        try:
            if isinstance(function, str):
                raise Skipped(function)
            note = function()
        except Skipped as reason:
            print(f"skipped {name}: {reason}", flush=True)
        except Exception as error:  # noqa: BLE001 - whatever it is, the duty is not done
            failed += 1
            where = [frame for frame in traceback.extract_tb(error.__traceback__) if "duties" in frame.filename][-1]
            said = " ".join(f"{type(error).__name__}: {error}".split())
            print(f"FAILED {name}: {os.path.basename(where.filename)}:{where.lineno}: {said[:600]}", flush=True)
        else:
            print(f"ok {name}{f' ({note})' if note else ''}", flush=True)
    sys.exit(1 if failed else 0)


def refused(function, *arguments):
    """The error with which it is refused."""
    try:
        function(*arguments)
    except Exception as error:  # noqa: BLE001 - each client has errors of its own
        return error
    raise AssertionError("not refused")


def once_it_runs(ask, act):
    """Does something on a thread as soon as the long query runs; its `result()` raises what it raised."""

    def wait_and_act():
        give_up_at = time.monotonic() + 60
        while ask(RUNNING)[0][0] != 1:
            assert time.monotonic() < give_up_at, "the query does not run"
        act()

    return ThreadPoolExecutor(1).submit(wait_and_act)
