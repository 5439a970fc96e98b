"""psql: the duties as scripts; what it prints is compared."""

import os
import signal
import subprocess

from asking import duty, equal, once_it_runs, report, skip
from duties import *  # noqa: F403 - the shared description


def psql(*arguments, script=None, **environment):
    """Status, standard output, standard error."""
    done = subprocess.run(["psql", "-XAt", *arguments], input=script, text=True, capture_output=True, check=False,
                          env=os.environ | {"PSQLRC": "/dev/null"} | environment)
    return done.returncode, done.stdout, done.stderr


def ask(script):
    status, out, told = psql("-v", "ON_ERROR_STOP=1", script=script)
    equal((status, told), (0, ""))
    return out


@duty("sign-in")
def sign_in():
    status, out, told = psql(script="\\conninfo\nSELECT current_user", PGCHANNELBINDING="require")
    equal((status, told), (0, ""))
    assert "SSL connection (protocol: TLSv1.3" in out and out.endswith("admin\n"), out


@duty("wrong-password")
def wrong_password():
    status, _, told = psql("-c", "SELECT 1", PGPASSWORD="wrong")
    equal(status, 2)
    assert 'FATAL:  password authentication failed for user "admin"' in told, told


@duty("simple")
def simple():
    equal(psql("-P", "tuples_only=off", script="SELECT 1 AS one, 'å' AS word; SELECT 2 AS two;"),
          (0, "one|word\n1|å\n(1 row)\ntwo\n2\n(1 row)\n", ""))


skip("psql 15 sends no parameters (`\\bind` came with psql 16)", "parameters-text", "parameters-binary")


@duty("null")
def null():
    equal(ask("\\pset null (null)\n\\t on\nSELECT NULL::bigint, '' AS empty;").splitlines()[-1], "(null)|")
    return "out only: psql sends no parameters"


@duty("numeric")
def numeric():
    equal(ask(f"SELECT {NUMERIC}::numeric"), NUMERIC + "\n")


@duty("timestamptz")
def timestamptz():
    equal(ask(f"SELECT timestamptz '{INSTANT}';"), "2026-10-25 00:30:00.123456+00\n")
    equal(ask(f"\\set QUIET on\nSET TIME ZONE 'Europe/Stockholm'; SELECT timestamptz '{INSTANT}';").splitlines()[-1],
          "2026-10-25 02:30:00.123456+02")


@duty("array")
def array():
    equal(ask("SELECT ARRAY['a', NULL, 'b\"c', 'd,e', 'å'], ARRAY[1, NULL, -9007199254740993]::bigint[]"),
          '{a,NULL,"b\\"c","d,e",å}|{1,NULL,-9007199254740993}\n')


@duty("error")
def error():
    status, out, told = psql("-v", "VERBOSITY=verbose", script=f"{DROP};\nSELECT 1;")
    equal((status, out), (0, "1\n"))
    assert "2BP01: cannot drop view gold because other objects depend on it" in told and f"HINT:  {DROP_HINT}" in told, told


@duty("cancel")
def cancel():
    with subprocess.Popen(["psql", "-XAt"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        running.stdin.write(f"SELECT 'it begins';\n{LONG};\nSELECT 'it goes on';\n")
        running.stdin.flush()
        equal(running.stdout.readline(), "it begins\n")
        # psql looks at signals while a query runs; before that an interrupt only ends the input, so it is sent until it is seen.
        once_it_runs(lambda sql: [(int(ask(sql)),)], lambda: None).result()
        running.send_signal(signal.SIGINT)
        out, told = running.communicate(timeout=60)
    equal(out, "")  # psql reads no further in a script that was interrupted; `psql/interrupt` does it at a terminal
    assert "canceling statement due to user request" in told, told


@duty("copy-out")
def copy_out():
    equal(ask(COPY), COPIED)
    equal(ask(f"\\copy {COPY.removeprefix('COPY ')}\n"), COPIED)


@duty("portions")
def portions():
    out = ask(f"\\set FETCH_COUNT 1000\n{MANY};")
    equal(sum(map(int, out.split())), MANY_ADDED_UP)


@duty("cursor")
def cursor():
    equal(ask(f"\\set QUIET on\nBEGIN; DECLARE c CURSOR FOR {CURSOR}; FETCH 3 FROM c; MOVE 4 IN c; FETCH 2 FROM c; CLOSE c; COMMIT;"),
          "1\n2\n3\n8\n9\n")


@duty("failed-transaction")
def failed_transaction():
    _, out, told = psql("-q", "-v", "VERBOSITY=sqlstate", script="BEGIN;\nSELECT 1 / 0;\nSELECT 1;\nROLLBACK;\nSELECT 2;")
    equal((out, told.split()), ("2\n", ["ERROR:", "22012", "ERROR:", "25P02"]))


@duty("notice")
def notice():
    equal(psql("-q", "-c", DROP_NOTHING), (0, "", f"NOTICE:  {NOTICE}\n"))


@duty("tables")
def tables():
    equal(ask("\\dt"), "".join(f"public|{table}|table|admin\n" for table in TABLES))
    assert "loyalty_points|bigint|||\n" in ask("\\d members")


@duty("segments")
def segments():
    equal(ask("\\dv"), "public|gold|view|admin\n")
    told = ask("\\t off\n\\d+ gold")
    assert "member_id|text||||extended|who\n" in told and "loyalty_points|bigint||||plain|\n" in told, told
    assert "loyalty_level = 'gold'" in told, told
    assert "Gold members" in ask("\\dv+")


@duty("audiences")
def audiences():
    equal(ask("\\dm"), "public|gold_list|materialized view|admin\n")


@duty("create-segment")
def create_segment():
    equal(ask(f"{SEGMENT};\nSELECT count(*) = (SELECT count(*) FROM members WHERE loyalty_points > 400) FROM rich;\nDROP VIEW rich;"),
          "CREATE VIEW\nt\nDROP VIEW\n")
    assert 'relation "rich" does not exist' in psql("-c", "SELECT 1 FROM rich")[2]


@duty("refresh-audience")
def refresh_audience():
    before = int(ask(RUN).split("|")[0])
    equal(ask(REFRESH), "REFRESH MATERIALIZED VIEW\n")
    equal(ask(RUN), f"{before + 1}|2\n")


report(subprocess.run(["psql", "--version"], capture_output=True, text=True, check=True).stdout.split()[2])
