"""Runs inside a jail that has a network of its own: leads its loopback to the index proxy's socket, then execs.

`python -I -S relay.py SOCKET COMMAND...`; standard library only. The command finds the relay in `HTTPS_PROXY`. The
relay ends with the jail.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading


def main(path: str, command: list[str]) -> None:
    """Never returns: this process becomes the command, and a child of it relays."""
    listener = socket.create_server(("127.0.0.1", 0))
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    if os.fork() == 0:
        # Whoever reads from the command must see the end of it though the relay still runs.
        quiet = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(quiet, fd)
        os.closerange(3, listener.fileno())
        os.closerange(listener.fileno() + 1, os.sysconf("SC_OPEN_MAX"))
        _relay(listener, path)
    os.environ.update(HTTPS_PROXY=address, https_proxy=address)
    listener.close()
    os.execvp(command[0], command)


def _relay(listener: socket.socket, path: str) -> None:
    while True:
        near, _ = listener.accept()
        far = socket.socket(socket.AF_UNIX)
        try:
            far.connect(path)
        except OSError:
            near.close()
            continue
        for source, sink in ((near, far), (far, near)):
            threading.Thread(target=_pump, args=(source, sink), daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while chunk := source.recv(1 << 16):
            sink.sendall(chunk)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
