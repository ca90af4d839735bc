"""The summary as text of a fixed width."""

import re

from shop_report.summary import busiest_hours, spread


def render(summary, width=60):
    """The report, one line per shop and shelf, no trailing spaces."""
    lines = ["Orders by shop".center(width).rstrip(), "=" * width]
    lines += table(summary.shops, width)
    lines += ["", "Orders by shelf".center(width).rstrip(), "=" * width]
    lines += table(summary.categories, width)
    lines += ["", "Orders by hour".center(width).rstrip(), "=" * width]
    lines += chart([hour.revenue for hour in summary.hours], width)
    lines.append("")
    lines.append("Busiest: " + ", ".join(f"{hour:02}:00" for hour in busiest_hours(summary)))
    lines.append("Spread between shops: " + money(spread([tally.revenue for tally in summary.shops.values()])))
    lines.append("Lost: " + money(summary.lost))
    if summary.suspicious:
        lines += wrap("Please check: " + ", ".join(summary.suspicious), width)
    return "\n".join(lines) + "\n"


def table(tallies, width):
    """Rows of name, number of orders, items and revenue, by name."""
    rows = []
    for name in sorted(tallies):
        tally = tallies[name]
        figures = f"{tally.orders:>6}{tally.items:>7}{money(tally.revenue):>14}{money(tally.mean):>12}"
        room = max(width - len(figures), 4)
        rows.append(shorten(name, room).ljust(room) + figures)
    return rows


def chart(values, width):
    """One bar per value, the longest as wide as fits."""
    top = max(max(values), 1)
    room = max(width - 20, 10)
    bars = []
    for hour, value in enumerate(values):
        if value > 0:
            bars.append(f"{hour:02}:00 {'#' * min(room, max(1, value * room // top))} {money(value)}")
    return bars


def money(cents):
    """`123456` as `1 234.56`."""
    sign = "-" if cents < 0 else ""
    units, rest = divmod(abs(cents), 100)
    return f"{sign}{re.sub(r'(?<=[0-9])(?=(?:[0-9]{3})+$)', ' ', str(units))}.{rest:02}"


def shorten(text, room):
    """The text, cut with a dot when it is longer than the room."""
    if len(text) <= room:
        return text
    return text[: max(room - 1, 0)] + "."


def wrap(text, width):
    """The text broken at spaces into lines no longer than the width."""
    lines = []
    line = ""
    for word in text.split():
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = word
        else:
            line = line + " " + word if line else word
    lines.append(line)
    return lines
