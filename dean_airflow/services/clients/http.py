"""Any HTTP endpoint, such as a watched service: text or JSON, and where the time went."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dean_airflow.services.call import BODY_LIMIT, Call, Reply
from dean_airflow.services.clients.service import ServiceClient


class HttpClient(ServiceClient):
    """Answers whatever status came: for one who watches a service, a 500 is a measurement."""

    async def get(
        self,
        path: str = "",
        *,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        seconds: float | None = None,
        attempts: int = 1,
        body_limit: int = BODY_LIMIT,
    ) -> Reply:
        """The answer at a path below the endpoint's URL (the URL itself for an empty one), with its `phases`.

        `seconds` is the deadline (None: the endpoint's), `attempts` how often it is tried, `body_limit` bytes. Raises
        ServiceTimeout, ServiceUnavailable (CircuitOpen too), ResponseTooLarge, ContractViolation (no HTTP).
        """
        call = Call(
            "GET", path, query=query, headers={"Accept": "*/*", **(headers or {})}, deadline=seconds,
            attempts=attempts, body_limit=body_limit,
        )  # fmt: skip
        return await self._caller.fetch(call)

    async def post(
        self,
        body: Mapping[str, Any],
        path: str = "",
        *,
        key: str | None = None,
        seconds: float | None = None,
        body_limit: int = BODY_LIMIT,
    ) -> Reply:
        """The answer to JSON data sent once. `key` goes out as Idempotency-Key, for whoever sends it again later.

        `seconds` is the deadline (None: the endpoint's), `body_limit` the bytes the answer may have. Raises as `get`.
        """
        call = Call("POST", path, body=body, key=key, deadline=seconds, attempts=1, body_limit=body_limit)
        return await self._caller.fetch(call)
