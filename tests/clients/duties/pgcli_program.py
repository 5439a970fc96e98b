"""pgcli: what it runs, its backslash commands and what its completer reads of the catalog; its own executor without a terminal."""

import datetime

import pgcli
from pgcli.pgexecute import PGExecute
from pgspecial.main import PGSpecial

from asking import duty, equal, once_it_runs, refused, report, skip
from duties import *  # noqa: F403 - the shared description

SPECIAL = PGSpecial()


def connect(**more):
    return PGExecute(**more)


def run(executor, sql):
    """Rows, status and whether it succeeded, of the last result."""
    *_, (_, rows, _, status, _, success, _) = list(executor.run(sql, SPECIAL, exception_formatter=str, on_error_resume=True))
    return rows, status, success


def ask(sql):
    executor = connect()
    rows, status, success = run(executor, sql)
    assert success, status
    found = list(rows)
    executor.conn.close()
    return found


@duty("sign-in")
def sign_in():
    executor = connect()
    equal((executor.user, executor.superuser, executor.is_virtual_database()), ("admin", True, False))
    equal(ask("SELECT current_user"), [("admin",)])


@duty("wrong-password")
def wrong_password():
    said = str(refused(lambda: connect(password="wrong")))
    assert 'password authentication failed for user "admin"' in said, said


@duty("simple")
def simple():
    executor = connect()
    *_, (_, rows, headers, *_) = list(executor.run("SELECT 1 AS one, 'å' AS word", SPECIAL))
    equal((headers, list(rows)), (["one", "word"], [("1", "å")] if isinstance(rows, str) else [(1, "å")]))


skip("pgcli sends no parameters", "parameters-text", "parameters-binary")


@duty("null")
def null():
    equal(ask("SELECT NULL::bigint, NULL::text"), [(None, None)])
    return "out only: pgcli sends no parameters"


@duty("numeric")
def numeric():
    (found,), = ask(f"SELECT {NUMERIC}::numeric")
    equal(str(found), NUMERIC)


@duty("timestamptz")
def timestamptz():
    (found,), = ask(f"SELECT timestamptz '{INSTANT}'")
    found = datetime.datetime.fromisoformat(found) if isinstance(found, str) else found
    equal(found.timestamp(), datetime.datetime.fromisoformat(INSTANT).timestamp())


@duty("array")
def array():
    (words,), = ask("SELECT ARRAY['a', NULL, 'b\"c', 'd,e', 'å']")
    equal(words, WORDS)


@duty("error")
def error():
    executor = connect()
    _, said, success = run(executor, DROP)
    assert not success and DROP_HINT in said, said
    equal(list(run(executor, "SELECT 1")[0]), [(1,)])


@duty("cancel")
def cancel():
    executor = connect()
    acting = once_it_runs(ask, executor.conn.cancel_safe)
    _, said, success = run(executor, LONG)
    acting.result()
    assert not success and "canceling statement due to user request" in said, said
    equal(list(run(executor, "SELECT 1")[0]), [(1,)])


skip("pgcli has \\copy to a file by psycopg: see psycopg 3", "copy-out")


@duty("portions")
def portions():
    equal(sum(int(row[0]) for row in ask(MANY)), MANY_ADDED_UP)
    return "at once: pgcli knows no portions"


@duty("cursor")
def cursor():
    executor = connect()
    for statement in ("BEGIN", f"DECLARE c CURSOR FOR {CURSOR}"):
        assert run(executor, statement)[2]
    equal(list(run(executor, "FETCH 3 FROM c")[0]), [(1,), (2,), (3,)])
    run(executor, "MOVE 4 IN c")
    equal(list(run(executor, "FETCH 2 FROM c")[0]), [(8,), (9,)])
    assert run(executor, "CLOSE c")[2] and run(executor, "COMMIT")[2]


@duty("failed-transaction")
def failed_transaction():
    executor = connect()
    run(executor, "BEGIN")
    assert not run(executor, "SELECT 1 / 0")[2]
    equal(executor.transaction_indicator, "!")
    assert "current transaction is aborted" in run(executor, "SELECT 1")[1]
    run(executor, "ROLLBACK")
    equal(executor.transaction_indicator, "")


@duty("notice")
def notice():
    title = [title for title, *_ in connect().run(DROP_NOTHING, SPECIAL)]
    assert NOTICE in str(title), title


@duty("tables")
def tables():
    executor = connect()
    found = {name for schema, name in executor.tables() if schema == "public"}
    assert set(TABLES) <= found, found
    columns = {(table, column): kind for schema, table, column, kind, *_ in executor.table_columns() if schema == "public"}
    equal(columns["members", "loyalty_points"], "bigint")
    assert "public" in executor.schemata() and "regulars" in executor.databases()
    equal([row for row in executor.search_path() if row in ("pg_catalog", "public")], ["pg_catalog", "public"])
    arguments = {tuple(found.arg_types) for found in executor.functions() if (found.schema_name, found.func_name) == ("pg_catalog", "repeat")}
    equal(arguments, {("text", "integer")})
    # It leaves out the types of pg_catalog, as on PostgreSQL, and there are no others.
    equal((list(executor.datatypes()), list(executor.foreignkeys())), ([], []))
    return "what its completer reads"


@duty("segments")
def segments():
    executor = connect()
    assert ("public", "gold") in list(executor.views())
    found = [(column, kind) for _, table, column, kind, *_ in executor.view_columns() if table == "gold"]
    equal(found, [("member_id", "text"), ("loyalty_points", "bigint")])
    assert "loyalty_level = 'gold'" in executor.view_definition("gold")
    rows, status, success = run(executor, "\\dv")
    assert success and "gold" in str(list(rows)), status
    return "and \\dv"


@duty("audiences")
def audiences():
    executor = connect()
    rows, status, success = run(executor, "\\dm")
    assert success and "gold_list" in str(list(rows)), status
    rows, status, success = run(executor, "\\d gold_list")
    assert success and "member_id" in str(list(rows)), status
    return "\\dm and \\d"


@duty("create-segment")
def create_segment():
    executor = connect()
    equal(run(executor, SEGMENT)[1:], ("CREATE VIEW", True))
    equal(ask("SELECT count(*) FROM rich"), ask("SELECT count(*) FROM members WHERE loyalty_points > 400"))
    assert run(executor, "DROP VIEW rich")[2]
    assert "does not exist" in run(executor, "SELECT 1 FROM rich")[1]


@duty("refresh-audience")
def refresh_audience():
    (before, _), = ask(RUN)
    assert run(connect(), REFRESH)[2]
    equal(ask(RUN), [(before + 1, 2)])


report(pgcli.__version__)
