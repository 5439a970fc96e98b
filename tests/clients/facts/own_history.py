"""Histories that change below a saved segment, and tables of groups that take the place of ours."""

import datetime
import time

from checking import check, equal, run
from serving import BIGINT, INSTANT, MONEY, START_TIMEOUT_S, TEXT, Regulars, arrow_table

NOON = datetime.datetime(2026, 6, 1, 12, tzinfo=datetime.timezone.utc)
LINE = {"purchase_id": BIGINT, "member_id": TEXT, "product_id": TEXT, "quantity": BIGINT, "amount": MONEY,
        "purchased_at": INSTANT}
GROUP = {"position": BIGINT, "name": TEXT} | {f"{score}_{end}": BIGINT for score in ("recency", "frequency", "monetary")
                                              for end in ("from", "to")}


def lines(*bought):
    """A line of one piece for each member and product."""
    return arrow_table(LINE, [
        {"purchase_id": number, "member_id": member, "product_id": product, "quantity": 1, "amount": 10,
         "purchased_at": NOON} for number, (member, product) in enumerate(bought)])


def groups(*boxes):
    return arrow_table(GROUP, [
        {"position": position, "name": name, "recency_from": recency[0], "recency_to": recency[1],
         "frequency_from": 1, "frequency_to": 5, "monetary_from": 1, "monetary_to": 5}
        for position, name, recency in boxes])


@check
def a_segment_goes_on_without_a_product_that_is_gone_and_says_so():
    with Regulars({"purchase_lines": lines(("ada", "tea"), ("bo", "cake"))}) as regulars:
        with regulars.connect() as connection:
            told = []
            connection.add_notice_handler(lambda notice: told.append((notice.severity, notice.sqlstate,
                                                                      notice.message_primary)))
            connection.execute("CREATE VIEW sweet AS SELECT DISTINCT member_id FROM purchases"
                               " WHERE bought(member_id, product => ARRAY['cake', 'tea'])")
            asked = "SELECT member_id FROM sweet ORDER BY 1"
            equal(connection.execute(asked).fetchall(), [("ada",), ("bo",)])
            equal(told, [])
            regulars.write("purchase_lines", lines(("ada", "tea"), ("bo", "bun")))
            equal(connection.execute(asked).fetchall(), [("ada",)])
            (severity, _, message), = told
            equal(severity, "WARNING")
            assert "cake" in message, message


@check
def members_that_are_not_one_a_row_are_told_from_the_files():
    members = arrow_table({"member_id": TEXT}, [{"member_id": name} for name in ("ada", "bo", None)])
    asked = "SELECT member_id FROM members WHERE purchase_count(member_id) >= 0 ORDER BY 1"
    with Regulars({"members": members, "purchase_lines": lines(("ada", "tea"))}) as regulars:
        with regulars.connect() as connection:
            problem = wait_for_state(connection, "failed")
            assert problem, "the problem is not told"
            equal(connection.execute(asked).fetchall(), [("ada",), ("bo",), (None,)])


def wait_for_state(connection, wanted):
    """The index is built in the background. Answers what it tells of a problem."""
    give_up_at = time.monotonic() + START_TIMEOUT_S
    while (told := connection.execute("SELECT state, problem FROM regulars.index WHERE piece = 'all'").fetchone())[0] != wanted:
        assert time.monotonic() < give_up_at, f"the member index is {told}"
        time.sleep(0.02)
    return told[1]


@check
def purchases_that_arrive_are_seen_at_once_and_then_by_the_index():
    asked = "SELECT member_id FROM members WHERE purchase_count(member_id, product => 'tea') > 1 ORDER BY 1"
    members = arrow_table({"member_id": TEXT}, [{"member_id": name} for name in ("ada", "bo", "cy")])

    def has_index(connection):
        return any("MemberIndexExec" in line for line, in connection.execute(f"EXPLAIN {asked}"))

    with Regulars({"members": members, "purchase_lines": lines(("ada", "tea"), ("bo", "tea"), ("ada", "tea"))}) as regulars:
        regulars.wait_for_index()
        with regulars.connect() as connection:
            equal((connection.execute(asked).fetchall(), has_index(connection)), ([("ada",)], True))
            regulars.write("purchase_lines", lines(("bo", "tea"), ("cy", "tea"), ("cy", "tea"), ("bo", "tea"), ("ada", "tea")))
            # The index does not hold the new file; unless it was built in this very moment, the plan is without it.
            equal(connection.execute(asked).fetchall(), [("bo",), ("cy",)])
            regulars.wait_for_index()
            equal((connection.execute(asked).fetchall(), has_index(connection)), ([("bo",), ("cy",)], True))
            connection.execute("SET regulars.member_index = off")
            equal((connection.execute(asked).fetchall(), has_index(connection)), ([("bo",), ("cy",)], False))
            pieces = connection.execute("SELECT piece, members, rows FROM regulars.index").fetchall()
            equal([(piece != "all", members, rows) for piece, members, rows in pieces],
                  [(False, 3, 10), (True, None, None), (True, None, 10)])


@check
def groups_of_the_configuration_take_the_place_of_ours():
    tables = {"purchase_lines": lines(("ada", "tea"), ("bo", "tea")),
              "rfm_groups": groups((2, "rest", (1, 5)), (1, "top", (5, 5)))}
    path = '[tables.rfm_groups]\npath = "history/rfm_groups.parquet"\n'
    with Regulars(tables, path) as regulars, regulars.connect() as connection:
        # Both bought once on one day, so both have the best of each score.
        found = connection.execute("SELECT DISTINCT rfm_group(member_id), rfm_group_of(4, 1, 1), rfm_group_of(5, 1, 1)"
                                   " FROM purchases").fetchall()
        equal(found, [("top", "rest", "top")])


@check
def groups_that_leave_a_cell_out_are_refused_at_start():
    tables = {"purchase_lines": lines(("ada", "tea")), "rfm_groups": groups((1, "top", (2, 5)))}
    path = '[tables.rfm_groups]\npath = "history/rfm_groups.parquet"\n'
    try:
        with Regulars(tables, path):
            pass
    except AssertionError as error:
        told = str(error)
        assert "No group holds recency 1, frequency 1, monetary 1." in told, told
        return
    raise AssertionError("the server started")


run()
