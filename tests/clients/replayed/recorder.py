"""What a driver sends, read on its way to a PostgreSQL.

A relay from a port of its own to PostgreSQL's socket. Of the messages in between it understands as much as tells which
statement was run with which parameters. `SELECT 'mark: …'` begins what follows under a heading; it is kept only where
the driver has made a cursor of it.
"""

import dataclasses
import re
import socket
import struct
import threading

MARK = re.compile(rb"SELECT 'mark: ([^']*)'")


@dataclasses.dataclass(frozen=True)
class Sent:
    """A statement that was run. Without `extended` it came as a simple query, perhaps of several statements."""

    mark: str
    sql: bytes
    types: tuple = ()
    values: tuple = ()
    formats: tuple = ()
    extended: bool = False


class Recorder:
    def __init__(self, target):
        self.target = target
        self.sessions = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:  # closed
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(self.target)
            session = Session()
            self.sessions.append(session)
            threading.Thread(target=relay, args=(client, server, session.read), daemon=True).start()
            threading.Thread(target=relay, args=(server, client, lambda _: None), daemon=True).start()

    def close(self):
        self.listener.close()


def relay(source, target, read):
    try:
        while data := source.recv(65536):
            read(data)
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:  # the other end has gone
        pass


class Session:
    """One connection's statements, in the order in which they were run."""

    def __init__(self):
        self.sent, self.mark = [], "connect"
        self.rest, self.started = b"", False
        self.statements, self.portals = {}, {}

    def read(self, data):
        self.rest += data
        while True:
            head = 1 if self.started else 0
            if len(self.rest) < head + 4:
                return
            length = struct.unpack_from("!i", self.rest, head)[0] + head
            if len(self.rest) < length:
                return
            message, self.rest = self.rest[:length], self.rest[length:]
            if self.started:
                self.message(message[:1], message[5:])
            else:  # a request for encryption is answered N and followed by the startup message
                self.started = struct.unpack_from("!i", message, 4)[0] >> 16 == 3

    def message(self, kind, body):
        if kind == b"Q":
            self.keep(body.removesuffix(b"\0"))
        elif kind == b"P":
            name, sql, types = body.split(b"\0", 2)
            count = struct.unpack_from("!h", types)[0]
            self.statements[name] = (sql, struct.unpack_from(f"!{count}I", types, 2))
        elif kind == b"B":
            portal, name, rest = body.split(b"\0", 2)
            self.portals[portal] = (*self.statements[name], *parameters(rest))
        elif kind == b"E":
            portal = self.portals.pop(body.split(b"\0", 1)[0], None)
            if portal:  # otherwise more rows of what was run before
                self.keep(*portal, extended=True)

    def keep(self, sql, types=(), values=(), formats=(), extended=False):
        if found := MARK.search(sql):
            self.mark = found.group(1).decode()
        if not (found and found.start() == 0) and sql.strip():
            self.sent.append(Sent(self.mark, sql, types, values, formats, extended))


def parameters(rest):
    """Values and formats of a Bind message, from its counts on."""
    count = struct.unpack_from("!h", rest)[0]
    formats = struct.unpack_from(f"!{count}h", rest, 2)
    at = 2 + 2 * count
    count = struct.unpack_from("!h", rest, at)[0]
    at += 2
    values = []
    for _ in range(count):
        length = struct.unpack_from("!i", rest, at)[0]
        at += 4
        values.append(None if length < 0 else rest[at : at + length])
        at += max(length, 0)
    if len(formats) < 2:
        formats = (formats or (0,)) * count
    return tuple(values), tuple(formats)
