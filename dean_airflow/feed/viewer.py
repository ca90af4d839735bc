"""Who listens, as far as the feed asks: whoever admits clients says so."""

from __future__ import annotations

from typing import Protocol

from dean_airflow.feed.listener import End

EXPIRED = 4401
"""Close code: the credential has expired, or was revoked."""
FORBIDDEN = 4403
"""Close code: the permission was taken away."""


class Viewer(Protocol):
    user: str
    expires_in: float | None
    """Seconds from when the client was admitted until its credential expires; None: it does not."""

    async def may(self, dag: str | None) -> bool:
        """Whether they may read the runs of a DAG; None: of DEAN's own trials."""
        ...

    async def check(self) -> End | None:
        """Why they may not go on listening, None if they may."""
        ...
