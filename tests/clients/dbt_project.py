"""dbt-postgres, unchanged: a small project of views and a materialized view is run twice and tested.

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
    results = json.loads((folder / "project/target/run_results.json").read_text(encoding="utf-8"))["results"]
    return {result["unique_id"].split(".")[2]: result["status"] for result in results}


def ask(question):
    with psycopg.connect(autocommit=True) as connection:
        return connection.execute(question).fetchall()


@check
def it_runs_twice():
    shutil.copytree(PROJECT, folder / "project")
    (folder / "profiles.yml").write_text(PROFILE.format(host=PGHOST, port=PGPORT), encoding="utf-8")
    expected = dict.fromkeys(["lunch_buyers", "lunch_regulars", "lunch_list"], "success")
    equal(dbt("run"), expected)
    equal(dbt("run"), expected)
    equal(ask("SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = 'dbt' ORDER BY 1"),
          [("lunch_buyers", "VIEW"), ("lunch_regulars", "VIEW")])
    equal(ask("SELECT matviewname FROM pg_matviews WHERE schemaname = 'dbt'"), [("lunch_list",)])
    equal(ask("SELECT count(*) FROM dbt.lunch_list"), ask("SELECT count(*) FROM dbt.lunch_regulars"))


@check
def descriptions_are_comments():
    (relation, column), = ask("SELECT obj_description('dbt.lunch_list'::regclass), col_description('dbt.lunch_list'::regclass, 1)")
    equal((relation, column), ("The list that is sent", "each of them once"))
    (relation,), = ask("SELECT obj_description('dbt.lunch_buyers'::regclass)")
    equal(relation, 'Who bought something at lunch; it\'s "lunch" where the store is $$ 100% $$')


@check
def its_tests_pass():
    results = dbt("test")
    equal(set(results.values()), {"pass"})
    equal(len(results), 6)
    return f"{len(results)} tests"


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
