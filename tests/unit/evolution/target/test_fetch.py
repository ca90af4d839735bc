"""Private working trees: the commit's files and nothing else, from every kind of source."""

from __future__ import annotations

from pathlib import Path

import pytest

from dean_airflow.errors import TargetError
from dean_airflow.evolution.target.fetch import fetch, snapshot_bundle
from dean_airflow.evolution.target.resolve import resolve
from dean_airflow.evolution.target.target import Checkout, Target
from dean_airflow.evolution.trial_config import TrialConfig
from tests.unit.evolution.repositories import PROJECT, Repository, every_file, project_repository


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def checked_out(repository: object, tmp_path: Path, **params: str) -> Checkout:
    target = resolve(TrialConfig(repository=str(repository), **params), tmp_path / "cache")
    return fetch(target, tmp_path / "work/checkout", tmp_path / "cache")


def contents(folder: Path) -> dict[str, str]:
    return {name: content.decode() for name, content in every_file(folder).items()}


def test_a_checkout_has_the_commits_files_and_no_git(tmp_path: Path) -> None:
    user = project_repository(tmp_path / "user")
    user.write({"calc/core.py": "uncommitted = True\n", "untracked.py": ""})
    checkout = checked_out(user.path, tmp_path)
    assert contents(checkout.root) == PROJECT
    assert checkout.project == checkout.root
    assert [path.name for path in (tmp_path / "work").iterdir()] == ["checkout"]


@pytest.mark.parametrize("kind", ["path", "url", "bare", "shallow", "worktree", "folder"])
def test_every_kind_of_source(tmp_path: Path, kind: str) -> None:
    user = project_repository(tmp_path / "user")
    user.git("clone", "--quiet", "--bare", str(user.path), str(tmp_path / "bare.git"))
    user.git("clone", "--quiet", "--depth=1", user.path.as_uri(), str(tmp_path / "shallow"))
    user.git("worktree", "add", "--quiet", "--detach", str(tmp_path / "linked"))
    (tmp_path / "plain").mkdir()
    for name, text in PROJECT.items():
        (tmp_path / "plain" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "plain" / name).write_text(text)
    sources = {
        "path": user.path,
        "url": user.path.as_uri(),
        "bare": tmp_path / "bare.git",
        "shallow": tmp_path / "shallow",
        "worktree": tmp_path / "linked",
        "folder": tmp_path / "plain",
    }
    assert contents(checked_out(sources[kind], tmp_path).root) == PROJECT


def test_a_subfolder_comes_with_the_whole_repository(tmp_path: Path) -> None:
    user = Repository(tmp_path / "user")
    user.commit({"shared.py": "x = 1\n", **{f"libs/calc/{name}": text for name, text in PROJECT.items()}})
    checkout = checked_out(user.path, tmp_path, subfolder="libs/calc")
    assert checkout.project == checkout.root / "libs/calc"
    assert (checkout.root / "shared.py").exists()


def test_another_worker_fetches_by_commit_alone(tmp_path: Path) -> None:
    user = project_repository(tmp_path / "user")
    target = resolve(TrialConfig(repository=user.path.as_uri()), tmp_path / "cache")
    user.commit({"later.py": ""})
    elsewhere = fetch(target, tmp_path / "elsewhere", tmp_path / "other-cache")
    assert contents(elsewhere.root) == PROJECT


def test_a_mirror_that_has_the_commit_is_not_updated(tmp_path: Path, cache: Path) -> None:
    user = project_repository(tmp_path / "user")
    target = resolve(TrialConfig(repository=user.path.as_uri()), cache)
    user.path.rename(tmp_path / "gone")
    assert contents(fetch(target, tmp_path / "checkout", cache).root) == PROJECT


def test_a_folders_snapshot_travels_in_a_bundle(tmp_path: Path, cache: Path) -> None:
    folder = tmp_path / "plain"
    folder.mkdir()
    (folder / "mod.py").write_text("x = 1\n")
    target = resolve(TrialConfig(repository=str(folder)), cache)
    bundle = snapshot_bundle(target, cache)
    assert bundle is not None
    with pytest.raises(TargetError, match="not on this machine"):
        fetch(target, tmp_path / "checkout", tmp_path / "other-cache")
    checkout = fetch(target, tmp_path / "checkout", tmp_path / "other-cache", bundle)
    assert contents(checkout.root) == {"mod.py": "x = 1\n"}


def test_repositories_need_no_bundle(tmp_path: Path, cache: Path) -> None:
    user = project_repository(tmp_path / "user")
    assert snapshot_bundle(resolve(TrialConfig(repository=str(user.path)), cache), cache) is None


def test_a_wrong_bundle_is_one_sentence(tmp_path: Path, cache: Path) -> None:
    (tmp_path / "wrong.bundle").write_text("not a bundle")
    target = Target(str(tmp_path / "plain"), "folder", "1" * 40)
    with pytest.raises(TargetError):
        fetch(target, tmp_path / "checkout", cache, tmp_path / "wrong.bundle")


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        (Target("{}/user", "local", "1" * 40), "no longer has the commit 1+"),
        (Target("{}/gone", "local", "1" * 40), "is not on this machine; share its disk or name it by a clone URL"),
        (Target("{}/gone", "folder", "1" * 40), "snapshot of .* is not on this machine"),
    ],
)
def test_a_commit_that_is_not_there(tmp_path: Path, cache: Path, target: Target, sentence: str) -> None:
    project_repository(tmp_path / "user")
    here = Target(target.repository.format(tmp_path), target.kind, target.commit)
    with pytest.raises(TargetError, match=sentence):
        fetch(here, tmp_path / "checkout", cache)


def test_a_destination_in_use_is_refused(tmp_path: Path) -> None:
    user = project_repository(tmp_path / "user")
    (tmp_path / "work/checkout").mkdir(parents=True)
    (tmp_path / "work/checkout/mine").write_text("x")
    with pytest.raises(TargetError, match="which is not empty"):
        checked_out(user.path, tmp_path)


@pytest.mark.parametrize(
    ("tag", "later", "version"),
    [("v1.2.3", 0, "1.2.3"), ("v1.2.3", 2, "1.2.3.post2"), ("release-2.0rc1", 0, "2.0rc1"), ("latest", 1, "0.0.0")],
)
def test_the_version_comes_from_the_tags(tmp_path: Path, tag: str, later: int, version: str) -> None:
    user = project_repository(tmp_path / "user")
    user.git("tag", tag)
    for number in range(later):
        user.commit({f"later{number}.py": ""})
    assert checked_out(user.path, tmp_path).version == version


def test_the_version_of_a_source_distribution(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain/mod.py").write_text("")
    (tmp_path / "plain/PKG-INFO").write_text("Metadata-Version: 2.4\nName: mod\nVersion: 4.6.3\n")
    assert checked_out(tmp_path / "plain", tmp_path).version == "4.6.3"


def test_without_tags_there_is_still_a_version(tmp_path: Path) -> None:
    assert checked_out(project_repository(tmp_path / "user").path, tmp_path).version == "0.0.0"


def test_links_modes_and_bytes_are_kept(tmp_path: Path) -> None:
    user = Repository(tmp_path / "user")
    user.write({"mod.py": b"x = 1\r\n", "tool.py": "x\n", "caf\u00e9.py": "x = 1\n", "with space.py": "x\n"})
    (user.path / "link.py").symlink_to("mod.py")
    (user.path / "tool.py").chmod(0o755)
    user.commit()
    checkout = checked_out(user.path, tmp_path)
    assert every_file(checkout.root) == {
        name: content for name, content in every_file(user.path).items() if not name.startswith(".git/")
    }
    assert (checkout.root / "tool.py").stat().st_mode & 0o111
    assert (checkout.root / "link.py").is_symlink()
