"""Workers in the sandbox: profiles, parked tests, the wire, and what one refuses."""

from __future__ import annotations

import random
import socket
import struct
from collections.abc import Iterator

import pytest

from dean_airflow.errors import BaselineError
from dean_airflow.evolution.judge.worker import RequestFailed, Worker, Workshop
from dean_airflow.evolution.worker import wire
from tests.unit.evolution.workshops import dedent, make_workshop

CORE = """
    import random


    def heavy(values):
        return sorted(values * 40)


    def light(values):
        return len(values)


    class Store:
        def keep(self, values):
            return [str(value) for value in values for _ in range(10)]


    def run(seed):
        values = list(range(200))
        return heavy(values)[0], light(values), Store().keep(values)[0]
"""
TESTS = """
    import unittest

    import pytest

    from calc.core import heavy, light


    @pytest.fixture
    def values():
        yield [3, 1, 2]


    @pytest.mark.parametrize("count", [1, 2])
    def test_light(values, count):
        assert light(values * count) == 3 * count


    class TestHeavy:
        def test_sorted(self, values, prefix):
            assert prefix + str(heavy(values)[0]) == "got 1"


    class Old(unittest.TestCase):
        def test_old(self):
            self.assertEqual(light([]), 0)


    @pytest.mark.skip
    def test_later():
        pass


    @pytest.mark.xfail
    def test_never():
        assert False


    def test_called(benchmark):
        assert benchmark(light, [1, 2]) == 2


    def test_pedantic(benchmark):
        made = []

        def setup():
            made.append(1)
            return ([len(made)],), {}

        assert benchmark.pedantic(light, setup=setup, rounds=3) == 1
        assert benchmark.extra_info == {}
"""
PROJECT = {
    "calc/__init__.py": "",
    "calc/core.py": CORE,
    "conftest.py": "import pytest\n\n\n@pytest.fixture\ndef prefix():\n    return 'got '\n",
    "tests/test_core.py": TESTS,
}


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return make_workshop(tmp_path_factory.mktemp("shop"), PROJECT)


@pytest.fixture(scope="module")
def parked(workshop: Workshop) -> Iterator[Worker]:
    with Worker(workshop, {"kind": "tests", "tests": ["tests"]}) as worker:
        yield worker


def outcomes(worker: Worker, files: dict[str, str] | None = None) -> dict[str, str]:
    answer = worker.request("tests", 30.0, files=files or {}, ids=worker.ready["ids"], stop=False)
    return {one.partition("::")[2]: outcome for one, outcome in answer["outcomes"].items()}


EXPECTED = {
    "test_light[1]": "passed",
    "test_light[2]": "passed",
    "TestHeavy::test_sorted": "passed",
    "Old::test_old": "passed",
    "test_later": "skipped",
    "test_never": "skipped",
    "test_called": "passed",
    "test_pedantic": "passed",
}


def test_parked_tests_run_again_and_again_with_all_kinds_of_fixtures(parked):
    assert outcomes(parked) == EXPECTED
    assert outcomes(parked) == EXPECTED


def test_a_candidate_fails_the_tests_it_breaks_and_no_other_run_does(parked):
    broken = dedent(CORE).replace("len(values)", "len(values) + 1")
    failed = {one for one, outcome in outcomes(parked, {"calc/core.py": broken}).items() if outcome == "failed"}
    assert failed == {"test_light[1]", "test_light[2]", "Old::test_old", "test_called", "test_pedantic"}
    assert outcomes(parked) == EXPECTED


def test_the_benchmark_fixtures_calls_are_the_time_and_their_values_the_output(parked):
    parked.request("choose", 5.0, ids=["tests/test_core.py::test_called"])
    changed = dedent(CORE).replace("return len(values)", "return sum(1 for _ in values) + sum(range(20000)) * 0")
    assert parked.request("open", 5.0, files={"calc/core.py": changed}, against={}, core=None) == {"ok": True}
    (row,) = parked.request("pairs", 5.0, seeds=[1], checks=[True], repeats=3)["rows"]
    assert row["b_digest"] == row["c_digest"]
    assert row["c"][0] > 5 * row["b"][0]
    parked.request("close", 5.0)


def test_coverage_says_which_test_runs_which_line(parked):
    ids = parked.ready["ids"]
    answer = parked.request("coverage", 60.0, ids=ids, paths=["calc/core.py"])
    number = dedent(CORE).split("\n").index("    return sorted(values * 40)") + 1
    tests = [ids[one] for one in answer["sets"][answer["lines"]["calc/core.py"][str(number)]]]
    assert tests == ["tests/test_core.py::TestHeavy::test_sorted"]


def test_collection_errors_are_named_and_the_rest_is_there(tmp_path):
    shop = make_workshop(tmp_path, {**PROJECT, "tests/test_bad.py": "import no_such_module_anywhere\n"})
    with Worker(shop, {"kind": "tests", "tests": ["tests"]}) as worker:
        assert len(worker.ready["ids"]) == len(EXPECTED)
        assert "no_such_module_anywhere" in worker.ready["collection_errors"][0]


def test_tests_that_cannot_be_collected_at_all(workshop):
    with pytest.raises(BaselineError, match="cannot be collected"):
        Worker(workshop, {"kind": "tests", "tests": ["nowhere"]})


def test_a_profile_charges_built_ins_to_the_function_that_called_them(workshop):
    with Worker(workshop, {"kind": "callable", "spec": "calc.core:run"}) as worker:
        rows = worker.request("profile", 30.0, seeds=[1, 2, 3], repeats=20)["functions"]
    seconds = {name: amount for path, name, amount in rows if path == "calc/core.py"}
    assert all(path == "calc/core.py" for path, _, _ in rows)
    assert [name for _, name, _ in rows] == sorted(seconds, key=lambda name: -seconds[name])
    assert {"heavy", "Store.keep", "run"} <= set(seconds)
    assert seconds["Store.keep"] > 3 * seconds["light"]
    assert seconds["heavy"] > 3 * seconds["light"]


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("calc.core:nothing", "no callable"),
        ("calc.nowhere:run", "cannot be imported"),
        ("calc.core:random", "no callable"),
    ],
)
def test_a_benchmark_that_is_not_there(workshop, spec, words):
    with pytest.raises(BaselineError, match=words):
        Worker(workshop, {"kind": "callable", "spec": spec})


def test_a_candidate_that_cannot_be_swapped_says_why_and_the_worker_goes_on(workshop):
    with Worker(workshop, {"kind": "callable", "spec": "calc.core:run"}) as worker:
        changed = dedent(CORE).replace("def light(values):", "def light(values, more=1):")
        answer = worker.request("open", 5.0, files={"calc/core.py": changed}, against={}, core=None)
        assert "signature" in answer["cannot_swap"]
        assert worker.request("open", 5.0, files={}, against={}, core=None) == {"ok": True}
        with pytest.raises(RequestFailed):
            worker.request("peaks", 0.0, seed=1, repeats=1)


@pytest.fixture
def connections() -> Iterator[tuple[socket.socket, socket.socket]]:
    one, other = socket.socketpair()
    other.settimeout(10)
    yield one, other
    one.close()
    other.close()


def test_messages_arrive_whole_in_order_and_of_any_size(connections):
    import threading

    one, other = connections
    messages = [{"n": 1}, {"text": "ä\ud800\n" * 200_000}, {"list": [1.5, None, True]}]
    sender = threading.Thread(target=lambda: [wire.send(one, message) for message in messages])
    sender.start()
    assert [wire.receive(other) for _ in messages] == messages
    sender.join()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x00\x00",
        struct.pack("!I", 10) + b"{}",
        struct.pack("!I", wire.MAX_MESSAGE + 1),
        struct.pack("!I", 4) + b"nope",
        struct.pack("!I", 2) + b"[]",
        struct.pack("!I", 2) + b"\xff\xfe",
    ],
)
def test_a_peer_that_breaks_off_or_sends_rubbish_is_gone(connections, raw):
    one, other = connections
    one.sendall(raw)
    one.close()
    with pytest.raises(wire.WireClosed):
        wire.receive(other)


def test_rubbish_never_raises_anything_else(connections):
    chance = random.Random(3)
    for _ in range(200):
        one, other = socket.socketpair()
        with one, other:
            body = chance.randbytes(chance.randrange(40))
            one.sendall(struct.pack("!I", chance.randrange(40)) + body)
            one.shutdown(socket.SHUT_WR)
            try:
                assert isinstance(wire.receive(other), dict)
            except wire.WireClosed:
                continue


def test_a_peer_that_is_gone_cannot_be_told_anything(connections):
    one, other = connections
    other.close()
    with pytest.raises(wire.WireClosed):
        for _ in range(3):
            wire.send(one, {"text": "x" * 1_000_000})
