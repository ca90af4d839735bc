"""Finds code of ours that blocks an event loop, while tests run it: by what it does, not by how long it takes.

Sleeping, starting a process, looking up a name, connecting, and asking a database are noticed in a thread whose event
loop is running, and blamed on the coroutine that did it. A test's own coroutine may do all of that.
"""

from __future__ import annotations

import asyncio
import inspect
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

import dean_airflow

_OURS = str(Path(dean_airflow.__file__).parent)
_COROUTINE = inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
_AUDITED = ("subprocess.Popen", "os.system", "socket.getaddrinfo", "socket.gethostbyname", "sqlite3.connect")

_found: list[str] | None = None
_sleep = time.sleep


@contextmanager
def watched() -> Iterator[list[str]]:
    """What blocked a loop while inside, each with the coroutine it was done in."""
    global _found
    outer, found = _found, []
    _found = found
    time.sleep = _watched_sleep
    try:
        yield found
    finally:
        _found = outer
        time.sleep = _sleep


def _watched_sleep(seconds: float) -> None:
    _note("time.sleep")
    _sleep(seconds)


def _audit(name: str, arguments: tuple[Any, ...]) -> None:
    if _found is None:
        return
    if name in _AUDITED or (name == "socket.connect" and _blocks(arguments[0])):
        _note(name)


def _blocks(connecting: socket.socket) -> bool:
    """asyncio connects sockets that do not block."""
    return connecting.gettimeout() != 0


def _query(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
    _note(f"query {statement.split(None, 1)[0]}")


def _note(what: str) -> None:
    if _found is None or asyncio._get_running_loop() is None:
        return
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and not frame.f_code.co_flags & _COROUTINE:
        frame = frame.f_back
    if frame is not None and frame.f_code.co_filename.startswith(_OURS):
        where = Path(frame.f_code.co_filename).relative_to(_OURS)
        _found.append(f"{what} in {where}:{frame.f_lineno} {frame.f_code.co_qualname}")


sys.addaudithook(_audit)
event.listen(Engine, "before_cursor_execute", _query)
