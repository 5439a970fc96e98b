"""The suites of tests/slt through every door: in process, simple query, extended query in binary and in text. The first three
are `regulars test`; the last is libpq, asked for text. Prints how many records each door has played.

A suite over the wire has a server of its own, as it leaves its views behind. `SUITES=` for those with the word in their path.
"""

import os
import pathlib
import re
import subprocess
import tempfile

import psycopg
from checking import check, equal, run
from psycopg import pq

import protocol
from own_server import own_server

ROOT = pathlib.Path(__file__).resolve().parents[2]
SUITES = [path for path in sorted((ROOT / "tests/slt").rglob("*.slt"))
          if "completejourney" not in path.parts and os.environ.get("SUITES", "") in str(path)]


def regulars_test(paths, *door):
    """The records played, by what `regulars test` says; it must pass."""
    done = subprocess.run([os.environ["REGULARS"], "test", *map(str, paths), *door], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{door}: {done.stdout[-2000:]} {done.stderr[-500:]}"
    return sum(int(count) for count in re.findall(r"^ok .* (\d+) records$", done.stdout, re.M))


def over_the_wire(play):
    """The records of all suites, each played to a server of its own."""
    records = 0
    for path in SUITES:
        with own_server(""):
            records += play(path, protocol.PGPORT)
    return f"{records} records of {len(SUITES)} suites"


@check
def in_process():
    with tempfile.TemporaryDirectory() as folder:
        config = pathlib.Path(folder) / "regulars.toml"
        config.write_text(f'home = "home"\n[history]\npath = "{ROOT}/data/small"\n', encoding="utf-8")
        return f"{regulars_test(SUITES, '--config', str(config))} records of {len(SUITES)} suites"


@check
def simple_query():
    return over_the_wire(lambda path, port: regulars_test([path], "--connect", f"postgres://suite@127.0.0.1:{port}/regulars"))


@check
def extended_query_in_binary():
    return over_the_wire(
        lambda path, port: regulars_test([path], "--connect", f"postgres://suite@127.0.0.1:{port}/regulars", "--extended"))


@check
def extended_query_in_text():
    return over_the_wire(played)


def played(path, port):
    with psycopg.connect(host="127.0.0.1", port=port, user="suite", dbname="regulars", autocommit=True) as connection:
        records = 0
        for record in path.read_text(encoding="utf-8").strip("\n").split("\n\n"):
            lines = [line for line in record.split("\n") if not line.startswith("#")]
            if not lines or not lines[0].startswith(("query", "statement")):
                continue
            records += 1
            cut = lines.index("----") if "----" in lines else len(lines)
            compare(path, lines[0], "\n".join(lines[1:cut]), lines[cut + 1 :], connection.pgconn)
        return records


def compare(path, head, sql, expected, connection):
    result = connection.exec_params(sql.encode(), [], result_format=0)
    where = f"{path.relative_to(ROOT)}: {sql}"
    failed = result.status == pq.ExecStatus.FATAL_ERROR
    state = (result.error_field(pq.DiagnosticField.SQLSTATE) or b"?").decode() if failed else None
    if refused := re.match(r"statement error(?: \((\w+)\))?", head):
        assert failed, f"{where}: is not refused"
        equal(state, refused.group(1) or state, where)
        return
    assert not failed, f"{where}: {state} {result.error_message.decode()}"
    if head.startswith("query"):
        rows = [" ".join(written(result.get_value(row, column)) for column in range(result.nfields)) for row in range(result.ntuples)]
        found, wanted = map(plain, rows), map(plain, expected)
        ordered = sorted if "rowsort" in head else list
        equal(ordered(found), ordered(wanted), where)


def written(value):
    return "NULL" if value is None else value.decode() or "(empty)"


def plain(line):
    """White space counts as the public runner counts it."""
    return " ".join(line.split())


run()
