"""Asks the holder of listening sockets."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path
from typing import Any

from dean_airflow.errors import DeploymentError

SECONDS = 15.0
POLL_SECONDS = 0.05


def ask_holder(door: Path, **asked: Any) -> dict[str, Any]:
    """The holder's answer to one request. Raises DeploymentError where it refuses or does not answer."""
    until = time.monotonic() + SECONDS
    try:
        with _connected(door, until) as stream:
            stream.sendall((json.dumps(asked) + "\n").encode())
            text, descriptors, _, _ = socket.recv_fds(stream, 1 << 20, 4)
            for descriptor in descriptors:
                socket.close(descriptor)
        answer: dict[str, Any] = json.loads(text)
    except (OSError, ValueError) as error:
        raise DeploymentError(f"The holder of sockets does not answer at {door}: {error}.") from None
    if "refused" in answer:
        raise DeploymentError(f"The socket of {asked.get('service')} is not to be had: {answer['refused']}.")
    return answer


def _connected(door: Path, until: float) -> socket.socket:
    """A holder that was killed is there again within a second."""
    while True:
        stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        stream.settimeout(SECONDS)
        try:
            stream.connect(str(door))
        except (ConnectionRefusedError, FileNotFoundError):
            stream.close()
            if time.monotonic() > until:
                raise
            time.sleep(POLL_SECONDS)
        except BaseException:
            stream.close()
            raise
        else:
            return stream
