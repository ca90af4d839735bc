"""Entry of a worker process: `python -s -P main.py FD`, with a socket to the judge at descriptor FD.

The first message says what to load; the answer says what was found. Then the zygote serves.
"""

from __future__ import annotations

import importlib.util
import os
import socket
import sys
import types


def _package() -> types.ModuleType:
    """This folder as the package `_dean_worker`, whatever the target calls its own modules."""
    folder = os.path.dirname(os.path.abspath(__file__))
    spec = importlib.util.spec_from_file_location(
        "_dean_worker", os.path.join(folder, "__init__.py"), submodule_search_locations=[folder]
    )
    assert spec is not None and spec.loader is not None, folder
    module = importlib.util.module_from_spec(spec)
    sys.modules["_dean_worker"] = module
    spec.loader.exec_module(module)
    return module


def main(descriptor: int) -> None:
    """Serves one judge on one connection."""
    _package()
    start = importlib.import_module("_dean_worker.start")
    start.start(socket.socket(fileno=descriptor))


if __name__ == "__main__":
    main(int(sys.argv[1]))
