"""Connections are opened in one place, coroutines do not block, addresses are configuration: held over all source."""

from __future__ import annotations

import ast
import asyncio
import re
import time
from functools import cache
from pathlib import Path

import pytest

import dean_airflow
from dean_airflow.services.sync import SyncServicePool
from dean_airflow.store.store import Store

from ...loop_watch import watched
from . import source_rules

PACKAGE = Path(dean_airflow.__file__).parent
FILES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))

MAY_OPEN = {
    "services/calling/transport.py": "the one place",
    "services/in_process.py": "calls an application of this very process; no connection is opened",
    "hooks/service.py": "on the http provider's hook, of which it opens nothing",
    "evolution/sandbox/proxy.py": "carries a target's installation to the package index; it is no client of a service",
    "testing/proxy.py": "carries bytes between a test and a service, to damage them",
    "deployment/probes/system.py": "asks whether something answers at all; it is no client of a service",
    "deployment/backends/process/supervisord.py": "asks the supervisord that it started, over its unix socket",
}
MAY_NAME_ADDRESSES = {
    "config.py": "the defaults",
    "connection_forms.py": "placeholders of a form",
    "provider_info.py": "where the package's page is",
    "deployment/description/addresses.py": "what deployments may write, to be recognised",
    "evolution/sandbox/basic.py": "the loopback of a sandbox, which has no other network",
    "evolution/sandbox/relay.py": "the same",
    "evolution/sandbox/proxy.py": "the same; and the port of https, the only one it connects to",
    "evolution/sandbox/index.py": "the index that pip has when none is set, and the port of https",
    "testing/": "a test's services listen on the loopback, on ports the system gives",
}


@cache
def _text(name: str) -> str:
    return (PACKAGE / name).read_text(encoding="utf-8")


@cache
def _tree(name: str) -> ast.Module:
    return ast.parse(_text(name))


def _broken(rule: object, allowed: dict[str, str], sign: str) -> dict[str, list[str]]:
    """Places that break the rule, by file; a file without the sign cannot have one, and is not parsed."""
    found = {}
    for name in FILES:
        if name.startswith(tuple(allowed)) or not re.search(sign, _text(name)):
            continue
        places = list(rule(_tree(name)))  # type: ignore[operator]
        if places:
            found[name] = places
    return found


def test_connections_are_opened_in_one_place() -> None:
    assert (
        _broken(
            source_rules.opened_connections, MAY_OPEN, r"https?|requests|url|[sS]ocket|connect|ftp|smtp|telnet|xmlrpc"
        )
        == {}
    )


def test_no_coroutine_calls_what_blocks() -> None:
    assert _broken(source_rules.blocking_calls, {}, "async def") == {}


def test_addresses_are_configuration() -> None:
    assert (
        _broken(source_rules.addresses, MAY_NAME_ADDRESSES, r"://|localhost|\d\.\d+\.\d|::1|port\w*[=:]|connect|bind")
        == {}
    )


@pytest.mark.parametrize("name", [*MAY_OPEN, *MAY_NAME_ADDRESSES])
def test_the_exceptions_are_there(name: str) -> None:
    assert any(file.startswith(name) for file in FILES)


@pytest.mark.parametrize(
    "source",
    [
        "import aiohttp\naiohttp.ClientSession()",
        "from aiohttp import ClientSession as S\nS()",
        "import urllib.request\nurllib.request.urlopen('x')",
        "from urllib import request\nrequest.urlopen('x')",
        "import requests as r\nr.get('x')",
        "import httpx\nwith httpx.Client() as c: pass",
        "import socket\nsocket.create_connection(('h', 1))",
        "async def f(loop): await loop.create_connection(None)",
        "from websockets.asyncio.client import connect\nconnect('x')",
        "from airflow.providers.http.hooks.http import HttpHook\nclass H(HttpHook): pass",
    ],
)
def test_a_connection_opened_elsewhere_is_found(source: str) -> None:
    assert len(list(source_rules.opened_connections(ast.parse(source)))) == 1


@pytest.mark.parametrize(
    "source",
    [
        "import time\nasync def f():\n  time.sleep(1)",
        "from time import sleep\nasync def f():\n  sleep(1)",
        "async def f(p):\n  p.read_text()",
        "async def f():\n  open('x')",
        "async def f(self):\n  self._store.trials.get('x')",
        "async def f(store):\n  await g(store.trials.get('x'))",
        "import subprocess\nasync def f():\n  async with g():\n    subprocess.run([])",
    ],
)
def test_a_blocking_call_is_found(source: str) -> None:
    assert len(list(source_rules.blocking_calls(ast.parse(source)))) == 1


@pytest.mark.parametrize(
    "source",
    [
        "import time\ndef f():\n  time.sleep(1)",
        "async def f(self):\n  await to_thread(self._store.trials.get, 'x')",
        "async def f(self):\n  await to_thread(lambda: self._store.trials.get('x'))",
        "async def f(p):\n  def inner():\n    p.read_text()",
        "async def f(r):\n  await r.read_bytes()",
    ],
)
def test_what_runs_in_a_thread_is_not(source: str) -> None:
    assert list(source_rules.blocking_calls(ast.parse(source))) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("x = 'http://dean.internal/api'", 1),
        ("x = f'http://localhost:{port}'", 1),
        ("x = '127.0.0.1'", 1),
        ("f(port=8083)", 1),
        ("PORT = 5432", 1),
        ("def f(port=6379): pass", 1),
        ("connect(('db', 5432))", 1),
        ('"""See http://dean.internal."""', 0),
        ("x = 'must look like http://host'", 0),
        ("rows = 8000", 0),
        ("f(port=0)", 0),
    ],
)
def test_an_address_is_found(source: str, found: int) -> None:
    assert len(list(source_rules.addresses(ast.parse(source)))) == found


def test_what_blocks_a_loop_is_noticed_while_it_runs(tmp_path: Path) -> None:
    """Blamed on a coroutine of the package; the same done by a test's own is its own business."""
    namespace: dict[str, object] = {}
    source = "import time\nasync def sleeps(): time.sleep(0)\nasync def asks(store): store.trials.count()"
    exec(compile(source, str(PACKAGE / "planted.py"), "exec"), namespace)

    async def mine(store: Store) -> None:
        time.sleep(0)  # noqa: ASYNC251
        store.trials.count()
        await asyncio.to_thread(store.trials.count)

    with Store.open(f"sqlite:///{tmp_path}/dean.db") as store:
        with watched() as found:
            asyncio.run(mine(store))
        assert found == []
        with watched() as found:
            asyncio.run(namespace["sleeps"]())  # type: ignore[operator]
            asyncio.run(namespace["asks"](store))  # type: ignore[operator]
            SyncServicePool.close(SyncServicePool(lambda: None))  # type: ignore[arg-type, return-value]
    assert [one.partition(" in ")[0] for one in found] == ["time.sleep", "query BEGIN", "query SELECT"]
