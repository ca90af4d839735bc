"""Holds the listening sockets of a deployment's services, so that a release can take over from another one.

A program of its own, run by supervisord as `python -I -S holder.py SOCKET STATE`; it imports the standard library and
`steering.py` beside it alone. Whoever connects to SOCKET sends one JSON object a line and gets one back, with the
socket's descriptor where one was asked for. STATE remembers which release of each service the traffic goes to.

Each release of a service has a socket of its own on the service's port. The kernel numbers them as they came and, when
one is closed, moves the last into its place; `_Service.order` does the same.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from steering import probing_connection, shared_listener, steer, waiting  # type: ignore[import-not-found]

QUEUE = 2048
_ANY = socket.inet_ntoa(socket.INADDR_ANY.to_bytes(4, "big"))
_LOOPBACK = socket.inet_ntoa(socket.INADDR_LOOPBACK.to_bytes(4, "big"))
SECONDS = 5.0
"""For one request of a client, and for the connection that proves a socket's number."""


class Refused(Exception):
    """What was asked for is not possible; its text goes to the client."""


class _Service:
    """`order` are the releases with a socket, in the kernel's numbering; `usual` the one the filter names."""

    def __init__(self) -> None:
        self.order: list[str] = []
        self.sockets: dict[str, socket.socket] = {}
        self.address: tuple[str, int] = ("", 0)
        self.usual = ""


class Holder:
    def __init__(self, state: Path) -> None:
        self._state = state
        self._services: dict[str, _Service] = {}
        self._current: dict[str, str] = json.loads(state.read_text()) if state.exists() else {}

    def answer(self, asked: dict[str, Any]) -> tuple[dict[str, Any], list[int]]:
        """What one request gets, and descriptors that go with it. Raises Refused, OSError."""
        what, name, release = asked["do"], asked.get("service", ""), asked.get("release", "")
        service = self._services.setdefault(name, _Service()) if name else _Service()
        if what == "socket":
            return {"port": service.address[1] or asked["port"]}, [self._socket(name, service, release, asked)]
        if what == "switch":
            self._current[name] = release
            self._keep()
            self._steer(name, service)
        elif what == "close":
            self._close(name, service, release)
        elif what == "forget":
            for each in list(service.order):
                self._close(name, service, each)
            self._current.pop(name, None)
            self._keep()
        elif what != "state":
            raise Refused(f"there is no request {what}")
        state = {
            each: {
                "current": self._current.get(each),
                "releases": list(one.order),
                "waiting": {r: waiting(s) for r, s in one.sockets.items()},
                "address": list(one.address),
            }
            for each, one in self._services.items()
        }
        return {"services": state, "current": self._current}, []

    def _socket(self, name: str, service: _Service, release: str, asked: dict[str, Any]) -> int:
        address = (str(asked["host"]), int(asked["port"]))
        if release in service.sockets and service.address == address:
            return service.sockets[release].fileno()
        if service.order and service.address != address:
            raise Refused(f"{name} listens on {service.address[0]}:{service.address[1]}; stop it before it moves")
        if not service.order:
            with contextlib.closing(socket.socket(_family(address[0]), socket.SOCK_STREAM)) as alone:
                alone.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                alone.bind(address)  # nobody else may be on the port: not even one who would share it
        listener: socket.socket = shared_listener(*address, QUEUE)
        if service.order:
            try:
                self._prove(service, listener, address)
            except BaseException:
                listener.close()
                raise
        service.address = address
        service.order.append(release)
        service.sockets[release] = listener
        self._current.setdefault(name, release)
        self._keep()
        self._steer(name, service)
        return listener.fileno()

    def _prove(self, service: _Service, listener: socket.socket, address: tuple[str, int]) -> None:
        """The new socket has the number it is thought to have, and so have the others. Raises Refused."""
        if ":" in address[0]:
            raise Refused("a release beside another is not possible on an IPv6 address")
        number = len(service.order)
        usual = service.order.index(service.usual) if (service.usual in service.order) else 0
        try:
            steer(listener, usual, number)
        except OSError as error:
            raise Refused(f"this system does not say where connections go ({error.strerror})") from None
        own = _LOOPBACK if address[0] in (_ANY, "") else address[0]
        listener.settimeout(SECONDS)
        try:
            with contextlib.closing(_connected(own, address[1])) as probe:
                accepted, peer = listener.accept()
                accepted.close()
                if peer[1] != probe.getsockname()[1]:
                    raise Refused("connections reached a release that is not to be reached yet")
        except TimeoutError:
            raise Refused("another program shares the port, so where connections go cannot be said") from None
        finally:
            listener.settimeout(None)

    def _steer(self, name: str, service: _Service) -> None:
        if len(service.order) < 2:
            return
        current = self._current.get(name, service.order[0])
        usual = service.order.index(current) if current in service.order else 0
        others = [number for number in range(len(service.order)) if number != usual]
        service.usual = service.order[usual]
        steer(service.sockets[service.order[usual]], usual, others[-1])

    def _close(self, name: str, service: _Service, release: str) -> None:
        if release not in service.sockets:
            return
        service.sockets.pop(release).close()
        number = service.order.index(release)
        service.order[number] = service.order[-1]
        service.order.pop()
        if len(service.order) > 1:
            self._steer(name, service)

    def _keep(self) -> None:
        beside = self._state.with_suffix(".new")
        beside.write_text(json.dumps(self._current, sort_keys=True))
        beside.replace(self._state)


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _connected(host: str, port: int) -> socket.socket:
    for number in range(8):
        with contextlib.suppress(OSError):
            return probing_connection(host, port, 63 - number, SECONDS)  # type: ignore[no-any-return]
    raise Refused("no probing port is free")


def serve(path: str, holder: Holder) -> None:
    with contextlib.suppress(FileNotFoundError):
        Path(path).unlink()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
        door.bind(path)
        Path(path).chmod(0o600)
        door.listen(64)
        while True:
            client, _ = door.accept()
            with client:
                client.settimeout(SECONDS)
                with contextlib.suppress(OSError, ValueError):
                    _attend(client, holder)


def _attend(client: socket.socket, holder: Holder) -> None:
    asked = json.loads(client.makefile("rb").readline(65536))
    try:
        answer, descriptors = holder.answer(asked)
    except Refused as reason:
        answer, descriptors = {"refused": str(reason)}, []
    except OSError as error:
        answer, descriptors = {"refused": f"{error.strerror or error}"}, []
    except (KeyError, TypeError) as error:
        answer, descriptors = {"refused": f"the request is not understood: {error}"}, []
    text = (json.dumps(answer) + "\n").encode()
    if descriptors:
        socket.send_fds(client, [text], descriptors)
    else:
        client.sendall(text)


def main() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: not without its supervisord
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    serve(sys.argv[1], Holder(Path(sys.argv[2])))


if __name__ == "__main__":
    main()
