"""Pages that move: as a trial goes on, when the server dies under them, when what they show is deleted."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import timedelta

import pytest

from dean_airflow.evolution.judge.evaluation import Evaluation
from dean_airflow.store.evaluations import NumberedEvaluation
from dean_airflow.store.fence import Held
from dean_airflow.store.models import TrialRow
from tests.integration.browser.reader import Reader
from tests.integration.browser.site import Site, cut_off
from tests.unit.plugin.some_trials import crown, make_trial

pytestmark = pytest.mark.airflow

LONG = 90_000
"""Milliseconds: the feed waits half a minute between two attempts in the end."""


class Living:
    """A trial whose one island is evolved by the test, by the calls that an island makes."""

    def __init__(self, site: Site) -> None:
        self.store = site.store
        self.id = make_trial(site.store, f"trial-{secrets.token_hex(6)}", repository="/srv/repositories/living")
        self.lease: Held = site.store.leases.acquire(self.id, 0, "a test", timedelta(minutes=10))
        self.generation = 0

    def generations(self, count: int) -> None:
        for _ in range(count):
            number, fitness = self.generation, 0.1 + self.generation / 20
            verdict = Evaluation(f"key-{number}", (f"catalogue.hoist_regex a.py::f{number}#*",), "win", "cost",
                                 fitness=fitness, cost=1 - fitness, pairs=20, seconds=0.1)  # fmt: skip
            self.store.evaluations.add(self.lease, [NumberedEvaluation(number, number, verdict)])
            data = {"island": 0, "number": number, "best_fitness": fitness, "mean_fitness": fitness / 2,
                    "diversity": 0.6, "diversity_before": 0.6, "evaluations": number + 1, "injected": 0}  # fmt: skip
            self.store.events.append(self.id, "generation", data, key=f"generation-0-{number}")
            self.store.trials.progress(self.lease, number, fitness)
            self.generation += 1

    def delete(self) -> None:
        self.store.database.write(lambda session: session.delete(session.get(TrialRow, self.id)))


@pytest.fixture
def trial(site: Site) -> Living:
    return Living(site)


def fitness(value: float) -> str:
    return f"{value:.3f} fitness"


def generations_shown(reader: Reader) -> list[str]:
    """The generations in the table behind the fitness curve."""
    if reader.page.locator("#p-fitness details[open]").count() == 0:
        reader.page.locator("#p-fitness summary").click()
    rows = reader.page.locator("#p-fitness tbody th")
    rows.first.wait_for()
    return [str(text) for text in rows.all_inner_texts()]


def test_fitness_moves_while_it_is_watched(open_as: Callable[..., Reader], trial: Living) -> None:
    trial.generations(2)
    reader = open_as()
    reader.visit(f"/dashboard/trials/{trial.id}")
    reader.sees(fitness(0.15))

    trial.generations(3)

    reader.sees(fitness(0.30))
    assert generations_shown(reader) == ["0", "1", "2", "3", "4"]


def test_a_server_that_is_killed_leaves_nothing_missing(
    open_as: Callable[..., Reader], site: Site, trial: Living
) -> None:
    trial.generations(3)
    reader = open_as()
    reader.visit(f"/dashboard/trials/{trial.id}")
    reader.sees(fitness(0.20))

    site.kill()
    try:
        reader.shows("#link-state:not([data-state=live])")
        trial.generations(4)  # nobody tells the page
        assert reader.page.get_by_text(fitness(0.20)).count() == 1
    finally:
        site.start()

    reader.shows("#link-state[data-state=live]", LONG)
    reader.sees(fitness(0.40))
    assert generations_shown(reader) == [str(number) for number in range(7)]
    trial.generations(1)
    reader.sees(fitness(0.45))


def test_the_end_brings_champion_and_patch(open_as: Callable[..., Reader], site: Site, trial: Living) -> None:
    trial.generations(2)
    reader = open_as()
    page = reader.visit(f"/dashboard/trials/{trial.id}")
    reader.sees(fitness(0.15))

    crown(site.store, trial.id)

    reader.sees("1.30× as fast")
    page.get_by_text("Champion: 1 edit").wait_for()
    page.get_by_role("link", name="Download patch").wait_for()
    assert page.get_by_role("button", name="Stop").count() == 0


def test_a_trial_that_is_deleted_while_it_is_watched(open_as: Callable[..., Reader], trial: Living) -> None:
    trial.generations(2)
    reader = open_as()
    page = reader.visit(f"/dashboard/trials/{trial.id}")
    reader.sees(fitness(0.15))

    trial.delete()

    reader.sees("It was deleted while you watched.")
    assert page.get_by_role("button", name="Stop").count() == 0
    assert page.get_by_text(fitness(0.15)).count() == 1


def test_an_alert_is_silenced_and_heard_again(open_as: Callable[..., Reader], site: Site) -> None:
    reader = open_as()
    page = reader.visit("/dashboard/metrics")
    alerts = page.locator("#alerts")
    alerts.get_by_role("button", name="Silence").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Because").fill("<i>new disks</i>")
    dialog.get_by_role("button", name="Silence").click()

    reader.sees("<i>new disks</i>")
    silences = site.store.silences.list()
    assert [(one.reason, one.author) for one in silences] == [("<i>new disks</i>", "admin")]

    alerts.get_by_role("button", name="End").click()
    dialog.get_by_role("button", name="End the silence").click()
    page.get_by_text("<i>new disks</i>").wait_for(state="hidden")
    assert site.store.silences.list() == []


@pytest.mark.parametrize("path", ["trials/trial-unknown", "trials/%3Cb%3E", "deployments/unknown"])
def test_what_is_unknown_is_said(open_as: Callable[..., Reader], path: str) -> None:
    reader = open_as()
    reader.visit(f"/dashboard/{path}")

    reader.sees("No such")


@pytest.mark.postgres
@pytest.mark.slow
def test_a_store_that_is_cut_off_is_said_and_comes_back(
    open_as: Callable[..., Reader], site: Site, trial: Living
) -> None:
    url = site.environment["AIRFLOW__DEAN__STORE"]
    if not url.startswith("postgresql"):
        pytest.skip("only a PostgreSQL can be cut off: DEAN_TEST_POSTGRES names none")
    trial.generations(2)
    reader = open_as()
    page = reader.visit("/dashboard/trials")
    reader.sees(trial.id)
    late = open_as()

    with cut_off(url):
        page.locator("[data-sort=fitness]").click()
        reader.sees("What you see is from")
        assert page.get_by_text(trial.id).count() == 1
        late.visit(f"/dashboard/trials/{trial.id}")
        late.sees("The store does not answer")

    late.sees(fitness(0.15))
    page.locator("#notice").wait_for(state="hidden")
