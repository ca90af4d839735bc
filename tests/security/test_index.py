"""An installer's network: the package index through our proxy, and nothing else."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from dean_airflow.evolution.sandbox.index import IndexAccess, index_access
from dean_airflow.evolution.sandbox.proxy import IndexProxy
from dean_airflow.evolution.sandbox.sandbox import Sandbox, run
from tests.security.conftest import PYTHON, Attack, MakeJail

_THROUGH_THE_PROXY = """
import os, socket, sys
from urllib.parse import urlsplit
proxy = urlsplit(os.environ["HTTPS_PROXY"])
with socket.create_connection((proxy.hostname, proxy.port)) as channel:
    channel.sendall(("CONNECT %s HTTP/1.1\\r\\n\\r\\n" % sys.argv[1]).encode())
    answer = channel.recv(4096)
    print(answer.split(b"\\r\\n")[0].decode())
    if b"200" in answer:
        channel.sendall(b"abc" * 100000)
        channel.shutdown(socket.SHUT_WR)
        received = b""
        while part := channel.recv(65536):
            received += part
        print(len(received))
"""


@pytest.fixture
def echo() -> Iterator[int]:
    """A TCP server on the loopback that sends back what it gets; its port."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                channel, _ = server.accept()
            except OSError:
                return
            with channel:
                while part := channel.recv(65536):
                    channel.sendall(part)

    thread = threading.Thread(target=serve)
    thread.start()
    yield server.getsockname()[1]
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join()


def test_the_index_is_reached(attack: Attack, echo: int) -> None:
    access = IndexAccess(hosts=(f"127.0.0.1:{echo}",))
    done = attack(_THROUGH_THE_PROXY, f"127.0.0.1:{echo}", index=access)
    assert done.stdout.decode().splitlines() == ["HTTP/1.1 200 Connected", "300000"], done.stderr


@pytest.mark.parametrize("where", ["localhost:{}", "127.0.0.1:22", "example.com:443", "[::1]:{}", "127.0.0.1:x", ""])
def test_any_other_place_is_refused(attack: Attack, echo: int, where: str) -> None:
    access = IndexAccess(hosts=(f"127.0.0.1:{echo}",))
    done = attack(_THROUGH_THE_PROXY, where.format(echo), index=access)
    assert done.stdout.splitlines()[0].split()[1] in (b"403", b"405"), done


def test_the_way_around_the_proxy_is_closed(attack: Attack, echo: int) -> None:
    code = """
import socket, sys
port = int(sys.argv[1])
def connect():
    socket.create_connection(("127.0.0.1", port), 5)
def fast_open():
    socket.socket().sendto(b"x", 0x20000000, ("127.0.0.1", port))
def multipath():
    socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262).connect(("127.0.0.1", port))
for act in (connect, fast_open, multipath):
    try:
        act()
        print("reached:", act)
    except OSError:
        print("tried")
"""
    done = attack(code, echo, index=IndexAccess(hosts=("pypi.org",)))
    assert done.stdout.split() == [b"tried"] * 3, done


def test_credentials_of_the_outer_proxy_stay_outside(attack: Attack, echo: int) -> None:
    """The jail's proxy goes through the machine's own, with credentials that the jail never sees."""
    outer = socket.create_server(("127.0.0.1", 0))
    seen: list[bytes] = []

    def serve() -> None:
        channel, _ = outer.accept()
        with channel:
            seen.append(channel.recv(4096))
            channel.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            with socket.create_connection(("127.0.0.1", echo)) as onward:
                while part := channel.recv(65536):
                    onward.sendall(part)
                    while len(part) > 0:
                        back = onward.recv(65536)
                        channel.sendall(back)
                        part = part[len(back) :]

    thread = threading.Thread(target=serve)
    thread.start()
    upstream = f"http://user:p%40ss@127.0.0.1:{outer.getsockname()[1]}"
    access = IndexAccess(hosts=(f"127.0.0.1:{echo}",), upstream=upstream)
    code = _THROUGH_THE_PROXY + "\nprint(dict(os.environ))"
    done = attack(code, f"127.0.0.1:{echo}", index=access)
    thread.join()
    outer.close()
    assert b"300000" in done.stdout, done
    assert b"Proxy-Authorization: Basic dXNlcjpwQHNz" in seen[0]
    assert b"p%40ss" not in done.stdout
    assert b"p@ss" not in done.stdout


def test_the_proxy_goes_with_its_jail(attack: Attack, echo: int) -> None:
    before = threading.active_count()
    attack("", index=IndexAccess(hosts=(f"127.0.0.1:{echo}",)))
    assert threading.active_count() == before


def test_a_proxy_that_cannot_listen_says_so(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        IndexProxy(["pypi.org"], socket_path=tmp_path / "missing" / "socket")


def test_pip_downloads_from_the_real_index(sandbox: Sandbox, make_jail: MakeJail, scratch: Path) -> None:
    if subprocess.run([PYTHON, "-I", "-m", "pip", "--version"], capture_output=True).returncode != 0:
        pytest.skip("the base interpreter has no pip")
    try:
        urlopen("https://pypi.org/simple/six/", timeout=20, context=ssl.create_default_context()).close()
    except URLError as error:
        pytest.skip(f"the package index cannot be reached from here: {error}")
    # Without the machine's own package folders, so that the network is used.
    access = index_access("https://pypi.org/simple", environ={**os.environ, "PIP_CONFIG_FILE": os.devnull})
    pip = [PYTHON, "-I", "-m", "pip", "--no-cache-dir", "download", "--no-deps", "--dest", str(scratch)]
    done = run(sandbox, [*pip, "six==1.17.0"], make_jail(index=access, environment={"PIP_FIND_LINKS": ""}))
    assert done.returncode == 0, done
    assert (scratch / "six-1.17.0-py2.py3-none-any.whl").stat().st_size == 11050
    elsewhere = {"PIP_INDEX_URL": "https://test.pypi.org/simple", "PIP_RETRIES": "0"}
    done = run(sandbox, [*pip, "tomli==2.0.1"], make_jail(index=access, environment=elsewhere))
    assert done.returncode != 0
    assert not list(scratch.glob("tomli*"))
