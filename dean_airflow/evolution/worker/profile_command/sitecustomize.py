"""Python imports this at start-up of a benchmark command that is to be profiled; it writes the profile at exit."""

import atexit
import cProfile
import importlib.util
import json
import os
import sys


def _write(profiler: cProfile.Profile) -> None:
    profiler.disable()
    harness = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    spec = importlib.util.spec_from_file_location("_dean_main", os.path.join(harness, "main.py"))
    assert spec is not None and spec.loader is not None, harness
    main = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(main)
    main._package()
    profiling = importlib.import_module("_dean_worker.profiling")
    rows = profiling.by_function(profiler, os.path.realpath(os.environ["DEAN_PROJECT"]))
    with open(os.path.join(os.environ["DEAN_PROFILE"], f"{os.getpid()}.json"), "w") as file:
        json.dump(rows, file)


if "DEAN_PROFILE" in os.environ and sys.argv is not None:
    _profiler = cProfile.Profile()
    atexit.register(_write, _profiler)
    _profiler.enable()
