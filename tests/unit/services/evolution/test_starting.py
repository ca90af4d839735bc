"""Which requests become a trial, and with what config."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dean_airflow.config import Settings
from dean_airflow.services.contract.trials import StartTrial
from dean_airflow.services.evolution.starting import check_repository, config_of, request_of
from dean_airflow.services.server.faults import ApiError


def asked(tmp_path: Path, **body: Any) -> StartTrial:
    return StartTrial.model_validate({"repository": str(tmp_path), **body})


def refusal(tmp_path: Path, settings: dict[str, Any], **body: Any) -> tuple[int, str]:
    with pytest.raises(ApiError) as refused:
        config_of(asked(tmp_path, **body), Settings(data_dir=tmp_path, **settings))
    return refused.value.status_code, refused.value.detail


def test_fields_and_further_params_become_the_config(tmp_path: Path) -> None:
    request = asked(
        tmp_path,
        generations=3,
        max_runtime_minutes=5,
        parameters={"benchmark": "bench:run", "seed": 4, "request_key": "k"},
        constraints={"max_time_seconds": 90},
        population_ids=["pop-1"],
    )

    config = config_of(request, Settings(data_dir=tmp_path))

    assert (config.generations, config.benchmark, config.seed) == (3, "bench:run", 4)
    assert config.max_runtime_minutes == 1.5
    assert request_of(config.model_dump())["parameters"]["benchmark"] == "bench:run"


@pytest.mark.parametrize(
    ("settings", "body", "status", "sentence"),
    [
        ({}, {"parameters": {"bench": "x"}}, 422, "there is no param bench"),
        ({}, {"parameters": {"generations": 5}}, 422, "generations stands beside `parameters`"),
        ({}, {"parameters": {"objectives": {"runtime": 2.0}}}, 422, "must sum to 1"),
        ({}, {"parameters": {"sandbox": "off"}}, 400, "only whoever runs the server"),
        ({}, {"selection_method": "roulette"}, 400, "select by tournament"),
        ({}, {"cellular_automata_rules": [110]}, 400, "does not offer cellular automata"),
        ({"server_max_generations": 5}, {"generations": 6}, 422, "6 is more than the 5"),
        ({"server_max_population": 10}, {"population_size": 11}, 422, "11 is more than the 10"),
        ({"server_max_minutes": 1}, {"max_runtime_minutes": 2}, 422, "2 is more than the 1"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    tmp_path: Path, settings: dict[str, Any], body: dict[str, Any], status: int, sentence: str
) -> None:
    code, detail = refusal(tmp_path, settings, **body)

    assert code == status
    assert sentence in detail


@pytest.mark.parametrize(
    "repository",
    ["relative/path", "/no/such/folder", "-x", "a\nb", "ext::sh -c id", "https://u:p@host.example/x", "~nobody/x"],
)
def test_a_repository_that_cannot_be_is_refused(repository: str) -> None:
    with pytest.raises(ApiError) as refused:
        check_repository(repository, ())
    assert refused.value.status_code == 400
    assert "u:p@" not in refused.value.detail


def test_only_what_is_allowed_may_be_named(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside" / "one", tmp_path / "outside"
    inside.mkdir(parents=True)
    outside.mkdir()
    (tmp_path / "inside" / "link").symlink_to(outside)
    allowed = (str(tmp_path / "inside"), "https://git.example/team/")

    check_repository(str(inside), allowed)
    check_repository("https://git.example/team/project", allowed)
    for refused in (
        str(outside),
        str(tmp_path / "inside" / ".." / "outside"),
        str(tmp_path / "inside" / "link"),
        "https://git.example/team-b/project",
        "https://git.example/team/../secret",
        f"file://{outside}",
        "/no/such/folder",
    ):
        with pytest.raises(ApiError, match="is not one that callers"):
            check_repository(refused, allowed)
