"""The PostgreSQL protocol, version 3.0, as bytes over a socket: for what well-behaved clients never send."""

import os
import socket
import struct

from checking import PGHOST, PGPORT

TIMEOUT_S = int(os.environ.get("PROTOCOL_TIMEOUT_S", 60))


def message(kind, body=b""):
    """A message: its type (one byte), its length and its body."""
    return kind + struct.pack("!i", len(body) + 4) + body


def text(value):
    return value.encode() + b"\0"


def packet(body):
    """A packet of the start-up phase, which has no type."""
    return struct.pack("!i", len(body) + 4) + body


def startup(version=0x30000, **parameters):
    pairs = b"".join(text(name) + text(value) for name, value in parameters.items())
    return packet(struct.pack("!i", version) + pairs + b"\0")


def query(sql):
    return message(b"Q", text(sql))


def parse(sql, name="", types=()):
    return message(b"P", text(name) + text(sql) + struct.pack(f"!h{len(types)}I", len(types), *types))


def bind(portal="", statement="", formats=(), values=(), results=()):
    body = text(portal) + text(statement) + struct.pack(f"!H{len(formats)}h", len(formats), *formats)
    body += struct.pack("!H", len(values))
    for value in values:
        body += struct.pack("!i", -1) if value is None else struct.pack("!i", len(value)) + value
    return message(b"B", body + struct.pack(f"!H{len(results)}h", len(results), *results))


def describe(kind=b"P", name=""):
    return message(b"D", kind + text(name))


def execute(portal="", max_rows=0):
    return message(b"E", text(portal) + struct.pack("!i", max_rows))


def close(kind=b"P", name=""):
    return message(b"C", kind + text(name))


FLUSH = message(b"H")
SYNC = message(b"S")
TERMINATE = message(b"X")


class Wire:
    """A connection to our server, or to the one whose Unix socket is at a path. `key` is (pid, secret) once logged in."""

    def __init__(self, log_in=True, at=None, **parameters):
        if at is None:
            self.socket = socket.create_connection((PGHOST, PGPORT), timeout=TIMEOUT_S)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        else:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(TIMEOUT_S)
            self.socket.connect(at)
        self.buffer = bytearray()
        self.key = None
        if log_in:
            self.send(startup(user="ada", database="regulars", **parameters))
            for kind, body in self.until(b"Z"):
                assert kind != b"E", fields(body)
                if kind == b"K":
                    self.key = struct.unpack("!ii", body)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        """Sends what the server takes; one that has closed the connection takes no more."""
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def read(self):
        """The next message as (type, body); None when the server has closed the connection."""
        if not self._have(5):
            return None
        length = struct.unpack_from("!i", self.buffer, 1)[0]
        if not self._have(length + 1):
            return None
        kind, body = bytes(self.buffer[:1]), bytes(self.buffer[5 : length + 1])
        del self.buffer[: length + 1]
        return kind, body

    def until(self, *kinds):
        """Messages up to one of these types, that one included, or to the end of the connection."""
        messages = []
        while (got := self.read()) is not None:
            messages.append(got)
            if got[0] in kinds:
                break
        return messages

    def rows(self, sql):
        """The answer of a simple query, each row a list of strings or None."""
        self.send(query(sql))
        messages = self.until(b"Z")
        for kind, body in messages:
            assert kind != b"E", fields(body)
        assert messages and messages[-1][0] == b"Z", "connection closed"
        return [row(body) for kind, body in messages if kind == b"D"]

    def _have(self, count):
        while len(self.buffer) < count:
            try:
                data = self.socket.recv(1 << 16)
            except ConnectionResetError:
                data = b""
            if not data:
                return False
            self.buffer += data
        return True


def row(body):
    (count,) = struct.unpack_from("!H", body)
    at, values = 2, []
    for _ in range(count):
        (length,) = struct.unpack_from("!i", body, at)
        at += 4
        values.append(None if length < 0 else body[at : at + length].decode())
        at += max(length, 0)
    return values


def fields(body):
    """An error's fields by their letter: S severity, C SQLSTATE, M message, …"""
    return {part[:1].decode(): part[1:].decode() for part in body.split(b"\0") if part}
