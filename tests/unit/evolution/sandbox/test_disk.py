from __future__ import annotations

import os
from pathlib import Path

from dean_airflow.evolution.sandbox.disk import DiskWatch

_BIG = 8 << 20


def _watch(directory: Path, *, most: int, interrupted: bool = False) -> DiskWatch:
    return DiskWatch([str(directory)], most, lambda: [os.getpid()], lambda: interrupted)


def test_what_was_there_before_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(bytes(_BIG))
    watch = _watch(tmp_path, most=_BIG // 2)
    assert watch.exceeded() == ""


def test_growth_in_any_depth_counts(tmp_path: Path) -> None:
    watch = _watch(tmp_path, most=_BIG // 2)
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    with (deep / "new").open("wb") as file:
        file.write(os.urandom(_BIG))
        os.fsync(file.fileno())
    assert watch.exceeded() == "disk"


def test_a_file_without_a_name_counts(tmp_path: Path) -> None:
    watch = _watch(tmp_path, most=_BIG // 2)
    with (tmp_path / "new").open("wb") as file:
        (tmp_path / "new").unlink()
        file.write(os.urandom(_BIG))
        os.fsync(file.fileno())
        assert watch.exceeded() == "disk"


def test_empty_files_count(tmp_path: Path) -> None:
    watch = _watch(tmp_path, most=4096 * 50)
    for number in range(100):
        (tmp_path / str(number)).touch()
    assert watch._walk() >= 4096 * 100


def test_a_link_does_not_lead_the_walk_away(tmp_path: Path) -> None:
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    outside.mkdir()
    inside.mkdir()
    (outside / "big").write_bytes(os.urandom(_BIG))
    watch = _watch(inside, most=_BIG // 2)
    (inside / "link").symlink_to(outside)
    assert watch._walk() < _BIG // 2


def test_a_walk_is_given_up_when_the_jail_is_to_end(tmp_path: Path) -> None:
    for number in range(1200):
        (tmp_path / str(number)).touch()
    whole = _watch(tmp_path, most=1)._walk()
    assert _watch(tmp_path, most=1, interrupted=True)._walk() < whole


def test_nothing_to_watch() -> None:
    assert not DiskWatch([], 1, list, lambda: False).active
