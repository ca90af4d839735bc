from __future__ import annotations

from pathlib import Path

import pytest

from dean_airflow.errors import SandboxError
from dean_airflow.evolution.sandbox.jail import Jail


def test_a_relative_path_is_refused() -> None:
    with pytest.raises(SandboxError, match="only absolute paths"):
        Jail((Path("here"),), (), Path("/"), {})


@pytest.mark.parametrize("where", ["readable", "writable"])
def test_the_home_directory_and_what_holds_it_are_refused(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "users" / "me"
    home.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    for directory in (home, home.parent, Path("/")):
        opened = {"readable": (), "writable": (), where: (directory,)}
        with pytest.raises(SandboxError, match="holds the home directory"):
            Jail(cwd=tmp_path, environment={}, **opened)


def test_a_link_to_the_home_directory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "me"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    (tmp_path / "link").symlink_to(home)
    with pytest.raises(SandboxError, match="holds the home directory"):
        Jail((tmp_path / "link",), (), tmp_path, {})


def test_a_directory_inside_the_home_is_fine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "project").mkdir()
    assert Jail((tmp_path / "project",), (tmp_path / "project",), tmp_path, {}).limits.processes > 0


def test_a_writable_directory_must_exist(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="not an existing directory"):
        Jail((), (tmp_path / "missing",), tmp_path, {})
