"""Names that mean this machine, or every interface of it: what deployments write, not where anything here connects."""

from __future__ import annotations

LOCALHOST = "localhost"
LOOPBACK = "127.0.0.1"
LOCAL = frozenset({LOCALHOST, LOOPBACK, "::1", "[::1]"})
ALL_V4 = "0.0.0.0"
EVERYWHERE = frozenset({"", ALL_V4, "::", "[::]", "*"})
