"""The settings file: each way to get it wrong has a sentence of its own that says where."""

from __future__ import annotations

from pathlib import Path

import pytest

from dean_airflow.config_file import read_config_file
from dean_airflow.errors import ConfigurationError


def written(folder: Path, content: bytes, name: str = "dean.yaml") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def test_variables_are_expanded_wherever_a_text_stands(tmp_path: Path) -> None:
    path = written(tmp_path, b"pool: ${TEAM}-pool\nindex_hosts: ['${HOST:-files.example.org}', '${EMPTY:-b}']\n")

    read = read_config_file(path, {"TEAM": "core", "EMPTY": ""})

    assert read.values == {"pool": "core-pool", "index_hosts": ["files.example.org", "b"]}


def test_every_unset_variable_is_named_with_its_key_and_line(tmp_path: Path) -> None:
    path = written(tmp_path, b"pool: ${TEAM}\nrepositories:\n  - repository: ${REPO}\n")

    with pytest.raises(ConfigurationError) as error:
        read_config_file(path, {})

    assert f"{path} line 1: pool refers to TEAM" in str(error.value)
    assert f"{path} line 2: repositories[0].repository refers to REPO" in str(error.value)


def test_an_empty_file_sets_nothing(tmp_path: Path) -> None:
    assert read_config_file(written(tmp_path, b""), {}).values == {}


@pytest.mark.parametrize(
    ("content", "name", "sentence"),
    [
        (b"\xef\xbb\xbfpool: a\n", "dean.yaml", "byte-order mark"),
        (b"pool: a\r\n", "dean.yaml", "line 1 ends in CRLF"),
        (b"repositories:\n\t- a\n", "dean.yaml", "line 2 is indented with a tab"),
        (b"pool: a\nstore: [\n", "dean.yaml", "line 3 is not YAML"),
        (b"pool: 'a\n", "dean.yaml", "is not YAML"),
        (b'{"pool": }', "dean.json", "line 1 is not JSON"),
        (b"- pool\n", "dean.yaml", "must be a mapping"),
        (b"1: a\n", "dean.yaml", "must be a mapping"),
        (b"pool: a\nstore: \xff\n", "dean.yaml", "line 2 is not UTF-8"),
    ],
)
def test_each_mistake_is_told_apart(tmp_path: Path, content: bytes, name: str, sentence: str) -> None:
    path = written(tmp_path, content, name)

    with pytest.raises(ConfigurationError, match=sentence) as error:
        read_config_file(path, {})

    assert str(path) in str(error.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere\.yaml cannot be read: No such file"):
        read_config_file(tmp_path / "nowhere.yaml", {})
