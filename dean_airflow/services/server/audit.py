"""What is put on record of who did what: denials, uses of keys, and calls that change something."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Deed:
    """`action` is a word such as `call`, `denied`, `key_used`, `token_issued`, `keys_rotated`; `resource` what it was
    done to (a method and a path, or an id), `outcome` a status or a word. None of them ever holds a credential.
    """

    action: str
    user: str
    resource: str
    outcome: str


class Audit(Protocol):
    """Whoever keeps the record; must not block."""

    def record(self, deed: Deed) -> None: ...


class NoAudit:
    """For servers that keep nothing, such as stubs."""

    def record(self, deed: Deed) -> None:
        return None
