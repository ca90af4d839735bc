"""What a machine does to deployments: a full disk, programs that are killed, a port that somebody else has."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import psutil
import pytest

from dean_airflow.deployment.rollout.report import report_text

from ...deployments.shop import Shop
from ...resilience.disks import fill, mount

RECREATE = {"data": "recreate", "web": "recreate"}


def program(shop: Shop, name: str) -> psutil.Process:
    """The program of the shop's supervisord whose command names that."""
    pid = shop.backend._supervisord.pid()
    assert pid is not None
    return next(each for each in psutil.Process(pid).children() if name in " ".join(each.cmdline()))


def test_a_full_disk_of_the_backups_changes_nothing_and_leaves_nothing_half_written(running: Shop) -> None:
    backups = running.site.backups
    kept = running.folder / "kept"
    shutil.copytree(backups, kept)
    try:
        mount("-t", "tmpfs", "-o", "size=1m", "tmpfs", str(backups))
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounting a small disk needs root")
    try:
        shutil.copytree(kept, backups, dirs_exist_ok=True)
        before = running.state()
        ballast = fill(backups)
        running.describe("two")
        report = running.deploy()
        assert report["status"] == "rolled_back"
        assert "The backup cannot be kept" in report["message"] and "No space left on device" in report["message"]
        ballast.unlink()
        assert running.state() == before
        again = running.deploy()
        assert again["success"] and running.answers() == {"data": "two", "web": "two"}
    finally:
        subprocess.run(["umount", str(backups)], check=True)


def test_a_service_that_is_killed_is_started_again_on_its_socket(running: Shop) -> None:
    victim = next(
        each
        for each in psutil.Process(running.backend._supervisord.pid() or 0).children()
        if "service.py" in str(each.cmdline())
    )
    victim.kill()
    assert running.answers() == {"data": "one", "web": "one"}  # connections wait in the socket meanwhile


def test_without_its_holder_a_service_goes_on_and_is_recreated(running: Shop) -> None:
    holder = program(running, "holder.py")
    holder.kill()
    holder.wait(10)
    assert running.answers() == {"data": "one", "web": "one"}

    running.describe("two")
    report = running.deploy()
    assert report["status"] == "rolled_back", report_text(report)
    assert running.answers() == {"data": "one", "web": "one"}
    running.describe("two", strategies=RECREATE)
    assert running.deploy()["success"] and running.answers() == {"data": "two", "web": "two"}
    running.describe("three")
    assert running.deploy()["success"] and running.answers() == {"data": "three", "web": "three"}


def test_a_port_that_another_program_has(shop: Shop) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", shop.ports["web"]))
        other.listen()
        shop.describe("one")
        report = shop.deploy()
        assert report["status"] == "rolled_back"
        assert "The socket of web is not to be had: Address already in use" in report["message"]
        assert shop.ask("data") == "URLError"


def test_a_stale_socket_of_supervisord_is_no_hindrance(running: Shop) -> None:
    pid = running.backend._supervisord.pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(pid)] if psutil.pid_exists(pid) else [], timeout=10)
    assert Path(running.site.socket("ctl")).exists()
    running.describe("two")
    assert running.deploy()["success"] and running.answers() == {"data": "two", "web": "two"}
