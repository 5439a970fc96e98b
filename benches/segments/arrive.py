"""What one purchase in a hundred that arrives costs: the index takes it in, an audience is refreshed.

    python arrive.py FOLDER SERVER

FOLDER is one that generate.py made; its history stays as it is, the files are linked into another one. The new purchases are copies of some of
the last month's, under identifiers of their own.
"""

import argparse
import os
import pathlib
import shutil
import time

import duckdb

from run import Regulars

SEGMENT = "SELECT member_id FROM members WHERE amount_spent(member_id, last => '365 days') > 500"


def linked(folder):
    """The same history in another folder, which files may be added to."""
    place = folder / "arriving"
    shutil.rmtree(place, ignore_errors=True)
    for path in (folder / "history").rglob("*.parquet"):
        to = place / "history" / path.relative_to(folder / "history")
        to.parent.mkdir(parents=True, exist_ok=True)
        os.link(path, to)
    return place


def arrive(place, purchases):
    """Writes so many new purchases with their lines; how many lines."""
    history = place / "history"
    last = sorted((history / "purchases").iterdir())[-1]
    new = duckdb.connect()
    new.execute(f"CREATE TABLE p AS SELECT * FROM '{last}' ORDER BY purchase_id LIMIT {purchases}")
    new.execute(f"CREATE TABLE l AS SELECT l.* FROM '{history}/purchase_lines/{last.name}' l SEMI JOIN p USING (purchase_id)")
    for table, name in (("l", "purchase_lines"), ("p", "purchases")):
        new.execute(f"UPDATE {table} SET purchase_id = purchase_id + 1000000000000")
        new.execute(f"COPY {table} TO '{history}/{name}/new.parquet.part' (FORMAT parquet)")
        os.rename(history / name / "new.parquet.part", history / name / "new.parquet")
    return new.execute("SELECT (SELECT count(*) FROM p), (SELECT count(*) FROM l)").fetchone()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("server", type=pathlib.Path)
    options = parser.parse_args()
    folder = options.folder.resolve()
    place = linked(folder)
    members, purchases, _ = (int(number) for number in (folder / "size").read_text().split()[:3])
    regulars = Regulars(place, options.server)
    regulars.start()
    index = regulars.wait_for_index()
    print(f"{index['rows']:,} rows of {members:,} members: index built in {index['build_ms'] / 1e3:.2f} s", flush=True)

    def timed(sql):
        began = time.perf_counter()
        regulars.connection.execute(sql)
        return time.perf_counter() - began

    print(f"audience created in {timed(f'CREATE MATERIALIZED VIEW kept AS {SEGMENT}'):.2f} s,"
          f" refreshed without anything new in {timed('REFRESH MATERIALIZED VIEW kept'):.2f} s", flush=True)
    receipts, lines = arrive(place, purchases // 100)
    took = timed("REFRESH MATERIALIZED VIEW kept")
    state, build_ms = regulars.connection.execute("SELECT state, build_ms FROM regulars.index WHERE piece = 'all'").fetchone()
    made = regulars.connection.execute("SELECT count(*) FROM regulars.index WHERE piece NOT IN ('all', 'names')"
                                       " AND built_at = (SELECT max(built_at) FROM regulars.index)").fetchone()[0]
    print(f"{receipts:,} purchases with {lines:,} lines arrived: refreshed in {took:.2f} s, of which the index took {build_ms / 1e3:.2f} s"
          f" and made {made} month(s) anew; it is {state}", flush=True)
    regulars.connection.execute("SET regulars.member_index = off")
    print(f"refreshed from all files in {timed('REFRESH MATERIALIZED VIEW kept'):.2f} s")
    regulars.stop()
    shutil.rmtree(place)


if __name__ == "__main__":
    main()
