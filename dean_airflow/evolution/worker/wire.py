"""Messages between the judge and a zygote: JSON objects, each preceded by its length in four bytes."""

from __future__ import annotations

import json
import socket
import struct
from typing import Any

_LENGTH = struct.Struct("!I")
MAX_MESSAGE = 64 * 1024 * 1024
"""Bytes; a peer that announces more is broken or hostile."""


class WireClosed(Exception):
    """The other side is gone."""


def send(connection: socket.socket, message: dict[str, Any]) -> None:
    """Writes one message. Raises WireClosed."""
    body = json.dumps(message).encode()
    try:
        connection.sendall(_LENGTH.pack(len(body)) + body)
    except OSError as error:
        raise WireClosed(str(error)) from None


def receive(connection: socket.socket) -> dict[str, Any]:
    """The next message. Raises WireClosed at the end, for an oversized message and for anything but a JSON object."""
    (length,) = _LENGTH.unpack(_exactly(connection, _LENGTH.size))
    if length > MAX_MESSAGE:
        raise WireClosed(f"a message of {length} bytes")
    try:
        message = json.loads(_exactly(connection, length))
    except ValueError:
        raise WireClosed("a message that is not JSON") from None
    if not isinstance(message, dict):
        raise WireClosed("a message that is not an object")
    return message


def _exactly(connection: socket.socket, size: int) -> bytes:
    parts = []
    while size:
        try:
            part = connection.recv(min(size, 1 << 20))
        except TimeoutError:
            raise
        except OSError as error:
            raise WireClosed(str(error)) from None
        if not part:
            raise WireClosed("connection closed")
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
