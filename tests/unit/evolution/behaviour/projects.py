"""Small real projects with tests, and the check of behavioural edits on them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent

from dean_airflow.evolution.baseline.baseline import Baseline
from dean_airflow.evolution.behaviour.input_proof import InputProof
from dean_airflow.evolution.behaviour.line_proof import LineProof
from dean_airflow.evolution.behaviour.proof import BehaviourProof
from dean_airflow.evolution.edits.edit import Edit, Genome
from dean_airflow.evolution.judge.test_runner import TestRunner
from dean_airflow.evolution.judge.worker import Workshop
from dean_airflow.evolution.sandbox.sandbox import Sandbox, choose_sandbox
from tests.unit.evolution.workshops import OWN_ENVIRONMENT

BEHAVIOURAL: Genome = (Edit("generic", "delete", "lib.py", "f", "0", "", "behavioural"),)
PRESERVING: Genome = (Edit("catalogue", "hoist_regex", "lib.py", "f"),)


class Project:
    """`lib.py`, `test_lib.py` and what is known of them."""

    def __init__(self, folder: Path, library: str, tests: str, sandbox: Sandbox, benchmark: str = "") -> None:
        self.library = dedent(library).lstrip("\n")
        path, scratch = folder / "project", folder / "scratch"
        path.mkdir()
        scratch.mkdir()
        (path / "lib.py").write_text(self.library)
        (path / "test_lib.py").write_text("from lib import *\n\n\n" + dedent(tests).lstrip("\n"))
        if benchmark:
            (path / "bench.py").write_text("import lib\n\n\n" + dedent(benchmark).lstrip("\n"))
        workshop = Workshop(sandbox, OWN_ENVIRONMENT, path, ("",), scratch)
        self.runner = TestRunner(workshop, ["test_lib.py"], 0.05, 5)
        ids = self.runner.worker.ready["ids"]
        answer = self.runner.worker.request("coverage", 30.0, ids=ids, paths=["lib.py"])
        sets = [tuple(ids[number] for number in numbers) for numbers in answer["sets"]]
        lines = {int(line): sets[number] for line, number in answer["lines"].get("lib.py", {}).items()}
        self.baseline = Baseline(tuple(ids), (), (), 0.001, 1, 0.0, True, "warm", coverage={"lib.py": lines})
        self.tree = {"lib.py": self.library}
        self.lines = LineProof(self.tree, self.baseline, self.runner)
        self.inputs = InputProof(self.baseline, self.runner, "bench:run" if benchmark else "")

    def changed(self, old: str, new: str) -> dict[str, str]:
        """The files with one piece of the library replaced."""
        assert self.library.count(old) == 1, f"{old!r} stands {self.library.count(old)} times in the library"
        return {"lib.py": self.library.replace(old, new)}

    def why_not(self, old: str, new: str, genome: Genome = BEHAVIOURAL) -> str:
        """What the whole check says about that change, made by a behavioural edit."""
        files = self.changed(old, new)
        return BehaviourProof(self.tree, lambda _: files, self.lines, self.inputs).why_not(genome, files)


@contextmanager
def project(folder: Path, library: str, tests: str, *, level: str = "off", benchmark: str = "") -> Iterator[Project]:
    """A project whose parked session is ended afterwards."""
    made = Project(folder, library, tests, choose_sandbox(level), benchmark)  # type: ignore[arg-type]
    try:
        yield made
    finally:
        made.runner.close()
