"""Questions about random segments, held against the segments themselves.

Pairs of a random segment and a member (REGULARS_QUESTION_PAIRS, 20 unless set): `why` and `segments_of` agree with membership, the verdicts of `why` recompute it,
`segment_steps` ends at `segment_size`, `segment_history` at a day is the size as of that day, and what `why` foresees happens.
REGULARS_QUESTION_SEED sets the seed, which is printed.
"""

import datetime as dt
import os
import random

import psycopg

from checking import check, equal, run

SEED = int(os.environ.get("REGULARS_QUESTION_SEED", random.SystemRandom().randrange(10**9)))
PAIRS = int(os.environ.get("REGULARS_QUESTION_PAIRS", 20))
AS_OF = dt.date(2026, 11, 20)
CONDITIONS = [
    "purchase_count(member_id) >= 2",
    "purchase_count(member_id, last => '60 days') > 0",
    "purchase_count(member_id, from_date => '2026-09-01', to_date => '2026-09-30') <= 1",
    "3 <= purchase_count(member_id, channel => ARRAY['app', 'tpos'])",
    "bought(member_id, product => 'Bryggkaffe')",
    "bought(member_id, category => 'coffee', hours => '11:00-14:00')",
    "bought(member_id, days => 'fri', hours => '22:00-02:00')",
    "bought(member_id, last => '2 months')",
    "amount_spent(member_id, currency => 'SEK') > 100",
    "amount_spent(member_id, currency => 'SEK', last => '90 days') < 60.50",
    "quantity_bought(member_id, category => ARRAY['coffee', 'bakery']) >= 2",
    "visit_days(member_id, last => '1 year') >= 2",
    "last_purchase(member_id) > asof() - 60",
    "last_purchase(member_id) <= asof() - 30",
    "first_purchase(member_id) >= date '2026-09-01'",
    "first_purchase(member_id) IS NULL",
    "country IS DISTINCT FROM 'SE'",
    "country = 'SE'",
    "verified_at IS NOT NULL",
    "level_at_least(loyalty_level, 'silver')",
    "joined_on < date '2026-01-01'",
    "rfm_recency(member_id) >= 3",
    "member_id IN (SELECT member_id FROM purchases WHERE channel = 'app')",
    "EXISTS (SELECT 1 FROM purchases p WHERE p.member_id = members.member_id AND p.status = 'completed')",
]


def connect():
    return psycopg.connect(autocommit=True)


def rows(connection, statement, parameters=None):
    return connection.execute(statement, parameters).fetchall()


def condition(rng, depth=2):
    """One condition, sometimes made of others."""
    form = rng.random()
    if depth and form < 0.15:
        return f"({condition(rng, depth - 1)} OR {condition(rng, depth - 1)})"
    if depth and form < 0.25:
        return f"NOT ({condition(rng, depth - 1)})"
    if depth and form < 0.30:
        return f"NOT ({condition(rng, depth - 1)} AND {condition(rng, depth - 1)})"
    return rng.choice(CONDITIONS)


def definition(rng):
    where = " AND ".join(condition(rng) for _ in range(rng.choice([1, 2, 2, 3, 4])))
    form = rng.random()
    if form < 0.8:
        return f"SELECT member_id FROM members WHERE {where}"
    other = " AND ".join(condition(rng) for _ in range(rng.choice([1, 2])))
    how = rng.choice(["INTERSECT", "EXCEPT", "UNION"])
    return f"SELECT member_id FROM members WHERE {where} {how} SELECT member_id FROM members WHERE {other}"


def is_member_by(verdicts, text):
    """The membership that the verdicts of the top come to; parts of a set operation are combined from the left."""
    top = [row for row in verdicts if row[0] != "0" and "." not in row[0]]
    if not any(word in text for word in (" INTERSECT ", " EXCEPT ", " UNION ")):
        return all(holds for _, _, holds in top)
    (_, _, first), (_, how, second) = top
    return {"INTERSECT": first and second, "EXCEPT": first and not second, "UNION": first or second}[how.split()[0]]


def ask(connection, rng, members, number):
    text, member = definition(rng), rng.choice(members)
    about = f"seed {SEED}, pair {number}: {member} in {text}"
    connection.execute(f"CREATE VIEW asked AS {text}")
    try:
        found = {row[0] for row in rows(connection, "SELECT member_id FROM asked")}
        verdicts = rows(connection, "SELECT step, condition, holds FROM regulars.why('asked', %s)", (member,))
        equal(verdicts[0][2], member in found, f"why, {about}")
        if member != "nobody":
            equal(is_member_by(verdicts, text), member in found, f"verdicts, {about}")
        if text.count("SELECT member_id FROM members WHERE") == 1:
            for _, condition, holds in (row for row in verdicts[1:] if "." not in row[0]):
                (by_itself,), = rows(connection, f"SELECT EXISTS (SELECT 1 FROM members WHERE member_id = %s AND ({condition}))",
                                     (member,))
                equal(holds, by_itself, f"{condition}, {about}")
        listed = rows(connection, "SELECT segment FROM regulars.segments_of(%s)", (member,))
        equal(("asked",) in listed, member in found, f"segments_of, {about}")
        (size, universe), = rows(connection, "SELECT members, universe FROM regulars.segment_size('asked')")
        equal((size, universe), (len(found), len(members) - 1), f"segment_size, {about}")
        steps = rows(connection, "SELECT members FROM regulars.segment_steps('asked') ORDER BY step")
        equal((steps[0][0], steps[-1][0]), (universe, size), f"segment_steps, {about}")
        day = AS_OF - dt.timedelta(days=rng.randrange(400))
        history = rows(connection, "SELECT as_of, members FROM regulars.segment_history('asked', %s, %s, '40 days')",
                       (day, min(day + dt.timedelta(days=40), AS_OF)))
        for then, count in history:
            connection.execute(f"SET regulars.as_of = '{then}'")
            equal(count, len(rows(connection, "SELECT member_id FROM asked")), f"segment_history at {then}, {about}")
        connection.execute(f"SET regulars.as_of = '{AS_OF}'")
        foretold(connection, member, member in found, about)
    finally:
        connection.execute("DROP VIEW asked")


def foretold(connection, member, is_member, about):
    """What time alone will change for the member is what the segment says on that day, and not on the day before."""
    (miss,), = rows(connection, "SELECT miss FROM regulars.why('asked', %s) WHERE step = '0'", (member,))
    if not miss or " on " not in miss:
        return
    day = dt.date.fromisoformat(miss.split(" on ")[1].split()[0])
    equal(miss.split()[0], "leaves" if is_member else "enters", about)
    # No receipt lies behind the day asked about, so that a later day sees the same receipts.
    for then, expected in ((day - dt.timedelta(days=1), is_member), (day, not is_member)):
        connection.execute(f"SET regulars.as_of = '{then}'")
        (holds,), = rows(connection, "SELECT EXISTS (SELECT 1 FROM asked WHERE member_id = %s)", (member,))
        equal(holds, expected, f"{miss} ({then}), {about}")
    connection.execute(f"SET regulars.as_of = '{AS_OF}'")


@check
def questions_agree_with_the_segments():
    print(f"REGULARS_QUESTION_SEED={SEED}")
    rng = random.Random(SEED)
    with connect() as connection:
        connection.execute("SET regulars.lint = off")
        members = [row[0] for row in rows(connection, "SELECT member_id FROM members")] + ["nobody"]
        connection.execute(f"SET regulars.as_of = '{AS_OF}'")
        (last,), = rows(connection, "SELECT max(business_date) FROM purchases")
        assert last <= AS_OF, last
        for number in range(PAIRS):
            if number and number % 20 == 0:
                print(f"{number} of {PAIRS} pairs agree")
            ask(connection, rng, members, number)
    return f"{PAIRS} pairs"


@check
def overlaps_are_those_of_sets():
    rng = random.Random(SEED)
    with connect() as connection:
        connection.execute(f"SET regulars.as_of = '{AS_OF}'")
        texts = [definition(rng) for _ in range(6)]
        sets = [{row[0] for row in rows(connection, text)} for text in texts]
        answer = rows(connection, f"SELECT members, other_members, shared FROM regulars.segment_overlap({', '.join(['%s'] * 6)})",
                      texts)
        expected = [(len(sets[i]), len(sets[j]), len(sets[i] & sets[j])) for i in range(6) for j in range(i + 1, 6)]
        equal(answer, expected, f"seed {SEED}")


@check
def days_to_come_change_by_time_alone():
    """Bought once, on 2026-09-22 (as data/small has it): 60 days hold it until 2026-11-20, and no longer."""
    with connect() as connection:
        connection.execute("SET regulars.as_of = '2026-11-19'")
        asked = "SELECT member_id FROM members WHERE member_id = 'edge59' AND bought(member_id, last => '60 days')"
        answer = rows(connection, "SELECT as_of, members, is_forecast FROM regulars.segment_history(%s, '2026-11-18', "
                                  "'2026-11-22')", (asked,))
        equal([(str(day), count, foreseen) for day, count, foreseen in answer],
              [("2026-11-18", 1, False), ("2026-11-19", 1, False), ("2026-11-20", 1, True), ("2026-11-21", 0, True),
               ("2026-11-22", 0, True)])
        (miss,), = rows(connection, "SELECT miss FROM regulars.why(%s, 'edge59') WHERE step = '0'", (asked,))
        equal(miss, "leaves on 2026-11-21 if nothing happens")


@check
def traps_are_told_when_a_segment_is_saved():
    with connect() as connection:
        told = []
        connection.add_notice_handler(lambda notice: told.append((notice.severity, notice.message_primary.split(":")[0],
                                                                  notice.message_hint)))
        text = "CREATE OR REPLACE VIEW trapped AS SELECT DISTINCT member_id FROM purchases " \
               "WHERE purchased_at BETWEEN '2026-09-01' AND '2026-09-30'"
        connection.execute(text)
        equal(told, [("NOTICE", "between-instants", "Write business_date BETWEEN date '…' AND date '…'.")])
        told.clear()
        connection.execute("SET regulars.lint = off")
        connection.execute(text)
        equal(told, [])
        connection.execute("DROP VIEW trapped")


run()
