"""`airflow dean metrics status`, `show` and `query`."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from dean_airflow.metrics.history import History
from dean_airflow.metrics.sample import Sample, labels_of, to_ms
from dean_airflow.store.store import Store

pytestmark = pytest.mark.airflow


@pytest.fixture
def history(tmp_path: Path):
    (tmp_path / "dean").mkdir()
    with Store.open(f"sqlite:///{tmp_path}/dean/dean.db") as store:
        now = store.now()

        def sample(name, value, minutes=0.0, kind="gauge", service="shop", **labels):
            at = to_ms(now - timedelta(minutes=minutes))
            return Sample(service, name, value, at, labels_of(labels), kind)

        of = {"service_name": "shop"}
        history = History(store)
        history.append(
            [
                sample("dean_service_health", 1, **of),
                sample("dean_service_degraded", 1, **of),
                sample("dean_service_info", 1, **of, version="1.2", url="http://shop.example"),
                sample("dean_health_check_duration_seconds", 0.0251, **of),
                sample("shop_orders_total", 10, 20, "counter", code="200"),
                sample("shop_orders_total", 70, 10, "counter", code="200"),
                sample("shop_orders_total", 1, 10, "counter", code="500"),
            ]
        )
        for bound, count in (("0.1", 9), ("1", 10), ("+Inf", 10)):
            history.append([sample("shop_wait_seconds_bucket", 0, 20, "histogram", le=bound)])
            history.append([sample("shop_wait_seconds_bucket", count, 10, "histogram", le=bound)])
        yield history


def test_status_is_a_line_a_service(airflow: Callable[..., int], history: History, capsys) -> None:
    assert airflow("dean", "metrics", "status") == 0
    head, line = capsys.readouterr().out.splitlines()
    assert head.split()[:2] == ["service", "status"]
    assert line.split()[:5] == ["shop", "degraded", "25.1", "ms", "1.2"]
    assert airflow("dean", "metrics", "status", "--json") == 0
    assert json.loads(capsys.readouterr().out)["shop"]["url"] == "http://shop.example"


def test_status_fails_while_a_service_is_down(airflow: Callable[..., int], history: History, capsys) -> None:
    at = to_ms(history._store.now())
    history.append([Sample("gone", "dean_service_health", 0.0, at)])
    assert airflow("dean", "metrics", "status") == 1


def test_status_can_collect_first(airflow: Callable[..., int], history: History, capsys) -> None:
    assert airflow("dean", "metrics", "status", "--collect", "--json") == 0
    assert json.loads(capsys.readouterr().out)["dean"]["status"] == "up"


def test_show_is_the_newest_of_everything(airflow: Callable[..., int], history: History, capsys) -> None:
    assert airflow("dean", "metrics", "show", "--service", "shop") == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.split()[1:2] == ["dean_service_health"] for line in lines)
    assert not any("shop_orders" in line for line in lines)  # older than five minutes


def test_query_knows_what_a_counter_and_a_histogram_are(airflow: Callable[..., int], history: History, capsys) -> None:
    words = ("dean", "metrics", "query", "shop_orders_total", "--match", "code=200", "--step", "10m", "--json")
    assert airflow(*words, "--show", "increase") == 0
    (series,) = json.loads(capsys.readouterr().out)
    assert sum(value for _, value in series["points"]) == 60
    assert airflow("dean", "metrics", "query", "shop_wait_seconds", "--quantile", "0.9", "--step", "10m", "--json") == 0
    (series,) = json.loads(capsys.readouterr().out)
    assert [round(value, 6) for _, value in series["points"]] == [0.1]
    assert airflow("dean", "metrics", "query", "shop_orders_total") == 0
    assert capsys.readouterr().out.startswith("shop_orders_total of shop{code=200}: rate")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--since", "soon"], "'soon' is no duration"),
        (["--match", "code"], "'code' matches no label"),
        (["--match", "code=~("], "is not a regular expression"),
        (["--show", "average"], "is a counter, of which there is no average; ask for rate or increase"),
        (["--step", "0s"], "'0s' is no duration"),
        (["--quantile", "2"], "A quantile lies between 0 and 1"),
    ],
)
def test_what_cannot_be_asked_is_said_in_a_sentence(
    airflow: Callable[..., int], history: History, capsys, words: list[str], sentence: str
) -> None:
    assert airflow("dean", "metrics", "query", "shop_orders_total", *words) == 1
    assert sentence in capsys.readouterr().err
