"""A change is made only for a page of Airflow's own: what a browser sends along by itself (a cookie) is no consent."""

from __future__ import annotations

from urllib.parse import urlsplit

from fastapi import HTTPException, Request


def same_origin(request: Request) -> None:
    """A dependency of every route that changes something.

    403 for a request another site's page sent (its `Origin` is not this server's), and for one with a cookie alone
    that does not say where it comes from. Programs, which send a token and no `Origin`, pass.
    """
    origin = request.headers.get("origin")
    if origin is None:
        if "authorization" not in request.headers:
            raise HTTPException(403, "The request does not say where it comes from (Origin), and brings no token.")
        return
    if urlsplit(origin).netloc.lower() not in _own_hosts(request):
        raise HTTPException(403, f"A page of {origin[:200]} may not change anything here.")


def _own_hosts(request: Request) -> set[str]:
    """As the client calls this server, and as Airflow's configuration does."""
    from airflow.configuration import conf

    configured = urlsplit(conf.get("api", "base_url", fallback="")).netloc
    return {host.lower() for host in (request.headers.get("host", ""), configured) if host}
