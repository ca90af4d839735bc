"""Rotating the signing key: the old one verifies for 24 hours more, and no request fails meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dean_airflow.services.server.keyring import Keyring, read_signing_keys, write_signing_keys
from dean_airflow.services.tokens import SigningKeys, generate_key, mint


class Time:
    def __init__(self) -> None:
        self.seconds = datetime(2030, 1, 1, tzinfo=UTC).timestamp()

    def __call__(self) -> float:
        return self.seconds

    def move(self, hours: float) -> None:
        self.seconds += 3600 * hours

    @property
    def moment(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)


@pytest.fixture
def time() -> Time:
    return Time()


def token(keys: SigningKeys, time: Time, hours: float = 24) -> str:
    return mint(keys, subject="s", username="u", roles=["viewer"], audience="evolution", life=3600 * hours, now=time)


def test_old_and_new_are_good_for_a_day_then_only_the_new(tmp_path, time: Time) -> None:
    path = tmp_path / "signing-keys"
    first = SigningKeys((generate_key(),))
    write_signing_keys(path, first)
    ring = Keyring(path, "evolution", now=time, clock=time)
    old = token(first, time, hours=72)
    assert ring.caller(old) is not None

    second = read_signing_keys(path).rotated(time.moment)
    write_signing_keys(path, second)
    time.move(hours=1)

    assert ring.caller(old) is not None
    assert ring.caller(token(second, time)) is not None
    assert second.newest.kid != first.newest.kid
    time.move(hours=22.9)
    assert ring.caller(old) is not None
    time.move(hours=0.2)
    assert ring.caller(old) is None
    assert ring.caller(token(first, time)) is None
    assert ring.caller(token(second, time)) is not None


def test_a_token_known_to_be_good_still_expires(tmp_path, time: Time) -> None:
    path = tmp_path / "signing-keys"
    keys = SigningKeys((generate_key(),))
    write_signing_keys(path, keys)
    ring = Keyring(path, "evolution", now=time, clock=time)
    short = token(keys, time, hours=1)
    assert ring.caller(short) is not None

    time.move(hours=1.1)

    assert ring.caller(short) is None


def test_a_file_that_became_unusable_keeps_the_keys_that_were_known(tmp_path, time: Time, caplog) -> None:
    path = tmp_path / "signing-keys"
    keys = SigningKeys((generate_key(),))
    write_signing_keys(path, keys)
    ring = Keyring(path, "evolution", now=time, clock=time)
    path.write_text("short")
    time.move(hours=0.1)

    assert ring.caller(token(keys, time)) is not None
    assert "shorter than 32 characters" in caplog.text
    assert keys.newest.secret not in caplog.text


def test_writing_keys_is_all_or_nothing_and_for_the_owner_alone(tmp_path) -> None:
    path = tmp_path / "deep" / "signing-keys"
    keys = SigningKeys((generate_key(),)).rotated(datetime.now(UTC) - timedelta(hours=1))
    write_signing_keys(path, keys)

    assert path.stat().st_mode & 0o777 == 0o600
    assert read_signing_keys(path) == keys
    assert [one.name for one in path.parent.iterdir()] == ["signing-keys"]
