"""A purchase history on both sides: served by Regulars, and copied from there into a PostgreSQL of our own.

In PostgreSQL it lies twice. Schema `shown` has the relations as Regulars shows them, derived columns and all; `history`
and `public` are what compat/tables.sql and compat/postgresql.sql make of the columns that nobody derived.
"""

import contextlib
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
from psycopg import sql

ROOT = Path(__file__).resolve().parents[3]
COMPAT = ROOT / "compat"
SHARED = ROOT.parent / "shared"
REGULARS = Path(os.environ.get("REGULARS", ROOT / "target/debug/regulars"))
RELATIONS = ["members", "stores", "products", "purchases", "purchase_lines", "loyalty_levels", "member_levels",
             "consents", "business_customers"]

# Whoever runs out of patience ends the servers with the program: `with` blocks are left.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))


def missing_shared(path):
    """Whether a file beside the repository is not there; says so."""
    if path.exists():
        return False
    print(f"skipped: {path} is not there")
    return True


@contextlib.contextmanager
def serve(config):
    """A Regulars over a configuration; gives a function that connects."""
    with subprocess.Popen([REGULARS, "serve", "--config", config, "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE,
                          text=True) as server:
        try:
            said = next((line for line in server.stdout if line.startswith("Serving on ")), None)
            if said is None:
                raise RuntimeError(f"{config}: the server ended with status {server.wait()}")
            port = int(re.match(r"Serving on 127\.0\.0\.1:(\d+)", said).group(1))
            yield lambda: psycopg.connect(host="127.0.0.1", port=port, user="ada", dbname="regulars", autocommit=True)
        finally:
            server.terminate()


def tables_sql(types):
    """compat/tables.sql with identifiers of the given types by column, such as {"member_id": "text"}."""
    like = {"refund_of": "purchase_id", "home_store_id": "store_id"}

    def typed(column):
        return f"{column.group(1)} {types.get(like.get(column.group(1), column.group(1)), 'bigint')}"

    return re.sub(r"\b(\w+_id|refund_of) bigint", typed, (COMPAT / "tables.sql").read_text(encoding="utf-8"))


def copy_history(regulars, postgres):
    """Copies what Regulars shows into schema `shown`, and without the derived columns into the tables of compat."""
    postgres.execute("CREATE SCHEMA shown")
    types = {}
    for relation in RELATIONS:
        types |= copy_relation(regulars, postgres, relation)
    postgres.execute(tables_sql(types))
    for relation in RELATIONS:
        schema = own_schema(relation)
        own, shown = columns(postgres, schema, relation), columns(postgres, "shown", relation)
        both = sql.SQL(", ").join(sql.Identifier(name) for name in own if name in shown)
        if shown:
            postgres.execute(sql.SQL("INSERT INTO {0} ({1}) SELECT {1} FROM {2}").format(
                sql.Identifier(schema, relation), both, sql.Identifier("shown", relation)))
        # A question may ask for any column of the contract.
        for name, kind in own.items():
            if shown and name not in shown:
                postgres.execute(sql.SQL("ALTER TABLE {} ADD COLUMN {} {}").format(
                    sql.Identifier("shown", relation), sql.Identifier(name), sql.SQL(kind)))


def own_schema(relation):
    return "history" if relation in ("members", "purchases", "purchase_lines") else "public"


def copy_relation(regulars, postgres, relation):
    """Gives the types of the columns by name; none when Regulars has no such relation."""
    try:
        rows = regulars.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(relation)))
    except psycopg.errors.UndefinedTable:
        return {}
    types = {column.name: psycopg.adapters.types[column.type_code].regtype for column in rows.description}
    named = sql.SQL(", ").join(sql.Identifier(name) + sql.SQL(f" {kind}") for name, kind in types.items())
    postgres.execute(sql.SQL("CREATE TABLE {} ({})").format(sql.Identifier("shown", relation), named))
    with postgres.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(sql.Identifier("shown", relation))) as copy:
        for row in rows:
            copy.write_row(row)
    return types


def columns(postgres, schema, relation):
    """Types by name, in order; empty when there is no such table."""
    return dict(postgres.execute(
        "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
        " WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        [f"{schema}.{relation}"]).fetchall())


def load_compat(postgres):
    postgres.execute((COMPAT / "postgresql.sql").read_text(encoding="utf-8"))
