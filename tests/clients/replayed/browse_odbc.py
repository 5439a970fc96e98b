"""psqlODBC, made to send what it sends: the catalog functions of ODBC and its ways of asking. What comes back is not looked at."""

import os
import sys

import pyodbc

pyodbc.pooling = False


def connect(autocommit=True, **more):
    said = {"Driver": "{PostgreSQL Unicode}", "Server": os.environ["PGHOST"], "Port": os.environ["PGPORT"],
            "Database": os.environ["PGDATABASE"], "UID": os.environ["PGUSER"], "SSLmode": "disable"} | more
    return pyodbc.connect(";".join(f"{name}={value}" for name, value in said.items()), autocommit=autocommit)


def call(connection, name, function):
    connection.execute(f"SELECT 'mark: {name}'").fetchall()
    try:
        found = function(connection.cursor())
        if found is not None and found.description:
            found.fetchall()
    except pyodbc.Error as error:  # PostgreSQL's answer counts, even when it is a refusal
        print(f"{name}: {error}", file=sys.stderr)


def browse(connection):
    call(connection, "SQLTables, catalogs", lambda cursor: cursor.tables(catalog="%", schema="", table=""))
    call(connection, "SQLTables, schemas", lambda cursor: cursor.tables(catalog="", schema="%", table=""))
    call(connection, "SQLTables, types", lambda cursor: cursor.tables(catalog="", schema="", table="", tableType="%"))
    call(connection, "SQLTables of public", lambda cursor: cursor.tables(schema="public"))
    call(connection, "SQLTables, tables and views", lambda cursor: cursor.tables(schema="public", tableType="TABLE,VIEW"))
    call(connection, "SQLTables, quoted types", lambda cursor: cursor.tables(schema="public", tableType="'TABLE','VIEW','MATERIALIZED VIEW'"))
    call(connection, "SQLTables, materialized views", lambda cursor: cursor.tables(schema="public", tableType="MATVIEW"))
    call(connection, "SQLTables, one", lambda cursor: cursor.tables(catalog="regulars", schema="public", table="gold"))
    call(connection, "SQLTables, a pattern", lambda cursor: cursor.tables(schema="public", table="purchase\\_%"))
    call(connection, "SQLTables, a quoted name", lambda cursor: cursor.tables(schema="crm", table="Big Spenders"))
    call(connection, "SQLTables, system tables", lambda cursor: cursor.tables(table="pg_class", tableType="SYSTEM TABLE"))
    call(connection, "SQLColumns of a table", lambda cursor: cursor.columns(schema="public", table="members"))
    call(connection, "SQLColumns of a segment", lambda cursor: cursor.columns(schema="public", table="gold"))
    call(connection, "SQLColumns of an audience", lambda cursor: cursor.columns(schema="public", table="gold\\_list"))
    call(connection, "SQLColumns, one", lambda cursor: cursor.columns(catalog="regulars", schema="public", table="gold", column="member%"))
    call(connection, "SQLColumns of a schema", lambda cursor: cursor.columns(schema="crm"))
    call(connection, "SQLPrimaryKeys", lambda cursor: cursor.primaryKeys("members", schema="public"))
    call(connection, "SQLPrimaryKeys of a segment", lambda cursor: cursor.primaryKeys("gold"))
    call(connection, "SQLForeignKeys in", lambda cursor: cursor.foreignKeys(table="members", schema="public"))
    call(connection, "SQLForeignKeys out", lambda cursor: cursor.foreignKeys(foreignTable="purchases", foreignSchema="public"))
    call(connection, "SQLStatistics", lambda cursor: cursor.statistics("members", schema="public"))
    call(connection, "SQLStatistics, unique", lambda cursor: cursor.statistics("gold_list", schema="public", unique=True, quick=False))
    call(connection, "SQLSpecialColumns", lambda cursor: cursor.rowIdColumns("members", schema="public"))
    call(connection, "SQLSpecialColumns of a segment", lambda cursor: cursor.rowIdColumns("gold"))
    call(connection, "SQLSpecialColumns, version", lambda cursor: cursor.rowVerColumns("gold"))
    call(connection, "SQLProcedures", lambda cursor: cursor.procedures(schema="pg_catalog", procedure="initcap"))
    call(connection, "SQLProcedures of public", lambda cursor: cursor.procedures(schema="public"))
    call(connection, "SQLProcedureColumns", lambda cursor: cursor.procedureColumns(schema="pg_catalog", procedure="replace"))
    call(connection, "SQLGetTypeInfo", lambda cursor: cursor.getTypeInfo())


def ask(connection):
    call(connection, "parameters", lambda cursor: cursor.execute("SELECT member_id FROM gold WHERE member_id = ? AND loyalty_points > ?", "lunch", 10))
    call(connection, "NULL", lambda cursor: cursor.execute("SELECT count(*) FROM members WHERE loyalty_level IS NOT DISTINCT FROM ?", None))
    call(connection, "escapes", lambda cursor: cursor.execute("SELECT {d '2028-02-29'}, {ts '2028-02-29 08:30:00'}, {fn concat('a', 'b')}, {fn ucase('å')}"))
    call(connection, "a function", lambda cursor: cursor.execute("{? = call upper('a')}", None))
    call(connection, "an error", lambda cursor: cursor.execute("SELECT nothing FROM gold"))
    call(connection, "after the error", lambda cursor: cursor.execute("SELECT count(*) FROM gold"))


with connect() as connection:
    browse(connection)
    ask(connection)
with connect(autocommit=False) as connection:  # a savepoint around each statement
    ask(connection)
    connection.commit()
    connection.execute("SELECT 1").fetchall()
    connection.rollback()
with connect(UseDeclareFetch=1, Fetch=1) as connection:
    call(connection, "a cursor", lambda cursor: cursor.execute("SELECT member_id FROM members ORDER BY member_id"))
    call(connection, "a cursor with a parameter", lambda cursor: cursor.execute("SELECT member_id FROM members WHERE loyalty_points >= ? ORDER BY member_id", 0))
with connect(UseDeclareFetch=1, Fetch=100, autocommit=False, ShowSystemTables=1, ReadOnly=1) as connection:
    call(connection, "a cursor in a transaction", lambda cursor: cursor.execute("SELECT member_id FROM members ORDER BY member_id"))
    call(connection, "SQLTables, system tables too", lambda cursor: cursor.tables(schema="pg_catalog", table="pg_type"))
    connection.commit()
with connect(UseServerSidePrepare=0, Protocol="7.4-1", BoolsAsChar=0, TextAsLongVarchar=0) as connection:
    ask(connection)
with connect(ConnSettings="SET extra_float_digits%3D0%3BSET TimeZone%3D'Europe/Stockholm'", ByteaAsLongVarBinary=1) as connection:
    call(connection, "settings at the start", lambda cursor: cursor.execute("SHOW TimeZone"))
