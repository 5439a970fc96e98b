"""`regulars export`: a list as a file, by a server and without one; the same rows as by \\copy and by pyarrow; a file is there
whole or not at all."""

import os
import pathlib
import signal
import subprocess
import tempfile
import time

import psycopg
import pyarrow.parquet

from checking import PGHOST, PGPORT, check, equal, run

SERVER = f"postgres://ada@{PGHOST}:{PGPORT}/regulars"
DEADLINE_S = 60

folder = tempfile.TemporaryDirectory()
FOLDER = pathlib.Path(folder.name)
(FOLDER / "drafts").mkdir()


def export(*arguments):
    """Exit code, lines of standard output, and standard error."""
    done = subprocess.run([os.environ["REGULARS"], "export", *map(str, arguments)], capture_output=True, text=True,
                          check=False, env=os.environ | {"TMPDIR": str(FOLDER / "drafts")}, timeout=DEADLINE_S)
    return done.returncode, done.stdout.splitlines(), done.stderr


def ask(question):
    with psycopg.connect(autocommit=True) as connection:
        return connection.execute(question).fetchall()


def names(of):
    return sorted(path.name for path in (FOLDER / of).iterdir())


@check
def csv_is_what_copy_gives():
    with psycopg.connect(autocommit=True) as connection:
        connection.execute("CREATE VIEW \"all of them\" AS SELECT member_id, email, joined_on, verified_at FROM members")
        connection.execute("CREATE MATERIALIZED VIEW kept AS SELECT * FROM \"all of them\"")
    code, out, err = export("kept", "--to", FOLDER / "csv/kept.csv", "--connect", SERVER)
    equal((code, err), (0, ""))
    copied = FOLDER / "copied.csv"
    subprocess.run(["psql", "-c", f"\\copy kept TO '{copied}' (FORMAT csv, HEADER)"], check=True, capture_output=True)
    equal((FOLDER / "csv/kept.csv").read_bytes(), copied.read_bytes())
    (members,), = ask("SELECT count(*) FROM kept")
    equal(out[0].split(), ["rows", str(members)])
    equal(out[1].split(), ["bytes", f"{copied.stat().st_size:,}"])
    equal(out[3], f"Written to {FOLDER}/csv/kept.csv")
    equal(names("csv"), ["kept.csv"])
    equal(os.stat(FOLDER / "csv/kept.csv").st_mode & 0o777, 0o600)


@check
def parquet_is_read_by_others():
    equal(export("\"all of them\"", "--to", FOLDER / "p.parquet", "--connect", SERVER)[0], 0)
    table = pyarrow.parquet.read_table(FOLDER / "p.parquet")
    equal([str(field.type) for field in table.schema], ["string", "string", "date32[day]", "timestamp[us, tz=UTC]"])
    found = [tuple(row.values()) for row in table.to_pylist()]
    expected = ask("SELECT * FROM \"all of them\"")
    equal(sorted(found, key=repr), sorted(expected, key=repr))
    # The same by psql, and of no rows.
    into = FOLDER / "q.parquet"
    subprocess.run(["psql", "-c", f"\\copy (SELECT 1 AS a WHERE false) TO '{into}' (FORMAT parquet)"], check=True,
                   capture_output=True)
    equal((pyarrow.parquet.read_table(into).column_names, pyarrow.parquet.read_table(into).num_rows), (["a"], 0))


@check
def options_of_lines_are_none_of_parquets():
    for option, state in (("HEADER", "0A000"), ("DELIMITER ';'", "42601"), ("QUOTE '|'", "0A000")):
        try:
            ask(f"COPY (SELECT 1) TO STDOUT (FORMAT parquet, {option})")
        except psycopg.Error as error:
            equal(error.sqlstate, state, option)
        else:
            raise AssertionError(f"{option} was taken")


@check
def a_folder_gets_the_lists_name():
    (FOLDER / "into").mkdir()
    equal(export("public.kept", "--to", FOLDER / "into", "--format", "parquet", "--connect", SERVER)[0], 0)
    equal(names("into"), ["kept.parquet"])


@check
def without_a_server():
    config = FOLDER / "own.toml"
    history = pathlib.Path(__file__).resolve().parents[2] / "data/small"
    config.write_text(f'home = "{FOLDER}/home"\n[history]\npath = "{history}"\n', encoding="utf-8")
    code, _, err = export("members", "--to", FOLDER / "own.csv", "--config", config)
    equal((code, err), (0, ""))
    code, _, err = export("members", "--to", FOLDER / "theirs.csv", "--connect", SERVER)
    equal((code, err), (0, ""))
    equal((FOLDER / "own.csv").read_bytes(), (FOLDER / "theirs.csv").read_bytes())


@check
def refusals_leave_nothing():
    before = names(".")
    for arguments, told in (
        (("nowhere", "--to", FOLDER / "x.csv", "--connect", SERVER), 'relation "nowhere" does not exist'),
        (("kept", "--to", FOLDER / "x.txt", "--connect", SERVER), "--format csv"),
        (("kept", "--to", FOLDER / "x.csv", "--connect", "postgres://ada@127.0.0.1:1/regulars"), "cannot be asked"),
        (("kept", "--to", FOLDER / "x.csv", "--config", os.environ["REGULARS_CONFIG"]), "error: "),
        (("kept", "--to", FOLDER / "own.toml/x.csv", "--connect", SERVER), "own.toml"),
    ):
        code, out, err = export(*arguments)
        equal((code, out), (1, []), err)
        assert told in err, err
    equal(names("."), before)


@check
def killed_on_the_way_leaves_no_file():
    (FOLDER / "killed").mkdir()
    with psycopg.connect(autocommit=True) as connection:
        connection.execute("CREATE VIEW long AS SELECT repeat('x', 1000) AS x FROM generate_series(1, 1000000)")
    process = subprocess.Popen([os.environ["REGULARS"], "export", "long", "--to", str(FOLDER / "killed/long.csv"), "--connect", SERVER],
                               env=os.environ | {"TMPDIR": str(FOLDER / "drafts")}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + DEADLINE_S
    while not any(path.stat().st_size > 1_000_000 for path in (FOLDER / "drafts").iterdir()):
        assert time.monotonic() < deadline and process.poll() is None, "nothing was written"
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    equal(process.wait(), -signal.SIGKILL)
    equal(names("killed"), [])


try:
    run()
finally:
    folder.cleanup()
