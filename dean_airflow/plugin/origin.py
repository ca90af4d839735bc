"""A change is made only for a page of Airflow's own: what a browser sends along by itself (a cookie) is no consent."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

OWN = ("none", "same-origin")


def check_origin(request: HTTPConnection) -> str | None:
    """What is wrong with a request that changes something, None where nothing is.

    Refused: what another site's page sent (its `Origin` is not this server's, or the browser says so in
    `Sec-Fetch-Site`), and what brings a cookie alone and does not say where it comes from. Programs, which send a
    token and no `Origin`, pass.
    """
    origin = request.headers.get("origin")
    if origin is None:
        if request.headers.get("sec-fetch-site", "none") not in OWN:
            return "A page of another site may not change anything here."
        if "authorization" not in request.headers:
            return "The request does not say where it comes from (Origin), and brings no token."
        return None
    if not is_own(request, origin):
        return f"A page of {origin[:200]} may not change anything here."
    return None


def opened_by_own_page(socket: HTTPConnection) -> bool:
    """Whether a socket is opened by a page of Airflow's own, or by a program, which names no page."""
    origin = socket.headers.get("origin")
    if origin is None:
        return socket.headers.get("sec-fetch-site", "none") in OWN
    return is_own(socket, origin)


def is_own(request: HTTPConnection, origin: str) -> bool:
    """Whether an `Origin` is this server's, as the client calls it or as Airflow's configuration does."""
    from airflow.configuration import conf

    configured = urlsplit(conf.get("api", "base_url", fallback="")).netloc
    own = {host.lower() for host in (request.headers.get("host", ""), configured) if host}
    return urlsplit(origin).netloc.lower() in own
