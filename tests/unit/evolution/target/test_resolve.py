"""From what a user writes to a commit, and every way that can go wrong: one sentence each."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dean_airflow.errors import TargetError
from dean_airflow.evolution.target.resolve import repository_of, resolve
from dean_airflow.evolution.target.snapshot import snapshot_path
from dean_airflow.evolution.target.target import Target
from dean_airflow.evolution.trial_config import TrialConfig
from tests.unit.evolution.repositories import PROJECT, Repository, every_file, project_repository


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def resolved(cache: Path, repository: object, **params: str) -> Target:
    return resolve(TrialConfig(repository=str(repository), **params), cache)


def test_a_path_is_its_checked_out_commit(tmp_path: Path, cache: Path) -> None:
    user = project_repository(tmp_path / "user")
    target = resolved(cache, user.path)
    assert target == Target(str(user.path), "local", user.git("rev-parse", "HEAD"))


@pytest.mark.parametrize("ref", ["main", "v1", "annotated", "HEAD~1", "refs/heads/main", "SHORT", "FULL"])
def test_any_ref_will_do(tmp_path: Path, cache: Path, ref: str) -> None:
    user = project_repository(tmp_path / "user")
    first = user.git("rev-parse", "HEAD")
    user.git("tag", "v1")
    user.git("tag", "--annotate", "annotated", "--message", "a tag")
    second = user.commit({"calc/more.py": "x = 1\n"})
    ref = {"SHORT": first[:10], "FULL": first}.get(ref, ref)
    expected = second if "main" in ref else first
    assert resolved(cache, user.path, ref=ref).commit == expected


def test_resolving_leaves_a_repository_as_it_was(tmp_path: Path, cache: Path) -> None:
    user = project_repository(tmp_path / "user")
    user.write({"calc/core.py": "changed = True\n"})
    # Content as it was but another time stamp: git status would like to refresh the index.
    (user.path / "calc/__init__.py").touch()
    before = every_file(user.path)
    resolved(cache, user.path)
    assert every_file(user.path) == before


def test_a_dirty_tree_is_worked_on_as_committed_and_said(tmp_path: Path, cache: Path) -> None:
    user = project_repository(tmp_path / "user")
    commit = user.git("rev-parse", "HEAD")
    user.write({"calc/core.py": "changed = True\n", "new.py": "x = 1\n"})
    target = resolved(cache, user.path)
    assert target.commit == commit
    assert target.notes == (
        f"{user.path} has uncommitted changes (2 files); the trial works on the commit {commit[:12]} without them.",
    )


def test_only_the_subfolder_counts_as_dirty(tmp_path: Path, cache: Path) -> None:
    user = Repository(tmp_path / "user")
    user.commit({f"{place}/{name}": text for name, text in PROJECT.items() for place in ("one", "two")})
    user.write({"one/calc/core.py": "changed = True\n"})
    assert resolved(cache, user.path, subfolder="two").notes == ()
    assert "(1 file)" in resolved(cache, user.path / "one").notes[0]


def test_a_subfolder(tmp_path: Path, cache: Path) -> None:
    user = Repository(tmp_path / "user")
    user.commit({f"libs/calc/{name}": text for name, text in PROJECT.items()})
    assert resolved(cache, user.path, subfolder="libs/calc").subfolder == "libs/calc"
    assert resolved(cache, user.path, subfolder="./libs/calc/").subfolder == "libs/calc"
    inside = resolved(cache, user.path / "libs/calc")
    assert (inside.repository, inside.subfolder, inside.kind) == (str(user.path), "libs/calc", "local")
    assert resolved(cache, user.path / "libs", subfolder="calc").subfolder == "libs/calc"


def test_a_bare_repository_will_do(tmp_path: Path, cache: Path) -> None:
    user = project_repository(tmp_path / "user")
    user.git("clone", "--quiet", "--bare", str(user.path), str(tmp_path / "bare.git"))
    target = resolved(cache, tmp_path / "bare.git")
    assert (target.kind, target.commit, target.notes) == ("local", user.git("rev-parse", "HEAD"), ())


def test_a_linked_worktree_will_do(tmp_path: Path, cache: Path) -> None:
    user = project_repository(tmp_path / "user")
    user.git("worktree", "add", "--quiet", str(tmp_path / "linked"), "-b", "side")
    assert resolved(cache, tmp_path / "linked").repository == str(tmp_path / "linked")


def test_a_folder_is_snapshotted_and_left_as_it_is(tmp_path: Path, cache: Path) -> None:
    folder = tmp_path / "plain"
    (folder / "__pycache__").mkdir(parents=True)
    (folder / "__pycache__/mod.cpython-311.pyc").write_bytes(b"cache")
    (folder / ".venv/lib").mkdir(parents=True)
    (folder / ".venv/lib/other.py").write_text("x = 1\n")
    (folder / "mod.py").write_text("x = 1\n")
    before = every_file(folder)
    target = resolved(cache, folder)
    assert every_file(folder) == before
    assert target.kind == "folder"
    assert "not a git repository" in target.notes[0]
    repository = Repository.__new__(Repository)
    repository.path = snapshot_path(folder, cache)
    assert repository.git("ls-tree", "-r", "--name-only", target.commit) == "mod.py"


def test_equal_content_is_the_same_snapshot(tmp_path: Path, cache: Path) -> None:
    folder = tmp_path / "plain"
    folder.mkdir()
    (folder / "mod.py").write_text("x = 1\n")
    first = resolved(cache, folder)
    assert resolved(cache, folder) == first
    (folder / "mod.py").write_text("x = 2\n")
    assert resolved(cache, folder).commit != first.commit
    assert repository_of(first, cache) == snapshot_path(folder, cache)


def test_an_ignored_folder_inside_a_repository_is_a_folder_of_its_own(tmp_path: Path, cache: Path) -> None:
    user = project_repository(tmp_path / "user")
    user.write({"scratch/mod.py": "x = 1\n"})
    assert resolved(cache, user.path / "scratch").kind == "folder"


def test_a_url_is_mirrored_once_and_updated(tmp_path: Path, cache: Path) -> None:
    user = project_repository(tmp_path / "user")
    user.git("tag", "v1")
    url = user.path.as_uri()
    first = resolved(cache, url)
    assert (first.kind, first.commit) == ("url", user.git("rev-parse", "HEAD"))
    second = user.commit({"calc/more.py": "x = 1\n"})
    assert resolved(cache, url).commit == second
    assert resolved(cache, url, ref="main").commit == second
    assert resolved(cache, url, ref="v1").commit == first.commit
    assert resolved(cache, url, ref=first.commit).commit == first.commit
    assert len(list((cache / "mirrors").glob("*.git"))) == 1


def test_a_branch_the_remote_no_longer_has_is_unknown(tmp_path: Path, cache: Path) -> None:
    user = project_repository(tmp_path / "user")
    user.git("branch", "side")
    url = user.path.as_uri()
    resolved(cache, url, ref="side")
    user.git("branch", "--delete", "side")
    with pytest.raises(TargetError, match="has no branch, tag or commit 'side'"):
        resolved(cache, url, ref="side")


def test_a_commit_that_is_on_no_branch_can_be_had_by_its_name(tmp_path: Path, cache: Path) -> None:
    user = project_repository(tmp_path / "user")
    lost = user.commit({"calc/lost.py": "x = 1\n"})
    user.git("reset", "--quiet", "--hard", "HEAD~1")
    assert resolved(cache, user.path.as_uri(), ref=lost).commit == lost


@pytest.mark.parametrize(
    ("repository", "params", "sentence"),
    [
        ("{}/missing", {}, r"There is no repository at .*/missing; check the path, or give a clone URL\."),
        ("{}/file", {}, r".*/file is a file; name the repository's folder instead\."),
        ("{}/user", {"ref": "nope"}, r".*/user has no branch, tag or commit 'nope'\."),
        ("{}/user", {"ref": "--upload-pack=touch x"}, r"'--upload-pack=touch x' is not a usable ref: .*\."),
        ("{}/user", {"ref": "main\nx"}, r".* is not a usable ref: .*\."),
        ("{}/user", {"ref": "main:calc"}, r".*/user has no branch, tag or commit 'main:calc'\."),
        ("{}/user", {"subfolder": "nope"}, r".*/user has no folder 'nope' at [0-9a-f]{12}\."),
        ("{}/user", {"subfolder": "calc/core.py"}, r".*/user has no folder 'calc/core.py' at [0-9a-f]{12}\."),
        ("{}/user", {"subfolder": "../other"}, r"The subfolder '../other' is outside the repository; .*\."),
        ("{}/user", {"subfolder": "/etc"}, r"The subfolder '/etc' is outside the repository; .*\."),
        ("{}/user", {"subfolder": ".git"}, r"The subfolder '.git' is outside the repository; .*\."),
        ("{}/user", {"subfolder": "empty"}, r"There is no Python file in the folder 'empty' of .*/user, .*\."),
        ("--upload-pack=touch x", {}, r"'--upload-pack=touch x' is not a usable repository: .*\."),
        ("{}/unborn", {}, r"The repository .*/unborn has no commit yet; commit something first\."),
        ("{}/text", {}, r"There is no Python file in .*/text, and DEAN improves Python code only\."),
        ("{}/empty", {}, r"There is no Python file in .*/empty, and DEAN improves Python code only\."),
        ("{}/plain", {"ref": "main"}, r".*/plain is not a git repository, so it has no ref 'main'; .*\."),
        ("{}/broken", {}, r".*/broken is not a usable git repository: .*\."),
        ("file://{}/missing.git", {}, r"The repository file://.*/missing.git cannot be fetched: .*\."),
        ("file://{}/user", {"ref": "nope"}, r"file://.*/user has no branch, tag or commit 'nope'\."),
        ("file://{}/user", {"ref": "0" * 40}, r"The repository file://.*/user no longer has the commit 0+\."),
        (
            "ext::sh -c touch% x",
            {},
            r"The transport 'ext' is not allowed for a repository; use one of https, ssh, file\.",
        ),
        ("git://example.org/x", {}, r"The transport 'git' is not allowed .*\."),
        ("fd::17", {}, r"The transport 'fd' is not allowed .*\."),
        ("https://me:pa55@example.org/x", {}, r"The URL of example.org/x has a password in it, .*`dean_git` instead\."),
        ("ssh://-oProxyCommand=touch/x", {}, r"'ssh://-oProxyCommand=touch/x' is not a clone URL\."),
        ("ssh://-oProxyCommand=x@host/x", {}, r".* is not a clone URL\."),
        ("host:-x", {}, r"'host:-x' is not a clone URL\."),
    ],
)
def test_what_cannot_be_worked_on_is_one_sentence(
    tmp_path: Path, cache: Path, repository: str, params: dict[str, str], sentence: str
) -> None:
    user = project_repository(tmp_path / "user")
    user.commit({"empty/read.me": "no code\n"})
    Repository(tmp_path / "unborn")
    Repository(tmp_path / "text").commit({"README": "no code\n"})
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").mkdir()
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain/mod.py").write_text("x = 1\n")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/.git").write_text("gitdir: /nowhere\n")
    (tmp_path / "broken/mod.py").write_text("x = 1\n")
    with pytest.raises(TargetError) as caught:
        resolved(cache, repository.format(tmp_path), **params)
    assert re.fullmatch(sentence, str(caught.value)), str(caught.value)
    assert "pa55" not in str(caught.value)
    assert not Path("x").exists()


def test_a_home_directory_is_refused(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dean_airflow.evolution.target.snapshot.MAX_FILES", 20)
    folder = tmp_path / "home"
    folder.mkdir()
    for number in range(21):
        (folder / f"mod{number}.py").write_text("")
    with pytest.raises(TargetError, match="holds more than 20 files; name the project's own folder instead"):
        resolved(cache, folder)


def test_a_cache_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    user = project_repository(tmp_path / "user")
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(TargetError, match=r"^Cannot keep a mirror in .*: (Not a directory|File exists)\.$"):
        resolved(tmp_path / "cache", user.path.as_uri())


def test_a_full_disk_is_one_sentence(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    user = project_repository(tmp_path / "user")
    (user.path / "calc/big.bin").write_bytes(bytes(1 << 20))
    user.commit()
    # A file size limit fails writes the way a full disk does, in git's own process.
    monkeypatch.setattr("dean_airflow.evolution.target.git.git_executable", lambda: str(tmp_path / "limited"))
    (tmp_path / "limited").write_text('#!/bin/sh\ntrap "" XFSZ\nulimit -f 1\nexec git "$@"\n')
    (tmp_path / "limited").chmod(0o755)
    with pytest.raises(TargetError, match=r"^The repository file://.* cannot be fetched: .*\.$"):
        resolved(cache, user.path.as_uri())
