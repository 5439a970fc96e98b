"""Random questions of facts, each in the words of PostgreSQL's oracle and in those of Regulars.

A question is drawn by two generators: one for its form, one for the values in it. The same form with other values is
the same prepared statement with other parameters.
"""

import dataclasses
import datetime as dt
import random
import zoneinfo
from decimal import Decimal

from histories import EDGES

COUNTS = ["purchase_count", "visit_days"]
SUMS = ["amount_spent", "quantity_bought"]
DATES = ["first_purchase", "last_purchase"]
DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
HOURS = [*EDGES, "09:30", "13:59:59"]
LASTS = ["0 days", "1 day", "30 days", "60 days", "2 weeks", "1 month", "2 months", "3 months", "6 months", "1 year",
         "1 month 10 days", "36 hours"]
AMOUNTS = ["0", "10", "25.50", "30", "59.90", "60", "60.01", "120.5", "250", "-30"]
# How often each filter comes.
FILTERS = {"product": 5, "all_products": 3, "category": 3, "store": 3, "channel": 3, "days": 2, "hours": 4,
           "from_date": 3, "to_date": 3, "last": 4, "min_amount": 3, "gross": 4}
COMPARED = ["=", "<>", "<", "<=", ">", ">="]
TODAY_S_EDGE = dt.timedelta(days=2)  # the two sides may not agree on today's date


@dataclasses.dataclass(frozen=True)
class Sql:
    """One piece of SQL in both dialects; `values` are bound on the side of Regulars, in the order of placeholders."""

    oracle: str
    ours: str
    values: tuple = ()


def sql(template, *parts):
    """`{}` in the template stands for the parts, which are pieces or texts that both sides write alike."""
    parts = [part if isinstance(part, Sql) else Sql(str(part), str(part)) for part in parts]
    return Sql(template.format(*(part.oracle for part in parts)), template.format(*(part.ours for part in parts)),
               sum((part.values for part in parts), ()))


@dataclasses.dataclass
class Question:
    kind: str
    as_of: dt.date | None
    asked: list  # of Sql, each to be compared
    before: list = dataclasses.field(default_factory=list)  # views to make
    after: list = dataclasses.field(default_factory=list)  # and to drop
    is_by_member: bool = True  # the first column is a member
    is_ordered: bool = False
    is_binary: bool = False


class Questions:
    """Draws questions about one history."""

    def __init__(self, history, rng):
        self.history, self.rng = history, rng
        self.form, self.pick = rng, rng
        self.as_of = None
        self.is_bound = False
        self.words = words(history)
        self.baskets = baskets(history)
        self.dates = business_dates(history)
        self.quiet = quiet_intervals(self.dates)
        self.has_joined_on = "members" not in history.lacks

    # Questions.

    def draw(self, is_dated):
        """`is_dated`: with an as-of day."""
        self.form = self.pick = self.rng
        self.is_bound = False
        self.as_of = self.an_as_of() if is_dated else None
        kinds = {self.values: 30, self.members: 26, self.bound: 14, self.ordered: 6, self.having: 7, self.viewed: 10,
                 self.of_purchases: 6, self.of_a_literal: 2, self.bands: 4}
        question = self.form.choices(list(kinds), list(kinds.values()))[0]()
        question.as_of = self.as_of
        return question

    def values(self):
        columns = [self.expression("member_id") for _ in range(self.form.choice([1, 2, 3, 4, 5]))]
        names = [sql("{} AS v{}", column, n) for n, column in enumerate(columns)]
        return Question("values", None, [sql("SELECT member_id, {} FROM members ORDER BY 1", listed(names))])

    def members(self):
        template = self.form.choice([
            "SELECT member_id FROM members WHERE {} ORDER BY 1",
            "SELECT m.member_id FROM members AS m WHERE {} ORDER BY 1",
            "SELECT member_id FROM members WHERE member_id IN (SELECT member_id FROM members WHERE {}) ORDER BY 1",
            "SELECT member_id FROM members EXCEPT SELECT member_id FROM members WHERE {}",
        ])
        member = "m.member_id" if "AS m" in template else "member_id"
        return Question("members", None, [sql(template, self.condition(member))])

    def bound(self):
        """One statement with two sets of parameters: a plan that kept the first ones would show."""
        self.is_bound = True
        seed, kind = self.rng.random(), self.rng.choice([self.values, self.members, self.having])
        asked = []
        for _ in range(2):
            self.form = random.Random(seed)
            asked += kind().asked
        self.form = self.rng
        return Question("bound", None, asked, is_binary=self.rng.random() < 0.5)

    def ordered(self):
        value = self.rng.choice([self.number, self.date, self.condition])("member_id")
        by_member = Sql("member_id::bigint" if self.history.bigint else "member_id", "member_id")
        template = "SELECT member_id FROM members ORDER BY {} {}, {} LIMIT 9"
        asked = sql(template, value, self.rng.choice(["ASC", "DESC"]), by_member)
        return Question("ordered", None, [asked], is_ordered=True)

    def having(self):
        template = "SELECT member_id, count(*) FROM {} GROUP BY member_id HAVING {} ORDER BY 1"
        return Question("having", None, [sql(template, PURCHASES, self.condition("member_id", is_of_members=False))])

    def viewed(self):
        below = sql("CREATE VIEW below AS SELECT member_id FROM members WHERE {}", self.condition("member_id"))
        above = sql("CREATE VIEW above AS SELECT member_id, {} AS value FROM below WHERE {}",
                    self.expression("member_id", False), self.condition("member_id", False))
        asked = [sql("SELECT * FROM above ORDER BY 1"),
                 sql("SELECT member_id, {} FROM above ORDER BY 1", self.number("member_id"))]
        drops = ["DROP VIEW IF EXISTS above", "DROP VIEW IF EXISTS below"]
        return Question("viewed", None, asked, before=[below, above], after=drops)

    def of_purchases(self):
        """Anonymous receipts too: NULL is a member id like any other here, of a member without purchases."""
        value = self.expression("member_id", is_of_members=False)
        # That the oracle's slow functions are asked once a member changes nothing.
        once = f"(SELECT DISTINCT member_id FROM {PURCHASES.oracle}) AS p"
        asked = Sql(f"SELECT member_id, {value.oracle} FROM {once} ORDER BY 1",
                    f"SELECT DISTINCT member_id, {value.ours} FROM {PURCHASES.ours} ORDER BY 1", value.values)
        return Question("of purchases", None, [asked])

    def of_a_literal(self):
        """A member whom nobody knows, one who is known, and none."""
        members = [Sql("NULL", "NULL")]
        for member in (self.history.coming[0], self.history.an_id("x", 9)):
            members.append(Sql(quoted(member), member if self.history.bigint else quoted(member)))
        names = self.rng.sample([*COUNTS, *SUMS, *DATES, "bought"], 3)
        columns = [self.fact(name, member) for name, member in zip(names, members)]
        return Question("of a literal", None, [sql("SELECT {}", listed(columns))], is_by_member=False)

    def bands(self):
        banded = sql("SELECT {} AS band, {} AS n FROM members", self.band("member_id"), self.number("member_id"))
        asked = sql("SELECT band, count(*), sum(n) FROM ({}) AS banded GROUP BY band ORDER BY band", banded)
        return Question("bands", None, [asked], is_by_member=False)

    # Expressions.

    def expression(self, member, is_of_members=True):
        draw = self.form.choices([self.number, self.condition, self.date, self.band], [5, 3, 2, 1])[0]
        return draw(member, is_of_members) if draw == self.condition else draw(member)

    def number(self, member):
        draw = self.form.random()
        if draw < 0.75:
            return self.fact(self.form.choice(COUNTS + SUMS), member)
        if draw < 0.85:
            template = self.form.choice(["{} + {}", "{} - {}", "({} - 1) * {}", "greatest({}, {})"])
            return sql(template, self.number(member), self.number(member))
        if draw < 0.9:
            template = "CASE WHEN {} THEN {} ELSE -{} END"
            return sql(template, self.condition(member, False), self.number(member), self.number(member))
        if draw < 0.95:
            return sql("({} - {})", self.fact("last_purchase", member), self.fact("first_purchase", member))
        return sql("coalesce(nullif({}, 0), 7)", self.number(member))

    def date(self, member):
        template = self.form.choice(["{}"] * 4 + ["least({}, {})", "coalesce({}, {})"])
        return sql(template, *(self.fact(self.form.choice(DATES), member) for _ in range(template.count("{}"))))

    def band(self, member):
        template = "CASE WHEN {} THEN 'new' WHEN {} THEN 'regular' ELSE 'other' END"
        return sql(template, self.condition(member, False), self.condition(member, False))

    def condition(self, member, is_of_members=True, depth=0):
        """`is_of_members`: columns of members are at hand."""
        def deeper():
            return self.condition(member, is_of_members, depth + 1)

        draw = self.form.random() + depth * 0.25
        if draw < 0.2:
            return sql("({} AND {})", deeper(), deeper())
        if draw < 0.36:
            return sql("({} OR {})", deeper(), deeper())
        if draw < 0.44:
            return sql("NOT {}", deeper())
        kinds = [self.bought] * 4 + [self.compared_number] * 5 + [self.compared_date] * 3 + [self.compared_facts] * 2
        if is_of_members and self.has_joined_on:
            kinds.append(self.compared_column)
        return self.form.choice(kinds)(member)

    def bought(self, member):
        template = self.form.choice(["{}"] * 4 + ["{} = false", "{} IS NOT TRUE"])
        return sql(f"({template})" if template != "{}" else template, self.fact("bought", member))

    def compared_number(self, member):
        name, draw = self.form.choice(COUNTS + SUMS), self.form.random()
        if draw < 0.08:  # average order; compared, because the quotients have other scales
            facts = self.fact("amount_spent", member), self.fact("purchase_count", member)
            return sql("{} / nullif({}, 0) > {}", *facts, self.constant(is_count=False))
        fact, constant, other = self.fact(name, member), self.constant(name in COUNTS), self.constant(name in COUNTS)
        if draw < 0.2:
            return sql("{} BETWEEN {} AND {}", fact, constant, other)
        if draw < 0.28:
            return sql("{} IN ({}, {})", fact, constant, other)
        return sql("{} {} {}", fact, self.form.choice(COMPARED), constant)

    def compared_date(self, member):
        fact = self.fact(self.form.choice(DATES), member)
        draw = self.form.random()
        if draw < 0.15:
            return sql("{} IS {}NULL", fact, self.form.choice(["", "NOT "]))
        if draw < 0.25:
            return sql("{} IS DISTINCT FROM {}", fact, self.a_date())
        if draw < 0.35:
            return sql("{} BETWEEN {} AND {}", fact, self.a_date(), self.a_date())
        return sql("{} {} {}", fact, self.form.choice(COMPARED), self.a_date())

    def compared_facts(self, member):
        facts = self.form.choice([COUNTS + SUMS, DATES, ["bought"]])
        operator = self.form.choice(["=", "<>", "IS DISTINCT FROM"] if facts == ["bought"] else COMPARED)
        left, right = self.fact(self.form.choice(facts), member), self.fact(self.form.choice(facts), member)
        return sql("{} {} {}", left, operator, right)

    def compared_column(self, member):
        return sql("joined_on {} {}", self.form.choice(COMPARED), self.fact(self.form.choice(DATES), member))

    # Facts and their filters.

    def fact(self, name, member):
        left = {key: weight for key, weight in FILTERS.items() if self.words.get(key, True)}
        keys = []
        for _ in range(self.form.choices([0, 1, 2, 3, 4], [12, 36, 30, 14, 8])[0]):
            keys += self.form.choices(list(left), list(left.values()))
            del left[keys[-1]]
        if "gross" in left and {"product", "all_products"} & set(keys) and self.form.random() < 0.25:
            keys.append("gross")  # by itself seldom beside what it changes
        filters = [sql(f"{key} => {{}}", self.filter_value(key)) for key in keys]
        return sql(f"{name}({{}})", listed([member, *filters]))

    def filter_value(self, key):
        match key:
            case "product" | "all_products" | "category" | "store" | "channel":
                return self.some_words(key)
            case "days":
                return self.literal(self.some_days())
            case "hours":
                return self.literal(self.some_hours())
            case "from_date" | "to_date":
                return self.a_date()
            case "last":
                return self.a_last()
            case "min_amount":
                return self.literal(Decimal(self.pick.choice(AMOUNTS)))
            case "gross":
                return self.literal(self.pick.random() < 0.75)

    def some_words(self, key):
        """One word, an array, or PostgreSQL's text form of one; the oracle knows only arrays, and stores only by id."""
        known = self.words[key]
        count = self.form.choice([1, 2] if key == "all_products" else [1, 1, 1, 2, 3])
        chosen = self.pick.choices(list(known), k=count)
        if key == "all_products" and self.baskets and self.pick.random() < 0.75:
            chosen = [self.pick.choice(names) for names in self.pick.choices(self.pick.choice(self.baskets), k=count)]
        oracle = f"array[{', '.join(quoted(meant) for word in chosen for meant in known[word])}]"
        if self.is_bound:
            return Sql(oracle, "%s", (chosen if key == "all_products" or count > 1 else chosen[0],))
        spelling = self.form.choice(["array", "array", "braces", "word", "word"])
        if spelling == "word" and count == 1 and key != "all_products":
            return Sql(oracle, quoted(chosen[0]))
        if spelling == "braces":
            return Sql(oracle, quoted("{" + ",".join(in_braces(word) for word in chosen) + "}"))
        return Sql(oracle, f"ARRAY[{', '.join(map(quoted, chosen))}]")

    def some_days(self):
        parts = [self.pick.choice(["{}", "{}-{}", "{}-{}", "weekdays", "weekend"]).format(*self.pick.sample(DAYS, 2))
                 for _ in range(self.pick.choice([1, 1, 2, 3]))]
        return self.pick.choice([",", ", "]).join(self.pick.choice([str, str.title, str.upper])(part) for part in parts)

    def some_hours(self):
        begin = self.pick.choice(HOURS)
        end = self.pick.choice([*HOURS, "24:00"])
        return begin + self.pick.choice(["-", "-", " - "]) + end

    def a_date(self):
        if self.as_of and self.form.random() < 0.25:
            return sql("(asof() - {})", self.constant_of(self.pick.choice([0, 1, 7, 30, 60, 90])))
        day = self.a_day()
        spelling = self.form.choice(["date {}", "{}", "{}::date"])
        return Sql(f"date '{day}'", "%s", (day,)) if self.is_bound else sql(spelling, f"'{day}'")

    def a_day(self):
        """Near what is in the history, so that edges are met; now and then anywhere."""
        if self.pick.random() < 0.1:
            return dt.date(2026, 1, 1) + dt.timedelta(days=self.pick.randint(-60, 420))
        return self.pick.choice(self.dates) + dt.timedelta(days=self.pick.choice([-1, 0, 0, 1]))

    def a_last(self):
        if self.as_of is None:
            last = f"{self.pick.choice(self.quiet)} days" if self.quiet and self.pick.random() < 0.9 else "100 years"
        else:
            day = self.a_day()
            to_an_edge = f"{(self.as_of - day).days} days" if day < self.as_of else "1 day"
            last = self.pick.choice([to_an_edge, to_an_edge, self.pick.choice(LASTS)])
        if self.is_bound:
            return self.literal(last)
        return sql(self.form.choice(["{}", "{}", "interval {}"]), quoted(last))

    def an_as_of(self):
        ends = [dt.date(2026, 3, 31), dt.date(2026, 5, 31), dt.date(2026, 11, 20), dt.date(2027, 2, 28)]
        late = sorted(self.dates)[len(self.dates) // 3:]
        return self.pick.choice([*ends, *(self.pick.choice(late) for _ in range(8))])

    def constant(self, is_count):
        if is_count:
            return self.constant_of(self.pick.choice([0, 1, 1, 2, 2, 3, 5]))
        return self.literal(Decimal(self.pick.choice(AMOUNTS)))

    def constant_of(self, number):
        """A whole number, which is not bound where a placeholder would leave its type open."""
        return sql("{}", number)

    def literal(self, value):
        text = quoted(value) if isinstance(value, str) else str(value).lower()
        return Sql(text, "%s", (value,)) if self.is_bound else sql("{}", text)


# As-of cuts off what came later from the tables of Regulars; the oracle's has all.
PURCHASES = Sql("seen", "purchases")
SEEN = """
create view seen as select p.* from purchases p join stores s using (store_id)
where as_of_set() is null
   or ((p.purchased_at at time zone s.time_zone) - (s.day_starts_at - time '00:00'))::date <= as_of_set();
"""


def words(history):
    """What filters can name, with what the oracle is to be told: stores by id, products in the same words."""
    def columns(rows, *names):
        return sorted({row[name] for row in rows for name in names} - {None})

    stores = {row["store_id"]: [row["store_id"]] for row in history.stores}
    for name in columns(history.stores, "name"):
        # As with products, an id goes before a name, and a name means all that bear it.
        stores.setdefault(name, [row["store_id"] for row in history.stores if row["name"] == name])
    products = {word: [word] for word in columns(history.products, "product_id", "sku", "name")}
    return {
        "product": products, "all_products": products, "store": stores,
        "category": {word: [word] for word in columns(history.products, "category")},
        "channel": {word: [word] for word in columns(history.purchases, "channel")},
    }


def baskets(history):
    """For each receipt of several products the words that name each; chance seldom meets what was bought together."""
    names = {row["product_id"]: sorted({row["product_id"], row["sku"], row["name"]} - {None})
             for row in history.products}
    bought = {}
    for line in history.lines:
        if line["product_id"] in names:
            bought.setdefault(line["purchase_id"], set()).add(line["product_id"])
    return [[names[product] for product in sorted(products)] for products in bought.values() if len(products) > 1]


def business_dates(history):
    """Those of all receipts: on them lie the edges."""
    clocks = {row["store_id"]: row for row in [*history.stores, history.unknown_store]}
    dates = set()
    for receipt in history.purchases:
        store = clocks[receipt["store_id"]]
        local = receipt["purchased_at"].astimezone(zoneinfo.ZoneInfo(store["time_zone"])).replace(tzinfo=None)
        start = dt.time.fromisoformat(store["day_starts_at"] or "04:00")
        dates.add((local - dt.timedelta(hours=start.hour, minutes=start.minute)).date())
    return sorted(dates)


def quiet_intervals(dates):
    """Numbers of days back from today at whose end no receipt lies, nor near it, so that any today will do."""
    today = dt.date.today()
    numbers = range(max(5, (today - dates[-1]).days - 5), max(5, (today - dates[0]).days + 5))
    return [days for days in numbers if all(abs(today - dt.timedelta(days=days) - day) > TODAY_S_EDGE for day in dates)]


def listed(parts):
    return sql(", ".join(["{}"] * len(parts)), *parts)


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def in_braces(word):
    return f'"{word}"' if any(character in word for character in ' ,{}"\\') else word
