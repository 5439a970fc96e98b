"""Asks PostgreSQL 15 for the answers of the suites under tests/slt and writes them in.

A suite takes part when the third line of its head ends in `oracle: postgresql`. Each suite runs on a fresh database
with the rows of data/small and the functions of compat/postgresql.sql, in a session at UTC, on a server that the script starts and stops (`postgres.py`). Needs
PostgreSQL 15's server programs and `pip install "psycopg[binary]"`.

    python3 tests/oracle/make_slt.py            # write the answers
    python3 tests/oracle/make_slt.py --check    # change nothing; fail if an answer differs

Of a `query` it writes the column types (I integer, R numeric, T anything else) and the rows in PostgreSQL's text form,
NULL for null and (empty) for the empty text; of a `statement error` the SQLSTATE. A `statement ok` that fails, or a
`statement error` that does not, stops the script.
"""

import pathlib
import sys

from psycopg import pq

from postgres import Server

ROOT = pathlib.Path(__file__).parents[2]
MARK = "oracle: postgresql"
INTEGERS, NUMERICS = {20, 21, 23}, {700, 701, 1700}


def complete(text, connection, path):
    """The suite `text` with PostgreSQL's answers; the number of its queries and of its errors."""
    records, queries, errors = [], 0, 0
    for record in text.strip("\n").split("\n\n"):
        lines = record.split("\n")
        start = next((n for n, line in enumerate(lines) if not line.startswith("#")), len(lines))
        head, body = lines[:start], lines[start:]
        if body and body[0].startswith(("query", "statement")):
            kind = body[0].split()
            cut = body.index("----") if "----" in body else len(body)
            sql = "\n".join(body[1:cut])
            result = connection.pgconn.exec_(sql.encode())
            body = answer(kind, sql, result, path)
            queries += kind[0] == "query"
            errors += kind[:2] == ["statement", "error"]
        records.append("\n".join(head + body))
    return "\n\n".join(records) + "\n", queries, errors


def answer(kind, sql, result, path):
    failed = result.status == pq.ExecStatus.FATAL_ERROR
    state = failed and result.error_field(pq.DiagnosticField.SQLSTATE).decode()
    if kind[:2] == ["statement", "error"]:
        if not failed:
            sys.exit(f"{path}: this did not fail:\n{sql}")
        return [f"statement error ({state})", sql]
    if failed:
        sys.exit(f"{path}: {state} {result.error_message.decode()}\n{sql}")
    if kind[0] == "statement":
        return [" ".join(kind), sql]
    types = "".join(letter(result.ftype(column)) for column in range(result.nfields))
    rows = [[shown(result.get_value(row, column)) for column in range(result.nfields)] for row in range(result.ntuples)]
    sort = [word for word in kind[1:] if word in ("rowsort", "nosort", "valuesort")]
    if sort == ["rowsort"]:
        rows.sort()
    return [" ".join(["query", types, *sort]), sql, "----", *(" ".join(row) for row in rows)]


def letter(oid):
    return "I" if oid in INTEGERS else "R" if oid in NUMERICS else "T"


def shown(value):
    return "NULL" if value is None else value.decode() or "(empty)"


def main():
    check = "--check" in sys.argv[1:]
    changed, totals = [], [0, 0, 0]
    with Server() as server:
        with server.connect("postgres") as admin:
            admin.execute("create database small")
            with server.connect("small") as loading:
                loading.execute((ROOT / "data/small/load.sql").read_text())
                loading.execute((ROOT / "compat/postgresql.sql").read_text())
            for path in sorted((ROOT / "tests/slt").rglob("*.slt")):
                text = path.read_text()
                if not any(line.startswith("# group:") and line.endswith(MARK) for line in text.split("\n")[:3]):
                    continue
                admin.execute("create database suite template small")
                with server.connect("suite") as connection:
                    completed, queries, errors = complete(text, connection, path.relative_to(ROOT))
                admin.execute("drop database suite")
                totals = [sum(pair) for pair in zip(totals, (1, queries, errors))]
                if completed != text:
                    changed.append(path.relative_to(ROOT))
                    if not check:
                        path.write_text(completed)
    for path in changed:
        print(f"{'differs' if check else 'written'}: {path}")
    print("{} suites, {} queries, {} errors".format(*totals))
    sys.exit(1 if check and changed else 0)


if __name__ == "__main__":
    main()
