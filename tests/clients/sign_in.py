"""Who comes in and who does not: passwords, roles, TLS, limits. Each part has a server of its own."""

import base64
import hashlib
import hmac
import pathlib
import signal
import socket
import ssl
import statistics
import struct
import subprocess
import tempfile
import time
import os

import psycopg

from checking import check, equal, run
from guarding import PASSWORD, GuardedServer, Server, until
from protocol import fields, message, packet, query, startup, text

SSL_REQUEST = packet(struct.pack("!i", 80877103))


def refusal(connect):
    """SQLSTATE and message with which signing in is refused."""
    try:
        connect().close()
    except psycopg.OperationalError as error:
        said = str(error)
        # libpq tells no SQLSTATE of a refused sign-in; the message says it all.
        return said[said.index("FATAL:") + 6:].strip() if "FATAL:" in said else said
    raise AssertionError("let in")


def sqlstate(connection, sql):
    try:
        connection.execute(sql)
    except psycopg.Error as error:
        return error.sqlstate
    return "none"


class Raw:
    """A connection of bytes to a server."""

    def __init__(self, server, context=None):
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=30)
        self.buffer = b""
        if context:
            self.send(SSL_REQUEST)
            equal(self.socket.recv(1), b"S")
            self.socket = context.wrap_socket(self.socket, server_hostname="localhost")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def read(self):
        """The next message as (type, body); None at the end."""
        while len(self.buffer) < 5 or len(self.buffer) <= struct.unpack_from("!i", self.buffer, 1)[0]:
            try:
                data = self.socket.recv(1 << 16)
            except (ConnectionResetError, ssl.SSLEOFError):
                data = b""
            if not data:
                return None
            self.buffer += data
        length = struct.unpack_from("!i", self.buffer, 1)[0]
        kind, body = self.buffer[:1], self.buffer[5 : length + 1]
        self.buffer = self.buffer[length + 1 :]
        return kind, body

    def rest(self):
        messages = []
        while (got := self.read()) is not None:
            messages.append(got)
        return messages

    def sign_in(self, user, password, flag="n", mechanism=b"SCRAM-SHA-256"):
        """Plays SCRAM to its last message; gives the server's answer to it, or its refusal before."""
        self.send(startup(user=user, database="regulars"))
        kind, body = self.read()
        equal((kind, body[:4]), (b"R", b"\0\0\0\x0a"))
        self.offered = body[4:].strip(b"\0").split(b"\0")
        bare = "n=,r=0123456789abcdef"
        first = f"{flag},,{bare}".encode()
        self.send(message(b"p", mechanism + b"\0" + struct.pack("!i", len(first)) + first))
        kind, body = self.read()
        if kind == b"E":
            return kind, body
        challenge = body[4:].decode()
        said = dict(part.split("=", 1) for part in challenge.split(","))
        salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(said["s"]), int(said["i"]))
        client_key = hmac.digest(salted, b"Client Key", "sha256")
        unproven = f"c={base64.b64encode(f'{flag},,'.encode()).decode()},r={said['r']}"
        signed = f"{bare},{challenge},{unproven}".encode()
        signature = hmac.digest(hashlib.sha256(client_key).digest(), signed, "sha256")
        proof = base64.b64encode(bytes(a ^ b for a, b in zip(client_key, signature))).decode()
        self.send(message(b"p", f"{unproven},p={proof}".encode()))
        return self.read()


@check
def init_sets_a_password_that_is_kept_nowhere():
    with tempfile.TemporaryDirectory(prefix="sign-in-") as folder:
        server = Server(password=None, folder=folder)
        server.folder = pathlib.Path(folder)
        server.file = server.folder / "regulars.toml"
        server.configure("")
        told = server.init(input=PASSWORD + "\n")
        assert "admin" in told and "Next:" in told and PASSWORD not in told, told
        assert "--replace-password" in server.init(input="other\n"), "a password is not replaced by mistake"
        equal((server.folder / "home").stat().st_mode & 0o777, 0o700)
        (server.folder / "pw").write_text("from a file\nsecond line\n")
        server.init("--replace-password", "--password-file", server.folder / "pw")
        with Server(password=None, folder=folder) as server:
            server.connect(password="from a file").close()
            equal(refusal(lambda: server.connect()), 'password authentication failed for user "admin"')
        told = server.init("--replace-password", "--generate-password")
        generated = told.split("Password:")[1].split()[0]
        assert len(generated) >= 20, told
        with Server(password=None, folder=folder) as server:
            server.connect(password=generated).close()
        for path in (server.folder / "home").iterdir():
            held = path.read_bytes()
            assert generated.encode() not in held and b"from a file" not in held, path


@check
def this_machine_comes_in_without_a_password_until_there_is_one():
    with tempfile.TemporaryDirectory(prefix="sign-in-") as folder:
        with Server(password=None, folder=folder) as server:
            with server.connect("whoever", password=None) as first:
                equal(first.execute("SELECT current_user, session_user").fetchone(), ("admin", "admin"))
                notices = []
                first.add_notice_handler(lambda notice: notices.append((notice.severity, notice.message_hint)))
                first.execute("CREATE ROLE bi LOGIN PASSWORD 'x'")
                equal(notices, [("WARNING", "ALTER ROLE admin PASSWORD '…' before this session ends.")])
            equal(refusal(lambda: server.connect("whoever", password="x")),
                  'password authentication failed for user "whoever"')
            server.connect("bi", "x").close()
        # The way back in.
        with Server('[sign_in]\nloopback = "trust"', password=None, folder=folder) as server:
            server.connect("admin", password=None).execute("ALTER ROLE admin PASSWORD 'y'").connection.close()
            equal(refusal(lambda: server.connect("whoever", password=None)), 'role "whoever" does not exist')
        with Server('[sign_in]\nloopback = "scram"', password=None, folder=folder) as server:
            equal(server.psql("SELECT current_user", "y"), (0, "admin"))


@check
def passwords_over_plain_loopback():
    with Server() as server:
        equal(server.psql("SELECT current_user"), (0, "admin"))
        with server.connect() as admin:
            admin.execute("CREATE ROLE kim LOGIN PASSWORD 'geheim'; CREATE ROLE mute PASSWORD 'geheim'")
            admin.execute("CREATE ROLE gone LOGIN PASSWORD 'geheim' VALID UNTIL '2020-01-01'")
            admin.execute("CREATE ROLE bare LOGIN")
            # Made by PostgreSQL 15 of the password "pencil".
            admin.execute("CREATE ROLE moved LOGIN PASSWORD 'SCRAM-SHA-256$4096:uaEa+kOfcP4fi7adydOFjw==$LvR6OIKdmUo2ZZuq8"
                          "eh0FTs0Td1NR+jbcJFsYrrm8Hw=:YDrOkayS/RBTajmT3XPW65ePxxGL80pNjmSnhcCNurM='")
            admin.execute("CREATE ROLE hashed LOGIN")
            verifier = admin.pgconn.encrypt_password(b"by the client", b"hashed", b"scram-sha-256").decode()
            admin.execute(psycopg.sql.SQL("ALTER ROLE hashed PASSWORD {}").format(verifier))
        for user, password in [("kim", "geheim"), ("moved", "pencil"), ("hashed", "by the client")]:
            with server.connect(user, password) as connection:
                equal(connection.execute("SELECT current_user, session_user, usename FROM pg_stat_activity "
                                         "WHERE pid = pg_backend_pid()").fetchone(), (user, user, user))
        wrong = 'password authentication failed for user "{}"'
        for user, password in [("kim", "Geheim"), ("nobody", "geheim"), ("gone", "geheim"), ("bare", "geheim"),
                               ("admin", "geheim"), ("reader", "geheim")]:
            equal(refusal(lambda: server.connect(user, password)), wrong.format(user))
            equal(server.psql("SELECT 1", password, user=user)[0], 2)
        equal(refusal(lambda: server.connect("mute", "geheim")), 'role "mute" is not permitted to log in')
        # Messages alike to the byte but for the name and what is random; the time is told, not judged.
        times = {"kim": [], "nope": []}
        for _ in range(30):
            for user in times:
                with Raw(server) as raw:
                    start = time.perf_counter()
                    kind, body = raw.sign_in(user, "wrong")
                    times[user].append(time.perf_counter() - start)
                    equal((kind, fields(body)["C"], raw.offered), (b"E", "28P01", [b"SCRAM-SHA-256"]))
        wrong_ms, unknown_ms = (statistics.median(taken) * 1000 for taken in times.values())
        return f"median of 30: wrong password {wrong_ms:.2f} ms, unknown user {unknown_ms:.2f} ms"


@check
def nothing_runs_after_a_refusal():
    with Server() as server:
        with Raw(server) as raw:
            kind, body = raw.sign_in("admin", "wrong")
            equal((kind, fields(body)["S"], fields(body)["C"]), (b"E", "FATAL", "28P01"))
            raw.send(query("CREATE VIEW intruder AS SELECT 1 AS x"))
            equal(raw.rest(), [])
        for before in [query("CREATE VIEW intruder AS SELECT 1 AS x"), message(b"p", text("secret"))]:
            with Raw(server) as raw:
                raw.send(startup(user="admin") + before + query("CREATE VIEW intruder AS SELECT 1 AS x"))
                answers = raw.rest()
                equal([kind for kind, _ in answers], [b"R", b"E"])
                equal(fields(answers[1][1])["C"], "08P01")
        with server.connect() as admin:
            equal(admin.execute("SELECT count(*) FROM pg_views WHERE viewname = 'intruder'").fetchone(), (0,))


@check
def a_password_is_shown_nowhere():
    with Server() as server:
        with server.connect() as admin, server.connect() as other:
            admin.execute("CREATE ROLE kim LOGIN PASSWORD 'streng geheim'")
            shown = other.execute("SELECT query FROM pg_stat_activity ORDER BY pid").fetchall()
            assert ("CREATE ROLE kim LOGIN PASSWORD '********'",) in shown, shown
            sqlstate(admin, "ALTER ROLE kim PASSWORD 'streng geheim' 'streng geheim'")
            sqlstate(admin, "ALTER ROLE kim PASSWORD 'streng geheim")
            verifier = admin.execute("SELECT rolpassword FROM pg_authid WHERE rolname = 'kim'").fetchone()[0]
            assert verifier.startswith("SCRAM-SHA-256$4096:"), verifier
        with server.connect("kim", "streng geheim") as kim:
            equal(sqlstate(kim, "SELECT rolpassword FROM pg_authid"), "42501")
            equal(kim.execute("SELECT rolpassword FROM pg_roles WHERE rolname = 'kim'").fetchone(), ("********",))
            with server.connect() as admin:
                admin.execute("SELECT 'private to admin'")
                seen = kim.execute("SELECT usename, query FROM pg_stat_activity WHERE usename = 'admin'").fetchall()
                equal(seen, [("admin", "<insufficient privilege>")])
        server.stop(signal.SIGTERM)
        held = b"".join(path.read_bytes() for path in server.folder.rglob("*") if path.is_file())
        assert b"streng" not in held, "the password is in a file"
        server.start()


@check
def roles_outlive_a_crash_with_their_oids():
    with Server() as server:
        ask = "SELECT oid, rolname, rolcanlogin FROM pg_roles ORDER BY oid"
        with server.connect() as admin:
            admin.execute("CREATE ROLE team; CREATE ROLE kim LOGIN IN ROLE team; ALTER ROLE kim PASSWORD 'x'")
            admin.execute("SET ROLE team; CREATE VIEW of_team AS SELECT 1 AS x; RESET ROLE")
            before = admin.execute(ask).fetchall()
        server.stop()
        server.start()
        with server.connect("kim", "x") as kim:
            equal(kim.execute(ask).fetchall(), before)
            equal(kim.execute("SELECT viewowner FROM pg_views WHERE viewname = 'of_team'").fetchone(), ("team",))
            kim.execute("SET ROLE team")
            equal(kim.execute("SELECT current_user, session_user").fetchone(), ("team", "kim"))
            kim.execute("DROP VIEW of_team")


@check
def a_reader_changes_nothing():
    with Server() as server:
        with server.connect() as admin:
            admin.execute("CREATE ROLE rita LOGIN IN ROLE reader PASSWORD 'x'; CREATE VIEW v AS SELECT 1 AS x")
        with server.connect("rita", "x") as rita:
            for sql in ["CREATE VIEW w AS SELECT 1 AS x", "CREATE OR REPLACE VIEW v AS SELECT 2 AS x", "DROP VIEW v",
                        "ALTER VIEW v RENAME TO w", "COMMENT ON VIEW v IS 'x'", "COMMENT ON TABLE members IS 'x'",
                        "CREATE SCHEMA s", "CREATE ROLE r", "ALTER ROLE rita PASSWORD 'y'", "DROP ROLE rita",
                        "GRANT reader TO rita", "BEGIN; CREATE VIEW w AS SELECT 1 AS x"]:
                equal(sqlstate(rita, sql), "42501", sql)
                rita.rollback()
            equal(rita.execute("SELECT x FROM v").fetchone(), (1,))


@check
def limits_of_roles_and_reserved_places():
    with Server("[limits]\nconnections = 5\nreserved_connections = 2") as server:
        with server.connect() as admin:
            admin.execute("CREATE ROLE app LOGIN PASSWORD 'x' CONNECTION LIMIT 1; CREATE ROLE kim LOGIN PASSWORD 'x'")
            with server.connect("app", "x"):
                equal(refusal(lambda: server.connect("app", "x")), 'too many connections for role "app"')
                with server.connect("kim", "x"):
                    reserved = "remaining connection slots are reserved for roles with the SUPERUSER attribute"
                    equal(refusal(lambda: server.connect("kim", "x")).split("\n")[0], reserved)
                    with server.connect(), server.connect():
                        equal(refusal(lambda: server.connect()).split("\n")[0], "sorry, too many clients already")
            server.connect("app", "x").close()


@check
def idle_clients_are_sent_away():
    with Server() as server:
        for settings, state in [("SET idle_session_timeout = '50ms'", "57P05"),
                                ("SET idle_in_transaction_session_timeout = '50ms'; BEGIN", "25P03")]:
            with Raw(server) as raw:
                equal(raw.sign_in("admin", saslprepped())[0], b"R")
                raw.send(query(settings))
                kind, body = raw.rest()[-1]
                equal((kind, fields(body)["S"], fields(body)["C"]), (b"E", "FATAL", state))


def saslprepped():
    """The password as SASLprep has it, written down by hand."""
    return PASSWORD.replace("\u2168", "IX")


@check
def a_thousand_connections_with_a_limit_of_two_hundred():
    with Server("[limits]\nconnections = 200\nreserved_connections = 0\nstarting_connections = 2000",
                password=None) as server:
        clients = [Raw(server) for _ in range(1000)]
        for client in clients:
            client.send(startup(user="ada", database="regulars"))
        served, told = [], 0
        for client in clients:
            while (got := client.read()) is not None:
                if got[0] == b"Z":
                    served.append(client)
                    break
                if got[0] == b"E":
                    equal(fields(got[1])["C"], "53300")
                    told += 1
                    break
        equal((len(served), told), (200, 800))
        for client in served:
            client.send(query("SELECT 1"))
        for client in served:
            kinds = []
            while not kinds or kinds[-1] != b"Z":
                kinds.append(client.read()[0])
            equal(kinds, [b"T", b"D", b"C", b"Z"])
        for client in clients:
            client.socket.close()


@check
def a_thousand_slow_connections_keep_no_good_sign_in_out():
    with Server("[limits]\nauthentication_timeout_ms = 600000") as server:
        slow = [Raw(server) for _ in range(1000)]
        for number, client in enumerate(slow):
            client.send([b"", startup(user="admin")[:9], startup(user="admin"), SSL_REQUEST[:5]][number % 4])
        started = time.monotonic()
        for _ in range(100):
            with server.connect() as connection:
                equal(connection.execute("SELECT current_user").fetchone(), ("admin",))
        taken = time.monotonic() - started
        for client in slow:
            client.socket.close()
        return f"100 good sign-ins in {taken:.1f} s"


class Guarded(GuardedServer):
    """One whose certificate is looked at."""

    def context(self):
        return ssl.create_default_context(cafile=str(self.authority.certificate))

    def shown_certificate(self):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with Raw(self, context) as raw:
            return raw.socket.getpeercert(binary_form=True)


@check
def signing_in_over_tls():
    with Guarded() as server:
        with server.connect(**server.verified(channel_binding="require")) as connection:
            assert connection.pgconn.ssl_in_use
            equal(connection.execute("SELECT current_user").fetchone(), ("admin",))
        equal(server.psql("SELECT current_user", **server.verified(channel_binding="require")), (0, "admin"))
        for version in ["TLSv1.2", "TLSv1.3"]:
            server.connect(**server.verified(ssl_min_protocol_version=version, ssl_max_protocol_version=version)).close()
        old = refusal(lambda: server.connect(**server.verified(ssl_min_protocol_version="TLSv1",
                                                               ssl_max_protocol_version="TLSv1.1")))
        assert "SSL error" in old or "unsupported" in old, old
        equal(refusal(lambda: server.connect(password="wrong", **server.verified())),
              'password authentication failed for user "admin"')
        if psycopg.pq.version() >= 170000:
            server.connect(**server.verified(sslnegotiation="direct")).close()
        told = refusal(lambda: server.connect(sslmode="disable")).split("\n")[0]
        equal(told, "connection without encryption is not allowed")
        strange = refusal(lambda: server.connect(host="127.0.0.1", sslmode="verify-full",
                                                 sslrootcert=str(server.folder / "home" / "lock")))
        assert "certificate" in strange, strange


@check
def a_client_that_was_lied_to_about_channel_binding_is_refused():
    with Guarded() as server:
        with Raw(server, server.context()) as raw:
            kind, body = raw.sign_in("admin", saslprepped(), flag="y")
            equal(raw.offered, [b"SCRAM-SHA-256-PLUS", b"SCRAM-SHA-256"])
            equal((kind, fields(body)["C"], fields(body)["M"]), (b"E", "28000", "SCRAM channel binding negotiation error"))
        with Raw(server, server.context()) as raw:
            equal(raw.sign_in("admin", saslprepped())[0], b"R", "a client that cannot bind")


@check
def bytes_before_the_handshake_are_refused():
    with Guarded() as server:
        for stuffed in [b"\0", startup(user="admin"), query("CREATE VIEW intruder AS SELECT 1 AS x")]:
            with Raw(server) as raw:
                raw.send(SSL_REQUEST + stuffed)
                (kind, body), = raw.rest()
                equal((kind, fields(body)["M"]), (b"E", "received unencrypted data after SSL request"))


@check
def certificates_are_read_again_and_bad_ones_are_not_taken():
    with Guarded() as server:
        first = server.shown_certificate()
        with server.connect(**server.verified()) as kept:
            server.authority.issue(server.certificate, server.key, is_expired=True)
            server.process.send_signal(signal.SIGHUP)
            until("the expired certificate is shown", lambda: server.shown_certificate() != first)
            told = refusal(lambda: server.connect(**server.verified()))
            assert "certificate verify failed" in told, told
            try:
                Raw(server, server.context())
            except ssl.SSLCertVerificationError as error:
                equal(error.verify_message, "certificate has expired")
            else:
                raise AssertionError("an expired certificate was taken")
            expired = server.shown_certificate()
            server.key.write_text("nonsense")
            server.process.send_signal(signal.SIGHUP)
            until("the log tells of it", lambda: "the old certificate stays in use" in server.log())
            equal(server.shown_certificate(), expired)
            # This time nobody tells the server.
            server.authority.issue(server.certificate, server.key)
            until("a good certificate is shown", lambda: server.shown_certificate() != expired)
            server.connect(**server.verified(channel_binding="require")).close()
            equal(kept.execute("SELECT 1").fetchone(), (1,))


@check
def off_loopback_the_server_starts_with_tls_and_a_password_alone():
    with tempfile.TemporaryDirectory(prefix="sign-in-") as folder:
        server = Server(password=None, folder=folder)
        server.folder = pathlib.Path(folder)
        server.file = server.folder / "regulars.toml"
        server.configure("")

        def refused():
            command = [os.environ["REGULARS"], "serve", "--config", str(server.file), "--listen", "0.0.0.0:0"]
            done = subprocess.run(command, capture_output=True, text=True, timeout=60)
            equal(done.returncode, 1)
            return done.stderr

        told = refused()
        assert "names no certificate" in told and "regulars init" in told, told
        told = server.init("--self-signed", "localhost", "--self-signed", "127.0.0.1", input="x\n")
        crt = server.folder / "home" / "server.crt"
        assert f'certificate = "{crt}"' in told or f"certificate = '{crt}'" in told, told
        tls = f'[tls]\ncertificate = "{crt}"\nkey = "{crt.with_suffix(".key")}"\n'
        fresh = f'home = "{folder}/fresh"\n{tls}[history]\npath = "{pathlib.Path.cwd()}/data/small"\n'
        server.file.write_text(fresh)
        told = refused()
        assert "superuser with a password" in told and "regulars init" in told, told
        server.configure(tls)
        server.start("0.0.0.0:0")
        try:
            keywords = {"host": "localhost", "sslmode": "verify-full", "sslrootcert": str(crt), "channel_binding": "require"}
            server.connect(password="x", **keywords).close()
            server.connect(password="x", **(keywords | {"host": "127.0.0.1"})).close()
        finally:
            server.stop()


run()
