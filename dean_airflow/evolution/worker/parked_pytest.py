"""A pytest session stopped just before its first test: collected once, then its tests run in forked children.

So a candidate's tests cost neither imports nor collection, and benchmarks written with pytest-benchmark's fixture run
with their fixtures alive. The fixture here is DEAN's own: it times the call and says what came out.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable
from typing import Any

import pytest

from . import child, clock, family, inputs, wire, workloads
from .profiling import ProfilingZygote
from .source_file import CannotSwap
from .zygote import Answer

_KEPT_OPTIONS = re.compile(r"--import-mode(?:=|\s+)[a-z]+|--doctest-modules|--doctest-glob(?:=|\s+)\S+")
_ENDINGS = {4: "pytest refuses the selection; see that every path and option in it is right", 5: "it selects no test"}
"""What pytest's exit codes mean for whoever chose the tests."""
_CONFIG_FILES = ("pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg")


def serve_tests(connection: socket.socket, order: dict[str, Any]) -> None:
    """Collects what `order["tests"]` selects, answers with the ids, serves. Raises Unusable if pytest refuses."""
    plugin = Parked(connection, order)
    arguments = ["-q", "--continue-on-collection-errors", "-o", "addopts=", "-p", "no:cacheprovider"]
    for other in ("randomly", "random_order", "benchmark", "cov", "xdist", "codspeed", "sugar"):
        arguments += ["-p", f"no:{other}"]
    code = pytest.main([*arguments, *_kept_options(order["project"]), *order["tests"]], plugins=[plugin])
    if not plugin.served:
        problem = "; ".join(plugin.collection_errors) or _ENDINGS.get(int(code), f"pytest ended with code {int(code)}")
        raise workloads.Unusable(f"the tests cannot be collected: {problem}"[:3000])


def _kept_options(project: str) -> list[str]:
    """Options of the target's own `addopts` that change which tests there are; all others are left out."""
    kept: list[str] = []
    for name in _CONFIG_FILES:
        path = os.path.join(project, name)
        if os.path.isfile(path):
            with open(path, encoding="utf-8", errors="replace") as file:
                for line in file.read().splitlines():
                    if "--" in line and not line.lstrip().startswith("#"):
                        kept += [word for option in _KEPT_OPTIONS.findall(line) for word in option.split()]
    return kept


class Timed:
    """Stands for pytest-benchmark's fixture: `benchmark(f, *a)` and `benchmark.pedantic(f, args, kwargs, setup)`."""

    def __init__(self, run: TestsWorkload) -> None:
        self._workload = run
        self.group = self.name = None
        self.extra_info: dict[str, Any] = {}
        self.stats: Any = {}
        self.enabled = self.disabled = True

    def __call__(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return self._time(lambda: (args, kwargs), function)

    def pedantic(
        self,
        target: Callable[..., Any],
        args: Any = (),
        kwargs: Any = None,
        setup: Callable[[], Any] | None = None,
        **rounds: Any,
    ) -> Any:
        """`setup` gives fresh arguments before each call, outside the time."""
        return self._time(lambda: (setup() if setup else None) or (args, kwargs or {}), target)

    def _time(self, arguments: Callable[[], Any], function: Callable[..., Any]) -> Any:
        result: Any = None
        for _ in range(self._workload.repeats):
            args, kwargs = arguments()
            started = clock.now()
            result = function(*args, **kwargs)
            self._workload.seconds += clock.now() - started
        self._workload.results.append(result)
        return result


class TestsWorkload:
    """Runs chosen tests; with the benchmark fixture its calls are the time, else the whole run is."""

    takes_seed = False
    __test__ = False

    def __init__(self, parked: Parked) -> None:
        self.parked = parked
        self.chosen: list[Any] = []
        self.repeats = 1
        self.seconds = 0.0
        self.results: list[Any] = []

    @property
    def uses_fixture(self) -> bool:
        """Whether any chosen test times its own calls; only those are then the cost."""
        return any("benchmark" in self.parked.items[one].fixturenames for one in self.chosen)

    def run(self, seed: int, repeats: int) -> tuple[float, child.Outcome]:
        """One measurement: every chosen test once, `repeats` calls at each use of the fixture (or rounds of all)."""
        own = self.uses_fixture
        self.repeats, self.seconds, self.results = repeats, 0.0, []
        started = clock.now()
        for _ in range(1 if own else repeats):
            outcomes = self.parked.run_items(self.chosen)
        seconds = self.seconds if own else clock.now() - started
        return seconds, child.Outcome([sorted(outcomes.items()), self.results])


class Parked:
    """The pytest plugin: keeps the session, serves, and collects reports of the items run."""

    def __init__(self, connection: socket.socket, order: dict[str, Any]) -> None:
        self.connection = connection
        self.order = order
        self.served = False
        self.collection_errors: list[str] = []
        self.items: dict[str, Any] = {}
        self.reports: dict[str, str] = {}
        self.failures: dict[str, str] = {}
        self.durations: dict[str, float] = {}
        self.workload = TestsWorkload(self)

    @pytest.fixture
    def benchmark(self) -> Timed:
        return Timed(self.workload)

    def pytest_configure(self, config: Any) -> None:
        config.addinivalue_line("markers", "benchmark: settings of pytest-benchmark, of no effect here")

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            reason = str(report.longrepr).strip().splitlines()[-1:] or ["unknown"]
            self.collection_errors.append(f"{report.nodeid}: {reason[0][:300]}")

    def pytest_runtest_logreport(self, report: Any) -> None:
        before = self.reports.get(report.nodeid, "passed")
        self.durations[report.nodeid] = self.durations.get(report.nodeid, 0.0) + report.duration
        if report.failed:
            self.reports[report.nodeid] = "failed"
            text = str(report.longrepr).strip().splitlines()
            self.failures.setdefault(report.nodeid, text[-1][:300] if text else "failed")
        elif report.skipped and before == "passed":
            self.reports[report.nodeid] = "skipped"
        else:
            self.reports.setdefault(report.nodeid, before)

    def pytest_runtestloop(self, session: Any) -> bool:
        """Where a normal session would run its tests."""
        self.served = True
        self.items = {item.nodeid: item for item in session.items}
        chosen = self.order.get("chosen")
        self.workload.chosen = list(self.items) if chosen is None else [one for one in chosen if one in self.items]
        found = workloads.settle(self.order["project"])
        zygote = ParkedZygote(self)
        family.freeze()
        ready = {"ok": True, "takes_seed": False, "ids": list(self.items), "clock_step": clock.step()}
        wire.send(self.connection, {**ready, "collection_errors": self.collection_errors, **found})
        zygote.serve()
        return True

    def reports_failures(self) -> bool:
        """Whether a failing test is reported as failing here: a candidate may have replaced what reports."""
        if not self.items:
            return True
        kept = self.reports, self.failures, self.durations
        self.reports, self.failures, self.durations = {}, {}, {}
        session = next(iter(self.items.values())).session
        item = _MustFail.from_parent(session, name="must_fail")
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
        failed = self.reports.get(item.nodeid) == "failed"
        self.reports, self.failures, self.durations = kept
        return failed

    def run_items(self, ids: list[str], stop_at_failure: bool = False) -> dict[str, str]:
        """Outcome by id: passed, failed, skipped, in this very process."""
        self.reports, self.failures, self.durations = {}, {}, {}
        items = [self.items[one] for one in ids]
        for item, following in zip(items, [*items[1:], None], strict=False):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if stop_at_failure and self.reports.get(item.nodeid) == "failed":
                break
        return dict(self.reports)


class _MustFail(pytest.Item):
    """Shows that failures still reach the reports."""

    def runtest(self) -> None:
        raise AssertionError("as it must")


class ParkedZygote(ProfilingZygote):
    """Adds `tests` (files, ids, stop → outcomes), `coverage` (ids, paths → which test runs which line), and
    `inputs` (see inputs.compare)."""

    def __init__(self, parked: Parked) -> None:
        super().__init__(parked.connection, parked.workload, parked.order["project"])
        self.parked = parked
        self.operations |= {"tests": self.tests, "coverage": self.coverage}
        self.operations |= {"choose": self.choose, "inputs": self.inputs}

    def choose(self, request: dict[str, Any]) -> Answer:
        """Sets which tests are the workload."""
        self.parked.workload.chosen = list(request["ids"])
        return {}

    def tests(self, request: dict[str, Any]) -> Answer:
        """Outcomes of `ids` with `files` swapped in, the last line of each failure, and the seconds each test and all
        took. Raises child.Gone."""
        for path in request["files"]:
            try:
                self.swapper.prepare(path)
            except CannotSwap as error:
                return {"cannot_swap": str(error)}

        def work() -> Any:
            try:
                for path, text in request["files"].items():
                    self.swapper.swap(path, text)
            except CannotSwap as error:
                return {"cannot_swap": str(error)}
            started = clock.now()
            outcomes = self.parked.run_items(request["ids"], request["stop"])
            seconds = clock.now() - started
            found = {"outcomes": outcomes, "failures": self.parked.failures}
            if not self.parked.reports_failures():
                failed = dict.fromkeys(outcomes, "failed")
                found = {"outcomes": failed, "failures": dict.fromkeys(failed, "tests that must fail pass here")}
            return {**found, "durations": self.parked.durations, "seconds": seconds}

        answer: Answer = family.compute(work, request["limit"], self.connection.fileno())
        return answer

    def inputs(self, request: dict[str, Any]) -> Answer:
        """Compares a function with a candidate's on varied inputs. Raises child.Gone."""

        def work() -> Any:
            return inputs.compare(request, self.project, lambda one: self.parked.run_items([one]))

        answer: Answer = family.compute(work, request["limit"], self.connection.fileno())
        return answer

    def coverage(self, request: dict[str, Any]) -> Answer:
        """path → line → index into `sets`, each a list of indices into `ids`. Raises child.Gone."""

        def work() -> Any:
            import coverage as coverage_library

            project = self.project
            wanted = {os.path.join(project, path): path for path in request["paths"]}
            tracer = coverage_library.Coverage(data_file=None, config_file=False, include=list(wanted))
            tracer.start()
            for one in request["ids"]:
                tracer.switch_context(one)
                self.parked.run_items([one])
            tracer.stop()
            return _compact(tracer.get_data(), wanted, request["ids"])

        answer: Answer = family.compute(work, request["limit"], self.connection.fileno())
        return answer


def _compact(data: Any, wanted: dict[str, str], ids: list[str]) -> dict[str, Any]:
    """Lines share their sets of tests, which are few."""
    number = {one: index for index, one in enumerate(ids)}
    sets: dict[tuple[int, ...], int] = {}
    lines: dict[str, dict[str, int]] = {}
    for file in data.measured_files():
        path = wanted.get(os.path.realpath(file))
        if path is None:
            continue
        for line, contexts in data.contexts_by_lineno(file).items():
            tests = tuple(sorted(number[one] for one in contexts if one in number))
            if tests:
                lines.setdefault(path, {})[str(line)] = sets.setdefault(tests, len(sets))
    return {"sets": [list(one) for one in sets], "lines": lines}
