"""Makes the small purchase history of the project's own tests: one row for each edge that an answer can fall off.

Writes, beside itself, the Parquet files of the contract and `load.sql`, which gives PostgreSQL the same rows and the
same derived columns, so that one text of SQL can be asked of both. Run it again after changing a row:

    pip install pyarrow
    python3 data/small/make.py

Identifiers are text (the demo's are bigint). A member is named after what befell it. Local times are those of the
store; an instant that no local time names for certain is written with `Z`. Answers are meant as of 2026-11-20.
"""

import datetime as dt
import pathlib
import zoneinfo
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq

HERE = pathlib.Path(__file__).parent
MONEY = pa.decimal128(18, 2)
INSTANT = pa.timestamp("us", tz="UTC")

# store_id, name, time_zone, day_starts_at (none: 04:00), currency
STORES = [
    ("sthlm", "Stockholm", "Europe/Stockholm", "04:00", "SEK"),
    ("bar", "Stockholm Bar", "Europe/Stockholm", "06:00", "SEK"),
    ("taipei", "Taipei", "Asia/Taipei", "05:00", "TWD"),
    ("newyork", "New York", "America/New_York", None, "USD"),
    ("kathmandu", "Kathmandu", "Asia/Kathmandu", "00:00", "NPR"),
]
ZONES = {store_id: zoneinfo.ZoneInfo(zone) for store_id, _, zone, _, _ in STORES}
CURRENCIES = {store[0]: store[4] for store in STORES}

# product_id, sku, name, category
PRODUCTS = [
    ("p1", "COF-HOT", "Bryggkaffe", "coffee"),
    ("p2", "COF-GO", "Bryggkaffe", "coffee"),  # the same name once more
    ("p3", "BUR-1", "Original", "burger"),
    ("p4", "BAK-1", "Bun", "bakery"),
    ("p5", "Bun", "Bun Deluxe", "bakery"),  # a SKU that is another product's name
    ("p6", "BEE-1", "Lager", "drinks"),
    ("p7", None, None, None),  # on sale before anyone described it
    ("p8", "MUG-1", "Mug", "merch"),  # never sold
]

# member_id, joined_on, verified_at, birthday, email, phone, line_user_id, points, level, business, home, country, locale, erased_at
MEMBERS = [
    ("lunch", "2025-01-10", "2025-01-10T09:00Z", "1992-02-29", "lunch@example.com", "+46701740605", None, 320, "gold", None, "sthlm", "SE", "sv-SE", None),
    ("split", "2025-05-01", "2025-05-02T10:00Z", "1990-12-30", "split@example.com", None, None, 140, "silver", "office", "sthlm", None, "sv-SE", None),
    ("night", "2026-11-01", None, "1985-01-03", None, "+46701740606", None, 0, None, None, "bar", "SE", "en-GB", None),
    ("returned", "2026-06-01", "2026-06-01T12:00Z", None, "returned@example.org", None, None, 3, "bronze", None, "sthlm", "NO", "nb-NO", None),
    ("partly", "2024-01-01", "2024-02-29T23:30Z", "2000-02-29", None, None, None, 9, "bronze", "office", "sthlm", "SE", None, None),
    ("loose", "2024-06-15", None, "1979-11-20", "", "+46701740607", None, 0, None, None, None, "DK", "da-DK", None),
    ("never", "2024-01-01", "2024-01-05T08:00Z", "1988-06-15", "never@example.com", None, None, 0, "bronze", "yard", "newyork", "US", "en-US", None),
    ("late", "2026-03-03", "2026-03-03T03:03Z", "1999-12-31", None, None, "U0123456789abcdef0123456789abcdef", 60, "bronze", None, "taipei", "TW", "zh-TW", None),
    ("clock", "2025-03-30", None, "1970-03-29", None, None, None, 0, None, None, "sthlm", "SE", "sv-SE", None),
    ("header", "2023-09-09", "2023-09-09T20:15Z", "2001-01-01", "header@example.com", None, None, 12, "bronze", None, "sthlm", None, None, None),
    ("free", "2026-09-10", "2026-09-10T06:00Z", None, "free@example.org", None, None, 0, "bronze", None, "sthlm", "FI", "fi-FI", None),
    ("voided", "2026-09-01", None, "1995-05-05", None, None, None, 0, None, None, "sthlm", "SE", "sv-SE", None),
    ("abroad", "2025-08-08", "2025-08-08T17:45Z", "1982-11-26", "abroad@example.com", "+12125550100", None, 410, "gold", None, "newyork", "US", "es-US", None),
    ("valley", "2026-01-15", None, "1993-11-21", None, None, None, 0, None, None, "kathmandu", "NP", "ne-NP", None),
    ("regular", "2025-11-01", "2025-11-01T07:30Z", "1968-11-27", "regular@example.com", "+46701740608", None, 1200, "platinum", "yard", "sthlm", "SE", "sv-SE", None),
    ("lapsed", "2025-01-01", "2025-01-01T00:00Z", "1991-11-19", "lapsed@example.com", None, None, 25, "silver", None, "sthlm", "SE", "sv-SE", None),
    ("edge60", "2026-02-02", None, None, None, None, None, 0, None, None, "sthlm", "SE", "sv-SE", None),
    ("edge59", "2026-02-02", None, None, None, None, None, 0, None, None, "sthlm", "SE", "sv-SE", None),
    ("gone", "2025-02-02", None, None, None, None, None, 0, None, None, None, None, None, "2026-10-01T10:00Z"),
]

LOYALTY_LEVELS = [("bronze", 1, 0, "0.00"), ("silver", 2, 100, "1000.00"), ("gold", 3, 300, "3000.00"), ("platinum", 4, 1000, "10000.00")]

# Not in order of rank or time; `split` went down again, `never` will rise after the as-of day.
MEMBER_LEVELS = [
    ("lunch", "gold", "2026-05-01T10:00Z"),
    ("lunch", "bronze", "2025-01-10T09:00Z"),
    ("lunch", "silver", "2025-09-01T10:00Z"),
    ("split", "gold", "2025-12-24T18:00Z"),
    ("split", "silver", "2026-06-30T22:30Z"),
    ("abroad", "gold", "2026-01-01T04:30Z"),
    ("never", "bronze", "2024-01-05T08:00Z"),
    ("never", "silver", "2026-12-01T08:00Z"),
]

# The newest row of a channel holds.
CONSENTS = [
    ("lunch", "email", "granted", "2025-01-10T09:00Z"),
    ("lunch", "sms", "withdrawn", "2026-02-01T09:00Z"),
    ("lunch", "sms", "granted", "2025-01-10T09:00Z"),
    ("split", "email", "withdrawn", "2025-05-02T10:00Z"),
    ("split", "email", "granted", "2026-05-02T10:00Z"),
    ("late", "line", "granted", "2026-03-03T03:03Z"),
    ("regular", "email", "granted", "2025-11-01T07:30Z"),
]

BUSINESS_CUSTOMERS = [("office", "Exempelkontoret AB"), ("yard", "Example Yard Inc."), ("idle", "Example Idle Ltd")]


class Receipts:
    """Gathers receipts and their lines."""

    def __init__(self):
        self.purchases, self.lines = [], []

    def add(self, purchase_id, member_id, store_id, at, channel, lines, status="completed", refund_of=None, amount=None):
        """`lines`: (product_id, quantity, amount, discount). Without `amount` the receipt's is the sum of its lines."""
        total = amount if amount is not None else sum((Decimal(line[2]) for line in lines), Decimal(0))
        self.purchases.append((purchase_id, member_id, store_id, instant(at, store_id), channel, status, Decimal(total), CURRENCIES[store_id], refund_of))
        for line_no, (product_id, quantity, line_amount, *discount) in enumerate(lines, 1):
            self.lines.append((purchase_id, line_no, product_id, quantity, Decimal(line_amount), Decimal(discount[0]) if discount else None))


def receipts():
    r = Receipts()
    add = r.add
    # Coffee at lunch, Monday to Thursday; 14:00:00 is no longer lunch, 13:59:59 is.
    add("lunch-mon", "lunch", "sthlm", "2026-09-07 12:30:00", "app", [("p1", 1, "30.00")])
    add("lunch-two", "lunch", "sthlm", "2026-09-08 14:00:00", "app", [("p1", 1, "30.00")])
    add("lunch-last", "lunch", "sthlm", "2026-09-10 13:59:59", "tpos", [("p2", 2, "50.00", "10.00")])
    add("lunch-eleven", "lunch", "sthlm", "2026-09-11 11:00:00", "tpos", [("p2", 1, "30.00")])
    add("lunch-before", "lunch", "sthlm", "2026-09-15 10:59:59", "tpos", [("p4", 1, "25.00")])
    # Coffee on a Saturday and a bun on a Monday: each condition holds, but never on one receipt.
    add("split-sat", "split", "sthlm", "2026-09-05 12:30:00", "epos", [("p2", 1, "30.00")])
    add("split-mon", "split", "sthlm", "2026-09-07 12:30:00", "epos", [("p4", 1, "25.00")])
    # After midnight: still Friday's business at the bar, and at a store that starts at four.
    add("night-bar", "night", "bar", "2026-11-14 01:00:00", "mpos", [("p6", 2, "138.00")])
    add("night-late", "night", "bar", "2026-11-14 05:59:59", "mpos", [("p6", 1, "69.00")])
    add("night-six", "night", "bar", "2026-11-14 06:00:00", "mpos", [("p1", 1, "30.00")])
    add("night-ten", "night", "bar", "2026-11-13 22:00:00", "mpos", [("p6", 1, "69.00")])
    add("night-four", "night", "sthlm", "2026-11-15 03:59:59", "mpos", [("p3", 1, "89.00")])
    # All of it came back a month later; one of two came back, written with a positive sign.
    add("returned-buy", "returned", "sthlm", "2026-09-08 11:00:00", "mpos", [("p1", 1, "30.00")])
    add("returned-back", "returned", "sthlm", "2026-10-08 18:00:00", "mpos", [("p1", -1, "-30.00")], "refund", "returned-buy")
    add("partly-buy", "partly", "sthlm", "2026-09-08 11:00:00", "mpos", [("p1", 2, "60.00"), ("p4", 1, "25.00")])
    add("partly-back", None, "sthlm", "2026-09-09 18:00:00", "wpo", [("p1", 1, "30.00")], "refund", "partly-buy")
    # Refunds that point nowhere, or at nothing.
    add("loose-buy", "loose", "sthlm", "2026-09-08 11:00:00", "mpos", [("p1", 1, "30.00")])
    add("loose-back", "loose", "sthlm", "2026-10-08 18:00:00", "mpos", [("p1", -1, "-30.00")], "refund", "before-history")
    add("loose-again", "loose", "sthlm", "2026-10-09 18:00:00", "mpos", [("p4", -1, "-25.00")], "refund")
    # Anonymous receipts, one of them with the same coffee at the same lunch.
    add("anon-coffee", None, "sthlm", "2026-09-07 12:00:00", "mpos", [("p1", 1, "30.00")])
    add("anon-lot", None, "newyork", "2026-11-19 08:15:00", "epos", [("p3", 3, "29.70", "3.30"), ("p4", 1, "3.25")])
    # Before five in Taipei is the evening before; at five it is not.
    add("late-four", "late", "taipei", "2026-10-01 04:30:00", "app", [("p3", 1, "260.00")])
    add("late-five", "late", "taipei", "2026-10-01 05:00:00", "app", [("p1", 1, "95.00")])
    # The nights on which the clock changes. In March 02:00-03:00 does not occur, in October it occurs twice.
    add("clock-mar-before", "clock", "sthlm", "2026-03-29T00:59:59Z", "app", [("p3", 1, "89.00")])
    add("clock-mar-after", "clock", "sthlm", "2026-03-29T01:00:00Z", "app", [("p3", 1, "89.00")])
    add("clock-mar-four", "clock", "sthlm", "2026-03-29T02:30:00Z", "app", [("p3", 1, "89.00")])
    add("clock-oct-first", "clock", "sthlm", "2026-10-25T00:30:00Z", "app", [("p3", 1, "89.00")])
    add("clock-oct-second", "clock", "sthlm", "2026-10-25T01:30:00Z", "app", [("p3", 1, "89.00")])
    add("clock-oct-four", "clock", "bar", "2026-10-25T04:30:00Z", "app", [("p6", 1, "69.00")])
    add("clock-ny-second", "abroad", "newyork", "2026-11-01T06:30:00Z", "tpos", [("p6", 1, "7.25")])
    # Only the total is known; voided receipts never count; a line of quantity zero is no purchase.
    add("header-total", "header", "sthlm", "2026-09-10 09:00:00", "app", [], amount="120.50")
    add("header-void", "header", "sthlm", "2026-09-11 09:00:00", "app", [], "voided", amount="99.00")
    add("free-zero", "free", "sthlm", "2026-09-10 09:00:00", "app", [("p1", 0, "0.00")])
    add("voided-only", "voided", "sthlm", "2026-09-30 23:59:59", "epos", [("p3", 1, "89.00")], "voided")
    # Other currencies, and an offset that is no whole hour.
    add("abroad-sep", "abroad", "newyork", "2026-09-30 23:30:00", "tpos", [("p3", 1, "9.90"), ("p7", 1, "1.10")])
    add("abroad-home", "abroad", "sthlm", "2026-10-02 12:00:00", "tpos", [("p1", 1, "30.00")])
    add("valley-first", "valley", "kathmandu", "2026-10-01 00:00:00", "mpos", [("p1", 1, "150.00")])
    add("valley-before", "valley", "kathmandu", "2026-09-30 23:59:59", "mpos", [("p1", 1, "150.00")])
    # Every Tuesday for ten weeks, and twice on one of them.
    for week in range(10):
        day = dt.date(2026, 9, 15) + dt.timedelta(weeks=week)
        if day <= dt.date(2026, 11, 17):
            add(f"regular-{week}", "regular", "sthlm", f"{day} 08:{week:02}:00", "app", [("p1", 1, "30.00"), ("p4", 1, "25.00")])
    add("regular-again", "regular", "sthlm", "2026-11-03 16:00:00", "app", [("p9", 1, "45.00")])  # p9 is no product
    # The edges of "the last 60 days" as of 2026-11-20: the sixtieth day before is outside, the fifty-ninth inside.
    add("lapsed-spring", "lapsed", "sthlm", "2026-03-31 12:00:00", "tpos", [("p1", 1, "30.00")])
    add("edge60-buy", "edge60", "sthlm", "2026-09-21 12:00:00", "tpos", [("p1", 1, "30.00")])
    add("edge59-buy", "edge59", "sthlm", "2026-09-22 12:00:00", "tpos", [("p1", 1, "30.00")])
    # Of a member who was erased since: the receipt stays, the member does not.
    add("gone-buy", "gone", "sthlm", "2026-09-02 12:15:00", "app", [("p1", 1, "30.00")])
    return r


def instant(text, store_id):
    """`2026-09-07 12:30:00` in the zone of the store, or `…Z`."""
    if text.endswith("Z"):
        return dt.datetime.fromisoformat(text)
    return dt.datetime.fromisoformat(text).replace(tzinfo=ZONES[store_id]).astimezone(dt.timezone.utc)


def utc(text):
    return dt.datetime.fromisoformat(text) if text else None


def day(text):
    return dt.date.fromisoformat(text) if text else None


def tables():
    """Name, columns with their Arrow and PostgreSQL types, rows."""
    r = receipts()
    members = [(m[0], day(m[1]), utc(m[2]), day(m[3]), *m[4:13], utc(m[13])) for m in MEMBERS]
    stores = [(s[0], s[1], s[2], dt.time.fromisoformat(s[3]) if s[3] else None, s[4]) for s in STORES]
    text, bigint, integer = (pa.string(), "text"), (pa.int64(), "bigint"), (pa.int32(), "integer")
    money, at, on = (MONEY, "numeric(18, 2)"), (INSTANT, "timestamptz"), (pa.date32(), "date")
    return [
        ("members", {"member_id": text, "joined_on": on, "verified_at": at, "birthday": on, "email": text, "phone": text, "line_user_id": text,
                     "loyalty_points": bigint, "loyalty_level": text, "business_customer_id": text, "home_store_id": text, "country": text,
                     "locale": text, "erased_at": at}, members),
        ("stores", {"store_id": text, "name": text, "time_zone": text, "day_starts_at": (pa.time64("us"), "time"), "currency": text}, stores),
        ("products", {"product_id": text, "sku": text, "name": text, "category": text}, PRODUCTS),
        ("purchases", {"purchase_id": text, "member_id": text, "store_id": text, "purchased_at": at, "channel": text, "status": text,
                       "amount": money, "currency": text, "refund_of": text}, sorted(r.purchases, key=lambda row: (row[3], row[0]))),
        ("purchase_lines", {"purchase_id": text, "line_no": integer, "product_id": text, "quantity": integer, "amount": money, "discount": money}, r.lines),
        ("loyalty_levels", {"level": text, "rank": integer, "points_from": bigint, "spend_from": money},
         [(level, rank, points, Decimal(spend)) for level, rank, points, spend in LOYALTY_LEVELS]),
        ("member_levels", {"member_id": text, "level": text, "reached_at": at}, [(m, level, utc(t)) for m, level, t in MEMBER_LEVELS]),
        ("consents", {"member_id": text, "channel": text, "status": text, "changed_at": at}, [(*row[:3], utc(row[3])) for row in CONSENTS]),
        ("business_customers", {"business_customer_id": text, "name": text}, BUSINESS_CUSTOMERS),
    ]


def write_parquet(name, columns, rows):
    """One file; `purchase_lines` becomes a folder of two, which the contract allows as well."""
    schema = pa.schema([(column, arrow) for column, (arrow, _) in columns.items()])
    table = pa.table([pa.array(values, arrow) for values, (arrow, _) in zip(zip(*rows), columns.values())], schema=schema)
    parts = {f"{name}.parquet": table}
    if name == "purchase_lines":
        half = len(rows) // 2
        (HERE / name).mkdir(exist_ok=True)
        parts = {f"{name}/1.parquet": table.slice(0, half), f"{name}/2.parquet": table.slice(half)}
    for path, part in parts.items():
        pq.write_table(part, HERE / path, compression="zstd")


def literal(value):
    match value:
        case None:
            return "null"
        case int() | Decimal():
            return str(value)
        case dt.datetime():
            return f"'{value:%Y-%m-%d %H:%M:%S}+00'"
        case _:
            return "'" + str(value).replace("'", "''") + "'"


DERIVED = """
-- As the tables of Regulars: erased members are hidden, receipts and lines show their local time and business day.
create view members as select * from history.members where erased_at is null;

create view purchases as
select p.*, here.local_at, business.business_date, here.local_at::time as local_time,
       extract(isodow from business.business_date)::smallint as weekday
from history.purchases p
join stores s using (store_id)
cross join lateral (select p.purchased_at at time zone s.time_zone as local_at) here
cross join lateral (select (here.local_at - (coalesce(s.day_starts_at, '04:00') - time '00:00'))::date as business_date) business;

create view purchase_lines as
select l.*, p.member_id, p.store_id, p.channel, p.purchased_at, p.status, p.local_at, p.business_date, p.local_time, p.weekday
from history.purchase_lines l
join purchases p using (purchase_id);
"""


def load_sql(tables):
    """Tables that have derived columns or hidden rows lie in schema `history`, with a view of their name before them."""
    behind = {"members", "purchases", "purchase_lines"}
    parts = ["-- Made by make.py: the rows of this folder for PostgreSQL, with the derived columns of the contract.\n", "create schema history;\n"]
    for name, columns, rows in tables:
        table = f"history.{name}" if name in behind else name
        types = ",\n".join(f"    {column} {pg}" for column, (_, pg) in columns.items())
        values = ",\n".join("    (" + ", ".join(map(literal, row)) + ")" for row in rows)
        parts.append(f"create table {table} (\n{types}\n);\ninsert into {table} values\n{values};\n")
    return "\n".join(parts) + DERIVED


def main():
    made = tables()
    for name, columns, rows in made:
        write_parquet(name, columns, rows)
    (HERE / "load.sql").write_text(load_sql(made))
    for name, _, rows in made:
        print(f"{name:<18} {len(rows):>3}")


if __name__ == "__main__":
    main()
