"""What the drivers of BI tools send, asked of PostgreSQL 15 and of Regulars: the same answers. The tools are not run.

Metabase, DBeaver, DataGrip and Tableau come with pgjdbc, Excel and Tableau with psqlODBC. Both drivers are run here, over a
PostgreSQL 15 that has the tables and rows of data/small and the same definitions; recorder.py reads what they send.
Each statement is then played, in its place in its session, to PostgreSQL and to Regulars with the same parameters, and
what comes back is compared: names and types of the columns, the rows as text, or the SQLSTATE. OIDs of what was defined
are compared by what they stand for. No statement of a driver is kept in this repository.

    SHOW=word     prints the statements whose heading has the word in it, with PostgreSQL's answer
"""

import os
import pathlib
import re
import subprocess
import sys

import psycopg
from psycopg.pq import ExecStatus, Format

from postgres import Server
from recorder import Recorder
from same_history import GOLD, prepare

FOLDER = pathlib.Path(__file__).parent
DRIVERS = {
    "pgjdbc": ["java", "-XX:TieredStopAtLevel=1", "-cp", "/usr/share/java/postgresql.jar", FOLDER / "Browse.java"],
    "psqlODBC": [sys.executable, FOLDER / "browse_odbc.py"],
}
DEFINITIONS = [
    *GOLD,
    "CREATE SCHEMA crm",
    'CREATE VIEW crm."Big Spenders" AS SELECT member_id, loyalty_points::numeric(12,3) AS points FROM gold',
]
# What Regulars answers otherwise: the heading, or a part of the statement, and why.
OTHERWISE = {
    "server_version": "Regulars says 16.0",
    "getTypeInfo": "Regulars has the types that its values and its catalog have, and no type for each relation",
    "getUDTs": "Regulars has no type for each relation",
    "getFunctions": "the functions of pg_catalog are not described",
    "escapes: numbers": "ln and log of a numeric are double precision",
    "a function, out": "parameters of type void, by which pgjdbc tells what a function gives back, are refused",
}
OF_TYPES = "SELECT t.oid, 'type ' || nspname || '.' || typname FROM pg_type t JOIN pg_namespace n ON n.oid = typnamespace"
OF_OTHERS = """
SELECT c.oid, 'relation ' || nspname || '.' || relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
UNION ALL SELECT oid, 'schema ' || nspname FROM pg_namespace
UNION ALL SELECT oid, 'role ' || rolname FROM pg_roles
UNION ALL SELECT oid, 'database ' || datname FROM pg_database
"""
FIRST_DEFINED = 16384
# Regulars gives as text what PostgreSQL keeps in types of its catalog, and varchar without a length.
OF_THE_CATALOG = {18: 25, 19: 25, 2205: 25, 2206: 25, 4089: 25, 4096: 25, 1034: 1009, 1002: 1009, 1003: 1009,
                  1043: 25}


class Side:
    """One of the two servers, with a session that plays what a driver sent."""

    def __init__(self, **where):
        self.where = where
        with psycopg.connect(**where) as connection:
            self.types = {row[0]: row[1] for row in connection.execute(OF_TYPES) if row[0] >= FIRST_DEFINED}
            self.others = {row[0]: row[1] for row in connection.execute(OF_OTHERS) if row[0] >= FIRST_DEFINED}
        self.names = self.types | self.others
        self.oids = {name: oid for oid, name in self.names.items()}

    def connect(self):
        self.session = psycopg.connect(**self.where, autocommit=True, options="-c TimeZone=Europe/Stockholm").pgconn

    def play(self, sent, written_for):
        text, values = sent.sql, sent.values
        if written_for is not self:  # the OIDs in it are the other's
            text = self.translated(text, written_for)
            values = tuple(value if value is None or form else self.translated(value, written_for)
                           for value, form in zip(values, sent.formats, strict=True))
        if sent.extended:
            self.session.send_query_params(text, list(values) or None, list(sent.types) or None, list(sent.formats) or None, Format.TEXT)
        else:
            self.session.send_query(text)
        answers = []
        while (result := self.session.get_result()) is not None:
            answers.append(self.answer(result))
        return answers

    def translated(self, text, other):
        def oid(found):
            name = other.names.get(int(found[0]))
            return found[0] if name is None else str(self.oids.get(name, 0)).encode()

        return re.sub(rb"\b\d{5,}\b", oid, text)

    def answer(self, result):
        if result.status == ExecStatus.TUPLES_OK:
            columns = [(result.fname(at).decode(), OF_THE_CATALOG.get(result.ftype(at), result.ftype(at)))
                       for at in range(result.nfields)]
            return columns, [[self.cell(result.get_value(row, at)) for at in range(result.nfields)] for row in range(result.ntuples)]
        if result.status in (ExecStatus.COMMAND_OK, ExecStatus.EMPTY_QUERY):
            return (result.command_status or b"").decode()
        return "SQLSTATE " + result.error_field(psycopg.pq.DiagnosticField.SQLSTATE).decode(), result.error_message.decode().strip()

    def cell(self, value):
        if value is None:
            return None
        text = value.decode()
        return self.names.get(int(text), text) if re.fullmatch(r"\d{5,9}", text) else text


def same(right, ours, ordered):
    """What differs; None when nothing does."""
    if len(right) != len(ours):
        return f"expected {len(right)} answers, found {len(ours)}"
    for expected, found in zip(right, ours, strict=True):
        if "SQLSTATE" in expected[0] or "SQLSTATE" in found[0]:
            if expected[0] != found[0]:
                return f"expected {str(expected)[:600]}, found {str(found)[:600]}"
        elif isinstance(expected, str) or isinstance(found, str):
            if expected != found:
                return f"expected {str(expected)[:600]}, found {str(found)[:600]}"
        else:
            if expected[0] != found[0]:
                return f"columns: expected {expected[0]}, found {found[0]}"
            wanted, given = (expected[1], found[1]) if ordered else (by_text(expected[1]), by_text(found[1]))
            if wanted != given:
                missing = [row for row in wanted if row not in given]
                more = [row for row in given if row not in wanted]
                return f"of {len(wanted)} rows {len(missing)} are missing, {str(missing[:2])[:700]}; {len(more)} too many, {str(more[:2])[:700]}"
    return None


def by_text(rows):
    return sorted(rows, key=str)


def main():
    show = os.environ.get("SHOW")
    passed = failed = empty = 0
    otherwise = []
    with Server() as postgres, psycopg.connect(autocommit=True) as connection:
        prepare(postgres, connection, DEFINITIONS)
        right = Side(host=postgres.folder.name, port=5432, user="ada", dbname="regulars")
        ours = Side()
        for driver, command in DRIVERS.items():
            recorder = Recorder(f"{postgres.folder.name}/.s.PGSQL.5432")
            done = subprocess.run(command, env={**os.environ, "PGHOST": "127.0.0.1", "PGPORT": str(recorder.port), "TZ": "Europe/Stockholm"},
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
            recorder.close()
            if done.returncode:
                print(f"FAILED {driver} ended with {done.returncode}: {done.stderr[-2000:]}")
                sys.exit(1)
            before, good = set(), 0
            for session in recorder.sessions:
                right.connect()
                ours.connect()
                for sent in session.sent:
                    known = (sent.sql, sent.values) in before
                    before.add((sent.sql, sent.values))
                    expected = right.play(sent, right)
                    reason = same(expected, ours.play(sent, right), re.search(rb"order\s+by", sent.sql, re.IGNORECASE))
                    text = sent.sql.decode()
                    if show is not None and show in sent.mark and not known:
                        print(f"       {sent.mark}: {text}\n       {sent.values or ''} {str(expected)[:400]}")
                    if known and not reason:
                        continue
                    why = next((why for part, why in OTHERWISE.items() if part in sent.mark or part in text), None)
                    if reason is None:
                        good += 1
                        empty += all(len(answer) == 2 and not answer[1] for answer in expected)
                    elif why:
                        otherwise.append(f"{driver}, {sent.mark}: {why}")
                    else:
                        failed += 1
                        print(f"FAILED {driver}, {sent.mark}: {text}\n       {sent.values or ''} {reason}")
            print(f"ok {driver}: {good} statements that it sent, answered as by PostgreSQL 15")
            passed += good
    for line in otherwise:
        print(f"       otherwise: {line}")
    print(f"       {passed + failed + len(otherwise)} different statements, {passed} as by PostgreSQL 15 ({empty} of them without rows there),"
          f" {len(otherwise)} otherwise, {failed} not")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
