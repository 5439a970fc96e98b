"""Writes the records of tests/slt/postgresql/describe.slt: the queries that psql 15 sends for its describe commands.

It plays the commands below to a PostgreSQL 15 with `psql -E`, takes the queries that psql shows, and puts the name of the
relation where psql put its OID, so that a query asks the same everywhere. Only the head of the suite (its objects) is
written by hand; `make_slt.py` writes the answers afterwards.

    python3 tests/oracle/make_describe.py && python3 tests/oracle/make_slt.py
"""

import os
import pathlib
import re
import subprocess

from make_slt import ROOT
from postgres import Server

SUITE = ROOT / "tests/slt/postgresql/describe.slt"
END = "# The queries of psql.\n"
COMMANDS = r"""
\d gold
\d crm.regulars_of_crm
\d kept
\d+ gold
\d+ crm.regulars_of_crm
\d nowhere
\dv crm.*
\dv nowhere.*
\dm public.*
\dm
\ds
\dE
\dt crm.*
\di crm.*
\dT nowhere
\dT+ nowhere
\df+ nowhere
\dv+ nowhere
\dm+ nowhere
\dn+ nowhere
\l+ nowhere
\du+ nowhere
\db+ nowhere
\dd nowhere
\dconfig nowhere
\dc+ nowhere
\dO+ nowhere
\dC+ nowhere
\dD+ nowhere
\dL+ nowhere
\dx+ nowhere
\dy+
\dS nowhere
\dfa nowhere
\dfw nowhere
\dvm crm.*
\dn crm
\dn nowhere
\dD
\df pg_get_viewdef
\df pg_table_is_visible
\df format_type
\do nowhere
\dC nowhere
\dO default
\dF nowhere
\dFd nowhere
\dFp nowhere
\dFt nowhere
\des
\deu
\dew
\det
\dx nowhere
\dy
\dL nowhere
\dAc nowhere
\dAf nowhere
\dAp nowhere
\drds nowhere
\dRp
\dRs
\dX
\dP
\dd gold
\ddp
\dl
\dp crm.*
\z nowhere
\du nowhere
\dg nowhere
\db nowhere
\dc nowhere
\dA nowhere
\l nowhere
"""


def main():
    head = SUITE.read_text().split(END)[0] + END
    set_up = ";\n".join(re.findall(r"^statement ok\n((?:.+\n)+)", head + "\n", re.M))
    with Server() as server:
        with server.connect("postgres") as session:
            session.execute((ROOT / "data/small/load.sql").read_text())
            session.execute(set_up)
            relations = {str(oid): name for oid, name in session.execute(
                "select c.oid, quote_ident(n.nspname) || '.' || quote_ident(c.relname) from pg_class c"
                " join pg_namespace n on n.oid = c.relnamespace")}
        records, seen = [], set()
        for command in COMMANDS.strip().split("\n"):
            for sql in asked(server, command):
                sql = re.sub(r"= '?(\d{3,})'?", lambda found: f"= '{relations[found[1]]}'::regclass", sql)
                sql = re.sub(r"\('(\d{3,})'\)", lambda found: f"('{relations[found[1]]}'::regclass)", sql)
                sql = re.sub(r"(pg_catalog\.pg_get_userbyid\(\w+\.\w+\))", r"\1 = current_user", sql)
                sql = re.sub(r"^SELECT c\.oid,", "SELECT c.oid::pg_catalog.regclass,", sql)
                if sql not in seen:
                    seen.add(sql)
                    records.append(f"# {command}\nquery T nosort\n{sql}\n----")
    SUITE.write_text(head + "\n" + "\n\n".join(records) + "\n")


def asked(server, command):
    """The queries that psql sends for `command`."""
    environment = {**os.environ, "PSQLRC": "/dev/null", "PAGER": "cat"}
    told = subprocess.run([server.bin / "psql", "-X", "-E", "-h", server.folder.name, "-p", "5432", "-U", "oracle",
                           "-d", "postgres", "-c", command], capture_output=True, text=True, env=environment).stdout
    found = re.findall(r"\*{9} QUERY \*{10}\n(.*?)\n\*{26}", told, re.S)
    return ["\n".join(line.rstrip() for line in sql.rstrip("; \n").split("\n") if line.strip()) for sql in found]


if __name__ == "__main__":
    main()
