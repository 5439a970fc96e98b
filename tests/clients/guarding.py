"""Servers of a test's own with passwords and certificates, and a certificate authority that lasts as long as the test."""

import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time

import psycopg

ROOT = pathlib.Path(__file__).parents[2]
START_TIMEOUT_S = 60
CHANGE_TIMEOUT_S = 30
PASSWORD = "Grüße, \u2168 aus Göteborg"


class Server:
    """A server over the small history that lives as long as the `with` block; `config` is added to its configuration.
    With `password` the superuser has one from the start."""

    def __init__(self, config="", password=PASSWORD, folder=None):
        self.config, self.password, self.given = config, password, folder

    def __enter__(self):
        self.own = None if self.given else tempfile.TemporaryDirectory(prefix="sign-in-")
        self.folder = pathlib.Path(self.given or self.own.name)
        self.file = self.folder / "regulars.toml"
        self.configure(self.config)
        if self.password:
            self.init(input=self.password + "\n")
        self.start()
        return self

    def __exit__(self, kind, *_):
        ended, said = self.process.poll(), self.log()
        self.stop()
        if self.own:
            self.own.cleanup()
        if kind is None:
            assert ended is None, f"the server ended with status {ended}: {said[-1000:]}"
            assert "panicked" not in said, f"the server panicked: {said[-1000:]}"

    def configure(self, config):
        text = f'home = "{self.folder}/home"\n{config}\n[history]\npath = "{ROOT}/data/small"\n'
        self.file.write_text(text, encoding="utf-8")

    def init(self, *arguments, **how):
        """What `regulars init` prints; it must succeed."""
        return subprocess.run([os.environ["REGULARS"], "init", "--config", self.file, *arguments], check=True, text=True,
                              capture_output=True, **how).stdout

    def start(self, listen="127.0.0.1:0"):
        command = [os.environ["REGULARS"], "serve", "--config", str(self.file), "--listen", listen]
        environment = os.environ | {"RUST_LOG": "warn,regulars=debug"}
        with (self.folder / "out").open("wb") as output, (self.folder / "err").open("ab") as errors:
            self.process = subprocess.Popen(command, stdout=output, stderr=errors, env=environment)
        self.port = self.wait_for_port()

    def wait_for_port(self):
        give_up_at = time.monotonic() + START_TIMEOUT_S
        while not (told := re.search(r"^Serving on [^ ]*:(\d+)\.", (self.folder / "out").read_text(), re.M)):
            if self.process.poll() is not None or time.monotonic() > give_up_at:
                raise AssertionError(f"the server did not start: {self.log()[-1000:]}")
            time.sleep(0.02)
        return int(told.group(1))

    def stop(self, how=signal.SIGKILL):
        if self.process.poll() is None:
            self.process.send_signal(how)
        self.process.wait()

    def log(self):
        return (self.folder / "err").read_text(encoding="utf-8", errors="replace")

    def connect(self, user="admin", password=PASSWORD, **more):
        keywords = {"host": "127.0.0.1", "port": self.port, "user": user, "dbname": "regulars", "autocommit": True,
                    "sslmode": "disable", "connect_timeout": 30} | more
        return psycopg.connect(password=password, **keywords)

    def psql(self, sql, password=PASSWORD, **keywords):
        """What psql prints of a statement, and its status."""
        said = {"host": "127.0.0.1", "port": self.port, "user": "admin", "dbname": "regulars"} | keywords
        target = " ".join(f"{name}={value}" for name, value in said.items())
        done = subprocess.run(["psql", "-XAtw", target, "-c", sql], env=os.environ | {"PGPASSWORD": password}, text=True,
                              capture_output=True)
        return done.returncode, (done.stdout + done.stderr).strip()


class Authority:
    """Makes certificates by the program `openssl`."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.certificate = self.folder / "ca.crt"
        (self.folder / "index.txt").touch()
        (self.folder / "ca.cnf").write_text(f"""[ca]
default_ca = only
[only]
database = {self.folder}/index.txt
new_certs_dir = {self.folder}
default_md = sha384
policy = any
rand_serial = yes
unique_subject = no
copy_extensions = copy
[any]
commonName = supplied
[req]
distinguished_name = name
[name]
""")
        self.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.crt", "-days", "30",
                     "-subj", "/CN=a test's authority", "-addext", "basicConstraints=critical,CA:TRUE")

    def openssl(self, *arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, cwd=self.folder,
                       env=os.environ | {"OPENSSL_CONF": str(self.folder / "ca.cnf")})

    def issue(self, certificate, key, is_expired=False):
        """Writes a certificate for localhost and 127.0.0.1 and its key to these paths."""
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "new.key", "-out",
                     "new.csr", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")
        dates = ("20200101000000Z", "20200201000000Z") if is_expired else ("20200101000000Z", "20491231000000Z")
        self.openssl("ca", "-batch", "-notext", "-config", "ca.cnf", "-cert", "ca.crt", "-keyfile", "ca.key", "-in",
                     "new.csr", "-out", "new.crt", "-startdate", dates[0], "-enddate", dates[1])
        (self.folder / "new.key").chmod(0o600)
        (self.folder / "new.key").replace(key)
        (self.folder / "new.crt").replace(certificate)


def until(what, condition):
    """Waits until a condition holds, which the server brings about by itself."""
    give_up_at = time.monotonic() + CHANGE_TIMEOUT_S
    while not condition():
        assert time.monotonic() < give_up_at, f"not within {CHANGE_TIMEOUT_S} s: {what}"
        time.sleep(0.05)


class GuardedServer(Server):
    """A server with a certificate of a test's authority, which wants TLS from this machine too."""

    def __enter__(self):
        self.authority_folder = tempfile.TemporaryDirectory(prefix="sign-in-ca-")
        self.authority = Authority(self.authority_folder.name)
        self.certificate = self.authority.folder / "server.crt"
        self.key = self.authority.folder / "server.key"
        self.authority.issue(self.certificate, self.key)
        self.config = (f'[tls]\ncertificate = "{self.certificate}"\nkey = "{self.key}"\nrequired_on_loopback = true\n'
                       + self.config)
        return super().__enter__()

    def __exit__(self, *error):
        super().__exit__(*error)
        self.authority_folder.cleanup()

    def verified(self, **more):
        return {"host": "localhost", "sslmode": "verify-full", "sslrootcert": str(self.authority.certificate)} | more
