"""What is asked while somebody waits: one member in one live segment, a draft that is counted while it is typed, all segments of a
member; and what takes memory: an audience of every member, downloaded.

    python till.py FOLDER SERVER [--seconds 10] [--clients 32]

The look-ups are asked by pgbench with prepared statements, of Regulars (a segment that is computed anew each time) and of PostgreSQL 15
(a table of the segment's members with an index), of both over TCP.
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

    with Server(over_tcp=True) as server:
        connection = server.connect("postgres")
        connection.execute("CREATE TABLE kept (member_id bigint PRIMARY KEY)")
        with connection.cursor().copy("COPY kept FROM STDIN") as copy:
            copy.write("".join(f"{member}\n" for member in kept))
        connection.execute("VACUUM ANALYZE kept")
        there_too = ["-h", "127.0.0.1", "-p", str(server.port), "-U", "oracle", "postgres"]
        told("PostgreSQL 15, kept table with index, 1 client",
             *pgbench(there_too, lookup.format("kept"), argparse.Namespace(**vars(options) | {"clients": 1})))
        told(f"PostgreSQL 15, the same, {options.clients} clients", *pgbench(there_too, lookup.format("kept"), options))

    def timed(what, sql, count):
        """Each statement is another text, so that each is planned."""
        took = []
        for number in range(count):
            began = time.perf_counter()
            ask(sql(number)).fetchall()
            took.append((time.perf_counter() - began) * 1e3)
        first, took = took[0], sorted(took[1:])
        print(f"{what}: first {first:.1f} ms, then p50 {statistics.median(took):.1f} ms, p99 {took[len(took) * 99 // 100]:.1f} ms"
              f" (of {len(took)})", flush=True)

    def member(number):
        return (number + 1) * 31 % options.members + 1

    timed("segments_of over 100 live segments",
          lambda number: f"SELECT count(*) FROM regulars.segments_of({member(number)})", 201)
    timed(f"count(*) of a draft, {options.members:,} members",
          lambda number: "SELECT count(*) FROM (SELECT member_id FROM members WHERE"
                         f" {SEGMENT.replace('365', str(365 - number))}) draft", 101)
    timed("why a member is in the segment or not",
          lambda number: f"SELECT count(*) FROM regulars.why('live', {member(number)})", 101)
    ten = ", ".join(f"'s{number}'" for number in range(10))
    timed("overlap of ten segments", lambda number: f"SELECT count(*) FROM regulars.segment_overlap({ten}) -- {number}", 11)
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
    first = regulars.start()
    index = regulars.wait_for_index()
    print(f"started again: first answer after {first:.2f} s, the index read from its file in {index['build_ms'] / 1e3:.2f} s,"
          f" memory {regulars.memory_mib()} MiB")
    regulars.stop()


if __name__ == "__main__":
    main()
