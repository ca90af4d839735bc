"""Looking at a remote trial: what counts as ended, which errors pass, and when it is given up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from dean_airflow.services.contract.trials import Trial
from dean_airflow.services.endpoint import BreakerLimits
from dean_airflow.services.errors import NotFound, ServiceError, ServiceFault, ServiceUnavailable
from dean_airflow.services.remote.guard import watch_over
from dean_airflow.services.remote.options import RemoteOptions
from dean_airflow.services.remote.watch import OutOfSight, states

pytestmark = pytest.mark.anyio

GONE = ServiceUnavailable("gone")


def seen(status: str, generation: int = 0) -> Trial:
    return Trial(
        trial_id="trial-remote", repository="r", config={}, status=status, started_at=datetime.now(UTC),
        current_generation=generation,
    )  # fmt: skip


def looks(*answers: Trial | ServiceError) -> Callable[[], Any]:
    left = list(answers)

    async def look() -> Trial:
        answer = left.pop(0)
        if isinstance(answer, ServiceError):
            raise answer
        return answer

    return look


async def all_states(look: Callable[[], Any], **rest: Any) -> list[str]:
    options = {"every": 0.001, "errors_allowed": 2, "say": lambda line: None, **rest}
    return [state.status async for state in states(look, options.pop("news", None), **options)]


async def test_it_is_looked_at_until_it_has_ended() -> None:
    look = looks(seen("initializing"), seen("running"), seen("running"), seen("failed"), seen("running"))
    assert await all_states(look) == ["initializing", "running", "running", "failed"]


async def test_errors_that_pass_are_borne_so_many_times_in_a_row() -> None:
    said: list[str] = []
    look = looks(GONE, ServiceFault("500"), seen("running"), GONE, GONE, seen("completed"))
    assert await all_states(look, say=said.append) == ["running", "completed"]
    assert len(said) == 4

    with pytest.raises(OutOfSight, match="3 times in a row: gone"):
        await all_states(looks(seen("running"), GONE, GONE, GONE))


async def test_an_error_that_does_not_pass_ends_it_at_once() -> None:
    with pytest.raises(NotFound):
        await all_states(looks(seen("running"), NotFound("no such trial"), seen("completed")))


async def test_news_bring_the_next_look_forward_and_may_break_off() -> None:
    first = asyncio.Event()
    count = 0

    async def news() -> AsyncIterator[str]:
        nonlocal count
        count += 1
        await first.wait()
        yield "frame"
        raise ServiceUnavailable("the socket is gone")

    async def look() -> Trial:
        if first.is_set():
            return seen("completed")
        first.set()
        return seen("running")

    async with asyncio.timeout(30):  # an hour between looks: only the news can end this
        assert await all_states(look, news=news, every=3600.0) == ["running", "completed"]
    assert count == 1


@pytest.mark.parametrize("gone", [False, True])
async def test_a_service_that_vanishes_pauses_once_and_resumes_once(gone: bool) -> None:
    answers: list[ServiceError | None] = [None, GONE, GONE, GONE, None, None, GONE]
    heard: list[str] = []
    waits: list[float] = []

    class Over(Exception):
        pass

    async def probe() -> None:
        if not answers:
            raise Over
        answer = answers.pop(0)
        if answer is not None:
            raise answer

    async def pause() -> None:
        heard.append("pause")

    async def resume() -> None:
        heard.append("resume")

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    with pytest.raises(Over):
        await watch_over(probe, pause, resume, every=5.0, gone=gone, sleep=sleep)
    assert heard == ["resume"] * gone + ["pause", "resume", "pause"]
    assert waits == [5.0, 1.0, 1.0, 1.0, 5.0, 5.0, 1.0]


async def test_with_the_usual_options_a_vanished_service_is_seen_and_its_circuit_open_within_30_s() -> None:
    """Every probe of a black-holed service takes its whole timeout; time is counted, not waited for."""
    options = RemoteOptions()
    clock = 0.0
    failures: list[float] = []
    seen: list[float] = []

    class Over(Exception):
        pass

    async def probe() -> None:
        nonlocal clock
        if len(failures) == BreakerLimits().failures:
            raise Over
        clock += options.probe_timeout_seconds
        failures.append(clock)
        raise GONE

    async def pause() -> None:
        seen.append(clock)

    async def sleep(seconds: float) -> None:
        nonlocal clock
        clock += seconds

    clock = options.probe_seconds  # it vanishes right after a probe that went well
    with pytest.raises(Over):
        await watch_over(probe, pause, pause, every=options.probe_seconds, sleep=sleep)
    assert seen[0] <= 10
    assert failures[-1] <= 30
