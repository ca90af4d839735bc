"""Samples of two releases that answer real requests, or do not; and of series in the store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web

from dean_airflow.deployment.canary.compare_releases import compare_releases
from dean_airflow.deployment.canary.judge import Samples, judge
from dean_airflow.deployment.canary.metric import Metric
from dean_airflow.deployment.canary.policy import CanaryPolicy
from dean_airflow.deployment.canary.sampling import http_fetch, sample_releases
from dean_airflow.deployment.canary.series import series_samples, together
from dean_airflow.deployment.description.deployment import read_deployment
from dean_airflow.errors import DeploymentError
from dean_airflow.metrics.history import History
from dean_airflow.metrics.sample import Sample
from dean_airflow.services.pool import ServicePool
from dean_airflow.store.store import Store

QUICK = CanaryPolicy(samples=20, minimum=20, requests=3, timeout=2.0)


@asynccontextmanager
async def release(handler) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/health", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.01)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        yield f"http://127.0.0.1:{port}/health"
    finally:
        await runner.cleanup()


async def ok(request: web.Request) -> web.Response:
    return web.Response(text="ok")


async def broken(request: web.Request) -> web.Response:
    return web.Response(status=503)


async def hanging(request: web.Request) -> web.Response:
    await asyncio.Event().wait()
    raise AssertionError


def sampled(old, new, policy: CanaryPolicy = QUICK) -> Samples:
    async def take() -> Samples:
        async with release(old) as first, release(new) as second, ServicePool() as pool:
            return await sample_releases(policy, http_fetch(pool, "old", first), http_fetch(pool, "new", second))

    return asyncio.run(take())


def test_both_are_sampled_as_often():
    samples = sampled(ok, ok)

    assert [len(taken["latency"]) for taken in (samples.old, samples.new)] == [20, 20]
    assert [len(taken["error_rate"]) for taken in (samples.old, samples.new)] == [60, 60]
    assert all(value > 0 for value in samples.new["latency"])


def test_a_release_that_answers_503_fails_by_its_errors():
    found = judge(QUICK, sampled(ok, broken))

    assert found.verdict == "fail"
    assert {each.metric.name: each.verdict for each in found.metrics} == {
        "latency": "inconclusive",
        "error_rate": "fail",
    }


def test_a_request_that_hangs_is_one_that_failed():
    policy = CanaryPolicy(samples=10, minimum=10, requests=1, timeout=0.02)

    samples = sampled(ok, hanging, policy)

    assert samples.new["error_rate"] == [1.0] * 10
    assert samples.new["latency"] == []


def test_the_deadline_ends_the_sampling_and_leaves_it_open():
    policy = CanaryPolicy(samples=10, minimum=10, requests=1, timeout=60, deadline=0.2)

    samples = sampled(ok, hanging, policy)

    assert len(samples.new["error_rate"]) == 0
    assert judge(policy, samples).verdict == "inconclusive"


def test_what_is_no_address_is_refused():
    with pytest.raises(DeploymentError, match="No samples can be taken"):
        http_fetch(ServicePool(), "old", "ftp://somewhere")


def test_series_of_the_store(tmp_path: Path):
    begun = datetime.now(UTC) - timedelta(hours=2)
    policy = CanaryPolicy(
        metrics=(Metric("queue", series="queue_length"), Metric("work", series="work_total", direction="higher"))
    )

    def points(name: str, kind, offset: int, values: list[float]) -> list[Sample]:
        start = int((begun + timedelta(seconds=offset)).timestamp() * 1000)
        return [Sample("api", name, value, start + 1000 * n, type=kind) for n, value in enumerate(values)]

    with Store.open(f"sqlite:///{tmp_path / 'dean.db'}") as store:
        history = History(store)
        history.append(points("queue_length", "gauge", 0, [1, 2, 3]) + points("queue_length", "gauge", 100, [9, 8]))
        history.append(points("work_total", "counter", 0, [0, 5, 10]) + points("work_total", "counter", 100, [1, 3, 0]))
        half = begun + timedelta(seconds=50)
        found = series_samples(policy, history, "api", (begun, half), (half, begun + timedelta(seconds=200)))

    assert found.old == {"queue": [1, 2, 3], "work": [5, 5]}
    assert found.new == {"queue": [9, 8], "work": [2]}  # the counter restarted after that
    assert together(found, Samples({"latency": [1.0]}, {"latency": [2.0]})).old.keys() == {"queue", "work", "latency"}


@pytest.mark.parametrize(
    ("section", "new", "verdict", "proceed"),
    [
        ("", ok, "pass", True),
        ("canary: {services: [other]}", broken, "pass", True),
        ("canary: {samples: 10, requests: 1, metrics: [error_rate]}", broken, "fail", False),
        ("canary: {samples: 10, requests: 1, metrics: [error_rate]}", ok, "inconclusive", False),
        ("canary: {samples: 10, requests: 1, metrics: [error_rate], on_inconclusive: pass}", ok, "inconclusive", True),
        ("canary: {samples: 20, requests: 9, metrics: [error_rate]}", ok, "pass", True),
    ],
)
def test_what_the_deployer_is_told(deployment, section, new, verdict, proceed):
    described = read_deployment(deployment({"dean-deployment.yaml": f"backend: process\n{section}\n"}))

    async def ask():
        async with release(ok) as old_url, release(new) as new_url:
            bases = (url.removesuffix("/health") for url in (old_url, new_url))
            return await asyncio.to_thread(compare_releases, described, "api", *bases)

    answer = asyncio.run(ask())

    assert (answer.verdict, answer.proceed) == (verdict, proceed)
    assert answer.reason.endswith(".")
