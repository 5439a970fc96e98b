"""dbt-postgres, unchanged: a project of eight segments and two audiences, with grants, comments and tests, is run twice,
tested and documented.

dbt is installed beside the other packages when it is not there; its project lies in `dbt/`.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import psycopg

from checking import PGHOST, PGPORT, check, equal, run

PROJECT = pathlib.Path(__file__).with_name("dbt")
PACKAGES = ["dbt-core==1.9.4", "dbt-postgres==1.9.0"]
PROFILE = """
regulars:
  target: test
  outputs:
    test: {{type: postgres, host: {host}, port: {port}, user: ada, password: unused, dbname: regulars, schema: dbt, threads: 4}}
"""

SEGMENTS = ["lunch_buyers", "lunch_regulars", "weekday_guests", "big_spenders", "lapsed", "never_bought",
            "gold_members", "per_country"]
AUDIENCES = ["lunch_list", "win_back"]
ROLES = ["dbt_marketing", "dbt_sales"]

folder = pathlib.Path(tempfile.mkdtemp(prefix="dbt-"))


def dbt(*arguments):
    """Runs dbt and gives the status of each node by its name."""
    program = pathlib.Path(sys.executable).with_name("dbt")
    if not program.exists():
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES],
                       check=True)
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment = inherited | {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DBT_PROFILES_DIR": str(folder)}
    done = subprocess.run([program, "--no-use-colors", *arguments, "--project-dir", folder / "project"],
                          env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
    if arguments[0] == "docs":
        return None
    results = json.loads((folder / "project/target/run_results.json").read_text(encoding="utf-8"))["results"]
    return {result["unique_id"].split(".")[2]: result["status"] for result in results}


def ask(question):
    with psycopg.connect(autocommit=True) as connection:
        return connection.execute(question).fetchall()


def ask_nothing(statement):
    with psycopg.connect(autocommit=True) as connection:
        connection.execute(statement)


def granted(model):
    """Whether each of ROLES may read a model."""
    return [ask(f"SELECT has_table_privilege('{role}', 'dbt.{model}', 'select')")[0][0] for role in ROLES]


@check
def it_runs_twice():
    shutil.copytree(PROJECT, folder / "project")
    (folder / "profiles.yml").write_text(PROFILE.format(host=PGHOST, port=PGPORT), encoding="utf-8")
    for role in ROLES:
        ask_nothing(f"CREATE ROLE {role}")
    expected = dict.fromkeys(SEGMENTS + AUDIENCES, "success")
    equal(dbt("run"), expected)
    equal(granted("lunch_regulars"), [True, True])
    equal(dbt("run"), expected)
    equal(ask("SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = 'dbt' ORDER BY 1"),
          [(name, "VIEW") for name in sorted(SEGMENTS)])
    equal(ask("SELECT matviewname FROM pg_matviews WHERE schemaname = 'dbt' ORDER BY 1"),
          [(name,) for name in sorted(AUDIENCES)])
    equal(ask("SELECT count(*) FROM dbt.lunch_list"), ask("SELECT count(*) FROM dbt.lunch_regulars"))


@check
def descriptions_are_comments():
    (relation, column), = ask("SELECT obj_description('dbt.lunch_list'::regclass), col_description('dbt.lunch_list'::regclass, 1)")
    equal((relation, column), ("The list that is sent", "each of them once"))
    (relation,), = ask("SELECT obj_description('dbt.lunch_buyers'::regclass)")
    equal(relation, 'Who bought something at lunch; it\'s "lunch" where the store is $$ 100% $$')


@check
def grants_are_what_the_project_says():
    # The post-hook of the project takes away what everybody has by default.
    equal([granted("lunch_buyers"), granted("lunch_regulars"), granted("big_spenders")],
          [[True, False], [True, True], [False, True]])
    equal([granted("lapsed"), granted("lunch_list")], [[False, False], [True, False]])
    equal(ask("SELECT grantee FROM information_schema.role_table_grants WHERE table_schema = 'dbt'"
              " AND table_name = 'lunch_regulars' AND grantee <> current_role ORDER BY 1"),
          [("dbt_marketing",), ("dbt_sales",)])
    with psycopg.connect() as connection:
        connection.execute("SET ROLE dbt_sales")
        rows, = connection.execute("SELECT count(*) FROM dbt.lunch_regulars").fetchone()
        equal([(rows,)], ask("SELECT count(*) FROM dbt.lunch_regulars"))
        try:
            connection.execute("SELECT count(*) FROM dbt.lunch_buyers")
        except psycopg.errors.InsufficientPrivilege as refusal:
            equal(refusal.diag.message_primary, "permission denied for view lunch_buyers")
        else:
            raise AssertionError("a role reads what it was not granted")


@check
def a_grant_is_taken_back():
    schema = folder / "project/models/schema.yml"
    schema.write_text(schema.read_text(encoding="utf-8").replace("[dbt_marketing, dbt_sales]", "[dbt_sales]"),
                      encoding="utf-8")
    # A view is made anew, and what reads it goes with the old one: `+` makes that anew too, as on PostgreSQL.
    equal(dbt("run", "--select", "lunch_regulars+"), dict.fromkeys(["lunch_regulars", "lunch_list"], "success"))
    equal(granted("lunch_regulars"), [False, True])


@check
def its_tests_pass():
    results = dbt("test")
    equal(set(results.values()), {"pass"})
    equal(len(results), 20)
    return f"{len(results)} tests"


@check
def documentation_is_generated():
    dbt("docs", "generate")
    catalog = json.loads((folder / "project/target/catalog.json").read_text(encoding="utf-8"))
    nodes = {name.split(".")[2]: node for name, node in catalog["nodes"].items()}
    equal(sorted(nodes), sorted(SEGMENTS + AUDIENCES))
    equal(catalog["errors"], None)
    spenders = nodes["big_spenders"]
    equal([spenders["metadata"][key] for key in ("type", "schema", "name", "comment", "owner")],
          ["VIEW", "dbt", "big_spenders", "Who spent more than 100 kronor in a year", "ada"])
    equal([(name, column["type"], column["index"], column["comment"]) for name, column in spenders["columns"].items()],
          [("member_id", "text", 1, None), ("spent", "numeric(28,2)", 2, "in kronor, refunds taken off")])
    equal([nodes[name]["metadata"]["type"] for name in AUDIENCES], ["MATERIALIZED VIEW", "MATERIALIZED VIEW"])


@check
def a_changed_model_and_a_full_refresh():
    model = folder / "project/models/lunch_regulars.sql"
    model.write_text(model.read_text(encoding="utf-8").replace(">= 2", ">= 3"), encoding="utf-8")
    equal(set(dbt("run").values()), {"success"})
    equal(set(dbt("run", "--full-refresh").values()), {"success"})
    equal(ask("SELECT count(*) FROM dbt.lunch_list"), ask("SELECT count(*) FROM dbt.lunch_regulars"))


try:
    run()
finally:
    shutil.rmtree(folder)
