from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dean_airflow.deployment.plan.order import in_order, usual_rank
from dean_airflow.errors import DeploymentError


def test_what_is_needed_comes_first_and_equals_stay_as_given() -> None:
    assert in_order(["web", "worker", "db"], {"web": ["db"], "worker": ["db"]}) == ["db", "web", "worker"]
    assert in_order(["b", "a"], {}) == ["b", "a"]


def test_the_usual_order_counts_among_those_that_do_not_need_each_other() -> None:
    names = ["frontend", "evolution", "airflow-webserver", "index-agent", "vault", "cache", "main-db"]
    kinds = {"cache": "redis", "main-db": "postgres"}
    ranks = {name: usual_rank(name, kinds.get(name, "")) for name in names}
    usual = ["main-db", "cache", "vault", "index-agent", "airflow-webserver", "evolution", "frontend"]
    assert in_order(names, {}, ranks) == usual
    assert in_order(names, {"main-db": ["frontend"]}, ranks)[-2:] == ["frontend", "main-db"]


def test_a_circle_is_named() -> None:
    with pytest.raises(DeploymentError, match=r"wait for each other: a → b → c → a; one of them must not"):
        in_order(["x", "a", "b", "c"], {"a": ["b"], "b": ["c"], "c": ["a"], "x": ["a"]})
    with pytest.raises(DeploymentError, match="a → a"):
        in_order(["a"], {"a": ["a"]})


def test_an_unknown_need_is_named() -> None:
    with pytest.raises(DeploymentError, match="web requires cache, which is no service"):
        in_order(["web"], {"web": ["cache"]})


@given(
    st.integers(1, 12).flatmap(
        lambda n: st.tuples(st.just(n), st.sets(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1))))
    )
)
def test_any_order_keeps_every_need(case: tuple[int, set[tuple[int, int]]]) -> None:
    number, pairs = case
    names = [str(each) for each in range(number)]
    needs = {name: [str(b) for a, b in pairs if str(a) == name and b < a] for name in names}
    ordered = in_order(names[::-1], needs)
    assert sorted(ordered) == sorted(names)
    for name, needed in needs.items():
        assert all(ordered.index(each) < ordered.index(name) for each in needed)
