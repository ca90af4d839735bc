"""Who asks, and under which id: what every call of a service carries so that its way can be followed.

A server sets both for the time of a request (`correlated`); in a task or a command an id is made at the first call.
Nothing else of a request goes on to the next service: no Authorization, Cookie or X-API-Key of the caller.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_request_id: ContextVar[str | None] = ContextVar("dean_request_id", default=None)
_user: ContextVar[str | None] = ContextVar("dean_user", default=None)
_original_ip: ContextVar[str | None] = ContextVar("dean_original_ip", default=None)
_PLAIN = re.compile(r"[\x21-\x7e]{1,128}")


def request_id() -> str:
    """The id of what is being worked on; a new one for each call outside of `correlated`."""
    return _request_id.get() or uuid.uuid4().hex


def user() -> str | None:
    """The name of the user on whose behalf this happens, or None."""
    return _user.get()


def original_ip() -> str | None:
    """The address that the user asks from, or None."""
    return _original_ip.get()


@contextmanager
def correlated(id: str | None = None, user: str | None = None, original_ip: str | None = None) -> Iterator[str]:
    """Calls made inside carry this id (a new one where it is None or no plain text), user and address; gives the id."""
    usable = id if id and _PLAIN.fullmatch(id) else uuid.uuid4().hex
    id_token, user_token, ip_token = _request_id.set(usable), _user.set(user), _original_ip.set(original_ip)
    try:
        yield usable
    finally:
        _request_id.reset(id_token)
        _user.reset(user_token)
        _original_ip.reset(ip_token)
