"""Makes the purchase history that the benchmark asks: three years, 12 % anonymous receipts, products by Zipf.

    python generate.py FOLDER LINES [SEED]

For LINES lines there are LINES / 50 members and LINES / 2.5 purchases. Under FOLDER:

- `history/`: Parquet as Regulars reads it: instants, no local time; a file of purchases and one of lines for each month.
- `wide/`: Parquet for the rivals, one row a line, with the member, the store, the channel and the local time of its purchase
  in narrow, ready columns, so that no rival has to join or to convert an instant.
- `raw/`: the same columns as bare arrays, for the loop that has no engine around it.

The same arguments give the same rows. There are no refunds and no voided receipts, so that a rival needs no more than a filter.
"""

import datetime
import pathlib
import sys
import zoneinfo

import numpy
import pyarrow
import pyarrow.parquet as parquet

FIRST, LAST = datetime.date(2023, 11, 21), datetime.date(2026, 11, 20)
STORES, PRODUCTS, CATEGORIES = 24, 2_000, 12
CHANNELS = ["store", "app", "web"]
ZONES = ["Europe/Stockholm"] * 20 + ["Europe/London"] * 2 + ["America/New_York"] * 2
DAY_STARTS_H = 4
ANONYMOUS = 0.12
EPOCH = datetime.date(1970, 1, 1)


def days_from_epoch(day):
    return (day - EPOCH).days


def offsets():
    """Seconds between UTC and local time, by zone and by hour since 1970, for the hours that matter."""
    first, last = days_from_epoch(FIRST) * 24 - 48, days_from_epoch(LAST) * 24 + 96
    hours = numpy.arange(first, last)
    table = {}
    for zone in sorted(set(ZONES)):
        info = zoneinfo.ZoneInfo(zone)
        table[zone] = numpy.array([int(datetime.datetime.fromtimestamp(hour * 3600, info).utcoffset().total_seconds())
                                   for hour in hours.tolist()])
    return first, numpy.stack([table[zone] for zone in ZONES])


def months():
    month = FIRST.replace(day=1)
    while month <= LAST:
        following = (month.replace(day=28) + datetime.timedelta(days=4)).replace(day=1)
        yield max(month, FIRST), min(following, LAST + datetime.timedelta(days=1))
        month = following


def minutes_of_day(random, count):
    """A morning rush, a lunch rush, an afternoon, and a few after midnight."""
    kind = random.random(count)
    morning = random.normal(8.2 * 60, 55, count)
    lunch = random.normal(12.3 * 60, 45, count)
    rest = random.uniform(9 * 60, 26 * 60, count)
    minute = numpy.where(kind < 0.3, morning, numpy.where(kind < 0.6, lunch, rest))
    return numpy.clip(minute, DAY_STARTS_H * 60, 27 * 60 - 1).astype(numpy.int64)


def money(cents):
    """Whole cents as decimals of two places: the same sixteen bytes, read otherwise."""
    whole = pyarrow.array(cents.astype("int32")).cast(pyarrow.decimal128(18, 0))
    return pyarrow.Array.from_buffers(pyarrow.decimal128(18, 2), len(whole), whole.buffers())


def write(path, columns, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pyarrow.table(columns), path, compression="zstd", compression_level=1, **options)


def main():
    folder, lines = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 20261126
    random = numpy.random.default_rng(seed)
    members, purchases = max(lines // 50, 100), lines * 2 // 5
    all_days = (LAST - FIRST).days + 1
    price = random.integers(150, 2_000, PRODUCTS).astype(numpy.uint32)
    category = random.integers(0, CATEGORIES, PRODUCTS)
    weight = 1 / numpy.arange(1, PRODUCTS + 1)
    cumulated = numpy.cumsum(weight / weight.sum())
    # Keen members have no low numbers.
    number_of = random.permutation(members).astype(numpy.int64)
    first_hour, offset = offsets()

    write(folder / "history/members.parquet", {
        "member_id": pyarrow.array(numpy.arange(1, members + 1)),
        "joined_on": pyarrow.array(random.integers(days_from_epoch(FIRST) - 700, days_from_epoch(LAST), members).astype("int32"),
                                   pyarrow.date32()),
        "country": pyarrow.array(numpy.array(["SE", "NO", "DK", "FI"])[random.integers(0, 4, members)]),
    })
    write(folder / "history/stores.parquet", {
        "store_id": pyarrow.array(numpy.arange(1, STORES + 1)),
        "time_zone": pyarrow.array(ZONES),
    })
    write(folder / "history/products.parquet", {
        "product_id": pyarrow.array(numpy.arange(1, PRODUCTS + 1)),
        "name": pyarrow.array([f"product {number}" for number in range(1, PRODUCTS + 1)]),
        "category": pyarrow.array([f"category {number}" for number in category]),
    })
    raw = folder / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    files = {name: (raw / name).open("wb") for name in ("member", "product", "weekday", "minute", "day", "cents", "purchase",
                                                        "store", "channel")}
    purchase, written = 0, 0
    for month, (begin, end) in enumerate(months()):
        count = purchases * (end - begin).days // all_days
        if end > LAST:
            count = purchases - purchase
        day = numpy.sort(random.integers(days_from_epoch(begin), days_from_epoch(end), count))
        minute = minutes_of_day(random, count)
        store = random.integers(0, STORES, count)
        # The wall clock in the store, and the instant behind it: the hour before says the offset.
        local_s = day * 86_400 + minute * 60 + random.integers(0, 60, count)
        hour = local_s // 3600 - first_hour
        instant_s = local_s - offset[store, hour]
        instant_s = local_s - offset[store, instant_s // 3600 - first_hour]
        # Of a wall clock that does not exist or exists twice, that of the instant counts.
        local_s = instant_s + offset[store, instant_s // 3600 - first_hour]
        business_day = (local_s - DAY_STARTS_H * 3600) // 86_400
        minute = local_s // 60 % 1_440
        weekday = (business_day + 3) % 7 + 1
        channel = numpy.searchsorted([0.7, 0.9], random.random(count))
        member = number_of[(members * random.random(count) ** 2).astype(numpy.int64)] + 1
        anonymous = random.random(count) < ANONYMOUS
        per_purchase = 1 + random.binomial(5, 0.3, count)
        purchase_id = numpy.arange(purchase + 1, purchase + count + 1)
        purchase += count
        of = numpy.repeat(numpy.arange(count), per_purchase)
        product = numpy.searchsorted(cumulated, random.random(len(of)))
        cents = price[product]
        totals = numpy.bincount(of, weights=cents, minlength=count).astype(numpy.int64)

        write(folder / f"history/purchases/{month:02}.parquet", {
            "purchase_id": pyarrow.array(purchase_id),
            "member_id": pyarrow.array(member, mask=anonymous),
            "store_id": pyarrow.array(store + 1),
            "purchased_at": pyarrow.array(instant_s * 1_000_000, pyarrow.timestamp("us", "UTC")),
            "channel": pyarrow.array(numpy.array(CHANNELS)[channel]),
            "status": pyarrow.array(numpy.full(count, "completed")),
            "amount": money(totals),
        })
        write(folder / f"history/purchase_lines/{month:02}.parquet", {
            "purchase_id": pyarrow.array(purchase_id[of]),
            "product_id": pyarrow.array(product + 1),
            "quantity": pyarrow.array(numpy.ones(len(of), "int64")),
            "amount": money(cents),
        })
        narrow = {
            "member": numpy.where(anonymous, 0, member)[of].astype("uint32"),
            "product": (product + 1).astype("uint16"),
            "weekday": weekday[of].astype("uint8"),
            "minute": minute[of].astype("uint16"),
            "day": business_day[of].astype("uint16"),
            "cents": cents.astype("uint32"),
            "purchase": purchase_id[of].astype("uint32"),
            "store": (store[of] + 1).astype("uint8"),
            "channel": channel[of].astype("uint8"),
        }
        for name, values in narrow.items():
            values.tofile(files[name])
        wide = {name: pyarrow.array(values) for name, values in narrow.items()}
        wide["member"] = pyarrow.array(narrow["member"], mask=anonymous[of])
        wide["day"] = pyarrow.array(narrow["day"].astype("int32"), pyarrow.date32())
        wide["day_number"] = pyarrow.array(narrow["day"])
        wide["category"] = pyarrow.array(category[product].astype("uint8"))
        write(folder / f"wide/{month:02}.parquet", wide)
        written += len(of)
        print(f"{begin:%Y-%m}  {purchase:>12,} purchases  {written:>12,} lines", flush=True)
    for file in files.values():
        file.close()
    (folder / "size").write_text(f"{members} {purchase} {written}\n")


if __name__ == "__main__":
    main()
