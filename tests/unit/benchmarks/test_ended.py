"""A benchmark that is told to end tidies up first."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

BENCH = """
import sys, types
from contextlib import contextmanager
from pathlib import Path
import benchmarks.__main__ as runner

@contextmanager
def server():
    try:
        yield
    finally:
        Path({left!r}).write_text("stopped")

def run(minutes):
    with server():
        print("started", flush=True)
        sys.stdin.read()

sys.modules["benchmarks.ingest"] = types.SimpleNamespace(run=run)
sys.argv = ["benchmarks", "ingest"]
sys.exit(runner.main())
"""


def test_a_benchmark_ended_by_sigterm_stops_what_it_started(tmp_path: Path) -> None:
    left = tmp_path / "left"
    code = BENCH.format(left=str(left))
    root = Path(__file__).parents[3]
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 128 + signal.SIGTERM
    assert left.read_text() == "stopped"
