"""Becomes a service: takes its environment from a file and its socket from the holder, and runs its command.

A program of its own, run by supervisord as `python -I -S launch.py RELEASE HOLDER PID`; it imports the standard
library alone. RELEASE is the folder of a release: `run.json` says what is run, `environment.json`, readable by its
owner alone, with which variables; so neither stands in supervisord's configuration or on a command line. PID is the
file that says which process it is. A socket that is held for the service is descriptor 3, as services started by
systemd have it (LISTEN_FDS).
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

DESCRIPTOR = 3
SECONDS = 10.0


def main() -> None:
    folder, holder = Path(sys.argv[1]), sys.argv[2]
    run = json.loads((folder / "run.json").read_text())
    environment = json.loads((folder / "environment.json").read_text())
    if run["listen"]:
        _take_socket(holder, run)
        environment |= {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid()), "LISTEN_FDNAMES": run["service"]}
    started = Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]
    Path(sys.argv[3]).write_text(f"{os.getpid()} {started}")
    os.umask(0o022)
    os.chdir(run["directory"] or folder / "files")
    ctypes.CDLL(None).prctl(
        1, signal.SIGTERM
    )  # PR_SET_PDEATHSIG: not without its supervisord, which would run it twice
    if os.getppid() == 1:
        sys.exit("The supervisord is gone.")
    try:
        os.execvpe(run["command"][0], run["command"], environment)
    except OSError as error:
        sys.exit(f"{run['command'][0]} cannot be run: {error.strerror}.")


def _take_socket(holder: str, run: dict[str, Any]) -> None:
    host, port = run["listen"]
    asked = {"do": "socket", "service": run["service"], "release": run["release"], "host": host, "port": port}
    with _connected(holder) as door:
        door.sendall((json.dumps(asked) + "\n").encode())
        text, descriptors, _, _ = socket.recv_fds(door, 65536, 1)
    if not descriptors:
        sys.exit(f"There is no socket on {host}:{port}: {json.loads(text).get('refused', 'none was given')}.")
    if descriptors[0] == DESCRIPTOR:
        os.set_inheritable(DESCRIPTOR, True)
    else:
        os.dup2(descriptors[0], DESCRIPTOR, inheritable=True)
        os.close(descriptors[0])


def _connected(holder: str) -> socket.socket:
    """The holder is started at the same time, and again when it was killed."""
    until = time.monotonic() + SECONDS
    while True:
        door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        door.settimeout(SECONDS)
        try:
            door.connect(holder)
        except OSError as error:
            door.close()
            if time.monotonic() > until:
                sys.exit(f"The holder of sockets does not answer: {error.strerror}.")
            time.sleep(0.05)
        else:
            return door


if __name__ == "__main__":
    main()
