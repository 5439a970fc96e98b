"""Values of every type, in text and in binary, there and back, to the byte what PostgreSQL 15 makes of them; what the
settings of output do to them; and COPY TO STDOUT with its options.

A check is a type, a set of settings or a set of options. `ALL=1` names every difference of a check, not the first ones.

Not among the values, as ours differs and says so: timestamps of the last years before the year 294276 (22008: ours count from
1970), dates written with the names of months (22007). Nor is what the time zone database's builds tell apart: offsets
before 1970.
"""

import itertools
import os

import psycopg

from psycopg.pq import DiagnosticField, ExecStatus

from checking import PGHOST, PGPORT, add, run
from postgres import Server

SHOWN_MAX = 1000 if "ALL" in os.environ else 5
NUMERIC, NUMERIC_ARRAY = 1700, 1231

# Type: its OID, that of its arrays, values that are one, texts that are none.
TYPES = {
    "bool": (16, 1000, ["true", "f", " yes ", "NO", "on", "0", "tr"], ["maybe", "", "o", "2", "truex"]),
    "int2": (21, 1005, ["0", "-32768", "32767", " 12 ", "+7", "-0"], ["32768", "-32769", "", "1.5", "x", "0x10", "1 2"]),
    "int4": (23, 1007, ["0", "-2147483648", "2147483647", "\t5\n"], ["2147483648", "-2147483649", "", "1e3", "--1"]),
    "int8": (20, 1016, ["0", "-9223372036854775808", "9223372036854775807"],
             ["9223372036854775808", "", "x", "99999999999999999999999"]),
    "oid": (26, 1028, ["0", "4294967295", "2147483648"], ["", "x"]),
    "float4": (700, 1021, ["0", "-0", "1.5", "0.1", "3.4028235e38", "1e-45", "NaN", "Infinity", "-inf", "16777217", "1e7",
                           "123456.789", "1e15", "1e16"], ["1e39", "1e-50", "", "x", "1,5", "nano"]),
    "float8": (701, 1022, ["0", "-0", "1.5", "0.1", "1.7976931348623157e308", "5e-324", "nan", "inf", "-Infinity", "1e15",
                           "1e16", "123456789012345680", "0.00001", "0.0001", "2.2250738585072014e-308", "100000",
                           "1e23", "9007199254740993", " 1.25 "], ["1e309", "1e-400", "", "x", "1 2", "--1"]),
    "numeric": (1700, 1231, ["0", "-0", "0.00", "1", "-1.50", "10000", "9999", "0.0001", "0.00010", "123456789.987654321",
                             "99999999999999999999999999999999999999", "1e10", "1e-10", "-12345.6700", " 7 ", ".5", "5.",
                             "10000000000000000000000000000000000000", "0.12345678901234567890123456789012345678"],
                ["", "x", "1.2.3", "1e", "0x1", "--1", "1 2"]),
    "text": (25, 1009, ["", "a", "ümlaut ☕ 🎉", "tab\there", "back\\slash", "'quote'", '"double"', "line\nbreak", "NULL",
                        "{a,b}", " x "], []),
    "bytea": (17, 1001, ["", "\\x", "\\x00ff10", "\\xDEADBEEF", "abc", "a\\\\b", "\\000\\377", "\\x 0a 0b", "'"],
              ["\\x0", "\\xzz", "\\4", "a\\", "\\400"]),
    "date": (1082, 1182, ["2026-11-20", "1999-12-31", "2000-01-01", "0001-01-01", "4713-11-24 BC", "5874897-12-31",
                          "infinity", "-infinity", "epoch", "20261120", "2026-02-28", "2024-02-29", "0044-03-15 BC"],
             ["2026-02-29", "2026-13-01", "", "x", "5874898-01-01", "2026-00-01", "4714-01-01 BC"]),
    "time": (1083, 1183, ["00:00", "23:59:59.999999", "24:00:00", "12:34:56.5", "1:02"],
             ["24:00:01", "25:00", "", "x", "12:60", "-1:00"]),
    "timestamp": (1114, 1115, ["2026-11-20 12:34:56.789", "2000-01-01", "0001-01-01 00:00", "4713-11-24 00:00 BC",
                               "290000-12-31 23:59:59.999999", "infinity", "-infinity", "epoch", "2026-11-20T01:02:03Z",
                               "1969-12-31 23:59:59.000001", "2026-11-20 24:00:00", "2026-11-20 23:59:60",
                               "2026-11-20 12:00:00.9999999"],
                  ["2026-02-29 00:00", "", "x", "294277-01-01", "2026-11-20 25:00", "2026-11-20 12:61"]),
    "timestamptz": (1184, 1185, ["2026-11-20 12:34:56.789+00", "2026-07-01 12:00+02", "2026-07-01 12:00", "2000-01-01",
                                 "infinity", "-infinity", "epoch", "2026-10-25 02:30", "2026-03-29 02:30",
                                 "2026-11-20 12:00 Europe/Stockholm", "2026-11-20T12:00:00-05:30", "2026-11-20 12:00 UTC",
                                 "1970-01-02 00:00:00+00"],
                    ["2026-02-29", "", "x", "2026-11-20 12:00 Mars/Olympus", "2026-11-20 12:00+99"]),
    "interval": (1186, 1187, ["0", "1 year 2 mons 3 days 04:05:06.789", "-1 mon +2 days -03:04:05", "1 day", "-1 day", "100 hours",
                              "1.5 days", "P1Y2M3DT4H5M6S", "1-2", "1 2:03", "@ 1 minute ago", "00:00:00.000001", "-00:00:01",
                              "178000000 years", "1 week 2 days", "2 decades", "1.5 months", "3 4:05:06.7"],
                 ["", "x", "1 parsec", "1 day x"]),
    "uuid": (2950, 2951, ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11}",
                          "a0eebc999c0b4ef8bb6d6bb9bd380a11", "00000000-0000-0000-0000-000000000000"],
             ["", "a0eebc99", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1g", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a111"]),
    "json": (114, 199, ['{"a": [1, 2.50, null, true], "b":"ü"}', "1", '"x"', "null", " [] ", '{"a":1,"a":2}'],
             ["", "{", "{a:1}", "[1,]", "nul", '{"a":1}x']),
    "jsonb": (3802, 3807, ['{"b": [1, 2.50, null, true], "a":"ü"}', "1", '"x"', "null", " [] ", '{"a":1,"a":2}', "1e2",
                           '"\\u00e5"'], ["", "{", "{a:1}", "[1,]", '{"a":1}x']),
}

ARRAYS = {
    "int4": ["{}", "{1,2,3}", "{NULL,1}", "{ 1 , NULL }", '{"1"}', "{-2147483648,2147483647}"],
    "int8": ["{}", "{9223372036854775807}"],
    "text": ["{}", "{a,b}", '{"a b","c,d","e\\"f","g\\\\h",NULL,"NULL",""}', "{ü}", '{"{}"}', '{" x ", y z }'],
    "bool": ["{t,f,NULL}"],
    "float8": ["{1.5,NaN,Infinity,-0}"],
    "numeric": ["{1.50,2.25}"],
    "date": ["{2026-11-20,NULL,infinity}"],
    "timestamptz": ["{\"2026-11-20 12:00+00\"}"],
    "interval": ['{"1 day","02:00:00"}'],
    "bytea": ['{"\\\\x00ff"}'],
    "uuid": ["{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11,NULL}"],
}
BAD_ARRAYS = ["", "{", "{1", "1,2", "{1,2}}", "{1,,2}", "{x}", "{1,}"]
ZONES = ["UTC", "Europe/Stockholm", "America/New_York", "Asia/Kolkata", "Pacific/Apia"]


class Client:
    """A session, spoken to through libpq."""

    def __init__(self, name, **where):
        self.name = name
        self.connection = psycopg.connect(user="ada", dbname="regulars", autocommit=True, **where)

    def answer(self, sql, value=None, oid=0, given=0, wanted=0):
        """The columns' types and bytes, or the SQLSTATE. `given` and `wanted` are formats: 0 text, 1 binary."""
        raw = self.connection.pgconn
        if oid:
            result = raw.exec_params(sql.encode(), [value], [oid], [given], wanted)
        else:
            result = raw.exec_params(sql.encode(), None, None, None, wanted)
        if result.status != ExecStatus.TUPLES_OK:
            return result.error_field(DiagnosticField.SQLSTATE).decode()
        return [
            (result.ftype(at), None if result.ftype(at) in (NUMERIC, NUMERIC_ARRAY) else result.fmod(at),
             result.fformat(at), result.get_value(row, at))
            for row, at in itertools.product(range(result.ntuples), range(result.nfields))
        ]

    def set(self, **settings):
        for name, value in settings.items():
            self.connection.execute(f"SET {name} = '{value}'")

    def copied(self, sql):
        try:
            with self.connection.cursor() as cursor, cursor.copy(sql) as copy:
                return b"".join(bytes(data) for data in copy)
        except psycopg.Error as error:
            return error.sqlstate


def differences(found):
    """Raises with the first of them."""
    found = list(found)
    shown = "\n         ".join(found[:SHOWN_MAX])
    assert not found, f"{len(found)} differences:\n         {shown}"


def compared(what, ours, theirs):
    """One difference, or none."""
    if ours != theirs:
        yield f"{what}: expected {theirs!r}, found {ours!r}"


def round_trips(ours, theirs, name, oid, values, cast):
    """All four combinations of formats; the bytes that go in are PostgreSQL's own."""
    for value in values:
        text = value.encode()
        known = theirs.answer(f"SELECT $1::{name}", text, oid, 0, 1)
        if isinstance(known, str):
            yield f"{value!r} is no {name} to PostgreSQL: {known}"
            continue
        for given, wanted in itertools.product((0, 1), (0, 1)):
            parameter = known[0][3] if given else text
            sql = f"SELECT $1::{name} AS v" if cast else "SELECT $1 AS v"
            answers = [client.answer(sql, parameter, oid, given, wanted) for client in (ours, theirs)]
            yield from compared(f"{value!r} as parameter in {'text binary'.split()[given]}, result in "
                                f"{'text binary'.split()[wanted]}", *answers)


def literals(ours, theirs, name, values):
    """As written in SQL, and as text again."""
    for value in values:
        written = "'" + value.replace("'", "''") + "'"
        for wanted in (0, 1):
            sql = f"SELECT {written}::{name} AS v, {written}::{name}::text AS t"
            yield from compared(f"{sql} in {'text binary'.split()[wanted]}",
                                *(client.answer(sql, wanted=wanted) for client in (ours, theirs)))


def refusals(ours, theirs, name, oid, values):
    for value in values:
        answers = [client.answer(f"SELECT $1::{name}", value.encode(), oid) for client in (ours, theirs)]
        yield from compared(f"{value!r} as parameter", *answers)
        written = value.replace("'", "''")
        answers = [client.answer(f"SELECT '{written}'::{name}") for client in (ours, theirs)]
        yield from compared(f"{value!r} as literal", *answers)


def nulls(ours, theirs, name, oid):
    for wanted in (0, 1):
        sql = f"SELECT NULL::{name} AS v"
        yield from compared(sql, *(client.answer(sql, wanted=wanted) for client in (ours, theirs)))
        yield from compared(f"NULL as {name}", *(
            client.answer(f"SELECT $1::{name} AS v", None, oid, 0, wanted) for client in (ours, theirs)))


def short_bytes(ours, theirs, oid, name):
    """Neither takes bytes that are none of the type; in which words is each one's own."""
    for data in (b"", b"\0\0\0", bytes(25)):
        refused = [isinstance(client.answer(f"SELECT $1::{name}", data, oid, 1), str) for client in (ours, theirs)]
        yield from compared(f"{data!r} in binary refused", *refused)


FIXED = {"bool", "int2", "int4", "int8", "oid", "float4", "float8", "date", "time", "timestamp", "timestamptz", "interval", "uuid",
         "numeric"}


def of_type(ours, theirs, name):
    oid, array_oid, good, bad = TYPES[name]

    def values():
        differences(itertools.chain(
            round_trips(ours, theirs, name, oid, good, cast=True),
            round_trips(ours, theirs, name, oid, good, cast=False),
            literals(ours, theirs, name, good),
            nulls(ours, theirs, name, oid),
        ))

    def errors():
        differences(itertools.chain(
            refusals(ours, theirs, name, oid, bad),
            short_bytes(ours, theirs, oid, name) if name in FIXED else (),
        ))

    def arrays():
        differences(itertools.chain(
            round_trips(ours, theirs, f"{name}[]", array_oid, ARRAYS[name], cast=True),
            literals(ours, theirs, f"{name}[]", ARRAYS[name]),
            nulls(ours, theirs, f"{name}[]", array_oid),
        ))

    add(f"values of {name}", values)
    add(f"what is no {name}", errors)
    if name in ARRAYS:
        add(f"arrays of {name}", arrays)


def in_zones(ours, theirs):
    for zone in ZONES:
        for client in (ours, theirs):
            client.set(TimeZone=zone)
        values = TYPES["timestamptz"][2]
        oid = TYPES["timestamptz"][0]
        for found in itertools.chain(round_trips(ours, theirs, "timestamptz", oid, values, cast=True),
                                     literals(ours, theirs, "timestamptz", values)):
            yield f"{zone}: {found}"
    for client in (ours, theirs):
        client.set(TimeZone="UTC")


def numeric_modifiers(ours, theirs):
    for modifier, value in itertools.product(("(5,2)", "(10)", "(38,10)", "(3,3)", "(38)"),
                                             ("1.005", "-1.005", "999.994", "999.995", "0.0004999", "12345678901", "0")):
        sql = f"SELECT '{value}'::numeric{modifier} AS a, {value}::numeric{modifier} AS b"
        for wanted in (0, 1):
            yield from compared(sql, *(client.answer(sql, wanted=wanted) for client in (ours, theirs)))


SHOWN = ", ".join(
    f"'{value}'::{name} AS {name}{at}, '{value}'::{name}::text AS t{name}{at}"
    for name in ("date", "time", "timestamp", "timestamptz")
    for at, value in enumerate(TYPES[name][2])
    if "BC" not in value
)
SPANS = ", ".join(f"'{value}'::interval AS i{at}, '{value}'::interval::text AS t{at}"
                  for at, value in enumerate(TYPES["interval"][2]))
FLOATS = ", ".join(
    f"'{value}'::{name} AS {name}{at}, '{value}'::{name}::text AS t{name}{at}"
    for name in ("float4", "float8")
    for at, value in enumerate(TYPES[name][2])
)
BYTES = ", ".join(f"'\\x{value}'::bytea AS b{at}, '\\x{value}'::bytea::text AS t{at}"
                  for at, value in enumerate(("", "00", "ff", "5c", "27", "41420a7f80", "e298 95".replace(" ", ""))))


def with_settings(ours, theirs, sql, **settings):
    for client in (ours, theirs):
        client.set(**settings)
    answers = [client.answer(f"SELECT {sql}") for client in (ours, theirs)]
    for client in (ours, theirs):
        for name in settings:
            client.connection.execute(f"RESET {name}")
    if isinstance(answers[0], str) or isinstance(answers[1], str) or len(answers[0]) != len(answers[1]):
        yield from compared(f"{settings}", *answers)
        return
    names = [part.rsplit(" AS ", 1)[0] for part in sql.split(", '")]
    for name, one, other in zip(names, *answers):
        yield from compared(f"{settings} {name}", one[3], other[3])


def settings(ours, theirs):
    for style, order, zone in itertools.product(("ISO", "SQL", "Postgres", "German"), ("MDY", "DMY", "YMD"), ZONES):
        yield with_settings(ours, theirs, SHOWN, DateStyle=f"{style}, {order}", TimeZone=zone)
    for style in ("postgres", "postgres_verbose", "sql_standard", "iso_8601"):
        yield with_settings(ours, theirs, SPANS, IntervalStyle=style)
    for digits in range(-15, 4):
        yield with_settings(ours, theirs, FLOATS, extra_float_digits=digits)
    for form in ("hex", "escape"):
        yield with_settings(ours, theirs, BYTES, bytea_output=form)


COPIED = r"""SELECT n::int AS n, CASE n WHEN 1 THEN 'plain' WHEN 2 THEN '' WHEN 3 THEN NULL WHEN 4 THEN E'a,b;c|d\te'
 WHEN 5 THEN E'say "hi"' WHEN 6 THEN E'two\nlines\r\n' WHEN 7 THEN E'back\\slash' WHEN 8 THEN E'\\.' WHEN 9 THEN ' x '
 WHEN 10 THEN 'NULL' WHEN 11 THEN E'\b\f\v\x01' ELSE 'ü☕' END AS "te,xt",
 CASE WHEN n % 2 = 0 THEN n / 4.0::float8 END AS f, n % 2 = 1 AS odd, DATE '2026-11-20' + n::int AS d,
 '2026-11-20 12:00+00'::timestamptz AS at, '\x00ff'::bytea AS raw, '1 day 02:00'::interval AS span
 FROM generate_series(1, 12) AS t(n) ORDER BY n"""
OPTIONS = [
    "", "(FORMAT text)", "(FORMAT binary)", "BINARY", "(FORMAT csv)", "CSV", "CSV HEADER", "(FORMAT csv, HEADER true)",
    "(FORMAT csv, HEADER off)", "(HEADER)", "(FORMAT text, HEADER on)", "(DELIMITER '|')", "(DELIMITER ',')", "DELIMITER ';'",
    "(NULL 'NULL')", "(NULL '')", "NULL AS '-'", "(FORMAT csv, NULL 'NULL')", "(FORMAT csv, NULL '-')", "(FORMAT csv, DELIMITER ';')",
    "(FORMAT csv, DELIMITER E'\\t')", "(FORMAT csv, QUOTE '''')", "(FORMAT csv, QUOTE '|', ESCAPE '\\')",
    "(FORMAT csv, ESCAPE '\\')", "(FORMAT csv, ESCAPE 'x')", "(FORMAT csv, FORCE_QUOTE *)", "(FORMAT csv, FORCE_QUOTE (n, d))",
    "CSV FORCE QUOTE odd", "(FORMAT csv, FORCE_QUOTE *, HEADER, DELIMITER '|', NULL 'x')", "CSV HEADER QUOTE '~' ESCAPE '~'",
    "(ENCODING 'UTF8')", "(FORMAT csv, ENCODING utf8)", "(DELIMITER E'\\t', NULL E'\\\\N')",
    # Refused, and how.
    "(FORMAT json)", "(DELIMITER '')", "(DELIMITER 'ab')", "(DELIMITER 'a')", "(DELIMITER E'\\n')", "(DELIMITER '.')",
    "(DELIMITER '\\')", "(NULL E'\\n')", "(DELIMITER '|', NULL 'a|b')", "(QUOTE '''')", "(ESCAPE '''')", "(FORCE_QUOTE *)",
    "(FORMAT csv, QUOTE 'ab')", "(FORMAT csv, ESCAPE 'ab')", "(FORMAT csv, DELIMITER '\"')", "(FORMAT csv, NULL '\"')",
    "(FORMAT csv, FORCE_QUOTE (nothing))", "(FORMAT csv, FORCE_QUOTE ())", "(FORMAT binary, HEADER)", "(FORMAT binary, DELIMITER ',')",
    "(FORMAT binary, NULL 'x')", "(FORMAT csv, HEADER maybe)", "(FORMAT csv, HEADER match)", "(FORMAT csv, FORMAT csv)",
    "(FORCE_NULL (n))", "(FORMAT csv, FORCE_NOT_NULL (n))", "(NOTHING)", "NOTHING", "(FORMAT)",
    "(FORMAT csv, HEADER 1)", "(FORMAT csv, HEADER 0)", "(FORMAT csv HEADER)",
]


def copies(ours, theirs):
    for options in OPTIONS:
        sql = f"COPY ({COPIED}) TO STDOUT {options}"
        yield f"COPY TO STDOUT {options}", lambda sql=sql, options=options: compared(
            options, *(client.copied(sql) for client in (ours, theirs)))
    for style in ({"DateStyle": "German"}, {"IntervalStyle": "iso_8601"}, {"bytea_output": "escape"}, {"TimeZone": "Asia/Tokyo"},
                  {"extra_float_digits": "-5"}):

        def styled(style=style):
            for client in (ours, theirs):
                client.set(**style)
            yield from compared(f"{style}", *(client.copied(f"COPY ({COPIED}) TO STDOUT") for client in (ours, theirs)))
            for client in (ours, theirs):
                client.connection.execute("RESET ALL; SET TimeZone = 'UTC'")

        yield f"COPY TO STDOUT with {style}", styled


def main():
    with Server() as server:
        with server.connect("postgres") as connection:
            connection.execute("CREATE ROLE ada SUPERUSER LOGIN")
            connection.execute("CREATE DATABASE regulars OWNER ada")
            connection.execute("ALTER DATABASE regulars SET timezone = 'UTC'")
        ours, theirs = Client("ours", host=PGHOST, port=PGPORT), Client("theirs", host=server.folder.name, port=5432)
        for name in TYPES:
            of_type(ours, theirs, name)
        add("timestamptz in zones", lambda: differences(in_zones(ours, theirs)))
        add("numeric with a modifier", lambda: differences(numeric_modifiers(ours, theirs)))
        add("settings of output", lambda: differences(itertools.chain.from_iterable(settings(ours, theirs))))
        for name, play in copies(ours, theirs):
            add(name, lambda play=play: differences(play()))
        run()


main()
