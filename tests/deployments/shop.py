"""A deployment of two tiny services that can be deployed often: `data` first, `web` needs it."""

from __future__ import annotations

import json
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from dean_airflow.config import Settings, load_settings
from dean_airflow.deployment.backends.process.process import ProcessBackend
from dean_airflow.deployment.deployer import Deployer, DeployRequest
from dean_airflow.deployment.rollout.means import Means
from dean_airflow.deployment.rollout.state import canonical_state
from dean_airflow.deployment.site import Site, site_of
from dean_airflow.store.store import Store

SERVICE = Path(__file__).with_name("tiny_service.py")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Shop:
    """The deployment in `folder`; its services run until `down`."""

    def __init__(self, folder: Path, services: tuple[str, ...] = ("data", "web")) -> None:
        self.folder = folder
        self.directory = folder / "shop"
        (self.directory / "app").mkdir(parents=True)
        shutil.copy(SERVICE, self.directory / "app" / "service.py")
        self.services = services
        self.ports = {name: free_port() for name in services}
        self.settings: Settings = load_settings({"AIRFLOW_HOME": str(folder / "home")})
        self.lines: list[str] = []
        self.extra = ""

    @property
    def site(self) -> Site:
        return site_of(self.directory, self.settings.data_dir)

    @property
    def backend(self) -> ProcessBackend:
        return ProcessBackend(self.site)

    def describe(
        self,
        release: str,
        *,
        strategies: dict[str, str] | None = None,
        broken: dict[str, str] | None = None,
        within: float = 10,
        without: tuple[str, ...] = (),
        environment: dict[str, str] | None = None,
    ) -> None:
        """Writes the description. `broken` says what is broken of a service, see tiny_service.py."""
        services: dict[str, Any] = {}
        names = [name for name in self.services if name not in without]
        for before, name in zip([None, *names], names, strict=False):
            variables = {"RELEASE": release, "BROKEN": (broken or {}).get(name, ""), **(environment or {})}
            services[name] = {
                "process": {
                    "command": ["python", "app/service.py"],
                    "files": ["app"],
                    "listen": f"127.0.0.1:{self.ports[name]}",
                    "environment": variables,
                    "stop_seconds": 5,
                },
                "verify": {"path": "/health", "times": 2, "every": 0.02, "within": within},
                "strategy": (strategies or {}).get(name, "blue_green"),
                "requires": [before] if before else [],
            }
        text = f"name: shop\nenvironment: local\nbackend: process\nrequired_env: []\n{self.extra}"
        (self.directory / "dean-deployment.yaml").write_text(f"{text}services: {json.dumps(services)}\n")

    def deployer(self, **means: Any) -> Deployer:
        def make(settings: Settings, store: Store, say: Callable[[str], object]) -> Means:
            return Means(settings, store, say, **means)

        return Deployer(self.settings, say=self.lines.append, means=make)

    def request(self, **options: Any) -> DeployRequest:
        return DeployRequest(str(self.directory), **{"probes": False, **options})

    def deploy(self, *, means: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
        return self.deployer(**(means or {})).deploy(self.request(**options))

    def answers(self, path: str = "/") -> dict[str, Any]:
        """What each service's address answers; the error's name where it does not."""
        return {name: self.ask(name, path) for name in self.services}

    def ask(self, name: str, path: str = "/") -> Any:
        try:
            with urlopen(f"http://127.0.0.1:{self.ports[name]}{path}", timeout=5) as answer:
                return json.load(answer)["release"]
        except OSError as error:
            return type(error).__name__

    def wait_until_running(self) -> None:
        """supervisord calls a program running once it has been up for a second."""
        until = time.monotonic() + 30
        programs = [name.rpartition("--") for name in self.backend.state()["programs"]]
        while any(self.backend.status(service, release).state != "running" for service, _, release in programs):
            assert time.monotonic() < until
            time.sleep(0.05)

    def state(self) -> dict[str, Any]:
        """Everything a deployment may change, and who answers."""
        with self.store() as store:
            return {**canonical_state(store, self.backend, self.site), "answers": self.answers()}

    @contextmanager
    def store(self) -> Iterator[Store]:
        with Store.open(self.settings.store) as store:
            yield store

    def down(self) -> None:
        """Ends everything, whatever a test has left."""
        self.backend.close(destructive=True)
