"""A server on a socket that was handed over: it serves there, and loses no request when it ends."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest

from dean_airflow.services.server.running import ServerFailed, inherited

SERVER = """
import sys
from fastapi import FastAPI
from dean_airflow.services.server.running import inherited, run_server

app = FastAPI()

@app.get("/")
def name() -> str:
    return sys.argv[2]

with inherited(int(sys.argv[1])) as listener:
    run_server(app, listener, lambda address: print(address, flush=True))
"""


def start(listener: socket.socket, name: str) -> subprocess.Popen[str]:
    number = listener.fileno()
    words = [sys.executable, "-c", SERVER, str(number), name]
    process = subprocess.Popen(words, pass_fds=[number], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline().startswith("http://127.0.0.1:")
    return process


def test_servers_follow_each_other_on_one_socket_without_a_lost_request() -> None:
    answers: list[str] = []
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"

        def ask() -> None:
            while not ended.is_set():
                try:
                    answers.append(httpx.get(url, timeout=20).json())
                except httpx.HTTPError as error:
                    answers.append(repr(error))

        processes = [start(listener, "0")]
        thread = threading.Thread(target=ask)
        thread.start()
        try:
            for number in range(1, 4):
                processes.append(start(listener, str(number)))
                processes[-2].terminate()
                assert processes[-2].wait(20) == 0
        finally:
            ended.set()
            processes[-1].terminate()
            thread.join(30)
            assert processes[-1].wait(20) == 0
    assert set(answers) <= {"0", "1", "2", "3"} and len(set(answers)) > 1


def test_what_is_no_listening_socket_is_refused(tmp_path: Path) -> None:
    with (
        (tmp_path / "file").open("w") as file,
        pytest.raises(ServerFailed, match="is no socket"),
        inherited(file.fileno()),
    ):
        pass
    with socket.socket() as silent, pytest.raises(ServerFailed, match="nobody listens on"), inherited(silent.detach()):
        pass
