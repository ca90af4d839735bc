"""The wheel carries all that an installation needs, and nothing else."""

from __future__ import annotations

import configparser
import zipfile
from pathlib import Path

import pytest
from wheels import build_wheel, tracked_files


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    return zipfile.ZipFile(build_wheel(tmp_path_factory.mktemp("wheel")))


def test_every_file_of_the_package_and_the_dags_is_in_it(wheel: zipfile.ZipFile) -> None:
    as_installed = {
        str(path) if path.parts[0] == "dean_airflow" else str(Path("dean_airflow/shipped_dags", *path.parts[1:]))
        for path in tracked_files("dean_airflow", "dags")
    }
    in_wheel = {name for name in wheel.namelist() if ".dist-info/" not in name}

    assert in_wheel == as_installed


def test_airflow_finds_the_provider_and_the_plugin(wheel: zipfile.ZipFile) -> None:
    name = next(name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    entry_points = configparser.ConfigParser()
    entry_points.read_string(wheel.read(name).decode())

    assert dict(entry_points["apache_airflow_provider"]) == {
        "provider_info": "dean_airflow.provider_info:get_provider_info"
    }
    assert dict(entry_points["airflow.plugins"]) == {"dean": "dean_airflow.plugin.dean_plugin:DeanPlugin"}
