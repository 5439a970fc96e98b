"""`regulars test` over suites that pass and suites that fail: what it says last, and its exit code."""

import os
import subprocess
import tempfile
from pathlib import Path

from checking import PGHOST, PGPORT, check, equal, run

CONNECTION = f"postgres://ada@{PGHOST}:{PGPORT}/regulars"
PASSING = """\
query I
SELECT count(*) FROM members WHERE member_id = 'lunch'
----
1

statement ok
CREATE VIEW of_suite AS SELECT member_id FROM members WHERE loyalty_level = 'gold'

query T
SELECT member_id FROM of_suite ORDER BY member_id
----
abroad
lunch

statement error (42P01)
SELECT * FROM nowhere

statement ok
DROP VIEW of_suite
"""
FAILING = """\
query I
SELECT 40 + 2
----
43
"""


def doors():
    """Each way to reach an engine. The server that runs holds its home, so the other has a home of its own."""
    with tempfile.TemporaryDirectory() as folder:
        history = Path(__file__).resolve().parents[2] / "data/small"
        config = Path(folder) / "regulars.toml"
        config.write_text(f'home = "home"\n[history]\npath = "{history}"\n', encoding="utf-8")
        yield "--config", str(config)
        yield "--connect", CONNECTION
        yield "--connect", CONNECTION, "--extended"


def regulars_test(suites, door):
    """Runs the suites, given as texts by file name; returns exit code and lines of standard output."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in suites.items():
            (Path(folder) / name).write_text(content, encoding="utf-8")
        done = subprocess.run([os.environ["REGULARS"], "test", folder, *door], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout.replace(folder + "/", "").splitlines(), done.stderr


@check
def a_suite_that_passes():
    for door in doors():
        status, lines, errors = regulars_test({"good.slt": PASSING}, door)
        equal((status, lines[-1:]), (0, ["1 passed, 0 failed"]), f"{door} {errors}")


@check
def a_suite_that_fails_beside_one_that_passes():
    for door in doors():
        status, lines, errors = regulars_test({"bad.slt": FAILING, "good.slt": PASSING}, door)
        equal((status, lines[-1:]), (1, ["1 passed, 1 failed"]), f"{door} {errors}")
        equal(lines[0], "FAILED  bad.slt")
        text = "\n".join(lines)
        assert "SELECT 40 + 2" in text and "43" in text and "42" in text, text
        assert any(line.startswith("ok") and "good.slt" in line for line in lines), text


@check
def a_suite_that_expects_another_refusal():
    for door in doors():
        status, lines, errors = regulars_test({"bad.slt": "statement error (42P01)\nSELECT nothing FROM members\n"}, door)
        equal((status, lines[-1:]), (1, ["0 passed, 1 failed"]), f"{door} {errors}")
        assert "42703" in "\n".join(lines), lines


@check
def a_suite_that_is_not_there():
    for door in doors():
        done = subprocess.run([os.environ["REGULARS"], "test", "nowhere.slt", *door], capture_output=True, text=True, check=False)
        equal(done.returncode, 1)
        assert "nowhere.slt" in done.stderr, done.stderr


@check
def a_server_that_is_not_there():
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "good.slt").write_text(PASSING, encoding="utf-8")
        done = subprocess.run([os.environ["REGULARS"], "test", folder, "--connect", "postgres://ada@127.0.0.1:1/regulars"],
                              capture_output=True, text=True, check=False)
        equal(done.returncode, 1)


run()
