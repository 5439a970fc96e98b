"""psycopg 3: transactions: what is seen when, savepoints, the failed state, definitions that come and go with them."""

import psycopg
from psycopg.pq import TransactionStatus

from checking import add, equal, run


def check(function):
    """Registers a check that starts without views."""

    def attempt():
        with psycopg.connect(autocommit=True) as connection:
            for name in views(connection):
                connection.execute(f"DROP VIEW IF EXISTS {name} CASCADE")
        function()

    add(function.__name__.replace("_", " "), attempt)


def views(connection):
    cursor = connection.execute("SELECT viewname FROM pg_views WHERE schemaname = 'public' ORDER BY 1")
    return [name for (name,) in cursor.fetchall()]


def refused(connection, sql):
    try:
        connection.execute(sql)
    except psycopg.Error as error:
        return error.sqlstate
    raise AssertionError(f"not refused: {sql}")


@check
def what_is_created_is_seen_by_others_after_commit():
    with psycopg.connect() as one, psycopg.connect(autocommit=True) as other:
        equal(one.info.transaction_status, TransactionStatus.IDLE)
        one.execute("CREATE VIEW gold AS SELECT member_id FROM members WHERE loyalty_level = 'gold'")
        equal(one.info.transaction_status, TransactionStatus.INTRANS)
        equal(views(one), ["gold"])
        equal(views(other), [])
        one.commit()
        equal(one.info.transaction_status, TransactionStatus.IDLE)
        equal(other.execute("SELECT count(*) FROM gold").fetchone(), (2,))
        other.execute("DROP VIEW gold")


@check
def what_is_rolled_back_was_never_there():
    with psycopg.connect() as connection:
        connection.execute("CREATE VIEW gone AS SELECT 1 AS one")
        equal(connection.execute("SELECT one FROM gone").fetchone(), (1,))
        connection.rollback()
        equal(refused(connection, "SELECT one FROM gone"), "42P01")
        connection.rollback()
        equal(views(connection), [])


@check
def a_failed_transaction_refuses_everything_until_it_ends():
    with psycopg.connect() as connection:
        connection.execute("CREATE VIEW before_failure AS SELECT 1 AS one")
        equal(refused(connection, "SELECT nothing FROM members"), "42703")
        equal(connection.info.transaction_status, TransactionStatus.INERROR)
        equal(refused(connection, "SELECT 1"), "25P02")
        equal(refused(connection, "CREATE VIEW behind AS SELECT 1 AS one"), "25P02")
        equal(connection.info.transaction_status, TransactionStatus.INERROR)
        connection.rollback()
        equal(connection.info.transaction_status, TransactionStatus.IDLE)
        equal(views(connection), [])


@check
def commit_of_a_failed_transaction_is_a_rollback():
    with psycopg.connect(autocommit=True) as connection:
        connection.execute("BEGIN")
        connection.execute("CREATE VIEW lost AS SELECT 1 AS one")
        equal(refused(connection, "SELECT 1 / 0"), "22012")
        equal(connection.execute("COMMIT").statusmessage, "ROLLBACK")
        equal(views(connection), [])


@check
def savepoints_nest():
    with psycopg.connect() as connection:
        with connection.transaction():
            connection.execute("CREATE VIEW outer_one AS SELECT 1 AS one")
            try:
                with connection.transaction():
                    connection.execute("CREATE VIEW inner_one AS SELECT 1 AS one")
                    equal(views(connection), ["inner_one", "outer_one"])
                    connection.execute("SELECT nothing FROM members")
            except psycopg.errors.UndefinedColumn:
                pass
            equal(connection.info.transaction_status, TransactionStatus.INTRANS)
            equal(views(connection), ["outer_one"])
            with connection.transaction():
                connection.execute("CREATE VIEW inner_two AS SELECT * FROM outer_one")
        equal(views(connection), ["inner_two", "outer_one"])
        connection.execute("DROP VIEW outer_one CASCADE")
        equal(views(connection), [])


@check
def savepoints_by_name():
    with psycopg.connect() as connection:
        connection.execute("SAVEPOINT a")
        connection.execute("CREATE VIEW one AS SELECT 1 AS n")
        connection.execute("SAVEPOINT a")
        connection.execute("CREATE VIEW two AS SELECT 2 AS n")
        connection.execute("ROLLBACK TO a")
        equal(views(connection), ["one"])
        connection.execute("RELEASE a")
        connection.execute("ROLLBACK TO SAVEPOINT a")
        equal(views(connection), [])
        equal(refused(connection, "ROLLBACK TO b"), "3B001")
        connection.rollback()


@check
def autocommit_makes_each_definition_durable():
    with psycopg.connect(autocommit=True) as one, psycopg.connect(autocommit=True) as other:
        one.execute("CREATE VIEW now AS SELECT 1 AS one")
        equal(one.info.transaction_status, TransactionStatus.IDLE)
        equal(views(other), ["now"])
        one.execute("CREATE OR REPLACE VIEW now AS SELECT 1 AS one, 2 AS two")
        equal(other.execute("SELECT * FROM now").fetchone(), (1, 2))
        one.execute("ALTER VIEW now RENAME TO later")
        equal(views(other), ["later"])
        one.execute("DROP VIEW later")
        equal(views(other), [])


@check
def a_statement_in_a_pipeline_is_part_of_its_transaction():
    with psycopg.connect() as connection:
        with connection.pipeline():
            connection.execute("CREATE VIEW piped AS SELECT 1 AS one")
            cursor = connection.execute("SELECT one FROM piped")
        equal(cursor.fetchone(), (1,))
        connection.rollback()
        equal(views(connection), [])


@check
def the_loser_of_a_conflict_is_told():
    with psycopg.connect() as one, psycopg.connect() as other:
        one.execute("CREATE VIEW contested AS SELECT 1 AS one")
        other.execute("CREATE VIEW contested AS SELECT 2 AS two")
        one.commit()
        try:
            other.commit()
        except psycopg.Error as error:
            assert error.sqlstate in ("40001", "42P07"), error.sqlstate
        else:
            raise AssertionError("both have won")
        equal(other.info.transaction_status, TransactionStatus.IDLE)
        equal(other.execute("SELECT * FROM contested").fetchone(), (1,))
        other.execute("DROP VIEW contested")
        other.commit()


@check
def settings_of_a_transaction_go_back_with_it():
    with psycopg.connect() as connection:
        connection.execute("SET TimeZone = 'Asia/Taipei'")
        equal(connection.execute("SHOW TimeZone").fetchone(), ("Asia/Taipei",))
        connection.rollback()
        assert connection.execute("SHOW TimeZone").fetchone() != ("Asia/Taipei",)
        connection.rollback()
        connection.execute("SET LOCAL TimeZone = 'Asia/Taipei'")
        equal(connection.execute("SHOW TimeZone").fetchone(), ("Asia/Taipei",))
        connection.commit()
        assert connection.execute("SHOW TimeZone").fetchone() != ("Asia/Taipei",)


run()
