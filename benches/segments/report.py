"""What a run came to: a table of medians and ratios, and charts.

    python report.py FOLDER… > table.md     # with more than one FOLDER also a plot of how time grows with the lines
"""

import json
import math
import pathlib
import statistics
import sys

NOT_PEERS = ("Regulars", "bare loop", "DataFusion on Parquet", "PostgreSQL 15")


def medians(results):
    return {question: {engine: statistics.median(took) for engine, took in by_engine.items()}
            for question, by_engine in results["took_ms"].items()}


def shown(milliseconds):
    if milliseconds is None:
        return "–"
    return f"{milliseconds:.2f}" if milliseconds < 10 else f"{milliseconds:,.0f}"


def table(results):
    """A Markdown table: milliseconds (median), and how many times faster Regulars is."""
    found = medians(results)
    engines = list(dict.fromkeys(engine for by_engine in found.values() for engine in by_engine))
    rows = [["question", *engines, "best peer ÷ Regulars", "Regulars ÷ bare loop", "plain ÷ Regulars"]]
    peers, loops, plains = [], [], []
    for question, took in found.items():
        ours = took.get("Regulars")
        peer = min((took[engine] for engine in took if engine not in NOT_PEERS), default=None)
        loop, plain = took.get("bare loop"), took.get("DataFusion on Parquet")
        ratio = [peer and ours and peer / ours, loop and ours and ours / loop, plain and ours and plain / ours]
        for kept, value in zip((peers, loops, plains), ratio):
            if value:
                kept.append(value)
        rows.append([question, *(shown(took.get(engine)) for engine in engines),
                     *("–" if value is None else f"{value:.1f}" for value in ratio)])
    means = [f"{statistics.geometric_mean(values):.1f}" if values else "–" for values in (peers, loops, plains)]
    rows.append(["geometric mean", *([""] * len(engines)), *means])
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    lines = ["| " + " | ".join(cell.ljust(width) if at == 0 else cell.rjust(width)
                               for at, (cell, width) in enumerate(zip(row, widths))) + " |" for row in rows]
    lines.insert(1, "|" + "|".join("-" * (width + 1) + ("-" if at == 0 else ":") for at, width in enumerate(widths)) + "|")
    return "\n".join(lines)


def chart(results):
    """Bars of milliseconds on a logarithmic scale, a group for each question."""
    found = medians(results)
    engines = list(dict.fromkeys(engine for by_engine in found.values() for engine in by_engine))
    colours = ["#1b7837", "#9970ab", "#bbbbbb", "#2166ac", "#67a9cf", "#ef8a62", "#b2182b", "#8c510a"]
    bar, gap, left, width = 11, 14, 190, 620
    low, high = 0.1, max(took for by_engine in found.values() for took in by_engine.values())
    scale = width / math.log10(high / low)
    parts, top = [], 40
    for at, engine in enumerate(engines):
        x = 10 + at % 4 * 205
        y = 12 + at // 4 * 14
        parts.append(f'<rect x="{x}" y="{y - 8}" width="9" height="9" fill="{colours[at % 8]}"/>'
                     f'<text x="{x + 13}" y="{y}">{engine}</text>')
    for question, by_engine in found.items():
        parts.append(f'<text x="{left - 8}" y="{top + bar}" text-anchor="end">{question}</text>')
        for at, engine in enumerate(engines):
            if engine in by_engine:
                length = max(1, math.log10(max(by_engine[engine], low) / low) * scale)
                parts.append(f'<rect x="{left}" y="{top}" width="{length:.0f}" height="{bar - 2}" fill="{colours[at % 8]}"/>'
                             f'<text x="{left + length + 4:.0f}" y="{top + bar - 3}">{shown(by_engine[engine])}</text>')
                top += bar
        top += gap
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + 70}" height="{top}" font-family="sans-serif"'
            f' font-size="10"><rect width="100%" height="100%" fill="white"/>{"".join(parts)}</svg>\n')


def growth(many):
    """Milliseconds of Regulars over lines, both on logarithmic scales, a line for each question."""
    many = sorted(many, key=lambda results: results["lines"])
    found = [medians(results) for results in many]
    xs = [math.log10(results["lines"]) for results in many]
    values = [took["Regulars"] for by_question in found for took in by_question.values() if "Regulars" in took]
    low, high = math.log10(min(values)), math.log10(max(values))
    width, height, left = 420, 360, 50
    x_of = lambda x: left + (x - xs[0]) / (xs[-1] - xs[0]) * width
    y_of = lambda y: 20 + (high - math.log10(y)) / (high - low) * height
    parts = []
    for results, x in zip(many, xs):
        parts.append(f'<text x="{x_of(x):.0f}" y="{height + 40}" text-anchor="middle">{results["lines"]:,}</text>')
    for power in range(math.ceil(low), math.floor(high) + 1):
        y = y_of(10.0 ** power)
        parts.append(f'<text x="{left - 6}" y="{y:.0f}" text-anchor="end">{10.0 ** power:g} ms</text>'
                     f'<line x1="{left}" x2="{left + width}" y1="{y:.0f}" y2="{y:.0f}" stroke="#dddddd"/>')
    for question in found[-1]:
        points = [(x_of(x), y_of(by_question[question]["Regulars"])) for x, by_question in zip(xs, found)
                  if "Regulars" in by_question.get(question, {})]
        path = " ".join(f"{x:.0f},{y:.0f}" for x, y in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="#1b7837"/>'
                     f'<text x="{points[-1][0] + 5:.0f}" y="{points[-1][1] + 3:.0f}">{question}</text>')
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + 130}" height="{height + 60}" font-family="sans-serif"'
            f' font-size="10"><rect width="100%" height="100%" fill="white"/>{"".join(parts)}</svg>\n')


def main():
    folders = [pathlib.Path(argument) for argument in sys.argv[1:]]
    many = [json.loads((folder / "results.json").read_text()) for folder in folders]
    here = pathlib.Path(__file__).parent
    largest = max(many, key=lambda results: results["lines"])
    (here / "questions.svg").write_text(chart(largest))
    if len(many) > 1:
        (here / "growth.svg").write_text(growth(many))
    for results in many:
        print(f"\n{results['lines']:,} lines\n\n{table(results)}")


if __name__ == "__main__":
    main()
