"""Random histories of two sessions whose transactions do not overlap, played to us and to PostgreSQL 15.

Views and materialized views are made, replaced, renamed, commented, refreshed, emptied, read and dropped, alone or in blocks
with savepoints, by one session or the other. Each statement must have the same outcome (tag, rows, SQLSTATE, state of the
transaction), and what a third session finds behind each transaction must be the same: names, kinds, comments, rows.

Transactions that overlap are no case of this: in PostgreSQL the second waits, here it goes on and the later COMMIT is told
40001. Those are held against a model, by `cargo test random_histories`.

REGULARS_HISTORIES asks for more than 30; SEED plays one seed again, from REGULARS_HISTORY on.
"""

import os
import random

import psycopg

from checking import check, run
from postgres import Server

SEED = int(os.environ.get("SEED", random.SystemRandom().randrange(10**9)))
FIRST = int(os.environ.get("REGULARS_HISTORY", 0))
HISTORIES = int(os.environ.get("REGULARS_HISTORIES", 12))
TRANSACTIONS = 14
# A relation reads only those of lower ranks and keeps its rank when it is renamed, so that none comes to read itself.
RANKS = [["a0", "b0"], ["a1", "b1"], ["a2", "b2"]]
STATE = """SELECT c.relname::text, c.relkind::text, c.relispopulated, obj_description(c.oid, 'pg_class')
           FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
           WHERE n.nspname = '{schema}' AND c.relkind IN ('v', 'm') ORDER BY 1"""


class Draw:
    """Statements of one history."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def name(self):
        return self.random.choice(self.random.choice(RANKS))

    def query(self, rank):
        number = self.random.randrange(100)
        extra = ", 'x' AS extra" if self.random.random() < 0.15 else ""
        if rank > 0 and self.random.random() < 0.6:
            below = self.random.choice(RANKS[self.random.randrange(rank)])
            return f"SELECT member_id, tag + {number} AS tag{extra} FROM {below} WHERE member_id <> {number % 4}"
        return f"SELECT i AS member_id, {number} AS tag{extra} FROM generate_series(1, {1 + number % 5}) AS s (i)"

    def statement(self):
        choice = self.random.random
        rank = self.random.randrange(len(RANKS))
        name, other = self.random.choice(RANKS[rank]), self.random.choice(RANKS[rank])
        kind = "MATERIALIZED VIEW" if choice() < 0.55 else "VIEW"
        if_exists = "IF EXISTS " if choice() < 0.3 else ""
        match self.random.randrange(16):
            case 0 | 1 | 2:
                return f"CREATE {'OR REPLACE ' if choice() < 0.7 else ''}VIEW {name} AS {self.query(rank)}"
            case 3 | 4 | 5:
                without = " WITH NO DATA" if choice() < 0.25 else ""
                if_not = "IF NOT EXISTS " if choice() < 0.3 else ""
                return f"CREATE MATERIALIZED VIEW {if_not}{name} AS {self.query(rank)}{without}"
            case 6 | 7 | 8 | 9:
                return f"REFRESH MATERIALIZED VIEW {name}{' WITH NO DATA' if choice() < 0.2 else ''}"
            case 10 | 11:
                return f"ALTER {kind} {if_exists}{name} RENAME TO {other}"
            case 12:
                return f"DROP {kind} {if_exists}{name}{' CASCADE' if choice() < 0.4 else ''}"
            case 13:
                return f"COMMENT ON {kind} {name} IS 'number {self.random.randrange(100)}'"
            case _:
                return f"SELECT * FROM {name} ORDER BY member_id"

    def first(self, rank):
        """Something to begin with: a view, and a list of the same rank."""
        view, kept = RANKS[rank]
        return [f"CREATE VIEW {view} AS {self.query(rank)}", f"CREATE MATERIALIZED VIEW {kept} AS {self.query(rank)}"]

    def transaction(self):
        """The statements of a transaction, the last of which ends it."""
        if self.random.random() < 0.5:
            return [self.statement()]
        statements = ["BEGIN"]
        has_savepoint = False
        for _ in range(self.random.randrange(1, 7)):
            choice = self.random.randrange(20)
            if choice < 3:
                statements.append("SAVEPOINT s")
                has_savepoint = True
            # Now and then one that is not there.
            elif choice < 8 and (has_savepoint or choice == 7):
                statements.append("RELEASE s" if choice == 3 else "ROLLBACK TO s")
                has_savepoint = has_savepoint and choice != 3
            else:
                statements.append(self.statement())
        return [*statements, "ROLLBACK" if self.random.random() < 0.2 else "COMMIT"]


class Side:
    """Two sessions that change things and one that looks, of one server."""

    def __init__(self, connect):
        self.sessions = [connect() for _ in range(3)]
        for session in self.sessions:
            session.prepare_threshold = None

    def begin(self, schema):
        self.schema = schema
        self.sessions[2].execute(f"CREATE SCHEMA {schema}")
        for session in self.sessions:
            session.execute(f"SET search_path = {schema}")

    def end(self):
        self.sessions[2].execute(f"DROP SCHEMA {self.schema} CASCADE")

    def outcome(self, who, statement):
        session = self.sessions[who]
        try:
            cursor = session.execute(statement)
            rows = cursor.fetchall() if cursor.description else None
            found = (cursor.statusmessage, rows)
        except psycopg.Error as error:
            found = (error.sqlstate, None)
        return (*found, session.info.transaction_status.name)

    def state(self):
        looking = self.sessions[2]
        found = []
        for name, kind, is_populated, comment in looking.execute(STATE.format(schema=self.schema)).fetchall():
            found.append((name, kind, is_populated, comment, self.outcome(2, f"SELECT * FROM {name} ORDER BY member_id")))
        return found


def connect_to_us():
    return psycopg.connect(host=os.environ["PGHOST"], port=os.environ["PGPORT"], user="ada", dbname="regulars", autocommit=True)


def played(number, ours, theirs, tally):
    draw = Draw(f"{SEED} {number}")
    for side in (ours, theirs):
        side.begin(f"h{number}")
    told = []
    for step in range(TRANSACTIONS):
        who = draw.random.randrange(2)
        for statement in draw.first(step) if step < len(RANKS) else draw.transaction():
            found, expected = ours.outcome(who, statement), theirs.outcome(who, statement)
            told.append(f"{who}: {statement} -> {expected}")
            assert found == expected, f"history {number} of seed {SEED}: found {found}\n" + "\n".join(told)
            tally[expected[0].split()[0]] = tally.get(expected[0].split()[0], 0) + 1
        found, expected = ours.state(), theirs.state()
        assert found == expected, f"history {number} of seed {SEED}: found {found}, expected {expected}\n" + "\n".join(told)
    for side in (ours, theirs):
        side.end()


@check
def histories_without_overlap_are_those_of_postgresql():
    tally = {}
    with Server() as server:
        ours, theirs = Side(connect_to_us), Side(lambda: server.connect("postgres"))
        for number in range(FIRST, FIRST + HISTORIES):
            played(number, ours, theirs, tally)
        for session in theirs.sessions:
            session.close()
    counts = ", ".join(f"{what} {count}" for what, count in sorted(tally.items()))
    return f"seed {SEED}, {HISTORIES} histories: {counts}"


run()
