"""The same inputs given to the function as it is and as a candidate has it, each in a child of its own."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import io
import json
import os
import reprlib
import resource
import select
import signal
import types
from collections.abc import Callable, Sequence
from typing import Any

from . import canonical, clock, family
from .recording import Call, Copier, Parameters

GUARD = 0.1
"""Seconds one call of the function as it is may take, digest of its outcome included."""
PATIENCE = 10.0
"""The candidate gets this many times as long where the baseline was in time, so that chance decides nothing."""
HASTE = 0.5
"""Where the baseline was late, the candidate does something else if it ends within this share of the guard."""
HARD_HANG = 5.0
"""Seconds after the alarm until a child that does not hear it is killed."""
MOST_DEATHS = 20
"""Children that may die or hang beyond waking before the rest of the inputs is given up."""
MEMORY = 512 * 1024 * 1024
"""Bytes a child may allocate beyond what it has: varied numbers make huge strings."""
MOST_YIELDED = 1_000
"""Items taken of an asynchronous generator."""

LATE, DEAD, INNER = "took too long", "ended its process", "returned a function"
NO_VALUES = (LATE, DEAD, INNER)
"""Outcomes without a digest."""

Row = tuple[str, str]
"""Digest of an outcome, or one of NO_VALUES, and a few words for it."""


class _Late(BaseException):
    """Raised in a call by the timer."""


class Caller:
    """Calls one function with many inputs, in children that are replaced when they die."""

    def __init__(self, function: types.FunctionType, parameters: Parameters, copier: Copier) -> None:
        self.function, self.parameters, self.copier = function, parameters, copier

    def rows(
        self, prepare: Callable[[], object], inputs: Sequence[Call], guards: Sequence[float], seconds: float
    ) -> tuple[list[Row], str]:
        """One row an input, fewer if `seconds` have passed or too many children died; and what `prepare` raised.

        `prepare` is called in each child before its first call.
        """
        deadline = clock.now() + seconds
        rows: list[Row] = []
        deaths = 0
        while len(rows) < len(inputs) and deaths <= MOST_DEATHS and clock.now() < deadline:
            failure, late = self._one_child(prepare, inputs, guards, deadline, rows)
            if failure:
                return rows, failure
            if len(rows) < len(inputs) and clock.now() < deadline:
                rows.append((LATE, LATE) if late else (DEAD, DEAD))
                deaths += 1
        return rows, ""

    def _one_child(
        self,
        prepare: Callable[[], object],
        inputs: Sequence[Call],
        guards: Sequence[float],
        deadline: float,
        rows: list[Row],
    ) -> tuple[str, bool]:
        """Adds rows until the child ends; what `prepare` raised, and whether the child hung beyond waking."""
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            self._live(prepare, inputs, guards, len(rows), write)
        os.close(write)
        pending = b""
        try:
            while len(rows) < len(inputs):
                patience = min(deadline - clock.now(), guards[len(rows)] + HARD_HANG)
                if patience <= 0 or not select.select([read], [], [], patience)[0]:
                    return "", True
                part = os.read(read, 1 << 16)
                if not part:
                    return "", False
                *lines, pending = (pending + part).split(b"\n")
                for line in lines:
                    answer = json.loads(line)
                    if isinstance(answer, str):
                        return answer, False
                    rows.append((str(answer[0]), str(answer[1])))
        except (ValueError, LookupError, TypeError):
            return "", False
        finally:
            os.close(read)
            family.kill(pid)
            family.remove_strangers(())
        return "", False

    def _live(
        self, prepare: Callable[[], object], inputs: Sequence[Call], guards: Sequence[float], first: int, write: int
    ) -> None:
        """Never returns."""
        try:
            os.setpgid(0, 0)
            try:
                prepare()
            except BaseException as error:
                os.write(write, json.dumps(f"{type(error).__name__}: {error}"[:2000]).encode() + b"\n")
                return
            _limit_memory()
            signal.signal(signal.SIGALRM, _raise_late)
            for call, guard in zip(inputs[first:], guards[first:], strict=True):
                _write_all(write, json.dumps(self._guarded(call, guard)).encode() + b"\n")
        finally:
            os._exit(0)

    def _guarded(self, call: Call, guard: float) -> Row:
        """The outcome of one call on a copy of its arguments; repeats the alarm for code that catches everything."""
        own = self.copier.copy(call)
        try:
            signal.setitimer(signal.ITIMER_REAL, guard, guard)
            try:
                return self._outcome(own)
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
        except _Late:
            signal.setitimer(signal.ITIMER_REAL, 0)
            return LATE, LATE

    def _outcome(self, call: Call) -> Row:
        """Result or class of the exception, what was printed, and what became of the arguments."""
        positional, by_name = self.parameters.arguments(call)
        printed = io.StringIO()
        try:
            with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
                result = _settled(self.function(*positional, **by_name))
                if _holds_function(result):
                    return INNER, INNER
                says = f"returns {shown(result)}"
                outcome = canonical.digest(["returns", result])
        except _Late:
            raise
        except BaseException as error:
            outcome = f"raises {type(error).__module__}.{type(error).__qualname__}"
            says = f"raises {type(error).__name__}"
        return canonical.digest([outcome, printed.getvalue(), positional, by_name]), says


def shown(value: Any) -> str:
    """A short repr, whatever the value's own raises."""
    try:
        return reprlib.repr(value)[:200]
    except Exception as error:
        return f"a value whose repr raises {type(error).__name__}"


def shown_call(name: str, call: Call, parameters: Parameters) -> str:
    """The call as one would write it."""
    positional, by_name = parameters.arguments(call)
    parts = [shown(value) for value in positional] + [f"{key}={shown(value)}" for key, value in by_name.items()]
    return f"{name}({', '.join(parts)})"[:300]


def _settled(result: Any) -> Any:
    """What a coroutine returns, or the first items of an asynchronous generator; anything else as it is."""
    if inspect.iscoroutine(result):
        return asyncio.run(result)
    if inspect.isasyncgen(result):
        return asyncio.run(_items(result))
    return result


async def _items(generator: Any) -> list[Any]:
    items = []
    async for item in generator:
        items.append(item)
        if len(items) >= MOST_YIELDED:
            break
    return items


def _holds_function(result: Any) -> bool:
    """Whether an inner function comes out: it would count by its name, and what it does would go unseen."""
    parts = result if isinstance(result, list | tuple) else result.values() if isinstance(result, dict) else [result]
    return any(isinstance(one, types.FunctionType) and "<locals>" in one.__qualname__ for one in parts)


def _limit_memory() -> None:
    """At the sandbox level `basic` there is no /proc; there the peak so far stands for the size, with room to map."""
    try:
        with open("/proc/self/statm") as file:
            size = int(file.read().split()[0]) * resource.getpagesize()
    except OSError:
        size = 4 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    wanted = size + MEMORY
    if most == resource.RLIM_INFINITY or wanted < most:
        resource.setrlimit(resource.RLIMIT_AS, (wanted, most))


def _raise_late(number: int, frame: object) -> None:
    raise _Late


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
