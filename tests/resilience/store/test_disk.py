"""A disk that is full, and one that turns read-only, made of a small file system in memory."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from dean_airflow.errors import StoreError
from dean_airflow.store.store import Store

MEGABYTE = 1 << 20


def mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True, capture_output=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 8 MB."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a file system")
    disk = tmp_path / "disk"
    disk.mkdir()
    try:
        mount("-t", "tmpfs", "-o", "size=8m", "tmpfs", str(disk))
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no file system can be mounted here: {error}")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def fill(disk: Path) -> Path:
    """Takes all the space that is left."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (MEGABYTE, 4096, 1):
            try:
                while file.write(b"x" * size) == size:
                    pass
            except OSError:
                continue
    return ballast


def test_a_full_disk_is_said_and_writing_goes_on_when_there_is_space(small_disk, start, batch):
    with Store.open(f"sqlite:///{small_disk}/dean.db") as store:
        lease = start(store)
        store.evaluations.add(lease, batch(0))
        ballast = fill(small_disk)
        done = 8
        with pytest.raises(StoreError, match=r"disk of the store /.*/dean\.db is full; free some space"):
            while done < 10_000:  # the write-ahead log has a little space of its own first
                store.evaluations.add(lease, batch(done))
                done += 8
        assert store.evaluations.for_island("trial-a", 0) == batch(0, done)

        ballast.unlink()

        store.evaluations.add(lease, batch(done))
        assert store.evaluations.for_island("trial-a", 0) == batch(0, done + 8)


def test_a_new_store_on_a_full_disk_is_refused_and_can_be_made_later(small_disk):
    ballast = fill(small_disk)
    with pytest.raises(StoreError, match=r"/dean\.db is full; free some space"):
        Store.open(f"sqlite:///{small_disk}/dean.db")

    ballast.unlink()
    Store.open(f"sqlite:///{small_disk}/dean.db").close()


def test_a_read_only_disk_is_said_when_the_store_is_opened(small_disk):
    url = f"sqlite:///{small_disk}/dean.db"
    Store.open(url).close()
    mount("-o", "remount,ro", str(small_disk))

    with pytest.raises(StoreError, match="is read-only; give this user write access"):
        Store.open(url)
    with pytest.raises(StoreError, match="cannot be made: Read-only file system"):
        Store.open(f"sqlite:///{small_disk}/new/dean.db")
    with pytest.raises(StoreError, match="is read-only; give this user write access"):
        Store.open(f"sqlite:///{small_disk}/new.db")
