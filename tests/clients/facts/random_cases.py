"""Member facts, random: Regulars answers as PostgreSQL does with the facts as functions, over histories full of edges.

    REGULARS_FACT_CASES=3000 tests/clients/run facts/random_cases    # more than the 300 of every run
    REGULARS_FACT_SEED=…  REGULARS_FACT_HISTORY=4                    # the same once more; only that history of it

    PYTHONPATH=tests/oracle python3 tests/clients/facts/random_cases.py --dry-run    # are the questions any good?

Each question is asked twice: with the member index and without it. Told at the end is how many plans had the index.

Each history has a Regulars of its own (the program is named by REGULARS) and a database in a PostgreSQL of this
program. A difference shows the statements and the rows; after five of them the program gives up. The dry run asks
PostgreSQL alone, and tells how many of the answers a constant could have given as well.
"""

import os
import random
import sys
from collections import Counter
from decimal import Decimal

import psycopg

from asking import SEEN, Questions
from histories import History
from postgres import Server
from serving import ORACLE, Regulars, oracle_functions

CASES = int(os.environ.get("REGULARS_FACT_CASES", "300"))
SEED = os.environ.get("REGULARS_FACT_SEED") or str(random.randrange(10**9))
ONLY_HISTORY = os.environ.get("REGULARS_FACT_HISTORY")
CASES_PER_HISTORY = 30
DIFFERENCES_MAX = 5
ROWS_SHOWN = 8
# How many plans had the member index, and how many had not.
PLANS = Counter()

# The oracle's views as tables, made anew when the as-of day changes: its functions find them before the views, and need
# not work the views out for each receipt of each member. What the views and functions say is left as it stands.
FROZEN = """
drop schema if exists frozen cascade;
create schema frozen;
create table frozen.receipt as select * from public.receipt;
create table frozen.effect as select * from public.effect;
create table frozen.purchase as select * from public.purchase;
create index on frozen.effect (purchase_id);
create index on frozen.effect (member_id);
create index on frozen.purchase (member_id);
create index on frozen.purchase (purchase_id);
"""


class Oracle:
    """A session with PostgreSQL over one history."""

    def __init__(self, server, history):
        with server.connect("postgres") as admin:
            admin.execute("drop database if exists history with (force)")
            admin.execute("create database history template facts")
        self.connection = server.connect("history")
        history.load(self.connection)
        self.connection.execute("set client_min_messages = warning; set search_path = frozen, public")
        self.frozen_as_of = "never"

    def answers(self, question):
        execute = self.connection.execute
        set_as_of(self.connection, question.as_of)
        if self.frozen_as_of != question.as_of:
            execute(FROZEN)
            self.frozen_as_of = question.as_of
        for statement in question.before:
            execute(statement.oracle)
        try:
            return [execute(asked.oracle).fetchall() for asked in question.asked]
        finally:
            for statement in question.after:
                execute(statement)


class Engine:
    """A session with Regulars over one history."""

    def __init__(self, server, uses_index):
        self.connection = server.connect()
        self.connection.prepare_threshold = 0  # every statement is prepared, so that the same one is met again
        self.connection.execute("SET statement_timeout = '60s'")
        self.uses_index = uses_index
        if not uses_index:
            self.connection.execute("SET regulars.member_index = off")

    def answers(self, question):
        """Rows of each statement, or the text of its refusal."""
        execute = self.connection.execute
        try:
            for statement in question.before:
                execute(statement.ours)
            set_as_of(self.connection, question.as_of)
            answers = [self.answer(asked, question.is_binary) for asked in question.asked]
            if self.uses_index and not question.is_binary and not any(isinstance(answer, str) for answer in answers):
                PLANS.update(self.plan_has_index(asked) for asked in question.asked)
            return answers
        except psycopg.Error as error:
            return [refusal(error)] * len(question.asked)
        finally:
            for statement in question.after:
                execute(statement)

    def plan_has_index(self, asked):
        plan = self.connection.execute(f"EXPLAIN {asked.ours}", asked.values or None).fetchall()
        return any("MemberIndexExec" in line for line, in plan)

    def answer(self, asked, is_binary):
        """Bound in text, a word is of no declared type; bound in binary it is a text."""
        statement = asked.ours.replace("%s", "%b") if is_binary else asked.ours
        try:
            return self.connection.cursor(binary=is_binary).execute(statement, asked.values or None).fetchall()
        except psycopg.Error as error:
            return refusal(error)


def set_as_of(connection, day):
    connection.execute(f"SET regulars.as_of = '{day}'" if day else "RESET regulars.as_of")


def refusal(error):
    return f"refused: {error.sqlstate} {error}"


def comparable(question, rows):
    """Numbers by their value, members by the text of their identifier; in order only where an order was asked for."""
    rows = [tuple(map(value, row)) for row in rows]
    if question.is_by_member:
        rows = [(None if row[0] is None else str(row[0]), *row[1:]) for row in rows]
    return rows if question.is_ordered else sorted(rows, key=repr)


def value(cell):
    """1 and 1.00 are the same number; true is not 1."""
    return Decimal(cell).normalize() + 0 if isinstance(cell, (int, Decimal)) and not isinstance(cell, bool) else cell


def is_trivial(question, rows, members):
    """Says nothing that a constant could not have said."""
    if question.kind == "of a literal":
        return all(not cell for row in rows for cell in row)
    if rows and len(rows[0]) > 1 and question.is_by_member and question.kind != "having":
        return len({row[1:] for row in rows}) < 2
    return len(rows) < 2 if question.kind == "bands" else len(rows) in (0, members)


def differences(question, expected, found):
    """Texts of what differs, one for each statement that does."""
    for asked, right, answer in zip(question.asked, expected, found):
        if isinstance(answer, str):
            yield shown(question, asked, [answer])
            continue
        right, answer = comparable(question, right), comparable(question, answer)
        if right != answer:
            missing, surplus = Counter(right) - Counter(answer), Counter(answer) - Counter(right)
            rows = [f"PostgreSQL {row}" for row in missing.elements()]
            rows += [f"Regulars   {row}" for row in surplus.elements()]
            if not rows:
                rows = [f"the same rows in another order: PostgreSQL {right}, Regulars {answer}"]
            yield shown(question, asked, rows[:ROWS_SHOWN] + ["…"] * (len(rows) > ROWS_SHOWN))


def shown(question, asked, rows):
    statements = [("PostgreSQL", [*(before.oracle for before in question.before), asked.oracle]),
                  ("Regulars", [*(before.ours for before in question.before), asked.ours])]
    lines = [f"as of {question.as_of}" if question.as_of else "no as-of day"]
    lines += [f"{side}: {statement};" for side, texts in statements for statement in texts]
    lines += [f"parameters: {asked.values}{' (binary)' if question.is_binary else ''}"] if asked.values else []
    return "\n".join(f"       {line}" for line in [question.kind, *lines, *rows])


def told(oracle, history, number):
    """The questions over a history with what PostgreSQL answers. Of answers that say nothing many would be alike: then
    another question is drawn, once.
    """
    questions = Questions(history, random.Random(f"{SEED}/{number}/questions"))
    for case in range(CASES_PER_HISTORY):
        for _ in range(2):
            question = questions.draw(is_dated=case % 2 == 0)
            answers = oracle.answers(question)
            if not is_trivial(question, comparable(question, answers[0]), len(history.visible_members())):
                break
        yield question, answers


def compare(server, numbers):
    """One line for each history; the number of differences."""
    found = 0
    for number in numbers:
        history = History(SEED, number)
        found_before = found
        for difference in differences_over(server, history, number):
            found += 1
            print(f"       REGULARS_FACT_SEED={SEED} REGULARS_FACT_HISTORY={number}\n{difference}\n")
            if found == DIFFERENCES_MAX:
                break
        name = f"history {number} ({CASES_PER_HISTORY} cases; {history.describe()})"
        print(f"FAILED {name}: {found - found_before} differences" if found > found_before else f"ok {name}")
        if found == DIFFERENCES_MAX:
            break
    return found


def differences_over(server, history, number):
    """That the server does not start, or ends, is one too."""
    oracle = Oracle(server, history)
    try:
        with Regulars(history.tables()) as regulars:
            regulars.wait_for_index()
            engines = [Engine(regulars, uses_index) for uses_index in (True, False)]
            for question, expected in told(oracle, history, number):
                for engine in engines:
                    for difference in differences(question, expected, engine.answers(question)):
                        yield f"       member_index = {'on' if engine.uses_index else 'off'}\n{difference}"
    except (AssertionError, psycopg.OperationalError) as error:
        yield f"       {error}"


def ask_oracle_alone(server, numbers):
    """The dry run: how many of the answers say something, by kind of question."""
    asked, telling = Counter(), Counter()
    for number in numbers:
        history = History(SEED, number)
        for question, answers in told(Oracle(server, history), history, number):
            rows = comparable(question, answers[0])
            asked[question.kind] += 1
            telling[question.kind] += not is_trivial(question, rows, len(history.visible_members()))
        print(f"history {number}: {history.describe()}")
    for kind in asked:
        print(f"{kind:<14} {telling[kind]} of {asked[kind]}")
    print(f"{telling.total() / asked.total():.0%} of {asked.total()} cases are not trivial")


def main():
    if not ORACLE.exists():
        print(f"skipped: {ORACLE} is not there")
        return
    print(f"REGULARS_FACT_SEED={SEED}")
    numbers = [int(ONLY_HISTORY)] if ONLY_HISTORY else range(-(-CASES // CASES_PER_HISTORY))
    with Server(any_version=True) as server:
        with server.connect("postgres") as admin:
            admin.execute("create database facts")
        with server.connect("facts") as facts:
            facts.execute(oracle_functions() + SEEN)
        if "--dry-run" in sys.argv[1:]:
            ask_oracle_alone(server, numbers)
        elif compare(server, numbers):
            sys.exit(1)
        else:
            print(f"plans with the member index: {PLANS[True]} of {PLANS.total()}")
            assert PLANS[True] * 4 > PLANS.total(), "hardly a plan has the member index"


if __name__ == "__main__":
    main()
