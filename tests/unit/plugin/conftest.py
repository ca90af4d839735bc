"""The plugin's app as its callers meet it: with real tokens of Airflow's, and a store of the test's own."""

from __future__ import annotations

import asyncio
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from dean_airflow.store.store import Store

BASE = "http://airflow.example"
ROLES = {"viewer": "viewer", "user": "user", "op": "op", "admin": "admin"}


class Plugin:
    """Asks DEAN's app as one of Airflow's users; the role is the user's name unless given."""

    def __init__(self, app: Any, store: Store) -> None:
        self.app, self.store = app, store
        self._tokens: dict[tuple[str, str], str] = {}

    def token(self, user: str, role: str | None = None, *, seconds: int = 3600) -> str:
        from airflow.api_fastapi.app import get_auth_manager
        from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

        known = SimpleAuthManagerUser(username=user, role=role or ROLES.get(user, "admin"))
        return get_auth_manager().generate_jwt(known, expiration_time_in_seconds=seconds)

    def ask(self, method: str, path: str, *, user: str | None = "admin", **options: Any) -> httpx.Response:
        return asyncio.run(self.send(method, path, user=user, **options))

    def get(self, path: str, *, user: str | None = "admin", **params: Any) -> httpx.Response:
        return self.ask("GET", path, user=user, params=params)

    async def send(self, method: str, path: str, *, user: str | None = "admin", **options: Any) -> httpx.Response:
        headers = dict(options.pop("headers", {}))
        if user is not None:
            headers.setdefault("Authorization", f"Bearer {self.token(user)}")
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
            return await client.request(method, path, headers=headers, **options)


@pytest.fixture
def auth_manager(airflow_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Airflow's, with keys of this test's."""
    from airflow.api_fastapi import app as airflows_app
    from airflow.api_fastapi.auth.managers.base_auth_manager import BaseAuthManager

    kind = "tests.unit.plugin.some_dags_auth.SomeDagsAuthManager"
    monkeypatch.setenv("AIRFLOW__CORE__AUTH_MANAGER", kind)
    monkeypatch.setenv("AIRFLOW__API_AUTH__JWT_SECRET", secrets.token_hex(32))
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", BASE)
    BaseAuthManager._get_token_signer.cache_clear()
    BaseAuthManager._get_token_validator.cache_clear()
    airflows_app.create_auth_manager()
    yield
    airflows_app._AuthManagerState.instance = None
    BaseAuthManager._get_token_signer.cache_clear()
    BaseAuthManager._get_token_validator.cache_clear()


@pytest.fixture(scope="session")
def dean_app(airflow_home: Path) -> Any:
    """The app at /dean; building it takes longer than most of what is asked of it."""
    from dean_airflow.plugin.app import build_app

    return build_app()


@pytest.fixture
def plugin(
    dean_app: Any, auth_manager: None, dean_migrated_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Plugin]:
    """The app at /dean on an empty store."""
    from dean_airflow.plugin.app import furnish

    monkeypatch.setenv("AIRFLOW__DEAN__DATA_DIR", str(tmp_path / "dean"))
    (tmp_path / "dean").mkdir()
    shutil.copy(dean_migrated_store, tmp_path / "dean" / "dean.db")
    app = dean_app
    furnish(app)
    with Store.open(f"sqlite:///{tmp_path}/dean/dean.db") as store:
        yield Plugin(app, store)
    app.state.stored.close()


Ask = Callable[..., httpx.Response]
