"""Requests at a steady rate while something is done to who answers them, and what became of each."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

import aiohttp

from dean_airflow.services.tokens import SigningKeys, mint

PATIENCE = 30.0


@dataclass
class Answers:
    """`failed` are sentences; `renewed` counts tokens that were refused and replaced, as clients of the contract do."""

    sent: int = 0
    renewed: int = 0
    failed: list[str] = field(default_factory=list)
    slowest: float = 0.0


class Load(AbstractContextManager["Load"]):
    """`urls` in turn, `rate` a second in all, whether or not earlier ones are answered; until the block ends.

    Each request is a connection of its own. `keys` reads the signing keys that tokens for `audiences` (by URL) are
    minted with; without it there is no credential. A token is kept until it is refused; then the request is repeated
    once with a new one.
    """

    def __init__(
        self,
        urls: list[str],
        rate: float = 50.0,
        keys: Callable[[], SigningKeys] | None = None,
        audiences: Mapping[str, str] | None = None,
    ) -> None:
        self._urls, self._rate, self._keys, self._audiences = urls, rate, keys, dict(audiences or {})
        self._tokens: dict[str, str] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self.answers = Answers()

    def __enter__(self) -> Load:
        self._thread.start()
        self.wait_for(5)
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def wait_for(self, further: int) -> None:
        """Until so many more requests were sent."""
        until, wanted = time.monotonic() + PATIENCE, self.answers.sent + further
        while self.answers.sent < wanted:
            assert time.monotonic() < until, "no requests are sent"
            self._ended.wait(0.01)

    async def _run(self) -> None:
        connector = aiohttp.TCPConnector(force_close=True, limit=0)
        async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(PATIENCE)) as session:
            begun, tasks = time.monotonic(), set()
            while not self._ended.is_set():
                task = asyncio.create_task(self._one(session, self._urls[self.answers.sent % len(self._urls)]))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
                self.answers.sent += 1
                await asyncio.sleep(max(0.0, begun + self.answers.sent / self._rate - time.monotonic()))
            await asyncio.gather(*tasks)

    async def _one(self, session: aiohttp.ClientSession, url: str) -> None:
        begun = time.monotonic()
        try:
            token = self._tokens.get(url) or self._mint(url)
            status = await self._status(session, url, token)
            if status == 401 and self._keys is not None:
                self.answers.renewed += 1
                # Another request may have renewed it meanwhile.
                fresh = self._tokens[url] if self._tokens.get(url) not in (None, token) else self._mint(url)
                status = await self._status(session, url, fresh)
            if status >= 400:
                self.answers.failed.append(f"{url}: {status}")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self.answers.failed.append(f"{url}: {type(error).__name__} {error}")
        self.answers.slowest = max(self.answers.slowest, time.monotonic() - begun)

    def _mint(self, url: str) -> str:
        if self._keys is None:
            return ""
        self._tokens[url] = mint(
            self._keys(), subject="load", username="load", roles=("service", "viewer"), audience=self._audiences[url]
        )
        return self._tokens[url]

    @staticmethod
    async def _status(session: aiohttp.ClientSession, url: str, token: str) -> int:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with session.get(url, headers=headers) as answer:
            await answer.read()
            return answer.status
