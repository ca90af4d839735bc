"""Sums up the order log of a small chain of shops."""

from shop_report.orders import Order, read_orders
from shop_report.summary import Summary, summarise
from shop_report.text import render

__all__ = ["Order", "Summary", "read_orders", "render", "report", "summarise"]


def report(lines, width=60):
    """The finished report on an iterable of log lines."""
    return render(summarise(read_orders(lines)), width)
