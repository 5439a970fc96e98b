"""What is asked while somebody waits: one member in one live segment, a draft that is counted while it is typed, all segments of a
member; and what takes memory: an audience of every member, downloaded.

    python till.py FOLDER SERVER [--seconds 10] [--clients 32]

The look-ups are asked by pgbench with prepared statements, of Regulars (a segment that is computed anew each time) and of PostgreSQL 15
(a table of the segment's members with an index).
"""

import argparse
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from run import HERE, Regulars

SEGMENT = "bought(member_id, product => '137', days => 'mon-thu', hours => '11:00-14:00', last => '365 days')"


def pgbench(connection, sql, options):
    """Rate, and the percentiles in milliseconds."""
    with tempfile.TemporaryDirectory() as folder:
        script = pathlib.Path(folder, "ask.sql")
        script.write_text(f"\\set id random(1, {options.members})\n{sql}\n")
        program = next(pathlib.Path("/usr/lib/postgresql").glob("*/bin/pgbench"))
        done = subprocess.run([program, "-n", "-M", "prepared", "-c", str(options.clients), "-j", "2", "-T", str(options.seconds),
                               "-l", "-f", script, *connection], cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(done.stdout + done.stderr)
        took = sorted(int(line.split()[2]) / 1e3 for log in pathlib.Path(folder).glob("pgbench_log*")
                      for line in log.read_text().splitlines())
        rate = float(done.stdout.split("tps = ")[1].split()[0])
        return rate, took[len(took) // 2], took[len(took) * 99 // 100]


def told(what, rate, p50, p99):
    print(f"{what:45} {rate:10,.0f} a second   p50 {p50:8.2f} ms   p99 {p99:8.2f} ms", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("server", type=pathlib.Path)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--clients", type=int, default=32)
    options = parser.parse_args()
    folder = options.folder.resolve()
    options.members = int((folder / "size").read_text().split()[0])
    regulars = Regulars(folder, options.server)
    print(f"first answer after {regulars.start():.2f} s", flush=True)
    index = regulars.wait_for_index()
    seconds = index["build_ms"] / 1e3
    print(f"index of {index['bytes'] / 2**20:,.0f} MiB built in {seconds:.1f} s, {index['rows'] / seconds / 1e6:.2f} M rows a second")
    ask = regulars.connection.execute
    ask(f"CREATE VIEW live AS SELECT member_id FROM members WHERE {SEGMENT}")
    for number in range(100):
        ask(f"CREATE VIEW s{number} AS SELECT member_id FROM members"
            f" WHERE bought(member_id, product => '{number + 1}', last => '{30 + number} days')")
    there = ["-h", "127.0.0.1", "-p", str(regulars.port), "-U", "ada", "regulars"]
    # The sessions of pgbench ask as of today. That is behind the last receipt, so that nothing that is read is left out.
    lookup = "SELECT EXISTS (SELECT 1 FROM {} WHERE member_id = :id);"
    told("Regulars, live segment, 1 client", *pgbench(there, lookup.format("live"), argparse.Namespace(**vars(options) | {"clients": 1})))
    told(f"Regulars, live segment, {options.clients} clients", *pgbench(there, lookup.format("live"), options))

    ask(f"CREATE MATERIALIZED VIEW kept AS SELECT member_id FROM members WHERE {SEGMENT}")
    kept = [row[0] for row in ask("SELECT member_id FROM kept").fetchall()]
    sys.path.insert(0, str(HERE.parents[1] / "tests/oracle"))
    from postgres import Server

    with Server() as server:
        connection = server.connect("postgres")
        connection.execute("CREATE TABLE kept (member_id bigint PRIMARY KEY)")
        with connection.cursor().copy("COPY kept FROM STDIN") as copy:
            copy.write("".join(f"{member}\n" for member in kept))
        connection.execute("VACUUM ANALYZE kept")
        there_too = ["-h", server.folder.name, "-p", "5432", "-U", "oracle", "postgres"]
        told("PostgreSQL 15, kept table with index, 1 client",
             *pgbench(there_too, lookup.format("kept"), argparse.Namespace(**vars(options) | {"clients": 1})))
        told(f"PostgreSQL 15, the same, {options.clients} clients", *pgbench(there_too, lookup.format("kept"), options))

    took = []
    for member in range(1, 31):
        began = time.perf_counter()
        ask("SELECT count(*) FROM regulars.segments_of(%s)" % (member * 31 % options.members + 1)).fetchall()
        took.append((time.perf_counter() - began) * 1e3)
    print(f"segments_of over 100 live segments: p50 {statistics.median(took):.1f} ms, p99 {sorted(took)[-1]:.1f} ms (of 30)")
    took = []
    for _ in range(30):
        began = time.perf_counter()
        ask(f"SELECT count(*) FROM (SELECT member_id FROM members WHERE {SEGMENT}) draft").fetchall()
        took.append((time.perf_counter() - began) * 1e3)
    print(f"count(*) of a draft, {options.members:,} members: p50 {statistics.median(took):.1f} ms, p99 {sorted(took)[-1]:.1f} ms (of 30)")
    began = time.perf_counter()
    ask("CREATE MATERIALIZED VIEW everybody AS SELECT member_id FROM members")
    made = time.perf_counter() - began
    before, began, size = regulars.memory_mib(), time.perf_counter(), 0
    with regulars.connection.cursor().copy("COPY everybody TO STDOUT (FORMAT csv)") as copy:
        for piece in copy:
            size += len(piece)
    print(f"an audience of {options.members:,} members: created in {made:.2f} s, downloaded in {time.perf_counter() - began:.2f} s,"
          f" {size:,} bytes, memory {before} → {regulars.memory_mib()} MiB, at most {regulars.memory_mib('VmHWM')} MiB")
    regulars.stop()


if __name__ == "__main__":
    main()
