"""The file that says what the facts mean, played on Regulars: its rows as Parquet, its statements through psql.

The rows are taken from a PostgreSQL that has read the file. Each statement is a check, named by the words above it.
Cells are compared, numbers by their value, not the layout. An answer that is an error has its message compared.
"""

import os
import re
import subprocess
from decimal import Decimal, InvalidOperation

from checking import add, equal, run
from postgres import Server
from serving import (
    BIGINT, DATE, EXPECTED, INSTANT, MONEY, ORACLE, TEXT, TIME, Regulars, arrow_table, without_psql_commands,
)

TABLES = {
    "stores": {"store_id": TEXT, "time_zone": TEXT, "day_starts_at": TIME},
    "products": {"product_id": TEXT, "sku": TEXT, "name": TEXT, "category": TEXT},
    "members": {"member_id": TEXT, "joined_on": DATE},
    "purchases": {"purchase_id": TEXT, "member_id": TEXT, "store_id": TEXT, "purchased_at": INSTANT, "channel": TEXT,
                  "status": TEXT, "refund_of": TEXT, "amount": MONEY},
    "purchase_lines": {"purchase_id": TEXT, "line_no": BIGINT, "product_id": TEXT, "quantity": BIGINT, "amount": MONEY},
}
FIRST_SETTING = "set regulars.as_of"


def tables(definition):
    """What the file inserts."""
    with Server(any_version=True) as server, server.connect("postgres") as connection:
        connection.execute(without_psql_commands(definition))
        rows = {name: connection.execute(f"select * from {name}") for name in TABLES}
        return {name: arrow_table(TABLES[name], named(rows[name])) for name in TABLES}


def named(cursor):
    columns = [column.name for column in cursor.description]
    types = {"quantity": int}
    return [{name: types.get(name, lambda value: value)(value) for name, value in zip(columns, row)} for row in cursor]


def sections(output):
    """What stands below each line `-- title`."""
    parts = re.split(r"^-- (.*)\n", output, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2]))


def cells(text):
    """A table of psql's, or the message of an error; what an error says beside it is the server's own."""
    if message := re.search(r"ERROR:\s+(.*)", text):
        return message.group(1)
    lines = [line for line in text.split("\n") if line.strip() and not re.fullmatch(r"[-+]+", line)]
    return [[cell(part.strip()) for part in line.split("|")] for line in lines]


def cell(text):
    try:
        return Decimal(text).normalize() + 0
    except InvalidOperation:
        return text


def answers(statements, address):
    done = subprocess.run(["psql", "-X", "-q"], input=statements, env=os.environ | address, text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return sections(done.stdout)


def main():
    if not ORACLE.exists() or not EXPECTED.exists():
        print(f"skipped: {ORACLE} or {EXPECTED.name} is not there")
        return
    text = ORACLE.read_text(encoding="utf-8")
    definition, setting, statements = text.partition(FIRST_SETTING)
    expected = sections(EXPECTED.read_text(encoding="utf-8"))
    with Regulars(tables(definition)) as regulars:
        regulars.wait_for_index()
        found = answers(setting + statements, regulars.address())
        for title, answer in expected.items():
            add(title, lambda title=title, answer=answer: equal(cells(found.get(title, "no answer")), cells(answer)))
        run()


if __name__ == "__main__":
    main()
