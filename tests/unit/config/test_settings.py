"""Settings: precedence, places that follow the data directory, and every problem in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from dean_airflow.config import Settings, load_settings
from dean_airflow.errors import ConfigurationError


def test_defaults_lie_in_airflows_home() -> None:
    settings = load_settings({"AIRFLOW_HOME": "/srv/airflow"})

    assert settings.data_dir == Path("/srv/airflow/dean")
    assert settings.store == "sqlite:////srv/airflow/dean/dean.db"
    assert settings.artifacts == "/srv/airflow/dean/artifacts"
    assert settings.cache_dir == Path("/srv/airflow/dean/cache")


def test_without_an_airflow_home_the_users_data_directory_is_taken() -> None:
    assert load_settings({"XDG_DATA_HOME": "/home/someone/data"}).data_dir == Path("/home/someone/data/dean")


def test_moving_the_data_directory_moves_what_is_not_placed_elsewhere(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, cache_dir=tmp_path / "elsewhere")

    assert settings.store == f"sqlite:///{tmp_path}/dean.db"
    assert settings.cache_dir == tmp_path / "elsewhere"


def test_environment_wins_over_airflows_section_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "dean.yaml"
    file.write_text("pool: of-file\ntrial_memory_mb: 512\ntrial_disk_mb: 100\n")
    env = {"AIRFLOW__DEAN__CONFIG": str(file), "AIRFLOW__DEAN__POOL": "of-env"}

    settings = load_settings(env, section={"pool": "of-section", "trial_memory_mb": "1024"})

    assert (settings.pool, settings.trial_memory_mb, settings.trial_disk_mb) == ("of-env", 1024, 100)


def test_airflows_section_may_name_the_file(tmp_path: Path) -> None:
    file = tmp_path / "dean.json"
    file.write_text('{"pool": "of-file"}')

    assert load_settings({}, section={"config": str(file), "store": ""}).pool == "of-file"


@pytest.mark.parametrize("text", ["one, two", '["one", "two"]'])
def test_lists_in_the_environment_are_json_or_comma_separated(text: str) -> None:
    assert load_settings({"AIRFLOW__DEAN__INDEX_HOSTS": text}).index_hosts == ("one", "two")


def test_repositories_are_names_or_mappings_of_params(tmp_path: Path) -> None:
    file = tmp_path / "dean.yaml"
    file.write_text("repositories:\n  - https://example.org/a.git\n  - repository: /srv/b\n    generations: 5\n")

    settings = load_settings({"AIRFLOW__DEAN__CONFIG": str(file)})

    assert settings.repositories == (
        {"repository": "https://example.org/a.git"},
        {"repository": "/srv/b", "generations": 5},
    )


def test_all_problems_are_reported_together_with_where_they_stand(tmp_path: Path) -> None:
    file = tmp_path / "dean.yaml"
    file.write_text("pool: there\n\nkeep_clones_hours: 1000\nrepositories: [{ref: main}]\n")
    env = {"AIRFLOW__DEAN__CONFIG": str(file), "AIRFLOW__DEAN__STORE": "nonsense", "AIRFLOW__DEAN__TYPO": "1"}

    with pytest.raises(ConfigurationError) as error:
        load_settings(env, section={"trial_memory_mb": "much"})

    message = str(error.value)
    assert f"{file} line 3: keep_clones_hours" in message
    assert f"{file} line 4: repositories: entry 1" in message
    assert "AIRFLOW__DEAN__STORE: store" in message
    assert "AIRFLOW__DEAN__TYPO: typo: there is no such setting" in message
    assert "[dean] trial_memory_mb: trial_memory_mb" in message


def test_passwords_are_neither_shown_nor_in_errors() -> None:
    settings = Settings(store="postgresql://dean:hunter2@db/dean", index_url="https://me:tok@index/simple")

    shown = settings.public()
    assert shown["store"] == "postgresql://dean:***@db/dean"
    assert shown["index_url"] == "https://me:***@index/simple"
    with pytest.raises(ConfigurationError) as error:
        load_settings({"AIRFLOW__DEAN__NO_SUCH": "postgresql://dean:hunter2@db/dean"})
    assert "hunter2" not in str(error.value)
