import pytest
from shop_report import report
from shop_report.summary import Tally, summarise
from shop_report.text import chart, money, render, shorten, table, wrap

LINES = [
    '2026-03-01T12:30:05 shop=berlin order=A-1 item="Blue Mug" qty=3 price=12.50EUR status=paid',
    '2026-03-01T13:30:05 shop=zurich order=A-2 item="Sample card" qty=1 price=10.00CHF status=shipped',
    '2026-03-01T13:40:05 shop=berlin order=A-3 item="Desk lamp" qty=1 price=99.00EUR coupon=MEMBER25 status=returned',
]


def test_the_whole_report():
    assert report(LINES, 50).splitlines() == [
        "                  Orders by shop",
        "=" * 50,
        "berlin          1      3         37.50       37.50",
        "zurich          1      1         10.40       10.40",
        "",
        "                 Orders by shelf",
        "=" * 50,
        "kitchen         1      3         37.50       37.50",
        "paper           1      1         10.40       10.40",
        "",
        "                  Orders by hour",
        "=" * 50,
        "12:00 ############################## 37.50",
        "13:00 ######## 10.40",
        "",
        "Busiest: 12:00, 13:00",
        "Spread between shops: 27.10",
        "Lost: 79.00",
        "Please check: A-2",
    ]


def test_a_report_on_nothing():
    text = render(summarise([]))
    assert "Busiest: \n" in text
    assert text.endswith("Lost: 0.00\n")


@pytest.mark.parametrize(
    ("cents", "text"),
    [
        (0, "0.00"),
        (5, "0.05"),
        (123, "1.23"),
        (99999, "999.99"),
        (100000, "1 000.00"),
        (123456789, "1 234 567.89"),
        (-1, "-0.01"),
        (-250000, "-2 500.00"),
    ],
)
def test_money(cents, text):
    assert money(cents) == text


def test_rows_are_sorted_and_names_cut():
    tallies = {"zurich": Tally(1, 2, 300), "a very long name indeed": Tally(2, 2, 500)}
    rows = table(tallies, 50)
    assert rows[0].startswith("a very lon.")
    assert rows[1].startswith("zurich     ")
    assert [len(row) for row in rows] == [50, 50]


def test_rows_of_a_narrow_table_keep_a_little_of_the_name():
    assert table({"berlin": Tally(1, 1, 1)}, 10)[0].startswith("ber.")


def test_bars():
    assert chart([0, 0], 40) == []
    assert chart([100, 1, 0, 50], 30) == ["00:00 ########## 1.00", "01:00 # 0.01", "03:00 ##### 0.50"]


@pytest.mark.parametrize(
    ("text", "room", "short"), [("abc", 3, "abc"), ("abcd", 3, "ab."), ("abc", 0, "."), ("", 5, ""), ("abc", 1, ".")]
)
def test_shorten(text, room, short):
    assert shorten(text, room) == short


def test_wrap():
    assert wrap("one two three", 7) == ["one two", "three"]
    assert wrap("one two three", 100) == ["one two three"]
    assert wrap("incomprehensible words", 5) == ["incomprehensible", "words"]
    assert wrap("", 5) == [""]
