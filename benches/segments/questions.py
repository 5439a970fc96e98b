"""The questions of the benchmark: for Regulars as its users write them, for the rivals over one wide table `l` of lines and `m` of
members, with local time in ready columns. Every engine must give the same answer."""

import datetime

AS_OF = datetime.date(2026, 11, 20)
EPOCH = datetime.date(1970, 1, 1)


def day(back):
    return f"DATE '{AS_OF - datetime.timedelta(days=back)}'"


def within(days):
    return f"day > {day(days)} AND day <= {day(0)}"


LUNCH = "minute >= 660 AND minute < 840"
KNOWN = "member IS NOT NULL"


def by_member(having, where="1 = 1"):
    return f"SELECT count(*) FROM (SELECT member FROM l WHERE {KNOWN} AND {where} GROUP BY member HAVING {having}) g"


def of_members(condition):
    return f"SELECT count(*) FROM members WHERE {condition}"


# name → what Regulars is asked, what the rivals are asked
QUESTIONS = {
    "tuesday": (
        of_members("bought(member_id, days => 'tue')"),
        "SELECT count(DISTINCT member) FROM l WHERE weekday = 2"),
    "product": (
        of_members("bought(member_id, product => '137')"),
        "SELECT count(DISTINCT member) FROM l WHERE product = 137"),
    "product at lunch": (
        of_members("bought(member_id, product => '137', days => 'mon-thu', hours => '11:00-14:00')"),
        f"SELECT count(DISTINCT member) FROM l WHERE product = 137 AND weekday <= 4 AND {LUNCH}"),
    "spent over 500": (
        of_members("amount_spent(member_id, last => '365 days') > 500"),
        by_member("sum(cents) > 50000", within(365))),
    "ten purchases": (
        of_members("purchase_count(member_id, last => '365 days') >= 10"),
        by_member("count(DISTINCT purchase) >= 10", within(365))),
    "lapsed": (
        of_members(f"last_purchase(member_id) >= {day(179)} AND last_purchase(member_id) <= {day(90)}"),
        by_member(f"max(day) >= {day(179)} AND max(day) <= {day(90)}", f"day <= {day(0)}")),
    "rfm of all": (
        "SELECT sum(purchase_count(member_id, last => '365 days'))::bigint"
        " + (sum(amount_spent(member_id, last => '365 days')) * 100)::bigint"
        " + sum(last_purchase(member_id) - DATE '1970-01-01')::bigint FROM members",
        f"SELECT sum(n) + sum(s) + sum(d) FROM (SELECT count(DISTINCT CASE WHEN {within(365)} THEN purchase END) AS n,"
        f" sum(CASE WHEN {within(365)} THEN cents ELSE 0 END) AS s, max(day_number) AS d"
        f" FROM l WHERE {KNOWN} AND day <= {day(0)} GROUP BY member) g"),
    "none in 180 days": (
        of_members("purchase_count(member_id, last => '180 days') = 0"),
        f"SELECT (SELECT count(*) FROM m) - count(DISTINCT member) FROM l WHERE {within(180)}"),
    "at most one": (
        of_members("purchase_count(member_id, last => '365 days') <= 1"),
        f"SELECT (SELECT count(*) FROM m) - count(*) FROM (SELECT member FROM l WHERE {KNOWN} AND {within(365)}"
        " GROUP BY member HAVING count(DISTINCT purchase) >= 2) g"),
    "one not the other": (
        of_members("bought(member_id, product => '3', last => '365 days')"
                   " AND NOT bought(member_id, product => '8', last => '365 days')"),
        by_member("max(CASE WHEN product = 3 THEN 1 ELSE 0 END) = 1 AND max(CASE WHEN product = 8 THEN 1 ELSE 0 END) = 0",
                  f"product IN (3, 8) AND {within(365)}")),
    "category": (
        of_members("bought(member_id, category => 'category 3', last => '180 days')"),
        f"SELECT count(DISTINCT member) FROM l WHERE category = 3 AND {within(180)}"),
    "store and channel": (
        of_members("bought(member_id, store => '5', channel => 'app', last => '365 days')"),
        f"SELECT count(DISTINCT member) FROM l WHERE store = 5 AND channel = 1 AND {within(365)}"),
    "joined the till": (
        of_members("first_purchase(member_id) > asof() - 60"),
        by_member(f"min(day) > {day(60)}", f"day <= {day(0)}")),
    "four facts": (
        of_members("amount_spent(member_id, last => '365 days') > 200 AND purchase_count(member_id, last => '365 days') >= 5"
                   " AND last_purchase(member_id) > asof() - 60 AND bought(member_id, hours => '11:00-14:00', last => '90 days')"),
        by_member(f"sum(CASE WHEN {within(365)} THEN cents ELSE 0 END) > 20000"
                  f" AND count(DISTINCT CASE WHEN {within(365)} THEN purchase END) >= 5 AND max(day) > {day(60)}"
                  f" AND max(CASE WHEN {within(90)} AND {LUNCH} THEN 1 ELSE 0 END) = 1", f"day <= {day(0)}")),
    "frequency scores": (
        "SELECT rfm_frequency(member_id, last => '365 days')::int AS score, count(*) FROM members"
        " WHERE rfm_frequency(member_id, last => '365 days') IS NOT NULL GROUP BY 1 ORDER BY 1",
        "SELECT score, count(*) FROM (SELECT CAST(ceil(5 * cume_dist() OVER (ORDER BY n)) AS int) AS score FROM"
        f" (SELECT member, count(DISTINCT purchase) AS n FROM l WHERE {KNOWN} AND {within(365)} GROUP BY member) c) s"
        " GROUP BY score ORDER BY score"),
    "one member": (
        "SELECT bought(member_id, days => 'mon-thu', hours => '11:00-14:00')::int FROM members WHERE member_id = 4711",
        f"SELECT CASE WHEN count(*) > 0 THEN 1 ELSE 0 END FROM l WHERE member = 4711 AND weekday <= 4 AND {LUNCH}"),
}
