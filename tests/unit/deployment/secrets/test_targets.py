"""Signing keys, files and password files as what is rotated."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dean_airflow.deployment.description.deployment import read_deployment
from dean_airflow.deployment.secrets.generate import new_secret
from dean_airflow.deployment.secrets.held_value import FileHolder
from dean_airflow.deployment.secrets.postgres import PassfileHolder, PostgresRole
from dean_airflow.deployment.secrets.rotating import record_rotation
from dean_airflow.deployment.secrets.section import secret_facts
from dean_airflow.deployment.secrets.signing_keys import SigningKeysTarget
from dean_airflow.errors import DeploymentError
from dean_airflow.services.server.keyring import read_signing_keys, write_signing_keys
from dean_airflow.services.tokens import SigningKey, SigningKeys, generate_key

from ..conftest import Validate

Make = Callable[[dict[str, str]], Path]
NOW = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.mark.parametrize("length", [32, 48, 64, 1024])
def test_a_new_secret_is_letters_and_digits_of_that_length(length: int):
    made = {new_secret(length) for _ in range(20)}

    assert len(made) == 20
    assert all(len(secret) == length and secret.isalnum() and secret.isascii() for secret in made)


@pytest.mark.parametrize("length", [-1, 0, 31, 1025])
def test_a_length_that_is_none(length: int):
    with pytest.raises(DeploymentError, match="from 32 to 1024 are made"):
        new_secret(length)


def test_signing_keys_step_by_step(tmp_path: Path):
    path = tmp_path / "keys"
    older = SigningKey("k-older", generate_key().secret, NOW)
    first = generate_key()
    write_signing_keys(path, SigningKeys((first, older)))
    target = SigningKeysTarget(path, {}, now=lambda: NOW)
    old, new = target.read(), target.generate()
    kid = new.partition(":")[0]

    def kids() -> list[tuple[str, bool]]:
        return [(key.kid, key.retired_at is not None) for key in read_signing_keys(path).keys]

    assert old == f"{first.kid}:{first.secret}"
    assert len(new.partition(":")[2]) == 64
    for _ in range(2):  # every step may be taken twice
        target.add(old, new)
        assert kids() == [(first.kid, False), ("k-older", True), (kid, False)]
    for _ in range(2):
        target.switch(old, new)
        assert kids() == [(kid, False), (first.kid, True), ("k-older", True)]
    for _ in range(2):
        target.retire(old, new)
        assert kids() == [(kid, False), ("k-older", True)]
    for _ in range(2):
        target.restore(old, new)
        assert kids() == [(first.kid, False), ("k-older", True)]
    assert target.acceptance(old) == "unknown"
    assert target.shown(new) == (new.partition(":")[2],)


def test_signing_keys_that_are_not_there(tmp_path: Path):
    with pytest.raises(DeploymentError, match="There is no signing key"):
        SigningKeysTarget(tmp_path / "keys", {}).read()


@pytest.mark.parametrize(
    "line",
    [
        "KEY=old",
        "export KEY=old",
        "KEY = 'old'",
        'KEY="old"',
        "KEY=old # why",
        "KEY='old' # why",
        "KEY=old\r",
        "  KEY=old",
    ],
)
def test_a_line_keeps_its_form(tmp_path: Path, line: str):
    path = tmp_path / "app.env"
    text = f"\ufeff# first\r\nOTHER=a=b\n{line}\nLAST='x y'"
    path.write_bytes(text.encode())
    path.chmod(0o600)
    holder = FileHolder(path, "KEY", production=True)

    holder.write("n3w/value")
    assert path.read_bytes() == text.replace("old", "n3w/value").encode()
    assert holder.read() == "n3w/value"
    holder.write("old")
    assert path.read_bytes() == text.encode()


@pytest.mark.parametrize(
    "value", ["with space", "it's", 'say "x"', "a#b", "$HOME ${X}", "back\\slash", "a\nb", " lead"]
)
@pytest.mark.parametrize("line", ["KEY=old", "KEY='old'", 'KEY="old"'])
def test_any_old_value_can_be_restored_or_nothing_is_written(tmp_path: Path, line: str, value: str):
    path = tmp_path / "app.env"
    path.write_text(f"{line}\n")
    path.chmod(0o600)
    holder = FileHolder(path, "KEY", production=True)
    try:
        holder.write(value)
    except DeploymentError as refused:
        assert "cannot be replaced" in str(refused)
        assert value not in str(refused)
        assert path.read_text() == f"{line}\n"
    else:
        assert holder.read() == value


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("OTHER=1\n", "does not set KEY"), ("KEY=\n", "does not set KEY"), ("KEY='a\nb'\n", "no NAME=value")],
)
def test_a_file_without_the_value(tmp_path: Path, text: str, sentence: str):
    path = tmp_path / "app.env"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(DeploymentError, match=sentence):
        FileHolder(path, "KEY", production=True).write("new")
    assert path.read_text() == text


def test_a_password_file(tmp_path: Path):
    path = tmp_path / "pgpass"
    path.write_text("# servers\n*:5432:dean:app:old\\:one\nlocalhost:*:*:other:theirs\n")
    path.chmod(0o600)
    holder = PassfileHolder(path, "app")

    assert holder.read() == "old:one"
    holder.write("new")
    assert path.read_text() == "# servers\n*:5432:dean:app:new\nlocalhost:*:*:other:theirs\n"
    holder.write("old:one")
    assert holder.read() == "old:one"
    path.chmod(0o640)
    with pytest.raises(DeploymentError, match="open to others"):
        holder.read()
    with pytest.raises(DeploymentError, match="has no password of the role none"):
        path.chmod(0o600)
        PassfileHolder(path, "none").read()


@pytest.mark.parametrize("url", ["sqlite:///x", "postgresql://host/db", "nonsense", "postgresql://app:secret@host/db"])
def test_an_address_that_is_none(url: str):
    with pytest.raises(DeploymentError) as raised:
        PostgresRole(url)
    assert "secret@" not in str(raised.value)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, "KEY: 2026-05-01\n"),
        ("A: 2025-01-01", "A: 2025-01-01\nKEY: 2026-05-01\n"),
        ("KEY: 2025-01-01\nB: 2025-02-02\n", "KEY: 2026-05-01\nB: 2025-02-02\n"),
        ("KEY:\n  rotated: 2025-01-01\nB: 2025-02-02\n", "KEY: 2026-05-01\nB: 2025-02-02\n"),
    ],
)
def test_the_day_is_noted(tmp_path: Path, before: str | None, after: str):
    path = tmp_path / "secrets" / "rotation.yaml"
    if before is not None:
        path.parent.mkdir()
        path.write_text(before)

    record_rotation(tmp_path, "KEY", "2026-05-01")

    assert path.read_text() == after


def test_a_rotation_that_was_noted_is_what_the_validator_goes_by(deployment: Make, validate: Validate):
    declared = "backend: process\nsecrets: {API_KEY: {rotated: 2020-01-01}}\n"
    root = deployment({"dean-deployment.yaml": declared})
    assert [found.id for found in validate(root).findings] == ["M22"]

    record_rotation(root, "API_KEY", datetime.now(UTC).date().isoformat())

    assert [found.id for found in validate(root).findings] == []


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ("3", "The secret KEY must be a mapping."),
        ("{kind: vault}", "`kind` of the secret KEY must be one of value, pgpass, signing_keys,"),
        ("{length: 8}", "`length` of the secret KEY must be a whole number from 32 to 1024."),
        ("{overlap: soon}", "`overlap` of the secret KEY must be a number of seconds."),
        ("{readers: {a: b}}", "`readers` of the secret KEY must be a list of names."),
        ("{allow: ./allow.sh}", "`allow` of the secret KEY must be a list: the program"),
        ("{check: [./check.sh]}", "programs that refuse or check it, and none to `allow` it"),
        ("{allow: [a], postgres: 'postgresql://a@b/c'}", "name one of them"),
        ("{accepted_by: {evolution: nowhere}}", "must be a mapping of audiences to http addresses"),
        ("{rotate: monthly}", "The secret KEY has a key `rotate` that nothing reads."),
    ],
)
def test_a_mistake_in_the_section(deployment: Make, validate: Validate, facts: str, sentence: str):
    root = deployment({"dean-deployment.yaml": f"backend: process\nsecrets:\n  KEY: {facts}\n"})
    with pytest.raises(DeploymentError) as raised:
        secret_facts(read_deployment(root), "KEY")

    assert sentence in str(raised.value)
    assert [f.place.line for f in validate(root).findings if f.id == "M44" and sentence in f.what] == [3]
