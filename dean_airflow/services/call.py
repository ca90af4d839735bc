"""One call of a service, and the reply to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from dean_airflow.services.errors import ContractViolation

BODY_LIMIT = 16 * 1024 * 1024
"""Bytes an answer may have unless its call says otherwise."""
_Model = TypeVar("_Model", bound=BaseModel)
_REPEATABLE = ("GET", "HEAD", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True)
class Call:
    """`path` is the contract's; `body` is a model or JSON-able data.

    `reads` marks a POST that changes nothing (a search). `key` goes out as Idempotency-Key, where the service knows
    such keys. `deadline` in seconds overrides the endpoint's; `attempts` is how often it is tried at most.
    """

    method: str
    path: str
    query: Mapping[str, Any] | None = None
    body: BaseModel | Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    reads: bool = False
    key: str | None = None
    deadline: float | None = None
    attempts: int = 3
    body_limit: int = BODY_LIMIT
    authenticated: bool = True

    @property
    def repeatable(self) -> bool:
        """Whether a second arrival does no more than the first. A POST's key is judged where it is sent."""
        return self.method in _REPEATABLE or self.reads

    def parameters(self) -> list[tuple[str, str]]:
        """The query: None is left out, a list is repeated, booleans are true and false."""
        found: list[tuple[str, str]] = []
        for name, value in (self.query or {}).items():
            values = value if isinstance(value, list | tuple) else [value]
            found.extend((name, _as_text(one)) for one in values if one is not None)
        return found

    def json(self) -> bytes | None:
        if self.body is None:
            return None
        if isinstance(self.body, BaseModel):
            return self.body.model_dump_json(exclude_unset=True).encode()
        return json.dumps(self.body, allow_nan=False).encode()


@dataclass(frozen=True)
class Phases:
    """Where the time of an attempt went, in seconds; None for what did not happen, as on a kept connection.

    `connect` is the TCP handshake, `tls` the one after it, `first_byte` from the request being sent to the answer's
    head, `total` everything.
    """

    dns: float | None = None
    connect: float | None = None
    tls: float | None = None
    first_byte: float | None = None
    total: float = 0.0
    reused: bool = False

    def happened(self) -> dict[str, float]:
        """The parts that there were, by name."""
        parts = {"dns": self.dns, "connect": self.connect, "tls": self.tls, "first_byte": self.first_byte}
        return {name: seconds for name, seconds in parts.items() if seconds is not None}


@dataclass(frozen=True)
class Reply:
    """An answer, read whole. Header names are lower case."""

    service: str
    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    phases: Phases
    attempts: int = 1

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON data; None for an empty one. Raises ContractViolation."""
        if not self.body.strip():
            return None
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise self.violation(f"is no JSON ({_short(error)})") from None

    def read_as(self, model: type[_Model], body: Any) -> _Model:
        """`body` (this reply's, normalised) as a model of the contract. Raises ContractViolation."""
        try:
            return model.model_validate(body)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "the whole"
            raise self.violation(f"is not what the contract says: {where}: {first['msg']}") from None

    def violation(self, what: str) -> ContractViolation:
        return ContractViolation(
            f"The answer of the service {self.service} at {self.url} {what}.",
            service=self.service, url=self.url, status=self.status, body=self.body, attempts=self.attempts,
        )  # fmt: skip


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _short(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
