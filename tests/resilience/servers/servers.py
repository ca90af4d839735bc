"""A server in a process of its own, to be killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil

from dean_airflow.config import Settings
from dean_airflow.services.server.keyring import write_signing_keys
from dean_airflow.services.tokens import SigningKeys, generate_key, mint
from dean_airflow.store.store import Store

T = TypeVar("T")

_SERVE = """
import sys
from dean_airflow.config import Settings
from dean_airflow.services.evolution.standalone import build_evolution_app
from dean_airflow.services.server.running import listening, run_server
from dean_airflow.services.server.standing import STORE_PATIENCE
from dean_airflow.store.store import Store

settings = Settings(**__import__("json").loads(sys.argv[1]))
with listening("127.0.0.1", 0) as listener, Store.open(settings.store, patience=STORE_PATIENCE) as store:
    app = build_evolution_app(settings, store)
    run_server(app, listener, lambda address: print(address, flush=True))
print("stopped", flush=True)
"""


class EvolutionServer:
    """The stand-alone Evolution server on the settings; `start` it, `kill` it, `start` it again."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.settings = Settings(data_dir=folder, **settings)
        self.keys = SigningKeys((generate_key(),))
        write_signing_keys(self.settings.signing_keys_file, self.keys)
        self.store = Store.open(self.settings.store)
        self.log = folder / "server.log"
        self.process: subprocess.Popen[str] | None = None
        self.url = ""

    def start(self) -> None:
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _SERVE, self.settings.model_dump_json()],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()
        assert self.url.startswith("http://"), self.log.read_text()

    def children(self) -> list[psutil.Process]:
        assert self.process is not None
        return psutil.Process(self.process.pid).children(recursive=True)

    def kill(self) -> None:
        """As the kernel would, out of memory."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """The exit code after SIGTERM."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.store.close()

    def request(self, method: str, path: str, **rest: Any) -> httpx.Response:
        token = mint(self.keys, subject="tester", username="ann", roles=["user"], audience="evolution")
        headers = {"Authorization": f"Bearer {token}", **rest.pop("headers", {})}
        return httpx.request(method, self.url + path, headers=headers, timeout=30, **rest)

    def start_trial(self, repository: Path, **body: Any) -> str:
        answer = self.request("POST", "/evolution/start", json={"repository": str(repository), **body})
        assert answer.status_code == 202, answer.text
        return str(answer.json()["trial_id"])

    def wait_for(self, what: str, condition: Callable[[], T], seconds: float = 120.0) -> T:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = condition()
            if found:
                return found
            time.sleep(0.05)
        raise AssertionError(f"Waited {seconds:g} s for {what} in vain.\n{self.log.read_text()[-3000:]}")


def all_gone(processes: list[psutil.Process]) -> bool:
    return not [one for one in processes if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


def pid_of_leader(processes: list[psutil.Process]) -> int:
    """The trial's own process among the server's descendants."""
    return next(
        one.pid for one in processes if os.getpgid(one.pid) == one.pid and "evolution.child" in str(one.cmdline())
    )
