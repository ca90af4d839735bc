"""Delivering a champion to real repositories: what appears, and that nothing else changes."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from upath import UPath

from dean_airflow.errors import PublishError
from dean_airflow.evolution.outcome.edits import ChampionEdit, Handover
from dean_airflow.evolution.outcome.publish import Published, publish_champion
from dean_airflow.evolution.target.fetch import snapshot_bundle
from dean_airflow.evolution.target.resolve import resolve
from dean_airflow.evolution.target.target import Target
from dean_airflow.evolution.trial_config import TrialConfig
from tests.unit.evolution.repositories import PROJECT, Repository, every_file, project_repository

CORE = PROJECT["calc/core.py"]
FIRST = CORE.replace("return add(a, a)", "return 2 * a")
SECOND = FIRST.replace("return a + b", "return b + a")


def edit(files: dict[str, str], number: int = 1) -> ChampionEdit:
    return ChampionEdit(
        text=f"catalogue.inline calc/core.py::twice#{number}",
        title=f"Inline the call, step {number}",
        why="A call costs more than the multiplication it stands for.",
        label="preserving",
        effect=1.25,
        effect_interval=(1.2, 1.3),
        files=files,
    )


EDITS = (edit({"calc/core.py": FIRST}, 1), edit({"calc/core.py": SECOND, "calc/__init__.py": "# empty\n"}, 2))


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def handover_of(repository: str, cache: Path, edits: tuple[ChampionEdit, ...] = EDITS, **params: str) -> Handover:
    target = resolve(TrialConfig(repository=repository, **params), cache)
    return Handover("trial-abc123", target, edits, 1_767_323_045)


def publish(handover: Handover, tmp_path: Path, mode: str = "branch", **options: object) -> Published:
    scratch = tmp_path / "scratch"
    scratch.mkdir(exist_ok=True)
    artifacts = UPath(tmp_path / "artifacts")
    published = publish_champion(handover, mode, tmp_path / "cache", artifacts, scratch, **options)  # type: ignore[arg-type]
    assert list(scratch.iterdir()) == []
    return published


def test_a_local_repository_gets_the_branch_with_a_commit_per_edit(tmp_path: Path, cache: Path) -> None:
    user = project_repository(tmp_path / "user")
    published = publish(handover_of(str(user.path), cache), tmp_path)
    assert published.branch == "dean/trial-abc123"
    assert published.commit == user.git("rev-parse", "dean/trial-abc123")
    assert user.git("rev-parse", "dean/trial-abc123~2") == user.git("rev-parse", "main")
    assert user.git("show", "dean/trial-abc123~1:calc/core.py") + "\n" == FIRST
    assert user.git("show", "dean/trial-abc123:calc/core.py") + "\n" == SECOND
    assert user.git("diff", "--name-only", "main", "dean/trial-abc123") == "calc/__init__.py\ncalc/core.py"
    message = user.git("log", "-1", "--format=%B", "dean/trial-abc123~1")
    assert message.splitlines()[0] == "Inline the call, step 1"
    assert "1.250 times as fast" in message
    assert "1.200 to 1.300" in " ".join(message.split())
    assert "Edit: catalogue.inline calc/core.py::twice#1" in message


def test_nothing_of_the_users_repository_changes_but_the_branch(tmp_path: Path, cache: Path) -> None:
    user = project_repository(tmp_path / "user")
    user.write({"calc/core.py": "dirty = True\n", "untracked.txt": "mine"})
    user.git("add", "calc/core.py")
    hooks = user.path / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("reference-transaction", "post-checkout", "post-merge", "pre-auto-gc", "post-update"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/ran-{name}\n")
        (hooks / name).chmod(0o755)
    before = every_file(user.path)
    publish(handover_of(str(user.path), cache), tmp_path)
    after = every_file(user.path)
    assert {name: content for name, content in after.items() if name in before} == before
    new = [name for name in after if name not in before]
    assert all(
        name.startswith((".git/objects/", ".git/refs/heads/dean/", ".git/logs/refs/heads/dean/")) for name in new
    )
    assert ".git/refs/heads/dean/trial-abc123" in new
    assert list(tmp_path.glob("ran-*")) == []


def test_publishing_again_changes_nothing(tmp_path: Path, cache: Path) -> None:
    user = project_repository(tmp_path / "user")
    handover = handover_of(str(user.path), cache)
    first = publish(handover, tmp_path)
    before = every_file(user.path)
    assert publish(handover, tmp_path) == first
    assert every_file(user.path) == before


def test_a_branch_with_other_content_is_left_alone(tmp_path: Path, cache: Path) -> None:
    user = project_repository(tmp_path / "user")
    user.git("branch", "dean/trial-abc123")
    with pytest.raises(PublishError, match="already has a branch dean/trial-abc123 with other content"):
        publish(handover_of(str(user.path), cache), tmp_path)
    assert user.git("rev-parse", "dean/trial-abc123") == user.git("rev-parse", "main")


def test_a_branch_in_the_way_is_said_in_one_sentence(tmp_path: Path, cache: Path) -> None:
    user = project_repository(tmp_path / "user")
    user.git("branch", "dean")
    with pytest.raises(PublishError, match=r"cannot be added to .*user: .*refs/heads/dean"):
        publish(handover_of(str(user.path), cache), tmp_path)


def test_the_users_identity_signs_the_commits(tmp_path: Path, cache: Path) -> None:
    user = project_repository(tmp_path / "user")
    user.git("config", "user.name", "Uma User")
    user.git("config", "user.email", "uma@example.org")
    publish(handover_of(str(user.path), cache), tmp_path)
    assert user.git("log", "-1", "--format=%an <%ae> %cn %at", "dean/trial-abc123") == (
        "Uma User <uma@example.org> Uma User 1767323045"
    )


def test_without_an_identity_dean_signs(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    user = project_repository(tmp_path / "user")
    publish(handover_of(str(user.path), cache), tmp_path)
    assert user.git("log", "-1", "--format=%an", "dean/trial-abc123") == "DEAN"


@pytest.mark.parametrize("tool", [["git", "am", "--quiet"], ["git", "apply", "--index"]])
def test_the_patch_applies(tmp_path: Path, cache: Path, tool: list[str]) -> None:
    user = project_repository(tmp_path / "user")
    published = publish(handover_of(str(user.path), cache), tmp_path, "patch")
    assert published.branch is None
    assert user.git("branch", "--list", "dean/*") == ""
    user.git(*tool[1:], published.patch or "")
    assert (user.path / "calc/core.py").read_text() == SECOND


def test_the_bundle_brings_the_branch(tmp_path: Path, cache: Path) -> None:
    user = project_repository(tmp_path / "user")
    published = publish(handover_of(str(user.path), cache), tmp_path, "patch")
    user.git("fetch", "--quiet", published.bundle or "", "dean/trial-abc123:copy")
    assert user.git("rev-parse", "copy") == published.commit


def test_none_hands_over_nothing(tmp_path: Path, cache: Path) -> None:
    user = project_repository(tmp_path / "user")
    assert publish(handover_of(str(user.path), cache), tmp_path, "none") == Published()
    assert not (tmp_path / "artifacts").exists()


def test_a_url_keeps_its_branch_in_the_mirror(tmp_path: Path, cache: Path) -> None:
    user = project_repository(tmp_path / "user")
    before = every_file(user.path)
    handover = handover_of(user.path.as_uri(), cache)
    published = publish(handover, tmp_path)
    assert every_file(user.path) == before
    mirror = published.repository or ""
    assert mirror.startswith(str(cache.resolve()))
    # The next trial updates the mirror; the branch is still there.
    resolve(TrialConfig(repository=user.path.as_uri()), cache)
    found = subprocess.run(
        ["git", "rev-parse", "dean/trial-abc123"], cwd=mirror, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == published.commit


def test_push_sends_that_branch_and_no_other(tmp_path: Path, cache: Path) -> None:
    remote = Repository(tmp_path / "remote.git", "--bare")
    user = project_repository(tmp_path / "user")
    user.git("remote", "add", "origin", str(remote.path))
    user.git("push", "--quiet", "origin", "main")
    user.git("branch", "private")
    user.git("tag", "private-tag")
    handover = handover_of(remote.path.as_uri(), cache)
    published = publish(handover, tmp_path, "push")
    assert published.pushed_to == remote.path.as_uri()
    listed = remote.git("for-each-ref", "--format=%(refname)")
    assert listed.split() == ["refs/heads/dean/trial-abc123", "refs/heads/main"]
    assert publish(handover, tmp_path, "push") == published


def test_push_from_a_local_repository_goes_to_its_origin(tmp_path: Path, cache: Path) -> None:
    remote = Repository(tmp_path / "remote.git", "--bare")
    user = project_repository(tmp_path / "user")
    user.git("remote", "add", "origin", remote.path.as_uri())
    published = publish(handover_of(str(user.path), cache), tmp_path, "push")
    assert remote.git("rev-parse", "dean/trial-abc123") == published.commit


def test_push_without_a_remote_is_refused(tmp_path: Path, cache: Path) -> None:
    user = project_repository(tmp_path / "user")
    with pytest.raises(PublishError, match="no remote `origin`"):
        publish(handover_of(str(user.path), cache), tmp_path, "push")


def test_push_never_overwrites(tmp_path: Path, cache: Path) -> None:
    remote = Repository(tmp_path / "remote.git", "--bare")
    user = project_repository(tmp_path / "user")
    user.git("push", "--quiet", str(remote.path), "main", "main:dean/trial-abc123")
    with pytest.raises(PublishError, match="already has a branch"):
        publish(handover_of(remote.path.as_uri(), cache), tmp_path, "push")
    assert remote.git("rev-parse", "dean/trial-abc123") == user.git("rev-parse", "main")


def test_a_folder_gets_its_branch_in_the_snapshot(tmp_path: Path, cache: Path) -> None:
    folder = tmp_path / "plain"
    for name, text in PROJECT.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    before = every_file(folder)
    published = publish(handover_of(str(folder), cache), tmp_path)
    assert every_file(folder) == before
    assert (published.repository or "").startswith(str(cache.resolve() / "snapshots"))
    subprocess.run(["git", "apply", published.patch or ""], cwd=folder, check=True)
    assert (folder / "calc/core.py").read_text() == SECOND


def test_a_folder_on_another_worker_comes_from_its_bundle(tmp_path: Path, cache: Path) -> None:
    folder = tmp_path / "plain"
    (folder / "calc").mkdir(parents=True)
    (folder / "calc/core.py").write_text(CORE)
    handover = handover_of(str(folder), tmp_path / "cache-of-the-other", (EDITS[0],))
    bundle = snapshot_bundle(handover.target, tmp_path / "cache-of-the-other")
    with pytest.raises(PublishError, match="not on this machine"):
        publish(handover, tmp_path)
    assert publish(handover, tmp_path, bundle=bundle).branch == "dean/trial-abc123"


def test_a_subfolder_is_where_the_files_are(tmp_path: Path, cache: Path) -> None:
    user = Repository(tmp_path / "user")
    user.commit({f"libs/calc/{name}": text for name, text in PROJECT.items()})
    publish(handover_of(str(user.path), cache, subfolder="libs/calc"), tmp_path)
    assert user.git("show", "dean/trial-abc123:libs/calc/calc/core.py") + "\n" == SECOND


@pytest.mark.parametrize("attributes", ["", "*.py text eol=crlf\n", "*.py text=auto\n", "*.py -text\n"])
def test_line_endings_stay_as_they_are(tmp_path: Path, cache: Path, attributes: str) -> None:
    user = Repository(tmp_path / "user")
    user.git("config", "core.autocrlf", "false")
    user.commit({"mod.py": b"a = 1\r\nb = 2\r\nc = 3\r\n"})
    if attributes:
        (user.path / ".gitattributes").write_text(attributes)
        user.git("add", ".gitattributes")
        user.git("commit", "--quiet", "--message", "attributes")
    change = edit({"mod.py": "a = 1\r\nb = 20\r\nc = 3\r\n"})
    publish(handover_of(str(user.path), cache, (change,)), tmp_path)
    assert user.git("diff", "--numstat", "main", "dean/trial-abc123").split() == ["1", "1", "mod.py"]


def test_an_executable_file_stays_executable(tmp_path: Path, cache: Path) -> None:
    user = Repository(tmp_path / "user")
    user.write({"tool.py": "x = 1\n"})
    (user.path / "tool.py").chmod(0o755)
    user.commit()
    publish(handover_of(str(user.path), cache, (edit({"tool.py": "x = 2\n"}),)), tmp_path)
    assert user.git("ls-tree", "dean/trial-abc123", "tool.py").startswith("100755")


def test_shallow_clones_are_served(tmp_path: Path, cache: Path) -> None:
    origin = project_repository(tmp_path / "origin")
    origin.commit({"calc/more.py": "x = 1\n"})
    origin.git("clone", "--quiet", "--depth=1", origin.path.as_uri(), str(tmp_path / "user"))
    user = Repository(tmp_path / "user")
    publish(handover_of(str(user.path), cache), tmp_path)
    assert user.git("show", "dean/trial-abc123:calc/core.py") + "\n" == SECOND
    assert user.git("rev-parse", "--is-shallow-repository") == "true"


@pytest.mark.parametrize("path", ["../outside.py", "/etc/passwd", "calc/missing.py", "link.py", "linked/core.py"])
def test_only_plain_files_of_the_target_change(tmp_path: Path, cache: Path, path: str) -> None:
    user = project_repository(tmp_path / "user")
    (user.path / "link.py").symlink_to("calc/core.py")
    (user.path / "linked").symlink_to("calc")
    user.commit()
    (tmp_path / "outside.py").write_text("mine\n")
    with pytest.raises(PublishError, match="not a plain file of the target"):
        publish(handover_of(str(user.path), cache, (edit({path: "x = 1\n"}),)), tmp_path)
    assert (tmp_path / "outside.py").read_text() == "mine\n"


def test_an_edit_without_effect_on_the_files_is_refused(tmp_path: Path, cache: Path) -> None:
    user = project_repository(tmp_path / "user")
    with pytest.raises(PublishError, match="changes nothing"):
        publish(handover_of(str(user.path), cache, (edit({"calc/core.py": CORE}),)), tmp_path)


def test_control_characters_of_a_target_stay_out_of_messages(tmp_path: Path, cache: Path) -> None:
    user = project_repository(tmp_path / "user")
    hostile = replace(EDITS[0], title="Good\n\x1b[31mred", why="a\r\n\nDEAN-Trial: forged")
    publish(handover_of(str(user.path), cache, (hostile,)), tmp_path)
    message = user.git("log", "-1", "--format=%B", "dean/trial-abc123")
    assert "\x1b" not in message
    assert message.splitlines()[0] == "Good [31mred"
    assert [line for line in message.splitlines() if line.startswith("DEAN-Trial:")] == ["DEAN-Trial: trial-abc123"]


def test_a_commit_that_has_gone_is_said(tmp_path: Path, cache: Path) -> None:
    user = project_repository(tmp_path / "user")
    gone = Handover("trial-abc123", Target(str(user.path), "local", "0" * 40), EDITS, 0)
    with pytest.raises(PublishError, match="no longer has the commit"):
        publish(gone, tmp_path)


def test_artifacts_that_cannot_be_written_are_said(tmp_path: Path, cache: Path) -> None:
    user = project_repository(tmp_path / "user")
    (tmp_path / "artifacts").write_text("a file where a folder should be")
    with pytest.raises(PublishError, match=r"The artefact .* cannot be written"):
        publish(handover_of(str(user.path), cache), tmp_path)
    assert user.git("branch", "--list", "dean/*") == ""
