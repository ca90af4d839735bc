"""Repositories for trials: the bundled examples, each as a git repository of its own."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from wheels import ROOT


def git(repository: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(repository), *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def example_repository(name: str, folder: Path) -> Path:
    """A copy of examples/<name> with one commit."""
    repository = folder / name
    shutil.copytree(ROOT / "examples" / name, repository, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    _commit(repository)
    return repository


def _commit(repository: Path) -> None:
    git(repository, "init", "--quiet", "--initial-branch", "main")
    git(repository, "config", "user.name", "A User")
    git(repository, "config", "user.email", "user@invalid")
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", "As it is shipped")


def slow_repository(folder: Path) -> Path:
    """A project whose one function is many times as fast after one preserving edit, so that no noise hides it."""
    repository = folder / "prices"
    (repository / "tests").mkdir(parents=True)
    table = ", ".join(f"'item-{number}': {number * 7 % 101}" for number in range(400))
    (repository / "prices.py").write_text(f"def price(item):\n    table = {{{table}}}\n    return table.get(item, 0)\n")
    (repository / "bench.py").write_text(
        "from prices import price\n\n\ndef run(seed=0):\n"
        "    return sum(price(f'item-{(seed + number) % 500}') for number in range(300))\n"
    )
    (repository / "tests" / "test_prices.py").write_text(
        "from prices import price\n\n\ndef test_known():\n    assert price('item-3') == 21\n\n\n"
        "def test_unknown():\n    assert price('nothing') == 0\n"
    )
    (repository / "pyproject.toml").write_text(
        '[tool.dean]\ninstall = []\ntests = "tests"\nbenchmark = "bench:run"\nfiles = ["prices.py"]\n'
    )
    _commit(repository)
    return repository
