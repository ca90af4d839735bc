"""The rules git runs under, seen from what git then does."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dean_airflow.errors import TargetError
from dean_airflow.evolution.target.git import GitCredentials, GitError, git_identity, run_git, run_git_bytes, succeeds
from tests.unit.evolution.repositories import Repository, project_repository


def test_missing_git_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TargetError, match=r"^git is not installed here; install it .* and try again\.$"):
        run_git(["version"], tmp_path)
    with pytest.raises(TargetError, match="git is not installed"):
        succeeds(["version"], tmp_path)


def test_what_git_says_ends_the_sentence(tmp_path: Path) -> None:
    with pytest.raises(GitError, match=r"^git rev-parse failed in .*: not a git repository.*\.$") as caught:
        run_git(["rev-parse", "HEAD"], tmp_path)
    assert "\n" not in str(caught.value)
    assert caught.value.stderr.startswith("fatal: not a git repository")


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(GitError, match=r"could not be started in .*gone: No such file"):
        run_git(["version"], tmp_path / "gone")


def test_a_slow_git_is_stopped_with_its_helpers(tmp_path: Path) -> None:
    repository = project_repository(tmp_path / "user")
    fifo = tmp_path / "never-written"
    os.mkfifo(fifo)
    # An alias runs a shell, which waits for the pipe as long as nobody writes to it.
    with pytest.raises(GitError, match=r"git wait took longer than 0.3 s in .* and was stopped"):
        run_git(["wait"], repository.path, timeout=0.3, config={"alias.wait": f"!cat {fifo}"})
    descriptor = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)
    try:
        with pytest.raises(OSError, match="No such device or address"):
            # Nobody reads the other end any more: the shell's `cat` is gone as well.
            os.close(descriptor)
            descriptor = -1
            os.close(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def test_the_environment_of_the_caller_stays_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = project_repository(tmp_path / "user")
    other = project_repository(tmp_path / "other")
    other.commit({"more.py": "x = 1\n"})
    monkeypatch.setenv("GIT_DIR", str(other.path / ".git"))
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", "false")
    monkeypatch.setenv("SECRET_TOKEN", "sesame")
    assert run_git(["rev-parse", "HEAD"], repository.path).strip() == repository.git("rev-parse", "HEAD")
    seen = run_git(["show-env"], repository.path, config={"alias.show-env": "!env"})
    assert "SECRET_TOKEN" not in seen


def test_hooks_and_fsmonitor_of_a_repository_are_off(tmp_path: Path) -> None:
    repository = project_repository(tmp_path / "user")
    script = tmp_path / "script"
    script.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    script.chmod(0o755)
    (repository.path / ".git/hooks").mkdir(exist_ok=True)
    (repository.path / ".git/hooks/reference-transaction").symlink_to(script)
    repository.git("config", "core.fsmonitor", str(script))
    repository.git("config", "core.hooksPath", ".git/hooks")
    (tmp_path / "ran").unlink(missing_ok=True)
    run_git(["status"], repository.path)
    run_git(["update-ref", "refs/heads/other", "HEAD"], repository.path)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("url", ["ext::sh -c touch% {}/ran", "git://localhost/x", "http://localhost/x"])
def test_only_three_protocols(tmp_path: Path, url: str) -> None:
    repository = project_repository(tmp_path / "user")
    with pytest.raises(GitError, match="not allowed"):
        run_git(["fetch", "--", url.format(tmp_path)], repository.path)
    assert not (tmp_path / "ran").exists()


def test_the_users_identity_is_the_repositorys_or_the_global_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = project_repository(tmp_path / "user")
    monkeypatch.setenv("HOME", str(tmp_path / "home-without"))
    assert git_identity(repository.path) is None
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text('[user]\n\tname = "Uma \\"U\\" User"\n\temail = uma@example.org\n')
    monkeypatch.setenv("HOME", str(home))
    assert git_identity(repository.path) == ('Uma "U" User', "uma@example.org")
    repository.git("config", "user.name", "Here")
    assert git_identity(repository.path) == ("Here", "uma@example.org")


def test_the_users_own_configuration_cannot_bring_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home-with-programs"
    home.mkdir()
    (home / ".gitconfig").write_text(
        f"[core]\n\thooksPath = {tmp_path}/hooks\n[alias]\n\tversion2 = version\n[init]\n\ttemplateDir = {tmp_path}\n"
    )
    monkeypatch.setenv("HOME", str(home))
    with pytest.raises(GitError, match="not a git command"):
        run_git(["version2"], tmp_path)


def test_credentials_reach_git_but_no_argument_and_no_message(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "user")
    credentials = GitCredentials("robot", "s3cret\\%s'\"")
    asked = b"protocol=https\nhost=git.example.org\n\n"
    options = {"credentials": credentials, "remote": "https://git.example.org/team/x.git"}
    told = run_git(["credential", "fill"], repository.path, input=asked, **options)  # type: ignore[arg-type]
    assert "username=robot\n" in told
    assert "password=s3cret\\%s'\"\n" in told
    seen = run_git(
        ["show-arguments"],
        repository.path,
        config={"alias.show-arguments": "!tr '\\0' ' ' < /proc/$PPID/cmdline"},
        **options,  # type: ignore[arg-type]
    )
    assert "s3cret" not in seen
    assert "s3cret" not in repr(credentials)


def test_credentials_are_for_their_host_only(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "user")
    credentials = GitCredentials("robot", "s3cret")
    asked = b"protocol=https\nhost=elsewhere.example.org\n\n"
    with pytest.raises(GitError, match="terminal prompts disabled") as caught:
        run_git(
            ["credential", "fill"],
            repository.path,
            input=asked,
            credentials=credentials,
            remote="https://git.example.org/x",
        )
    assert "s3cret" not in caught.value.stderr
    with pytest.raises(GitError, match="only sent to an https remote"):
        run_git(["version"], repository.path, credentials=credentials, remote="file:///srv/x")


def test_bytes_come_through_unchanged(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "user")
    repository.commit({"latin.py": b"# caf\xe9\r\n"})
    assert run_git_bytes(["cat-file", "blob", "HEAD:latin.py"], repository.path) == b"# caf\xe9\r\n"
