"""The Evolution server, and the processes of its trials, killed in the middle of a trial."""

from __future__ import annotations

import os
import signal
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from servers import EvolutionServer, all_gone, pid_of_leader

SMALL = {"generations": 2, "population_size": 6, "max_runtime_minutes": 1}


def ended(server: EvolutionServer, trial_id: str) -> str | None:
    trial = server.store.trials.get(trial_id)
    return trial.status if trial.is_final and trial.result is not None else None


def judged(server: EvolutionServer, trial_id: str, count: int) -> bool:
    return server.store.evaluations.count(trial_id) >= count


@pytest.mark.slow
def test_a_trial_goes_on_with_the_next_server_after_its_own_was_killed(
    server: EvolutionServer, repository: Path, tmp_path: Path
) -> None:
    server.start()
    trial_id = server.start_trial(repository, **SMALL)
    server.wait_for("some evaluations", lambda: judged(server, trial_id, 1))
    processes = server.children()

    server.kill()

    server.wait_for("its processes to end", lambda: all_gone(processes), 10)
    before = server.store.evaluations.for_trial(trial_id)
    assert ended(server, trial_id) is None
    server.start()
    server.wait_for("the trial to end", lambda: ended(server, trial_id))
    after = server.store.evaluations.for_trial(trial_id)
    answer = server.request("GET", f"/evolution/{trial_id}/status").json()

    assert answer["status"] == "completed"
    assert after[: len(before)] == before
    assert [one.sequence for _, one in after] == list(range(len(after)))
    assert server.store.trials.count() == 1
    server.wait_for("the trial to be given back", lambda: server.store.served.require(trial_id).closed)
    assert left_over(tmp_path / "scratch") == []


@pytest.mark.slow
def test_a_killed_process_of_a_trial_is_started_again(server: EvolutionServer, repository: Path) -> None:
    server.start()
    trial_id = server.start_trial(repository, **SMALL)
    server.wait_for("some evaluations", lambda: judged(server, trial_id, 1))

    os.kill(pid_of_leader(server.children()), signal.SIGKILL)
    server.wait_for("the trial to end", lambda: ended(server, trial_id))

    assert server.store.trials.get(trial_id).status == "completed"
    assert server.store.served.require(trial_id).deaths == 1


def test_a_clean_stop_leaves_the_trial_to_the_next_server(server: EvolutionServer, repository: Path) -> None:
    server.start()
    trial_id = server.start_trial(repository, **SMALL)
    server.wait_for("its process", lambda: server.children())
    processes = server.children()

    assert server.stop() == 0

    assert all_gone(processes)
    assert not server.store.trials.get(trial_id).is_final
    assert server.store.served.claim("another server", 1, timedelta(seconds=10))[0].trial_id == trial_id


def test_cancelling_ends_everything_and_leaves_nothing(
    server: EvolutionServer, repository: Path, tmp_path: Path
) -> None:
    server.start()
    trial_id = server.start_trial(repository, **SMALL)
    server.wait_for("some evaluations", lambda: judged(server, trial_id, 1))
    processes = server.children()

    answer = server.request("POST", f"/evolution/{trial_id}/cancel")

    assert (answer.status_code, answer.json()) == (200, {"status": "cancelled", "trial_id": trial_id})
    server.wait_for("its processes to end", lambda: all_gone(processes), 30)
    server.wait_for("the trial to be closed", lambda: ended(server, trial_id) == "cancelled")
    again = server.request("POST", f"/evolution/{trial_id}/cancel")
    assert (again.status_code, again.json()["code"]) == (400, "INVALID_REQUEST")
    assert left_over(tmp_path / "scratch") == []
    assert server.store.evaluations.count(trial_id) >= 1


def test_one_cancelled_while_it_waits_is_never_run(server: EvolutionServer, repository: Path) -> None:
    server.start()
    first = server.start_trial(repository, **SMALL)
    second = server.start_trial(repository, **SMALL)

    assert server.request("POST", f"/evolution/{second}/cancel").status_code == 200
    server.wait_for("the second trial to be closed", lambda: ended(server, second) == "cancelled")
    assert server.request("POST", f"/evolution/{first}/cancel").status_code == 200
    server.wait_for("the first trial to be closed", lambda: ended(server, first) == "cancelled")

    assert server.store.documents.names(second) == []


def test_a_start_whose_answer_was_lost_starts_nothing_more(server: EvolutionServer, repository: Path) -> None:
    server.start()
    body = {"repository": str(repository), **SMALL}
    headers = {"Idempotency-Key": "night-1"}
    first = server.request("POST", "/evolution/start", json=body, headers=headers)
    server.kill()
    server.start()

    again = server.request("POST", "/evolution/start", json=body, headers=headers)
    other = server.request("POST", "/evolution/start", json={**body, "generations": 3}, headers=headers)

    assert again.json() == first.json()
    assert other.status_code == 409
    assert server.store.trials.count() == 1
    server.request("POST", f"/evolution/{first.json()['trial_id']}/cancel")


def test_a_repository_that_does_not_work_fails_the_trial_with_its_sentence(
    server: EvolutionServer, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    server.start()
    trial_id = server.start_trial(tmp_path / "empty")
    server.wait_for("the trial to end", lambda: ended(server, trial_id))

    answer = server.request("GET", f"/evolution/{trial_id}/status").json()

    assert answer["status"] == "failed"
    assert "no Python file" in answer["error"] or "commit" in answer["error"]


def test_health_says_that_the_store_is_away(server: EvolutionServer) -> None:
    server.start()
    assert httpx.get(server.url + "/health").json()["status"] == "healthy"

    path = Path(str(server.store.database.url.database))
    server.store.close()
    for file in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
        if file.exists():
            file.write_bytes(b"no database any more" * (file.stat().st_size // 20))

    answer = server.wait_for("the health to change", lambda: unhealthy(server))
    assert answer.json()["checks"]["store"]["status"] == "unhealthy"


def unhealthy(server: EvolutionServer) -> httpx.Response | None:
    answer = httpx.get(server.url + "/health", timeout=30)
    return answer if answer.status_code == 503 else None


def left_over(scratch: Path) -> list[Path]:
    """Without the lock that the workspaces of a machine are counted under, which stays."""
    return [path for path in scratch.iterdir() if path.suffix != ".lock"]
