"""psql as scripts use it: exit codes, ON_ERROR_STOP, single transactions, formats, large results."""

import os
import subprocess

from checking import check, equal, run


def psql(*arguments, script=None, environment=None):
    """Returns exit code, standard output, standard error."""
    done = subprocess.run(["psql", "-X", "-v", "VERBOSITY=verbose", *arguments], input=script, capture_output=True, text=True,
                          env=os.environ | (environment or {}), check=False)
    return done.returncode, done.stdout, done.stderr


def answer(*arguments, **options):
    status, output, errors = psql("-qAt", *arguments, **options)
    equal((status, errors), (0, ""))
    return output.rstrip("\n")


@check
def exit_codes():
    equal(psql("-c", "SELECT 1")[0], 0)
    equal(psql("-c", "SELECT nothing FROM members")[0], 1)
    equal(psql("-f", "-", script="SELECT nothing FROM members;\nSELECT 1;")[0], 0, "without ON_ERROR_STOP")
    equal(psql("-f", "-", script="\\set ON_ERROR_STOP on\nSELECT nothing FROM members;\nSELECT 1;")[0], 3)
    equal(psql("-d", "nowhere", "-c", "SELECT 1")[0], 2)


@check
def on_error_stop_stops():
    script = "SELECT 'before';\nSELECT 1/0;\nSELECT 'behind';\n"
    status, output, errors = psql("-qAt", "-v", "ON_ERROR_STOP=1", "-f", "-", script=script)
    equal((status, output), (3, "before\n"))
    assert "ERROR:  22012: division by zero" in errors, errors
    status, output, errors = psql("-qAt", "-f", "-", script=script)
    equal((status, output), (0, "before\nbehind\n"))


@check
def a_single_transaction_is_all_or_nothing():
    script = "CREATE VIEW single_one AS SELECT 1 AS n;\nSELECT nothing FROM members;\nCREATE VIEW single_two AS SELECT 2 AS n;\n"
    equal(psql("-1", "-v", "ON_ERROR_STOP=1", "-f", "-", script=script)[0], 3)
    equal(answer("-c", "SELECT count(*) FROM pg_views WHERE viewname LIKE 'single%'"), "0")
    equal(psql("-1", "-c", "CREATE VIEW single_one AS SELECT 1 AS n", "-c", "CREATE VIEW single_two AS SELECT n FROM single_one")[0], 0)
    equal(answer("-c", "SELECT n FROM single_two; DROP VIEW single_two; DROP VIEW single_one"), "1")


@check
def on_error_rollback_uses_savepoints():
    script = ("\\set ON_ERROR_ROLLBACK on\nBEGIN;\nCREATE VIEW kept AS SELECT 1 AS n;\nSELECT nothing FROM members;\n"
              "COMMIT;\nSELECT n FROM kept;\nDROP VIEW kept;\n")
    status, output, errors = psql("-qAt", "-f", "-", script=script)
    equal((status, output), (0, "1\n"))
    assert "42703" in errors, errors


@check
def an_error_points_at_its_place():
    status, _, errors = psql("-c", "SELECT member_id,\n       loyalty_point\nFROM members")
    equal(status, 1)
    shown = errors.splitlines()
    equal(shown[0], 'ERROR:  42703: column "loyalty_point" does not exist')
    equal(shown[1:3], ["LINE 2:        loyalty_point", "               ^"])


@check
def the_transaction_status_is_known():
    script = "\\set PROMPT1 '%x'\nBEGIN;\n\\echo :ERROR\nSELECT 1/0;\n\\echo :ERROR :SQLSTATE :LAST_ERROR_SQLSTATE\nSELECT 1;\n\\echo :SQLSTATE\nROLLBACK;\n\\echo :SQLSTATE\n"
    _, output, _ = psql("-qAt", "-f", "-", script=script)
    equal(output, "false\ntrue 22012 22012\n25P02\n00000\n")


@check
def a_large_result_arrives_whole():
    output = answer("-c", "SELECT value, repeat('y', 50) FROM generate_series(1, 200000) AS s(value)")
    lines = output.split("\n")
    equal(len(lines), 200000)
    for number, line in enumerate(lines, 1):
        if line != f"{number}|{'y' * 50}":
            raise AssertionError(f"line {number} is {line!r}")


@check
def several_statements_and_their_tags():
    status, output, _ = psql("-c", "CREATE VIEW tagged AS SELECT 1 AS n; SELECT n FROM tagged; DROP VIEW tagged")
    equal((status, output.split("\n")), (0, ["CREATE VIEW", " n ", "---", " 1", "(1 row)", "", "DROP VIEW", ""]))


@check
def csv():
    equal(answer("--csv", "-c", "SELECT 'a,b' AS x, 'say \"hi\"' AS y, NULL AS z, true AS t"), '"a,b","say ""hi""",,t')


@check
def copy_goes_out_and_not_in():
    equal(answer("-c", "\\copy (SELECT 1, 'a,b') TO STDOUT CSV HEADER"), '?column?,?column?\n1,"a,b"')
    status, _, errors = psql("-c", "\\copy members FROM STDIN", script="1\n")
    equal(status, 1)
    assert "0A000" in errors, errors


run()
