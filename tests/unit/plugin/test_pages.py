"""The pages' shells, and the way from a run in Airflow to a page."""

from __future__ import annotations

import re

import pytest

from dean_airflow.store.ids import deployment_id_of_run
from tests.unit.plugin.conftest import Plugin
from tests.unit.plugin.some_trials import make_trial

pytestmark = pytest.mark.airflow

PAGES = ("", "/trials", "/trials/new", "/trials/trial-1", "/patterns", "/metrics", "/deployments", "/deployments/one")
INLINE = re.compile(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|javascript:", re.IGNORECASE)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_has_nothing_inline_and_names_its_files_by_version(plugin: Plugin, path: str) -> None:
    answer = plugin.get(f"/dashboard{path}", user="viewer")
    files = re.findall(r'(?:src|href)="(/[^"]*static/[^"]+)"', answer.text)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "private, no-store"
    assert INLINE.search(answer.text) is None
    assert files
    assert {plugin.get(file.removeprefix("/dean")).status_code for file in files} == {200}


def test_an_id_in_the_address_is_text(plugin: Plugin) -> None:
    answer = plugin.get('/dashboard/trials/"><script src=x>')

    assert "&#34;&gt;&lt;script src=x&gt;" in answer.text
    assert "<script src=x>" not in answer.text


def test_a_run_leads_to_its_trial(plugin: Plugin) -> None:
    trial = make_trial(plugin.store, dag="dean_evolution_trial")

    answer = plugin.get(f"/dashboard/runs/dean_evolution_trial/dean__{trial}__1")

    assert (answer.status_code, answer.headers["location"]) == (303, f"/dashboard/trials/{trial}")


def test_a_run_leads_to_its_deployment(plugin: Plugin) -> None:
    run = "manual__2026-05-04T12:00:00+00:00"
    deployment = deployment_id_of_run(plugin.store.id, "dean_deployment", run)
    plugin.store.deployments.create(
        deployment, place="p", host="here", directory="/srv/shop", name="shop", environment="production",
        dag_id="dean_deployment", run_id=run,
    )  # fmt: skip

    answer = plugin.get(f"/dashboard/runs/dean_deployment/{run}")

    assert answer.headers["location"] == f"/dashboard/deployments/{deployment}"


@pytest.mark.parametrize(
    ("path", "state"),
    [
        ("somebodys_dag/manual__1", "nothing"),
        ("dean_evolution_trial/not/yet", "waiting"),
        ("dean_deployment/manual__1", "waiting"),
    ],
)
def test_a_run_without_a_page_says_which_kind_it_is(plugin: Plugin, path: str, state: str) -> None:
    answer = plugin.get(f"/dashboard/runs/{path}")

    assert answer.status_code == 200
    assert f'data-state="{state}"' in answer.text


def test_who_may_see_nothing_gets_no_page(plugin: Plugin) -> None:
    assert plugin.get("/dashboard", user="outsider").status_code == 403
    assert plugin.get("/static/page.js", user="outsider").status_code == 403
