"""Reads that many ask for: batched, and remembered for a moment."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from dean_airflow.services.server.batched import Batched
from dean_airflow.services.server.read_cache import ReadCache


def test_what_is_asked_meanwhile_is_asked_together() -> None:
    asked: list[list[str]] = []

    async def load(keys: Sequence[str]) -> Mapping[str, str]:
        asked.append(list(keys))
        await asyncio.sleep(0)
        return {key: key.upper() for key in keys if key != "ghost"}

    async def scene() -> list[str | None]:
        batched = Batched(load)
        first = asyncio.create_task(batched.get("a"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return await asyncio.gather(first, *(batched.get(key) for key in ("b", "c", "b", "ghost")))

    assert asyncio.run(scene()) == ["A", "B", "C", "B", None]
    assert asked == [["a"], ["b", "c", "ghost"]]


def test_an_error_is_for_those_who_asked_and_not_for_the_next() -> None:
    failing = True

    async def load(keys: Sequence[str]) -> Mapping[str, str]:
        if failing:
            raise ValueError("away")
        return {key: key for key in keys}

    async def scene() -> str | None:
        nonlocal failing
        batched = Batched(load)
        with pytest.raises(ValueError, match="away"):
            await batched.get("a")
        failing = False
        return await batched.get("a")

    assert asyncio.run(scene()) == "a"


def test_a_read_is_remembered_for_a_moment_and_forgotten_after_a_change() -> None:
    now, made = [0.0], []

    async def make() -> int:
        made.append(1)
        return len(made)

    async def scene() -> list[int]:
        cache = ReadCache(0.5, lambda: now[0])
        answers = list(await asyncio.gather(cache.get("k", make), cache.get("k", make)))
        now[0] = 0.4
        answers.append(await cache.get("k", make))
        now[0] = 0.6
        answers.append(await cache.get("k", make))
        cache.forget()
        answers.append(await cache.get("k", make))
        return answers

    assert asyncio.run(scene()) == [1, 1, 1, 2, 3]
