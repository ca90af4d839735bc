"""The report's charts, each a function from data to an SVG drawing; an empty one where there is nothing to show."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import median

from markupsafe import Markup

from dean_airflow.evolution.report.data import EditReport, GenerationReport, LineageNode, Measurement
from dean_airflow.evolution.report.svg import (
    BOTTOM,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    Scale,
    across,
    axes,
    circle,
    drawing,
    line,
    number,
    padded,
    path,
    rectangle,
    text,
    upward,
)

BINS = 32
ISLAND_COLOURS = 6


def costs(measurement: Measurement) -> Markup:
    """How long single measurements took, baseline and champion over the same bins, with their medians."""
    groups = {
        "baseline": [seconds * 1e3 for seconds in measurement.baseline_seconds if 0 < seconds < math.inf],
        "champion": [seconds * 1e3 for seconds in measurement.candidate_seconds if 0 < seconds < math.inf],
    }
    if not all(groups.values()):
        return Markup()
    height = 240.0
    # Tails are heavy: what lies beyond the 98th percentile is drawn in the last bin.
    everything = sorted(value for values in groups.values() for value in values)
    low, high = padded([everything[0], everything[min(len(everything) - 1, int(0.98 * len(everything)))]])
    low = max(low, 0.0)
    x, counts = across(low, high), {name: _histogram(values, low, high) for name, values in groups.items()}
    y = upward(0, max(max(bins) for bins in counts.values()) * 1.12, height)
    parts = [axes(x, y, "milliseconds a measurement", "measurements", height)]
    for name, bins in counts.items():
        parts.append(path(_steps(bins, x, y), f"area {name}", closed=True))
    middles = {name: median(values) for name, values in groups.items()}
    left = min(middles, key=lambda name: middles[name])
    for name, middle in middles.items():
        parts.append(line(x(middle), TOP + 4, x(middle), height - BOTTOM, f"median {name}"))
        # Labels lean away from one another: the medians may be close.
        anchor = "end" if name == left else "start"
        parts.append(text(x(middle), TOP - 2, f"{name} {middle:.3g} ms", f"mark {name}", anchor))
    return drawing(height, "Distribution of measured cost, baseline and champion", parts)


def pair_speedups(measurement: Measurement, interval: Sequence[float] | None) -> Markup:
    """Every pair's speed-up, one row a pair of processes, with the interval of the claim behind them."""
    rows = [[math.exp(-ratio) for ratio in ratios if math.isfinite(ratio)] for ratios in measurement.log_ratios]
    rows = [row for row in rows if row]
    if not rows:
        return Markup()
    height = TOP + BOTTOM + 26.0 * len(rows)
    everything = sorted(value for row in rows for value in row)
    cut = max(1, len(everything) // 50)
    low, high = padded([1.0, *everything[cut:-cut], *(interval or ())])
    x = across(low, high)
    parts = [axes(x, None, "speed-up of a pair (baseline / champion)", "", height)]
    if interval:
        parts.append(rectangle(x(interval[0]), TOP, x(interval[1]) - x(interval[0]), height - TOP - BOTTOM, "band"))
    parts.append(line(x(1.0), TOP, x(1.0), height - BOTTOM, "reference"))
    for index, row in enumerate(rows):
        middle = TOP + 26.0 * index + 13
        parts.append(text(LEFT - 8, middle + 4, f"{index + 1}", anchor="end"))
        for place, value in enumerate(row):
            at = min(max(value, low), high)
            parts.append(circle(x(at), middle + (place % 5 - 2) * 3.2, 2.6, "dot", f"{value:.3f}×"))
        parts.append(line(x(median(row)), middle - 11, x(median(row)), middle + 11, "median champion"))
    return drawing(height, "Speed-up of every measured pair", parts)


def fitness(generations: Sequence[GenerationReport]) -> Markup:
    """Best (line) and mean (dashed) fitness of each island's generations."""
    return _by_generation(
        generations,
        "fitness",
        [("best", lambda one: one.best_fitness), ("mean", lambda one: one.mean_fitness)],
    )


def diversity(generations: Sequence[GenerationReport], threshold: float) -> Markup:
    """Diversity of each island's generations, with the threshold it is kept above."""
    return _by_generation(generations, "diversity", [("best", lambda one: one.diversity)], threshold, top=1.0)


def effects(edits: Sequence[EditReport]) -> Markup:
    """Each edit's effect with its interval."""
    measured = [edit for edit in edits if edit.effect is not None and edit.effect_interval is not None]
    if not measured:
        return Markup()
    height = TOP + BOTTOM + 26.0 * len(measured)
    values = [1.0]
    for edit in measured:
        values += [edit.effect or 1.0, *(edit.effect_interval or ())]
    x = across(*padded(values))
    parts = [axes(x, None, "speed-up of the edit (champion without it / with it)", "", height)]
    parts.append(line(x(1.0), TOP, x(1.0), height - BOTTOM, "reference"))
    for index, edit in enumerate(measured):
        middle = TOP + 26.0 * index + 13
        low, high = edit.effect_interval or (1.0, 1.0)
        parts.append(text(LEFT - 8, middle + 4, f"{edits.index(edit) + 1}", anchor="end"))
        parts.append(line(x(low), middle, x(high), middle, "whisker"))
        parts.append(circle(x(edit.effect or 1.0), middle, 4.5, "dot", f"{edit.effect:.3f}×"))
    return drawing(height, "Effect of each edit with its 95 % interval", parts)


def family_tree(nodes: Sequence[LineageNode]) -> Markup:
    """Winning candidates by their number of edits, from single edits on the left to the champion on the right."""
    if not nodes:
        return Markup()
    columns = sorted({len(node.edits) for node in nodes})
    placed: dict[str, tuple[float, float]] = {}
    by_column = {size: [node for node in nodes if len(node.edits) == size] for size in columns}
    tallest = max(len(column) for column in by_column.values())
    height = TOP + BOTTOM + 30.0 * tallest
    room = WIDTH - LEFT - RIGHT - 60
    for place, size in enumerate(columns):
        at = LEFT + 30 + (room * place / (len(columns) - 1) if len(columns) > 1 else room / 2)
        column = by_column[size]
        for index, node in enumerate(column):
            placed[node.key] = (at, TOP + (height - TOP - BOTTOM) * (index + 0.5) / len(column))
    parts = [
        line(*placed[parent], *placed[node.key], "descent")
        for node in nodes
        for parent in node.parents
        if parent in placed
    ]
    for node in nodes:
        x, y = placed[node.key]
        title = f"{node.fitness:.3f} in generation {node.generation} of island {node.island}:\n" + "\n".join(node.edits)
        parts.append(circle(x, y, 10 + 6 * max(node.fitness, 0.0), f"node {_colour(node.island)}", title))
        parts.append(text(x, y + 3.5, f"{node.fitness:.2f}".lstrip("0"), "inside"))
    for place, size in enumerate(columns):
        at = placed[by_column[size][0].key][0]
        words = "1 edit" if size == 1 else f"{size} edits"
        parts.append(text(at, height - 20 if place % 2 and len(columns) > 8 else height - 6, words))
    return drawing(height, "Lineage of the champion", parts)


def _by_generation(
    generations: Sequence[GenerationReport],
    label: str,
    series: Sequence[tuple[str, Callable[[GenerationReport], float]]],
    threshold: float | None = None,
    top: float = 0.0,
) -> Markup:
    if not generations:
        return Markup()
    height = 220.0
    values = [value(one) for _, value in series for one in generations]
    x = across(0, max(max(one.number for one in generations), 1))
    y = upward(0, max([top, *(value * 1.1 for value in values)]) or 1.0, height)
    parts = [axes(x, y, "generation (0: the sweep)", label, height, whole_x=True)]
    if threshold is not None:
        parts.append(line(x.start, y(threshold), x.end, y(threshold), "threshold"))
        parts.append(text(x.end - 4, y(threshold) - 5, f"kept above {number(threshold)}", "tick", "end"))
    for island in sorted({one.island for one in generations}):
        own = sorted((one for one in generations if one.island == island), key=lambda one: one.number)
        for kind, value in series:
            points = [(x(one.number), y(value(one))) for one in own]
            parts.append(path(points, f"series {kind} {_colour(island)}"))
            if kind == "best":
                parts += [
                    circle(*point, 3, f"point {_colour(island)}", f"island {island}: {value(one):.3f}")
                    for point, one in zip(points, own, strict=True)
                ]
    return drawing(height, f"{label} by generation", parts)


def _histogram(values: Sequence[float], low: float, high: float) -> list[int]:
    bins = [0] * BINS
    for value in values:
        place = int((value - low) / (high - low) * BINS) if high > low else 0
        bins[min(max(place, 0), BINS - 1)] += 1
    return bins


def _steps(bins: Sequence[int], x: Scale, y: Scale) -> list[tuple[float, float]]:
    low, high = x.low, x.high
    width = (high - low) / len(bins)
    points = [(x(low), y(0))]
    for index, count in enumerate(bins):
        points += [(x(low + index * width), y(count)), (x(low + (index + 1) * width), y(count))]
    return [*points, (x(high), y(0))]


def _colour(island: int) -> str:
    return f"island-{island % ISLAND_COLOURS}"
