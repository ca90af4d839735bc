"""`airflow dean auth ...`: who may call the servers: API keys, service tokens, and the keys that sign those."""

from __future__ import annotations

import contextlib
import getpass
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from dean_airflow.airflow_settings import settings_in_process
from dean_airflow.cli.exits import command
from dean_airflow.config import Settings
from dean_airflow.errors import ConfigurationError

if TYPE_CHECKING:
    from dean_airflow.services.tokens import SigningKeys
    from dean_airflow.store.api_keys import ApiKey
    from dean_airflow.store.store import Store


@command
def create_key(args: Any) -> int:
    """Print a new API key, which is shown only now."""
    with _store() as store:
        made, key = store.api_keys.create(args.name, args.role, timedelta(days=args.days))
        store.audit.add("key_created", _who(), made.id, ", ".join(made.roles))
    if args.json:
        print(json.dumps(_shown(made) | {"key": key}))
    else:
        print(key)
        print(f"This is the only time that {made.id} is shown.", file=sys.stderr)
    return 0


@command
def list_keys(args: Any) -> int:
    """Print one line (or JSON object) an API key; the keys themselves are kept nowhere."""
    with _store() as store:
        keys = store.api_keys.list()
    if args.json:
        print(json.dumps([_shown(key) for key in keys], indent=2))
        return 0
    for key in keys:
        expires = f"until {key.expires_at:%Y-%m-%d}" if key.expires_at else "no end"
        used = f"used {key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never used"
        state = "active" if key.active else "revoked"
        print(f"{key.id}  {state:8} {','.join(key.roles):16} {expires:17} {used:22} {key.name}")
    return 0


@command
def revoke_key(args: Any) -> int:
    """Refuse an API key from now on."""
    with _store() as store:
        store.api_keys.revoke(args.key_id)
        store.audit.add("key_revoked", _who(), args.key_id, "revoked")
    print(f"{args.key_id} is revoked; servers refuse it within 5 seconds.")
    return 0


@command
def token(args: Any) -> int:
    """Print a service token signed by the newest key."""
    from dean_airflow.services.tokens import mint

    settings = settings_in_process()
    keys = _keys(settings)
    life = args.minutes * 60
    minted = mint(
        keys, subject=args.subject, username=args.user or _who(), roles=args.role, audience=args.service, life=life
    )
    with _store() as store:
        store.audit.add("token_issued", _who(), f"{args.subject} for {args.service}", ", ".join(args.role))
    print(minted)
    return 0


@command
def rotate(args: Any) -> int:
    """Make a signing key, the first or a newer one; the one before verifies for 24 hours more."""
    from dean_airflow.evolution.target.file_lock import file_lock
    from dean_airflow.services.server.keyring import write_signing_keys
    from dean_airflow.services.tokens import OVERLAP, SigningKeys, generate_key

    settings = settings_in_process()
    path = settings.signing_keys_file
    try:
        with file_lock(path.with_name(f".{path.name}.lock")):
            before = _keys(settings) if path.exists() else None
            keys = SigningKeys((generate_key(),)) if before is None else before.rotated(datetime.now(UTC))
            write_signing_keys(path, keys)
    except OSError as error:
        raise ConfigurationError(f"The signing keys cannot be written to {path}: {error.strerror}.") from None
    with _store() as store:
        store.audit.add("keys_rotated", _who(), keys.newest.kid, f"{len(keys.keys)} live")
    print(f"{keys.newest.kid} signs from now on ({path}).")
    if before is not None:
        print(f"{before.newest.kid} verifies for {OVERLAP.total_seconds() / 3600:g} hours more.")
    return 0


def _keys(settings: Settings) -> SigningKeys:
    from dean_airflow.services.server.keyring import read_signing_keys

    return read_signing_keys(settings.signing_keys_file, production=settings.environment == "production")


@contextlib.contextmanager
def _store() -> Iterator[Store]:
    from dean_airflow.store.store import Store

    with Store.open(settings_in_process().store) as store:
        yield store


def _who() -> str:
    """Who runs this command, for the audit."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user often has no name
        return "unknown"


def _shown(key: ApiKey) -> dict[str, Any]:
    times = {name: getattr(key, name) for name in ("created_at", "expires_at", "last_used_at")}
    return {"id": key.id, "name": key.name, "roles": key.roles, "active": key.active} | {
        name: moment.isoformat() if moment else None for name, moment in times.items()
    }
