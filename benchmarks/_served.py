"""The stand-alone servers as a process of their own, and what a client needs to call them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dean_airflow.config import Settings
from dean_airflow.services.server.keyring import write_signing_keys
from dean_airflow.services.tokens import SigningKeys, generate_key, mint
from dean_airflow.store.store import Store

_SERVE = """
import json, sys
from dean_airflow.config import Settings
from dean_airflow.services.evolution.standalone import build_evolution_app
from dean_airflow.services.indexagent.standalone import build_indexagent_app
from dean_airflow.services.server.running import listening, run_server
from dean_airflow.store.store import Store

settings = Settings(**json.loads(sys.argv[2]))
build = {"evolution": build_evolution_app, "indexagent": build_indexagent_app}[sys.argv[1]]
with listening("127.0.0.1", 0) as listener, Store.open(settings.store) as store:
    run_server(build(settings, store), listener, lambda address: print(address, flush=True))
"""


@dataclass(frozen=True)
class Served:
    """A running server: `url` to call, tokens to call it with, its store to put things into."""

    service: str
    url: str
    store: Store
    keys: SigningKeys

    def headers(self, subject: str, roles: Sequence[str] = ("user",)) -> dict[str, str]:
        token = mint(self.keys, subject=subject, username=subject, roles=roles, audience=self.service)
        return {"Authorization": f"Bearer {token}"}


@contextmanager
def served(service: str, folder: Path, **settings: Any) -> Iterator[Served]:
    """The server on a store below `folder`, until the block ends; without a limit on requests a minute."""
    known = Settings(data_dir=folder, server_requests_per_minute=0, **settings)
    keys = SigningKeys((generate_key(),))
    write_signing_keys(known.signing_keys_file, keys)
    with Store.open(known.store) as store:
        arguments = [sys.executable, "-c", _SERVE, service, json.dumps(known.model_dump(mode="json"))]
        process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        try:
            yield Served(service, process.stdout.readline().strip(), store, keys)
        finally:
            process.terminate()
            process.wait(30)


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` (0..1) of them do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
