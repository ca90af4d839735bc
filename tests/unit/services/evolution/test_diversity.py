"""The diversity extension on the store."""

from __future__ import annotations

import pytest

from dean_airflow.services.contract.diversity import ApplyIntervention, RegisterAgent
from dean_airflow.services.evolution.diversity import Diversity
from dean_airflow.services.server.faults import ApiError
from dean_airflow.store.store import Store


@pytest.fixture
def diversity(store: Store) -> Diversity:
    return Diversity(store)


def register(diversity: Diversity, **strategies: str) -> None:
    for name, words in strategies.items():
        diversity.register(RegisterAgent(agent_id=name, strategies=words.split()))


def test_clones_score_0_and_strangers_1(diversity: Diversity) -> None:
    register(diversity, a="x y", b="x y", c="z")

    assert diversity.check(["a", "b"]).diversity_score == 0
    assert diversity.check(["a", "c"]).diversity_score == 1
    assert diversity.check(["a", "b", "c"]).diversity_score == pytest.approx(2 / 3)
    assert diversity.check(["c", "b", "a"]) == diversity.check(["a", "b", "c"])


def test_one_agent_never_needs_anything(diversity: Diversity) -> None:
    register(diversity, a="x")

    assert not diversity.check(["a"]).needs_intervention
    assert (diversity.metrics(None).diversity_score, diversity.metrics(None).unique_strategies) == (0, 1)


@pytest.mark.parametrize("kind", ["mutation", "foreign_import", "crossover"])
def test_an_intervention_makes_clones_differ(diversity: Diversity, store: Store, trial: str, kind: str) -> None:
    store.patterns.record("catalogue.hoist", "loop", tried=3, confirmed=1, effects=[-0.5], trial_id=trial)
    register(diversity, a="x y", b="x y", c="z w")
    store.agents.change("a", fitness=0.5)

    done = diversity.intervene(ApplyIntervention(agent_id="a", type=kind))

    assert done.before == pytest.approx(2 / 3)
    assert done.after == diversity.metrics(None).diversity_score != done.before
    assert store.agents.get("a").fitness is None
    assert store.agents.get("b").genome["strategies"] == ["x", "y"]


def test_a_mutation_takes_up_what_won_elsewhere(diversity: Diversity, store: Store, trial: str) -> None:
    store.patterns.record("catalogue.hoist", "loop", tried=3, confirmed=1, effects=[-0.5], trial_id=trial)
    register(diversity, a="x y", b="x y")

    done = diversity.intervene(ApplyIntervention(agent_id="a", type="mutation"))

    assert done.after > done.before == 0
    assert "catalogue.hoist" in store.agents.get("a").genome["strategies"]


def test_a_lineage_can_be_reset(diversity: Diversity, store: Store) -> None:
    diversity.register(RegisterAgent(agent_id="a", strategies=["x"], lineage=["p"]))

    done = diversity.intervene(ApplyIntervention(agent_id="a", type="lineage_reset"))

    assert store.agents.get("a").parents == []
    assert done.before == done.after


def test_what_is_not_there_is_404(diversity: Diversity) -> None:
    for ask in (
        lambda: diversity.check(["ghost"]),
        lambda: diversity.metrics("pop-ghost"),
        lambda: diversity.check_population("trial-ghost"),
        lambda: diversity.intervene(ApplyIntervention(agent_id="ghost", type="mutation")),
    ):
        with pytest.raises(ApiError) as refused:
            ask()
        assert refused.value.status_code == 404


def test_a_candidate_cannot_be_registered(diversity: Diversity) -> None:
    with pytest.raises(ApiError, match="candidate"):
        diversity.register(RegisterAgent(agent_id="agent-trial-a-0-1"))
