"""A wire without a server, and who may sit at its end."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from dean_airflow.feed.listener import End
from dean_airflow.feed.session import Gone

from .shelf import settle


class Wire:
    """What the server sends is in `texts`; while `stuck`, the client reads nothing."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.closed: tuple[int, str] | None = None
        self.stuck = asyncio.Event()
        self.stuck.set()
        self._said: asyncio.Queue[str | None] = asyncio.Queue()

    async def say(self, what: Any) -> None:
        self._said.put_nowait(what if what is None or isinstance(what, str) else json.dumps(what))
        await settle()

    async def send(self, text: str) -> None:
        await self.stuck.wait()
        if self.closed:
            raise Gone
        self.texts.append(text)

    async def receive(self) -> str | None:
        return await self._said.get()

    async def close(self, code: int, reason: str) -> None:
        self.closed = (code, reason)

    def frames(self) -> list[dict[str, Any]]:
        """What came since the last time."""
        texts, self.texts = self.texts, []
        return [json.loads(text) for text in texts if text != "pong"]

    def types(self) -> list[str]:
        return [frame["type"] for frame in self.frames()]


class Visitor:
    """A viewer; `barred` are the DAGs they may not see, `why` ends them at the next check."""

    user = "ann"

    def __init__(self, expires_in: float | None = None, barred: frozenset[str | None] = frozenset()) -> None:
        self.expires_in, self.barred = expires_in, barred
        self.why: End | None = None
        self.checks = 0

    async def may(self, dag: str | None) -> bool:
        return dag not in self.barred

    async def check(self) -> End | None:
        self.checks += 1
        return self.why
