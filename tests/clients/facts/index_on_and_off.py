"""Random segments with the member index and without it: the same rows, also while files change and the index is built.

    REGULARS_INDEX_CASES=20000 tests/clients/run facts/index_on_and_off    # more than the 300 of an ordinary run
    REGULARS_FACT_SEED=… REGULARS_FACT_HISTORY=4                           # the same once more; only that history of it

The questions are those of random_cases.py and, as often as every fourth time, plain SQL beside facts: members grouped,
counted, joined and left out by subqueries. Between two cases a table may be written anew with some of its rows, so that
the index is behind, is being built, or is of the new files when the next one is asked. After five differences the program
gives up.
"""

import os
import random
import sys
from collections import Counter

from asking import Question, Questions, Sql
from histories import History
from random_cases import DIFFERENCES_MAX, PLANS, Engine, comparable, shown
from serving import Regulars

CASES = int(os.environ.get("REGULARS_INDEX_CASES", "300"))
SEED = os.environ.get("REGULARS_FACT_SEED") or str(random.randrange(10**9))
ONLY_HISTORY = os.environ.get("REGULARS_FACT_HISTORY")
CASES_PER_HISTORY = 100
STATES = Counter()

PLAIN = [
    "SELECT member_id FROM purchases WHERE status = 'completed' GROUP BY member_id HAVING count(*) {compared} {count}",
    "SELECT DISTINCT member_id FROM purchases WHERE weekday = {weekday}",
    "SELECT member_id FROM members WHERE NOT EXISTS"
    " (SELECT 1 FROM purchases p WHERE p.member_id = members.member_id AND p.weekday = {weekday})",
    "SELECT m.member_id FROM members m JOIN (SELECT member_id, count(DISTINCT business_date) AS days FROM purchases"
    " GROUP BY member_id) d USING (member_id) WHERE d.days {compared} {count}",
]


def plain(questions, history, rng):
    """Plain SQL joined to a condition of facts by what joins sets."""
    text = rng.choice(PLAIN).format(compared=rng.choice(["=", "<", ">="]), count=rng.randrange(8), weekday=rng.randrange(1, 8))
    condition = questions.condition("member_id").ours
    joined = rng.choice(["SELECT member_id FROM members WHERE {} AND member_id IN ({})",
                         "(SELECT member_id FROM members WHERE {}) INTERSECT ({})",
                         "(SELECT member_id FROM members WHERE {}) EXCEPT ({})"]).format(condition, text)
    return Question("plain", None, [Sql(joined, joined)])


def change(regulars, rng):
    """Writes a table with some of the rows it had first, as if the others had not arrived yet, or all of them."""
    name = rng.choice([name for name in ("purchases", "purchase_lines", "members") if name in regulars.tables])
    table = regulars.tables[name]
    kept = [row for row in range(table.num_rows) if rng.random() < 0.9] if rng.random() < 0.7 else range(table.num_rows)
    regulars.write(name, table.take(list(kept)))


def differences_over(history, number):
    rng = random.Random(f"{SEED}/{number}/cases")
    questions = Questions(history, rng)
    try:
        with Regulars(history.tables()) as regulars:
            regulars.wait_for_index()
            engines = [Engine(regulars, uses_index) for uses_index in (True, False)]
            for case in range(CASES_PER_HISTORY):
                if rng.random() < 0.08:
                    change(regulars, rng)
                if rng.random() < 0.04:
                    regulars.wait_for_index()
                STATES[engines[1].connection.execute("SELECT state FROM regulars.index").fetchone()[0]] += 1
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


def main():
    print(f"REGULARS_FACT_SEED={SEED}")
    numbers = [int(ONLY_HISTORY)] if ONLY_HISTORY else range(-(-CASES // CASES_PER_HISTORY))
    found = 0
    for number in numbers:
        history, before = History(SEED, number), found
        for difference in differences_over(history, number):
            found += 1
            print(f"       REGULARS_FACT_SEED={SEED} REGULARS_FACT_HISTORY={number}\n{difference}\n")
            if found == DIFFERENCES_MAX:
                break
        name = f"history {number} ({CASES_PER_HISTORY} cases; {history.describe()})"
        print(f"ok {name}" if found == before else f"FAILED {name}: {found - before} differences", flush=True)
        if found == DIFFERENCES_MAX:
            break
    states = ", ".join(f"{state} {count}" for state, count in sorted(STATES.items()))
    print(f"plans with the member index: {PLANS[True]} of {PLANS.total()}; the index was {states}")
    if found:
        sys.exit(1)


if __name__ == "__main__":
    main()
