"""A PostgreSQL of our own to ask: in a temporary folder, reached by a socket of that folder, gone when the program ends.

Needs PostgreSQL's server programs and `pip install "psycopg[binary]"`.
"""

import os
import pathlib
import pwd
import re
import socket
import subprocess
import sys
import tempfile

import psycopg

DEBIAN = pathlib.Path("/usr/lib/postgresql")


class Server:
    """A PostgreSQL that lives as long as the `with` block: version 15, or with `any_version` another from 14 on. With
    `over_tcp` it also listens at `port` of this machine."""

    def __init__(self, any_version=False, over_tcp=False):
        self.any_version = any_version
        self.over_tcp = over_tcp
        self.port = free_port() if over_tcp else 5432

    def __enter__(self):
        self.bin = programs(self.any_version)
        self.folder = tempfile.TemporaryDirectory(prefix="oracle-")
        self.data = pathlib.Path(self.folder.name) / "data"
        self.user = {}
        if os.geteuid() == 0:  # the server refuses to run as root
            entry = next(pwd.getpwnam(name) for name in ("postgres", "nobody") if has_user(name))
            os.chown(self.folder.name, entry.pw_uid, entry.pw_gid)
            self.user = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        self.run("initdb", "-D", self.data, "-U", "oracle", "-A", "trust", "--locale=C", "--encoding=UTF8")
        addresses = "127.0.0.1" if self.over_tcp else ""
        options = f"-c port={self.port} -c listen_addresses='{addresses}' -c unix_socket_directories='{self.folder.name}' -c fsync=off"
        self.run("pg_ctl", "-D", self.data, "-w", "-l", f"{self.folder.name}/log", "-o", options, "start")
        return self

    def __exit__(self, *_):
        self.run("pg_ctl", "-D", self.data, "-w", "-m", "immediate", "stop")
        self.folder.cleanup()

    def run(self, program, *arguments):
        subprocess.run([self.bin / program, *arguments], check=True, stdout=subprocess.DEVNULL, cwd="/", **self.user)

    def connect(self, database):
        """A session at UTC. What a client test has in the environment for its own server does not count here."""
        return psycopg.connect(host=self.folder.name, port=self.port, user="oracle", dbname=database, autocommit=True,
                               options="-c timezone=UTC")


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def programs(any_version=False):
    """The folder of PostgreSQL's server programs, version 15 before others."""
    folders = [folder for folder in (*DEBIAN.glob("*/bin"), *configured()) if (folder / "initdb").exists()]
    found = {version(folder): folder for folder in folders}
    if 15 in found:
        return found[15]
    if any_version and max(found, default=0) >= 14:
        return found[max(found)]
    sys.exit("the server programs of PostgreSQL 15 were not found")


def configured():
    """What `pg_config` knows, where there is one."""
    try:
        return [pathlib.Path(subprocess.check_output(["pg_config", "--bindir"], text=True).strip())]
    except (OSError, subprocess.CalledProcessError):
        return []


def version(folder):
    told = subprocess.check_output([folder / "initdb", "--version"], text=True)
    return int(re.search(r"\) (\d+)", told).group(1))


def has_user(name):
    try:
        return bool(pwd.getpwnam(name))
    except KeyError:
        return False
