"""The one place of the package that opens connections to services: a bounded set of them, kept and used again."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from typing import Any

import aiohttp

from dean_airflow import __version__
from dean_airflow.services.call import Call, Reply
from dean_airflow.services.calling.timing import Marks, tls_context, trace
from dean_airflow.services.endpoint import ServiceEndpoint
from dean_airflow.services.errors import (
    ContractViolation,
    PoolClosed,
    ResponseTooLarge,
    ServiceError,
    ServiceTimeout,
    ServiceUnavailable,
)

CONNECTIONS = 100
PER_SERVICE = 10
WEBSOCKETS = 200
CONNECT_SECONDS = 10.0
"""How long a TCP and TLS handshake may take: a black-holed address is given up long before the call's deadline."""
KEEP_ALIVE_SECONDS = 4.0
"""How long an idle connection is kept: less than uvicorn's 5 s, or a call would meet one that is just being closed."""
_HEADER_BYTES = 32 * 1024


class Transport:
    """Opens nothing until it is used; belongs to the event loop it is first used in."""

    def __init__(self, connections: int = CONNECTIONS, per_service: int = PER_SERVICE) -> None:
        self._limits = connections, per_service
        self._session: aiohttp.ClientSession | None = None
        self._sockets: aiohttp.ClientSession | None = None
        self._contexts: dict[str | None, asyncio.Future[ssl.SSLContext]] = {}
        self._closed = False

    async def send(self, endpoint: ServiceEndpoint, call: Call, headers: Mapping[str, str], seconds: float) -> Reply:
        """One attempt, done within `seconds`, its body read whole; any status is a reply.

        Raises ServiceTimeout, ServiceUnavailable, ContractViolation (no HTTP), ResponseTooLarge.
        """
        marks = Marks()
        url = endpoint.address(call.path)
        try:
            async with asyncio.timeout(seconds):
                return await self._exchange(endpoint, call, url, headers, seconds, marks)
        except TimeoutError as error:
            raise ServiceTimeout(
                f"The service {endpoint.name} at {url} gave no whole answer within {seconds:.3g} s.",
                service=endpoint.name, url=url, may_have_arrived=marks.sent is not None,
            ) from error  # fmt: skip
        except aiohttp.ClientResponseError as error:
            raise ContractViolation(
                f"The service {endpoint.name} at {url} answers with something that is not HTTP ({_reason(error)}).",
                service=endpoint.name, url=url,
            ) from error  # fmt: skip
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, OSError) as error:
            raise ServiceUnavailable(
                f"The service {endpoint.name} at {url} cannot be reached ({_reason(error)}); {_advice(error)}.",
                service=endpoint.name, url=url, may_have_arrived=marks.sent is not None,
            ) from error  # fmt: skip
        except (aiohttp.ClientError, ValueError) as error:  # a line end in an API key, a host that is none
            raise ServiceError(
                f"No request to the service {endpoint.name} at {url} can be made ({_reason(error)}); "
                "check the connection.",
                service=endpoint.name, url=url,
            ) from error  # fmt: skip

    async def open_websocket(
        self, endpoint: ServiceEndpoint, path: str, headers: Mapping[str, str], seconds: float
    ) -> aiohttp.ClientWebSocketResponse:
        """Raises ServiceTimeout, ServiceUnavailable, or aiohttp.WSServerHandshakeError where it was refused."""
        url = endpoint.websocket_address(path)
        if self._sockets is None:
            self._sockets = self._new_session(WEBSOCKETS, 0)
        try:
            async with asyncio.timeout(seconds):
                return await self._sockets.ws_connect(
                    url, headers={"User-Agent": _AGENT, **headers}, ssl=await self._tls(endpoint), max_msg_size=2**20
                )
        except TimeoutError as error:
            raise ServiceTimeout(
                f"The service {endpoint.name} at {url} did not open a WebSocket within {seconds:.3g} s.",
                service=endpoint.name, url=url,
            ) from error  # fmt: skip
        except aiohttp.WSServerHandshakeError:
            raise
        except (aiohttp.ClientError, OSError) as error:
            raise ServiceUnavailable(
                f"The service {endpoint.name} at {url} cannot be reached ({_reason(error)}); {_advice(error)}.",
                service=endpoint.name, url=url, may_have_arrived=False,
            ) from error  # fmt: skip

    async def close(self) -> None:
        """Closes every connection; nothing can be sent any more."""
        self._closed = True
        for session in (self._session, self._sockets):
            if session is not None:
                await session.close()
        self._session = self._sockets = None

    async def _exchange(
        self, endpoint: ServiceEndpoint, call: Call, url: str, headers: Mapping[str, str], seconds: float, marks: Marks
    ) -> Reply:
        marks.watch()
        if self._session is None:
            self._session = self._new_session(*self._limits)
        async with self._session.request(
            call.method,
            url,
            params=call.parameters(),
            data=call.json(),
            headers={"User-Agent": _AGENT, **headers},
            ssl=await self._tls(endpoint),
            # Followed, a redirect would take the credential to a host nobody configured.
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=min(CONNECT_SECONDS, seconds)),
            trace_request_ctx=marks,
        ) as response:
            body = await _read(response, call.body_limit, endpoint)
            shown = {name.lower(): value for name, value in response.headers.items()}
            return Reply(endpoint.name, str(response.url), response.status, shown, body, marks.phases())

    def _new_session(self, connections: int, per_host: int) -> aiohttp.ClientSession:
        if self._closed:
            raise PoolClosed("The service pool was closed before the call was done.")
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=connections, limit_per_host=per_host, keepalive_timeout=KEEP_ALIVE_SECONDS
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            trace_configs=[trace()],
            max_field_size=_HEADER_BYTES,
            max_line_size=_HEADER_BYTES,
        )
        # It would send what may be repeated a second time by itself, so that three attempts would be six.
        session._retry_connection = False
        return session

    async def _tls(self, endpoint: ServiceEndpoint) -> Any:
        if not endpoint.url.startswith("https:"):
            return True
        future = self._contexts.get(endpoint.ca_file)
        if future is None or future.cancelled():
            future = asyncio.ensure_future(asyncio.to_thread(tls_context, endpoint.ca_file))
            self._contexts[endpoint.ca_file] = future
        try:
            return await asyncio.shield(future)
        except OSError as error:
            raise ServiceUnavailable(
                f"The CA file {endpoint.ca_file} for the service {endpoint.name} cannot be used ({_reason(error)}).",
                service=endpoint.name, url=endpoint.url, may_have_arrived=False,
            ) from error  # fmt: skip


async def _read(response: aiohttp.ClientResponse, limit: int, endpoint: ServiceEndpoint) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in response.content.iter_chunked(64 * 1024):
        size += len(part)
        if size > limit:
            response.close()
            raise ResponseTooLarge(
                f"The answer of the service {endpoint.name} at {response.url} is longer than {limit:,} bytes.",
                service=endpoint.name, url=str(response.url), status=response.status,
            )  # fmt: skip
        parts.append(part)
    return b"".join(parts)


def _reason(error: BaseException) -> str:
    text = (str(error).strip().splitlines() or [""])[0]
    return text or type(error).__name__


def _advice(error: BaseException) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return "if its CA is one of your own, name that in the connection's ca_file"
    return "check that it runs"


_AGENT = f"dean-airflow/{__version__}"
