"""A service small enough to be started often: HTTP on the socket it inherits, or on a port of its own.

`/` answers which RELEASE it is, `/health` as the contract has it, `/slow` takes SLOW seconds. What is broken of it is
said by BROKEN: `start` ends it at once, `health` makes it unhealthy.
"""

import json
import os
import signal
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BROKEN = os.environ.get("BROKEN", "")


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status, body = 200, {"release": os.environ.get("RELEASE", ""), "pid": os.getpid()}
        if self.path == "/health":
            healthy = BROKEN != "health"
            status = 200 if healthy else 503
            body |= {
                "status": "healthy" if healthy else "unhealthy",
                "service": "tiny",
                "version": os.environ.get("VERSION", "1"),
                "capabilities": ["tiny"],
            }
        elif self.path == "/slow":
            time.sleep(float(os.environ.get("SLOW", "1")))
        elif self.path == "/secret":
            body["secret"] = os.environ.get("SECRET", "")
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = False

    def __init__(self) -> None:
        if os.environ.get("LISTEN_FDS"):
            super().__init__(("", 0), Answer, bind_and_activate=False)
            self.socket.close()
            self.socket = socket.socket(fileno=3)
        else:
            super().__init__((sys.argv[1], int(sys.argv[2])), Answer)


if BROKEN == "start":
    sys.exit("broken")
server = Server()
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
server.serve_forever(poll_interval=0.05)
server.server_close()
