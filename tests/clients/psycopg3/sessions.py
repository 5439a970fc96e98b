"""psycopg 3: sessions beside each other: nothing that one sets is visible to another."""

from datetime import datetime, timezone
from zoneinfo import ZoneInfo

import psycopg

from checking import check, equal, run

INSTANT = datetime(2026, 10, 25, 0, 30, tzinfo=timezone.utc)


def connect(**options):
    return psycopg.connect(autocommit=True, **options)


@check
def two_sessions_with_different_time_zones():
    with connect() as one, connect() as other:
        one.execute("SET TIME ZONE 'Asia/Taipei'")
        other.execute("SET TimeZone TO 'America/New_York'")
        for connection, zone, shown in ((one, "Asia/Taipei", "2026-10-25 08:30:00+08"),
                                        (other, "America/New_York", "2026-10-24 20:30:00-04")):
            equal(connection.info.parameter_status("TimeZone"), zone)
            equal(connection.info.timezone, ZoneInfo(zone))
            for binary in (False, True):
                (found,) = connection.cursor(binary=binary).execute("SELECT %s::timestamptz", [INSTANT]).fetchone()
                equal((found, found.tzinfo), (INSTANT, ZoneInfo(zone)))
            cursor = psycopg.RawCursor(connection)
            equal(cursor.execute("SELECT purchased_at FROM purchases WHERE purchase_id = 'clock-oct-first'").pgresult.get_value(0, 0),
                  shown.encode())
            equal(connection.execute("SHOW TimeZone").fetchone(), (zone,))


@check
def a_time_zone_from_the_connection_string():
    with connect(options="-c TimeZone=Asia/Kathmandu") as connection, connect() as other:
        equal(connection.info.parameter_status("TimeZone"), "Asia/Kathmandu")
        result = connection.execute("SELECT purchased_at FROM purchases WHERE purchase_id = 'valley-first'").pgresult
        equal(result.get_value(0, 0), b"2026-10-01 00:00:00+05:45")
        assert other.info.parameter_status("TimeZone") != "Asia/Kathmandu"


@check
def an_instant_as_text_is_written_in_the_zone_of_the_session():
    with connect(options="-c TimeZone=Asia/Kathmandu") as connection:
        equal(connection.execute("SELECT purchased_at::text FROM purchases WHERE purchase_id = 'valley-first'").fetchone(),
              ("2026-10-01 00:00:00+05:45",))


@check
def a_literal_of_timestamptz_with_an_offset():
    with connect() as connection:
        equal(connection.execute("SELECT timestamptz '2026-10-25 00:30+00'").fetchone(), (INSTANT,))


@check
def sessions_are_known_by_name_and_leave_when_they_close():
    with connect() as one:
        other = connect(application_name="the other")
        pid = other.info.backend_pid
        equal(other.info.parameter_status("application_name"), "the other")
        equal(one.execute("SELECT application_name, usename, datname FROM pg_stat_activity WHERE pid = %s", [pid]).fetchone(),
              ("the other", "ada", "regulars"))
        other.close()
        while one.execute("SELECT count(*) FROM pg_stat_activity WHERE pid = %s", [pid]).fetchone() != (0,):
            pass


@check
def prepared_statements_belong_to_their_session():
    with connect() as one, connect() as other:
        for connection, factor in ((one, 2), (other, 3)):
            connection.prepare_threshold = 0
            connection.execute(f"SELECT %s::bigint * {factor}", [7])
        equal(one.execute("SELECT %s::bigint * 2", [7]).fetchone(), (14,))
        equal(other.execute("SELECT %s::bigint * 3", [7]).fetchone(), (21,))


@check
def statement_timeout_of_one_is_not_that_of_another():
    with connect() as one, connect() as other:
        one.execute("SET statement_timeout = '50ms'")
        try:
            one.execute("SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b")
        except psycopg.errors.QueryCanceled as error:
            equal(error.diag.message_primary, "canceling statement due to statement timeout")
        else:
            raise AssertionError("not cancelled")
        assert other.execute("SHOW statement_timeout").fetchone() != ("50ms",)
        one.execute("RESET statement_timeout")
        equal(one.execute("SHOW statement_timeout").fetchone(), other.execute("SHOW statement_timeout").fetchone())


@check
def many_sessions_at_once():
    connections = [connect() for _ in range(60)]
    try:
        for number, connection in enumerate(connections):
            connection.execute(f"SET application_name = 'client {number}'")
        for number, connection in enumerate(connections):
            equal(connection.execute("SHOW application_name").fetchone(), (f"client {number}",))
    finally:
        for connection in connections:
            connection.close()


run()
