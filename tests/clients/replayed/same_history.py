"""A PostgreSQL with the tables, the rows and the definitions of the server under test."""

import pathlib

import psycopg
from psycopg import sql

TABLES_OF_POSTGRES = pathlib.Path(__file__).parents[1] / "psql" / "postgres.sql"
TABLES = ["members", "stores", "products", "purchases", "purchase_lines", "loyalty_levels", "member_levels", "consents",
          "business_customers"]
# A segment and an audience, which the statements ask for.
GOLD = [
    "CREATE VIEW gold AS SELECT member_id, loyalty_points FROM members WHERE loyalty_level = 'gold'",
    "COMMENT ON VIEW gold IS 'Gold members'",
    "COMMENT ON COLUMN gold.member_id IS 'who'",
    "CREATE MATERIALIZED VIEW gold_list AS SELECT member_id FROM gold",
]


def prepare(postgres, regulars, definitions):
    """Makes database `regulars` of ada in PostgreSQL with the history of Regulars, and the definitions on both sides."""
    with postgres.connect("postgres") as connection:
        connection.execute("CREATE ROLE ada SUPERUSER LOGIN")
        connection.execute("CREATE DATABASE regulars OWNER ada TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'")
    with connect(postgres) as connection:
        connection.execute(TABLES_OF_POSTGRES.read_text(encoding="utf-8"))
        for table in TABLES:
            copy(table, regulars, connection)
        for definition in definitions:
            regulars.execute(definition)
            connection.execute(definition)


def connect(postgres):
    return psycopg.connect(host=postgres.folder.name, port=5432, user="ada", dbname="regulars", autocommit=True,
                           options="-c timezone=UTC")


def copy(table, regulars, connection):
    """The rows of a table, and what it is said to be."""
    told = regulars.execute("SELECT obj_description(%s::regclass, 'pg_class')", [table]).fetchone()[0]
    connection.execute(sql.SQL("COMMENT ON TABLE {} IS {}").format(sql.Identifier(table), told))
    names = connection.execute("SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 ORDER BY attnum",
                               [table])
    columns = ", ".join(row[0] for row in names)
    connection.execute(f"DELETE FROM {table}")
    with connection.cursor().copy(f"COPY {table} ({columns}) FROM STDIN") as into:
        with regulars.cursor().copy(f"COPY (SELECT {columns} FROM {table}) TO STDOUT") as out:
            for part in out:
                into.write(part)
