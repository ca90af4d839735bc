"""Repositories made to run something while they are resolved, fetched or published to: nothing of theirs may run."""

from __future__ import annotations

from pathlib import Path

import pytest
from upath import UPath

from dean_airflow.errors import PublishError, TargetError
from dean_airflow.evolution.outcome.edits import ChampionEdit, Handover
from dean_airflow.evolution.outcome.publish import publish_champion
from dean_airflow.evolution.target.fetch import fetch
from dean_airflow.evolution.target.resolve import resolve
from dean_airflow.evolution.trial_config import TrialConfig
from tests.unit.evolution.repositories import PROJECT, Repository, every_file, project_repository

HOOKS = (
    "post-checkout post-merge post-commit pre-commit post-index-change reference-transaction pre-auto-gc "
    "fsmonitor-watchman post-rewrite proc-receive update pre-receive post-receive post-update push-to-checkout"
)


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    """A program that leaves a file behind whenever it runs."""
    program = tmp_path / "trap"
    program.write_text(f'#!/bin/sh\necho "$0 $@" >> {tmp_path}/sprung\ncat\n')
    program.chmod(0o755)
    return program


@pytest.fixture
def repository(tmp_path: Path, trap: Path) -> Repository:
    """Everything git could be talked into running, armed."""
    repository = project_repository(tmp_path / "user")
    repository.commit({".gitattributes": "*.py filter=evil diff=evil merge=evil\n"})
    hooks = repository.path / ".git/hooks"
    hooks.mkdir(exist_ok=True)
    for name in HOOKS.split():
        (hooks / name).unlink(missing_ok=True)
        (hooks / name).symlink_to(trap)
    settings = {
        **{f"filter.evil.{key}": str(trap) for key in ("clean", "smudge", "process")},
        **{"filter.evil.required": "true", "diff.evil.command": str(trap), "diff.evil.textconv": str(trap)},
        **{"merge.evil.driver": str(trap), "diff.external": str(trap)},
        **{f"core.{key}": str(trap) for key in ("fsmonitor", "sshCommand", "askPass", "pager", "editor", "gitProxy")},
        **{"core.alternateRefsCommand": str(trap), "uploadpack.packObjectsHook": str(trap)},
        **{"credential.helper": str(trap), "gpg.program": str(trap), "commit.gpgSign": "true"},
        **{"core.hooksPath": str(hooks), "protocol.ext.allow": "always", "alias.status": f"!{trap}"},
        **{"gc.auto": "1", "maintenance.auto": "true", "submodule.recurse": "true", "core.untrackedCache": "true"},
    }
    for key, value in settings.items():
        repository.git("config", key, value)
    # Changed after the index knew it, so that comparing it takes the clean filter.
    repository.write({"calc/core.py": PROJECT["calc/core.py"] + "# dirty\n"})
    (repository.path.parent / "sprung").unlink(missing_ok=True)
    return repository


def handed_over(repository: str, tmp_path: Path) -> None:
    """The whole way of a trial through git: resolve, fetch, publish."""
    target = resolve(TrialConfig(repository=repository), tmp_path / "cache")
    checkout = fetch(target, tmp_path / "checkout", tmp_path / "cache")
    assert (checkout.root / "calc/core.py").read_text() == PROJECT["calc/core.py"]
    edit = ChampionEdit("e.x calc/core.py::add#*", "t", "w", "preserving", 1.1, (1.0, 1.2), {"calc/core.py": "x = 1\n"})
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    publish_champion(
        Handover("trial-1", target, (edit,), 0), "branch", tmp_path / "cache", UPath(tmp_path / "artifacts"), scratch
    )


def test_the_traps_are_armed(tmp_path: Path, repository: Repository) -> None:
    repository.git("update-ref", "refs/heads/other", "HEAD")
    assert "reference-transaction" in (tmp_path / "sprung").read_text()


def test_no_program_of_a_local_repository_runs(tmp_path: Path, repository: Repository) -> None:
    before = every_file(repository.path)
    handed_over(str(repository.path), tmp_path)
    assert not (tmp_path / "sprung").exists()
    after = every_file(repository.path)
    assert {name: content for name, content in after.items() if name in before} == before
    new = {name for name in after if name not in before}
    assert {name for name in new if not name.startswith(".git/objects/")} == {
        ".git/refs/heads/dean/trial-1",
        ".git/logs/refs/heads/dean/trial-1",
    }


def test_no_program_of_a_cloned_repository_runs(tmp_path: Path, repository: Repository) -> None:
    before = every_file(repository.path)
    handed_over(repository.path.as_uri(), tmp_path)
    assert not (tmp_path / "sprung").exists()
    assert every_file(repository.path) == before


@pytest.mark.parametrize("url", ["ext::{}", "file://{}/../user/.git", "-u{}"])
def test_submodules_are_not_fetched(tmp_path: Path, trap: Path, url: str) -> None:
    user = project_repository(tmp_path / "user")
    modules = f'[submodule "sub"]\n\tpath = sub\n\turl = {url.format(trap)}\n\tupdate = !{trap}\n'
    user.write({".gitmodules": modules})
    user.git("add", ".gitmodules")
    user.git("update-index", "--add", "--cacheinfo", f"160000,{user.git('rev-parse', 'HEAD')},sub")
    user.git("commit", "--quiet", "--message", "submodule")
    handed_over(str(user.path), tmp_path)
    assert list((tmp_path / "checkout/sub").iterdir()) == []
    assert not (tmp_path / "sprung").exists()


def test_missing_objects_are_not_fetched_through_a_program(tmp_path: Path, trap: Path) -> None:
    user = project_repository(tmp_path / "user")
    user.git("config", "core.repositoryFormatVersion", "1")
    user.git("config", "extensions.partialClone", "evil")
    user.git("config", "remote.evil.url", f"ext::{trap}")
    user.git("config", "remote.evil.promisor", "true")
    user.git("config", "protocol.ext.allow", "always")
    blob = user.git("rev-parse", "HEAD:calc/core.py")
    (user.path / ".git/objects" / blob[:2] / blob[2:]).unlink()
    for repository in (str(user.path), user.path.as_uri()):
        with pytest.raises(TargetError):
            target = resolve(TrialConfig(repository=repository), tmp_path / "cache")
            fetch(target, tmp_path / "checkout", tmp_path / "cache")
    assert not (tmp_path / "sprung").exists()


def test_a_tree_that_writes_into_git_is_refused(tmp_path: Path) -> None:
    user = project_repository(tmp_path / "user")
    blob = user.git("rev-parse", "HEAD:calc/core.py")
    listing = f"100644 blob {blob}\tmod.py\n040000 tree {user.git('rev-parse', 'HEAD:calc')}\t.git\n"
    (tmp_path / "listing").write_text(listing)
    tree = user.git("-c", "alias.make=!git mktree < " + str(tmp_path / "listing"), "make")
    commit = user.git("commit-tree", tree, "-m", "evil")
    user.git("update-ref", "refs/heads/evil", commit)
    target = resolve(TrialConfig(repository=str(user.path), ref="evil"), tmp_path / "cache")
    with pytest.raises(TargetError, match=r"cannot be checked out: invalid path '\.git/"):
        fetch(target, tmp_path / "checkout", tmp_path / "cache")
    assert not (tmp_path / "checkout/.git").exists()


def test_a_subfolder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    user = project_repository(tmp_path / "user")
    (user.path / "linked").symlink_to("/etc")
    user.commit()
    with pytest.raises(TargetError, match="has no folder 'linked'"):
        resolve(TrialConfig(repository=str(user.path), subfolder="linked"), tmp_path / "cache")


def test_an_origin_with_a_forbidden_transport_is_not_pushed_to(tmp_path: Path, trap: Path) -> None:
    user = project_repository(tmp_path / "user")
    user.git("remote", "add", "origin", f"ext::{trap}")
    user.git("config", "protocol.ext.allow", "always")
    target = resolve(TrialConfig(repository=str(user.path)), tmp_path / "cache")
    edit = ChampionEdit("e.x calc/core.py::add#*", "t", "w", "preserving", 1.1, (1.0, 1.2), {"calc/core.py": "x = 1\n"})
    handover = Handover("trial-1", target, (edit,), 0)
    with pytest.raises(PublishError, match="The transport 'ext' is not allowed"):
        publish_champion(handover, "push", tmp_path / "cache", UPath(tmp_path / "artifacts"), tmp_path)
    assert not (tmp_path / "sprung").exists()
