"""Random purchase histories, small but full of edges, as Parquet of the contract and as rows of the oracle.

Identifiers are texts in here and in PostgreSQL, whose functions take texts; in half of the histories Parquet has them
as `bigint`. What a history lacks (a table, a column, lines) is what the contract lets it lack: PostgreSQL then gets
what Regulars is to derive.
"""

import datetime as dt
import random
import zoneinfo
from decimal import Decimal

from serving import BIGINT, DATE, FRACTIONS, INSTANT, MONEY, TEXT, TIME, arrow_table

UTC = dt.timezone.utc
FIRST_DAY, LAST_DAY = dt.date(2026, 1, 1), dt.date(2026, 11, 20)
RECEIPTS, REFUNDS = 130, 50

ZONES = ["Europe/Stockholm", "Asia/Taipei", "America/New_York", "Asia/Kathmandu", "Europe/Stockholm"]
DAY_STARTS = ["00:00", "04:00", "05:00", "06:00", None]
STORE_NAMES = ["Centralen", "Torget", "Torget", "Night Market", "Höjden"]  # two stores of one name
CHANNELS = ["app", "epos", "mpos", None]
# sku, name, category. "Bun" is a SKU and another product's name; K1 may be the SKU of two.
PRODUCTS = [
    ("K1", "Bryggkaffe", "coffee"),
    ("K2", "Bryggkaffe", "coffee"),
    ("B1", "Bun", "bakery"),
    ("Bun", "Bun Deluxe", "bakery"),
    (None, "Kaffe, stor", "drinks"),
    ("K1", "Rosie's", None),
]
PRICES = [Decimal(price) for price in ("30.00", "25.50", "59.90", "60.00", "0.10", "120.50")]

CLOCK_CHANGES = [dt.datetime(2026, *at, tzinfo=UTC) for at in ((3, 8, 7), (3, 29, 1), (10, 25, 1), (11, 1, 6))]
MONTH_ENDS = [dt.date(2026, *day) for day in ((1, 31), (2, 28), (3, 1), (3, 31), (4, 30), (9, 30), (10, 1), (10, 31))]
EDGES = ["00:00", "02:00", "04:00", "05:00", "06:00", "11:00", "14:00", "22:00"]
TIMES = [*EDGES, *EDGES, "01:59:59.999999", "03:59:59.999999", "04:59:59.999999", "05:59:59.999999", "10:59:59.999999",
         "13:59:59.999999", "21:59:59.999999", "23:59:59.999999", "12:30"]
MICROSECOND = dt.timedelta(microseconds=1)

# What a history may lack, beside lines or receipts.
LACKING = ["members", "stores", "products", "purchases.channel", "purchases.status", "purchases.refund_of",
           "purchases.amount", "products.sku", "products.name", "products.category", "stores.name",
           "stores.day_starts_at"]


class History:
    """The rows of one history, lists of dicts by table, as PostgreSQL is to see them; `number` decides on its kind."""

    def __init__(self, seed, number):
        self.rng = random.Random(f"{seed}/{number}/history")
        self.bigint = number % 2 == 1
        self.fractions = number % 4 in (1, 2)
        self.layout = {3: "receipts alone", 7: "lines alone"}.get(number % 10, "receipts and lines")
        self.lacks = set(self.rng.sample(LACKING, self.rng.choice([0, 0, 1, 2])))
        if self.layout == "receipts alone":
            self.lacks -= {"products", "purchases.amount"}  # nothing tells products; and nothing would be left to sum
        self.add_stores()
        self.add_products()
        self.add_members()
        self.add_receipts()
        self.forget()

    def describe(self):
        ids, quantities = "bigint" if self.bigint else "text", "fractions" if self.fractions else "whole quantities"
        return ", ".join([self.layout, ids, quantities, *(f"no {name}" for name in sorted(self.lacks))])

    def an_id(self, letter, number):
        """Each kind of thing has a range of its own, so that no identifier is another kind's by accident."""
        if not self.bigint:
            return f"{letter}{number:02}"
        return str({"m": 0, "s": 50, "p": 100, "r": 1000, "x": 900_000}[letter] + number)

    def add_stores(self):
        places = self.rng.sample(range(len(ZONES)), self.rng.choice([3, 4]))
        self.stores = [{"store_id": self.an_id("s", n), "time_zone": ZONES[place], "name": STORE_NAMES[place],
                        "day_starts_at": self.rng.choice(DAY_STARTS)} for n, place in enumerate(places, 1)]
        # An id goes before a name.
        self.stores[-1]["name"] = self.rng.choice([self.stores[-1]["name"], self.stores[0]["store_id"], None])
        # Its receipts are read in the history's own zone; the oracle is told so as a store.
        self.unknown_store = {"store_id": self.an_id("x", 1), "time_zone": "UTC", "name": None, "day_starts_at": None}
        self.has_unknown_store = self.rng.random() < 0.3

    def add_products(self):
        self.products = [{"product_id": self.an_id("p", n), "sku": sku, "name": name, "category": category}
                         for n, (sku, name, category) in enumerate(PRODUCTS, 1)]
        if self.rng.random() < 0.5:
            self.products[4]["sku"] = self.products[0]["product_id"]  # an id goes before a SKU
        if self.rng.random() < 0.5:
            self.products[5]["sku"] = None

    def add_members(self):
        self.members = [{"member_id": self.an_id("m", n), "erased_at": None,
                         "joined_on": self.rng.choice([None, FIRST_DAY, self.a_day()])} for n in range(1, 26)]
        for erased in self.rng.sample(self.members, self.rng.choice([0, 2])):
            erased["erased_at"] = dt.datetime(2026, 6, 1, tzinfo=UTC)
        # Some never come, some come often; one is known by receipts only.
        coming = [member["member_id"] for member in self.members[3:]] + [self.an_id("x", 2)]
        self.rng.shuffle(coming)
        self.coming, self.often = coming, [1 + 6 / (place + 1) for place in range(len(coming))]

    def a_member(self):
        return None if self.rng.random() < 0.08 else self.rng.choices(self.coming, self.often)[0]

    def a_day(self):
        return FIRST_DAY + dt.timedelta(days=self.rng.randint(0, (LAST_DAY - FIRST_DAY).days))

    def an_instant(self, store):
        """Mostly on few days, near the edges of days and windows; some around a change of clocks anywhere."""
        rng, zone = self.rng, zoneinfo.ZoneInfo(store["time_zone"])
        if rng.random() < 0.2:
            minutes = dt.timedelta(minutes=rng.choice([-180, -60, -30, 0, 0, 30, 60, 90, 120, 180, 240, 300]))
            return rng.choice(CLOCK_CHANGES) + minutes - rng.choice([0, 1]) * MICROSECOND
        day = rng.choice(self.hot_days) if rng.random() < 0.75 else self.a_day()
        time = dt.time(rng.randint(0, 23), rng.randint(0, 59))
        if rng.random() < 0.7:
            time = dt.time.fromisoformat(rng.choice(TIMES))
        return dt.datetime.combine(day, time, zone).replace(fold=rng.randint(0, 1)).astimezone(UTC)

    def add_receipts(self):
        rng = self.rng
        some_days = [self.a_day() for _ in range(3)]
        clock_change = rng.choice(CLOCK_CHANGES).date()
        self.hot_days = [*rng.sample(MONTH_ENDS, 3), *some_days, some_days[0] + dt.timedelta(days=1), clock_change]
        self.purchases, self.lines = [], []
        numbers = rng.sample(range(1, 1000), RECEIPTS + REFUNDS + 2)
        # A pool of receipts that refunds point to, small so that several point to one.
        pool = rng.sample(range(RECEIPTS), 20)
        for number in numbers[:RECEIPTS]:
            status = "voided" if rng.random() < 0.08 else "completed"
            store = self.unknown_store if self.has_unknown_store and rng.random() < 0.05 else rng.choice(self.stores)
            self.add_receipt(number, self.a_member(), store, self.an_instant(store), status, None, self.some_lines())
        for earlier, later in zip(self.purchases[:12:3], self.purchases[1:12:3]):
            later["purchased_at"] = earlier["purchased_at"]  # ties
        for number in numbers[RECEIPTS:RECEIPTS + REFUNDS]:
            self.add_refund(number, self.purchases[rng.choice(pool)])
        self.purchases[0]["refund_of"] = self.purchases[1]["purchase_id"]  # of no meaning on what is no refund
        rng.shuffle(self.purchases)
        rng.shuffle(self.lines)

    def add_receipt(self, number, member_id, store, at, status, refund_of, lines, amount=None):
        purchase_id = self.an_id("r", number)
        total = sum((line["amount"] for line in lines), Decimal(0)) if lines else amount
        if lines and self.rng.random() < 0.2:
            total = self.rng.choice([None, Decimal("999.99")])  # where lines are known they decide
        self.purchases.append({
            "purchase_id": purchase_id, "member_id": member_id, "store_id": store["store_id"], "purchased_at": at,
            "channel": self.rng.choice(CHANNELS), "status": status, "refund_of": refund_of, "amount": total,
        })
        self.lines += [line | {"purchase_id": purchase_id, "line_no": line_no} for line_no, line in enumerate(lines, 1)]

    def some_lines(self):
        rng = self.rng
        if self.layout == "receipts alone" or rng.random() < 0.08:
            return []
        count = rng.choice([1, 1, 2, 2, 3, 4])
        lines = [self.a_line(rng.randrange(len(PRODUCTS)), self.a_quantity()) for _ in range(count)]
        if rng.random() < 0.15:  # taken back before it was paid
            first = lines[0]
            lines.append(first | {"quantity": -first["quantity"], "amount": -first["amount"]})
        return lines

    def a_quantity(self):
        if self.rng.random() < 0.16:
            return Decimal(self.rng.choice([0, 0, -1, -2]))
        return Decimal(self.rng.choice(["0.5", "1.25", "0.001", "1", "2"] if self.fractions else [1, 1, 1, 2, 3]))

    def a_line(self, product, quantity):
        rng = self.rng
        product_id = self.products[product]["product_id"]
        if rng.random() < 0.03:
            product_id = self.an_id("x", 3)  # sold, yet in no list
        amount = (quantity * PRICES[product]).quantize(Decimal("0.01"))
        return {"product_id": product_id, "quantity": quantity, "amount": Decimal(0) if rng.random() < 0.05 else amount}

    def add_refund(self, number, target):
        """Linked in all the ways there are, and not linked; of more, of less, of other things than were bought."""
        rng = self.rng
        store = next((store for store in self.stores if store["store_id"] == target["store_id"]), self.stores[0])
        store = store if rng.random() < 0.5 else rng.choice(self.stores)
        later = dt.timedelta(days=rng.choice([-2, 0, 0, 1, 5, 30]), hours=rng.choice([-3, 0, 1, 8]))
        member_id = rng.choice([target["member_id"], target["member_id"], None, self.a_member()])
        purchase_id = self.an_id("r", number)
        refunds = [row["purchase_id"] for row in self.purchases[RECEIPTS:]]
        voided = [row["purchase_id"] for row in self.purchases if row["status"] == "voided"]
        refund_of = rng.choices([target["purchase_id"], None, self.an_id("x", 4), purchase_id,
                                 rng.choice(refunds or [None]), rng.choice(voided or [None])], [70, 10, 8, 2, 5, 5])[0]
        bought = [line for line in self.lines if line["purchase_id"] == target["purchase_id"]]
        if rng.random() < 0.15:
            bought = self.some_lines()
        elif rng.random() < 0.4:
            bought = [line | {"quantity": Decimal(1), "amount": Decimal("10.05")} for line in bought[:1]]
        quantity_sign, amount_sign = rng.choice([(1, 1), (-1, -1), (-1, -1), (1, -1), (-1, 1)])
        lines = [{"product_id": line["product_id"], "quantity": line["quantity"] * quantity_sign,
                  "amount": line["amount"] * amount_sign} for line in bought]
        amount = rng.choice([None, Decimal("30.00"), Decimal("-30.00")])
        self.add_receipt(number, member_id, store, target["purchased_at"] + later, "refund", refund_of,
                         lines if rng.random() < 0.9 else [], amount)

    def forget(self):
        """Takes away what the kind of history lacks, and puts what Regulars is to derive instead."""
        rng, lacks = self.rng, self.lacks
        with_lines = {line["purchase_id"] for line in self.lines}
        for receipt in self.purchases:
            if receipt["purchase_id"] not in with_lines and receipt["amount"] is None:
                receipt["amount"] = rng.choice([None, *PRICES, Decimal("75.00"), Decimal("-12.50")])
        if self.layout == "lines alone":
            self.purchases = [receipt for receipt in self.purchases if receipt["purchase_id"] in with_lines]
        elif self.layout == "receipts and lines":
            of_no_receipt = self.a_line(0, Decimal(1)) | {"purchase_id": self.an_id("x", 5), "line_no": 1}
            self.lines.append(of_no_receipt)
        for name in lacks:
            table, _, column = name.partition(".")
            for row in getattr(self, table) if column else []:
                row[column] = "completed" if column == "status" else None
        if "members" in lacks:
            named = sorted({receipt["member_id"] for receipt in self.purchases} - {None})
            self.members = [{"member_id": name, "joined_on": None, "erased_at": None} for name in named]
        if "stores" in lacks:
            named = sorted({receipt["store_id"] for receipt in self.purchases})
            self.stores = [self.unknown_store | {"store_id": name} for name in named]
            self.has_unknown_store = False
        if "products" in lacks:
            named = sorted({line["product_id"] for line in self.lines})
            self.products = [{"product_id": name, "sku": None, "name": None, "category": None} for name in named]

    def tables(self):
        """The history as Arrow tables."""
        an_id = BIGINT if self.bigint else TEXT
        quantity = FRACTIONS if self.fractions else BIGINT
        receipt = {"purchase_id": an_id, "member_id": an_id, "store_id": an_id, "purchased_at": INSTANT,
                   "channel": TEXT, "status": TEXT, "refund_of": an_id, "amount": MONEY}
        line = {"purchase_id": an_id, "line_no": BIGINT, "product_id": an_id, "quantity": quantity, "amount": MONEY}
        types = {
            "members": {"member_id": an_id, "joined_on": DATE, "erased_at": INSTANT},
            "stores": {"store_id": an_id, "time_zone": TEXT, "name": TEXT, "day_starts_at": TIME},
            "products": {"product_id": an_id, "sku": TEXT, "name": TEXT, "category": TEXT},
            "purchases": receipt,
            "purchase_lines": line,
        }
        rows = {"members": self.members, "stores": self.stores, "products": self.products, "purchases": self.purchases,
                "purchase_lines": self.lines}
        if self.layout == "lines alone":
            receipts = {row["purchase_id"]: row for row in self.purchases}
            types["purchase_lines"] = receipt | line
            rows["purchase_lines"] = [receipts[row["purchase_id"]] | row for row in self.lines]
        left_out = {"lines alone": {"purchases"}, "receipts alone": {"purchase_lines"}}.get(self.layout, set())
        made = {}
        for name in types.keys() - left_out - self.lacks:
            columns = {column: kind for column, kind in types[name].items() if not self.lacks_column(name, column)}
            cells = [{column: in_parquet(kind, row[column]) for column, kind in columns.items()} for row in rows[name]]
            made[name] = arrow_table(columns, cells)
        return made

    def lacks_column(self, table, column):
        """Where lines are alone they also have what belongs to the receipt."""
        return f"{table}.{column}" in self.lacks or (
            table == "purchase_lines" and column != "amount" and f"purchases.{column}" in self.lacks)

    def visible_members(self):
        return [member for member in self.members if member["erased_at"] is None]

    def load(self, connection):
        """Gives the rows to a PostgreSQL that has the oracle's tables."""
        stores = self.stores + [self.unknown_store] * self.has_unknown_store
        copy(connection, "stores", ["store_id", "time_zone", "day_starts_at"],
             [store | {"day_starts_at": store["day_starts_at"] or "04:00"} for store in stores])
        copy(connection, "products", ["product_id", "sku", "name", "category"], self.products)
        copy(connection, "members", ["member_id", "joined_on"], self.visible_members())
        copy(connection, "purchases", ["purchase_id", "member_id", "store_id", "purchased_at", "channel", "status",
                                       "refund_of", "amount"], self.purchases)
        copy(connection, "purchase_lines", ["purchase_id", "line_no", "product_id", "quantity", "amount"], self.lines)
        connection.execute("analyze")


def in_parquet(kind, value):
    if value is None:
        return None
    if kind == BIGINT:
        return int(value)
    return dt.time.fromisoformat(value) if kind == TIME else value


def copy(connection, table, columns, rows):
    with connection.cursor() as cursor, cursor.copy(f"copy {table} ({', '.join(columns)}) from stdin") as sink:
        for row in rows:
            sink.write_row([row[column] for column in columns])
