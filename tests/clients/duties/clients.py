"""The clients, in the order of the grid: what each needs on the machine and how its program is started."""

import dataclasses
import os
import pathlib
import shutil
import subprocess
import sys

FOLDER = pathlib.Path(__file__).parent
WORK = FOLDER.parents[2] / "target/clients"


@dataclasses.dataclass(frozen=True)
class Client:
    name: str
    program: tuple  # the program and its arguments; a file of this folder is named by its suffix
    in_gate: bool = True
    debian: dict = dataclasses.field(default_factory=dict)  # path that shows it is there → package
    npm: bool = False
    cargo: bool = False  # a program of rust/
    pip: bool = False  # needs what stands in requirements.txt
    environment: dict = dataclasses.field(default_factory=dict)

    def command(self):
        return [sys.executable if self.program[0].endswith(".py") else self.program[0],
                *(self.program if self.program[0].endswith(".py") else self.program[1:])]

    def install(self):
        missing = [package for path, package in self.debian.items()
                   if not (shutil.which(path) or list(pathlib.Path("/").glob(path.lstrip("/"))))]
        if missing:
            sudo = [] if os.getuid() == 0 else ["sudo"]
            subprocess.run([*sudo, "apt-get", "update", "-qq"], check=True)
            subprocess.run([*sudo, "apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing], check=True,
                           stdout=subprocess.DEVNULL)
        if self.pip:
            subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r",
                            FOLDER / "requirements.txt"], check=True)
        if self.cargo:
            subprocess.run(["cargo", "build", "--locked", "--quiet"], cwd=FOLDER / "rust", check=True,
                           env=os.environ | {"CARGO_TARGET_DIR": str(WORK / "rust")})
        if self.npm:
            folder = WORK / "node"
            folder.mkdir(exist_ok=True)
            for name in ("package.json", "package-lock.json"):
                shutil.copy(FOLDER / "node" / name, folder / name)
            subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund"], cwd=folder, check=True)


CLIENTS = [
    Client("psql", ("psql_program.py",)),
    Client("psycopg 3", ("psycopg3_program.py",)),
    Client("psycopg2", ("psycopg2_program.py",)),
    Client("asyncpg", ("asyncpg_program.py",)),
    Client("SQLAlchemy", ("sqlalchemy_program.py",)),
    Client("JDBC", ("java", "-XX:TieredStopAtLevel=1", "-cp", "/usr/share/java/postgresql.jar", "Duties.java"),
           debian={"/usr/share/java/postgresql.jar": "libpostgresql-jdbc-java", "javac": "default-jdk-headless"}),
    Client("node pg", ("node", "node/pg.mjs"), debian={"node": "nodejs", "npm": "npm"}, npm=True),
    Client("node postgres", ("node", "node/postgres.mjs"), debian={"node": "nodejs", "npm": "npm"}, npm=True),
    Client("pandas", ("pandas_program.py",), pip=True),
    Client("polars", ("polars_program.py",), pip=True),
    Client("ADBC", ("adbc_program.py",), pip=True),
    Client("pgcli", ("pgcli_program.py",), pip=True, in_gate=False),
    Client("psqlODBC", ("odbc_program.py",), pip=True, in_gate=False,
           debian={"/usr/lib/*/odbc/psqlodbcw.so": "odbc-postgresql", "/usr/lib/*/libodbc.so.2": "libodbc2", "odbcinst": "odbcinst"}),
    Client("Go lib/pq", ("go", "run", "duties.go"), in_gate=False,
           debian={"go": "golang-go", "/usr/share/gocode/src/github.com/lib/pq": "golang-github-lib-pq-dev"},
           environment={"GOPATH": "/usr/share/gocode", "GO111MODULE": "off", "GOCACHE": str(WORK / "go"), "GOFLAGS": ""}),
    Client("Ruby pg", ("ruby", "duties.rb"), in_gate=False, debian={"ruby": "ruby", "/usr/lib/ruby/vendor_ruby/pg.rb": "ruby-pg"}),
    Client("R RPostgreSQL", ("Rscript", "--vanilla", "duties.R"), in_gate=False,
           debian={"Rscript": "r-base-core", "/usr/lib/R/site-library/RPostgreSQL": "r-cran-rpostgresql"}),
    Client("tokio-postgres", (str(WORK / "rust/debug/tokio_postgres"),), in_gate=False, cargo=True),
    Client("sqlx", (str(WORK / "rust/debug/sqlx"),), in_gate=False, cargo=True),
    Client("postgres_fdw", ("fdw_program.py",), in_gate=False,
           debian={"/usr/lib/postgresql/*/lib/postgres_fdw.so": "postgresql-15"}),
]
