"""Named checks, one line each: `ok NAME` or `FAILED NAME` with the reason below it.

A program registers functions with @check and ends with run(); a check that raises has failed, the others still run.
CHECKS=word in the environment runs only those with the word in their name.
"""

import os
import sys
import traceback

PGHOST = os.environ["PGHOST"]
PGPORT = int(os.environ["PGPORT"])

_checks = []


def check(function):
    """Registers a check; its name is the function's, read as a sentence."""
    _checks.append((function.__name__.replace("_", " "), function))
    return function


def add(name, function):
    """Registers a check under a name of its own."""
    _checks.append((name, function))


def pending(reason):
    """Marks a check of what is right but not yet so: its failure is shown with the reason, and is none of the run's."""

    def mark(function):
        function.pending = reason
        return function

    return mark


def equal(found, expected, about=""):
    assert found == expected, f"{about}{': ' if about else ''}expected {expected!r}, found {found!r}"


def run():
    """Runs the checks in order; exits with 1 when one has failed."""
    failed = 0
    only = os.environ.get("CHECKS", "")
    for name, function in _checks:
        if only not in name:
            continue
        try:
            note = function()
        except Exception as error:  # noqa: BLE001 - whatever it is, the check has failed
            reason = getattr(function, "pending", None)
            failed += reason is None
            print(f"FAILED {name}" if reason is None else f"pending {name}: {reason}")
            where = traceback.extract_tb(error.__traceback__)
            own = [frame for frame in where if "tests/clients" in frame.filename][-1]
            print(f"       {os.path.basename(own.filename)}:{own.lineno}: {type(error).__name__}: {error}")
        else:
            print(f"ok {name}{f' ({note})' if isinstance(note, str) else ''}")
    sys.exit(1 if failed else 0)


def resident_kb():
    """Memory that the server holds now, in KiB: not the pages of the program itself, which come in as its code runs."""
    with open(f"/proc/{os.environ['REGULARS_PID']}/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("RssAnon:"):
                return int(line.split()[1])
    raise AssertionError("the server tells no RssAnon")
