"""What the stubs of IndexAgent and the Evolution API share: tokens, API keys and the guards of the real servers."""

from __future__ import annotations

import secrets
from abc import abstractmethod
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import ClassVar

from fastapi import APIRouter, FastAPI, Response

from dean_airflow import __version__
from dean_airflow.services.contract.health import Health, Status
from dean_airflow.services.server.access import Credentials
from dean_airflow.services.server.application import Bounds, service_app
from dean_airflow.services.server.audit import NoAudit
from dean_airflow.services.server.caller import Caller, all_roles
from dean_airflow.services.server.limits import SocketLimit
from dean_airflow.services.server.sockets import SocketAccess
from dean_airflow.services.tokens import InvalidToken, SigningKeys, generate_key, verify
from dean_airflow.testing.scenario import Scenario
from dean_airflow.testing.stub import Stub, utc_now


class ServiceStub(Stub):
    """Authenticates as the real server does: service tokens signed with one of `keys`, or an API key."""

    capabilities: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        *,
        keys: SigningKeys | None = None,
        bounds: Bounds | None = None,
        scenario: Scenario | None = None,
        now: Callable[[], datetime] = utc_now,
        port: int = 0,
    ) -> None:
        """`keys`: as the clients have them, else made; `bounds`: by default no limit of requests a minute."""
        self.keys = keys or SigningKeys((generate_key(),))
        self._bounds = bounds or Bounds(requests_per_minute=0)
        self.api_key = secrets.token_urlsafe(32)
        """Accepted in X-API-Key, with the role `user`."""
        super().__init__(scenario=scenario, now=now, port=port)

    def forget(self) -> None:
        super().forget()
        self.status: Status = "healthy"
        """What health says; unhealthy is 503."""
        self.began = self.now()

    def build(self) -> FastAPI:
        credentials = Credentials(self._read_token, self._find_key)
        self.access = SocketAccess(credentials, SocketLimit(10, 2000), NoAudit(), self.now)
        return service_app(
            f"{self.name} (stub)", [self._health_router(), *self.routers()], credentials, NoAudit(), self._bounds
        )

    @abstractmethod
    def routers(self) -> Sequence[APIRouter]:
        """The service's own routes."""

    def active_trials(self) -> int | None:
        """Trials that run, of a service that has any."""
        return None

    def _read_token(self, token: str) -> Caller | None:
        try:
            claims = verify(token, self.keys, audience=self.name, now=lambda: self.now().timestamp())
        except InvalidToken:
            return None
        expiry = datetime.fromtimestamp(claims.expires_at, UTC)
        return Caller(claims.subject, claims.username, all_roles(claims.roles), "token", claims.token_id, expiry)

    async def _find_key(self, key: str) -> Caller | None:
        if not secrets.compare_digest(key.encode(), self.api_key.encode()):
            return None
        return Caller("api-key", "api-key", all_roles(("user",)), "api_key", "stub")

    def _health_router(self) -> APIRouter:
        router = APIRouter()

        @router.get("/health", response_model_exclude_none=True)
        async def health(response: Response) -> Health:
            response.status_code = 503 if self.status == "unhealthy" else 200
            return Health(
                status=self.status,
                service=self.name,
                version=__version__,
                timestamp=self.now(),
                uptime_seconds=int((self.now() - self.began).total_seconds()),
                capabilities=list(self.capabilities),
                active_trials=self.active_trials(),
            )

        return router
