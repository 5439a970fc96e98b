"""psql's backslash commands over Regulars, compared with what psql says about equal objects in PostgreSQL.

    describe.py                     compare with describe.expected
    describe.py --write DATABASE    write describe.expected: DATABASE is an empty one of PostgreSQL 15, made with
                                    `CREATE DATABASE regulars TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'`
                                    by its superuser ada; PGHOST and PGPORT say where

The commands are in describe.sql, a heading before each; each heading is a check.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

from checking import add, equal, run

FOLDER = Path(__file__).parent
EXPECTED = FOLDER / "describe.expected"
WRITTEN_BY = "15"


def psql(*arguments):
    """Standard output and errors together, as a person sees them."""
    environment = os.environ | {"PGOPTIONS": "-c TimeZone=Europe/Stockholm", "PGUSER": "ada", "PSQLRC": "/dev/null"}
    done = subprocess.run(["psql", "-X", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          env=environment, check=False)
    return re.sub(r"^psql:.*?:\d+: ", "", done.stdout, flags=re.MULTILINE)


def sections(text):
    """Output by heading."""
    parts = re.split(r"^== (.*)\n", text, flags=re.MULTILINE)
    return dict(zip(["definitions", *parts[1::2]], [parts[0], *parts[2::2]], strict=True))


def lines(text):
    """Without the spaces around: PostgreSQL indents the first line of a definition, we give it as it was written."""
    return [line.strip() for line in text.splitlines()]


def compare(heading, expected, found):
    for number, (right, ours) in enumerate(zip(lines(expected), lines(found), strict=False), 1):
        equal(ours, right, f"{heading}, line {number}")
    equal(len(lines(found)), len(lines(expected)), f"{heading}: lines")


if sys.argv[1:2] == ["--write"]:
    print(psql("-q", "-v", "ON_ERROR_STOP=1", "-d", sys.argv[2], "-f", str(FOLDER / "postgres.sql")), end="")
    EXPECTED.write_text(psql("-d", sys.argv[2], "-f", str(FOLDER / "describe.sql")), encoding="utf-8")
    sys.exit()

VERSION = subprocess.run(["psql", "--version"], capture_output=True, text=True, check=True).stdout
MAJOR = re.search(r"\) (\d+)", VERSION).group(1)
FOUND = sections(psql("-f", str(FOLDER / "describe.sql")))
for heading, right in sections(EXPECTED.read_text(encoding="utf-8")).items():
    # Another psql lays out other columns; that all of it is answered can be told all the same.
    if MAJOR == WRITTEN_BY:
        add(heading, lambda heading=heading, right=right: compare(heading, right, FOUND[heading]))
    else:
        add(heading, lambda heading=heading, right=right: equal("ERROR:" in FOUND[heading], "ERROR:" in right))
run()
