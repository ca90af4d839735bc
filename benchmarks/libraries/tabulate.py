"""tabulate on small and medium tables of mixed types, in the formats people print.

`run(seed)` makes fresh tables (rows, dictionaries, columns) of words, integers, floats, missing values and booleans
and renders them; it returns the rendered texts.
"""

from __future__ import annotations

import random

from tabulate import tabulate  # type: ignore[import-untyped,unused-ignore]

WORDS = "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma".split()  # noqa: SIM905
HEADERS = ["name", "count", "price", "ratio", "active", "note"]


def run(seed: int) -> list[str]:
    """About 15 ms: a table of 40 rows in five formats, four smaller ones with options."""
    rng = random.Random(seed)
    table = [_row(rng) for _ in range(40)]
    shown = [tabulate(table, headers=HEADERS, tablefmt=name) for name in ("simple", "grid", "github", "html")]
    shown.append(tabulate(table, headers=HEADERS, tablefmt="pipe", floatfmt=".2f", missingval="-"))
    small = [_row(rng) for _ in range(6)]
    shown.append(tabulate(small, tablefmt="plain", numalign="left", stralign="right"))
    records = [dict(zip(HEADERS, row, strict=True)) for row in small]
    shown.append(tabulate(records, headers="keys", tablefmt="fancy_grid", showindex=True))
    columns = {name: [row[number] for row in small] for number, name in enumerate(HEADERS)}
    shown.append(tabulate(columns, headers="keys", tablefmt="latex", colalign=("left",)))
    wrapped = [[" ".join(rng.choices(WORDS, k=8)), rng.randint(0, 99)] for _ in range(4)]
    shown.append(tabulate(wrapped, headers=["text", "n"], tablefmt="grid", maxcolwidths=[20, None]))
    return shown


def _row(rng: random.Random) -> list[object]:
    return [
        rng.choice(WORDS),
        rng.randint(-1000, 100_000),
        round(rng.uniform(0, 500), rng.randint(0, 4)),
        rng.choice((rng.random(), None, f"{rng.random():.3f}")),
        rng.random() < 0.5,
        " ".join(rng.choices(WORDS, k=rng.randint(0, 3))) + ("\nsecond line" if rng.random() < 0.1 else ""),
    ]
