"""The probes of this machine."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from dean_airflow.deployment.finding import NotChecked
from dean_airflow.deployment.probes.probes import LoginRefused, Ran, Space

CONNECT_SECONDS = 2.0
_MOST_BYTES = 1_000_000


class SystemProbes:
    """Asks this machine, with psutil where a process must be named."""

    def run(self, command: Sequence[str], *, seconds: float = 5.0, cwd: Path | None = None) -> Ran:
        try:
            done = subprocess.run(
                command, capture_output=True, timeout=seconds, check=False, cwd=cwd, stdin=subprocess.DEVNULL
            )
        except FileNotFoundError:
            return Ran(None, "", f"there is no command {command[0]}")
        except subprocess.TimeoutExpired:
            raise NotChecked(f"`{' '.join(command[:3])}` took more than {seconds:g} s") from None
        except OSError as error:
            return Ran(None, "", error.strerror or str(error))
        return Ran(
            done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace").strip()
        )

    def port_owner(self, host: str, port: int, protocol: str = "tcp") -> str | None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        kind = socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM
        try:
            with socket.socket(family, kind) as probe:
                if protocol != "udp":
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((host, port))
        except PermissionError:
            raise NotChecked(f"binding port {port} needs a privilege") from None
        except OSError as error:
            if error.errno == 99:  # the address is of another machine
                raise NotChecked(f"{host} is no address of this machine") from None
            return self._owner(port, kind)
        return None

    def _owner(self, port: int, kind: int) -> str:
        import psutil

        try:
            for connection in psutil.net_connections("inet"):
                local = connection.laddr
                if local and local.port == port and connection.type == kind and connection.pid:
                    return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
        except (psutil.Error, OSError):
            pass
        return "another process"

    def space(self, path: Path) -> Space:
        existing = next((each for each in (path, *path.parents) if each.exists()), Path("/"))
        try:
            status = os.statvfs(existing)
        except OSError as error:
            raise NotChecked(f"the file system of {path} cannot be asked: {error.strerror}") from None
        return Space(
            status.f_blocks * status.f_frsize, status.f_bavail * status.f_frsize, status.f_files, status.f_favail
        )

    def memory(self) -> int:
        import psutil

        return int(psutil.virtual_memory().total)

    def cpus(self) -> int:
        return os.cpu_count() or 1

    def clock_offset(self) -> float:
        ran = self.run(["chronyc", "-c", "tracking"], seconds=2.0)
        if not ran.ok:
            raise NotChecked("there is no time daemon (chrony) to ask")
        try:
            return float(ran.output.split(",")[4])
        except (IndexError, ValueError):
            raise NotChecked("the time daemon's answer is not understood") from None

    def resolve(self, host: str) -> list[str]:
        try:
            return sorted({str(info[4][0]) for info in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)})
        except socket.gaierror as error:
            if error.errno == socket.EAI_AGAIN:
                raise NotChecked("there is no name server to ask") from None
            return []
        except (UnicodeError, OSError):
            return []

    def own_addresses(self) -> set[str]:
        import psutil

        return {address.address.split("%")[0] for each in psutil.net_if_addrs().values() for address in each}

    def connect(self, host: str, port: int) -> str:
        try:
            with socket.create_connection((host, port), timeout=CONNECT_SECONDS):
                return ""
        except OSError as error:
            return error.strerror or str(error) or "no answer in time"

    def http_status(self, url: str, headers: Mapping[str, str] | None = None) -> tuple[int, str]:
        parts = urlsplit(url)
        secure = parts.scheme == "https"
        host = parts.hostname or ""
        try:
            with socket.create_connection(
                (host, parts.port or (443 if secure else 80)), timeout=CONNECT_SECONDS
            ) as raw:
                stream: socket.socket = (
                    ssl.create_default_context().wrap_socket(raw, server_hostname=host) if secure else raw
                )
                path = parts.path or "/"
                lines = [f"GET {path} HTTP/1.0", f"Host: {parts.netloc.rpartition('@')[2]}", "Connection: close"]
                lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
                stream.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
                answer = _read(stream)
        except ssl.SSLError as error:
            return 0, f"TLS: {error.reason or error}"
        except OSError as error:
            return 0, error.strerror or str(error) or "no answer in time"
        head, _, body = answer.partition(b"\r\n\r\n")
        words = head.split(b"\r\n")[0].split()
        if len(words) < 2 or not words[1].isdigit():
            return 0, "the answer is no HTTP"
        return int(words[1]), body.decode("utf-8", "replace")

    def redis_login(self, host: str, port: int, user: str, password: str) -> str:
        login = [user, password] if user and user != "default" else [password]
        commands = [["AUTH", *login]] if password else []
        try:
            with socket.create_connection((host, port), timeout=CONNECT_SECONDS) as stream:
                for command in [*commands, ["PING"]]:
                    parts = [f"${len(word.encode())}\r\n{word}\r\n" for word in command]
                    stream.sendall(f"*{len(command)}\r\n{''.join(parts)}".encode())
                    answer = stream.recv(512)
                    if answer.startswith(b"-"):
                        return answer[1:].split(b"\r\n")[0].decode("utf-8", "replace")
        except OSError as error:
            raise NotChecked(f"{host}:{port} is not reached: {error.strerror or error}") from None
        return ""

    def query(self, url: str, statement: str) -> list[tuple[object, ...]]:
        from sqlalchemy import create_engine, text
        from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

        try:
            engine = create_engine(
                url, connect_args={"connect_timeout": int(CONNECT_SECONDS)} if "sqlite" not in url else {}
            )
        except (ArgumentError, NoSuchModuleError, ImportError) as error:
            raise NotChecked(f"there is no driver here: {type(error).__name__}") from None
        try:
            with engine.connect() as connection:
                return [tuple(row) for row in connection.execute(text(statement))]
        except DBAPIError as error:
            reason = str(error.orig).strip().split("\n")[0]
            if (
                "could not connect" in reason
                or "Connection refused" in reason
                or "translate host" in reason
                or "timeout" in reason
            ):
                raise NotChecked(f"the database is not reached: {reason}") from None
            raise LoginRefused(reason) from None
        finally:
            engine.dispose()


def _read(stream: socket.socket) -> bytes:
    answer = b""
    while len(answer) < _MOST_BYTES:
        piece = stream.recv(65_536)
        if not piece:
            break
        answer += piece
    return answer
