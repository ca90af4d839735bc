"""One supervisord of a deployment directory: detached, found again by its unix socket, asked over XML-RPC."""

from __future__ import annotations

import contextlib
import fcntl
import http.client
import os
import shlex
import signal
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dean_airflow.deployment.site import Site
from dean_airflow.errors import DeploymentError

START_SECONDS = 20.0
POLL_SECONDS = 0.05
GRACE_SECONDS = 10.0
"""How much longer than its own time a service may take to end before that is an error."""
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "USER", "LOGNAME", "TMPDIR")
_HERE = Path(__file__).resolve().parent
_ALREADY_STARTED, _NOT_RUNNING, _BAD_NAME, _ALREADY_ADDED, _SHUTDOWN = 60, 70, 10, 90, 6
_CONFIG = """\
[supervisord]
logfile = {folder}/supervisor/supervisord.log
logfile_maxbytes = 5MB
logfile_backups = 2
pidfile = {folder}/supervisor/supervisord.pid
directory = {folder}
childlogdir = {folder}/logs
identifier = dean-{id}
umask = 077

[unix_http_server]
file = {socket}
chmod = 0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[program:holder]
command = {python} -I -S {holder} {door} {folder}/supervisor/traffic.json
priority = 1
autorestart = true
startsecs = 0
stdout_logfile = {folder}/logs/holder.log
stdout_logfile_maxbytes = 1MB
stdout_logfile_backups = 1
redirect_stderr = true

[include]
files = {folder}/supervisor/conf.d/*.conf
"""
_PROGRAM = """\
[program:{name}]
command = {python} -I -S {launch} {release} {door} {pid}
autostart = true
autorestart = true
startsecs = 1
startretries = 2
stopsignal = TERM
stopwaitsecs = {stop:.0f}
killasgroup = true
stdout_logfile = {log}
stdout_logfile_maxbytes = 10MB
stdout_logfile_backups = 3
redirect_stderr = true
"""


class Supervisord:
    """Its programs are releases, named `service--release`; a program's file in `conf.d` says that it is to run."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._folder = site.folder / "supervisor"
        self._socket = site.socket("ctl")
        self.door = site.socket("fds")
        """The holder's unix socket."""

    def alive(self) -> bool:
        """Whether it answers."""
        try:
            with self._rpc() as rpc:
                return bool(rpc.supervisor.getState()["statename"] == "RUNNING")
        except DeploymentError:
            return False

    def ensure(self) -> None:
        """Starts it unless it answers. Raises DeploymentError."""
        if self.alive():
            return
        self._make_folders()
        with self._one_at_a_time():
            if self.alive():
                return
            self._end_orphans()
            for path in (self._socket, self.door):
                path.unlink(missing_ok=True)
            config = self._folder / "supervisord.conf"
            config.write_text(self._config())
            # In a session of its own, with nothing of ours open: it outlives the task that starts it.
            done = subprocess.run(
                [sys.executable, "-m", "supervisor.supervisord", "-c", str(config)],
                env={**clean_environment(), "PYTHONWARNINGS": "ignore"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,
                check=False,
            )
            if done.returncode:
                reason = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:] or ["it says nothing"]
                raise DeploymentError(f"supervisord for {self._site.directory} does not start: {reason[0]}.")
            self._wait(lambda: self.alive() and self.door.exists(), START_SECONDS, "supervisord does not answer")

    def start(self, name: str, release: Path, stop_seconds: float) -> None:
        """Runs a release's folder as a program from now on, also after supervisord was restarted."""
        self.ensure()
        text = _PROGRAM.format(
            name=_safe(name),
            python=_word(sys.executable),
            launch=_word(_HERE / "launch.py"),
            release=_word(release),
            door=_word(self.door),
            pid=_word(self._pid_file(name)),
            stop=max(1.0, stop_seconds),
            log=_safe(str(self._site.logs / f"{name.rpartition('--')[0]}.log")),
        )
        path = self._program_file(name)
        beside = path.with_suffix(".new")
        beside.write_text(text)
        beside.replace(path)
        with self._rpc() as rpc:
            rpc.supervisor.reloadConfig()
            with _allowing(_ALREADY_ADDED):
                rpc.supervisor.addProcessGroup(name)
            with _allowing(_ALREADY_STARTED):
                rpc.supervisor.startProcess(name, False)

    def stop(self, name: str, stop_seconds: float) -> None:
        """Ends a program: SIGTERM, and SIGKILL after its time; it is not started again. Raises DeploymentError."""
        self._program_file(name).unlink(missing_ok=True)
        if not self.alive():
            if self._folder.exists():
                self._end_orphans()
            return
        with self._rpc() as rpc, _allowing(_BAD_NAME):
            with _allowing(_NOT_RUNNING):
                rpc.supervisor.stopProcess(name, False)
            self._wait(
                lambda: self.info(name).get("statename") in (None, "STOPPED", "EXITED", "FATAL"),
                stop_seconds + GRACE_SECONDS,
                f"{name} does not end",
            )
            rpc.supervisor.removeProcessGroup(name)
        self._pid_file(name).unlink(missing_ok=True)

    def info(self, name: str) -> dict[str, Any]:
        """What supervisord knows of a program; empty where it knows none, or is not there itself."""
        try:
            with self._rpc() as rpc:
                return dict(rpc.supervisor.getProcessInfo(name))
        except DeploymentError:
            return {}

    def programs(self) -> list[str]:
        """The programs that are to run."""
        return sorted(path.stem for path in (self._folder / "conf.d").glob("*.conf"))

    def end(self) -> None:
        """Ends every program, then supervisord itself. Raises DeploymentError."""
        pid = self.pid()
        if self.alive():
            with self._rpc() as rpc, _allowing(_SHUTDOWN):
                rpc.supervisor.shutdown()
        self._wait(lambda: pid is None or not _is_there(pid), 120.0, "supervisord does not end")
        if self._folder.exists():
            self._end_orphans()
        for path in (self._socket, self.door):
            path.unlink(missing_ok=True)

    def pid(self) -> int | None:
        """Its process, None where it does not run."""
        try:
            pid = int((self._folder / "supervisord.pid").read_text())
            ours = str(self._folder / "supervisord.conf").encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
        except (OSError, ValueError):
            return None
        return pid if ours else None

    def _config(self) -> str:
        return _CONFIG.format(
            folder=_safe(str(self._site.folder)),
            id=self._site.id,
            socket=_safe(str(self._socket)),
            python=_word(sys.executable),
            holder=_word(_HERE / "holder.py"),
            door=_word(self.door),
        )

    def _make_folders(self) -> None:
        for path in (
            self._site.folder,
            self._folder,
            self._folder / "conf.d",
            self._folder / "pids",
            self._site.logs,
            self._site.sockets,
        ):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def _program_file(self, name: str) -> Path:
        return self._folder / "conf.d" / f"{name}.conf"

    def _pid_file(self, name: str) -> Path:
        return self._folder / "pids" / name

    def _end_orphans(self) -> None:
        """What a supervisord that was killed has left: it would hold the ports of what is started anew."""
        for path in (self._folder / "pids").glob("*"):
            pid, _, started = path.read_text().partition(" ")
            if pid and _is_there(int(pid), started):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGTERM)
                with contextlib.suppress(DeploymentError):
                    self._wait(lambda p=int(pid), s=started: not _is_there(p, s), GRACE_SECONDS, "it lives")
                if _is_there(int(pid), started):
                    os.kill(int(pid), signal.SIGKILL)
            path.unlink(missing_ok=True)

    def _wait(self, done: Any, seconds: float, what: str) -> None:
        until = time.monotonic() + seconds
        while not done():
            if time.monotonic() > until:
                raise DeploymentError(f"{what} within {seconds:g} s ({self._site.directory}).")
            time.sleep(POLL_SECONDS)

    @contextlib.contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        with (self._folder / "starting.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    @contextlib.contextmanager
    def _rpc(self) -> Iterator[Any]:
        from supervisor.xmlrpc import SupervisorTransport

        transport = SupervisorTransport(serverurl=f"unix://{self._socket}")
        try:
            yield xmlrpc.client.ServerProxy("http://supervisord", transport=transport)
        except xmlrpc.client.Fault as fault:
            raise DeploymentError(f"supervisord refuses: {fault.faultString}.") from None
        except (OSError, http.client.HTTPException) as error:
            raise DeploymentError(f"supervisord does not answer at {self._socket}: {error}.") from None
        finally:
            transport.close()


@contextlib.contextmanager
def _allowing(*codes: int) -> Iterator[None]:
    """Faults that say that what was asked for is so already."""
    try:
        yield
    except xmlrpc.client.Fault as fault:
        if fault.faultCode not in codes:
            raise


def clean_environment() -> dict[str, str]:
    """The variables that a service gets from the machine; the scripts of this Python are found first."""
    found = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    scripts = str(Path(sys.executable).parent)
    found["PATH"] = os.pathsep.join(dict.fromkeys([scripts, *found.get("PATH", os.defpath).split(os.pathsep)]))
    return found


def _is_there(pid: int, started: str = "") -> bool:
    try:
        facts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return False
    return facts[0] != "Z" and (not started or facts[19] == started)


def _safe(text: str) -> str:
    return text.replace("%", "%%")


def _word(path: Path | str) -> str:
    return _safe(shlex.quote(str(path)))
