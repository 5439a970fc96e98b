"""Histories of a test's own: written as the Parquet files of the contract, and served by a Regulars of its own."""

import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq

ROOT = pathlib.Path(__file__).parents[3]
ORACLE = ROOT / "../shared/oracle/facts_pg15.sql"
EXPECTED = ORACLE.with_name("facts_expected.txt")

TEXT, BIGINT, DATE, TIME = pa.string(), pa.int64(), pa.date32(), pa.time64("us")
INSTANT, MONEY, FRACTIONS = pa.timestamp("us", tz="UTC"), pa.decimal128(18, 2), pa.decimal128(12, 3)
START_TIMEOUT_S = 60


def oracle_functions():
    """The meaning of the facts as PostgreSQL has it, without the file's own rows, and without what only psql knows."""
    text = ORACLE.read_text(encoding="utf-8").partition("-- edges, one a member")[0]
    return without_psql_commands(text)


def without_psql_commands(text):
    return "\n".join(line for line in text.split("\n") if not line.startswith("\\"))


def arrow_table(types, rows):
    """`types`: column to Arrow type; `rows`: dicts, of which other keys are left out."""
    return pa.Table.from_pylist(rows, pa.schema(list(types.items())))


class Regulars:
    """A server over the given tables (name to Arrow table) that lives as long as the `with` block; `config` is added to
    its configuration. Of the tables `in_parts` further files may be added."""

    def __init__(self, tables, config="", in_parts=()):
        self.tables = tables
        self.config = config
        self.parts = {name: 0 for name in in_parts}

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="facts-")
        base = pathlib.Path(self.folder.name)
        (base / "history").mkdir()
        for name, table in self.tables.items():
            self.write(name, table)
        config = base / "regulars.toml"
        config.write_text(f'home = "{base}/home"\n[history]\npath = "{base}/history"\n{self.config}', encoding="utf-8")
        self.output, self.errors = base / "out", base / "err"
        command = [os.environ["REGULARS"], "serve", "--config", str(config), "--listen", "127.0.0.1:0"]
        with self.output.open("wb") as output, self.errors.open("wb") as errors:
            self.process = subprocess.Popen(command, stdout=output, stderr=errors)
        try:
            self.port = self.wait_for_port()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, kind, *_):
        ended = self.process.poll()
        said = self.errors.read_text(encoding="utf-8", errors="replace")
        self.stop()
        if kind is None:
            assert ended is None, f"the server ended with status {ended}: {said[-1000:]}"
            assert "panicked" not in said, f"the server panicked: {said[-1000:]}"

    def write(self, name, table):
        """Writes a table's file, which is all of it then; the next statement sees it."""
        history = pathlib.Path(self.folder.name) / "history"
        if name not in self.parts:
            pq.write_table(table, history / f"{name}.parquet")
            return
        (history / name).mkdir(exist_ok=True)
        before = list((history / name).iterdir())
        self.add(name, table)
        for path in before:
            path.unlink()

    def add(self, name, table):
        """Writes a further file of a table that has parts."""
        self.parts[name] += 1
        pq.write_table(table, pathlib.Path(self.folder.name) / "history" / name / f"{self.parts[name]}.parquet")

    def wait_for_port(self):
        """The server tells its address when it is ready; until then there is nothing to connect to."""
        give_up_at = time.monotonic() + START_TIMEOUT_S
        while not (told := re.search(r"^Serving on 127\.0\.0\.1:(\d+)", self.output.read_text(encoding="utf-8"), re.M)):
            if self.process.poll() is not None or time.monotonic() > give_up_at:
                raise AssertionError(f"the server did not start: {self.errors.read_text(encoding='utf-8')[-1000:]}")
            time.sleep(0.02)
        return int(told.group(1))

    def wait_for_index(self):
        """Until the member index holds the files as they are. It is built in the background, a few seconds after a change."""
        give_up_at = time.monotonic() + START_TIMEOUT_S
        with self.connect() as connection:
            while (state := connection.execute("SELECT state, problem FROM regulars.index WHERE piece = 'all'").fetchone()) != ("fresh", None):
                assert time.monotonic() < give_up_at, f"the member index is {state}"
                time.sleep(0.02)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.folder.cleanup()

    def address(self):
        """How libpq's programs find this server."""
        return {"PGHOST": "127.0.0.1", "PGPORT": str(self.port), "PGUSER": "ada", "PGDATABASE": "regulars"}

    def connect(self):
        return psycopg.connect(host="127.0.0.1", port=self.port, user="ada", dbname="regulars", autocommit=True)
