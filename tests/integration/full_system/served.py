"""`airflow dean serve evolution` in a process of its own, killed and started again as a test likes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

from dean_airflow.services.credentials import ServiceToken
from dean_airflow.services.endpoint import BreakerLimits, ServiceEndpoint
from dean_airflow.services.tokens import SigningKeys, generate_key

PATIENCE = 90.0
_ADDRESS = re.compile(r"answers at (http://\S+)")


class ServedEvolution:
    """The server on a data directory of its own. It keeps its port when it is started again."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.keys = SigningKeys((generate_key(),))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "signing-keys").write_text(self.keys.text())
        (folder / "signing-keys").chmod(0o600)
        self.log = folder / "server.log"
        self._environment = {
            **os.environ,
            "AIRFLOW__DEAN__DATA_DIR": str(folder),
            "AIRFLOW__DEAN__SIGNING_KEYS_FILE": str(folder / "signing-keys"),
            **settings,
        }
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def endpoint(self) -> ServiceEndpoint:
        """How a pool reaches it. Its circuit is tried again soon, or a test would wait for that."""
        return ServiceEndpoint(
            "evolution", "evolution", self.url, ServiceToken(self.keys, "evolution"),
            breaker=BreakerLimits(open_seconds=1.0),
        )  # fmt: skip

    def start(self) -> None:
        """Returns once it answers."""
        before = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "airflow", "dean", "serve", "evolution", "--host", "127.0.0.1",
                 "--port", str(self.port)],
                env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            said = self.log.read_text(errors="replace")[before:]
            if found := _ADDRESS.search(said):
                self.port = int(found.group(1).rstrip("/").rpartition(":")[2])
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise AssertionError(f"The server did not start:\n{self.log.read_text(errors='replace')[-3000:]}")

    def kill(self) -> None:
        """kill -9 of the server's own process; what it had started has to notice by itself."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()

    def __enter__(self) -> ServedEvolution:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
