"""Statements that are deep, long or wide: each is answered or refused with 54001 within the statement's timeout, and the
server goes on serving others meanwhile and afterwards. `DEPTH=` for another size than 20,000; `LONG=1` for what takes minutes in a debug build.
"""

import os
import random
import threading
import time

from checking import add, check, equal, resident_kb, run
from own_server import own_server
from protocol import Wire, fields, query, row

DEPTH = int(os.environ.get("DEPTH", 20_000))
LONG = "LONG" in os.environ
STOPS = int(os.environ.get("STOPS", 3))
TIMEOUT_S = 60
# What doubles takes a second or two in a debug build, or would not end.
DOUBLED_S = 30
MEMORY_KB = 1 << 20
LIMIT, CANCELLED = "54001", "57014"


def played(wire, sql):
    """The rows, or the SQLSTATE."""
    wire.send(query(sql))
    messages = wire.until(b"Z")
    assert messages and messages[-1][0] == b"Z", "the connection was closed"
    states = [fields(body)["C"] for kind, body in messages if kind == b"E"]
    return states[0] if states else [row(body) for kind, body in messages if kind == b"D"]


def serves():
    with Wire() as wire:
        equal(wire.rows("SELECT 40 + 2"), [["42"]], "another client")


def deep(name, sql, *expected, setup=(), teardown=(), refusals=(), most_s=None):
    """`expected` are the rows that are right, when there is a result at all; `refusals` other states than 54001; `most_s`
    how long it may take, where it would otherwise take for ever."""

    def attempt():
        with Wire() as wire:
            wire.send(query(f"SET statement_timeout = '{TIMEOUT_S}s'"))
            wire.until(b"Z")
            for statement in setup:
                equal(played(wire, statement), [], statement[:80])
            began = time.monotonic()
            found = played(wire, sql)
            took = time.monotonic() - began
            for statement in teardown:
                equal(played(wire, statement), [], statement[:80])
            assert most_s is None or took < most_s, f"{took:.1f} s"
            if found not in (LIMIT, *refusals):
                assert isinstance(found, list), f"SQLSTATE {found}"
                if expected:
                    equal(found, list(expected))
            serves()
            return f"{'answered' if isinstance(found, list) else f'refused with {found}'} in {took:.1f} s"

    add(name, attempt)


def chain(glue, term, count=DEPTH):
    return glue.join(term(at) for at in range(count))


ONE = "SELECT count(*) FROM members WHERE "

# At the size of the issue: refused as a rule.
deep(f"a sum of {DEPTH} terms", f"SELECT {chain(' + ', lambda at: '1')}", [str(DEPTH)])
deep(f"a product of {DEPTH} columns", f"SELECT {chain(' * ', lambda at: 'loyalty_points')} FROM members")
deep(f"a concatenation of {DEPTH} terms", "SELECT length(" + chain(" || ", lambda at: "'x'") + ")", [str(DEPTH)])
deep(f"{DEPTH} ORs", ONE + chain(" OR ", lambda at: f"loyalty_points = {at}"))
deep(f"{DEPTH} ANDs", ONE + chain(" AND ", lambda at: f"loyalty_points <> {at}"))
deep(f"{DEPTH} parentheses", "SELECT " + "(" * DEPTH + "1" + ")" * DEPTH, ["1"])
deep(f"{DEPTH} NOTs", ONE + "NOT " * DEPTH + "true")
deep(f"{DEPTH} minus signs", "SELECT " + "- " * DEPTH + "1")
deep(f"{DEPTH} casts", "SELECT 1" + "::bigint" * DEPTH, ["1"])
deep(f"{DEPTH} IS NULLs", "SELECT NULL" + " IS NULL" * DEPTH)
deep(f"{DEPTH} comparisons", "SELECT true" + " = true" * DEPTH)
deep(f"{DEPTH} subscripts", "SELECT a" + "[1]" * DEPTH)
deep(f"{DEPTH} EXPLAINs", "EXPLAIN " * DEPTH + "SELECT 1", refusals=("42601",))
deep(f"{DEPTH} functions inside one another", "SELECT " + "abs(" * DEPTH + "1" + ")" * DEPTH, ["1"])
deep(f"{DEPTH} subqueries inside one another", "SELECT " + "(SELECT " * DEPTH + "1" + ")" * DEPTH, ["1"])
deep(f"{DEPTH} arrays inside one another", "SELECT " + "ARRAY[" * DEPTH + "1" + "]" * DEPTH)
deep(f"a UNION of {DEPTH}", "SELECT count(*) FROM (" + chain(" UNION ALL ", lambda at: "SELECT 1") + ") AS all_of_them")
LONG and deep(f"a CASE of {DEPTH} branches", "SELECT CASE 7 " + chain(" ", lambda at: f"WHEN {at} THEN {at}") + " END", ["7"])
deep(f"{DEPTH} CASEs inside one another", "SELECT " + "CASE WHEN true THEN " * DEPTH + "1" + " END" * DEPTH, ["1"])
LONG and deep(f"IN with {DEPTH} values", ONE + f"loyalty_points IN ({chain(', ', str)})")
deep(f"{DEPTH} columns", f"SELECT {chain(', ', lambda at: f'1 AS c{at}')}", refusals=("54011",))
LONG and deep(f"VALUES of {DEPTH} rows", "SELECT count(*) FROM (VALUES " + chain(", ", lambda at: f"({at})") + ") AS v(n)", [str(DEPTH)])
deep(f"{DEPTH} common tables", "WITH " + chain(", ", lambda at: f"t{at} AS (SELECT 1)") + " SELECT 1", ["1"])
deep(f"a chain of {DEPTH} common tables", "WITH t0 AS (SELECT 1 AS n), "
     + ", ".join(f"t{at} AS (SELECT n FROM t{at - 1})" for at in range(1, DEPTH)) + f" SELECT n FROM t{DEPTH - 1}", ["1"])
deep(f"a join of {DEPTH}", "SELECT count(*) FROM " + " JOIN ".join(
    f"(SELECT 1 AS n) AS t{at}" + (f" ON t{at}.n = t{at - 1}.n" if at else "") for at in range(DEPTH)))
deep(f"a comma list of {DEPTH} tables", "SELECT count(*) FROM " + chain(", ", lambda at: f"(SELECT 1 AS n) AS t{at}"))
deep(f"a name of {DEPTH} parts", "SELECT " + ".".join(["a"] * DEPTH), refusals=("42601",))
LONG and deep(f"{DEPTH} statements in a string", ";".join(["SELECT 1"] * min(DEPTH, 2000)))
deep(f"EXPLAIN of a sum of {DEPTH} terms", f"EXPLAIN SELECT {chain(' + ', lambda at: '1')}")
deep(f"a cursor over {DEPTH} ORs", f"DECLARE deep CURSOR WITH HOLD FOR {ONE}" + chain(" OR ", lambda at: f"loyalty_points = {at}"))
deep(f"COPY of a sum of {DEPTH} terms", f"COPY (SELECT {chain(' + ', lambda at: '1')}) TO STDOUT")

# At sizes that are likely to be let through to the planner.
for size in (100, 400) if LONG else (100,):
    deep(f"a sum of {size} terms", f"SELECT {chain(' + ', lambda at: '1', size)}", [str(size)])
    deep(f"a sum of {size} columns", f"SELECT max({chain(' + ', lambda at: 'loyalty_points', size)}) > 0 FROM members", ["t"])
    deep(f"{size} parentheses", "SELECT " + "(" * size + "1" + ")" * size, ["1"])
    deep(f"{size} NOTs", "SELECT " + "NOT " * size + "true", ["t"])
    deep(f"{size} functions inside one another", "SELECT " + "abs(" * size + "1" + ")" * size, ["1"])
    deep(f"{size} branches of a CASE", "SELECT CASE 7 " + chain(" ", lambda at: f"WHEN {at} THEN {at}", size) + " END", ["7"])
    deep(f"a UNION of {size}", "SELECT count(*) FROM (" + chain(" UNION ALL ", lambda at: "SELECT 1", size) + ") AS u", [str(size)])
    deep(f"IN with {size} values", "SELECT 7 IN (" + chain(", ", str, size) + ")", ["t"])
deep("1,900 ORs of one column", "SELECT 3 IN (SELECT 3) OR " + chain(" OR ", lambda at: f"{at} = -1", 1900), ["t"])
for size in (8, 20, 60) if LONG else (8, 20):
    deep(f"{size} subqueries inside one another", "SELECT " + "(SELECT " * size + "1" + ")" * size, ["1"])
    deep(f"{size} derived tables inside one another",
         "SELECT n FROM " + "(SELECT n FROM " * size + "(SELECT 1 AS n) AS t" + ") AS t" * size, ["1"])
    deep(f"a join of {size}", "SELECT count(*) FROM " + " JOIN ".join(
        f"(SELECT 1 AS n) AS t{at}" + (f" ON t{at}.n = t{at - 1}.n" if at else "") for at in range(size)), ["1"])
    deep(f"{size} correlated EXISTS", "SELECT count(*) FROM members AS m WHERE " + chain(
        " AND ", lambda at: f"NOT EXISTS (SELECT 1 FROM members AS o WHERE o.member_id = m.member_id AND o.loyalty_points < -{at + 1})",
        size))
    deep(f"a chain of {size} common tables", "WITH t0 AS (SELECT 1 AS n), "
         + ", ".join(f"t{at} AS (SELECT n FROM t{at - 1})" for at in range(1, size)) + f" SELECT n FROM t{size - 1}", ["1"])


def views(count):
    names = [f"deep_{at}" for at in range(count)]
    return [f"CREATE VIEW {name} AS SELECT member_id, n + 1 AS n FROM {below}" for name, below in zip(
        names, ["(SELECT member_id, 0 AS n FROM members) AS base", *names])]


for count in (50, 100):
    deep(f"{count} views on top of one another", f"SELECT max(n) FROM deep_{count - 1}", [str(count)],
         setup=views(count), teardown=["DROP VIEW deep_0 CASCADE"])


# Each step writes out the one before more than once: whoever does not bound that never ends.
SMALL = "FROM members ORDER BY 1 LIMIT 1"
DOUBLING = {
    "COALESCE of a first argument": ("coalesce(", "loyalty_points", ", 1)"),
    "COALESCE of a last argument": ("coalesce(loyalty_points, ", "loyalty_points", ")"),
    "NULLIF of a first argument": ("nullif(", "loyalty_points", ", 1)"),
    "NULLIF of a last argument": ("nullif(1, ", "loyalty_points", ")"),
    "CASE of a condition": ("CASE WHEN ", "loyalty_points > 1", " THEN true ELSE false END"),
    "CASE of a result": ("CASE WHEN loyalty_points > 3 THEN ", "loyalty_points", " END"),
    "CASE of an operand": ("CASE ", "loyalty_points", " WHEN 1 THEN 2 WHEN 3 THEN 4 ELSE 5 END"),
    "ROW": ("ROW(", "loyalty_points", ", 1)"),
    "GREATEST": ("greatest(", "loyalty_points", ", 1)"),
    "BETWEEN": ("(", "(loyalty_points > 1)", " BETWEEN false AND true)"),
    "IN of two": ("(", "(loyalty_points > 1)", " IN (false, true))"),
    "LIKE ANY": ("(", "member_id", " LIKE ANY (ARRAY['a', 'b']))::text"),
    "IS DISTINCT FROM": ("(", "(loyalty_points > 1)", " IS DISTINCT FROM true)"),
}
for name, (before, inner, after) in DOUBLING.items():
    for size in (9, 30, 2000):
        deep(f"{size} {name}s inside one another", f"SELECT {before * size}{inner}{after * size} {SMALL}", most_s=DOUBLED_S)
COMPUTED = {
    "sums": "x + x",
    "CASEs": "CASE WHEN x > 1 THEN x ELSE -x END",
    "COALESCEs": "coalesce(x, 1)",
    "windows": "x + sum(x) OVER ()",
    "aggregates": "sum(x) + max(x)",
}
for name, computed in COMPUTED.items():
    for size in (20, 60):
        within = "SELECT loyalty_points % 2 AS x FROM members WHERE member_id = 'lunch'"
        for _ in range(size):
            within = f"SELECT {computed} AS x FROM ({within}) AS t"
        deep(f"{size} {name} of the column below", f"SELECT count(x) FROM ({within}) AS t", most_s=DOUBLED_S)
        deep(f"a condition over {size} {name} of the column below", f"SELECT count(x) FROM ({within}) AS t WHERE x < 100 AND x > -1",
             most_s=DOUBLED_S)


def common(size, step):
    steps = "".join(f", t{at} AS ({step.format(below=f't{at - 1}')})" for at in range(1, size))
    return f"WITH t0 AS (SELECT 1 AS n){steps} SELECT n FROM t{size - 1} WHERE n > 0 LIMIT 1"


for name, step in {
    "joins": "SELECT a.n FROM {below} AS a JOIN {below} AS b ON a.n = b.n",
    "unions": "SELECT n FROM {below} UNION ALL SELECT n FROM {below}",
    "subqueries": "SELECT (SELECT n FROM {below}) * (SELECT n FROM {below}) AS n",
    "products": "SELECT n * n AS n FROM {below}",
}.items():
    for size in (9, 40):
        deep(f"{size} common tables, each {name} of the one before", common(size, step), ["1"], most_s=DOUBLED_S)
deep("25 EXISTS inside one another", "SELECT " + "EXISTS (SELECT " * 25 + "1" + ")" * 25)


@check
def views_on_top_of_one_another_are_refused_when_they_are_created():
    with Wire() as wire:
        found = [played(wire, statement) for statement in views(102)]
        equal(played(wire, "DROP VIEW deep_0 CASCADE"), [])
        equal(found[:100], [[]] * 100)
        equal(found[-1], LIMIT)
        serves()


@check
def views_that_double_at_each_step_are_answered_or_refused():
    """Each reads the one below twice: 2^n of the lowest."""
    with Wire() as wire:
        equal(played(wire, f"SET statement_timeout = '{TIMEOUT_S}s'"), [])
        made = 0
        refused = None
        while made < 24:
            below = f"SELECT a.n FROM twice_{made - 1} AS a JOIN twice_{made - 1} AS b ON a.n = b.n" if made else "SELECT 1 AS n"
            found = played(wire, f"CREATE VIEW twice_{made} AS {below}")
            if found != []:
                refused = found
                break
            made += 1
        equal(played(wire, "DROP VIEW twice_0 CASCADE"), [])
        assert refused in (None, LIMIT, CANCELLED), f"SQLSTATE {refused}"
        serves()
        return f"{made} made, then {refused}"


# What takes longest to plan of what is let through.
PLANNED_LONG = [common(9, "SELECT a.n FROM {below} AS a JOIN {below} AS b ON a.n = b.n"),
                "SELECT count(*) FROM members AS m WHERE " + " AND ".join(
                    f"EXISTS (SELECT 1 FROM purchases AS p WHERE p.member_id = m.member_id AND p.amount > {at})" for at in range(60)),
                f"SELECT {chain(' + ', lambda at: 'loyalty_points', 400)} FROM members"]


@check
def a_server_that_is_told_to_stop_while_it_plans_ends_soon():
    """What is being planned is interrupted after the shutdown timeout; nobody waits for it."""
    longest = 0
    for _ in range(STOPS):
        with own_server("shutdown_timeout_ms = 300\n") as server:
            wires = [Wire() for _ in range(6)]
            for at, wire in enumerate(wires):
                wire.send(query(PLANNED_LONG[at % len(PLANNED_LONG)]))
            threading.Event().wait(random.random() * 0.5)
            began = time.monotonic()
            server.terminate()
            equal(server.wait(timeout=30), 0, "exit code")
            longest = max(longest, time.monotonic() - began)
            for wire in wires:
                wire.socket.close()
    assert longest < 10, f"{longest:.1f} s"
    return f"within {longest:.1f} s of {STOPS} times"


@check
def memory_is_given_back():
    held = resident_kb()
    assert held < MEMORY_KB, f"{held >> 10} MiB"
    return f"{held >> 10} MiB held at the end"


run()
