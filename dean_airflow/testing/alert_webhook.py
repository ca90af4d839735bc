"""A receiver of alerts over real HTTP, for tests: keeps what it is sent, and fails on command."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from dean_airflow.testing.recorder import Recorded, Recorder


class AlertWebhook:
    """`status` is what it answers; while `silent`, it takes requests and answers nothing."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.requests = Recorder()
        self.status = 200
        self.silent = False
        self.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
        self._arrived = threading.Condition()
        self._released = threading.Event()

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """What was sent and accepted, oldest first."""
        return [request.json for request in self.requests]

    @property
    def alerts(self) -> list[tuple[str, str, str]]:
        """Name, service and status of every alert that was sent and accepted, oldest first."""
        return [
            (alert["labels"]["alertname"], alert["labels"].get("service", ""), alert["status"])
            for body in self.bodies
            for alert in body["alerts"]
        ]

    def wait_for(self, count: int, timeout: float = 60.0) -> None:
        """Until so many requests were accepted. Raises TimeoutError."""
        with self._arrived:
            if not self._arrived.wait_for(lambda: len(self.requests) >= count, timeout):
                raise TimeoutError(f"only {len(self.requests)} of {count} requests arrived within {timeout:g} s")

    def answer(self, request: Recorded) -> int | None:
        """The status for a request that came; None for none, after the test has ended."""
        if self.silent:
            self._released.wait()
            return None
        if 200 <= self.status < 300:
            with self._arrived:
                self.requests.add(request)
                self._arrived.notify_all()
        return self.status

    def release(self) -> None:
        """Lets go of the requests that wait in silence."""
        self._released.set()


@contextmanager
def alert_webhook(port: int = 0) -> Iterator[AlertWebhook]:
    """A webhook that listens on 127.0.0.1 until the block ends; port 0 takes a free one."""
    server = ThreadingHTTPServer(("127.0.0.1", port), _Handler)
    server.daemon_threads = True
    webhook = AlertWebhook(server)
    server.webhook = webhook  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield webhook
    finally:
        webhook.release()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if len(body) < length:  # the sender died while it sent
            self.close_connection = True
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        path, _, query = self.path.partition("?")
        webhook: AlertWebhook = self.server.webhook  # type: ignore[attr-defined]
        status = webhook.answer(Recorded("POST", path, query, headers, body))
        if status is None:
            self.close_connection = True
            return
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on stderr."""
