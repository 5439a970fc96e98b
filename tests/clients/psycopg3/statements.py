"""psycopg 3: statements as clients send them: prepared, pipelined, several at once; errors, notices, refusals, cancel."""

import threading

import psycopg
from psycopg import errors
from psycopg.pq import TransactionStatus

from checking import check, equal, pending, run


def connect(**options):
    return psycopg.connect(autocommit=True, **options)


def refused(connection, sql, parameters=None):
    try:
        connection.execute(sql, parameters)
    except psycopg.Error as error:
        return error
    raise AssertionError(f"not refused: {sql}")


@check
def a_prepared_statement_is_executed_again_with_other_values():
    with connect() as connection:
        connection.prepare_threshold = 0
        for binary in (False, True):
            cursor = connection.cursor(binary=binary)
            for number in range(20):
                cursor.execute("SELECT %s::bigint * 2, %s::text", [number, f"v{number}"])
                equal(cursor.fetchall(), [(number * 2, f"v{number}")])


@check
def server_side_binding_without_casts():
    with connect() as connection:
        cursor = connection.execute("SELECT member_id FROM members WHERE loyalty_points > %s ORDER BY loyalty_points DESC, member_id LIMIT %s",
                                    [300, 2])
        equal(cursor.fetchall(), [("regular",), ("abroad",)])
        equal(connection.execute("SELECT count(*) FROM members WHERE home_store_id IN (%s, %s)", ["bar", "taipei"]).fetchone(), (2,))
        equal(connection.execute("SELECT count(*) FROM members WHERE email LIKE %s", ["%@example.org"]).fetchone(), (2,))
        equal(connection.execute("SELECT CASE WHEN loyalty_points > %s THEN %s ELSE %s END FROM members WHERE member_id = %s",
                                 [100, "rich", "poor", "never"]).fetchone(), ("poor",))


@check
def client_side_binding():
    with psycopg.connect(autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:
        equal(connection.execute("SELECT %s, %s::bigint, %s::date, %s", ["it's \\ å", -5, "2026-01-02", None]).fetchone()[:2],
              ("it's \\ å", -5))


@check
def is_a_member_in_a_view():
    with connect() as connection:
        connection.execute("CREATE OR REPLACE VIEW lunchers AS SELECT DISTINCT member_id FROM purchases"
                           " WHERE local_time >= '11:00' AND local_time < '14:00' AND member_id IS NOT NULL")
        for prepare in (False, True):
            for binary in (False, True):
                cursor = connection.cursor(binary=binary)
                for member, expected in (("lunch", True), ("night", False), ("nobody", False), (None, False)):
                    cursor.execute("SELECT EXISTS (SELECT 1 FROM lunchers WHERE member_id = %s)", [member], prepare=prepare)
                    equal(cursor.fetchone(), (expected,), member)
        connection.execute("DROP VIEW lunchers")


@check
def row_counts_and_command_tags():
    with connect() as connection:
        cursor = connection.execute("SELECT member_id FROM members WHERE loyalty_level = 'gold'")
        equal((cursor.statusmessage, cursor.rowcount), ("SELECT 2", 2))
        equal(connection.execute("CREATE VIEW tagged AS SELECT 1 AS one").statusmessage, "CREATE VIEW")
        equal(connection.execute("COMMENT ON VIEW tagged IS 'x'").statusmessage, "COMMENT")
        equal(connection.execute("ALTER VIEW tagged RENAME TO renamed").statusmessage, "ALTER VIEW")
        equal(connection.execute("DROP VIEW renamed").statusmessage, "DROP VIEW")
        equal(connection.execute("CREATE SCHEMA tagged").statusmessage, "CREATE SCHEMA")
        equal(connection.execute("DROP SCHEMA tagged").statusmessage, "DROP SCHEMA")
        equal(connection.execute("SET TimeZone = 'UTC'").statusmessage, "SET")
        equal(connection.execute("SHOW TimeZone").statusmessage, "SHOW")
        equal(connection.execute("").statusmessage, None)


@check
def several_statements_in_one_string():
    with connect() as connection:
        cursor = connection.execute("SELECT 1 AS a; CREATE VIEW several AS SELECT 2 AS b; SELECT b FROM several; DROP VIEW several")
        results = []
        while True:
            results.append((cursor.statusmessage, cursor.fetchall() if cursor.description else None))
            if not cursor.nextset():
                break
        equal(results, [("SELECT 1", [(1,)]), ("CREATE VIEW", None), ("SELECT 1", [(2,)]), ("DROP VIEW", None)])


@check
def several_statements_are_one_transaction():
    with connect() as connection:
        error = refused(connection, "CREATE VIEW halfway AS SELECT 1 AS one; SELECT 1 / 0; CREATE VIEW behind AS SELECT 1 AS one")
        equal(error.sqlstate, "22012")
        equal(connection.execute("SELECT count(*) FROM pg_class WHERE relname IN ('halfway', 'behind')").fetchone(), (0,))


@check
def errors_have_state_message_and_position():
    with connect() as connection:
        error = refused(connection, "SELECT member_id FROM membres")
        assert isinstance(error, errors.UndefinedTable)
        equal((error.sqlstate, error.diag.message_primary, error.diag.statement_position, error.diag.severity_nonlocalized),
              ("42P01", 'relation "membres" does not exist', "23", "ERROR"))
        error = refused(connection, "SELECT loyalty_point FROM members")
        assert isinstance(error, errors.UndefinedColumn)
        equal((error.diag.message_primary, error.diag.statement_position),
              ('column "loyalty_point" does not exist', "8"))
        assert "loyalty_points" in error.diag.message_hint, error.diag.message_hint
        error = refused(connection, "SELECT 'å', membre FROM members")
        equal(error.diag.statement_position, "13", "counts characters, not bytes")
        error = refused(connection, "SELEC 1")
        assert isinstance(error, errors.SyntaxError)
        equal((error.diag.message_primary, error.diag.statement_position), ('syntax error at or near "SELEC"', "1"))
        equal(refused(connection, "SELECT 1 / 0").sqlstate, "22012")
        equal(refused(connection, "SELECT %s::bigint", ["many"]).sqlstate, "22P02")
        equal(refused(connection, "SELECT nosuch(1)").sqlstate, "42883")
        equal(connection.execute("SELECT 1").fetchone(), (1,))


@check
def a_bigint_that_overflows_is_refused():
    with connect() as connection:
        for sql in ("SELECT 9223372036854775807::bigint + 1", "SELECT loyalty_points + 9223372036854775807 FROM members"):
            equal(refused(connection, sql).sqlstate, "22003", sql)


@check
def a_drop_that_others_depend_on_says_what_to_do():
    with connect() as connection:
        connection.execute("CREATE VIEW base AS SELECT member_id FROM members; CREATE VIEW upon AS SELECT * FROM base")
        error = refused(connection, "DROP VIEW base")
        equal(error.sqlstate, "2BP01")
        equal(error.diag.message_detail, "view upon depends on view base")
        equal(error.diag.message_hint, "Use DROP ... CASCADE to drop the dependent objects too.")
        connection.execute("DROP VIEW base CASCADE")


@check
def notices_reach_the_client():
    with connect() as connection:
        notices = []
        connection.add_notice_handler(lambda notice: notices.append((notice.severity_nonlocalized, notice.sqlstate, notice.message_primary)))
        connection.execute("DROP VIEW IF EXISTS never_there")
        equal(notices, [("NOTICE", "00000", 'view "never_there" does not exist, skipping')])
        notices.clear()
        connection.execute("CREATE VIEW one AS SELECT 1 AS a; CREATE VIEW two AS SELECT * FROM one")
        connection.execute("DROP VIEW one CASCADE")
        equal(notices, [("NOTICE", "00000", "drop cascades to view two")])


@check
def writes_to_the_history_are_refused():
    with connect() as connection:
        for sql in ("INSERT INTO members (member_id) VALUES ('x')", "UPDATE members SET email = NULL", "DELETE FROM members",
                    "TRUNCATE members", "DROP TABLE members", "CREATE TABLE t (a int)"):
            state = refused(connection, sql).sqlstate
            assert state in ("0A000", "42809", "42501"), f"{sql}: {state}"
        equal(connection.execute("SELECT count(*) FROM members WHERE member_id = 'lunch'").fetchone(), (1,))


@check
def a_pipeline_gives_its_answers_in_order():
    with connect() as connection:
        with connection.pipeline():
            cursors = [connection.execute("SELECT %s::bigint * 3", [number]) for number in range(100)]
        equal([cursor.fetchone()[0] for cursor in cursors], [number * 3 for number in range(100)])


@check
def an_error_in_a_pipeline_skips_to_its_sync():
    with connect() as connection:
        try:
            with connection.pipeline() as pipeline:
                first = connection.execute("SELECT 1")
                pipeline.sync()
                connection.execute("CREATE VIEW skipped AS SELECT 1 / 0 AS never")
                connection.execute("SELECT 1 / 0")
                connection.execute("SELECT 2")
                pipeline.sync()
        except psycopg.Error as error:
            equal(error.sqlstate, "22012")
        else:
            raise AssertionError("not refused")
        equal(first.fetchone(), (1,))
        equal(connection.execute("SELECT count(*) FROM pg_views WHERE viewname = 'skipped'").fetchone(), (0,))
        equal(connection.info.transaction_status, TransactionStatus.IDLE)
        equal(connection.execute("SELECT 4").fetchone(), (4,))


@check
def executemany_runs_for_each():
    with connect() as connection:
        cursor = connection.cursor()
        cursor.executemany("SELECT member_id FROM members WHERE member_id = %s", [("lunch",), ("nobody",), ("night",)],
                           returning=True)
        found = []
        while True:
            found.append(cursor.fetchall())
            if not cursor.nextset():
                break
        equal(found, [[("lunch",)], [], [("night",)]])


@check
def rows_can_be_streamed():
    with connect() as connection:
        for binary in (False, True):
            cursor = connection.cursor(binary=binary)
            total = count = 0
            for (value,) in cursor.stream("SELECT value FROM generate_series(1, 20000) AS s(value) WHERE value > %s", [5]):
                total += value
                count += 1
            equal((count, total), (19995, 200010000 - 15))


@check
@pending("arguments of functions in FROM must be literals")
def a_parameter_of_a_function_in_from():
    with connect() as connection:
        cursor = connection.execute("SELECT count(*) FROM generate_series(1, %s::bigint)", [20000])
        equal(cursor.fetchone(), (20000,))


@check
def cancel_reaches_a_running_query():
    with connect() as connection, connect() as other:
        failures = []

        def endless():
            try:
                connection.execute("SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b")
            except psycopg.Error as error:
                failures.append((error.sqlstate, error.diag.message_primary))

        thread = threading.Thread(target=endless)
        thread.start()
        pid = connection.info.backend_pid
        while other.execute("SELECT state FROM pg_stat_activity WHERE pid = %s", [pid]).fetchone() != ("active",):
            assert thread.is_alive()
        connection.cancel()
        thread.join()
        equal(failures, [("57014", "canceling statement due to user request")])
        equal(connection.execute("SELECT 'goes on'").fetchone(), ("goes on",))


@check
def the_connection_tells_about_the_server():
    with connect() as connection:
        assert connection.info.server_version >= 160000, connection.info.server_version
        equal(connection.info.encoding, "utf-8")
        for name, value in (("standard_conforming_strings", "on"), ("integer_datetimes", "on"), ("server_encoding", "UTF8")):
            equal(connection.info.parameter_status(name), value, name)
        assert connection.execute("SELECT version()").fetchone()[0].startswith("PostgreSQL 16")


run()
