"""Runs hooks: in the deployment's directory, with a deadline, in a process group that ends with them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from dean_airflow.deployment.description.deployment import Deployment
from dean_airflow.deployment.hooks.section import Hook, hooks_of
from dean_airflow.deployment.redaction import Redactor
from dean_airflow.deployment.secrets_file import Secrets, secrets_of_deployment
from dean_airflow.errors import DeploymentError

log = logging.getLogger(__name__)

AsyncHook = Callable[[Mapping[str, str]], Awaitable[bool | None]]
"""A hook in Python: takes the facts; False aborts."""

OUTPUT = 64 * 1024
"""Bytes of a hook's output that are kept: the last ones, since what failed comes last."""
READ_SECONDS = 1.0
"""For the rest of the output once a hook has ended."""
SHOWN = 400
"""Characters of it in an error."""
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR")
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9]+")


class HookFailed(DeploymentError):
    """A hook ended with another code than 0."""

    def __init__(self, sentence: str, code: int) -> None:
        super().__init__(sentence)
        self.code = code


async def run_hook(name: str, deployment: Deployment, facts: Mapping[str, str]) -> bool:
    """Runs the deployment's hooks of that name one after the other; whether there was any.

    Each gets the facts as variables (`service` as DEAN_SERVICE, DEAN_… as it is) and those of the deployment that it
    names. Its output goes to the log, without secrets. Raises DeploymentError where one ends with another code
    than 0, does not end in time or cannot be started; those after it do not run.
    """
    hooks = hooks_of(deployment.file, name)
    secrets = secrets_of_deployment(deployment) if hooks else None
    for hook in hooks:
        assert secrets is not None
        await run_command(hook, deployment.root, environment_of(hook, deployment, secrets, facts), secrets.redactor())
    return bool(hooks)


def run_hooks(name: str, deployment: Deployment, facts: Mapping[str, str]) -> bool:
    """`run_hook` for callers without an event loop; True, since a hook that says no raises."""
    asyncio.run(run_hook(name, deployment, facts))
    return True


async def run_all(name: str, hooks: Sequence[AsyncHook], facts: Mapping[str, str]) -> None:
    """Hooks in Python, one after the other. Raises DeploymentError for one that answers False."""
    for number, hook in enumerate(hooks, 1):
        if await hook(facts) is False:
            raise DeploymentError(f"The hook {name} ({number} of {len(hooks)}) says that it must not go on.")


def environment_of(hook: Hook, deployment: Deployment, secrets: Secrets, facts: Mapping[str, str]) -> dict[str, str]:
    """What a hook is given. Raises DeploymentError for a variable that is not set."""
    given = passed_on()
    given |= {_variable(name): value for name, value in facts.items()}
    given["DEAN_HOOK"] = hook.name
    for name in hook.variables:
        if name in secrets:
            given[name] = secrets[name]
        elif name in deployment.variables:
            given[name] = deployment.variables[name].value
        else:
            raise DeploymentError(f"{hook.place}: the hook {hook.name} wants {name}, which is not set.")
    return given


def passed_on() -> dict[str, str]:
    """What a program is given of this process's own environment."""
    return {name: value for name in _PASSED_ON if (value := os.environ.get(name))}


def _variable(fact: str) -> str:
    name = _NOT_IN_NAMES.sub("_", fact).upper()
    return name if name.startswith("DEAN_") else f"DEAN_{name}"


async def run_command(hook: Hook, root: Path, environment: Mapping[str, str], redactor: Redactor) -> str:
    """Its output, redacted. Raises HookFailed for another code than 0, DeploymentError for the rest."""
    program = _program(hook, root)
    # A pipe of our own: with one of asyncio's, waiting for the process also waits for whoever else holds the pipe.
    output, end = os.pipe()
    try:
        process = await asyncio.create_subprocess_exec(
            program,
            *hook.command[1:],
            cwd=root,
            env=dict(environment),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=end,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        os.close(output)
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise DeploymentError(
            f"{hook.place}: the hook {hook.name} cannot be started: {hook.command[0]}: {reason}."
        ) from None
    finally:
        os.close(end)
    kept, in_time = bytearray(), True
    reading = asyncio.create_task(_keep_last(output, kept))
    try:
        await asyncio.wait_for(process.wait(), hook.timeout)
    except TimeoutError:
        in_time = False
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # also what it left behind
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        with contextlib.suppress(TimeoutError):  # what left the group as well may still hold the pipe
            await asyncio.wait_for(reading, READ_SECONDS)
    text = redactor.redact(kept.decode(errors="replace"))
    for line in text.splitlines():
        log.info("%s: %s", hook.name, line)
    if not in_time:
        raise DeploymentError(f"{hook.place}: the hook {hook.name} did not end within {hook.timeout:g} s.")
    if process.returncode:
        said = f": {text.strip()[-SHOWN:]}" if text.strip() else ""
        sentence = f"{hook.place}: the hook {hook.name} ended with code {process.returncode}{said}"
        raise HookFailed(sentence, process.returncode)
    return text


def _program(hook: Hook, root: Path) -> str:
    """A path in a hook is meant from the deployment's directory, and must not be led out of it by a link."""
    written = hook.command[0]
    if "/" not in written or Path(written).is_absolute():
        return written
    path = Path(os.path.normpath(root / written))
    if not path.resolve().is_relative_to(root):
        raise DeploymentError(f"{hook.place}: the program {written} of the hook {hook.name} lies outside {root}.")
    return str(path)


async def _keep_last(output: int, kept: bytearray) -> None:
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, os.fdopen(output, "rb", 0))
    try:
        while piece := await reader.read(OUTPUT):
            kept += piece
            del kept[:-OUTPUT]
    finally:
        transport.close()
