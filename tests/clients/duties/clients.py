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
    Client("pandas", ("pandas_program.py",)),
    Client("polars", ("polars_program.py",)),
    Client("ADBC", ("adbc_program.py",)),
]
