from shop_report.orders import Order
from shop_report.summary import Summary, Tally, busiest_hours, is_suspicious, spread, summarise


def order(**changes):
    values = {
        "hour": 9,
        "shop": "berlin",
        "number": "A-1",
        "item": "mug",
        "category": "kitchen",
        "quantity": 2,
        "unit_price": 500,
        "discount": 0,
        "status": "paid",
    }
    return Order(**{**values, **changes})


def test_a_tally_keeps_count_and_extremes():
    tally = Tally()
    assert tally.mean == 0
    for quantity in (2, 1, 5):
        tally.add(order(quantity=quantity))
    assert (tally.orders, tally.items, tally.revenue) == (3, 8, 4000)
    assert (tally.smallest, tally.largest, tally.mean) == (500, 2500, 1333)


def test_orders_are_added_up_by_shop_shelf_and_hour():
    summary = summarise(
        [order(), order(shop="leeds", hour=10), order(category="paper", quantity=1), order(hour=23, discount=100)]
    )
    assert {name: tally.revenue for name, tally in summary.shops.items()} == {"berlin": 2400, "leeds": 1000}
    assert {name: tally.orders for name, tally in summary.categories.items()} == {"kitchen": 3, "paper": 1}
    assert [hour for hour in range(24) if summary.hours[hour].orders] == [9, 10, 23]
    assert summary.lost == 0
    assert summary.suspicious == []


def test_returned_and_cancelled_orders_are_lost():
    summary = summarise([order(status="returned"), order(status="cancelled", quantity=1), order(status="shipped")])
    assert summary.lost == 1500
    assert summary.shops["berlin"].orders == 1


def test_nothing_gives_an_empty_summary():
    summary = summarise([])
    assert summary == Summary()
    assert len(summary.hours) == 24
    assert busiest_hours(summary) == []


def test_suspicious_orders():
    assert not is_suspicious(order())
    assert not is_suspicious(order(quantity=90))
    assert is_suspicious(order(quantity=91))
    assert is_suspicious(order(unit_price=0))
    assert is_suspicious(order(item="test mug"))
    assert is_suspicious(order(item="dummy"))
    assert is_suspicious(order(item="mug xxxl"))
    assert summarise([order(number="A-7", item="sample")]).suspicious == ["A-7"]


def test_busiest_hours():
    summary = summarise([order(hour=5), order(hour=3), order(hour=20, quantity=9), order(hour=4, quantity=1)])
    assert busiest_hours(summary) == [20, 3, 5]
    assert busiest_hours(summary, 1) == [20]


def test_spread():
    assert spread([]) == 0
    assert spread([7]) == 0
    assert spread([10, 0, 4]) == 5
    assert spread([3, 3]) == 0
