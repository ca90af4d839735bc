"""The keys that tokens are verified by, read again whenever their file has changed: rotating needs no restart."""

from __future__ import annotations

import logging
import os
import stat
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from dean_airflow.errors import ConfigurationError
from dean_airflow.services.server.caller import Caller, all_roles
from dean_airflow.services.tokens import SKEW, InvalidToken, SigningKeys, verify

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""How often the file is looked at."""
REMEMBERED = 2_000
"""Tokens whose signature was found good and need not be computed again while the keys stay the same."""


def read_signing_keys(path: Path, *, production: bool = True) -> SigningKeys:
    """The keys of a file. Raises ConfigurationError, in one sentence: none there, open to others, short, guessable."""
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigurationError(
            f"There is no signing key: {path} is missing; `airflow dean auth signing-keys rotate` makes one."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"The signing keys in {path} cannot be read: {error}.") from None
    if production and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigurationError(f"The signing keys in {path} are open to others; close them with `chmod 600 {path}`.")
    try:
        return SigningKeys.parse(text)
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from None


def write_signing_keys(path: Path, keys: SigningKeys) -> None:
    """Puts the keys in place of the file's, whole or not at all, readable by its owner alone. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(keys.text() + "\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


class Keyring:
    """Verifies tokens by the keys of a file. An unusable file keeps the keys known so far, and says so in the log."""

    def __init__(
        self,
        path: Path,
        audience: str,
        *,
        production: bool = True,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raises ConfigurationError when there is no usable key to begin with."""
        self._path, self._audience, self._production = path, audience, production
        self._now, self._clock = now, clock
        self._keys = read_signing_keys(path, production=production)
        self._seen, self._looked = self._mark(), clock()
        self._known: OrderedDict[str, Caller] = OrderedDict()

    def caller(self, token: str) -> Caller | None:
        """Who sent the token, None if it is not to be trusted."""
        self._look_again()
        known = self._known.get(token)
        if known is not None and known.expires_at is not None and known.expires_at.timestamp() > self._now():
            return known
        self._known.pop(token, None)
        try:
            claims = verify(token, self._keys, audience=self._audience, now=self._now)
        except InvalidToken as refused:
            log.info("%s", refused)
            return None
        caller = Caller(
            name=claims.subject,
            user=claims.username,
            roles=all_roles(claims.roles),
            credential="token",
            credential_id=claims.token_id or claims.kid,
            expires_at=datetime.fromtimestamp(claims.expires_at + SKEW, UTC),
        )
        key = self._keys.named(claims.kid)
        if key is not None and key.retired_at is None:  # one that is to go is looked at every time
            self._known[token] = caller
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return caller

    def _look_again(self) -> None:
        if self._clock() - self._looked < LOOK_SECONDS:
            return
        self._looked = self._clock()
        mark = self._mark()
        if mark == self._seen:
            return
        self._seen = mark
        try:
            self._keys = read_signing_keys(self._path, production=self._production)
        except ConfigurationError as error:
            log.error("The signing keys stay as they were: %s", error)
            return
        self._known.clear()

    def _mark(self) -> tuple[int, int, int] | None:
        """Changes whenever the file does."""
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino, found.st_size
