import pytest
from shop_report.orders import BadLine, categorise, clean_name, discount, parse_order, read_orders, to_cents

LINE = (
    '2026-03-01T12:30:05 shop=berlin order=A-10293 item="Blue Mug,  large" qty=3 price=12.50EUR '
    "coupon=SPRING10 status=paid"
)


def test_a_line_becomes_an_order():
    order = parse_order(LINE)
    assert (order.hour, order.shop, order.number) == (12, "berlin", "A-10293")
    assert (order.item, order.category) == ("blue mug, large", "kitchen")
    assert (order.quantity, order.unit_price, order.discount) == (3, 1250, 375)
    assert order.status == "paid"
    assert order.total == 3375


def test_the_coupon_is_optional():
    order = parse_order(LINE.replace(" coupon=SPRING10", ""))
    assert order.discount == 0
    assert order.total == 3750


@pytest.mark.parametrize(
    "line",
    [
        "",
        "hello",
        LINE + " more",
        LINE.replace("qty=3", "qty=three"),
        LINE.replace("price=12.50", "price=12.5"),
        LINE.replace("A-10293", "10293"),
    ],
)
def test_other_lines_are_refused(line):
    with pytest.raises(BadLine, match="not an order"):
        parse_order(line)


@pytest.mark.parametrize("status", ["paid", "shipped", "returned", "cancelled"])
def test_known_statuses(status):
    assert parse_order(LINE.replace("status=paid", f"status={status}")).status == status


def test_unknown_status():
    with pytest.raises(BadLine, match="unknown status 'lost'"):
        parse_order(LINE.replace("status=paid", "status=lost"))


def test_comments_and_blank_lines_are_skipped():
    assert [order.number for order in read_orders(["# day one\n", "\n", f"  {LINE}\n", "   "])] == ["A-10293"]
    assert read_orders([]) == []


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("Wool scarf", "wool scarf"),
        ("  Tea  kettle (steel) ", "tea kettle"),
        ("Mug (blue) (large) set", "mug set"),
        ("()", ""),
        ("Half (open", "half (open"),
    ],
)
def test_names_are_cleaned(text, clean):
    assert clean_name(text) == clean


@pytest.mark.parametrize(
    ("amount", "currency", "cents"),
    [
        ("12.50", "EUR", 1250),
        ("1.00", "CHF", 104),
        ("1.00", "GBP", 117),
        ("100.05", "SEK", 870),
        ("0.00", "USD", 0),
        ("2.00", "DKK", 26),
        ("2.00", "NOK", 17),
        ("1.00", "PLN", 23),
    ],
)
def test_amounts_are_in_euro_cents(amount, currency, cents):
    assert to_cents(amount, currency) == cents


def test_unknown_currency():
    with pytest.raises(BadLine, match="unknown currency 'YEN'"):
        to_cents("1.00", "YEN")


@pytest.mark.parametrize(
    ("item", "shelf"),
    [
        ("blue mug", "kitchen"),
        ("kettle", "kitchen"),
        ("notebook a5", "paper"),
        ("envelope", "paper"),
        ("beach towel", "textile"),
        ("tote", "textile"),
        ("seedling", "garden"),
        ("lantern", "garden"),
        ("desk lamp", "other"),
        ("", "other"),
        ("calendar with seeds", "paper"),
    ],
)
def test_shelves(item, shelf):
    assert categorise(item) == shelf


@pytest.mark.parametrize(
    ("coupon", "amount", "off"),
    [
        (None, 1000, 0),
        ("WELCOME", 1000, 0),
        ("SPRING10", 1000, 100),
        ("MEMBER25", 999, 249),
        ("ALL99", 1000, 500),
        ("HALF50", 100000, 2000),
        ("ZERO0", 1000, 0),
        ("10", 50, 5),
    ],
)
def test_coupons(coupon, amount, off):
    assert discount(coupon, amount) == off
