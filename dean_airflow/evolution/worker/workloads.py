"""What is run and timed in the children: a callable of the target, or tests of a parked pytest session."""

from __future__ import annotations

import importlib
import inspect
import os
import sys
from collections.abc import Callable
from typing import Any, Protocol

from . import child


class Unusable(Exception):
    """The benchmark cannot be had from this target; the text says why."""


class Workload(Protocol):
    """Lives in the zygote; its `run` is called in children."""

    takes_seed: bool

    def run(self, seed: int, repeats: int) -> tuple[float, child.Outcome]: ...


class CallableWorkload:
    """`module:callable`, called with a fresh seed if it has a parameter named `seed`."""

    def __init__(self, spec: str) -> None:
        """Imports the module. Raises Unusable for a spec that names nothing callable."""
        module_name, _, name = spec.partition(":")
        try:
            self.module = importlib.import_module(module_name)
        except BaseException as error:
            raise Unusable(
                f"the benchmark module {module_name!r} cannot be imported ({type(error).__name__}: {error})"
            ) from error
        found: Any = self.module
        for part in name.split("."):
            found = getattr(found, part, None)
        if not callable(found):
            raise Unusable(f"the module {module_name!r} has no callable {name!r}")
        self.function: Callable[..., Any] = found
        self.takes_seed = _takes_seed(found)

    def run(self, seed: int, repeats: int) -> tuple[float, child.Outcome]:
        """One measurement."""
        if self.takes_seed:
            return child.timed_calls(self.function, seed, repeats)
        function = self.function
        return child.timed_calls(lambda _: function(), seed, repeats)


def _takes_seed(function: Callable[..., Any]) -> bool:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return False
    return any(parameter.name == "seed" for parameter in parameters)


def settle(project: str) -> dict[str, Any]:
    """After a first run: what makes forking unsafe. Threads do not survive a fork; state of a C extension of the
    target itself cannot be exchanged by exchanging functions."""
    extensions = []
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None) or ""
        if isinstance(file, str) and file.endswith(".so") and os.path.realpath(file).startswith(project):
            extensions.append(os.path.relpath(file, project))
    return {"threads": _threads(), "extensions": sorted(extensions)[:5]}


def _threads() -> int:
    """Threads of this process; where the sandbox hides them, those that run Python."""
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return len(sys._current_frames())
