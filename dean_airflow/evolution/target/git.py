"""The only place that runs git, and the rules it runs under.

A target is somebody else's repository, so nothing it carries may run: no hooks, no filters, no fsmonitor, no
submodules, no external diff, no transport but https, ssh and file, no prompt. Of the user's own git configuration only
what reaching and signing a repository needs is kept (`_KEPT`); system-wide configuration is read for the same keys.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from dean_airflow.errors import TargetError

PROTOCOLS = ("https", "ssh", "file")
DEFAULT_TIMEOUT = 300.0
"""Seconds; long enough to clone a large repository over a slow line."""

_KEPT = re.compile(
    r"user\.(name|email)|safe\.directory|credential\..*|http\..*|url\..*\.insteadof|core\.sshcommand",
    re.IGNORECASE,
)

# Overrides whatever the repository's own configuration says, as a repository unpacked from an archive can say anything.
_SAFE = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "core.attributesFile": os.devnull,
    "core.excludesFile": os.devnull,
    "core.askPass": "",
    "core.alternateRefsCommand": "true",
    "core.autocrlf": "false",
    "core.quotePath": "false",
    "commit.gpgSign": "false",
    "diff.external": "",
    "fetch.recurseSubmodules": "false",
    "submodule.recurse": "false",
    # Old histories of honest projects fail it, and what it guards against (submodules) is never looked at.
    "fetch.fsckObjects": "false",
    "fetch.writeCommitGraph": "false",
    "fetch.prune": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "init.templateDir": "",
    "init.defaultBranch": "main",
    "log.showSignature": "false",
    "push.recurseSubmodules": "no",
    "protocol.version": "2",
    "http.lowSpeedLimit": "1",
    "http.lowSpeedTime": "60",
}

_INHERITED = (
    *("PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "XDG_RUNTIME_DIR"),
    *("SSH_AUTH_SOCK", "GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSL_CAINFO", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    *("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"),
)

# git asks its helper for what the environment of this one process carries: a secret is never an argument or in a URL.
_CREDENTIAL_HELPER = (
    '!f() { test "$1" = get && printf "username=%s\\npassword=%s\\n" "$DEAN_GIT_USERNAME" "$DEAN_GIT_PASSWORD"; }; f'
)


@dataclass(frozen=True)
class GitCredentials:
    """What an https remote asks for; over ssh the user's own keys and agent are used."""

    username: str
    password: str = field(repr=False)


class GitError(TargetError):
    """git refused; `reason` says why as the end of a sentence, `stderr` is all it said."""

    def __init__(self, message: str, stderr: str = "") -> None:
        super().__init__(message)
        self.stderr = stderr
        self.reason = _last_words(stderr) if stderr else message


def run_git(
    args: Sequence[str],
    cwd: Path,
    *,
    timeout: float = DEFAULT_TIMEOUT,
    input: bytes | None = None,
    environment: Mapping[str, str] | None = None,
    config: Mapping[str, str] | None = None,
    credentials: GitCredentials | None = None,
    remote: str = "",
) -> str:
    """What `git <args>` prints, run in `cwd` under this module's rules.

    `environment` and `config` add variables and settings for this call; `credentials` are offered only to the host of
    `remote`. Callers put `--` or `--end-of-options` before anything a user wrote.
    Raises TargetError when git is missing, and its kind GitError when it took longer than `timeout` seconds or
    refused; each in one sentence.
    """
    return run_git_bytes(
        args,
        cwd,
        timeout=timeout,
        input=input,
        environment=environment,
        config=config,
        credentials=credentials,
        remote=remote,
    ).decode("utf-8", "surrogateescape")


def run_git_bytes(
    args: Sequence[str],
    cwd: Path,
    *,
    timeout: float = DEFAULT_TIMEOUT,
    input: bytes | None = None,
    environment: Mapping[str, str] | None = None,
    config: Mapping[str, str] | None = None,
    credentials: GitCredentials | None = None,
    remote: str = "",
) -> bytes:
    """As `run_git`, undecoded: for patches, whose bytes matter."""
    git = git_executable()
    settings = {**_SAFE, **(config or {})}
    extra = dict(environment or {})
    if credentials is not None:
        settings[f"credential.{_origin(remote)}.helper"] = _CREDENTIAL_HELPER
        extra |= {"DEAN_GIT_USERNAME": credentials.username, "DEAN_GIT_PASSWORD": credentials.password}
    with _user_configuration() as user_configuration:
        env = _environment(settings, user_configuration) | extra
        return _run([git, *args], cwd, env, input, timeout)


def git_executable() -> str:
    """Where git is. Raises TargetError when it is not installed."""
    found = shutil.which("git")
    if found is None:
        raise TargetError("git is not installed here; install it (for example `apt-get install git`) and try again.")
    return found


def succeeds(args: Sequence[str], cwd: Path) -> bool:
    """Whether git answers yes (exit code 0). Raises TargetError when git is missing."""
    git_executable()
    try:
        run_git(args, cwd)
    except GitError:
        return False
    return True


def git_identity(repository: Path) -> tuple[str, str] | None:
    """(name, e-mail) the user commits with in this repository, None when not both are set."""
    with contextlib.suppress(GitError):
        name = run_git(["config", "--get", "user.name"], repository).strip()
        email = run_git(["config", "--get", "user.email"], repository).strip()
        if name and email:
            return name, email
    return None


def filters_off(repository: Path) -> dict[str, str]:
    """Settings for `run_git` that silence every filter driver this repository's configuration defines."""
    try:
        names = run_git(["config", "--null", "--name-only", "--get-regexp", r"^filter\."], repository)
    except GitError:
        return {}
    drivers = {name.rsplit(".", 1)[0] for name in names.split("\0") if name}
    values = {"clean": "", "smudge": "", "process": "", "required": "false"}
    return {f"{driver}.{key}": value for driver in drivers for key, value in values.items()}


def _run(command: list[str], cwd: Path, env: dict[str, str], input: bytes | None, timeout: float) -> bytes:
    try:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL if input is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise GitError(f"git could not be started in {cwd}: {error.strerror}.") from None
    try:
        out, err = process.communicate(input, timeout=timeout)
    except subprocess.TimeoutExpired:
        raise GitError(f"git {_verb(command)} took longer than {timeout:g} s in {cwd} and was stopped.") from None
    finally:
        if process.poll() is None:
            # Its helpers (ssh, upload-pack) share the session it was started in.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    if process.returncode != 0:
        said = err.decode("utf-8", "replace").strip()
        raise GitError(f"git {_verb(command)} failed in {cwd}: {_last_words(said)}", said)
    return out


def _verb(command: list[str]) -> str:
    return next((word for word in command[1:] if not word.startswith("-")), "")


def _last_words(stderr: str) -> str:
    """git's own reason: its first `fatal:` or `error:` line, made to end as a sentence."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    reasons = [line for line in lines if line.startswith(("fatal:", "error:"))]
    text = (reasons or lines or ["it gave no reason"])[0]
    return re.sub(r"^(fatal|error):\s*", "", text).rstrip(".") + "."


def _environment(settings: Mapping[str, str], user_configuration: str) -> dict[str, str]:
    env = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    env |= {
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": user_configuration,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_ALLOW_PROTOCOL": ":".join(PROTOCOLS),
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "",
        "SSH_ASKPASS": "",
        "GIT_PAGER": "cat",
        "GIT_EDITOR": "true",
        "GIT_MERGE_AUTOEDIT": "no",
        "GIT_CONFIG_COUNT": str(len(settings)),
    }
    # Naming the ssh command here also overrules one the repository's configuration names.
    env.setdefault("GIT_SSH_COMMAND", _ssh_command())
    for index, (key, value) in enumerate(settings.items()):
        env[f"GIT_CONFIG_KEY_{index}"] = key
        env[f"GIT_CONFIG_VALUE_{index}"] = value
    return env


def _ssh_command() -> str:
    named = [value for key, value in _user_settings(os.environ.get("HOME", "")) if key == "core.sshcommand"]
    return named[-1] if named else os.environ.get("GIT_SSH") or "ssh -oBatchMode=yes"


@contextlib.contextmanager
def _user_configuration() -> Iterator[str]:
    """A file with what is kept of the user's configuration.

    A file, because git hands settings given through the environment to no second repository, and it takes
    `safe.directory` only from a user's file.
    """
    kept = _user_settings(os.environ.get("HOME", ""))
    if not kept:
        yield os.devnull
        return
    with tempfile.NamedTemporaryFile("w", prefix="dean-git-", encoding="utf-8") as file:
        for key, value in kept:
            file.write(_config_line(key, value))
        file.flush()
        yield file.name


@lru_cache(maxsize=8)
def _user_settings(home: str) -> tuple[tuple[str, str], ...]:
    """(key, value) of every kept setting, the system's first; read once per home directory."""
    env = {name: os.environ[name] for name in ("PATH", "XDG_CONFIG_HOME", "GIT_CONFIG_GLOBAL") if name in os.environ}
    found: list[tuple[str, str]] = []
    for scope in ("--system", "--global"):
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            listed = subprocess.run(
                [git_executable(), "config", scope, "--includes", "--null", "--list"],
                env={**env, "HOME": home},
                cwd="/",
                capture_output=True,
                timeout=30,
                check=True,
            )
            for entry in listed.stdout.decode("utf-8", "replace").split("\0"):
                key, _, value = entry.partition("\n")
                if _KEPT.fullmatch(key):
                    found.append((key, value))
    return tuple(found)


def _config_line(key: str, value: str) -> str:
    section, _, rest = key.partition(".")
    subsection, _, name = rest.rpartition(".")
    header = f'[{section} "{_quoted(subsection)}"]' if subsection else f"[{section}]"
    return f'{header}\n\t{name} = "{_quoted(value)}"\n'


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")


def _origin(remote: str) -> str:
    parts = urlsplit(remote)
    if parts.scheme != "https" or not parts.hostname:
        raise GitError("Credentials are only sent to an https remote; over ssh use a key.")
    port = f":{parts.port}" if parts.port else ""
    return f"https://{parts.hostname}{port}"
