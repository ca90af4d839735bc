"""Orders added up."""

from dataclasses import dataclass, field


@dataclass
class Tally:
    """Running figures of one shop, shelf or hour."""

    orders: int = 0
    items: int = 0
    revenue: int = 0
    smallest: int = 0
    largest: int = 0

    def add(self, order):
        total = order.total
        if self.orders == 0:
            self.smallest = total
            self.largest = total
        else:
            self.smallest = min(self.smallest, total)
            self.largest = max(self.largest, total)
        self.orders += 1
        self.items += order.quantity
        self.revenue += total

    @property
    def mean(self):
        return self.revenue // max(self.orders, 1)


@dataclass
class Summary:
    """Everything the report shows."""

    shops: dict = field(default_factory=dict)
    categories: dict = field(default_factory=dict)
    hours: list = field(default_factory=lambda: [Tally() for _ in range(24)])
    lost: int = 0
    suspicious: list = field(default_factory=list)


def summarise(orders):
    """The summary of a list of orders; returned and cancelled ones count as lost."""
    summary = Summary()
    for order in orders:
        if order.status in ["returned", "cancelled"]:
            summary.lost += order.total
            continue
        if order.shop not in summary.shops:
            summary.shops[order.shop] = Tally()
        if order.category not in summary.categories:
            summary.categories[order.category] = Tally()
        summary.shops[order.shop].add(order)
        summary.categories[order.category].add(order)
        summary.hours[order.hour].add(order)
        if is_suspicious(order):
            summary.suspicious.append(order.number)
    return summary


def is_suspicious(order):
    """Whether somebody should look at an order: many at once, for nothing, or with a test article."""
    markers = ["test", "dummy", "sample", "xxx"]
    return order.quantity > 90 or order.total <= 0 or any(marker in order.item for marker in markers)


def busiest_hours(summary, count=3):
    """The hours with most revenue, best first; of equals the earlier one."""
    ranked = sorted(range(24), key=lambda hour: (-summary.hours[hour].revenue, hour))
    best = []
    for hour in ranked:
        if summary.hours[hour].orders and len(best) < count:
            best.append(hour)
    return best


def spread(values):
    """How far values lie apart on average, as the mean distance of neighbours after sorting."""
    from itertools import pairwise

    ordered = sorted(values)
    if len(ordered) < 2:
        return 0
    distances = []
    for low, high in pairwise(ordered):
        distances.append(high - low)
    return sum(distances) // len(distances)
