"""Log lines as orders."""

import re
from dataclasses import dataclass


class BadLine(ValueError):
    """A log line that is not an order."""


@dataclass
class Order:
    """One order; amounts are in cents of the shop's currency."""

    hour: int
    shop: str
    number: str
    item: str
    category: str
    quantity: int
    unit_price: int
    discount: int
    status: str

    @property
    def total(self):
        return self.quantity * self.unit_price - self.discount


def read_orders(lines):
    """The orders of a log; comments and blank lines are skipped."""
    orders = []
    for line in lines:
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        orders.append(parse_order(line))
    return orders


def parse_order(line):
    """One log line as an order. Raises BadLine."""
    match = re.match(
        r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d) shop=(\w+) order=([A-Z]-\d+) "
        r'item="([^"]*)" qty=(\d+) price=(\d+\.\d\d)([A-Z]{3})(?: coupon=(\w+))? status=(\w+)$',
        line,
    )
    if match is None:
        raise BadLine(f"not an order: {line!r}")
    status = match.group(14)
    if status not in ["paid", "shipped", "returned", "cancelled"]:
        raise BadLine(f"unknown status {status!r}")
    item = clean_name(match.group(9))
    quantity = int(match.group(10))
    unit_price = to_cents(match.group(11), match.group(12))
    return Order(
        hour=int(match.group(4)),
        shop=match.group(7),
        number=match.group(8),
        item=item,
        category=categorise(item),
        quantity=quantity,
        unit_price=unit_price,
        discount=discount(match.group(13), quantity * unit_price),
        status=status,
    )


def clean_name(text):
    """An item's name with single spaces, without notes in brackets, in lower case."""
    text = re.sub(r"\([^)]*\)", " ", text)
    text = re.sub(r"\s+", " ", text)
    return text.strip().lower()


def to_cents(amount, currency):
    """`12.50` as 1250; currencies are converted to euros at the house's fixed rates (per mille)."""
    rates = {"EUR": 1000, "CHF": 1040, "GBP": 1170, "USD": 920, "SEK": 87, "DKK": 134, "NOK": 86, "PLN": 232}
    if currency not in rates:
        raise BadLine(f"unknown currency {currency!r}")
    units, _, cents = amount.partition(".")
    return (int(units) * 100 + int(cents)) * rates[currency] // 1000


def categorise(item):
    """The shelf an item belongs to, by the words in its name."""
    shelves = [
        ("kitchen", ["mug", "cup", "plate", "bowl", "spoon", "kettle"]),
        ("paper", ["notebook", "card", "poster", "calendar", "envelope"]),
        ("textile", ["scarf", "towel", "blanket", "cushion", "tote"]),
        ("garden", ["seed", "planter", "trowel", "lantern"]),
    ]
    for shelf, words in shelves:
        if any(word in item for word in words):
            return shelf
    return "other"


def discount(coupon, amount):
    """What a coupon takes off an amount; no coupon takes off more than 20 euros."""
    if coupon is None:
        return 0
    digits = re.search(r"\d+$", coupon)
    if digits is None:
        return 0
    percent = min(int(digits.group()), 50)
    return min(amount * percent // 100, 2000)
