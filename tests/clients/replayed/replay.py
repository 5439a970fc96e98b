"""Statements that tools send, replayed: Metabase, DBeaver, DataGrip, Grafana, Tableau, Power BI. The tools are not run.

What their drivers send of themselves is asked by recorded.py; here is what the tools add.

A file for each tool. `-- after:` names what the statements below it are written after: a repository and a path, or a thread. They
are in words of our own, and ask what the source's ask, by the same relations, functions and operators.
Before each statement:

    -- same            the rows of PostgreSQL 15 with the same tables, rows and definitions; without ORDER BY in any order
    -- gives: JSON     these rows, in this order; `null` for a statement without rows
    -- has: JSON       each of these values stands somewhere in the rows
    -- fails: STATE    it is refused with this SQLSTATE, and here it says so on purpose
"""

import json
import pathlib
import re
import sys

import psycopg

from postgres import Server
from same_history import GOLD, connect, prepare

FOLDER = pathlib.Path(__file__).parent


def statements(path):
    """What it is written after, expectation and text of each statement of a file."""
    source = expected = None
    for line in path.read_text(encoding="utf-8").splitlines():
        if named := re.match(r"-- after: (.*)$", line):
            source = named.group(1)
        elif told := re.match(r"-- (same|gives|has|fails)(?:: (.*))?$", line):
            expected = told.groups()
        elif line:
            assert source and expected and line.endswith(";"), (path.name, line)
            yield source, expected, line.removesuffix(";")
            expected = None


def ask(connection, sql):
    cursor = connection.execute(sql)
    return [list(row) for row in cursor.fetchall()] if cursor.description else None


def compare(connection, oracle, expected, sql):
    """What is wrong with the answer; None when it is as it must be."""
    how, value = expected
    try:
        found = ask(connection, sql)
    except psycopg.Error as error:
        return None if (how, value) == ("fails", error.sqlstate) else f"{error.sqlstate}: {str(error).splitlines()[0]}"
    if how == "fails":
        return f"it is not refused with {value}"
    if how == "has":
        cells = {str(cell) for row in found or [] for cell in row}
        assert json.loads(value), "has: nothing is asked of the rows"
        missing = [name for name in json.loads(value) if name not in cells]
        return f"without {missing}" if missing else None
    wanted = json.loads(value) if how == "gives" else ask(oracle, sql)
    if how == "same" and not re.search(r"order\s+by", sql, re.IGNORECASE):
        found, wanted = sorted(found, key=str), sorted(wanted, key=str)
    return None if found == wanted else f"expected {wanted}, found {found}"


def main():
    passed, failed, before = 0, [], set()
    with Server() as postgres, psycopg.connect(autocommit=True) as connection:
        # DISCARD ALL, which one of the tools sends, is for a session of its own.
        prepare(postgres, connection, GOLD)
        for path in sorted(FOLDER.glob("*.sql")):
            count = 0
            with psycopg.connect(autocommit=True) as session, connect(postgres) as oracle:
                for source, expected, sql in statements(path):
                    assert (path.name, sql) not in before, f"{path.name} has this twice: {sql}"
                    before.add((path.name, sql))
                    reason = compare(session, oracle, expected, sql)
                    count += 1
                    if reason is None:
                        passed += 1
                    else:
                        failed.append(path.stem)
                        print(f"FAILED {path.stem}: {sql[:100]}\n       {source}\n       {reason[:400]}")
            if path.stem not in failed:
                print(f"ok {path.stem}: {count} statements replayed, tool not run")
    print(f"       {passed + len(failed)} statements replayed, {passed} as they must be, {len(failed)} not")
    sys.exit(1 if failed else 0)


main()
