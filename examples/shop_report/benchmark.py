"""A day of made-up orders, reported on: what `shop_report` is used for."""

import random

from shop_report import report

SHOPS = ["berlin", "zurich", "leeds", "malmo", "aarhus", "gdansk"]
CURRENCIES = ["EUR", "CHF", "GBP", "SEK", "DKK", "PLN"]
ITEMS = [
    "Blue Mug, large",
    "Tea  kettle (steel)",
    "Notebook A5 (dotted)",
    "Greeting card   set",
    "Wool scarf",
    "Beach towel (2 m)",
    "Planter, round",
    "Lantern (outdoor)",
    "Desk lamp",
    "Bicycle bell",
    "Puzzle (1000 pieces)",
    "Sample bag",
]
COUPONS = ["", "", "", " coupon=SPRING10", " coupon=WELCOME", " coupon=MEMBER25"]
STATUSES = ["paid", "paid", "shipped", "shipped", "returned", "cancelled"]


def orders(seed, count=600):
    """Log lines of one day; the same seed gives the same lines."""
    rng = random.Random(seed)
    for number in range(count):
        a, b = rng.getrandbits(30), rng.getrandbits(30)
        place = a % 6
        yield (
            f"2026-03-01T{a % 24:02}:{b % 60:02}:{a % 60:02} shop={SHOPS[place]} order=A-{10000 + number} "
            f'item="{ITEMS[b % 12]}" qty={1 + a % 7} price={1 + b % 200}.{a % 100:02}{CURRENCIES[place]}'
            f"{COUPONS[(a >> 9) % 6]} status={STATUSES[(b >> 9) % 6]}"
        )


def run(seed):
    return report(orders(seed))
