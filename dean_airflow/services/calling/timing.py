"""Where the time of a request goes: name resolution, TCP, TLS, waiting for the answer."""

from __future__ import annotations

import ssl
import time
from contextvars import ContextVar
from types import SimpleNamespace
from typing import Any

import aiohttp

from dean_airflow.services.call import Phases

_current: ContextVar[Marks | None] = ContextVar("dean_marks", default=None)


class Marks:
    """Moments of one attempt, on the monotonic clock; None for what has not happened."""

    def __init__(self) -> None:
        self.begun = time.perf_counter()
        self.dns_begun: float | None = None
        self.dns_done: float | None = None
        self.connect_begun: float | None = None
        self.connect_done: float | None = None
        self.tls_begun: float | None = None
        self.sent: float | None = None
        self.head: float | None = None
        self.reused = False

    def watch(self) -> None:
        """From now on the TLS handshakes of this task belong to these marks."""
        _current.set(self)

    def phases(self) -> Phases:
        tcp_begun = self.dns_done or self.connect_begun
        return Phases(
            dns=_between(self.dns_begun, self.dns_done),
            connect=_between(tcp_begun, self.tls_begun or self.connect_done),
            tls=_between(self.tls_begun, self.connect_done),
            first_byte=_between(self.sent, self.head),
            total=time.perf_counter() - self.begun,
            reused=self.reused,
        )


class TimedContext(ssl.SSLContext):
    """aiohttp tells when a connection is made, not when its TLS handshake begins; that is where this is called."""

    def wrap_bio(self, *args: Any, **named: Any) -> ssl.SSLObject:
        marks = _current.get()
        if marks is not None:
            marks.tls_begun = time.perf_counter()
        return super().wrap_bio(*args, **named)


def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """Verifies certificates and host names, by the system's CAs or one file's. Reads files: call it in a thread."""
    context = TimedContext(ssl.PROTOCOL_TLS_CLIENT)
    if ca_file:
        context.load_verify_locations(cafile=ca_file)
    else:
        context.load_default_certs()
    context.set_alpn_protocols(["http/1.1"])
    return context


def trace() -> aiohttp.TraceConfig:
    """Writes the marks that a request carries as its trace context."""
    config = aiohttp.TraceConfig()
    config.on_dns_resolvehost_start.append(_stamp("dns_begun"))
    config.on_dns_resolvehost_end.append(_stamp("dns_done"))
    config.on_connection_create_start.append(_stamp("connect_begun"))
    config.on_connection_create_end.append(_stamp("connect_done"))
    config.on_request_headers_sent.append(_stamp("sent"))
    config.on_request_end.append(_stamp("head"))
    config.on_connection_reuseconn.append(_reused)
    return config


def _stamp(name: str) -> Any:
    async def stamp(session: aiohttp.ClientSession, context: SimpleNamespace, params: Any) -> None:
        marks = context.trace_request_ctx
        if marks is not None:
            setattr(marks, name, time.perf_counter())

    return stamp


async def _reused(session: aiohttp.ClientSession, context: SimpleNamespace, params: Any) -> None:
    if context.trace_request_ctx is not None:
        context.trace_request_ctx.reused = True


def _between(begun: float | None, done: float | None) -> float | None:
    return None if begun is None or done is None else max(0.0, done - begun)
