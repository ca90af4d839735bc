"""The TCP fault proxy does to real connections what it says."""

from __future__ import annotations

import asyncio
import http.client
import http.server
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

import pytest

from dean_airflow.testing.conditions import Conditions, Phase, weather
from dean_airflow.testing.proxy import FaultProxy

pytestmark = pytest.mark.anyio
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(1024):
            writer.write(data)
            await writer.drain()
        writer.write(b"<end>")
    except ConnectionError:
        pass
    writer.close()


@asynccontextmanager
async def proxied(handler: Handler = echo, seed: int = 0) -> AsyncIterator[FaultProxy]:
    server = await asyncio.start_server(handler, "127.0.0.1", 0)
    async with FaultProxy(f"127.0.0.1:{server.sockets[0].getsockname()[1]}", seed=seed) as proxy:
        yield proxy
    server.close()


async def connect(proxy: FaultProxy) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", proxy.port)


async def test_a_perfect_network_changes_nothing() -> None:
    async with proxied() as proxy:
        reader, writer = await connect(proxy)
        sent = bytes(range(256)) * 4096
        writer.write(sent)
        writer.write_eof()

        assert await reader.read(-1) == sent + b"<end>"
        assert proxy.accepted == 1


async def test_latency_is_added_in_the_direction_it_was_asked_for() -> None:
    async with proxied() as proxy:
        proxy.set(latency=0.15, direction="down")
        reader, writer = await connect(proxy)
        before = asyncio.get_running_loop().time()
        writer.write(b"x")
        await reader.readexactly(1)

        assert asyncio.get_running_loop().time() - before >= 0.15
        assert proxy.up == Conditions()


async def test_jitter_is_drawn_from_the_seed_and_keeps_the_order() -> None:
    async with proxied(seed=7) as proxy:
        proxy.set(jitter=0.02)
        reader, writer = await connect(proxy)
        for number in range(20):
            writer.write(bytes([number]))
            await asyncio.sleep(0)

        assert await reader.readexactly(20) == bytes(range(20))


async def test_bandwidth_holds_the_rate_down() -> None:
    async with proxied() as proxy:
        proxy.set(bandwidth=20_000, direction="up")
        reader, writer = await connect(proxy)
        before = asyncio.get_running_loop().time()
        writer.write(b"x" * 5_000)
        await reader.readexactly(5_000)

        assert asyncio.get_running_loop().time() - before >= 0.2


@pytest.mark.parametrize("direction", ["both", "up", "down"])
async def test_a_black_hole_swallows_and_delivers_once_healed(direction: str) -> None:
    heard = asyncio.Event()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        data = await reader.read(1024)
        heard.set()
        writer.write(data)

    async with proxied(listen) as proxy:
        proxy.black_hole(direction)  # type: ignore[arg-type]
        reader, writer = await connect(proxy)
        writer.write(b"x")

        waiting = asyncio.ensure_future(reader.readexactly(1))
        done, _ = await asyncio.wait([waiting], timeout=0.25)
        assert not done
        assert heard.is_set() is (direction == "down")
        proxy.heal()
        assert await waiting == b"x"


async def test_reset_is_a_reset_also_within_a_black_hole() -> None:
    arrived = asyncio.Event()

    async def notice(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrived.set()
        await echo(reader, writer)

    async with proxied(notice) as proxy:
        proxy.black_hole()
        reader, writer = await connect(proxy)
        writer.write(b"x")
        await arrived.wait()
        proxy.reset()

        with pytest.raises(ConnectionResetError):
            await reader.readexactly(1)
        proxy.heal()
        reader, writer = await connect(proxy)
        writer.write(b"y")
        assert await reader.readexactly(1) == b"y"


async def test_refused_connections_are_reset_until_healed() -> None:
    async with proxied() as proxy:
        open_reader, open_writer = await connect(proxy)
        open_writer.write(b"a")
        assert await open_reader.readexactly(1) == b"a"
        proxy.refuse()
        reader, _ = await connect(proxy)

        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
        open_writer.write(b"b")
        assert await open_reader.readexactly(1) == b"b"


async def test_half_close_ends_one_direction_only() -> None:
    received: list[bytes] = []
    got = asyncio.Event()

    async def collect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        received.append(await reader.readexactly(3))
        writer.write(b"more")  # nobody can hear it any longer
        got.set()

    async with proxied(collect) as proxy:
        reader, writer = await connect(proxy)
        assert await reader.readexactly(5) == b"hello"
        proxy.half_close("down")
        assert await reader.read() == b""

        writer.write(b"yes")
        await got.wait()
        assert received == [b"yes"]


async def test_a_dead_service_is_a_reset() -> None:
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    async with FaultProxy(f"http://127.0.0.1:{port}/dean") as proxy:
        assert proxy.url == f"http://127.0.0.1:{proxy.port}/dean"
        reader, _ = await connect(proxy)

        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)


async def test_a_stopped_proxy_comes_back_on_its_port() -> None:
    async with proxied() as proxy:
        port = proxy.port
        await proxy.stop()
        with pytest.raises(ConnectionRefusedError):
            await connect(proxy)
        await proxy.start()

        reader, writer = await connect(proxy)
        writer.write(b"x")
        assert (proxy.port, await reader.readexactly(1)) == (port, b"x")


async def test_a_schedule_is_played_in_order() -> None:
    slept: list[float] = []
    seen: list[Conditions] = []

    async with proxied() as proxy:

        async def sleep(seconds: float) -> None:
            slept.append(seconds)
            seen.append(proxy.down)

        await proxy.play([Phase(1, down=Conditions(latency=2)), Phase(3)], sleep=sleep)

    assert slept == [1, 3]
    assert seen == [Conditions(latency=2), Conditions()]


def test_weather_follows_its_seed() -> None:
    assert weather(1, 5) == weather(1, 5)
    assert weather(1, 5) != weather(2, 5)
    assert len(weather(1, 5)) == 11
    assert weather(1, 5)[-1] == Phase(0.0)
    assert all(0.25 <= phase.seconds <= 0.75 for phase in weather(3, 50)[0:-1:2])


@pytest.mark.parametrize("bad", ["nowhere", "http://host/", "host:"])
def test_a_target_without_a_port_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="needs a host and a port"):
        FaultProxy(bad)


@pytest.mark.parametrize("bad", [{"latency": -1}, {"jitter": -1}, {"bandwidth": 0}])
def test_impossible_conditions_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="not "):
        Conditions(**bad)  # type: ignore[arg-type]


@pytest.fixture
def web() -> Iterator[str]:
    class Hello(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"hello")

        def log_message(self, *ignored: object) -> None:
            """Tests are quiet."""

    server = http.server.HTTPServer(("127.0.0.1", 0), Hello)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_it_serves_tests_without_a_loop(web: str) -> None:
    def get(proxy: FaultProxy) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=5)
        connection.request("GET", "/")
        return connection.getresponse().read()

    with FaultProxy(web) as proxy:
        assert get(proxy) == b"hello"
        proxy.refuse()
        with pytest.raises((ConnectionResetError, http.client.RemoteDisconnected)):
            get(proxy)
        proxy.heal()
        assert get(proxy) == b"hello"
