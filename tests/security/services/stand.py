"""A stand-alone server for tests: the real app on a store of its own, with its keys at hand."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from starlette.testclient import TestClient

from dean_airflow.config import Settings
from dean_airflow.services.evolution.standalone import build_evolution_app
from dean_airflow.services.indexagent.standalone import build_indexagent_app
from dean_airflow.services.server.keyring import write_signing_keys
from dean_airflow.services.tokens import SigningKeys, generate_key, mint
from dean_airflow.store.store import Store

BUILDERS = {"evolution": build_evolution_app, "indexagent": build_indexagent_app}


class Stand:
    """`service` on the store below `folder`; further settings by name."""

    def __init__(self, service: str, folder: Path, **settings: Any) -> None:
        self.service = service
        self.settings = Settings(data_dir=folder, **settings)
        self.keys = SigningKeys((generate_key(),))
        write_signing_keys(self.settings.signing_keys_file, self.keys)
        self.store = Store.open(self.settings.store)
        self.app: FastAPI = BUILDERS[service](self.settings, self.store)

    def token(self, *roles: str, subject: str = "tester", **rest: Any) -> str:
        options: dict[str, Any] = {"audience": self.service, "username": "ann", **rest}
        return mint(self.keys, subject=subject, roles=roles, **options)

    def bearer(self, *roles: str, **rest: Any) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(*roles, **rest)}"}

    def request(self, method: str, path: str, headers: dict[str, str] | None = None, **rest: Any) -> httpx.Response:
        return self.requests([(method, path, headers or {}, rest)])[0]

    def requests(self, wanted: Iterable[tuple[str, str, dict[str, str], dict[str, Any]]]) -> list[httpx.Response]:
        """One after the other, in one event loop."""

        async def ask() -> list[httpx.Response]:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
                return [
                    await client.request(method, path, headers=headers, **rest)
                    for method, path, headers, rest in wanted
                ]

        return asyncio.run(ask())

    def client(self) -> TestClient:
        """For sockets."""
        return TestClient(self.app, raise_server_exceptions=False)
