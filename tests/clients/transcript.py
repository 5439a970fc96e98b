"""What two servers say to the same messages, written so that it can be compared: ours and PostgreSQL 15.

Left out is what no two servers have in common: process ids, secrets, where in a server's sources an error was raised.
"""

import contextlib
import struct

from protocol import Wire, fields, startup

FORMATS = {0: "text", 1: "binary"}


class Talk:
    """A connection that writes down what it is told."""

    def __init__(self, at, heard):
        self.at = at
        self.heard = heard
        self.wire = None

    def open(self, **parameters):
        """Signs in, which is not written down."""
        self.wire = Wire(at=self.at, **parameters)
        return self

    def connect(self):
        """Connects without a word."""
        self.wire = Wire(log_in=False, at=self.at)
        return self

    def knock(self, data):
        """Sends the first bytes of a connection and hears everything up to ReadyForQuery, or to its end."""
        self.connect().wire.send(data)
        self.hear(b"Z")

    def log_in(self, version=0x30000, **parameters):
        self.knock(startup(version, user="ada", database="regulars", **parameters))

    def ask(self, *data, answers=1):
        """Sends messages and hears what comes up to so many ReadyForQuery."""
        self.wire.send(b"".join(data))
        for _ in range(answers):
            self.hear(b"Z")

    def hear(self, *kinds):
        """Hears messages up to one of these types, or to the end of the connection."""
        messages = self.wire.until(*kinds)
        self.heard.extend(told(kind, body) for kind, body in messages)
        if not messages or messages[-1][0] not in kinds:
            self.heard.append("closed")

    def record(self, kind, body):
        self.heard.append(told(kind, body))

    def byte(self):
        """Hears the one byte that answers a request for encryption."""
        self.heard.append(self.wire.socket.recv(1).decode())


def transcript(at, play):
    """What a server says while `play` plays: it is given a function that makes connections."""
    heard = []
    with contextlib.ExitStack() as stack:

        def connection():
            talk = Talk(at, heard)
            stack.callback(lambda: talk.wire and talk.wire.socket.close())
            return talk

        play(connection)
    return settled(without_halves(heard))


def without_halves(heard):
    """Without what was sent of a statement before it failed, which clients throw away: when a server notices is its own
    affair (PostgreSQL computes constants while it plans, and all rows of a FETCH before it sends the first).
    """
    result = []
    for line in heard:
        if line.startswith("E "):
            while result and result[-1].startswith(PARTS):
                result.pop()
        result.append(line)
    return result


PARTS = ("T ", "D ", "H ", "d ")


def settled(heard):
    """Neighbouring ParameterStatus messages in one order, as none is promised."""
    result, statuses = [], []
    for line in [*heard, None]:
        if line is not None and line.startswith("S "):
            statuses.append(line)
            continue
        result += sorted(statuses)
        statuses = []
        if line is not None:
            result.append(line)
    return result


def told(kind, body):
    """A message in one line."""
    letter = kind.decode()
    if letter in "EN":
        said = fields(body)
        position = f" at {said['P']}" if "P" in said else ""
        return f"{letter} {said['V']} {said['C']}{position} {said['M']}"
    if letter == "S":
        name, value = (part.decode() for part in body.split(b"\0")[:2])
        return f"S {name}={'…' if name in DIFFERENT else value}"
    if letter == "T":
        return f"T {'; '.join(column(*parts) for parts in columns(body))}"
    if letter == "D":
        return f"D {raw_row(body)}"
    if letter == "K":
        return f"K of {len(body)} bytes"
    if letter == "A":
        channel, payload = (part.decode() for part in body[4:].split(b"\0")[:2])
        return f"A {channel} {payload}"
    if letter == "t":
        (count,) = struct.unpack_from("!H", body)
        return f"t {struct.unpack_from(f'!{count}I', body, 2)}"
    return f"{letter} {body!r}"


DIFFERENT = {"server_version"}
NUMERICS = {1700, 1231}


def columns(body):
    (count,) = struct.unpack_from("!H", body)
    at = 2
    for _ in range(count):
        end = body.index(b"\0", at)
        name = body[at:end].decode()
        at = end + 1
        yield name, struct.unpack_from("!IhIhih", body, at)
        at += 18


def column(name, rest):
    """The modifier of numeric is left out: ours tells precision and scale of what is computed, too."""
    _table, _number, oid, length, modifier, code = rest
    modifier = "" if oid in NUMERICS else modifier
    return f"{name} {oid}/{length}/{modifier} {FORMATS[code]}"


def raw_row(body):
    (count,) = struct.unpack_from("!H", body)
    at, values = 2, []
    for _ in range(count):
        (length,) = struct.unpack_from("!i", body, at)
        at += 4
        values.append(None if length < 0 else body[at : at + length])
        at += max(length, 0)
    return values
