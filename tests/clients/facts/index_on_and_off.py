"""Random segments with the member index and without it: the same rows, also while files change and the index is built.

    REGULARS_INDEX_CASES=20000 tests/clients/run facts/index_on_and_off    # more than the 100 of an ordinary run
    REGULARS_FACT_SEED=… REGULARS_FACT_HISTORY=4                           # the same once more; only that history of it
    REGULARS_INDEX_PROCESSES=2 REGULARS_PROGRAM_SECONDS=9000               # histories side by side; more time than 15 minutes

The questions are those of random_cases.py and, every fourth time, plain SQL beside facts: members grouped, counted, told
apart, joined, and asked for or left out by subqueries over receipts and lines. Between two cases a table may be written anew with some of
its rows, or rows that it did not have yet arrive in another file, so that the index is behind, is being built, has taken
in what is new, or is of the new files when the next one is asked. After five differences the program gives up.
"""

import os
import random
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from itertools import islice

from asking import Question, Questions, Sql
from histories import History
from random_cases import DIFFERENCES_MAX, PLANS, Engine, comparable, shown
from serving import Regulars

CASES = int(os.environ.get("REGULARS_INDEX_CASES", "100"))
SEED = os.environ.get("REGULARS_FACT_SEED") or str(random.randrange(10**9))
ONLY_HISTORY = os.environ.get("REGULARS_FACT_HISTORY")
CASES_PER_HISTORY = 100
PROCESSES = int(os.environ.get("REGULARS_INDEX_PROCESSES", "1"))
STATES = Counter()


class Plain:
    """Plain SQL that asks for members by their receipts."""

    def __init__(self, rng, history):
        self.rng, self.history = rng, history

    def conditions(self, alias, is_of_lines):
        rng = self.rng
        stores = [store["store_id"] for store in self.history.stores]
        products = [product["product_id"] for product in self.history.products]
        found = []
        if rng.random() < 0.85:
            found.append("{}status = 'completed'")
        if rng.random() < 0.4:
            found.append("{}weekday = " + str(rng.randrange(1, 8)))
        elif rng.random() < 0.2:
            found.append("{}weekday IN (1, 2, 3, 4)")
        if rng.random() < 0.4:
            day = self.history.a_day()
            found.append(rng.choice(["{}business_date >= '" + str(day) + "'", "{}business_date < date '" + str(day) + "'",
                                     "{}business_date BETWEEN date '" + str(day) + "' - 30 AND '" + str(day) + "'"]))
        if rng.random() < 0.25:
            found.append("{}local_time >= time '06:00'" + (" AND {}local_time < time '14:00'" if rng.random() < 0.7 else ""))
        if rng.random() < 0.2:
            found.append("{}channel = 'app'")
        if rng.random() < 0.25:
            found.append("{}store_id IN (" + ", ".join(literal(store) for store in rng.sample(stores, min(2, len(stores)))) + ")")
        if is_of_lines and rng.random() < 0.85:
            found.append("{}product_id = " + literal(rng.choice(products)))
        rng.shuffle(found)
        return [condition.replace("{}", f"{alias}." if alias else "") for condition in found] or ["true"]

    def draw(self):
        rng = self.rng
        is_of_lines = "purchase_lines" in self.history.tables() and rng.random() < 0.4
        table = "purchase_lines" if is_of_lines else "purchases"
        where = " AND ".join(self.conditions("", is_of_lines))
        known = rng.choice(["", " AND member_id IS NOT NULL", " AND member_id IS NOT NULL"])
        compared, count, negated = rng.choice(["=", "<", ">="]), rng.randrange(8), rng.choice(["", "NOT "])
        aggregate = rng.choice(["count(*)", "count(DISTINCT business_date)", "count(DISTINCT purchase_id)", "count(purchase_id)"])
        correlated = " AND ".join(["p.member_id = m.member_id", *self.conditions("p", is_of_lines)])
        return rng.choice([
            f"SELECT member_id FROM {table} WHERE {where}{known} GROUP BY member_id HAVING {aggregate} {compared} {count}",
            f"SELECT DISTINCT member_id FROM {table} WHERE {where}{known}",
            f"SELECT member_id FROM members m WHERE {negated}EXISTS (SELECT 1 FROM {table} p WHERE {correlated})",
            f"SELECT member_id FROM members WHERE member_id {negated}IN (SELECT member_id FROM {table} WHERE {where}{known})",
            f"SELECT m.member_id FROM members m JOIN (SELECT member_id, {aggregate} AS found FROM {table} WHERE {where}{known}"
            f" GROUP BY member_id) d USING (member_id) WHERE d.found {compared} {count}",
        ]), [
            f"SELECT count(DISTINCT member_id) FROM {table} WHERE {where}",
            f"SELECT member_id, {aggregate}, min(business_date), max(business_date) FROM {table} WHERE {where}{known} GROUP BY member_id",
        ]


def literal(value):
    return f"'{value}'" if isinstance(value, str) else str(value)


def plain(questions, history, rng):
    """Plain SQL, alone or joined to a condition of facts by what joins sets."""
    text, alone = Plain(rng, history).draw()
    condition = questions.condition("member_id").ours
    joined = rng.choice(["{1}", "SELECT member_id FROM members WHERE {0} AND member_id IN ({1})",
                         "(SELECT member_id FROM members WHERE {0}) INTERSECT ({1})",
                         "(SELECT member_id FROM members WHERE {0}) EXCEPT ({1})", *alone]).format(condition, text)
    return Question("plain", None, [Sql(joined, joined)])


class Arriving:
    """Tables whose rows come and go while the server runs."""

    def __init__(self, regulars, rng):
        self.regulars, self.rng = regulars, rng
        self.there = {name: set(range(table.num_rows)) for name, table in regulars.tables.items()}

    def change(self):
        """Rows that are not there arrive in another file; or a table is written anew, with most of its rows or with all."""
        rng, tables = self.rng, self.regulars.tables
        missing = {name: sorted(set(range(tables[name].num_rows)) - self.there[name]) for name in self.regulars.parts}
        incomplete = [name for name, rows in missing.items() if rows]
        if incomplete and rng.random() < 0.75:
            name = rng.choice(incomplete)
            rows = [row for row in missing[name] if rng.random() < 0.6] or missing[name]
            self.there[name].update(rows)
            self.regulars.add(name, tables[name].take(rows))
            return
        name = rng.choice([name for name in ("purchases", "purchase_lines", "members") if name in tables])
        share = rng.choice([0.6, 0.9, 1])
        rows = [row for row in range(tables[name].num_rows) if rng.random() < share]
        self.there[name] = set(rows)
        self.regulars.write(name, tables[name].take(rows))


def differences_over(history, number):
    rng = random.Random(f"{SEED}/{number}/cases")
    questions = Questions(history, rng)
    try:
        tables = history.tables()
        in_parts = [name for name in ("purchases", "purchase_lines") if name in tables]
        with Regulars(tables, in_parts=in_parts) as regulars:
            regulars.wait_for_index()
            arriving = Arriving(regulars, rng)
            engines = [Engine(regulars, uses_index) for uses_index in (True, False)]
            for case in range(CASES_PER_HISTORY):
                if rng.random() < 0.08:
                    arriving.change()
                if rng.random() < 0.08:
                    regulars.wait_for_index()
                STATES[engines[1].connection.execute("SELECT state FROM regulars.index WHERE piece = 'all'").fetchone()[0]] += 1
                if case % 4 == 3 and history.layout != "lines alone":
                    questions.is_bound, questions.as_of = False, None
                    questions.form = questions.pick = rng
                    question = plain(questions, history, rng)
                else:
                    question = questions.draw(is_dated=case % 2 == 0)
                ours, others = (engine.answers(question) for engine in engines)
                for asked, with_index, without in zip(question.asked, ours, others):
                    if isinstance(with_index, str) or isinstance(without, str):
                        if with_index != without:
                            yield shown(question, asked, [f"with: {with_index}", f"without: {without}"])
                    elif comparable(question, with_index) != comparable(question, without):
                        with_index, without = (Counter(comparable(question, rows)) for rows in (with_index, without))
                        rows = [f"with the index alone {row}" for row in (with_index - without).elements()]
                        rows += [f"without it alone     {row}" for row in (without - with_index).elements()]
                        yield shown(question, asked, rows[:8])
    except AssertionError as error:
        yield f"       {error}"


def played(number):
    """What a history is like and where answers over it differed, with the plans and the states of the index that were met."""
    PLANS.clear()
    STATES.clear()
    history = History(SEED, number)
    found = list(islice(differences_over(history, number), DIFFERENCES_MAX))
    return number, history.describe(), found, Counter(PLANS), Counter(STATES)


def main():
    print(f"REGULARS_FACT_SEED={SEED}")
    numbers = [int(ONLY_HISTORY)] if ONLY_HISTORY else range(-(-CASES // CASES_PER_HISTORY))
    found, plans, states = 0, Counter(), Counter()
    with ProcessPoolExecutor(PROCESSES) as processes:
        for number, described, differences, of_plans, of_states in processes.map(played, numbers):
            plans.update(of_plans)
            states.update(of_states)
            found += len(differences)
            for difference in differences:
                print(f"       REGULARS_FACT_SEED={SEED} REGULARS_FACT_HISTORY={number}\n{difference}\n")
            name = f"history {number} ({CASES_PER_HISTORY} cases; {described})"
            print(f"FAILED {name}: {len(differences)} differences" if differences else f"ok {name}", flush=True)
            if found >= DIFFERENCES_MAX:
                processes.shutdown(cancel_futures=True)
                break
    states = ", ".join(f"{state} {count}" for state, count in sorted(states.items()))
    print(f"plans with the member index: {plans[True]} of {plans.total()}; the index was {states}")
    if found:
        sys.exit(1)


if __name__ == "__main__":
    main()
