"""Who calls a server, and what a route asks of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

_IMPLIED = {"admin": ("user", "viewer"), "user": ("viewer",)}


def all_roles(named: tuple[str, ...]) -> frozenset[str]:
    """The roles with those they include: `admin` is also `user`, and `user` also `viewer`."""
    return frozenset(role for name in named for role in (name, *_IMPLIED.get(name, ())))


class Permission(Enum):
    """What a route does; its value are the roles any one of which suffices."""

    READ = ("viewer", "service")
    """Looks, and changes nothing."""
    RUN = ("user", "service")
    """Starts, stops or changes something, for a person or for another service."""
    USER = ("user",)
    """A decision of a person's, which no service takes by itself."""
    ADMIN = ("admin",)
    """Concerns everyone: configuration, audit."""


@dataclass(frozen=True)
class Caller:
    """An authenticated caller. `name` is the subject that limits are counted by, `user` whom it says it acts for.

    `credential` is `token`, `api_key` or what a mounting app uses; `credential_id` names it without revealing it.
    `expires_at` is when it ends, None if never.
    """

    name: str
    user: str
    roles: frozenset[str]
    credential: str
    credential_id: str = ""
    expires_at: datetime | None = None

    def may(self, permission: Permission) -> bool:
        return bool(self.roles.intersection(permission.value))
