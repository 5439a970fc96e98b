"""Asks every engine the same questions about the same history, side by side in one run, and prints medians and ratios.

    python run.py FOLDER SERVER [--runs 5] [--postgres]

FOLDER is one that generate.py made, SERVER a release build of `regulars`. Needs duckdb, chdb, polars, pyarrow and psycopg; the loop
without an engine, built in `bare/`. The run fails when two engines give different answers. Results go to FOLDER/results.json.
"""

import argparse
import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import time

import psycopg

from questions import AS_OF, EPOCH, QUESTIONS

HERE = pathlib.Path(__file__).parent


def milliseconds(ask, runs):
    """The answer, and how long each of the runs behind a first one took."""
    answer, took = ask(), []
    for _ in range(runs):
        began = time.perf_counter()
        again = ask()
        took.append((time.perf_counter() - began) * 1e3)
        assert again == answer, (again, answer)
    return answer, took


def plain(rows):
    """An answer that can be compared: rows of whole numbers."""
    return [[int(value) for value in row] for row in rows]


class Regulars:
    """The server, asked over the wire by psycopg with a prepared statement."""

    def __init__(self, folder, program):
        self.home = folder / "home"
        shutil.rmtree(self.home, ignore_errors=True)
        self.home.mkdir()
        self.config = self.home / "regulars.toml"
        self.config.write_text(f'home = "{self.home}/kept"\n[sign_in]\nsuperuser = "ada"\n'
                               f'[history]\npath = "{folder}/history"\n')
        self.program = program
        self.process = None

    def start(self):
        """Seconds until the first answer."""
        began = time.perf_counter()
        with (self.home / "out").open("w") as out, (self.home / "err").open("w") as err:
            self.process = subprocess.Popen([self.program, "serve", "--config", self.config, "--listen", "127.0.0.1:0"],
                                            stdout=out, stderr=err)
        while True:
            told = [line for line in (self.home / "out").read_text().splitlines() if line.startswith("Serving on ")]
            if told:
                break
            if self.process.poll() is not None:
                sys.exit((self.home / "err").read_text())
            time.sleep(0.005)
        self.port = int(told[0].split("127.0.0.1:")[1].split()[0].rstrip("."))
        self.connection = psycopg.connect(host="127.0.0.1", port=self.port, user="ada", dbname="regulars", autocommit=True,
                                          prepare_threshold=0)
        self.connection.execute("SELECT 1").fetchall()
        answered = time.perf_counter() - began
        self.connection.execute(f"SET regulars.as_of = '{AS_OF}'")
        return answered

    def wait_for_index(self):
        """What regulars.index says of the index once it is there."""
        while True:
            state, *rest = self.connection.execute(
                "SELECT state, members, rows, bytes, build_ms, problem FROM regulars.index WHERE piece = 'all'").fetchone()
            if state == "fresh":
                return dict(zip(("members", "rows", "bytes", "build_ms"), rest))
            if state == "failed":
                sys.exit(f"the index cannot be built: {rest[-1]}")
            time.sleep(0.05)

    def ask(self, question):
        return plain(self.connection.execute(question, prepare=True).fetchall())

    def memory_mib(self, what="VmRSS"):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split(what + ":")[1].split()[0]) // 1024

    def stop(self):
        self.connection.close()
        self.process.terminate()
        self.process.wait()


def duckdb_engines(folder):
    import duckdb

    native = duckdb.connect(config={"threads": 2})
    native.execute(f"CREATE TABLE l AS SELECT * FROM '{folder}/wide/*.parquet'")
    native.execute(f"CREATE TABLE m AS SELECT member_id FROM '{folder}/history/members.parquet'")
    files = duckdb.connect(config={"threads": 2})
    files.execute(f"CREATE VIEW l AS SELECT * FROM '{folder}/wide/*.parquet'")
    files.execute(f"CREATE VIEW m AS SELECT member_id FROM '{folder}/history/members.parquet'")
    return {f"DuckDB {duckdb.__version__}": lambda sql: plain(native.execute(sql).fetchall()),
            "DuckDB on Parquet": lambda sql: plain(files.execute(sql).fetchall())}


def chdb_engine(folder):
    import chdb
    from chdb import session

    place = folder / "chdb"
    shutil.rmtree(place, ignore_errors=True)
    house = session.Session(str(place))
    house.query("CREATE DATABASE bench ENGINE = Atomic; USE bench")
    house.query(f"CREATE TABLE l ENGINE = MergeTree ORDER BY (day, product) SETTINGS allow_nullable_key = 1 AS"
                f" SELECT * FROM file('{folder}/wide/*.parquet', Parquet)")
    house.query(f"CREATE TABLE m ENGINE = MergeTree ORDER BY member_id AS"
                f" SELECT assumeNotNull(member_id) AS member_id FROM file('{folder}/history/members.parquet', Parquet)")
    house.query("OPTIMIZE TABLE l FINAL")

    def ask(sql):
        told = str(house.query(sql + " SETTINGS max_threads = 2", "TSV"))
        return plain(line.split("\t") for line in told.split("\n") if line)

    return {f"ClickHouse (chdb {chdb.__version__})": ask}


def polars_engine(folder):
    import polars as pl

    # Its sum of 32 bits without a sign has 32 bits, and runs over.
    lines = pl.read_parquet(f"{folder}/wide/*.parquet").with_columns(pl.col("cents").cast(pl.Int64))
    members = pl.read_parquet(f"{folder}/history/members.parquet", columns=["member_id"])
    context = pl.SQLContext(l=lines.lazy(), m=members.lazy())

    def ask(sql):
        return plain(context.execute(sql, eager=False).collect(engine="streaming").rows())

    return {f"Polars {pl.__version__}": ask}


class Postgres:
    """PostgreSQL 15 of the machine, with the indexes that these questions can use."""

    def __init__(self, folder):
        sys.path.insert(0, str(HERE.parents[1] / "tests/oracle"))
        from postgres import Server

        self.server = Server()
        self.server.__enter__()
        self.connection = self.server.connect("postgres")
        self.connection.execute("CREATE TABLE l (member int, product int2, weekday int2, minute int2, day date, cents int4,"
                                " purchase int4, store int2, channel int2, day_number int4, category int2)")
        self.connection.execute("CREATE TABLE m (member_id int PRIMARY KEY)")
        import pyarrow.csv
        import pyarrow.parquet

        for path in sorted((folder / "wide").glob("*.parquet")):
            rows = pyarrow.BufferOutputStream()
            pyarrow.csv.write_csv(pyarrow.parquet.read_table(path), rows, pyarrow.csv.WriteOptions(include_header=False))
            with self.connection.cursor().copy("COPY l FROM STDIN (FORMAT csv)") as copy:
                copy.write(rows.getvalue().to_pybytes())
        members = int((folder / "size").read_text().split()[0])
        self.connection.execute(f"INSERT INTO m SELECT generate_series(1, {members})")
        for columns in ("member", "product, member", "day, member", "category, day, member"):
            self.connection.execute(f"CREATE INDEX ON l ({columns})")
        self.connection.execute("VACUUM ANALYZE l")
        self.connection.execute("SET work_mem = '512MB'; SET max_parallel_workers_per_gather = 2; SET jit = off")

    def ask(self, sql):
        return plain(self.connection.execute(sql).fetchall())


def bare(folder, runs):
    program = HERE.parents[1] / "target/bench/bare/release/bare-loop"
    told = subprocess.check_output([program, folder, str((AS_OF - EPOCH).days), str(runs)], text=True)
    rows = [line.split("\t") for line in told.splitlines()]
    return {name: (int(answer), float(took)) for name, answer, took in rows}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("server", type=pathlib.Path)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--without", action="append", default=[], help="engines to leave out")
    options = parser.parse_args()
    folder = options.folder.resolve()
    members, purchases, lines = map(int, (folder / "size").read_text().split())
    results = {"members": members, "purchases": purchases, "lines": lines, "cores": os.cpu_count(), "machine": platform.machine(),
               "runs": options.runs, "took_ms": {}, "answers": {}}

    print(f"{lines:,} lines, {purchases:,} purchases, {members:,} members; {os.cpu_count()} cores", flush=True)
    regulars = Regulars(folder, options.server)
    results["first_answer_s"] = regulars.start()
    results["index"] = regulars.wait_for_index()
    print(f"Regulars answers after {results['first_answer_s']:.2f} s; index of {results['index']['bytes'] / 2**20:,.0f} MiB"
          f" built in {results['index']['build_ms'] / 1e3:.1f} s", flush=True)

    differing = []

    def record(engine, name, answer, took):
        known = results["answers"].setdefault(name, answer)
        if known != answer:
            differing.append(f"{engine} answers {name!r} with {answer}, others with {known}")
            return
        results["took_ms"].setdefault(name, {})[engine] = took
        (folder / "results.json").write_text(json.dumps(results, indent=1))

    def ask_all(engine, ask, position, runs):
        for name, asked in QUESTIONS.items():
            try:
                answer, took = milliseconds(lambda: ask(asked[position]), runs)
            except Exception as error:  # what an engine cannot say is shown as missing, with its words
                print(f"  {engine}: {name}: {str(error).splitlines()[0][:140]}", flush=True)
                continue
            record(engine, name, answer, took)
        print(f"asked {engine}", flush=True)

    ask_all("Regulars", regulars.ask, 0, options.runs)
    results["resident_mib"] = regulars.memory_mib("VmHWM")
    if "plain" not in options.without:
        regulars.connection.execute("SET regulars.member_index = off")
        ask_all("DataFusion on Parquet", regulars.ask, 0, max(1, options.runs // 3))
    regulars.stop()
    for name, (answer, took) in bare(folder, options.runs).items():
        record("bare loop", name, [[answer]], [took])
    for make in (duckdb_engines, chdb_engine, polars_engine):
        if make.__name__ in options.without:
            continue
        for engine, ask in make(folder).items():
            ask_all(engine, ask, 1, options.runs)
    if options.postgres:
        ask_all("PostgreSQL 15", Postgres(folder).ask, 1, max(1, options.runs // 3))
    from report import table

    print(table(results))
    if differing:
        sys.exit("\n".join(differing))


if __name__ == "__main__":
    main()
