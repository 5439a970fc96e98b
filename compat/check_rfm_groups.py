"""Checks udfs/src/rfm_groups.csv: each of the 125 cells of recency, frequency and money (1 to 5, 5 best) has exactly one
name, the first row whose box holds it, and no row is there for nothing.

    python3 compat/check_rfm_groups.py
"""

import csv
import itertools
import pathlib
import sys
from collections import Counter

GROUPS = pathlib.Path(__file__).parents[1] / "udfs/src/rfm_groups.csv"
MEASURES = ("recency", "frequency", "monetary")


def read(path=GROUPS):
    """Rows in the order of their position: (name, [(from, to) of each measure])."""
    with open(path, encoding="utf-8", newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: int(row["position"]))
    return [(row["name"], [(int(row[f"{m}_from"]), int(row[f"{m}_to"])) for m in MEASURES]) for row in rows]


def group_of(groups, cell):
    """The name of a cell (recency, frequency, monetary); None when no box holds it."""
    for name, box in groups:
        if all(low <= rank <= high for rank, (low, high) in zip(cell, box)):
            return name
    return None


def main():
    groups = read()
    cells = {cell: group_of(groups, cell) for cell in itertools.product(range(1, 6), repeat=3)}
    won = Counter(cells.values())
    faults = [f"no name: recency, frequency, monetary = {cell}" for cell, name in cells.items() if name is None]
    faults += [f"wins no cell: {name}" for name, _ in groups if not won[name]]
    faults += [f"name used twice: {name}" for name, times in Counter(name for name, _ in groups).items() if times > 1]
    faults += [f"not from low to high within 1 to 5: {name} {box}" for name, box in groups
               if not all(1 <= low <= high <= 5 for low, high in box)]
    for name, _ in groups:
        print(f"{name:<20} {won[name]:>3} cells")
    for fault in faults:
        print(f"FAILED {fault}")
    print(f"{len(cells)} cells, {len(groups)} groups, {len(faults)} faults")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
