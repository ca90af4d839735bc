"""Drawing primitives for the charts: scales with round ticks, and SVG elements whose text is always escaped."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

WIDTH = 720
LEFT, RIGHT, TOP, BOTTOM = 56, 16, 14, 40


@dataclass(frozen=True)
class Scale:
    """Maps values low..high to pixels start..end."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        span = self.high - self.low or 1.0
        return self.start + (value - self.low) / span * (self.end - self.start)

    def ticks(self, most: int = 6) -> list[float]:
        """Round values inside the scale: 1, 2 or 5 times a power of ten apart."""
        span = self.high - self.low
        if span <= 0:
            return [self.low]
        raw = span / most
        power = 10.0 ** math.floor(math.log10(raw))
        step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw)
        first = math.ceil(self.low / step - 1e-9)
        return [number * step for number in range(first, math.floor(self.high / step + 1e-9) + 1)]


def across(low: float, high: float) -> Scale:
    """A horizontal scale over a chart's width."""
    return Scale(low, high, LEFT, WIDTH - RIGHT)


def upward(low: float, high: float, height: float) -> Scale:
    """A vertical scale, larger values higher."""
    return Scale(low, high, height - BOTTOM, TOP)


def padded(values: Iterable[float], share: float = 0.05) -> tuple[float, float]:
    """(low, high) of finite values with a margin on both sides; (0, 1) of none."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return 0.0, 1.0
    low, high = min(finite), max(finite)
    margin = (high - low) * share or abs(high) * share or share
    return low - margin, high + margin


def number(value: float) -> str:
    """A coordinate or tick label without needless digits."""
    return f"{value:.4g}"


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Markup:
    return Markup('<line x1="{}" y1="{}" x2="{}" y2="{}" class="{}"/>').format(
        *(f"{coordinate:.1f}" for coordinate in (x1, y1, x2, y2)), kind
    )


def text(x: float, y: float, words: str, kind: str = "tick", anchor: str = "middle") -> Markup:
    return Markup('<text x="{}" y="{}" class="{}" text-anchor="{}">{}</text>').format(
        f"{x:.1f}", f"{y:.1f}", kind, anchor, words
    )


def circle(x: float, y: float, radius: float, kind: str, title: str = "") -> Markup:
    inner = Markup("<title>{}</title>").format(title) if title else Markup()
    return Markup('<circle cx="{}" cy="{}" r="{}" class="{}">{}</circle>').format(
        f"{x:.1f}", f"{y:.1f}", f"{radius:.1f}", kind, inner
    )


def rectangle(x: float, y: float, width: float, height: float, kind: str) -> Markup:
    return Markup('<rect x="{}" y="{}" width="{}" height="{}" class="{}"/>').format(
        f"{x:.1f}", f"{y:.1f}", f"{max(width, 0):.1f}", f"{max(height, 0):.1f}", kind
    )


def path(points: Sequence[tuple[float, float]], kind: str, closed: bool = False) -> Markup:
    if not points:
        return Markup()
    moves = " L".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return Markup('<path d="M{}{}" class="{}"/>').format(moves, "Z" if closed else "", kind)


def axes(x: Scale, y: Scale | None, x_label: str, y_label: str, height: float, whole_x: bool = False) -> Markup:
    """Grid lines, tick labels and titles of both axes."""
    parts = []
    bottom = height - BOTTOM
    for value in x.ticks(10) if whole_x else x.ticks(7):
        if whole_x and value != int(value):
            continue
        parts += [line(x(value), bottom, x(value), bottom + 4, "axis"), text(x(value), bottom + 16, number(value))]
    parts.append(line(x.start, bottom, x.end, bottom, "axis"))
    parts.append(text((x.start + x.end) / 2, height - 6, x_label, "label"))
    if y is not None:
        for value in y.ticks(5):
            parts += [
                line(x.start, y(value), x.end, y(value), "grid"),
                text(x.start - 8, y(value) + 4, number(value), anchor="end"),
            ]
        parts.append(
            Markup(
                '<text transform="translate(12 {}) rotate(-90)" class="label" text-anchor="middle">{}</text>'
            ).format(f"{(TOP + bottom) / 2:.1f}", y_label)
        )
    return Markup().join(parts)


def drawing(height: float, description: str, parts: Iterable[Markup]) -> Markup:
    """A whole chart; the description is what a screen reader says."""
    return Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        WIDTH, f"{height:.0f}", description, Markup().join(escape(part) for part in parts)
    )
