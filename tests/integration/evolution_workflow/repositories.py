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
    git(repository, "init", "--quiet", "--initial-branch", "main")
    git(repository, "config", "user.name", "A User")
    git(repository, "config", "user.email", "user@invalid")
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", "As it is shipped")
    return repository
